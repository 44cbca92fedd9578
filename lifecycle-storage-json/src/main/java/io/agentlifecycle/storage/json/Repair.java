package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.error.CorruptStoreException;
import io.agentlifecycle.core.error.StoreException;
import java.io.IOException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Sets right what can be set right in a store that is not open. */
final class Repair {
    private final StorageIo io;
    private final Path directory;

    private Repair(StorageIo io, Path directory) {
        this.io = io;
        this.directory = directory;
    }

    static long cut(StorageIo io, Path directory, long keepUpTo, String reason, String actor) throws IOException {
        return new Repair(io, directory).cut(keepUpTo, reason, actor);
    }

    /**
     * First everything that goes is copied, then the manifest says that it goes, and only then it is removed: whoever is
     * interrupted repairs again.
     */
    private long cut(long keepUpTo, String reason, String actor) throws IOException {
        Manifest before = Recovery.manifest(io, directory);
        if (before.format() != Manifest.FORMAT) {
            throw new StoreException(
                    directory + " has an older format: restore a backup, or repair it with the version that wrote it",
                    null);
        }
        Recovery.Seen seen = Recovery.look(io, directory, keepUpTo);
        if (seen.recovered().nextSeq() - 1 != keepUpTo) {
            throw new StoreException(
                    "%s has no line %d; its last sound line is %d"
                            .formatted(directory, keepUpTo, seen.recovered().nextSeq() - 1),
                    null);
        }
        MessageDigest sha256 = Disk.sha256();
        byte[] rest = Arrays.copyOfRange(
                seen.scan().bytes(), (int) seen.scan().cut(), seen.scan().bytes().length);
        long taken = rest.length;
        sha256.update(rest);
        keep(seen.last().file().getFileName() + "-" + seen.scan().cut(), rest);
        List<Segment> later = later(seen.last());
        for (Segment segment : later) {
            byte[] bytes = io.readAll(segment.file(), Segment.MAX_BYTES);
            taken += bytes.length;
            sha256.update(bytes);
            keep(String.valueOf(segment.file().getFileName()), bytes);
        }
        keep(Manifest.NAME, io.readAll(directory.resolve(Manifest.NAME), Manifest.MAX_BYTES));
        keepAudit(before, seen.recovered().manifest());
        seen.recovered()
                .manifest()
                .repaired(new Manifest.Repair(keepUpTo, taken, Digests.base64Url(sha256.digest()), actor, reason))
                .write(io, directory);
        remove(seen, later);
        return taken;
    }

    private void keep(String name, byte[] bytes) throws IOException {
        Quarantine.keep(io, directory, name, bytes);
    }

    /**
     * The next opening removes the audit segments that the manifest no longer names. What is disclosed of their events is not
     * copied: the journal has it.
     */
    private void keepAudit(Manifest before, Manifest after) throws IOException {
        Set<Manifest.Audit> gone = new HashSet<>(before.audit());
        gone.removeAll(after.audit());
        for (Manifest.Audit audit : gone) {
            Path file = directory.resolve(audit.file());
            if (io.exists(file)) {
                keep(String.valueOf(file.getFileName()), io.readAll(file, Integer.MAX_VALUE));
            }
        }
    }

    private List<Segment> later(Segment last) throws IOException {
        List<Segment> later = new ArrayList<>();
        for (String name : io.list(directory)) {
            Segment.named(directory, name)
                    .filter(segment -> segment.firstSeq() > last.firstSeq())
                    .ifPresent(later::add);
        }
        return later;
    }

    private void remove(Recovery.Seen seen, List<Segment> later) throws IOException {
        for (int i = later.size() - 1; i >= 0; i--) {
            io.delete(later.get(i).file());
        }
        io.forceDirectory(directory);
        try (StorageIo.Output out = io.openForCut(seen.last().file())) {
            out.truncate(seen.scan().cut());
            out.force();
        }
    }

    static int reindex(StorageIo io, Path directory) throws IOException {
        int made = 0;
        for (Manifest.Audit audit : Recovery.manifest(io, directory).audit()) {
            Path index = directory.resolve(audit.indexFile());
            if (!io.exists(index) || !Disk.sha256(io, index).equals(audit.indexSha256())) {
                reindex(io, directory, audit, index);
                made++;
            }
        }
        return made;
    }

    private static void reindex(StorageIo io, Path directory, Manifest.Audit audit, Path file) throws IOException {
        var lines = new LineFile(io, directory.resolve(audit.file()));
        Map<String, IndexLine> index = new TreeMap<>();
        lines.each((bytes, from, to, offset) -> AuditWriter.note(
                index,
                AuditSegment.readCommit(lines, bytes, from, to, offset).commit().events(),
                offset));
        if (!AuditWriter.indexSha256(index).equals(audit.indexSha256())) {
            throw new CorruptStoreException(
                    lines.file().toString(),
                    0,
                    "it does not come to the index that was written",
                    "restore it from a backup",
                    null);
        }
        AuditWriter.writeIndex(io, file, index);
        io.forceDirectory(Disk.directoryOf(file));
    }
}
