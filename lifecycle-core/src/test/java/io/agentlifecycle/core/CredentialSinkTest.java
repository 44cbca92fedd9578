package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.active;
import static io.agentlifecycle.core.Workshop.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.FaultStore.Call;
import io.agentlifecycle.core.SweepReport.Result;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.CredentialSink;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.CommitResult;
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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Credentials that sweeps renew and a sink takes to their agents, whatever fails on the way. */
class CredentialSinkTest {
    static final Duration LIFE = Duration.ofHours(1);
    static final LifecyclePolicy POLICY = LifecyclePolicy.builder()
            .requireApproval(false)
            .heartbeatInterval(Duration.ofDays(2))
            .orphanThreshold(Duration.ofDays(30))
            .credentialPolicy(
                    CredentialPolicy.DEFAULT.withMaxCredentialTtl(LIFE).withRotationOverlap(Duration.ofMinutes(10)))
            .build();

    private final FaultStore store = new FaultStore(LifecycleStore.inMemory());

    @RegisterExtension
    final Workshop shop = new Workshop(store);

    private final Courier courier = new Courier();
    private final RepeatableIssuer mint = new RepeatableIssuer();

    /** Takes credentials to agents, or does not. */
    private static final class Courier implements CredentialSink {
        private final List<IssuedCredential> delivered = new ArrayList<>();
        private boolean broken;

        @Override
        public void deliver(AgentKey agent, IssuedCredential credential) throws Exception {
            if (broken) {
                throw new java.io.IOException("the agent cannot be reached; its password is hunter2");
            }
            delivered.add(credential);
        }

        private Set<CredentialId> ids() {
            Set<CredentialId> ids = new HashSet<>();
            delivered.forEach(each -> ids.add(each.credential().id()));
            return ids;
        }
    }

    private LifecycleManager repeatable() {
        return shop.open(builder -> builder.policy(POLICY).credentials(mint).credentialSink(courier));
    }

    private LifecycleManager opaque() {
        return shop.open(builder -> builder.policy(POLICY).credentialSink(courier));
    }

    private List<EventKind> news(LifecycleManager manager, int from) {
        List<EventKind> kinds = Workshop.kinds(manager, ID);
        return kinds.subList(from, kinds.size());
    }

    private boolean isGood(LifecycleManager manager, CredentialId id) {
        return manager.standing(SweepFleet.key(ID), id).allowed();
    }

    private Instant dueAt(Credential credential) {
        return credential.rotateAt(POLICY.credentialPolicy());
    }

    // ---- all is well

    @Test
    void a_sweep_rotates_what_is_due_and_hands_it_over() {
        LifecycleManager manager = repeatable();
        Credential first = active(manager, "agent:1").issued().credential();
        int before = Workshop.kinds(manager, ID).size();
        shop.clock.set(dueAt(first).minusNanos(1));
        assertThat(manager.sweeper().sweep().outcomes()).isEmpty();
        shop.clock.advance(Duration.ofNanos(1));
        assertThat(manager.sweeper().plan().items())
                .extracting(SweepPlan.Item::action)
                .containsExactly(SweepAction.ROTATE_CREDENTIAL);

        SweepReport report = manager.sweeper().sweep();

        assertThat(report.with(Result.DONE))
                .extracting(SweepReport.Outcome::action)
                .containsExactly(SweepAction.ROTATE_CREDENTIAL);
        assertThat(news(manager, before)).containsExactly(EventKind.CREDENTIAL_ROTATED, EventKind.CREDENTIAL_DELIVERED);
        Credential second = courier.delivered.get(0).credential();
        assertThat(manager.get(ID).credential()).contains(second);
        assertThat(isGood(manager, first.id())).isTrue();
        assertThat(isGood(manager, second.id())).isTrue();
        shop.clock.advance(Duration.ofMinutes(10));
        assertThat(isGood(manager, first.id())).isFalse();
        assertThat(isGood(manager, second.id())).isTrue();
        assertThat(manager.sweeper().sweep().outcomes()).isEmpty();
    }

    @Test
    void an_agent_that_came_in_without_a_credential_gets_one_from_the_next_sweep() {
        LifecycleManager manager = opaque();
        manager.importAgents(List.of(shop.imported("agent:1", AgentState.ACTIVE)), "elsewhere", ADMIN);

        manager.sweeper().sweep();

        assertThat(courier.delivered).hasSize(1);
        assertThat(manager.verifyOpaque(courier.delivered.get(0).token().reveal())
                        .allowed())
                .isTrue();
    }

