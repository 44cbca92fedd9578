package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.error.StoreFailedException;
import io.agentlifecycle.core.spi.LifecycleStore.CommitListener;
import io.agentlifecycle.core.spi.LifecycleStore.Subscription;
import io.agentlifecycle.core.store.Check;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.MemoryState;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Appends lines and makes them durable. Callers check their commit against the newest state, written or not, put its
 * line into the open batch and wait; one writer thread takes whole batches, writes them, forces them to the disk, and
 * only then shows them to readers and callers.
 *
 * <p>One batch at a time is under way, so all that is durable when a line is written ends where its batch begins. A line
 * says so, and by that a reader can tell a torn tail from damage.
 */
final class Journal {
    private static final Logger LOG = LoggerFactory.getLogger(Journal.class);

    /** A heartbeat has at most 64 + 256 characters of names, 4 bytes each, so a line stays below its limit. */
    private static final int MAX_BEATS = 3_000;

    private enum Fate {
        PENDING,
        DURABLE,
        /** The disk is full; nothing of it is stored. */
        FULL,
        /** It was never written. */
        NOT_WRITTEN,
        /** Nobody knows. */
        UNKNOWN
    }

    private record Pending(long seq, long offset, Commit commit, String digest) {}

    private static final class Batch {
        private final long start;
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private final List<Pending> commits = new ArrayList<>();
        private Fate fate = Fate.PENDING;

        Batch(long start) {
            this.start = start;
        }

        long end() {
            return start + bytes.size();
        }
    }

    /** Where a commit stands. */
    record Located(long seq, Segment segment, long offset) {}

    /** All that readers could see at one moment, the commits in order. */
    record Picture(
            String storeId,
            Optional<Instant> highWater,
            List<StoredRecord> records,
            List<Heartbeat> heartbeats,
            List<Located> commits) {}

    private final StorageIo io;
    private final Path directory;
    private final StorageIo.Held directoryLock;
    private final Limits limits;
    private final MemoryState state;
    private final TrailIndex index;
    private final Requests requests;
    private final List<Segment> segments;
    private final Set<String> kinds;
    private final List<CommitListener> listeners = new CopyOnWriteArrayList<>();
    private final Thread writer = new Thread(this::run, "lifecycle-journal");

    /** Guards all that follows, and the index, the requests and the list of segments. */
    private final ReentrantLock lock = new ReentrantLock();

    private final Condition work = lock.newCondition();
    private final Condition settled = lock.newCondition();
    private final Map<RecordKey, Long> unwritten = new HashMap<>();
    private final Map<RequestId, Long> underWay = new HashMap<>();
    private Manifest manifest;
    private StorageIo.Output out;
    private Batch open;
    private long nextSeq;
    private String crc;
    private long durableSeq;
    private String durableCrc;
    private boolean sealed = true;
    private boolean rotating;
    private boolean closing;
    private boolean closed;
    private boolean closeWritten;
    private Optional<Throwable> failure = Optional.empty();
    private Optional<Instant> highWater;
    private long bytesSinceSnapshot;

    private Journal(
            StorageIo io,
            Path directory,
            StorageIo.Held directoryLock,
            Limits limits,
            Recovery.Recovered recovered,
            StorageIo.Output out,
            LineWriter.Written opening) {
        this.io = io;
        this.directory = directory;
        this.directoryLock = directoryLock;
        this.limits = limits;
        this.state = recovered.state();
        this.index = recovered.index();
        this.requests = recovered.requests();
        this.segments = new ArrayList<>(recovered.segments());
        this.segments.add(Segment.at(directory, recovered.nextSeq()));
        this.kinds = recovered.kinds();
        this.manifest = recovered.manifest();
        this.out = out;
        this.nextSeq = recovered.nextSeq() + 1;
        this.crc = opening.crc();
        this.durableSeq = recovered.nextSeq();
        this.durableCrc = opening.crc();
        this.open = new Batch(opening.bytes().length);
        this.highWater = recovered.highWater();
        this.bytesSinceSnapshot = recovered.bytesSinceSnapshot();
    }

