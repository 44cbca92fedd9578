package io.agentlifecycle.core.agent;

import static io.agentlifecycle.core.agent.AgentState.ACTIVE;
import static io.agentlifecycle.core.agent.AgentState.DECOMMISSIONED;
import static io.agentlifecycle.core.agent.AgentState.DECOMMISSIONING;
import static io.agentlifecycle.core.agent.AgentState.ORPHANED;
import static io.agentlifecycle.core.agent.AgentState.PENDING_APPROVAL;
import static io.agentlifecycle.core.agent.AgentState.PROVISIONED;
import static io.agentlifecycle.core.agent.AgentState.QUARANTINED;
import static io.agentlifecycle.core.agent.AgentState.SUSPENDED;
import static io.agentlifecycle.core.agent.Command.ACTIVATE;
import static io.agentlifecycle.core.agent.Command.ACTIVATE_HELD;
import static io.agentlifecycle.core.agent.Command.APPROVE;
import static io.agentlifecycle.core.agent.Command.CHANGE_OWNER;
import static io.agentlifecycle.core.agent.Command.COMPLETE_TEARDOWN;
import static io.agentlifecycle.core.agent.Command.DECOMMISSION;
import static io.agentlifecycle.core.agent.Command.EXPIRE;
import static io.agentlifecycle.core.agent.Command.EXPIRE_REQUEST;
import static io.agentlifecycle.core.agent.Command.HEARTBEAT;
import static io.agentlifecycle.core.agent.Command.MARK_ORPHANED;
import static io.agentlifecycle.core.agent.Command.PLACE_HOLD;
import static io.agentlifecycle.core.agent.Command.QUARANTINE;
import static io.agentlifecycle.core.agent.Command.RECLAIM;
import static io.agentlifecycle.core.agent.Command.RECLAIM_HELD;
import static io.agentlifecycle.core.agent.Command.RECOVER;
import static io.agentlifecycle.core.agent.Command.REJECT;
import static io.agentlifecycle.core.agent.Command.RELEASE;
import static io.agentlifecycle.core.agent.Command.RELEASE_HELD;
import static io.agentlifecycle.core.agent.Command.RELEASE_HOLD;
import static io.agentlifecycle.core.agent.Command.RENEW;
import static io.agentlifecycle.core.agent.Command.RESUME;
import static io.agentlifecycle.core.agent.Command.RETRY_TEARDOWN;
import static io.agentlifecycle.core.agent.Command.REVOKE_CREDENTIALS;
import static io.agentlifecycle.core.agent.Command.ROTATE_CREDENTIALS;
import static io.agentlifecycle.core.agent.Command.SUSPEND;
import static io.agentlifecycle.core.agent.Command.WITHDRAW;
import static java.util.Objects.requireNonNull;

import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiPredicate;

/**
 * Which command leads from which state to which: a value keyed by (from, command). The builder refuses a second target
 * for a cell and any way out of a terminal state. Immutable.
 *
 * @param <S> the states
 * @param <C> the commands
 */
public final class TransitionTable<S extends Enum<S>, C extends Enum<C>> {

