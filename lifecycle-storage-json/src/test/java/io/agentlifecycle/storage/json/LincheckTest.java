package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoredRecord;
import io.agentlifecycle.core.testing.ForwardingStore;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jetbrains.lincheck.LincheckAssertionError;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.StressOptions;
import org.jetbrains.lincheck.util.LoggingLevel;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Whatever threads do to a store at the same time, what they see could also have come about one by one. Lincheck makes up
 * what they do. Two stores with a defect show that it would find one.
 *
 * <p>Trying orders instead of waiting for them to come about is only for the store in memory: Lincheck takes long loops,
 * as over the bytes of a line, for threads that hang, and does not see the thread that writes the journal.
 */
@Tag("alone")
class LincheckTest {
    /** What {@link Operations} do, on plain maps and one by one. */
    public static final class Specification {
        private final Map<Integer, Integer> versions = new HashMap<>();
        private final Map<Integer, Integer> beats = new HashMap<>();
        private final Map<Integer, Integer> requests = new HashMap<>();

        public int get(int key) {
            return versions.getOrDefault(key, 0);
        }

        public int trail(int key) {
            return get(key);
        }

        public String put(int key, int version) {
            return put(Set.of(key), version);
        }

        public String putAll(int version) {
            return put(Set.of(1, 2, 3), version);
        }

        public String putOnce(int request, int key) {
            Integer before = requests.get(request);
            if (before != null) {
                return before == key ? "applied" : "rejected";
            }
            String result = put(Set.of(key), 1);
            if (result.equals("applied")) {
                requests.put(request, key);
            }
            return result;
        }

        public boolean find(int request) {
            return requests.containsKey(request);
        }

        public void heartbeat(int key, int count) {
            if (get(key) > 0) {
                beats.merge(key, count, Math::max);
            }
        }

        public int liveness(int key) {
            return beats.getOrDefault(key, 0);
        }

        private String put(Set<Integer> keys, int version) {
            Map<Integer, Integer> conflicts = new HashMap<>();
            for (int key : keys) {
                if (get(key) != version - 1) {
                    conflicts.put(key, get(key));
                }
            }
            if (!conflicts.isEmpty()) {
                return "conflict " + conflicts;
            }
            keys.forEach(key -> versions.put(key, version));
            return "applied";
        }
    }

    /**
     * One small world in a store: its keys and requests are named after it, so that many worlds can share one store. Opening
     * one for each would take most of the time.
     */
    @Param(name = "key", gen = IntGen.class, conf = "1:3")
    @Param(name = "version", gen = IntGen.class, conf = "1:3")
    @Param(name = "request", gen = IntGen.class, conf = "1:2")
    @Param(name = "count", gen = IntGen.class, conf = "1:3")
    public abstract static class Operations {
        private static final AtomicInteger WORLDS = new AtomicInteger();

        private final LifecycleStore store;
        private final String world;
        private final AtomicInteger unique = new AtomicInteger();

        /** In a store that others share. */
        Operations(Shared stores) {
            this(stores.get(), "w" + WORLDS.incrementAndGet());
        }

        /** In a store of its own. */
        Operations(LifecycleStore store, String world) {
            this.store = store;
            this.world = world;
        }

        private String name(int key) {
            return world + ":" + key;
        }

        private RequestId request(int request) {
            return new RequestId(world + "-once-" + request);
        }

        @Operation(params = "key")
        public int get(int key) {
            return store.get(Sample.key(name(key)))
                    .map(found -> (int) found.version())
                    .orElse(0);
        }

        @Operation(params = "key")
        public int trail(int key) {
            return store.trail(name(key), 0, 100).size();
        }

        @Operation(params = {"key", "version"})
        public String put(int key, int version) {
            return commit(world + "-" + unique.incrementAndGet(), List.of(key), version);
        }

        @Operation(params = "version")
        public String putAll(int version) {
            return commit(world + "-" + unique.incrementAndGet(), List.of(1, 2, 3), version);
        }

