package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.error.StoreLockedException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** A disk in memory that knows what of it would survive the loss of power; it can keep a recording of what was done. */
final class MemoryIo implements StorageIo {
    private final MemoryDisk disk;
    private final Set<Path> locked = ConcurrentHashMap.newKeySet();
    private Optional<Recording> recording = Optional.empty();

    /** An empty disk. */
    MemoryIo() {
        this(new MemoryDisk());
    }

    MemoryIo(MemoryDisk disk) {
        this.disk = disk;
    }

    /** A disk with these files, which are durable. The arrays are not copied, and never written to. */
    static MemoryIo of(Map<Path, byte[]> files) {
        return new MemoryIo(MemoryDisk.of(files));
    }

    /** Writes down from now on what is done. */
    synchronized Recording record() {
        var begun = new Recording(disk);
        recording = Optional.of(begun);
        return begun;
    }

    /** All files as they would be read now. */
    synchronized Map<Path, byte[]> files() {
        return disk.files();
    }

    /** The disk after a loss of power that took all that was not forced. */
    MemoryIo crash() {
        return crash(MemoryDisk.Loss.ALL, new Random(0));
    }

    /** The disk after a loss of power. */
    synchronized MemoryIo crash(MemoryDisk.Loss loss, Random random) {
        return new MemoryIo(disk.after(loss, random));
    }

    /** The disk after the end of the process: everything is there, and what was not forced may still be lost. */
    MemoryIo kill() {
        return crash(MemoryDisk.Loss.NONE, new Random(0));
    }

    @Override
    public synchronized List<String> list(Path directory) {
        return disk.list(directory);
    }

    @Override
    public synchronized boolean exists(Path path) {
        return disk.exists(path);
    }

    @Override
    public synchronized boolean isDirectory(Path path) {
        return disk.isDirectory(path);
    }

    @Override
    public boolean isLink(Path path) {
        return false;
    }

    @Override
    public String fileSystem(Path directory) {
        return "memory";
    }

    @Override
    public boolean isOpenToOthers(Path path) {
        return false;
    }

    @Override
    public synchronized byte[] readAll(Path file, long max) throws IOException {
        if (size(file) > max) {
            throw new IOException(file + " is longer than " + max);
        }
        return disk.file(file).all();
    }

    @Override
    public synchronized long size(Path file) throws IOException {
        return disk.file(file).size();
    }

    @Override
    public synchronized int read(Path file, long offset, ByteBuffer into) throws IOException {
        MemoryDisk.Content content = disk.file(file);
        if (offset >= content.size()) {
            return -1;
        }
        int length = (int) Math.min(into.remaining(), content.size() - offset);
        into.put(content.bytes(), (int) offset, length);
        return length;
    }

    /** Makes a change, and writes it down if it worked. */
    private synchronized void change(String what, Recording.Redo change) throws IOException {
        change.on(disk);
        recording.ifPresent(begun -> begun.add(what, change));
    }

    @Override
    public void createDirectory(Path directory) throws IOException {
        change("createDirectory " + directory, on -> on.createDirectory(directory));
    }

    @Override
    public synchronized Output create(Path file) throws IOException {
        change("create " + file, on -> on.create(file));
        return new Handle(file, disk.id(file));
    }

    @Override
    public synchronized Output openForCut(Path file) throws IOException {
        return new Handle(file, disk.id(file));
    }

    @Override
    public void replace(Path from, Path to) throws IOException {
        change("replace " + to, on -> on.replace(from, to));
    }

    @Override
    public void delete(Path file) throws IOException {
        change("delete " + file, on -> on.delete(file));
    }

    @Override
    public void forceDirectory(Path directory) throws IOException {
        change("forceDirectory " + directory, on -> on.forceDirectory(directory));
    }

    @Override
    public long nanoTime() {
        return 0;
    }

    @Override
    public Held lock(Path directory) {
        if (!locked.add(directory)) {
            throw new StoreLockedException(directory + " is open already");
        }
        return new Held() {
            @Override
            public void ensureHeld() {
                // nobody takes it away
            }

            @Override
            public void close() {
                locked.remove(directory);
            }
        };
    }

    /** True if any directory is. */
    boolean isLocked() {
        return !locked.isEmpty();
    }

    private final class Handle implements Output {
        private final Path file;
        private final int content;

        Handle(Path file, int content) {
            this.file = file;
            this.content = content;
        }

        @Override
        public int write(ByteBuffer bytes) throws IOException {
            byte[] added = new byte[bytes.remaining()];
            bytes.get(added);
            change(
                    "write " + added.length + " to " + file,
                    on -> on.content(content).append(added));
            return added.length;
        }

        @Override
        public void truncate(long size) throws IOException {
            change("truncate " + file, on -> on.content(content).truncate((int) size));
        }

        @Override
        public void force() throws IOException {
            change("force " + file, on -> on.content(content).force());
        }

        @Override
        public void close() {
            // nothing is held
        }
    }
}
