package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.active;
import static io.agentlifecycle.core.Workshop.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Verdict.Reason;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Seal;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.error.AccessDeniedException;
import io.agentlifecycle.core.error.AgentNotFoundException;
import io.agentlifecycle.core.error.AuditUnavailableException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.RefusedException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.HoldTerms;
import io.agentlifecycle.core.hold.KillScope;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What whoever wants to stop an agent is told if that cannot be: whom it is about, which rule it is, and what would help. */
class StoppingRefusalsTest {
    @RegisterExtension
    final Workshop shop = new Workshop();

    private final LifecycleManager manager = shop.open(Workshop.OPEN_DOOR);
    private final KillSwitch kills = manager.killSwitch();

    /** What stands in the way of another tenant's agents, of which there are none. */
    private final LifecycleManager acme = manager.forTenant(TenantId.of("acme"));

    private static void assertDenied(ThrowingCallable call, Reason reason, String message) {
        AccessDeniedException denied = catchThrowableOfType(AccessDeniedException.class, call);
        assertThat(denied).as("the denial").isNotNull().isInstanceOf(RefusedException.class);
        assertThat(denied.verdict().reasons()).containsExactly(reason);
        assertThat(denied.code()).isEqualTo("access-denied");
        assertThat(denied).hasMessage(message);
    }

    @Test
    void a_kill_switch_that_was_released_is_not_released_again() {
        active(manager, "agent:1");
        kills.engage(kills.agent(ID), "", ADMIN);
        kills.engage(kills.type("crawler"), "", ADMIN);
        kills.release(kills.agent(ID), ReleaseAuthority.ADMIN, "", ADMIN);

        assertThat(refused(
                        manager,
                        "no-such-kill",
                        () -> kills.release(kills.agent(ID), ReleaseAuthority.ADMIN, "", ADMIN)))
                .hasMessage(
                        "the kill switch agent:default/agent:1 is not engaged; those that are: [type:default/crawler]"
                                + " (rule no-such-kill)");
    }

