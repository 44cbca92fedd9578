package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.error.CorruptStoreException;
import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.Mutation;
import java.io.BufferedReader;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;

/** All records as of one line of the journal, as one JSON document with a record, a heartbeat or a request on each line. */
final class Snapshot {
    private static final String RECORDS = ",\"records\":[";
    private static final String HEARTBEATS = "],\"heartbeats\":[";
    private static final String REQUESTS = "],\"requests\":[";
    private static final String COUNT = "],\"count\":";
    private static final int CHUNK = 256 << 10;
    private static final int PART = 1_000;

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
        MessageDigest sha256 = Disk.sha256();
        long digested = digested(io, file, reference);
        try (InputStream bytes = new DigestInputStream(new Bounded(Disk.stream(io, file), digested), sha256);
                var lines = new BufferedReader(
                        new InputStreamReader(
                                bytes,
                                UTF_8.newDecoder()
                                        .onMalformedInput(CodingErrorAction.REPORT)
                                        .onUnmappableCharacter(CodingErrorAction.REPORT)),
                        CHUNK)) {
            new Reader(lines).read(reference, storeId, contents);
            requireDigest(io, file, reference, digested, sha256);
        } catch (IllegalArgumentException | LineReader.BadLineException | CharacterCodingException e) {
            throw new CorruptStoreException(file.toString(), 0, String.valueOf(e.getMessage()), Recovery.HINT, e);
        }
    }

    /**
     * Compares a snapshot with its digest.
     *
     * @throws CorruptStoreException if it is not what was written
     */
    static void requireSound(StorageIo io, Path directory, Manifest.Reference reference) throws IOException {
        Path file = directory.resolve(reference.file());
        MessageDigest sha256 = Disk.sha256();
        long digested = digested(io, file, reference);
        try (InputStream bytes = new Bounded(Disk.stream(io, file), digested)) {
            byte[] chunk = new byte[CHUNK];
            for (int read = bytes.read(chunk); read > 0; read = bytes.read(chunk)) {
                sha256.update(chunk, 0, read);
            }
            requireDigest(io, file, reference, digested, sha256);
        } catch (IllegalArgumentException e) {
            throw new CorruptStoreException(file.toString(), 0, String.valueOf(e.getMessage()), Recovery.HINT, e);
        }
    }

    private static String ending(Manifest.Reference reference) {
        return ",\"sha256\":\"" + reference.sha256() + "\"}\n";
    }

    /** How many bytes of the file the digest is of. */
    private static long digested(StorageIo io, Path file, Manifest.Reference reference) throws IOException {
        if (!io.exists(file)) {
            throw new CorruptStoreException(file.toString(), 0, "the file is gone", Recovery.HINT, null);
        }
        return io.size(file) - ending(reference).length();
    }

    private static void requireDigest(
            StorageIo io, Path file, Manifest.Reference reference, long digested, MessageDigest sha256)
            throws IOException {
        ByteBuffer end = ByteBuffer.allocate(128);
        int length = digested < 0 ? 0 : Math.max(io.read(file, digested, end), 0);
        if (!new String(end.array(), 0, length, UTF_8).equals(ending(reference))
                || !Digests.base64Url(sha256.digest()).equals(reference.sha256())) {
            throw new IllegalArgumentException("its digest does not fit");
        }
    }

    /** Reads line by line. */
    private record Reader(BufferedReader lines) {
        void read(Manifest.Reference reference, String storeId, Contents contents)
                throws IOException, LineReader.BadLineException {
            head(reference, storeId, contents);
            long count = records(contents);
            List<Heartbeat> heartbeats = new ArrayList<>();
            for (String item = next(); !item.equals(REQUESTS); item = next()) {
                heartbeats.add(LineReader.beat(withoutComma(item)));
            }
            contents.state().heartbeats(heartbeats);
            String item = next();
            for (; !item.startsWith(COUNT); item = next()) {
                Requests.Entry request = LineReader.request(withoutComma(item));
                contents.requests().add(request.id(), request.done());
            }
            if (!item.equals(COUNT + count) || lines.readLine() != null) {
                throw new IllegalArgumentException("it has " + count + " records, not as many as it says");
            }
        }

        private void head(Manifest.Reference reference, String storeId, Contents contents) throws IOException {
            String opening = next();
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

        private long records(Contents contents) throws IOException, LineReader.BadLineException {
            long count = 0;
            List<Mutation> puts = new ArrayList<>();
            for (String item = next(); !item.equals(HEARTBEATS); item = next()) {
                puts.add(new Mutation.Put(LineReader.record(withoutComma(item))));
                count++;
                if (puts.size() == PART) {
                    contents.state().apply(puts);
                    puts.clear();
                }
            }
            contents.state().apply(puts);
            return count;
        }

        private String next() throws IOException {
            String line = lines.readLine();
            if (line == null || line.length() > LineReader.MAX_LINE) {
                throw new IllegalArgumentException("it ends too early, or a line of it is too long");
            }
            return line;
        }

        private static String withoutComma(String line) {
            return line.endsWith(",") ? line.substring(0, line.length() - 1) : line;
        }
    }

    /** The first bytes of a stream. */
    private static final class Bounded extends FilterInputStream {
        private long left;

        Bounded(InputStream in, long length) {
            super(in);
            this.left = Math.max(length, 0);
        }

        @Override
        public int read() throws IOException {
            int read = left == 0 ? -1 : super.read();
            left -= read < 0 ? 0 : 1;
            return read;
        }

        @Override
        public int read(byte[] into, int offset, int length) throws IOException {
            int read = left == 0 ? -1 : super.read(into, offset, (int) Math.min(length, left));
            left -= Math.max(read, 0);
            return read;
        }
    }
}
