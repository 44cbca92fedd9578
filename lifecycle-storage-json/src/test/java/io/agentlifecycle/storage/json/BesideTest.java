package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Reading and copying beside those who write, while segments and checkpoints come and go. */
@Timeout(value = 120, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class BesideTest {
    private static final Limits BUSY = new Limits(4 << 20, 60_000, 100_000, 1_000, 1);

    @TempDir
    private Path temporary;

    /** Something that is done again and again while four threads write. */
    private interface Work {
        void beside(JsonStore store, int round) throws Exception;
    }

    /** Returns all commits by number. */
    private Map<Long, Commit> under(int rounds, Path directory, Work work) throws Exception {
        Map<Long, Commit> all = new TreeMap<>();
        var done = new AtomicBoolean();
        try (JsonStore store = JsonStore.open(directory, new FileIo(), BUSY)) {
            // called in order, by one thread
            store.subscribe(all::put);
            var crowd = new Crowd();
            List<FutureTask<Long>> writers = List.of(0, 1, 2, 3).stream()
                    .map(own -> crowd.start(() -> {
                        long version = 0;
                        while (!done.get()) {
                            Sample.applied(store, Sample.put("agent:" + own, ++version));
                            Thread.yield();
                        }
                        return version;
                    }))
                    .toList();
            try {
                for (int round = 0; round < rounds; round++) {
                    work.beside(store, round);
                }
            } finally {
                done.set(true);
                for (FutureTask<Long> writer : writers) {
                    assertThat(Crowd.get(writer)).isPositive();
                }
            }
        }
        return all;
    }

    /** What is seen has every commit up to one, and none after it. */
    private static long versions(LifecycleStore store) {
        long sum = 0;
        for (int own = 0; own < 4; own++) {
            Optional<Long> version = store.get(Sample.key("agent:" + own)).map(record -> record.version());
            long last = version.orElse(0L);
            long from = Math.max(0, last - 50);
            assertThat(store.trail("agent:" + own, from, 1_000))
                    .as("the last events of agent:%d", own)
                    .hasSize((int) (last - from));
            sum += last;
        }
        return sum;
    }

    @Test
    void each_look_under_load_sees_the_store_as_it_was_at_one_moment() throws Exception {
        Path directory = temporary.resolve("lifecycle-data");
        Map<Long, Long> seen = new TreeMap<>();
        Map<Long, Commit> all = under(40, directory, (store, round) -> {
            // each round sees a moment that none saw before: on a slow disk many looks find the store as it was
            while (seen.size() <= round) {
                try (ReadOnlyStore look = JsonStore.openReadOnly(directory)) {
                    seen.put(look.asOfSeq(), versions(look));
                } catch (StoreException e) {
                    // the writer went on and removed what the look would have read: it says so, and a new one works
                    assertThat(e).hasMessageContaining("journal-");
                }
            }
        });

        seen.forEach((asOf, versions) -> assertThat(all.keySet().stream().filter(seq -> seq <= asOf))
                .as("commits up to line %d", asOf)
                .hasSize(Math.toIntExact(versions)));
    }

    @Test
    void each_backup_under_load_is_a_store_of_its_time() throws Exception {
        Path directory = temporary.resolve("lifecycle-data");
        Map<Integer, Long> begun = new TreeMap<>();
        Map<Long, Commit> all = under(20, directory, (store, round) -> {
            begun.put(round, store.picture().seqTo());
            store.backup(temporary.resolve("backup-" + round));
        });

        begun.forEach((round, least) -> {
            Path copy = temporary.resolve("backup-" + round);
            assertThat(StoreFiles.check(copy).findings()).isEmpty();
            try (JsonStore restored = JsonStore.open(copy)) {
                long versions = versions(restored);
                assertThat(restored.describe().openReport().cutBytes()).isZero();
                assertThat(all.keySet().stream().filter(seq -> seq <= least)).hasSizeLessThanOrEqualTo((int) versions);
                List<Commit> prefix = all.values().stream().limit(versions).toList();
                assertThat(Sample.content(restored)).isEqualTo(Sample.content(prefix));
                assertThat(restored.commit(Sample.put("after", 1))).isInstanceOf(CommitResult.Applied.class);
            }
        });
        assertThatThrownBy(() -> {
                    try (JsonStore store = JsonStore.open(directory)) {
                        store.backup(temporary.resolve("backup-0"));
                    }
                })
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("is not empty");
    }

    /** The thread that writes is slow to go on while others look; the checkpoint may be done by then. */
    @Test
    void a_copy_that_is_made_right_after_a_checkpoint_can_be_opened() throws Exception {
        var io = new MemoryIo();
        for (int round = 0; round < 100; round++) {
            Path copy = Path.of("/copy-" + round);
            try (JsonStore store = JsonStore.open(Path.of("/data-" + round), io, BUSY)) {
                Sample.applied(store, Sample.put("agent:1", 1));
                var done = new AtomicBoolean();
                var crowd = new Crowd();
                List<FutureTask<Picture>> looking = Stream.generate(() -> crowd.start(() -> {
                            Picture seen = store.picture();
                            while (!done.get()) {
                                seen = store.picture();
                            }
                            return seen;
                        }))
                        .limit(6)
                        .toList();
                try {
                    store.checkpoint();
                    store.backup(copy);
                } finally {
                    done.set(true);
                    for (FutureTask<Picture> look : looking) {
                        Crowd.get(look);
                    }
                }
            }
            try (JsonStore again = JsonStore.open(copy, io, BUSY)) {
                assertThat(again.get(Sample.key("agent:1")))
                        .as("in copy %d", round)
                        .isPresent();
            }
        }
    }
}
