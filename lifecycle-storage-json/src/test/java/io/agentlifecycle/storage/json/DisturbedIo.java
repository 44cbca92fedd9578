package io.agentlifecycle.storage.json;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Passes everything on to another disk; writes down what was done, and makes of it what a test wants to go wrong. */
final class DisturbedIo implements StorageIo {
    /** What was done. */
    enum Kind {
        LIST,
        CREATE_DIRECTORY,
        CREATE,
        OPEN_FOR_CUT,
        READ_ALL,
        READ,
        WRITE,
        TRUNCATE,
        FORCE,
        REPLACE,
        DELETE,
        FORCE_DIRECTORY,
        LOCK
    }

    /**
     * One thing that was done.
     *
     * @param number counts those that change something, from 0; -1 for one that does not
     * @param bytes how many bytes were to be written
     */
    record Op(int number, Kind kind, String file, long bytes) {
        boolean changes() {
            return number >= 0;
        }
    }

    /** What goes wrong. */
    interface Disturbance {
        /** Called before each operation. */
        void before(Op op) throws IOException;

        /** How many bytes of a write the disk takes. */
        default int takes(Op op) {
            return (int) op.bytes();
        }
    }

    private final StorageIo to;
    private final List<Op> ops = new ArrayList<>();
    private int changes;
    private volatile Disturbance disturbance = op -> {};
    private volatile long slow;

    DisturbedIo(StorageIo to) {
        this.to = to;
    }

    /** From now on this goes wrong, and nothing else. */
    DisturbedIo disturb(Disturbance value) {
        disturbance = value;
        return this;
    }

    /** The disk's clock goes on by that much. */
    void pass(long nanos) {
        slow += nanos;
    }

    /** Everything goes well from now on. */
    void calm() {
        disturbance = op -> {};
    }

    /** Each of these operations fails. */
    DisturbedIo fail(Predicate<Op> which) {
        return disturb(op -> {
            if (which.test(op)) {
                throw new IOException("the disk failed at " + op);
            }
        });
    }

    /** How many operations changed something so far. */
    int changes() {
        synchronized (ops) {
            return changes;
        }
    }

    /** What was done so far. */
    List<Op> ops() {
        synchronized (ops) {
            return List.copyOf(ops);
        }
    }

    /** What was done so far of that kind. */
    List<Op> ops(Kind kind) {
        return ops().stream().filter(op -> op.kind() == kind).toList();
    }

    void forget() {
        synchronized (ops) {
            ops.clear();
            changes = 0;
        }
    }

    /** Returns once {@code count} operations of {@code kind} have begun. */
    void await(Kind kind, int count) throws InterruptedException {
        synchronized (ops) {
            while (ops.stream().filter(op -> op.kind() == kind).count() < count) {
                ops.wait(60_000);
            }
        }
    }

    /** Whoever wants to force waits from now on, until the gate is opened. */
    Gate gate() {
        return gate(Kind.FORCE, null);
    }

    /** Whoever wants to do that waits from now on, until the gate is opened, and then fails if there is a cause. */
    Gate gate(Kind kind, @Nullable Throwable cause) {
        return gate(op -> op.kind() == kind, cause);
    }

    /**
     * Whoever wants to force a batch of the journal waits from now on, and not who begins a new segment: callers cannot
     * even put their lines into a batch meanwhile.
     */
    Gate gateOfBatch() {
        return gate(
                op -> op.kind() == Kind.FORCE
                        && op.file().startsWith("journal")
                        && ops(Kind.FORCE).stream()
                                        .filter(other -> other.file().equals(op.file()))
                                        .count()
                                > 1,
                null);
    }

    private Gate gate(Predicate<Op> which, @Nullable Throwable cause) {
        var gate = new Gate();
        disturb(op -> {
            if (which.test(op)) {
                gate.stand();
                disturbance = next -> {};
                if (cause instanceof IOException io) {
                    throw io;
                } else if (cause instanceof RuntimeException unchecked) {
                    throw unchecked;
                } else if (cause instanceof Error error) {
                    throw error;
                }
            }
        });
        return gate;
    }

    /** Where someone waits. */
    static final class Gate implements AutoCloseable {
        private final CountDownLatch arrived = new CountDownLatch(1);
        private final CountDownLatch opened = new CountDownLatch(1);

