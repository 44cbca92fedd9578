package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.store.Commit;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * The journal of a store that is being imported. Every line is read back as recovery will read it before it is written.
 * Nothing counts before {@link #finish} and the manifest.
 */
final class FleetJournal implements AutoCloseable {
    /** How many lines a journal may have: more than ever come about in ten years of a heartbeat line every 30 s. */
    static final long MAX_LINES = 12_000_000;

    /** A segment ends at the first occasion after so many bytes, and is refused long before it cannot be opened. */
    static final long ROTATE_AFTER = 32L << 20;

    private static final int BUFFER = 1 << 20;

    private final StorageIo io;
    private final Path directory;
    private final String storeId;
    private final Instant openedAt;
    private final long rotateAfter;
    private final List<Path> files = new ArrayList<>();
    private final ByteArrayOutputStream buffer = new ByteArrayOutputStream();
    private StorageIo.Output out;
    private long nextSeq = 1;
    private String crc = Line.NO_CRC;
    private long bytes;

    FleetJournal(StorageIo io, Path directory, String storeId, Optional<Instant> highWater, long rotateAfter)
            throws IOException {
        this.io = io;
        this.directory = directory;
        this.storeId = storeId;
        this.openedAt = highWater.orElse(Instant.EPOCH);
        this.rotateAfter = rotateAfter;
        this.out = create();
        append(LineWriter.open(storeId, Manifest.FORMAT, openedAt));
    }

    long nextSeq() {
        return nextSeq;
    }

    /** A commit of that number, whose line goes on with {@code rest}. */
    Line commit(long seq, String rest, Function<String, RuntimeException> refusal) throws IOException {
        if (seq < nextSeq || seq > MAX_LINES) {
            throw refusal.apply("commit %d cannot follow line %d of a log of at most %d lines"
                    .formatted(seq, nextSeq - 1, MAX_LINES));
        }
        if (seq > nextSeq && bytes > rotateAfter) {
            rotate();
        }
        while (nextSeq < seq) {
            append(LineWriter.seal());
        }
        return checked("\"kind\":\"commit\"," + rest, refusal);
    }

    void put(Commit commit, Function<String, RuntimeException> refusal) throws IOException {
        if (bytes > rotateAfter) {
            rotate();
        }
        checked(LineWriter.commit(commit, LineWriter.content(commit)), refusal);
    }

    Line beats(String body, Function<String, RuntimeException> refusal) throws IOException {
        return checked(body, refusal);
    }

    /** Makes everything durable. */
    void finish() throws IOException {
        append(LineWriter.close());
        flush();
        out.force();
        io.forceDirectory(directory);
    }

    /**
     * Puts a checkpoint in the place of a journal that is finished, and writes its manifest: pruned events stand in audit
     * segments only.
     */
    static void replace(StorageIo io, Path directory, String storeId) throws IOException {
        Manifest whole = Manifest.of(storeId);
        Recovery.Recovered read = Recovery.imported(io, directory, whole);
        Contents contents = read.contents();
        Optional<SegmentWriter> next = SegmentWriter.begin(
                io,
                directory,
                storeId,
                read.nextSeq(),
                read.crc(),
                contents.highWater().orElse(Instant.EPOCH));
        next.orElseThrow(() -> new IOException("there is no room for a new segment of the journal"))
                .close();
        var checkpoint = new Checkpoint(io, directory, Limits.STANDARD.segment());
        Manifest manifest = checkpoint.write(
                whole,
                contents.picture(read.nextSeq() - 1, read.crc()),
                contents.log().complete(read.nextSeq() - 1),
                Removals.NONE,
                false,
                () -> {});
        checkpoint.clean(manifest);
    }

    /** Takes everything away again, as far as that works. */
    void remove(Exception cause) {
        try {
            out.close();
        } catch (IOException | RuntimeException e) {
            cause.addSuppressed(e);
        }
        for (Path file : files) {
            try {
                io.delete(file);
            } catch (IOException | RuntimeException e) {
                cause.addSuppressed(e);
            }
        }
    }

    @Override
    public void close() throws IOException {
        out.close();
    }

    private Line checked(String body, Function<String, RuntimeException> refusal) throws IOException {
        LineWriter.Written line = LineWriter.line(nextSeq, crc, bytes, body);
        Line read;
        try {
            read = LineReader.read(line.bytes(), 0, line.bytes().length - 1);
        } catch (LineReader.BadLineException e) {
            throw refusal.apply(String.valueOf(e.getMessage()));
        }
        append(line);
        if (bytes > Segment.MAX_BYTES) {
            throw refusal.apply("its commits leave no room for a new segment of the journal");
        }
        return read;
    }

    private void append(String body) throws IOException {
        append(LineWriter.line(nextSeq, crc, bytes, body));
    }

    private void append(LineWriter.Written line) throws IOException {
        buffer.writeBytes(line.bytes());
        bytes += line.bytes().length;
        crc = line.crc();
        nextSeq++;
        if (buffer.size() > BUFFER) {
            flush();
        }
    }

    private void flush() throws IOException {
        byte[] full = buffer.toByteArray();
        buffer.reset();
        Disk.writeAll(out, ByteBuffer.wrap(full));
    }

    private void rotate() throws IOException {
        flush();
        out.force();
        out.close();
        bytes = 0;
        out = create();
        append(LineWriter.open(storeId, Manifest.FORMAT, openedAt));
    }

    private StorageIo.Output create() throws IOException {
        Path file = Segment.at(directory, nextSeq).file();
        StorageIo.Output created = io.create(file);
        files.add(file);
        return created;
    }
}
