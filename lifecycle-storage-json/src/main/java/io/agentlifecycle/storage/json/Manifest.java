package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.store.OpenReport;
import io.agentlifecycle.core.store.RequestId;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Which files make up a store, beside the journal, whose segments are found by their names: the file MANIFEST.json, changed
 * only at a checkpoint, which it completes.
 *
 * @param format 2; or 1 of a store that is about to be upgraded
 * @param snapshot the newest snapshot, if there is one
 * @param previous the one before it, if it is kept
 * @param journalFrom the line from which on the journal is kept
 * @param audit the audit segments, in order
 * @param repairs what was repaired and is not in the log yet
 */
record Manifest(
        int format,
        String storeId,
        Optional<Reference> snapshot,
        Optional<Reference> previous,
        long journalFrom,
        List<Audit> audit,
        List<Repair> repairs) {
    static final String NAME = "MANIFEST.json";
    static final int FORMAT = 2;
    static final int MAX_BYTES = 64 << 20;
    private static final Pattern CLOSED = Pattern.compile(".*,\"crc\":\"[0-9a-f]{8}\"\\}", Pattern.DOTALL);

    /** A snapshot: up to which line, what the checksum of that line is, and the digest of the file. */
    record Reference(String file, long seqTo, String crc, String sha256) {
        Reference {
            if (!file.equals(nameOf(seqTo))) {
                throw new IllegalArgumentException("no snapshot up to line " + seqTo + " is named " + file);
            }
        }

        static String nameOf(long seqTo) {
            return String.format(Locale.ROOT, "snapshot-%016d.json", seqTo);
        }
    }

    /**
     * An audit segment with its index, and with what is disclosed of its events, if there is anything: of which lines it has
     * the events, its size in bytes, and the digests.
     *
     * @param pruned the last line of the checkpoint that wrote it without the text of some of its events
     */
    record Audit(
            long first,
            long last,
            long bytes,
            String sha256,
            String indexSha256,
            Optional<Long> pruned,
            Optional<Disclosures> disclosures) {
        String file() {
            return name() + ".jsonl";
        }

        String indexFile() {
            return name() + ".index";
        }

        private String name() {
            return AuditSegment.DIRECTORY
                    + String.format(Locale.ROOT, "/audit-%016d-%016d", first, last)
                    + pruned.map(at -> String.format(Locale.ROOT, "-%016d", at)).orElse("");
        }

        Optional<String> disclosuresFile() {
            return disclosures.map(written -> AuditSegment.DIRECTORY
                    + String.format(Locale.ROOT, "/disclosures-%016d-%016d-%016d.jsonl", first, last, written.at()));
        }

        /** All its files. */
        List<String> files() {
            return Stream.concat(Stream.of(file(), indexFile()), disclosuresFile().stream())
                    .toList();
        }

        /** The same with other disclosures. */
        Audit disclosing(Optional<Disclosures> others) {
            return new Audit(first, last, bytes, sha256, indexSha256, pruned, others);
        }

        /** The same under the names that a checkpoint of line {@code at} gives it which prunes. */
        Audit prunedAt(long at) {
            return new Audit(first, last, bytes, sha256, indexSha256, Optional.of(at), disclosures);
        }

        /** The same with that content. */
        Audit with(long itsBytes, String itsSha256, String itsIndexSha256) {
            return new Audit(first, last, itsBytes, itsSha256, itsIndexSha256, pruned, disclosures);
        }
    }

    /** A file of disclosures: the last line of the checkpoint that wrote it, its size in bytes, and its digest. */
    record Disclosures(long at, long bytes, String sha256) {}

    /**
     * What was repaired.
     *
     * @param keptUpTo the last line that was kept
     * @param bytes how many bytes were taken out of the journal
     * @param sha256 the digest of those bytes
     */
    record Repair(long keptUpTo, long bytes, String sha256, String actor, String reason) {
        OpenReport.Repair report() {
            return new OpenReport.Repair(keptUpTo, bytes, sha256, actor, reason);
        }
    }

    /** Of a store that was just made, or whose journal has everything. */
    static Manifest of(String storeId) {
        return new Manifest(FORMAT, storeId, Optional.empty(), Optional.empty(), 1, List.of(), List.of());
    }

    /** The same without its newest snapshot. */
    Manifest withoutNewest() {
        return new Manifest(format, storeId, previous, Optional.empty(), journalFrom, audit, repairs);
    }

    /** The same with only those audit segments that the snapshot covers; the journal has the events after it. */
    Manifest withoutAuditAfterSnapshot() {
        long to = snapshot.map(Reference::seqTo).orElse(0L);
        List<Audit> kept =
                audit.stream().filter(segment -> segment.last() <= to).toList();
        return withAudit(kept);
    }

    /** The same with other audit segments. */
    Manifest withAudit(List<Audit> others) {
        return new Manifest(format, storeId, snapshot, previous, journalFrom, others, repairs);
    }

    /** The same after one more repair. */
    Manifest repaired(Repair repair) {
        List<Repair> more = new ArrayList<>(repairs);
        more.add(repair);
        return new Manifest(format, storeId, snapshot, previous, journalFrom, audit, more);
    }

    /** The same without all that only stands for an older state. */
    Manifest withoutPrevious() {
        long from = snapshot.map(newest -> newest.seqTo() + 1).orElse(journalFrom);
        return new Manifest(format, storeId, snapshot, Optional.empty(), from, audit, repairs);
    }

    /** The next one. Repairs that stand in the log, as {@code stored} says, are forgotten. */
    Manifest after(Reference newest, boolean keepPrevious, List<Audit> segments, List<Requests.Entry> stored) {
        Set<RequestId> told = stored.stream().map(Requests.Entry::id).collect(Collectors.toSet());
        List<Repair> untold = repairs.stream()
                .filter(repair -> !told.contains(repair.report().requestId()))
                .toList();
        Optional<Reference> before = snapshot.filter(any -> format == FORMAT);
        long from = before.map(reference -> reference.seqTo() + 1).orElse(journalFrom);
        var next = new Manifest(FORMAT, storeId, Optional.of(newest), before, from, segments, untold);
        return keepPrevious ? next : next.withoutPrevious();
    }

    /** Up to which line the events stand in audit segments. */
    long auditTo() {
        return audit.isEmpty() ? 0 : audit.get(audit.size() - 1).last();
    }

    /**
     * Reads the manifest of a store.
     *
     * @throws IllegalArgumentException if it is none
     */
    static Manifest read(StorageIo io, Path directory) throws IOException {
        return decode(new String(io.readAll(directory.resolve(NAME), MAX_BYTES), UTF_8));
    }

    /** Puts this manifest in the place of the one before, and makes that durable. */
    void write(StorageIo io, Path directory) throws IOException {
        Disk.replace(io, directory.resolve(NAME), encode().getBytes(UTF_8));
    }

    String encode() {
        Json.ObjBuilder object = Json.object()
                .put(
                        "audit",
                        new Json.Arr(audit.stream().<Json>map(Manifest::json).toList()))
                .put("format", format)
                .put("journalFrom", journalFrom)
                .put(
                        "repairs",
                        new Json.Arr(repairs.stream().<Json>map(Manifest::json).toList()))
                .put("storeId", storeId);
        snapshot.ifPresent(reference -> object.put("snapshot", json(reference)));
        previous.ifPresent(reference -> object.put("previous", json(reference)));
        String text = CanonicalJson.write(object.build());
        return new String(
                LineWriter.closed(text.substring(0, text.length() - 1)).bytes(), UTF_8);
    }

    private static Json.Obj json(Reference reference) {
        return Json.object()
                .put("file", reference.file())
                .put("seqTo", reference.seqTo())
                .put("crc", reference.crc())
                .put("sha256", reference.sha256())
                .build();
    }

    private static Json.Obj json(Audit audit) {
        Json.ObjBuilder object = Json.object()
                .put("first", audit.first())
                .put("last", audit.last())
                .put("bytes", audit.bytes())
                .put("sha256", audit.sha256())
                .put("index", audit.indexSha256());
        audit.pruned().ifPresent(at -> object.put("g", at));
        audit.disclosures()
                .ifPresent(written -> object.put(
                        "disclosures",
                        Json.object()
                                .put("g", written.at())
                                .put("bytes", written.bytes())
                                .put("sha256", written.sha256())
                                .build()));
        return object.build();
    }

    private static Json.Obj json(Repair repair) {
        return Json.object()
                .put("keptUpTo", repair.keptUpTo())
                .put("bytes", repair.bytes())
                .put("sha256", repair.sha256())
                .put("actor", repair.actor())
                .put("reason", repair.reason())
                .build();
    }

    /** Reads what {@link #encode} wrote, or what the first format had; throws IllegalArgumentException for anything else. */
    static Manifest decode(String text) {
        if (!text.endsWith("\n")) {
            throw new IllegalArgumentException("it does not end");
        }
        String line = text.substring(0, text.length() - 1);
        boolean closed = CLOSED.matcher(line).matches();
        if (closed) {
            byte[] bytes = line.getBytes(UTF_8);
            String stored = line.substring(line.length() - 10, line.length() - 2);
            if (!stored.equals(LineWriter.crc(bytes, 0, bytes.length - LineReader.TAIL))) {
                throw new IllegalArgumentException("its checksum does not fit");
            }
        }
        var fields = new JsonFields("manifest", CanonicalJson.read(withoutCrc(line, closed), MAX_BYTES));
        long format = fields.integer("format");
        if (format > FORMAT) {
            throw new NewerFormatException(format);
        }
        if (format < 1 || format == 1 == closed) {
            throw new IllegalArgumentException("there is no such manifest of format " + format);
        }
        Manifest manifest = closed ? decode(fields) : decodeFirst(fields);
        fields.end();
        return manifest;
    }

    private static String withoutCrc(String line, boolean closed) {
        return closed ? line.substring(0, line.length() - LineReader.TAIL) + "}" : line;
    }

    private static Manifest decode(JsonFields fields) {
        var manifest = new Manifest(
                FORMAT,
                fields.string("storeId"),
                fields.optionalObject("snapshot").map(Manifest::reference),
                fields.optionalObject("previous").map(Manifest::reference),
                fields.integer("journalFrom"),
                list(fields.objects("audit"), Manifest::audit),
                list(fields.objects("repairs"), Manifest::repair));
        long next = 1;
        for (Audit audit : manifest.audit()) {
            if (audit.first() != next || audit.last() < audit.first()) {
                throw new IllegalArgumentException("the audit segment of line " + next + " is missing");
            }
            next = audit.last() + 1;
        }
        return manifest;
    }

    private static <T> List<T> list(List<JsonFields> objects, Function<JsonFields, T> read) {
        List<T> list = new ArrayList<>();
        for (JsonFields object : objects) {
            list.add(read.apply(object));
            object.end();
        }
        return List.copyOf(list);
    }

    private static Reference reference(JsonFields fields) {
        var read = new Reference(
                fields.string("file"), fields.integer("seqTo"), fields.string("crc"), fields.string("sha256"));
        fields.end();
        return read;
    }

    private static Audit audit(JsonFields fields) {
        return new Audit(
                fields.integer("first"),
                fields.integer("last"),
                fields.integer("bytes"),
                fields.string("sha256"),
                fields.string("index"),
                fields.optionalInteger("g"),
                fields.optionalObject("disclosures").map(Manifest::disclosures));
    }

    private static Disclosures disclosures(JsonFields fields) {
        var read = new Disclosures(fields.integer("g"), fields.integer("bytes"), fields.string("sha256"));
        fields.end();
        return read;
    }

    private static Repair repair(JsonFields fields) {
        return new Repair(
                fields.integer("keptUpTo"),
                fields.integer("bytes"),
                fields.string("sha256"),
                fields.string("actor"),
                fields.string("reason"));
    }

    /** The first format had no audit segments, kept the whole journal, and knew no checksum of the snapshot's last line. */
    private static Manifest decodeFirst(JsonFields fields) {
        return new Manifest(
                1,
                fields.string("storeId"),
                fields.optionalObject("snapshot").map(object -> {
                    var read = new Reference(
                            object.string("file"), object.integer("seqTo"), Line.NO_CRC, object.string("sha256"));
                    object.end();
                    return read;
                }),
                Optional.empty(),
                1,
                List.of(),
                List.of());
    }

    /** A newer version wrote it. */
    static final class NewerFormatException extends IllegalArgumentException {
        private static final long serialVersionUID = 1L;

        NewerFormatException(long format) {
            super("it has format " + format + ", and this version knows " + FORMAT);
        }
    }
}
