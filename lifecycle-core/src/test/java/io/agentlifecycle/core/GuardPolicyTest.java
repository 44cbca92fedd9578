package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.active;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.FaultStore.Call;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.access.Verdict.Reason;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.GuardPolicy;
import io.agentlifecycle.core.agent.GuardPolicy.QuarantineAccess;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.error.AccessDeniedException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.HoldTerms;
import io.agentlifecycle.core.spi.LifecycleStore;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What an agent may do in which state, what a denial says, and what becomes of an agent that is found expired. */
class GuardPolicyTest {
    private static final Duration HOUR = Duration.ofHours(1);
    private static final Set<Operation> ALL = EnumSet.allOf(Operation.class);
    private static final Set<Operation> OF_ITSELF = EnumSet.of(Operation.SELF_READ, Operation.CREDENTIAL_EXCHANGE);
    private static final Set<Operation> NOTHING = EnumSet.noneOf(Operation.class);

    private final FaultStore store = new FaultStore(LifecycleStore.inMemory());

    @RegisterExtension
    final Workshop shop = new Workshop(store);

    private LifecycleManager open(GuardPolicy guard) {
        return shop.open(
                LifecyclePolicy.builder().requireApproval(false).guard(guard).build());
    }

    private Instant inAnHour() {
        return shop.clock.instant().plus(HOUR);
    }

    private static Verdict.Denied denied(Verdict verdict) {
        return (Verdict.Denied) verdict;
    }

    // ---- what may be done in which state

    /** BrainstormRouter's four rules, and the choice for quarantine (BSR-08, BSR-09, BSR-10). */
    @ParameterizedTest
    @EnumSource(QuarantineAccess.class)
    void each_operation_in_each_state(QuarantineAccess quarantine) {
        Map<AgentState, Set<Operation>> allowed = Map.of(
                AgentState.PENDING_APPROVAL, NOTHING,
                AgentState.PROVISIONED, OF_ITSELF,
                AgentState.ACTIVE, ALL,
                AgentState.QUARANTINED,
                        switch (quarantine) {
                            case NONE -> NOTHING;
                            case RESTRICTED -> OF_ITSELF;
                            case FULL -> ALL;
                        },
                AgentState.SUSPENDED, NOTHING,
                AgentState.ORPHANED, NOTHING,
                AgentState.DECOMMISSIONED, NOTHING);
        LifecycleManager manager = open(GuardPolicy.DEFAULT.withQuarantine(quarantine));
        allowed.forEach((state, operations) -> {
            AgentImport imported = shop.imported("in-" + state.wire(), state);
            AgentKey key = manager.importAgents(List.of(imported), "elsewhere", ADMIN)
                    .get(0)
                    .key();
            for (Operation operation : Operation.values()) {
                Verdict verdict = manager.guard().check(key.id(), operation);
                assertThat(verdict.allowed())
                        .as("%s in %s with %s", operation, state, quarantine)
                        .isEqualTo(operations.contains(operation));
                if (!verdict.allowed()) {
                    assertThat(denied(verdict).reasons()).containsExactly(Reason.valueOf(state.name()));
                    assertThatThrownBy(() -> manager.guard().require(key.id(), operation))
                            .isInstanceOf(AccessDeniedException.class)
                            .hasMessageContainingAll(operation.name(), key.id().value(), state.name());
                }
            }
        });
    }

    @Test
    void whoever_is_retiring_may_do_nothing() {
        LifecycleManager stuck = shop.open(
                builder -> builder.policy(Workshop.OPEN_DOOR).teardownTask(new FlakyTask("worker", () -> false)));
        active(stuck, "agent:1");
        stuck.decommission(ID, "enough", ADMIN);
        for (Operation operation : Operation.values()) {
            assertThat(stuck.guard().check(ID, operation).allowed()).isFalse();
        }
    }

    @Test
    void by_a_verified_token_the_credential_counts_too() {
        LifecycleManager manager = open(GuardPolicy.DEFAULT.withQuarantine(QuarantineAccess.FULL));
        Activation activation = active(manager, "agent:1");
        AgentKey key = activation.agent().key();
        CredentialId good = activation.issued().credential().id();

        assertThat(manager.guard().check(key, good, Operation.DELEGATE).allowed())
                .isTrue();
        manager.guard().require(key, good, Operation.DELEGATE);
        manager.revokeCredentials(ID, "leaked", ADMIN);
        assertThat(denied(manager.guard().check(key, good, Operation.SELF_READ)).reasons())
                .containsExactly(Reason.CREDENTIAL_REVOKED);
        assertThatThrownBy(() -> manager.guard().require(key, good, Operation.SELF_READ))
                .isInstanceOf(AccessDeniedException.class);
        assertThat(manager.guard().check(ID, Operation.SELF_READ).allowed())
                .as("by its id alone")
                .isTrue();

        LifecycleManager other = manager.forTenant(TenantId.of("acme"));
        assertThat(denied(other.guard().check(key, good, Operation.SELF_READ)).reasons())
                .containsExactly(Reason.UNKNOWN_AGENT);
    }

    // ---- what a denial says

