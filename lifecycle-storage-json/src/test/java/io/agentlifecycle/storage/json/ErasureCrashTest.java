package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.store.Disclosure;
import io.agentlifecycle.storage.json.MemoryDisk.Loss;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The power is cut after each change that a run with erasures makes to the disk. What was erased before is never given back,
 * and stands in no file, neither of what is left nor after the next opening.
 */
@Tag("once")
@Timeout(value = 60, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ErasureCrashTest {
    /** What may be there after so many steps. */
    private record State(int commits, Set<Integer> erased) {
        List<Disclosure> shown() {
            return Disclosing.all(commits, erased);
        }
    }

    /** A run, step by step: each step is promised when it has returned. */
    private static final class Run {
        private final MemoryIo disk = new MemoryIo();
        private final Recording recording;
        private final List<State> states = new ArrayList<>(List.of(new State(0, Set.of())));
        private final Map<State, List<Disclosure>> shown = new HashMap<>();

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
                Sample.applied(store, Disclosing.commit(number));
                done(new State(number + 1, last().erased()));
            }
        }

        void erase(JsonStore store, int number) {
            Disclosing.erase(store, number);
            Set<Integer> erased = new TreeSet<>(last().erased());
            erased.add(number);
            done(new State(last().commits(), erased));
        }

        /** Erases what stands in each place that there is: audit segments, the older generation, the journal. */
        Run play(Limits limits) {
            try (JsonStore store = JsonStore.open(Sample.DIRECTORY, disk, limits)) {
                commit(store, 5);
                store.checkpoint();
                commit(store, 3);
                erase(store, 1);
                commit(store, 3);
                store.checkpoint();
                commit(store, 2);
            }
            try (JsonStore store = JsonStore.open(Sample.DIRECTORY, disk, limits)) {
                commit(store, 2);
                store.checkpoint();
                commit(store, 2);
                erase(store, 16); // in the journal
                erase(store, 6); // in a segment
                erase(store, 9);
                commit(store, 1);
            }
            states.forEach(state -> shown.put(state, state.shown()));
            return this;
        }

        /** Opens what is left, and looks at it. */
        void judge(MemoryDisk left, int promised, String what) {
            try {
                look(new MemoryIo(left), promised, what);
            } catch (StoreException e) {
                throw new AssertionError(what + e.getMessage(), e);
            }
        }

        private void look(MemoryIo io, int promised, String what) {
            assertGone(io.files(), states.get(promised), what + "before the opening: ");
            State found;
            try (JsonStore store = Sample.open(io)) {
                List<Disclosure> all = Disclosing.all(store);
                found = IntStream.range(promised, Math.min(promised + 2, states.size()))
                        .mapToObj(states::get)
                        .filter(state -> all.equals(shown.get(state)))
                        .reduce((first, second) -> second)
                        .orElseThrow(() -> new AssertionError(what + "shows neither what was promised nor one more"));
                // it serves, so what is not shown is nowhere
                assertGone(io.kill().files(), found, what + "open: ");
                assertGone(io.crash().files(), found, what + "after the next power cut: ");
            }
            assertGone(io.files(), found, what + "closed: ");
            try (JsonStore store = Sample.open(io)) {
                if (!Disclosing.all(store).equals(shown.get(found))) {
                    throw new AssertionError(what + "does not show the same again");
                }
            }
        }

        private static void assertGone(Map<Path, byte[]> files, State state, String what) {
            for (int number : state.erased()) {
                List<String> has = Disclosing.filesWith(files, Disclosing.marker(number));
                if (!has.isEmpty()) {
                    throw new AssertionError(what + Disclosing.marker(number) + " stands in " + has);
                }
            }
        }
    }

    private static final Limits SMALL_SEGMENTS = new Limits(4 << 20, 1_500, 1 << 20, 1 << 20, 3_600_000);

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
                                    (int) recording.promised(place),
                                    Aftermath.describe(recording, place, loss, seed));
                            images.incrementAndGet();
                        }
                    }
                }));
        return images.get();
    }

    @Test
    void a_power_cut_after_each_change_brings_nothing_back_that_was_erased() {
        assertThat(cutEverywhere(new Run().play(Sample.QUIET), 3)).isGreaterThan(1_500);
    }

    @Test
    void nor_does_one_where_segments_are_small() {
        assertThat(cutEverywhere(new Run().play(SMALL_SEGMENTS), 1)).isGreaterThan(1_000);
    }

    @Test
    @Tag("deep")
    void a_power_cut_after_each_change_brings_nothing_back_whatever_chance_leaves() {
        assertThat(cutEverywhere(new Run().play(SMALL_SEGMENTS), 32)).isGreaterThan(15_000);
    }

    /** The opening after it finishes an erasure, and may be cut short, too. */
    @Test
    void a_power_cut_after_each_change_of_an_opening_brings_nothing_back_either() {
        Run run = new Run().play(Sample.QUIET);
        Recording recording = run.recording;
        var images = new AtomicInteger();
        int stride = 7;
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
                                promised,
                                Aftermath.describe(recording, at, Loss.NONE, 0) + "and then "
                                        + Aftermath.describe(opening, number, loss, 0));
                        images.incrementAndGet();
                    }
                });
            });
        });
        assertThat(images.get()).isGreaterThan(1_000);
    }
}
