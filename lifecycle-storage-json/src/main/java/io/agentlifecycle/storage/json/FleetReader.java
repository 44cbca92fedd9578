package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.access.Text;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.error.CorruptStoreException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Makes a store from what {@link FleetWriter} wrote, line by line. Commits get the numbers that they had, so that whoever
 * follows the log goes on from where they were: lines that say nothing stand where heartbeats and the like stood. The
 * records follow in commits of their own, as they are now, since their history is in the events. The manifest comes last.
 */
final class FleetReader {
    private static final Pattern COMMIT = Pattern.compile("\\{\"seq\":([1-9][0-9]{0,15}),(\"req\":.*)\\}");
    private static final int MAX_HEAD = 4_096;
    private static final int MAX_BEAT = 1_024;

    /** A heartbeat line and a put of so many characters are well below the limit of a line. */
    private static final int CHUNK = 1 << 20;

    private final Path file;
    private final InputStream in;
    private final MessageDigest sha256 = Disk.sha256();
    private final Map<String, Long> streams = new HashMap<>();
    private final Map<String, Long> pruned = new HashMap<>();
    private final Set<RecordKey> keys = new HashSet<>();
    private final Set<RequestId> requests = new HashSet<>();
    private Optional<Instant> highWater = Optional.empty();
    private long offset;
    private long lineOffset;

    private FleetReader(Path file, InputStream in) {
        this.file = file;
        this.in = in;
    }

    static void read(Path file, StorageIo io, Path given, long rotateAfter) throws IOException {
        if (!io.exists(file)) {
            throw new StoreException(file + " does not exist", null);
        }
        Path directory = Premises.check(io, given);
        try (StorageIo.Held lock = io.lock(directory);
                InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
            Backup.requireEmpty(io, directory);
            lock.ensureHeld();
            new FleetReader(file, in).into(io, directory, rotateAfter);
        }
    }

    private void into(StorageIo io, Path directory, long rotateAfter) throws IOException {
        String storeId = head();
        try (var journal = new FleetJournal(io, directory, storeId, highWater, rotateAfter)) {
            try {
                commits(journal);
                records(journal);
                heartbeats(journal);
                end();
                journal.finish();
            } catch (IOException | RuntimeException e) {
                journal.remove(e);
                throw e;
            }
        }
        Disk.forceNames(io, directory);
        if (pruned.isEmpty()) {
            Manifest.of(storeId).write(io, directory);
        } else {
            FleetJournal.replace(io, directory, storeId);
        }
    }

    // ---- the parts

    private String head() throws IOException {
        String line = line(MAX_HEAD);
        if (!line.endsWith(FleetWriter.COMMITS)) {
            throw bad("it does not begin as an export does");
        }
        try {
            String json = line.substring(0, line.length() - FleetWriter.COMMITS.length()) + "}";
            var head = new JsonFields("the export", CanonicalJson.read(json, MAX_HEAD));
            head.format("format", FleetWriter.FORMAT);
            String storeId = Text.line("store id", head.string("storeId"), 128);
            highWater = head.optionalInstant("clockHighWater");
            head.end();
            return storeId;
        } catch (IllegalArgumentException e) {
            throw bad(String.valueOf(e.getMessage()));
        }
    }

    private void commits(FleetJournal journal) throws IOException {
        for (String line = line(LineReader.MAX_LINE); !line.equals(FleetWriter.RECORDS); ) {
            String item = item(line);
            if (!item.isEmpty()) {
                commit(item, journal);
            }
            line = next(line, FleetWriter.RECORDS);
        }
    }

    private void commit(String item, FleetJournal journal) throws IOException {
        Matcher matcher = COMMIT.matcher(item);
        if (!matcher.matches()) {
            throw bad("it is not a commit");
        }
        Line line = journal.commit(Long.parseLong(matcher.group(1)), matcher.group(2), this::bad);
        Line.Committed commit = line.commit().orElseThrow(() -> bad("it is not a commit"));
        var same = new StringBuilder(item.length());
        LineWriter.saidBy(commit, same);
        if (commit.events().isEmpty() || !same.toString().equals(matcher.group(2))) {
            throw bad("a commit has events and disclosures here, and nothing else");
        }
        if (!requests.add(commit.requestId())) {
            throw bad("request " + commit.requestId() + " was there before");
        }
        if (highWater.isEmpty() || commit.at().isAfter(highWater.get())) {
            throw bad("it is later than the store ever was");
        }
        for (StoredEvent event : commit.events()) {
            long expected = streams.merge(event.stream(), 1L, Long::sum) - 1;
            if (event.n() != expected) {
                throw bad("event %d of stream %s is missing".formatted(expected, event.stream()));
            }
            if (event.isPruned() && pruned.merge(event.stream(), 1L, Long::sum) - 1 != event.n()) {
                throw bad("event %d of stream %s is pruned, and one before it is not"
                        .formatted(event.n(), event.stream()));
            }
        }
    }

