package io.agentlifecycle.core.store;

import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;

/**
 * The records of a store in memory with their indexes and due times, for authors of stores. A change of several
 * mutations is seen by readers as a whole. Safe for use by many threads.
 */
public final class MemoryState {
    private record Term(String kind, String name, String value) {}

    private record Due(Instant at, RecordKey key) {}

    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
    private final Map<RecordKey, StoredRecord> records = new HashMap<>();
    private final NavigableSet<RecordKey> keys = new TreeSet<>();
    private final Map<Term, NavigableSet<RecordKey>> terms = new HashMap<>();
    private final Map<RecordKey, Instant> dueAt = new HashMap<>();
    private final NavigableSet<Due> due =
            new TreeSet<>(Comparator.comparing(Due::at).thenComparing(Due::key));
    private final Map<RecordKey, Liveness> liveness = new HashMap<>();

    /** Without records. */
    public MemoryState() {}

    /** The record of that key. */
    public Optional<StoredRecord> get(RecordKey key) {
        return read(() -> Optional.ofNullable(records.get(key)));
    }

    /** The version of that record, 0 if there is none. */
    public long version(RecordKey key) {
        return read(() -> {
            StoredRecord found = records.get(key);
            return found == null ? 0L : found.version();
        });
    }

    /** Applies all mutations at once, unchecked. */
    public void apply(Collection<Mutation> mutations) {
        lock.writeLock().lock();
        try {
            for (Mutation mutation : mutations) {
                StoredRecord before = records.get(mutation.key());
                if (before != null) {
                    remove(before);
                }
                if (mutation instanceof Mutation.Put put) {
                    add(put.next());
                } else {
                    liveness.remove(mutation.key());
                }
            }
        } finally {
            lock.writeLock().unlock();
        }
    }

    /** The records that match, in order of tenant and id, beginning after {@code after}. */
    public Page<StoredRecord> query(RecordQuery query, Optional<PageToken> after, int limit) {
        if (limit < 1) {
            throw new IllegalArgumentException("limit must be at least 1 but was " + limit);
        }
        return read(() -> {
            List<StoredRecord> found = new ArrayList<>();
            Iterator<RecordKey> candidates = candidates(query, after);
            while (candidates.hasNext()) {
                StoredRecord candidate = records.get(candidates.next());
                if (candidate != null && query.matches(candidate)) {
                    if (found.size() == limit) {
                        RecordKey last = found.get(limit - 1).key();
                        return new Page<>(found, Optional.of(new PageToken(last.tenant(), last.id())));
                    }
                    found.add(candidate);
                }
            }
            return new Page<>(found, Optional.empty());
        });
    }

    /** The records that are due at {@code now}, the longest overdue first, at most {@code limit}. */
    public List<RecordKey> due(Instant now, int limit) {
        return read(() -> due.stream()
                .takeWhile(entry -> !entry.at().isAfter(now))
                .limit(limit)
                .map(Due::key)
                .toList());
    }

    /** Moves the due time of a record to {@code next}, unless it no longer has that version. */
    public void rearm(RecordKey key, long version, Optional<Instant> next) {
        lock.writeLock().lock();
        try {
            StoredRecord found = records.get(key);
            if (found != null && found.version() == version) {
                setDue(key, next);
            }
        } finally {
            lock.writeLock().unlock();
        }
    }

    /** Merges heartbeats; those of agents without a record are ignored. Returns how many were ignored. */
    public int heartbeats(Collection<Heartbeat> batch) {
        lock.writeLock().lock();
        try {
            int ignored = 0;
            for (Heartbeat heartbeat : batch) {
                if (records.containsKey(heartbeat.agent())) {
                    liveness.merge(heartbeat.agent(), heartbeat.liveness(), Liveness::merge);
                } else {
                    ignored++;
                }
            }
            return ignored;
        } finally {
            lock.writeLock().unlock();
        }
    }

    /** What is known of an agent's heartbeats. */
    public Optional<Liveness> liveness(RecordKey agent) {
        return read(() -> Optional.ofNullable(liveness.get(agent)));
    }

    /** How many records there are. */
    public int size() {
        return read(records::size);
    }

    /** All records as they are at this moment, in no order. */
    public List<StoredRecord> records() {
        return read(() -> List.copyOf(records.values()));
    }

    /** What is known of all heartbeats at this moment, in no order. */
    public List<Heartbeat> heartbeats() {
        return read(() -> {
            List<Heartbeat> all = new ArrayList<>(liveness.size());
            liveness.forEach((agent, known) -> all.add(new Heartbeat(agent, known)));
            return all;
        });
    }

