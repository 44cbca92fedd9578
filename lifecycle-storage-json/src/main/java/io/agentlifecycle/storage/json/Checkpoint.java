package io.agentlifecycle.storage.json;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Makes the journal shorter: all records go into a snapshot, the events into audit segments, and a manifest that names
 * both completes it. Nothing is removed before that is durable, and the journal since the snapshot before is kept.
 */
final class Checkpoint {
    /** A snapshot that is not larger than this is read again before it counts. */
    private static final long READ_AGAIN = 64L << 20;

    private final StorageIo io;
    private final Path directory;
    private final long auditBytes;

    /** Audit segments begin anew after the segment of the journal with which they exceed {@code auditBytes}. */
    Checkpoint(StorageIo io, Path directory, long auditBytes) {
        this.io = io;
        this.directory = directory;
        this.auditBytes = auditBytes;
    }

    /**
     * Writes all that is needed to open the store without the journal up to {@code picture}, and makes it durable.
     *
     * @param shelves the segments of the journal after the last audit segment of {@code before}, up to the picture
     * @param removals what may stand in none of the files that the result names
     * @param keepPrevious true to keep the snapshot before, and the journal since
     * @param last runs before the step that makes it count; if it throws, nothing has changed
     */
    Manifest write(
            Manifest before,
            Picture picture,
            List<JournalShelf> shelves,
            Removals removals,
            boolean keepPrevious,
            EventLog.Work last)
            throws IOException {
        Manifest.Reference snapshot = Snapshot.write(io, directory, before.storeId(), picture);
        if (io.size(directory.resolve(snapshot.file())) <= READ_AGAIN) {
            Snapshot.requireSound(io, directory, snapshot);
        }
        List<Manifest.Audit> audit = new ArrayList<>(before.audit());
        audit.addAll(audit(before.auditTo(), shelves, removals, picture.seqTo()));
        io.forceDirectory(directory);
        Manifest next = before.after(snapshot, keepPrevious && removals.isEmpty(), audit, picture.requests());
        last.run();
        next.write(io, directory);
        return next;
    }

    /**
     * Writes the audit segments and the files of disclosures anew that have something of {@code removals}, for a checkpoint of
     * line {@code at}.
     *
     * @param segments those that {@code before} names
     * @return the same as {@code before} with the new files, for {@link #write}; it does not count by itself
     */
    Manifest without(Removals removals, Manifest before, Map<Manifest.Audit, AuditSegment> segments, long at)
            throws IOException {
        List<Manifest.Audit> audit = new ArrayList<>();
        for (Manifest.Audit older : before.audit()) {
            AuditSegment segment = requireNonNull(segments.get(older), older.file());
            Optional<List<Disclosed>> rest = segment.without(removals);
            Manifest.Audit next = segment.hasTextOf(removals.prunes())
                    ? AuditWriter.writeAnew(io, directory, segment, removals.prunes(), at)
                    : older;
            audit.add(rest.isEmpty() ? next : AuditWriter.writeDisclosures(io, directory, next, at, rest.get()));
        }
        return before.withAudit(audit);
    }

    private List<Manifest.Audit> audit(long auditTo, List<JournalShelf> shelves, Removals removals, long at)
            throws IOException {
        Path folder = directory.resolve(AuditSegment.DIRECTORY);
        if (!io.exists(folder)) {
            io.createDirectory(folder);
        }
        List<Manifest.Audit> written = new ArrayList<>();
        List<JournalShelf> some = new ArrayList<>();
        long bytes = 0;
        long to = auditTo;
        for (int i = 0; i < shelves.size(); i++) {
            JournalShelf shelf = shelves.get(i);
            some.add(shelf);
            bytes += io.size(shelf.segment().file());
            if (bytes > auditBytes || i == shelves.size() - 1) {
                written.add(AuditWriter.write(io, directory, to, some, removals, at));
                to = shelf.end() - 1;
                some.clear();
                bytes = 0;
            }
        }
        io.forceDirectory(folder);
        return written;
    }

    /** Removes what no manifest names any more, and the journal up to the older snapshot of {@code manifest}. */
    void clean(Manifest manifest) throws IOException {
        Path folder = directory.resolve(AuditSegment.DIRECTORY);
        for (Path file : leftovers(manifest)) {
            io.delete(file);
        }
        io.forceDirectory(directory);
        if (io.exists(folder)) {
            io.forceDirectory(folder);
        }
    }

    /**
     * Removes what whoever had the store open before did not come to remove: it may have what was erased. That the manifest
     * can be read does not mean that it is durable, nor that what cannot be seen any more is gone for good.
     */
    void cleanUp(Manifest manifest) throws IOException {
        if (!leftovers(manifest).isEmpty()) {
            io.forceDirectory(directory);
        }
        clean(manifest);
    }

    private List<Path> leftovers(Manifest manifest) throws IOException {
        Set<String> kept = new HashSet<>();
        manifest.snapshot().ifPresent(reference -> kept.add(reference.file()));
        manifest.previous().ifPresent(reference -> kept.add(reference.file()));
        manifest.audit().forEach(audit -> kept.addAll(audit.files()));
        List<Path> leftovers = new ArrayList<>();
        List<Segment> segments = new ArrayList<>();
        for (String name : io.list(directory)) {
            Segment.named(directory, name).ifPresent(segments::add);
            if (name.startsWith("snapshot-") && !kept.contains(name)) {
                leftovers.add(directory.resolve(name));
            }
        }
        for (int i = 1; i < segments.size() && segments.get(i).firstSeq() <= manifest.journalFrom(); i++) {
            leftovers.add(segments.get(i - 1).file());
        }
        Path folder = directory.resolve(AuditSegment.DIRECTORY);
        for (String name : io.exists(folder) ? io.list(folder) : List.<String>of()) {
            boolean ours = name.startsWith("audit-") || name.startsWith("disclosures-");
            if (ours && !kept.contains(AuditSegment.DIRECTORY + "/" + name)) {
                leftovers.add(folder.resolve(name));
            }
        }
        return leftovers;
    }
}
