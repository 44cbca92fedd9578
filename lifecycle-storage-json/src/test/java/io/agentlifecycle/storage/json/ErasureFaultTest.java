package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.error.StoreFailedException;
import io.agentlifecycle.core.error.StoreFullException;
import io.agentlifecycle.core.store.Disclosure;
import io.agentlifecycle.storage.json.DisturbedIo.Kind;
import io.agentlifecycle.storage.json.DisturbedIo.Op;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The disk does not do what an erasure needs. */
@Timeout(value = 5, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ErasureFaultTest {
    private static final List<Disclosure> ALL = Disclosing.all(12, List.of());
    private static final List<Disclosure> REST = Disclosing.all(12, List.of(1, 10));

    private MemoryIo disk = new MemoryIo();
    private DisturbedIo io = new DisturbedIo(disk);

    @BeforeEach
    void a_store_with_a_segment_a_generation_before_and_a_journal() {
        disk = new MemoryIo();
        io = new DisturbedIo(disk);
        try (JsonStore store = Sample.open(io)) {
            for (int i = 0; i < 12; i++) {
                Sample.applied(store, Disclosing.commit(i));
                if (i == 3 || i == 7) {
                    store.checkpoint();
                }
            }
        }
    }

    /** What commits 1 and 10 disclosed: it stands in a segment, and in the journal. */
    private static void erase(JsonStore store) {
        store.erase(Disclosing.stream(1), List.of(0L, 3L));
    }

    private static void assertGone(MemoryIo of) {
        for (int number : List.of(1, 10)) {
            assertThat(Disclosing.filesWith(of.files(), Disclosing.marker(number)))
                    .as(Disclosing.marker(number))
                    .isEmpty();
        }
    }

    private static void assertErasedWhenOpened(MemoryIo left) {
        try (JsonStore store = Sample.open(left)) {
            assertThat(Disclosing.all(store)).isEqualTo(REST);
            assertGone(left);
            assertGone(left.crash());
        }
    }

    // ---- at each operation

    @Test
    void one_fault_at_each_operation_of_an_erasure_is_told_or_does_no_harm() {
        int faults = 0;
        while (isReached(faults)) {
            faults++;
        }
        assertThat(faults).as("operations").isGreaterThan(25);
    }

    /** False if an erasure has no operation of that number. */
    private boolean isReached(int number) {
        a_store_with_a_segment_a_generation_before_and_a_journal();
        JsonStore store = Sample.open(io);
        int first = io.changes() + number;
        io.fail(op -> op.number() == first);
        Optional<StoreException> refusal = Optional.empty();
        try {
            erase(store);
        } catch (StoreException e) {
            refusal = Optional.of(e);
        }
        boolean reached = io.changes() > first;
        io.calm();
        List<Disclosure> shown = Disclosing.all(store);
        String what = "fault at operation %d: %s".formatted(number, refusal);
        if (refusal.isEmpty()) {
            assertThat(shown).as(what).isEqualTo(REST);
            assertGone(disk);
            assertGone(disk.crash());
        } else {
            assertThat(refusal.get()).hasMessageNotContaining("somebody");
            assertThat(shown).as(what).isIn(ALL, REST);
        }
        for (MemoryIo left : List.of(disk.kill(), disk.crash())) {
            try (JsonStore again = Sample.open(left)) {
                List<Disclosure> found = Disclosing.all(again);
                assertThat(found).as(what).isIn(ALL, REST);
                if (shown.equals(REST)) {
                    assertThat(found).as(what).isEqualTo(REST);
                }
                if (found.equals(REST)) {
                    assertGone(left);
                }
                erase(again);
                assertThat(Disclosing.all(again)).as(what).isEqualTo(REST);
                assertGone(left.crash());
            }
        }
        if (refusal.isPresent() && !(refusal.get() instanceof StoreFailedException)) {
            eraseAgain(store, what);
        }
        store.close();
        return reached;
    }

    /** A store that goes on does it when it is asked again. */
    private void eraseAgain(JsonStore store, String what) {
        try {
            erase(store);
        } catch (StoreFailedException e) {
            return; // it failed beside the erasure
        }
        assertThat(Disclosing.all(store)).as(what).isEqualTo(REST);
        assertGone(disk);
        assertGone(disk.crash());
    }

    // ---- what is told

    @Test
    void a_full_disk_erases_nothing_and_the_store_goes_on() {
        try (JsonStore store = Sample.open(io)) {
            io.fail(op -> op.kind() == Kind.WRITE);
            assertThatThrownBy(() -> erase(store))
                    .isInstanceOf(StoreFullException.class)
                    .hasMessageContaining("nothing was erased");
            assertThat(Disclosing.all(store)).isEqualTo(ALL);

            io.calm();
            erase(store);
            assertThat(Disclosing.all(store)).isEqualTo(REST);
        }
        assertErasedWhenOpened(disk);
    }

    @Test
    void a_force_that_fails_leaves_open_whether_it_is_erased_and_nothing_is_erased_after_it() {
        JsonStore store = Sample.open(io);
        io.fail(op -> op.kind() == Kind.FORCE);

        assertThatThrownBy(() -> erase(store))
                .isInstanceOfSatisfying(
                        StoreFailedException.class,
                        e -> assertThat(e.outcome()).isEqualTo(StoreFailedException.Outcome.UNKNOWN));
        assertThatThrownBy(() -> erase(store))
                .isInstanceOfSatisfying(
                        StoreFailedException.class,
                        e -> assertThat(e.outcome()).isEqualTo(StoreFailedException.Outcome.NOT_STORED));
        assertThat(Disclosing.all(store)).isEqualTo(ALL);
        store.close();
    }

    private void failAfterTheLine(Predicate<Op> which) {
        JsonStore store = Sample.open(io);
        io.fail(which);
        assertThatThrownBy(() -> erase(store))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("files may still have what was erased");
        io.calm();
        assertThat(Disclosing.all(store)).isEqualTo(REST);
        assertThat(store.log(0, 99).stream().flatMap(commit -> commit.commit().disclosures().stream()))
                .as("what an export has")
                .containsExactlyInAnyOrderElementsOf(REST);
        // the next opening does it
        assertErasedWhenOpened(disk.kill());
        assertErasedWhenOpened(disk.crash());
        // and so does the next erasure, whatever it erases
        store.erase("nobody", List.of(0L));
        assertGone(disk);
        assertGone(disk.crash());
        store.close();
    }

    @Test
    void a_checkpoint_that_cannot_be_made_is_told_and_what_was_erased_is_hidden_all_the_same() {
        failAfterTheLine(op -> op.kind() == Kind.CREATE && op.file().startsWith("snapshot"));
    }

    @Test
    void files_that_cannot_be_removed_are_told() {
        failAfterTheLine(op -> op.kind() == Kind.DELETE);
    }

    @Test
    void a_checkpoint_after_one_that_could_not_be_made_erases_too() {
        JsonStore store = Sample.open(io);
        io.fail(op -> op.kind() == Kind.CREATE && op.file().startsWith("snapshot"));
        assertThatThrownBy(() -> erase(store)).isInstanceOf(StoreException.class);
        io.calm();

        store.checkpoint();

        assertGone(disk);
        store.close();
    }

    @Test
    void a_store_that_cannot_finish_an_erasure_does_not_open() throws IOException {
        JsonStore store = Sample.open(io);
        io.fail(op -> op.kind() == Kind.CREATE && op.file().startsWith("snapshot"));
        assertThatThrownBy(() -> erase(store)).isInstanceOf(StoreException.class);
        MemoryIo killed = disk.kill();
        var left = new DisturbedIo(killed);
        left.fail(op -> op.kind() == Kind.CREATE && op.file().startsWith("snapshot"));

        assertThatThrownBy(() -> Sample.open(left)).isInstanceOf(StoreException.class);
        left.calm();
        assertThat(killed.isLocked()).isFalse();
        assertErasedWhenOpened(killed);
        store.close();
    }
}
