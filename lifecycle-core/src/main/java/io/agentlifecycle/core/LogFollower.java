package io.agentlifecycle.core;

import io.agentlifecycle.core.audit.LogKeys;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.spi.CheckpointLog;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Disclosure;
import io.agentlifecycle.core.store.EventPage;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Drives the host's {@link CheckpointLog}, if there is one, and keeps its failures from everyone else. */
final class LogFollower {
    private static final Logger LOG = LoggerFactory.getLogger(LogFollower.class);

    private final Optional<CheckpointLog> checkpoints;

    /** Only who opened it may close it: another manager may have it. */
    private volatile boolean opened;

    private volatile Optional<String> lastFailure = Optional.empty();

    LogFollower(Optional<CheckpointLog> checkpoints) {
        this.checkpoints = checkpoints;
    }

    /** What a checkpoint log sees of a store. */
    private record Events(LifecycleStore store) implements CheckpointLog.Events {
        @Override
        public EventPage after(long cursor, int limit) {
            return store.events(cursor, limit);
        }

        @Override
        public List<Disclosure> disclosures(String stream, long from, int limit) {
            return store.disclosures(stream, from, limit);
        }
    }

    /** The key that signs checkpoints, if it is not one of those that sign events. */
    Optional<PublicJwk> ownKey() {
        return checkpoints.flatMap(CheckpointLog::ownKey);
    }

    /** Throws what the checkpoint log throws. */
    void open(String origin, LogKeys keys, LifecycleStore store, Instant now) {
        checkpoints.ifPresent(log -> {
            log.open(origin, keys, new Events(store), now);
            opened = true;
        });
    }

    void follow(Instant now) {
        attempt(log -> log.follow(now));
    }

    void close(Instant now) {
        attempt(log -> log.close(now));
    }

    /** How many events are known elsewhere. */
    long anchoredThrough() {
        return opened ? checkpoints.orElseThrow().anchoredThrough() : 0;
    }

    /** How it failed when it last did, unless it has worked since. */
    Optional<String> lastFailure() {
        return lastFailure;
    }

    private void attempt(Consumer<CheckpointLog> work) {
        if (!opened) {
            return;
        }
        try {
            work.accept(checkpoints.orElseThrow());
            lastFailure = Optional.empty();
        } catch (RuntimeException e) {
            lastFailure = Optional.of(e.toString());
            LOG.error("following the log failed; a later sweep goes on where it stopped", e);
        }
    }
}
