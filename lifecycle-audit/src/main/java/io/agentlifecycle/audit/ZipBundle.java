package io.agentlifecycle.audit;

import java.io.BufferedOutputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/**
 * An exported log in a zip. Nothing of it is ever unpacked to disk, and a file counts only if its name is asked for.
 *
 * <p>{@link ZipFile} reads the whole list of files into memory, whose length, like the number of files, stands at the end of
 * the zip; so both are bounded before it sees them. What a file inflates to is for its reader to bound.
 */
final class ZipBundle implements BundleFiles {
    /** One less than the number that says that the true one stands elsewhere. */
    static final int MAX_FILES = 65_534;

    private static final int MAX_LIST = 1 << 24;
    private static final int LIST_ENTRY = 46;

    /** The last part of a zip, and what stands where in it. */
    private static final int END = 22;

    private static final int END_SIGNATURE = 0x06054b50;
    private static final int FILES = 10;
    private static final int LIST = 12;
    private static final int COMMENT_LENGTH = 20;

    /** A zip of the same files is the same, whenever it is made; that of the zip format's first day depends on the zone. */
    private static final LocalDateTime NO_TIME = LocalDateTime.of(1980, 2, 1, 0, 0);

    private final ZipFile zip;
    private final Set<String> names;

    private ZipBundle(ZipFile zip, Set<String> names) {
        this.zip = zip;
        this.names = names;
    }

    /**
     * Opens a zip and looks at the names of its files.
     *
     * @throws ZipException if it is none, has more files than are allowed here, or one name twice
     */
    static ZipBundle open(Path file) throws IOException {
        requireEnd(file);
        var zip = new ZipFile(file.toFile());
        try {
            return new ZipBundle(zip, names(zip));
        } catch (IOException | RuntimeException e) {
            zip.close();
            throw e;
        }
    }

    /** Readers take one of two files of the same name, and not all of them the same one. */
    private static Set<String> names(ZipFile zip) throws IOException {
        Set<String> names = new HashSet<>();
        for (ZipEntry entry : entries(zip)) {
            if (!names.add(entry.getName())) {
                throw new ZipException(entry.getName() + " is there twice");
            }
            if (names.size() > MAX_FILES) {
                throw new ZipException("a zip here has at most %d files".formatted(MAX_FILES));
            }
        }
        return names;
    }

    /** {@link ZipFile} looks at the names when it opens, but decodes a file's comment only here. */
    private static List<? extends ZipEntry> entries(ZipFile zip) throws ZipException {
        try {
            return zip.stream().toList();
        } catch (IllegalArgumentException e) {
            throw (ZipException) new ZipException("the comment of a file in the zip is no UTF-8").initCause(e);
        }
    }

    /** The end of a zip without a comment is its last 22 bytes; {@link ZipFile} looks there first, too. */
    private static void requireEnd(Path file) throws IOException {
        ByteBuffer end = ByteBuffer.allocate(END).order(ByteOrder.LITTLE_ENDIAN);
        try (var in = new RandomAccessFile(file.toFile(), "r")) {
            if (in.length() >= END) {
                in.seek(in.length() - END);
                in.readFully(end.array());
            }
        }
        if (end.getInt(0) != END_SIGNATURE || end.getShort(COMMENT_LENGTH) != 0) {
            throw new ZipException("it is no zip, or has a comment");
        }
        int files = Short.toUnsignedInt(end.getShort(FILES));
        long list = Integer.toUnsignedLong(end.getInt(LIST));
        if (files > MAX_FILES || list > MAX_LIST || list < (long) files * LIST_ENTRY) {
            throw new ZipException(
                    "a zip here has at most %d files, whose list has at most %d bytes".formatted(MAX_FILES, MAX_LIST));
        }
    }

    @Override
    public Optional<InputStream> open(String path) throws IOException {
        return names.contains(path)
                ? Optional.ofNullable(zip.getInputStream(new ZipEntry(path))).map(Moving::new)
                : Optional.empty();
    }

    /** Whoever reads goes on until there is something or the end; a zip can be made to give neither. */
    private static final class Moving extends FilterInputStream {
        Moving(InputStream in) {
            super(in);
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
            int read = super.read(bytes, offset, length);
            if (read == 0 && length > 0) {
                throw new ZipException("its bytes do not come to an end");
            }
            return read;
        }
    }

    @Override
    public void close() throws IOException {
        zip.close();
    }

    /**
     * Writes all files of {@code folder} into {@code zip}.
     *
     * @throws IOException if there are more than {@code most}
     */
    static void pack(Path folder, Path zip, int most) throws IOException {
        List<Path> files;
        try (Stream<Path> found = Files.walk(folder)) {
            files = found.filter(Files::isRegularFile).limit(most + 1L).sorted().toList();
        }
        if (files.size() > most) {
            throw new IOException("a zip has at most %d files here; export into a folder, or less".formatted(most));
        }
        try (var out = new ZipOutputStream(new BufferedOutputStream(Files.newOutputStream(zip)))) {
            for (Path file : files) {
                var entry = new ZipEntry(folder.relativize(file).toString().replace('\\', '/'));
                entry.setTimeLocal(NO_TIME);
                out.putNextEntry(entry);
                Files.copy(file, out);
                out.closeEntry();
            }
        }
    }
}
