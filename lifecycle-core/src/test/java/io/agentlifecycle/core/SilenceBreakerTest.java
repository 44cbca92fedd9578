package io.agentlifecycle.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.SweepReport.Result;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.EventKind;
import java.time.Duration;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** When too many agents fall silent at once, it is the network: no orphans then. */
class SilenceBreakerTest {
    private static final Duration DAY = Duration.ofHours(24);
    private static final Duration INTERVAL = Duration.ofMinutes(5);

    private static SweepFleet fleet() {
        return new SweepFleet(UnaryOperator.identity());
    }

    private static long orphans(SweepFleet fleet, List<AgentId> agents) {
        return agents.stream()
                .filter(agent -> fleet.state(agent) == AgentState.ORPHANED)
                .count();
    }

    /** Lets {@code silent} of {@code all} agents fall silent until they are due as orphans. */
    private static void silence(SweepFleet fleet, List<AgentId> all, int silent) {
        fleet.clock.advance(DAY.minus(Duration.ofMinutes(1)));
        all.subList(silent, all.size()).forEach(fleet.manager()::heartbeat);
        fleet.clock.advance(Duration.ofMinutes(1));
    }

    @Test
    void ten_are_few_however_small_the_fleet_and_eleven_are_not() {
        try (SweepFleet fleet = fleet()) {
            List<AgentId> agents = fleet.alive("a", 10);
            silence(fleet, agents, 10);
            fleet.manager().sweeper().sweep();
            assertThat(orphans(fleet, agents)).isEqualTo(10);
            assertThat(fleet.manager().health().massSilence()).isEmpty();
        }
        try (SweepFleet fleet = fleet()) {
            List<AgentId> agents = fleet.alive("a", 11);
            silence(fleet, agents, 11);
            SweepReport report = fleet.manager().sweeper().sweep();
            assertThat(orphans(fleet, agents)).isZero();
            assertThat(report.with(Result.HELD_BACK)).hasSize(11);
            assertThat(report.massSilence()).containsExactly(TenantId.DEFAULT);
            assertThat(fleet.manager().health().massSilence()).containsExactly(TenantId.DEFAULT);
            assertThat(fleet.manager().health().isGood()).isFalse();
        }
    }

    @Test
    void thirty_percent_are_allowed_and_one_more_is_not() {
        try (SweepFleet fleet = fleet()) {
            List<AgentId> agents = fleet.alive("a", 100);
            silence(fleet, agents, 30);
            fleet.manager().sweeper().sweep();
            assertThat(orphans(fleet, agents)).isEqualTo(30);
        }
        try (SweepFleet fleet = fleet()) {
            List<AgentId> agents = fleet.alive("a", 100);
            silence(fleet, agents, 31);
            fleet.manager().sweeper().sweep();
            assertThat(orphans(fleet, agents)).isZero();
            assertThat(fleet.manager().health().massSilence()).containsExactly(TenantId.DEFAULT);
        }
    }

    @Test
    void small_limits_make_no_more_orphans_than_the_few_before_it_trips() {
        try (SweepFleet fleet = fleet()) {
            List<AgentId> agents = fleet.alive("a", 40);
            silence(fleet, agents, 40);
            for (int i = 0; i < 20; i++) {
                fleet.manager().sweeper().sweep(4);
            }
            // 4, 8 and then 12, which is more than ten and more than 30 % of forty
            assertThat(orphans(fleet, agents)).isEqualTo(12);
            assertThat(fleet.manager().health().massSilence()).containsExactly(TenantId.DEFAULT);
        }
    }

    @Test
    void silence_that_is_spread_over_several_sweeps_within_an_interval_trips_it_too() {
        try (SweepFleet fleet = fleet()) {
            List<AgentId> agents = fleet.alive("a", 40);
            fleet.clock.advance(Duration.ofHours(1));
            for (AgentId agent : agents) { // the last heartbeats lie four seconds apart, three minutes in all
                fleet.manager().heartbeat(agent);
                fleet.clock.advance(Duration.ofSeconds(4));
            }
            fleet.clock.advance(DAY.minus(Duration.ofSeconds(160)));
            for (int i = 0; i < 60; i++) {
                fleet.manager().sweeper().sweep();
                fleet.clock.advance(Duration.ofSeconds(4));
            }
            assertThat(orphans(fleet, agents)).isBetween(1L, 12L);
            long before = orphans(fleet, agents);
            for (int i = 0; i < 30; i++) {
                fleet.manager().sweeper().sweep();
                fleet.clock.advance(Duration.ofMinutes(1));
            }
            assertThat(orphans(fleet, agents)).isEqualTo(before);
            assertThat(fleet.manager().health().massSilence()).containsExactly(TenantId.DEFAULT);
        }
    }

    @Test
    void one_tenant_in_the_dark_does_not_keep_another_from_its_orphans() {
        try (SweepFleet fleet = fleet()) {
            List<AgentId> agents = fleet.alive("a", 20);
            LifecycleManager acme = fleet.manager().forTenant(TenantId.of("acme"));
            AgentId other = acme.requestProvisioning(SweepFleet.request("other").build())
                    .id();
            acme.activate(other);
            acme.heartbeat(other);
            silence(fleet, agents, 20);
            SweepReport report = fleet.manager().sweeper().sweep();
            assertThat(orphans(fleet, agents)).isZero();
            assertThat(acme.get(other).state()).isEqualTo(AgentState.ORPHANED);
            assertThat(report.massSilence()).containsExactly(TenantId.DEFAULT);
        }
    }

