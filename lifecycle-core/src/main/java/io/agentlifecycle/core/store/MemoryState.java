package io.agentlifecycle.core.store;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The records of a store in memory with their indexes and due times, for authors of stores. A change of several
 * mutations is seen by readers as a whole. Safe for use by many threads.
 */
public final class MemoryState {
    private record Term(String kind, String name, String value) {}

    /** A record with what is known beside it. */
    private static final class Held {
        private static final Comparator<Held> LONGEST_OVERDUE =
                Comparator.comparing(Held::due).thenComparing(held -> held.record.key());

        private StoredRecord record;
        private @Nullable Instant due;
        private @Nullable Liveness liveness;

        Held(StoredRecord record) {
            this.record = record;
        }

        Instant due() {
            return requireNonNull(due);
        }
    }

    /** Who has a term: often one alone. */
    private static final class Holders {
        private final Term term;
        private @Nullable RecordKey only;
        private @Nullable Sorted<RecordKey> all;

        Holders(Term term) {
            this.term = term;
        }

        void add(RecordKey key) {
            if (all != null) {
                all.add(key);
            } else if (only == null || only.equals(key)) {
                only = key;
            } else {
                all = new Sorted<>(Comparator.naturalOrder());
                all.add(only);
                all.add(key);
                only = null;
            }
        }

        void remove(RecordKey key) {
            if (all != null) {
                all.remove(key);
            } else if (key.equals(only)) {
                only = null;
            }
        }

        int size() {
            return all != null ? all.size() : only != null ? 1 : 0;
        }

        Iterator<RecordKey> from(RecordKey first, boolean inclusive) {
            if (all != null) {
                return all.from(first, inclusive);
            }
            RecordKey one = only;
            if (one == null || one.compareTo(first) < (inclusive ? 0 : 1)) {
                return Collections.emptyIterator();
            }
            return List.of(one).iterator();
        }
    }

    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
    private final Map<RecordKey, Held> records = new HashMap<>();
    private final Sorted<RecordKey> keys = new Sorted<>(Comparator.naturalOrder());
    private final Map<Term, Holders> terms = new HashMap<>();
    private final Sorted<Held> due = new Sorted<>(Held.LONGEST_OVERDUE);

    /** Without records. */
    public MemoryState() {}

    /** The record of that key. */
    public Optional<StoredRecord> get(RecordKey key) {
        return read(() -> Optional.ofNullable(records.get(key)).map(held -> held.record));
    }

    /** The version of that record, 0 if there is none. */
    public long version(RecordKey key) {
        return read(() -> {
            Held found = records.get(key);
            return found == null ? 0L : found.record.version();
        });
    }

