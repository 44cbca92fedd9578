package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.error.StoreLockedException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A disk in memory that knows what of it would survive the loss of power: of a file what {@code force} has seen, of a
 * directory the names that {@code forceDirectory} has seen. Directories themselves survive at once.
 */
final class MemoryIo implements StorageIo {
    private static final class Content {
        private byte[] bytes;
        private int size;
        private int durableSize;
        private Optional<byte[]> durableBeforeCut = Optional.empty();

        Content(byte[] bytes) {
            this.bytes = bytes;
            this.size = bytes.length;
        }

        byte[] durable() {
            return durableBeforeCut.orElseGet(() -> Arrays.copyOf(bytes, durableSize));
        }

        void force() {
            durableSize = size;
            durableBeforeCut = Optional.empty();
        }

        void truncate(int length) {
            if (length < durableSize && durableBeforeCut.isEmpty()) {
                durableBeforeCut = Optional.of(durable());
            }
            bytes = Arrays.copyOf(bytes, length);
            size = length;
        }

        byte[] all() {
            return size == bytes.length ? bytes : Arrays.copyOf(bytes, size);
        }
    }

    private final Map<Path, Content> files = new HashMap<>();
    private final Map<Path, Content> durableNames = new HashMap<>();
    private final TreeSet<Path> directories = new TreeSet<>();
    private final AtomicBoolean locked = new AtomicBoolean();

    /** An empty disk. */
    MemoryIo() {}

    /** A disk with these files, which are durable. The arrays are not copied, and never written to. */
    static MemoryIo of(Map<Path, byte[]> given) {
        var io = new MemoryIo();
        given.forEach((path, bytes) -> {
            var content = new Content(bytes);
            content.force();
            io.files.put(path, content);
            io.durableNames.put(path, content);
            for (Path above = path.getParent(); above != null; above = above.getParent()) {
                io.directories.add(above);
            }
        });
        return io;
    }

    /** All files as they would be read now. */
    synchronized Map<Path, byte[]> files() {
        Map<Path, byte[]> all = new TreeMap<>();
        files.forEach((path, content) -> all.put(path, content.all()));
        return all;
    }

    /** The disk after a loss of power that took all that was not forced. */
    synchronized MemoryIo crash() {
        Map<Path, byte[]> left = new HashMap<>();
        durableNames.forEach((path, content) -> left.put(path, content.durable()));
        return withDirectories(of(left));
    }

    /** The disk after the end of the process: everything is there. */
    synchronized MemoryIo kill() {
        return withDirectories(of(files()));
    }

    private MemoryIo withDirectories(MemoryIo other) {
        other.directories.addAll(directories);
        return other;
    }

    @Override
    public synchronized List<String> list(Path directory) {
        TreeSet<String> names = new TreeSet<>();
        for (Path path : files.keySet()) {
            if (path.getParent().equals(directory)) {
                names.add(path.getFileName().toString());
            }
        }
        for (Path path : directories) {
            if (directory.equals(path.getParent())) {
                names.add(path.getFileName().toString());
            }
        }
        return List.copyOf(names);
    }

    @Override
    public synchronized boolean exists(Path path) {
        return files.containsKey(path) || directories.contains(path);
    }

    @Override
    public synchronized boolean isDirectory(Path path) {
        return directories.contains(path);
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
    public synchronized void createDirectory(Path directory) {
        for (Path above = directory; above != null; above = above.getParent()) {
            directories.add(above);
        }
    }

    @Override
    public synchronized Output create(Path file) throws IOException {
        if (exists(file)) {
            throw new FileAlreadyExistsException(file.toString());
        }
        if (!directories.contains(file.getParent())) {
            throw new FileNotFoundException(file.toString());
        }
        var content = new Content(new byte[0]);
        files.put(file, content);
        return new Handle(content);
    }

    @Override
    public synchronized Output openForCut(Path file) throws IOException {
        return new Handle(content(file));
    }

    @Override
    public synchronized byte[] readAll(Path file, long max) throws IOException {
        if (size(file) > max) {
            throw new IOException(file + " is longer than " + max);
        }
        return content(file).all();
    }

    @Override
    public synchronized long size(Path file) throws IOException {
        return content(file).size;
    }

    @Override
    public synchronized int read(Path file, long offset, ByteBuffer into) throws IOException {
        Content content = content(file);
        if (offset >= content.size) {
            return -1;
        }
        int length = (int) Math.min(into.remaining(), content.size - offset);
        into.put(content.bytes, (int) offset, length);
        return length;
    }

    @Override
    public synchronized void replace(Path from, Path to) throws IOException {
        files.put(to, content(from));
        files.remove(from);
    }

    @Override
    public synchronized void delete(Path file) throws IOException {
        content(file);
        files.remove(file);
    }

    @Override
    public synchronized void forceDirectory(Path directory) {
        durableNames.keySet().removeIf(path -> path.getParent().equals(directory));
        files.forEach((path, content) -> {
            if (path.getParent().equals(directory)) {
                durableNames.put(path, content);
            }
        });
    }

    @Override
    public Held lock(Path directory) {
        if (!locked.compareAndSet(false, true)) {
            throw new StoreLockedException(directory + " is open already");
        }
        return new Held() {
            @Override
            public void ensureHeld() {
                // nobody takes it away
            }

            @Override
            public void close() {
                locked.set(false);
            }
        };
    }

    boolean isLocked() {
        return locked.get();
    }

    private Content content(Path file) throws IOException {
        Content found = files.get(file);
        if (found == null) {
            throw new FileNotFoundException(file.toString());
        }
        return found;
    }

    private final class Handle implements Output {
        private final Content content;

        Handle(Content content) {
            this.content = content;
        }

        @Override
        public int write(ByteBuffer bytes) {
            synchronized (MemoryIo.this) {
                int length = bytes.remaining();
                if (content.size + length > content.bytes.length) {
                    content.bytes = Arrays.copyOf(content.bytes, (content.size + length) * 2);
                }
                bytes.get(content.bytes, content.size, length);
                content.size += length;
                return length;
            }
        }

        @Override
        public void truncate(long size) {
            synchronized (MemoryIo.this) {
                content.truncate((int) size);
            }
        }

        @Override
        public void force() {
            synchronized (MemoryIo.this) {
                content.force();
            }
        }

        @Override
        public void close() {
            // nothing is held
        }
    }
}
