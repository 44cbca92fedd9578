package io.agentlifecycle.core.error;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Command;
import java.util.Set;
import java.util.TreeSet;

/** The transition table does not allow the command in the agent's state. Its code is {@code transition-refused}. */
public final class InvalidTransitionException extends RefusedException {
    private static final long serialVersionUID = 1L;

    private final transient AgentKey agent;
    private final AgentState from;
    private final Command command;
    private final transient Set<Command> allowed;

    /** Says what was asked, and what would be allowed. */
    public InvalidTransitionException(AgentKey agent, AgentState from, Command command, Set<Command> allowed) {
        super(
                "transition-refused",
                "Invalid transition: cannot %s agent %s: it is %s, which allows %s"
                        .formatted(command, agent, from, allowed.isEmpty() ? "nothing" : new TreeSet<>(allowed)));
        this.agent = agent;
        this.from = from;
        this.command = command;
        this.allowed = Set.copyOf(allowed);
    }

    /** Whom it was asked of. */
    public AgentKey agent() {
        return agent;
    }

    /** The state that the agent is in. */
    public AgentState from() {
        return from;
    }

    /** What was asked. */
    public Command command() {
        return command;
    }

    /** What the table allows in that state. */
    public Set<Command> allowed() {
        return allowed;
    }
}
