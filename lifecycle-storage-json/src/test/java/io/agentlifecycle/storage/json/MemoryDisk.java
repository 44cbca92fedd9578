package io.agentlifecycle.storage.json;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/**
 * What is on a disk, what of it would survive the loss of power, and what may or may not.
 *
 * <p>Bytes of a file are durable once the file was forced, whatever its name; names, of files and of directories, are
 * durable once the directory that they stand in was forced. What is durable is not harmed by what is written later.
 * Everything else may survive or not, each sector and each change of a name on its own, as POSIX allows it; a rename is
 * one change.
 */
final class MemoryDisk {
    /** What is lost of all that was not forced. */
    enum Loss {
        /** All of it. */
        ALL,
        /** Nothing, and it may still be lost: only the process ended. */
        NONE,
        /** Some sectors, zeros in place of others, and some of the changes of names. */
        SECTORS,
        /** The same with garbage or zeros, and files of any length. */
        GARBAGE
    }

    /** A name that goes, and one that comes and stands for that content; not durable yet. */
    private record NameChange(Optional<Path> gone, Optional<Path> come, int content) {
        void apply(Map<Path, Integer> names) {
            gone.ifPresent(names::remove);
            come.ifPresent(path -> names.put(path, content));
        }

        boolean isIn(Path directory) {
            return gone.or(() -> come).orElseThrow().getParent().equals(directory)
                    || come.or(() -> gone).orElseThrow().getParent().equals(directory);
        }
    }

    private static final int FOLDER = -1;

    private final List<Content> contents = new ArrayList<>();
    private final Map<Path, Integer> names = new HashMap<>();
    private final Map<Path, Integer> durableNames = new HashMap<>();
    private final List<NameChange> nameChanges = new ArrayList<>();

    /** An empty disk. */
    MemoryDisk() {}

    /** A disk with these files, all durable. The arrays are not copied, and never written to. */
    static MemoryDisk of(Map<Path, byte[]> files) {
        var disk = new MemoryDisk();
        files.forEach((path, bytes) -> {
            disk.names.put(path, disk.add(bytes));
            for (Path above = path.getParent(); above.getParent() != null; above = above.getParent()) {
                disk.names.putIfAbsent(above, FOLDER);
            }
        });
        disk.durableNames.putAll(disk.names);
        return disk;
    }

    private int add(byte[] bytes) {
        contents.add(new Content(bytes));
        return contents.size() - 1;
    }

    /** Another disk with the same on it, durable or not. */
    MemoryDisk copy() {
        var copy = new MemoryDisk();
        contents.forEach(content -> copy.contents.add(content.copy()));
        copy.names.putAll(names);
        copy.durableNames.putAll(durableNames);
        copy.nameChanges.addAll(nameChanges);
        return copy;
    }

    /** What a loss of power may leave; everything on it is durable then. */
    MemoryDisk after(Loss loss, Random random) {
        if (loss == Loss.NONE) {
            return copy();
        }
        var left = new MemoryDisk();
        Map<Path, Integer> all = namesAfter(loss, random);
        Map<Integer, Integer> added = new HashMap<>();
        all.forEach((path, content) -> {
            for (Path above = path.getParent(); above.getParent() != null; above = above.getParent()) {
                if (!all.containsKey(above)) {
                    return; // it is lost with its directory
                }
            }
            left.names.put(
                    path,
                    content == FOLDER
                            ? FOLDER
                            : added.computeIfAbsent(
                                    content, id -> left.add(contents.get(id).after(loss, random))));
        });
        left.durableNames.putAll(left.names);
        return left;
    }

    private Map<Path, Integer> namesAfter(Loss loss, Random random) {
        // sorted, because what chance decides may not depend on the order of a hash
        Map<Path, Integer> left = new TreeMap<>(durableNames);
        if (loss != Loss.ALL) {
            boolean inOrder = random.nextBoolean();
            int first = random.nextInt(nameChanges.size() + 1);
            for (int i = 0; i < nameChanges.size(); i++) {
                if (inOrder ? i < first : random.nextBoolean()) {
                    nameChanges.get(i).apply(left);
                }
            }
        }
        return left;
    }

    /** All files as they would be read now. */
    Map<Path, byte[]> files() {
        Map<Path, byte[]> all = new TreeMap<>();
        names.forEach((path, content) -> {
            if (content != FOLDER) {
                all.put(path, contents.get(content).all());
            }
        });
        return all;
    }

    /** Differs, in all likelihood, if the files do. */
    long fingerprint() {
        long sum = 0;
        for (Map.Entry<Path, Integer> name : names.entrySet()) {
            long own = name.getKey().hashCode();
            if (name.getValue() != FOLDER) {
                byte[] bytes = contents.get(name.getValue()).all();
                var crc = new CRC32C();
                crc.update(bytes);
                own = (own * 31 + Arrays.hashCode(bytes)) * 0x9E3779B97F4A7C15L + crc.getValue();
            }
            sum += own * 0xC2B2AE3D27D4EB4FL;
        }
        return sum;
    }

    List<String> list(Path directory) {
        return names.keySet().stream()
                .filter(path -> directory.equals(path.getParent()))
                .map(path -> path.getFileName().toString())
                .sorted()
                .toList();
    }

