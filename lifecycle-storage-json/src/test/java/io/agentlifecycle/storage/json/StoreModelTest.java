package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.store.Check;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import io.agentlifecycle.storage.json.StoreModel.Told;
import java.io.FileNotFoundException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.RandomDistribution;
import net.jqwik.api.Tag;
import net.jqwik.api.Tuple;

/** Random lives of a JSON store, step by step beside {@link StoreModel}. */
class StoreModelTest {
    private static final List<TenantId> TENANTS = List.of(TenantId.DEFAULT, TenantId.of("other"));

    /** Two tenants, three kinds, and ids of which one begins like the other. */
    private static final List<RecordKey> KEYS = List.of(
            new RecordKey(TENANTS.get(0), RecordKey.AGENT, "a"),
            new RecordKey(TENANTS.get(0), RecordKey.AGENT, "a:b"),
            new RecordKey(TENANTS.get(0), RecordKey.AGENT, "\u00e4 \ud83e\udd16"),
            new RecordKey(TENANTS.get(1), RecordKey.AGENT, "a"),
            new RecordKey(TENANTS.get(1), RecordKey.AGENT, "b"),
            new RecordKey(TENANTS.get(0), RecordKey.STREAM, "a"),
            new RecordKey(TENANTS.get(1), RecordKey.TOMBSTONE, "a"));

    private static final List<String> STREAMS = List.of("log", "a", "s \u2028");

    private static final List<Duration> MOVES = List.of(
            Duration.ofNanos(1),
            Duration.ofSeconds(1),
            Duration.ofHours(1),
            Duration.ofDays(366),
            Duration.ofSeconds(-1),
            Duration.ofHours(-1),
            Duration.ofDays(-400));

    /** Segments and snapshots never, now and then, or at almost every commit. */
    private static final List<Limits> LIMITS =
            List.of(Sample.QUIET, new Limits(4 << 20, 2_000, 5_000, 1_000, 1), new Limits(1, 300, 400, 0, 3_600_000));

    enum Verb {
        COMMIT,
        SAME_REQUEST,
        OTHER_CONTENT,
        BEAT,
        REARM,
        DUE,
        QUERY,
        TRAIL,
        EVENTS,
        CLOCK,
        CHECKPOINT,
        READ_ONLY,
        REOPEN,
        KILL,
        CRASH
    }

    /** One step: what, and a number from which all else of it follows. */
    record Step(Verb verb, int form) {}

    @Provide
    Arbitrary<List<Step>> lives() {
        Arbitrary<Verb> verbs = Arbitraries.frequency(
                Tuple.of(50, Verb.COMMIT),
                Tuple.of(4, Verb.SAME_REQUEST),
                Tuple.of(3, Verb.OTHER_CONTENT),
                Tuple.of(8, Verb.BEAT),
                Tuple.of(5, Verb.REARM),
                Tuple.of(4, Verb.DUE),
                Tuple.of(6, Verb.QUERY),
                Tuple.of(4, Verb.TRAIL),
                Tuple.of(3, Verb.EVENTS),
                Tuple.of(5, Verb.CLOCK),
                Tuple.of(3, Verb.CHECKPOINT),
                Tuple.of(1, Verb.READ_ONLY),
                Tuple.of(3, Verb.REOPEN),
                Tuple.of(2, Verb.KILL),
                Tuple.of(3, Verb.CRASH));
        return Combinators.combine(verbs, Arbitraries.integers().between(0, 999_999))
                .as(Step::new)
                .list()
                .ofMaxSize(100)
                .withSizeDistribution(RandomDistribution.uniform());
    }

    @Tag("once")
    @Property(tries = 1_000, edgeCases = EdgeCasesMode.NONE)
    void the_store_is_what_the_model_says_after_every_step(@ForAll("lives") List<Step> steps, @ForAll boolean busy) {
        live(steps, busy ? 1 + steps.size() % 2 : 0);
    }

    @Tag("deep")
    @Property(tries = 20_000, edgeCases = EdgeCasesMode.NONE)
    void the_store_is_what_the_model_says_for_very_many_lives(@ForAll("lives") List<Step> steps, @ForAll boolean busy) {
        live(steps, busy ? 1 + steps.size() % 2 : 0);
    }

