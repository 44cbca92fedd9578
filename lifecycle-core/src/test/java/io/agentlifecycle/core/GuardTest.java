package io.agentlifecycle.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.FaultStore.Call;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.access.Verdict.Reason;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.budget.RateLimit;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.error.AccessDeniedException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.spi.TeardownTask;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** Every reason of the guard, and its edges. */
class GuardTest {
    private static final CredentialId NONE = CredentialId.of("cred:" + "0".repeat(32));

    private final Set<Reason> seen = EnumSet.noneOf(Reason.class);

    private List<Reason> reasons(Verdict verdict) {
        List<Reason> reasons = verdict instanceof Verdict.Denied denied ? denied.reasons() : List.of();
        seen.addAll(reasons);
        return reasons;
    }

    private List<Reason> reasons(SweepFleet fleet, AgentId agent) {
        return reasons(fleet.manager().guard().check(agent, Operation.INVOKE));
    }

    private List<Reason> reasons(SweepFleet fleet, AgentId agent, CredentialId credential) {
        return reasons(fleet.manager().standing(SweepFleet.key(agent), credential));
    }

    private static AgentId imported(SweepFleet fleet, AgentState state) {
        return fleet.manager()
                .importAgents(
                        List.of(new AgentImport(
                                SweepFleet.request("in-" + state).build(), state, SweepFleet.START)),
                        "elsewhere",
                        SweepFleet.ADMIN)
                .get(0)
                .id();
    }

