package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.active;
import static io.agentlifecycle.core.Workshop.kinds;
import static io.agentlifecycle.core.Workshop.refused;
import static io.agentlifecycle.core.Workshop.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Command;
import io.agentlifecycle.core.agent.GuardPolicy;
import io.agentlifecycle.core.agent.GuardPolicy.QuarantineAccess;
import io.agentlifecycle.core.agent.TransitionTable;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.error.AuditUnavailableException;
import io.agentlifecycle.core.error.InvalidTransitionException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.error.StoreFullException;
import io.agentlifecycle.core.hold.Hold;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.HoldTerms;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.quarantine.Conduct;
import io.agentlifecycle.core.quarantine.Incident;
import io.agentlifecycle.core.quarantine.Incident.Kind;
import io.agentlifecycle.core.quarantine.Quarantine;
import io.agentlifecycle.core.quarantine.QuarantinePolicy;
import io.agentlifecycle.core.quarantine.Severity;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.spi.RecoveryTask;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoredRecord;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Incidents, the quarantine that they lead to, and the ways out of it. */
class QuarantineTest {
    private static final Actor WATCHER = Actor.service("watcher");
    private static final Incident CRASH = new Incident(Kind.CRASH, Severity.MEDIUM, "exit 137");
    private static final Incident THEFT = new Incident(Kind.SECURITY_VIOLATION, Severity.HIGH, "read a secret");
    private static final String DIGEST = Digests.sha256("a manifest");
    private static final RecoveryTask WORKS = agent -> {};
    private static final RecoveryTask FAILS = agent -> {
        throw new IllegalStateException("the key is sk-12345");
    };

    private final FaultStore store = new FaultStore(LifecycleStore.inMemory());

    @RegisterExtension
    final Workshop shop = new Workshop(store);

    private LifecycleManager manager = shop.open(Workshop.OPEN_DOOR);

    private Quarantines quarantines() {
        return manager.quarantines();
    }

    private Agent agent() {
        return manager.get(ID);
    }

    private Quarantine standing() {
        return agent().conduct().standing();
    }

    private boolean may(Operation operation) {
        return manager.guard().check(ID, operation).allowed();
    }

    private LifecycleManager with(UnaryOperator<QuarantinePolicy> change) {
        shop.close(manager);
        manager = shop.open(LifecyclePolicy.builder()
                .requireApproval(false)
                .quarantine(change.apply(QuarantinePolicy.DEFAULT))
                .build());
        return manager;
    }

    private List<AuditEvent> events(EventKind kind) {
        return manager.auditTrail(ID).stream()
                .map(SealedEvent::event)
                .filter(event -> event.kind() == kind)
                .toList();
    }

    // ---- going in

    @Test
    void quarantine_stops_an_agent_and_keeps_what_is_known_of_it() {
        Activation activation = active(manager, "agent:1");
        String token = activation.credential().orElseThrow().token().reveal();

        Agent agent = quarantines().quarantine(ID, THEFT, ADMIN);

        assertThat(agent.state()).isEqualTo(AgentState.QUARANTINED);
        assertThat(agent.conduct().quarantine())
                .contains(new Quarantine(THEFT, ADMIN, shop.clock.instant(), 0, Optional.empty()));
        Verdict verdict = manager.guard().check(ID, Operation.INVOKE);
        assertThat(((Verdict.Denied) verdict).reasons()).containsExactly(Verdict.Reason.QUARANTINED);
        assertThat(manager.verifyOpaque(token).allowed()).isFalse();
        AuditEvent event = events(EventKind.AGENT_QUARANTINED).get(0);
        assertThat(event.actor()).isEqualTo(ADMIN);
        assertThat(event.from()).contains(AgentState.ACTIVE);
        assertThat(event.details().toString()).contains("security_violation", "high", "read a secret");
        assertThat(agent.tally().quarantines()).isOne();
    }

    @ParameterizedTest
    @EnumSource(QuarantineAccess.class)
    void what_it_may_still_do_is_a_policy(QuarantineAccess access) {
        shop.close(manager);
        manager = shop.open(LifecyclePolicy.builder()
                .requireApproval(false)
                .guard(GuardPolicy.DEFAULT.withQuarantine(access))
                .build());
        Activation activation = active(manager, "agent:1");
        quarantines().quarantine(ID, CRASH, ADMIN);

        assertThat(may(Operation.SELF_READ)).isEqualTo(access != QuarantineAccess.NONE);
        assertThat(may(Operation.INVOKE)).isEqualTo(access == QuarantineAccess.FULL);
        assertThat(manager.guard()
                        .check(
                                manager.get(ID).key(),
                                activation
                                        .credential()
                                        .orElseThrow()
                                        .credential()
                                        .id(),
                                Operation.INVOKE)
                        .allowed())
                .isEqualTo(access == QuarantineAccess.FULL);
    }

