package io.agentlifecycle.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.SealedEvent;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** A clock that goes back, jumps ahead or stands still. */
class ClockTest {
    private static SweepFleet fleet() {
        return new SweepFleet(UnaryOperator.identity());
    }

    private static void timesNeverDecrease(SweepFleet fleet, AgentId agent) {
        for (List<SealedEvent> stream : List.of(fleet.manager().auditTrail(agent), fleet.log())) {
            Instant last = Instant.MIN;
            for (SealedEvent sealed : stream) {
                assertThat(sealed.event().at()).isAfterOrEqualTo(last);
                last = sealed.event().at();
            }
        }
    }

    @Test
    void a_clock_that_is_a_second_behind_is_merely_imprecise() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.active("a");
            fleet.clock.advance(Duration.ofSeconds(-1));
            fleet.manager().changeOwner(agent, "carol@company.com", SweepFleet.ADMIN);
            fleet.clock.advance(Duration.ofSeconds(-1));
            fleet.manager().sweeper().sweep();
            assertThat(fleet.logged(EventKind.CLOCK_REGRESSION)).isZero();
            assertThat(fleet.manager().get(agent).activity().updatedAt()).isEqualTo(SweepFleet.START);
            timesNeverDecrease(fleet, agent);
        }
    }

    @Test
    void what_was_seen_to_expire_stays_expired_though_nothing_was_stored_since() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.provisioned("a");
            String token = fleet.manager().activate(agent).issued().token().reveal();
            fleet.clock.advance(Duration.ofHours(24));
            assertThat(fleet.manager().verifyOpaque(token).allowed()).isFalse();

            fleet.clock.advance(Duration.ofHours(-2));

            assertThat(fleet.manager().verifyOpaque(token).allowed()).isFalse();
        }
    }

    @Test
    void more_than_two_seconds_back_is_written_down_once_per_episode() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.active("a");
            fleet.clock.advance(Duration.ofSeconds(-2));
            fleet.manager().sweeper().sweep();
            assertThat(fleet.logged(EventKind.CLOCK_REGRESSION)).isZero();
            fleet.clock.advance(SweepFleet.NANO.negated());
            for (int i = 0; i < 5; i++) {
                fleet.manager().sweeper().sweep();
                fleet.manager().changeOwner(agent, "owner" + i, SweepFleet.ADMIN);
                fleet.clock.advance(Duration.ofHours(-1));
            }
            assertThat(fleet.logged(EventKind.CLOCK_REGRESSION)).isEqualTo(1);
            assertThat(fleet.log().get(1).canonical())
                    .contains("\"observed\":\"2025-12-31T23:59:57.999999999Z\"")
                    .contains("\"highWater\":\"2026-01-01T00:00:00Z\"");

            fleet.clock.set(SweepFleet.START.plusSeconds(10));
            fleet.manager().changeOwner(agent, "caught-up", SweepFleet.ADMIN);
            fleet.clock.advance(Duration.ofHours(-1));
            fleet.manager().sweeper().sweep();
            fleet.manager().sweeper().sweep();
            assertThat(fleet.logged(EventKind.CLOCK_REGRESSION)).isEqualTo(2);
            timesNeverDecrease(fleet, agent);
        }
    }

    @Test
    void what_was_found_expired_stays_expired_when_the_clock_goes_back() {
        for (Duration back : List.of(Duration.ofSeconds(-1), Duration.ofHours(-1), Duration.ofDays(-3))) {
            try (SweepFleet fleet = fleet()) {
                AgentId agent = fleet.provisioned("a");
                String token = fleet.manager().activate(agent).issued().token().reveal();
                fleet.manager().heartbeat(agent);
                Instant end = SweepFleet.START.plus(Duration.ofDays(7));
                AgentId ending = fleet.manager()
                        .requestProvisioning(
                                SweepFleet.request("ending").notAfter(end).build())
                        .id();
                fleet.manager().activate(ending);
                fleet.clock.set(SweepFleet.START.plus(Duration.ofHours(23)));
                fleet.manager().heartbeat(agent);
                fleet.clock.set(SweepFleet.START.plus(Duration.ofHours(24)));
                fleet.manager().sweeper().sweep();
                assertThat(fleet.manager().verifyOpaque(token).allowed()).isFalse();
                fleet.clock.advance(back);
                assertThat(fleet.manager().verifyOpaque(token).allowed()).isFalse();
                fleet.reopen();
                assertThat(fleet.manager().verifyOpaque(token).allowed()).isFalse();

                fleet.clock.set(end);
                fleet.manager().heartbeat(agent);
                fleet.clock.advance(back);
                assertThat(fleet.admits(ending)).isFalse();
                timesNeverDecrease(fleet, agent);
            }
        }
    }

    @Test
    void time_stands_still_until_the_clock_has_caught_up() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.alive("a");
            fleet.clock.advance(Duration.ofHours(-1));
            fleet.manager().rotateCredentials(agent);
            assertThat(fleet.manager().get(agent).credential().orElseThrow().issuedAt())
                    .isEqualTo(SweepFleet.START);
            fleet.clock.advance(Duration.ofHours(1).minusNanos(1));
            fleet.manager().heartbeat(agent);
            assertThat(fleet.manager().liveness(agent).orElseThrow().lastSeen()).isEqualTo(SweepFleet.START);
            fleet.clock.advance(Duration.ofNanos(2));
            fleet.manager().heartbeat(agent);
            assertThat(fleet.manager().liveness(agent).orElseThrow().lastSeen())
                    .isEqualTo(SweepFleet.START.plusNanos(1));
        }
    }

    @Test
    void opening_with_an_older_clock_goes_on_from_the_latest_commit() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.active("a");
            fleet.clock.advance(Duration.ofHours(5));
            fleet.manager().changeOwner(agent, "carol@company.com", SweepFleet.ADMIN);
            Instant high = fleet.clock.instant();
            fleet.clock.set(SweepFleet.START.minus(Duration.ofDays(400)));
            fleet.reopen();
            assertThat(fleet.logged(EventKind.CLOCK_REGRESSION)).isEqualTo(1);
            fleet.manager().changeOwner(agent, "dave@company.com", SweepFleet.ADMIN);
            assertThat(fleet.manager().get(agent).activity().updatedAt()).isEqualTo(high);
            fleet.manager().sweeper().sweep();
            assertThat(fleet.logged(EventKind.CLOCK_REGRESSION)).isEqualTo(1);
            timesNeverDecrease(fleet, agent);
        }
    }

    @Test
    void a_frozen_clock_makes_nobody_silent_and_breaks_no_chain() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.alive("a");
            for (int i = 0; i < 50; i++) {
                fleet.manager().suspend(agent, "", SweepFleet.ADMIN);
                fleet.manager().resume(agent, SweepFleet.ADMIN);
                assertThat(fleet.manager().sweeper().sweep().outcomes()).isEmpty();
            }
            assertThat(fleet.state(agent)).isEqualTo(AgentState.ACTIVE);
            assertThat(fleet.manager().get(agent).activity().updatedAt()).isEqualTo(SweepFleet.START);
            timesNeverDecrease(fleet, agent);
        }
    }

    @Test
    void a_jump_ahead_orphans_no_fleet_but_ends_what_has_an_end() {
        try (SweepFleet fleet = fleet()) {
            List<AgentId> agents = fleet.alive("a", 30);
            AgentId ending = fleet.manager()
                    .requestProvisioning(SweepFleet.request("ending")
                            .notAfter(SweepFleet.START.plus(Duration.ofDays(300)))
                            .build())
                    .id();
            fleet.manager().activate(ending);
            fleet.clock.advance(Duration.ofDays(366));
            assertThat(fleet.admits(ending)).isFalse();
            fleet.manager().sweeper().sweep();
            assertThat(fleet.state(ending)).isEqualTo(AgentState.DECOMMISSIONED);
            assertThat(agents).allMatch(agent -> fleet.state(agent) == AgentState.ACTIVE);
            assertThat(fleet.manager().health().massSilence()).isNotEmpty();
        }
    }
}
