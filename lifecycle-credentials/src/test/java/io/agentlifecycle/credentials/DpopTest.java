package io.agentlifecycle.credentials;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jose.crypto.Ed25519Signer;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.OctetKeyPair;
import com.nimbusds.jose.jwk.gen.OctetKeyPairGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.credentials.TokenVerdict.Reason;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A bound token together with its proof. */
class DpopTest {
    /** The request of section 7.1 of RFC 9449: its token, and its proof, which is signed with ES256. */
    private static final String RFC_TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";

    private static final String RFC_PROOF = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6Ik"
            + "VDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR"
            + "nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JE"
            + "QSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIj"
            + "oiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0Z"
            + "WRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNF"
            + "c05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71E"
            + "OptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";

    private static final DpopRequest RFC_REQUEST =
            DpopRequest.of("GET", "https://resource.example.org/protectedresource");

    private final Bench bench = new Bench();
    private Holder holder;
    private CredentialVerifier verifier;

    @BeforeEach
    void open() {
        holder = new Holder(bench, "holder");
        verifier = bench.verifier();
        bench.advance(Holder.SETTLED);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void a_bound_token_is_accepted_with_its_proof_and_not_without(boolean cached) {
        CredentialVerifier ours = cached ? bench.cached() : bench.verifier();
        bench.advance(Holder.SETTLED);

        for (int i = 0; i < 3; i++) {
            assertThat(holder.verify(ours, holder.proof())).isInstanceOfSatisfying(TokenVerdict.Accepted.class, yes -> {
                assertThat(yes.proven()).isTrue();
                assertThat(yes.proofOutstanding()).isFalse();
                assertThat(yes.claims().keyThumbprint()).contains(holder.keyId);
                assertThat(yes.claims().agent()).hasToString("holder");
            });
            assertReason(ours.verify(holder.token.reveal()), Reason.PROOF_REQUIRED);
        }
    }

    @Test
    void a_host_that_checks_proofs_itself_may_have_them_checked_too() {
        CredentialVerifier ours = CredentialVerifier.builder(bench.manager, bench.issuer)
                .hostChecksProof()
                .build();
        bench.advance(Holder.SETTLED);
        String proof = holder.proof();

        assertThat(holder.verify(ours, proof).accepted()).isTrue();
        assertReason(holder.verify(ours, proof), Reason.PROOF_REPLAYED);
        assertThat(ours.verify(holder.token.reveal()))
                .isInstanceOfSatisfying(
                        TokenVerdict.Accepted.class,
                        yes -> assertThat(yes.proofOutstanding()).isTrue());
    }

    @Test
    void a_token_that_is_bound_to_nothing_is_refused_with_a_proof() {
        Token bearer = bench.activate("bearer").token();
        String proof = holder.prover(bench.clock).prove(Holder.METHOD, Holder.URI, bearer);

        assertReason(verifier.verify(bearer.reveal(), proof, Holder.REQUEST), Reason.NOT_BOUND);
        assertThat(verifier.verify(bearer.reveal()).accepted()).isTrue();
    }

    @Test
    void a_proof_is_no_credential_and_a_credential_no_proof() {
        String proof = holder.proof();
        String token = holder.token.reveal();

        assertReason(verifier.verify(proof), Reason.HEADER_MEMBERS);
        assertReason(verifier.verify(proof, proof, Holder.REQUEST), Reason.HEADER_MEMBERS);
        assertReason(verifier.verify(proof, token, Holder.REQUEST), Reason.HEADER_MEMBERS);
        assertReason(verifier.verify(token, token, Holder.REQUEST), Reason.PROOF_HEADER_MEMBERS);
        assertThat(holder.verify(verifier, proof).accepted()).isTrue();
    }

    @Test
    void a_stolen_token_is_worth_nothing_with_the_key_of_another_agent() {
        Holder thief = new Holder(bench, "thief");
        String proof = thief.prover(bench.clock).prove(Holder.METHOD, Holder.URI, holder.token);

        assertReason(holder.verify(verifier, proof), Reason.PROOF_KEY);
        assertReason(thief.verify(verifier, proof), Reason.PROOF_TOKEN);
        assertThat(thief.verify(verifier, thief.proof()).accepted()).isTrue();
    }

    @Test
    void what_counts_for_the_token_counts_with_a_proof_too() {
        CredentialVerifier cached = bench.cached();
        bench.advance(Holder.SETTLED);
        assertThat(holder.verify(cached, holder.proof()).accepted()).isTrue();
        bench.manager.suspend(AgentId.of("holder"), "maintenance", Bench.ADMIN);

        assertReason(holder.verify(cached, holder.proof()), Reason.AGENT);
        assertReason(holder.verify(verifier, holder.proof()), Reason.AGENT);

        bench.keys.fail(Optional.of(new IllegalStateException("the key server is down")));
        assertReason(holder.verify(cached, holder.proof()), Reason.UNCHECKED);
        bench.keys.fail(Optional.empty());
    }

    @Test
    void only_null_throws() {
        String token = holder.token.reveal();
        assertThatNullPointerException().isThrownBy(() -> verifier.verify(null, "", Holder.REQUEST));
        assertThatNullPointerException().isThrownBy(() -> verifier.verify(token, null, Holder.REQUEST));
        assertThatNullPointerException().isThrownBy(() -> verifier.verify(token, "", null));
        assertThatNullPointerException().isThrownBy(() -> DpopRequest.of(null, ""));
        assertReason(verifier.verify(token, holder.proof(), DpopRequest.of("", "")), Reason.PROOF_METHOD);
        assertReason(verifier.verify(token, holder.proof(), DpopRequest.of("GET", "\0")), Reason.PROOF_URI);
        TokenClaims bearer = ((TokenVerdict.Accepted)
                        verifier.verify(bench.activate("bearer").token().reveal()))
                .claims();
        assertThatIllegalArgumentException().isThrownBy(() -> new TokenVerdict.Accepted(bearer, true));
    }

    // ---- time

    @ParameterizedTest
    @ValueSource(longs = {-60, -59, -1, 0, 1, 59, 60})
    void a_proof_within_a_minute_is_good(long ahead) {
        bench.clock.set(Instant.parse("2026-04-11T04:40:00Z"));
        assertThat(holder.verify(verifier, holder.proof(Duration.ofSeconds(ahead)))
                        .accepted())
                .isTrue();
    }

    @ParameterizedTest
    @ValueSource(longs = {-100_000_000, -86_400, -62, -61, 61, 62, 86_400, 100_000_000})
    void a_proof_that_is_further_off_is_not(long ahead) {
        bench.clock.set(Instant.parse("2026-04-11T04:40:00Z"));
        assertReason(holder.verify(verifier, holder.proof(Duration.ofSeconds(ahead))), Reason.PROOF_TIME);
    }

    @Test
    void the_edges_are_exact_to_the_nanosecond() {
        Instant issued = Instant.parse("2026-04-11T04:40:00Z");
        bench.clock.set(issued);
        List<String> proofs = List.of(holder.proof(), holder.proof(), holder.proof(), holder.proof());

        bench.clock.set(issued.minusSeconds(60).minusNanos(1));
        assertReason(holder.verify(verifier, proofs.get(0)), Reason.PROOF_TIME);
        bench.clock.set(issued.minusSeconds(60));
        assertThat(holder.verify(verifier, proofs.get(0)).accepted()).isTrue();
        bench.clock.set(issued.plusSeconds(60).minusNanos(1));
        assertThat(holder.verify(verifier, proofs.get(1)).accepted()).isTrue();
        bench.clock.set(issued.plusSeconds(60));
        assertThat(holder.verify(verifier, proofs.get(2)).accepted()).isTrue();
        assertReason(holder.verify(verifier, proofs.get(0)), Reason.PROOF_REPLAYED);
        bench.clock.set(issued.plusSeconds(60).plusNanos(1));
        assertReason(holder.verify(verifier, proofs.get(3)), Reason.PROOF_TIME);
        assertReason(holder.verify(verifier, proofs.get(0)), Reason.PROOF_TIME);
    }

    // ---- replay

    @Test
    void a_proof_is_accepted_once_and_never_again() {
        String proof = holder.proof(Duration.ofSeconds(59));
        assertThat(holder.verify(verifier, proof).accepted()).isTrue();

        for (int second = 0; second <= 130; second++) {
            assertThat(holder.verify(verifier, proof).accepted())
                    .as("after %s s", second)
                    .isFalse();
            bench.advance(Duration.ofSeconds(1));
        }
    }

    @Test
    void another_proof_of_the_same_id_is_a_replay() {
        TokenDraft draft = holder.draft().claim("jti", "\"x\"");
        bench.advance(Duration.ofSeconds(1));

        assertThat(holder.verify(verifier, draft.text()).accepted()).isTrue();
        assertReason(
                holder.verify(
                        verifier, draft.claim("iat", draft.time("iat") + 1).text()),
                Reason.PROOF_REPLAYED);
        assertReason(holder.verify(verifier, draft.header("alg", "\"EdDSA\"").text()), Reason.PROOF_REPLAYED);
    }

    /** The agent's clock is as far ahead as it may be, so that its proof stays good for longest. */
    @Test
    void a_proof_that_was_used_before_a_restart_is_never_accepted_after_it() {
        for (long ahead : new long[] {-59, -1, 0, 1, 30, 59, 60}) {
            String proof = holder.proof(Duration.ofSeconds(ahead));
            assertThat(holder.verify(verifier, proof).accepted()).isTrue();

            verifier = bench.verifier(); // what a restart leaves: the manager's records, and no used proofs

            for (int second = 0; second <= 125; second++) {
                assertThat(holder.verify(verifier, proof).accepted())
                        .as("%s s ahead, %s s after the restart", ahead, second)
                        .isFalse();
                bench.advance(Duration.ofSeconds(1));
            }
        }
    }

    @Test
    void after_a_restart_proofs_are_refused_until_none_of_them_can_be_an_old_one() {
        bench.clock.set(Instant.parse("2026-04-11T04:40:00Z"));
        verifier = bench.verifier();

        for (int second = 0; second <= 60; second++) {
            assertReason(holder.verify(verifier, holder.proof()), Reason.PROOF_BEFORE_OPENING);
            bench.advance(Duration.ofSeconds(1));
        }
        assertThat(holder.verify(verifier, holder.proof()).accepted()).isTrue();
    }

    @Test
    void verifiers_that_share_the_used_proofs_accept_a_proof_once() {
        var used = UsedProofs.open(100);
        CredentialVerifier one = CredentialVerifier.builder(bench.manager, bench.issuer)
                .usedProofs(used)
                .build();
        CredentialVerifier other = CredentialVerifier.builder(bench.manager, bench.issuer)
                .usedProofs(used)
                .cache(10)
                .build();
        bench.advance(Holder.SETTLED);
        String proof = holder.proof();

        assertThat(holder.verify(one, proof).accepted()).isTrue();
        assertReason(holder.verify(other, proof), Reason.PROOF_REPLAYED);
        assertReason(holder.verify(one, proof), Reason.PROOF_REPLAYED);
        assertThat(used.size()).isOne();
    }

    @Test
    void when_there_is_no_room_new_proofs_are_refused_and_old_ones_stay_used() {
        var used = UsedProofs.open(3 * 16);
        CredentialVerifier full = CredentialVerifier.builder(bench.manager, bench.issuer)
                .usedProofs(used)
                .build();
        bench.advance(Holder.SETTLED);
        List<String> proofs = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            proofs.add(holder.proof());
            assertThat(holder.verify(full, proofs.get(i)).accepted()).isTrue();
        }

        for (int i = 0; i < 10; i++) {
            assertReason(holder.verify(full, holder.proof()), Reason.PROOFS_FULL);
        }
        for (String proof : proofs) {
            assertReason(holder.verify(full, proof), Reason.PROOF_REPLAYED);
        }
        bench.advance(Duration.ofSeconds(61));
        assertThat(holder.verify(full, holder.proof()).accepted()).isTrue();
    }

