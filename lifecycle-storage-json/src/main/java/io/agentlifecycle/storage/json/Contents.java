package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.store.MemoryState;
import io.agentlifecycle.core.store.Mutation;
import java.time.Instant;
import java.util.Collection;
import java.util.Optional;

/** What readers see: the records, the log, and which requests were stored. */
final class Contents {
    private final MemoryState state = new MemoryState();
    private final EventLog log;
    private final Requests requests = new Requests();
    private volatile Optional<Instant> highWater = Optional.empty();

    Contents(EventLog log) {
        this.log = log;
    }

    MemoryState state() {
        return state;
    }

    EventLog log() {
        return log;
    }

    /** Its owner's lock protects it. */
    Requests requests() {
        return requests;
    }

    /** The latest time of any commit so far. */
    Optional<Instant> highWater() {
        return highWater;
    }

    void noteTime(Instant at) {
        if (highWater.isEmpty() || at.isAfter(highWater.get())) {
            highWater = Optional.of(at);
        }
    }

    void apply(Collection<Mutation> mutations, Instant at) {
        state.apply(mutations);
        noteTime(at);
    }

    /** Nothing may change meanwhile but heartbeats, which may be in it or not. */
    Picture picture(long seqTo, String crc) {
        return new Picture(seqTo, crc, highWater, state.records(), state.heartbeats(), requests.entries());
    }
}
