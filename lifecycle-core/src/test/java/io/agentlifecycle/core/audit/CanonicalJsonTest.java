package io.agentlifecycle.core.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CanonicalJsonTest {
    private static final int LIMIT = 10_000;

    @Test
    void members_stand_in_the_order_of_their_utf_16_units() {
        Json value = Json.object()
                .put("\u20ac", "Euro Sign")
                .put("\r", "Carriage Return")
                .put("\ufb33", "Hebrew Letter Dalet With Dagesh")
                .put("1", "One")
                .put("\ud83d\ude00", "Emoji")
                .put("\u0080", "Control")
                .put("\u00f6", "o")
                .build();

        assertThat(CanonicalJson.write(value))
                .as("a surrogate pair sorts before U+FB33, though its code point is greater")
                .isEqualTo("{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"\u00f6\":\"o\","
                        + "\"\u20ac\":\"Euro Sign\",\"\ud83d\ude00\":\"Emoji\","
                        + "\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}");
    }

    @Test
    void only_what_must_be_escaped_is_escaped_and_in_the_shortest_way() {
        String all = "\u0000\u0007\b\t\n\u000b\f\r\u001f \"/\\\u007f\u0080\u2028\u20ac";

        String text = CanonicalJson.write(Json.of(all));

        assertThat(text).isEqualTo("\"\\u0000\\u0007\\b\\t\\n\\u000b\\f\\r\\u001f \\\"/\\\\\u007f\u0080\u2028\u20ac\"");
        assertThat(CanonicalJson.read(text, LIMIT)).isEqualTo(Json.of(all));
    }

    @ParameterizedTest
    @CsvSource({"0", "-1", "7", "1000000000000000", "9007199254740991", "-9007199254740991"})
    void integers_of_53_bits_are_written_as_they_are(long value) {
        assertThat(CanonicalJson.write(Json.of(value))).isEqualTo(Long.toString(value));
        assertThat(CanonicalJson.read(Long.toString(value), LIMIT)).isEqualTo(Json.of(value));
    }

    @ParameterizedTest
    @ValueSource(longs = {9007199254740992L, -9007199254740992L, Long.MAX_VALUE, Long.MIN_VALUE})
    void greater_integers_are_no_values(long value) {
        assertThatThrownBy(() -> Json.of(value))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("integer must fit 53 bits but was " + value);
        assertThatThrownBy(() -> CanonicalJson.read(Long.toString(value), LIMIT))
                .isInstanceOf(JsonFormatException.class);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                // whitespace, and text around the value
                "",
                " 1",
                "1 ",
                "\n1",
                "[1, 2]",
                "[ 1]",
                "[1 ]",
                "{ }",
                "{\"a\": 1}",
                "{\"a\" :1}",
                "1\n",
                "11,",
                "{}{}",
                "nullnull",
                "\ufeff1",
                // members twice, out of order, without a name, without a value
                "{\"a\":1,\"a\":1}",
                "{\"b\":1,\"a\":1}",
                "{\"\ufb33\":1,\"\ud83d\ude00\":1}",
                "{a:1}",
                "{1:1}",
                "{\"a\"}",
                "{\"a\":}",
                "{\"a\":1,}",
                "{,}",
                "[1,]",
                "[,1]",
                "[1,,2]",
                "{\"a\":1",
                "[1",
                "[",
                "{",
                "\"",
                "\"a",
                "\"\\",
                "\"\\u",
                "\"\\u00",
                // escapes that are not the shortest, or that RFC 8785 does not know
                "\"\\/\"",
                "\"\\u0061\"",
                "\"\\u000a\"",
                "\"\\u0008\"",
                "\"\\u0009\"",
                "\"\\u000c\"",
                "\"\\u000d\"",
                "\"\\u001F\"",
                "\"\\u0022\"",
                "\"\\u005c\"",
                "\"\\u20ac\"",
                "\"\\u007f\"",
                "\"\\U0000\"",
                "\"\\x41\"",
                "\"\\'\"",
                "\"\\ud83d\\ude00\"",
                "\"\\u0g00\"",
                "\"\\u00g0\"",
                "\"\\u000g\"",
                "\"\n\"",
                "\"\t\"",
                "\"\u0000\"",
                "'a'",
                // lone surrogates
                "\"\ud83d\"",
                "\"\ude00\"",
                "\"\ude00\ud83d\"",
                "\"\ud83da\"",
                "\"\\ud83d\"",
                "{\"\ud83d\":1}",
                // numbers that are not whole, not shortest, or not JSON
                "-0",
                "00",
                "01",
                "-01",
                "+1",
                "1.0",
                "56.0",
                "4.5",
                ".5",
                "1.",
                "1e0",
                "1E3",
                "1e-3",
                "0x1",
                "--1",
                "-",
                "NaN",
                "Infinity",
                "-Infinity",
                "9007199254740992",
                "-9007199254740992",
                "99999999999999999999",
                "\u0661",
                // other words
                "True",
                "nul",
                "tru",
                "falsee",
                "undefined",
                "None",
                "//",
                "/**/1",
                "]",
                "}",
                ":",
                ","
            })
    void a_text_that_the_writer_would_not_have_written_is_refused(String text) {
        assertThatThrownBy(() -> CanonicalJson.read(text, LIMIT)).isInstanceOf(JsonFormatException.class);
    }

    @Test
    void sixteen_levels_are_allowed_and_seventeen_are_not() {
        String deepest = "[".repeat(16) + "]".repeat(16);
        String tooDeep = "{\"a\":".repeat(16) + "{}" + "}".repeat(16);
        Json nested = new Json.Arr(List.of(CanonicalJson.read(deepest, LIMIT)));

        assertThat(CanonicalJson.write(CanonicalJson.read(deepest, LIMIT))).isEqualTo(deepest);
        assertThat(CanonicalJson.read("[".repeat(16) + "1" + "]".repeat(16), LIMIT))
                .as("a value that does not nest does not count")
                .isInstanceOf(Json.Arr.class);
        assertThatThrownBy(() -> CanonicalJson.read(tooDeep, LIMIT))
                .isInstanceOf(JsonFormatException.class)
                .hasMessageStartingWith("nested deeper than 16");
        assertThatThrownBy(() -> CanonicalJson.write(nested))
                .isInstanceOf(JsonFormatException.class)
                .hasMessage("nested deeper than 16");
    }

    @Test
    void a_text_as_long_as_the_limit_is_read_and_a_longer_one_is_not() {
        assertThat(CanonicalJson.read("\"abc\"", 5)).isEqualTo(Json.of("abc"));
        assertThatThrownBy(() -> CanonicalJson.read("\"abc\"", 4))
                .isInstanceOf(JsonFormatException.class)
                .hasMessage("text of 5 characters is longer than the limit of 4");
    }

    @Test
    void a_million_open_brackets_do_not_overflow_the_stack() {
        String text = "[".repeat(1_000_000);

        assertThatThrownBy(() -> CanonicalJson.read(text, text.length())).isInstanceOf(JsonFormatException.class);
    }

    @Test
    void a_lone_surrogate_is_not_written() {
        for (String lone : List.of("\ud83d", "\ude00", "a\ud83db", "\ude00\ud83d")) {
            assertThatThrownBy(() -> CanonicalJson.write(Json.of(lone)))
                    .isInstanceOf(JsonFormatException.class)
                    .hasMessage("a string has a lone surrogate");
        }
    }

    @Test
    void the_message_says_where_and_never_repeats_the_text() {
        assertThatThrownBy(() -> CanonicalJson.read("{\"secret\":\"hush\",\"a\":1}", LIMIT))
                .isInstanceOf(JsonFormatException.class)
                .hasMessage("member names are not in order, or one stands twice, at character 20")
                .hasMessageNotContaining("hush");
    }

    @Test
    void values_cannot_be_changed_from_outside_nor_put_together_wrongly() {
        List<Json> items = new ArrayList<>(List.of(Json.NULL));
        var array = new Json.Arr(items);
        items.clear();

        assertThat(array.items()).hasSize(1);
        assertThatThrownBy(() -> array.items().clear()).isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> Json.Obj.EMPTY.members().put("a", Json.NULL))
                .isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> Json.object().put("a", 1).put("a", true))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("member a was put twice");
        assertThatThrownBy(() -> new Json.Arr(Collections.singletonList(null)))
                .isInstanceOf(NullPointerException.class);
    }

    @Property(tries = 500, edgeCases = EdgeCasesMode.NONE)
    void what_is_written_is_read_back_and_written_the_same(@ForAll("values") Json value) {
        String text = CanonicalJson.write(value);

        Json read = CanonicalJson.read(text, text.length());

        assertThat(read).isEqualTo(value);
        assertThat(CanonicalJson.write(read)).isEqualTo(text);
        assertThat(new String(text.getBytes(UTF_8), UTF_8))
                .as("it survives as bytes")
                .isEqualTo(text);
    }

    @Property(tries = 2_000, edgeCases = EdgeCasesMode.NONE)
    void any_text_is_its_own_canonical_form_or_refused(@ForAll String text) {
        assertReadOrRefused(text);
    }

    @Property(tries = 2_000, edgeCases = EdgeCasesMode.NONE)
    void a_canonical_text_with_changes_is_its_own_canonical_form_or_refused(
            @ForAll("values") Json value, @ForAll("edits") List<Edit> edits) {
        String text = CanonicalJson.write(value);
        for (Edit edit : edits) {
            text = edit.apply(text);
        }
        assertReadOrRefused(text);
    }

    private static void assertReadOrRefused(String text) {
        Json read;
        try {
            read = CanonicalJson.read(text, LIMIT);
        } catch (JsonFormatException e) {
            assertThat(e).hasMessageNotContaining("null");
            return;
        }
        assertThat(CanonicalJson.write(read)).isEqualTo(text);
    }

    @Provide
    Arbitrary<Json> values() {
        return JsonTexts.values();
    }

    @Provide
    Arbitrary<List<Edit>> edits() {
        return Edit.some();
    }
}
