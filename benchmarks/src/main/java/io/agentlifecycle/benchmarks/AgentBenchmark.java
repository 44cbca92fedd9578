package io.agentlifecycle.benchmarks;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Operation;
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

/** What is done for agents in random order again and again, and the least that each has to do with a map and a clock. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class AgentBenchmark {
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

        /** One that stands makes nothing, so that whatever is allocated with it is not the clock's. */
        @Param("false")
        boolean clockStands;

        private LifecycleManager manager = LifecycleManager.builder().build();
        private List<String> ids = List.of();
        private final Map<AgentId, Beat> beats = new ConcurrentHashMap<>();
        private InstantSource clock = InstantSource.system();

        @Setup
        public void setUp() {
            LifecycleStore store = LifecycleStore.inMemory();
            LifecycleManager.builder().store(store).build().close();
            ids = Fleet.active(InstantSource.system()).withoutEvents().fill(store, agents);
            if (clockStands) {
                Instant now = clock.instant().plusSeconds(1);
                clock = () -> now;
            }
            manager = LifecycleManager.builder().store(store).clock(clock).build();
            // filled in another order than it is read in, as the manager is: or the machine would read ahead for the
            // floor alone
            ids.forEach(id -> beats.put(AgentId.of(String.valueOf(id.toCharArray())), new Beat()));
            Collections.shuffle(ids, new Random(11));
        }
    }

    /** What an agent last did, and what is to be known of it. */
    static final class Beat {
        volatile long seen;
        volatile boolean held;
        volatile boolean killed;
        volatile long notAfter = Long.MAX_VALUE;
        volatile boolean active = true;
    }

    /** A read of the clock, a look into the map, and one volatile write. */
    @Benchmark
    public void heartbeatFloor(Fleets fleets, Ids ids) {
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

    /** A read of the clock, a look into the map, and four volatile reads. */
    @Benchmark
    public boolean guardFloor(Fleets fleets, Ids ids) {
        Beat beat = fleets.beats.get(ids.next());
        Instant now = fleets.clock.instant();
        return beat != null && beat.active && !beat.held && !beat.killed && now.getEpochSecond() < beat.notAfter;
    }

    /** The guard's own. */
    @Benchmark
    public boolean guard(Fleets fleets, Ids ids) {
        return fleets.manager.guard().check(ids.next(), Operation.INVOKE).allowed();
    }
}
