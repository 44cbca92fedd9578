package io.agentlifecycle.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Hears of every commit of a store and computes from them what the store must show: its records, its pages, its log and
 * trails, its results. What a test does not look at is looked at here.
 */
final class Witness implements LifecycleStore.CommitListener {
    private record Told(long seq, Commit commit) {}

    private final List<Told> told = new ArrayList<>();
    private final Map<String, Long> pruned = new TreeMap<>();

    /** One who has heard nothing yet. */
    Witness() {}

    /** One who knows what {@code before} has heard: for a store that was opened again. */
    Witness(Witness before) {
        synchronized (before) {
            told.addAll(before.told);
            pruned.putAll(before.pruned);
        }
    }

    @Override
    public synchronized void committed(long seq, Commit commit) {
        told.add(new Told(seq, commit));
    }

    /** Of what was told up to now, this is pruned. */
    synchronized void pruned(Map<String, Long> before) {
        for (Told one : told) {
            for (StoredEvent event : one.commit().events()) {
                if (event.n() < before.getOrDefault(event.stream(), 0L)) {
                    pruned.merge(event.stream(), event.n() + 1, Math::max);
                }
            }
        }
    }

    /** The numbers of the commits, in the order of hearing. */
    synchronized List<Long> numbers() {
        return told.stream().map(Told::seq).toList();
    }

    /** The commits, in the order of hearing. */
    synchronized List<Commit> commits() {
        return told.stream().map(Told::commit).toList();
    }

    /** Looks at all that {@code store} shows. */
    synchronized void check(LifecycleStore store) {
        long before = Long.MIN_VALUE;
        for (Told one : told) {
            assertThat(one.seq())
                    .as("the number of a commit after the one with number %d", before)
                    .isGreaterThan(before);
            before = one.seq();
            assertThat(store.findCommit(one.commit().requestId()))
                    .as("the result of request %s", one.commit().requestId())
                    .contains(new CommitResult.Applied(one.seq()));
        }
        assertThat(store.describe().clockHighWater()).as("clockHighWater").isEqualTo(latest());
        checkRecords(store);
        checkLog(store);
    }

    private Optional<Instant> latest() {
        return told.stream().map(one -> one.commit().at()).max(Instant::compareTo);
    }

    private void checkRecords(LifecycleStore store) {
        Map<RecordKey, Optional<StoredRecord>> records = new TreeMap<>();
        for (Told one : told) {
            for (Mutation mutation : one.commit().mutations()) {
                records.put(
                        mutation.key(),
                        mutation instanceof Mutation.Put put ? Optional.of(put.next()) : Optional.empty());
            }
        }
        Map<String, List<StoredRecord>> kinds = new TreeMap<>();
        records.forEach((key, expected) -> {
            assertThat(store.get(key)).as("get(%s)", key).isEqualTo(expected);
            kinds.computeIfAbsent(key.kind(), kind -> new ArrayList<>())
                    .addAll(expected.stream().toList());
        });
        kinds.forEach((kind, expected) -> assertThat(Reads.all(store, RecordQuery.of(kind), 7))
                .as("all records of kind %s", kind)
                .isEqualTo(expected));
    }

    private void checkLog(LifecycleStore store) {
        List<StoredEvent> log = told.stream()
                .flatMap(one -> one.commit().events().stream())
                .map(event -> event.n() < pruned.getOrDefault(event.stream(), 0L) ? event.pruned() : event)
                .toList();
        assertThat(Reads.log(store, 0, 5)).as("the whole log").isEqualTo(log);
        Map<String, List<StoredEvent>> trails = new TreeMap<>();
        log.forEach(event ->
                trails.computeIfAbsent(event.stream(), s -> new ArrayList<>()).add(event));
        trails.forEach((stream, expected) -> assertThat(Reads.trail(store, stream, 3))
                .as("the trail of stream %s", stream)
                .isEqualTo(expected));
    }
}
