package io.agentlifecycle.audit;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The files of a log in a directory, for its owner only. One process has it, and in that one user, until it is closed. */
final class LogDirectory extends Folder implements AutoCloseable {
    private static final String LOCK = "TREE.LOCK";

    /** The process has one lock for all of its users, and would lose it when a second one closes the file. */
    private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

    private final Path root;
    private final FileChannel lock;

    private LogDirectory(Path root, FileChannel lock) {
        super(root);
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
}
