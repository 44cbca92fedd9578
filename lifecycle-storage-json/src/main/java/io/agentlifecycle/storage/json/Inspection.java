package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.error.CorruptStoreException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.store.StoredEvent;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Looks at every byte of a store that is not open, also at those that opening it does not read. Changes nothing. */
final class Inspection {
    private final StorageIo io;
    private final Path directory;
    private final List<StoreCheck.Finding> findings = new ArrayList<>();
    private final Map<String, Long> streams = new HashMap<>();
    private final Map<String, Long> pruned = new HashMap<>();
    private String storeId = "";
    private long lastLine;
    private long records;
    private long events;

    private Inspection(StorageIo io, Path directory) {
        this.io = io;
        this.directory = directory;
    }

    static StoreCheck of(StorageIo io, Path directory) throws IOException {
        var inspection = new Inspection(io, directory);
        inspection.look();
        return new StoreCheck(
                inspection.storeId, inspection.lastLine, inspection.records, inspection.events, inspection.findings);
    }

    /** A part of the store that may be damaged. */
    private interface Part {
        void look() throws IOException;
    }

    /** Notes damage and goes on with the next part. */
    private void part(Part part) throws IOException {
        try {
            part.look();
        } catch (StoreException e) {
            findings.add(new StoreCheck.Finding(String.valueOf(e.getMessage()), false));
        }
    }

    private void look() throws IOException {
        Optional<Manifest> found = manifest();
        if (found.isEmpty()) {
            return;
        }
        Manifest manifest = found.get();
        storeId = manifest.storeId();
        List<Optional<Picture>> pictures = new ArrayList<>();
        part(() -> pictures.add(state(manifest)));
        if (manifest.snapshot().isPresent() && manifest.format() == Manifest.FORMAT) {
            part(() -> Snapshot.requireSound(io, directory, manifest.snapshot().get()));
        }
        if (manifest.previous().isPresent()) {
            part(() -> pictures.add(olderState(manifest)));
        }
        for (Manifest.Audit audit : manifest.audit()) {
            part(() -> audit(audit));
        }
        part(() -> rest(manifest));
        if (pictures.size() == 2 && !pictures.get(0).equals(pictures.get(1))) {
            findings.add(new StoreCheck.Finding(
                    directory + ": the older snapshot and the journal since do not come to the same as the newer one",
                    false));
        }
    }

    private Optional<Manifest> manifest() throws IOException {
        List<Manifest> read = new ArrayList<>();
        part(() -> read.add(Recovery.manifest(io, directory)));
        return read.stream().findFirst();
    }

    /** What opening the store would show. */
    private Optional<Picture> state(Manifest manifest) throws IOException {
        Recovery.Seen seen = Recovery.look(io, directory, Long.MAX_VALUE);
        Recovery.Recovered recovered = seen.recovered();
        if (recovered.report().olderSnapshot()) {
            findings.add(new StoreCheck.Finding(
                    directory + ": the newest snapshot is damaged; opening the store uses the one before", true));
        }
        if (seen.scan().isTorn()) {
            findings.add(new StoreCheck.Finding(
                    "%s ends with %d bytes that nobody was told of; opening the store moves them to its quarantine"
                            .formatted(
                                    seen.last().file(),
                                    seen.scan().bytes().length - seen.scan().cut()),
                    true));
        }
        lastLine = recovered.nextSeq() - 1;
        records = recovered.contents().state().size();
        return Optional.of(
                recovered.contents().picture(lastLine, recovered.crc()).sorted());
    }

    /** The same from the older snapshot on: it must be what it would fall back to. */
    private Optional<Picture> olderState(Manifest manifest) throws IOException {
        Recovery.Recovered recovered =
                Recovery.look(io, directory, manifest.withoutNewest()).recovered();
        return Optional.of(recovered
                .contents()
                .picture(recovered.nextSeq() - 1, recovered.crc())
                .sorted());
    }

    private void audit(Manifest.Audit audit) throws IOException {
        Path file = directory.resolve(audit.file());
        if (!io.exists(file) || !Disk.sha256(io, file).equals(audit.sha256())) {
            throw new CorruptStoreException(
                    file.toString(), 0, "it is gone, or its digest does not fit", "restore it from a backup", null);
        }
        Map<String, IndexLine> index = new TreeMap<>();
        var lines = new LineFile(io, file);
        lines.each((bytes, from, to, offset) -> {
            LoggedCommit commit = AuditSegment.readCommit(lines, bytes, from, to, offset);
            if (commit.seq() < audit.first() || commit.seq() > audit.last()) {
                throw lines.corrupt(offset, "line " + commit.seq() + " does not belong here");
            }
            AuditWriter.note(index, commit.commit().events(), offset);
            count(commit.commit().events(), file, offset);
        });
        new AuditSegment(io, directory, audit).requireSoundDisclosures();
        Path indexFile = directory.resolve(audit.indexFile());
        if (!AuditWriter.indexSha256(index).equals(audit.indexSha256())
                || !io.exists(indexFile)
                || !Disk.sha256(io, indexFile).equals(audit.indexSha256())) {
            throw AuditSegment.damagedIndex(indexFile);
        }
    }

    /** The events of a stream have no gap, and those that were pruned come first. */
    private void count(List<StoredEvent> said, Path file, long offset) {
        for (StoredEvent event : said) {
            long expected = streams.merge(event.stream(), 1L, Long::sum) - 1;
            if (event.n() != expected) {
                throw new LineFile(io, file)
                        .corrupt(
                                offset,
                                "event %d of stream %s stands where event %d should"
                                        .formatted(event.n(), event.stream(), expected));
            }
            if (event.isPruned() && pruned.merge(event.stream(), 1L, Long::sum) - 1 != expected) {
                throw new LineFile(io, file)
                        .corrupt(
                                offset,
                                "event %d of stream %s is pruned, and one before it is not"
                                        .formatted(event.n(), event.stream()));
            }
            events++;
        }
    }

    /** The events that are not in audit segments yet. */
    private void rest(Manifest manifest) throws IOException {
        Contents contents =
                Recovery.look(io, directory, Long.MAX_VALUE).recovered().contents();
        long cursor = manifest.auditTo();
        for (List<LoggedCommit> page = contents.log().commitsAfter(cursor, 1_000);
                !page.isEmpty();
                page = contents.log().commitsAfter(cursor, 1_000)) {
            for (LoggedCommit commit : page) {
                count(commit.commit().events(), directory, 0);
                cursor = commit.seq();
            }
        }
    }
}
