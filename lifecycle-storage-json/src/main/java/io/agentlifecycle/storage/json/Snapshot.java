package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.error.CorruptStoreException;
import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.StoredRecord;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiConsumer;

/** All records as of one line of the journal, as one JSON document with a record, a heartbeat or a request on each line. */
final class Snapshot {
    private static final String RECORDS = ",\"records\":[";
    private static final String HEARTBEATS = "],\"heartbeats\":[";
    private static final String REQUESTS = "],\"requests\":[";
    private static final String COUNT = "],\"count\":";
    private static final int CHUNK = 256 << 10;
    private static final int AT_ONCE = 1_000;

    private Snapshot() {}

    // ---- writing

    /** Writes a snapshot and makes it durable, apart from its name. It counts once a manifest names it. */
    static Manifest.Reference write(StorageIo io, Path directory, String storeId, Picture picture) throws IOException {
        String name = Manifest.Reference.nameOf(picture.seqTo());
        Path file = directory.resolve(name);
        Disk.deleteIfThere(io, file);
        try (StorageIo.Output out = io.create(file)) {
            String sha256 = new Writer(out).write(storeId, picture.sorted());
            out.force();
            return new Manifest.Reference(name, picture.seqTo(), picture.crc(), sha256);
        }
    }

    /** Writes chunk by chunk: the text of a large fleet would not fit into a String. */
    private static final class Writer {
        private final StorageIo.Output out;
        private final MessageDigest sha256 = Disk.sha256();
        private final StringBuilder text = new StringBuilder(CHUNK + (CHUNK >> 2));

        Writer(StorageIo.Output out) {
            this.out = out;
        }

        String write(String storeId, Picture picture) throws IOException {
            String head = CanonicalJson.write(Json.object()
                    .put("format", Manifest.FORMAT)
                    .put("storeId", storeId)
                    .put("seqTo", picture.seqTo())
                    .put("crc", picture.crc())
                    .put("clockHighWater", picture.highWater())
                    .build());
            text.append(head, 0, head.length() - 1).append(RECORDS).append('\n');
            all(picture.records(), LineWriter::record);
            text.append(HEARTBEATS).append('\n');
            all(picture.heartbeats(), LineWriter::beat);
            text.append(REQUESTS).append('\n');
            all(picture.requests(), LineWriter::request);
            text.append(COUNT).append(picture.records().size());
            flush();
            String digest = Digests.base64Url(sha256.digest());
            Disk.writeAll(out, ByteBuffer.wrap((",\"sha256\":\"" + digest + "\"}\n").getBytes(UTF_8)));
            return digest;
        }

        private <T> void all(List<T> items, BiConsumer<T, StringBuilder> writer) throws IOException {
            int left = items.size();
            for (T item : items) {
                writer.accept(item, text);
                text.append(--left == 0 ? "\n" : ",\n");
                if (text.length() > CHUNK) {
                    flush();
                }
            }
        }

        private void flush() throws IOException {
            byte[] bytes = text.toString().getBytes(UTF_8);
            text.setLength(0);
            sha256.update(bytes);
            Disk.writeAll(out, ByteBuffer.wrap(bytes));
        }
    }

    // ---- reading

    /**
     * Reads a snapshot into {@code contents}, which are of no use if this fails.
     *
     * @throws CorruptStoreException if it is not what was written
     */
    static void load(StorageIo io, Path directory, Manifest.Reference reference, String storeId, Contents contents)
            throws IOException {
        Path file = directory.resolve(reference.file());
        var reader = new Reader(reference, storeId, contents);
        each(io, file, reference, reader);
        if (reader.part != Part.NONE) {
            throw new CorruptStoreException(file.toString(), 0, "it ends too early", Recovery.HINT, null);
        }
    }

    /**
     * Compares a snapshot with its digest.
     *
     * @throws CorruptStoreException if it is not what was written
     */
    static void requireSound(StorageIo io, Path directory, Manifest.Reference reference) throws IOException {
        each(io, directory.resolve(reference.file()), reference, (bytes, from, to, offset) -> {});
    }

