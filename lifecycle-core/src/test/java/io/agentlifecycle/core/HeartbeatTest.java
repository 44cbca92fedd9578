package io.agentlifecycle.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.error.AgentNotFoundException;
import io.agentlifecycle.core.error.InvalidTransitionException;
import io.agentlifecycle.core.spi.LifecycleStore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** Heartbeats, and the silence between them. */
class HeartbeatTest {
    private static final Duration INTERVAL = Duration.ofMinutes(5);

    private static SweepFleet fleet() {
        return new SweepFleet(UnaryOperator.identity());
    }

    @Test
    void only_the_first_heartbeat_and_one_that_ends_a_silence_are_events() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.active("a");
            for (int i = 0; i < 5; i++) {
                fleet.manager().heartbeat(agent);
                fleet.clock.advance(INTERVAL);
            }
            assertThat(fleet.count(agent, EventKind.HEARTBEAT_FIRST)).isEqualTo(1);
            assertThat(fleet.count(agent, EventKind.HEARTBEAT_RESUMED)).isZero();
            long version = fleet.manager().get(agent).version();

            fleet.clock.advance(INTERVAL);
            fleet.manager().sweeper().sweep();
            fleet.manager().heartbeat(agent);
            fleet.manager().heartbeat(agent);

            assertThat(fleet.count(agent, EventKind.HEARTBEAT_MISSED)).isEqualTo(1);
            assertThat(fleet.count(agent, EventKind.HEARTBEAT_RESUMED)).isEqualTo(1);
            assertThat(fleet.manager().get(agent).version()).isEqualTo(version + 2);
            assertThat(fleet.manager().liveness(agent)).contains(new Liveness(fleet.clock.instant(), 7));
        }
    }

    @Test
    void a_heartbeat_changes_no_state_and_only_an_active_agent_has_one() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.provisioned("a");
            assertThatThrownBy(() -> fleet.manager().heartbeat(agent)).isInstanceOf(InvalidTransitionException.class);
            fleet.manager().activate(agent);
            fleet.manager().heartbeat(agent);
            fleet.manager().suspend(agent, "", SweepFleet.ADMIN);
            assertThatThrownBy(() -> fleet.manager().heartbeat(agent)).isInstanceOf(InvalidTransitionException.class);
            assertThatThrownBy(() -> fleet.manager().heartbeat(AgentId.of("nobody")))
                    .isInstanceOf(AgentNotFoundException.class);
            assertThat(fleet.state(agent)).isEqualTo(AgentState.SUSPENDED);
            assertThat(fleet.manager().liveness(agent).orElseThrow().heartbeats())
                    .isEqualTo(1);
        }
    }

    @Test
    void a_missed_heartbeat_is_written_down_at_its_instant_and_not_a_nanosecond_before() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.alive("a");
            fleet.clock.advance(Duration.ofHours(1)); // long after the grace of the opening
            fleet.manager().heartbeat(agent);
            fleet.clock.advance(INTERVAL.multipliedBy(2).minusNanos(1));
            fleet.manager().sweeper().sweep();
            assertThat(fleet.count(agent, EventKind.HEARTBEAT_MISSED)).isZero();
            fleet.clock.advance(SweepFleet.NANO);
            fleet.manager().sweeper().sweep();
            assertThat(fleet.count(agent, EventKind.HEARTBEAT_MISSED)).isEqualTo(1);
        }
    }

    @Test
    void each_missed_window_is_written_down_once_whoever_sweeps_and_however_often() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.alive("a");
            LifecycleManager other = fleet.another(fleet.inner, UnaryOperator.identity());
            List<Long> missed = new ArrayList<>();
            for (int second = 0; second < 30 * 60; second += 30) {
                fleet.clock.advance(Duration.ofSeconds(30));
                fleet.manager().sweeper().sweep();
                other.sweeper().sweep();
                missed.add(fleet.count(agent, EventKind.HEARTBEAT_MISSED));
            }
            // two windows make the first event, each one after that another
            assertThat(missed.get(18)).isZero();
            assertThat(missed.get(19)).isEqualTo(1);
            assertThat(missed.get(29)).isEqualTo(2);
            assertThat(missed.get(59)).isEqualTo(5);
            other.close();
        }
    }

    @Test
    void a_sweep_that_comes_late_writes_one_event_for_all_windows_that_passed() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.alive("a");
            Instant heard = fleet.clock.instant();
            fleet.clock.advance(INTERVAL.multipliedBy(7));
            fleet.manager().sweeper().sweep();
            fleet.manager().sweeper().sweep();
            assertThat(fleet.count(agent, EventKind.HEARTBEAT_MISSED)).isEqualTo(1);
            assertThat(fleet.manager()
                            .get(agent)
                            .activity()
                            .silence()
                            .orElseThrow()
                            .windows())
                    .isEqualTo(7);
            assertThat(fleet.manager()
                            .get(agent)
                            .activity()
                            .silence()
                            .orElseThrow()
                            .since())
                    .isEqualTo(heard);
        }
    }

    @Test
    void after_opening_nobody_is_silent_before_the_grace_is_over() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.alive("a");
            fleet.manager().close();
            fleet.clock.advance(Duration.ofDays(2));
            fleet.reopen();
            Instant opened = fleet.clock.instant();
            fleet.manager().sweeper().sweep();
            fleet.clock.set(opened.plus(INTERVAL.multipliedBy(2)).minusNanos(1));
            fleet.manager().sweeper().sweep();
            assertThat(fleet.count(agent, EventKind.HEARTBEAT_MISSED)).isZero();
            assertThat(fleet.state(agent)).isEqualTo(AgentState.ACTIVE);

            fleet.clock.advance(SweepFleet.NANO);
            fleet.manager().sweeper().sweep();
            assertThat(fleet.state(agent)).isEqualTo(AgentState.ORPHANED);
        }
    }

    @Test
    void an_agent_that_is_heard_in_the_grace_stays_active_after_a_long_downtime() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.alive("a");
            fleet.clock.advance(Duration.ofDays(2));
            fleet.reopen();
            fleet.clock.advance(INTERVAL);
            fleet.manager().heartbeat(agent);
            fleet.clock.advance(INTERVAL);
            fleet.manager().sweeper().sweep();
            assertThat(fleet.state(agent)).isEqualTo(AgentState.ACTIVE);
            assertThat(fleet.count(agent, EventKind.HEARTBEAT_MISSED)).isZero();
        }
    }

    @Test
    void heartbeats_survive_closing_and_opening() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.alive("a");
            fleet.clock.advance(Duration.ofSeconds(3));
            fleet.manager().heartbeat(agent);
            Optional<Liveness> before = fleet.manager().liveness(agent);
            fleet.reopen();
            assertThat(fleet.manager().liveness(agent)).isEqualTo(before);
            fleet.manager().heartbeat(agent);
            assertThat(fleet.manager().liveness(agent).orElseThrow().heartbeats())
                    .isEqualTo(3);
        }
    }

    @Test
    void heartbeats_that_the_store_does_not_take_are_kept_for_the_next_time() {
        var store = new FaultStore(LifecycleStore.inMemory());
        try (SweepFleet fleet = new SweepFleet(store)) {
            AgentId agent = fleet.alive("a");
            AgentId other = fleet.alive("b");
            store.breakAt(call -> call == FaultStore.Call.HEARTBEATS);
            fleet.clock.advance(Duration.ofMinutes(1));
            Instant heard = fleet.clock.instant();
            fleet.manager().heartbeat(agent);
            fleet.manager().heartbeat(other);
            fleet.manager().sweeper().sweep();
            assertThat(fleet.inner.liveness(SweepFleet.record(agent))).isEmpty();

            store.heal();
            fleet.manager().sweeper().sweep();

            assertThat(fleet.inner.liveness(SweepFleet.record(agent))).contains(new Liveness(heard, 2));
            assertThat(fleet.inner.liveness(SweepFleet.record(other))).contains(new Liveness(heard, 2));
        }
    }

    @Test
    void a_heartbeat_takes_all_others_to_the_store_once_the_last_batch_is_long_enough_ago() {
        try (SweepFleet fleet = fleet()) {
            AgentId a = fleet.alive("a");
            AgentId b = fleet.alive("b");
            fleet.clock.advance(Duration.ofSeconds(30).minusNanos(1));
            fleet.manager().heartbeat(a);
            assertThat(fleet.inner.liveness(SweepFleet.record(a))).isEmpty();
            fleet.clock.advance(SweepFleet.NANO);
            fleet.manager().heartbeat(b);
            assertThat(fleet.inner.liveness(SweepFleet.record(a)).orElseThrow().heartbeats())
                    .isEqualTo(2);
            assertThat(fleet.inner.liveness(SweepFleet.record(b)).orElseThrow().heartbeats())
                    .isEqualTo(2);
        }
    }
}
