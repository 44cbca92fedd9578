package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.access.Verdict.Reason;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Command;
import io.agentlifecycle.core.agent.GuardPolicy;
import io.agentlifecycle.core.agent.TransitionTable;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.error.AccessDeniedException;
import io.agentlifecycle.core.error.InvalidTransitionException;
import io.agentlifecycle.core.quarantine.Incident;
import io.agentlifecycle.core.quarantine.Severity;
import java.time.Duration;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** BrainstormRouter's five states, its seven transitions, and its four rules for what is let through (BSR-06 to BSR-12). */
class BrainstormRouterTest {
    /** Its states, as its documentation names them. */
    private static final Map<String, AgentState> STATES = Map.of(
            "provisioned", AgentState.PROVISIONED,
            "active", AgentState.ACTIVE,
            "quarantined", AgentState.QUARANTINED,
            "suspended", AgentState.SUSPENDED,
            "terminated", AgentState.DECOMMISSIONED);

    private static final Set<String> TRANSITIONS = Set.of(
            "provisioned active",
            "active quarantined",
            "active suspended",
            "quarantined active",
            "quarantined suspended",
            "suspended active",
            "suspended terminated");

    private static final TransitionTable<AgentState, Command> TABLE = TransitionTable.brainstormRouter();

    @RegisterExtension
    final Workshop shop = new Workshop();

    private final LifecycleManager manager = shop.open(builder -> builder.transitions(TABLE)
            .policy(LifecyclePolicy.builder()
                    .requireApproval(false)
                    .guard(GuardPolicy.brainstormRouter())
                    .build()));

    private AgentKey in(AgentState state) {
        return manager.importAgents(List.of(shop.imported(ID.value(), state)), "elsewhere", ADMIN)
                .get(0)
                .key();
    }

    // ---- where it may go

    static Stream<Arguments> pairs() {
        return STATES.keySet().stream()
                .sorted()
                .flatMap(from -> STATES.keySet().stream().sorted().map(to -> Arguments.of(from, to)));
    }

    @Test
    void there_are_25_pairs_of_states() {
        assertThat(pairs()).hasSize(25);
        assertThat(pairs().map(pair -> pair.get()[0] + " " + pair.get()[1])).containsAll(TRANSITIONS);
    }

    /** What leads to DECOMMISSIONING leads to DECOMMISSIONED, with nothing left to tear down. */
    @ParameterizedTest
    @MethodSource("pairs")
    void an_operator_leads_from_one_state_to_another_in_the_seven_ways_and_no_other(String from, String to) {
        Set<AgentState> target = STATES.get(to) == AgentState.DECOMMISSIONED
                ? EnumSet.of(AgentState.DECOMMISSIONING, AgentState.DECOMMISSIONED)
                : EnumSet.of(STATES.get(to));
        boolean leads = !from.equals(to)
                && Arrays.stream(Command.values())
                        .filter(command -> !command.isSystem())
                        .flatMap(command -> TABLE.next(STATES.get(from), command).stream())
                        .anyMatch(target::contains);

        assertThat(leads).isEqualTo(TRANSITIONS.contains(from + " " + to));
    }

    /** All that an operator can ask of an agent, apart from quarantine, which is noted wherever it leads. */
    private static final Map<String, BiConsumer<LifecycleManager, AgentKey>> ASKED = Map.of(
            "activate", (manager, key) -> manager.activate(key.id()),
            "suspend", (manager, key) -> manager.suspend(key.id(), "", ADMIN),
            "resume", (manager, key) -> manager.resume(key.id(), ADMIN),
            "release", (manager, key) -> manager.quarantines().release(key.id(), ADMIN),
            "markOrphaned", (manager, key) -> manager.markOrphaned(key.id(), ADMIN),
            "reclaim", (manager, key) -> manager.reclaim(key.id(), "bob@company.com", ADMIN),
            "decommission", (manager, key) -> manager.decommission(key.id(), "", ADMIN));

    /** In which state what leads where. */
    private static final Map<String, AgentState> ANSWERED = Map.of(
            "PROVISIONED activate", AgentState.ACTIVE,
            "ACTIVE suspend", AgentState.SUSPENDED,
            "QUARANTINED suspend", AgentState.SUSPENDED,
            "QUARANTINED release", AgentState.ACTIVE,
            "SUSPENDED resume", AgentState.ACTIVE,
            "SUSPENDED decommission", AgentState.DECOMMISSIONED);

    @ParameterizedTest
    @EnumSource(names = {"PROVISIONED", "ACTIVE", "QUARANTINED", "SUSPENDED"})
    void quarantine_leads_out_of_active_and_out_of_nothing_else(AgentState from) {
        AgentKey key = in(from);
        var odd = new Incident(Incident.Kind.ANOMALY, Severity.HIGH, "it asks for more and more");

        assertThat(manager.quarantines().quarantine(key.id(), odd, ADMIN).state())
                .isEqualTo(from == AgentState.ACTIVE ? AgentState.QUARANTINED : from);
    }

    static Stream<Arguments> asked() {
        return STATES.values().stream()
                .sorted()
                .flatMap(from -> ASKED.keySet().stream().sorted().map(asked -> Arguments.of(from, asked)));
    }

