package io.agentlifecycle.credentials;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.agentlifecycle.core.CredentialRotator;
import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.credential.CredentialOrder;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.error.ContentionException;
import io.agentlifecycle.core.spi.CredentialIssuer;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.testing.ForwardingStore;
import io.agentlifecycle.storage.json.JsonStore;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.TimeZone;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Attacks on signed tokens by clocks, deaths of the host, and commands that meet each other. */
class TimeAndRevocationTest {
    private static final Duration OVERLAP = Duration.ofMinutes(5);

    private static LifecyclePolicy policy() {
        return LifecyclePolicy.builder()
                .requireApproval(false)
                .heartbeatInterval(Duration.ofDays(100))
                .orphanThreshold(Duration.ofDays(36_000))
                .build();
    }

    private static Bench bench(UnaryOperator<LifecycleManager.Builder> more) {
        return new Bench(builder -> more.apply(builder.policy(policy())));
    }

    private static boolean isGood(CredentialVerifier verifier, Token token) {
        return verifier.verify(token.reveal()).accepted();
    }

    // ---- time

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void a_clock_that_goes_back_an_hour_after_a_rotation_brings_no_old_token_back(boolean cached) {
        try (Bench bench = bench(UnaryOperator.identity())) {
            CredentialVerifier verifier = cached ? bench.cached() : bench.verifier();
            Token old = bench.activate("bot").token();
            bench.advance(Duration.ofHours(12));
            Token next = bench.manager.rotateCredentials(Bench.BOT).issued().token();
            assertThat(isGood(verifier, old)).isTrue();
            bench.advance(OVERLAP);
            assertThat(isGood(verifier, old)).isFalse();

            bench.advance(Duration.ofHours(-1));

            assertThat(isGood(verifier, old)).as("before a sweep").isFalse();
            bench.manager.sweeper().sweep();
            assertThat(isGood(verifier, old)).isFalse();
            assertThat(isGood(verifier, next)).isTrue();
            bench.manager.rotateCredentials(Bench.BOT);
            assertThat(isGood(verifier, old)).as("after another rotation").isFalse();
        }
    }

