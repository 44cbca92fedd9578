package io.agentlifecycle.core.delegation;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentId;
import java.util.Optional;

/**
 * Where an agent comes from.
 *
 * @param parent the agent of the same tenant that it works for, if any
 */
public record Lineage(Optional<AgentId> parent) {
    /** No agent works for more agents than that, each one for the next. */
    public static final int DEEPEST = 8;

    /** An agent without a parent. */
    public static final Lineage ROOT = new Lineage(Optional.empty());

    public Lineage {
        requireNonNull(parent, "parent");
    }
}
