package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.error.StoreFailedException;
import io.agentlifecycle.core.error.StoreFullException;
import io.agentlifecycle.core.spi.LifecycleStore.CommitListener;
import io.agentlifecycle.core.spi.LifecycleStore.Subscription;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RequestId;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where callers and the writer meet. Callers check their commit against the newest state, durable or not, put its line into
 * the open batch, and wait until the writer says what became of it. Safe for use by many threads.
 */
final class CommitQueue {
    private static final Logger LOG = LoggerFactory.getLogger(CommitQueue.class);

    /** A heartbeat has at most 64 + 256 characters of names, 4 bytes each, so a line stays below its limit. */
    private static final int MAX_BEATS = 3_000;

    private final Path directory;
    private final Limits limits;
    private final Contents contents;
    private final List<CommitListener> listeners = new CopyOnWriteArrayList<>();

    /** Guards all that follows, and the requests. */
    private final ReentrantLock lock = new ReentrantLock();

    private final Condition work = lock.newCondition();
    private final Condition settled = lock.newCondition();
    private final Map<RecordKey, Long> unwritten = new HashMap<>();
    private final Map<RequestId, Long> underWay = new HashMap<>();
    private Position durable;
    private Batch open;
    private long nextSeq;
    private String crc;
    private boolean sealed = true;
    private boolean paused;
    private boolean nudged;
    private volatile boolean closing;
    private Optional<Throwable> failure = Optional.empty();

    /** Everything up to {@code durable} is durable and in {@code contents}. */
    CommitQueue(Path directory, Limits limits, Contents contents, Position durable) {
        this.directory = directory;
        this.limits = limits;
        this.contents = contents;
        this.durable = durable;
        this.open = new Batch(durable.size());
        this.nextSeq = durable.seq() + 1;
        this.crc = durable.crc();
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
        return locked(() -> {
            while (true) {
                requireOpen();
                if (failure.isPresent()) {
                    return failed();
                }
                Optional<Requests.Done> done = contents.requests().find(commit.requestId());
                if (done.isPresent()) {
                    return done.get().digest().equals(digest)
                            ? new CommitResult.Applied(done.get().seq())
                            : new CommitResult.Rejected(
                                    CommitResult.Reason.REQUEST_ID_REUSED,
                                    "request id " + commit.requestId() + " was used for another commit");
                }
                Map<RecordKey, Long> conflicts = commit.conflicts(this::newest);
                boolean wait = underWay.containsKey(commit.requestId())
                        || conflicts.keySet().stream().anyMatch(unwritten::containsKey)
                        || open.size() > limits.batch()
                        || paused;
                if (!wait) {
                    return conflicts.isEmpty() ? append(commit, content, digest) : new CommitResult.Conflict(conflicts);
                }
                settled.awaitUninterruptibly();
            }
        });
    }

    /** The newest version of a record, durable or not. */
    private long newest(RecordKey key) {
        Long waiting = unwritten.get(key);
        return waiting == null ? contents.state().version(key) : waiting;
    }

