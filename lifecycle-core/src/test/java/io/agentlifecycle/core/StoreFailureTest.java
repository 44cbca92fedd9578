package io.agentlifecycle.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.agentlifecycle.core.FaultStore.Call;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.error.ContentionException;
import io.agentlifecycle.core.error.LifecycleException;
import io.agentlifecycle.core.error.StoreBusyException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.error.StoreFailedException;
import io.agentlifecycle.core.error.StoreFullException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.spi.LifecycleListener;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.testing.RecordingListener;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** A store that is full, busy, broken or silent, at each operation in turn. */
class StoreFailureTest {
    private static final HoldReason UNPAID = HoldReason.of("unpaid");

    private interface Verb extends BiConsumer<LifecycleManager, AgentId> {}

    private static final Map<String, Verb> RESTRICTING = verbs(Map.of(
            "suspend", (m, a) -> m.suspend(a, "", SweepFleet.ADMIN),
            "placeHold", (m, a) -> m.placeHold(a, UNPAID, "", SweepFleet.ADMIN),
            "revokeCredentials", (m, a) -> m.revokeCredentials(a, "", SweepFleet.ADMIN),
            "markOrphaned", (m, a) -> m.markOrphaned(a, SweepFleet.ADMIN),
            "decommission", (m, a) -> m.decommission(a, "", SweepFleet.ADMIN)));

    private static final Map<String, Verb> NEUTRAL = verbs(Map.of(
            "rotateCredentials", (m, a) -> m.rotateCredentials(a),
            "changeOwner", (m, a) -> m.changeOwner(a, "carol@company.com", SweepFleet.ADMIN)));

    private static Map<String, Verb> verbs(Map<String, Verb> verbs) {
        return new LinkedHashMap<>(verbs);
    }

    /** How a commit can go wrong, and what the caller must then be told. */
    private record Fault(
            BiFunction<Commit, LifecycleStore, CommitResult> commit, Class<? extends LifecycleException> told) {}

    private static Fault rejected(CommitResult.Reason reason, Class<? extends LifecycleException> told) {
        return new Fault((commit, to) -> new CommitResult.Rejected(reason, "no: " + reason), told);
    }

    private static final List<Fault> FAULTS = List.of(
            rejected(CommitResult.Reason.FULL, StoreFullException.class),
            rejected(CommitResult.Reason.BUSY, StoreBusyException.class),
            rejected(CommitResult.Reason.TOO_LARGE, StoreException.class),
            rejected(CommitResult.Reason.REQUEST_ID_REUSED, StoreException.class),
            rejected(CommitResult.Reason.FAILED, StoreFailedException.class),
            new Fault((commit, to) -> new CommitResult.Unknown("the line is dead"), StoreFailedException.class),
            new Fault((commit, to) -> new CommitResult.Conflict(Map.of()), ContentionException.class),
            new Fault(
                    (commit, to) -> {
                        throw new StoreException("the disk is gone", null);
                    },
                    StoreException.class));

    private FaultStore store = new FaultStore(LifecycleStore.inMemory());

    private SweepFleet fleet(UnaryOperator<LifecycleManager.Builder> parts) {
        return new SweepFleet(
                LifecycleStore.inMemory(),
                inner -> {
                    store = new FaultStore(inner);
                    return store;
                },
                UnaryOperator.identity(),
                parts);
    }

    private SweepFleet fleet() {
        return fleet(UnaryOperator.identity());
    }

    private static List<Verdict.Reason> reasons(SweepFleet fleet, AgentId agent) {
        return fleet.manager().guard().check(agent, Operation.INVOKE) instanceof Verdict.Denied denied
                ? denied.reasons()
                : List.of();
    }

