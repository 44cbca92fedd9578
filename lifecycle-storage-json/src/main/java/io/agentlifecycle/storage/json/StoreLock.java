package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.TRUNCATE_EXISTING;
import static java.nio.file.StandardOpenOption.WRITE;

import io.agentlifecycle.core.error.StoreLockedException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Keeps a second writer out, in this process and in others. The file LOCK is opened once in a process and never again
 * while it is held: on POSIX, closing any other descriptor of it would let go of the lock. Who holds it stands in a file
 * of its own.
 */
final class StoreLock implements StorageIo.Held {
    private static final Set<Path> HELD_HERE = ConcurrentHashMap.newKeySet();

    private final Path directory;
    private final FileChannel channel;

    private StoreLock(Path directory, FileChannel channel) {
        this.directory = directory;
        this.channel = channel;
    }

    static StoreLock take(Path given) throws IOException {
        Path directory = given.toRealPath();
        if (!HELD_HERE.add(directory)) {
            throw new StoreLockedException(
                    "%s is open in this process already; close that store, or share its manager".formatted(directory));
        }
        FileChannel channel = null;
        try {
            channel = FileChannel.open(
                    directory.resolve("LOCK"),
                    Set.of(WRITE, CREATE, LinkOption.NOFOLLOW_LINKS),
                    FileIo.ownerOnly("rw-------"));
            FileLock lock = channel.tryLock();
            if (lock == null) {
                throw new StoreLockedException("%s is locked by %s; close it there, or use another directory"
                        .formatted(directory, holder(directory)));
            }
            try (FileChannel info = FileChannel.open(
                    directory.resolve("LOCK.info"),
                    Set.of(WRITE, CREATE, TRUNCATE_EXISTING, LinkOption.NOFOLLOW_LINKS),
                    FileIo.ownerOnly("rw-------"))) {
                info.write(ByteBuffer.wrap(self().getBytes(UTF_8)));
            }
            return new StoreLock(directory, channel);
        } catch (IOException | RuntimeException e) {
            release(directory, channel);
            throw e;
        }
    }

    private static String self() {
        ProcessHandle process = ProcessHandle.current();
        return "pid %d since %s"
                .formatted(
                        process.pid(),
                        process.info().startInstant().map(Object::toString).orElse("an unknown time"));
    }

    private static String holder(Path directory) {
        try {
            return Files.readString(directory.resolve("LOCK.info")).strip();
        } catch (IOException e) {
            return "another process";
        }
    }

    private static void release(Path directory, @Nullable FileChannel channel) throws IOException {
        try {
            if (channel != null) {
                channel.close();
            }
        } finally {
            HELD_HERE.remove(directory);
        }
    }

    @Override
    public void ensureHeld() throws IOException {
        if (!channel.isOpen() || !Files.exists(directory.resolve("LOCK"), LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException(directory.resolve("LOCK") + " is gone, so another process may have the store open");
        }
    }

    @Override
    public void close() throws IOException {
        release(directory, channel);
    }
}