    @Test
    void who_is_not_active_is_held_instead_so_that_it_does_not_become_so() {
        active(manager, "agent:1");
        manager.suspend(ID, "maintenance", ADMIN);

        Agent suspended = quarantines().quarantine(ID, CRASH, WATCHER);

        assertThat(suspended.state()).isEqualTo(AgentState.SUSPENDED);
        assertThat(suspended.holds().get(HoldReason.QUARANTINE).map(Hold::authority))
                .contains(ReleaseAuthority.OPERATOR);
        Agent worse = quarantines().report(ID, THEFT, WATCHER);
        Hold hold = worse.holds().get(HoldReason.QUARANTINE).orElseThrow();
        assertThat(hold.authority()).as("what is reported, too").isEqualTo(ReleaseAuthority.ADMIN);
        assertThat(hold.text()).isEqualTo("read a secret");
        assertThat(quarantines().quarantine(ID, CRASH, WATCHER).holds())
                .as("it takes no less for it")
                .isEqualTo(worse.holds());
        assertThat(events(EventKind.INCIDENT_REPORTED))
                .as("a hold does not say what happened")
                .hasSize(3);
        refused(manager, "other-holds", () -> manager.resume(ID, ADMIN));
        refused(manager, "hold-authority", () -> manager.releaseHold(ID, HoldReason.QUARANTINE, ADMIN));
    }

    @Test
    void what_was_reported_while_it_was_held_keeps_it_from_going_on_when_the_hold_ends() {
        active(manager, "agent:1");
        Instant end = shop.clock.instant().plusSeconds(60);
        manager.suspend(ID, HoldTerms.of("").until(end), ADMIN);
        quarantines().report(ID, THEFT, WATCHER);
        shop.clock.set(end);
        manager.sweeper().sweep();

        assertThat(agent().holds().reasons()).containsExactly(HoldReason.QUARANTINE);
        assertThat(agent().state()).isEqualTo(AgentState.SUSPENDED);
    }

    @Test
    void nobody_places_the_holds_of_a_quarantine_by_hand() {
        active(manager, "agent:1");
        for (HoldReason reason : List.of(HoldReason.QUARANTINE, HoldReason.RECOVERY_FAILED)) {
            assertThat(refused(manager, "hold-reserved", () -> manager.placeHold(ID, reason, "", WATCHER)))
                    .hasMessageContainingAll("agent:1", reason.code());
        }
    }

    @Test
    void something_worse_makes_a_quarantine_worse_and_something_as_bad_is_noted() {
        active(manager, "agent:1");
        quarantines().quarantine(ID, CRASH, WATCHER);
        Instant since = standing().since();
        shop.clock.advance(Duration.ofSeconds(1));

        quarantines().report(ID, THEFT, WATCHER);
        assertThat(standing()).isEqualTo(new Quarantine(THEFT, WATCHER, since, 0, Optional.empty()));
        quarantines().quarantine(ID, new Incident(Kind.CRASH, Severity.CRITICAL, "worse"), WATCHER);
        assertThat(standing().cause())
                .as("an admin is needed still")
                .isEqualTo(new Incident(Kind.SECURITY_VIOLATION, Severity.CRITICAL, "worse"));
        long before = agent().version();
        assertThat(quarantines().quarantine(ID, THEFT, WATCHER).version()).isEqualTo(before + 1);

        assertThat(standing().cause().text()).isEqualTo("worse");
        assertThat(agent().holds().isEmpty()).isTrue();
        assertThat(agent().tally().quarantines()).isOne();
        refused(manager, "quarantine-authority", () -> quarantines().release(ID, ADMIN));
    }