        @Operation(params = {"request", "key"})
        public String putOnce(int request, int key) {
            return commit(request(request).value(), List.of(key), 1);
        }

        @Operation(params = "request")
        public boolean find(int request) {
            return store.findCommit(request(request)).isPresent();
        }

        @Operation(params = {"key", "count"})
        public void heartbeat(int key, int count) {
            store.heartbeats(List.of(Sample.beat(name(key), count)));
        }

        @Operation(params = "key")
        public int liveness(int key) {
            return store.liveness(Sample.key(name(key)))
                    .map(Liveness::heartbeats)
                    .orElse(0L)
                    .intValue();
        }

        private String commit(String request, List<Integer> keys, int version) {
            List<Mutation> puts = keys.stream()
                    .<Mutation>map(key -> new Mutation.Put(Sample.record(name(key), version)))
                    .toList();
            CommitResult result = store.commit(Sample.commit(
                    request,
                    puts,
                    keys.stream()
                            .map(key -> Sample.event(name(key), version - 1))
                            .toList()));
            if (result instanceof CommitResult.Conflict conflict) {
                Map<Integer, Integer> current = new HashMap<>();
                conflict.current()
                        .forEach((key, found) -> current.put(
                                Integer.parseInt(key.id().substring(key.id().indexOf(':') + 1)), found.intValue()));
                return "conflict " + current;
            }
            return result instanceof CommitResult.Applied ? "applied" : "rejected";
        }
    }

    /** Fewer of them, for trying orders. */
    @Param(name = "key", gen = IntGen.class, conf = "1:2")
    @Param(name = "version", gen = IntGen.class, conf = "1:2")
    public abstract static class Few {
        private final Operations all;

        Few(Operations all) {
            this.all = all;
        }

        @Operation(params = "key")
        public int get(int key) {
            return all.get(key);
        }

        @Operation(params = {"key", "version"})
        public String put(int key, int version) {
            return all.put(key, version);
        }
    }

    /** A store for many worlds, and a new one from time to time. */
    private static final class Shared implements Supplier<LifecycleStore> {
        private static final int WORLDS_IN_A_STORE = 1_000;

        private final Supplier<LifecycleStore> open;
        private final AtomicReference<LifecycleStore> current = new AtomicReference<>();
        private int worlds;

        Shared(Supplier<LifecycleStore> open) {
            this.open = open;
        }

        @Override
        public synchronized LifecycleStore get() {
            if (worlds++ % WORLDS_IN_A_STORE == 0) {
                LifecycleStore before = current.getAndSet(open.get());
                if (before != null) {
                    before.close();
                }
            }
            return current.get();
        }
    }

    private static LifecycleStore json() {
        return JsonStore.open(Sample.DIRECTORY, new MemoryIo(), new Limits(4 << 20, 100_000, 400_000, 1 << 20, 50));
    }

    public static class InMemory extends Operations {
        public InMemory() {
            super(LifecycleStore.inMemory(), "w");
        }
    }

    public static class Json extends Operations {
        private static final Shared STORES = new Shared(LincheckTest::json);

        public Json() {
            super(STORES);
        }
    }

    /** Compares versions first and stores later, whatever stands there then. */
    private static final class ChecksTooEarly extends ForwardingStore {
        ChecksTooEarly(LifecycleStore to) {
            super(to);
        }

        @Override
        public CommitResult commit(Commit commit) {
            Map<RecordKey, Long> conflicts = new HashMap<>();
            for (Mutation mutation : commit.mutations()) {
                long version = get(mutation.key()).map(StoredRecord::version).orElse(0L);
                if (mutation instanceof Mutation.Put put
                        && version != put.next().version() - 1) {
                    conflicts.put(mutation.key(), version);
                }
            }
            if (!conflicts.isEmpty()) {
                return new CommitResult.Conflict(conflicts);
            }
            CommitResult result = super.commit(commit);
            return result instanceof CommitResult.Conflict ? new CommitResult.Applied(1) : result;
        }
    }