    @Test
    void a_kill_switch_for_whom_nobody_knows_stops_nobody_until_it_comes() {
        AgentId late = AgentId.of("agent:late");
        KillScope scope = acme.killSwitch().agent(late);
        refused(manager, "no-such-kill", () -> acme.killSwitch().release(scope, ReleaseAuthority.ADMIN, "", ADMIN));
        assertThat(acme.killSwitch().engage(scope, "we have heard of it", ADMIN))
                .isZero();

        acme.requestProvisioning(Workshop.request("agent:late").build());
        assertThatThrownBy(() -> acme.activate(late))
                .isInstanceOf(PolicyViolationException.class)
                .hasMessageContainingAll("kill-switch", "acme/agent:late", "an admin must release that first");
        acme.killSwitch().release(scope, ReleaseAuthority.ADMIN, "", ADMIN);
        assertThat(acme.activate(late).agent().state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void who_is_not_there_is_not_let_through_and_not_held() {
        active(manager, "agent:1");
        for (Map.Entry<LifecycleManager, AgentId> whom :
                List.of(Map.entry(manager, AgentId.of("nobody")), Map.entry(acme, ID))) {
            Guard guard = whom.getKey().guard();
            AgentId id = whom.getValue();
            String key = whom.getKey() == acme ? "acme/agent:1" : "nobody";
            String message =
                    "INVOKE is denied to agent %s: no such agent in this tenant ([UNKNOWN_AGENT])".formatted(key);
            assertDenied(() -> guard.require(id, Operation.INVOKE), Reason.UNKNOWN_AGENT, message);
            assertDenied(() -> guard.lease(id, Operation.INVOKE), Reason.UNKNOWN_AGENT, message);
            for (ThrowingCallable hold : List.<ThrowingCallable>of(
                    () -> whom.getKey().placeHold(id, HoldReason.POLICY_VIOLATION, "", ADMIN),
                    () -> whom.getKey().releaseHold(id, HoldReason.POLICY_VIOLATION, ReleaseAuthority.ADMIN, ADMIN))) {
                assertThatThrownBy(hold)
                        .isInstanceOf(AgentNotFoundException.class)
                        .hasMessageContainingAll("Agent not found: " + key, "query(..)");
            }
        }
        manager.guard().require(ID, Operation.INVOKE);
    }

    @Test
    void a_hold_that_ends_in_the_past_is_not_placed() {
        active(manager, "agent:1");
        HoldTerms yesterday = HoldTerms.of("").until(shop.clock.instant().minus(Duration.ofDays(1)));

        assertThat(refused(
                        manager,
                        "hold-over",
                        () -> manager.placeHold(ID, HoldReason.POLICY_VIOLATION, yesterday, ADMIN)))
                .hasMessage(
                        "agent agent:1 is to be held by policy_violation until 2026-04-10T04:30:00Z, which has passed;"
                                + " choose a later end, or none (rule hold-over)");
        manager.guard().require(ID, Operation.INVOKE);
    }

    @Test
    void a_lease_that_was_closed_is_good_for_nothing() {
        active(manager, "agent:1");
        Lease lease = manager.guard().lease(ID, Operation.DELEGATE);
        lease.close();

        assertDenied(
                lease::require,
                Reason.LEASE_CLOSED,
                "DELEGATE is denied to a lease of agent agent:1: the lease is closed; take another ([LEASE_CLOSED])");
        assertThat(lease.check().allowed()).isFalse();
        manager.guard().require(ID, Operation.DELEGATE);
    }

    // ---- while nothing can be signed

    private static List<Seal> seals(LifecycleManager signing, EventKind kind) {
        return signing.events(0, Integer.MAX_VALUE).events().stream()
                .filter(event -> event.event().kind() == kind)
                .map(SealedEvent::seal)
                .toList();
    }

    @Test
    void whoever_stops_agents_needs_no_sealer_and_one_sweep_vouches_for_it_in_each_trail() {
        TestSealer sealer = new TestSealer();
        Workshop signed = new Workshop();
        LifecycleManager signing =
                signed.open(builder -> builder.policy(Workshop.OPEN_DOOR).sealer(sealer));
        active(signing, "agent:1");
        active(signing, "agent:2");
        active(signing, "agent:3");
        sealer.fail();

        signing.suspend(ID, "it sends spam", ADMIN);
        signing.placeHold(AgentId.of("agent:2"), HoldReason.POLICY_VIOLATION, "it does so, too", ADMIN);
        signing.killSwitch().engage(signing.killSwitch().everything(), "they all do", ADMIN);

        for (String id : List.of("agent:1", "agent:2", "agent:3")) {
            assertThat(signing.guard()
                            .check(AgentId.of(id), Operation.SELF_READ)
                            .allowed())
                    .as(id)
                    .isFalse();
        }
        assertThat(seals(signing, EventKind.KILL_ENGAGED)).containsExactly(Seal.WAITING);
        assertThat(seals(signing, EventKind.AGENT_SUSPENDED)).containsExactly(Seal.WAITING, Seal.WAITING);
        assertThatThrownBy(() -> signing.resume(ID, ADMIN)).isInstanceOf(AuditUnavailableException.class);
        assertThatThrownBy(() -> signing.killSwitch()
                        .release(signing.killSwitch().everything(), ReleaseAuthority.ADMIN, "", ADMIN))
                .isInstanceOf(AuditUnavailableException.class);

        sealer.heal();
        signing.sweeper().sweep();

        assertThat(seals(signing, EventKind.KILL_ENGAGED)).containsExactly(Seal.ENDORSED_LATE);
        assertThat(seals(signing, EventKind.AGENT_SUSPENDED)).containsExactly(Seal.ENDORSED_LATE, Seal.ENDORSED_LATE);
        assertThat(signing.events(0, Integer.MAX_VALUE).events().stream()
                        .filter(event -> event.event().kind() == EventKind.LOG_GAP_ENDORSED)
                        .map(event -> event.event().position().stream()))
                .containsExactlyInAnyOrder("log", "a/default/agent:1", "a/default/agent:2");
        assertThat(seals(signing, EventKind.LOG_GAP_ENDORSED)).containsOnly(Seal.SIGNED);
        assertThat(signing.verify().waiting()).isZero();
        signing.killSwitch().release(signing.killSwitch().everything(), ReleaseAuthority.ADMIN, "", ADMIN);
        signing.guard().require(AgentId.of("agent:3"), Operation.INVOKE);
        signed.check();
    }
}
