package io.agentlifecycle.credentials;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.TokenVerdict.Reason;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Somebody has a key of the issuer, and what is fetched passes through their hands. */
class OfflineTheftTest {
    private final Bench bench = new Bench();
    private final RevocationSnapshots snapshots = new RevocationSnapshots(bench.manager, bench.issuer);
    private final IssuedCredential issued = bench.activate("bot");
    private final String token = issued.token().reveal();
    private final String stolen = bench.keyId();
    private final String next = bench.keys.generate().keyId();

    /** The JWKS of before the taint, which has both keys. */
    private final String before = bench.issuer.jwks();

    private final OfflineVerifier verifier = verifier(bench.clock);

    private static OfflineVerifier verifier(MutableClock clock) {
        return OfflineVerifier.builder(Bench.ISSUER, Bench.AUDIENCE, clock).build();
    }

    @AfterEach
    void close() {
        bench.close();
    }

    private static Optional<Reason> reason(OfflineVerifier follower, String text) {
        return follower.verify(text) instanceof TokenVerdict.Rejected no ? Optional.of(no.reason()) : Optional.empty();
    }

    private static void refused(String rule, ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        PolicyViolationException.class,
                        e -> assertThat(e.rule()).isEqualTo(rule));
    }

    /** A snapshot as whoever has that key may write it; made before the store forgets the key. */
    private String signedBy(String keyId, Instant asOf, Set<String> keys) {
        var header = Json.object()
                .put("alg", "Ed25519")
                .put("kid", keyId)
                .put("typ", RevocationSnapshot.TYPE)
                .build();
        return CompactJws.write(
                CanonicalJson.write(header).getBytes(UTF_8),
                CanonicalJson.write(RevocationSnapshot.payload(Bench.ISSUER, asOf, keys, Set.of()))
                        .getBytes(UTF_8),
                bytes -> bench.keys.sign(keyId, bytes));
    }

    private Instant in(int seconds) {
        return bench.clock.instant().plusSeconds(seconds);
    }

    @Test
    void a_stolen_key_that_a_snapshot_left_out_signs_none_again_even_with_the_key_set_of_before() {
        String forged = signedBy(stolen, in(20), Set.of(stolen, next));
        verifier.follow(before, snapshots.take());
        assertThat(reason(verifier, token)).isEmpty();
        new IssuerKeys(bench.issuer, bench.clock).taint(stolen);
        verifier.follow(before, snapshots.take());
        assertThat(reason(verifier, token)).contains(Reason.KEY_RETIRED);

        refused("snapshot-signature", () -> verifier.follow(before, forged));

        assertThat(reason(verifier, token)).contains(Reason.KEY_RETIRED);
        bench.advance(Duration.ofSeconds(1));
        verifier.follow(before, snapshots.take());
        String renewed =
                bench.manager.rotateCredentials(Bench.BOT).issued().token().reveal();
        assertThat(reason(verifier, renewed)).isEmpty();
    }

    @Test
    void a_key_that_was_left_out_counts_no_more_when_a_good_key_lists_it_again() {
        verifier.follow(before, snapshots.take());
        verifier.follow(before, signedBy(next, in(1), Set.of(next)));
        verifier.follow(before, signedBy(next, in(2), Set.of(next)));

        verifier.follow(before, signedBy(next, in(3), Set.of(stolen, next)));

        assertThat(reason(verifier, token)).contains(Reason.KEY_RETIRED);
        refused("snapshot-signature", () -> verifier.follow(before, signedBy(stolen, in(4), Set.of(stolen, next))));
    }

    /** The key set was a new one and is an old one again, as caches have it; the key counted by the snapshot all the while. */
    @Test
    void a_key_that_was_not_in_the_key_set_when_it_was_left_out_is_remembered_too() {
        String forged = signedBy(stolen, in(20), Set.of(stolen));
        String listed = signedBy(next, in(1), Set.of(stolen, next));
        new IssuerKeys(bench.issuer, bench.clock).taint(stolen);
        verifier.follow(bench.issuer.jwks(), listed);
        verifier.follow(bench.issuer.jwks(), signedBy(next, in(2), Set.of(next)));

        refused("snapshot-signature", () -> verifier.follow(before, forged));
    }

    /** What the README says of it: nothing is good by a word of the issuer's until the host makes a new verifier. */
    @Test
    void a_thief_who_is_first_shuts_the_issuer_out_until_there_is_a_new_verifier() {
        String forged = signedBy(stolen, in(1), Set.of(stolen));
        verifier.follow(before, snapshots.take());
        verifier.follow(before, forged);
        new IssuerKeys(bench.issuer, bench.clock).taint(stolen);
        bench.advance(Duration.ofSeconds(2));
        String genuine = snapshots.take();
        String now = bench.issuer.jwks();

        refused("snapshot-signature", () -> verifier.follow(now, genuine));
        bench.advance(Duration.ofMinutes(5));
        assertThat(reason(verifier, token)).contains(Reason.SNAPSHOT_STALE);
        OfflineVerifier anew = verifier(bench.clock);
        anew.follow(now, snapshots.take());
        assertThat(reason(anew, token)).contains(Reason.KEY_UNKNOWN);
    }

    @Test
    void another_snapshot_of_the_same_moment_is_refused() {
        String first = snapshots.take();
        bench.manager.revokeCredentials(Bench.BOT, "leaked", Bench.ADMIN);
        String second = new RevocationSnapshots(bench.manager, bench.issuer).take();
        verifier.follow(before, second);
        assertThat(verifier.asOf()).contains(bench.clock.instant());

        refused("snapshot-older", () -> verifier.follow(before, first));
        refused("snapshot-older", () -> verifier.follow(before, signedBy(stolen, in(0), Set.of(stolen, next))));

        assertThat(reason(verifier, token)).contains(Reason.CREDENTIAL);
        verifier.follow(before, second);
    }

    @Test
    void a_header_of_more_than_a_kibibyte_is_not_read() { // 768 bytes are 1,024 characters
        for (int length : new int[] {768, 769, 2_000_000}) {
            String kid = "x".repeat(length - headerWith("").length());
            String text = TokenDraft.base64(headerWith(kid).getBytes(UTF_8)) + ".e30.AA";

            refused(length == 768 ? "snapshot-signature" : "snapshot-form", () -> verifier.follow(before, text));
        }
    }

    private static String headerWith(String kid) {
        return "{\"alg\":\"Ed25519\",\"kid\":\"" + kid + "\",\"typ\":\"" + RevocationSnapshot.TYPE + "\"}";
    }

    @Test
    void a_snapshot_lists_no_more_keys_than_a_key_set_has_room_for_and_the_latest_withdrawn_ones_are_remembered() {
        Set<String> many = new TreeSet<>(Set.of(stolen));
        for (int i = 0; many.size() < RevocationSnapshot.MOST_KEYS; i++) {
            many.add("key" + i);
        }
        verifier.follow(before, signedBy(stolen, in(0), many));
        many.add("one more");
        refused("snapshot-form", () -> verifier.follow(before, signedBy(stolen, in(1), many)));

        WithdrawnKeys withdrawn = WithdrawnKeys.NONE;
        for (int i = 0; i < 3 * WithdrawnKeys.MOST; i++) {
            withdrawn = withdrawn.with(listing("first", "key" + i), listing("key" + i + 1));
            assertThat(withdrawn.has("first")).isTrue();
            assertThat(withdrawn.has("key" + i)).isTrue();
        }
        assertThat(withdrawn.keyIds()).hasSize(WithdrawnKeys.MOST);
    }

    private static RevocationSnapshot listing(String... keys) {
        return new RevocationSnapshot(keys[0], Instant.EPOCH, Set.of(keys), Set.of());
    }
}
