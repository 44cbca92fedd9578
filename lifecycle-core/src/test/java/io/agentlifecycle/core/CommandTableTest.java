package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.agent.AgentState.ACTIVE;
import static io.agentlifecycle.core.agent.AgentState.SUSPENDED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Command;
import io.agentlifecycle.core.agent.TransitionTable;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.budget.RateLimit;
import io.agentlifecycle.core.error.InvalidTransitionException;
import io.agentlifecycle.core.hold.HoldReason;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * What every verb of the manager does in every state, with and without holds.
 *
 * <p>A cell is the state that the agent is in afterwards; {@code .} if the table refuses the command; {@code !rule} if
 * that rule does; {@code no} and {@code already} are answers of {@code markOrphaned}. The columns are states; {@code +}
 * means that the hold {@code billing} stands, {@code susp} that the operator's hold does, and {@code susp-} that
 * {@code billing} alone does. DECOMMISSIONING is where a teardown task keeps failing.
 */
class CommandTableTest {
    private static final HoldReason BILLING = HoldReason.of("billing");

    // spotless:off (a table)
    private static final String STANDARD = """
            verb              pend          pend+        prov          prov+        actv quar          quar+        susp          susp+        susp-        orph          orph+        ding ding+ deco
            approve           prov          prov         .             .            .    .             .            .             .            .            .             .            .    .     .
            reject            deco          deco         .             .            .    .             .            .             .            .            .             .            .    .     .
            withdraw          deco          deco         .             .            .    .             .            .             .            .            .             .            .    .     .
            activate          .             .            actv          susp         .    .             .            .             .            .            .             .            .    .     .
            heartbeat         .             .            .             .            actv .             .            .             .            .            .             .            .    .     .
            suspend           .             .            .             .            susp susp          susp         .             .            susp         orph          orph         .    .     .
            resume            .             .            .             .            .    .             .            actv          !other-holds !other-holds .             .            .    .     .
            placeHold         pend          !hold-stands prov          !hold-stands susp quar          !hold-stands susp          !hold-stands !hold-stands orph          !hold-stands .    .     .
            releaseHold       !no-such-hold pend         !no-such-hold prov         .    !no-such-hold quar         !no-such-hold susp         actv         !no-such-hold orph         .    .     .
            rotateCredentials .             .            .             .            actv .             .            .             .            .            .             .            .    .     .
            revokeCredentials .             .            .             .            actv quar          quar         susp          susp         susp         orph          orph         .    .     .
            changeOwner       pend          pend         prov          prov         actv quar          quar         susp          susp         susp         orph          orph         ding ding  .
            amend             pend          pend         prov          prov          susp quar          quar          susp          susp         susp         orph          orph          !approval-decided !approval-decided !approval-decided
            markOrphaned      no            no           no            no           orph no            no           no            no           no           already       already      no   no    no
            reclaim           .             .            .             .            .    .             .            .             .            .            actv          susp         .    .     .
            decommission      .             .            ding          ding         ding ding          ding         ding          ding         ding         ding          ding         .    .     .
            limitRate         pend          pend         prov          prov         actv quar          quar         susp          susp         susp         orph          orph         !limits-after-end !limits-after-end !limits-after-end
            """;

    private static final String AGENT_MESH = """
            verb              pend          pend+        prov          prov+        actv quar          quar+        susp          susp+        susp-        orph          orph+        ding ding+ deco
            approve           prov          prov         .             .            .    .             .            .             .            .            .             .            .    .     .
            reject            deco          deco         .             .            .    .             .            .             .            .            .             .            .    .     .
            withdraw          .             .            .             .            .    .             .            .             .            .            .             .            .    .     .
            activate          .             .            actv          .            .    .             .            .             .            .            .             .            .    .     .
            heartbeat         .             .            .             .            actv .             .            .             .            .            .             .            .    .     .
            suspend           .             .            .             .            susp .             .            .             .            .            .             .            .    .     .
            resume            .             .            .             .            .    .             .            actv          !other-holds !other-holds .             .            .    .     .
            placeHold         .             .            .             .            susp .             .            .             .            .            .             .            .    .     .
            releaseHold       .             .            .             .            .    .             .            .             .            actv         .             .            .    .     .
            rotateCredentials .             .            .             .            actv .             .            .             .            .            .             .            .    .     .
            revokeCredentials .             .            .             .            actv .             .            susp          susp         susp         orph          orph         .    .     .
            changeOwner       pend          pend         prov          prov         actv .             .            susp          susp         susp         orph          orph         ding ding  .
            amend             pend          pend         .             .             susp .             .             .             .            .            .             .             !approval-decided !approval-decided !approval-decided
            markOrphaned      no            no           no            no           orph no            no           no            no           no           already       already      no   no    no
            reclaim           .             .            .             .            .    .             .            .             .            .            actv          .            .    .     .
            decommission      .             .            ding          ding         ding .             .            ding          ding         ding         ding          ding         .    .     .
            limitRate         pend          pend         prov          prov         actv quar          quar         susp          susp         susp         orph          orph         !limits-after-end !limits-after-end !limits-after-end
            """;

