package io.agentlifecycle.storage.json;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;

/**
 * All that the store does to the disk, so that tests can count it, make it fail and cut the power. Paths are absolute.
 * Nothing here retries, and nothing is durable before {@link Output#force} or {@link #forceDirectory} has returned.
 */
interface StorageIo {
    /** The names in a directory, in order. */
    List<String> list(Path directory) throws IOException;

    /** True if there is such a file or directory; links count by what they lead to. */
    boolean exists(Path path) throws IOException;

    /** True if there is such a directory. */
    boolean isDirectory(Path path) throws IOException;

    /** True if there is a symbolic link. */
    boolean isLink(Path path) throws IOException;

    /** Where an existing directory really stands, if links lead to it. */
    default Path resolve(Path directory) throws IOException {
        return directory;
    }

    /** What kind of file system a directory is on, as the operating system names it, for example "ext4" or "nfs4"; "unknown" if it does not say. */
    String fileSystem(Path directory) throws IOException;

    /** True if others than the owner may read or change it. */
    boolean isOpenToOthers(Path path) throws IOException;

    /** Makes a directory for its owner only, and those above it. */
    void createDirectory(Path directory) throws IOException;

    /** Makes a new file for its owner only and opens it for appending; fails if there is one. */
    Output create(Path file) throws IOException;

    /** Opens an existing file for cutting. */
    Output openForCut(Path file) throws IOException;

    /** The whole file, which must have at most {@code max} bytes. */
    byte[] readAll(Path file, long max) throws IOException;

    /** The size of a file in bytes. */
    long size(Path file) throws IOException;

    /** Reads at {@code offset} into a buffer with an array as much as fits and is there; returns how many bytes, or -1 at the end. */
    int read(Path file, long offset, ByteBuffer into) throws IOException;

    /** Puts a file in the place of another one, or of none, in one step. */
    void replace(Path from, Path to) throws IOException;

    /** Removes a file. */
    void delete(Path file) throws IOException;

    /** Makes the names in a directory durable. */
    void forceDirectory(Path directory) throws IOException;

    /**
     * Takes the lock that keeps others out, and writes down who has it.
     *
     * @throws io.agentlifecycle.core.error.StoreLockedException if someone has it
     */
    Held lock(Path directory) throws IOException;

    /** A clock that only tells how long something took, in nanoseconds. */
    long nanoTime();

    /** A lock that is held. */
    interface Held extends AutoCloseable {
        /** Throws an IOException if the lock no longer keeps others out, for example because its file was removed. */
        void ensureHeld() throws IOException;

        @Override
        void close() throws IOException;
    }

    /** An open file. Not safe for use by several threads. */
    interface Output extends AutoCloseable {
        /** Writes at the end; may write less than there is. Returns how many bytes. */
        int write(ByteBuffer bytes) throws IOException;

        /** Cuts everything from {@code size} on. */
        void truncate(long size) throws IOException;

        /** Makes all that was written durable. */
        void force() throws IOException;

        @Override
        void close() throws IOException;
    }
}