    /** Goes on in a new segment. */
    static Journal start(
            StorageIo io, Path directory, StorageIo.Held directoryLock, Limits limits, Recovery.Recovered recovered)
            throws IOException {
        Segment segment = Segment.at(directory, recovered.nextSeq());
        LineWriter.Written opening = LineWriter.line(
                recovered.nextSeq(),
                recovered.crc(),
                0,
                LineWriter.open(
                        recovered.manifest().storeId(),
                        Manifest.FORMAT,
                        recovered.highWater().orElse(Instant.EPOCH)));
        StorageIo.Output out = begin(io, directory, segment, opening);
        var journal = new Journal(io, directory, directoryLock, limits, recovered, out, opening);
        journal.writer.setDaemon(true);
        journal.writer.start();
        return journal;
    }

    private static StorageIo.Output begin(StorageIo io, Path directory, Segment segment, LineWriter.Written opening)
            throws IOException {
        StorageIo.Output out = io.create(segment.file());
        try {
            Outputs.writeAll(out, ByteBuffer.wrap(opening.bytes()));
            out.force();
            io.forceDirectory(directory);
            return out;
        } catch (IOException | RuntimeException e) {
            out.close();
            throw e;
        }
    }

    // ---- callers

    CommitResult commit(Commit commit) {
        if (commit.mutations().size() > JsonStore.MAX_RECORDS) {
            return new CommitResult.Rejected(
                    CommitResult.Reason.TOO_LARGE, "a commit may change at most " + JsonStore.MAX_RECORDS + " records");
        }
        String content = LineWriter.content(commit);
        LineWriter.Written probe =
                LineWriter.line(Long.MAX_VALUE, Line.NO_CRC, Long.MAX_VALUE, LineWriter.commit(commit, content));
        if (probe.bytes().length > LineReader.MAX_LINE) {
            return new CommitResult.Rejected(
                    CommitResult.Reason.TOO_LARGE,
                    "a commit may have at most %d bytes but had %d"
                            .formatted(LineReader.MAX_LINE, probe.bytes().length));
        }
        String digest = LineReader.readBack(probe, commit).digest();
        lock.lock();
        try {
            while (true) {
                requireOpen();
                if (failure.isPresent()) {
                    return failed();
                }
                Optional<Requests.Done> done = requests.find(commit.requestId());
                if (done.isPresent()) {
                    return done.get().digest().equals(digest)
                            ? new CommitResult.Applied(done.get().seq())
                            : new CommitResult.Rejected(
                                    CommitResult.Reason.REQUEST_ID_REUSED,
                                    "request id " + commit.requestId() + " was used for another commit");
                }
                Map<RecordKey, Long> conflicts = conflicts(commit);
                boolean wait = isUnderWay(commit.requestId())
                        || conflicts.keySet().stream().anyMatch(unwritten::containsKey)
                        || open.bytes.size() > limits.batch()
                        || rotating;
                if (!wait) {
                    return conflicts.isEmpty() ? append(commit, content, digest) : new CommitResult.Conflict(conflicts);
                }
                settled.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
    }

    private boolean isUnderWay(RequestId id) {
        return underWay.containsKey(id);
    }

    /** Compares with the newest versions, written or not. */
    private Map<RecordKey, Long> conflicts(Commit commit) {
        Map<RecordKey, Long> conflicts = new HashMap<>();
        for (Check check : commit.checks()) {
            expect(check.key(), check instanceof Check.Version version ? version.version() : 0, conflicts);
        }
        for (Mutation mutation : commit.mutations()) {
            if (mutation instanceof Mutation.Put put) {
                expect(put.key(), put.next().version() - 1, conflicts);
            }
        }
        return conflicts;
    }

    private void expect(RecordKey key, long version, Map<RecordKey, Long> conflicts) {
        Long newest = unwritten.get(key);
        long current = newest == null ? state.version(key) : newest;
        if (current != version) {
            conflicts.put(key, current);
        }
    }

    private CommitResult append(Commit commit, String content, String digest) {
        Batch batch = open;
        LineWriter.Written line = LineWriter.line(nextSeq, crc, batch.start, LineWriter.commit(commit, content));
        long seq = nextSeq;
        batch.commits.add(new Pending(seq, batch.end(), commit, digest));
        put(line);
        underWay.put(commit.requestId(), seq);
        for (Mutation mutation : commit.mutations()) {
            unwritten.put(
                    mutation.key(),
                    mutation instanceof Mutation.Put put ? put.next().version() : 0L);
        }
        while (batch.fate == Fate.PENDING) {
            settled.awaitUninterruptibly();
        }
        return switch (batch.fate) {
            case DURABLE -> new CommitResult.Applied(seq);
            case FULL ->
                new CommitResult.Rejected(
                        CommitResult.Reason.FULL, directory + " has no room; nothing was stored, make room and repeat");
            case NOT_WRITTEN -> failed();
            case UNKNOWN, PENDING ->
                new CommitResult.Unknown(directory + " failed while writing; open it again and look the request up");
        };
    }

    private CommitResult failed() {
        return new CommitResult.Rejected(
                CommitResult.Reason.FAILED,
                directory + " failed: " + failure.map(Throwable::toString).orElse(""));
    }

    /** Puts a line into the open batch. */
    private void put(LineWriter.Written line) {
        open.bytes.writeBytes(line.bytes());
        crc = line.crc();
        nextSeq++;
        work.signal();
    }

    void heartbeats(Collection<Heartbeat> batch) {
        lock.lock();
        try {
            requireOpen();
            if (failure.isPresent()) {
                throw new StoreFailedException(
                        StoreFailedException.Outcome.NOT_STORED,
                        Optional.empty(),
                        directory + " failed; open it again",
                        failure.get());
            }
            List<Heartbeat> known = batch.stream()
                    .filter(heartbeat -> state.version(heartbeat.agent()) > 0)
                    .toList();
            while (rotating && failure.isEmpty() && !closing) {
                settled.awaitUninterruptibly();
            }
            requireOpen();
            state.heartbeats(known);
            for (int from = 0; from < known.size(); from += MAX_BEATS) {
                List<Heartbeat> some = known.subList(from, Math.min(from + MAX_BEATS, known.size()));
                put(LineWriter.line(nextSeq, crc, open.start, LineWriter.beats(some)));
            }
        } finally {
            lock.unlock();
        }
    }

    Optional<CommitResult> findCommit(RequestId id) {
        lock.lock();
        try {
            requireOpen();
            while (isUnderWay(id) && failure.isEmpty()) {
                settled.awaitUninterruptibly();
            }
            return requests.find(id).map(done -> new CommitResult.Applied(done.seq()));
        } finally {
            lock.unlock();
        }
    }

    List<Located> commitsAfter(long seq, int limit) {
        lock.lock();
        try {
            List<Located> found = new ArrayList<>();
            for (int i = index.firstAfter(seq); i < index.commits() && found.size() < limit; i++) {
                found.add(located(index.commitSeq(i), index.commit(i)));
            }
            return found;
        } finally {
            lock.unlock();
        }
    }

    /** Where the events of a stream stand; two of one commit stand at the same place. */
    List<Located> events(String stream, long from, int limit) {
        lock.lock();
        try {
            List<Located> found = new ArrayList<>();
            long end = Math.min(index.length(stream), Math.max(from, 0) + limit);
            for (long n = Math.max(from, 0); n < end; n++) {
                found.add(located(0, index.event(stream, (int) n)));
            }
            return found;
        } finally {
            lock.unlock();
        }
    }

    private Located located(long seq, TrailIndex.Place place) {
        return new Located(seq, segments.get(place.segment()), place.offset());
    }

    Line read(Located place) throws IOException {
        return place.segment().read(io, place.offset());
    }

    /** Nothing becomes visible while the picture is taken, so its parts fit together. */
    Picture picture() {
        lock.lock();
        try {
            requireOpen();
            List<StoredRecord> records = new ArrayList<>();
            List<Heartbeat> heartbeats = new ArrayList<>();
            for (String kind : kinds) {
                for (StoredRecord found : state.query(RecordQuery.of(kind), Optional.empty(), Integer.MAX_VALUE)
                        .items()) {
                    records.add(found);
                    state.liveness(found.key())
                            .ifPresent(liveness -> heartbeats.add(new Heartbeat(found.key(), liveness)));
                }
            }
            return new Picture(manifest.storeId(), highWater, records, heartbeats, commitsAfter(0, Integer.MAX_VALUE));
        } finally {
            lock.unlock();
        }
    }

    Optional<Instant> highWater() {
        lock.lock();
        try {
            return highWater;
        } finally {
            lock.unlock();
        }
    }

    Subscription subscribe(CommitListener listener) {
        lock.lock();
        try {
            requireOpen();
            listeners.add(listener);
            return () -> listeners.remove(listener);
        } finally {
            lock.unlock();
        }
    }

    void requireOpen() {
        lock.lock();
        try {
            if (closing) {
                throw new StoreException(directory + " is closed; open it again", null);
            }
        } finally {
            lock.unlock();
        }
    }

    // ---- the writer thread

    private void run() {
        Optional<Batch> batch = Optional.empty();
        try {
            for (batch = take(); batch.isPresent(); batch = take()) {
                write(batch.get());
            }
        } catch (Throwable e) {
            // whatever happens here, nobody may wait for ever
            fail(e, batch.filter(taken -> taken.fate == Fate.PENDING));
        }
    }

    /** The next batch; empty when the store closes. */
    private Optional<Batch> take() throws IOException {
        lock.lock();
        try {
            while (open.bytes.size() == 0 && !closing) {
                if (rotating && failure.isEmpty()) {
                    rotate();
                } else if (failure.isPresent() || sealed) {
                    work.awaitUninterruptibly();
                } else if (!await(limits.sealAfterMillis())) {
                    put(LineWriter.line(nextSeq, crc, open.start, LineWriter.seal()));
                }
            }
            if (open.bytes.size() == 0 && failure.isEmpty() && !closeWritten) {
                // in a batch of its own, so that it says of everything else that it is durable
                put(LineWriter.line(nextSeq, crc, open.start, LineWriter.close()));
                closeWritten = true;
            }
            if (open.bytes.size() == 0 || failure.isPresent()) {
                return Optional.empty();
            }
            Batch batch = open;
            open = new Batch(batch.end());
            return Optional.of(batch);
        } finally {
            lock.unlock();
        }
    }

    /** Goes on in a new segment, while callers wait. */
    private void rotate() throws IOException {
        LineWriter.Written opening = LineWriter.line(
                nextSeq, crc, 0, LineWriter.open(manifest.storeId(), Manifest.FORMAT, highWater.orElse(Instant.EPOCH)));
        Segment next = Segment.at(directory, nextSeq);
        out.close();
        out = begin(io, directory, next, opening);
        segments.add(next);
        durableSeq = nextSeq++;
        durableCrc = opening.crc();
        crc = opening.crc();
        open = new Batch(opening.bytes().length);
        rotating = false;
        settled.signalAll();
    }

    /** False if nothing came in time. */
    private boolean await(long millis) {
        try {
            return work.await(millis, TimeUnit.MILLISECONDS) || open.bytes.size() > 0 || closing;
        } catch (InterruptedException e) {
            return true; // nobody interrupts this thread; if someone does, it goes on
        }
    }

    private void write(Batch batch) {
        try {
            Outputs.writeAll(out, ByteBuffer.wrap(batch.bytes.toByteArray()));
        } catch (IOException e) {
            giveUp(batch, e);
            return;
        }
        try {
            out.force();
        } catch (IOException e) {
            fail(e, Optional.of(batch));
            return;
        }
        publish(batch);
        snapshotIfLarge();
    }

    /** Nothing of the batch is durable: it is cut off, and the store goes on, if that works. */
    private void giveUp(Batch batch, IOException cause) {
        LOG.warn("{} took only a part of a batch; it is cut off", directory, cause);
        try {
            out.truncate(batch.start);
            out.force();
        } catch (IOException e) {
            e.addSuppressed(cause);
            fail(e, Optional.of(batch));
            return;
        }
        lock.lock();
        try {
            batch.fate = Fate.FULL;
            open.fate = Fate.FULL;
            open = new Batch(batch.start);
            nextSeq = durableSeq + 1;
            crc = durableCrc;
            unwritten.clear();
            underWay.clear();
            settled.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void publish(Batch batch) {
        lock.lock();
        try {
            for (Pending pending : batch.commits) {
                publish(pending);
            }
            byte[] bytes = batch.bytes.toByteArray();
            durableCrc = new String(bytes, bytes.length - 11, 8, US_ASCII);
            durableSeq += lines(bytes);
            sealed = batch.commits.isEmpty();
            bytesSinceSnapshot += bytes.length;
            rotating = batch.end() > limits.segment();
            batch.fate = Fate.DURABLE;
            settled.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private static long lines(byte[] bytes) {
        long lines = 0;
        for (byte b : bytes) {
            lines += b == '\n' ? 1 : 0;
        }
        return lines;
    }

    private void publish(Pending pending) {
        Commit commit = pending.commit();
        state.apply(commit.mutations());
        for (Mutation mutation : commit.mutations()) {
            kinds.add(mutation.key().kind());
            unwritten.remove(mutation.key(), state.version(mutation.key()));
        }
        var place = new TrailIndex.Place(segments.size() - 1, pending.offset());
        index.addCommit(pending.seq(), place);
        for (StoredEvent event : commit.events()) {
            index.addEvent(event.stream(), place);
        }
        requests.add(commit.requestId(), new Requests.Done(pending.seq(), pending.digest()));
        underWay.remove(commit.requestId());
        if (highWater.isEmpty() || commit.at().isAfter(highWater.get())) {
            highWater = Optional.of(commit.at());
        }
        for (CommitListener listener : listeners) {
            try {
                listener.committed(pending.seq(), commit);
            } catch (RuntimeException e) {
                LOG.error("a commit listener failed at commit {}", pending.seq(), e);
            }
        }
    }

    /** From here on nothing is written any more. What was under way may be on the disk or not. */
    private void fail(Throwable cause, Optional<Batch> underWayBatch) {
        LOG.error("{} failed; it must be opened again, and nothing is written until then", directory, cause);
        lock.lock();
        try {
            failure = Optional.of(cause);
            underWayBatch.ifPresent(batch -> batch.fate = Fate.UNKNOWN);
            open.fate = Fate.NOT_WRITTEN;
            settled.signalAll();
        } finally {
            lock.unlock();
        }
    }

    // ---- snapshots

    private void snapshotIfLarge() {
        boolean due;
        lock.lock();
        try {
            due = bytesSinceSnapshot > limits.snapshot();
        } finally {
            lock.unlock();
        }
        if (due) {
            snapshot();
        }
    }

    /** Writes all records down; commits wait meanwhile. If it does not work, the journal still has everything. */
    private void snapshot() {
        try {
            Manifest.Reference reference =
                    Snapshot.write(io, directory, manifest.storeId(), durableSeq, List.copyOf(kinds), state, highWater);
            manifest = new Manifest(Manifest.FORMAT, manifest.storeId(), Optional.of(reference));
            Recovery.write(io, directory, manifest);
            bytesSinceSnapshot = 0;
        } catch (IOException | RuntimeException e) {
            LOG.warn("{} could not write a snapshot; the journal has everything", directory, e);
            bytesSinceSnapshot = limits.snapshot() / 2;
        }
    }

    // ---- closing

    void close() {
        lock.lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
            closing = true;
            work.signal();
            settled.signalAll();
        } finally {
            lock.unlock();
        }
        joinWriter();
        try {
            if (failure.isEmpty() && bytesSinceSnapshot > limits.snapshotAtClose()) {
                snapshot();
            }
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
