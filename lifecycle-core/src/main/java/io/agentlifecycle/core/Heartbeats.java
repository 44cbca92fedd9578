package io.agentlifecycle.core;

import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.RecordKey;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands heartbeats to the store in batches: the heartbeat that comes when the last batch is long enough ago takes all
 * others with it, and so do sweeps and close. Safe for use by many threads.
 */
final class Heartbeats {
    private static final Logger LOG = LoggerFactory.getLogger(Heartbeats.class);
    private static final Duration LONGEST = Duration.ofSeconds(30);

    private final LifecycleStore store;
    private final Duration every;

    /**
     * What was heard and is not written out: a stack, linked through {@link Pulse#next}, so that a heartbeat allocates
     * nothing. A pulse is in it at most once, because only one thread makes it dirty, and only a flush makes it clean.
     */
    private final AtomicReference<@Nullable Pulse> dirty = new AtomicReference<>();

    private final ReentrantLock flushing = new ReentrantLock();
    private volatile long nextFlush;

    Heartbeats(LifecycleStore store, Duration heartbeatInterval, Instant now) {
        this.store = store;
        Duration quarter = heartbeatInterval.dividedBy(4);
        this.every = quarter.compareTo(LONGEST) < 0 ? quarter : LONGEST;
        this.nextFlush = Pulse.nanos(now.plus(every));
    }

    /** Notes a heartbeat at {@code nanos} of the epoch. */
    void beat(Pulse pulse, long nanos) {
        if (pulse.beat(nanos)) {
            push(pulse);
        }
        if (nanos >= nextFlush) {
            flushUnlessOthersDo(Pulse.instant(nanos));
        }
    }

    private void push(Pulse pulse) {
        do {
            pulse.next = dirty.get();
        } while (!dirty.compareAndSet(pulse.next, pulse));
    }

    private void flushUnlessOthersDo(Instant now) {
        if (flushing.tryLock()) {
            try {
                flush(now);
            } finally {
                flushing.unlock();
            }
        }
    }

    /** Writes out what was heard so far; what the store does not take is kept for the next time. */
    void flush(Instant now) {
        flushing.lock();
        try {
            nextFlush = Pulse.nanos(now.plus(every));
            List<Pulse> taken = take();
            List<Heartbeat> batch = new ArrayList<>(taken.size());
            for (Pulse pulse : taken) {
                pulse.liveness()
                        .ifPresent(liveness -> batch.add(new Heartbeat(RecordKey.agent(pulse.agent()), liveness)));
            }
            try {
                if (!batch.isEmpty()) {
                    store.heartbeats(batch);
                }
            } catch (RuntimeException e) {
                taken.stream().filter(Pulse::soil).forEach(this::push);
                LOG.warn("{} heartbeats could not be written out; they are kept for the next time", batch.size(), e);
            }
        } finally {
            flushing.unlock();
        }
    }

    /** All that was dirty; it is clean from here on, before its figures are read, so that no heartbeat is missed. */
    private List<Pulse> take() {
        List<Pulse> taken = new ArrayList<>();
        Pulse pulse = dirty.getAndSet(null);
        while (pulse != null) {
            taken.add(pulse);
            Pulse following = pulse.next;
            pulse.next = null;
            pulse.clean(); // whoever hears it now links it anew
            pulse = following;
        }
        return taken;
    }
}