    static void live(List<Step> steps, int limits) {
        try (var life = new Life(LIMITS.get(limits))) {
            for (Step step : steps) {
                life.take(step);
            }
            life.take(new Step(Verb.CRASH, 3));
        }
    }

    /** A store and its model. */
    private static final class Life implements AutoCloseable {
        private final StoreModel model = new StoreModel();
        private final List<Told> heard = new ArrayList<>();
        private final Limits limits;
        private MemoryIo disk = new MemoryIo();
        private JsonStore store;
        private Instant now = Sample.NOON;
        private long cursor;
        private int requests;

        Life(Limits limits) {
            this.limits = limits;
            this.store = open();
        }

        private JsonStore open() {
            JsonStore opened = JsonStore.open(Sample.DIRECTORY, disk, limits);
            opened.subscribe((seq, commit) -> heard.add(new Told(seq, commit)));
            return opened;
        }

        void take(Step step) {
            var random = new Random(step.form());
            int limit = 1 + random.nextInt(4);
            switch (step.verb()) {
                case COMMIT -> commit(draft("r-" + requests++, random));
                case SAME_REQUEST -> earlier(random).ifPresent(this::commit);
                case OTHER_CONTENT ->
                    earlier(random)
                            .map(before -> draft(before.requestId().value(), random))
                            .ifPresent(this::commit);
                case BEAT -> {
                    List<Heartbeat> beats = beats(random);
                    store.heartbeats(beats);
                    model.heartbeats(beats);
                }
                case REARM -> {
                    RecordKey key = KEYS.get(random.nextInt(KEYS.size()));
                    long version = Math.max(1, model.version(key) - (random.nextInt(4) == 0 ? 1 : 0));
                    Optional<Instant> next = time(random);
                    store.rearm(key, version, next);
                    model.rearm(key, version, next);
                }
                case DUE -> model.compareDue(store, now.plusSeconds(random.nextInt(20_000) - 10_000), limit);
                case QUERY -> model.compareQuery(store, query(random), limit);
                case TRAIL ->
                    model.compareTrail(
                            store, STREAMS.get(random.nextInt(STREAMS.size())), random.nextInt(8), limit * 2);
                case EVENTS -> cursor = random.nextInt(2) == 0 ? 0 : Math.max(0, cursor - random.nextInt(9));
                case CLOCK -> now = now.plus(MOVES.get(random.nextInt(MOVES.size())));
                case CHECKPOINT -> {
                    store.checkpoint();
                    model.forced();
                    model.compareAll(store, KEYS, limit);
                }
                case READ_ONLY -> look(limit);
                case REOPEN -> {
                    store.close();
                    model.forced();
                    restarted(disk, limit);
                }
                case KILL -> leave(disk.kill(), limit);
                case CRASH -> leave(disk.crash(), limit);
            }
            cursor = model.compare(store, KEYS, cursor, limit);
            assertThat(heard).as("what the subscriber heard").isEqualTo(model.told);
        }

        /** A checkpoint that the store makes by itself may take files away meanwhile: then one opens it again. */
        private void look(int limit) {
            for (int again = 3; ; again--) {
                try (ReadOnlyStore look = JsonStore.openReadOnly(Sample.DIRECTORY, disk, Long.MAX_VALUE)) {
                    model.compareRecords(look, limit);
                    return;
                } catch (StoreException e) {
                    if (again == 0 || !(e.getCause() instanceof FileNotFoundException)) {
                        throw e;
                    }
                }
            }
        }

        /** The store that was running is given up; closing it only ends its thread. */
        private void leave(MemoryIo left, int limit) {
            JsonStore before = store;
            restarted(left, limit);
            before.close();
        }

        private void restarted(MemoryIo left, int limit) {
            disk = left;
            store = open();
            model.reopened(store);
            model.compareAll(store, KEYS, limit);
        }

        private Optional<Commit> earlier(Random random) {
            return model.told.isEmpty()
                    ? Optional.empty()
                    : Optional.of(
                            model.told.get(random.nextInt(model.told.size())).commit());
        }

