package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.error.StoreFailedException;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.storage.json.DisturbedIo.Kind;
import io.agentlifecycle.storage.json.DisturbedIo.Op;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Each operation on the disk goes wrong once, in each way: of making a store, of using it with several callers, of
 * closing it and of opening it again. A run whose fault comes too late to happen is the last one.
 */
@Timeout(value = 30, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class FaultEverywhereTest {
    /** New segments and snapshots every few commits. */
    private static final Limits BUSY = new Limits(4 << 20, 2_500, 3_000, 500, 3_600_000);

    /** How an operation goes wrong. */
    enum Fault {
        /** EIO. */
        IO_EXCEPTION,
        /** ENOSPC: nothing can be made or written, until somebody hears of it. */
        NO_SPACE,
        RUNTIME_EXCEPTION,
        OUT_OF_MEMORY,
        /** Half of the bytes, then an exception. */
        TORN_WRITE,
        /** Half of the bytes, and no more is said. */
        SHORT_WRITE,
        /** No bytes. */
        EMPTY_WRITES,
        /** The caller is interrupted meanwhile. */
        INTERRUPT,
        /** The disk stands still for a while. */
        STALL;

        /** Nobody has to hear of it. */
        boolean isHarmless() {
            return this == SHORT_WRITE || this == INTERRUPT || this == STALL;
        }
    }

    /** Makes the operation of that number go wrong. */
    private static final class Planted implements DisturbedIo.Disturbance {
        private final Fault fault;
        private final int number;
        private final Thread caller = Thread.currentThread();
        private final CountDownLatch stalled = new CountDownLatch(1);
        private final CountDownLatch released = new CountDownLatch(1);
        private volatile Optional<Op> fired = Optional.empty();
        private volatile boolean roomAgain;

        Planted(Fault fault, int number) {
            this.fault = fault;
            this.number = number;
        }

        private boolean isHere(Op op) {
            boolean writes = op.kind() == Kind.WRITE;
            boolean takesRoom = writes || op.kind() == Kind.CREATE || op.kind() == Kind.CREATE_DIRECTORY;
            return switch (fault) {
                case NO_SPACE -> takesRoom && op.number() >= number && !roomAgain;
                case EMPTY_WRITES -> writes && op.number() >= number && op.number() < number + 3;
                case TORN_WRITE, SHORT_WRITE -> writes && op.number() == number;
                default -> op.number() == number;
            };
        }

        @Override
        public void before(Op op) throws IOException {
            if (!isHere(op)) {
                return;
            }
            if (fired.isEmpty()) {
                fired = Optional.of(op);
            }
            switch (fault) {
                case IO_EXCEPTION, NO_SPACE, TORN_WRITE -> throw new IOException("planted at " + op);
                case RUNTIME_EXCEPTION -> throw new IllegalStateException("planted at " + op);
                case OUT_OF_MEMORY -> throw new OutOfMemoryError("planted at " + op);
                case INTERRUPT -> caller.interrupt();
                case STALL -> {
                    stalled.countDown();
                    awaitRelease();
                }
                case SHORT_WRITE, EMPTY_WRITES -> {}
            }
        }

        private void awaitRelease() {
            boolean interrupted = false;
            while (released.getCount() > 0) {
                try {
                    released.await();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }

        @Override
        public int takes(Op op) {
            if (!isHere(op)) {
                return (int) op.bytes();
            }
            return switch (fault) {
                case TORN_WRITE, SHORT_WRITE -> (int) (op.bytes() / 2);
                case INTERRUPT, STALL -> (int) op.bytes();
                default -> 0;
            };
        }
    }

    /** What a run came to. */
    private static final class Run {
        private final MemoryIo disk = new MemoryIo();
        private final DisturbedIo io = new DisturbedIo(disk);
        private final Planted planted;
        private final Limits limits;
        private final Map<Commit, CommitResult> results = new HashMap<>();
        private volatile Optional<JsonStore> store = Optional.empty();
        /** What was done to copies, whose files have the same names. */
        private final Set<Op> copied = new HashSet<>();

        private boolean stopped;
        private boolean interrupted;

        Run(Fault fault, int number, Limits limits) {
            this.planted = new Planted(fault, number);
            this.limits = limits;
            io.disturb(planted);
        }

        /** Two openings; what is refused for want of room is tried a second time. */
        void play() throws Exception {
            for (int opening = 0; opening < 2 && !stopped; opening++) {
                JsonStore opened = open();
                store = Optional.of(opened);
                for (int i = 0; i < 6 && !stopped; i++) {
                    long version = opening * 6L + i + 1;
                    commit(opened, Sample.put("alone", version));
                    beat(opened, (int) version);
                    // several callers at once share a batch or not
                    var crowd = new Crowd();
                    List<Commit> together = List.of(Sample.put("one", version), Sample.put("other", version));
                    List<FutureTask<CommitResult>> answers = together.stream()
                            .map(commit -> crowd.start(() -> opened.commit(commit)))
                            .toList();
                    // all of them first: what waits behind a batch that finds no room is refused with it
                    List<CommitResult> given = new ArrayList<>();
                    for (FutureTask<CommitResult> each : answers) {
                        given.add(answer(each));
                    }
                    for (int k = 0; k < together.size(); k++) {
                        took(opened, together.get(k), given.get(k));
                    }
                    if (i == 3 && !stopped) {
                        attempt(opened::checkpoint);
                        int copying = io.changes();
                        attempt(() -> opened.backup(Sample.DIRECTORY.resolveSibling("backup-" + version)));
                        copied.addAll(io.ops().stream()
                                .filter(op -> op.number() >= copying)
                                .toList());
                    }
                }
                if (stopped) {
                    assertStopped(opened);
                }
                assertShows(opened);
                store = Optional.empty();
                close(opened);
                assertNothingForcedTwice();
            }
        }

        /** An opening that fails changes nothing, and the next one works. */
        private JsonStore open() {
            try {
                return JsonStore.open(Sample.DIRECTORY, io, limits);
            } catch (StoreException | IllegalStateException | OutOfMemoryError e) {
                assertThat(planted.fired)
                        .as("what else but the planted fault: " + e)
                        .isPresent();
                assertThat(disk.isLocked())
                        .as("the lock after an opening that failed")
                        .isFalse();
                planted.roomAgain = true;
                return JsonStore.open(Sample.DIRECTORY, io, limits);
            }
        }

        private void commit(JsonStore opened, Commit commit) {
            took(opened, commit, opened.commit(commit));
        }

        /** Something that may fail without harm. */
        private void attempt(Runnable something) {
            try {
                something.run();
            } catch (StoreException | IllegalStateException | OutOfMemoryError e) {
                assertThat(planted.fired)
                        .as("what else but the planted fault: " + e)
                        .isPresent();
            }
        }

        private void beat(JsonStore opened, int count) {
            try {
                opened.heartbeats(List.of(Sample.beat("alone", count)));
            } catch (StoreFailedException e) {
                assertThat(planted.fired)
                        .as("what else but the planted fault: " + e)
                        .isPresent();
                stopped = true;
            }
        }

        /** The answer, also if the caller is interrupted while it waits. */
        private CommitResult answer(FutureTask<CommitResult> task) throws Exception {
            while (true) {
                try {
                    return Crowd.get(task);
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }

        private void took(JsonStore opened, Commit commit, CommitResult given) {
            CommitResult result = given;
            if (isRejected(result, CommitResult.Reason.FULL)) {
                assertThat(planted.fault.isHarmless()).as("FULL for nothing").isFalse();
                assertThat(opened.findCommit(commit.requestId())).isEmpty();
                planted.roomAgain = true;
                result = opened.commit(commit);
            }
            results.put(commit, result);
            if (!(result instanceof CommitResult.Applied)) {
                assertThat(result instanceof CommitResult.Unknown || isRejected(result, CommitResult.Reason.FAILED))
                        .as("%s", result)
                        .isTrue();
                stopped = true;
            }
        }

        private static boolean isRejected(CommitResult result, CommitResult.Reason reason) {
            return result instanceof CommitResult.Rejected rejected && rejected.reason() == reason;
        }

        /** It stays stopped, whether the disk works again or not, and touches nothing. */
        private void assertStopped(JsonStore opened) {
            int before = journalOps(0).size();
            for (int i = 0; i < 3; i++) {
                assertThat(isRejected(opened.commit(Sample.put("later", 1)), CommitResult.Reason.FAILED))
                        .as("FAILED once it has stopped")
                        .isTrue();
            }
            assertThat(journalOps(0))
                    .as("what a stopped store does to its journal")
                    .hasSize(before);
        }

        private List<Op> journalOps(int from) {
            return io.ops().stream()
                    .filter(op -> op.number() >= from && op.file().startsWith("journal") && !copied.contains(op))
                    // a checkpoint that is durable may still remove older segments
                    .filter(op -> op.kind() != Kind.DELETE)
                    .toList();
        }

        /** Readers see what was acknowledged, and nothing that was not. */
        private void assertShows(JsonStore opened) {
            List<Commit> applied = new ArrayList<>();
            results.entrySet().stream()
                    .filter(entry -> entry.getValue() instanceof CommitResult.Applied)
                    .sorted(Comparator.comparing(entry -> ((CommitResult.Applied) entry.getValue()).seq()))
                    .forEach(entry -> applied.add(entry.getKey()));
            assertThat(Sample.content(opened)).isEqualTo(Sample.content(applied));
        }

        private void close(JsonStore opened) {
            try {
                opened.close();
            } catch (IllegalStateException | OutOfMemoryError e) {
                assertThat(e).hasMessageStartingWith("planted");
            }
            assertThat(disk.isLocked()).as("the lock after close").isFalse();
        }

        /** A force that failed is not tried again: the system may have dropped what it could not write. */
        private void assertNothingForcedTwice() {
            if (planted.fired.isEmpty() || planted.fired.get().kind() != Kind.FORCE || planted.fault.isHarmless()) {
                return;
            }
            Op failed = planted.fired.get();
            for (Op op : io.ops()) {
                if (op.number() > failed.number()
                        && op.file().equals(failed.file())
                        && copied.contains(op) == copied.contains(failed)) {
                    assertThat(op.kind())
                            .as("after " + failed + " comes " + op)
                            .isIn(Kind.DELETE, Kind.CREATE, Kind.OPEN_FOR_CUT); // the last by another opening
                    break;
                }
            }
            if (stopped && failed.file().startsWith("journal")) {
                assertThat(journalOps(failed.number() + 1)).isEmpty();
            }
        }

        void judge() {
            for (MemoryIo left : List.of(disk.kill(), disk.crash())) {
                try (JsonStore again = JsonStore.open(Sample.DIRECTORY, left, limits)) {
                    Map<Long, Commit> found = new TreeMap<>();
                    results.forEach((commit, result) -> {
                        Optional<CommitResult> there = again.findCommit(commit.requestId());
                        if (result instanceof CommitResult.Applied) {
                            assertThat(there).as("what was acknowledged").contains(result);
                        } else if (isRejected(result, CommitResult.Reason.FAILED)) {
                            assertThat(there).as("what was never written").isEmpty();
                        }
                        there.ifPresent(applied -> found.put(((CommitResult.Applied) applied).seq(), commit));
                    });
                    assertThat(Sample.content(again)).isEqualTo(Sample.content(List.copyOf(found.values())));
                    // what nobody knew of can be asked for again
                    results.keySet().stream()
                            .sorted(Comparator.comparing(
                                    commit -> commit.requestId().value()))
                            .filter(commit -> results.get(commit) instanceof CommitResult.Unknown)
                            .forEach(commit -> Sample.applied(again, commit));
                }
            }
        }
    }

    /** False if there is no such operation. */
    private static boolean happens(Fault fault, int number, Limits limits) throws Exception {
        var run = new Run(fault, number, limits);
        if (fault == Fault.STALL) {
            playWithStall(run);
        } else {
            run.play();
            boolean interrupted = Thread.interrupted() || run.interrupted;
            assertThat(interrupted)
                    .as("the flag of the caller")
                    .isEqualTo(fault == Fault.INTERRUPT && run.planted.fired.isPresent());
        }
        if (fault.isHarmless()) {
            assertThat(run.stopped).as("stopped for nothing").isFalse();
            assertThat(run.results).hasSize(36);
        }
        run.judge();
        return number < run.io.changes();
    }

    /** While the disk stands still, readers read on. */
    private static void playWithStall(Run run) throws Exception {
        var crowd = new Crowd();
        FutureTask<Boolean> playing = crowd.start(() -> {
            try {
                run.play();
            } finally {
                run.planted.stalled.countDown();
            }
            return true;
        });
        run.planted.stalled.await();
        try {
            for (JsonStore store : run.store.stream().toList()) {
                FutureTask<Boolean> reading = crowd.start(() -> {
                    try {
                        return store.get(Sample.key("nobody")).isEmpty();
                    } catch (StoreException closed) {
                        return true;
                    }
                });
                assertThat(Crowd.get(reading)).isTrue();
            }
        } finally {
            run.planted.released.countDown();
        }
        Crowd.get(playing);
    }

    @ParameterizedTest
    @EnumSource(Fault.class)
    @Tag("once")
    void one_fault_at_each_operation_loses_nothing_and_promises_nothing(Fault fault) {
        everywhere(fault, BUSY);
    }

    @ParameterizedTest
    @EnumSource(Fault.class)
    @Tag("deep")
    void one_fault_at_each_operation_of_many_runs_loses_nothing_and_promises_nothing(Fault fault) {
        for (int seed = 0; seed < 8; seed++) {
            var random = new Random(seed);
            int segment = 700 + random.nextInt(4_000);
            everywhere(fault, new Limits(4 << 20, segment, random.nextInt(5_000), 500, random.nextInt(3)));
        }
    }

    private static void everywhere(Fault fault, Limits limits) {
        int number = 0;
        while (happensAt(fault, number, limits)) {
            number++;
        }
        assertThat(number).as("operations").isGreaterThan(100);
    }

    @Test
    void an_opening_that_cannot_read_is_refused_and_harms_nothing() {
        List<Commit> commits = Journals.commits(9);
        Map<Path, byte[]> files = Journals.withSnapshot(commits);
        Sample.Content content = Sample.content(commits);
        int reads = 0;
        for (boolean fired = true; fired; reads++) {
            var disk = MemoryIo.of(files);
            var io = new DisturbedIo(disk);
            int failing = reads;
            var count = new AtomicInteger();
            io.disturb(op -> {
                if (!op.changes() && count.getAndIncrement() == failing) {
                    throw new IOException("planted at " + op);
                }
            });
            JsonStore store = null;
            try {
                store = Sample.open(io);
            } catch (StoreException e) {
                assertThat(disk.isLocked())
                        .as("the lock after an opening that failed")
                        .isFalse();
            }
            fired = count.get() > failing;
            assertThat(store != null)
                    .as("whether it opened although read %d failed", failing)
                    .isEqualTo(!fired);
            io.calm();
            try (JsonStore again = store == null ? Sample.open(io) : store) {
                assertThat(Sample.content(again)).isEqualTo(content);
            }
        }
        assertThat(reads).isGreaterThan(5);
    }

    private static boolean happensAt(Fault fault, int number, Limits limits) {
        try {
            return happens(fault, number, limits);
        } catch (Exception | AssertionError e) {
            throw new AssertionError("%s at operation %d: %s".formatted(fault, number, e), e);
        }
    }
}
