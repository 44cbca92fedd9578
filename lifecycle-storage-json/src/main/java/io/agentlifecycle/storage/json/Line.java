package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.store.Disclosure;
import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoredEvent;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

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
    record Committed(
            RequestId requestId,
            Instant at,
            List<Mutation> mutations,
            List<StoredEvent> events,
            List<Disclosure> disclosures,
            String digest)
            implements Body {
        /** The same with other events. */
        Committed saying(List<StoredEvent> others) {
            return new Committed(requestId, at, mutations, others, disclosures, digest);
        }

        /** The same with other disclosures. */
        Committed disclosing(List<Disclosure> others) {
            return new Committed(requestId, at, mutations, events, others, digest);
        }
    }

    /** What commits before it disclosed of events of one stream is erased. */
    record Erase(String stream, List<Long> positions) implements Body {
        /** So that a line stays far below its limit. */
        private static final int MOST = 100_000;

        /**
         * As many lines as are needed.
         *
         * @throws IllegalArgumentException if there can be no such stream
         */
        static List<Erase> of(String stream, Collection<Long> positions) {
            List<Long> sorted = List.copyOf(new TreeSet<>(positions));
            List<Erase> lines = new ArrayList<>();
            for (int from = 0; from < sorted.size(); from += MOST) {
                var line = new Erase(stream, sorted.subList(from, Math.min(from + MOST, sorted.size())));
                LineReader.requireReadable(line);
                lines.add(line);
            }
            return lines;
        }
    }

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
