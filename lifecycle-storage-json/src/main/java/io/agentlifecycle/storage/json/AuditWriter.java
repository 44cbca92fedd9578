package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.store.StoredEvent;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Writes an audit segment, and what stands beside it, line by line. */
final class AuditWriter implements AutoCloseable {
    /** So that a line of the index stays far below the limit of a line. */
    private static final int OFFSETS_IN_A_LINE = 100_000;

    private static final int CHUNK = 256 << 10;

    private final StorageIo io;
    private final Path file;
    private final Path temporary;
    private final StorageIo.Output out;
    private final MessageDigest sha256 = Disk.sha256();
    private final ByteArrayOutputStream buffer = new ByteArrayOutputStream();
    private long bytes;

    /**
     * It gets its name when it is finished: a checkpoint whose manifest may or may not be durable is followed by one that
     * writes files of the same names and the same content, and at no time may one of them be gone.
     */
    private AuditWriter(StorageIo io, Path file) throws IOException {
        this.io = io;
        this.file = file;
        this.temporary = file.resolveSibling(file.getFileName() + ".tmp");
        Disk.deleteIfThere(io, temporary);
        this.out = io.create(temporary);
    }

    /** Takes commits one after the other. */
    interface Taking {
        void take(LoggedCommit commit) throws IOException;
    }

    /** Where commits come from. */
    private interface Source {
        void each(Taking taking) throws IOException;
    }

    /**
     * Writes an audit segment of the lines after {@code auditTo}, which stand on these shelves, and its index, and what is
     * disclosed of its events, all but {@code removals}; for a checkpoint of line {@code at}. If it prunes, it takes another
     * name: a checkpoint of the same lines may have taken the plain one, for a file with more in it.
     */
    static Manifest.Audit write(
            StorageIo io, Path directory, long auditTo, List<JournalShelf> shelves, Removals removals, long at)
            throws IOException {
        long last = shelves.get(shelves.size() - 1).end() - 1;
        var names = new Manifest.Audit(auditTo + 1, last, 0, "", "", Optional.empty(), Optional.empty());
        List<Disclosed> disclosed = new ArrayList<>();
        Manifest.Audit audit = write(
                io,
                directory,
                shelves.stream().anyMatch(removals.prunes()::touch) ? names.prunedAt(at) : names,
                removals.prunes(),
                taking -> {
                    for (JournalShelf shelf : shelves) {
                        new LineFile(io, shelf.segment().file()).each((line, from, to, offset) -> {
                            Line read = shelf.segment().read(line, from, to, offset);
                            if (read.body() instanceof Line.Committed commit
                                    && !commit.events().isEmpty()) {
                                taking.take(new LoggedCommit(read.seq(), commit));
                                commit.disclosures().stream()
                                        .map(disclosure -> new Disclosed(read.seq(), disclosure))
                                        .filter(found -> !removals.hide(found))
                                        .forEach(disclosed::add);
                            }
                        });
                    }
                });
        disclosed.sort(Disclosed.ORDER);
        return writeDisclosures(io, directory, audit, at, disclosed);
    }

    /** Writes an audit segment and its index anew, for a checkpoint of line {@code at} that prunes some of its events. */
    static Manifest.Audit writeAnew(StorageIo io, Path directory, AuditSegment older, Prunes prunes, long at)
            throws IOException {
        return write(io, directory, older.reference().prunedAt(at), prunes, older::each);
    }

    /** Writes an audit segment and its index under the names of {@code audit}, and fills in the rest. */
    private static Manifest.Audit write(
            StorageIo io, Path directory, Manifest.Audit audit, Prunes prunes, Source source) throws IOException {
        Map<String, IndexLine> index = new TreeMap<>();
        long bytes;
        String sha256;
        try (var segment = new AuditWriter(io, directory.resolve(audit.file()))) {
            source.each(commit -> {
                Line.Committed said = commit.commit();
                note(index, said.events(), segment.bytes);
                segment.put(LineWriter.audit(commit.seq(), said.saying(prunes.rest(said.events()))));
            });
            sha256 = segment.finish();
            bytes = segment.bytes;
        }
        String indexSha256 = writeIndex(io, directory.resolve(audit.indexFile()), index);
        return audit.with(bytes, sha256, indexSha256);
    }

    /** Writes what is disclosed of the events of {@code audit}, in order, under a name that was never used: at line {@code at}. */
    static Manifest.Audit writeDisclosures(
            StorageIo io, Path directory, Manifest.Audit audit, long at, List<Disclosed> disclosed) throws IOException {
        if (disclosed.isEmpty()) {
            return audit.disclosing(Optional.empty());
        }
        Manifest.Audit named = audit.disclosing(Optional.of(new Manifest.Disclosures(at, 0, "")));
        try (var out =
                new AuditWriter(io, directory.resolve(named.disclosuresFile().orElseThrow()))) {
            for (Disclosed next : disclosed) {
                out.put(next.written());
            }
            String sha256 = out.finish();
            return audit.disclosing(Optional.of(new Manifest.Disclosures(at, out.bytes, sha256)));
        }
    }

    /** Takes down that these events stand at {@code offset}. */
    static void note(Map<String, IndexLine> index, List<StoredEvent> events, long offset) {
        for (StoredEvent event : events) {
            index.computeIfAbsent(event.stream(), stream -> new IndexLine(stream, event.n(), new Offsets()))
                    .offsets()
                    .add(offset);
        }
    }

    /** Writes an index, which is in order of streams, and gives its digest. */
    static String writeIndex(StorageIo io, Path file, Map<String, IndexLine> index) throws IOException {
        try (var out = new AuditWriter(io, file)) {
            for (IndexLine stream : index.values()) {
                for (LineWriter.Written line : lines(stream)) {
                    out.put(line);
                }
            }
            return out.finish();
        }
    }

    /** The digest of an index as it would be written. */
    static String indexSha256(Map<String, IndexLine> index) {
        MessageDigest sha256 = Disk.sha256();
        index.values().forEach(stream -> lines(stream).forEach(line -> sha256.update(line.bytes())));
        return Digests.base64Url(sha256.digest());
    }

    private static List<LineWriter.Written> lines(IndexLine stream) {
        List<LineWriter.Written> lines = new ArrayList<>();
        int size = stream.offsets().size();
        for (int from = 0; from < size; from += OFFSETS_IN_A_LINE) {
            lines.add(stream.written(from, Math.min(from + OFFSETS_IN_A_LINE, size)));
        }
        return lines;
    }

    /** A short event takes more bytes once it is pruned; a line that nobody could read again is not written. */
    private void put(LineWriter.Written line) throws IOException {
        if (line.bytes().length > LineReader.MAX_LINE) {
            throw new IOException("a line of %s would have %d bytes, and at most %d can be read again"
                    .formatted(file.getFileName(), line.bytes().length, LineReader.MAX_LINE));
        }
        buffer.writeBytes(line.bytes());
        bytes += line.bytes().length;
        if (buffer.size() > CHUNK) {
            flush();
        }
    }

    private String finish() throws IOException {
        flush();
        out.force();
        io.replace(temporary, file);
        return Digests.base64Url(sha256.digest());
    }

    private void flush() throws IOException {
        byte[] full = buffer.toByteArray();
        buffer.reset();
        sha256.update(full);
        Disk.writeAll(out, ByteBuffer.wrap(full));
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
