package io.agentlifecycle.core.error;

import io.agentlifecycle.core.access.AgentKey;

/** There is no such agent in this tenant. Its code is {@code agent-not-found}. */
public final class AgentNotFoundException extends RefusedException {
    private static final long serialVersionUID = 1L;

    private final transient AgentKey agent;

    /** Says which agent was asked for. */
    public AgentNotFoundException(AgentKey agent) {
        super(
                "agent-not-found",
                "Agent not found: %s; query(..) lists the agents of tenant %s".formatted(agent, agent.tenant()));
        this.agent = agent;
    }

    /** Whom it was asked for. */
    public AgentKey agent() {
        return agent;
    }
}
