package io.agentlifecycle.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecyclePolicy.InactivityAction;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Mutation;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** A store that is opened under another policy than before. */
class PolicyChangeTest {
    private static final UnaryOperator<LifecyclePolicy.Builder> QUICK = settings -> settings.version(2)
            .orphanThreshold(Duration.ofHours(1))
            .inactivityAction(InactivityAction.DECOMMISSION)
            .maxInactive(Duration.ofDays(2));

    private static List<AgentId> provisioned(SweepFleet fleet, int count) {
        List<AgentId> agents = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            agents.add(fleet.provisioned("p%04d".formatted(i)));
        }
        return agents;
    }

    @Test
    void due_times_are_computed_anew_before_the_first_sweep_and_it_is_written_down_once() {
        try (SweepFleet fleet = new SweepFleet(UnaryOperator.identity())) {
            AgentId idle = fleet.provisioned("idle");
            AgentId silent = fleet.alive("silent");
            assertThat(fleet.inner.get(SweepFleet.record(idle)).orElseThrow().dueAt())
                    .isEmpty();
            fleet.clock.advance(Duration.ofHours(3));

            fleet.reopen(QUICK);
            assertThat(fleet.logged(EventKind.POLICY_CHANGED)).isEqualTo(1);
            assertThat(fleet.inner.get(SweepFleet.record(idle)).orElseThrow().dueAt())
                    .contains(SweepFleet.START.plus(Duration.ofDays(2)));
            fleet.clock.advance(Duration.ofMinutes(10));
            fleet.manager().sweeper().sweep();
            assertThat(fleet.state(silent)).isEqualTo(AgentState.ORPHANED);
            fleet.clock.set(SweepFleet.START.plus(Duration.ofDays(2)).minusNanos(1));
            fleet.manager().sweeper().sweep();
            assertThat(fleet.state(idle)).isEqualTo(AgentState.PROVISIONED);
            fleet.clock.advance(SweepFleet.NANO);
            fleet.manager().sweeper().sweep();
            assertThat(fleet.state(idle)).isEqualTo(AgentState.DECOMMISSIONED);

            fleet.reopen();
            fleet.reopen(QUICK);
            assertThat(fleet.logged(EventKind.POLICY_CHANGED)).isEqualTo(1);
            fleet.reopen(UnaryOperator.identity());
            assertThat(fleet.logged(EventKind.POLICY_CHANGED)).isEqualTo(2);
        }
    }

    @Test
    void a_longer_policy_takes_back_what_the_shorter_one_had_due() {
        try (SweepFleet fleet = new SweepFleet(QUICK)) {
            AgentId idle = fleet.provisioned("idle");
            fleet.clock.advance(Duration.ofDays(1));
            fleet.reopen(UnaryOperator.identity());
            fleet.clock.advance(Duration.ofDays(1));
            assertThat(fleet.manager().sweeper().sweep().examined()).isZero();
            assertThat(fleet.state(idle)).isEqualTo(AgentState.PROVISIONED);
        }
    }

    /** Stores take no commit of any size. */
    @Test
    void large_records_are_moved_a_few_at_a_time() {
        var store = new FaultStore(LifecycleStore.inMemory());
        try (SweepFleet fleet = new SweepFleet(store)) {
            for (int i = 0; i < 20; i++) {
                var request = Workshop.request("agent:" + i);
                for (int tag = 0; tag < 60; tag++) {
                    request.tag("tag" + tag, "\"".repeat(256));
                }
                fleet.manager().requestProvisioning(request.build());
            }
            List<Integer> sizes = new ArrayList<>();
            store.commits = (commit, to) -> {
                sizes.add(commit.mutations().stream()
                        .mapToInt(mutation ->
                                ((Mutation.Put) mutation).next().body().length())
                        .sum());
                return to.commit(commit);
            };

            fleet.reopen(QUICK);

            assertThat(sizes).allMatch(size -> size <= 262_144).hasSizeGreaterThan(3);
            assertThat(fleet.inner
                            .get(SweepFleet.record(AgentId.of("agent:19")))
                            .orElseThrow()
                            .dueAt())
                    .isPresent();
        }
    }

    @Test
    void a_crash_at_any_commit_of_the_change_only_makes_it_begin_again() {
        int agents = 450; // three pages
        for (int crashAt = 1; crashAt <= 4; crashAt++) {
            var store = new FaultStore(LifecycleStore.inMemory());
            try (SweepFleet fleet = new SweepFleet(store)) {
                List<AgentId> idle = provisioned(fleet, agents);
                AtomicInteger commits = new AtomicInteger();
                int last = crashAt;
                store.commits = (commit, to) -> {
                    if (commits.incrementAndGet() >= last) {
                        throw new StoreException("the power went", null);
                    }
                    return to.commit(commit);
                };
                assertThatThrownBy(() -> fleet.reopen(QUICK)).isInstanceOf(StoreException.class);
                assertThat(fleet.logged(EventKind.POLICY_CHANGED)).isZero();
                store.heal();

                fleet.reopen(QUICK);

                assertThat(fleet.logged(EventKind.POLICY_CHANGED)).isEqualTo(1);
                Instant due = SweepFleet.START.plus(Duration.ofDays(2));
                assertThat(idle)
                        .allMatch(agent -> fleet.inner
                                .get(SweepFleet.record(agent))
                                .orElseThrow()
                                .dueAt()
                                .filter(due::equals)
                                .isPresent());
            }
        }
    }

    @Test
    void events_name_the_policy_under_which_they_happened() {
        try (SweepFleet fleet = new SweepFleet(UnaryOperator.identity())) {
            AgentId agent = fleet.active("a");
            fleet.reopen(QUICK);
            fleet.manager().changeOwner(agent, "carol@company.com", SweepFleet.ADMIN);
            var trail = fleet.manager().auditTrail(agent);
            assertThat(trail.get(0).event().content().policy().orElseThrow().version())
                    .isEqualTo(1);
            assertThat(trail.get(trail.size() - 1).event().content().policy().orElseThrow())
                    .isEqualTo(fleet.policy().ref());
        }
    }
}
