package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.storage.json.MemoryDisk.Loss;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The power is cut after each change that a run with prunings makes to the disk. A pruning that had returned is done, and its
 * texts stand in no file, neither of what is left nor after the next opening; one that had not is done wholly or not at all.
 */
@Tag("once")
@Timeout(value = 60, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PruningCrashTest {
    /** What may be there after so many steps. */
    private record State(int commits, Map<String, Long> pruned) {}

    /** A run, step by step: each step is promised when it has returned. */
    private static final class Run {
        private final MemoryIo disk = new MemoryIo();
        private final Recording recording;
        private final List<State> states = new ArrayList<>(List.of(new State(0, Map.of())));
        private final Map<State, Pruning.Shown> shown = new HashMap<>();

        Run() {
            Sample.open(disk).close(); // how a store is made is looked at elsewhere
            recording = disk.record();
        }

        private void done(State state) {
            states.add(state);
            recording.promise(states.size() - 1);
        }

        private State last() {
            return states.get(states.size() - 1);
        }

        void commit(JsonStore store, int count) {
            for (int i = 0; i < count; i++) {
                int number = last().commits();
                Sample.applied(store, Pruning.commit(number));
                done(new State(number + 1, last().pruned()));
            }
        }

        void prune(JsonStore store, Map<String, Long> before) {
            store.prune(before);
            Map<String, Long> pruned = new TreeMap<>(last().pruned());
            before.forEach((stream, position) -> pruned.merge(stream, position, Math::max));
            done(new State(last().commits(), pruned));
        }

        /** Prunes what stands in each place that there is: audit segments, pruned ones, the older generation, the journal. */
        Run play(Limits limits) {
            try (JsonStore store = JsonStore.open(Sample.DIRECTORY, disk, limits)) {
                commit(store, 5);
                store.checkpoint();
                commit(store, 4);
                prune(store, Map.of("stream:0", 1L, "stream:1", 3L)); // in a segment and in the journal
                commit(store, 2);
                store.checkpoint();
                commit(store, 1);
            }
            try (JsonStore store = JsonStore.open(Sample.DIRECTORY, disk, limits)) {
                commit(store, 2);
                prune(store, Map.of("stream:0", 2L, "stream:2", 4L)); // in one that was pruned, and up to the last
                commit(store, 1);
            }
            states.forEach(state -> shown.put(state, Pruning.shown(state.commits(), state.pruned())));
            return this;
        }

        /** Opens what is left, and looks at it. */
        void judge(MemoryDisk left, Loss loss, int promised, String what) {
            try {
                look(new MemoryIo(left), loss, promised, what);
            } catch (StoreException e) {
                throw new AssertionError(what + e.getMessage(), e);
            }
        }

        private void look(MemoryIo io, Loss loss, int promised, String what) {
            assertGone(io, states.get(promised), what + "before the opening: ");
            State found;
            try (JsonStore store = Sample.open(io)) {
                Pruning.Shown all = Pruning.shown(store);
                found = IntStream.range(promised, Math.min(promised + 2, states.size()))
                        .mapToObj(states::get)
                        .filter(state -> all.equals(shown.get(state)))
                        .reduce((first, second) -> second)
                        .orElseThrow(() -> new AssertionError(what + "shows neither what was promised nor one more"));
                // it serves, so what is not shown is nowhere
                assertGone(io.kill(), found, what + "open: ");
                assertGone(io.crash(), found, what + "after the next power cut: ");
            }
            try (JsonStore store = Sample.open(io)) {
                if (!Pruning.shown(store).equals(shown.get(found))) {
                    throw new AssertionError(what + "does not show the same again");
                }
            }
            if (loss == Loss.NONE) {
                List<StoreCheck.Finding> findings =
                        StoreFiles.check(Sample.DIRECTORY, io).findings();
                if (!findings.isEmpty()) {
                    throw new AssertionError(what + "is not sound: " + findings);
                }
            }
        }

        private static void assertGone(MemoryIo io, State state, String what) {
            if (!state.pruned().isEmpty()) {
                Pruning.assertGone(io.files(), state.pruned(), state.commits(), what);
            }
        }
    }

    private static final Limits SMALL_SEGMENTS = new Limits(4 << 20, 3_000, 1 << 20, 1 << 20, 3_600_000);

    private static int cutEverywhere(Run run, int seeds) {
        var images = new AtomicInteger();
        Recording recording = run.recording;
        int parts = 16;
        int places = recording.size() + 1;
        IntStream.range(0, parts)
                .parallel()
                .forEach(part -> recording.play(places * part / parts, places * (part + 1) / parts, (disk, place) -> {
                    for (Loss loss : Loss.values()) {
                        boolean chance = loss == Loss.SECTORS || loss == Loss.GARBAGE;
                        for (int seed = 0; seed < (chance ? seeds : 1); seed++) {
                            Random random = Aftermath.random(place, loss, seed);
                            run.judge(
                                    disk.after(loss, random),
                                    loss,
                                    (int) recording.promised(place),
                                    Aftermath.describe(recording, place, loss, seed));
                            images.incrementAndGet();
                        }
                    }
                }));
        return images.get();
    }

    @Test
    void a_power_cut_after_each_change_prunes_all_or_nothing_and_brings_no_text_back() {
        assertThat(cutEverywhere(new Run().play(Sample.QUIET), 1)).isGreaterThan(600);
    }

    @Test
    void nor_does_one_where_segments_are_small() {
        assertThat(cutEverywhere(new Run().play(SMALL_SEGMENTS), 1)).isGreaterThan(600);
    }

    @Test
    @Tag("deep")
    void a_power_cut_after_each_change_prunes_all_or_nothing_whatever_chance_leaves() {
        assertThat(cutEverywhere(new Run().play(SMALL_SEGMENTS), 32)).isGreaterThan(10_000);
    }

    /** The opening after it removes what a pruning had left, and may be cut short, too. */
    @Test
    void a_power_cut_after_each_change_of_an_opening_brings_no_text_back_either() {
        Run run = new Run().play(Sample.QUIET);
        Recording recording = run.recording;
        var images = new AtomicInteger();
        int stride = 17;
        IntStream.range(0, recording.size() / stride).parallel().forEach(cut -> {
            int place = cut * stride;
            recording.play(place, place + 1, (disk, at) -> {
                MemoryDisk left = disk.after(Loss.NONE, new Random(at));
                var io = new MemoryIo(left);
                Recording opening = io.record();
                Sample.open(io).close();
                int promised = (int) recording.promised(at);
                opening.play(0, opening.size() + 1, (again, number) -> {
                    for (Loss loss : Loss.values()) {
                        run.judge(
                                again.after(loss, Aftermath.random(number, loss, 0)),
                                loss,
                                promised,
                                Aftermath.describe(recording, at, Loss.NONE, 0) + "and then "
                                        + Aftermath.describe(opening, number, loss, 0));
                        images.incrementAndGet();
                    }
                });
            });
        });
        assertThat(images.get()).isGreaterThan(300);
    }
}
