package io.agentlifecycle.credentials;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.error.KeysUnavailableException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoredRecord;
import io.agentlifecycle.core.testing.ForwardingStore;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.keys.InMemoryKeys;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Introspection as RFC 7662 and revocation as RFC 7009 have them. */
class TokenRevocationTest {
    private static final String THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
    private static final String INACTIVE = "{\"active\":false}";
    private static final AgentId BOT = Bench.BOT;

    private final Bench bench = new Bench();
    private final LifecycleManager manager = bench.manager;
    private final TokenRevocation revocation = new TokenRevocation(manager, bench.issuer);
    private final CredentialVerifier verifier = bench.cached();
    private final IssuedCredential issued = bench.activate("bot");
    private final String token = issued.token().reveal();

    @AfterEach
    void close() {
        bench.close();
    }

    private long revocations() {
        return manager.auditTrail(BOT).stream()
                .filter(event -> event.event().kind() == EventKind.CREDENTIAL_REVOKED)
                .count();
    }

    @Test
    void introspection_of_a_good_token_says_what_it_says() {
        String said = bench.verifier().introspect(token);

        assertThat(said)
                .isEqualTo(
                        ("{\"active\":true,\"aud\":\"%s\",\"exp\":%d,\"iat\":%d,\"iss\":\"%s\",\"jti\":\"%s\",\"nbf\":%d,"
                                        + "\"scope\":\"read tools:search\",\"sub\":\"default/bot\",\"token_type\":\"Bearer\"}")
                                .formatted(
                                        Bench.AUDIENCE,
                                        issued.credential().expiresAt().getEpochSecond(),
                                        bench.clock.instant().getEpochSecond(),
                                        Bench.ISSUER,
                                        issued.credential().id(),
                                        bench.clock.instant().getEpochSecond() - 10));
    }

    @Test
    void introspection_names_the_key_of_a_bound_token_and_those_who_act_in_their_order() {
        String act = "{\"act\":{\"sub\":\"acme/b\"},\"sub\":\"acme/a\"}";
        String bound = bench.draft(issued)
                .claim("cnf", "{\"jkt\":\"" + THUMBPRINT + "\"}")
                .claim("act", act)
                .without("scope")
                .text();

        Json.Obj said = (Json.Obj) CanonicalJson.read(bench.verifier().introspect(bound), 10_000);
        assertThat(said.get("active")).contains(Json.of(true));
        assertThat(said.get("cnf"))
                .contains(Json.object().put("jkt", THUMBPRINT).build());
        assertThat(said.get("token_type")).contains(Json.of("DPoP"));
        assertThat(said.get("act").map(CanonicalJson::write)).contains(act);
        assertThat(said.members()).doesNotContainKey("scope");
        var offline = OfflineVerifier.builder(Bench.ISSUER, Bench.AUDIENCE, bench.clock)
                .build();
        assertThat(offline.introspect(bound)).isEqualTo(INACTIVE);
        offline.follow(bench.issuer.jwks(), new RevocationSnapshots(manager, bench.issuer).take());
        assertThat(offline.introspect(bound)).isEqualTo(bench.verifier().introspect(bound));
        assertThat(bench.verifier().verify(bound).accepted())
                .as("possession was not shown")
                .isFalse();
    }

    @Test
    void whatever_is_not_active_gives_the_same_bytes() {
        var foreign = InMemoryKeys.create(Purpose.CREDENTIALS, bench.clock);
        String foreignId = foreign.publicKeys().get(0).keyId();
        String signedElsewhere = bench.draft(issued)
                .header("kid", "\"" + foreignId + "\"")
                .signedBy(bytes -> foreign.sign(foreignId, bytes))
                .text();
        String otherAudience =
                bench.draft(issued).claim("aud", "\"https://other.example\"").text();
        assertThat(List.of("", "garbage", "a.b.c", signedElsewhere, otherAudience, token + "A"))
                .allMatch(text -> bench.verifier().introspect(text).equals(INACTIVE));

        bench.keys.fail(Optional.of(new KeysUnavailableException("keys", "are away", "wait", null)));
        assertThat(bench.verifier().introspect(token)).isEqualTo(INACTIVE);
        bench.keys.fail(Optional.empty());
        manager.suspend(BOT, "maintenance", Bench.ADMIN);
        assertThat(verifier.introspect(token)).isEqualTo(INACTIVE);
        manager.resume(BOT, Bench.ADMIN);
        assertThat(verifier.introspect(token)).as("of before the resume").isEqualTo(INACTIVE);
        bench.clock.set(issued.credential().expiresAt());
        assertThat(verifier.introspect(token)).as("expired").isEqualTo(INACTIVE);
    }