    @Test
    void a_denial_has_an_http_status_that_a_preset_may_change() {
        LifecycleManager standard = open(GuardPolicy.DEFAULT);
        active(standard, "agent:1");
        standard.suspend(ID, "maintenance", ADMIN);
        AgentKey key = standard.get(ID).key();
        CredentialId none = CredentialId.of("cred:" + "0".repeat(32));

        assertThat(denied(standard.guard().check(ID, Operation.INVOKE)).httpStatus())
                .isEqualTo(403);
        assertThat(denied(open(GuardPolicy.brainstormRouter()).guard().check(ID, Operation.INVOKE))
                        .httpStatus())
                .isEqualTo(402);
        standard.resume(ID, ADMIN);
        assertThat(denied(standard.guard().check(key, none, Operation.INVOKE)).httpStatus())
                .isEqualTo(401);
        standard.decommission(ID, "enough", ADMIN);
        assertThat(denied(open(GuardPolicy.brainstormRouter()).guard().check(ID, Operation.INVOKE))
                        .httpStatus())
                .isEqualTo(403);
        for (int status : List.of(0, 200, 399, 600)) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> new GuardPolicy(QuarantineAccess.NONE, false, Map.of(Reason.SUSPENDED, status)))
                    .withMessageContaining("" + status);
        }
    }

    @Test
    void a_denial_says_when_to_ask_again_if_time_alone_ends_it() {
        LifecycleManager manager = open(GuardPolicy.DEFAULT);
        active(manager, "agent:1");
        manager.placeHold(ID, HoldReason.of("first"), HoldTerms.of("").until(inAnHour()), ADMIN);
        assertThat(denied(manager.guard().check(ID, Operation.INVOKE)).retryAt())
                .contains(inAnHour());
        Instant later = inAnHour().plus(HOUR);
        manager.placeHold(ID, HoldReason.of("second"), HoldTerms.of("").until(later), ADMIN);
        assertThat(denied(manager.guard().check(ID, Operation.INVOKE)).retryAt())
                .contains(later);
        manager.placeHold(ID, HoldReason.of("third"), "", ADMIN);
        assertThat(denied(manager.guard().check(ID, Operation.INVOKE)).retryAt())
                .isEmpty();

        Instant begin = inAnHour();
        var early = manager.activate(manager.requestProvisioning(
                        Workshop.request("agent:2").notBefore(begin).build())
                .id());
        Verdict.Denied notYet = denied(manager.guard().check(early.agent().id(), Operation.SELF_READ));
        assertThat(notYet.reasons()).containsExactly(Reason.NOT_YET_VALID);
        assertThat(notYet.retryAt()).contains(begin);
        shop.clock.set(begin);
        assertThat(manager.guard()
                        .check(early.agent().id(), Operation.SELF_READ)
                        .allowed())
                .isTrue();
    }

    // ---- found expired

    private LifecycleManager withExpired(boolean ends) {
        LifecycleManager manager = open(GuardPolicy.DEFAULT.withEndsExpired(ends));
        manager.activate(manager.requestProvisioning(
                        Workshop.request("agent:1").notAfter(inAnHour()).build())
                .id());
        shop.clock.advance(HOUR.minusNanos(1));
        manager.guard().require(ID, Operation.INVOKE);
        shop.clock.advance(Duration.ofNanos(1));
        return manager;
    }

    private void denies(LifecycleManager manager) {
        assertThatThrownBy(() -> manager.guard().require(ID, Operation.INVOKE))
                .isInstanceOfSatisfying(
                        AccessDeniedException.class,
                        e -> assertThat(e.verdict().reasons()).contains(Reason.EXPIRED));
    }

    @Test
    void an_expired_agent_is_only_denied_unless_the_policy_says_otherwise() {
        LifecycleManager manager = withExpired(false);
        denies(manager);
        assertThat(manager.get(ID).state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void an_expired_agent_is_retired_by_the_request_that_finds_it() {
        LifecycleManager manager = withExpired(true);
        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed()).isFalse();
        assertThat(manager.get(ID).state()).as("to ask changes nothing").isEqualTo(AgentState.ACTIVE);

        denies(manager);
        assertThat(manager.get(ID).state()).isEqualTo(AgentState.DECOMMISSIONED);
        assertThat(manager.get(ID).retirement().orElseThrow().cause().wire()).isEqualTo("expired");
        denies(manager);
    }

    @Test
    void what_is_left_of_a_retirement_is_not_done_in_the_way_of_a_call() {
        FlakyTask task = new FlakyTask("worker", () -> true);
        LifecycleManager manager = shop.open(builder -> builder.policy(LifecyclePolicy.builder()
                        .requireApproval(false)
                        .guard(GuardPolicy.brainstormRouter())
                        .build())
                .teardownTask(task));
        manager.activate(manager.requestProvisioning(
                        Workshop.request("agent:1").notAfter(inAnHour()).build())
                .id());
        shop.clock.advance(HOUR);
        denies(manager);
        assertThat(manager.get(ID).state()).isEqualTo(AgentState.DECOMMISSIONING);
        shop.clock.advance(Duration.ofMinutes(1));
        manager.sweeper().sweep();
        assertThat(manager.get(ID).state()).isEqualTo(AgentState.DECOMMISSIONED);
    }

    @Test
    void it_is_denied_also_if_its_end_cannot_be_stored() {
        LifecycleManager manager = withExpired(true);
        store.breakAt(call -> call == Call.COMMIT);
        denies(manager);
        store.heal();
        assertThat(manager.get(ID).state()).isEqualTo(AgentState.ACTIVE);
        denies(manager);
        assertThat(manager.get(ID).state()).isEqualTo(AgentState.DECOMMISSIONED);
    }
}