    @Test
    void every_reason_is_given_where_it_belongs() {
        var store = new FaultStore(LifecycleStore.inMemory());
        TeardownTask stuck = new TeardownTask() {
            @Override
            public String name() {
                return "bucket";
            }

            @Override
            public void run(Agent agent) {
                throw new IllegalStateException("still there");
            }
        };
        try (SweepFleet fleet =
                new SweepFleet(store, UnaryOperator.identity(), builder -> builder.teardownTask(stuck))) {
            assertThat(reasons(fleet, AgentId.of("nobody"))).containsExactly(Reason.UNKNOWN_AGENT);
            for (AgentState state : EnumSet.of(
                    AgentState.PENDING_APPROVAL,
                    AgentState.PROVISIONED,
                    AgentState.QUARANTINED,
                    AgentState.SUSPENDED,
                    AgentState.ORPHANED,
                    AgentState.DECOMMISSIONED)) {
                assertThat(reasons(fleet, imported(fleet, state))).containsExactly(Reason.valueOf(state.name()));
            }
            AgentId heldBefore = fleet.provisioned("held-before");
            fleet.manager().placeHold(heldBefore, HoldReason.INSUFFICIENT_BALANCE, "", SweepFleet.ADMIN);
            assertThat(reasons(fleet.manager().guard().check(heldBefore, Operation.SELF_READ)))
                    .containsExactly(Reason.HELD);
            AgentId agent = fleet.provisioned("a");
            CredentialId first =
                    fleet.manager().activate(agent).issued().credential().id();
            assertThat(reasons(fleet, agent, first)).isEmpty();
            assertThat(reasons(fleet, agent, NONE)).containsExactly(Reason.CREDENTIAL_UNKNOWN);
            CredentialId second = fleet.manager()
                    .rotateCredentials(agent)
                    .issued()
                    .credential()
                    .id();
            assertThat(reasons(fleet, agent, first)).isEmpty();
            fleet.clock.advance(Duration.ofMinutes(5));
            assertThat(reasons(fleet, agent, first)).containsExactly(Reason.CREDENTIAL_RETIRED);
            fleet.clock.advance(Duration.ofHours(24));
            assertThat(reasons(fleet, agent, second)).containsExactly(Reason.CREDENTIAL_EXPIRED);
            CredentialId third = fleet.manager()
                    .rotateCredentials(agent)
                    .issued()
                    .credential()
                    .id();
            fleet.manager().revokeCredentials(agent, "", SweepFleet.ADMIN);
            assertThat(reasons(fleet, agent, third)).containsExactly(Reason.CREDENTIAL_REVOKED);

            fleet.manager().decommission(agent, "", SweepFleet.ADMIN);
            assertThat(reasons(fleet, agent, third)).containsExactly(Reason.DECOMMISSIONING, Reason.CREDENTIAL_REVOKED);

            AgentId limited = fleet.manager()
                    .requestProvisioning(SweepFleet.request("limited")
                            .notBefore(fleet.clock.instant().plusSeconds(5))
                            .notAfter(fleet.clock.instant().plusSeconds(9))
                            .build())
                    .id();
            fleet.manager().activate(limited);
            assertThat(reasons(fleet, limited)).containsExactly(Reason.NOT_YET_VALID);
            fleet.clock.advance(Duration.ofSeconds(9));
            assertThat(reasons(fleet, limited)).containsExactly(Reason.EXPIRED);

            AgentId busy = fleet.active("busy");
            fleet.manager().limitRate(busy, RateLimit.perMinute(1), SweepFleet.ADMIN);
            assertThat(reasons(fleet, busy)).isEmpty();
            fleet.manager().guard().require(busy, Operation.INVOKE);
            assertThat(reasons(fleet, busy)).containsExactly(Reason.RATE_LIMITED);

            AgentId parent = fleet.active("parent");
            AgentId child = fleet.manager()
                    .requestProvisioning(
                            SweepFleet.request("child").parent(parent).build())
                    .id();
            CredentialId ofChild =
                    fleet.manager().activate(child).issued().credential().id();
            fleet.manager().revokeCredentials(parent, "", SweepFleet.ADMIN);
            assertThat(reasons(fleet, child)).isEmpty();
            assertThat(reasons(fleet, child, ofChild)).containsExactly(Reason.PARENT_CREDENTIAL);
            fleet.manager().suspend(parent, "", SweepFleet.ADMIN);
            assertThat(reasons(fleet, child)).containsExactly(Reason.PARENT_STOPPED);

            AgentId killed = fleet.active("killed");
            KillSwitch kills = fleet.manager().killSwitch();
            kills.engage(kills.agent(killed), "", SweepFleet.ADMIN);
            assertThat(reasons(fleet, killed)).containsExactly(Reason.KILLED);

            Lease lease = fleet.manager().guard().lease(fleet.active("leased"), Operation.INVOKE);
            lease.close();
            assertThat(reasons(lease.check())).containsExactly(Reason.LEASE_CLOSED);

            AgentId denied = fleet.active("denied");
            store.breakAt(call -> call == Call.COMMIT);
            assertThatThrownBy(() -> fleet.manager().suspend(denied, "", SweepFleet.ADMIN))
                    .isInstanceOf(StoreException.class);
            store.heal();
            assertThat(reasons(fleet, denied)).containsExactly(Reason.DENIED_HERE);
            reasons(fleet.manager().forTenant(TenantId.of("acme")).standing(SweepFleet.key(denied), NONE));
            assertThatThrownBy(
                            () -> fleet.manager().forTenant(TenantId.of("acme")).health())
                    .isInstanceOfSatisfying(AccessDeniedException.class, e -> reasons(e.verdict()));
        }
        // no command takes a parent away; see DelegationTest
        assertThat(seen).isEqualTo(EnumSet.complementOf(EnumSet.of(Reason.PARENT_UNKNOWN)));
    }