    @Test
    void without_a_sink_a_sweep_only_reports() {
        LifecycleManager manager = shop.open(builder -> builder.policy(POLICY).credentials(mint));
        Credential first = active(manager, "agent:1").issued().credential();
        shop.clock.set(dueAt(first));

        assertThat(manager.sweeper().sweep().with(Result.DUE_NO_SINK)).hasSize(1);
        assertThat(manager.get(ID).credential()).contains(first);

        shop.close(manager);
        LifecycleManager withSink = repeatable();
        withSink.sweeper().sweep();
        assertThat(courier.delivered).hasSize(1);
    }

    @Test
    void without_automatic_rotation_a_credential_runs_out() {
        LifecycleManager manager = shop.open(builder -> builder.policy(LifecyclePolicy.builder()
                        .requireApproval(false)
                        .credentialPolicy(POLICY.credentialPolicy().withAutoRotate(false))
                        .build())
                .credentials(mint)
                .credentialSink(courier));
        active(manager, "agent:1");
        shop.clock.advance(LIFE.minusSeconds(1));
        assertThat(manager.sweeper().sweep().with(Result.DONE))
                .extracting(SweepReport.Outcome::action)
                .doesNotContain(SweepAction.ROTATE_CREDENTIAL);
        shop.clock.advance(LIFE);

        manager.sweeper().sweep();

        assertThat(Workshop.kinds(manager, ID)).endsWith(EventKind.CREDENTIAL_EXPIRED);
        assertThat(manager.sweeper().plan().items())
                .extracting(SweepPlan.Item::action)
                .doesNotContain(SweepAction.ROTATE_CREDENTIAL);
        assertThat(courier.delivered).isEmpty();
    }

    @Test
    void what_was_revoked_is_left_alone() {
        LifecycleManager manager = repeatable();
        active(manager, "agent:1");
        manager.revokeCredentials(ID, "leaked", ADMIN);
        shop.clock.advance(LIFE);
        assertThat(manager.sweeper().sweep().outcomes()).isEmpty();
        assertThat(courier.delivered).isEmpty();
    }

    @Test
    void a_leap_over_a_whole_life_ends_in_one_good_credential() {
        LifecycleManager manager = repeatable();
        Credential first = active(manager, "agent:1").issued().credential();
        shop.clock.advance(Duration.ofDays(1));

        manager.sweeper().sweep();

        assertThat(Workshop.kinds(manager, ID))
                .endsWith(EventKind.CREDENTIAL_EXPIRED, EventKind.CREDENTIAL_ROTATED, EventKind.CREDENTIAL_DELIVERED);
        assertThat(isGood(manager, first.id())).isFalse();
        assertThat(courier.delivered).hasSize(1);
        assertThat(isGood(manager, courier.delivered.get(0).credential().id())).isTrue();
    }

    // ---- the issuer fails

    @Test
    void while_the_issuer_fails_the_old_credential_is_as_it_was_and_the_retry_succeeds() {
        LifecycleManager manager = repeatable();
        Credential first = active(manager, "agent:1").issued().credential();
        int before = Workshop.kinds(manager, ID).size();
        shop.clock.set(dueAt(first));
        mint.broken = true;

        assertThat(manager.sweeper().sweep().with(Result.FAILED)).hasSize(1);

        assertThat(news(manager, before)).containsExactly(EventKind.CREDENTIAL_ROTATION_FAILED);
        SealedEvent failed = manager.auditTrail(ID, before, 1).get(0);
        assertThat(failed.canonical())
                .contains("\"attempt\":1")
                .contains("\"step\":\"issue\"")
                .contains("\"error\":\"java.lang.IllegalStateException\"")
                .doesNotContain("hunter2");
        assertThat(manager.get(ID).credential()).contains(first);
        assertThat(isGood(manager, first.id())).isTrue();
        Instant next = manager.get(ID).credentials().retry().orElseThrow().nextAt();
        assertThat(Duration.between(shop.clock.instant(), next))
                .isBetween(Duration.ofSeconds(27), Duration.ofSeconds(33));
        shop.clock.set(next.minusNanos(1));
        assertThat(manager.sweeper().sweep().outcomes()).isEmpty();
        assertThat(new CredentialRotator(manager).checkAndRotate())
                .extracting(RotationResult::outcome)
                .containsExactly(RotationResult.Outcome.FAILED);
        assertThat(Workshop.kinds(manager, ID)).hasSize(before + 1);

        mint.broken = false;
        shop.clock.set(next);
        manager.sweeper().sweep();
        assertThat(courier.delivered).hasSize(1);
        assertThat(manager.get(ID).credentials().retry()).isEmpty();
    }

