package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.Disclosure;
import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.io.IOException;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Supplier;

/**
 * Reads lines, strictly: what is missing, unknown, of another type or in another order is a damaged line. Bodies and
 * events are cut out as they are, and must be JSON.
 */
final class LineReader {
    /** How long a line may be, its line feed included. */
    static final int MAX_LINE = 4 << 20;

    static final int TAIL = ",\"crc\":\"00000000\"}".length();
    private static final int CRC_FROM_END = "00000000\"}".length();

    /** What the decoder puts where it meets something that is not UTF-8. */
    private static final char REPLACEMENT = '\uFFFD';

    /** For lines of which nothing is known but that they are JSON. */
    private static final JsonFactory JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(64)
                    .maxStringLength(1 << 18)
                    .maxNameLength(512)
                    .maxNumberLength(20)
                    .build())
            .build();

    private final String text;
    private final Cursor cursor;

    private LineReader(String text) {
        this.text = text;
        this.cursor = new Cursor(text);
    }

    /** A line that is not what this version writes, and why. */
    static final class BadLineException extends Exception {
        private static final long serialVersionUID = 1L;

        /** True if the line is sound, but a newer version wrote it. */
        private final boolean newer;

        BadLineException(String message, boolean newer) {
            super(message);
            this.newer = newer;
        }

        boolean isNewer() {
            return newer;
        }
    }

    // ---- lines with a checksum

    /** Reads the line of a journal in {@code bytes[from, to)}, without its line feed. */
    static Line read(byte[] bytes, int from, int to) throws BadLineException {
        String text = text(bytes, from, to);
        String crc = text.substring(text.length() - CRC_FROM_END, text.length() - 2);
        return parsed("line of a journal", () -> new LineReader(text).line(crc));
    }

    /** Reads the line of an audit segment in {@code bytes[from, to)}, without its line feed. */
    static LoggedCommit audit(byte[] bytes, int from, int to) throws BadLineException {
        String text = text(bytes, from, to);
        return parsed("commit of an audit segment", () -> new LineReader(text).logged());
    }

    /** Reads one line of an index, which belongs to an audit segment. */
    static IndexLine index(byte[] bytes, int from, int to) throws BadLineException {
        String text = text(bytes, from, to);
        return parsed("line of an index", () -> {
            Cursor cursor = new Cursor(text);
            String stream = cursor.take("{\"s\":").string();
            long first = cursor.take(",\"n\":").number();
            var offsets = new Offsets();
            cursor.take(",\"at\":").array(() -> offsets.add(cursor.number()));
            cursor.end(text.length() - TAIL);
            return new IndexLine(stream, first, offsets);
        });
    }

    /** Reads one line of a file of disclosures, which belongs to an audit segment. */
    static Disclosed disclosed(byte[] bytes, int from, int to) throws BadLineException {
        String text = text(bytes, from, to);
        return parsed("disclosure", () -> {
            var reader = new LineReader(text);
            long seq = reader.cursor.take("{\"seq\":").number();
            reader.cursor.take(",");
            Disclosure disclosure = reader.disclosure();
            reader.cursor.end(text.length() - TAIL);
            return new Disclosed(seq, disclosure);
        });
    }

    /** The text in {@code bytes[from, to)}, a JSON object whose last member is its checksum. */
    static String text(byte[] bytes, int from, int to) throws BadLineException {
        if (to - from <= TAIL || to - from >= MAX_LINE) {
            throw new BadLineException("its length is impossible", false);
        }
        String stored = new String(bytes, to - TAIL, TAIL, US_ASCII);
        String crc = LineWriter.crc(bytes, from, to - from - TAIL);
        if (!stored.equals(",\"crc\":\"" + crc + "\"}")) {
            throw new BadLineException("its checksum does not fit", false);
        }
        return utf8(bytes, from, to);
    }

    /** The text in {@code bytes[from, to)}. */
    static String utf8(byte[] bytes, int from, int to) throws BadLineException {
        String text = new String(bytes, from, to - from, UTF_8);
        if (text.indexOf(REPLACEMENT) >= 0
                && !Arrays.equals(text.getBytes(UTF_8), Arrays.copyOfRange(bytes, from, to))) {
            throw new BadLineException("it is not UTF-8", false);
        }
        return text;
    }

    /** Something that is read strictly. */
    private interface Parse<T> {
        T parse() throws IOException, BadLineException;
    }

    private static <T> T parsed(String what, Parse<T> parse) throws BadLineException {
        try {
            return parse.parse();
        } catch (IOException | IllegalArgumentException | ArithmeticException | DateTimeException e) {
            throw new BadLineException("it is not a " + what + ": " + e.getMessage(), false);
        }
    }

    // ---- what is about to be written

    /**
     * The commit as it will be read back from {@code line}.
     *
     * @throws IllegalArgumentException if it would not be what it is now
     */
    static Line.Committed readBack(LineWriter.Written line, Commit commit) {
        try {
            for (int i = 0; i < line.bytes().length - 1; i++) {
                if (line.bytes()[i] == '\n' || line.bytes()[i] == '\r') {
                    throw new IllegalArgumentException("a line break at byte " + i);
                }
            }
            Line.Committed back =
                    read(line.bytes(), 0, line.bytes().length - 1).commit().orElseThrow();
            if (back.events().equals(commit.events())
                    && back.disclosures().equals(commit.disclosures())
                    && new HashSet<>(back.mutations()).equals(new HashSet<>(commit.mutations()))) {
                return back;
            }
            throw new IllegalArgumentException("it would not come back character for character");
        } catch (BadLineException | IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "commit %s cannot be stored: bodies and events must be JSON objects on one line: %s"
                            .formatted(commit.requestId(), e.getMessage()),
                    e);
        }
    }

    /** Throws an IllegalArgumentException if that line would not be read as what it is. */
    static void requireReadable(Line.Erase erase) {
        LineWriter.Written line = LineWriter.line(Long.MAX_VALUE, Line.NO_CRC, Long.MAX_VALUE, LineWriter.erase(erase));
        try {
            if (read(line.bytes(), 0, line.bytes().length - 1).body().equals(erase)) {
                return;
            }
        } catch (BadLineException e) {
            throw new IllegalArgumentException("there can be no such stream: " + e.getMessage(), e);
        }
        throw new IllegalArgumentException("the name of the stream would not come back character for character");
    }

    // ---- items of a snapshot or of an export

    /** Reads one record as it stands in a snapshot. */
    static StoredRecord record(String text) throws BadLineException {
        return parsed("record", () -> {
            var reader = new LineReader(text);
            StoredRecord record = reader.record(reader.cursor::object);
            reader.cursor.end(text.length());
            return record;
        });
    }

    /** The same from a file whose digest says that it is what was written: its body was JSON then, and is not looked into. */
    static StoredRecord digested(String text) throws BadLineException {
        return parsed("record", () -> {
            var reader = new LineReader(text);
            StoredRecord record = reader.record(() -> reader.cursor.upTo(text.length() - 1));
            reader.cursor.end(text.length());
            return record;
        });
    }

    /** Reads one heartbeat as it stands in a snapshot. */
    static Heartbeat beat(String text) throws BadLineException {
        return parsed("heartbeat", () -> {
            var reader = new LineReader(text);
            Heartbeat beat = reader.beat();
            reader.cursor.end(text.length());
            return beat;
        });
    }

    /** Reads one entry of the requests as it stands in a snapshot. */
    static Requests.Entry request(String text) throws BadLineException {
        return parsed("request", () -> {
            Cursor cursor = new Cursor(text);
            var id = new RequestId(cursor.take("[").string());
            long seq = cursor.take(",").number();
            String digest = cursor.take(",").string();
            cursor.take("]").end(text.length());
            return new Requests.Entry(id, new Requests.Done(seq, digest));
        });
    }

    // ---- the parts

    private Line line(String crc) throws IOException, BadLineException {
        long seq = cursor.take("{\"seq\":").number();
        String prev = cursor.take(",\"prev\":").string();
        long durable = cursor.take(",\"durable\":").number();
        String kind = cursor.take(",\"kind\":").string();
        Line.Body body = switch (kind) {
            case "open" -> open();
            case "commit" -> commit();
            case "hb" -> beats();
            case "erase" -> erase();
            case "seal" -> new Line.Seal();
            case "close" -> new Line.Close();
            default -> ignorable(kind);
        };
        if (!(body instanceof Line.Ignorable)) {
            cursor.end(text.length() - TAIL);
        }
        return new Line(seq, prev, durable, body, crc);
    }

    private LoggedCommit logged() throws IOException {
        long seq = cursor.take("{\"seq\":").number();
        Line.Committed commit = commit();
        cursor.end(text.length() - TAIL);
        if (commit.events().isEmpty()
                || !commit.mutations().isEmpty()
                || !commit.disclosures().isEmpty()) {
            throw cursor.wrong("a commit has events here, and nothing else");
        }
        return new LoggedCommit(seq, commit);
    }

    private Line.Open open() {
        String store = cursor.take(",\"store\":").string();
        int format = Math.toIntExact(cursor.take(",\"format\":").number());
        return new Line.Open(store, format, cursor.take(",\"at\":").instant());
    }

    /** A newer version may have written anything; it says whether it may be skipped. */
    private Line.Body ignorable(String kind) throws IOException, BadLineException {
        boolean ignorable = false;
        try (JsonParser parser = JSON.createParser(text)) {
            parser.nextToken();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                JsonToken value = parser.nextToken();
                ignorable |= name.equals("ignorable") && value == JsonToken.VALUE_TRUE;
                parser.skipChildren();
            }
        }
        if (!ignorable) {
            throw new BadLineException("its kind " + kind + " is not known: a newer version wrote it", true);
        }
        return new Line.Ignorable();
    }

    private Line.Committed commit() {
        RequestId requestId = new RequestId(cursor.take(",\"req\":").string());
        cursor.take(",");
        int begin = cursor.at();
        Instant at = cursor.take("\"at\":").instant();
        List<Mutation> mutations = new ArrayList<>();
        List<StoredEvent> events = new ArrayList<>();
        List<Disclosure> disclosures = new ArrayList<>();
        if (cursor.takes(",\"checks\":")) {
            cursor.array(this::check);
        }
        if (cursor.takes(",\"puts\":")) {
            cursor.array(() -> mutations.add(new Mutation.Put(record(cursor::object))));
        }
        if (cursor.takes(",\"purges\":")) {
            cursor.array(() -> mutations.add(new Mutation.Purge(purged())));
        }
        if (cursor.takes(",\"audit\":")) {
            cursor.array(() -> events.add(event()));
        }
        if (cursor.takes(",\"disclosures\":")) {
            cursor.array(() -> disclosures.add(disclosureOf(events)));
        }
        String digest = LineWriter.digest(text.substring(begin, cursor.at()));
        return new Line.Committed(requestId, at, mutations, events, disclosures, digest);
    }

    private StoredRecord record(Supplier<String> bodyReader) {
        cursor.take("{");
        RecordKey key = key();
        long version = cursor.take(",\"v\":").number();
        Optional<Instant> due = cursor.takes(",\"due\":") ? Optional.of(cursor.instant()) : Optional.empty();
        cursor.take(",\"ix\":{");
        Map<String, String> index = new TreeMap<>();
        if (!cursor.takes('}')) {
            do {
                String name = cursor.string();
                if (index.put(name, cursor.take(":").string()) != null) {
                    throw cursor.wrong(name + " stands twice");
                }
            } while (cursor.takes(','));
            cursor.take("}");
        }
        cursor.take(",\"body\":");
        String body = bodyReader.get();
        cursor.take("}");
        return new StoredRecord(key, version, due, body, index);
    }

    private void check() {
        cursor.take("{");
        key();
        if (cursor.takes(",\"v\":")) {
            cursor.number();
        }
        cursor.take("}");
    }

    private RecordKey purged() {
        cursor.take("{");
        RecordKey key = key();
        cursor.take("}");
        return key;
    }

    private RecordKey key() {
        TenantId tenant = TenantId.of(cursor.take("\"t\":").string());
        String kind = cursor.take(",\"k\":").string();
        return new RecordKey(tenant, kind, cursor.take(",\"id\":").string());
    }

    private StoredEvent event() {
        String stream = cursor.take("{\"s\":").string();
        long n = cursor.take(",\"n\":").number();
        if (cursor.takes(",\"leaf\":")) {
            StoredEvent pruned = StoredEvent.pruned(stream, n, cursor.string());
            cursor.take("}");
            return pruned;
        }
        String canonical = cursor.take(",\"event\":").object();
        Optional<String> signature = cursor.takes(",\"sig\":") ? Optional.of(cursor.string()) : Optional.empty();
        cursor.take("}");
        return new StoredEvent(stream, n, canonical, signature);
    }

    private Disclosure disclosure() {
        String stream = cursor.take("\"s\":").string();
        long n = cursor.take(",\"n\":").number();
        return new Disclosure(stream, n, cursor.take(",\"d\":").string());
    }

    private Disclosure disclosureOf(List<StoredEvent> events) {
        cursor.take("{");
        Disclosure disclosure = disclosure();
        cursor.take("}");
        if (events.stream().noneMatch(disclosure::isOf)) {
            throw cursor.wrong("it discloses something of an event that it does not have");
        }
        return disclosure;
    }

    private Line.Erase erase() {
        String stream = cursor.take(",\"s\":").string();
        List<Long> positions = new ArrayList<>();
        cursor.take(",\"n\":").array(() -> positions.add(cursor.number()));
        return new Line.Erase(stream, positions);
    }

    private Line.Beats beats() {
        List<Heartbeat> heartbeats = new ArrayList<>();
        cursor.take(",\"hb\":").array(() -> heartbeats.add(beat()));
        return new Line.Beats(heartbeats);
    }

    private Heartbeat beat() {
        TenantId tenant = TenantId.of(cursor.take("[").string());
        String id = cursor.take(",").string();
        Instant lastSeen = cursor.take(",").instant();
        long count = cursor.take(",").number();
        cursor.take("]");
        return new Heartbeat(new RecordKey(tenant, RecordKey.AGENT, id), new Liveness(lastSeen, count));
    }
}