        private void stand() throws IOException {
            arrived.countDown();
            try {
                opened.await();
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
        }

        /** Returns once somebody stands there. */
        void awaitArrival() throws InterruptedException {
            if (!arrived.await(30, TimeUnit.SECONDS)) {
                throw new AssertionError("nobody came");
            }
        }

        void open() {
            opened.countDown();
        }

        @Override
        public void close() {
            open();
        }
    }

    private Op note(Kind kind, Path file, long bytes) {
        synchronized (ops) {
            boolean changing = kind != Kind.LIST && kind != Kind.READ_ALL && kind != Kind.READ && kind != Kind.LOCK;
            var op = new Op(changing ? changes++ : -1, kind, String.valueOf(file.getFileName()), bytes);
            ops.add(op);
            ops.notifyAll();
            return op;
        }
    }

    private void before(Kind kind, Path file) throws IOException {
        disturbance.before(note(kind, file, 0));
    }

    @Override
    public List<String> list(Path directory) throws IOException {
        before(Kind.LIST, directory);
        return to.list(directory);
    }

    @Override
    public boolean exists(Path path) throws IOException {
        return to.exists(path);
    }

    @Override
    public boolean isDirectory(Path path) throws IOException {
        return to.isDirectory(path);
    }

    @Override
    public boolean isLink(Path path) throws IOException {
        return to.isLink(path);
    }

    @Override
    public Path resolve(Path directory) throws IOException {
        return to.resolve(directory);
    }

    @Override
    public String fileSystem(Path directory) throws IOException {
        return to.fileSystem(directory);
    }

    @Override
    public boolean isOpenToOthers(Path path) throws IOException {
        return to.isOpenToOthers(path);
    }

    @Override
    public void createDirectory(Path directory) throws IOException {
        before(Kind.CREATE_DIRECTORY, directory);
        to.createDirectory(directory);
    }

    @Override
    public Output create(Path file) throws IOException {
        before(Kind.CREATE, file);
        return new DisturbedOutput(file, to.create(file));
    }

    @Override
    public Output openForCut(Path file) throws IOException {
        before(Kind.OPEN_FOR_CUT, file);
        return new DisturbedOutput(file, to.openForCut(file));
    }

    @Override
    public byte[] readAll(Path file, long max) throws IOException {
        before(Kind.READ_ALL, file);
        return to.readAll(file, max);
    }

    @Override
    public long size(Path file) throws IOException {
        return to.size(file);
    }

    @Override
    public int read(Path file, long offset, ByteBuffer into) throws IOException {
        before(Kind.READ, file);
        return to.read(file, offset, into);
    }

    @Override
    public void replace(Path from, Path to2) throws IOException {
        before(Kind.REPLACE, to2);
        to.replace(from, to2);
    }

    @Override
    public void delete(Path file) throws IOException {
        before(Kind.DELETE, file);
        to.delete(file);
    }

    @Override
    public void forceDirectory(Path directory) throws IOException {
        before(Kind.FORCE_DIRECTORY, directory);
        to.forceDirectory(directory);
    }

    @Override
    public long nanoTime() {
        return to.nanoTime() + slow;
    }

    @Override
    public Held lock(Path directory) throws IOException {
        before(Kind.LOCK, directory);
        return to.lock(directory);
    }

    private final class DisturbedOutput implements Output {
        private final Path file;
        private final Output out;

        DisturbedOutput(Path file, Output out) {
            this.file = file;
            this.out = out;
        }

        @Override
        public int write(ByteBuffer bytes) throws IOException {
            Op op = note(Kind.WRITE, file, bytes.remaining());
            Disturbance now = disturbance;
            int takes = Math.min(now.takes(op), bytes.remaining());
            if (takes > 0) {
                ByteBuffer part = bytes.slice(bytes.position(), takes);
                out.write(part);
                bytes.position(bytes.position() + part.position());
            }
            now.before(op);
            return takes;
        }

        @Override
        public void truncate(long size) throws IOException {
            DisturbedIo.this.before(Kind.TRUNCATE, file);
            out.truncate(size);
        }

        @Override
        public void force() throws IOException {
            DisturbedIo.this.before(Kind.FORCE, file);
            out.force();
        }

        @Override
        public void close() throws IOException {
            out.close();
        }
    }
}