    @Test
    void one_agent_that_makes_many_proofs_shuts_out_nobody_else() {
        CredentialVerifier ours = CredentialVerifier.builder(bench.manager, bench.issuer)
                .usedProofs(UsedProofs.open(64))
                .build();
        var mallory = new Holder(bench, "mallory");
        bench.advance(Holder.SETTLED);
        int accepted = 0;
        for (int i = 0; i < 64; i++) {
            accepted +=
                    mallory.verify(ours, mallory.proof(Duration.ofSeconds(60))).accepted() ? 1 : 0;
        }

        assertThat(accepted).isEqualTo(4);
        assertReason(mallory.verify(ours, mallory.proof()), Reason.PROOFS_FULL);
        assertThat(holder.verify(ours, holder.proof()).accepted()).isTrue();
    }

    @Test
    void what_is_refused_takes_no_room() {
        var used = UsedProofs.open(100);
        CredentialVerifier ours = CredentialVerifier.builder(bench.manager, bench.issuer)
                .usedProofs(used)
                .build();
        bench.advance(Holder.SETTLED);
        String proof = holder.proof();
        String token = holder.token.reveal();

        ours.verify(token + "A", proof, Holder.REQUEST);
        ours.verify(token, proof, DpopRequest.of("POST", Holder.URI));
        ours.verify(token, proof, DpopRequest.of("GET", Holder.URI + "/x"));
        ours.verify(token, proof, Holder.REQUEST.withNonces(Set.of("n")));
        ours.verify(token, holder.draft().signature(s -> new byte[64]).text(), Holder.REQUEST);

        assertThat(used.size()).isZero();
        assertThat(holder.verify(ours, proof).accepted()).isTrue();
    }

