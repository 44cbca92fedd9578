package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.error.StoreException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;

/**
 * Writes a store as one JSON document with a commit, a record or a heartbeat on each line, and at its end the SHA-256 of
 * all before. Commits without events are not in the log; what they changed stands in the records.
 */
final class FleetWriter {
    static final int FORMAT = 1;
    static final String COMMITS = ",\"commits\":[";
    static final String RECORDS = "],\"records\":[";
    static final String HEARTBEATS = "],\"heartbeats\":[";
    static final String DIGEST = ",\"sha256\":\"";

    private static final int BUFFER = 1 << 20;
    private static final int PAGE = 1_000;

    private final StorageIo.Output out;
    private final MessageDigest sha256 = Disk.sha256();
    private final ByteArrayOutputStream buffer = new ByteArrayOutputStream();

    private FleetWriter(StorageIo.Output out) {
        this.out = out;
    }

    static void write(JsonStore store, StorageIo io, Path file) throws IOException {
        if (io.exists(file)) {
            throw new StoreException(file + " exists already; choose another name, or remove it", null);
        }
        Path temporary = file.resolveSibling(file.getFileName() + ".tmp");
        if (io.exists(temporary)) {
            io.delete(temporary);
        }
        try {
            try (StorageIo.Output out = io.create(temporary)) {
                new FleetWriter(out).write(store, store.picture());
                out.force();
            }
            io.replace(temporary, file);
            io.forceDirectory(Optional.ofNullable(file.getParent()).orElse(file));
        } catch (IOException | RuntimeException e) {
            if (io.exists(temporary)) {
                io.delete(temporary);
            }
            throw e;
        }
    }

    private void write(JsonStore store, Picture picture) throws IOException {
        String head = CanonicalJson.write(Json.object()
                .put("format", FORMAT)
                .put("storeId", store.describe().storeId())
                .put("clockHighWater", picture.highWater())
                .build());
        put(head.substring(0, head.length() - 1) + COMMITS + "\n");
        String separator = "";
        long cursor = 0;
        for (List<LoggedCommit> page = store.log(cursor, PAGE); !page.isEmpty(); page = store.log(cursor, PAGE)) {
            for (LoggedCommit commit : page) {
                if (commit.seq() <= picture.seqTo()) {
                    put(separator + commit(commit.seq(), commit.commit()));
                    separator = ",\n";
                }
                cursor = commit.seq();
            }
            if (cursor > picture.seqTo()) {
                break;
            }
        }
        put("\n" + RECORDS + "\n");
        all(picture.records(), LineWriter::record);
        put("\n" + HEARTBEATS + "\n");
        all(picture.heartbeats(), LineWriter::beat);
        put("\n]");
        flush();
        String digest = Digests.base64Url(sha256.digest());
        Disk.writeAll(out, ByteBuffer.wrap((DIGEST + digest + "\"}\n").getBytes(UTF_8)));
    }

    private static String commit(long seq, Line.Committed commit) {
        var text = new StringBuilder(1024).append("{\"seq\":").append(seq).append(',');
        LineWriter.saidBy(commit, text);
        return text.append('}').toString();
    }

    private <T> void all(List<T> items, BiConsumer<T, StringBuilder> writer) throws IOException {
        Iterator<T> each = items.iterator();
        while (each.hasNext()) {
            var text = new StringBuilder();
            writer.accept(each.next(), text);
            put(each.hasNext() ? text.append(",\n").toString() : text.toString());
        }
    }

    private void put(String text) throws IOException {
        buffer.writeBytes(text.getBytes(UTF_8));
        if (buffer.size() > BUFFER) {
            flush();
        }
    }

    private void flush() throws IOException {
        byte[] bytes = buffer.toByteArray();
        buffer.reset();
        sha256.update(bytes);
        Disk.writeAll(out, ByteBuffer.wrap(bytes));
    }
}