    private static final String BRAINSTORM_ROUTER = """
            verb              pend          pend+        prov          prov+        actv quar          quar+        susp          susp+        susp-        orph          orph+        ding ding+ deco
            approve           .             .            .             .            .    .             .            .             .            .            .             .            .    .     .
            reject            .             .            .             .            .    .             .            .             .            .            .             .            .    .     .
            withdraw          .             .            .             .            .    .             .            .             .            .            .             .            .    .     .
            activate          .             .            actv          .            .    .             .            .             .            .            .             .            .    .     .
            heartbeat         .             .            .             .            actv .             .            .             .            .            .             .            .    .     .
            suspend           .             .            .             .            susp susp          susp         .             .            susp         orph          orph         .    .     .
            resume            .             .            .             .            .    .             .            actv          !other-holds !other-holds .             .            .    .     .
            placeHold         pend          !hold-stands prov          !hold-stands susp quar          !hold-stands susp          !hold-stands !hold-stands orph          !hold-stands .    .     .
            releaseHold       !no-such-hold pend         !no-such-hold prov         .    !no-such-hold quar         !no-such-hold susp         actv         !no-such-hold orph         .    .     .
            rotateCredentials .             .            .             .            actv .             .            .             .            .            .             .            .    .     .
            revokeCredentials .             .            .             .            actv quar          quar         susp          susp         susp         orph          orph         .    .     .
            changeOwner       pend          pend         prov          prov         actv quar          quar         susp          susp         susp         orph          orph         ding ding  .
            amend             pend          pend         prov          prov          actv quar          quar          susp          susp         susp         orph          orph          !approval-decided !approval-decided !approval-decided
            markOrphaned      no            no           no            no           no   no            no           no            no           no           already       already      no   no    no
            reclaim           .             .            .             .            .    .             .            .             .            .            .             .            .    .     .
            decommission      .             .            .             .            .    .             .            ding          ding         ding         .             .            .    .     .
            limitRate         pend          pend         prov          prov         actv quar          quar         susp          susp         susp         orph          orph         !limits-after-end !limits-after-end !limits-after-end
            """;
    // spotless:on

    private static final Map<String, AgentState> STATES = Map.of(
            "pend", AgentState.PENDING_APPROVAL,
            "prov", AgentState.PROVISIONED,
            "actv", ACTIVE,
            "quar", AgentState.QUARANTINED,
            "susp", SUSPENDED,
            "orph", AgentState.ORPHANED,
            "ding", AgentState.DECOMMISSIONING,
            "deco", AgentState.DECOMMISSIONED);

    private static final FlakyTask NEVER = new FlakyTask("never", () -> false);

    @TestFactory
    Stream<DynamicTest> the_standard_table() {
        return cells(STANDARD, TransitionTable.STANDARD, LifecyclePolicy.defaults());
    }

    @TestFactory
    Stream<DynamicTest> the_table_of_agent_mesh() {
        return cells(AGENT_MESH, TransitionTable.agentMesh(), LifecyclePolicy.defaults());
    }

    @TestFactory
    Stream<DynamicTest> the_table_of_brainstorm_router() {
        return cells(BRAINSTORM_ROUTER, TransitionTable.brainstormRouter(), Workshop.OPEN_DOOR);
    }