    public static class JsonThatChecksTooEarly extends Operations {
        private static final Shared STORES = new Shared(() -> new ChecksTooEarly(json()));

        public JsonThatChecksTooEarly() {
            super(STORES);
        }
    }

    public static class InMemoryThatChecksTooEarly extends Few {
        public InMemoryThatChecksTooEarly() {
            super(new Operations(new ChecksTooEarly(LifecycleStore.inMemory()), "w") {});
        }
    }

    /** Shows a record as soon as it was handed over, and takes it back if there was a conflict. */
    private static final class PublishesTooEarly extends ForwardingStore {
        private final Map<RecordKey, StoredRecord> early = new ConcurrentHashMap<>();

        PublishesTooEarly(LifecycleStore to) {
            super(to);
        }

        @Override
        public Optional<StoredRecord> get(RecordKey key) {
            StoredRecord found = early.get(key);
            return found == null ? super.get(key) : Optional.of(found);
        }

        @Override
        public CommitResult commit(Commit commit) {
            for (Mutation mutation : commit.mutations()) {
                long version =
                        super.get(mutation.key()).map(StoredRecord::version).orElse(0L);
                if (mutation instanceof Mutation.Put put
                        && version == put.next().version() - 1) {
                    early.put(mutation.key(), put.next());
                }
            }
            try {
                return super.commit(commit);
            } finally {
                commit.mutations().forEach(mutation -> early.remove(mutation.key()));
            }
        }
    }

    public static class JsonThatPublishesTooEarly extends Operations {
        private static final Shared STORES = new Shared(() -> new PublishesTooEarly(json()));

        public JsonThatPublishesTooEarly() {
            super(STORES);
        }
    }

    /** What is found is small as it is: to look for something smaller would take minutes. */
    private static StressOptions stress(int iterations, int invocations) {
        return new StressOptions()
                .iterations(iterations)
                .invocationsPerIteration(invocations)
                .threads(3)
                .actorsPerThread(3)
                .actorsBefore(2)
                .actorsAfter(2)
                .minimizeFailedScenario(false)
                .logLevel(LoggingLevel.ERROR)
                .sequentialSpecification(Specification.class);
    }

    private static ModelCheckingOptions inOrders(int iterations, int invocations, int actors) {
        return new ModelCheckingOptions()
                .iterations(iterations)
                .invocationsPerIteration(invocations)
                .threads(2)
                .actorsPerThread(actors)
                .actorsBefore(1)
                .actorsAfter(1)
                .minimizeFailedScenario(false)
                .logLevel(LoggingLevel.ERROR)
                .sequentialSpecification(Specification.class);
    }

    @Test
    void the_store_in_memory_is_linearizable_under_stress() {
        stress(30, 3_000).check(InMemory.class);
    }

    @Test
    @Tag("deep")
    void the_store_in_memory_is_linearizable_in_every_order_that_is_tried() {
        inOrders(25, 400, 3).check(InMemory.class);
    }

    @Test
    void the_json_store_is_linearizable_under_stress() {
        stress(6, 150).check(Json.class);
    }

    @Test
    @Tag("deep")
    void the_json_store_is_linearizable_under_long_stress() {
        stress(100, 300).check(Json.class);
    }

    @Test
    void stress_finds_a_version_check_that_comes_too_early() {
        assertThatThrownBy(() -> stress(30, 3_000).check(JsonThatChecksTooEarly.class))
                .isInstanceOf(LincheckAssertionError.class);
    }

    @Test
    @Tag("deep")
    void trying_orders_finds_a_version_check_that_comes_too_early() {
        assertThatThrownBy(() -> inOrders(25, 400, 2).check(InMemoryThatChecksTooEarly.class))
                .isInstanceOf(LincheckAssertionError.class);
    }

    @Test
    void stress_finds_what_is_shown_before_it_is_durable() {
        assertThatThrownBy(() -> stress(30, 3_000).check(JsonThatPublishesTooEarly.class))
                .isInstanceOf(LincheckAssertionError.class);
    }
}
