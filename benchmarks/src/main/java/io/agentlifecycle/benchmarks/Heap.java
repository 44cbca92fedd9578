package io.agentlifecycle.benchmarks;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.storage.json.JsonStore;
import java.lang.ref.Reference;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;

/** How much memory an agent takes in a manager with the durable store, after both were opened anew. */
final class Heap implements Subject {
    private static final double ACTIVE_BYTES = 1_400;
    private static final double PROVISIONED_BYTES = 800;

    @Override
    public List<Figure> measure(Scale scale, Path scratch) {
        int agents = scale.heapAgents();
        double active = bytes(Fleet.active(InstantSource.system()), agents, scratch.resolve("active"));
        double provisioned = bytes(Fleet.provisioned(InstantSource.system()), agents, scratch.resolve("provisioned"));
        Figures.note(
                "bytes of heap for each of %d agents: active with a credential %.0f, provisioned %.0f",
                agents, active, provisioned);
        return List.of(
                new Figure("heap-active", ACTIVE_BYTES / active, 1),
                new Figure("heap-provisioned", PROVISIONED_BYTES / provisioned, 1));
    }

    /** Opened anew, so that agents share no more with each other than what was read from the disk does. */
    private static double bytes(Fleet fleet, int agents, Path directory) {
        fill(fleet, agents, directory);
        long before = used();
        try (LifecycleManager manager =
                LifecycleManager.builder().storage(directory).build()) {
            long after = used();
            Reference.reachabilityFence(manager);
            return (double) (after - before) / agents;
        }
    }

    private static void fill(Fleet fleet, int agents, Path directory) {
        LifecycleManager.builder().storage(directory).build().close();
        try (JsonStore store = JsonStore.open(directory)) {
            fleet.fill(store, agents);
        }
    }

    private static long used() {
        Runtime runtime = Runtime.getRuntime();
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 3; i++) {
            System.gc();
            least = Math.min(least, runtime.totalMemory() - runtime.freeMemory());
        }
        return least;
    }
}