    private void records(FleetJournal journal) throws IOException {
        List<Mutation> part = new ArrayList<>();
        int size = 0;
        for (String line = line(LineReader.MAX_LINE); !line.equals(FleetWriter.HEARTBEATS); ) {
            String item = item(line);
            if (!item.isEmpty()) {
                if (part.size() == JsonStore.MAX_RECORDS || size + item.length() > CHUNK) {
                    put(part, journal);
                    part.clear();
                    size = 0;
                }
                part.add(new Mutation.Put(record(item)));
                size += item.length();
            }
            line = next(line, FleetWriter.HEARTBEATS);
        }
        put(part, journal);
    }

    private StoredRecord record(String item) throws IOException {
        StoredRecord record;
        try {
            record = LineReader.record(item);
        } catch (LineReader.BadLineException e) {
            throw bad(String.valueOf(e.getMessage()));
        }
        var same = new StringBuilder(item.length());
        LineWriter.record(record, same);
        if (!same.toString().equals(item)) {
            throw bad("it is not written as a record is");
        }
        if (!keys.add(record.key())) {
            throw bad(record.key() + " was there before");
        }
        return record;
    }

    private void put(List<Mutation> part, FleetJournal journal) throws IOException {
        if (!part.isEmpty()) {
            var id = new RequestId("import-" + journal.nextSeq());
            Instant at = highWater.orElseThrow(() -> bad("there are records, but no time at which they were changed"));
            if (!requests.add(id)) {
                id = new RequestId("import-again-" + journal.nextSeq());
            }
            journal.put(new Commit(id, at, List.of(), part, List.of()), this::bad);
        }
    }

    private void heartbeats(FleetJournal journal) throws IOException {
        var part = new StringBuilder();
        for (String line = line(MAX_BEAT); !line.startsWith("]"); ) {
            String item = item(line);
            if (!item.isEmpty()) {
                part.append(part.isEmpty() ? "" : ",").append(item);
                if (part.length() > CHUNK) {
                    beats(part, journal);
                }
            }
            line = next(line, "]");
        }
        beats(part, journal);
    }

    private void beats(StringBuilder part, FleetJournal journal) throws IOException {
        if (part.isEmpty()) {
            return;
        }
        String text = "\"kind\":\"hb\",\"hb\":[" + part + "]";
        part.setLength(0);
        if (!(journal.beats(text, this::bad).body() instanceof Line.Beats beats)
                || !LineWriter.beats(beats.heartbeats()).equals(text)) {
            throw bad("these are not heartbeats");
        }
        for (Heartbeat beat : beats.heartbeats()) {
            if (!keys.contains(beat.agent())) {
                throw bad("there is no record of " + beat.agent());
            }
        }
    }

    /** The line with the digest was read without adding it to the digest. */
    private void end() throws IOException {
        if (in.read() >= 0) {
            throw bad("something follows the end");
        }
    }

    // ---- lines

    private String item(String line) {
        return line.endsWith(",") ? line.substring(0, line.length() - 1) : line;
    }

    /** The line after {@code line}: another item if a comma said so, otherwise the end of the part. */
    private String next(String line, String end) throws IOException {
        boolean more = line.endsWith(",");
        String next = line(LineReader.MAX_LINE);
        boolean ended = end.equals("]") ? next.startsWith("]") : next.equals(end);
        if (more == ended) {
            throw bad(more ? "an item is missing" : "a comma is missing");
        }
        return next;
    }

    private String line(int most) throws IOException {
        lineOffset = offset;
        var bytes = new ByteArrayOutputStream(1_024);
        int b;
        while ((b = in.read()) >= 0 && b != '\n') {
            if (bytes.size() == most) {
                throw bad("a line is longer than the limit of " + most + " bytes");
            }
            bytes.write(b);
        }
        if (b < 0) {
            throw bad("the file ends too early: the export was cut off");
        }
        byte[] line = bytes.toByteArray();
        offset += line.length + 1;
        String text = text(line);
        int digest = text.startsWith("]" + FleetWriter.DIGEST) ? 1 : -1;
        if (digest < 0) {
            sha256.update(line);
            sha256.update((byte) '\n');
        } else {
            sha256.update((byte) ']');
            String expected = Digests.base64Url(sha256.digest());
            if (!text.equals("]" + FleetWriter.DIGEST + expected + "\"}")) {
                throw bad("its digest does not fit: it was changed after it was written");
            }
        }
        return text;
    }

    private String text(byte[] line) {
        try {
            return UTF_8.newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(line))
                    .toString();
        } catch (CharacterCodingException e) {
            throw bad("it is not UTF-8");
        }
    }

    private CorruptStoreException bad(String reason) {
        return new CorruptStoreException(
                file.toString(), lineOffset, reason, "nothing was imported; export the store again", null);
    }
}
