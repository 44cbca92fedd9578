package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.error.CorruptStoreException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.store.OpenReport;
import io.agentlifecycle.core.store.StoredEvent;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads a store from its directory, or makes it in an empty one. It never starts empty where something was, and cuts
 * nothing but a tail that nobody was told of, of which it keeps a copy.
 */
final class Recovery {
    static final String HINT =
            "keep a copy of the directory and restore a backup, or see what StoreFiles.repair would keep";

    private static final Logger LOG = LoggerFactory.getLogger(Recovery.class);

    private final StorageIo io;
    private final Path directory;
    private final long upTo;
    private final boolean imported;
    private final List<Segment> segments = new ArrayList<>();
    private final List<JournalShelf> shelves = new ArrayList<>();
    private Contents contents = new Contents(new EventLog(List.of()));
    private Manifest manifest = Manifest.of("none");
    private OpenReport report = OpenReport.CLEAN;
    private long baseTo;
    private long nextSeq = 1;
    private String crc = Line.NO_CRC;
    private long bytesReplayed;

    /** The journal of an import, which is no store yet, may have pruned events. */
    private Recovery(StorageIo io, Path directory, long upTo, boolean imported) {
        this.io = io;
        this.directory = directory;
        this.upTo = upTo;
        this.imported = imported;
    }

    /**
     * All that the store goes on from.
     *
     * @param nextSeq the number of the next line
     * @param crc the checksum of the last line
     * @param baseTo the last line of the snapshot
     * @param bytesReplayed how much journal there is since then
     * @param segments in how many segments
     */
    record Recovered(
            Manifest manifest,
            Contents contents,
            OpenReport report,
            long nextSeq,
            String crc,
            long baseTo,
            long bytesReplayed,
            int segments) {}

    /**
     * What was seen of a store, and where it ends.
     *
     * @param last the segment that has the last line
     */
    record Seen(Recovered recovered, Segment last, Segment.Scan scan) {}

    /** Opens the store to go on writing it: what was read is durable, and a torn tail is gone. */
    static Recovered open(StorageIo io, Path directory) throws IOException {
        var recovery = new Recovery(io, directory, Long.MAX_VALUE, false);
        List<String> names = io.list(directory);
        recovery.manifest = names.contains(Manifest.NAME) ? manifest(io, directory) : recovery.begin(names);
        Seen seen = recovery.read();
        recovery.settle(seen.last(), seen.scan());
        return recovery.recovered();
    }

    /** Reads the store up to line {@code upTo}, and changes nothing. A torn tail is left out. */
    static Seen look(StorageIo io, Path directory, long upTo) throws IOException {
        return new Recovery(io, directory, upTo, false).look(manifest(io, directory));
    }

    /** Reads the store as {@code manifest} describes it, and changes nothing. */
    static Seen look(StorageIo io, Path directory, Manifest manifest) throws IOException {
        return new Recovery(io, directory, Long.MAX_VALUE, false).look(manifest);
    }

    /** Reads the journal of an import, which begins as {@code manifest} says. */
    static Recovered imported(StorageIo io, Path directory, Manifest manifest) throws IOException {
        return new Recovery(io, directory, Long.MAX_VALUE, true).look(manifest).recovered();
    }

    private Seen look(Manifest given) throws IOException {
        manifest = given;
        return read();
    }

    private Recovered recovered() {
        int since = (int)
                segments.stream().filter(segment -> segment.firstSeq() > baseTo).count();
        return new Recovered(manifest, contents, report, nextSeq, crc, baseTo, bytesReplayed, since);
    }

    private Seen read() throws IOException {
        for (String name : io.list(directory)) {
            Segment.named(directory, name).ifPresent(segments::add);
        }
        if (segments.isEmpty()) {
            throw corrupt(directory, "its journal is gone");
        }
        for (Manifest.Audit audit : manifest.audit()) {
            requireThere(directory.resolve(audit.file()), audit.bytes());
            if (audit.disclosures().isPresent()) {
                requireThere(
                        directory.resolve(audit.disclosuresFile().orElseThrow()),
                        audit.disclosures().get().bytes());
            }
        }
        requireJournalAfterSnapshot();
        base();
        Seen last = replay();
        Optional<Manifest.Reference> first = manifest.snapshot().filter(any -> manifest.format() == 1);
        if (first.isPresent() && nextSeq <= first.get().seqTo()) {
            throw last.last()
                    .corrupt(
                            last.scan().cut(),
                            "the journal ends at line %d, the snapshot at line %d"
                                    .formatted(nextSeq - 1, first.get().seqTo()),
                            null);
        }
        report = new OpenReport(
                report.cutBytes(),
                report.cutSha256(),
                report.olderSnapshot(),
                manifest.format() == Manifest.FORMAT ? Optional.empty() : Optional.of(manifest.format()),
                manifest.repairs().stream().map(Manifest.Repair::report).toList());
        return new Seen(recovered(), last.last(), last.scan());
    }

