package io.agentlifecycle.audit;

import java.io.IOException;
import java.util.Optional;

/**
 * The files of a log: small ones, each replaced as a whole, and others that grow. Paths have slashes and are relative. When a method that changes
 * something returns, the change is durable; after a crash it has happened or not. One process at a time writes.
 */
interface LogFiles {
    /**
     * All bytes of a file; empty if there is none.
     *
     * @throws IOException if there are more than {@code most}, or they cannot be read
     */
    Optional<byte[]> read(String path, int most) throws IOException;

    /** Puts a file there, in the place of another one or of none; makes the folders that it needs. */
    void write(String path, byte[] bytes) throws IOException;

    /** How many bytes a file has; 0 if there is none. */
    long size(String path) throws IOException;

    /** The bytes of a file from number {@code from} on, at most {@code most}; fewer if it ends, none if there is none. */
    byte[] read(String path, long from, int most) throws IOException;

    /**
     * Lets a file go on with {@code bytes} behind its first {@code at}, and makes it if there is none; its folder must be
     * there. What stood behind {@code at} is cut. After a crash a part of the bytes may be there.
     */
    void append(String path, long at, byte[] bytes) throws IOException;

    /** Deletes a folder with all that is in it, if it is there. After a crash some of it may be left. */
    void deleteFolder(String path) throws IOException;
}
