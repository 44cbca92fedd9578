package io.agentlifecycle.storage.json;

import static java.nio.file.LinkOption.NOFOLLOW_LINKS;
import static java.nio.file.StandardOpenOption.WRITE;

import io.agentlifecycle.core.error.StoreLockedException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Keeps a second writer out, in this process and in others, as long as the file LOCK stays where it is.
 *
 * <p>On POSIX, a process loses its lock on a file when it closes any descriptor of that file, whoever opened it. So LOCK
 * is opened once and not again while it is held: the directories held here are looked up before anything is opened; who
 * holds a lock stands in a file of its own, LOCK.info; and a descriptor is never closed while someone else in this
 * process has the lock, with another copy of this class or by another name of the file.
 *
 * <p>Whoever removes LOCK makes room for a second writer. {@link #ensureHeld} finds that out. LOCK.info names the LOCK
 * that it goes with, so a new LOCK is not taken either while the process that held the old one still runs.
 */
final class StoreLock implements StorageIo.Held {
    private static final String NAME = "LOCK";

    /** The directories that are locked here, or about to be, by identity, with where they are. */
    private static final Map<String, Path> HELD_HERE = new ConcurrentHashMap<>();

    /** Of files that someone else has locked in this process, by identity. */
    private static final Map<String, FileChannel> NEVER_CLOSED = new ConcurrentHashMap<>();

    private final Path directory;
    private final FileLock lock;
    private final String identity;
    private final String claim;

    private StoreLock(Path directory, FileLock lock, String identity, String claim) {
        this.directory = directory;
        this.lock = lock;
        this.identity = identity;
        this.claim = claim;
    }

    static StoreLock take(Path given) throws IOException {
        Path directory = given.toRealPath();
        Path file = directory.resolve(NAME);
        String claim = identity(directory);
        HELD_HERE.computeIfPresent(claim, StoreLock::unlessGone);
        if (HELD_HERE.putIfAbsent(claim, directory) != null) {
            throw openHere(directory);
        }
        FileChannel channel = null;
        try {
            createIfMissing(file);
            String identity = identity(file);
            channel = NEVER_CLOSED.remove(identity);
            if (channel == null) {
                channel = FileChannel.open(file, WRITE, NOFOLLOW_LINKS);
            }
            FileLock lock;
            try {
                lock = channel.tryLock();
            } catch (OverlappingFileLockException e) {
                NEVER_CLOSED.put(identity, channel);
                channel = null;
                throw openHere(directory);
            }
            if (lock == null) {
                throw new StoreLockedException("%s is locked by %s; close it there, or use another directory"
                        .formatted(directory, holder(directory)));
            }
            // no other file gets the identity of one that is open, so what was locked is what stands here now
            if (!identity.equals(identity(file))) {
                throw new StoreLockedException(file + " was replaced while it was being locked; open the store again");
            }
            refuseWhileAnotherLockIsInUse(directory, identity);
            LockInfo.write(directory, identity);
            return new StoreLock(directory, lock, identity, claim);
        } catch (IOException | RuntimeException e) {
            release(channel, claim, directory);
            throw e;
        }
    }

    /**
     * Nothing if the directory that was locked was deleted under the store that has it open: another one may have its
     * identity by now. That store finds out by itself before it writes again.
     */
    private static @Nullable Path unlessGone(String claim, Path held) {
        if (Files.exists(held.resolve(NAME), NOFOLLOW_LINKS)) {
            return held;
        }
        try {
            return identity(held).equals(claim) ? held : null;
        } catch (IOException e) {
            return null; // it is not where it was
        }
    }

    /** Tells a file from all others, also from one of the same name that took its place. */
    private static String identity(Path path) throws IOException {
        BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class, NOFOLLOW_LINKS);
        return attributes.fileKey() == null
                ? path + " of " + attributes.creationTime()
                : attributes.fileKey().toString();
    }

    private static void createIfMissing(Path file) throws IOException {
        if (!Files.exists(file, NOFOLLOW_LINKS)) {
            try {
                Files.createFile(file, FileIo.ownerOnly("rw-------"));
            } catch (FileAlreadyExistsException e) {
                // another process was first, and may have the lock by now
            }
        }
    }

    private static void refuseWhileAnotherLockIsInUse(Path directory, String identity) {
        LockInfo.read(directory).filter(info -> info.isOtherLockInUse(identity)).ifPresent(info -> {
            throw new StoreLockedException(
                    "%s was opened by %s, and its file %s was removed since, but that process still runs; end it first"
                            .formatted(directory, info, NAME));
        });
    }

    private static StoreLockedException openHere(Path directory) {
        return new StoreLockedException(
                "%s is open in this process already; close that store, or share its manager".formatted(directory));
    }

    private static String holder(Path directory) {
        return LockInfo.read(directory)
                .filter(info -> !info.isOver())
                .map(LockInfo::toString)
                .orElse("another process");
    }

    private static void release(@Nullable FileChannel channel, String claim, Path directory) throws IOException {
        try {
            if (channel != null) {
                channel.close();
            }
        } finally {
            HELD_HERE.remove(claim, directory);
        }
    }

    @Override
    public void ensureHeld() throws IOException {
        Path file = directory.resolve(NAME);
        String present;
        try {
            present = identity(file);
        } catch (NoSuchFileException e) {
            present = "";
        }
        if (!lock.isValid() || !present.equals(identity)) {
            throw new IOException(
                    file + " was removed or replaced, so another process may have the store open; end all but one");
        }
    }

    /** Does nothing if it was closed before: by then someone else may have it. */
    @Override
    public void close() throws IOException {
        if (lock.isValid()) {
            try {
                ensureHeld();
                LockInfo.clear(directory);
            } finally {
                release((FileChannel) lock.acquiredBy(), claim, directory);
            }
        }
    }
}
