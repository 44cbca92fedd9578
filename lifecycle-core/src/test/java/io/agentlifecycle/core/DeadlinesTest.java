package io.agentlifecycle.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecyclePolicy.InactivityAction;
import io.agentlifecycle.core.SweepReport.Result;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Retirement;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.credential.CredentialStatus;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.HoldReason;
import java.time.Duration;
import java.time.Instant;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** Every deadline, one nanosecond to either side of it. */
class DeadlinesTest {
    private static final Duration DAY = Duration.ofHours(24);

    private static SweepFleet fleet() {
        return new SweepFleet(UnaryOperator.identity());
    }

    /** Sweeps one nanosecond before {@code at}, which must change nothing, and then at it. */
    private static SweepReport atEdge(SweepFleet fleet, AgentId agent, Instant at) {
        fleet.clock.set(at.minusNanos(1));
        fleet.manager().sweeper().sweep();
        Agent before = fleet.manager().get(agent);
        assertThat(fleet.manager().sweeper().sweep().outcomes()).isEmpty();
        assertThat(fleet.manager().get(agent)).isEqualTo(before);
        fleet.clock.set(at);
        return fleet.manager().sweeper().sweep();
    }

    @Test
    void a_request_expires_when_its_time_is_over() {
        try (SweepFleet fleet =
                new SweepFleet(settings -> settings.requireApproval(true).approvalTimeout(Duration.ofHours(3)))) {
            AgentId agent = fleet.provisioned("a");
            SweepReport report = atEdge(fleet, agent, SweepFleet.START.plus(Duration.ofHours(3)));
            assertThat(report.with(Result.DONE))
                    .extracting(SweepReport.Outcome::action)
                    .containsExactly(SweepAction.EXPIRE_REQUEST);
            assertThat(fleet.state(agent)).isEqualTo(AgentState.DECOMMISSIONED);
            assertThat(fleet.manager().get(agent).retirement().orElseThrow().cause())
                    .isEqualTo(Retirement.Cause.REQUEST_EXPIRED);
        }
    }

    @Test
    void a_request_can_be_approved_until_one_nanosecond_before_it_expires_whether_or_not_anyone_sweeps() {
        try (SweepFleet fleet =
                new SweepFleet(settings -> settings.requireApproval(true).approvalTimeout(Duration.ofHours(3)))) {
            AgentId late = fleet.provisioned("late");
            AgentId intime = fleet.provisioned("intime");
            fleet.clock.set(SweepFleet.START.plus(Duration.ofHours(3)).minusNanos(1));
            fleet.manager().approve(intime, SweepFleet.ADMIN);
            fleet.clock.advance(SweepFleet.NANO);
            assertThatThrownBy(() -> fleet.manager().approve(late, SweepFleet.ADMIN))
                    .isInstanceOfSatisfying(
                            PolicyViolationException.class,
                            e -> assertThat(e.rule()).isEqualTo("request-expired"));
        }
    }

    @Test
    void a_request_for_a_life_that_is_over_expires_with_it() {
        try (SweepFleet fleet = new SweepFleet(settings -> settings.requireApproval(true))) {
            Instant end = SweepFleet.START.plus(Duration.ofHours(3));
            AgentId agent = fleet.manager()
                    .requestProvisioning(SweepFleet.request("a").notAfter(end).build())
                    .id();
            atEdge(fleet, agent, end);
            assertThat(fleet.kinds(agent)).endsWith(EventKind.AGENT_REQUEST_EXPIRED);
        }
    }

    @Test
    void an_agent_is_retired_when_its_life_is_over_and_acts_not_a_nanosecond_longer() {
        try (SweepFleet fleet = fleet()) {
            Instant end = SweepFleet.START.plus(Duration.ofMinutes(7));
            AgentId agent = fleet.manager()
                    .requestProvisioning(SweepFleet.request("a").notAfter(end).build())
                    .id();
            fleet.manager().activate(agent);
            fleet.clock.set(end.minusNanos(1));
            assertThat(fleet.admits(agent)).isTrue();
            fleet.clock.set(end);
            assertThat(fleet.admits(agent)).isFalse();
            fleet.clock.set(end.minusNanos(1));
            atEdge(fleet, agent, end);
            assertThat(fleet.state(agent)).isEqualTo(AgentState.DECOMMISSIONED);
            assertThat(fleet.manager().get(agent).retirement().orElseThrow().cause())
                    .isEqualTo(Retirement.Cause.EXPIRED);
        }
    }