    /**
     * The merged table of all five source systems, and the default.
     *
     * <p>An agent that is suspended while ORPHANED stays an orphan with a hold: only {@code reclaim} leads out, so
     * that {@code resume} can not be used to get around it.
     */
    // spotless:off (one line a command, so that a row reads as a sentence)
    public static final TransitionTable<AgentState, Command> STANDARD =
            builder(AgentState.class, Command.class, EnumSet.of(DECOMMISSIONED))
                    .from(PENDING_APPROVAL)
                            .on(APPROVE, PROVISIONED)
                            .on(REJECT, DECOMMISSIONED)
                            .on(WITHDRAW, DECOMMISSIONED)
                            .on(EXPIRE_REQUEST, DECOMMISSIONED)
                            .stay(CHANGE_OWNER, PLACE_HOLD, RELEASE_HOLD)
                    .from(PROVISIONED)
                            .on(ACTIVATE, ACTIVE)
                            .on(ACTIVATE_HELD, SUSPENDED)
                            .on(DECOMMISSION, DECOMMISSIONING)
                            .on(EXPIRE, DECOMMISSIONING)
                            .stay(RENEW, CHANGE_OWNER, PLACE_HOLD, RELEASE_HOLD)
                    .from(ACTIVE)
                            .on(SUSPEND, SUSPENDED)
                            .on(QUARANTINE, QUARANTINED)
                            .on(MARK_ORPHANED, ORPHANED)
                            .on(DECOMMISSION, DECOMMISSIONING)
                            .on(EXPIRE, DECOMMISSIONING)
                            .stay(HEARTBEAT, ROTATE_CREDENTIALS, REVOKE_CREDENTIALS, RENEW, CHANGE_OWNER)
                    .from(QUARANTINED)
                            .on(RELEASE, ACTIVE)
                            .on(RECOVER, ACTIVE)
                            .on(RELEASE_HELD, SUSPENDED)
                            .on(SUSPEND, SUSPENDED)
                            .on(DECOMMISSION, DECOMMISSIONING)
                            .on(EXPIRE, DECOMMISSIONING)
                            .stay(QUARANTINE, REVOKE_CREDENTIALS, RENEW, CHANGE_OWNER, PLACE_HOLD, RELEASE_HOLD)
                    .from(SUSPENDED)
                            .on(RESUME, ACTIVE)
                            .on(DECOMMISSION, DECOMMISSIONING)
                            .on(EXPIRE, DECOMMISSIONING)
                            .stay(REVOKE_CREDENTIALS, RENEW, CHANGE_OWNER, PLACE_HOLD, RELEASE_HOLD)
                    .from(ORPHANED)
                            .on(RECLAIM, ACTIVE)
                            .on(RECLAIM_HELD, SUSPENDED)
                            .on(DECOMMISSION, DECOMMISSIONING)
                            .on(EXPIRE, DECOMMISSIONING)
                            .stay(SUSPEND, REVOKE_CREDENTIALS, RENEW, CHANGE_OWNER, PLACE_HOLD, RELEASE_HOLD)
                    .from(DECOMMISSIONING)
                            .on(COMPLETE_TEARDOWN, DECOMMISSIONED)
                            .stay(RETRY_TEARDOWN, CHANGE_OWNER)
                    .build();
    // spotless:on

    private static final TransitionTable<AgentState, Command> AGENT_MESH =
            STANDARD.keeping((from, command) -> command.isSystem()
                    || switch (from) {
                        case PENDING_APPROVAL ->
                            EnumSet.of(APPROVE, REJECT, CHANGE_OWNER).contains(command);
                        case PROVISIONED ->
                            EnumSet.of(ACTIVATE, DECOMMISSION, CHANGE_OWNER).contains(command);
                        case ACTIVE ->
                            EnumSet.of(
                                            SUSPEND,
                                            MARK_ORPHANED,
                                            DECOMMISSION,
                                            HEARTBEAT,
                                            ROTATE_CREDENTIALS,
                                            REVOKE_CREDENTIALS,
                                            CHANGE_OWNER)
                                    .contains(command);
                        case SUSPENDED ->
                            EnumSet.of(RESUME, DECOMMISSION, REVOKE_CREDENTIALS, CHANGE_OWNER)
                                    .contains(command);
                        case ORPHANED ->
                            EnumSet.of(RECLAIM, DECOMMISSION, REVOKE_CREDENTIALS, CHANGE_OWNER)
                                    .contains(command);
                        case DECOMMISSIONING -> command == CHANGE_OWNER;
                        case QUARANTINED, DECOMMISSIONED -> false;
                    });

    private static final TransitionTable<AgentState, Command> BRAINSTORM_ROUTER =
            STANDARD.keeping((from, command) -> command.isSystem()
                    || STANDARD.next(from, command).filter(from::equals).isPresent()
                    || switch (from) {
                        case PROVISIONED -> command == ACTIVATE;
                        case ACTIVE -> command == QUARANTINE || command == SUSPEND;
                        case QUARANTINED -> command == RELEASE || command == RELEASE_HELD || command == SUSPEND;
                        case SUSPENDED -> command == RESUME || command == DECOMMISSION;
                        case PENDING_APPROVAL, ORPHANED, DECOMMISSIONING, DECOMMISSIONED -> false;
                    });

    private final Map<S, Map<C, S>> cells;
    private final Class<C> commands;
    private final Set<S> terminal;

    private TransitionTable(Class<C> commands, Set<S> terminal, Map<S, Map<C, S>> cells) {
        this.commands = commands;
        this.terminal = terminal;
        this.cells = cells;
    }

    /** What operators may command in AgentMesh's {@code manager.py}; system commands stay. */
    public static TransitionTable<AgentState, Command> agentMesh() {
        return AGENT_MESH;
    }

    /**
     * BrainstormRouter's seven transitions for operators; what keeps the state, and system commands, stay. It knows no
     * approval, so it needs a policy with {@code requireApproval(false)}. Holds on an agent that is not activated must be
     * released first, since from there no operator leads to SUSPENDED.
     */
    public static TransitionTable<AgentState, Command> brainstormRouter() {
        return BRAINSTORM_ROUTER;
    }

