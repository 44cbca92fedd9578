package io.agentlifecycle.audit;

import io.agentlifecycle.core.error.AuditTamperedException;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.zip.ZipException;

/** The files of an exported log, in a folder or in a zip. What stands in them is not trusted, nor is the zip. */
interface BundleFiles extends Closeable {
    /**
     * The bytes of a file, whose path has slashes; empty if it is not there.
     *
     * @throws AuditTamperedException if it is something else than a file
     */
    Optional<InputStream> open(String path) throws IOException;

    @Override
    default void close() throws IOException {}

    default boolean has(String path) throws IOException {
        Optional<InputStream> found = open(path);
        if (found.isPresent()) {
            found.get().close();
        }
        return found.isPresent();
    }

    /**
     * Those in {@code path}: a folder, or else a zip, whatever its name is.
     *
     * @throws ZipException if it is a file and no zip, or one that {@link ZipBundle} does not take
     */
    static BundleFiles in(Path path) throws IOException {
        return Files.isRegularFile(path) ? ZipBundle.open(path) : name -> inFolder(path, name);
    }

    /** Somebody else made the folder: a pipe in it would keep its reader waiting for ever. */
    private static Optional<InputStream> inFolder(Path folder, String name) throws IOException {
        Path file = folder.resolve(name);
        if (Files.notExists(file)) {
            return Optional.empty();
        }
        if (!Files.isRegularFile(file)) {
            throw LogBundle.tampered(name, "it is not a file that can be read");
        }
        return Optional.of(Files.newInputStream(file));
    }
}
