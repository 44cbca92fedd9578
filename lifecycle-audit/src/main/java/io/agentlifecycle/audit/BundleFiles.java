package io.agentlifecycle.audit;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.zip.ZipException;

/** The files of an exported log, in a folder or in a zip. What stands in them is not trusted, nor is the zip. */
interface BundleFiles extends Closeable {
    /** The bytes of a file, whose path has slashes; empty if it is not there. */
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
        return Files.isRegularFile(path) ? ZipBundle.open(path) : name -> inFolder(path.resolve(name));
    }

    private static Optional<InputStream> inFolder(Path file) throws IOException {
        try {
            return Optional.of(Files.newInputStream(file));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }
}