    // ---- without a manager

    private OfflineVerifier offline(UsedProofs used) {
        var offline = OfflineVerifier.builder(Bench.ISSUER, Bench.AUDIENCE, bench.clock)
                .usedProofs(used)
                .build();
        offline.follow(bench.issuer.jwks(), new RevocationSnapshots(bench.manager, bench.issuer).take());
        return offline;
    }

    private TokenVerdict verify(OfflineVerifier offline, String proof) {
        return offline.verify(holder.token.reveal(), proof, Holder.REQUEST);
    }

    @Test
    void offline_a_bound_token_is_accepted_with_its_proof_once_and_not_without() {
        var used = UsedProofs.open(100);
        OfflineVerifier offline = offline(used);
        bench.advance(Holder.SETTLED);
        String proof = holder.proof();

        assertReason(offline.verify(holder.token.reveal()), Reason.PROOF_REQUIRED);
        assertThat(verify(offline, proof))
                .isInstanceOfSatisfying(
                        TokenVerdict.Accepted.class,
                        yes -> assertThat(yes.proven()).isTrue());
        assertReason(verify(offline, proof), Reason.PROOF_REPLAYED);
        assertReason(verify(offline(used), proof), Reason.PROOF_REPLAYED);
        assertThat(holder.verify(verifier, proof).accepted())
                .as("one that remembers by itself")
                .isTrue();
        assertReason(verify(offline(UsedProofs.open(100)), proof), Reason.PROOF_BEFORE_OPENING);
        bench.manager.suspend(AgentId.of("holder"), "maintenance", Bench.ADMIN);
        assertReason(verify(offline(used), holder.proof()), Reason.CREDENTIAL);
        assertReason(
                offline.verify(bench.activate("bearer").token().reveal(), holder.proof(), Holder.REQUEST),
                Reason.NOT_BOUND);
    }

