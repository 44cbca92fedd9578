package io.agentlifecycle.storage.json;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The segment that is being written, up to what is durable of it. Only one thread may use it. */
final class SegmentWriter implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SegmentWriter.class);

    private final Segment segment;
    private final String prev;
    private final StorageIo.Output out;
    private Position durable;

    private SegmentWriter(Segment segment, String prev, StorageIo.Output out, LineWriter.Written opening) {
        this.segment = segment;
        this.prev = prev;
        this.out = out;
        this.durable = new Position(segment, opening.bytes().length, segment.firstSeq(), opening.crc());
    }

    /**
     * Begins a segment with line {@code seq}, which follows one with checksum {@code prev}, and makes it durable.
     *
     * @return empty if the disk has no room for it; nothing is left of it then
     * @throws IOException if nobody knows what is left of it
     */
    static Optional<SegmentWriter> begin(
            StorageIo io, Path directory, String storeId, long seq, String prev, Instant at) throws IOException {
        Segment segment = Segment.at(directory, seq);
        LineWriter.Written opening = LineWriter.line(seq, prev, 0, LineWriter.open(storeId, Manifest.FORMAT, at));
        Optional<StorageIo.Output> created = Optional.empty();
        try {
            created = Optional.of(io.create(segment.file()));
            Disk.writeAll(created.get(), ByteBuffer.wrap(opening.bytes()));
        } catch (IOException e) {
            LOG.warn("{} has no room for a new segment", directory, e);
            if (created.isPresent()) {
                created.get().close();
            }
            Disk.deleteIfThere(io, segment.file());
            io.forceDirectory(directory);
            return Optional.empty();
        }
        try {
            created.get().force();
            io.forceDirectory(directory);
            return Optional.of(new SegmentWriter(segment, prev, created.get(), opening));
        } catch (IOException | RuntimeException e) {
            created.get().close();
            throw e;
        }
    }

    Segment segment() {
        return segment;
    }

    /** The checksum of the line before the first one. */
    String prev() {
        return prev;
    }

    /** Up to where it is durable. */
    Position durable() {
        return durable;
    }

    /** Writes lines; they count once {@link #force} has returned. */
    void write(byte[] bytes) throws IOException {
        Disk.writeAll(out, ByteBuffer.wrap(bytes));
    }

    /** Takes away what was written since the last {@link #force}. */
    void cut() throws IOException {
        out.truncate(durable.size());
        out.force();
    }

    /** Makes what was written durable. */
    void force(Batch written) throws IOException {
        out.force();
        durable = new Position(segment, written.end(), durable.seq() + written.lines(), written.lastCrc());
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
