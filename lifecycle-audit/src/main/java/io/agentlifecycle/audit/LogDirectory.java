package io.agentlifecycle.audit;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/** The files of a log in a directory, for its owner only. One process has it, and in that one user, until it is closed. */
final class LogDirectory implements LogFiles, AutoCloseable {
    private static final String TEMPORARY = ".tmp";
    private static final String LOCK = "TREE.LOCK";

    /** The process has one lock for all of its users, and would lose it when a second one closes the file. */
    private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

    private static final boolean POSIX =
            FileSystems.getDefault().supportedFileAttributeViews().contains("posix");

    private final Path root;
    private final FileChannel lock;

    private LogDirectory(Path root, FileChannel lock) {
        this.root = root;
        this.lock = lock;
    }

    /**
     * Makes the directory if it is not there, and takes it.
     *
     * @throws IOException if someone else has it, or it cannot be made
     */
    static LogDirectory open(Path directory) throws IOException {
        makeFolder(directory.toAbsolutePath());
        Path root = directory.toRealPath();
        if (Files.exists(root.resolve("MANIFEST.json"))) {
            throw new IOException(root + " belongs to a store; give the tree a folder of its own");
        }
        if (!HELD.add(root)) {
            throw new IOException(root + " is in use in this process");
        }
        FileChannel lock = null;
        try {
            lock = FileChannel.open(
                    root.resolve(LOCK),
                    Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
                    ownerOnly("rw-------"));
            if (lock.tryLock() == null) {
                throw new IOException(root + " is in use by another process");
            }
            return new LogDirectory(root, lock);
        } catch (IOException | RuntimeException e) {
            if (lock != null) {
                lock.close();
            }
            HELD.remove(root);
            throw e;
        }
    }

    @Override
    public void close() throws IOException {
        try {
            lock.close();
        } finally {
            HELD.remove(root);
        }
    }

    @Override
    public Optional<byte[]> read(String path, int most) throws IOException {
        Path file = root.resolve(path);
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(most + 1);
            if (bytes.length > most) {
                throw new IOException("%s has more than %d bytes".formatted(file, most));
            }
            return Optional.of(bytes);
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    @Override
    public void write(String path, byte[] bytes) throws IOException {
        Path file = root.resolve(path);
        makeFolder(parent(file));
        Path temporary = file.resolveSibling(file.getFileName() + TEMPORARY);
        Files.deleteIfExists(temporary);
        try (FileChannel channel = FileChannel.open(
                temporary, Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE), ownerOnly("rw-------"))) {
            ByteBuffer left = ByteBuffer.wrap(bytes);
            while (left.hasRemaining()) {
                channel.write(left);
            }
            channel.force(true);
        }
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        force(parent(file));
    }

    @Override
    public void deleteFolder(String path) throws IOException {
        Path folder = root.resolve(path);
        if (!Files.isDirectory(folder)) {
            return;
        }
        List<Path> all;
        try (Stream<Path> found = Files.walk(folder)) {
            all = found.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path each : all) {
            Files.deleteIfExists(each);
        }
    }

    /** Makes what is missing of a folder's path, and its names durable. */
    private static void makeFolder(Path folder) throws IOException {
        Deque<Path> missing = new ArrayDeque<>();
        for (Path path = folder; !Files.isDirectory(path); path = parent(path)) {
            missing.push(path);
        }
        for (Path path : missing) {
            Files.createDirectory(path, ownerOnly("rwx------"));
            force(parent(path));
        }
    }

    static Path parent(Path path) {
        Path parent = path.toAbsolutePath().getParent();
        if (parent == null) {
            throw new IllegalArgumentException(path + " stands in no folder");
        }
        return parent;
    }

    private static FileAttribute<?>[] ownerOnly(String permissions) {
        return POSIX
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions))
                }
                : new FileAttribute<?>[0];
    }

    /** Makes the names in a folder durable. */
    private static void force(Path folder) throws IOException {
        if (!POSIX) {
            return; // elsewhere a folder cannot be opened, and the file system keeps its names by itself
        }
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }
}