    @Test
    void when_the_agents_come_back_the_mode_ends_and_grace_begins_anew() {
        try (SweepFleet fleet = fleet()) {
            List<AgentId> agents = fleet.alive("a", 20);
            silence(fleet, agents, 20);
            fleet.manager().sweeper().sweep();
            fleet.clock.advance(Duration.ofMinutes(1));
            List<AgentId> back = agents.subList(1, agents.size());
            back.forEach(fleet.manager()::heartbeat);

            fleet.clock.advance(INTERVAL);
            SweepReport released = fleet.manager().sweeper().sweep();
            assertThat(released.heldBack().items()).as("its grace begins now").hasSize(1);
            assertThat(fleet.state(agents.get(0))).as("its grace begins now").isEqualTo(AgentState.ACTIVE);

            fleet.clock.advance(INTERVAL.multipliedBy(2).minusNanos(1));
            fleet.manager().sweeper().sweep();
            assertThat(fleet.state(agents.get(0))).isEqualTo(AgentState.ACTIVE);
            fleet.clock.advance(INTERVAL);
            back.forEach(fleet.manager()::heartbeat);
            fleet.manager().sweeper().sweep();
            assertThat(fleet.state(agents.get(0))).isEqualTo(AgentState.ORPHANED);
            assertThat(orphans(fleet, back)).isZero();
            assertThat(fleet.manager().health().isGood()).isTrue();
        }
    }

    @Test
    void the_mode_ends_by_itself_when_nobody_falls_due_any_more() {
        try (SweepFleet fleet = fleet()) {
            List<AgentId> agents = fleet.alive("a", 20);
            silence(fleet, agents, 20);
            fleet.manager().sweeper().sweep();
            agents.forEach(fleet.manager()::heartbeat);
            fleet.clock.advance(INTERVAL.multipliedBy(2));
            agents.forEach(fleet.manager()::heartbeat);
            assertThat(fleet.manager().sweeper().sweep().massSilence()).isEmpty();
            assertThat(fleet.manager().health().massSilence()).isEmpty();
            assertThat(orphans(fleet, agents)).isZero();
        }
    }

    @Test
    void a_host_that_insists_gets_its_orphans() {
        try (SweepFleet fleet = fleet()) {
            List<AgentId> agents = fleet.alive("a", 20);
            silence(fleet, agents, 20);
            SweepReport held = fleet.manager().sweeper().sweep();
            assertThat(orphans(fleet, agents)).isZero();
            AgentId heard = agents.get(3);
            fleet.manager().heartbeat(heard);

            SweepReport report = fleet.manager().sweeper().apply(held.heldBack());

            assertThat(report.with(Result.DONE)).hasSize(19);
            assertThat(report.with(Result.MOVED))
                    .extracting(o -> o.agent().id())
                    .containsExactly(heard);
            assertThat(fleet.state(heard)).isEqualTo(AgentState.ACTIVE);
            assertThat(orphans(fleet, agents)).isEqualTo(19);
            assertThat(fleet.manager().health().massSilence()).isEmpty();
        }
    }

    @Test
    void applying_a_plan_for_something_else_does_not_end_the_mode() {
        try (SweepFleet fleet = fleet()) {
            List<AgentId> agents = fleet.alive("a", 20);
            AgentId ending = fleet.manager()
                    .requestProvisioning(SweepFleet.request("ending")
                            .notAfter(SweepFleet.START.plus(DAY))
                            .build())
                    .id();
            silence(fleet, agents, 20);
            SweepPlan others = new SweepPlan(
                    fleet.clock.instant(),
                    fleet.manager().sweeper().plan().items().stream()
                            .filter(item -> item.agent().id().equals(ending))
                            .toList(),
                    false);
            assertThat(others.items()).hasSize(1);
            fleet.manager().sweeper().sweep();
            assertThat(fleet.manager().health().massSilence()).containsExactly(TenantId.DEFAULT);
            fleet.manager().sweeper().apply(others);
            assertThat(fleet.manager().health().massSilence()).containsExactly(TenantId.DEFAULT);
        }
    }

    @Test
    void an_agent_that_is_held_back_still_meets_its_other_deadlines_in_time() {
        try (SweepFleet fleet = fleet()) {
            List<AgentId> agents = fleet.alive("a", 20);
            AgentId ending = fleet.manager()
                    .requestProvisioning(SweepFleet.request("ending")
                            .notAfter(SweepFleet.START.plus(DAY).plus(Duration.ofMinutes(1)))
                            .build())
                    .id();
            fleet.manager().activate(ending);
            fleet.manager().heartbeat(ending);
            silence(fleet, agents, 20);
            assertThat(fleet.manager().sweeper().sweep().with(Result.HELD_BACK)).hasSize(21);
            fleet.clock.advance(Duration.ofMinutes(1));
            fleet.manager().sweeper().sweep();
            assertThat(fleet.state(ending)).isEqualTo(AgentState.DECOMMISSIONED);
            assertThat(fleet.count(ending, EventKind.AGENT_ORPHANED)).isZero();
        }
    }
}