    private static Stream<DynamicTest> cells(
            String grid, TransitionTable<AgentState, Command> table, LifecyclePolicy policy) {
        List<String[]> lines =
                grid.lines().map(line -> line.strip().split("\\s+")).toList();
        String[] columns = lines.get(0);
        List<DynamicTest> tests = new ArrayList<>();
        for (String[] line : lines.subList(1, lines.size())) {
            for (int i = 1; i < columns.length; i++) {
                String column = columns[i];
                String cell = line[i];
                tests.add(dynamicTest("%s in %s: %s".formatted(line[0], column, cell), () -> {
                    var shop = new Workshop();
                    put(shop, policy, column);
                    LifecycleManager manager = shop.open(
                            builder -> builder.policy(policy).transitions(table).teardownTask(NEVER));
                    assertCell(manager, table, line[0], cell);
                    shop.check();
                }));
            }
        }
        assertThat(tests).hasSize(17 * 15);
        return tests.stream();
    }

    /** Brings an agent to where {@code column} says, with the standard table. */
    private static void put(Workshop shop, LifecyclePolicy policy, String column) {
        LifecycleManager manager = shop.open(builder -> builder.policy(policy).teardownTask(NEVER));
        String state = column.substring(0, 4);
        AgentState from = column.equals("susp-") ? ACTIVE : state.equals("ding") ? SUSPENDED : STATES.get(state);
        manager.importAgents(List.of(shop.imported(ID.value(), from)), "elsewhere", ADMIN);
        if (column.length() > 4) {
            manager.placeHold(ID, BILLING, "unpaid", ADMIN);
        }
        if (state.equals("ding")) {
            manager.decommission(ID, "enough", ADMIN);
        }
        assertThat(manager.get(ID).state()).isEqualTo(STATES.get(state));
        assertThat(manager.get(ID).holds().get(BILLING).isPresent()).isEqualTo(column.length() > 4);
    }

    private static void assertCell(
            LifecycleManager manager, TransitionTable<AgentState, Command> table, String verb, String cell) {
        Agent before = manager.get(ID);
        List<SealedEvent> trail = manager.auditTrail(ID);
        switch (cell.charAt(0)) {
            case '.' -> {
                Command command = command(table, verb, before);
                assertRefused(manager, verb, before, command, offered(table, before.state()));
            }
            case '!' -> {
                var refusal = Workshop.refused(manager, cell.substring(1), () -> call(manager, verb));
                assertThat(refusal).hasMessageContaining("agent " + ID);
            }
            default -> {
                boolean answered = cell.equals("no") || cell.equals("already");
                Object result = call(manager, verb);
                Agent after = manager.get(ID);
                if (verb.equals("markOrphaned")) {
                    assertThat(result)
                            .isEqualTo(
                                    answered
                                            ? cell.equals("no") ? OrphanMark.NOT_ELIGIBLE : OrphanMark.ALREADY
                                            : OrphanMark.MARKED);
                }
                if (answered) {
                    assertThat(after).isEqualTo(before);
                    assertThat(manager.auditTrail(ID)).isEqualTo(trail);
                } else {
                    assertThat(after.state()).isEqualTo(STATES.get(cell));
                    assertWritten(manager, before, after, trail);
                }
            }
        }
    }

    /** What changed is told by events that lead from the state before to the state after. */
    private static void assertWritten(LifecycleManager manager, Agent before, Agent after, List<SealedEvent> trail) {
        List<SealedEvent> now = manager.auditTrail(ID);
        assertThat(now.subList(0, trail.size())).isEqualTo(trail);
        List<SealedEvent> written = now.subList(trail.size(), now.size());
        if (after.version() == before.version()) {
            assertThat(after).isEqualTo(before);
            assertThat(written).isEmpty();
            return;
        }
        assertThat(written.get(0).event().from()).contains(before.state());
        assertThat(written.get(written.size() - 1).event().to()).contains(after.state());
        boolean entered = after.state() == ACTIVE && before.state() != ACTIVE;
        assertThat(after.credentials().generation() - before.credentials().generation())
                .as("credentials are issued on entry to ACTIVE, and on rotation")
                .isEqualTo(entered || after.state() == ACTIVE && rotated(written) ? 1 : 0);
    }