    private void add(StoredRecord next) {
        records.put(next.key(), next);
        keys.add(next.key());
        next.index()
                .forEach((name, value) -> terms.computeIfAbsent(
                                new Term(next.key().kind(), name, value), t -> new TreeSet<>())
                        .add(next.key()));
        setDue(next.key(), next.dueAt());
    }

    private void remove(StoredRecord before) {
        RecordKey key = before.key();
        records.remove(key);
        keys.remove(key);
        before.index().forEach((name, value) -> {
            var term = new Term(key.kind(), name, value);
            NavigableSet<RecordKey> holders = terms.get(term);
            if (holders != null && holders.remove(key) && holders.isEmpty()) {
                terms.remove(term);
            }
        });
        setDue(key, Optional.empty());
    }

    private void setDue(RecordKey key, Optional<Instant> next) {
        Instant before = dueAt.remove(key);
        if (before != null) {
            due.remove(new Due(before, key));
        }
        next.ifPresent(at -> {
            dueAt.put(key, at);
            due.add(new Due(at, key));
        });
    }

    /** Keys in order, from the shortest index that applies, or from all keys of the kind. */
    private Iterator<RecordKey> candidates(RecordQuery query, Optional<PageToken> after) {
        List<NavigableSet<RecordKey>> best = null;
        long bestSize = Long.MAX_VALUE;
        for (Map.Entry<String, Set<String>> condition : query.index().entrySet()) {
            List<NavigableSet<RecordKey>> sets = condition.getValue().stream()
                    .map(value ->
                            terms.getOrDefault(new Term(query.kind(), condition.getKey(), value), new TreeSet<>()))
                    .toList();
            long size = sets.stream().mapToLong(NavigableSet::size).sum();
            if (size < bestSize) {
                best = sets;
                bestSize = size;
            }
        }
        List<Iterator<RecordKey>> ranges = new ArrayList<>();
        for (NavigableSet<RecordKey> set : best == null ? List.of(keys) : best) {
            ranges.add(range(set, query, after));
        }
        return ranges.size() == 1 ? ranges.get(0) : merged(ranges);
    }

    private static Iterator<RecordKey> range(
            NavigableSet<RecordKey> set, RecordQuery query, Optional<PageToken> after) {
        // no character of a tenant or an id sorts before a blank, so this stands before all keys of the kind
        RecordKey first = after.map(token -> new RecordKey(token.tenant(), query.kind(), token.id()))
                .or(() -> query.tenant().map(tenant -> new RecordKey(tenant, query.kind(), "!")))
                .orElse(new RecordKey(TenantId.of("-"), query.kind(), "!"));
        Iterator<RecordKey> all = set.tailSet(first, after.isEmpty()).iterator();
        return new Iterator<>() {
            private Optional<RecordKey> next = step();

            private Optional<RecordKey> step() {
                if (all.hasNext()) {
                    RecordKey key = all.next();
                    boolean inside = key.kind().equals(query.kind())
                            && (query.tenant().isEmpty()
                                    || key.tenant().equals(query.tenant().get()));
                    return inside ? Optional.of(key) : Optional.empty();
                }
                return Optional.empty();
            }

            @Override
            public boolean hasNext() {
                return next.isPresent();
            }

            @Override
            public RecordKey next() {
                RecordKey key = next.orElseThrow();
                next = step();
                return key;
            }
        };
    }

    /** Several ordered iterators as one; a record is in one of them only, since it has one value under each name. */
    private static Iterator<RecordKey> merged(List<Iterator<RecordKey>> ranges) {
        record Head(RecordKey key, Iterator<RecordKey> rest) {}
        PriorityQueue<Head> heads = new PriorityQueue<>(Comparator.comparing(Head::key));
        for (Iterator<RecordKey> range : ranges) {
            if (range.hasNext()) {
                heads.add(new Head(range.next(), range));
            }
        }
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return !heads.isEmpty();
            }

            @Override
            public RecordKey next() {
                Head head = heads.remove();
                if (head.rest().hasNext()) {
                    heads.add(new Head(head.rest().next(), head.rest()));
                }
                return head.key();
            }
        };
    }

    private <T> T read(Supplier<T> body) {
        lock.readLock().lock();
        try {
            return body.get();
        } finally {
            lock.readLock().unlock();
        }
    }
}