    @Test
    void a_life_begins_and_ends_at_its_instants() {
        try (SweepFleet fleet = new SweepFleet(UnaryOperator.identity())) {
            Instant begin = SweepFleet.START.plusSeconds(60);
            Instant end = SweepFleet.START.plusSeconds(120);
            AgentId agent = fleet.manager()
                    .requestProvisioning(SweepFleet.request("a")
                            .notBefore(begin)
                            .notAfter(end)
                            .build())
                    .id();
            CredentialId credential =
                    fleet.manager().activate(agent).issued().credential().id();
            fleet.clock.set(begin.minusNanos(1));
            assertThat(reasons(fleet, agent)).containsExactly(Reason.NOT_YET_VALID);
            fleet.clock.set(begin);
            assertThat(reasons(fleet, agent)).isEmpty();
            fleet.clock.set(end.minusNanos(1));
            assertThat(reasons(fleet, agent, credential)).isEmpty();
            fleet.clock.set(end);
            assertThat(reasons(fleet, agent, credential)).containsExactly(Reason.EXPIRED, Reason.CREDENTIAL_EXPIRED);
        }
    }

    @Test
    void require_returns_or_throws_with_the_whole_verdict() {
        try (SweepFleet fleet = new SweepFleet(UnaryOperator.identity())) {
            AgentId agent = fleet.active("a");
            fleet.manager().guard().require(agent, Operation.INVOKE);
            fleet.manager().suspend(agent, "", SweepFleet.ADMIN);
            assertThatThrownBy(() -> fleet.manager().guard().require(agent, Operation.INVOKE))
                    .isInstanceOfSatisfying(AccessDeniedException.class, e -> {
                        assertThat(e.verdict().reasons()).containsExactly(Reason.SUSPENDED);
                        assertThat(e.code()).isEqualTo("access-denied");
                    });
        }
    }

    @Test
    void a_guard_knows_the_agents_of_its_own_tenant_only() {
        try (SweepFleet fleet = new SweepFleet(UnaryOperator.identity())) {
            AgentId agent = fleet.active("a");
            LifecycleManager acme = fleet.manager().forTenant(TenantId.of("acme"));
            assertThat(reasons(acme.guard().check(agent, Operation.INVOKE))).containsExactly(Reason.UNKNOWN_AGENT);
            AgentId same =
                    acme.requestProvisioning(SweepFleet.request("a").build()).id();
            acme.activate(same);
            fleet.manager().suspend(agent, "", SweepFleet.ADMIN);
            assertThat(acme.guard().check(same, Operation.INVOKE).allowed()).isTrue();
            assertThat(fleet.admits(agent)).isFalse();
        }
    }

    @Test
    void a_closed_manager_lets_nobody_through_and_does_nothing() {
        var store = LifecycleStore.inMemory();
        var fleet = new SweepFleet(store, UnaryOperator.identity(), UnaryOperator.identity(), UnaryOperator.identity());
        AgentId agent = fleet.provisioned("a");
        CredentialId credential =
                fleet.manager().activate(agent).issued().credential().id();
        LifecycleManager other = fleet.another(store, UnaryOperator.identity());
        LifecycleManager view = fleet.manager().forTenant(TenantId.DEFAULT);

        fleet.close();

        assertThat(fleet.admits(agent)).isFalse();
        assertThat(view.guard().check(agent, Operation.INVOKE).allowed()).isFalse();
        assertThat(fleet.manager()
                        .standing(new AgentKey(TenantId.DEFAULT, agent), credential)
                        .allowed())
                .isFalse();
        assertThatThrownBy(() -> fleet.manager().suspend(agent, "", SweepFleet.ADMIN))
                .isInstanceOf(StoreException.class);
        assertThatThrownBy(() -> fleet.manager().heartbeat(agent)).isInstanceOf(StoreException.class);
        other.changeOwner(agent, "carol@company.com", SweepFleet.ADMIN);
        assertThat(fleet.admits(agent)).as("closed for good").isFalse();
        assertThat(other.guard().check(agent, Operation.INVOKE).allowed()).isTrue();
        assertThat(other.verify().agents()).isEqualTo(1);
        other.close();
    }

    @Test
    void a_view_of_a_tenant_closes_nothing() {
        try (SweepFleet fleet = new SweepFleet(UnaryOperator.identity())) {
            AgentId agent = fleet.active("a");
            fleet.manager().forTenant(TenantId.DEFAULT).close();
            assertThat(fleet.admits(agent)).isTrue();
        }
    }
}