    private CommitResult append(Commit commit, String content, String digest) {
        Batch batch = open;
        long seq = nextSeq;
        batch.expect(seq, commit, digest);
        put(LineWriter.commit(commit, content));
        underWay.put(commit.requestId(), seq);
        for (Mutation mutation : commit.mutations()) {
            unwritten.put(
                    mutation.key(),
                    mutation instanceof Mutation.Put put ? put.next().version() : 0L);
        }
        while (batch.fate() == Batch.Fate.PENDING) {
            settled.awaitUninterruptibly();
        }
        return switch (batch.fate()) {
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
    private void put(String body) {
        LineWriter.Written line = LineWriter.line(nextSeq, crc, open.start(), body);
        open.add(line);
        crc = line.crc();
        nextSeq++;
        work.signal();
    }

    void heartbeats(Collection<Heartbeat> batch) {
        locked(() -> {
            requireHealthy();
            List<Heartbeat> known = batch.stream()
                    .filter(heartbeat -> contents.state().version(heartbeat.agent()) > 0)
                    .toList();
            while (paused && failure.isEmpty() && !closing) {
                settled.awaitUninterruptibly();
            }
            requireHealthy();
            contents.state().heartbeats(known);
            for (int from = 0; from < known.size(); from += MAX_BEATS) {
                put(LineWriter.beats(known.subList(from, Math.min(from + MAX_BEATS, known.size()))));
            }
            return null;
        });
    }

    /** Writes down what is erased; when it returns, that is durable, and nobody sees any more what it was. */
    void erase(List<Line.Erase> lines) {
        locked(() -> {
            requireHealthy();
            while ((paused || open.size() > limits.batch()) && failure.isEmpty() && !closing) {
                settled.awaitUninterruptibly();
            }
            requireHealthy();
            Batch batch = open;
            for (Line.Erase line : lines) {
                batch.expect(nextSeq, line);
                put(LineWriter.erase(line));
            }
            while (batch.fate() == Batch.Fate.PENDING) {
                settled.awaitUninterruptibly();
            }
            switch (batch.fate()) {
                case DURABLE -> {}
                case FULL ->
                    throw new StoreFullException(directory + " has no room; nothing was erased, make room and repeat");
                case NOT_WRITTEN -> requireHealthy();
                case UNKNOWN, PENDING ->
                    throw new StoreFailedException(
                            StoreFailedException.Outcome.UNKNOWN,
                            Optional.empty(),
                            directory + " failed while writing; open it again and erase again",
                            failure.orElse(null));
            }
            return null;
        });
    }

    Optional<CommitResult> findCommit(RequestId id) {
        return locked(() -> {
            requireOpen();
            while (underWay.containsKey(id) && failure.isEmpty()) {
                settled.awaitUninterruptibly();
            }
            return contents.requests().find(id).map(done -> new CommitResult.Applied(done.seq()));
        });
    }

    Subscription subscribe(CommitListener listener) {
        return locked(() -> {
            requireOpen();
            listeners.add(listener);
            return () -> listeners.remove(listener);
        });
    }

    void requireOpen() {
        if (closing) {
            throw new StoreException(directory + " is closed; open it again", null);
        }
    }

    /** Throws if nothing can be written any more. */
    void requireHealthy() {
        locked(() -> {
            requireOpen();
            if (failure.isPresent()) {
                throw new StoreFailedException(
                        StoreFailedException.Outcome.NOT_STORED,
                        Optional.empty(),
                        directory + " failed; open it again",
                        failure.get());
            }
            return null;
        });
    }

    /** Up to where all is durable and visible. */
    Position durable() {
        return locked(() -> durable);
    }

    /** What readers see now. */
    Picture picture() {
        return locked(() -> contents.picture(durable.seq(), durable.crc()));
    }

    /** False if it was closed before. */
    boolean close() {
        return locked(() -> {
            boolean first = !closing;
            closing = true;
            work.signal();
            settled.signalAll();
            return first;
        });
    }

    boolean hasFailed() {
        return locked(failure::isPresent);
    }

    /** Lets the writer look up from its waiting. */
    void nudge() {
        locked(() -> {
            nudged = true;
            work.signal();
            return null;
        });
    }

    // ---- the writer

    /** The next batch, which is empty after a nudge; nothing once the store is closed and all is taken, or it failed. */
    Optional<Batch> take() {
        return locked(() -> {
            while (open.isEmpty() && !closing && !nudged && failure.isEmpty()) {
                if (sealed) {
                    work.awaitUninterruptibly();
                } else if (!await(limits.sealAfterMillis())) {
                    put(LineWriter.seal());
                }
            }
            if (failure.isPresent() || open.isEmpty() && !nudged) {
                return Optional.empty();
            }
            nudged = false;
            return Optional.of(next());
        });
    }

    /** False if nothing came in time. */
    private boolean await(long millis) {
        try {
            return work.await(millis, TimeUnit.MILLISECONDS) || !open.isEmpty() || closing;
        } catch (InterruptedException e) {
            return true; // nobody interrupts this thread; if someone does, it goes on
        }
    }

    private Batch next() {
        Batch batch = open;
        open = new Batch(batch.end());
        return batch;
    }

    /** From here on callers wait. Returns what came before. */
    Batch pause() {
        return locked(() -> {
            paused = true;
            return next();
        });
    }

    /** Callers go on behind {@code position}, up to which all is durable. */
    void resume(Position position) {
        locked(() -> {
            paused = false;
            durable = position;
            restart();
            settled.signalAll();
            return null;
        });
    }

    private void restart() {
        open = new Batch(durable.size());
        nextSeq = durable.seq() + 1;
        crc = durable.crc();
    }

    /** The last line of a store that is closed in order, in a batch of its own: so it says that all else is durable. */
    Batch last() {
        return locked(() -> {
            put(LineWriter.close());
            return next();
        });
    }

    /** The batch is durable, up to {@code position}: now it is shown, and its callers are told. */
    void durable(Batch batch, JournalShelf shelf, Position position) {
        locked(() -> {
            durable = position;
            batch.commits().forEach(pending -> publish(pending, shelf));
            batch.erasures().forEach(line -> contents.log().erase(line.seq(), line.erase()));
            sealed = batch.commits().isEmpty() && batch.erasures().isEmpty();
            batch.fate(Batch.Fate.DURABLE);
            settled.signalAll();
            return null;
        });
    }

    private void publish(Batch.Pending pending, JournalShelf shelf) {
        Commit commit = pending.commit();
        contents.apply(commit.mutations(), commit.at());
        shelf.add(pending.seq(), commit.events(), !commit.disclosures().isEmpty(), pending.offset());
        contents.requests().add(commit.requestId(), new Requests.Done(pending.seq(), pending.digest()));
        for (Mutation mutation : commit.mutations()) {
            unwritten.remove(mutation.key(), contents.state().version(mutation.key()));
        }
        underWay.remove(commit.requestId());
        for (CommitListener listener : listeners) {
            try {
                listener.committed(pending.seq(), commit);
            } catch (RuntimeException e) {
                LOG.error("a commit listener failed at commit {}", pending.seq(), e);
            }
        }
    }

    /** The disk is full: nothing of the batch is stored, nor of what waits behind it. */
    void full(Batch batch) {
        locked(() -> {
            batch.fate(Batch.Fate.FULL);
            open.fate(Batch.Fate.FULL);
            sealed = true; // else an idle writer would try to say so again and again, and there is no room for it
            restart();
            unwritten.clear();
            underWay.clear();
            settled.signalAll();
            return null;
        });
    }

    /** From here on nothing is written any more. {@code fate} is what became of the batch that was under way. */
    void fail(Throwable cause, Optional<Batch> underWayBatch, Batch.Fate fate) {
        LOG.error("{} failed; it must be opened again, and nothing is written until then", directory, cause);
        locked(() -> {
            failure = Optional.of(cause);
            underWayBatch.filter(batch -> batch.fate() == Batch.Fate.PENDING).ifPresent(batch -> batch.fate(fate));
            open.fate(Batch.Fate.NOT_WRITTEN);
            settled.signalAll();
            work.signal();
            return null;
        });
    }

    private <T> T locked(Supplier<T> body) {
        lock.lock();
        try {
            return body.get();
        } finally {
            lock.unlock();
        }
    }
}