    @Test
    void ten_years_later_the_credential_of_each_agent_expires_once_and_no_token_is_good() {
        try (Bench bench = bench(UnaryOperator.identity())) {
            List<Token> tokens = new ArrayList<>();
            List<AgentId> agents = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                tokens.add(bench.activate("bot" + i).token());
                agents.add(AgentId.of("bot" + i));
            }
            bench.advance(Duration.ofDays(3_652));
            for (int i = 0; i < 3; i++) {
                bench.manager.sweeper().sweep();
                bench.advance(Duration.ofMinutes(1));
                // an event, so that the next sweep looks at all of them again
                agents.forEach(bench.manager::heartbeat);
            }
            CredentialVerifier verifier = bench.verifier();
            assertThat(tokens).noneMatch(token -> isGood(verifier, token));
            assertThat(agents)
                    .allSatisfy(agent -> assertThat(Collections.frequency(
                                    bench.manager.auditTrail(agent).stream()
                                            .map(event -> event.event().kind())
                                            .toList(),
                                    EventKind.CREDENTIAL_EXPIRED))
                            .isEqualTo(1));
            new CredentialRotator(bench.manager).checkAndRotate();
            assertThat(agents)
                    .allMatch(agent -> bench.manager.get(agent).credentials().generation() == 2);
        }
    }

    /** Where the night of the change has 23 hours or 25, a life of 24 hours has 24. */
    @ParameterizedTest
    @ValueSource(strings = {"2027-03-27T20:00:00Z", "2027-10-30T20:00:00Z"})
    void a_change_of_the_local_time_changes_no_end(Instant evening) {
        TimeZone before = TimeZone.getDefault();
        TimeZone.setDefault(TimeZone.getTimeZone("Europe/Berlin"));
        try (Bench bench = bench(UnaryOperator.identity())) {
            bench.clock.set(evening);
            Token token = bench.activate("bot").token();
            CredentialVerifier verifier = bench.verifier();
            bench.clock.set(evening.plus(Duration.ofHours(24)).minusNanos(1));
            assertThat(isGood(verifier, token)).isTrue();
            bench.advance(Duration.ofNanos(1));
            assertThat(isGood(verifier, token)).isFalse();
        } finally {
            TimeZone.setDefault(before);
        }
    }

    @Test
    void a_life_without_an_end_is_refused_by_the_policy() {
        Duration forEver = Duration.between(Instant.EPOCH, Instant.MAX);
        for (Duration life : List.of(
                forEver,
                Duration.ofSeconds(Long.MAX_VALUE),
                Duration.ofDays(366).plusNanos(1))) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> CredentialPolicy.DEFAULT.withMaxCredentialTtl(life))
                    .withMessageContaining("at most");
        }
    }

    // ---- rotation

    @Test
    void the_overlap_is_not_lengthened_by_rotating_again_and_again() {
        try (Bench bench = bench(UnaryOperator.identity())) {
            CredentialVerifier verifier = bench.cached();
            Token first = bench.activate("bot").token();
            bench.manager.rotateCredentials(Bench.BOT);
            Instant end = bench.clock.instant().plus(OVERLAP);
            while (bench.clock.instant().isBefore(end)) {
                assertThat(bench.manager.get(Bench.BOT).credentials().retiring().flatMap(c -> c.graceUntil()))
                        .hasValueSatisfying(grace -> assertThat(grace)
                                .isBeforeOrEqualTo(bench.clock.instant().plus(OVERLAP)));
                bench.advance(Duration.ofMinutes(1));
                bench.manager.rotateCredentials(Bench.BOT);
                assertThat(isGood(verifier, first)).as("at most two are good").isFalse();
            }
        }
    }

    /** What the host was doing when it was killed; nothing that it would have done afterwards is done. */
    private enum Death {
        SIGNING,
        BEFORE_STORING_THE_NEW,
        AFTER_STORING_THE_NEW,
        DELIVERING,
        BEFORE_STORING_THE_ARRIVAL,
        AFTER_STORING_THE_ARRIVAL
    }

    /** Nobody catches it, as nobody catches a kill. */
    private static final class Killed extends Error {
        private static final long serialVersionUID = 1L;
    }

    private static final class MortalStore extends ForwardingStore {
        private int commits;
        private Optional<Death> death = Optional.empty();

        MortalStore() {
            super(LifecycleStore.inMemory());
        }

        @Override
        public CommitResult commit(Commit commit) {
            commits++;
            die(commits == 1 ? Death.BEFORE_STORING_THE_NEW : Death.BEFORE_STORING_THE_ARRIVAL);
            CommitResult result = super.commit(commit);
            die(commits == 1 ? Death.AFTER_STORING_THE_NEW : Death.AFTER_STORING_THE_ARRIVAL);
            return result;
        }

        private void die(Death now) {
            if (death.equals(Optional.of(now))) {
                throw new Killed();
            }
        }
    }

    private static final class MortalIssuer implements CredentialIssuer {
        private final MortalStore host;
        private Optional<CredentialIssuer> to = Optional.empty();

        MortalIssuer(MortalStore host) {
            this.host = host;
        }

        @Override
        public IssuedCredential issue(CredentialOrder order) {
            IssuedCredential issued = to.orElseThrow().issue(order);
            host.die(Death.SIGNING);
            return issued;
        }
    }

    @ParameterizedTest
    @EnumSource
    void a_host_that_is_killed_at_any_step_of_a_renewal_leaves_a_token_that_works_and_the_next_one_goes_on(
            Death death) {
        var store = new MortalStore();
        var issuer = new MortalIssuer(store);
        List<IssuedCredential> arrived = new ArrayList<>();
        try (Bench bench =
                bench(builder -> builder.store(store).credentials(issuer).credentialSink((agent, issued) -> {
                    store.die(Death.DELIVERING);
                    arrived.add(issued);
                }))) {
            issuer.to = Optional.of(bench.issuer);
            IssuedCredential first = bench.activate("bot");
            bench.clock.set(first.credential().rotateAt(CredentialPolicy.DEFAULT));
            store.commits = 0;
            store.death = Optional.of(death);
            assertThatExceptionOfType(Killed.class)
                    .isThrownBy(() -> bench.manager.sweeper().sweep());
            store.death = Optional.empty();

            try (LifecycleManager next = LifecycleManager.builder()
                    .store(store)
                    .policy(policy())
                    .clock(bench.clock)
                    .credentials(bench.issuer)
                    .credentialSink((agent, issued) -> arrived.add(issued))
                    .build()) {
                CredentialVerifier verifier = CredentialVerifier.create(next, bench.issuer);
                assertThat(isGood(verifier, first.token()))
                        .as("what the agent has")
                        .isTrue();
                bench.advance(Duration.ofMinutes(2));
                next.sweeper().sweep();
                assertThat(arrived).isNotEmpty();
                Token newest = arrived.get(arrived.size() - 1).token();
                assertThat(arrived).extracting(IssuedCredential::token).containsOnly(newest);
                assertThat(isGood(verifier, newest)).isTrue();
                assertThat(next.get(Bench.BOT).credentials().generation()).isEqualTo(2);
                assertThat(next.get(Bench.BOT).credentials().undelivered()).isFalse();
                bench.advance(OVERLAP);
                assertThat(isGood(verifier, first.token())).isFalse();
                next.verify();
            }
        }
    }

    // ---- revocation

    /** Whatever was issued before the revocation is dead when that returns, whoever rotates beside it. */
    @Test
    void no_token_that_was_there_before_survives_a_revocation_that_meets_rotations() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(8);
        try (Bench bench = bench(UnaryOperator.identity())) {
            bench.activate("bot");
            CredentialVerifier verifier = bench.cached();
            for (int round = 0; round < 25; round++) {
                var together = new CyclicBarrier(8);
                List<Future<Optional<IssuedCredential>>> rotations = new ArrayList<>();
                for (int i = 0; i < 7; i++) {
                    Callable<Optional<IssuedCredential>> rotation = () -> {
                        together.await();
                        try {
                            return bench.manager.rotateCredentials(Bench.BOT).credential();
                        } catch (ContentionException e) {
                            return Optional.empty(); // the others were faster sixteen times
                        }
                    };
                    rotations.add(pool.submit(rotation));
                }
                together.await();
                bench.manager.revokeCredentials(Bench.BOT, "leaked", Bench.ADMIN);
                List<IssuedCredential> made = new ArrayList<>();
                for (Future<Optional<IssuedCredential>> rotation : rotations) {
                    rotation.get().ifPresent(made::add);
                }
                long last = revokedAt(bench.manager);
                for (IssuedCredential each : made) {
                    boolean before = each.credential().generation() <= last;
                    assertThat(before && isGood(verifier, each.token()))
                            .as(
                                    "generation %s, revoked at %s",
                                    each.credential().generation(), last)
                            .isFalse();
                }
            }
        } finally {
            pool.shutdownNow();
        }
    }

    /** The generation of the agent's last credential when it was revoked last, as the trail says. */
    private static long revokedAt(LifecycleManager manager) {
        long generation = 0;
        long revoked = 0;
        for (var event : manager.auditTrail(Bench.BOT)) {
            generation = event.event()
                    .content()
                    .credential()
                    .map(made -> made.generation())
                    .orElse(generation);
            revoked = event.event().kind() == EventKind.CREDENTIAL_REVOKED ? generation : revoked;
        }
        return revoked;
    }

    @Test
    void what_was_revoked_stays_so_over_a_restart(@TempDir Path directory) {
        Path there = directory.resolve("store");
        try (Bench bench = new Bench()) {
            Token revoked;
            Token kept;
            try (LifecycleStore store = JsonStore.open(there);
                    LifecycleManager first = manager(bench, store)) {
                revoked = bench.activate(first, "bot").token();
                kept = bench.activate(first, "other").token();
                first.revokeCredentials(Bench.BOT, "leaked", Bench.ADMIN);
            }
            try (LifecycleStore store = JsonStore.open(there);
                    LifecycleManager second = manager(bench, store)) {
                CredentialVerifier verifier = CredentialVerifier.create(second, bench.issuer);
                assertThat(isGood(verifier, revoked)).isFalse();
                assertThat(isGood(verifier, kept)).isTrue();
                second.verify();
            }
        }
    }

    private static LifecycleManager manager(Bench bench, LifecycleStore store) {
        return LifecycleManager.builder()
                .store(store)
                .policy(policy())
                .clock(bench.clock)
                .credentials(bench.issuer)
                .build();
    }
}