    @Test
    void a_token_that_is_taken_back_is_good_no_more_and_doing_it_again_is_no_failure() {
        assertThat(verifier.verify(token).accepted()).isTrue();

        revocation.revoke(token, "found in a log", Bench.ADMIN);

        assertThat(verifier.verify(token).accepted()).isFalse();
        revocation.revoke(token, "found in a log", Bench.ADMIN);
        assertThat(revocations()).isEqualTo(1);
        assertThat(manager.auditTrail(BOT).toString()).doesNotContain(token);
    }

    @Test
    void the_other_token_of_an_overlap_goes_too_and_one_that_was_replaced_before_takes_nothing_along() {
        String second = manager.rotateCredentials(BOT).issued().token().reveal();
        String third = manager.rotateCredentials(BOT).issued().token().reveal();

        revocation.revoke(token, "old", Bench.ADMIN);
        assertThat(verifier.verify(third).accepted()).isTrue();
        revocation.revoke(second, "leaked", Bench.ADMIN);
        assertThat(List.of(second, third))
                .noneMatch(text -> verifier.verify(text).accepted());
    }

    @Test
    void what_is_no_token_of_this_issuer_changes_nothing_and_is_no_failure() {
        String forged = bench.draft(issued).signature(bytes -> new byte[64]).text();
        String unlisted = bench.draft(issued)
                .claim("jti", "\"cred:" + "0".repeat(32) + "\"")
                .text();
        String nobody = bench.draft(issued).claim("sub", "\"default/nobody\"").text();

        for (String text : List.of("", "garbage", "a.b.c", "A".repeat(9000), forged, unlisted, nobody)) {
            revocation.revoke(text, "unknown", Bench.ADMIN);
        }

        assertThat(revocations()).isZero();
        assertThat(verifier.verify(token).accepted()).isTrue();
    }

    @Test
    void an_expired_token_takes_nothing_back_and_neither_does_that_of_a_retired_agent() {
        bench.clock.set(issued.credential().expiresAt().plusSeconds(120));
        revocation.revoke(token, "old", Bench.ADMIN);
        assertThat(revocations()).isZero();

        String fresh = bench.activate("gone").token().reveal();
        manager.decommission(AgentId.of("gone"), "sunset", Bench.ADMIN);
        int events = manager.auditTrail(AgentId.of("gone")).size();
        revocation.revoke(fresh, "old", Bench.ADMIN);
        assertThat(manager.auditTrail(AgentId.of("gone"))).hasSize(events);
    }

    /** For a follower whose clock is slow it has not ended. */
    @Test
    void a_token_that_is_taken_back_just_after_its_end_is_good_for_no_follower_either() {
        Instant end = issued.credential().expiresAt();
        var there = MutableClock.at(end.plusSeconds(60).minusNanos(1));
        var follower = OfflineVerifier.builder(Bench.ISSUER, Bench.AUDIENCE, there)
                .skew(Duration.ofSeconds(60))
                .build();
        bench.clock.set(end.plusSeconds(119));
        var snapshots = new RevocationSnapshots(manager, bench.issuer);
        follower.follow(bench.issuer.jwks(), snapshots.take());
        assertThat(follower.verify(token).accepted()).isTrue();

        revocation.revoke(token, "leaked", Bench.ADMIN);

        follower.follow(bench.issuer.jwks(), snapshots.take());
        assertThat(follower.verify(token).accepted()).isFalse();
        assertThat(revocations()).isOne();
    }

    /** Looks at the agent once, does something else, and goes on with what it saw. */
    private static final class Interrupted extends ForwardingStore {
        private Runnable before = () -> {};

        Interrupted() {
            super(LifecycleStore.inMemory());
        }

