package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoredEvent;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * One line of a journal, as it was read.
 *
 * @param seq its number; lines of all segments are numbered without a gap
 * @param prev the checksum of the line before it
 * @param durable up to which byte of the segment everything was durable when it was written
 * @param body what it says
 * @param crc its own checksum
 */
record Line(long seq, String prev, long durable, Body body, String crc) {
    /** The {@code prev} of the very first line of a store. */
    static final String NO_CRC = "00000000";

    /** What a line says. */
    sealed interface Body {}

    /** A segment begins. */
    record Open(String storeId, int format, Instant at) implements Body {}

    /**
     * A commit.
     *
     * @param digest of all that the commit says, so that the same request can be told from another one
     */
    record Committed(RequestId requestId, Instant at, List<Mutation> mutations, List<StoredEvent> events, String digest)
            implements Body {}

    /** Heartbeats that came since the last such line. */
    record Beats(List<Heartbeat> heartbeats) implements Body {}

    /** Everything before it is durable. */
    record Seal() implements Body {}

    /** The store was closed in order. */
    record Close() implements Body {}

    /** Something that this version may skip. */
    record Ignorable() implements Body {}

    Optional<Committed> commit() {
        return body instanceof Committed committed ? Optional.of(committed) : Optional.empty();
    }
}
