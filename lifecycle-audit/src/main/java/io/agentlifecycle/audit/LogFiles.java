package io.agentlifecycle.audit;

import java.io.IOException;
import java.util.Optional;

/**
 * The files of a log: small ones, each replaced as a whole. Paths have slashes and are relative. When a method that changes
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

    /** Deletes a folder with all that is in it, if it is there. After a crash some of it may be left. */
    void deleteFolder(String path) throws IOException;
}
