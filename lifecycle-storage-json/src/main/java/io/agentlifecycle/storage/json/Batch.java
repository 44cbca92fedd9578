package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.store.Commit;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;

/** Lines that are written and made durable together. The lock of its {@link CommitQueue} protects it. */
final class Batch {
    /** What became of a batch. */
    enum Fate {
        PENDING,
        DURABLE,
        /** The disk is full; nothing of it is stored. */
        FULL,
        /** It was never written. */
        NOT_WRITTEN,
        /** Nobody knows. */
        UNKNOWN
    }

    /** A commit whose line stands at {@code offset} of its segment. */
    record Pending(long seq, long offset, Commit commit, String digest) {}

    /** What line {@code seq} erases. */
    record Erasing(long seq, Line.Erase erase) {}

    private final long start;
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final List<Pending> commits = new ArrayList<>();
    private final List<Erasing> erasures = new ArrayList<>();
    private int lines;
    private String lastCrc = Line.NO_CRC;
    private Fate fate = Fate.PENDING;

    /** Begins at {@code start} of its segment. */
    Batch(long start) {
        this.start = start;
    }

    long start() {
        return start;
    }

    long end() {
        return start + bytes.size();
    }

    void add(LineWriter.Written line) {
        bytes.writeBytes(line.bytes());
        lines++;
        lastCrc = line.crc();
    }

    /** To be called before the line of the commit is added. */
    void expect(long seq, Commit commit, String digest) {
        commits.add(new Pending(seq, end(), commit, digest));
    }

    /** The same for the line of an erasure. */
    void expect(long seq, Line.Erase erase) {
        erasures.add(new Erasing(seq, erase));
    }

    boolean isEmpty() {
        return lines == 0;
    }

    int size() {
        return bytes.size();
    }

    int lines() {
        return lines;
    }

    String lastCrc() {
        return lastCrc;
    }

    byte[] bytes() {
        return bytes.toByteArray();
    }

    List<Pending> commits() {
        return commits;
    }

    List<Erasing> erasures() {
        return erasures;
    }

    Fate fate() {
        return fate;
    }

    void fate(Fate became) {
        fate = became;
    }
}
