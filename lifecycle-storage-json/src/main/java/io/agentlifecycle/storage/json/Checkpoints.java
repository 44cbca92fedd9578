package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.error.StoreException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
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

    /** What someone wants of the next checkpoint, and what became of that. */
    static final class Wish {
        private final boolean keepPrevious;
        private final Prunes prunes;

        // the lock protects what follows

        private boolean settled;
        private Optional<Throwable> failure = Optional.empty();

        /** Wants the snapshot before to be kept or not, and these events without their text. */
        Wish(boolean keepPrevious, Prunes prunes) {
            this.keepPrevious = keepPrevious;
            this.prunes = prunes;
        }
    }

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
    private boolean ended;
    private final List<Wish> wanted = new ArrayList<>();

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
            return !running && (large || !wanted.isEmpty());
        } finally {
            lock.unlock();
        }
    }

    /** Begins to make one; {@code picture} ends with a segment of the journal. */
    void start(Picture picture) {
        lock.lock();
        try {
            List<Wish> wishes = begin();
            var thread = new Thread(() -> make(picture, wishes), "lifecycle-checkpoint");
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
            end(begin(), Optional.of(cause));
        } finally {
            lock.unlock();
        }
    }

    /** Makes one more, now, if there is a picture, when the one that is being made is done. */
    void finish(Optional<Picture> last) {
        List<Wish> wishes;
        lock.lock();
        try {
            while (running) {
                changed.awaitUninterruptibly();
            }
            wishes = begin();
        } finally {
            lock.unlock();
        }
        last.ifPresent(picture -> make(picture, wishes));
    }

    /** Takes on what is wanted by now. */
    private List<Wish> begin() {
        List<Wish> wishes = List.copyOf(wanted);
        wanted.clear();
        return wishes;
    }

    private void end(List<Wish> wishes, Optional<Throwable> failed) {
        running = false;
        for (Wish wish : wishes) {
            wish.settled = true;
            wish.failure = failed;
        }
        changed.signalAll();
    }

    private void make(Picture picture, List<Wish> wishes) {
        Optional<Throwable> failed = Optional.empty();
        try {
            Prunes prunes = wishes.stream().map(wish -> wish.prunes).reduce(Prunes.NONE, Prunes::and);
            boolean keepPrevious = wishes.stream().allMatch(wish -> wish.keepPrevious);
            make(picture, manifest, new Removals(log.erasures(), prunes), keepPrevious);
        } catch (Throwable e) {
            LOG.warn("{} could not make a checkpoint; the journal has everything", directory, e);
            failed = Optional.of(e);
        }
        lock.lock();
        try {
            end(wishes, failed);
        } finally {
            lock.unlock();
        }
        whenDone.run();
    }

    private void make(Picture picture, Manifest before, Removals removals, boolean keepPrevious) throws IOException {
        Map<Manifest.Audit, AuditSegment> known = log.audited();
        Manifest next = checkpoint.write(
                checkpoint.without(removals, before, known, picture.seqTo()),
                picture,
                log.complete(picture.seqTo()),
                removals,
                keepPrevious,
                this::requireHealthy);
        manifest = next;
        snapshotBytes = bytesOf(next);
        List<AuditSegment> segments = next.audit().stream()
                .map(audit -> known.getOrDefault(audit, new AuditSegment(io, directory, audit)))
                .toList();
        log.replace(picture.seqTo() + 1, segments);
        try {
            log.removing(() -> checkpoint.clean(next), !keepPrevious || !removals.isEmpty());
            log.forget(picture.seqTo());
        } catch (IOException e) {
            if (!removals.isEmpty()) {
                throw e; // they may have what was erased or pruned
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

    /** Asks for one; {@link #await} says what became of it. */
    void want(Wish wish) {
        lock.lock();
        try {
            wanted.add(wish);
        } finally {
            lock.unlock();
        }
    }

    /** Returns when the checkpoint that does what is wanted is durable. */
    void await(Wish wish) {
        lock.lock();
        try {
            while (!wish.settled && !ended) {
                changed.awaitUninterruptibly();
            }
            if (!wish.settled) {
                throw new StoreException(directory + " was closed or failed before the checkpoint was made", null);
            }
            if (wish.failure.isPresent()) {
                throw new StoreException(
                        "%s could not make a checkpoint, and has lost nothing: %s"
                                .formatted(directory, wish.failure.get()),
                        wish.failure.get());
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