    /** Whatever skew there is for tokens: a minute is the one of the RFC, and that of what is remembered. */
    @Test
    void offline_a_proof_is_good_for_a_minute_by_the_clock_there_and_by_no_other() {
        OfflineVerifier offline = OfflineVerifier.builder(Bench.ISSUER, Bench.AUDIENCE, bench.clock)
                .skew(Duration.ofSeconds(60))
                .build();
        bench.clock.set(Instant.parse("2026-04-11T04:40:00Z"));
        offline.follow(bench.issuer.jwks(), new RevocationSnapshots(bench.manager, bench.issuer).take());

        assertReason(verify(offline, holder.proof(Duration.ofSeconds(61))), Reason.PROOF_TIME);
        assertThat(verify(offline, holder.proof(Duration.ofSeconds(60))).accepted())
                .isTrue();
        assertThat(verify(offline, holder.proof(Duration.ofSeconds(-60))).accepted())
                .isTrue();
        assertReason(verify(offline, holder.proof(Duration.ofSeconds(-61))), Reason.PROOF_TIME);
    }

    // ---- nonces

    @Test
    void a_nonce_that_is_demanded_must_be_there() {
        DpopRequest request = Holder.REQUEST.withNonces(Set.of("n-2", "n-1"));
        DpopProver prover = holder.prover(bench.clock);
        String token = holder.token.reveal();

        assertReason(verifier.verify(token, holder.proof(), request), Reason.PROOF_NONCE);
        for (String other : List.of("n-3", "n-", "N-1", "n-1 ", "n-1,n-2")) {
            String proof = prover.prove(Holder.METHOD, Holder.URI, holder.token, other);
            assertReason(verifier.verify(token, proof, request), Reason.PROOF_NONCE);
        }
        for (String nonce : List.of("n-1", "n-2")) {
            String proof = prover.prove(Holder.METHOD, Holder.URI, holder.token, nonce);
            assertThat(verifier.verify(token, proof, request).accepted()).isTrue();
            assertReason(verifier.verify(token, proof, request), Reason.PROOF_REPLAYED);
        }
        String unasked = prover.prove(Holder.METHOD, Holder.URI, holder.token, "n-3");
        assertThat(verifier.verify(token, unasked, Holder.REQUEST).accepted()).isTrue();
    }

