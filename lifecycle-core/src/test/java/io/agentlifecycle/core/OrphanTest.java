package io.agentlifecycle.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.error.InvalidTransitionException;
import java.time.Duration;
import java.time.Instant;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** From when on silence makes an orphan, and where its clock starts again. */
class OrphanTest {
    private static final Duration DAY = Duration.ofHours(24);

    private static SweepFleet fleet() {
        return new SweepFleet(UnaryOperator.identity());
    }

    private static void orphanExactlyAt(SweepFleet fleet, AgentId agent, Instant at) {
        fleet.clock.set(at.minusNanos(1));
        fleet.manager().sweeper().sweep();
        assertThat(fleet.state(agent)).isEqualTo(AgentState.ACTIVE);
        fleet.clock.set(at);
        fleet.manager().sweeper().sweep();
        assertThat(fleet.state(agent)).isEqualTo(AgentState.ORPHANED);
    }

    private static String reason(SweepFleet fleet, AgentId agent) {
        return fleet.manager().auditTrail(agent).stream()
                .filter(entry -> entry.event().kind() == EventKind.AGENT_ORPHANED)
                .reduce((first, last) -> last)
                .orElseThrow()
                .canonical();
    }

    @Test
    void silence_counts_from_activation_and_not_from_the_request() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.provisioned("a");
            fleet.clock.advance(Duration.ofDays(20));
            fleet.manager().activate(agent);
            Instant activated = fleet.clock.instant();
            fleet.manager().sweeper().sweep();
            assertThat(fleet.state(agent)).isEqualTo(AgentState.ACTIVE);
            orphanExactlyAt(fleet, agent, activated.plus(DAY));
            assertThat(reason(fleet, agent)).contains("never_heard");
        }
    }

    @Test
    void silence_counts_from_the_last_heartbeat() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.alive("a");
            fleet.clock.advance(Duration.ofHours(20));
            fleet.manager().heartbeat(agent);
            orphanExactlyAt(fleet, agent, fleet.clock.instant().plus(DAY));
            assertThat(reason(fleet, agent)).contains("\"silent\"");
        }
    }

    @Test
    void silence_counts_anew_after_resume_and_after_reclaim() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.alive("a");
            fleet.clock.advance(Duration.ofHours(23));
            fleet.manager().suspend(agent, "", SweepFleet.ADMIN);
            fleet.clock.advance(Duration.ofDays(5));
            fleet.manager().sweeper().sweep();
            assertThat(fleet.state(agent)).isEqualTo(AgentState.SUSPENDED);
            fleet.manager().resume(agent, SweepFleet.ADMIN);
            orphanExactlyAt(fleet, agent, fleet.clock.instant().plus(DAY));

            fleet.clock.advance(Duration.ofDays(5));
            fleet.manager().reclaim(agent, "carol@company.com", SweepFleet.ADMIN);
            fleet.manager().sweeper().sweep();
            assertThat(fleet.state(agent)).isEqualTo(AgentState.ACTIVE);
            orphanExactlyAt(fleet, agent, fleet.clock.instant().plus(DAY));
            assertThat(fleet.count(agent, EventKind.AGENT_OWNER_CHANGED)).isEqualTo(1);
        }
    }

    @Test
    void an_orphan_may_do_nothing_until_it_is_reclaimed() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.provisioned("a");
            Activation activation = fleet.manager().activate(agent);
            String token = activation.issued().token().reveal();
            assertThat(fleet.manager().verifyOpaque(token).allowed()).isTrue();

            assertThat(fleet.manager().markOrphaned(agent, SweepFleet.ADMIN)).isEqualTo(OrphanMark.MARKED);
            assertThat(fleet.manager().markOrphaned(agent, SweepFleet.ADMIN)).isEqualTo(OrphanMark.ALREADY);

            assertThat(fleet.admits(agent)).isFalse();
            assertThat(fleet.manager().verifyOpaque(token).allowed()).isFalse();
            assertThatThrownBy(() -> fleet.manager().resume(agent, SweepFleet.ADMIN))
                    .isInstanceOf(InvalidTransitionException.class);
            Activation reclaimed = fleet.manager().reclaim(agent, "carol@company.com", SweepFleet.ADMIN);
            assertThat(fleet.admits(agent)).isTrue();
            assertThat(fleet.manager().verifyOpaque(token).allowed()).isFalse();
            assertThat(fleet.manager()
                            .verifyOpaque(reclaimed.issued().token().reveal())
                            .allowed())
                    .isTrue();
        }
    }

    @Test
    void an_orphan_that_is_held_meanwhile_comes_back_suspended() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.active("a");
            fleet.manager().markOrphaned(agent, SweepFleet.ADMIN);
            fleet.manager().suspend(agent, "", SweepFleet.ADMIN);
            assertThat(fleet.state(agent)).isEqualTo(AgentState.ORPHANED);
            assertThat(fleet.manager()
                            .reclaim(agent, "carol@company.com", SweepFleet.ADMIN)
                            .credential())
                    .isEmpty();
            assertThat(fleet.state(agent)).isEqualTo(AgentState.SUSPENDED);
            fleet.manager().resume(agent, SweepFleet.ADMIN);
            assertThat(fleet.admits(agent)).isTrue();
        }
    }

    @Test
    void what_is_not_active_makes_no_orphan() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.provisioned("a");
            assertThat(fleet.manager().markOrphaned(agent, SweepFleet.ADMIN)).isEqualTo(OrphanMark.NOT_ELIGIBLE);
            fleet.clock.advance(Duration.ofDays(30));
            assertThat(fleet.manager().sweeper().sweep().outcomes()).isEmpty();
            assertThat(fleet.state(agent)).isEqualTo(AgentState.PROVISIONED);
        }
    }

    @Test
    void a_finding_names_every_reason_of_an_agent_once() {
        try (SweepFleet fleet = new SweepFleet(settings -> settings.requireOwner(false))) {
            AgentId agent = fleet.manager()
                    .requestProvisioning(SweepFleet.request("a").owner("").build())
                    .id();
            fleet.manager().activate(agent);
            fleet.clock.advance(Duration.ofDays(90));
            assertThat(new OrphanDetector(fleet.manager()).detect())
                    .singleElement()
                    .satisfies(found -> {
                        assertThat(found.reasons())
                                .containsExactly(
                                        OrphanReason.NEVER_HEARD, OrphanReason.NO_OWNER, OrphanReason.INACTIVE);
                        assertThat(found.silentFor()).contains(Duration.ofDays(90));
                        assertThat(found.agent()).isEqualTo(fleet.manager().get(agent));
                    });
            assertThat(fleet.state(agent)).isEqualTo(AgentState.ACTIVE);
        }
    }
}