    /** Applies all mutations at once, unchecked. */
    public void apply(Collection<Mutation> mutations) {
        lock.writeLock().lock();
        try {
            for (Mutation mutation : mutations) {
                if (mutation instanceof Mutation.Put put) {
                    put(put.next());
                } else {
                    purge(mutation.key());
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
                Held held = records.get(candidates.next());
                if (held != null && query.matches(held.record)) {
                    StoredRecord candidate = held.record;
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
        return read(() -> {
            List<RecordKey> found = new ArrayList<>();
            Iterator<Held> all = due.all();
            while (found.size() < limit && all.hasNext()) {
                Held next = all.next();
                if (next.due().isAfter(now)) {
                    break;
                }
                found.add(next.record.key());
            }
            return List.copyOf(found);
        });
    }

    /** Moves the due time of a record to {@code next}, unless it no longer has that version. */
    public void rearm(RecordKey key, long version, Optional<Instant> next) {
        lock.writeLock().lock();
        try {
            Held found = records.get(key);
            if (found != null && found.record.version() == version) {
                setDue(found, next);
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
                Held held = records.get(heartbeat.agent());
                if (held == null) {
                    ignored++;
                } else {
                    Liveness before = held.liveness;
                    held.liveness = before == null ? heartbeat.liveness() : before.merge(heartbeat.liveness());
                }
            }
            return ignored;
        } finally {
            lock.writeLock().unlock();
        }
    }

    /** What is known of an agent's heartbeats. */
    public Optional<Liveness> liveness(RecordKey agent) {
        return read(() -> Optional.ofNullable(records.get(agent)).map(held -> held.liveness));
    }

    /** How many records there are. */
    public int size() {
        return read(records::size);
    }

    /** All records as they are at this moment, in no order. */
    public List<StoredRecord> records() {
        return read(() -> records.values().stream().map(held -> held.record).toList());
    }

    /** What is known of all heartbeats at this moment, in no order. */
    public List<Heartbeat> heartbeats() {
        return read(() -> {
            List<Heartbeat> all = new ArrayList<>();
            records.values().forEach(held -> {
                if (held.liveness != null) {
                    all.add(new Heartbeat(held.record.key(), held.liveness));
                }
            });
            return all;
        });
    }

    private void put(StoredRecord next) {
        var fresh = new Held(next);
        Held before = records.putIfAbsent(next.key(), fresh);
        if (before == null) {
            keys.add(next.key());
            fresh.record = index(next.key(), Map.of(), next);
            setDue(fresh, next.dueAt());
        } else {
            RecordKey key = before.record.key();
            unindex(key, before.record.index(), next.index());
            before.record = index(key, before.record.index(), next);
            setDue(before, next.dueAt());
        }
    }

    private void purge(RecordKey key) {
        Held held = records.remove(key);
        if (held != null) {
            keys.remove(key);
            unindex(key, held.record.index(), Map.of());
            setDue(held, Optional.empty());
        }
    }

    /** Makes {@code next} findable, and returns it with the key and the texts that others like it have already. */
    private StoredRecord index(RecordKey key, Map<String, String> before, StoredRecord next) {
        List<String> shared = new ArrayList<>(2 * next.index().size());
        next.index().forEach((name, value) -> {
            Holders holders = terms.computeIfAbsent(new Term(key.kind(), name, value), Holders::new);
            if (!value.equals(before.get(name))) {
                holders.add(key);
            }
            shared.add(holders.term.name());
            shared.add(holders.term.value());
        });
        return new StoredRecord(key, next.version(), next.dueAt(), next.body(), Terms.inOrder(shared));
    }

    /** No longer finds {@code key} by what is not in {@code next}. */
    private void unindex(RecordKey key, Map<String, String> before, Map<String, String> next) {
        before.forEach((name, value) -> {
            if (!value.equals(next.get(name))) {
                var term = new Term(key.kind(), name, value);
                Holders holders = terms.get(term);
                if (holders != null) {
                    holders.remove(key);
                    if (holders.size() == 0) {
                        terms.remove(term);
                    }
                }
            }
        });
    }

    private void setDue(Held held, Optional<Instant> next) {
        if (next.equals(Optional.ofNullable(held.due))) {
            return;
        }
        if (held.due != null) {
            due.remove(held);
        }
        held.due = next.orElse(null);
        if (held.due != null) {
            due.add(held);
        }
    }

    /** Keys in order, from the shortest index that applies, or from all keys of the kind. */
    private Iterator<RecordKey> candidates(RecordQuery query, Optional<PageToken> after) {
        List<Holders> best = null;
        long bestSize = Long.MAX_VALUE;
        for (Map.Entry<String, Set<String>> condition : query.index().entrySet()) {
            List<Holders> holders = condition.getValue().stream()
                    .map(value -> terms.get(new Term(query.kind(), condition.getKey(), value)))
                    .filter(Objects::nonNull)
                    .toList();
            long size = holders.stream().mapToLong(Holders::size).sum();
            if (size < bestSize) {
                best = holders;
                bestSize = size;
            }
        }
        RecordKey first = first(query, after);
        if (best == null) {
            return range(keys.from(first, after.isEmpty()), query);
        }
        return merged(best.stream()
                .map(holders -> range(holders.from(first, after.isEmpty()), query))
                .toList());
    }

    private static RecordKey first(RecordQuery query, Optional<PageToken> after) {
        // no character of a tenant or an id sorts before a blank, so this stands before all keys of the kind
        return after.map(token -> new RecordKey(token.tenant(), query.kind(), token.id()))
                .or(() -> query.tenant().map(tenant -> new RecordKey(tenant, query.kind(), "!")))
                .orElse(new RecordKey(TenantId.of("-"), query.kind(), "!"));
    }

    /** What belongs to the query's kind and tenant, at the beginning of {@code all}. */
    private static Iterator<RecordKey> range(Iterator<RecordKey> all, RecordQuery query) {
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
