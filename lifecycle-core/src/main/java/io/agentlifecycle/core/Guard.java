package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.error.AccessDeniedException;

/**
 * Stands in the path of every call of an agent and answers from memory whether it may do this now. Once a call that
 * stops an agent has returned, no thread of this process is let through any more, and none of an agent that works for it,
 * directly or by way of others. It lets nobody through whom it does not know. Safe for use by many threads.
 */
public final class Guard {
    private final Engine engine;
    private final TenantId tenant;

    Guard(Engine engine, TenantId tenant) {
        this.engine = engine;
        this.tenant = tenant;
    }

    /** Whether the agent may do it now, and all that stands in the way if not. Never throws for an unknown agent. */
    public Verdict check(AgentId agent, Operation operation) {
        requireNonNull(operation, "operation");
        return engine.fleet().check(new AgentKey(tenant, agent), engine.now());
    }

    /**
     * Returns if the agent may do it now.
     *
     * @throws AccessDeniedException with the verdict, if it may not
     */
    public void require(AgentId agent, Operation operation) {
        if (check(agent, operation) instanceof Verdict.Denied denied) {
            throw new AccessDeniedException(operation.name(), denied);
        }
    }
}