    @Test
    void an_issuer_that_fails_for_ever_lets_the_credential_run_out_once_and_never_longer() {
        LifecycleManager manager = repeatable();
        Credential first = active(manager, "agent:1").issued().credential();
        mint.broken = true;
        while (shop.clock.instant().isBefore(first.expiresAt().plus(LIFE))) {
            shop.clock.advance(Duration.ofMinutes(1));
            manager.sweeper().sweep();
            assertThat(isGood(manager, first.id()))
                    .isEqualTo(shop.clock.instant().isBefore(first.expiresAt()));
        }

        List<EventKind> kinds = Workshop.kinds(manager, ID);
        assertThat(kinds).filteredOn(EventKind.CREDENTIAL_EXPIRED::equals).hasSize(1);
        assertThat(kinds)
                .filteredOn(EventKind.CREDENTIAL_ROTATION_FAILED::equals)
                .as("less often each time")
                .hasSizeBetween(10, 20);
        mint.broken = false;
        shop.clock.advance(Duration.ofMinutes(9));
        manager.sweeper().sweep();
        assertThat(courier.delivered).hasSize(1);
        assertThat(isGood(manager, courier.delivered.get(0).credential().id())).isTrue();
    }

    @Test
    void the_fleet_report_notes_a_failed_issuer_too() {
        LifecycleManager manager = shop.open(builder -> builder.policy(POLICY).credentials(mint));
        Credential first = active(manager, "agent:1").issued().credential();
        shop.clock.set(dueAt(first));
        mint.broken = true;

        assertThat(new CredentialRotator(manager).checkAndRotate())
                .extracting(RotationResult::outcome)
                .containsExactly(RotationResult.Outcome.FAILED);

        assertThat(Workshop.kinds(manager, ID)).endsWith(EventKind.CREDENTIAL_ROTATION_FAILED);
        assertThat(isGood(manager, first.id())).isTrue();
        mint.broken = false;
        assertThat(manager.rotateCredentials(ID).credential())
                .as("whoever asks need not wait")
                .isPresent();
        assertThat(manager.get(ID).credentials().retry()).isEmpty();
    }

    // ---- the sink fails

    @Test
    void what_did_not_arrive_is_handed_over_again_and_is_the_same_token() {
        LifecycleManager manager = repeatable();
        Credential first = active(manager, "agent:1").issued().credential();
        shop.clock.set(dueAt(first));
        courier.broken = true;
        assertThat(manager.sweeper().sweep().with(Result.FAILED)).hasSize(1);
        Credential second = manager.get(ID).credential().orElseThrow();
        assertThat(second.id()).isNotEqualTo(first.id());
        assertThat(manager.get(ID).credentials().undelivered()).isTrue();
        assertThat(isGood(manager, first.id())).as("what the agent has").isTrue();
        courier.broken = false;
        shop.clock.advance(Duration.ofMinutes(1));

        assertThat(manager.sweeper().sweep().with(Result.DONE))
                .extracting(SweepReport.Outcome::action)
                .containsExactly(SweepAction.DELIVER_CREDENTIAL);

        assertThat(courier.ids()).containsExactly(second.id());
        assertThat(courier.delivered.get(0).token())
                .isEqualTo(manager.reissueCredential(ID, second.id(), ADMIN).token());
        assertThat(manager.get(ID).credentials().undelivered()).isFalse();
        assertThat(Workshop.kinds(manager, ID))
                .endsWith(
                        EventKind.CREDENTIAL_ROTATED,
                        EventKind.CREDENTIAL_ROTATION_FAILED,
                        EventKind.CREDENTIAL_DELIVERED,
                        EventKind.CREDENTIAL_REISSUED);
    }

    @Test
    void a_random_token_that_did_not_arrive_is_replaced_and_the_one_that_the_agent_has_lives_until_one_does() {
        LifecycleManager manager = opaque();
        Activation activation = active(manager, "agent:1");
        Credential first = activation.issued().credential();
        shop.clock.set(dueAt(first));
        courier.broken = true;
        manager.sweeper().sweep();
        Credential lost = manager.get(ID).credential().orElseThrow();
        for (int minute = 1; minute < 15; minute++) {
            shop.clock.advance(Duration.ofMinutes(1));
            manager.sweeper().sweep();
            Credential kept = manager.get(ID).credentials().retiring().orElseThrow();
            assertThat(kept.id()).isEqualTo(first.id());
            assertThat(kept.graceUntil()).as("longer than the overlap").contains(first.expiresAt());
        }
        assertThat(manager.verifyOpaque(activation.issued().token().reveal()).allowed())
                .isTrue();
        courier.broken = false;
        shop.clock.advance(Duration.ofMinutes(8));

        manager.sweeper().sweep();

        assertThat(courier.delivered).hasSize(1);
        assertThat(courier.ids()).doesNotContain(lost.id());
        assertThat(manager.verifyOpaque(courier.delivered.get(0).token().reveal())
                        .allowed())
                .isTrue();
        assertThat(isGood(manager, lost.id())).isFalse();
        assertThat(isGood(manager, first.id())).as("the overlap begins now").isTrue();
        shop.clock.advance(Duration.ofMinutes(10));
        assertThat(isGood(manager, first.id())).isFalse();
    }