        private void commit(Commit commit) {
            Optional<CommitResult> expected = model.answer(commit);
            CommitResult result = store.commit(commit);
            if (expected.isEmpty()) {
                assertThat(result).as("%s", commit).isInstanceOf(CommitResult.Applied.class);
                model.applied(((CommitResult.Applied) result).seq(), commit);
                assertThat(store.findCommit(commit.requestId())).contains(result);
            } else if (expected.get() instanceof CommitResult.Rejected rejected) {
                assertThat(result).as("%s", commit).isInstanceOf(CommitResult.Rejected.class);
                assertThat(((CommitResult.Rejected) result).reason()).isEqualTo(rejected.reason());
            } else {
                assertThat(result).as("%s", commit).isEqualTo(expected.get());
            }
        }

        /** Most are in order, some rely on what is not so. */
        private Commit draft(String request, Random random) {
            List<Mutation> mutations = new ArrayList<>();
            List<Check> checks = new ArrayList<>();
            Set<RecordKey> changed = new HashSet<>();
            for (int i = random.nextInt(4); i > 0; i--) {
                RecordKey key = KEYS.get(random.nextInt(KEYS.size()));
                if (changed.add(key)) {
                    long version = model.version(key) + (random.nextInt(15) == 0 ? random.nextInt(3) - 1 : 0);
                    mutations.add(
                            random.nextInt(6) == 0
                                    ? new Mutation.Purge(key)
                                    : new Mutation.Put(record(key, Math.max(0, version) + 1, random)));
                }
            }
            if (random.nextInt(3) == 0) {
                RecordKey key = KEYS.get(random.nextInt(KEYS.size()));
                long version = model.version(key) + (random.nextInt(8) == 0 ? 1 : 0);
                checks.add(version == 0 ? new Check.Absent(key) : new Check.Version(key, version));
            }
            Map<String, Integer> lengths = new TreeMap<>();
            List<StoredEvent> events = new ArrayList<>();
            for (int i = random.nextInt(4); i > 0; i--) {
                String stream = STREAMS.get(random.nextInt(STREAMS.size()));
                int n = lengths.merge(stream, model.length(stream) + 1, (had, first) -> had + 1) - 1;
                String text = "{\"n\":%d,\"text\":\"%s\"}".formatted(n, "\u20ac\ud83e\udd16".repeat(random.nextInt(9)));
                events.add(new StoredEvent(
                        stream, n, text, random.nextBoolean() ? Optional.of("c2ln") : Optional.empty()));
            }
            return new Commit(new RequestId(request), now, checks, mutations, events);
        }

        private StoredRecord record(RecordKey key, long version, Random random) {
            String body = "{\"v\":%d,\"x\":\"%s\"}".formatted(version, "x".repeat(random.nextInt(40)));
            Map<String, String> index = random.nextInt(4) == 0
                    ? Map.of()
                    : Map.of("owner", "o" + random.nextInt(2), "state", "s" + random.nextInt(3));
            return new StoredRecord(key, version, time(random), body, index);
        }

        private Optional<Instant> time(Random random) {
            return random.nextInt(3) == 0
                    ? Optional.empty()
                    : Optional.of(
                            now.plusSeconds(random.nextInt(20_000) - 10_000).plusNanos(random.nextInt(2)));
        }

        private List<Heartbeat> beats(Random random) {
            List<Heartbeat> beats = new ArrayList<>();
            for (int i = random.nextInt(4); i >= 0; i--) {
                beats.add(new Heartbeat(
                        KEYS.get(random.nextInt(5)), // agents only: nothing else has a pulse
                        new Liveness(now.minusSeconds(random.nextInt(100)), 1 + random.nextInt(50))));
            }
            return beats;
        }

        private static RecordQuery query(Random random) {
            Map<String, Set<String>> index = new TreeMap<>();
            if (random.nextBoolean()) {
                index.put("owner", Set.of("o" + random.nextInt(3)));
            }
            if (random.nextBoolean()) {
                index.put("state", Set.of("s0", "s" + (1 + random.nextInt(2))));
            }
            Optional<TenantId> tenant =
                    random.nextBoolean() ? Optional.empty() : Optional.of(TENANTS.get(random.nextInt(2)));
            return new RecordQuery(random.nextInt(4) == 0 ? RecordKey.TOMBSTONE : RecordKey.AGENT, tenant, index);
        }

        @Override
        public void close() {
            store.close();
        }
    }
}
