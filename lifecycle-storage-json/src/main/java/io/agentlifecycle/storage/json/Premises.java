package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.error.StoreException;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What must be so before a store is opened or made in a directory: its disk is a local one, there are no links, it is its
 * owner's alone, and what should be a file is one. Nothing is changed, except that a missing directory is made.
 */
final class Premises {
    /** On these, a lock, a force or a replacement may not mean what it means on a local disk. */
    private static final Set<String> NETWORKS = Set.of(
            "9p",
            "acfs",
            "afpfs",
            "afs",
            "beegfs",
            "ceph",
            "cifs",
            "coda",
            "davfs",
            "davfs2",
            "gfs",
            "gfs2",
            "glusterfs",
            "gpfs",
            "lustre",
            "macfuse",
            "ncpfs",
            "ocfs2",
            "orangefs",
            "osxfuse",
            "panfs",
            "prl_fs",
            "pvfs2",
            "v9fs",
            "vboxsf",
            "virtiofs",
            "vmhgfs",
            "webdav",
            "wslfs");

    private static final Pattern NETWORK_FAMILIES = Pattern.compile("(nfs|smb|fuse).*");
    private static final Pattern FILES =
            Pattern.compile("MANIFEST\\.json|LOCK|LOCK\\.info|(journal|snapshot)-.*|.*\\.(json|jsonl|tmp)");
    private static final Set<String> DIRECTORIES = Set.of("quarantine", "audit");
    private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_./:@%+,-]+");

    private final StorageIo io;

    private Premises(StorageIo io) {
        this.io = io;
    }

    /** Checks a directory, and makes it if it is missing. Returns where it really stands: it may be given by a link. */
    static Path check(StorageIo io, Path given) throws IOException {
        return new Premises(io).check(given);
    }

    private Path check(Path given) throws IOException {
        if (!io.exists(given)) {
            if (io.isLink(given)) {
                throw new StoreException(
                        given + " is a symbolic link that leads nowhere; make the directory it leads to, or remove it",
                        null);
            }
            requireLocal(nearest(given));
            io.createDirectory(given);
        }
        if (!io.isDirectory(given)) {
            throw new StoreException(given + " is a file; a store is a directory, so choose another path", null);
        }
        Path directory = io.resolve(given);
        requireLocal(directory);
        requireOwnerOnly(directory, "chmod 700 " + quoted(directory));
        List<String> names = io.list(directory);
        for (String name : names) {
            checkEntry(directory.resolve(name));
        }
        if (names.contains(Manifest.NAME)) { // else these are not ours, and Recovery leaves them alone
            for (String name : names) {
                requireOwnerOnly(directory.resolve(name), "chmod -R go= " + quoted(directory));
            }
        }
        return directory;
    }

    /** The directory itself, or the nearest above it that exists. */
    private Path nearest(Path directory) throws IOException {
        Path found = directory;
        for (Path above = directory; above != null; above = above.getParent()) {
            found = above;
            if (io.exists(above)) {
                break;
            }
        }
        return found;
    }

    private void requireLocal(Path directory) throws IOException {
        String type = io.fileSystem(directory).toLowerCase(Locale.ROOT);
        if (NETWORKS.contains(type) || NETWORK_FAMILIES.matcher(type).matches()) {
            throw new StoreException(
                    "%s is on a file system of type %s, where neither locks nor forced writes can be relied on; "
                                    .formatted(directory, type)
                            + "choose a directory on a local disk",
                    null);
        }
    }

    private void checkEntry(Path entry) throws IOException {
        if (io.isLink(entry)) {
            throw new StoreException(
                    entry + " is a symbolic link, and a store follows none; put the file itself in its place", null);
        }
        boolean isDirectory = io.isDirectory(entry);
        if (!isDirectory && !io.exists(entry)) {
            return; // whoever has the store open removed it, and the lock will tell
        }
        wrongKind(entry.getFileName().toString(), isDirectory).ifPresent(rule -> {
            throw new StoreException(entry + " " + rule + "; move it away, or choose another directory", null);
        });
        if (isDirectory) {
            for (String name : io.list(entry)) {
                checkEntry(entry.resolve(name));
            }
        }
    }

    private static Optional<String> wrongKind(String name, boolean isDirectory) {
        if (isDirectory && FILES.matcher(name).matches()) {
            return Optional.of("is a directory and should be a file");
        }
        return !isDirectory && DIRECTORIES.contains(name)
                ? Optional.of("is a file and should be a directory")
                : Optional.empty();
    }

    private void requireOwnerOnly(Path path, String remedy) throws IOException {
        boolean isOpen;
        try {
            isOpen = io.isOpenToOthers(path);
        } catch (NoSuchFileException e) {
            return; // it was removed meanwhile
        }
        if (isOpen) {
            throw new StoreException(
                    "%s can be read or changed by others than its owner; run: %s".formatted(path, remedy), null);
        }
    }

    /** As a shell takes it. */
    private static String quoted(Path path) {
        String text = path.toString();
        return PLAIN.matcher(text).matches() ? text : "'" + text.replace("'", "'\\''") + "'";
    }
}
