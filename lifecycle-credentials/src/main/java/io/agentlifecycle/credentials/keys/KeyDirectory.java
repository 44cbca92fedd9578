package io.agentlifecycle.credentials.keys;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.file.LinkOption.NOFOLLOW_LINKS;
import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import io.agentlifecycle.core.error.KeysUnavailableException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A directory of small text files that nobody but its owner may read or change. A file is written whole and durably, or
 * not at all. What has the suffix {@link #TEMPORARY} was cut short by a crash.
 */
final class KeyDirectory {
    static final String TEMPORARY = ".tmp";

    /** Far more than any file has that is written here. */
    static final int MAX_BYTES = 4096;

    private static final boolean POSIX =
            FileSystems.getDefault().supportedFileAttributeViews().contains("posix");
    private static final Set<PosixFilePermission> OTHERS = EnumSet.complementOf(EnumSet.of(
            PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE, PosixFilePermission.OWNER_EXECUTE));

    private final Path path;

    KeyDirectory(Path given) {
        this.path = given.toAbsolutePath().normalize();
    }

    Path file(String name) {
        return path.resolve(name);
    }

    /** Whether there is anything; what is there and is no directory for its owner only is refused. */
    boolean exists() {
        try {
            BasicFileAttributes found = Files.readAttributes(path, BasicFileAttributes.class, NOFOLLOW_LINKS);
            if (!found.isDirectory()) {
                throw refused(path, "is no directory, or a link to one", "give the path of the directory itself");
            }
            refuseIfOpenToOthers(path, "700");
            return true;
        } catch (NoSuchFileException e) {
            return false;
        } catch (IOException e) {
            throw failed(path, "cannot be looked at", e);
        }
    }

    /** Makes the directory with its first file. A crash leaves a directory beside it that nobody uses, or all of it. */
    void create(String name, String text) {
        Path above = path.getParent();
        if (above == null || !Files.isDirectory(above)) {
            // it is not made, too: a path that is gone altogether is more likely a mount that is missing
            throw refused(path, "cannot be made where there is no directory above it", "make that one, or mount it");
        }
        try {
            Path temporary = Files.createTempDirectory(above, path.getFileName() + TEMPORARY, ownerOnly("rwx------"));
            new KeyDirectory(temporary).write(name, text);
            Files.move(temporary, path, StandardCopyOption.ATOMIC_MOVE);
            force(above);
        } catch (IOException e) {
            throw failed(path, "cannot be made", e);
        }
    }

    /** The names of all files; what is there and is no file for its owner only is refused. */
    List<String> names() {
        try (Stream<Path> entries = Files.list(path)) {
            List<Path> files = entries.sorted().toList();
            for (Path file : files) {
                refuseUnlessOwnFile(file);
            }
            return files.stream().map(file -> file.getFileName().toString()).toList();
        } catch (IOException e) {
            throw failed(path, "cannot be listed", e);
        }
    }

    /** Whether that file is there; what is there and is no file for its owner only is refused. */
    boolean has(String name) {
        Path file = file(name);
        try {
            if (!Files.exists(file, NOFOLLOW_LINKS)) {
                return false;
            }
            refuseUnlessOwnFile(file);
            return true;
        } catch (IOException e) {
            throw failed(file, "cannot be looked at", e);
        }
    }

    private static void refuseUnlessOwnFile(Path file) throws IOException {
        if (!Files.isRegularFile(file, NOFOLLOW_LINKS)) {
            throw refused(file, "is no file, or a link to one", "move it elsewhere");
        }
        refuseIfOpenToOthers(file, "600");
    }

    /** The whole file, one character for each byte. */
    String read(String name) {
        return new String(read(name, MAX_BYTES), ISO_8859_1);
    }

    /** The whole file; one of more than {@code maxBytes} is refused. */
    byte[] read(String name, int maxBytes) {
        Path file = file(name);
        try {
            byte[] bytes = firstBytes(file, maxBytes + 1);
            if (bytes.length > maxBytes) {
                throw refused(file, "has more than " + maxBytes + " bytes", "restore it from a backup");
            }
            return bytes;
        } catch (IOException e) {
            throw failed(file, "cannot be read", e);
        }
    }

    private static byte[] firstBytes(Path file, int limit) throws IOException {
        try (FileChannel channel = FileChannel.open(file, READ, NOFOLLOW_LINKS)) {
            ByteBuffer bytes = ByteBuffer.allocate(limit);
            while (bytes.hasRemaining() && channel.read(bytes) >= 0) {
                // one read may give less than there is
            }
            return Arrays.copyOf(bytes.array(), bytes.position());
        }
    }

    /** Writes a file, or replaces it. Once this has returned, it is on the disk. */
    void write(String name, String text) {
        write(name, text.getBytes(ISO_8859_1), true);
    }

    /** Writes a file like {@link #write(String, String)}; refuses if it is there and {@code replace} is false. */
    void write(String name, byte[] content, boolean replace) {
        Path temporary = file(name + TEMPORARY);
        try {
            Files.deleteIfExists(temporary);
            try (FileChannel channel =
                    FileChannel.open(temporary, Set.of(WRITE, CREATE_NEW, NOFOLLOW_LINKS), ownerOnly("rw-------"))) {
                ByteBuffer bytes = ByteBuffer.wrap(content);
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
                channel.force(true);
            }
            if (replace || !POSIX) {
                Files.move(temporary, file(name), StandardCopyOption.ATOMIC_MOVE);
            } else {
                Files.createLink(file(name), temporary); // a rename would replace what another process made meanwhile
                Files.delete(temporary);
            }
            force(path);
        } catch (IOException e) {
            throw failed(file(name), "cannot be written", e);
        }
    }

    /**
     * Replaces a file that has one of {@code known} in it; refuses if it has anything else. Its lock is held meanwhile: who waits for
     * a file that was replaced finds the new one in its place.
     *
     * @param known is kept up to date, also if this fails: then the new content may be there or not
     */
    void replace(String name, List<byte[]> known, byte[] content) {
        Path file = file(name);
        try (FileChannel channel = FileChannel.open(file, READ, WRITE, NOFOLLOW_LINKS);
                FileLock held = channel.tryLock()) {
            if (held == null || known.stream().noneMatch(each -> isIn(file, each))) {
                throw changedMeanwhile(file);
            }
            known.removeIf(each -> !isIn(file, each));
            known.add(content);
            write(name, content, true);
            known.remove(0);
        } catch (OverlappingFileLockException e) {
            throw changedMeanwhile(file);
        } catch (IOException e) {
            throw failed(file, "cannot be written", e);
        }
    }

    private static boolean isIn(Path file, byte[] content) {
        try {
            return Arrays.equals(firstBytes(file, content.length + 1), content);
        } catch (IOException e) {
            throw failed(file, "cannot be read", e);
        }
    }

    private static KeysUnavailableException changedMeanwhile(Path file) {
        return refused(file, "was changed by another process since it was opened", "open it again");
    }

    /** Deletes a file if it is there. Once this has returned, it will not come back. */
    void delete(String name) {
        try {
            Files.deleteIfExists(file(name));
            force(path);
        } catch (IOException e) {
            throw failed(file(name), "cannot be deleted", e);
        }
    }

    private static void refuseIfOpenToOthers(Path path, String mode) throws IOException {
        if (POSIX
                && Files.getPosixFilePermissions(path, NOFOLLOW_LINKS).stream().anyMatch(OTHERS::contains)) {
            throw refused(path, "can be read or changed by others", "run: chmod " + mode + " " + path);
        }
    }

    private static FileAttribute<?>[] ownerOnly(String permissions) {
        return POSIX
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions))
                }
                : new FileAttribute<?>[0];
    }

    /** A name is durable once its directory is; elsewhere than on POSIX systems a directory cannot be forced. */
    private static void force(Path directory) throws IOException {
        if (POSIX) {
            try (FileChannel channel = FileChannel.open(directory, READ)) {
                channel.force(true);
            }
        }
    }

    private static KeysUnavailableException refused(Path file, String reason, String hint) {
        return new KeysUnavailableException(file.toString(), reason, hint, null);
    }

    private static KeysUnavailableException failed(Path file, String what, IOException cause) {
        return new KeysUnavailableException(
                file.toString(), what + ": " + cause, "see to the cause and try again", cause);
    }

    @Override
    public String toString() {
        return path.toString();
    }
}
