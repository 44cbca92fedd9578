package io.agentlifecycle.core;

import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Heartbeat;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.ReentrantLock;
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
    private final Queue<Pulse> dirty = new ConcurrentLinkedQueue<>();
    private final ReentrantLock flushing = new ReentrantLock();
    private volatile Instant nextFlush;

    Heartbeats(LifecycleStore store, Duration heartbeatInterval, Instant now) {
        this.store = store;
        Duration quarter = heartbeatInterval.dividedBy(4);
        this.every = quarter.compareTo(LONGEST) < 0 ? quarter : LONGEST;
        this.nextFlush = now.plus(every);
    }

    void beat(Pulse pulse, Instant now) {
        if (pulse.beat(now)) {
            dirty.add(pulse);
        }
        if (!now.isBefore(nextFlush) && flushing.tryLock()) {
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
            nextFlush = now.plus(every);
            List<Pulse> taken = new ArrayList<>();
            for (Pulse pulse = dirty.poll(); pulse != null; pulse = dirty.poll()) {
                taken.add(pulse);
            }
            List<Heartbeat> batch = new ArrayList<>(taken.size());
            for (Pulse pulse : taken) {
                pulse.clean();
                pulse.liveness().ifPresent(liveness -> batch.add(new Heartbeat(pulse.agent(), liveness)));
            }
            try {
                if (!batch.isEmpty()) {
                    store.heartbeats(batch);
                }
            } catch (RuntimeException e) {
                taken.stream().filter(Pulse::soil).forEach(dirty::add);
                LOG.warn("{} heartbeats could not be written out; they are kept for the next time", batch.size(), e);
            }
        } finally {
            flushing.unlock();
        }
    }
}
