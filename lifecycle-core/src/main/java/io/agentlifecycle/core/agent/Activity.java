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
 * @param firstActiveAt when it first became ACTIVE, as far as its trail goes back; empty if it never was
 * @param watchedSince when it last became ACTIVE: its silence counts from here; empty if it never was
 * @param heard whether it sent a heartbeat since {@link #watchedSince}
 * @param silence the silence that was noticed, while it lasts
 * @param unsignedFrom the first event of its trail that waits for a later, signed one to vouch for it, because it could
 *     not be signed itself; empty if none does
 */
public record Activity(
        Instant createdAt,
        Instant updatedAt,
        Optional<Instant> firstActiveAt,
        Optional<Instant> watchedSince,
        boolean heard,
        Optional<Silence> silence,
        Optional<Long> unsignedFrom) {
    public Activity {
        requireNonNull(createdAt, "createdAt");
        requireNonNull(updatedAt, "updatedAt");
        requireNonNull(firstActiveAt, "firstActiveAt");
        requireNonNull(watchedSince, "watchedSince");
        requireNonNull(silence, "silence");
        requireNonNull(unsignedFrom, "unsignedFrom");
    }

    /** The activity of an agent requested at {@code at}. */
    public static Activity begun(Instant at) {
        return new Activity(at, at, Optional.empty(), Optional.empty(), false, Optional.empty(), Optional.empty());
    }

    /** Something happened. */
    public Activity updated(Instant at) {
        return new Activity(createdAt, at, firstActiveAt, watchedSince, heard, silence, unsignedFrom);
    }

    /** It became ACTIVE: the clock of its silence starts again. */
    public Activity watched(Instant at) {
        return new Activity(
                createdAt,
                updatedAt,
                firstActiveAt.or(() -> Optional.of(at)),
                Optional.of(at),
                false,
                Optional.empty(),
                unsignedFrom);
    }

    /** A heartbeat was written down; it ends a silence. */
    public Activity heardFrom() {
        return new Activity(createdAt, updatedAt, firstActiveAt, watchedSince, true, Optional.empty(), unsignedFrom);
    }

    /** A silence was written down. */
    public Activity silent(Silence noticed) {
        return new Activity(
                createdAt, updatedAt, firstActiveAt, watchedSince, heard, Optional.of(noticed), unsignedFrom);
    }

    /** From which event on its trail waits for a signed one. */
    public Activity unsigned(Optional<Long> from) {
        return new Activity(createdAt, updatedAt, firstActiveAt, watchedSince, heard, silence, from);
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
