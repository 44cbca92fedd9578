package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.error.StoreException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The writer of a store. Its thread takes whole batches from the queue, writes them, forces them to the disk, and only then
 * shows them to readers and callers; between two batches it goes on in a new segment, and has a checkpoint made.
 *
 * <p>One batch at a time is under way, so all that is durable when a line is written ends where its batch begins. A line
 * says so, and by that a reader can tell a torn tail from damage.
 */
final class Journal {
    private static final Logger LOG = LoggerFactory.getLogger(Journal.class);

    /** More lines than this are not replayed at an opening, if a checkpoint can be made. */
    private static final long MAX_LINES = 200_000;

    /** More segments than this are not kept, if a checkpoint can be made: each opening begins one. */
    private static final int MAX_SEGMENTS = 64;

    private static final long SLOW_NANOS = 1_000_000_000;

    private final StorageIo io;
    private final Path directory;
    private final StorageIo.Held directoryLock;
    private final Limits limits;
    private final Contents contents;
    private final CommitQueue queue;
    private final Checkpoints checkpoints;
    private final AtomicLong slowForces = new AtomicLong();
    private final Thread writer = new Thread(this::run, "lifecycle-journal");

    // only the writer uses what follows, and whoever closes the store after it

    private SegmentWriter out;
    private JournalShelf shelf;
    private long bytesSince;
    private long linesSince;
    private int segmentsSince;
    private Optional<Batch> underWay = Optional.empty();
    private Optional<Picture> atClose = Optional.empty();

    private Journal(
            StorageIo io,
            Path directory,
            StorageIo.Held directoryLock,
            Limits limits,
            Recovery.Recovered recovered,
            SegmentWriter out)
            throws IOException {
        this.io = io;
        this.directory = directory;
        this.directoryLock = directoryLock;
        this.limits = limits;
        this.contents = recovered.contents();
        this.out = out;
        this.shelf = newShelf();
        this.queue = new CommitQueue(directory, limits, contents, out.durable());
        this.checkpoints =
                new Checkpoints(io, directory, limits.segment(), recovered.manifest(), contents.log(), queue::nudge);
        this.bytesSince = recovered.bytesReplayed();
        this.linesSince = out.durable().seq() - recovered.baseTo();
        this.segmentsSince = recovered.segments() + 1;
    }

    /** Goes on in a new segment. The journal owns the lock from here on. */
    static Journal start(
            StorageIo io, Path directory, StorageIo.Held directoryLock, Limits limits, Recovery.Recovered recovered)
            throws IOException {
        if (recovered.manifest().format() == Manifest.FORMAT
                && !recovered.report().olderSnapshot()) {
            new Checkpoint(io, directory, limits.segment()).cleanUp(recovered.manifest());
        }
        SegmentWriter out = SegmentWriter.begin(
                        io,
                        directory,
                        recovered.manifest().storeId(),
                        recovered.nextSeq(),
                        recovered.crc(),
                        recovered.contents().highWater().orElse(Instant.EPOCH))
                .orElseThrow(() -> new IOException("there is no room for a new segment of the journal"));
        var journal = new Journal(io, directory, directoryLock, limits, recovered, out);
        journal.writer.setDaemon(true);
        journal.writer.start();
        return journal;
    }

    CommitQueue queue() {
        return queue;
    }

    Manifest manifest() {
        return checkpoints.manifest();
    }

    // ---- the writer thread

    private void run() {
        try {
            for (Optional<Batch> batch = queue.take(); batch.isPresent(); batch = queue.take()) {
                write(batch.get());
                goOnInNewSegment();
            }
            finish();
        } catch (Throwable e) {
            // whatever happens here, nobody may wait for ever
            queue.fail(e, underWay, Batch.Fate.UNKNOWN);
        }
        if (queue.hasFailed()) {
            checkpoints.stop();
        }
        checkpoints.noMore();
    }

    private void write(Batch batch) {
        if (batch.isEmpty()) {
            return;
        }
        underWay = Optional.of(batch);
        try {
            directoryLock.ensureHeld();
        } catch (IOException e) {
            queue.fail(e, Optional.of(batch), Batch.Fate.NOT_WRITTEN);
            return;
        }
        try {
            out.write(batch.bytes());
        } catch (IOException e) {
            giveUp(batch, e);
            return;
        }
        try {
            force(batch);
        } catch (IOException e) {
            queue.fail(e, Optional.of(batch), Batch.Fate.UNKNOWN);
            return;
        }
        bytesSince += batch.size();
        linesSince += batch.lines();
        queue.durable(batch, shelf, out.durable());
    }

    private void force(Batch batch) throws IOException {
        long begun = io.nanoTime();
        out.force(batch);
        long took = io.nanoTime() - begun;
        if (took > SLOW_NANOS) {
            slowForces.incrementAndGet();
            LOG.warn("{} took {} ms to make {} bytes durable", directory, took / 1_000_000, batch.size());
        }
    }

    long slowForces() {
        return slowForces.get();
    }

    /** Nothing of the batch is durable: it is cut off, and the store goes on, if that works. */
    private void giveUp(Batch batch, IOException cause) {
        LOG.warn("{} took only a part of a batch; it is cut off", directory, cause);
        try {
            out.cut();
        } catch (IOException e) {
            e.addSuppressed(cause);
            queue.fail(e, Optional.of(batch), Batch.Fate.UNKNOWN);
            return;
        }
        queue.full(batch);
    }

