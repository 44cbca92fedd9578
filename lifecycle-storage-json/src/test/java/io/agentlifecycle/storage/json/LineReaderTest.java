package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.Disclosure;
import io.agentlifecycle.core.store.RequestId;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Each reader takes what its writer wrote and nothing more, also where the checksum is right. */
class LineReaderTest {
    private static final Commit PUT = Sample.put("agent:1", 1);

    /** Reads something. */
    private interface Reader {
        Object read(byte[] bytes) throws LineReader.BadLineException;
    }

    /**
     * A kind of line.
     *
     * @param open all that stands before the checksum, or before the end if there is none
     * @param close what comes after that
     */
    private record Kind(String name, String open, Function<String, byte[]> close, Reader reader) {
        Object read(String more) throws LineReader.BadLineException {
            return reader.read(close.apply(open + more));
        }

        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Kind> kinds() {
        var saying = new Line.Committed(
                PUT.requestId(), PUT.at(), PUT.mutations(), PUT.events(), PUT.disclosures(), "digest");
        var disclosure = new StringBuilder("{\"seq\":7,");
        LineWriter.disclosure(new Disclosure("agent:1", 3, "[\"salt\",\"name\",\"Ann\"]"), disclosure);
        return Stream.of(
                journal("seal", LineWriter.seal()),
                journal("close", LineWriter.close()),
                journal("commit", LineWriter.commit(PUT, LineWriter.content(PUT))),
                journal("heartbeats", LineWriter.beats(List.of(Sample.beat("agent:1", 4)))),
                journal("erasure", LineWriter.erase(new Line.Erase("agent:1", List.of(1L, 2L)))),
                sealed(
                        "commit of an audit segment",
                        opened(LineWriter.audit(7, saying)),
                        bytes -> LineReader.audit(bytes, 0, bytes.length)),
                sealed(
                        "index",
                        "{\"s\":\"agent:1\",\"n\":0,\"at\":[1,20]",
                        bytes -> LineReader.index(bytes, 0, bytes.length)),
                sealed("disclosure", disclosure.toString(), bytes -> LineReader.disclosed(bytes, 0, bytes.length)),
                item("record", record(), LineReader::record),
                item("heartbeat", beat(), LineReader::beat),
                item("request", request(), LineReader::request));
    }

    private static Kind journal(String name, String body) {
        return sealed(
                name,
                opened(LineWriter.line(3, Line.NO_CRC, 100, body)),
                bytes -> LineReader.read(bytes, 0, bytes.length));
    }

    private static String opened(LineWriter.Written line) {
        String text = new String(line.bytes(), UTF_8);
        return text.substring(0, text.length() - 1 - LineReader.TAIL);
    }

    private static Kind sealed(String name, String open, Reader reader) {
        return new Kind(name, open, LineReaderTest::closed, reader);
    }

    /** With the checksum that fits, and without the line feed. */
    private static byte[] closed(String open) {
        byte[] line = LineWriter.closed(open).bytes();
        return Arrays.copyOf(line, line.length - 1);
    }

    /** Reads an item of a snapshot. */
    private interface Item {
        Object read(String text) throws LineReader.BadLineException;
    }

    private static Kind item(String name, String text, Item reader) {
        return new Kind(name, text, open -> open.getBytes(UTF_8), bytes -> reader.read(new String(bytes, UTF_8)));
    }

    private static String record() {
        var text = new StringBuilder();
        LineWriter.record(Sample.record("agent:1", 1), text);
        return text.toString();
    }

    private static String beat() {
        var text = new StringBuilder();
        LineWriter.beat(Sample.beat("agent:1", 4), text);
        return text.toString();
    }

    private static String request() {
        var text = new StringBuilder();
        LineWriter.request(new Requests.Entry(new RequestId("r-1"), new Requests.Done(7, Digests.sha256("x"))), text);
        return text.toString();
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void what_was_written_is_read_and_nothing_may_follow_it(Kind kind) throws LineReader.BadLineException {
        assertThat(kind.read("")).isNotNull();
        for (String more : List.of(",\"x\":1", " ", "}", "]", "0")) {
            assertThatThrownBy(() -> kind.read(more))
                    .as("followed by %s", more)
                    .isInstanceOf(LineReader.BadLineException.class);
        }
    }

    /** What follows it there is for the digest of the file to notice. */
    @Test
    void a_record_of_a_digested_file_is_the_same_record() throws LineReader.BadLineException {
        assertThat(LineReader.digested(record())).isEqualTo(LineReader.record(record()));
    }

    @Test
    void a_line_is_longer_than_its_checksum_and_shorter_than_the_longest() throws LineReader.BadLineException {
        byte[] empty = closed("");
        assertThat(empty).hasSize(LineReader.TAIL);
        assertThatThrownBy(() -> LineReader.text(empty, 0, empty.length)).hasMessageContaining("length");
        byte[] one = closed("{");
        assertThat(LineReader.text(one, 0, one.length)).startsWith("{");

        byte[] longest = closed("{".repeat(LineReader.MAX_LINE - 1 - LineReader.TAIL));
        assertThat(LineReader.text(longest, 0, longest.length)).hasSize(LineReader.MAX_LINE - 1);
        byte[] tooLong = closed("{".repeat(LineReader.MAX_LINE - LineReader.TAIL));
        assertThatThrownBy(() -> LineReader.text(tooLong, 0, tooLong.length)).hasMessageContaining("length");
        // where it stands in a file has nothing to do with how long it is
        byte[] later = new byte[tooLong.length + one.length];
        System.arraycopy(one, 0, later, tooLong.length, one.length);
        assertThat(LineReader.text(later, tooLong.length, later.length)).startsWith("{");
    }

    @Test
    void the_character_that_stands_for_what_cannot_be_read_may_be_written_and_what_cannot_be_read_may_not()
            throws LineReader.BadLineException {
        byte[] written = "a\uFFFDb".getBytes(UTF_8);
        assertThat(LineReader.utf8(written, 0, written.length)).isEqualTo("a\uFFFDb");
        byte[] first = "\uFFFDb".getBytes(UTF_8);
        assertThat(LineReader.utf8(first, 0, first.length)).isEqualTo("\uFFFDb");
        for (byte[] bad :
                List.of(new byte[] {(byte) 0xC3}, new byte[] {'a', (byte) 0xFF}, new byte[] {(byte) 0x80, 'b'})) {
            assertThatThrownBy(() -> LineReader.utf8(bad, 0, bad.length)).hasMessageContaining("UTF-8");
        }
    }
}
