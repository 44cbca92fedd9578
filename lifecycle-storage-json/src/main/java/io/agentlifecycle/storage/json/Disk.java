package io.agentlifecycle.storage.json;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.audit.Digests;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.AccessDeniedException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What is done to whole files. */
final class Disk {
    private static final Logger LOG = LoggerFactory.getLogger(Disk.class);

    private static final int MOST_EMPTY_WRITES = 3;
    private static final int CHUNK = 256 << 10;

    private Disk() {}

    /** Writes all of {@code bytes}; a disk that takes nothing three times in a row is full. */
    static void writeAll(StorageIo.Output out, ByteBuffer bytes) throws IOException {
        int empty = 0;
        while (bytes.hasRemaining()) {
            empty = out.write(bytes) > 0 ? 0 : empty + 1;
            if (empty == MOST_EMPTY_WRITES) {
                throw new IOException("the disk takes no more bytes");
            }
        }
    }

    /** Makes a new file with these bytes; its name is durable once its directory was forced. */
    static void write(StorageIo io, Path file, byte[] bytes) throws IOException {
        try (StorageIo.Output out = io.create(file)) {
            writeAll(out, ByteBuffer.wrap(bytes));
            out.force();
        }
    }

    /** Puts a file with these bytes in the place of another one, or of none, and makes that durable. */
    static void replace(StorageIo io, Path file, byte[] bytes) throws IOException {
        Path temporary = file.resolveSibling(file.getFileName() + ".tmp");
        deleteIfThere(io, temporary);
        write(io, temporary, bytes);
        io.replace(temporary, file);
        io.forceDirectory(directoryOf(file));
    }

    /**
     * Makes the name of a directory durable, and the names of those above it, which may have been made with it. One that
     * cannot be read was not: those that are made can.
     */
    static void forceNames(StorageIo io, Path directory) throws IOException {
        for (Path path = directory; path != null; path = path.getParent()) {
            try {
                io.forceDirectory(path);
            } catch (AccessDeniedException e) {
                LOG.debug("{} belongs to somebody else, so it was there before", path, e);
            }
        }
    }

    /** Paths are absolute here, so every file stands in a directory. */
    static Path directoryOf(Path file) {
        return requireNonNull(file.getParent(), "directory");
    }

    static void deleteIfThere(StorageIo io, Path file) throws IOException {
        if (io.exists(file)) {
            io.delete(file);
        }
    }

    /** Makes a new file with the first {@code length} bytes of another one. */
    static void copy(StorageIo io, Path from, Path to, long length) throws IOException {
        try (StorageIo.Output out = io.create(to)) {
            ByteBuffer buffer = ByteBuffer.allocate(CHUNK);
            for (long at = 0; at < length; ) {
                buffer.clear().limit((int) Math.min(CHUNK, length - at));
                int read = io.read(from, at, buffer);
                if (read <= 0) {
                    throw new IOException("%s has only %d of %d bytes".formatted(from, at, length));
                }
                writeAll(out, buffer.flip());
                at += read;
            }
            out.force();
        }
    }

    /** The digest of a file, base64url. */
    static String sha256(StorageIo io, Path file) throws IOException {
        MessageDigest sha256 = sha256();
        ByteBuffer buffer = ByteBuffer.allocate(CHUNK);
        long at = 0;
        for (int read = io.read(file, at, buffer); read > 0; read = io.read(file, at, buffer)) {
            sha256.update(buffer.flip());
            buffer.clear();
            at += read;
        }
        return Digests.base64Url(sha256.digest());
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }

    /** A file as a stream. Reading does not hold it open. */
    static InputStream stream(StorageIo io, Path file) {
        return new InputStream() {
            private final ByteBuffer buffer = ByteBuffer.allocate(CHUNK).limit(0);
            private long at;

            private boolean isAtEnd() throws IOException {
                if (!buffer.hasRemaining()) {
                    buffer.clear();
                    int read = Math.max(io.read(file, at, buffer), 0);
                    at += read;
                    buffer.flip();
                }
                return !buffer.hasRemaining();
            }

            @Override
            public int read() throws IOException {
                return isAtEnd() ? -1 : buffer.get() & 0xff;
            }

            @Override
            public int read(byte[] into, int offset, int length) throws IOException {
                if (length == 0) {
                    return 0;
                }
                if (isAtEnd()) {
                    return -1;
                }
                int some = Math.min(length, buffer.remaining());
                buffer.get(into, offset, some);
                return some;
            }
        };
    }
}
