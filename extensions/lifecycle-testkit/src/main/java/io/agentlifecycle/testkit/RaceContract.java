package io.agentlifecycle.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import org.junit.jupiter.api.Test;

/** What of the contract only shows when several threads are at work: C2, C3, C6, C7, C9, C11, C12, C13. */
abstract class RaceContract extends TimeContract {
    private static final int RACERS = 8;
    private static final int ROUNDS = 40;

    private record Attempt(CommitResult result, long versionAfter) {}

    @Test
    void c2_of_many_writers_of_one_version_one_wins_and_the_others_see_what_won() throws Exception {
        LifecycleStore store = fresh();
        try (var race = new Race(RACERS)) {
            for (long round = 1; round <= ROUNDS; round++) {
                long version = round;
                List<Attempt> attempts = race.round(racer -> {
                    CommitResult result =
                            store.commit(draft().put(written(A, version, racer)).build());
                    return new Attempt(result, version(store, A));
                });

                List<Integer> winners = new ArrayList<>();
                for (int racer = 0; racer < RACERS; racer++) {
                    Attempt attempt = attempts.get(racer);
                    assertThat(attempt.versionAfter())
                            .as("the version that racer %d saw after %s", racer, attempt.result())
                            .isEqualTo(version);
                    if (attempt.result() instanceof CommitResult.Applied) {
                        winners.add(racer);
                    } else {
                        assertThat(attempt.result()).isEqualTo(new CommitResult.Conflict(Map.of(A, version)));
                    }
                }
                assertThat(winners).as("winners of round %d", round).hasSize(1);
                assertThat(store.get(A)).contains(written(A, version, winners.get(0)));
            }
        }
    }

    @Test
    void c3_two_commits_that_each_rely_on_the_absence_of_the_other_are_not_both_applied() throws Exception {
        LifecycleStore store = fresh();
        try (var race = new Race(RACERS)) {
            for (int round = 0; round < ROUNDS; round++) {
                RecordKey left = key("left-" + round);
                RecordKey right = key("right-" + round);
                List<CommitResult> results = race.round(racer -> store.commit(
                        racer % 2 == 0
                                ? draft().absent(left).put(right, 1).build()
                                : draft().absent(right).put(left, 1).build()));

                assertThat(results)
                        .as("round %d", round)
                        .filteredOn(CommitResult.Applied.class::isInstance)
                        .hasSize(1);
                assertThat(version(store, left) + version(store, right)).isEqualTo(1);
            }
        }
    }

    @Test
    void c3_counters_lose_no_increment_and_reads_are_never_stale() throws Exception {
        LifecycleStore store = fresh();
        List<RecordKey> counters = List.of(A, B, C);
        var acknowledged = new AtomicLongArray(counters.size());
        var begun = new AtomicLongArray(counters.size());
        try (var race = new Race(RACERS)) {
            race.round(racer -> {
                for (int i = 0; i < ROUNDS; i++) {
                    int counter = (racer + i) % counters.size();
                    begun.incrementAndGet(counter);
                    increment(store, counters.get(counter), acknowledged, begun, counter);
                }
                return racer;
            });
        }

        long total = 0;
        for (int counter = 0; counter < counters.size(); counter++) {
            assertThat(version(store, counters.get(counter))).isEqualTo(begun.get(counter));
            total += begun.get(counter);
        }
        assertThat(total).isEqualTo((long) RACERS * ROUNDS);
    }

    /** Reads and replaces until nobody was faster; every read must lie between what was acknowledged and what was begun. */
    private void increment(
            LifecycleStore store, RecordKey key, AtomicLongArray acknowledged, AtomicLongArray begun, int counter) {
        // a conflict means that another one made progress, and there are only so many of them
        for (int attempt = 0; attempt <= RACERS * ROUNDS; attempt++) {
            long floor = acknowledged.get(counter);
            long seen = version(store, key);
            assertThat(seen)
                    .as("version of %s, read after %d was acknowledged", key, floor)
                    .isGreaterThanOrEqualTo(floor);
            assertThat(seen).as("version of %s", key).isLessThanOrEqualTo(begun.get(counter));
            if (store.commit(draft().put(key, seen + 1).build()) instanceof CommitResult.Applied) {
                acknowledged.accumulateAndGet(counter, seen + 1, Math::max);
                return;
            }
        }
        throw new AssertionError("an increment of " + key + " met a conflict more often than there are increments");
    }