    /** Shows all lines, and compares them with their digest, which stands at the end of the last one. */
    private static void each(StorageIo io, Path file, Manifest.Reference reference, LineFile.Visitor visitor)
            throws IOException {
        if (!io.exists(file)) {
            throw new CorruptStoreException(file.toString(), 0, "the file is gone", Recovery.HINT, null);
        }
        long size = io.size(file);
        byte[] ending = (",\"sha256\":\"" + reference.sha256() + "\"}\n").getBytes(UTF_8);
        MessageDigest sha256 = Disk.sha256();
        try {
            new LineFile(io, file).each((bytes, from, to, offset) -> {
                boolean last = offset + to + 1 - from == size;
                int digested = Math.max(from, to + 1 - (last ? ending.length : 0));
                sha256.update(bytes, from, digested - from);
                visitor.line(bytes, from, digested - (last ? 0 : 1), offset);
                if (last && !Arrays.equals(bytes, digested, to + 1, ending, 0, ending.length)) {
                    throw new IllegalArgumentException("it does not end with its digest");
                }
            });
            if (!Digests.base64Url(sha256.digest()).equals(reference.sha256())) {
                throw new IllegalArgumentException("its digest does not fit");
            }
        } catch (IllegalArgumentException e) {
            throw new CorruptStoreException(file.toString(), 0, String.valueOf(e.getMessage()), Recovery.HINT, e);
        }
    }

    /** What the next line belongs to. */
    private enum Part {
        HEAD,
        RECORDS,
        HEARTBEATS,
        REQUESTS,
        NONE
    }

    /** Takes over line by line what the snapshot holds; what does not belong where it stands is refused. */
    private static final class Reader implements LineFile.Visitor {
        private final Manifest.Reference reference;
        private final String storeId;
        private final Contents contents;
        private final List<Mutation> puts = new ArrayList<>();
        private final List<Heartbeat> heartbeats = new ArrayList<>();
        private Part part = Part.HEAD;
        private long records;

        Reader(Manifest.Reference reference, String storeId, Contents contents) {
            this.reference = reference;
            this.storeId = storeId;
            this.contents = contents;
        }

        @Override
        public void line(byte[] bytes, int from, int to, long offset) throws IOException {
            try {
                line(LineReader.utf8(bytes, from, to));
            } catch (LineReader.BadLineException e) {
                throw new IllegalArgumentException(e.getMessage(), e);
            }
        }

        private void line(String line) throws LineReader.BadLineException {
            switch (part) {
                case HEAD -> {
                    head(line);
                    part = Part.RECORDS;
                }
                case RECORDS -> {
                    if (line.equals(HEARTBEATS)) {
                        applyPuts();
                        part = Part.HEARTBEATS;
                    } else {
                        record(LineReader.digested(withoutComma(line)));
                    }
                }
                case HEARTBEATS -> {
                    if (line.equals(REQUESTS)) {
                        contents.state().heartbeats(heartbeats);
                        part = Part.REQUESTS;
                    } else {
                        heartbeats.add(LineReader.beat(withoutComma(line)));
                    }
                }
                case REQUESTS -> {
                    if (line.startsWith(COUNT)) {
                        count(line);
                        part = Part.NONE;
                    } else {
                        Requests.Entry request = LineReader.request(withoutComma(line));
                        contents.requests().add(request.id(), request.done());
                    }
                }
                case NONE -> throw new IllegalArgumentException("something follows its end");
            }
        }

        private void head(String opening) {
            if (!opening.endsWith(RECORDS)) {
                throw new IllegalArgumentException("it does not begin as a snapshot does");
            }
            String json = opening.substring(0, opening.length() - RECORDS.length()) + "}";
            var head = new JsonFields("snapshot", CanonicalJson.read(json, 4_096));
            head.format("format", Manifest.FORMAT);
            if (!head.string("storeId").equals(storeId)
                    || head.integer("seqTo") != reference.seqTo()
                    || !head.string("crc").equals(reference.crc())) {
                throw new IllegalArgumentException("it is of another store, or of another moment");
            }
            head.optionalInstant("clockHighWater").ifPresent(contents::noteTime);
            head.end();
        }

        private void record(StoredRecord record) {
            puts.add(new Mutation.Put(record));
            records++;
            if (puts.size() == AT_ONCE) {
                applyPuts();
            }
        }

        private void applyPuts() {
            contents.state().apply(puts);
            puts.clear();
        }

        private void count(String line) {
            if (!line.equals(COUNT + records)) {
                throw new IllegalArgumentException("it has " + records + " records, not as many as it says");
            }
        }

        private static String withoutComma(String line) {
            return line.endsWith(",") ? line.substring(0, line.length() - 1) : line;
        }
    }
}
