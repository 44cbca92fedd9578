package io.agentlifecycle.core.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.AgentId;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonFieldsTest {
    private static final Json.Obj ALL = Json.object()
            .put("text", "hello")
            .put("time", "2026-04-11T04:31:00Z")
            .put("number", 7)
            .put("flag", true)
            .put("object", Json.object().put("inner", "x").build())
            .put("strings", Json.object().put("k", "v").build())
            .put("list", Json.of(List.of("a", "b")))
            .put("objects", new Json.Arr(List.of(Json.object().put("i", 1).build())))
            .build();

    @Test
    void members_are_taken_as_what_they_are_until_none_is_left() {
        JsonFields fields = fields(ALL);

        assertThat(fields.string("text")).isEqualTo("hello");
        assertThat(fields.instant("time")).isEqualTo(Instant.parse("2026-04-11T04:31:00Z"));
        assertThat(fields.integer("number")).isEqualTo(7);
        assertThat(fields.flag("flag")).isTrue();
        assertThat(fields.object("object").string("inner")).isEqualTo("x");
        assertThat(fields.strings("strings")).isEqualTo(Map.of("k", "v"));
        assertThat(fields.list("list")).containsExactly("a", "b");
        assertThat(fields.objects("objects")).hasSize(1);
        fields.end();
    }

    @Test
    void what_may_be_absent_may_be_absent() {
        JsonFields fields = fields(Json.Obj.EMPTY);

        assertThat(fields.optional("a")).isEmpty();
        assertThat(fields.optionalInstant("a")).isEmpty();
        assertThat(fields.optionalObject("a")).isEmpty();
        assertThat(fields.optionalParsed("a", AgentId::of)).isEqualTo(Optional.empty());
        assertThat(fields.flag("a")).isFalse();
        assertThat(fields.strings("a")).isEmpty();
        assertThat(fields.list("a")).isEmpty();
        assertThat(fields.objects("a")).isEmpty();
        fields.end();
    }

    @Test
    void what_must_be_there_is_missed_by_name() {
        for (Consumer<JsonFields> take : List.<Consumer<JsonFields>>of(
                f -> f.string("gone"),
                f -> f.instant("gone"),
                f -> f.integer("gone"),
                f -> f.object("gone"),
                f -> f.plainObject("gone"),
                f -> f.format("gone", 1),
                f -> f.parsed("gone", AgentId::of))) {
            refused("gone of thing is missing", () -> take.accept(fields(ALL)));
        }
    }

    @Test
    void a_member_of_another_type_is_refused() {
        for (Consumer<JsonFields> take : List.<Consumer<JsonFields>>of(
                f -> f.string("number"),
                f -> f.optional("number"),
                f -> f.optionalInstant("number"),
                f -> f.flag("number"),
                f -> f.object("number"),
                f -> f.strings("number"),
                f -> f.list("number"),
                f -> f.objects("number"))) {
            refused("number of thing has the wrong type", () -> take.accept(fields(ALL)));
        }
        refused("text of thing has the wrong type", () -> fields(ALL).integer("text"));
        refused(
                "list of thing must hold strings only",
                () -> fields(Json.object()
                                .put("list", new Json.Arr(List.of(Json.NULL)))
                                .build())
                        .list("list"));
        refused(
                "strings of thing must hold strings only",
                () -> fields(Json.object()
                                .put("strings", Json.object().put("k", 1).build())
                                .build())
                        .strings("strings"));
        refused("thing.list must be an object", () -> fields(ALL).objects("list"));
        refused("thing must be an object", () -> fields(Json.of("text")));
        refused(
                "text of thing has the wrong type",
                () -> fields(Json.object().put("text", Json.NULL).build()).optional("text"));
    }

    @Test
    void an_unknown_member_means_a_newer_version() {
        JsonFields fields = fields(Json.object().put("known", 1).put("later", 1).build());
        fields.integer("known");

        refused("thing has the unknown member later: a newer version may have written it", fields::end);
    }

    @Test
    void a_format_other_than_the_known_one_is_refused() {
        fields(ALL).format("number", 7);

        refused(
                "thing has format 7, and 1 is known: a newer version wrote it",
                () -> fields(ALL).format("number", 1));
    }

    @Test
    void a_member_is_taken_once() {
        JsonFields fields = fields(ALL);
        fields.string("text");

        refused("text of thing is missing", () -> fields.string("text"));
    }

    @Test
    void what_a_reader_does_not_understand_is_named() {
        refused(
                "text of thing is not valid: agent id must be 1-128 of A-Z a-z 0-9 . _ : - but was \"a b\"",
                () -> fields(Json.object().put("text", "a b").build()).parsed("text", AgentId::of));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "2026-04-11T04:31Z",
                "2026-04-11T04:31:00.000Z",
                "2026-04-11T04:31:00.10Z",
                "2026-04-11T04:31:00z",
                "2026-04-11t04:31:00Z",
                "2026-04-11 04:31:00Z",
                "2026-04-11T04:31:00+00:00",
                "2026-04-11T04:31:00",
                "2026-04-11T24:00:00Z",
                "2026-04-11T23:59:60Z",
                "2026-02-30T00:00:00Z",
                "+2026-04-11T04:31:00Z",
                "1775881860",
                ""
            })
    void a_time_has_one_form(String text) {
        refused("a time must be in UTC, like 2026-04-11T04:31:00Z", () -> JsonFields.instantOf(text));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "2026-04-11T04:31:00Z",
                "2026-04-11T04:31:00.100Z",
                "2026-04-11T04:31:00.000000001Z",
                "-1000000000-01-01T00:00:00Z",
                "+1000000000-12-31T23:59:59.999999999Z"
            })
    void the_form_that_an_instant_has_is_read(String text) {
        assertThat(JsonFields.instantOf(text)).isEqualTo(Instant.parse(text)).hasToString(text);
    }

    private static JsonFields fields(Json value) {
        return new JsonFields("thing", value);
    }

    private static void refused(String message, ThrowingCallable call) {
        assertThatThrownBy(call).isInstanceOf(JsonFormatException.class).hasMessage(message);
    }
}