    /** An older snapshot stands in for the newest one, but nothing stands in for the journal after it. */
    private void requireJournalAfterSnapshot() {
        long next = manifest.snapshot()
                .filter(any -> manifest.format() == Manifest.FORMAT)
                .map(newest -> newest.seqTo() + 1)
                .orElse(1L);
        if (next <= upTo && segments.stream().noneMatch(segment -> segment.firstSeq() == next)) {
            throw corrupt(directory, "the segment of the journal that begins with line " + next + " is missing");
        }
    }

    private void requireThere(Path file, long bytes) throws IOException {
        if (!io.exists(file)) {
            throw corrupt(file, "the file is gone");
        }
        if (io.size(file) != bytes) {
            throw corrupt(file, "it has %d bytes, not %d".formatted(io.size(file), bytes));
        }
    }

    private static CorruptStoreException corrupt(Path file, String reason) {
        return new CorruptStoreException(file.toString(), 0, reason, HINT, null);
    }

    /** The manifest of a store that is there. */
    static Manifest manifest(StorageIo io, Path directory) throws IOException {
        Path file = directory.resolve(Manifest.NAME);
        if (!io.exists(file)) {
            throw new StoreException(directory + " is no store: it has no " + Manifest.NAME, null);
        }
        try {
            return Manifest.read(io, directory);
        } catch (Manifest.NewerFormatException e) {
            throw new StoreException(file + ": " + e.getMessage() + "; open it with a newer version", e);
        } catch (IllegalArgumentException e) {
            throw new CorruptStoreException(file.toString(), 0, String.valueOf(e.getMessage()), HINT, e);
        }
    }

    // ---- a new store

    /**
     * Makes a store. Its manifest comes last, so whatever stands here without one is a store whose making was cut short
     * before anyone could use it, or something that is not ours to touch.
     */
    private Manifest begin(List<String> names) throws IOException {
        Segment first = Segment.at(directory, 1);
        String firstName = String.valueOf(first.file().getFileName());
        Set<String> harmless = Set.of("LOCK", "LOCK.info", Manifest.NAME + ".tmp", firstName + ".tmp");
        boolean unborn = false;
        for (String name : names) {
            if (name.equals(firstName) && isUnborn(first.file())) {
                unborn = true;
            } else if (!harmless.contains(name)) {
                throw new CorruptStoreException(
                        directory.toString(),
                        0,
                        "there is no " + Manifest.NAME + ", but there is " + name,
                        "choose an empty directory, or restore the manifest from a backup",
                        null);
            }
        }
        if (unborn) {
            io.delete(first.file());
        }
        var made = Manifest.of(UUID.randomUUID().toString());
        String open = LineWriter.open(made.storeId(), Manifest.FORMAT, Instant.EPOCH);
        Disk.replace(io, first.file(), LineWriter.line(1, Line.NO_CRC, 0, open).bytes());
        Disk.forceNames(io, directory);
        made.write(io, directory);
        return made;
    }

    /** Whether it is the first line of a store, or as much of it as was written before the making was cut short. */
    private boolean isUnborn(Path file) throws IOException {
        if (io.size(file) > 1_024) {
            return false;
        }
        byte[] bytes = io.readAll(file, 1_024);
        String begin = "{\"seq\":1,\"prev\":\"" + Line.NO_CRC + "\",\"durable\":0,\"kind\":\"open\"";
        String text = new String(bytes, StandardCharsets.UTF_8);
        if (!text.endsWith("\n")) {
            return begin.startsWith(text) || text.startsWith(begin) && text.indexOf('\n') < 0;
        }
        try {
            return LineReader.read(bytes, 0, bytes.length - 1).body() instanceof Line.Open;
        } catch (LineReader.BadLineException e) {
            return false;
        }
    }

    // ---- the snapshot

    /**
     * Reads the newest snapshot; if it is damaged, the one before it, since the journal has everything from there on.
     */
    private void base() throws IOException {
        Optional<CorruptStoreException> damage = Optional.empty();
        for (Manifest candidate : bases()) {
            try {
                load(candidate);
                damage.ifPresent(this::reportOlder);
                return;
            } catch (CorruptStoreException e) {
                if (damage.isPresent()) {
                    damage.get().addSuppressed(e);
                } else {
                    damage = Optional.of(e);
                }
            }
        }
        throw damage.orElseGet(
                () -> corrupt(directory, "there is no snapshot of line " + upTo + " or before, and no older journal"));
    }

    /** The manifest, and what it comes to without the newest snapshots. */
    private List<Manifest> bases() {
        if (manifest.format() == 1) {
            return List.of(manifest); // its journal has everything
        }
        List<Manifest> bases = new ArrayList<>();
        if (manifest.snapshot().isEmpty() || manifest.snapshot().get().seqTo() < upTo) {
            bases.add(manifest);
        }
        if (manifest.previous().isPresent() || manifest.snapshot().isPresent() && manifest.journalFrom() == 1) {
            Manifest older = manifest.withoutNewest();
            bases.add(manifest.auditTo() <= upTo ? older : older.withoutAuditAfterSnapshot());
        }
        return bases;
    }