    // ---- others

    @Test
    void the_proof_of_the_rfc_is_read_up_to_its_algorithm() throws Exception {
        SignedJWT example = SignedJWT.parse(RFC_PROOF);
        assertThat(example.verify(new ECDSAVerifier(example.getHeader().getJWK().toECKey())))
                .as("copied without a mistake")
                .isTrue();

        assertReason(verifier.verify(holder.token.reveal(), RFC_PROOF, RFC_REQUEST), Reason.PROOF_ALGORITHM);
    }

    /** All that the RFC's example says, under a key that we take. */
    @Test
    void the_claims_of_the_rfc_are_good_for_the_request_of_the_rfc() throws Exception {
        JWTClaimsSet claims = SignedJWT.parse(RFC_PROOF).getJWTClaimsSet();
        Instant then = claims.getIssueTime().toInstant();
        TokenDraft example = holder.draft().claim("iat", then.getEpochSecond());
        for (String name : List.of("jti", "htm", "htu", "ath")) {
            example = example.claim(name, "\"" + claims.getStringClaim(name) + "\"");
        }
        String proof = example.text();
        var proofs = new DpopVerifier(UsedProofs.open(10), then.minusSeconds(121));

        assertThatCode(() -> proofs.check(proof, RFC_REQUEST, Holder.hash(RFC_TOKEN), holder.keyId, then))
                .doesNotThrowAnyException();
    }

    @ParameterizedTest
    @ValueSource(strings = {"Ed25519", "EdDSA"})
    void a_proof_that_nimbus_made_is_accepted(String algorithm) throws Exception {
        OctetKeyPair key = new OctetKeyPairGenerator(Curve.Ed25519).generate();
        Token token = Holder.tokenBoundTo(
                bench, "peer-" + algorithm, key.computeThumbprint().toString());
        var proof = new SignedJWT(
                new JWSHeader.Builder(JWSAlgorithm.parse(algorithm))
                        .type(new JOSEObjectType("dpop+jwt"))
                        .jwk(key.toPublicJWK())
                        .build(),
                new JWTClaimsSet.Builder()
                        .jwtID("b2a9b1a6-6ef6-4b0a-9d4e-7d6f8f0d6c1e")
                        .claim("htm", Holder.METHOD)
                        .claim("htu", Holder.URI)
                        .issueTime(Date.from(bench.clock.instant()))
                        .claim("ath", Holder.hash(token.reveal()))
                        .build());
        proof.sign(new Ed25519Signer(key));

        assertThat(verifier.verify(token.reveal(), proof.serialize(), Holder.REQUEST)
                        .accepted())
                .isTrue();
    }

    // ---- changes at random

