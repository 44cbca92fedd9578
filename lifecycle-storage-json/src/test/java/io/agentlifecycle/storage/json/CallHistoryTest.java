package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.error.CorruptStoreException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoredRecord;
import io.agentlifecycle.core.testing.ForwardingStore;
import io.agentlifecycle.storage.json.CallHistory.Applied;
import io.agentlifecycle.storage.json.CallHistory.Call;
import io.agentlifecycle.storage.json.CallHistory.Outcome;
import io.agentlifecycle.storage.json.CallHistory.Refused;
import io.agentlifecycle.storage.json.CallHistory.Saw;
import io.agentlifecycle.storage.json.CallHistory.Unknown;
import io.agentlifecycle.storage.json.CallHistory.Value;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Threads read and write records while the power is cut, the process killed or the disk fails; what they saw before and
 * after must have come about one by one. Two defects show that the search would find them.
 */
class CallHistoryTest {
    private static final int THREADS = 4;
    private static final int RECORDS = 3;
    private static final int CALLS = 14;
    private static final int LIVES = 3;

    /** How a life of a store ends. */
    private enum End {
        POWER_CUT,
        KILLED,
        FORCE_FAILS_AND_POWER_CUT,
        FORCE_FAILS_AND_KILLED,
        CLOSED
    }

    // ---- the search itself

    private static Call write(long began, long ended, long replaces, String writer, Outcome outcome) {
        return new Call(began, ended, replaces, writer, outcome);
    }

    private static Call read(long began, long ended, long version, String writer) {
        return new Call(began, ended, 0, "", new Saw(new Value(version, writer)));
    }

    @Test
    void calls_one_after_the_other_that_fit_are_linearizable() {
        assertThat(CallHistory.isLinearizable(List.of(
                        read(0, 1, 0, ""),
                        write(2, 3, 0, "a", new Applied()),
                        read(4, 5, 1, "a"),
                        write(6, 7, 0, "b", new Refused(1)),
                        write(8, 9, 1, "b", new Applied()),
                        read(10, 11, 2, "b"))))
                .isTrue();
    }

    @Test
    void a_read_at_the_same_time_as_a_write_may_see_it_or_not() {
        Call write = write(0, 9, 0, "a", new Applied());
        assertThat(CallHistory.isLinearizable(List.of(write, read(1, 2, 0, ""), read(3, 4, 1, "a"))))
                .isTrue();
        assertThat(CallHistory.isLinearizable(List.of(write, read(1, 2, 1, "a"), read(3, 4, 0, ""))))
                .as("and then not any more")
                .isFalse();
    }

    @Test
    void what_cannot_be_is_found() {
        Call first = write(0, 1, 0, "a", new Applied());
        assertThat(CallHistory.isLinearizable(List.of(first, read(2, 3, 0, ""))))
                .as("a stale read")
                .isFalse();
        assertThat(CallHistory.isLinearizable(List.of(first, write(2, 3, 0, "b", new Applied()))))
                .as("two writers of one version")
                .isFalse();
        assertThat(CallHistory.isLinearizable(List.of(first, read(2, 3, 1, "b"))))
                .as("a value that nobody wrote")
                .isFalse();
        assertThat(CallHistory.isLinearizable(List.of(first, write(2, 3, 1, "b", new Refused(1)))))
                .as("a refusal without a reason")
                .isFalse();
        assertThat(CallHistory.isLinearizable(List.of(read(0, 1, 1, "a"), write(2, 3, 0, "a", new Applied()))))
                .as("a read of what is still to come")
                .isFalse();
    }

    @Test
    void a_write_that_nobody_answered_may_have_happened_until_its_end_or_never() {
        Call unknown = write(0, 10, 0, "a", new Unknown());
        assertThat(CallHistory.isLinearizable(List.of(unknown, read(20, 21, 0, ""))))
                .isTrue();
        assertThat(CallHistory.isLinearizable(List.of(unknown, read(20, 21, 1, "a"))))
                .isTrue();
        assertThat(CallHistory.isLinearizable(List.of(unknown, read(1, 2, 1, "a"), read(20, 21, 0, ""))))
                .as("it was seen and is gone")
                .isFalse();
        assertThat(CallHistory.isLinearizable(List.of(unknown, read(20, 21, 0, ""), read(22, 23, 1, "a"))))
                .as("it comes after its end")
                .isFalse();
        Call open = write(0, CallHistory.NEVER, 0, "a", new Unknown());
        assertThat(CallHistory.isLinearizable(List.of(open, read(20, 21, 0, ""), read(22, 23, 1, "a"))))
                .as("without an end it may come at any time")
                .isTrue();
    }

    // ---- stores

