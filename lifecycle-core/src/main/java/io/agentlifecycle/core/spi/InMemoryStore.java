package io.agentlifecycle.core.spi;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Disclosure;
import io.agentlifecycle.core.store.Durability;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.MemoryState;
import io.agentlifecycle.core.store.OpenReport;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoreDescriptor;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps every record and event on the heap, for tests and for hosts that need no more. */
final class InMemoryStore implements LifecycleStore {
    private static final Logger LOG = LoggerFactory.getLogger(InMemoryStore.class);
    private static final int MAX_RECORDS = 1_000;

    /** What became of a commit, and what it was: only a digest of that once something was erased or pruned. */
    private record Done(CommitResult.Applied result, Optional<Commit> commit, String digest) {
        static Done of(CommitResult.Applied result, Commit commit) {
            return new Done(result, Optional.of(commit), "");
        }

        boolean isOf(Commit other) {
            return commit.map(other::equals).orElseGet(() -> digest.equals(digestOf(other)));
        }

        Done forgetting() {
            return commit.map(said -> new Done(result, Optional.empty(), digestOf(said)))
                    .orElse(this);
        }

        private static String digestOf(Commit commit) {
            var said = new StringBuilder();
            text(commit.at().toString(), said);
            text(commit.checks().toString(), said);
            text(commit.mutations().toString(), said);
            text(commit.events().toString(), said);
            for (Disclosure disclosure : commit.disclosures()) {
                text(disclosure.toString(), said);
                text(disclosure.content(), said);
            }
            return Digests.sha256(said.toString());
        }

        /** With its length, so that no two lists of texts come to the same. */
        private static void text(String text, StringBuilder out) {
            out.append(text.length()).append(' ').append(text).append('\n');
        }
    }

    private final String storeId = UUID.randomUUID().toString();
    private final MemoryState state = new MemoryState();
    private final List<CommitListener> listeners = new CopyOnWriteArrayList<>();

    /** Guards all that follows. Holding it while listeners are told is what orders them. */
    private final ReentrantLock lock = new ReentrantLock();

    private final List<List<StoredEvent>> eventsBySeq = new ArrayList<>();
    private final Map<String, List<StoredEvent>> streams = new HashMap<>();
    private final Map<String, TreeMap<Long, List<Disclosure>>> disclosed = new HashMap<>();
    private final Map<RequestId, Done> done = new HashMap<>();
    private Optional<Instant> highWater = Optional.empty();
    private boolean closed;

    @Override
    public StoreDescriptor describe() {
        return locked(() -> new StoreDescriptor(storeId, 1, Durability.NONE, MAX_RECORDS, highWater, OpenReport.CLEAN));
    }

    @Override
    public Optional<StoredRecord> get(RecordKey key) {
        return locked(() -> state.get(key));
    }

    @Override
    public Page<StoredRecord> query(RecordQuery query, Optional<PageToken> after, int limit) {
        return locked(() -> state.query(query, after, limit));
    }

    @Override
    public CommitResult commit(Commit commit) {
        requireNonNull(commit, "commit");
        return locked(() -> {
            Done before = done.get(commit.requestId());
            if (before != null) {
                return before.isOf(commit)
                        ? before.result()
                        : new CommitResult.Rejected(
                                CommitResult.Reason.REQUEST_ID_REUSED,
                                "request id " + commit.requestId() + " was used for another commit");
            }
            if (commit.mutations().size() > MAX_RECORDS) {
                return new CommitResult.Rejected(
                        CommitResult.Reason.TOO_LARGE, "a commit may change at most " + MAX_RECORDS + " records");
            }
            Map<RecordKey, Long> conflicts = commit.conflicts(state::version);
            if (!conflicts.isEmpty()) {
                return new CommitResult.Conflict(conflicts);
            }
            return apply(commit);
        });
    }