    @Test
    void c3_records_of_one_commit_are_never_seen_apart() throws Exception {
        LifecycleStore store = fresh();
        var ended = new CountDownLatch(1);
        try (var race = new Race(4)) {
            race.round(racer -> {
                if (racer == 0) {
                    try {
                        for (long version = 1; version <= 4L * ROUNDS; version++) {
                            applied(store, draft().put(A, version).put(B, version));
                        }
                    } finally {
                        ended.countDown();
                    }
                    return racer;
                }
                RecordKey first = racer % 2 == 0 ? A : B;
                RecordKey second = racer % 2 == 0 ? B : A;
                while (ended.getCount() > 0) {
                    long before = version(store, first);
                    assertThat(version(store, second))
                            .as("version of %s after %s had version %d", second, first, before)
                            .isGreaterThanOrEqualTo(before);
                }
                return racer;
            });
        }
    }

    @Test
    void c6_a_commit_that_begins_after_another_was_acknowledged_has_a_higher_number() throws Exception {
        LifecycleStore store = fresh();
        var acknowledged = new AtomicLong(Long.MIN_VALUE);
        Set<Long> numbers = ConcurrentHashMap.newKeySet();
        try (var race = new Race(RACERS)) {
            race.round(racer -> {
                for (long version = 1; version <= ROUNDS; version++) {
                    long before = acknowledged.get();
                    long seq = applied(store, draft().put(key("own-" + racer), version));
                    assertThat(seq).isGreaterThan(before);
                    numbers.add(seq);
                    acknowledged.accumulateAndGet(seq, Math::max);
                }
                return racer;
            });
        }

        assertThat(numbers).hasSize(RACERS * ROUNDS);
    }

    @Test
    void c7_one_request_from_many_threads_has_one_effect_and_one_result() throws Exception {
        LifecycleStore store = fresh();
        try (var race = new Race(RACERS)) {
            for (int round = 0; round < ROUNDS; round++) {
                Commit request = draft().put(A, round + 1L).write("a", round).build();

                List<CommitResult> results = race.round(racer -> store.commit(request));

                assertThat(results).hasOnlyElementsOfType(CommitResult.Applied.class);
                assertThat(new HashSet<>(results)).hasSize(1);
            }
        }
        assertThat(witness(store).commits()).hasSize(ROUNDS);
        assertThat(store.trail("a", 0, 2 * ROUNDS)).hasSize(ROUNDS);
    }

    @Test
    void c7_of_many_contents_under_one_request_id_one_is_applied() throws Exception {
        LifecycleStore store = fresh();
        try (var race = new Race(RACERS)) {
            for (int round = 0; round < ROUNDS; round++) {
                String id = "shared-" + round;

                List<CommitResult> results = race.round(racer ->
                        store.commit(new Draft(id).put(key(id + "-" + racer), 1).build()));

                assertThat(results)
                        .filteredOn(CommitResult.Applied.class::isInstance)
                        .hasSize(1);
                assertThat(results)
                        .filteredOn(result -> result instanceof CommitResult.Rejected rejected
                                && rejected.reason() == CommitResult.Reason.REQUEST_ID_REUSED)
                        .hasSize(RACERS - 1);
                assertThat(store.findCommit(new RequestId(id))).isPresent();
            }
        }
    }

