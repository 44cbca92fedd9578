package io.agentlifecycle.core;

import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.error.StoreBusyException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.error.StoreFailedException;
import io.agentlifecycle.core.error.StoreFullException;
import io.agentlifecycle.core.spi.LifecycleListener;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Check;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Disclosure;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoredEvent;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Stores what belongs together, and tells the listeners. */
final class Committer {
    /** How often a lost race is run again before the caller is told. */
    static final int MAX_ATTEMPTS = 16;

    /** What stops an agent does not lose so soon against those who keep it going. */
    static final int MAX_ATTEMPTS_TO_STOP = 256;

    private static final Logger LOG = LoggerFactory.getLogger(Committer.class);

    private final LifecycleStore store;
    private final Clockwork clock;
    private final List<LifecycleListener> listeners;
    private volatile Optional<String> lastFailure = Optional.empty();
    private final AtomicReference<Optional<LogRecord>> log = new AtomicReference<>(Optional.empty());

    Committer(LifecycleStore store, Clockwork clock, List<LifecycleListener> listeners) {
        this.store = store;
        this.clock = clock;
        this.listeners = List.copyOf(listeners);
    }

    LifecycleStore store() {
        return store;
    }

    Clockwork clock() {
        return clock;
    }

    /** The record of stream {@code log}, as this process last saw it. */
    LogRecord log() {
        return log.get().orElseThrow();
    }

    /** The record of stream {@code log} as it is in the store now. */
    LogRecord readLog() {
        saw(store.get(LogRecord.KEY)
                .map(LogRecord::decode)
                .orElseThrow(() -> new AuditTamperedException(List.of("the record of stream log is gone"))));
        return log();
    }

    /** Notes what the record of stream {@code log} is, unless a later one was seen. */
    void saw(LogRecord seen) {
        log.updateAndGet(before ->
                before.filter(later -> later.version() > seen.version()).or(() -> Optional.of(seen)));
    }

    /** What the store said when it last failed, unless it has worked since. */
    Optional<String> lastFailure() {
        return lastFailure;
    }

    /**
     * Stores what belongs together and tells the listeners. Empty means that a check failed, and nothing was stored. Events
     * of agents are stored only while the keys of the log are what this process takes them for, so that none stands behind
     * the retirement of the key that it names.
     *
     * @param allowed whether the log may be as it is; asked of what the commit then checks
     * @throws StoreException if the store would not take it, or nobody knows whether it did
     */
    Optional<CommitResult.Applied> commit(
            RequestId requestId,
            Instant now,
            List<Check> checks,
            List<Mutation> mutations,
            List<SealedEvent> events,
            Predicate<LogRecord> allowed) {
        LogRecord seen = log();
        if (!allowed.test(seen)
                || !events.stream()
                        .allMatch(event -> seen.keys().allow(event.event().keyId()))) {
            return Optional.empty();
        }
        List<Check> all = new ArrayList<>(checks);
        if (!events.isEmpty()) {
            all.add(new Check.Version(LogRecord.KEY, seen.version()));
        }
        return commit(
                new Commit(
                        requestId,
                        now,
                        all,
                        mutations,
                        events.stream().map(StoredEvent::of).toList(),
                        events.stream().flatMap(Committer::disclosures).toList()),
                events);
    }

    private static Stream<Disclosure> disclosures(SealedEvent event) {
        StreamPosition position = event.event().position();
        return event.disclosures().stream().map(text -> new Disclosure(position.stream(), position.n(), text));
    }

    /**
     * Stores the next event of stream {@code log} and the record that it makes; empty if someone else was faster.
     *
     * @throws StoreException if the store would not take it, or nobody knows whether it did
     */
    Optional<LogRecord> commit(RequestId requestId, Instant now, LogRecord next, SealedEvent event) {
        Optional<CommitResult.Applied> applied = commit(
                new Commit(
                        requestId,
                        now,
                        List.of(),
                        List.of(new Mutation.Put(next.encode())),
                        List.of(StoredEvent.of(event))),
                List.of(event));
        applied.ifPresent(done -> saw(next));
        return applied.map(done -> next);
    }

    private Optional<CommitResult.Applied> commit(Commit commit, List<SealedEvent> events) {
        CommitResult result = store(commit);
        if (result instanceof CommitResult.Conflict conflict) {
            if (conflict.current().containsKey(LogRecord.KEY)) {
                readLog();
            }
            return Optional.empty();
        }
        if (result instanceof CommitResult.Applied applied) {
            clock.reached(commit.at());
            lastFailure = Optional.empty();
            events.forEach(this::tell);
            return Optional.of(applied);
        }
        StoreException failure = failure(commit.requestId(), result);
        // a request id that is taken says that someone else was faster, and the store is well
        boolean raced = result instanceof CommitResult.Rejected rejected
                && rejected.reason() == CommitResult.Reason.REQUEST_ID_REUSED;
        if (!raced) {
            lastFailure = Optional.ofNullable(failure.getMessage());
        }
        throw failure;
    }

    /** One commit; when nobody knows what became of it, it is looked up by its request id. */
    private CommitResult store(Commit commit) {
        CommitResult result;
        try {
            result = store.commit(commit);
        } catch (StoreException e) {
            lastFailure = Optional.ofNullable(e.getMessage());
            throw e;
        }
        if (!(result instanceof CommitResult.Unknown)) {
            return result;
        }
        try {
            return store.findCommit(commit.requestId()).orElse(result);
        } catch (StoreException e) {
            LOG.warn("request {} cannot be looked up", commit.requestId(), e);
            return result;
        }
    }

    private static StoreException failure(RequestId requestId, CommitResult result) {
        if (result instanceof CommitResult.Rejected rejected) {
            return switch (rejected.reason()) {
                case FULL -> new StoreFullException(rejected.message());
                case BUSY -> new StoreBusyException(rejected.message());
                case TOO_LARGE, REQUEST_ID_REUSED -> new StoreException(rejected.message(), null);
                case FAILED ->
                    new StoreFailedException(
                            StoreFailedException.Outcome.NOT_STORED,
                            Optional.of(requestId.value()),
                            rejected.message() + "; nothing was stored; open the store again and repeat the call",
                            null);
            };
        }
        return new StoreFailedException(
                StoreFailedException.Outcome.UNKNOWN,
                Optional.of(requestId.value()),
                "nobody knows whether request %s was stored; open the store again and look it up by that id"
                        .formatted(requestId),
                null);
    }

    private void tell(SealedEvent event) {
        for (LifecycleListener listener : listeners) {
            try {
                listener.onEvent(event);
            } catch (RuntimeException | LinkageError | AssertionError e) {
                LOG.error(
                        "a listener failed at event {} {}",
                        event.event().kind().wire(),
                        event.event().id(),
                        e);
            }
        }
    }
}
