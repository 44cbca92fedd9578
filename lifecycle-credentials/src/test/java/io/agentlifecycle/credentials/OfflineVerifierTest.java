package io.agentlifecycle.credentials;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.error.AccessDeniedException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.TokenVerdict.Reason;
import io.agentlifecycle.credentials.keys.InMemoryKeys;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tokens where there is no manager: key set and snapshot, and who might forge, replay or withhold them. */
class OfflineVerifierTest {
    private static final AgentId BOT = Bench.BOT;

    private final Bench bench = new Bench();
    private final LifecycleManager manager = bench.manager;
    private final RevocationSnapshots snapshots = new RevocationSnapshots(manager, bench.issuer);
    private final IssuedCredential issued = bench.activate("bot");
    private final String token = issued.token().reveal();

    /** The clock of the other machine. */
    private final MutableClock there = MutableClock.at(bench.clock.instant());

    private final OfflineVerifier verifier = verifier(30);

    private OfflineVerifier verifier(int skew) {
        return OfflineVerifier.builder(Bench.ISSUER, Bench.AUDIENCE, there)
                .skew(Duration.ofSeconds(skew))
                .build();
    }

    @AfterEach
    void close() {
        bench.close();
    }

    private void time(Instant now) {
        bench.clock.set(now);
        there.set(now);
    }

