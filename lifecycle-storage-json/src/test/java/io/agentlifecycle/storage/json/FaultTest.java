package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.storage.json.DisturbedIo.Kind;
import io.agentlifecycle.storage.json.DisturbedIo.Op;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A disk that does not do what it should. */
@Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class FaultTest {
    /** New segments and snapshots every few commits. */
    private static final Limits BUSY = new Limits(4 << 20, 2_500, 3_000, 500, 3_600_000);

    private static final List<Commit> SCRIPT = Journals.commits(24);

    /** How an operation goes wrong. */
    enum Fault {
        IO_EXCEPTION,
        RUNTIME_EXCEPTION,
        ERROR,
        /** Half of the bytes, then an exception. */
        TORN_WRITE,
        /** Half of the bytes, and no more is said. */
        SHORT_WRITE,
        /** No bytes, for ever. */
        EMPTY_WRITES;

        DisturbedIo.Disturbance at(int number) {
            return new DisturbedIo.Disturbance() {
                @Override
                public void before(Op op) throws IOException {
                    if (op.number() == number) {
                        switch (Fault.this) {
                            case IO_EXCEPTION, TORN_WRITE -> throw new IOException("planted at " + op);
                            case RUNTIME_EXCEPTION -> throw new IllegalStateException("planted at " + op);
                            case ERROR -> throw new InternalError("planted at " + op);
                            case SHORT_WRITE, EMPTY_WRITES -> {}
                        }
                    }
                }

                @Override
                public int takes(Op op) {
                    boolean here = op.number() == number;
                    return switch (Fault.this) {
                        case TORN_WRITE, SHORT_WRITE -> (int) (here ? op.bytes() / 2 : op.bytes());
                        case EMPTY_WRITES -> (int) (op.number() >= number && op.number() - number < 3 ? 0 : op.bytes());
                        case IO_EXCEPTION, RUNTIME_EXCEPTION, ERROR -> here ? 0 : (int) op.bytes();
                    };
                }
            };
        }
    }

    /** What a run of the script came to. */
    private static final class Run {
        private final MemoryIo disk = new MemoryIo();
        private final DisturbedIo io = new DisturbedIo(disk);
        private final List<Commit> acknowledged = new ArrayList<>();
        private final List<Commit> possible = new ArrayList<>();
        private boolean unknown;
        private boolean stopped;

        /** Commits all of the script; what is refused for want of room is tried a second time. */
        Run play(int failing, Fault fault) {
            JsonStore store = JsonStore.open(Sample.DIRECTORY, io, BUSY);
            io.disturb(fault.at(failing));
            for (Commit commit : SCRIPT) {
                CommitResult result = store.commit(commit);
                if (result instanceof CommitResult.Rejected full && full.reason() == CommitResult.Reason.FULL) {
                    assertThat(stopped).as("FULL after a stop").isFalse();
                    assertThat(Sample.content(store)).isEqualTo(Sample.content(acknowledged));
                    assertThat(store.findCommit(commit.requestId())).isEmpty();
                    result = store.commit(commit);
                }
                if (result instanceof CommitResult.Applied) {
                    assertThat(stopped).as("APPLIED after a stop").isFalse();
                    acknowledged.add(commit);
                } else {
                    unknown |= result instanceof CommitResult.Unknown;
                    if (result instanceof CommitResult.Unknown) {
                        assertThat(stopped).as("UNKNOWN after a stop").isFalse();
                        possible.add(commit);
                    } else {
                        assertThat(((CommitResult.Rejected) result).reason()).isEqualTo(CommitResult.Reason.FAILED);
                    }
                    stopped = true;
                    break;
                }
            }
            if (stopped) {
                CommitResult later = store.commit(Sample.put("later", 1));
                assertThat(((CommitResult.Rejected) later).reason()).isEqualTo(CommitResult.Reason.FAILED);
            }
            // reads go on
            assertThat(Sample.content(store)).isEqualTo(Sample.content(acknowledged));
            try {
                store.close();
            } catch (InternalError e) {
                assertThat(e).hasMessageStartingWith("planted");
            }
            assertThat(disk.isLocked()).as("the lock after close").isFalse();
            assertThatThrownBy(() -> store.get(Sample.key("later"))).isInstanceOf(StoreException.class);
            return this;
        }

        void judge(String what) {
            Sample.Content least = Sample.content(acknowledged);
            List<Commit> all = new ArrayList<>(acknowledged);
            all.addAll(possible);
            Sample.Content most = Sample.content(all);
            for (MemoryIo left : List.of(disk.kill(), disk.crash())) {
                try (JsonStore store = JsonStore.open(Sample.DIRECTORY, left, BUSY)) {
                    Sample.Content found = Sample.content(store);
                    assertThat(found).as(what).isIn(least, most);
                    for (Commit commit : possible) {
                        assertThat(store.findCommit(commit.requestId()).isPresent())
                                .as(what + ": findCommit tells")
                                .isEqualTo(!found.equals(least));
                        // the same request again is safe
                        Sample.applied(store, commit);
                        assertThat(Sample.content(store)).isEqualTo(most);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Fault.class)
    void one_fault_at_each_operation_loses_nothing_and_promises_nothing(Fault fault) {
        var sound = new Run();
        sound.play(Integer.MAX_VALUE, Fault.IO_EXCEPTION).judge("no fault");
        assertThat(sound.acknowledged).isEqualTo(SCRIPT);
        List<Op> ops = sound.io.ops().stream().filter(Op::changes).toList();
        assertThat(ops.stream()
                        .filter(op -> op.kind() == Kind.CREATE && op.file().startsWith("journal")))
                .hasSizeGreaterThan(3);
        assertThat(ops.stream().filter(op -> op.kind() == Kind.REPLACE)).hasSizeGreaterThan(1);
        int opening = operationsOfAnOpening();

        for (int at = opening; at < ops.size(); at++) {
            Op op = ops.get(at);
            String what = fault + " at " + op;
            boolean write = op.kind() == Kind.WRITE;
            boolean torn = fault.ordinal() >= Fault.TORN_WRITE.ordinal();
            if (torn && !write) {
                continue;
            }
            Run run;
            try {
                run = new Run().play(at, fault);
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError(what, e);
            }
            run.judge(what);
            // the directory is forced for a new segment, too
            boolean journal = op.file().startsWith("journal")
                    || op.kind() == Kind.FORCE_DIRECTORY
                            && ops.get(at - 1).file().startsWith("journal");
            if (journal && op.kind() == Kind.FORCE) {
                assertThat(run.io.ops().stream()
                                .filter(later -> later.number() > op.number() && later.kind() == Kind.FORCE))
                        .as(what + ": no force after a failed one")
                        .isEmpty();
            }
            if (fault == Fault.SHORT_WRITE) {
                assertThat(run.acknowledged).as(what).isEqualTo(SCRIPT);
            }
            if (!journal && fault != Fault.ERROR) {
                assertThat(run.acknowledged)
                        .as(what + ": the journal does not need a snapshot")
                        .isEqualTo(SCRIPT);
            }
        }
    }

    private static int operationsOfAnOpening() {
        var io = new DisturbedIo(new MemoryIo());
        JsonStore store = JsonStore.open(Sample.DIRECTORY, io, BUSY);
        int operations = io.changes();
        store.close();
        return operations;
    }

    @Test
    void a_write_that_fails_is_answered_with_full_and_the_store_goes_on() {
        for (Fault fault : List.of(Fault.IO_EXCEPTION, Fault.TORN_WRITE, Fault.EMPTY_WRITES)) {
            for (int nth = 0; nth < 6; nth++) {
                var disk = new MemoryIo();
                var io = new DisturbedIo(disk);
                List<Commit> stored = new ArrayList<>();
                try (JsonStore store = Sample.open(io)) {
                    for (int i = 0; i < 6; i++) {
                        Commit commit = SCRIPT.get(i);
                        if (i == nth) {
                            io.disturb(fault.at(io.changes()));
                            CommitResult full = store.commit(commit);
                            assertThat(((CommitResult.Rejected) full).reason()).isEqualTo(CommitResult.Reason.FULL);
                            assertThat(Sample.content(store)).isEqualTo(Sample.content(stored));
                        }
                        Sample.applied(store, commit);
                        stored.add(commit);
                    }
                }
                for (MemoryIo left : List.of(disk.kill(), disk.crash())) {
                    try (JsonStore store = Sample.open(left)) {
                        assertThat(Sample.content(store)).isEqualTo(Sample.content(stored));
                        assertThat(store.describe().openReport().cutBytes()).isZero();
                    }
                }
            }
        }
    }

    @Test
    void a_full_disk_drops_what_waits_behind_it_too() throws Exception {
        var disk = new MemoryIo();
        var io = new DisturbedIo(disk);
        JsonStore store = Sample.open(io);
        Sample.applied(store, Sample.put("before", 1));
        var crowd = new Crowd();
        DisturbedIo.Gate gate = io.gate(Kind.WRITE, new IOException("planted"));
        FutureTask<CommitResult> first = crowd.start(() -> store.commit(Sample.put("first", 1)));
        gate.awaitArrival();
        List<FutureTask<CommitResult>> others = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            String id = "other-" + i;
            others.add(crowd.start(() -> store.commit(Sample.put(id, 1))));
        }
        store.heartbeats(List.of(Sample.beat("before", 1)));
        crowd.awaitStandstill();
        gate.close();

        assertThat(((CommitResult.Rejected) Crowd.get(first)).reason()).isEqualTo(CommitResult.Reason.FULL);
        for (FutureTask<CommitResult> other : others) {
            assertThat(((CommitResult.Rejected) Crowd.get(other)).reason()).isEqualTo(CommitResult.Reason.FULL);
        }
        Sample.applied(store, Sample.put("first", 1));
        Sample.applied(store, Sample.put("before", 2));
        Sample.Content content = Sample.content(store);
        assertThat(content.records()).hasSize(2);
        store.close();
        try (JsonStore again = Sample.open(disk.crash())) {
            assertThat(Sample.content(again)).isEqualTo(content);
        }
    }

    @Test
    void a_failed_force_tells_those_behind_it_that_nothing_of_theirs_was_written() throws Exception {
        for (Throwable cause : List.of(
                new IOException("planted"), new IllegalStateException("planted"), new InternalError("planted"))) {
            var disk = new MemoryIo();
            var io = new DisturbedIo(disk);
            JsonStore store = Sample.open(io);
            var crowd = new Crowd();
            DisturbedIo.Gate gate = io.gate(Kind.FORCE, cause);
            FutureTask<CommitResult> first = crowd.start(() -> store.commit(Sample.put("first", 1)));
            gate.awaitArrival();
            List<FutureTask<CommitResult>> others = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                String id = "other-" + i;
                others.add(crowd.start(() -> store.commit(Sample.put(id, 1))));
            }
            FutureTask<CommitResult> conflicting = crowd.start(() -> store.commit(Sample.put("first", 1)));
            crowd.awaitStandstill();
            gate.close();

            assertThat(Crowd.get(first)).as("%s", cause).isInstanceOf(CommitResult.Unknown.class);
            for (FutureTask<CommitResult> other : others) {
                assertThat(((CommitResult.Rejected) Crowd.get(other)).reason()).isEqualTo(CommitResult.Reason.FAILED);
            }
            assertThat(Crowd.get(conflicting)).isInstanceOf(CommitResult.Rejected.class);
            assertThat(store.get(Sample.key("first"))).isEmpty();
            store.close();
            for (MemoryIo left : List.of(disk.kill(), disk.crash())) {
                try (JsonStore again = Sample.open(left)) {
                    assertThat(Sample.content(again).records()).hasSizeLessThan(2);
                }
            }
        }
    }

    @Test
    void a_cut_that_fails_stops_the_store() {
        for (Kind failing : List.of(Kind.TRUNCATE, Kind.FORCE)) {
            var disk = new MemoryIo();
            var io = new DisturbedIo(disk);
            JsonStore store = Sample.open(io);
            Sample.applied(store, Sample.put("a", 1));
            io.fail(op -> op.kind() == Kind.WRITE || op.kind() == failing);

            assertThat(store.commit(Sample.put("a", 2))).isInstanceOf(CommitResult.Unknown.class);
            io.calm();
            assertThat(((CommitResult.Rejected) store.commit(Sample.put("b", 1))).reason())
                    .isEqualTo(CommitResult.Reason.FAILED);
            assertThat(store.get(Sample.key("a")).orElseThrow().version()).isEqualTo(1);
            store.close();
            try (JsonStore again = Sample.open(disk.kill())) {
                assertThat(Sample.content(again).records())
                        .isIn(List.of(Sample.record("a", 1)), List.of(Sample.record("a", 2)));
            }
        }
    }

    @Test
    void an_interrupted_caller_keeps_its_flag_and_harms_nobody() throws Exception {
        var disk = new MemoryIo();
        try (JsonStore store = Sample.open(disk)) {
            var crowd = new Crowd();
            List<FutureTask<Boolean>> done = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                String id = "agent:" + i;
                done.add(crowd.start(() -> {
                    boolean kept = true;
                    for (long version = 1; version <= 100; version++) {
                        Thread.currentThread().interrupt();
                        Sample.applied(store, Sample.put(id, version));
                        kept &= Thread.interrupted();
                    }
                    return kept;
                }));
            }
            for (FutureTask<Boolean> one : done) {
                assertThat(Crowd.get(one)).as("the flag is kept").isTrue();
            }
            assertThat(Sample.content(store).records()).hasSize(8).allMatch(record -> record.version() == 100);
        }
    }

    @Test
    void an_interrupted_caller_can_commit_and_read_on_the_real_disk(
            @org.junit.jupiter.api.io.TempDir java.nio.file.Path directory) throws Exception {
        try (JsonStore store = JsonStore.open(directory.resolve("store"))) {
            Sample.applied(store, Sample.put("a", 1));
            var crowd = new Crowd();
            FutureTask<List<StoredEvent>> reader = crowd.start(() -> {
                Thread.currentThread().interrupt();
                Sample.applied(store, Sample.put("a", 2));
                List<StoredEvent> trail = store.trail("a", 0, 10);
                assertThat(Thread.currentThread().isInterrupted()).isTrue();
                return trail;
            });

            assertThat(Crowd.get(reader)).hasSize(2);
            Sample.applied(store, Sample.put("a", 3));
        }
    }
}
