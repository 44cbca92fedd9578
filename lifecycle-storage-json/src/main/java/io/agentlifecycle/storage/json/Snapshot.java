package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.error.CorruptStoreException;
import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.MemoryState;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.StoredRecord;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * All records as of one line of the journal, as one JSON document with a record on each line. The journal alone gives the
 * same state; a snapshot makes opening faster.
 */
final class Snapshot {
    private static final long MAX_BYTES = 1L << 30;
    private static final int PAGE = 1_000;
    private static final String HINT =
            "move the file away and remove \"snapshot\" from MANIFEST.json: the journal gives the same state";

    private Snapshot() {}

    /** Writes a snapshot and makes it durable; the manifest is the caller's part. */
    static Manifest.Reference write(
            StorageIo io,
            Path directory,
            String storeId,
            long seqTo,
            List<String> kinds,
            MemoryState state,
            Optional<Instant> highWater)
            throws IOException {
        var text = new StringBuilder();
        Json.ObjBuilder head = Json.object()
                .put("format", Manifest.FORMAT)
                .put("storeId", storeId)
                .put("seqTo", seqTo)
                .put("clockHighWater", highWater);
        String opening = CanonicalJson.write(head.build());
        text.append(opening, 0, opening.length() - 1).append(",\"records\":[\n");
        var beats = new StringBuilder();
        long count = 0;
        for (String kind : kinds) {
            Optional<PageToken> after = Optional.empty();
            do {
                Page<StoredRecord> page = state.query(RecordQuery.of(kind), after, PAGE);
                for (StoredRecord found : page.items()) {
                    text.append(count++ == 0 ? "" : ",\n");
                    LineWriter.record(found, text);
                    state.liveness(found.key()).ifPresent(liveness -> {
                        beats.append(beats.isEmpty() ? "" : ",\n");
                        LineWriter.beat(new Heartbeat(found.key(), liveness), beats);
                    });
                }
                after = page.next();
            } while (after.isPresent());
        }
        text.append("\n],\"heartbeats\":[\n")
                .append(beats)
                .append("\n],\"count\":")
                .append(count);
        String sha256 = Digests.sha256(text.toString());
        text.append(",\"sha256\":\"").append(sha256).append("\"}\n");

        String name = Manifest.Reference.nameOf(seqTo);
        Path temporary = directory.resolve(name + ".tmp");
        if (io.exists(temporary)) {
            io.delete(temporary);
        }
        Recovery.writeWhole(io, temporary, text.toString().getBytes(UTF_8));
        io.replace(temporary, directory.resolve(name));
        io.forceDirectory(directory);
        return new Manifest.Reference(name, seqTo, sha256);
    }

    /** Reads a snapshot into {@code state} and returns the latest time of any commit in it. */
    static Optional<Instant> load(
            StorageIo io, Path directory, Manifest.Reference reference, String storeId, MemoryState state)
            throws IOException {
        Path file = directory.resolve(reference.file());
        if (!io.exists(file)) {
            throw new CorruptStoreException(file.toString(), 0, "the file is gone", HINT, null);
        }
        try {
            String text = new String(io.readAll(file, MAX_BYTES), UTF_8);
            return new Parsed(text, reference, storeId).into(state);
        } catch (IllegalArgumentException | LineReader.BadLineException e) {
            throw new CorruptStoreException(file.toString(), 0, String.valueOf(e.getMessage()), HINT, e);
        }
    }

    /** The parts of a snapshot's text. */
    private record Parsed(String text, Manifest.Reference reference, String storeId) {
        Optional<Instant> into(MemoryState state) throws LineReader.BadLineException {
            int digest = text.lastIndexOf(",\"sha256\":\"");
            String ending = ",\"sha256\":\"" + reference.sha256() + "\"}\n";
            if (digest < 0
                    || !text.substring(digest).equals(ending)
                    || !Digests.sha256(text.substring(0, digest)).equals(reference.sha256())) {
                throw new IllegalArgumentException("its digest does not fit");
            }
            List<String> lines = text.substring(0, digest).lines().toList();
            String opening = lines.get(0);
            var head = new JsonFields(
                    "snapshot",
                    CanonicalJson.read(
                            opening.substring(0, opening.length() - ",\"records\":[".length()) + "}", 4_096));
            head.format("format", Manifest.FORMAT);
            if (!head.string("storeId").equals(storeId) || head.integer("seqTo") != reference.seqTo()) {
                throw new IllegalArgumentException("it is of another store, or of another moment");
            }
            Optional<Instant> highWater = head.optionalInstant("clockHighWater");
            head.end();
            int at = 1;
            List<Mutation> puts = new ArrayList<>();
            for (; !lines.get(at).startsWith("]"); at++) {
                if (!lines.get(at).isEmpty()) {
                    puts.add(new Mutation.Put(LineReader.record(withoutComma(lines.get(at)))));
                }
            }
            state.apply(puts);
            List<Heartbeat> beats = new ArrayList<>();
            for (at++; !lines.get(at).startsWith("]"); at++) {
                if (!lines.get(at).isEmpty()) {
                    beats.add(beat(withoutComma(lines.get(at))));
                }
            }
            state.heartbeats(beats);
            return highWater;
        }

        private static String withoutComma(String line) {
            return line.endsWith(",") ? line.substring(0, line.length() - 1) : line;
        }

        private static Heartbeat beat(String line) {
            if (CanonicalJson.read(line, 1_024) instanceof Json.Arr array
                    && array.items().size() == 4
                    && array.items().get(0) instanceof Json.Str tenant
                    && array.items().get(1) instanceof Json.Str id
                    && array.items().get(2) instanceof Json.Str seen
                    && array.items().get(3) instanceof Json.Int count) {
                return new Heartbeat(
                        new RecordKey(TenantId.of(tenant.value()), RecordKey.AGENT, id.value()),
                        new Liveness(JsonFields.instantOf(seen.value()), count.value()));
            }
            throw new IllegalArgumentException("a heartbeat is not one");
        }
    }
}
