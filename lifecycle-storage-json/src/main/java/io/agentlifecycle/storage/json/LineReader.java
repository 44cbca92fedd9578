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
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Reads lines of a journal, strictly: what is missing, unknown, or of the wrong type is a damaged line. */
final class LineReader {
    /** How long a line may be, its line feed included. */
    static final int MAX_LINE = 4 << 20;

    static final int TAIL = ",\"crc\":\"00000000\"}".length();
    private static final int CRC_FROM_END = "00000000\"}".length();

    /** What a commit may have beside its id and time. */
    private static final Set<String> MEMBERS = Set.of("checks", "puts", "purges", "audit", "disclosures");

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
    private final JsonParser parser;

    private LineReader(String text) throws IOException {
        this.text = text;
        this.parser = JSON.createParser(text);
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
        try {
            return UTF_8.newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(bytes, from, to - from))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new BadLineException("it is not UTF-8", false);
        }
    }

    /** Something that is read strictly. */
    private interface Parse<T> {
        T parse() throws IOException, BadLineException;
    }

    private static <T> T parsed(String what, Parse<T> parse) throws BadLineException {
        try {
            return parse.parse();
        } catch (IOException | IllegalArgumentException | DateTimeException e) {
            throw new BadLineException("it is not a " + what + ": " + e.getMessage(), false);
        }
    }

    /**
     * The commit as it will be read back from {@code line}.
     *
     * @throws IllegalArgumentException if it would not be what it is now
     */
    static Line.Committed readBack(LineWriter.Written line, Commit commit) {
        try {
            for (int i = 0; i < line.bytes().length - 1; i++) {
                if (line.bytes()[i] == '\n' || line.bytes()[i] == '\r') {
                    throw wrong("a line break at byte " + i);
                }
            }
            Line.Committed back =
                    read(line.bytes(), 0, line.bytes().length - 1).commit().orElseThrow();
            if (back.events().equals(commit.events())
                    && back.disclosures().equals(commit.disclosures())
                    && new HashSet<>(back.mutations()).equals(new HashSet<>(commit.mutations()))) {
                return back;
            }
            throw wrong("it would not come back character for character");
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

    /** Reads one record as it stands in a line or in a snapshot. */
    static StoredRecord record(String text) throws BadLineException {
        return parsed("record", () -> {
            var reader = new LineReader(text);
            reader.expect(JsonToken.START_OBJECT);
            StoredRecord record = reader.record();
            reader.end();
            return record;
        });
    }

    /** Reads one heartbeat as it stands in a line or in a snapshot. */
    static Heartbeat beat(String text) throws BadLineException {
        return parsed("heartbeat", () -> {
            var reader = new LineReader(text);
            reader.expect(JsonToken.START_ARRAY);
            Heartbeat beat = reader.beat();
            reader.end();
            return beat;
        });
    }

    /** Reads one entry of the requests as it stands in a snapshot. */
    static Requests.Entry request(String text) throws BadLineException {
        return parsed("request", () -> {
            var reader = new LineReader(text);
            reader.expect(JsonToken.START_ARRAY);
            var id = new RequestId(reader.value());
            reader.expect(JsonToken.VALUE_NUMBER_INT);
            long seq = reader.parser.getLongValue();
            String digest = reader.value();
            reader.expect(JsonToken.END_ARRAY);
            reader.end();
            return new Requests.Entry(id, new Requests.Done(seq, digest));
        });
    }

    /** Reads one line of an index, which belongs to an audit segment. */
    static IndexLine index(byte[] bytes, int from, int to) throws BadLineException {
        String text = text(bytes, from, to);
        return parsed("line of an index", () -> {
            var reader = new LineReader(text);
            reader.expect(JsonToken.START_OBJECT);
            String stream = reader.string("s");
            long first = reader.number("n");
            reader.name("at");
            reader.expect(JsonToken.START_ARRAY);
            var offsets = new Offsets();
            while (reader.parser.nextToken() == JsonToken.VALUE_NUMBER_INT) {
                offsets.add(reader.parser.getIntValue());
            }
            if (reader.parser.currentToken() != JsonToken.END_ARRAY) {
                throw wrong("at does not end");
            }
            reader.crcAndEnd();
            return new IndexLine(stream, first, offsets);
        });
    }

    /** Reads one line of a file of disclosures, which belongs to an audit segment. */
    static Disclosed disclosed(byte[] bytes, int from, int to) throws BadLineException {
        String text = text(bytes, from, to);
        return parsed("disclosure", () -> {
            var reader = new LineReader(text);
            reader.expect(JsonToken.START_OBJECT);
            long seq = reader.number("seq");
            Disclosure disclosure = reader.disclosure();
            reader.crcAndEnd();
            return new Disclosed(seq, disclosure);
        });
    }

    private Disclosure disclosure() throws IOException {
        String stream = string("s");
        long n = number("n");
        return new Disclosure(stream, n, string("d"));
    }

    private void end() throws IOException {
        if (parser.nextToken() != null) {
            throw wrong("something follows it");
        }
    }

    /** The checksum, which was compared before, and the end. */
    private void crcAndEnd() throws IOException {
        string("crc");
        expect(JsonToken.END_OBJECT);
    }

    private LoggedCommit logged() throws IOException {
        expect(JsonToken.START_OBJECT);
        long seq = number("seq");
        Line.Committed commit = commit();
        parser.nextToken();
        expect(JsonToken.END_OBJECT);
        if (commit.events().isEmpty()
                || !commit.mutations().isEmpty()
                || !commit.disclosures().isEmpty()) {
            throw wrong("a commit has events here, and nothing else");
        }
        return new LoggedCommit(seq, commit);
    }

    private Line line(String crc) throws IOException, BadLineException {
        expect(JsonToken.START_OBJECT);
        long seq = number("seq");
        String prev = string("prev");
        long durable = number("durable");
        String kind = string("kind");
        Line.Body body = switch (kind) {
            case "open" -> new Line.Open(string("store"), (int) number("format"), instant("at"));
            case "commit" -> commit();
            case "hb" -> beats();
            case "erase" -> erase();
            case "seal" -> new Line.Seal();
            case "close" -> new Line.Close();
            default -> ignorable(kind);
        };
        if (!(body instanceof Line.Committed) && !(body instanceof Line.Ignorable)) {
            name("crc");
        }
        if (!(body instanceof Line.Ignorable)) {
            parser.nextToken();
            expect(JsonToken.END_OBJECT);
        }
        return new Line(seq, prev, durable, body, crc);
    }

    private Line.Body ignorable(String kind) throws IOException, BadLineException {
        boolean ignorable = false;
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            JsonToken value = parser.nextToken();
            ignorable |= name.equals("ignorable") && value == JsonToken.VALUE_TRUE;
            parser.skipChildren();
        }
        if (!ignorable) {
            throw new BadLineException("its kind " + kind + " is not known: a newer version wrote it", true);
        }
        return new Line.Ignorable();
    }

    private Line.Committed commit() throws IOException {
        RequestId requestId = new RequestId(string("req"));
        int begin = (int) parser.currentLocation().getCharOffset() + 1;
        Instant at = instant("at");
        List<Mutation> mutations = new ArrayList<>();
        List<StoredEvent> events = new ArrayList<>();
        List<Disclosure> disclosures = new ArrayList<>();
        while (true) {
            expect(JsonToken.FIELD_NAME);
            String member = parser.currentName();
            if (member.equals("crc")) {
                break;
            }
            if (!MEMBERS.contains(member)) {
                throw wrong("the member " + member + " is not known");
            }
            expect(JsonToken.START_ARRAY);
            while (parser.nextToken() == JsonToken.START_OBJECT) {
                switch (member) {
                    case "checks" -> check();
                    case "puts" -> mutations.add(new Mutation.Put(record()));
                    case "purges" -> mutations.add(new Mutation.Purge(purged()));
                    case "audit" -> events.add(event());
                    case "disclosures" -> disclosures.add(disclosureOf(events));
                    default -> throw new AssertionError("a member that is known is not read: " + member);
                }
            }
            if (parser.currentToken() != JsonToken.END_ARRAY) {
                throw wrong(member + " does not end");
            }
        }
        String digest = LineWriter.digest(text.substring(begin, text.length() - TAIL));
        return new Line.Committed(requestId, at, mutations, events, disclosures, digest);
    }

    /** A disclosure whose opening brace was read. */
    private Disclosure disclosureOf(List<StoredEvent> events) throws IOException {
        Disclosure disclosure = disclosure();
        expect(JsonToken.END_OBJECT);
        if (events.stream().noneMatch(disclosure::isOf)) {
            throw wrong("it discloses something of an event that it does not have");
        }
        return disclosure;
    }

    private Line.Erase erase() throws IOException {
        String stream = string("s");
        name("n");
        expect(JsonToken.START_ARRAY);
        List<Long> positions = new ArrayList<>();
        while (parser.nextToken() == JsonToken.VALUE_NUMBER_INT) {
            positions.add(parser.getLongValue());
        }
        if (parser.currentToken() != JsonToken.END_ARRAY) {
            throw wrong("n does not end");
        }
        return new Line.Erase(stream, positions);
    }

    /** A record whose opening brace was read; also used for snapshots. */
    private StoredRecord record() throws IOException {
        RecordKey key = key();
        long version = number("v");
        expect(JsonToken.FIELD_NAME);
        Optional<Instant> due = Optional.empty();
        if (parser.currentName().equals("due")) {
            due = Optional.of(Instant.parse(value()));
            expect(JsonToken.FIELD_NAME);
        }
        if (!parser.currentName().equals("ix")) {
            throw wrong("ix is missing");
        }
        expect(JsonToken.START_OBJECT);
        Map<String, String> index = new TreeMap<>();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            index.put(name, value());
        }
        String body = raw("body");
        expect(JsonToken.END_OBJECT);
        return new StoredRecord(key, version, due, body, index);
    }

    private void check() throws IOException {
        key();
        if (parser.nextToken() == JsonToken.FIELD_NAME) {
            if (!parser.currentName().equals("v")) {
                throw wrong("the member " + parser.currentName() + " is not known");
            }
            expect(JsonToken.VALUE_NUMBER_INT);
            expect(JsonToken.END_OBJECT);
        } else if (parser.currentToken() != JsonToken.END_OBJECT) {
            throw wrong("a check does not end");
        }
    }

    private RecordKey purged() throws IOException {
        RecordKey key = key();
        expect(JsonToken.END_OBJECT);
        return key;
    }

    private RecordKey key() throws IOException {
        TenantId tenant = TenantId.of(string("t"));
        String kind = string("k");
        return new RecordKey(tenant, kind, string("id"));
    }

    private StoredEvent event() throws IOException {
        String stream = string("s");
        long n = number("n");
        String canonical = raw("event");
        @Nullable String signature = null;
        if (parser.nextToken() == JsonToken.FIELD_NAME) {
            if (!parser.currentName().equals("sig")) {
                throw wrong("the member " + parser.currentName() + " is not known");
            }
            signature = value();
            expect(JsonToken.END_OBJECT);
        } else if (parser.currentToken() != JsonToken.END_OBJECT) {
            throw wrong("an event does not end");
        }
        return new StoredEvent(stream, n, canonical, Optional.ofNullable(signature));
    }

    private Line.Beats beats() throws IOException {
        name("hb");
        expect(JsonToken.START_ARRAY);
        List<Heartbeat> heartbeats = new ArrayList<>();
        while (parser.nextToken() == JsonToken.START_ARRAY) {
            heartbeats.add(beat());
        }
        if (parser.currentToken() != JsonToken.END_ARRAY) {
            throw wrong("hb does not end");
        }
        return new Line.Beats(heartbeats);
    }

    /** A heartbeat whose opening bracket was read. */
    private Heartbeat beat() throws IOException {
        TenantId tenant = TenantId.of(value());
        String id = value();
        Instant lastSeen = Instant.parse(value());
        expect(JsonToken.VALUE_NUMBER_INT);
        long count = parser.getLongValue();
        expect(JsonToken.END_ARRAY);
        return new Heartbeat(new RecordKey(tenant, RecordKey.AGENT, id), new Liveness(lastSeen, count));
    }

    /** The text of an object, character for character. */
    private String raw(String member) throws IOException {
        name(member);
        expect(JsonToken.START_OBJECT);
        int begin = (int) parser.currentTokenLocation().getCharOffset();
        parser.skipChildren();
        return text.substring(begin, (int) parser.currentLocation().getCharOffset());
    }

    private String string(String member) throws IOException {
        name(member);
        return value();
    }

    private Instant instant(String member) throws IOException {
        return Instant.parse(string(member));
    }

    private String value() throws IOException {
        expect(JsonToken.VALUE_STRING);
        return parser.getText();
    }

    private long number(String member) throws IOException {
        name(member);
        expect(JsonToken.VALUE_NUMBER_INT);
        return parser.getLongValue();
    }

    private void name(String member) throws IOException {
        expect(JsonToken.FIELD_NAME);
        if (!parser.currentName().equals(member)) {
            throw wrong(member + " is missing");
        }
    }

    private void expect(JsonToken token) throws IOException {
        if (parser.nextToken() != token) {
            throw wrong(token + " is missing");
        }
    }

    private static IllegalArgumentException wrong(String what) {
        return new IllegalArgumentException(what);
    }
}