    /** The state that {@code command} leads to, or empty if it is not allowed in {@code from}. */
    public Optional<S> next(S from, C command) {
        Map<C, S> row = cells.get(from);
        return row == null ? Optional.empty() : Optional.ofNullable(row.get(command));
    }

    /** The commands allowed in {@code from}, in their own order. */
    public Set<C> commands(S from) {
        Map<C, S> row = cells.get(from);
        return row == null ? Set.of() : Collections.unmodifiableSet(row.keySet());
    }

    /** True if nothing leads out of {@code state}. */
    public boolean isTerminal(S state) {
        return terminal.contains(state);
    }

    /** The part of this table whose cells satisfy {@code keep}: a host's way to restrict it. */
    public TransitionTable<S, C> keeping(BiPredicate<S, C> keep) {
        Map<S, Map<C, S>> kept = new LinkedHashMap<>();
        cells.forEach((from, row) -> {
            Map<C, S> keptRow = new EnumMap<>(commands);
            row.forEach((command, to) -> {
                if (keep.test(from, command)) {
                    keptRow.put(command, to);
                }
            });
            kept.put(from, keptRow);
        });
        return new TransitionTable<>(commands, terminal, kept);
    }

    /** The commands that change the state, as a Mermaid state diagram: one arrow for each pair of states. */
    public String toMermaid() {
        var text = new StringBuilder("stateDiagram-v2\n");
        cells.forEach((from, row) -> {
            Map<S, StringBuilder> arrows = new LinkedHashMap<>();
            row.forEach((command, to) -> {
                if (to != from) {
                    arrows.computeIfAbsent(to, t -> new StringBuilder())
                            .append(arrows.get(to).isEmpty() ? "" : ", ")
                            .append(command.name().toLowerCase(Locale.ROOT));
                }
            });
            arrows.forEach((to, names) -> text.append("    %s --> %s: %s\n".formatted(from, to, names)));
        });
        terminal.forEach(state -> text.append("    %s --> [*]\n".formatted(state)));
        return text.toString();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof TransitionTable<?, ?> table
                && cells.equals(table.cells)
                && terminal.equals(table.terminal);
    }

    @Override
    public int hashCode() {
        return cells.hashCode();
    }

    @Override
    public String toString() {
        return cells.toString();
    }

    /** A builder of an empty table over those states and commands. */
    public static <S extends Enum<S>, C extends Enum<C>> Builder<S, C> builder(
            Class<S> states, Class<C> commands, Set<S> terminal) {
        return new Builder<>(states, commands, terminal);
    }

    /** Collects cells, row by row. Not safe for use by several threads. */
    public static final class Builder<S extends Enum<S>, C extends Enum<C>> {
        private final Class<C> commands;
        private final Set<S> terminal;
        private final Map<S, Map<C, S>> cells;

        private Builder(Class<S> states, Class<C> commands, Set<S> terminal) {
            this.commands = requireNonNull(commands, "commands");
            this.terminal = Collections.unmodifiableSet(EnumSet.copyOf(terminal));
            this.cells = new EnumMap<>(requireNonNull(states, "states"));
        }

        /**
         * The row of {@code from}.
         *
         * @throws IllegalArgumentException if {@code from} is terminal
         */
        public Row from(S from) {
            if (terminal.contains(from)) {
                throw new IllegalArgumentException("nothing leads out of the terminal state " + from);
            }
            return new Row(from);
        }

        /** One row of the table. */
        public final class Row {
            private final S from;

            private Row(S from) {
                this.from = from;
            }

            /**
             * Adds a cell.
             *
             * @throws IllegalArgumentException if the cell has a target already
             */
            public Row on(C command, S to) {
                S before = cells.computeIfAbsent(from, f -> new EnumMap<>(commands))
                        .putIfAbsent(requireNonNull(command, "command"), requireNonNull(to, "to"));
                if (before != null) {
                    throw new IllegalArgumentException("%s in %s leads to %s already".formatted(command, from, before));
                }
                return this;
            }

            /** Adds a cell that keeps the state, for each command. */
            @SafeVarargs
            public final Row stay(C... stays) {
                for (C command : stays) {
                    on(command, from);
                }
                return this;
            }

            /** Goes on with another row. */
            public Row from(S next) {
                return Builder.this.from(next);
            }

            /** The finished table. */
            public TransitionTable<S, C> build() {
                Map<S, Map<C, S>> copy = new EnumMap<>(cells);
                copy.replaceAll((state, row) -> new EnumMap<>(row));
                return new TransitionTable<>(commands, terminal, copy);
            }
        }
    }
}