    @Test
    void a_command_that_cannot_be_stored_says_why_and_changes_nothing() {
        for (Fault fault : FAULTS) {
            for (Map<String, Verb> verbs : List.of(RESTRICTING, NEUTRAL)) {
                verbs.forEach((name, verb) -> {
                    try (SweepFleet fleet = fleet()) {
                        AgentId agent = fleet.alive("a");
                        Agent before = fleet.manager().get(agent);
                        int events = fleet.kinds(agent).size();
                        store.commits = fault.commit();

                        assertThatThrownBy(() -> verb.accept(fleet.manager(), agent))
                                .as(name)
                                .isInstanceOf(fault.told())
                                .hasMessageMatching("(?s).{8,}");

                        boolean restricts = verbs == RESTRICTING;
                        assertThat(fleet.manager().get(agent)).as(name).isEqualTo(before);
                        assertThat(fleet.kinds(agent)).as(name).hasSize(events);
                        assertThat(reasons(fleet, agent))
                                .as(name)
                                .isEqualTo(restricts ? List.of(Verdict.Reason.DENIED_HERE) : List.of());
                        assertThat(fleet.manager().health().denied())
                                .as(name)
                                .isEqualTo(restricts ? Set.of(SweepFleet.key(agent)) : Set.of());
                        store.heal();
                        verb.accept(fleet.manager(), agent);
                        assertThat(fleet.manager().health().denied()).as(name).isEmpty();
                        assertThat(fleet.manager().health().lastStoreFailure())
                                .as(name)
                                .isEmpty();
                    }
                });
            }
        }
    }

    @Test
    void a_read_that_fails_denies_whom_a_restricting_command_was_meant_for() {
        for (Call call : List.of(Call.GET, Call.LIVENESS)) {
            RESTRICTING.forEach((name, verb) -> {
                try (SweepFleet fleet = fleet()) {
                    AgentId agent = fleet.alive("a");
                    store.breakAt(call::equals);
                    StoreException told =
                            catchThrowableOfType(StoreException.class, () -> verb.accept(fleet.manager(), agent));
                    if (call == Call.GET || name.equals("markOrphaned")) {
                        assertThat(told).as(name).isNotNull();
                        assertThat(reasons(fleet, agent)).as(name).containsExactly(Verdict.Reason.DENIED_HERE);
                    } else {
                        assertThat(told).as(name).isNull();
                    }
                    store.heal();
                }
            });
        }
    }

    @Test
    void a_store_that_throws_what_it_must_not_throw_denies_all_the_same() {
        RESTRICTING.forEach((name, verb) -> {
            try (SweepFleet fleet = fleet()) {
                AgentId agent = fleet.alive("a");
                store.commits = (commit, to) -> {
                    throw new IllegalStateException("a driver has a bug");
                };
                assertThatThrownBy(() -> verb.accept(fleet.manager(), agent))
                        .as(name)
                        .isInstanceOf(IllegalStateException.class);
                assertThat(reasons(fleet, agent)).as(name).containsExactly(Verdict.Reason.DENIED_HERE);
                store.heal();
            }
        });
    }

