package io.agentlifecycle.core.agent;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.Owner;
import java.time.Instant;
import java.util.Optional;

/**
 * A time in which one owner answered for an agent, as its trail tells.
 *
 * @param until when the next owner took over; empty if it is the last owner so far
 * @param changedBy who made this one the owner
 */
public record OwnershipPeriod(Owner owner, Instant from, Optional<Instant> until, Actor changedBy) {
    public OwnershipPeriod {
        requireNonNull(owner, "owner");
        requireNonNull(from, "from");
        requireNonNull(until, "until");
        requireNonNull(changedBy, "changedBy");
    }
}
