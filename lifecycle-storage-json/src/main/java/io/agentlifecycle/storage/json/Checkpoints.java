package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.error.StoreException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has checkpoints made, one at a time, on a thread of their own, while commits go on. One that fails is no harm: the
 * journal has everything, and the next one comes after as much journal again. Safe for use by many threads.
 */
final class Checkpoints {
    private static final Logger LOG = LoggerFactory.getLogger(Checkpoints.class);

    private final StorageIo io;
    private final Path directory;
    private final Checkpoint checkpoint;
    private final EventLog log;
    private final Runnable whenDone;
    private volatile Manifest manifest;
    private volatile long snapshotBytes;
    private volatile boolean stopped;

    /** Guards what follows. */
    private final ReentrantLock lock = new ReentrantLock();

    private final Condition changed = lock.newCondition();
    private boolean running;
    private Optional<Throwable> failure = Optional.empty();
    private boolean keepPrevious = true;
    private boolean ended;
    private long wanted;
    private long begun;
    private long done;

    /** Runs {@code whenDone} after each of them. */
    Checkpoints(StorageIo io, Path directory, long auditBytes, Manifest manifest, EventLog log, Runnable whenDone)
            throws IOException {
        this.io = io;
        this.directory = directory;
        this.checkpoint = new Checkpoint(io, directory, auditBytes);
        this.manifest = manifest;
        this.log = log;
        this.whenDone = whenDone;
        this.snapshotBytes = bytesOf(manifest);
    }

    private long bytesOf(Manifest of) throws IOException {
        Path file =
                directory.resolve(of.snapshot().map(Manifest.Reference::file).orElse(""));
        return of.snapshot().isPresent() && io.exists(file) ? io.size(file) : 0;
    }

    /** The one in force. */
    Manifest manifest() {
        return manifest;
    }

    /** How large the newest snapshot is, in bytes. */
    long snapshotBytes() {
        return snapshotBytes;
    }

    /** Whether to {@link #start} one now, if the journal is so {@code large}, or if someone wants one. */
    boolean isDue(boolean large) {
        lock.lock();
        try {
            return !running && (large || wanted > begun);
        } finally {
            lock.unlock();
        }
    }

    /** Begins to make one; {@code picture} ends with a segment of the journal. */
    void start(Picture picture) {
        lock.lock();
        try {
            boolean keep = begin();
            var thread = new Thread(() -> make(picture, keep), "lifecycle-checkpoint");
            thread.setDaemon(true);
            thread.setPriority(Thread.MIN_PRIORITY);
            running = true;
            thread.start();
        } finally {
            lock.unlock();
        }
    }

    /** It could not be started. */
    void refuse(IOException cause) {
        lock.lock();
        try {
            begin();
            end(Optional.of(cause));
        } finally {
            lock.unlock();
        }
    }

    /** Makes one more, now, if there is a picture, when the one that is being made is done. */
    void finish(Optional<Picture> last) {
        boolean keep;
        lock.lock();
        try {
            while (running) {
                changed.awaitUninterruptibly();
            }
            keep = begin();
        } finally {
            lock.unlock();
        }
        last.ifPresent(picture -> make(picture, keep));
    }

    /** Takes on what is wanted by now. Returns whether to keep the snapshot before. */
    private boolean begin() {
        begun = wanted;
        boolean keep = keepPrevious;
        keepPrevious = true;
        return keep;
    }

    private void end(Optional<Throwable> failed) {
        running = false;
        failure = failed;
        done = begun;
        changed.signalAll();
    }

    private void make(Picture picture, boolean keepPrevious) {
        Optional<Throwable> failed = Optional.empty();
        try {
            make(picture, manifest, keepPrevious);
        } catch (Throwable e) {
            LOG.warn("{} could not make a checkpoint; the journal has everything", directory, e);
            failed = Optional.of(e);
        }
        lock.lock();
        try {
            end(failed);
        } finally {
            lock.unlock();
        }
        whenDone.run();
    }

    private void make(Picture picture, Manifest before, boolean keepPrevious) throws IOException {
        Erasures erasures = log.erasures();
        Map<Manifest.Audit, AuditSegment> known = log.audited();
        Manifest next = checkpoint.write(
                checkpoint.without(erasures, before, known, picture.seqTo()),
                picture,
                log.complete(picture.seqTo()),
                erasures,
                keepPrevious,
                this::requireHealthy);
        manifest = next;
        snapshotBytes = bytesOf(next);
        List<AuditSegment> segments = next.audit().stream()
                .map(audit -> known.getOrDefault(audit, new AuditSegment(io, directory, audit)))
                .toList();
        log.replace(picture.seqTo() + 1, segments);
        try {
            log.removing(() -> checkpoint.clean(next), !keepPrevious || !erasures.isEmpty());
            log.forget(picture.seqTo());
        } catch (IOException e) {
            if (!erasures.isEmpty()) {
                throw e; // they may have what was erased
            }
            LOG.warn("{} keeps files that it no longer needs; the next checkpoint removes them", directory, e);
        }
    }

    private void requireHealthy() throws IOException {
        if (stopped) {
            throw new IOException("the store has failed meanwhile");
        }
    }

    /** The store has failed: one that is being made must not count any more. */
    void stop() {
        stopped = true;
    }

    // ---- whoever wants one

    /** Asks for one, and gives the ticket to {@link #await} it with. */
    long want(boolean keep) {
        lock.lock();
        try {
            keepPrevious &= keep;
            return ++wanted;
        } finally {
            lock.unlock();
        }
    }

    /** Returns when the checkpoint of that ticket is durable. */
    void await(long ticket) {
        lock.lock();
        try {
            while (done < ticket && !ended) {
                changed.awaitUninterruptibly();
            }
            if (done < ticket) {
                throw new StoreException(directory + " was closed or failed before the checkpoint was made", null);
            }
            if (failure.isPresent()) {
                throw new StoreException(
                        "%s could not make a checkpoint, and has lost nothing: %s".formatted(directory, failure.get()),
                        failure.get());
            }
        } finally {
            lock.unlock();
        }
    }

    /** No further one will be started. */
    void noMore() {
        lock.lock();
        try {
            ended = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
