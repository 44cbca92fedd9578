package io.agentlifecycle.credentials;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.CredentialRotator;
import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.RotationResult;
import io.agentlifecycle.core.SweepReport.Result;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.error.ContentionException;
import io.agentlifecycle.core.spi.CredentialIssuer;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.testing.ForwardingStore;
import io.agentlifecycle.testkit.CredentialIssuerContract;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Signed tokens through rotation: by call, by the fleet report and by sweeps, and whatever fails on the way. */
class RotationTest {
    private static final Duration LIFE = Duration.ofHours(1);
    private static final Duration OVERLAP = Duration.ofMinutes(10);
    private static final CredentialPolicy CREDENTIALS =
            CredentialPolicy.DEFAULT.withMaxCredentialTtl(LIFE).withRotationOverlap(OVERLAP);

    private final List<IssuedCredential> delivered = new ArrayList<>();
    private final FailingStore store = new FailingStore();
    private boolean sinkFails;

    private final Bench bench = new Bench(builder -> builder.store(store)
            .policy(LifecyclePolicy.builder()
                    .requireApproval(false)
                    .heartbeatInterval(Duration.ofDays(1))
                    .orphanThreshold(Duration.ofDays(2))
                    .credentialPolicy(CREDENTIALS)
                    .build())
            .credentialSink(this::deliver));
    private final LifecycleManager manager = bench.manager;
    private final CredentialVerifier verifier = bench.cached();

    private void deliver(AgentKey agent, IssuedCredential credential) {
        if (sinkFails) {
            throw new IllegalStateException("the agent cannot be reached");
        }
        delivered.add(credential);
    }

    private static final class FailingStore extends ForwardingStore {
        private boolean fails;

        FailingStore() {
            super(LifecycleStore.inMemory());
        }

        @Override
        public CommitResult commit(Commit commit) {
            return fails
                    ? new CommitResult.Rejected(CommitResult.Reason.BUSY, "the disk is busy")
                    : super.commit(commit);
        }
    }

    @AfterEach
    void close() {
        store.fails = false;
        bench.close();
    }

    private boolean isGood(IssuedCredential issued) {
        return verifier.verify(issued.token().reveal()).accepted();
    }

    private void reach(Instant time) {
        bench.clock.set(time);
    }

    private IssuedCredential lastDelivered() {
        return delivered.get(delivered.size() - 1);
    }

    @Test
    void a_sweep_carries_a_signed_token_to_its_agent_and_both_are_good_for_the_overlap() {
        IssuedCredential first = bench.activate("bot");
        reach(first.credential().rotateAt(CREDENTIALS));

        manager.sweeper().sweep();

        IssuedCredential second = lastDelivered();
        assertThat(isGood(first)).isTrue();
        assertThat(isGood(second)).isTrue();
        bench.advance(OVERLAP.minusNanos(1));
        assertThat(isGood(first)).isTrue();
        bench.advance(Duration.ofNanos(1));
        assertThat(isGood(first)).isFalse();
        assertThat(isGood(second)).isTrue();
    }

    @Test
    void the_fleet_report_carries_signed_tokens() {
        IssuedCredential first = bench.activate("bot");
        bench.activate("other");
        reach(first.credential().issuedAt().plus(Duration.ofMinutes(35)));

        List<RotationResult> results = new CredentialRotator(manager).checkAndRotate();

        assertThat(results).hasSize(2).allSatisfy(result -> {
            assertThat(result.outcome()).isEqualTo(RotationResult.Outcome.ROTATED);
            assertThat(isGood(result.issued().orElseThrow())).isTrue();
        });
        assertThat(manager.sweeper().sweep().outcomes()).isEmpty();
    }

    @Test
    void coming_back_gives_a_new_token_and_the_old_one_stays_dead() {
        IssuedCredential first = bench.activate("bot");
        manager.suspend(Bench.BOT, "", Bench.ADMIN);
        assertThat(isGood(first)).isFalse();
        IssuedCredential second = manager.resume(Bench.BOT, Bench.ADMIN).issued();
        assertThat(isGood(first)).isFalse();
        assertThat(isGood(second)).isTrue();
        manager.markOrphaned(Bench.BOT, Bench.ADMIN);
        assertThat(isGood(second)).isFalse();
        IssuedCredential third =
                manager.reclaim(Bench.BOT, "bob@company.com", Bench.ADMIN).issued();
        assertThat(isGood(second)).isFalse();
        assertThat(isGood(third)).isTrue();
        manager.revokeCredentials(Bench.BOT, "leaked", Bench.ADMIN);
        assertThat(isGood(third)).isFalse();
        assertThat(manager.get(Bench.BOT).state()).isEqualTo(AgentState.ACTIVE);
        assertThat(isGood(manager.rotateCredentials(Bench.BOT).issued())).isTrue();
    }