        @Override
        public Optional<StoredRecord> get(RecordKey key) {
            Runnable once = before;
            before = () -> {};
            once.run();
            return super.get(key);
        }
    }

    @Test
    void an_agent_that_is_retired_meanwhile_is_no_failure() {
        var store = new Interrupted();
        try (var other = new Bench(builder -> builder.store(store))) {
            String theirs = other.activate("bot").token().reveal();
            store.before = () -> other.manager.decommission(BOT, "sunset", Bench.ADMIN);

            new TokenRevocation(other.manager, other.issuer).revoke(theirs, "leaked", Bench.ADMIN);

            assertThat(other.manager.get(BOT).state()).isEqualTo(AgentState.DECOMMISSIONED);
            assertThat(other.verifier().verify(theirs).accepted()).isFalse();
        }
    }

    @Test
    void what_was_issued_after_the_token_was_replaced_meanwhile_is_not_taken_back() {
        var store = new Interrupted();
        try (var other = new Bench(builder -> builder.store(store))) {
            String theirs = other.activate("bot").token().reveal();
            List<String> fresh = new ArrayList<>();
            store.before = () -> {
                other.manager.rotateCredentials(BOT);
                fresh.add(other.manager.rotateCredentials(BOT).issued().token().reveal());
            };

            new TokenRevocation(other.manager, other.issuer).revoke(theirs, "leaked", Bench.ADMIN);

            assertThat(other.verifier().verify(theirs).accepted()).isFalse();
            assertThat(other.verifier().verify(fresh.get(0)).accepted()).isTrue();
        }
    }

    /** Here it is good no more, but a follower that was not told may still take it. */
    @Test
    void a_token_from_before_keys_lived_shorter_can_be_taken_back() {
        var shorter = Ed25519CredentialIssuer.builder(bench.keys)
                .issuer(Bench.ISSUER)
                .audience(Bench.AUDIENCE)
                .keyLife(Duration.ofDays(1))
                .build();

        new TokenRevocation(manager, shorter).revoke(token, "leaked", Bench.ADMIN);

        assertThat(revocations()).isOne();
    }

    @Test
    void the_token_of_a_held_agent_and_one_for_somebody_else_and_a_bound_one_can_be_taken_back() {
        manager.suspend(BOT, "maintenance", Bench.ADMIN);
        String bound = bench.draft(issued)
                .claim("cnf", "{\"jkt\":\"" + THUMBPRINT + "\"}")
                .claim("aud", "\"https://other.example\"")
                .text();

        revocation.revoke(bound, "leaked", Bench.ADMIN);

        assertThat(manager.get(BOT).credentials().isRevoked()).isTrue();
    }

    @Test
    void a_view_of_one_tenant_takes_back_its_own_and_the_house_those_of_all() {
        TenantId acme = TenantId.of("acme");
        String theirs = bench.activate(manager.forTenant(acme), "twin").token().reveal();

        new TokenRevocation(manager.forTenant(TenantId.of("other")), bench.issuer).revoke(theirs, "no", Bench.ADMIN);
        assertThat(verifier.verify(theirs).accepted()).isTrue();
        new TokenRevocation(manager.forTenant(acme), bench.issuer).revoke(theirs, "yes", Bench.ADMIN);
        assertThat(verifier.verify(theirs).accepted()).isFalse();
        String again = bench.activate(manager.forTenant(acme), "two").token().reveal();
        revocation.revoke(again, "yes", Bench.ADMIN);
        assertThat(verifier.verify(again).accepted()).isFalse();
    }

    @Test
    void what_cannot_be_asked_is_told_and_a_wrong_reason_is_refused_for_every_text() {
        bench.keys.fail(Optional.of(new KeysUnavailableException("keys", "are away", "wait", null)));
        assertThatThrownBy(() -> revocation.revoke(token, "leaked", Bench.ADMIN))
                .isInstanceOf(KeysUnavailableException.class);
        bench.keys.fail(Optional.empty());

        assertThatIllegalArgumentException()
                .isThrownBy(() -> revocation.revoke("garbage", "x".repeat(1025), Bench.ADMIN));
        bench.advance(Duration.ofSeconds(1));
        revocation.revoke(token, "leaked", Bench.ADMIN);
        assertThat(verifier.verify(token).accepted()).isFalse();
    }
}