    /** If it is time for that; callers wait meanwhile. */
    private void goOnInNewSegment() throws IOException {
        boolean checkpoint = checkpoints.isDue(isLarge(limits.checkpoint()));
        if (queue.hasFailed() || !checkpoint && out.durable().size() <= limits.segment()) {
            return;
        }
        Batch rest = queue.pause();
        write(rest);
        if (queue.hasFailed()) {
            return;
        }
        boolean rotated = rotate();
        Optional<Picture> before = rotated && checkpoint ? Optional.of(pictureOfAllBefore()) : Optional.empty();
        // first: a copy of the store must not see a checkpoint that is further than what it takes for durable
        queue.resume(out.durable());
        if (before.isPresent()) {
            checkpoints.start(before.get());
        } else if (checkpoint) {
            checkpoints.refuse(new IOException("there is no room for a new segment of the journal"));
        }
    }

    private boolean isLarge(long limit) {
        return bytesSince > Math.max(limit, checkpoints.snapshotBytes())
                || linesSince > Math.max(MAX_LINES, contents.state().size())
                || segmentsSince > MAX_SEGMENTS;
    }

    /** What all the segments before this one come to; the next checkpoint is reckoned from here. */
    private Picture pictureOfAllBefore() {
        Picture picture = contents.picture(out.segment().firstSeq() - 1, out.prev());
        bytesSince = 0;
        linesSince = 0;
        segmentsSince = 1;
        return picture;
    }

    /** False if there is no room for a new segment: then the old one goes on. */
    private boolean rotate() throws IOException {
        Optional<SegmentWriter> next = SegmentWriter.begin(
                io,
                directory,
                manifest().storeId(),
                out.durable().seq() + 1,
                out.durable().crc(),
                contents.highWater().orElse(Instant.EPOCH));
        if (next.isEmpty()) {
            return false;
        }
        SegmentWriter before = out;
        out = next.get();
        shelf.ends(out.segment().firstSeq());
        shelf = newShelf();
        segmentsSince++;
        release(before);
        return true;
    }

    private JournalShelf newShelf() {
        var next = new JournalShelf(io, out.segment());
        contents.log().add(next);
        return next;
    }

    /** The store is closed in order. */
    private void finish() throws IOException {
        if (queue.hasFailed()) {
            return;
        }
        if (isLarge(limits.checkpointAtClose()) && rotate()) {
            atClose = Optional.of(pictureOfAllBefore());
            queue.resume(out.durable());
        }
        Batch last = queue.last();
        write(last);
    }

    // ---- what others want

    /**
     * Makes a checkpoint now; returns when it is durable.
     *
     * @param keepPrevious false to remove the snapshot and the journal before it, which else are kept until the next one
     * @throws StoreException if it cannot be made; nothing is lost then
     */
    void checkpoint(boolean keepPrevious) {
        checkpoint(new Checkpoints.Wish(keepPrevious, Prunes.NONE));
    }

    private void checkpoint(Checkpoints.Wish wish) {
        queue.requireHealthy();
        checkpoints.want(wish);
        queue.nudge();
        checkpoints.await(wish);
    }

    /**
     * Erases what is disclosed of these events: writes that down, and then removes it from all files.
     *
     * @throws StoreException if that is not done; what was written down is done at the next opening, if not before
     */
    void erase(String stream, Collection<Long> positions) {
        List<Line.Erase> lines = Line.Erase.of(stream, positions);
        if (lines.isEmpty()) {
            queue.requireHealthy();
            return;
        }
        try {
            contents.log().requireSoundDisclosures(); // else it would be written down, and never done
        } catch (IOException e) {
            throw new StoreException("%s cannot be read: %s".formatted(directory, e), e);
        }
        queue.erase(lines);
        try {
            checkpoint(false);
        } catch (StoreException e) {
            throw new StoreException(
                    "%s shows it no longer, but files may still have what was erased; erase it again, or open the store again: %s"
                            .formatted(directory, e.getMessage()),
                    e);
        }
    }

    /**
     * Has a checkpoint made that leaves the events before these positions without their text, and removes all other files that
     * have it.
     *
     * @throws StoreException if that is not done
     */
    void prune(Map<String, Long> before) {
        queue.requireHealthy();
        Prunes prunes;
        try {
            prunes = contents.log().prunable(before);
        } catch (IOException e) {
            throw new StoreException("%s cannot be read: %s".formatted(directory, e), e);
        }
        if (prunes.isEmpty()) {
            return;
        }
        try {
            checkpoint(new Checkpoints.Wish(false, prunes));
        } catch (StoreException e) {
            throw new StoreException(
                    "%s may still have what was to be pruned; prune it again: %s".formatted(directory, e.getMessage()),
                    e);
        }
    }

    void close() {
        if (!queue.close()) {
            return;
        }
        joinWriter();
        try {
            checkpoints.finish(atClose);
        } finally {
            release(out);
            release(directoryLock);
        }
    }

    private void release(AutoCloseable held) {
        try {
            held.close();
        } catch (Exception e) {
            LOG.warn("{} could not be closed in order; nothing is lost", directory, e);
        }
    }

    private void joinWriter() {
        boolean interrupted = false;
        while (true) {
            try {
                writer.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