    /** For all tries of the properties, which change nothing in it; a manager for each would take long. */
    private static final class Shared {
        static final Bench BENCH = new Bench();
        static final Holder HOLDER = new Holder(BENCH, "holder");
        static final CredentialVerifier VERIFIER = BENCH.verifier();
        static final String PROOF;
        static final TokenDraft DRAFT;

        static {
            BENCH.advance(Holder.SETTLED);
            PROOF = HOLDER.proof();
            DRAFT = HOLDER.draft();
        }
    }

    @Property(tries = 3_000)
    void a_proof_with_any_character_changed_is_refused(
            @ForAll @IntRange(max = 10_000) int position, @ForAll @IntRange(max = 255) int value) {
        assertThat(Shared.HOLDER
                        .verify(Shared.VERIFIER, changed(Shared.PROOF, position, (char) value))
                        .accepted())
                .isFalse();
    }

    @Property(tries = 3_000)
    void a_token_with_any_character_changed_is_refused(
            @ForAll @IntRange(max = 10_000) int position, @ForAll @IntRange(max = 255) int value) {
        String token = changed(Shared.HOLDER.token.reveal(), position, (char) value);

        assertThat(Shared.VERIFIER.verify(token, Shared.PROOF, Holder.REQUEST).accepted())
                .isFalse();
    }

    /** Signed after the change, so that the readers of JSON see it: whatever it is, an answer and no accident. */
    @Property(tries = 3_000)
    void bytes_that_were_changed_and_signed_make_no_accident(@ForAll long seed, @ForAll boolean header) {
        var random = new Random(seed);
        TokenDraft draft = header
                ? Shared.DRAFT.headerBytes(b -> changed(b, random))
                : Shared.DRAFT.payloadBytes(b -> changed(b, random));

        TokenVerdict verdict = Shared.HOLDER.verify(Shared.VERIFIER, draft.text());

        if (verdict instanceof TokenVerdict.Rejected no) {
            assertThat(no.reason()).isNotEqualTo(Reason.UNCHECKED);
        } else {
            assertThat(((TokenVerdict.Accepted) verdict).claims().agent()).hasToString("holder");
        }
    }

    private static String changed(String text, int position, char value) {
        var changed = new StringBuilder(text);
        int at = position % text.length();
        changed.setCharAt(at, value == text.charAt(at) ? (char) (value ^ 1) : value);
        return changed.toString();
    }

    private static byte[] changed(byte[] bytes, Random random) {
        byte[] changed = bytes.clone();
        for (int edits = 1 + random.nextInt(3); edits > 0; edits--) {
            changed[random.nextInt(changed.length)] = (byte) random.nextInt(256);
        }
        return changed;
    }

    // ---- races

    @Test
    void of_many_threads_with_the_same_proof_one_is_accepted() throws Exception {
        int threads = 4;
        int rounds = 150;
        List<String> proofs = new ArrayList<>();
        for (int round = 0; round < rounds; round++) {
            proofs.add(holder.proof());
        }
        var barrier = new CyclicBarrier(threads);
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            List<Future<List<TokenVerdict>>> answers = new ArrayList<>();
            for (int thread = 0; thread < threads; thread++) {
                answers.add(pool.submit(() -> {
                    List<TokenVerdict> verdicts = new ArrayList<>();
                    for (String proof : proofs) {
                        barrier.await();
                        verdicts.add(holder.verify(verifier, proof));
                    }
                    return verdicts;
                }));
            }
            for (int round = 0; round < rounds; round++) {
                int accepted = 0;
                for (Future<List<TokenVerdict>> answer : answers) {
                    TokenVerdict verdict = answer.get().get(round);
                    if (verdict.accepted()) {
                        accepted++;
                    } else {
                        assertReason(verdict, Reason.PROOF_REPLAYED);
                    }
                }
                assertThat(accepted).as("round %s", round).isOne();
            }
        } finally {
            pool.shutdownNow();
        }
    }

    private static void assertReason(TokenVerdict verdict, Reason reason) {
        assertThat(verdict)
                .isInstanceOfSatisfying(
                        TokenVerdict.Rejected.class,
                        no -> assertThat(no.reason()).isEqualTo(reason));
    }
}
