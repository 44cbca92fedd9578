package io.agentlifecycle.core;

import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.store.RecordKey;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * What this process remembers of one agent and nobody stores at once: its heartbeats, and whether the host was told that
 * its credential is due. A heartbeat moves two numbers and allocates nothing. Safe for use by many threads.
 */
final class Pulse {
    private static final long NANOS_PER_SECOND = 1_000_000_000L;

    /** Beyond these seconds of the epoch, nanoseconds no longer fit a long; nobody lives then. */
    private static final long LAST_SECOND = Long.MAX_VALUE / NANOS_PER_SECOND - 1;

    private final RecordKey agent;
    private final AtomicLong lastSeen = new AtomicLong(Long.MIN_VALUE);
    private final AtomicLong count = new AtomicLong();

    private record Told(CredentialId credential, Instant again) {}

    private final AtomicReference<@Nullable Told> told = new AtomicReference<>();
    private volatile boolean dirty;

    Pulse(RecordKey agent) {
        this.agent = agent;
    }

    RecordKey agent() {
        return agent;
    }

    /** Notes a heartbeat at {@code now}. Returns true if this is the first one since {@link #clean}. */
    boolean beat(Instant now) {
        count.incrementAndGet();
        raise(lastSeen, nanos(now));
        if (dirty) {
            return false;
        }
        dirty = true;
        return true;
    }

    /** Takes over what the store knows. */
    void merge(Liveness known) {
        raise(count, known.heartbeats());
        raise(lastSeen, nanos(known.lastSeen()));
    }

    /** Everything so far is about to be written out. */
    void clean() {
        dirty = false;
    }

    Optional<Liveness> liveness() {
        long seen = lastSeen.get();
        return seen == Long.MIN_VALUE
                ? Optional.empty()
                : Optional.of(new Liveness(
                        Instant.ofEpochSecond(
                                Math.floorDiv(seen, NANOS_PER_SECOND), Math.floorMod(seen, NANOS_PER_SECOND)),
                        count.get()));
    }

    /** True if it is time to tell the host that this credential is due; not before {@code again} will it be so again. */
    boolean tellRotation(CredentialId due, Instant now, Instant again) {
        Told last = told.get();
        boolean news = last == null || !last.credential().equals(due) || !now.isBefore(last.again());
        if (news) {
            told.set(new Told(due, again));
        }
        return news;
    }

    /** Something of it could not be written out. Returns true if nobody has noted that it must be, yet. */
    boolean soil() {
        if (dirty) {
            return false;
        }
        dirty = true;
        return true;
    }

    private static void raise(AtomicLong to, long value) {
        if (value > to.get()) {
            to.accumulateAndGet(value, Math::max);
        }
    }

    private static long nanos(Instant instant) {
        long second = Math.max(-LAST_SECOND, Math.min(LAST_SECOND, instant.getEpochSecond()));
        return second * NANOS_PER_SECOND + instant.getNano();
    }
}
