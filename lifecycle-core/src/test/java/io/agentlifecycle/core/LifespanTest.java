package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.PATIENT;
import static io.agentlifecycle.core.Workshop.refused;
import static io.agentlifecycle.core.Workshop.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.error.InvalidTransitionException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The end of a life, by the guard and by sweeps, and how it is put off. */
class LifespanTest {

    @RegisterExtension
    final Workshop shop = new Workshop();

    private LifecycleManager manager = shop.open(PATIENT);
    private final Instant end = shop.clock.instant().plus(Duration.ofHours(1));

    private void activeUntil(Instant notAfter) {
        manager.requestProvisioning(request("agent:1").notAfter(notAfter).build());
        manager.activate(ID);
    }

    private List<Verdict.Reason> reasons(String agent) {
        return manager.guard().check(AgentId.of(agent), Operation.INVOKE) instanceof Verdict.Denied denied
                ? denied.reasons()
                : List.of();
    }

    @Test
    void a_renewed_agent_lives_on_and_its_next_credential_with_it() {
        activeUntil(end);
        Instant later = end.plus(Duration.ofHours(1));
        shop.clock.set(end.minusNanos(1));

        Agent renewed = manager.renew(ID, later, ADMIN);

        assertThat(renewed.lifespan().notAfter()).contains(later);
        shop.clock.set(end);
        assertThat(reasons("agent:1")).isEmpty();
        manager.sweeper().sweep();
        assertThat(manager.get(ID).state()).isEqualTo(AgentState.ACTIVE);
        assertThat(manager.rotateCredentials(ID)
                        .credential()
                        .orElseThrow()
                        .credential()
                        .expiresAt())
                .isEqualTo(later);
        shop.clock.set(later);
        assertThat(reasons("agent:1")).containsExactly(Verdict.Reason.EXPIRED);
        manager.sweeper().sweep();
        assertThat(manager.get(ID).state()).isEqualTo(AgentState.DECOMMISSIONED);
        assertThat(Workshop.kinds(manager, ID)).containsOnlyOnce(EventKind.AGENT_RENEWED);
    }

    @Test
    void what_cannot_be_renewed_says_why() {
        activeUntil(end);
        assertThat(refused(manager, "lifespan-shorter", () -> manager.renew(ID, end, ADMIN)))
                .hasMessageContainingAll("agent:1", end.toString(), "decommission");
        shop.clock.set(end);
        assertThat(refused(manager, "lifespan-over", () -> manager.renew(ID, end.plusSeconds(1), ADMIN)))
                .hasMessageContaining("request a new agent");
        AgentId endless = AgentId.of("agent:2");
        manager.requestProvisioning(request("agent:2").build());
        assertThat(refused(manager, "lifespan-endless", () -> manager.renew(endless, end.plusSeconds(1), ADMIN)))
                .hasMessageContaining("agent:2");
        manager.decommission(endless, "", ADMIN);
        assertThatThrownBy(() -> manager.renew(endless, end.plusSeconds(1), ADMIN))
                .isInstanceOf(InvalidTransitionException.class);
    }

    @Test
    void a_policy_may_want_an_end_of_every_life() {
        shop.close(manager);
        Duration day = Duration.ofDays(1);
        manager = shop.open(LifecyclePolicy.builder()
                .requireApproval(false)
                .maxLifespan(day)
                .build());
        Instant latest = shop.clock.instant().plus(day);

        assertThat(refused(
                        manager,
                        "lifespan-long",
                        () -> manager.requestProvisioning(request("agent:1").build())))
                .hasMessageContainingAll("Code Review Agent", "for ever", latest.toString());
        assertThat(refused(manager, "lifespan-long", () -> activeUntil(latest.plusNanos(1))))
                .hasMessageContaining("until " + latest.plusNanos(1));
        activeUntil(latest);
        refused(manager, "lifespan-long", () -> manager.renew(ID, latest.plusNanos(1), ADMIN));
        shop.clock.advance(Duration.ofHours(1));
        assertThat(manager.renew(ID, latest.plus(Duration.ofHours(1)), ADMIN)
                        .lifespan()
                        .notAfter())
                .isEqualTo(Optional.of(latest.plus(Duration.ofHours(1))));
    }

    @Test
    void nobody_outlives_the_agent_that_it_works_for() {
        activeUntil(end);
        manager.requestProvisioning(
                request("agent:2").parent(ID).notAfter(end.plusSeconds(60)).build());
        Activation child = manager.activate(AgentId.of("agent:2"));
        assertThat(child.credential().orElseThrow().credential().expiresAt()).isEqualTo(end);

        shop.clock.set(end);

        assertThat(reasons("agent:2")).containsExactly(Verdict.Reason.PARENT_STOPPED);
    }
}