    @Test
    void a_refused_restriction_denies_nobody() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.alive("a");
            assertThatThrownBy(() -> fleet.manager().reject(agent, "", SweepFleet.ADMIN))
                    .isInstanceOf(LifecycleException.class);
            fleet.manager().placeHold(fleet.provisioned("b"), UNPAID, "", SweepFleet.ADMIN);
            assertThatThrownBy(() -> fleet.manager().placeHold(AgentId.of("b"), UNPAID, "", SweepFleet.ADMIN))
                    .isInstanceOf(LifecycleException.class);
            assertThat(fleet.manager().health().denied()).isEmpty();
            assertThat(fleet.admits(agent)).isTrue();
        }
    }

    @Test
    void a_denial_is_lifted_by_what_restricts_or_lifts_and_by_nothing_else() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.alive("a");
            store.breakAt(call -> call == Call.COMMIT);
            assertThatThrownBy(() -> fleet.manager().suspend(agent, "", SweepFleet.ADMIN))
                    .isInstanceOf(StoreException.class);
            assertThat(fleet.manager().health().isGood()).isFalse();
            store.heal();

            NEUTRAL.values().forEach(verb -> verb.accept(fleet.manager(), agent));
            fleet.manager().heartbeat(agent);
            assertThat(reasons(fleet, agent)).containsExactly(Verdict.Reason.DENIED_HERE);
            assertThat(fleet.manager().health().denied()).containsExactly(SweepFleet.key(agent));

            fleet.manager().suspend(agent, "", SweepFleet.ADMIN);
            assertThat(reasons(fleet, agent)).containsExactly(Verdict.Reason.SUSPENDED);
            store.breakAt(call -> call == Call.COMMIT);
            assertThatThrownBy(() -> fleet.manager().placeHold(agent, UNPAID, "", SweepFleet.ADMIN))
                    .isInstanceOf(StoreException.class);
            store.heal();
            assertThat(reasons(fleet, agent)).containsExactly(Verdict.Reason.DENIED_HERE, Verdict.Reason.SUSPENDED);
            fleet.manager().resume(agent, SweepFleet.ADMIN);
            assertThat(reasons(fleet, agent)).isEmpty();
            assertThat(fleet.manager().health().isGood()).isTrue();
        }
    }

    @Test
    void a_restriction_that_had_nothing_to_store_lifts_no_denial() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.alive("a");
            fleet.manager().revokeCredentials(agent, "", SweepFleet.ADMIN);
            store.breakAt(call -> call == Call.COMMIT);
            assertThatThrownBy(() -> fleet.manager().suspend(agent, "", SweepFleet.ADMIN))
                    .isInstanceOf(StoreException.class);
            store.heal();

            fleet.manager().revokeCredentials(agent, "", SweepFleet.ADMIN);

            assertThat(reasons(fleet, agent)).containsExactly(Verdict.Reason.DENIED_HERE);
        }
    }

    @Test
    void taking_credentials_away_does_not_make_up_for_a_suspension_that_failed() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.alive("a");
            store.breakAt(call -> call == Call.COMMIT);
            assertThatThrownBy(() -> fleet.manager().suspend(agent, "", SweepFleet.ADMIN))
                    .isInstanceOf(StoreException.class);
            store.heal();

            fleet.manager().revokeCredentials(agent, "", SweepFleet.ADMIN);

            assertThat(reasons(fleet, agent)).containsExactly(Verdict.Reason.DENIED_HERE);
        }
    }

    @Test
    void a_command_that_began_before_a_denial_does_not_end_it() {
        var fleets = new ArrayList<SweepFleet>();
        boolean[] armed = {false};
        LifecycleListener suspendsMeanwhile = event -> {
            if (armed[0] && event.event().kind() == EventKind.AGENT_RESUMED) {
                armed[0] = false;
                store.breakAt(call -> call == Call.COMMIT);
                assertThatThrownBy(() -> fleets.get(0).manager().suspend(AgentId.of("a"), "", SweepFleet.ADMIN))
                        .isInstanceOf(StoreException.class);
                store.heal();
            }
        };
        try (SweepFleet fleet = new SweepFleet(
                LifecycleStore.inMemory(),
                inner -> store = new FaultStore(inner),
                UnaryOperator.identity(),
                builder -> builder.listener(suspendsMeanwhile))) {
            fleets.add(fleet);
            AgentId agent = fleet.alive("a");
            fleet.manager().suspend(agent, "", SweepFleet.ADMIN);
            armed[0] = true;

            fleet.manager().resume(agent, SweepFleet.ADMIN);

            assertThat(reasons(fleet, agent)).containsExactly(Verdict.Reason.DENIED_HERE);
        }
    }

    @Test
    void nobody_is_denied_who_is_not_here() {
        try (SweepFleet fleet = fleet()) {
            store.breakAt(call -> true);
            assertThatThrownBy(() -> fleet.manager().suspend(AgentId.of("nobody"), "", SweepFleet.ADMIN))
                    .isInstanceOf(StoreException.class);
            store.heal();
            assertThat(fleet.manager().health().denied()).isEmpty();
        }
    }

    @Test
    void an_unknown_outcome_is_looked_up_and_counts_if_the_store_knows_it() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.alive("a");
            store.commits = (commit, to) -> {
                to.commit(commit);
                return new CommitResult.Unknown("the answer was lost");
            };
            assertThat(fleet.manager().suspend(agent, "", SweepFleet.ADMIN).state())
                    .isEqualTo(AgentState.SUSPENDED);
            assertThat(fleet.manager().health().isGood()).isTrue();
            assertThat(fleet.manager().resume(agent, SweepFleet.ADMIN).credential())
                    .isPresent();
            assertThat(fleet.admits(agent)).isTrue();
        }
    }

    @Test
    void an_unknown_outcome_that_cannot_be_looked_up_is_never_told_as_not_stored() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.alive("a");
            store.breakAt(call -> call == Call.FIND_COMMIT);
            store.commits = (commit, to) -> {
                to.commit(commit);
                return new CommitResult.Unknown("the answer was lost");
            };
            assertThatThrownBy(() -> fleet.manager().suspend(agent, "", SweepFleet.ADMIN))
                    .isInstanceOfSatisfying(StoreFailedException.class, e -> {
                        assertThat(e.outcome()).isEqualTo(StoreFailedException.Outcome.UNKNOWN);
                        assertThat(e.requestId()).isPresent();
                    });
            assertThat(fleet.admits(agent)).isFalse();
            store.heal();
            assertThat(fleet.state(agent)).isEqualTo(AgentState.SUSPENDED);
            fleet.manager().resume(agent, SweepFleet.ADMIN);
            assertThat(fleet.admits(agent)).isTrue();
        }
    }

    @Test
    void what_stops_an_agent_goes_on_where_others_would_have_given_up() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.alive("a");
            AtomicInteger left = new AtomicInteger(200);
            store.commits = (commit, to) ->
                    left.getAndDecrement() > 0 ? new CommitResult.Conflict(Map.of()) : to.commit(commit);

            fleet.manager().suspend(agent, "it sends spam", SweepFleet.ADMIN);
            assertThat(fleet.admits(agent)).isFalse();

            left.set(16);
            assertThatThrownBy(() -> fleet.manager().resume(agent, SweepFleet.ADMIN))
                    .isInstanceOf(ContentionException.class);
        }
    }

    @Test
    void a_race_is_run_sixteen_times_and_fifteen_losses_are_no_failure() {
        for (int losses : List.of(15, 16)) {
            try (SweepFleet fleet = fleet()) {
                AgentId agent = fleet.alive("a");
                AtomicInteger tries = new AtomicInteger();
                store.commits = (commit, to) ->
                        tries.incrementAndGet() <= losses ? new CommitResult.Conflict(Map.of()) : to.commit(commit);
                if (losses == 15) {
                    fleet.manager().changeOwner(agent, "carol@company.com", SweepFleet.ADMIN);
                } else {
                    assertThatThrownBy(() -> fleet.manager().changeOwner(agent, "carol@company.com", SweepFleet.ADMIN))
                            .isInstanceOfSatisfying(
                                    ContentionException.class,
                                    e -> assertThat(e.code()).isEqualTo("contention"));
                }
                assertThat(tries).hasValue(16);
            }
        }
    }

    @Test
    void a_failing_listener_stops_neither_the_command_nor_the_other_listeners() {
        RecordingListener first = new RecordingListener();
        RecordingListener last = new RecordingListener();
        try (SweepFleet fleet = fleet(builder -> builder.listener(first)
                .listener(event -> {
                    throw new IllegalStateException("the mail server is down");
                })
                .listener(last))) {
            AgentId agent = fleet.alive("a");
            fleet.manager().suspend(agent, "", SweepFleet.ADMIN);
            assertThat(fleet.state(agent)).isEqualTo(AgentState.SUSPENDED);
            assertThat(last.events()).isEqualTo(first.events());
            assertThat(last.kinds()).containsSubsequence(fleet.kinds(agent));
        }
    }

    @Test
    void a_listener_hears_of_nothing_that_was_not_stored() {
        RecordingListener listener = new RecordingListener();
        try (SweepFleet fleet = fleet(builder -> builder.listener(listener))) {
            AgentId agent = fleet.alive("a");
            List<Object> before = new ArrayList<>(listener.events());
            for (Fault fault : FAULTS) {
                store.commits = fault.commit();
                assertThatThrownBy(() -> fleet.manager().rotateCredentials(agent))
                        .isInstanceOf(LifecycleException.class);
            }
            store.heal();
            assertThat(listener.events()).isEqualTo(before);
        }
    }

    @Test
    void a_request_that_cannot_be_stored_leaves_no_agent_and_can_be_repeated() {
        for (Fault fault : FAULTS) {
            try (SweepFleet fleet = fleet()) {
                store.commits = fault.commit();
                ProvisioningRequest request =
                        SweepFleet.request("a").idempotencyKey("k").build();
                assertThatThrownBy(() -> fleet.manager().requestProvisioning(request))
                        .isInstanceOf(fault.told());
                assertThat(fleet.manager().find(AgentId.of("a"))).isEmpty();
                store.heal();
                Agent made = fleet.manager().requestProvisioning(request);
                assertThat(fleet.manager().requestProvisioning(request)).isEqualTo(made);
                assertThat(fleet.manager().summary().total()).isEqualTo(1);
            }
        }
    }
}