    private void load(Manifest candidate) throws IOException {
        contents = new Contents(new EventLog(audited(candidate)));
        baseTo = 0;
        crc = Line.NO_CRC;
        if (candidate.snapshot().isPresent() && candidate.format() == Manifest.FORMAT) {
            Manifest.Reference snapshot = candidate.snapshot().get();
            Snapshot.load(io, directory, snapshot, candidate.storeId(), contents);
            baseTo = snapshot.seqTo();
            crc = snapshot.crc();
        }
        nextSeq = baseTo + 1;
        if (segments.stream().noneMatch(segment -> segment.firstSeq() == nextSeq)) {
            throw corrupt(directory, "the segment of the journal that begins with line " + nextSeq + " is missing");
        }
        manifest = candidate;
    }

    private List<AuditSegment> audited(Manifest candidate) {
        return candidate.audit().stream()
                .map(audit -> new AuditSegment(io, directory, audit))
                .toList();
    }

    private void reportOlder(CorruptStoreException damage) {
        LOG.warn(
                "{}; an older snapshot and the journal give the same state, and the next checkpoint replaces it",
                damage.getMessage());
        report = new OpenReport(0, Optional.empty(), true, Optional.empty(), List.of());
    }

    // ---- the journal

    private Seen replay() throws IOException {
        List<Segment> since =
                segments.stream().filter(segment -> segment.firstSeq() > baseTo).toList();
        Optional<Seen> last = Optional.empty();
        for (int i = 0; i < since.size() && nextSeq <= upTo; i++) {
            Segment segment = since.get(i);
            if (segment.firstSeq() != nextSeq) {
                throw corrupt(
                        directory,
                        "%s should begin with line %d: a segment is missing or was added"
                                .formatted(segment.file().getFileName(), nextSeq));
            }
            var shelf = new JournalShelf(io, segment);
            Segment.Scan scan = segment.scan(
                    io,
                    nextSeq,
                    crc,
                    i == since.size() - 1,
                    upTo,
                    (line, offset) -> take(line, offset, segment, shelf));
            nextSeq = scan.nextSeq();
            crc = scan.crc();
            bytesReplayed += scan.cut();
            shelf.ends(nextSeq);
            if (nextSeq > manifest.auditTo() + 1) {
                contents.log().add(shelf);
                shelves.add(shelf);
            }
            last = Optional.of(new Seen(recovered(), segment, scan));
        }
        return last.orElseThrow(() -> corrupt(directory, "line " + nextSeq + " is not there"));
    }

    private void take(Line line, long offset, Segment segment, JournalShelf shelf) {
        if (line.body() instanceof Line.Open open) {
            if (!open.storeId().equals(manifest.storeId())) {
                throw segment.corrupt(
                        offset, "it belongs to store " + open.storeId() + ", not to " + manifest.storeId(), null);
            }
            if (open.format() > Manifest.FORMAT) {
                throw new StoreException(
                        "%s has format %d, and this version knows %d; open it with a newer version"
                                .formatted(segment.file(), open.format(), Manifest.FORMAT),
                        null);
            }
        } else if (line.body() instanceof Line.Committed commit) {
            if (!imported && commit.events().stream().anyMatch(StoredEvent::isPruned)) {
                throw segment.corrupt(
                        offset, "an event of line " + line.seq() + " has no text, and was never pruned", null);
            }
            contents.apply(commit.mutations(), commit.at());
            contents.requests().add(commit.requestId(), new Requests.Done(line.seq(), commit.digest()));
            if (line.seq() > manifest.auditTo()) {
                shelf.add(line.seq(), commit.events(), !commit.disclosures().isEmpty(), offset);
            }
        } else if (line.body() instanceof Line.Erase erase) {
            contents.log().erase(line.seq(), erase);
        } else if (line.body() instanceof Line.Beats beats) {
            contents.state().heartbeats(beats.heartbeats());
        }
    }

    /** Cuts a torn tail, and makes durable what is read from now on: it may have been in the page cache only. */
    private void settle(Segment segment, Segment.Scan scan) throws IOException {
        if (scan.isTorn()) {
            byte[] tail = Arrays.copyOfRange(scan.bytes(), (int) scan.cut(), scan.bytes().length);
            Quarantine.keep(io, directory, segment.file().getFileName() + "-" + scan.cut(), tail);
            report = report.withCut(tail.length, Digests.base64Url(Digests.sha256(tail)));
        }
        try (StorageIo.Output out = io.openForCut(segment.file())) {
            if (scan.isTorn()) {
                out.truncate(scan.cut());
            }
            out.force();
        }
        if (scan.lines() == 0) {
            io.delete(segment.file());
            io.forceDirectory(directory);
            shelves.stream()
                    .filter(shelf -> shelf.segment().equals(segment))
                    .forEach(shelf -> contents.log().remove(shelf));
        }
    }
}
