package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;

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

/** A disk that does not do what it should, at chosen moments; {@link FaultEverywhereTest} has all the others. */
@Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class FaultTest {
    private static final List<Commit> SCRIPT = Journals.commits(24);

    /** How an operation goes wrong. */
    enum Fault {
        IO_EXCEPTION,
        /** Half of the bytes, then an exception. */
        TORN_WRITE,
        /** No bytes, for ever. */
        EMPTY_WRITES;

        DisturbedIo.Disturbance at(int number) {
            return new DisturbedIo.Disturbance() {
                @Override
                public void before(Op op) throws IOException {
                    if (op.number() == number && Fault.this != EMPTY_WRITES) {
                        throw new IOException("planted at " + op);
                    }
                }

                @Override
                public int takes(Op op) {
                    boolean here = op.number() == number;
                    return switch (Fault.this) {
                        case TORN_WRITE -> (int) (here ? op.bytes() / 2 : op.bytes());
                        case EMPTY_WRITES -> (int) (op.number() >= number && op.number() - number < 3 ? 0 : op.bytes());
                        case IO_EXCEPTION -> here ? 0 : (int) op.bytes();
                    };
                }
            };
        }
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

    @Test
    void a_disk_that_takes_a_few_bytes_at_a_time_gets_all_of_them() {
        var disk = new MemoryIo();
        var io = new DisturbedIo(disk);
        JsonStore store = Sample.open(io);
        io.disturb(new DisturbedIo.Disturbance() {
            @Override
            public void before(Op op) {}

            @Override
            public int takes(Op op) {
                return (int) Math.min(op.bytes(), 100);
            }
        });
        SCRIPT.forEach(commit -> Sample.applied(store, commit));
        store.checkpoint();
        store.close();

        try (JsonStore again = Sample.open(disk.crash())) {
            assertThat(Sample.content(again)).isEqualTo(Sample.content(SCRIPT));
        }
    }

    @Test
    void what_an_opening_read_from_the_page_cache_survives_a_power_cut_after_it() throws Exception {
        var disk = new MemoryIo();
        var io = new DisturbedIo(disk);
        JsonStore store = Sample.open(io);
        Sample.applied(store, Sample.put("before", 1));
        var crowd = new Crowd();
        DisturbedIo.Gate gate = io.gate();
        FutureTask<CommitResult> written = crowd.start(() -> store.commit(Sample.put("written", 1)));
        gate.awaitArrival();

        MemoryIo killed = disk.kill();
        Sample.Content seen;
        try (JsonStore next = Sample.open(killed)) {
            seen = Sample.content(next);
            assertThat(seen.records()).hasSize(2);
            try (JsonStore after = Sample.open(killed.crash())) {
                assertThat(Sample.content(after)).isEqualTo(seen);
            }
        }
        gate.close();
        Crowd.get(written);
        store.close();
    }
}
