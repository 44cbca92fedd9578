package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.error.StoreFailedException;
import io.agentlifecycle.storage.json.DisturbedIo.Kind;
import io.agentlifecycle.storage.json.DisturbedIo.Op;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The disk does not do what a pruning needs. */
@Timeout(value = 5, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PruningFaultTest {
    private static final int COMMITS = 12;

    /** In two segments, and in the journal. */
    private static final Map<String, Long> PRUNED = Map.of("stream:1", 2L, "stream:2", 4L);

    private static final Pruning.Shown ALL = Pruning.shown(COMMITS, Map.of());
    private static final Pruning.Shown REST = Pruning.shown(COMMITS, PRUNED);

    private MemoryIo disk = new MemoryIo();
    private DisturbedIo io = new DisturbedIo(disk);

    @BeforeEach
    void a_store_with_two_segments_a_generation_before_and_a_journal() {
        disk = new MemoryIo();
        io = new DisturbedIo(disk);
        try (JsonStore store = Sample.open(io)) {
            for (int i = 0; i < COMMITS; i++) {
                Sample.applied(store, Pruning.commit(i));
                if (i == 3 || i == 7) {
                    store.checkpoint();
                }
            }
        }
    }

    private static void assertGone(MemoryIo of, String what) {
        Pruning.assertGone(of.files(), PRUNED, COMMITS, what);
    }

    /** All or nothing, and what is not shown is nowhere. */
    private static Pruning.Shown opened(MemoryIo left, String what) {
        try (JsonStore store = Sample.open(left)) {
            Pruning.Shown found = Pruning.shown(store);
            assertThat(found).as(what).isIn(ALL, REST);
            if (found.equals(REST)) {
                assertGone(left, what);
                assertGone(left.crash(), what);
            }
            store.prune(PRUNED);
            assertThat(Pruning.shown(store)).as(what).isEqualTo(REST);
            assertGone(left.crash(), what);
            return found;
        }
    }

    @Test
    void one_fault_at_each_operation_of_a_pruning_is_told_or_does_no_harm() {
        int faults = 0;
        while (isReached(faults)) {
            faults++;
        }
        assertThat(faults).as("operations").isGreaterThan(40);
    }

    /** False if a pruning has no operation of that number. */
    private boolean isReached(int number) {
        a_store_with_two_segments_a_generation_before_and_a_journal();
        JsonStore store = Sample.open(io);
        int first = io.changes() + number;
        io.fail(op -> op.number() == first);
        Optional<StoreException> refusal = prune(store);
        boolean reached = io.changes() > first;
        io.calm();
        Pruning.Shown shown = Pruning.shown(store);
        String what = "fault at operation %d: %s: ".formatted(number, refusal);
        if (refusal.isEmpty()) {
            assertThat(shown).as(what).isEqualTo(REST);
            assertGone(disk, what);
            assertGone(disk.crash(), what);
        } else {
            assertThat(refusal.get()).hasMessageNotContaining("somebody");
            assertThat(shown).as(what).isIn(ALL, REST);
        }
        for (MemoryIo left : List.of(disk.kill(), disk.crash())) {
            Pruning.Shown found = opened(left, what);
            if (shown.equals(REST)) {
                assertThat(found).as(what).isEqualTo(REST);
            }
        }
        if (refusal.isPresent() && !(refusal.get() instanceof StoreFailedException)) {
            pruneAgain(store, what);
        }
        store.close();
        return reached;
    }

    private static Optional<StoreException> prune(JsonStore store) {
        try {
            store.prune(PRUNED);
            return Optional.empty();
        } catch (StoreException e) {
            return Optional.of(e);
        }
    }

    /** A store that goes on does it when it is asked again. */
    private void pruneAgain(JsonStore store, String what) {
        Optional<StoreException> refusal = prune(store);
        if (refusal.isPresent()) {
            assertThat(refusal.get()).as(what).isInstanceOf(StoreFailedException.class); // it failed beside the pruning
            return;
        }
        assertThat(Pruning.shown(store)).as(what).isEqualTo(REST);
        assertGone(disk, what);
        assertGone(disk.crash(), what);
    }

    private void refused(Predicate<Op> which, Pruning.Shown shown) {
        JsonStore store = Sample.open(io);
        io.fail(which);
        assertThatThrownBy(() -> store.prune(PRUNED))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("prune it again");
        assertThat(Pruning.shown(store)).isEqualTo(shown);
        io.calm();
        Sample.applied(store, Sample.put("agent:9", 1));
        store.prune(PRUNED);
        assertGone(disk, "");
        assertGone(disk.crash(), "");
        store.close();
    }

    @Test
    void a_segment_that_cannot_be_written_anew_leaves_all_texts() {
        refused(op -> op.kind() == Kind.CREATE && op.file().startsWith("audit-"), ALL);
    }

    @Test
    void a_snapshot_that_cannot_be_written_leaves_all_texts() {
        refused(op -> op.kind() == Kind.CREATE && op.file().startsWith("snapshot"), ALL);
    }

    @Test
    void files_that_cannot_be_removed_are_told_although_nobody_is_shown_them() {
        refused(op -> op.kind() == Kind.DELETE && op.file().startsWith("audit-"), REST);
    }

    @Test
    void a_pruning_that_failed_is_not_done_by_the_next_checkpoint() {
        try (JsonStore store = Sample.open(io)) {
            io.fail(op -> op.kind() == Kind.CREATE && op.file().startsWith("snapshot"));
            assertThatThrownBy(() -> store.prune(PRUNED)).isInstanceOf(StoreException.class);
            io.calm();

            store.checkpoint();

            assertThat(Pruning.shown(store)).isEqualTo(ALL);
            store.prune(PRUNED);
            assertThat(Pruning.shown(store)).isEqualTo(REST);
            assertGone(disk, "");
        }
    }
}
