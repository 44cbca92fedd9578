package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.Mutation;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.FutureTask;
import java.util.function.Consumer;

/** A run that is recorded, with what it committed. */
final class CrashRun {
    /**
     * A copy of the store.
     *
     * @param begun when it was begun, as a number of changes
     * @param done when it was complete
     * @param promised the last commit that may not be lacking
     */
    record Backup(Path directory, int begun, int done, long promised) {}

    private final Random random;
    private final MemoryIo start;
    private final Limits limits;
    private final DisturbedIo io;
    private final Recording recording;
    private final Map<Long, Commit> committed = new ConcurrentHashMap<>();
    private final List<Commit> begun = new ArrayList<>();
    private final List<Backup> backups = new ArrayList<>();

    CrashRun(MemoryIo disk, Limits limits, long seed) {
        this.random = new Random(seed);
        this.limits = limits;
        this.start = disk.kill();
        this.io = new DisturbedIo(disk);
        this.recording = disk.record();
    }

    JsonStore open() {
        JsonStore store = JsonStore.open(Sample.DIRECTORY, io, limits);
        store.subscribe((seq, commit) -> {
            committed.put(seq, commit);
            recording.promise(seq); // readers see it, so it may not go away again
        });
        return store;
    }

    /** One of a few agents gets its next version, some are removed; each commit leaves something behind. */
    Commit next(LifecycleStore store) {
        int number = begun.size();
        String id = "agent:" + random.nextInt(12);
        long version = store.get(Sample.key(id)).map(record -> record.version()).orElse(0L);
        List<Mutation> mutations = version > 3 && random.nextInt(6) == 0
                ? List.of(new Mutation.Purge(Sample.key(id)))
                : List.of(new Mutation.Put(Sample.record(
                        Sample.key(id), version + 1, "{\"pad\":\"" + "x".repeat(random.nextInt(300)) + "\"}")));
        Commit commit = Sample.commit("r-" + number, mutations, List.of(Sample.event("stream:" + number % 5, number)));
        begun.add(commit);
        return commit;
    }

    void commit(JsonStore store, int count) {
        for (int i = 0; i < count; i++) {
            recording.promise(Sample.applied(store, next(store)));
            if (random.nextInt(8) == 0) {
                store.heartbeats(List.of(Sample.beat("agent:" + random.nextInt(12), begun.size())));
            }
        }
    }

    /** Several commits in one batch: they come while the one before is being forced. */
    void burst(JsonStore store, int count) throws Exception {
        var crowd = new Crowd();
        List<FutureTask<Long>> results = new ArrayList<>();
        try (DisturbedIo.Gate gate = io.gateOfBatch()) {
            for (int i = 0; i < count; i++) {
                int number = begun.size();
                String id = "burst:" + number;
                Commit commit = Sample.commit(
                        "r-" + number,
                        List.of(new Mutation.Put(Sample.record(id, 1))),
                        List.of(Sample.event("burst", number)));
                begun.add(commit);
                results.add(crowd.start(() -> {
                    long seq = Sample.applied(store, commit);
                    recording.promise(seq);
                    return seq;
                }));
                if (i == 0) {
                    gate.awaitArrival();
                }
            }
            crowd.awaitStandstill();
        }
        for (FutureTask<Long> result : results) {
            Crowd.get(result);
        }
    }

    /** Copies the store; from then on the copy has all that was promised before, and may not be lost either. */
    void backup(JsonStore store) {
        Path target = Sample.DIRECTORY.resolveSibling("backup-" + backups.size());
        long promised = recording.promised(recording.size());
        int begun = recording.size();
        store.backup(target);
        backups.add(new Backup(target, begun, recording.size(), promised));
    }

    Recording recording() {
        return recording;
    }

    int commits() {
        return committed.size();
    }

    Aftermath aftermath() {
        return aftermath(store -> {});
    }

    /** {@code invariants} are looked at in each store that is opened after a cut. */
    Aftermath aftermath(Consumer<JsonStore> invariants) {
        try (JsonStore model = Sample.open(start.kill())) {
            return new Aftermath(new History(model, committed), Sample.QUIET, backups, invariants);
        }
    }
}