    @Test
    void an_agent_whose_life_is_over_gets_no_credential_before_the_sweep_comes() {
        try (SweepFleet fleet = fleet()) {
            Instant end = SweepFleet.START.plus(Duration.ofMinutes(7));
            AgentId agent = fleet.manager()
                    .requestProvisioning(SweepFleet.request("a").notAfter(end).build())
                    .id();
            fleet.manager().activate(agent);
            fleet.clock.set(end.minusNanos(1));
            fleet.manager().rotateCredentials(agent);
            fleet.clock.advance(SweepFleet.NANO);
            assertThatThrownBy(() -> fleet.manager().rotateCredentials(agent))
                    .isInstanceOfSatisfying(
                            PolicyViolationException.class,
                            e -> assertThat(e.rule()).isEqualTo("lifespan-over"));
            assertThat(fleet.manager().get(agent).credentials().generation()).isEqualTo(2);
        }
    }

    @Test
    void an_expired_credential_is_written_down_once() {
        try (SweepFleet fleet = new SweepFleet(settings -> settings.credentialPolicy(CredentialPolicy.DEFAULT
                .withMaxCredentialTtl(Duration.ofHours(2))
                .withAutoRotate(false)))) {
            AgentId agent = fleet.alive("a");
            Activation rotated = fleet.manager().rotateCredentials(agent);
            Instant end = rotated.issued().credential().expiresAt();
            assertThat(end).isEqualTo(SweepFleet.START.plus(Duration.ofHours(2)));
            fleet.clock.set(end.minusNanos(1));
            fleet.manager().heartbeat(agent);
            assertThat(fleet.manager()
                            .verifyOpaque(rotated.issued().token().reveal())
                            .allowed())
                    .isTrue();
            fleet.clock.set(end);
            assertThat(fleet.manager()
                            .verifyOpaque(rotated.issued().token().reveal())
                            .allowed())
                    .isFalse();
            fleet.clock.set(end.minusNanos(1));
            SweepReport report = atEdge(fleet, agent, end);
            assertThat(report.outcomes())
                    .extracting(SweepReport.Outcome::action)
                    .containsExactly(SweepAction.EXPIRE_CREDENTIAL);
            for (int i = 0; i < 5; i++) {
                fleet.clock.advance(Duration.ofMinutes(1));
                fleet.manager().heartbeat(agent);
                fleet.manager().sweeper().sweep();
                new CredentialRotator(fleet.manager()).checkAndRotate();
            }
            assertThat(fleet.count(agent, EventKind.CREDENTIAL_EXPIRED)).isEqualTo(1);
            assertThat(fleet.manager().get(agent).credential().orElseThrow().recorded())
                    .isEqualTo(CredentialStatus.EXPIRED);
        }
    }