    @Test
    void c9_heartbeats_and_commits_do_not_disturb_each_other() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(A, 1));
        try (var race = new Race(RACERS)) {
            race.round(racer -> {
                for (int i = 1; i <= ROUNDS; i++) {
                    if (racer == 0) {
                        applied(store, draft().put(A, i + 1L));
                    } else {
                        var beat = new Liveness(Draft.NOON.plusNanos(i), (long) i * RACERS + racer);
                        store.heartbeats(List.of(new Heartbeat(A, beat)));
                        Liveness seen = store.liveness(A).orElseThrow();
                        assertThat(seen.lastSeen()).isAfterOrEqualTo(beat.lastSeen());
                        assertThat(seen.heartbeats()).isGreaterThanOrEqualTo(beat.heartbeats());
                    }
                }
                return racer;
            });
        }

        assertThat(version(store, A)).isEqualTo(ROUNDS + 1L);
        assertThat(store.liveness(A))
                .contains(new Liveness(Draft.NOON.plusNanos(ROUNDS), (long) ROUNDS * RACERS + RACERS - 1));
    }

    @Test
    void c11_what_matches_all_the_while_is_in_one_page_while_threads_change_others() throws Exception {
        LifecycleStore store = fresh();
        List<RecordKey> staying = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            staying.add(key("k%02d-stays".formatted(i)));
            applied(store, draft().put(owned(staying.get(i), 1, "ann")));
        }
        var readersLeft = new CountDownLatch(2);
        try (var race = new Race(4)) {
            race.round(racer -> {
                if (racer < 2) {
                    for (int i = 0; readersLeft.getCount() > 0 && i < 50 * ROUNDS; i++) {
                        RecordKey guest = key("k%02d-guest-%d".formatted(i % 20, racer));
                        applied(store, draft().put(owned(guest, 1, "ann")));
                        applied(store, draft().put(owned(guest, 2, i % 2 == 0 ? "bob" : "ann")));
                        applied(store, draft().purge(guest));
                    }
                    return racer;
                }
                try {
                    for (int walk = 0; walk < ROUNDS; walk++) {
                        RecordQuery query = racer == 2 ? owned("ann") : RecordQuery.of(RecordKey.AGENT);
                        List<RecordKey> found = keys(Reads.all(store, query, 1 + walk % 5));
                        assertThat(found).isSorted().doesNotHaveDuplicates().containsAll(staying);
                    }
                } finally {
                    readersLeft.countDown();
                }
                return racer;
            });
        }
    }

    @Test
    void c12_a_reader_that_follows_the_log_misses_nothing_and_sees_nothing_twice() throws Exception {
        LifecycleStore store = fresh();
        int writers = 4;
        var writersLeft = new CountDownLatch(writers);
        List<StoredEvent> followed = new ArrayList<>();
        try (var race = new Race(writers + 1)) {
            race.round(racer -> {
                if (racer == writers) {
                    long cursor = 0;
                    while (writersLeft.getCount() > 0) {
                        cursor = Reads.readOn(store, cursor, 3, followed);
                    }
                    Reads.readOn(store, cursor, 3, followed);
                    return racer;
                }
                try {
                    for (long n = 0; n < 2L * ROUNDS; n += 2) {
                        applied(store, draft().write("s" + racer, n).write("s" + racer, n + 1));
                    }
                } finally {
                    writersLeft.countDown();
                }
                return racer;
            });
        }

        assertThat(followed).hasSize(writers * 2 * ROUNDS);
        assertThat(followed).isEqualTo(Reads.log(store, 0, 100));
    }

    @Test
    void c13_subscribers_hear_each_commit_once_in_order_and_before_it_is_acknowledged() throws Exception {
        LifecycleStore store = fresh();
        List<Long> heard = new ArrayList<>();
        Set<Long> known = ConcurrentHashMap.newKeySet();
        // a plain list: that calls follow one another, each after the one before, is a part of the contract
        store.subscribe((seq, commit) -> {
            heard.add(seq);
            known.add(seq);
        });
        Set<Long> acknowledged = ConcurrentHashMap.newKeySet();
        try (var race = new Race(RACERS)) {
            race.round(racer -> {
                for (long version = 1; version <= ROUNDS; version++) {
                    long seq = applied(store, draft().put(key("own-" + racer), version));
                    assertThat(known).as("heard when %d was acknowledged", seq).contains(seq);
                    acknowledged.add(seq);
                }
                return racer;
            });
        }

        assertThat(heard).isSorted().doesNotHaveDuplicates().hasSize(RACERS * ROUNDS);
        assertThat(acknowledged).containsExactlyInAnyOrderElementsOf(heard);
    }

    private static StoredRecord written(RecordKey key, long version, int writer) {
        return new StoredRecord(key, version, Optional.empty(), "{\"writer\":" + writer + "}", Map.of());
    }

    private static long version(LifecycleStore store, RecordKey key) {
        return store.get(key).map(StoredRecord::version).orElse(0L);
    }
}
