package io.agentlifecycle.storage.json;

import static java.util.Objects.requireNonNull;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * Where each event of a stream, and each commit, stands in the journal: 8 bytes for each. Its owner's lock protects it.
 */
final class TrailIndex {
    private static final int OFFSET_BITS = 40;

    /** Grows as needed. */
    private static final class Longs {
        private long[] values = new long[4];
        private int size;

        void add(long value) {
            if (size == values.length) {
                values = Arrays.copyOf(values, size * 2);
            }
            values[size++] = value;
        }
    }

    /** A line: the segment's number in order of age, and the offset in it. */
    record Place(int segment, long offset) {}

    private final Map<String, Longs> streams = new HashMap<>();
    private final Longs commits = new Longs();
    private final Longs commitSeqs = new Longs();

    void addCommit(long seq, Place place) {
        commitSeqs.add(seq);
        commits.add(pack(place));
    }

    void addEvent(String stream, Place place) {
        streams.computeIfAbsent(stream, s -> new Longs()).add(pack(place));
    }

    /** How many events a stream has. */
    int length(String stream) {
        Longs found = streams.get(stream);
        return found == null ? 0 : found.size;
    }

    Place event(String stream, int n) {
        return unpack(requireNonNull(streams.get(stream), stream).values[n]);
    }

    /** The position of the first commit with a number above {@code seq}. */
    int firstAfter(long seq) {
        int found = Arrays.binarySearch(commitSeqs.values, 0, commitSeqs.size, seq);
        return found < 0 ? -found - 1 : found + 1;
    }

    int commits() {
        return commits.size;
    }

    Place commit(int position) {
        return unpack(commits.values[position]);
    }

    long commitSeq(int position) {
        return commitSeqs.values[position];
    }

    private static long pack(Place place) {
        return (long) place.segment() << OFFSET_BITS | place.offset();
    }

    private static Place unpack(long packed) {
        return new Place((int) (packed >>> OFFSET_BITS), packed & (1L << OFFSET_BITS) - 1);
    }
}