    boolean exists(Path path) {
        return path.getParent() == null || names.containsKey(path);
    }

    boolean isDirectory(Path path) {
        return path.getParent() == null || names.getOrDefault(path, 0) == FOLDER;
    }

    /** What the file is known by, whatever becomes of its name. */
    int id(Path file) throws FileNotFoundException {
        int found = names.getOrDefault(file, FOLDER);
        if (found == FOLDER) {
            throw new FileNotFoundException(file.toString());
        }
        return found;
    }

    Content file(Path path) throws FileNotFoundException {
        return contents.get(id(path));
    }

    Content content(int id) {
        return contents.get(id);
    }

    // ---- changes

    void createDirectory(Path directory) {
        if (!exists(directory)) {
            createDirectory(directory.getParent());
            change(Optional.empty(), Optional.of(directory), FOLDER);
        }
    }

    void create(Path file) throws IOException {
        if (exists(file)) {
            throw new FileAlreadyExistsException(file.toString());
        }
        if (!isDirectory(file.getParent())) {
            throw new FileNotFoundException(file.toString());
        }
        change(Optional.empty(), Optional.of(file), add(new byte[0]));
    }

    void replace(Path from, Path to) throws IOException {
        change(Optional.of(from), Optional.of(to), id(from));
    }

    void delete(Path file) throws IOException {
        change(Optional.of(file), Optional.empty(), id(file));
    }

    private void change(Optional<Path> gone, Optional<Path> come, int content) {
        var change = new NameChange(gone, come, content);
        change.apply(names);
        nameChanges.add(change);
    }

    void forceDirectory(Path directory) throws FileNotFoundException {
        if (!isDirectory(directory)) {
            throw new FileNotFoundException(directory.toString());
        }
        nameChanges.removeIf(change -> {
            if (change.isIn(directory)) {
                change.apply(durableNames);
                return true;
            }
            return false;
        });
    }

    /** The bytes of a file, and all that they were since the file was last forced. */
    static final class Content {
        /** What was done to the bytes: {@code added} was put at {@code size}, or, if it is empty, all from there on cut. */
        private record Edit(int size, byte[] added) {}

        private byte[] bytes;
        private int size;
        private byte[] durable;
        private int durableSize;
        private final List<Edit> edits = new ArrayList<>();

        Content(byte[] bytes) {
            this.bytes = bytes;
            this.size = bytes.length;
            this.durable = bytes;
            this.durableSize = size;
        }

        private Content copy() {
            bytes = all(); // without room to spare, so that neither writes where the other one reads
            var copy = new Content(bytes);
            copy.durable = durable;
            copy.durableSize = durableSize;
            copy.edits.addAll(edits);
            return copy;
        }

        int size() {
            return size;
        }

        byte[] bytes() {
            return bytes;
        }

        byte[] all() {
            return size == bytes.length ? bytes : Arrays.copyOf(bytes, size);
        }

        void append(byte[] added) {
            edits.add(new Edit(size, added));
            if (size + added.length > bytes.length) {
                bytes = Arrays.copyOf(bytes, (size + added.length) * 2);
            }
            System.arraycopy(added, 0, bytes, size, added.length);
            size += added.length;
        }

        void truncate(int length) {
            if (length < size) {
                edits.add(new Edit(length, new byte[0]));
                bytes = Arrays.copyOf(bytes, length); // the durable bytes stay as they are
                size = length;
            }
        }

        void force() {
            durable = bytes;
            durableSize = size;
            edits.clear();
        }

        private byte[] after(Loss loss, Random random) {
            if (edits.isEmpty()) {
                return all();
            }
            byte[] forced = Arrays.copyOf(durable, durableSize);
            if (loss == Loss.ALL) {
                return forced;
            }
            List<byte[]> versions = new ArrayList<>(List.of(forced));
            int stable = durableSize;
            int longest = durableSize;
            for (Edit edit : edits) {
                byte[] version = Arrays.copyOf(versions.get(versions.size() - 1), edit.size() + edit.added().length);
                System.arraycopy(edit.added(), 0, version, edit.size(), edit.added().length);
                versions.add(version);
                stable = Math.min(stable, edit.size());
                longest = Math.max(longest, version.length);
            }
            int sector = random.nextBoolean() ? 512 : 4_096;
            int length = versions.get(random.nextInt(versions.size())).length;
            if (loss == Loss.GARBAGE) {
                length = stable + random.nextInt(longest - stable + 1);
            } else if (random.nextInt(4) == 0) {
                length = Math.max(stable, length / sector * sector);
            }
            byte[] left = new byte[length];
            if (loss == Loss.GARBAGE && random.nextBoolean()) {
                random.nextBytes(left);
            }
            System.arraycopy(forced, 0, left, 0, stable);
            boolean newest = random.nextBoolean(); // else any version
            for (int from = stable; from < length; from = (from / sector + 1) * sector) {
                int last = versions.size() - 1;
                byte[] version =
                        versions.get(newest ? (random.nextBoolean() ? last : 0) : random.nextInt(versions.size()));
                int end = Math.min(Math.min((from / sector + 1) * sector, length), version.length);
                if (end > from) {
                    System.arraycopy(version, from, left, from, end - from);
                }
            }
            return left;
        }
    }
}
