package io.agentlifecycle.core.agent;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.Optional;

/**
 * When things last happened to an agent. Heartbeats are not here but in its {@link Liveness}; here is only what was
 * written down about them.
 *
 * @param createdAt when it was requested
 * @param updatedAt the time of its last event
 * @param watchedSince when it last became ACTIVE: its silence counts from here; empty if it never was
 * @param heard whether it sent a heartbeat since {@link #watchedSince}
 * @param silence the silence that was noticed, while it lasts
 */
public record Activity(
        Instant createdAt,
        Instant updatedAt,
        Optional<Instant> watchedSince,
        boolean heard,
        Optional<Silence> silence) {
    public Activity {
        requireNonNull(createdAt, "createdAt");
        requireNonNull(updatedAt, "updatedAt");
        requireNonNull(watchedSince, "watchedSince");
        requireNonNull(silence, "silence");
    }

    /** The activity of an agent requested at {@code at}. */
    public static Activity begun(Instant at) {
        return new Activity(at, at, Optional.empty(), false, Optional.empty());
    }

    /** Something happened. */
    public Activity updated(Instant at) {
        return new Activity(createdAt, at, watchedSince, heard, silence);
    }

    /** It became ACTIVE: the clock of its silence starts again. */
    public Activity watched(Instant at) {
        return new Activity(createdAt, updatedAt, Optional.of(at), false, Optional.empty());
    }

    /** A heartbeat was written down; it ends a silence. */
    public Activity heardFrom() {
        return new Activity(createdAt, updatedAt, watchedSince, true, Optional.empty());
    }

    /** A silence was written down. */
    public Activity silent(Silence noticed) {
        return new Activity(createdAt, updatedAt, watchedSince, heard, Optional.of(noticed));
    }

    /**
     * A silence that was noticed.
     *
     * @param since the last sign of life
     * @param windows how many heartbeat intervals had passed without one when it was last written down
     */
    public record Silence(Instant since, long windows) {
        public Silence {
            requireNonNull(since, "since");
            if (windows < 1) {
                throw new IllegalArgumentException("windows must be at least 1 but was " + windows);
            }
        }
    }
}
