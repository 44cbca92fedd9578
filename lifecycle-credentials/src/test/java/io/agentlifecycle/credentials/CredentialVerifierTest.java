package io.agentlifecycle.credentials;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.credentials.TokenVerdict.Reason;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CredentialVerifierTest {
    private static final String THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
    private static final AgentId BOT = Bench.BOT;

    private final Bench bench = new Bench();
    private final LifecycleManager manager = bench.manager;
    private IssuedCredential issued;
    private String token;

    @BeforeEach
    void activate() {
        issued = bench.activate("bot");
        token = issued.token().reveal();
    }

    @AfterEach
    void close() {
        bench.close();
    }

    @Test
    void an_accepted_token_says_what_was_signed() {
        Credential credential = issued.credential();

        TokenVerdict verdict = bench.verifier().verify(token);

        assertThat(verdict.accepted()).isTrue();
        assertThat(verdict)
                .isEqualTo(new TokenVerdict.Accepted(
                        new TokenClaims(
                                manager.get(BOT).key(),
                                credential.id(),
                                1,
                                Instant.parse("2026-04-11T04:30:00Z"),
                                credential.expiresAt(),
                                Set.of("read", "tools:search"),
                                Optional.empty(),
                                List.of(),
                                bench.keyId()),
                        false));
        assertThat(verdict.toString()).doesNotContain(token);
    }

    @Test
    void claims_are_those_of_the_signed_bytes() {
        TokenDraft draft =
                bench.draft(issued).claim("gen", 5).claim("act", "{\"sub\":\"acme/a\",\"act\":{\"sub\":\"acme/b\"}}");

        assertThat(bench.verifier().verify(draft.text())).isInstanceOfSatisfying(TokenVerdict.Accepted.class, yes -> {
            assertThat(yes.claims().generation()).isEqualTo(5);
            assertThat(yes.claims().actors()).hasToString("[acme/a, acme/b]");
            assertThat(yes.proofOutstanding()).isFalse();
        });
    }

    @Test
    void only_null_throws() {
        assertThatNullPointerException().isThrownBy(() -> bench.verifier().verify(null));
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> CredentialVerifier.builder(manager, bench.issuer).cache(0));
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> CredentialVerifier.builder(manager, bench.issuer).audience(""));
    }

    @Test
    void the_denial_of_core_is_told_whole() {
        manager.suspend(BOT, "maintenance", Bench.ADMIN);

        assertThat(bench.verifier().verify(token)).isInstanceOfSatisfying(TokenVerdict.Rejected.class, no -> {
            assertThat(no.accepted()).isFalse();
            assertThat(no.reason()).isEqualTo(Reason.AGENT);
            assertThat(no.standing().orElseThrow().reasons()).containsExactly(Verdict.Reason.SUSPENDED);
        });
    }

    // ---- time

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void a_token_is_good_from_its_second_to_the_nanosecond_before_its_end(boolean cached) {
        CredentialVerifier verifier = cached ? bench.cached() : bench.verifier();
        Instant end = issued.credential().expiresAt();

        assertThat(verifier.verify(token).accepted()).isTrue();
        bench.clock.set(end.minusNanos(1));
        assertThat(verifier.verify(token).accepted()).isTrue();
        bench.clock.set(end);
        assertReason(verifier.verify(token), Reason.EXPIRED);
        bench.clock.set(end.plusNanos(1));
        assertReason(verifier.verify(token), Reason.EXPIRED);
    }

    @Test
    void a_token_of_the_next_second_is_not_good_a_nanosecond_before_it() {
        Instant next = Instant.parse("2026-04-11T04:30:01Z");
        String early = bench.draft(issued)
                .times(next.getEpochSecond(), next.getEpochSecond() + 60)
                .text();

        bench.clock.set(next.minusNanos(1));
        assertReason(bench.verifier().verify(early), Reason.NOT_YET_VALID);
        bench.clock.set(next);
        assertThat(bench.verifier().verify(early).accepted()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void the_old_token_dies_at_the_end_of_the_overlap_and_the_new_one_at_its_own(boolean cached) {
        CredentialVerifier verifier = cached ? bench.cached() : bench.verifier();
        assertThat(verifier.verify(token).accepted()).isTrue();
        IssuedCredential next = manager.rotateCredentials(BOT).issued();
        String newToken = next.token().reveal();
        Instant grace = manager.get(BOT)
                .credentials()
                .retiring()
                .orElseThrow()
                .graceUntil()
                .orElseThrow();

        bench.clock.set(grace.minusNanos(1));
        assertThat(verifier.verify(token).accepted()).isTrue();
        assertThat(verifier.verify(newToken).accepted()).isTrue();
        bench.clock.set(grace);
        assertReason(verifier.verify(token), Reason.CREDENTIAL);
        assertThat(verifier.verify(newToken).accepted()).isTrue();

        bench.clock.set(next.credential().expiresAt().minusNanos(1));
        assertThat(verifier.verify(newToken).accepted()).isTrue();
        bench.clock.set(next.credential().expiresAt());
        assertReason(verifier.verify(newToken), Reason.EXPIRED);
    }

    @Test
    void an_expired_token_does_not_come_back_when_the_clock_is_set_back() {
        CredentialVerifier verifier = bench.cached();
        assertThat(verifier.verify(token).accepted()).isTrue();
        bench.clock.set(issued.credential().expiresAt().plusSeconds(1));
        assertReason(verifier.verify(token), Reason.EXPIRED);

        bench.advance(Duration.ofHours(-25));

        assertReason(verifier.verify(token), Reason.EXPIRED);
    }

    @Test
    void ten_years_later_nothing_is_good() {
        CredentialVerifier verifier = bench.cached();
        verifier.verify(token);

        bench.advance(Duration.ofDays(3_650));

        assertReason(verifier.verify(token), Reason.EXPIRED);
    }

    // ---- the cache saves work and decides nothing

    @Test
    void what_changes_between_two_calls_counts_with_the_cache_too() {
        CredentialVerifier verifier = bench.cached();
        assertThat(verifier.verify(token).accepted()).isTrue();
        manager.suspend(BOT, "maintenance", Bench.ADMIN);
        assertReason(verifier.verify(token), Reason.AGENT);

        String second = manager.resume(BOT, Bench.ADMIN).issued().token().reveal();
        assertReason(verifier.verify(token), Reason.CREDENTIAL);
        assertThat(verifier.verify(second).accepted()).isTrue();
        manager.revokeCredentials(BOT, "leaked", Bench.ADMIN);
        assertReason(verifier.verify(second), Reason.CREDENTIAL);

        String third = manager.rotateCredentials(BOT).issued().token().reveal();
        assertThat(verifier.verify(third).accepted()).isTrue();
        manager.decommission(BOT, "sunset", Bench.ADMIN);
        assertReason(verifier.verify(third), Reason.AGENT);
    }

    @Test
    void a_key_that_is_retired_or_destroyed_counts_no_more_with_the_cache_too() {
        CredentialVerifier verifier = bench.cached();
        String old = bench.keyId();
        assertThat(verifier.verify(token).accepted()).isTrue();

        bench.keys.generate();
        assertThat(verifier.verify(token).accepted()).as("replaced").isTrue();
        bench.keys.retire(old);
        assertReason(verifier.verify(token), Reason.KEY_RETIRED);
        assertReason(bench.verifier().verify(token), Reason.KEY_RETIRED);
        bench.keys.destroy(old);
        assertReason(verifier.verify(token), Reason.KEY_UNKNOWN);
        assertReason(bench.verifier().verify(token), Reason.KEY_UNKNOWN);
    }

    @Test
    void the_cache_knows_a_token_by_all_of_its_text() {
        CredentialVerifier verifier = bench.cached();
        assertThat(verifier.verify(token).accepted()).isTrue();

        assertReason(verifier.verify(token + "="), Reason.NOT_CANONICAL);
        assertReason(
                verifier.verify(bench.draft(issued).signature(s -> new byte[64]).text()), Reason.SIGNATURE);
    }

    @Test
    void a_full_cache_changes_no_verdict() {
        CredentialVerifier verifier =
                CredentialVerifier.builder(manager, bench.issuer).cache(1).build();
        String other = bench.activate("other").token().reveal();
        for (int i = 0; i < 10; i++) {
            assertThat(verifier.verify(token).accepted()).isTrue();
            assertThat(verifier.verify(other).accepted()).isTrue();
        }
    }

    // ---- who asks, and what cannot be asked

    @Test
    void a_verifier_of_one_tenant_accepts_no_token_of_another() {
        LifecycleManager acme = manager.forTenant(TenantId.of("acme"));
        String theirs = bench.activate(acme, "bot").token().reveal();
        CredentialVerifier ofAcme = CredentialVerifier.create(acme, bench.issuer);

        assertThat(ofAcme.verify(theirs).accepted()).isTrue();
        assertReason(ofAcme.verify(token), Reason.AGENT);
        assertThat(bench.verifier().verify(theirs))
                .isInstanceOfSatisfying(
                        TokenVerdict.Accepted.class,
                        yes -> assertThat(yes.claims().agent()).hasToString("acme/bot"));
    }

    @Test
    void a_token_for_somebody_else_is_good_only_there() {
        IssuedCredential foreign = manager.activate(manager.requestProvisioning(ProvisioningRequest.builder("Mailer")
                                .id(AgentId.of("mailer"))
                                .owner("alice@company.com")
                                .audience("https://mail.example")
                                .build())
                        .id())
                .issued();

        assertReason(bench.verifier().verify(foreign.token().reveal()), Reason.AUDIENCE);
        assertThat(CredentialVerifier.builder(manager, bench.issuer)
                        .audience("https://mail.example")
                        .build()
                        .verify(foreign.token().reveal())
                        .accepted())
                .isTrue();
    }

    @Test
    void a_bound_token_is_refused_unless_the_host_checks_the_proof() {
        IssuedCredential bound = manager.activate(manager.requestProvisioning(ProvisioningRequest.builder("Holder")
                                .id(AgentId.of("holder"))
                                .owner("alice@company.com")
                                .keyThumbprint(THUMBPRINT)
                                .build())
                        .id())
                .issued();

        assertReason(bench.verifier().verify(bound.token().reveal()), Reason.PROOF_REQUIRED);
        assertReason(bench.cached().verify(bound.token().reveal()), Reason.PROOF_REQUIRED);
        assertThat(CredentialVerifier.builder(manager, bench.issuer)
                        .hostChecksProof()
                        .build()
                        .verify(bound.token().reveal()))
                .isInstanceOfSatisfying(TokenVerdict.Accepted.class, yes -> {
                    assertThat(yes.proofOutstanding()).isTrue();
                    assertThat(yes.claims().keyThumbprint()).contains(THUMBPRINT);
                });
        assertThat(new NimbusPeer(bench.issuer.jwks(), bench.clock)
                        .accepts(bound.token().reveal()))
                .isTrue();
    }

    @Test
    void keys_that_cannot_be_asked_make_no_token_good() {
        CredentialVerifier verifier = bench.cached();
        assertThat(verifier.verify(token).accepted()).isTrue();

        bench.keys.fail(Optional.of(new IllegalStateException("the key server is down")));
        assertReason(verifier.verify(token), Reason.UNCHECKED);
        assertReason(bench.verifier().verify(token), Reason.UNCHECKED);
        assertReason(verifier.verify("no token"), Reason.NOT_COMPACT);

        bench.keys.fail(Optional.empty());
        assertThat(verifier.verify(token).accepted()).isTrue();
    }

    @Test
    void a_closed_manager_makes_no_token_good() {
        var other = new Bench();
        String theirs = other.activate("bot").token().reveal();
        CredentialVerifier verifier = other.cached();
        assertThat(verifier.verify(theirs).accepted()).isTrue();

        other.close();

        assertReason(verifier.verify(theirs), Reason.AGENT);
    }

    // ---- races

    /** Two threads verify all the time; what they are told of calls that began after the command returned is looked at. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void once_a_token_was_taken_away_nobody_accepts_it(boolean cached) throws Exception {
        CredentialVerifier verifier = cached ? bench.cached() : bench.verifier();
        ExecutorService pool = Executors.newFixedThreadPool(2);
        try {
            for (int round = 0; round < 40; round++) {
                boolean revoke = round % 2 == 0;
                String now = manager.rotateCredentials(BOT).issued().token().reveal();
                var taken = new AtomicBoolean();
                var stop = new AtomicBoolean();
                List<Future<int[]>> counts = new ArrayList<>();
                for (int thread = 0; thread < 2; thread++) {
                    counts.add(pool.submit(() -> accepted(verifier, now, taken, stop)));
                }
                while (!verifier.verify(now).accepted()) {
                    Thread.onSpinWait();
                }
                if (revoke) {
                    manager.revokeCredentials(BOT, "leaked", Bench.ADMIN);
                } else {
                    manager.suspend(BOT, "maintenance", Bench.ADMIN);
                }
                taken.set(true);
                assertThat(verifier.verify(now).accepted()).isFalse();
                stop.set(true);
                for (Future<int[]> count : counts) {
                    assertThat(count.get()[1])
                            .as("accepted after it was taken away")
                            .isZero();
                }
                if (!revoke) {
                    manager.resume(BOT, Bench.ADMIN);
                }
            }
        } finally {
            pool.shutdownNow();
        }
    }

    /** How often it was accepted before, and after. */
    private static int[] accepted(CredentialVerifier verifier, String token, AtomicBoolean taken, AtomicBoolean stop) {
        int[] accepted = new int[2];
        int after = 0;
        while (!stop.get() || after == 0) {
            boolean late = taken.get();
            if (verifier.verify(token).accepted()) {
                accepted[late ? 1 : 0]++;
            }
            if (late) {
                after++;
            }
        }
        return accepted;
    }

    private static void assertReason(TokenVerdict verdict, Reason reason) {
        assertThat(verdict)
                .isInstanceOfSatisfying(
                        TokenVerdict.Rejected.class,
                        no -> assertThat(no.reason()).isEqualTo(reason));
    }
}
