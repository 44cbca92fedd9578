package io.agentlifecycle.core.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.IdentityAssurance;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Command;
import java.io.ByteArrayOutputStream;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class SealedEventTest {
    private static final Instant AT = Instant.parse("2026-04-11T04:31:00.123Z");
    private static final UUID ID = UUID.fromString("019d7a2c-1f00-7abc-8def-0123456789ab");
    private static final String DIGEST = Digests.sha256("anything");

    /** An event with every member that there is. */
    private static final AuditEvent FULL = new AuditEvent(
            "example.com/log",
            ID,
            AT,
            Optional.of("key-1"),
            new StreamPosition("a/acme/agent:1", 3, DIGEST),
            EventContent.of(
                            EventKind.AGENT_SUSPENDED,
                            Actor.human("admin@company.com").assured(IdentityAssurance.STRONG),
                            Json.object()
                                    .put("hold", "operator")
                                    .put("text", "\u00fc \ud83d\ude00 \"line\"\n")
                                    .build())
                    .step(AgentState.ACTIVE, AgentState.SUSPENDED)
                    .by(Command.SUSPEND)
                    .because(Optional.of("ticket-7"))
                    .under(new PolicyRef("default", 1, DIGEST))
                    .approved(new ApprovalRef("bob@company.com", AT, DIGEST))
                    .about(new CredentialRef("cred:1", Optional.of("key-2"), 4, AT)));

    /** One with no more than it must have. */
    private static final AuditEvent BARE = new AuditEvent(
            "example.com/log",
            ID,
            AT,
            Optional.empty(),
            StreamPosition.first(StreamPosition.LOG),
            EventContent.of(
                    EventKind.LOG_RECOVERED,
                    Actor.SYSTEM,
                    Json.object().put("bytes", 7).put("sha256", DIGEST).build()));

    static Stream<AuditEvent> events() {
        return Stream.of(FULL, BARE);
    }

    @ParameterizedTest
    @MethodSource("events")
    void what_was_written_is_read_back(AuditEvent event) {
        SealedEvent written = SealedEvent.write(event);

        SealedEvent read = SealedEvent.read(written.canonical(), written.signature());

        assertThat(read).isEqualTo(written);
        assertThat(read.event()).isEqualTo(event);
        assertThat(written.signature()).as("written is not signed").isEmpty();
    }

    @Test
    void the_leaf_hash_is_that_of_rfc_6962_over_the_canonical_bytes() throws Exception {
        SealedEvent written = SealedEvent.write(FULL);
        var leaf = new ByteArrayOutputStream();
        leaf.write(0);
        leaf.writeBytes(written.canonical().getBytes(UTF_8));
        byte[] expected = MessageDigest.getInstance("SHA-256").digest(leaf.toByteArray());

        assertThat(written.leafHash())
                .isEqualTo(Base64.getUrlEncoder().withoutPadding().encodeToString(expected));
        assertThat(written.next()).isEqualTo(new StreamPosition("a/acme/agent:1", 4, written.leafHash()));
    }

    @Test
    void a_stream_begins_with_the_hash_of_nothing() {
        StreamPosition first = StreamPosition.first("log");

        assertThat(first.n()).isZero();
        assertThat(first.prev()).isEqualTo("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
        assertThat(StreamPosition.streamOf(new AgentKey(TenantId.DEFAULT, AgentId.of("agent:1"))))
                .isEqualTo("a/default/agent:1");
    }

    /** Replaces, removes, doubles and inserts at every place; what is still read must have another hash. */
    @ParameterizedTest
    @MethodSource("events")
    void no_character_can_be_changed_unnoticed(AuditEvent event) {
        SealedEvent original = SealedEvent.write(event);
        String text = original.canonical();
        int stillRead = 0;
        for (int at = 0; at <= text.length(); at++) {
            for (String other : List.of("", "a", "b", "0", "1", "9", "-", "\"", "\\", ",", "}", " ", "A", "\u00e9")) {
                for (int removed = 0; removed <= 1 && at + removed <= text.length(); removed++) {
                    String changed = text.substring(0, at) + other + text.substring(at + removed);
                    if (!changed.equals(text) && isRead(changed, original)) {
                        stillRead++;
                    }
                }
            }
        }
        assertThat(stillRead)
                .as("changes that only the hash shows, such as another letter in a text")
                .isPositive();
    }

    @Property(tries = 1_500, edgeCases = EdgeCasesMode.NONE)
    void a_changed_event_is_read_or_refused_and_nothing_else(@ForAll("edits") List<Edit> edits) {
        SealedEvent original = SealedEvent.write(FULL);
        String text = original.canonical();
        for (Edit edit : edits) {
            text = edit.apply(text);
        }
        if (!text.equals(original.canonical())) {
            isRead(text, original);
        }
    }

    /** Texts of the right shape with values from elsewhere get further than random ones. */
    @Property(tries = 1_000, edgeCases = EdgeCasesMode.NONE)
    void an_event_with_any_value_in_a_member_is_read_or_refused_and_nothing_else(
            @ForAll("members") List<String> path, @ForAll("values") Json value) {
        SealedEvent original = SealedEvent.write(FULL);
        String text = CanonicalJson.write(replaced(FULL.toJson(), path, value));
        if (!text.equals(original.canonical())) {
            isRead(text, original);
        }
    }

    private static boolean isRead(String text, SealedEvent original) {
        SealedEvent read;
        try {
            read = SealedEvent.read(text, Optional.empty());
        } catch (JsonFormatException e) {
            return false;
        }
        assertThat(read.leafHash()).isNotEqualTo(original.leafHash());
        assertThat(read.event()).isNotEqualTo(original.event());
        assertThat(SealedEvent.write(read.event()).canonical()).isEqualTo(text);
        return true;
    }

    private static Json.Obj replaced(Json.Obj object, List<String> path, Json value) {
        Map<String, Json> members = new HashMap<>(object.members());
        String name = path.get(0);
        members.put(
                name,
                path.size() == 1 ? value : replaced((Json.Obj) members.get(name), path.subList(1, path.size()), value));
        return new Json.Obj(members);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"v\":1 | \"v\":2 | event has format 2, and 1 is known: a newer version wrote it",
                "agent.suspended | agent.dreaming | unknown kind: a newer version may have written it",
                "019d7a2c | 019D7A2C | a UUID must be in lower case and full length",
                "\"from\":\"active\" | \"from\":\"asleep\" | unknown state",
                "\"command\":\"suspend\" | \"command\":\"sing\" | unknown command",
                "\"type\":\"human\" | \"type\":\"robot\" | unknown type of actor",
                "04:31:00.123Z\",\"v\" | 04:31:00.1230Z\",\"v\" | a time must be in UTC",
                "\"log\": | \"lag\":1,\"log\": | event has the unknown member lag",
                "\"n\":3 | \"n\":-3 | n must be 0 or more",
                "\"hold\":\"operator\", | '' | details of agent.suspended lack [hold]",
                "\"text\": | \"test\":1,\"text\": | details of agent.suspended have the unknown keys [test]",
                "admin@company.com | '' | actor id must not be blank",
            })
    void a_member_that_is_not_as_it_must_be_is_named(String part, String other, String message) {
        String text = SealedEvent.write(FULL).canonical();
        assertThat(text).contains(part);

        assertThatThrownBy(() -> SealedEvent.read(text.replace(part, other), Optional.empty()))
                .isInstanceOf(JsonFormatException.class)
                .hasMessageContaining(message);
    }

    @Test
    void every_member_but_the_optional_ones_is_required() {
        for (String name : FULL.toJson().members().keySet()) {
            Map<String, Json> members = new HashMap<>(FULL.toJson().members());
            members.remove(name);
            String text = CanonicalJson.write(new Json.Obj(members));

            if (List.of("kid", "from", "to", "command", "cause", "policy", "approval", "cred")
                    .contains(name)) {
                assertThat(SealedEvent.read(text, Optional.empty()).event()).isNotEqualTo(FULL);
            } else {
                assertThatThrownBy(() -> SealedEvent.read(text, Optional.empty()))
                        .isInstanceOf(JsonFormatException.class)
                        .hasMessage(name + " of event is missing");
            }
        }
    }

    @Test
    void an_event_may_have_65535_bytes_and_no_more() {
        int room = AuditEvent.MAX_BYTES - bytes(withError(""));

        assertThat(bytes(withError("x".repeat(room)))).isEqualTo(65_535);
        String most =
                withError("\u20ac".repeat(room / 3) + "x".repeat(room % 3)).canonical();
        assertThat(SealedEvent.read(most, Optional.empty()).canonical()).isEqualTo(most);
        for (String tooMuch : List.of("x".repeat(room + 1), "\u20ac".repeat(room / 3) + "x".repeat(room % 3 + 1))) {
            assertThatThrownBy(() -> withError(tooMuch))
                    .isInstanceOf(JsonFormatException.class)
                    .hasMessageStartingWith("an event may have at most 65535 bytes");
            String text = SealedEvent.write(stuck("")).canonical().replace("\"\"", "\"" + tooMuch + "\"");
            assertThatThrownBy(() -> SealedEvent.read(text, Optional.empty())).isInstanceOf(JsonFormatException.class);
        }
    }

    private static SealedEvent withError(String error) {
        return SealedEvent.write(stuck(error));
    }

    private static AuditEvent stuck(String error) {
        return new AuditEvent(
                "example.com/log",
                ID,
                AT,
                Optional.empty(),
                StreamPosition.first("a/default/agent:1"),
                EventContent.of(
                        EventKind.ACTION_STUCK,
                        Actor.SYSTEM,
                        Json.object()
                                .put("action", "expire")
                                .put("attempts", 6)
                                .put("error", error)
                                .build()));
    }

    private static int bytes(SealedEvent event) {
        return event.canonical().getBytes(UTF_8).length;
    }

    @Provide
    Arbitrary<List<Edit>> edits() {
        return Edit.some();
    }

    @Provide
    Arbitrary<Json> values() {
        return JsonTexts.values();
    }

    @Provide
    Arbitrary<List<String>> members() {
        return Arbitraries.of(FULL.toJson().members().entrySet().stream()
                .flatMap(member -> member.getValue() instanceof Json.Obj inner
                        ? Stream.concat(
                                Stream.of(List.of(member.getKey())),
                                inner.members().keySet().stream().map(name -> List.of(member.getKey(), name)))
                        : Stream.of(List.of(member.getKey())))
                .toList());
    }
}
