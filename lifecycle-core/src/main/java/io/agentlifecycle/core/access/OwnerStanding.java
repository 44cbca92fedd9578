package io.agentlifecycle.core.access;

import static java.util.Objects.requireNonNull;

import java.util.Optional;

/**
 * What the host's directory knows of an owner. Immutable.
 *
 * @param successor who answers for what they leave behind, their manager, say; looked at only when they are gone
 * @param maxAgents for how many agents of a tenant they may answer at the most, 0 or more; empty if for any number
 */
public record OwnerStanding(Status status, Optional<Owner> successor, Optional<Integer> maxAgents) {
    /** Whether an owner is there. */
    public enum Status {
        /** They are, and may answer for agents. */
        ACTIVE,
        /** They are not for now, and may come back. */
        SUSPENDED,
        /** They are gone. */
        LEFT
    }

    public OwnerStanding {
        requireNonNull(status, "status");
        requireNonNull(successor, "successor");
        requireNonNull(maxAgents, "maxAgents");
        maxAgents.filter(most -> most < 0).ifPresent(most -> {
            throw new IllegalArgumentException("maxAgents must be 0 or more but was " + most);
        });
    }

    /** Somebody of that status, without a successor and without a limit. */
    public static OwnerStanding of(Status status) {
        return new OwnerStanding(status, Optional.empty(), Optional.empty());
    }

    /** Somebody who is there, without a successor and without a limit. */
    public static OwnerStanding active() {
        return of(Status.ACTIVE);
    }

    /** With a successor. */
    public OwnerStanding succeededBy(Owner next) {
        return new OwnerStanding(status, Optional.of(next), maxAgents);
    }

    /** With a limit. */
    public OwnerStanding atMost(int agents) {
        return new OwnerStanding(status, successor, Optional.of(agents));
    }

    /** True if they are there. */
    public boolean isActive() {
        return status == Status.ACTIVE;
    }
}
