package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.active;
import static io.agentlifecycle.core.Workshop.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.FinalReport;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.Seal;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.error.AgentNotFoundException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.LegalHold;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is known of an agent must be kept, whatever becomes of the agent. */
class LegalHoldTest {
    @RegisterExtension
    final Workshop shop = new Workshop();

    private final LifecycleManager manager = shop.open(Workshop.OPEN_DOOR);

    private SealedEvent last() {
        List<SealedEvent> trail = manager.auditTrail(ID);
        return trail.get(trail.size() - 1);
    }

    @ParameterizedTest
    @EnumSource(AgentState.class)
    void it_is_placed_and_released_in_every_state_and_the_state_stays(AgentState state) {
        if (state == AgentState.DECOMMISSIONING) {
            LifecycleManager stuck = shop.open(
                    builder -> builder.policy(Workshop.OPEN_DOOR).teardownTask(new FlakyTask("worker", () -> false)));
            active(stuck, "agent:1");
            stuck.decommission(ID, "enough", ADMIN);
        } else {
            manager.importAgents(List.of(shop.imported("agent:1", state)), "elsewhere", ADMIN);
        }
        Agent before = manager.get(ID);
        shop.clock.advance(Duration.ofMinutes(1));

        Agent held = manager.placeLegalHold(ID, "case 4711", ADMIN);

        assertThat(held.state()).isEqualTo(state);
        assertThat(held.legalHolds()).containsExactly(new LegalHold("case 4711", ADMIN, shop.clock.instant()));
        assertThat(manager.get(ID)).isEqualTo(held);
        AuditEvent placed = last().event();
        assertThat(placed.kind()).isEqualTo(EventKind.LEGAL_HOLD_PLACED);
        assertThat(placed.from()).isEqualTo(placed.to()).contains(state);
        assertThat(placed.content().command())
                .as("no command of the transition table")
                .isEmpty();
        assertThat(placed.details())
                .isEqualTo(Json.object().put("reference", "case 4711").build());

        Agent released = manager.releaseLegalHold(ID, "case 4711", ADMIN);

        assertThat(last().event().kind()).isEqualTo(EventKind.LEGAL_HOLD_RELEASED);
        assertThat(released.legalHolds()).isEmpty();
        assertThat(released.with(before.activity()).at(before.version()))
                .as("nothing else has changed")
                .isEqualTo(before);
    }

    @Test
    void it_outlives_the_agent_and_another_manager_knows_it() {
        active(manager, "agent:1");
        Instant first = shop.clock.instant();
        manager.placeLegalHold(ID, "case 2", ADMIN);
        shop.clock.advance(Duration.ofHours(1));
        manager.placeLegalHold(ID, "case 1", ADMIN);
        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed())
                .as("the agent may go on")
                .isTrue();
        manager.decommission(ID, "enough", ADMIN);
        Optional<FinalReport> report = manager.finalReport(ID);
        manager.placeLegalHold(ID, "case 3", ADMIN);

        Agent known = shop.open(Workshop.OPEN_DOOR).get(ID);

        assertThat(known.state()).isEqualTo(AgentState.DECOMMISSIONED);
        assertThat(known.legalHolds())
                .extracting(LegalHold::reference)
                .as("the oldest first")
                .containsExactly("case 2", "case 1", "case 3");
        assertThat(known.legalHold("case 2")).contains(new LegalHold("case 2", ADMIN, first));
        assertThat(known.legalHold("case 4")).isEmpty();
        assertThat(report).isPresent();
        assertThat(manager.finalReport(ID)).isEqualTo(report);
    }

    @Test
    void one_reference_stands_once_and_only_what_stands_is_released() {
        active(manager, "agent:1");
        manager.placeLegalHold(ID, "case 1", ADMIN);

        PolicyViolationException twice =
                refused(manager, "legal-hold-stands", () -> manager.placeLegalHold(ID, "case 1", ADMIN));
        assertThat(twice).hasMessageContaining("agent:1").hasMessageContaining("case 1");
        PolicyViolationException other =
                refused(manager, "no-such-legal-hold", () -> manager.releaseLegalHold(ID, "Case 1", ADMIN));
        assertThat(other).hasMessageContaining("Case 1").hasMessageContaining("[case 1]");

        for (int i = 2; i <= LegalHold.MOST; i++) {
            manager.placeLegalHold(ID, "case " + i, ADMIN);
        }
        refused(manager, "legal-hold-count", () -> manager.placeLegalHold(ID, "one too many", ADMIN));
        manager.releaseLegalHold(ID, "case 7", ADMIN);
        assertThat(manager.placeLegalHold(ID, "one too many", ADMIN).legalHolds())
                .hasSize(LegalHold.MOST)
                .extracting(LegalHold::reference)
                .doesNotContain("case 7");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "two\nlines", "\u202Eback"})
    void a_reference_that_cannot_stand_in_a_line_is_refused(String reference) {
        active(manager, "agent:1");
        for (Runnable call : List.<Runnable>of(
                () -> manager.placeLegalHold(ID, reference, ADMIN),
                () -> manager.releaseLegalHold(ID, reference, ADMIN),
                () -> manager.placeLegalHold(ID, "x".repeat(129), ADMIN))) {
            assertThatThrownBy(call::run)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith("legal hold ");
        }
        assertThat(manager.placeLegalHold(ID, "x".repeat(128), ADMIN).legalHolds())
                .hasSize(1);
    }

    @Test
    void it_is_placed_while_nothing_can_be_signed_and_vouched_for_later() {
        var sealer = new TestSealer();
        LifecycleManager signed = shop.open(
                builder -> builder.policy(Workshop.OPEN_DOOR).sealer(sealer).signFromHere());
        shop.close(manager);
        active(signed, "agent:1");
        signed.decommission(ID, "enough", ADMIN);
        sealer.fail();

        signed.placeLegalHold(ID, "case 1", ADMIN);

        List<SealedEvent> trail = signed.auditTrail(ID);
        assertThat(trail.get(trail.size() - 1).seal()).isEqualTo(Seal.WAITING);
        sealer.heal();
        shop.clock.advance(Duration.ofMinutes(1));
        signed.sweeper().sweep();
        assertThat(signed.auditTrail(ID).get(trail.size() - 1).seal()).isEqualTo(Seal.ENDORSED_LATE);
        assertThat(signed.get(ID).legalHolds()).hasSize(1);
    }

    @Test
    void another_tenant_neither_sees_nor_moves_it() {
        LifecycleManager acme = manager.forTenant(TenantId.of("acme"));
        active(manager, "agent:1");
        active(acme, "agent:1");

        acme.placeLegalHold(ID, "case 1", ADMIN);

        assertThat(manager.get(ID).legalHolds()).isEmpty();
        refused(manager, "no-such-legal-hold", () -> manager.releaseLegalHold(ID, "case 1", ADMIN));
        assertThatThrownBy(() -> acme.placeLegalHold(AgentId.of("agent:2"), "case 1", ADMIN))
                .isInstanceOf(AgentNotFoundException.class);
    }
}
