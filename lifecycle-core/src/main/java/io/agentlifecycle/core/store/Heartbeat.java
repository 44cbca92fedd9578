package io.agentlifecycle.core.store;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.agent.Liveness;

/**
 * What is known of an agent's heartbeats, as absolute figures, so that writing it twice, or late, does no harm.
 *
 * @param agent the agent's record
 */
public record Heartbeat(RecordKey agent, Liveness liveness) {
    public Heartbeat {
        requireNonNull(agent, "agent");
        requireNonNull(liveness, "liveness");
    }
}
