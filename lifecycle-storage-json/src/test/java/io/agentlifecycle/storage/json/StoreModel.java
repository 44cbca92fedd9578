package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Check;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What a store has to be, on plain maps, for one thread. Made without a look at any store, so that both can be wrong only
 * in different ways.
 */
final class StoreModel {
    static final Instant FAR = Instant.parse("9999-12-31T23:59:59Z");

    /** A commit that was applied. */
    record Told(long seq, Commit commit) {}

    final TreeMap<RecordKey, StoredRecord> records = new TreeMap<>();
    final List<Told> told = new ArrayList<>();
    private final Map<RequestId, Told> requests = new LinkedHashMap<>();
    private final Map<String, List<StoredEvent>> trails = new TreeMap<>();
    private final Map<RecordKey, Liveness> liveness = new HashMap<>();
    private final Map<RecordKey, Liveness> durableLiveness = new HashMap<>();
    private final Map<RecordKey, Optional<Instant>> rearmed = new HashMap<>();
    private Optional<Instant> highWater = Optional.empty();

    // ---- changes

    /** What the store must answer; it is empty if the commit must be applied, and then {@link #applied} must follow. */
    Optional<CommitResult> answer(Commit commit) {
        Told before = requests.get(commit.requestId());
        if (before != null && before.commit().equals(commit)) {
            return Optional.of(new CommitResult.Applied(before.seq()));
        }
        if (before != null) {
            return Optional.of(new CommitResult.Rejected(CommitResult.Reason.REQUEST_ID_REUSED, ""));
        }
        Map<RecordKey, Long> conflicts = new HashMap<>();
        for (Check check : commit.checks()) {
            long wanted = check instanceof Check.Version version ? version.version() : 0;
            if (version(check.key()) != wanted) {
                conflicts.put(check.key(), version(check.key()));
            }
        }
        for (Mutation mutation : commit.mutations()) {
            if (mutation instanceof Mutation.Put put
                    && version(put.key()) != put.next().version() - 1) {
                conflicts.put(put.key(), version(put.key()));
            }
        }
        return conflicts.isEmpty() ? Optional.empty() : Optional.of(new CommitResult.Conflict(conflicts));
    }

    void applied(long seq, Commit commit) {
        assertThat(seq).as("the number of a commit").isGreaterThan(lastSeq());
        var done = new Told(seq, commit);
        told.add(done);
        requests.put(commit.requestId(), done);
        for (Mutation mutation : commit.mutations()) {
            rearmed.remove(mutation.key());
            if (mutation instanceof Mutation.Put put) {
                records.put(put.key(), put.next());
            } else {
                records.remove(mutation.key());
                liveness.remove(mutation.key());
            }
        }
        for (StoredEvent event : commit.events()) {
            trails.computeIfAbsent(event.stream(), s -> new ArrayList<>()).add(event);
        }
        if (highWater.isEmpty() || highWater.get().isBefore(commit.at())) {
            highWater = Optional.of(commit.at());
        }
        forced();
    }

    void heartbeats(Collection<Heartbeat> batch) {
        for (Heartbeat beat : batch) {
            if (records.containsKey(beat.agent())) {
                Liveness before = liveness.getOrDefault(beat.agent(), beat.liveness());
                Instant seen = before.lastSeen().isAfter(beat.liveness().lastSeen())
                        ? before.lastSeen()
                        : beat.liveness().lastSeen();
                liveness.put(
                        beat.agent(),
                        new Liveness(
                                seen,
                                Math.max(before.heartbeats(), beat.liveness().heartbeats())));
            }
        }
    }

    void rearm(RecordKey key, long version, Optional<Instant> next) {
        if (version(key) == version && version > 0) {
            rearmed.put(key, next);
        }
    }

    /** Whatever was noted is on the disk now. */
    void forced() {
        durableLiveness.clear();
        durableLiveness.putAll(liveness);
    }

    /** After an opening, a store may have forgotten what was re-armed, and after a crash some heartbeats. */
    void reopened(LifecycleStore store) {
        for (RecordKey key : List.copyOf(rearmed.keySet())) {
            Optional<Instant> first = record(key).dueAt();
            Optional<Instant> second = Optional.ofNullable(rearmed.get(key)).orElseThrow();
            boolean swapped = first.orElse(Instant.MAX).isAfter(second.orElse(Instant.MAX));
            Optional<Instant> earlier = swapped ? second : first;
            boolean isEarlier =
                    earlier.isPresent() && store.due(earlier.get(), 1_000).contains(key);
            if (isEarlier != swapped) {
                rearmed.remove(key);
            }
        }
        for (RecordKey key : List.copyOf(liveness.keySet())) {
            Liveness known = liveness.get(key);
            Optional<Liveness> found = store.liveness(key);
            Liveness least = durableLiveness.get(key);
            if (least != null) {
                assertThat(found.map(least::merge))
                        .as("heartbeats of %s that were forced", key)
                        .isEqualTo(found);
            }
            assertThat(found.map(known::merge).orElse(known))
                    .as("heartbeats of %s that were never sent", key)
                    .isEqualTo(known);
            found.ifPresentOrElse(alive -> liveness.put(key, alive), () -> liveness.remove(key));
        }
        forced();
    }

    // ---- what there is

    long version(RecordKey key) {
        StoredRecord found = records.get(key);
        return found == null ? 0 : found.version();
    }

    int length(String stream) {
        return trails.getOrDefault(stream, List.of()).size();
    }

    long lastSeq() {
        return told.isEmpty() ? 0 : told.get(told.size() - 1).seq();
    }

