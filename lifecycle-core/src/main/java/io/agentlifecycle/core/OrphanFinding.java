package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.agent.Agent;
import java.time.Duration;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;

/**
 * An agent that may be an orphan, with every reason for it.
 *
 * @param agent a picture of it, from when it was looked at
 * @param reasons never empty
 * @param silentFor since its last heartbeat, or since it became ACTIVE; empty unless it is ACTIVE
 */
public record OrphanFinding(Agent agent, Set<OrphanReason> reasons, Optional<Duration> silentFor) {
    public OrphanFinding {
        requireNonNull(agent, "agent");
        reasons = Collections.unmodifiableSet(EnumSet.copyOf(reasons));
        requireNonNull(silentFor, "silentFor");
    }

    /** The reasons in words. */
    public String reason() {
        return String.join("; ", reasons.stream().map(OrphanReason::text).toList());
    }
}
