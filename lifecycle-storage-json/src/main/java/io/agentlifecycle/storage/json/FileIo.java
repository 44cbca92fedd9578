package io.agentlifecycle.storage.json;

import static java.nio.file.LinkOption.NOFOLLOW_LINKS;
import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** The real disk. */
final class FileIo implements StorageIo {
    private static final boolean POSIX =
            FileSystems.getDefault().supportedFileAttributeViews().contains("posix");
    private static final Set<PosixFilePermission> OTHERS = EnumSet.of(
            PosixFilePermission.GROUP_READ,
            PosixFilePermission.GROUP_WRITE,
            PosixFilePermission.GROUP_EXECUTE,
            PosixFilePermission.OTHERS_READ,
            PosixFilePermission.OTHERS_WRITE,
            PosixFilePermission.OTHERS_EXECUTE);

    @Override
    public List<String> list(Path directory) throws IOException {
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
        }
    }

    @Override
    public boolean exists(Path path) {
        return Files.exists(path);
    }

    @Override
    public boolean isDirectory(Path path) {
        return Files.isDirectory(path);
    }

    @Override
    public boolean isLink(Path path) {
        return Files.isSymbolicLink(path);
    }

    @Override
    public Path resolve(Path directory) throws IOException {
        return directory.toRealPath();
    }

    @Override
    public String fileSystem(Path directory) {
        try {
            return Files.getFileStore(directory).type();
        } catch (IOException e) {
            return "unknown"; // as in a changed root, where the list of mounts does not fit
        }
    }

    @Override
    public boolean isOpenToOthers(Path path) throws IOException {
        return POSIX && Files.getPosixFilePermissions(path).stream().anyMatch(OTHERS::contains);
    }

    @Override
    public void createDirectory(Path directory) throws IOException {
        Files.createDirectories(directory, ownerOnly("rwx------"));
    }

    @Override
    public Output create(Path file) throws IOException {
        return new FileOutput(
                FileChannel.open(file, Set.of(WRITE, CREATE_NEW, NOFOLLOW_LINKS), ownerOnly("rw-------")));
    }

    @Override
    public Output openForCut(Path file) throws IOException {
        return new FileOutput(FileChannel.open(file, WRITE, NOFOLLOW_LINKS));
    }

    @Override
    public byte[] readAll(Path file, long max) throws IOException {
        long size = size(file);
        if (size > max) {
            throw new IOException(file + " has " + size + " bytes, more than the limit of " + max);
        }
        try (InputStream in = Files.newInputStream(file, NOFOLLOW_LINKS)) {
            return in.readAllBytes();
        }
    }

    @Override
    public long size(Path file) throws IOException {
        BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class, NOFOLLOW_LINKS);
        if (!attributes.isRegularFile()) {
            throw new IOException(file + " is not a file"); // to open a pipe would take for ever
        }
        return attributes.size();
    }

    @Override
    public int read(Path file, long offset, ByteBuffer into) throws IOException {
        // not a FileChannel: that is closed under a caller whose thread is interrupted
        try (var opened = new RandomAccessFile(file.toFile(), "r")) {
            opened.seek(offset);
            int total = 0;
            while (into.hasRemaining()) {
                int read = opened.read(into.array(), into.arrayOffset() + into.position(), into.remaining());
                if (read < 0) {
                    return total == 0 ? -1 : total;
                }
                into.position(into.position() + read);
                total += read;
            }
            return total;
        }
    }

    @Override
    public void replace(Path from, Path to) throws IOException {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    @Override
    public void delete(Path file) throws IOException {
        Files.delete(file);
    }

    @Override
    public void forceDirectory(Path directory) throws IOException {
        if (POSIX) {
            try (FileChannel channel = FileChannel.open(directory, READ)) {
                channel.force(true);
            }
        }
    }

    @Override
    public long nanoTime() {
        return System.nanoTime();
    }

    @Override
    public Held lock(Path directory) throws IOException {
        return StoreLock.take(directory);
    }

    static FileAttribute<?>[] ownerOnly(String permissions) {
        return POSIX
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions))
                }
                : new FileAttribute<?>[0];
    }

    /** An open file of the real disk. */
    private static final class FileOutput implements Output {
        private final FileChannel channel;

        FileOutput(FileChannel channel) {
            this.channel = channel;
        }

        @Override
        public int write(ByteBuffer bytes) throws IOException {
            return channel.write(bytes);
        }

        @Override
        public void truncate(long size) throws IOException {
            channel.truncate(size);
            channel.position(size);
        }

        @Override
        public void force() throws IOException {
            channel.force(false);
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}