    @ParameterizedTest
    @MethodSource("asked")
    void what_an_operator_asks_for_leads_there_or_changes_nothing(AgentState from, String asked) {
        AgentKey key = in(from == AgentState.SUSPENDED ? AgentState.ACTIVE : from);
        if (from == AgentState.SUSPENDED) {
            manager.suspend(ID, "", ADMIN); // with the operator's hold, which resume releases
        }
        Workshop.Picture before = Workshop.Picture.of(manager);
        Optional<AgentState> answer = Optional.ofNullable(ANSWERED.get(from + " " + asked));
        try {
            ASKED.get(asked).accept(manager, key);
        } catch (InvalidTransitionException e) {
            assertThat(answer).as("refused").isEmpty();
            assertThat(e).hasMessageContainingAll(ID.value(), from.name());
        }

        assertThat(manager.get(ID).state()).isEqualTo(answer.orElse(from));
        assertThat(Workshop.Picture.of(manager).equals(before)).isEqualTo(answer.isEmpty());
    }

    // ---- what it may do there

    private Verdict.Denied denied(Operation operation) {
        Verdict verdict = manager.guard().check(ID, operation);
        assertThat(verdict.allowed()).as("%s", operation).isFalse();
        return (Verdict.Denied) verdict;
    }

    @ParameterizedTest
    @EnumSource(Operation.class)
    void whoever_is_provisioned_may_look_at_itself_and_get_a_certificate_and_is_told_403_else(Operation operation) {
        in(AgentState.PROVISIONED);
        if (EnumSet.of(Operation.SELF_READ, Operation.CREDENTIAL_EXCHANGE).contains(operation)) {
            manager.guard().require(ID, operation);
        } else {
            assertThat(denied(operation).reasons()).containsExactly(Reason.PROVISIONED);
            assertThat(denied(operation).httpStatus()).isEqualTo(403);
        }
    }

    @ParameterizedTest
    @EnumSource(Operation.class)
    void whoever_is_suspended_is_told_402_whatever_it_wants(Operation operation) {
        in(AgentState.SUSPENDED);
        assertThat(denied(operation).reasons()).containsExactly(Reason.SUSPENDED);
        assertThat(denied(operation).httpStatus()).isEqualTo(402);
    }

    @ParameterizedTest
    @EnumSource(Operation.class)
    void whoever_is_terminated_is_told_403_whatever_it_wants(Operation operation) {
        in(AgentState.DECOMMISSIONED);
        assertThat(denied(operation).reasons()).containsExactly(Reason.DECOMMISSIONED);
        assertThat(denied(operation).httpStatus()).isEqualTo(403);
    }

    @ParameterizedTest
    @EnumSource(Operation.class)
    void whoever_is_active_or_quarantined_may_do_everything(Operation operation) {
        in(AgentState.QUARANTINED);
        // no command leads there yet, so the agent was taken in as it is
        assertThat(GuardPolicy.brainstormRouter().allows(AgentState.QUARANTINED, operation))
                .isTrue();
        manager.guard().require(ID, operation);
        Workshop.active(manager, "agent:2");
        manager.guard().require(AgentId.of("agent:2"), operation);
    }

    // ---- when that is looked at

    @Test
    void the_state_counts_at_the_request_and_not_when_the_token_was_issued() {
        Activation activation = Workshop.active(manager, "agent:1");
        AgentKey key = activation.agent().key();
        CredentialId token = activation.issued().credential().id();
        manager.guard().require(key, token, Operation.INVOKE);

        manager.suspend(ID, "", ADMIN);
        assertThatThrownBy(() -> manager.guard().require(key, token, Operation.INVOKE))
                .isInstanceOfSatisfying(
                        AccessDeniedException.class,
                        e -> assertThat(e.verdict().httpStatus()).isEqualTo(402));
        CredentialId next = manager.resume(ID, ADMIN).issued().credential().id();
        manager.guard().require(key, next, Operation.INVOKE);
        manager.suspend(ID, "", ADMIN);
        manager.decommission(ID, "", ADMIN);
        assertThatThrownBy(() -> manager.guard().require(key, next, Operation.INVOKE))
                .isInstanceOfSatisfying(
                        AccessDeniedException.class,
                        e -> assertThat(e.verdict().httpStatus()).isEqualTo(403));
    }

    @ParameterizedTest
    @EnumSource(Operation.class)
    void the_request_that_finds_an_agent_expired_terminates_it_and_is_denied(Operation operation) {
        Duration ttl = Duration.ofMinutes(10);
        Activation activation = manager.activate(manager.requestProvisioning(Workshop.request("agent:1")
                        .notAfter(shop.clock.instant().plus(ttl))
                        .build())
                .id());
        AgentKey key = activation.agent().key();
        CredentialId token = activation.issued().credential().id();
        shop.clock.advance(ttl.minusNanos(1));
        manager.guard().require(key, token, operation);
        shop.clock.advance(Duration.ofNanos(1));

        assertThatThrownBy(() -> manager.guard().require(key, token, operation))
                .isInstanceOfSatisfying(
                        AccessDeniedException.class,
                        e -> assertThat(e.verdict().reasons()).contains(Reason.EXPIRED));

        assertThat(manager.get(ID).state()).isEqualTo(AgentState.DECOMMISSIONED);
        assertThat(denied(operation).httpStatus()).isEqualTo(403);
    }
}
