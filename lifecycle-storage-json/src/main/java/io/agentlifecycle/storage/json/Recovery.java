package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.error.CorruptStoreException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.store.MemoryState;
import io.agentlifecycle.core.store.OpenReport;
import io.agentlifecycle.core.store.StoredEvent;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;

/**
 * Reads a store from its directory, or makes it in an empty one. It never starts empty where something was, and cuts
 * nothing but a tail that nobody was told of, of which it keeps a copy.
 */
final class Recovery {
    private static final String HINT = "keep a copy of the directory and restore a backup";

    private final StorageIo io;
    private final Path directory;
    private final MemoryState state = new MemoryState();
    private final TrailIndex index = new TrailIndex();
    private final Requests requests = new Requests();
    private final List<Segment> segments = new ArrayList<>();
    private final Set<String> kinds = new TreeSet<>();
    private Optional<Instant> highWater = Optional.empty();
    private OpenReport report = OpenReport.CLEAN;
    private long nextSeq = 1;
    private String crc = Line.NO_CRC;
    private long bytesSinceSnapshot;

    private Recovery(StorageIo io, Path directory) {
        this.io = io;
        this.directory = directory;
    }

    /**
     * All that the store goes on from.
     *
     * @param crc the checksum of the last line
     */
    record Recovered(
            Manifest manifest,
            MemoryState state,
            TrailIndex index,
            Requests requests,
            List<Segment> segments,
            Set<String> kinds,
            Optional<Instant> highWater,
            OpenReport report,
            long nextSeq,
            String crc,
            long bytesSinceSnapshot) {}

    static Recovered open(StorageIo io, Path directory) throws IOException {
        return new Recovery(io, directory).open();
    }

    private Recovered open() throws IOException {
        List<String> names = io.list(directory);
        Manifest manifest = names.contains(Manifest.NAME) ? readManifest() : begin(names);
        for (String name : io.list(directory)) {
            Segment.named(directory, name).ifPresent(segments::add);
        }
        if (segments.isEmpty()) {
            throw new CorruptStoreException(directory.toString(), 0, "its journal is gone", HINT, null);
        }
        long snapshotTo = 0;
        if (manifest.snapshot().isPresent()) {
            Manifest.Reference reference = manifest.snapshot().get();
            highWater = Snapshot.load(io, directory, reference, manifest.storeId(), state);
            snapshotTo = reference.seqTo();
        }
        replay(manifest.storeId(), snapshotTo);
        return new Recovered(
                manifest, state, index, requests, segments, kinds, highWater, report, nextSeq, crc, bytesSinceSnapshot);
    }

    private Manifest readManifest() throws IOException {
        Path file = directory.resolve(Manifest.NAME);
        String text = new String(io.readAll(file, 65_536), StandardCharsets.UTF_8);
        try {
            return Manifest.decode(text);
        } catch (Manifest.NewerFormatException e) {
            throw new StoreException(file + ": " + e.getMessage() + "; open it with a newer version", e);
        } catch (IllegalArgumentException e) {
            throw new CorruptStoreException(file.toString(), 0, String.valueOf(e.getMessage()), HINT, e);
        }
    }

