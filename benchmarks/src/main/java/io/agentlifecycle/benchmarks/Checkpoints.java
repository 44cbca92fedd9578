package io.agentlifecycle.benchmarks;

import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoredRecord;
import io.agentlifecycle.storage.json.JsonStore;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;

/** Whether a checkpoint makes commits wait: their times while one is written, against all other times. */
final class Checkpoints implements Subject {
    private static final int CALLERS = 4;
    private static final int RECORDS_EACH = 500;

    /** Big, so that each checkpoint has 32 MB to write. */
    private static final String BODY = "{\"text\":\"" + "x".repeat(16_384) + "\"}";

    private record Span(long from, long to) {
        boolean overlaps(Span other) {
            return from <= other.to && other.from <= to;
        }

        double millis() {
            return (to - from) / 1e6;
        }
    }

    @Override
    public List<Figure> measure(Scale scale, Path scratch) throws Exception {
        Path directory = scratch.resolve("store");
        Queue<Span> commits = new ConcurrentLinkedQueue<>();
        List<Span> checkpoints = new ArrayList<>();
        try (JsonStore store = JsonStore.open(directory)) {
            List<Caller> callers = new ArrayList<>();
            for (int i = 0; i < CALLERS; i++) {
                callers.add(new Caller(store, i));
            }
            Load.all(CALLERS, caller -> callers.get(caller).putAll(new ConcurrentLinkedQueue<>()));
            long end = System.nanoTime() + scale.checkpointTime().toNanos();
            var maker = new Thread(() -> checkpoints(store, end, checkpoints), "checkpoint-maker");
            maker.start();
            Load.all(CALLERS, caller -> {
                int done = 0;
                while (System.nanoTime() < end) {
                    done += callers.get(caller).putOne(commits);
                }
                return done;
            });
            maker.join();
        }
        return figures(commits, checkpoints);
    }

    private static List<Figure> figures(Queue<Span> commits, List<Span> checkpoints) {
        List<Double> during = new ArrayList<>();
        List<Double> without = new ArrayList<>();
        for (Span commit : commits) {
            (checkpoints.stream().anyMatch(commit::overlaps) ? during : without).add(commit.millis());
        }
        if (during.isEmpty() || without.isEmpty()) {
            throw new IllegalStateException("%d commits during %d checkpoints, and %d without: nothing to compare"
                    .formatted(during.size(), checkpoints.size(), without.size()));
        }
        Figures.note(
                "commits of 16 kB, 4 callers: p99 %.2f ms of %d without, p99 %.2f ms of %d during %d checkpoints of %.0f ms",
                p99(without),
                without.size(),
                p99(during),
                during.size(),
                checkpoints.size(),
                checkpoints.stream().mapToDouble(Span::millis).average().orElse(0));
        return List.of(new Figure("checkpoint-p99", p99(without) / p99(during), 1 / 3.0));
    }

    private static double p99(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        return sorted.get((int) (sorted.size() * 0.99));
    }

    /** Makes checkpoints, with pauses as long as they took: by itself the store makes one only after a whole snapshot more. */
    private static void checkpoints(JsonStore store, long end, List<Span> checkpoints) {
        while (System.nanoTime() < end) {
            long from = System.nanoTime();
            store.checkpoint();
            var made = new Span(from, System.nanoTime());
            checkpoints.add(made);
            LockSupport.parkNanos(made.to() - made.from());
        }
    }

    /** Changes its own records in turn. */
    private static final class Caller {
        private final JsonStore store;
        private final Random random;
        private final List<RecordKey> keys = new ArrayList<>();
        private long done;

        Caller(JsonStore store, int seed) {
            this.store = store;
            this.random = new Random(seed);
            for (int i = 0; i < RECORDS_EACH; i++) {
                keys.add(new RecordKey(TenantId.DEFAULT, RecordKey.AGENT, Fleet.randomId(random)));
            }
        }

        int putAll(Queue<Span> times) {
            for (int i = 0; i < RECORDS_EACH; i++) {
                putOne(times);
            }
            return RECORDS_EACH;
        }

        int putOne(Queue<Span> times) {
            RecordKey key = keys.get((int) (done % RECORDS_EACH));
            long version = done / RECORDS_EACH + 1;
            var put = new Mutation.Put(new StoredRecord(key, version, Optional.empty(), BODY, Map.of()));
            var commit = new Commit(Fleet.requestId(random), Instant.EPOCH, List.of(), List.of(put), List.of());
            long from = System.nanoTime();
            Fleet.apply(store, commit);
            times.add(new Span(from, System.nanoTime()));
            done++;
            return 1;
        }
    }
}