    @Test
    void a_sink_that_fails_for_ever_lets_the_old_credential_live_to_its_own_end_and_no_longer() {
        LifecycleManager manager = repeatable();
        Credential first = active(manager, "agent:1").issued().credential();
        shop.clock.set(dueAt(first));
        courier.broken = true;
        while (shop.clock.instant().isBefore(first.expiresAt().plus(Duration.ofMinutes(5)))) {
            manager.sweeper().sweep();
            assertThat(isGood(manager, first.id()))
                    .isEqualTo(shop.clock.instant().isBefore(first.expiresAt()));
            shop.clock.advance(Duration.ofMinutes(1));
        }
        assertThat(courier.delivered).isEmpty();
    }

    @Test
    void whoever_rotates_by_hand_meanwhile_has_the_token_and_nothing_is_delivered_any_more() {
        LifecycleManager manager = repeatable();
        Credential first = active(manager, "agent:1").issued().credential();
        shop.clock.set(dueAt(first));
        courier.broken = true;
        manager.sweeper().sweep();
        courier.broken = false;

        IssuedCredential mine = manager.rotateCredentials(ID).issued();
        shop.clock.advance(Duration.ofMinutes(1));

        assertThat(manager.sweeper().sweep().outcomes()).isEmpty();
        assertThat(courier.delivered).isEmpty();
        assertThat(isGood(manager, mine.credential().id())).isTrue();
        assertThat(isGood(manager, first.id())).as("the one that the agent has").isTrue();
    }

    // ---- the store fails, at every point

    /** The first commit stores the new credential, the second one that it arrived; an answer may be lost either way. */
    @ParameterizedTest
    @CsvSource({"0, false", "0, true", "1, false", "1, true"})
    void the_store_fails_once_and_nothing_is_lost(int at, boolean stored) {
        LifecycleManager manager = repeatable();
        Credential first = active(manager, "agent:1").issued().credential();
        shop.clock.set(dueAt(first));
        int[] commits = {0};
        store.commits = (commit, to) -> {
            if (commits[0]++ != at) {
                return to.commit(commit);
            }
            if (stored) {
                to.commit(commit);
            }
            return new CommitResult.Unknown("the answer was lost");
        };
        store.breakAt(call -> call == Call.FIND_COMMIT);

        assertThat(manager.sweeper().sweep().with(Result.FAILED)).hasSize(1);

        store.heal();
        assertThat(isGood(manager, first.id())).isTrue();
        assertThat(Workshop.kinds(manager, ID))
                .as("it is not the issuer that failed")
                .doesNotContain(EventKind.CREDENTIAL_ROTATION_FAILED);
        shop.clock.advance(Duration.ofMinutes(1));
        manager.sweeper().sweep();
        assertThat(courier.delivered).isNotEmpty();
        IssuedCredential last = courier.delivered.get(courier.delivered.size() - 1);
        assertThat(manager.get(ID).credential()).contains(last.credential());
        assertThat(manager.get(ID).credentials().undelivered()).isFalse();
        assertThat(isGood(manager, last.credential().id())).isTrue();
        assertThat(isGood(manager, first.id())).isTrue();
    }

    @Test
    void a_host_that_dies_before_it_delivers_leaves_that_to_the_next_one() {
        LifecycleManager dying =
                shop.open(builder -> builder.policy(POLICY).credentials(mint).credentialSink((agent, credential) -> {
                    throw new ThreadDeath();
                }));
        Credential first = active(dying, "agent:1").issued().credential();
        shop.clock.set(dueAt(first));
        assertThatThrownBy(() -> dying.sweeper().sweep()).isInstanceOf(ThreadDeath.class);
        shop.close(dying);

        LifecycleManager next = repeatable();
        shop.clock.advance(Duration.ofMinutes(1));
        next.sweeper().sweep();

        assertThat(courier.delivered).hasSize(1);
        assertThat(next.get(ID).credential()).contains(courier.delivered.get(0).credential());
    }