    /**
     * Makes a store. Its manifest comes last, so whatever stands here without one is a store whose making was cut short
     * before anyone could use it, or something that is not ours to touch.
     */
    private Manifest begin(List<String> names) throws IOException {
        Segment first = Segment.at(directory, 1);
        boolean unborn = false;
        for (String name : names) {
            if (name.equals(first.file().getFileName().toString()) && isUnborn(first.file())) {
                unborn = true;
            } else if (!name.equals("LOCK") && !name.equals("LOCK.info") && !name.equals(Manifest.NAME + ".tmp")) {
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
        String storeId = UUID.randomUUID().toString();
        String open = LineWriter.open(storeId, Manifest.FORMAT, Instant.EPOCH);
        writeWhole(io, first.file(), LineWriter.line(1, Line.NO_CRC, 0, open).bytes());
        io.forceDirectory(directory);
        var manifest = new Manifest(Manifest.FORMAT, storeId, Optional.empty());
        write(io, directory, manifest);
        return manifest;
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

    static void write(StorageIo io, Path directory, Manifest manifest) throws IOException {
        Path temporary = directory.resolve(Manifest.NAME + ".tmp");
        if (io.exists(temporary)) {
            io.delete(temporary);
        }
        writeWhole(io, temporary, manifest.encode().getBytes(StandardCharsets.UTF_8));
        io.replace(temporary, directory.resolve(Manifest.NAME));
        io.forceDirectory(directory);
    }

    static void writeWhole(StorageIo io, Path file, byte[] bytes) throws IOException {
        try (StorageIo.Output out = io.create(file)) {
            Outputs.writeAll(out, ByteBuffer.wrap(bytes));
            out.force();
        }
    }

    private void replay(String storeId, long snapshotTo) throws IOException {
        for (int i = 0; i < segments.size(); i++) {
            Segment segment = segments.get(i);
            boolean last = i == segments.size() - 1;
            if (segment.firstSeq() != nextSeq) {
                throw new CorruptStoreException(
                        directory.toString(),
                        0,
                        "%s should begin with line %d: a segment is missing or was added"
                                .formatted(segment.file().getFileName(), nextSeq),
                        HINT,
                        null);
            }
            int number = i;
            Segment.Scan scan = segment.scan(
                    io, nextSeq, crc, last, (line, offset) -> take(line, storeId, number, offset, snapshotTo));
            nextSeq = scan.nextSeq();
            crc = scan.crc();
            if (scan.nextSeq() > snapshotTo) {
                bytesSinceSnapshot += scan.cut();
            }
            if (last) {
                if (nextSeq <= snapshotTo) {
                    throw segment.corrupt(
                            scan.cut(),
                            "the journal ends at line %d, the snapshot at line %d".formatted(nextSeq - 1, snapshotTo),
                            null);
                }
                settle(segment, scan);
            }
        }
    }

    private void take(Line line, String storeId, int segment, long offset, long snapshotTo) {
        if (line.body() instanceof Line.Open open) {
            if (!open.storeId().equals(storeId)) {
                throw segments.get(segment)
                        .corrupt(offset, "it belongs to store " + open.storeId() + ", not to " + storeId, null);
            }
            if (open.format() > Manifest.FORMAT) {
                throw new StoreException(
                        "%s has format %d, and this version knows %d; open it with a newer version"
                                .formatted(segments.get(segment).file(), open.format(), Manifest.FORMAT),
                        null);
            }
        } else if (line.body() instanceof Line.Committed commit) {
            var place = new TrailIndex.Place(segment, offset);
            index.addCommit(line.seq(), place);
            for (StoredEvent event : commit.events()) {
                index.addEvent(event.stream(), place);
            }
            commit.mutations().forEach(mutation -> kinds.add(mutation.key().kind()));
            requests.add(commit.requestId(), new Requests.Done(line.seq(), commit.digest()));
            if (highWater.isEmpty() || commit.at().isAfter(highWater.get())) {
                highWater = Optional.of(commit.at());
            }
            if (line.seq() > snapshotTo) {
                state.apply(commit.mutations());
            }
        } else if (line.body() instanceof Line.Beats beats && line.seq() > snapshotTo) {
            state.heartbeats(beats.heartbeats());
        }
    }

    /** Cuts a torn tail, and makes durable what is read from now on: it may have been in the page cache only. */
    private void settle(Segment segment, Segment.Scan scan) throws IOException {
        if (scan.isTorn()) {
            byte[] tail = Arrays.copyOfRange(scan.bytes(), (int) scan.cut(), scan.bytes().length);
            Path quarantine = directory.resolve("quarantine");
            if (!io.exists(quarantine)) {
                io.createDirectory(quarantine);
            }
            writeWhole(io, free(quarantine, segment, scan.cut()), tail);
            io.forceDirectory(quarantine);
            report = new OpenReport(tail.length, Optional.of(Digests.base64Url(Digests.sha256(tail))));
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
            segments.remove(segments.size() - 1);
        }
    }

    private Path free(Path quarantine, Segment segment, long offset) throws IOException {
        String name = segment.file().getFileName() + "-" + offset;
        Path file = quarantine.resolve(name);
        for (int i = 2; io.exists(file); i++) {
            file = quarantine.resolve(name + "-" + i);
        }
        return file;
    }
}