    @Test
    void who_may_go_on_in_quarantine_may_not_while_it_is_held() {
        shop.close(manager);
        manager = shop.open(LifecyclePolicy.builder()
                .requireApproval(false)
                .guard(GuardPolicy.brainstormRouter())
                .build());
        active(manager, "agent:1");
        quarantines().quarantine(ID, CRASH, ADMIN);
        assertThat(may(Operation.INVOKE)).isTrue();
        Instant end = shop.clock.instant().plusSeconds(60);
        manager.placeHold(ID, HoldReason.INSUFFICIENT_BALANCE, HoldTerms.of("").until(end), ADMIN);

        var denied = (Verdict.Denied) manager.guard().check(ID, Operation.SELF_READ);
        assertThat(denied.reasons()).containsExactly(Verdict.Reason.HELD);
        assertThat(denied.retryAt()).contains(end);
        shop.clock.set(end);
        manager.sweeper().sweep();
        assertThat(may(Operation.INVOKE)).isTrue();
        assertThat(quarantines().release(ID, ADMIN).agent().state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void a_quarantine_that_stops_nobody_does_not_make_up_for_a_suspension_that_failed() {
        shop.close(manager);
        manager = shop.open(LifecyclePolicy.builder()
                .requireApproval(false)
                .guard(GuardPolicy.brainstormRouter())
                .build());
        active(manager, "agent:1");
        store.commits = (commit, to) -> new CommitResult.Rejected(CommitResult.Reason.FULL, "full");
        assertThatThrownBy(() -> manager.suspend(ID, "", ADMIN)).isInstanceOf(StoreFullException.class);
        store.commits = (commit, to) -> to.commit(commit);

        quarantines().quarantine(ID, CRASH, ADMIN);

        assertThat(may(Operation.INVOKE)).isFalse();
        quarantines().release(ID, ADMIN);
        assertThat(may(Operation.INVOKE)).isTrue();
    }

    @Test
    void where_the_table_knows_no_quarantine_an_agent_is_suspended() {
        shop.close(manager);
        manager = shop.open(b -> b.policy(Workshop.OPEN_DOOR).transitions(TransitionTable.agentMesh()));
        active(manager, "agent:1");

        assertThat(quarantines().quarantine(ID, CRASH, ADMIN).state()).isEqualTo(AgentState.SUSPENDED);
        assertThat(catchThrowableOfType(
                                InvalidTransitionException.class,
                                () -> quarantines().quarantine(ID, CRASH, ADMIN))
                        .command())
                .isEqualTo(Command.QUARANTINE);
    }

    @Test
    void an_agent_that_was_in_quarantine_elsewhere_is_so_here() {
        manager.importAgents(List.of(shop.imported("agent:1", AgentState.QUARANTINED)), "elsewhere", ADMIN);

        assertThat(standing().cause().kind()).isEqualTo(Kind.MANUAL);
        assertThat(quarantines().attemptRecovery(ID, WORKS, ADMIN)).isInstanceOf(RecoveryResult.Recovered.class);
    }

    // ---- incidents

    @Test
    void more_crashes_than_the_policy_allows_within_its_window_quarantine() {
        active(manager, "agent:1");
        for (int i = 0; i < 3; i++) {
            assertThat(quarantines().report(ID, CRASH, WATCHER).state()).isEqualTo(AgentState.ACTIVE);
            shop.clock.advance(Duration.ofMinutes(1));
        }

        Agent stopped = quarantines().report(ID, new Incident(Kind.CRASH, Severity.LOW, "again"), WATCHER);

        assertThat(stopped.state()).isEqualTo(AgentState.QUARANTINED);
        assertThat(standing().cause())
                .as("the last one, as bad as the worst")
                .isEqualTo(new Incident(Kind.CRASH, Severity.MEDIUM, "again"));
        assertThat(standing().placedBy()).isEqualTo(Actor.policy("auto"));
        assertThat(stopped.version()).as("noted and stopped in one commit").isEqualTo(6);
        assertThat(kinds(manager, ID)).endsWith(EventKind.INCIDENT_REPORTED, EventKind.AGENT_QUARANTINED);
    }

    @Test
    void a_window_ends_at_its_instant() {
        active(manager, "agent:1");
        Instant first = shop.clock.instant();
        for (int i = 0; i < 3; i++) {
            quarantines().report(ID, CRASH, WATCHER);
        }
        shop.clock.advance(Duration.ofMinutes(10).plusNanos(1));
        assertThat(quarantines().report(ID, CRASH, WATCHER).state())
                .as("those of %s are too old", first)
                .isEqualTo(AgentState.ACTIVE);
        quarantines().report(ID, CRASH, WATCHER);
        quarantines().report(ID, CRASH, WATCHER);
        shop.clock.advance(Duration.ofMinutes(10));

        assertThat(quarantines().report(ID, CRASH, WATCHER).state()).isEqualTo(AgentState.QUARANTINED);
    }

    @Test
    void kinds_are_counted_apart_and_what_was_before_a_release_is_forgiven() {
        active(manager, "agent:1");
        for (int i = 0; i < 3; i++) {
            quarantines().report(ID, CRASH, WATCHER);
            quarantines().report(ID, new Incident(Kind.RESOURCE_ABUSE, Severity.LOW, ""), WATCHER);
            quarantines().report(ID, new Incident(Kind.MANUAL, Severity.HIGH, ""), WATCHER);
        }
        assertThat(agent().state()).isEqualTo(AgentState.ACTIVE);
        quarantines().report(ID, CRASH, WATCHER);
        shop.clock.advance(Duration.ofSeconds(1));
        quarantines().release(ID, ADMIN);

        assertThat(quarantines().report(ID, CRASH, WATCHER).state()).isEqualTo(AgentState.ACTIVE);
        assertThat(agent().conduct().incidents()).as("they are remembered").hasSize(11);
    }

    @ParameterizedTest
    @CsvSource({"SECURITY_VIOLATION,LOW,true", "ANOMALY,CRITICAL,true", "ANOMALY,HIGH,false", "MANUAL,CRITICAL,true"})
    void what_is_grave_quarantines_at_once(Kind kind, Severity severity, boolean stops) {
        active(manager, "agent:1");

        Agent agent = quarantines().report(ID, new Incident(kind, severity, ""), WATCHER);

        assertThat(agent.state() == AgentState.QUARANTINED).isEqualTo(stops);
    }

    @Test
    void by_hand_incidents_are_only_noted() {
        with(QuarantinePolicy::byHand);
        active(manager, "agent:1");
        for (int i = 0; i < 2 * Conduct.MOST; i++) {
            quarantines().report(ID, THEFT, WATCHER);
        }

        assertThat(agent().state()).isEqualTo(AgentState.ACTIVE);
        assertThat(agent().conduct().incidents()).hasSize(Conduct.MOST);
    }

    @Test
    void the_highest_limit_can_be_reached() {
        int most = Conduct.MOST - 1;
        with(policy -> policy.with(Kind.ANOMALY, new QuarantinePolicy.Limit(most, Duration.ofDays(1))));
        active(manager, "agent:1");
        var odd = new Incident(Kind.ANOMALY, Severity.LOW, "");
        for (int i = 0; i < most; i++) {
            assertThat(quarantines().report(ID, odd, WATCHER).state()).isEqualTo(AgentState.ACTIVE);
        }
        assertThat(quarantines().report(ID, odd, WATCHER).state()).isEqualTo(AgentState.QUARANTINED);
    }

    @Test
    void nothing_is_noted_of_a_retired_agent() {
        active(manager, "agent:1");
        manager.decommission(ID, "", ADMIN);

        assertThat(refused(manager, "incident-after-end", () -> quarantines().report(ID, THEFT, WATCHER)))
                .hasMessageContainingAll("agent:1", "DECOMMISSIONED", "block");
    }

    // ---- ways out

    @Test
    void a_release_makes_it_active_with_a_new_credential() {
        Activation before = active(manager, "agent:1");
        quarantines().quarantine(ID, CRASH, ADMIN);

        Activation released = quarantines().release(ID, ADMIN);

        assertThat(released.agent().state()).isEqualTo(AgentState.ACTIVE);
        assertThat(released.agent().conduct().quarantine()).isEmpty();
        assertThat(manager.verifyOpaque(
                                before.credential().orElseThrow().token().reveal())
                        .allowed())
                .isFalse();
        assertThat(manager.verifyOpaque(
                                released.credential().orElseThrow().token().reveal())
                        .allowed())
                .isTrue();
        assertThatThrownBy(() -> quarantines().release(ID, ADMIN)).isInstanceOf(InvalidTransitionException.class);
    }

    @Test
    void a_security_violation_takes_an_admin_whatever_the_way() {
        active(manager, "agent:1");
        quarantines().quarantine(ID, THEFT, WATCHER);

        assertThat(refused(manager, "quarantine-authority", () -> quarantines().release(ID, WATCHER)))
                .hasMessageContainingAll("service:watcher", "agent:1", "security_violation", "OPERATOR", "ADMIN");
        refused(manager, "quarantine-authority", () -> quarantines().attemptRecovery(ID, WORKS, WATCHER));
        assertThat(refused(
                        manager,
                        "hold-out-of-quarantine",
                        () -> manager.suspend(
                                ID, HoldTerms.of("").until(shop.clock.instant().plusSeconds(1)), WATCHER)))
                .hasMessageContaining("without an end");
        manager.suspend(ID, "so that I can resume it", WATCHER);
        refused(manager, "hold-authority", () -> manager.resume(ID, WATCHER));
        assertThat(manager.releaseHold(ID, HoldReason.OPERATOR, ReleaseAuthority.ADMIN, ADMIN)
                        .agent()
                        .state())
                .isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void a_suspension_ends_a_quarantine_and_anyone_who_could_release_it_may_resume() {
        active(manager, "agent:1");
        quarantines().quarantine(ID, CRASH, WATCHER);

        assertThat(manager.suspend(ID, "", ADMIN).conduct().quarantine()).isEmpty();
        assertThat(manager.resume(ID, ADMIN).agent().state()).isEqualTo(AgentState.ACTIVE);
    }

    // ---- recovery

    @Test
    void the_three_outcomes_of_a_recovery() {
        active(manager, "agent:1");
        assertThatThrownBy(() -> quarantines().attemptRecovery(ID, WORKS, ADMIN))
                .as("not in quarantine")
                .isInstanceOf(InvalidTransitionException.class)
                .hasMessageContaining("agent:1");
        quarantines().quarantine(ID, CRASH, ADMIN);

        Instant retryAt = shop.clock.instant().plus(Duration.ofMinutes(1));
        assertThat(quarantines().attemptRecovery(ID, FAILS, ADMIN))
                .isEqualTo(new RecoveryResult.Failed(agent(), "java.lang.IllegalStateException", Optional.of(retryAt)));
        assertThat(refused(manager, "recovery-wait", () -> quarantines().attemptRecovery(ID, WORKS, ADMIN)))
                .hasMessageContainingAll("agent:1", retryAt.toString());
        shop.clock.advance(Duration.ofMinutes(1));
        var last = (RecoveryResult.Failed) quarantines().attemptRecovery(ID, FAILS, ADMIN);
        assertThat(last.retryAt()).as("MEDIUM has two").isEmpty();
        List<String> ran = new ArrayList<>();
        assertThat(quarantines().attemptRecovery(ID, agent -> ran.add("ran"), ADMIN))
                .isEqualTo(new RecoveryResult.Exhausted(agent()));
        assertThat(ran).isEmpty();

        quarantines().release(ID, ADMIN);
        quarantines().quarantine(ID, CRASH, ADMIN);
        var recovered = (RecoveryResult.Recovered) quarantines().attemptRecovery(ID, WORKS, ADMIN);
        assertThat(recovered.agent().state()).isEqualTo(AgentState.ACTIVE);
        assertThat(recovered.activation().credential()).isPresent();
        assertThat(events(EventKind.AGENT_RECOVERY_FAILED)).hasSize(2);
        assertThat(events(EventKind.AGENT_RECOVERED)).hasSize(1);
        assertThat(manager.auditTrail(ID).toString()).doesNotContain("sk-12345");
    }

    @Test
    void how_often_a_recovery_may_fail_goes_by_severity() {
        active(manager, "agent:1");
        Map<Severity, Integer> tried = new EnumMap<>(Severity.class);
        for (Severity severity : Severity.values()) {
            quarantines().quarantine(ID, new Incident(Kind.CRASH, severity, ""), ADMIN);
            while (quarantines().attemptRecovery(ID, FAILS, ADMIN) instanceof RecoveryResult.Failed) {
                tried.merge(severity, 1, Integer::sum);
                shop.clock.advance(Duration.ofHours(1));
            }
            quarantines().release(ID, ADMIN);
        }
        assertThat(tried).isEqualTo(Map.of(Severity.LOW, 3, Severity.MEDIUM, 2, Severity.HIGH, 1));
    }

    @Test
    void waits_double_up_to_an_hour() {
        assertThat(List.of(1, 2, 3, 6, 7, 1_000).stream().map(QuarantinePolicy.DEFAULT::retryAfter))
                .containsExactly(
                        Duration.ofMinutes(1),
                        Duration.ofMinutes(2),
                        Duration.ofMinutes(4),
                        Duration.ofMinutes(32),
                        Duration.ofHours(1),
                        Duration.ofHours(1));
        active(manager, "agent:1");
    }

    @Test
    void a_recovered_agent_that_is_held_is_suspended() {
        active(manager, "agent:1");
        quarantines().quarantine(ID, CRASH, ADMIN);
        manager.placeHold(ID, HoldReason.INSUFFICIENT_BALANCE, "", ADMIN);

        RecoveryResult result = quarantines().attemptRecovery(ID, WORKS, ADMIN);

        assertThat(result.agent().state()).isEqualTo(AgentState.SUSPENDED);
        assertThat(((RecoveryResult.Recovered) result).activation().credential())
                .isEmpty();
    }

    @Test
    void a_recovery_is_written_down_before_it_is_tried_and_nobody_tries_another_meanwhile() {
        active(manager, "agent:1");
        quarantines().quarantine(ID, CRASH, ADMIN);

        assertThatThrownBy(() -> quarantines()
                        .attemptRecovery(
                                ID,
                                agent -> {
                                    assertThat(agent.conduct().standing().attempts())
                                            .isOne();
                                    refused(
                                            manager,
                                            "recovery-wait",
                                            () -> quarantines().attemptRecovery(ID, WORKS, WATCHER));
                                    throw new StackOverflowError();
                                },
                                ADMIN))
                .isInstanceOf(StackOverflowError.class);

        assertThat(standing().attempts()).as("it counts all the same").isOne();
        assertThat(events(EventKind.AGENT_RECOVERY_STARTED)).hasSize(1);
    }

    @Test
    void who_comes_second_when_one_is_left_finds_none() {
        with(policy -> policy.with(Severity.MEDIUM, 1));
        active(manager, "agent:1");
        quarantines().quarantine(ID, CRASH, ADMIN);
        List<RecoveryResult> second = new ArrayList<>();
        List<String> ran = new ArrayList<>();
        store.commits = (commit, to) -> {
            store.commits = (next, there) -> there.commit(next);
            // between the reading and the writing of the one that is begun below
            second.add(quarantines().attemptRecovery(ID, FAILS, WATCHER));
            return to.commit(commit);
        };

        RecoveryResult first = quarantines().attemptRecovery(ID, agent -> ran.add("ran"), ADMIN);

        assertThat(second).hasOnlyElementsOfType(RecoveryResult.Failed.class);
        assertThat(first).isInstanceOf(RecoveryResult.Exhausted.class);
        assertThat(ran).isEmpty();
    }

    @Test
    void a_recovery_does_not_make_up_for_what_happened_meanwhile() {
        active(manager, "agent:1");
        quarantines().quarantine(ID, CRASH, ADMIN);
        PolicyViolationException refusal = catchThrowableOfType(
                PolicyViolationException.class,
                () -> quarantines().attemptRecovery(ID, agent -> quarantines().report(ID, THEFT, WATCHER), ADMIN));
        assertThat(refusal.rule()).isEqualTo("recovery-overtaken");
        assertThat(refusal).hasMessageContaining("agent:1");
        assertThat(agent().state()).isEqualTo(AgentState.QUARANTINED);
        quarantines().release(ID, ReleaseAuthority.ADMIN, ADMIN);
        quarantines().quarantine(ID, CRASH, ADMIN);

        refusal = catchThrowableOfType(
                PolicyViolationException.class,
                () -> quarantines()
                        .attemptRecovery(
                                ID,
                                agent -> {
                                    shop.clock.advance(Duration.ofMinutes(1));
                                    quarantines().attemptRecovery(ID, FAILS, WATCHER);
                                },
                                ADMIN));
        assertThat(refusal.rule()).isEqualTo("recovery-overtaken");
        assertThat(standing().attempts()).isEqualTo(2);
    }

    @Test
    void a_recovery_is_not_tried_for_an_agent_that_could_not_go_on() {
        List<String> ran = new ArrayList<>();
        RecoveryTask noting = agent -> ran.add(agent.id().value());
        Instant end = shop.clock.instant().plusSeconds(60);
        manager.requestProvisioning(request("agent:1").notAfter(end).build());
        manager.activate(ID);
        quarantines().quarantine(ID, CRASH, ADMIN);
        manager.killSwitch().engage(manager.killSwitch().agent(ID), "", ADMIN);
        refused(manager, "kill-switch", () -> quarantines().attemptRecovery(ID, noting, ADMIN));
        manager.killSwitch().release(manager.killSwitch().agent(ID), ReleaseAuthority.ADMIN, "", ADMIN);
        shop.clock.set(end);
        refused(manager, "lifespan-over", () -> quarantines().attemptRecovery(ID, noting, ADMIN));

        assertThat(ran).isEmpty();
        assertThat(standing().attempts()).isZero();
    }

    @Test
    void an_interrupted_recovery_is_written_down_and_leaves_the_thread_interrupted() {
        active(manager, "agent:1");
        quarantines().quarantine(ID, CRASH, ADMIN);
        List<Boolean> interrupted = new ArrayList<>();
        store.commits = (commit, to) -> {
            interrupted.add(Thread.currentThread().isInterrupted());
            return to.commit(commit);
        };

        RecoveryResult result = quarantines()
                .attemptRecovery(
                        ID,
                        agent -> {
                            throw new InterruptedException();
                        },
                        ADMIN);

        assertThat(Thread.interrupted()).isTrue();
        assertThat(interrupted).containsExactly(false, false);
        assertThat(result).isInstanceOf(RecoveryResult.Failed.class);
    }

    @Test
    void the_last_failure_suspends_if_the_policy_says_so() {
        with(policy -> policy.with(Severity.HIGH, 1).withEscalates(true));
        active(manager, "agent:1");
        quarantines().quarantine(ID, THEFT, ADMIN);

        RecoveryResult result = quarantines().attemptRecovery(ID, FAILS, ReleaseAuthority.ADMIN, ADMIN);

        assertThat(result.agent().state()).isEqualTo(AgentState.SUSPENDED);
        assertThat(result.agent().holds().get(HoldReason.RECOVERY_FAILED).map(Hold::authority))
                .contains(ReleaseAuthority.ADMIN);
        assertThat(result.agent().conduct().quarantine()).isEmpty();
    }

    @Test
    void who_asks_for_a_recovery_when_none_is_left_has_the_agent_suspended_too() {
        with(policy -> policy.withEscalates(true));
        active(manager, "agent:1");
        quarantines().quarantine(ID, new Incident(Kind.CRASH, Severity.CRITICAL, ""), ADMIN);

        var result = (RecoveryResult.Exhausted) quarantines().attemptRecovery(ID, WORKS, ADMIN);

        assertThat(result.agent()).isEqualTo(agent());
        assertThat(agent().holds().reasons()).containsExactly(HoldReason.RECOVERY_FAILED);
    }

    @Test
    void where_the_table_does_not_lead_to_suspended_the_last_failure_is_counted_all_the_same() {
        shop.close(manager);
        manager = shop.open(b -> b.policy(LifecyclePolicy.builder()
                        .requireApproval(false)
                        .quarantine(QuarantinePolicy.DEFAULT
                                .with(Severity.MEDIUM, 1)
                                .withEscalates(true))
                        .build())
                .transitions(TransitionTable.STANDARD.keeping(
                        (from, command) -> from != AgentState.QUARANTINED || command != Command.SUSPEND)));
        active(manager, "agent:1");
        quarantines().quarantine(ID, CRASH, ADMIN);

        assertThat(quarantines().attemptRecovery(ID, FAILS, ADMIN).agent().state())
                .isEqualTo(AgentState.QUARANTINED);
        assertThat(quarantines().attemptRecovery(ID, FAILS, ADMIN)).isInstanceOf(RecoveryResult.Exhausted.class);
    }

    // ---- block

    @Test
    void what_a_blocked_agent_is_made_of_never_comes_back() {
        manager.activate(manager.requestProvisioning(
                        request("agent:1").manifestDigest(DIGEST).build())
                .id());
        manager.requestProvisioning(request("agent:2").manifestDigest(DIGEST).build());
        quarantines().quarantine(ID, THEFT, ADMIN);

        Agent blocked = quarantines().block(ID, "it steals", ADMIN);

        assertThat(blocked.state()).isEqualTo(AgentState.DECOMMISSIONED);
        assertThat(blocked.conduct().blocked()).isTrue();
        refused(
                manager,
                "agent-id-retired",
                () -> manager.requestProvisioning(request("agent:1").build()));
        assertThat(refused(
                        manager,
                        "manifest-blocked",
                        () -> manager.requestProvisioning(
                                request("agent:3").manifestDigest(DIGEST).build())))
                .hasMessageContainingAll("agent:3", DIGEST);
        refused(manager, "manifest-blocked", () -> manager.activate(AgentId.of("agent:2")));
        refused(
                manager,
                "manifest-blocked",
                () -> manager.importAgents(
                        List.of(new AgentImport(
                                request("agent:4").manifestDigest(DIGEST).build(),
                                AgentState.ACTIVE,
                                shop.clock.instant())),
                        "elsewhere",
                        ADMIN));
        LifecycleManager other = manager.forTenant(TenantId.of("acme"));
        other.requestProvisioning(request("agent:3").manifestDigest(DIGEST).build());
        shop.close(manager);
        manager = shop.open(Workshop.OPEN_DOOR);
        refused(
                manager,
                "manifest-blocked",
                () -> manager.requestProvisioning(
                        request("agent:3").manifestDigest(DIGEST).build()));
    }

    @Test
    void a_request_can_be_blocked_and_a_retired_agent_too() {
        shop.close(manager);
        manager = shop.open(LifecyclePolicy.defaults());
        manager.requestProvisioning(request("agent:1").manifestDigest(DIGEST).build());
        manager.requestProvisioning(request("agent:2").manifestDigest(DIGEST).build());
        AgentId second = AgentId.of("agent:2");

        assertThat(quarantines().block(ID, "", ADMIN).state()).isEqualTo(AgentState.DECOMMISSIONED);
        assertThat(kinds(manager, ID)).endsWith(EventKind.AGENT_BLOCKED, EventKind.AGENT_REJECTED);
        refused(manager, "manifest-blocked", () -> manager.approve(second, ADMIN));
        manager.reject(second, "", ADMIN);
        assertThat(quarantines().block(second, "", ADMIN).conduct().blocked()).isTrue();
        long version = quarantines().block(second, "again", ADMIN).version();
        assertThat(version).as("once is enough").isEqualTo(3);
    }

    @Test
    void a_twin_of_a_blocked_agent_does_not_become_active_again() {
        manager.activate(manager.requestProvisioning(
                        request("agent:1").manifestDigest(DIGEST).build())
                .id());
        quarantines().quarantine(ID, CRASH, ADMIN);
        AgentId second = AgentId.of("agent:2");
        manager.requestProvisioning(request("agent:2").manifestDigest(DIGEST).build());
        quarantines().block(second, "", ADMIN);

        refused(manager, "manifest-blocked", () -> quarantines().release(ID, ADMIN));
        manager.suspend(ID, "", ADMIN);
        refused(manager, "manifest-blocked", () -> manager.resume(ID, ADMIN));
    }

    @Test
    void a_block_whose_record_is_gone_is_found_also_when_the_trail_is() {
        shop.close(manager);
        manager = shop.open(b -> b.policy(Workshop.OPEN_DOOR).minRetention(Duration.ZERO));
        manager.requestProvisioning(request("agent:1").manifestDigest(DIGEST).build());
        quarantines().block(ID, "", ADMIN);
        manager.verify();
        store.hidden = RecordKey.block(TenantId.DEFAULT, DIGEST)::equals;
        assertThatThrownBy(manager::verify)
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContainingAll("agent:1", "block:", DIGEST);
        store.hidden = key -> false;
        shop.clock.advance(Duration.ofDays(1));
        manager.prune(shop.clock.instant(), "", ADMIN);
        manager.verify();
        store.hidden = RecordKey.block(TenantId.DEFAULT, DIGEST)::equals;
        assertThatThrownBy(manager::verify).isInstanceOf(AuditTamperedException.class);
        store.hidden = key -> false;
    }

    @Test
    void a_block_that_nobody_placed_is_found() {
        manager.requestProvisioning(request("agent:1").manifestDigest(DIGEST).build());
        quarantines().block(ID, "", ADMIN);
        store.records = record -> record.key().kind().equals(RecordKey.BLOCK)
                ? new StoredRecord(
                        RecordKey.block(TenantId.DEFAULT, Digests.sha256("another")),
                        record.version(),
                        record.dueAt(),
                        record.body(),
                        record.index())
                : record;

        assertThatThrownBy(manager::verify)
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContainingAll("agent:1", Digests.sha256("another"));
        store.records = record -> record;
    }

    // ---- failures

    @Test
    void a_report_that_would_have_stopped_an_agent_and_cannot_be_stored_stops_it_in_this_process() {
        active(manager, "agent:1");
        store.commits = (commit, to) -> new CommitResult.Rejected(CommitResult.Reason.FULL, "full");

        assertThatThrownBy(() -> quarantines().report(ID, CRASH, WATCHER)).isInstanceOf(StoreFullException.class);
        assertThat(may(Operation.INVOKE)).as("it was only to be noted").isTrue();
        assertThatThrownBy(() -> quarantines().report(ID, THEFT, WATCHER)).isInstanceOf(StoreFullException.class);
        assertThat(may(Operation.INVOKE)).isFalse();

        store.commits = (commit, to) -> to.commit(commit);
        manager.suspend(ID, "", ADMIN);
        manager.resume(ID, ADMIN);
        assertThat(may(Operation.INVOKE)).isTrue();
        store.breakAt(call -> call == FaultStore.Call.GET);
        assertThatThrownBy(() -> quarantines().report(ID, CRASH, WATCHER)).isInstanceOf(StoreException.class);
        assertThat(may(Operation.INVOKE)).isTrue();
        assertThatThrownBy(() -> quarantines().report(ID, THEFT, WATCHER)).isInstanceOf(StoreException.class);
        assertThat(may(Operation.INVOKE)).as("nobody knows, but it is grave").isFalse();
        store.breakAt(call -> false);
        quarantines().report(ID, THEFT, WATCHER);
        quarantines().release(ID, ReleaseAuthority.ADMIN, ADMIN);
        assertThat(may(Operation.INVOKE)).isTrue();
    }

    @Test
    void something_graver_is_noted_of_who_is_held_also_while_the_sealer_fails() {
        shop.close(manager);
        var sealer = new TestSealer();
        manager = shop.open(b -> b.policy(Workshop.OPEN_DOOR).sealer(sealer).signFromHere());
        active(manager, "agent:1");
        manager.suspend(ID, "", ADMIN);
        quarantines().quarantine(ID, CRASH, ADMIN);
        sealer.fail();

        quarantines().report(ID, THEFT, WATCHER);
        sealer.heal();

        assertThat(kinds(manager, ID)).endsWith(EventKind.INCIDENT_REPORTED, EventKind.HOLD_PLACED);
        refused(manager, "hold-authority", () -> manager.releaseHold(ID, HoldReason.QUARANTINE, ADMIN));
        manager.releaseHold(ID, HoldReason.QUARANTINE, ReleaseAuthority.ADMIN, ADMIN);
        assertThat(agent().holds().reasons()).containsExactly(HoldReason.OPERATOR);
    }

    @Test
    void quarantine_works_while_the_sealer_fails_and_is_endorsed_later() {
        shop.close(manager);
        var sealer = new TestSealer();
        manager = shop.open(b -> b.policy(Workshop.OPEN_DOOR).sealer(sealer).signFromHere());
        active(manager, "agent:1");
        sealer.fail();

        quarantines().report(ID, CRASH, WATCHER);
        quarantines().quarantine(ID, CRASH, ADMIN);
        quarantines().attemptRecovery(ID, FAILS, ADMIN);
        assertThatThrownBy(() -> quarantines().release(ID, ADMIN)).isInstanceOf(AuditUnavailableException.class);
        quarantines().report(ID, THEFT, WATCHER);
        assertThat(manager.verify().waiting()).isEqualTo(6);
        sealer.heal();
        manager.sweeper().sweep();

        assertThat(manager.verify().waiting()).isZero();
        assertThat(manager.verify().endorsedLate()).isEqualTo(6);
        assertThat(agent().state()).isEqualTo(AgentState.QUARANTINED);
    }
}