    // ---- the same token again

    @Test
    void the_token_of_a_good_credential_is_made_again_and_that_is_an_event() {
        LifecycleManager manager = repeatable();
        IssuedCredential first = active(manager, "agent:1").issued();

        IssuedCredential again =
                manager.reissueCredential(ID, first.credential().id(), ADMIN);

        assertThat(again.token()).isEqualTo(first.token());
        assertThat(again.credential()).isEqualTo(first.credential());
        assertThat(Workshop.kinds(manager, ID)).endsWith(EventKind.CREDENTIAL_REISSUED);
        refused(
                manager,
                "credential-usable",
                () -> manager.reissueCredential(ID, CredentialId.of("cred:" + "0".repeat(32)), ADMIN));
        manager.revokeCredentials(ID, "leaked", ADMIN);
        refused(
                manager,
                "credential-usable",
                () -> manager.reissueCredential(ID, first.credential().id(), ADMIN));
        manager.suspend(ID, "", ADMIN);
        assertThatThrownBy(
                        () -> manager.reissueCredential(ID, first.credential().id(), ADMIN))
                .isInstanceOf(io.agentlifecycle.core.error.InvalidTransitionException.class);
    }

    @Test
    void a_random_token_is_made_once() {
        LifecycleManager manager = opaque();
        IssuedCredential first = active(manager, "agent:1").issued();

        refused(
                manager,
                "token-once",
                () -> manager.reissueCredential(ID, first.credential().id(), ADMIN));
    }

    @Test
    void the_same_key_rotates_once() {
        LifecycleManager manager = repeatable();
        active(manager, "agent:1");

        IssuedCredential one = manager.rotateCredentials(ID, ADMIN, "monday").issued();
        IssuedCredential two = manager.rotateCredentials(ID, ADMIN, "monday").issued();
        IssuedCredential other = manager.rotateCredentials(ID, ADMIN, "tuesday").issued();

        assertThat(two.token()).isEqualTo(one.token());
        assertThat(two.credential().id()).isEqualTo(one.credential().id());
        assertThat(other.credential().id()).isNotEqualTo(one.credential().id());
        assertThat(Workshop.kinds(manager, ID))
                .filteredOn(EventKind.CREDENTIAL_ROTATED::equals)
                .hasSize(2);
        shop.clock.advance(LIFE);
        refused(manager, "idempotency-key", () -> manager.rotateCredentials(ID, ADMIN, "monday"));
    }

    @Test
    void of_many_threads_with_one_key_all_get_the_same_token_and_with_many_keys_two_are_good() throws Exception {
        LifecycleManager manager = repeatable();
        active(manager, "agent:1");
        ExecutorService threads = Executors.newFixedThreadPool(32);
        try {
            assertThat(rotateAll(manager, threads, false)).hasSize(1);
            assertThat(manager.get(ID).credentials().generation()).isEqualTo(2);

            Set<Token> many = rotateAll(manager, threads, true);

            assertThat(many).isNotEmpty();
            assertThat(manager.get(ID).credentials().generation()).isEqualTo(2 + many.size());
            List<Long> generations = new ArrayList<>();
            Set<CredentialId> good = new HashSet<>();
            for (SealedEvent event : manager.auditTrail(ID)) {
                event.event().content().credential().ifPresent(made -> {
                    generations.add(made.generation());
                    CredentialId id = CredentialId.of(made.jti());
                    if (isGood(manager, id)) {
                        good.add(id);
                    }
                });
            }
            assertThat(generations).isSorted().doesNotHaveDuplicates();
            assertThat(good).hasSizeLessThanOrEqualTo(2).isNotEmpty();
        } finally {
            threads.shutdownNow();
        }
    }

    private static Set<Token> rotateAll(LifecycleManager manager, ExecutorService threads, boolean ownKeys)
            throws Exception {
        List<Future<Optional<Token>>> all = new ArrayList<>();
        for (int i = 0; i < 32; i++) {
            String key = ownKeys ? "key-" + i : "key";
            all.add(threads.submit(() -> {
                try {
                    return Optional.of(
                            manager.rotateCredentials(ID, ADMIN, key).issued().token());
                } catch (StoreException | io.agentlifecycle.core.error.ContentionException e) {
                    return Optional.empty(); // lost to the others too often; nothing was stored
                }
            }));
        }
        Set<Token> tokens = new HashSet<>();
        for (Future<Optional<Token>> each : all) {
            each.get().ifPresent(tokens::add);
        }
        return tokens;
    }
}