    @Test
    void the_token_of_a_listed_credential_is_made_again_character_for_character() {
        IssuedCredential first = bench.activate("bot");
        IssuedCredential second = manager.rotateCredentials(Bench.BOT).issued();

        for (IssuedCredential issued : List.of(first, second)) {
            IssuedCredential again =
                    manager.reissueCredential(Bench.BOT, issued.credential().id(), Bench.ADMIN);
            assertThat(again.token().reveal()).isEqualTo(issued.token().reveal());
        }
    }

    // ---- what fails

    private enum Part {
        STORE,
        ISSUER,
        SINK
    }

    private void fail(Part part, boolean fails) {
        switch (part) {
            case STORE -> store.fails = fails;
            case ISSUER ->
                bench.keys.fail(
                        fails ? Optional.of(new IllegalStateException("the key server is down")) : Optional.empty());
            case SINK -> sinkFails = fails;
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatever_fails_the_old_token_is_good_until_its_own_end_and_a_retry_succeeds(Part part) {
        IssuedCredential first = bench.activate("bot");
        reach(first.credential().rotateAt(CREDENTIALS));
        fail(part, true);

        assertThat(manager.sweeper().sweep().with(Result.FAILED)).hasSize(1);

        fail(part, false);
        assertThat(isGood(first)).isTrue();
        assertThat(delivered).isEmpty();
        Optional<Credential> listed = manager.get(Bench.BOT).credential();
        assertThat(listed.equals(Optional.of(first.credential())))
                .as("only a sink can fail after the new one is listed")
                .isEqualTo(part != Part.SINK);
        bench.advance(Duration.ofMinutes(2));
        manager.sweeper().sweep();
        assertThat(delivered).hasSize(1);
        assertThat(isGood(lastDelivered())).isTrue();
        assertThat(isGood(first)).isTrue();
        if (part == Part.SINK) {
            assertThat(lastDelivered().credential()).isEqualTo(listed.orElseThrow());
        }
        bench.advance(OVERLAP);
        assertThat(isGood(first)).isFalse();
        assertThat(isGood(lastDelivered())).isTrue();
    }

    @Test
    void an_issuer_that_fails_for_ever_lengthens_no_life() {
        IssuedCredential first = bench.activate("bot");
        reach(first.credential().rotateAt(CREDENTIALS));
        while (bench.clock.instant().isBefore(first.credential().expiresAt().minusNanos(1))) {
            fail(Part.ISSUER, true);
            manager.sweeper().sweep();
            fail(Part.ISSUER, false);
            assertThat(isGood(first)).isTrue();
            bench.advance(Duration.ofMinutes(1));
            if (!bench.clock.instant().isBefore(first.credential().expiresAt())) {
                break;
            }
        }
        reach(first.credential().expiresAt());
        assertThat(isGood(first)).isFalse();
    }

    // ---- at once

    @Test
    void of_many_threads_that_rotate_one_agent_two_tokens_are_good_and_generations_rise() throws Exception {
        IssuedCredential first = bench.activate("bot");
        Set<Token> same = rotateAll(i -> "one key");
        assertThat(same).hasSize(1);

        Set<Token> all = rotateAll(i -> "key " + i);

        all.addAll(same);
        all.add(first.token());
        List<Token> good = all.stream()
                .filter(token -> verifier.verify(token.reveal()).accepted())
                .toList();
        assertThat(good).hasSize(2);
        assertThat(manager.get(Bench.BOT).credentials().generation()).isEqualTo(all.size());
        List<Long> generations = manager.auditTrail(Bench.BOT).stream()
                .flatMap(event -> event.event().content().credential().stream())
                .map(made -> made.generation())
                .toList();
        assertThat(generations).isSorted().doesNotHaveDuplicates().hasSize(all.size());
    }

    private Set<Token> rotateAll(java.util.function.IntFunction<String> key) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(32);
        try {
            List<Future<Optional<Token>>> rotations = new ArrayList<>();
            for (int i = 0; i < 32; i++) {
                String own = key.apply(i);
                rotations.add(threads.submit(() -> {
                    try {
                        return Optional.of(manager.rotateCredentials(Bench.BOT, Bench.ADMIN, own)
                                .issued()
                                .token());
                    } catch (ContentionException e) {
                        return Optional.empty(); // the others were faster sixteen times; nothing was stored
                    }
                }));
            }
            Set<Token> tokens = new HashSet<>();
            for (Future<Optional<Token>> rotation : rotations) {
                rotation.get().ifPresent(tokens::add);
            }
            return tokens;
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void a_policy_that_lets_tokens_live_too_long_for_their_key_is_refused_by_the_builder() {
        var issuer = Ed25519CredentialIssuer.builder(bench.keys)
                .keyLife(Duration.ofDays(1))
                .build();
        LifecycleManager.Builder builder =
                LifecycleManager.builder().clock(bench.clock).credentials(issuer);

        assertThatThrownBy(builder::build)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("maxCredentialTtl is PT24H")
                .hasMessageContaining("PT4H at most");
    }

    @Nested
    class Contract extends CredentialIssuerContract {
        @Override
        protected CredentialIssuer issuer() {
            return bench.issuer;
        }
    }
}