    private long lastSeqWithEvents() {
        return told.stream()
                .filter(one -> !one.commit().events().isEmpty())
                .mapToLong(Told::seq)
                .max()
                .orElse(0);
    }

    private StoredRecord record(RecordKey key) {
        return Optional.ofNullable(records.get(key)).orElseThrow();
    }

    private Optional<Instant> due(StoredRecord record) {
        return rearmed.getOrDefault(record.key(), record.dueAt());
    }

    private List<RecordKey> due(Instant now) {
        return records.values().stream()
                .filter(record -> due(record).filter(at -> !at.isAfter(now)).isPresent())
                .sorted(Comparator.comparing(
                                (StoredRecord record) -> due(record).orElseThrow())
                        .thenComparing(StoredRecord::key))
                .map(StoredRecord::key)
                .toList();
    }

    private List<StoredRecord> matching(RecordQuery query) {
        return records.values().stream()
                .filter(record -> record.key().kind().equals(query.kind()))
                .filter(record -> query.tenant().isEmpty()
                        || query.tenant().get().equals(record.key().tenant()))
                .filter(record -> query.index().entrySet().stream()
                        .allMatch(
                                term -> term.getValue().contains(record.index().getOrDefault(term.getKey(), "(none)"))))
                .toList();
    }

    // ---- comparison

    /** What is cheap to compare after every step: all of the state, and the log from {@code cursor} on. */
    long compare(LifecycleStore store, Collection<RecordKey> keys, long cursor, int limit) {
        for (RecordKey key : keys) {
            assertThat(store.get(key)).as("get(%s)", key).isEqualTo(Optional.ofNullable(records.get(key)));
            assertThat(store.liveness(key)).as("liveness(%s)", key).isEqualTo(Optional.ofNullable(liveness.get(key)));
        }
        assertThat(store.due(FAR, 1_000)).as("due").isEqualTo(due(FAR));
        assertThat(store.describe().clockHighWater()).as("high water").isEqualTo(highWater);
        return compareLog(store, cursor, limit);
    }

    private long compareLog(LifecycleStore store, long from, int limit) {
        List<StoredEvent> expected = told.stream()
                .filter(one -> one.seq() > from)
                .flatMap(one -> one.commit().events().stream())
                .toList();
        List<StoredEvent> found = new ArrayList<>();
        long cursor = from;
        while (true) {
            EventPage page = store.events(cursor, limit);
            found.addAll(page.events());
            if (page.events().size() < limit) {
                assertThat(found)
                        .as("the log after %d in pages of %d", from, limit)
                        .isEqualTo(expected);
            }
            if (page.cursor() == cursor) {
                assertThat(cursor)
                        .as("where the log ends: commits without events may count or not")
                        .isBetween(Math.max(from, lastSeqWithEvents()), Math.max(from, lastSeq()));
                return cursor;
            }
            assertThat(page.cursor()).as("the cursor after %d", cursor).isGreaterThan(cursor);
            cursor = page.cursor();
        }
    }

    /** Everything there is. */
    void compareAll(LifecycleStore store, Collection<RecordKey> keys, int limit) {
        compare(store, keys, 0, limit);
        for (Map.Entry<String, List<StoredEvent>> trail : trails.entrySet()) {
            for (int from = 0; from <= trail.getValue().size(); from += limit) {
                assertThat(store.trail(trail.getKey(), from, limit))
                        .as("trail(%s, %d, %d)", trail.getKey(), from, limit)
                        .isEqualTo(trail.getValue()
                                .subList(
                                        from,
                                        Math.min(from + limit, trail.getValue().size())));
            }
        }
        for (Told one : told) {
            assertThat(store.findCommit(one.commit().requestId()))
                    .as("findCommit(%s)", one.commit().requestId())
                    .contains(new CommitResult.Applied(one.seq()));
        }
        compareRecords(store, limit);
    }

    /** All records of all kinds, and all of the log. */
    void compareRecords(LifecycleStore store, int limit) {
        for (String kind : List.of(RecordKey.AGENT, RecordKey.STREAM, RecordKey.TOMBSTONE, "nothing")) {
            compareQuery(store, RecordQuery.of(kind), limit);
        }
        compareLog(store, 0, limit);
    }

    void compareQuery(LifecycleStore store, RecordQuery query, int limit) {
        List<StoredRecord> expected = matching(query);
        Optional<PageToken> after = Optional.empty();
        for (int from = 0; ; from += limit) {
            Page<StoredRecord> page = store.query(query, after, limit);
            assertThat(page.items())
                    .as("%s from %d, %d of them", query, from, limit)
                    .isEqualTo(
                            expected.subList(Math.min(from, expected.size()), Math.min(from + limit, expected.size())));
            after = page.next();
            assertThat(after.isPresent())
                    .as("more of %s after %d", query, from + limit)
                    .isEqualTo(from + limit < expected.size());
            if (after.isEmpty()) {
                return;
            }
        }
    }

    void compareDue(LifecycleStore store, Instant now, int limit) {
        List<RecordKey> expected = due(now);
        assertThat(store.due(now, limit))
                .as("due(%s, %d)", now, limit)
                .isEqualTo(expected.subList(0, Math.min(limit, expected.size())));
    }

    void compareTrail(LifecycleStore store, String stream, int from, int limit) {
        List<StoredEvent> expected = trails.getOrDefault(stream, List.of());
        int begin = Math.min(from, expected.size());
        assertThat(store.trail(stream, from, limit))
                .as("trail(%s, %d, %d)", stream, from, limit)
                .isEqualTo(expected.subList(begin, Math.min(begin + limit, expected.size())));
    }
}
