package io.agentlifecycle.core.agent;

import static io.agentlifecycle.core.agent.AgentState.ACTIVE;
import static io.agentlifecycle.core.agent.AgentState.DECOMMISSIONED;
import static io.agentlifecycle.core.agent.AgentState.DECOMMISSIONING;
import static io.agentlifecycle.core.agent.AgentState.ORPHANED;
import static io.agentlifecycle.core.agent.AgentState.PENDING_APPROVAL;
import static io.agentlifecycle.core.agent.AgentState.PROVISIONED;
import static io.agentlifecycle.core.agent.AgentState.QUARANTINED;
import static io.agentlifecycle.core.agent.AgentState.SUSPENDED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class TransitionTableTest {
    private static final TransitionTable<AgentState, Command> AGENT_MESH = TransitionTable.agentMesh();
    private static final TransitionTable<AgentState, Command> ROUTER = TransitionTable.brainstormRouter();

    /** Every cell of {@link TransitionTable#STANDARD}: the state that the command in front leads to; "." refuses. */
    private static final String STANDARD = """
            command            PENDING_APPROVAL PROVISIONED     ACTIVE          QUARANTINED     SUSPENDED       ORPHANED        DECOMMISSIONING DECOMMISSIONED
            APPROVE            PROVISIONED      .               .               .               .               .               .               .
            REJECT             DECOMMISSIONED   .               .               .               .               .               .               .
            WITHDRAW           DECOMMISSIONED   .               .               .               .               .               .               .
            EXPIRE_REQUEST     DECOMMISSIONED   .               .               .               .               .               .               .
            ACTIVATE           .                ACTIVE          .               .               .               .               .               .
            ACTIVATE_HELD      .                SUSPENDED       .               .               .               .               .               .
            HEARTBEAT          .                .               ACTIVE          .               .               .               .               .
            ROTATE_CREDENTIALS .                .               ACTIVE          .               .               .               .               .
            REVOKE_CREDENTIALS .                .               ACTIVE          QUARANTINED     SUSPENDED       ORPHANED        .               .
            CHANGE_OWNER       PENDING_APPROVAL PROVISIONED     ACTIVE          QUARANTINED     SUSPENDED       ORPHANED        DECOMMISSIONING .
            RENEW              .                PROVISIONED     ACTIVE          QUARANTINED     SUSPENDED       ORPHANED        .               .
            SUSPEND            .                .               SUSPENDED       SUSPENDED       .               ORPHANED        .               .
            RESUME             .                .               .               .               ACTIVE          .               .               .
            PLACE_HOLD         PENDING_APPROVAL PROVISIONED     .               QUARANTINED     SUSPENDED       ORPHANED        .               .
            RELEASE_HOLD       PENDING_APPROVAL PROVISIONED     .               QUARANTINED     SUSPENDED       ORPHANED        .               .
            QUARANTINE         .                .               QUARANTINED     QUARANTINED     .               .               .               .
            RELEASE            .                .               .               ACTIVE          .               .               .               .
            RELEASE_HELD       .                .               .               SUSPENDED       .               .               .               .
            RECOVER            .                .               .               ACTIVE          .               .               .               .
            MARK_ORPHANED      .                .               ORPHANED        .               .               .               .               .
            RECLAIM            .                .               .               .               .               ACTIVE          .               .
            RECLAIM_HELD       .                .               .               .               .               SUSPENDED       .               .
            DECOMMISSION       .                DECOMMISSIONING DECOMMISSIONING DECOMMISSIONING DECOMMISSIONING DECOMMISSIONING .               .
            EXPIRE             .                DECOMMISSIONING DECOMMISSIONING DECOMMISSIONING DECOMMISSIONING DECOMMISSIONING .               .
            RETRY_TEARDOWN     .                .               .               .               .               .               DECOMMISSIONING .
            COMPLETE_TEARDOWN  .                .               .               .               .               .               DECOMMISSIONED  .
            """;

    /**
     * What AgentMesh's public methods do in each state, as measured. What stands in stars is what we refuse or change;
     * its state "rotating" is none of ours.
     */
    private static final String MEASURED = """
            method             pending         provisioned     active          suspended       rotating   decommissioning  decommissioned orphaned
            APPROVE            provisioned     ERR             ERR             ERR             ERR        ERR              ERR            ERR
            REJECT             decommissioned  ERR             ERR             ERR             ERR        *decommissioned* ERR            ERR
            ACTIVATE           ERR             active          ERR             *active*        *active*   ERR              ERR            *active*
            HEARTBEAT          *same*          *same*          same            *same*          same       *same*           *same*         *same*
            SUSPEND            ERR             ERR             suspended       ERR             suspended  ERR              ERR            ERR
            RESUME             ERR             *active*        ERR             active          *active*   ERR              ERR            *active*
            DECOMMISSION       ERR             decommissioned  decommissioned  decommissioned  *ERR*      ERR              ERR            decommissioned
            CHANGE_OWNER       same            same            same            same            same       same             *same*         same
            ROTATE_CREDENTIALS ERR             ERR             same            ERR             same       ERR              ERR            ERR
            MARK_ORPHANED      *noop*          *noop*          orphaned        *noop*          *noop*     *noop*           *noop*         *noop*
            RECLAIM            ERR             ERR             ERR             ERR             ERR        ERR              ERR            active
            """;

    private static final Map<String, AgentState> MESH_STATES = Map.of(
            "pending", PENDING_APPROVAL,
            "provisioned", PROVISIONED,
            "active", ACTIVE,
            "suspended", SUSPENDED,
            "decommissioning", DECOMMISSIONING,
            "decommissioned", DECOMMISSIONED,
            "orphaned", ORPHANED);

    private enum Light {
        RED,
        GREEN,
        OFF
    }

    private enum Press {
        GO,
        STOP,
        BLINK,
        BREAK,
        CUT
    }

    private static TransitionTable.Builder<Light, Press> lights() {
        return TransitionTable.builder(Light.class, Press.class, EnumSet.of(Light.OFF));
    }

    private static TransitionTable<Light, Press> crossing() {
        return lights().from(Light.RED)
                .on(Press.GO, Light.GREEN)
                .on(Press.CUT, Light.OFF)
                .on(Press.BREAK, Light.OFF)
                .stay(Press.BLINK)
                .from(Light.GREEN)
                .on(Press.STOP, Light.RED)
                .build();
    }

    @Test
    void a_cell_has_one_target() {
        var row = lights().from(Light.RED).on(Press.GO, Light.GREEN);

        assertThatThrownBy(() -> row.on(Press.GO, Light.RED))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("GO in RED leads to GREEN already");
        assertThatThrownBy(() -> row.on(Press.GO, Light.GREEN))
                .as("not even the same one twice")
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> row.from(Light.RED).stay(Press.GO)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void nothing_leads_out_of_a_terminal_state() {
        var row = lights().from(Light.RED).on(Press.CUT, Light.OFF);

        assertThatThrownBy(() -> row.from(Light.OFF))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("nothing leads out of the terminal state OFF");
        assertThat(row.build().isTerminal(Light.OFF)).isTrue();
        assertThat(row.build().isTerminal(Light.RED)).isFalse();
        assertThat(row.build().commands(Light.OFF)).isEmpty();
    }

    @Test
    void what_the_builder_adds_later_does_not_change_the_table() {
        var row = lights().from(Light.RED).on(Press.GO, Light.GREEN);
        TransitionTable<Light, Press> table = row.build();
        row.on(Press.CUT, Light.OFF);

        assertThat(table.commands(Light.RED)).containsExactly(Press.GO);
        assertThatThrownBy(() -> table.commands(Light.RED).clear()).isInstanceOf(UnsupportedOperationException.class);
    }

    @Test
    void the_drawing_has_one_arrow_for_each_pair_of_states_and_none_for_what_stays() {
        assertThat(crossing().toMermaid()).isEqualTo("""
                        stateDiagram-v2
                            RED --> GREEN: go
                            RED --> OFF: break, cut
                            GREEN --> RED: stop
                            OFF --> [*]
                        """);
    }

    @Test
    void the_drawing_of_the_standard_table_shows_its_arrows_and_no_others() {
        Set<String> arrows = new TreeSet<>(Set.of("DECOMMISSIONED --> [*]"));
        expected(STANDARD).forEach((from, row) -> {
            Map<AgentState, Set<String>> byTarget = new TreeMap<>();
            row.forEach((command, to) ->
                    byTarget.computeIfAbsent(to, t -> new LinkedHashSet<>()).add(command.wire()));
            byTarget.remove(from);
            byTarget.forEach(
                    (to, commands) -> arrows.add("%s --> %s: %s".formatted(from, to, String.join(", ", commands))));
        });

        List<String> lines =
                TransitionTable.STANDARD.toMermaid().lines().map(String::strip).toList();

        assertThat(lines).startsWith("stateDiagram-v2");
        assertThat(lines.subList(1, lines.size())).containsExactlyInAnyOrderElementsOf(arrows);
    }

    @Test
    void a_restricted_table_has_only_what_was_kept() {
        TransitionTable<Light, Press> kept = crossing().keeping((from, press) -> press != Press.CUT);

        assertThat(kept.next(Light.RED, Press.CUT)).isEmpty();
        assertThat(kept.next(Light.RED, Press.BREAK)).contains(Light.OFF);
        assertThat(kept.next(Light.RED, Press.BLINK)).contains(Light.RED);
        assertThat(kept.isTerminal(Light.OFF)).isTrue();
        assertThat(kept).isNotEqualTo(crossing());
        assertThat(crossing().keeping((from, press) -> true))
                .isEqualTo(crossing())
                .hasSameHashCodeAs(crossing());
        assertThat(crossing().keeping((from, press) -> false).commands(Light.RED))
                .isEmpty();
    }

    @Test
    void every_cell_of_the_standard_table_is_as_written_down_here() {
        Map<AgentState, Map<Command, AgentState>> expected = expected(STANDARD);

        int cells = 0;
        for (AgentState from : AgentState.values()) {
            for (Command command : Command.values()) {
                cells++;
                assertThat(TransitionTable.STANDARD.next(from, command))
                        .as("%s in %s", command, from)
                        .isEqualTo(Optional.ofNullable(expected.get(from).get(command)));
            }
            assertThat(TransitionTable.STANDARD.commands(from))
                    .containsExactlyElementsOf(expected.get(from).keySet());
            assertThat(TransitionTable.STANDARD.isTerminal(from)).isEqualTo(from == DECOMMISSIONED);
        }
        assertThat(cells).isEqualTo(8 * 26);
    }

    @Test
    void agent_mesh_allows_what_was_measured_and_is_sound() {
        for (Map.Entry<String, Map<String, String>> row : grid(MEASURED).entrySet()) {
            Command command = Command.valueOf(row.getKey());
            row.getValue().forEach((column, cell) -> {
                if (!column.equals("rotating")) {
                    AgentState from = MESH_STATES.get(column);
                    assertThat(AGENT_MESH.next(from, command))
                            .as("%s in %s", command, from)
                            .isEqualTo(target(from, cell));
                }
            });
        }
    }

    /** Retirement has two steps here, and one in AgentMesh; a request that is turned down never lived. */
    private static Optional<AgentState> target(AgentState from, String cell) {
        if (cell.equals("ERR") || cell.startsWith("*")) {
            return Optional.empty();
        }
        if (cell.equals("same")) {
            return Optional.of(from);
        }
        AgentState to = MESH_STATES.get(cell);
        return Optional.of(to == DECOMMISSIONED && from != PENDING_APPROVAL ? DECOMMISSIONING : to);
    }

    @Test
    void agent_mesh_has_no_command_that_was_not_measured_but_revoking() {
        Set<Command> measured = new TreeSet<>();
        grid(MEASURED).keySet().forEach(name -> measured.add(Command.valueOf(name)));

        for (AgentState from : AgentState.values()) {
            Set<Command> others = new TreeSet<>(AGENT_MESH.commands(from));
            others.removeIf(command -> command.isSystem() || measured.contains(command));
            boolean mayHaveCredentials = EnumSet.of(ACTIVE, SUSPENDED, ORPHANED).contains(from);
            assertThat(others)
                    .as("in %s", from)
                    .isEqualTo(mayHaveCredentials ? Set.of(Command.REVOKE_CREDENTIALS) : Set.of());
        }
        assertThat(AGENT_MESH.commands(QUARANTINED))
                .as("it knows no quarantine")
                .containsExactly(Command.EXPIRE);
    }

    @Test
    void brainstorm_router_lets_operators_go_seven_ways_of_25() {
        Set<String> ways = new TreeSet<>();
        List<AgentState> states = List.of(PROVISIONED, ACTIVE, QUARANTINED, SUSPENDED, DECOMMISSIONED);
        for (AgentState from : states) {
            for (AgentState to : states) {
                boolean goes = from != to
                        && Arrays.stream(Command.values())
                                .filter(command -> !command.isSystem())
                                .flatMap(command -> ROUTER.next(from, command).stream())
                                .anyMatch(next -> (next == DECOMMISSIONING ? DECOMMISSIONED : next) == to);
                if (goes) {
                    ways.add(from + " " + to);
                }
            }
        }

        assertThat(ways)
                .containsExactlyInAnyOrder(
                        "PROVISIONED ACTIVE",
                        "ACTIVE QUARANTINED",
                        "ACTIVE SUSPENDED",
                        "QUARANTINED ACTIVE",
                        "QUARANTINED SUSPENDED",
                        "SUSPENDED ACTIVE",
                        "SUSPENDED DECOMMISSIONED");
    }

    @Test
    void brainstorm_router_keeps_what_keeps_the_state() {
        for (AgentState from : AgentState.values()) {
            for (Command command : TransitionTable.STANDARD.commands(from)) {
                if (TransitionTable.STANDARD.next(from, command).equals(Optional.of(from))) {
                    assertThat(ROUTER.next(from, command))
                            .as("%s in %s", command, from)
                            .contains(from);
                }
            }
        }
        assertThat(ROUTER.next(PENDING_APPROVAL, Command.APPROVE)).isEmpty();
        assertThat(ROUTER.next(ORPHANED, Command.RECLAIM)).isEmpty();
    }

    @Test
    void the_presets_restrict_operators_and_add_nothing() {
        Set<Command> system =
                EnumSet.of(Command.EXPIRE_REQUEST, Command.EXPIRE, Command.RETRY_TEARDOWN, Command.COMPLETE_TEARDOWN);
        for (Command command : Command.values()) {
            assertThat(command.isSystem()).as(command.name()).isEqualTo(system.contains(command));
            for (AgentState from : AgentState.values()) {
                Optional<AgentState> standard = TransitionTable.STANDARD.next(from, command);
                for (TransitionTable<AgentState, Command> preset : List.of(AGENT_MESH, ROUTER)) {
                    if (command.isSystem()) {
                        assertThat(preset.next(from, command)).isEqualTo(standard);
                    } else {
                        assertThat(preset.next(from, command)).isIn(standard, Optional.empty());
                    }
                }
            }
        }
    }

    @Test
    void states_and_commands_are_found_by_their_wire_names_alone() {
        for (AgentState state : AgentState.values()) {
            assertThat(state.wire()).isEqualTo(state.name().toLowerCase(Locale.ROOT));
            assertThat(AgentState.ofWire(state.wire())).contains(state);
            assertThat(AgentState.ofWire(state.name())).isEmpty();
            assertThat(state.isTerminal()).isEqualTo(state == DECOMMISSIONED);
        }
        for (Command command : Command.values()) {
            assertThat(Command.ofWire(command.wire())).contains(command);
            assertThat(Command.ofWire(command.name())).isEmpty();
        }
    }

    private static Map<AgentState, Map<Command, AgentState>> expected(String text) {
        Map<AgentState, Map<Command, AgentState>> cells = new EnumMap<>(AgentState.class);
        for (AgentState state : AgentState.values()) {
            cells.put(state, new EnumMap<>(Command.class));
        }
        grid(text)
                .forEach((command, row) -> row.forEach((from, to) -> {
                    if (!to.equals(".")) {
                        cells.get(AgentState.valueOf(from)).put(Command.valueOf(command), AgentState.valueOf(to));
                    }
                }));
        return cells;
    }

    /** The words of a table, by the first word of the line and the word above. */
    private static Map<String, Map<String, String>> grid(String text) {
        List<String[]> lines =
                text.lines().map(line -> line.strip().split("\\s+")).toList();
        Map<String, Map<String, String>> grid = new TreeMap<>();
        for (String[] line : lines.subList(1, lines.size())) {
            Map<String, String> row = new TreeMap<>();
            for (int i = 1; i < line.length; i++) {
                row.put(lines.get(0)[i], line[i]);
            }
            assertThat(row).as("the cells of " + line[0]).hasSize(8);
            grid.put(line[0], row);
        }
        return grid;
    }
}