    @Test
    void a_replaced_credential_is_good_until_its_overlap_ends_and_not_longer() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.provisioned("a");
            Activation first = fleet.manager().activate(agent);
            fleet.clock.advance(Duration.ofHours(1));
            Activation second = fleet.manager().rotateCredentials(agent);
            Instant graceEnd = fleet.clock.instant().plus(Duration.ofMinutes(5));
            fleet.clock.set(graceEnd.minusNanos(1));
            assertThat(fleet.manager()
                            .verifyOpaque(first.issued().token().reveal())
                            .allowed())
                    .isTrue();
            fleet.clock.set(graceEnd);
            assertThat(fleet.manager()
                            .verifyOpaque(first.issued().token().reveal())
                            .allowed())
                    .isFalse();
            assertThat(fleet.manager()
                            .verifyOpaque(second.issued().token().reveal())
                            .allowed())
                    .isTrue();
        }
    }

    @Test
    void inactivity_is_only_reported_by_default() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.provisioned("a");
            Instant at = SweepFleet.START.plus(Duration.ofDays(90));
            assertThat(atEdge(fleet, agent, at).outcomes()).isEmpty();
            assertThat(new OrphanDetector(fleet.manager()).detect())
                    .singleElement()
                    .satisfies(found -> assertThat(found.reasons()).containsExactly(OrphanReason.INACTIVE));
            fleet.clock.advance(Duration.ofNanos(-1));
            assertThat(fleet.manager().engine().now()).isBefore(at);
            assertThat(new OrphanDetector(fleet.manager()).detect()).isEmpty();
            fleet.clock.advance(Duration.ofDays(900));
            fleet.manager().sweeper().sweep();
            assertThat(fleet.state(agent)).isEqualTo(AgentState.PROVISIONED);
        }
    }

    @Test
    void an_inactive_agent_is_held_after_the_grace_and_can_be_released() {
        try (SweepFleet fleet = new SweepFleet(settings -> settings.inactivityAction(InactivityAction.SUSPEND)
                .orphanThreshold(Duration.ofDays(30))
                .heartbeatInterval(Duration.ofDays(10))
                .maxInactive(Duration.ofDays(3))
                .inactivityGrace(Duration.ofHours(5))
                .credentialPolicy(CredentialPolicy.DEFAULT.withMaxCredentialTtl(Duration.ofDays(300))))) {
            AgentId agent = fleet.alive("a");
            fleet.clock.advance(DAY);
            fleet.manager().heartbeat(agent);
            SweepReport report = atEdge(
                    fleet, agent, fleet.clock.instant().plus(Duration.ofDays(3)).plus(Duration.ofHours(5)));
            assertThat(report.with(Result.DONE))
                    .extracting(SweepReport.Outcome::action)
                    .containsExactly(SweepAction.SUSPEND_INACTIVE);
            assertThat(fleet.manager().get(agent).holds().reasons()).containsExactly(HoldReason.INACTIVE);
            assertThat(fleet.state(agent)).isEqualTo(AgentState.SUSPENDED);
            fleet.clock.advance(Duration.ofDays(100));
            fleet.manager().sweeper().sweep();
            assertThat(fleet.count(agent, EventKind.AGENT_SUSPENDED)).isEqualTo(1);
            fleet.manager().releaseHold(agent, HoldReason.INACTIVE, SweepFleet.ADMIN);
            assertThat(fleet.admits(agent)).isTrue();
            fleet.manager().sweeper().sweep();
            assertThat(fleet.state(agent)).isEqualTo(AgentState.ACTIVE);
        }
    }

    @Test
    void an_inactive_agent_is_retired_if_the_policy_says_so() {
        try (SweepFleet fleet = new SweepFleet(settings ->
                settings.inactivityAction(InactivityAction.DECOMMISSION).maxInactive(Duration.ofDays(3)))) {
            AgentId agent = fleet.provisioned("a");
            AgentId held = fleet.active("held");
            fleet.manager().suspend(held, "", SweepFleet.ADMIN);
            atEdge(fleet, agent, SweepFleet.START.plus(Duration.ofDays(3)));
            assertThat(fleet.state(agent)).isEqualTo(AgentState.DECOMMISSIONED);
            assertThat(fleet.state(held)).isEqualTo(AgentState.DECOMMISSIONED);
            assertThat(fleet.manager().get(agent).retirement().orElseThrow().cause())
                    .isEqualTo(Retirement.Cause.INACTIVE);
        }
    }

    @Test
    void a_teardown_is_tried_again_at_its_instant() {
        try (SweepFleet fleet = new SweepFleet(
                io.agentlifecycle.core.spi.LifecycleStore.inMemory(),
                UnaryOperator.identity(),
                UnaryOperator.identity(),
                builder -> builder.teardownTask(new io.agentlifecycle.core.spi.TeardownTask() {
                    @Override
                    public String name() {
                        return "bucket";
                    }

                    @Override
                    public void run(Agent agent) {
                        throw new IllegalStateException("still there");
                    }
                }))) {
            AgentId agent = fleet.active("a");
            fleet.manager().decommission(agent, "", SweepFleet.ADMIN);
            SweepReport report = atEdge(fleet, agent, SweepFleet.START.plus(Duration.ofMinutes(1)));
            assertThat(report.with(Result.FAILED))
                    .extracting(SweepReport.Outcome::action)
                    .containsExactly(SweepAction.RETRY_TEARDOWN);
            assertThat(fleet.count(agent, EventKind.TEARDOWN_TASK_FAILED)).isEqualTo(2);
            atEdge(fleet, agent, SweepFleet.START.plus(Duration.ofMinutes(3)));
            assertThat(fleet.count(agent, EventKind.TEARDOWN_TASK_FAILED)).isEqualTo(3);
        }
    }

    @Test
    void a_rotation_falls_due_at_its_instant() {
        try (SweepFleet fleet = new SweepFleet(
                settings -> settings.heartbeatInterval(Duration.ofHours(13)).orphanThreshold(Duration.ofDays(9)))) {
            AgentId agent = fleet.alive("a");
            Instant due = fleet.manager()
                    .get(agent)
                    .credential()
                    .orElseThrow()
                    .rotateAt(fleet.policy().credentialPolicy());
            assertThat(Duration.between(SweepFleet.START, due))
                    .isBetween(Duration.ofMinutes(12 * 54), Duration.ofMinutes(12 * 66));
            SweepReport report = atEdge(fleet, agent, due);
            assertThat(report.with(Result.DUE_NO_SINK)).hasSize(1);
            fleet.clock.set(due.minusNanos(1));
            assertThat(new CredentialRotator(fleet.manager()).checkAndRotate())
                    .extracting(RotationResult::outcome)
                    .containsExactly(RotationResult.Outcome.OK);
            fleet.clock.set(due);
            assertThat(new CredentialRotator(fleet.manager()).checkAndRotate())
                    .extracting(RotationResult::outcome)
                    .containsExactly(RotationResult.Outcome.ROTATED);
        }
    }
}