    private CommitResult apply(Commit commit) {
        state.apply(commit.mutations());
        eventsBySeq.add(commit.events());
        commit.events()
                .forEach(event -> streams.computeIfAbsent(event.stream(), s -> new ArrayList<>())
                        .add(event));
        commit.disclosures()
                .forEach(disclosure -> disclosed
                        .computeIfAbsent(disclosure.stream(), s -> new TreeMap<>())
                        .computeIfAbsent(disclosure.n(), n -> new ArrayList<>())
                        .add(disclosure));
        if (highWater.isEmpty() || commit.at().isAfter(highWater.get())) {
            highWater = Optional.of(commit.at());
        }
        var applied = new CommitResult.Applied(eventsBySeq.size());
        done.put(commit.requestId(), Done.of(applied, commit));
        for (CommitListener listener : listeners) {
            try {
                listener.committed(applied.seq(), commit);
            } catch (RuntimeException e) {
                LOG.error("a commit listener failed at commit {}", applied.seq(), e);
            }
        }
        return applied;
    }

    @Override
    public Optional<CommitResult> findCommit(RequestId id) {
        return locked(() -> Optional.ofNullable(done.get(id)).map(Done::result));
    }

    @Override
    public void heartbeats(Collection<Heartbeat> batch) {
        locked(() -> state.heartbeats(batch));
    }

    @Override
    public Optional<Liveness> liveness(RecordKey agent) {
        return locked(() -> state.liveness(agent));
    }

    @Override
    public List<RecordKey> due(Instant now, int limit) {
        return locked(() -> state.due(now, limit));
    }

    @Override
    public void rearm(RecordKey key, long version, Optional<Instant> next) {
        locked(() -> {
            state.rearm(key, version, next);
            return key;
        });
    }

    @Override
    public EventPage events(long after, int limit) {
        return locked(() -> {
            List<StoredEvent> found = new ArrayList<>();
            long cursor = Math.max(after, 0);
            while (cursor < eventsBySeq.size() && found.size() < limit) {
                found.addAll(eventsBySeq.get((int) cursor));
                cursor++;
            }
            return new EventPage(found, cursor);
        });
    }

    @Override
    public List<StoredEvent> trail(String stream, long from, int limit) {
        return locked(() -> {
            List<StoredEvent> all = streams.getOrDefault(stream, List.of());
            int begin = (int) Math.min(Math.max(from, 0), all.size());
            return List.copyOf(all.subList(begin, (int) Math.min((long) begin + limit, all.size())));
        });
    }

    @Override
    public List<Disclosure> disclosures(String stream, long from, int limit) {
        return locked(() -> {
            long begin = Math.max(from, 0);
            return disclosed
                    .getOrDefault(stream, new TreeMap<>())
                    .subMap(begin, Math.max(begin, begin + limit))
                    .values()
                    .stream()
                    .flatMap(List::stream)
                    .toList();
        });
    }

    @Override
    public void erase(String stream, Collection<Long> positions) {
        Set<Long> erased = Set.copyOf(positions);
        locked(() -> {
            done.replaceAll((id, each) -> each.forgetting());
            return disclosed
                    .getOrDefault(requireNonNull(stream, "stream"), new TreeMap<>())
                    .keySet()
                    .removeAll(erased);
        });
    }

    @Override
    public void prune(Map<String, Long> before) {
        Map<String, Long> firstKept = Map.copyOf(before);
        UnaryOperator<StoredEvent> rest =
                event -> event.n() < firstKept.getOrDefault(event.stream(), 0L) ? event.pruned() : event;
        locked(() -> {
            done.replaceAll((id, each) -> each.forgetting());
            eventsBySeq.replaceAll(events -> events.stream().map(rest).toList());
            firstKept.forEach((stream, first) -> {
                streams.getOrDefault(stream, new ArrayList<>()).replaceAll(rest);
                disclosed.getOrDefault(stream, new TreeMap<>()).headMap(first).clear();
            });
            return firstKept;
        });
    }

    @Override
    public Subscription subscribe(CommitListener listener) {
        return locked(() -> {
            listeners.add(requireNonNull(listener, "listener"));
            return () -> listeners.remove(listener);
        });
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
        } finally {
            lock.unlock();
        }
    }

    private <T> T locked(Supplier<T> body) {
        lock.lock();
        try {
            if (closed) {
                throw new StoreException("the store is closed; open another one", null);
            }
            return body.get();
        } finally {
            lock.unlock();
        }
    }
}
