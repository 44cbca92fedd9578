package io.agentlifecycle.core.agent;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.time.Instant;

/**
 * What is known of an agent's heartbeats. It is kept beside the versioned record and may lag behind by what a crash
 * lost; over several hosts the count is a lower bound.
 *
 * @param lastSeen when this host, or another one that told the store, last heard a heartbeat
 * @param heartbeats how many were heard in all
 */
public record Liveness(Instant lastSeen, long heartbeats) {
    public Liveness {
        requireNonNull(lastSeen, "lastSeen");
        if (heartbeats < 1) {
            throw new IllegalArgumentException("heartbeats must be at least 1 but was " + heartbeats);
        }
    }

    /** How long it has been silent at {@code now}; never negative. */
    public Duration silentFor(Instant now) {
        return now.isBefore(lastSeen) ? Duration.ZERO : Duration.between(lastSeen, now);
    }

    /** The later sight and the higher count of both. */
    public Liveness merge(Liveness other) {
        return new Liveness(
                lastSeen.isBefore(other.lastSeen) ? other.lastSeen : lastSeen, Math.max(heartbeats, other.heartbeats));
    }
}