    /** What one run saw of each record. */
    private static final class Run {
        private final AtomicLong ticks = new AtomicLong();
        private final Map<String, List<Call>> calls = new TreeMap<>();
        private final BiFunction<LifecycleStore, Random, LifecycleStore> around;
        private final UnaryOperator<StorageIo> under;
        private final Random random;

        Run(long seed, BiFunction<LifecycleStore, Random, LifecycleStore> around, UnaryOperator<StorageIo> under) {
            this.random = new Random(seed);
            this.around = around;
            this.under = under;
        }

        boolean isLinearizable() throws Exception {
            var disk = new MemoryIo();
            for (int life = 0; life < LIVES; life++) {
                disk = live(disk, life);
            }
            try (JsonStore store = JsonStore.open(Sample.DIRECTORY, disk, Sample.BUSY)) {
                for (String id : calls.keySet()) {
                    long began = ticks.incrementAndGet();
                    Value found = value(store.get(Sample.key(id)));
                    calls.get(id).add(new Call(began, ticks.incrementAndGet(), 0, "", new Saw(found)));
                }
            }
            return calls.values().stream().allMatch(CallHistory::isLinearizable);
        }

        /** One life of the store; returns the disk that it leaves. */
        private MemoryIo live(MemoryIo disk, int life) throws Exception {
            var io = new DisturbedIo(disk);
            JsonStore opened = JsonStore.open(
                    Sample.DIRECTORY, under.apply(io), random.nextBoolean() ? Sample.QUIET : Sample.BUSY);
            LifecycleStore store = around.apply(opened, new Random(random.nextLong()));
            End end = End.values()[random.nextInt(End.values().length)];
            // the end comes when the threads have done so much; if they wait for ever, getting their results fails
            long stop = ticks.get() + 2 + random.nextInt(THREADS * CALLS * 2);
            var crowd = new Crowd();
            List<FutureTask<List<Made>>> threads = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                String name = life + "-" + i;
                long seed = random.nextLong();
                threads.add(crowd.start(() -> made(store, name, new Random(seed))));
            }
            if (random.nextInt(3) == 0) {
                checkpoint(opened);
            }
            long patience = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
            while (System.nanoTime() < patience
                    && ticks.get() < stop
                    && threads.stream().anyMatch(thread -> !thread.isDone())) {
                Thread.yield();
            }
            if (end == End.FORCE_FAILS_AND_KILLED || end == End.FORCE_FAILS_AND_POWER_CUT) {
                io.fail(op -> op.kind() == DisturbedIo.Kind.FORCE);
                for (FutureTask<List<Made>> thread : threads) {
                    Crowd.get(thread);
                }
            } else if (end == End.CLOSED) {
                opened.close();
            }
            long before = ticks.incrementAndGet();
            MemoryIo left = end == End.POWER_CUT || end == End.FORCE_FAILS_AND_POWER_CUT ? disk.crash() : disk.kill();
            long after = ticks.incrementAndGet();
            List<Made> all = new ArrayList<>();
            for (FutureTask<List<Made>> thread : threads) {
                all.addAll(Crowd.get(thread));
            }
            opened.close();
            try (JsonStore again = JsonStore.open(Sample.DIRECTORY, left, Sample.QUIET)) {
                all.forEach(made -> note(made, before, after, again));
            }
            return left;
        }

        private static void checkpoint(JsonStore store) {
            try {
                store.checkpoint();
            } catch (StoreException e) {
                // the journal has everything
            }
        }

        /** What came back after the end did not come back to anybody; whether it happened, the store knows. */
        private void note(Made made, long before, long after, JsonStore again) {
            Call call = made.call();
            if (call.began() > after) {
                return;
            }
            if (call.ended() > before || call.mayBeLeftOut()) {
                if (call.outcome() instanceof Saw || call.outcome() instanceof Refused) {
                    return;
                }
                if (again.findCommit(new RequestId(call.writer())).isEmpty()) {
                    return;
                }
                call = new Call(call.began(), after, call.replaces(), call.writer(), new Applied());
            }
            calls.computeIfAbsent(made.id(), id -> new ArrayList<>()).add(call);
        }

        private List<Made> made(LifecycleStore store, String name, Random own) {
            List<Made> made = new ArrayList<>();
            Map<String, Value> known = new TreeMap<>();
            for (int i = 0; i < CALLS; i++) {
                String id = "agent:" + own.nextInt(RECORDS);
                Value last = known.getOrDefault(id, Value.NONE);
                boolean reads = own.nextInt(3) == 0;
                String writer = reads ? "" : name + "-" + i;
                long began = ticks.incrementAndGet();
                Outcome outcome;
                try {
                    outcome = reads
                            ? new Saw(value(store.get(Sample.key(id))))
                            : outcome(store.commit(commit(id, last.version(), writer)));
                } catch (StoreException e) {
                    outcome = new Unknown();
                }
                long ended = ticks.incrementAndGet();
                if (!reads || outcome instanceof Saw) {
                    made.add(new Made(id, new Call(began, ended, last.version(), writer, outcome)));
                    known.put(id, seen(last, outcome));
                }
            }
            return made;
        }