    private static boolean rotated(List<SealedEvent> written) {
        return written.stream()
                .anyMatch(event -> event.event().content().command().equals(Optional.of(Command.ROTATE_CREDENTIALS)));
    }

    /** What a caller can ask for in that state. */
    private static Set<Command> offered(TransitionTable<AgentState, Command> table, AgentState state) {
        return table.commands(state).stream()
                .filter(command -> !command.isSystem() && !command.isForHeld())
                .collect(Collectors.toSet());
    }

    private static void assertRefused(
            LifecycleManager manager, String verb, Agent before, Command command, Set<Command> allowed) {
        Workshop.Picture picture = Workshop.Picture.of(manager);

        InvalidTransitionException refusal =
                catchThrowableOfType(InvalidTransitionException.class, () -> call(manager, verb));

        assertThat(refusal).as("the refusal").isNotNull();
        assertThat(refusal.agent()).isEqualTo(new AgentKey(TenantId.DEFAULT, ID));
        assertThat(refusal.from()).isEqualTo(before.state());
        assertThat(refusal.command()).isEqualTo(command);
        assertThat(refusal.allowed()).isEqualTo(allowed);
        assertThat(refusal.code()).isEqualTo("transition-refused");
        assertThat(refusal)
                .hasMessage("Invalid transition: cannot %s agent agent:1: it is %s, which allows %s"
                        .formatted(command, before.state(), allowed.isEmpty() ? "nothing" : new TreeSet<>(allowed)));
        assertThat(manager.find(ID)).contains(before);
        assertThat(Workshop.Picture.of(manager)).as("nothing is changed").isEqualTo(picture);
    }

    /** The command of the table that a verb is, in the agent's situation. */
    private static Command command(TransitionTable<AgentState, Command> table, String verb, Agent agent) {
        boolean held = !agent.holds().isEmpty();
        boolean suspendedElse = agent.state() == SUSPENDED
                && agent.holds().get(HoldReason.OPERATOR).isEmpty();
        return switch (verb) {
            case "activate" ->
                held && table.next(agent.state(), Command.ACTIVATE).isPresent()
                        ? Command.ACTIVATE_HELD
                        : Command.ACTIVATE;
            case "reclaim" ->
                held && table.next(agent.state(), Command.RECLAIM).isPresent() ? Command.RECLAIM_HELD : Command.RECLAIM;
            case "amend" -> Command.PLACE_HOLD;
            case "suspend" -> suspendedElse ? Command.PLACE_HOLD : Command.SUSPEND;
            default -> Command.valueOf(verb.replaceAll("([A-Z])", "_$1").toUpperCase(Locale.ROOT));
        };
    }

    private static Object call(LifecycleManager manager, String verb) {
        return switch (verb) {
            case "approve" -> manager.approve(ID, Actor.human("bob@company.com"));
            case "reject" -> manager.reject(ID, "no", ADMIN);
            case "withdraw" -> manager.withdraw(ID, "no need", ADMIN);
            case "activate" -> manager.activate(ID);
            case "heartbeat" -> manager.heartbeat(ID);
            case "suspend" -> manager.suspend(ID, "maintenance", ADMIN);
            case "resume" -> manager.resume(ID, ADMIN);
            case "placeHold" -> manager.placeHold(ID, BILLING, "unpaid", ADMIN);
            case "releaseHold" -> manager.releaseHold(ID, BILLING, ADMIN);
            case "rotateCredentials" -> manager.rotateCredentials(ID);
            case "revokeCredentials" -> manager.revokeCredentials(ID, "leaked", ADMIN);
            case "changeOwner" -> manager.changeOwner(ID, "bob@company.com", ADMIN);
            case "amend" ->
                manager.approvals()
                        .amend(ID, Workshop.request(ID.value()).purpose("other").build(), ADMIN);
            case "markOrphaned" -> manager.markOrphaned(ID, ADMIN);
            case "reclaim" -> manager.reclaim(ID, "bob@company.com", ADMIN);
            case "decommission" -> manager.decommission(ID, "enough", ADMIN);
            case "limitRate" -> manager.limitRate(ID, RateLimit.perMinute(60), ADMIN);
            default -> throw new IllegalArgumentException(verb);
        };
    }
}