    private void follow(OfflineVerifier follower) {
        follower.follow(bench.issuer.jwks(), snapshots.take());
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

    // ---- what a snapshot says

    @Test
    void a_good_token_is_good_and_says_the_same_as_to_the_manager() {
        follow(verifier);

        assertThat(verifier.verify(token)).isEqualTo(bench.verifier().verify(token));
        assertThat(verifier.introspect(token))
                .isEqualTo(bench.verifier().introspect(token))
                .startsWith("{\"active\":true,");
        assertThat(verifier.asOf()).contains(bench.clock.instant());
    }

    @Test
    void what_was_taken_back_is_refused_from_the_next_snapshot_on() {
        String old = token;
        String current = manager.rotateCredentials(BOT).issued().token().reveal();
        String twin = bench.activate(manager.forTenant(TenantId.of("acme")), "twin")
                .token()
                .reveal();
        follow(verifier);
        assertThat(List.of(old, current, twin))
                .allMatch(text -> verifier.verify(text).accepted());

        manager.suspend(BOT, "maintenance", Bench.ADMIN);
        assertThat(reason(verifier, current)).as("not before").isEmpty();
        follow(verifier);

        assertThat(reason(verifier, old)).contains(Reason.CREDENTIAL);
        assertThat(reason(verifier, current)).contains(Reason.CREDENTIAL);
        assertThat(reason(verifier, twin)).isEmpty();
        String resumed = manager.resume(BOT, Bench.ADMIN).issued().token().reveal();
        follow(verifier);
        assertThat(reason(verifier, current)).contains(Reason.CREDENTIAL);
        assertThat(reason(verifier, resumed)).isEmpty();
    }

    /** The record lists two; five more have not ended. */
    @Test
    void a_token_that_no_record_lists_any_more_is_listed_until_it_ends_by_the_slowest_clock() {
        List<String> old = new ArrayList<>(List.of(token));
        for (int i = 0; i < 5; i++) {
            old.add(manager.rotateCredentials(BOT).issued().token().reveal());
        }
        String revoked = manager.rotateCredentials(BOT).issued().token().reveal();
        manager.revokeCredentials(BOT, "leaked", Bench.ADMIN);
        String current = manager.rotateCredentials(BOT).issued().token().reveal();
        old.add(revoked);
        follow(verifier);
        assertThat(old).allMatch(text -> reason(verifier, text).equals(Optional.of(Reason.CREDENTIAL)));
        assertThat(reason(verifier, current)).isEmpty();

        Instant end = issued.credential().expiresAt();
        OfflineVerifier slow = verifier(60);
        bench.clock.set(end.plusSeconds(120).minusNanos(1));
        there.set(end.plusSeconds(60).minusNanos(1));
        follow(slow);
        assertThat(reason(slow, revoked))
                .as("the last moment at which it would be good")
                .contains(Reason.CREDENTIAL);
        bench.clock.set(end.plusSeconds(120));
        assertThat(body(snapshots.take())).contains("\"revoked\":[]");
    }

    @Test
    void another_process_that_reads_the_log_anew_says_the_same() {
        manager.rotateCredentials(BOT);
        manager.rotateCredentials(BOT);
        bench.activate("two");
        manager.decommission(AgentId.of("two"), "sunset", Bench.ADMIN);
        String here = body(snapshots.take());

        assertThat(body(new RevocationSnapshots(manager, bench.issuer).take())).isEqualTo(here);
        assertThat(here.split("cred:")).hasSize(3);
        assertThatThrownBy(() -> new RevocationSnapshots(manager.forTenant(TenantId.of("acme")), bench.issuer).take())
                .isInstanceOf(AccessDeniedException.class);
    }

    // ---- time

    @ParameterizedTest
    @ValueSource(ints = {0, 30, 60})
    void a_token_is_let_in_for_the_skew_on_both_sides_to_the_nanosecond(int skew) {
        OfflineVerifier follower = verifier(skew);
        Instant begin = Instant.parse("2026-04-11T04:30:00Z");
        Instant end = issued.credential().expiresAt();
        bench.clock.set(begin.minusSeconds(skew));
        String early = new RevocationSnapshots(manager, bench.issuer).take();
        // the manager does not go back; a snapshot of before is written by hand
        String before = resigned(
                early,
                text -> text.replaceFirst(
                        "\"asOf\":\"[^\"]*\"",
                        "\"asOf\":\"" + begin.minusSeconds(skew).minusNanos(1) + "\""));
        there.set(begin.minusSeconds(skew).minusNanos(1));
        follower.follow(bench.issuer.jwks(), before);
        assertThat(reason(follower, token)).contains(Reason.NOT_YET_VALID);
        there.set(begin.minusSeconds(skew));
        assertThat(reason(follower, token)).isEmpty();

        time(end.plusSeconds(skew).minusNanos(1));
        follow(follower);
        assertThat(reason(follower, token)).isEmpty();
        there.set(end.plusSeconds(skew));
        assertThat(reason(follower, token)).contains(Reason.EXPIRED);
    }

    @Test
    void without_a_fresh_snapshot_no_token_is_good() {
        assertThat(reason(verifier, token)).contains(Reason.SNAPSHOT_STALE);
        follow(verifier);
        Instant asOf = verifier.asOf().orElseThrow();

        there.set(asOf.plus(Duration.ofMinutes(5)).minusNanos(1));
        assertThat(reason(verifier, token)).isEmpty();
        there.set(asOf.plus(Duration.ofMinutes(5)));
        assertThat(reason(verifier, token)).contains(Reason.SNAPSHOT_STALE);
        assertThat(verifier.introspect(token)).isEqualTo("{\"active\":false}");

        there.set(asOf.minusSeconds(30));
        assertThat(reason(verifier, token)).as("a clock that is slow").isEmpty();
        there.set(asOf.minusSeconds(30).minusNanos(1));
        assertThat(reason(verifier, token)).as("a clock that went back").contains(Reason.SNAPSHOT_STALE);

        bench.advance(Duration.ofMinutes(5));
        there.set(bench.clock.instant());
        follow(verifier);
        assertThat(reason(verifier, token)).isEmpty();
    }

    @Test
    void a_snapshot_from_the_future_is_refused_beyond_the_skew() {
        bench.advance(Duration.ofSeconds(30));
        verifier.follow(bench.issuer.jwks(), snapshots.take());
        bench.advance(Duration.ofNanos(1));
        String future = snapshots.take();

        refused("snapshot-time", () -> verifier.follow(bench.issuer.jwks(), future));
    }

    // ---- who replays, forges or mixes up

    @Test
    void an_older_snapshot_is_refused_and_the_same_one_is_not() {
        String first = snapshots.take();
        manager.revokeCredentials(BOT, "leaked", Bench.ADMIN);
        String second = snapshots.take(); // at the same instant of the clock
        verifier.follow(bench.issuer.jwks(), second);

        refused("snapshot-older", () -> verifier.follow(bench.issuer.jwks(), first));
        assertThat(reason(verifier, token)).contains(Reason.CREDENTIAL);
        verifier.follow(bench.issuer.jwks(), second);
    }

    @Test
    void a_snapshot_of_another_issuer_is_refused() {
        Ed25519CredentialIssuer other = Ed25519CredentialIssuer.builder(bench.keys)
                .issuer("https://other.example")
                .build();

        refused(
                "snapshot-issuer",
                () -> verifier.follow(bench.issuer.jwks(), new RevocationSnapshots(manager, other).take()));
        var foreign = Ed25519CredentialIssuer.builder(InMemoryKeys.create(Purpose.CREDENTIALS, bench.clock))
                .issuer(Bench.ISSUER)
                .build();
        String forged = new RevocationSnapshots(manager, foreign).take();
        refused("snapshot-signature", () -> verifier.follow(bench.issuer.jwks(), forged));
    }

    @Test
    void a_snapshot_with_any_character_changed_or_left_out_is_refused() {
        manager.revokeCredentials(BOT, "leaked", Bench.ADMIN);
        String good = snapshots.take();
        String jwks = bench.issuer.jwks();

        for (int i = 0; i < good.length(); i++) {
            char other = good.charAt(i) == 'A' ? 'B' : 'A';
            String changed = good.substring(0, i) + other + good.substring(i + 1);
            String shorter = good.substring(0, i) + good.substring(i + 1);
            for (String forged : List.of(changed, shorter)) {
                assertThatThrownBy(() -> verifier.follow(jwks, forged))
                        .as("character %d", i)
                        .isInstanceOf(PolicyViolationException.class);
            }
        }
        assertThat(verifier.asOf()).isEmpty();
        verifier.follow(jwks, good);
    }

    @Test
    void a_signed_text_in_another_form_is_refused() {
        String good = snapshots.take();
        String id = "cred:" + "0".repeat(32);
        for (UnaryOperator<String> change : List.<UnaryOperator<String>>of(
                text -> text.replace("\"iss\"", "\"iss\":\"" + Bench.ISSUER + "\",\"iss\""),
                text -> text.replace("{\"asOf\"", "{\"Asof\":1,\"asOf\""),
                text -> text.replace("{\"asOf\"", "{ \"asOf\""),
                text -> text.replace("\"revoked\":[]", "\"revoked\":[\"" + id + "\",\"" + id + "\"]"),
                text -> text.replace("\"revoked\":[]", "\"revoked\":[\"cred:1\"]"),
                text -> text.replace("\"revoked\":[]", "\"revoked\":[1]"),
                text -> text.replace("\"revoked\":[]", "\"revoked\":{}"),
                text -> text.replaceFirst("\"asOf\":\"[^\"]*\"", "\"asOf\":\"tomorrow\""),
                text -> text.replaceFirst("\"asOf\":\"[^\"]*\"", "\"asOf\":1"),
                text -> text.replaceFirst("\"asOf\":\"[^\"]*\",", ""),
                text -> text.replaceFirst("\"iss\":\"[^\"]*\"", "\"iss\":null"),
                text -> text.replace(",\"revoked\":[]", ""),
                text -> text.replaceFirst("\"keys\":\\[[^]]*],", ""),
                text -> text + " ",
                text -> "[" + text + "]",
                text -> "")) {
            String forged = resigned(good, change);
            assertThat(forged).isNotEqualTo(good);
            refused("snapshot-form", () -> verifier.follow(bench.issuer.jwks(), forged));
        }
        String disowned = resigned(good, text -> text.replaceFirst("\"keys\":\\[[^]]*]", "\"keys\":[]"));
        refused("snapshot-signature", () -> verifier.follow(bench.issuer.jwks(), disowned));
    }

    @Test
    void a_token_is_no_snapshot_and_a_snapshot_is_no_token() {
        follow(verifier);
        String snapshot = snapshots.take();

        refused("snapshot-form", () -> verifier.follow(bench.issuer.jwks(), token));
        assertThat(reason(verifier, snapshot)).contains(Reason.TYPE);
        assertThat(bench.verifier().verify(snapshot).accepted()).isFalse();
        TokenDraft retyped = bench.draft(issued).header("typ", "\"agent-revocations+jwt\"");
        refused("snapshot-form", () -> verifier.follow(bench.issuer.jwks(), retyped.text()));
    }

    @Test
    void what_is_too_long_is_not_looked_at() {
        String good = snapshots.take();
        String padded = good + "A".repeat(RevocationSnapshot.MAX_LENGTH + 1 - good.length());

        refused("snapshot-form", () -> verifier.follow(bench.issuer.jwks(), padded));
        refused("key-set", () -> verifier.follow(" ".repeat(9000), good));
    }

    // ---- keys

    @Test
    void a_tainted_key_counts_no_more_even_with_the_key_set_of_before() {
        String before = bench.issuer.jwks();
        String stale = snapshots.take();
        new IssuerKeys(bench.issuer, bench.clock).taint(bench.keyId());
        String both = before.replace("]}", "," + bench.issuer.jwks().substring("{\"keys\":[".length()));
        verifier.follow(both, snapshots.take());

        assertThat(reason(verifier, token)).contains(Reason.KEY_RETIRED);
        refused("snapshot-older", () -> verifier.follow(before, stale));
        bench.advance(Duration.ofSeconds(1));
        follow(verifier);
        assertThat(reason(verifier, token)).contains(Reason.KEY_UNKNOWN);
        String next = manager.rotateCredentials(BOT).issued().token().reveal();
        assertThat(reason(verifier, next)).isEmpty();
        refused("snapshot-signature", () -> verifier.follow(bench.issuer.jwks(), stale));
    }

    @Test
    void a_refused_pair_changes_nothing() {
        follow(verifier);
        Optional<Instant> asOf = verifier.asOf();
        bench.advance(Duration.ofSeconds(1));

        refused("key-set", () -> verifier.follow("{}", snapshots.take()));
        refused("snapshot-signature", () -> verifier.follow("{\"keys\":[]}", snapshots.take()));

        assertThat(verifier.asOf()).isEqualTo(asOf);
        assertThat(reason(verifier, token)).isEmpty();
    }

    @Test
    void wrong_settings_are_refused() {
        OfflineVerifier.Builder builder = OfflineVerifier.builder(Bench.ISSUER, Bench.AUDIENCE, there);
        assertThatIllegalArgumentException().isThrownBy(() -> builder.skew(Duration.ofSeconds(61)));
        assertThatIllegalArgumentException().isThrownBy(() -> builder.skew(Duration.ofNanos(-1)));
        assertThatIllegalArgumentException().isThrownBy(() -> builder.maxSnapshotAge(Duration.ZERO));
        assertThatIllegalArgumentException().isThrownBy(() -> builder.maxSnapshotAge(Duration.ofDays(32)));
        assertThatIllegalArgumentException().isThrownBy(() -> builder.longestLife(Duration.ZERO));
        assertThatIllegalArgumentException().isThrownBy(() -> OfflineVerifier.builder(" ", "a", there));
        assertThatNullPointerException().isThrownBy(() -> verifier.verify(null));
    }

    @Test
    void without_a_key_there_is_no_snapshot() {
        bench.keys.retire(bench.keyId());

        refused("signing-key", snapshots::take);
    }

    /** Signed by the issuer's key all the same. */
    private String resigned(String snapshot, UnaryOperator<String> change) {
        String[] parts = snapshot.split("\\.");
        String signed =
                parts[0] + "." + TokenDraft.base64(change.apply(body(snapshot)).getBytes(UTF_8));
        return signed + "." + TokenDraft.base64(bench.keys.sign(bench.keyId(), signed.getBytes(UTF_8)));
    }

    private static String body(String snapshot) {
        return new String(Base64.getUrlDecoder().decode(snapshot.split("\\.")[1]), UTF_8);
    }
}