        private static Commit commit(String id, long version, String writer) {
            var next = new StoredRecord(Sample.key(id), version + 1, Optional.empty(), "{}", Map.of("writer", writer));
            return new Commit(
                    new RequestId(writer),
                    Sample.NOON,
                    List.of(),
                    List.of(new Mutation.Put(next)),
                    List.of(Sample.event(id, version)));
        }

        private static Outcome outcome(CommitResult result) {
            if (result instanceof CommitResult.Applied) {
                return new Applied();
            }
            return result instanceof CommitResult.Conflict conflict
                    ? new Refused(conflict.current().values().iterator().next())
                    : new Unknown();
        }

        private static Value seen(Value last, Outcome outcome) {
            if (outcome instanceof Saw saw) {
                return saw.value();
            }
            if (outcome instanceof Refused refused) {
                return new Value(refused.current(), "");
            }
            return outcome instanceof Applied ? new Value(last.version() + 1, "") : last;
        }
    }

    private record Made(String id, Call call) {}

    private static Value value(Optional<StoredRecord> found) {
        return found.map(record -> new Value(record.version(), record.index().getOrDefault("writer", "")))
                .orElse(Value.NONE);
    }

    // ---- what is looked for

    private static final UnaryOperator<StorageIo> HONEST = UnaryOperator.identity();

    private static long firstThatIsNot(
            int runs, BiFunction<LifecycleStore, Random, LifecycleStore> around, UnaryOperator<StorageIo> under)
            throws Exception {
        for (long seed = 0; seed < runs; seed++) {
            if (!new Run(seed, around, under).isLinearizable()) {
                return seed;
            }
        }
        return -1;
    }

    @Test
    void what_was_seen_over_crashes_could_have_come_about_one_by_one() throws Exception {
        assertThat(firstThatIsNot(200, (store, random) -> store, HONEST))
                .as("the seed of a history that is not linearizable")
                .isEqualTo(-1);
    }

    @Test
    @Tag("deep")
    void what_was_seen_over_very_many_crashes_could_have_come_about_one_by_one() throws Exception {
        assertThat(firstThatIsNot(5_000, (store, random) -> store, HONEST))
                .as("the seed of a history that is not linearizable")
                .isEqualTo(-1);
    }

    /** Now and then it gives what it gave before. */
    private static final class ReadsFromMemory extends ForwardingStore {
        private final Map<RecordKey, Optional<StoredRecord>> before = new ConcurrentHashMap<>();
        private final Random random;

        ReadsFromMemory(LifecycleStore to, Random random) {
            super(to);
            this.random = random;
        }

        @Override
        public Optional<StoredRecord> get(RecordKey key) {
            Optional<StoredRecord> old = before.get(key);
            if (old != null && random.nextInt(4) == 0) {
                return old;
            }
            Optional<StoredRecord> found = super.get(key);
            before.put(key, found);
            return found;
        }
    }

    @Test
    void a_read_from_memory_is_found() throws Exception {
        assertThat(firstThatIsNot(200, ReadsFromMemory::new, HONEST)).isNotNegative();
    }

    /** A disk that says that it forced, and did not. */
    private static StorageIo liar(StorageIo to) {
        return (StorageIo) Proxy.newProxyInstance(
                StorageIo.class.getClassLoader(), new Class<?>[] {StorageIo.class}, (proxy, method, arguments) -> {
                    try {
                        Object answer = method.invoke(to, arguments);
                        return answer instanceof StorageIo.Output out
                                        && method.getName().equals("create")
                                ? lyingOutput(out)
                                : answer;
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    private static StorageIo.Output lyingOutput(StorageIo.Output to) {
        var forces = new AtomicLong();
        return (StorageIo.Output) Proxy.newProxyInstance(
                StorageIo.class.getClassLoader(),
                new Class<?>[] {StorageIo.Output.class},
                (proxy, method, arguments) -> {
                    if (method.getName().equals("force") && forces.incrementAndGet() % 3 == 0) {
                        return null;
                    }
                    try {
                        return method.invoke(to, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    @Test
    void an_acknowledged_write_that_was_lost_is_found() throws Exception {
        boolean found;
        try {
            found = firstThatIsNot(200, (store, random) -> store, CallHistoryTest::liar) >= 0;
        } catch (CorruptStoreException e) {
            found = true; // what was lost stood between two segments
        }
        assertThat(found).isTrue();
    }
}
