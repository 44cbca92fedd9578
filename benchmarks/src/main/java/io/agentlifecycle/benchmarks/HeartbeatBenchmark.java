package io.agentlifecycle.benchmarks;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.spi.LifecycleStore;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** Heartbeats of agents in random order, and the least that anything with a clock and a map of agents has to do. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class HeartbeatBenchmark {
    /** The ids that callers have in hand: equal to those in the maps, but others, as if each came in a message. */
    @State(Scope.Thread)
    public static class Ids {
        @Param("1000")
        int agents;

        private AgentId[] ids = {};
        private int next;

        @Setup
        public void setUp(Fleets fleets) {
            ids = fleets.ids.stream().map(Ids::another).toArray(AgentId[]::new);
        }

        private static AgentId another(String id) {
            return AgentId.of(String.valueOf(id.toCharArray()));
        }

        AgentId next() {
            next = next + 1 == ids.length ? 0 : next + 1;
            return ids[next];
        }
    }

    /** A manager with its agents, and the bare map. */
    @State(Scope.Benchmark)
    public static class Fleets {
        @Param("1000")
        int agents;

        private LifecycleManager manager = LifecycleManager.builder().build();
        private List<String> ids = List.of();
        private final Map<AgentId, Beat> beats = new ConcurrentHashMap<>();
        private final InstantSource clock = InstantSource.system();

        @Setup
        public void setUp() {
            LifecycleStore store = LifecycleStore.inMemory();
            LifecycleManager.builder().store(store).build().close();
            ids = Fleet.active(InstantSource.system()).withoutEvents().fill(store, agents);
            manager = LifecycleManager.builder().store(store).build();
            Collections.shuffle(ids, new Random(11));
            ids.forEach(id -> beats.put(AgentId.of(String.valueOf(id.toCharArray())), new Beat()));
        }
    }

    /** What an agent last did. */
    static final class Beat {
        volatile long seen;
    }

    /** A read of the clock, a look into the map, and one volatile write. */
    @Benchmark
    public void floor(Fleets fleets, Ids ids) {
        Beat beat = fleets.beats.get(ids.next());
        Instant now = fleets.clock.instant();
        if (beat != null) {
            beat.seen = now.getEpochSecond() * 1_000_000_000L + now.getNano();
        }
    }

    /** The manager's own, whose answer the caller does not keep. */
    @Benchmark
    public void heartbeat(Fleets fleets, Ids ids) {
        fleets.manager.heartbeat(ids.next());
    }
}
