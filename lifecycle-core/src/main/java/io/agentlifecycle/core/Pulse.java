package io.agentlifecycle.core;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.credential.CredentialId;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import org.jspecify.annotations.Nullable;

/**
 * What this process remembers of one agent and nobody stores at once: its heartbeats, and whether the host was told that
 * its credential is due. A heartbeat moves two numbers and allocates nothing; the numbers are fields, since there are as
 * many of these as agents. Safe for use by many threads.
 */
final class Pulse {
    private static final long NANOS_PER_SECOND = 1_000_000_000L;

    /** Beyond these seconds of the epoch, nanoseconds no longer fit a long; nobody lives then. */
    private static final long LAST_SECOND = Long.MAX_VALUE / NANOS_PER_SECOND - 1;

    private static final AtomicLongFieldUpdater<Pulse> LAST_SEEN =
            AtomicLongFieldUpdater.newUpdater(Pulse.class, "lastSeen");
    private static final AtomicLongFieldUpdater<Pulse> COUNT = AtomicLongFieldUpdater.newUpdater(Pulse.class, "count");
    private static final AtomicIntegerFieldUpdater<Pulse> DIRTY =
            AtomicIntegerFieldUpdater.newUpdater(Pulse.class, "dirty");

    private record Told(CredentialId credential, Instant again) {}

    private final AgentKey agent;
    private volatile long lastSeen = Long.MIN_VALUE;
    private volatile long count;
    private volatile int dirty;
    private volatile @Nullable Told told;

    /** Written and read by {@link Heartbeats} alone: whoever made this dirty until it is clean again. */
    @Nullable
    Pulse next;

    Pulse(AgentKey agent) {
        this.agent = agent;
    }

    AgentKey agent() {
        return agent;
    }

    /** Notes a heartbeat at {@code nanos} of the epoch. Returns true if this is the first one since {@link #clean}. */
    boolean beat(long nanos) {
        COUNT.incrementAndGet(this);
        raise(LAST_SEEN, nanos);
        return soil();
    }

    /** Takes over what the store knows. */
    void merge(Liveness known) {
        raise(COUNT, known.heartbeats());
        raise(LAST_SEEN, nanos(known.lastSeen()));
    }

    /** Everything so far is about to be written out. */
    void clean() {
        dirty = 0;
    }

    Optional<Liveness> liveness() {
        return lastSeen == Long.MIN_VALUE ? Optional.empty() : Optional.of(heard());
    }

    /** The same, after a heartbeat. */
    Liveness heard() {
        return new Liveness(instant(lastSeen), count);
    }

    /** True if it is time to tell the host that this credential is due; not before {@code again} will it be so again. */
    boolean tellRotation(CredentialId due, Instant now, Instant again) {
        Told last = told;
        boolean news = last == null || !last.credential().equals(due) || !now.isBefore(last.again());
        if (news) {
            told = new Told(due, again);
        }
        return news;
    }

    /** Something of it is to be written out. Returns true if nobody has noted that, yet. */
    boolean soil() {
        return dirty == 0 && DIRTY.compareAndSet(this, 0, 1);
    }

    private void raise(AtomicLongFieldUpdater<Pulse> number, long value) {
        long before = number.get(this);
        while (value > before && !number.compareAndSet(this, before, value)) {
            before = number.get(this);
        }
    }

    /** Nanoseconds of the epoch. */
    static long nanos(Instant instant) {
        long second = Math.max(-LAST_SECOND, Math.min(LAST_SECOND, instant.getEpochSecond()));
        return second * NANOS_PER_SECOND + instant.getNano();
    }

    static Instant instant(long nanos) {
        return Instant.ofEpochSecond(Math.floorDiv(nanos, NANOS_PER_SECOND), Math.floorMod(nanos, NANOS_PER_SECOND));
    }
}
