package io.agentlifecycle.core.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.IdentityAssurance;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Command;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.stream.Collectors;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What names people stands beside an event, and comes back only from there. */
class ConcealmentTest {
    private static final Actor ANN = Actor.human("ann@company.com").assured(IdentityAssurance.STRONG);
    private static final Instant NOW = Instant.parse("2026-04-11T04:31:00Z");

    private final Random random = new Random(9);

    private byte[] salt() {
        byte[] salt = new byte[16];
        random.nextBytes(salt);
        return salt;
    }

    private static AuditEvent event(String stream, EventContent content) {
        return new AuditEvent(
                "example.com/log",
                UUID.fromString("019d7ace-b3a0-7b7e-b09b-04b38dd7aee4"),
                NOW,
                Optional.empty(),
                new StreamPosition(stream, 1, Digests.sha256("")),
                content);
    }

    private static AuditEvent approved() {
        return event(
                "a/default/agent:1",
                EventContent.of(EventKind.AGENT_APPROVED, ANN, Json.Obj.EMPTY)
                        .step(AgentState.PENDING_APPROVAL, AgentState.PROVISIONED)
                        .by(Command.APPROVE)
                        .approved(new ApprovalRef(ANN.id(), NOW, Digests.sha256("shown"))));
    }

    private static AuditEvent ownerChanged(String owner) {
        return event(
                "a/default/agent:1",
                EventContent.of(
                                EventKind.AGENT_OWNER_CHANGED,
                                ANN,
                                Json.object()
                                        .put("newOwner", owner)
                                        .put("oldOwner", "bob@company.com")
                                        .build())
                        .step(AgentState.ACTIVE, AgentState.ACTIVE));
    }

    /** The example of RFC 9901, section 4.2.3. */
    @Test
    void the_digest_is_that_of_the_rfc() {
        String disclosure = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0";

        assertThat(Digests.sha256(disclosure)).isEqualTo("X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0");
    }

    /** The example of {@code docs/audit-format.md}, and the members that it names. */
    @Test
    void the_page_has_a_disclosure_and_its_digest() throws IOException {
        String page = Files.readString(Path.of("..", "docs", "audit-format.md"));
        byte[] salt = Digests.fromBase64Url("lklxF5jMYlGTPUovMNIvCA");
        AuditEvent event = event(
                "a/default/agent:1",
                EventContent.of(EventKind.AGENT_ACTIVATED, Actor.human("alice@company.com"), Json.Obj.EMPTY)
                        .step(AgentState.PROVISIONED, AgentState.ACTIVE));
        SealedEvent written = SealedEvent.writeConcealing(event, () -> salt);
        String disclosure = written.disclosures().get(0);

        assertThat(page)
                .contains("\n[\"lklxF5jMYlGTPUovMNIvCA\",\"id\",\"alice@company.com\"]\n" + disclosure + "\n{\"_sd\":\""
                        + Digests.sha256(disclosure) + "\"}\n");
        assertThat(written.canonical()).contains("\"id\":{\"_sd\":\"" + Digests.sha256(disclosure) + "\"}");
        String members = EventKind.AGENT_OWNER_CHANGED.personalDetails().stream()
                .sorted()
                .map(name -> "`" + name + "`")
                .collect(Collectors.joining(", "));
        int last = members.lastIndexOf(", ");
        assertThat(page).contains(members.substring(0, last) + " and " + members.substring(last + 2) + " in `details`");
    }

    @Test
    void each_value_has_a_disclosure_of_salt_name_and_value_and_its_digest_in_the_event() {
        SealedEvent written = SealedEvent.writeConcealing(approved(), () -> new byte[16]);

        List<String> said = written.disclosures().stream()
                .map(text -> new String(Base64.getUrlDecoder().decode(text), StandardCharsets.UTF_8))
                .toList();
        assertThat(said)
                .containsExactly(
                        "[\"AAAAAAAAAAAAAAAAAAAAAA\",\"id\",\"ann@company.com\"]",
                        "[\"AAAAAAAAAAAAAAAAAAAAAA\",\"by\",\"ann@company.com\"]",
                        "[\"AAAAAAAAAAAAAAAAAAAAAA\",\"shown\",\"" + Digests.sha256("shown") + "\"]");
        assertThat(written.canonical())
                .contains("\"actor\":{\"assurance\":\"strong\",\"id\":{\"_sd\":\""
                        + Digests.sha256(written.disclosures().get(0)) + "\"},\"type\":\"human\"}")
                .doesNotContain("ann@")
                .doesNotContain(Digests.sha256("shown"));
        assertThat(written.event()).isEqualTo(approved());
        assertThat(written.redacted()).isEmpty();
        assertThat(written.isPersonal()).isFalse();
        assertThat(SealedEvent.write(approved()).isPersonal()).isTrue();
    }

    @Property(tries = 200)
    void what_is_disclosed_comes_back_and_the_rest_is_redacted(
            @ForAll @StringLength(min = 1, max = 40) String owner, @ForAll int which) {
        AuditEvent event = ownerChanged("x" + owner.replaceAll("\\p{Cs}", ""));
        SealedEvent written = SealedEvent.writeConcealing(event, this::salt);
        assertThat(written.disclosures()).hasSize(3);

        SealedEvent whole = SealedEvent.read(written.canonical(), Optional.empty(), written.disclosures());
        assertThat(whole.event()).isEqualTo(event);
        assertThat(whole.redacted()).isEmpty();
        assertThat(whole).isEqualTo(written);

        List<String> some = new ArrayList<>(written.disclosures());
        some.remove(Math.floorMod(which, 3));
        SealedEvent part = SealedEvent.read(written.canonical(), Optional.empty(), some);
        assertThat(part.redacted())
                .containsExactly(List.of("actor.id", "details.newOwner", "details.oldOwner")
                        .get(Math.floorMod(which, 3)));
        assertThat(part.leafHash()).isEqualTo(written.leafHash());

        SealedEvent nothing = SealedEvent.read(written.canonical(), Optional.empty());
        assertThat(nothing.redacted()).containsExactlyInAnyOrder("actor.id", "details.newOwner", "details.oldOwner");
        assertThat(nothing.event().actor())
                .isEqualTo(Actor.human(SealedEvent.REDACTED).assured(IdentityAssurance.STRONG));
        assertThat(nothing.event().details())
                .isEqualTo(Json.object()
                        .put("newOwner", SealedEvent.REDACTED)
                        .put("oldOwner", SealedEvent.REDACTED)
                        .build());
        assertThat(SealedEvent.write(nothing.event()).canonical()).isNotEqualTo(written.canonical());
    }

    @Test
    void the_same_value_has_another_digest_each_time() {
        assertThat(SealedEvent.writeConcealing(approved(), this::salt).canonical())
                .isNotEqualTo(
                        SealedEvent.writeConcealing(approved(), this::salt).canonical());
    }

    @Test
    void what_is_no_persons_stays_in_the_event() {
        AuditEvent system = event(
                "a/default/agent:1",
                EventContent.of(
                                EventKind.AGENT_ORPHANED,
                                Actor.SYSTEM,
                                Json.object()
                                        .put("reason", "silent")
                                        .put("silentSince", NOW.toString())
                                        .build())
                        .step(AgentState.ACTIVE, AgentState.ORPHANED));
        AuditEvent ofTheLog = event(
                "log",
                EventContent.of(
                        EventKind.LOG_KEY_RETIRED,
                        ANN,
                        Json.object().put("kid", "k").put("reason", "old").build()));
        for (AuditEvent plain : List.of(system, ofTheLog)) {
            assertThat(SealedEvent.writeConcealing(plain, this::salt)).isEqualTo(SealedEvent.write(plain));
            assertThat(SealedEvent.write(plain).isPersonal()).isFalse();
        }
    }

    @Test
    void who_asked_for_an_imported_agent_is_concealed_too() {
        Json.Obj details = Json.object()
                .put("createdAt", NOW.toString())
                .put("name", "n")
                .put("purpose", "p")
                .put("role", "agent")
                .put("source", "s")
                .put("type", "t")
                .put("requestedBy", ActorJson.write(ANN))
                .build();
        AuditEvent imported = event(
                "a/default/agent:1",
                EventContent.of(EventKind.AGENT_IMPORTED, Actor.SYSTEM, details).to(AgentState.PROVISIONED));

        SealedEvent written = SealedEvent.writeConcealing(imported, this::salt);

        assertThat(written.canonical()).doesNotContain("ann@");
        assertThat(SealedEvent.read(written.canonical(), Optional.empty(), written.disclosures())
                        .event())
                .isEqualTo(imported);
        assertThat(SealedEvent.read(written.canonical(), Optional.empty()).redacted())
                .containsExactly("details.requestedBy.id");
    }

    private enum Attack {
        OF_ANOTHER_EVENT,
        TWICE,
        ANOTHER_NAME,
        SHORT_SALT,
        NO_ARRAY,
        NUMBER,
        SPACES,
        NOT_BASE64,
        NO_TEXT
    }

    private static String encoded(String text) {
        return Digests.base64Url(text.getBytes(StandardCharsets.UTF_8));
    }

    @ParameterizedTest
    @EnumSource
    void a_disclosure_that_is_not_of_the_event_is_refused(Attack attack) {
        SealedEvent written = SealedEvent.writeConcealing(approved(), () -> new byte[16]);
        String salt = "AAAAAAAAAAAAAAAAAAAAAA";
        String bad = switch (attack) {
            case OF_ANOTHER_EVENT, ANOTHER_NAME -> encoded("[\"" + salt + "\",\"id\",\"eve@company.com\"]");
            case TWICE -> written.disclosures().get(0);
            case SHORT_SALT -> encoded("[\"AAAA\",\"id\",\"ann@company.com\"]");
            case NO_ARRAY -> encoded("{}");
            case NUMBER -> encoded("[\"" + salt + "\",\"id\",1]");
            case SPACES -> encoded("[\"" + salt + "\", \"id\",\"ann@company.com\"]");
            case NOT_BASE64 -> "a b";
            case NO_TEXT -> Digests.base64Url(new byte[] {(byte) 0xff});
        };
        List<String> all = new ArrayList<>(written.disclosures());
        all.add(bad);
        String canonical = written.canonical();
        if (attack == Attack.ANOTHER_NAME) {
            // signed so by who wrote the event: the digest is right, and the name is not
            canonical = canonical.replace(Digests.sha256(all.remove(1)), Digests.sha256(bad));
        }
        String text = canonical;
        assertThatThrownBy(() -> SealedEvent.read(text, Optional.empty(), all))
                .isInstanceOf(JsonFormatException.class)
                .message()
                .doesNotContain("eve@")
                .doesNotContain("ann@");
    }

    /** Only the one form of a digest, at the places of personal values, is anything but a value of the wrong type. */
    @ParameterizedTest
    @ValueSource(strings = {"{\"_sd\":1}", "{\"_sd\":\"x\",\"y\":1}", "{\"_sd\":[]}", "{}", "{\"sd\":\"x\"}"})
    void another_form_is_no_event(String form) {
        String canonical = SealedEvent.write(approved()).canonical();
        String other = canonical.replace("\"id\":\"ann@company.com\"", "\"id\":" + form);
        assertThat(other).isNotEqualTo(canonical);
        assertThatThrownBy(() -> SealedEvent.read(other, Optional.empty())).isInstanceOf(JsonFormatException.class);

        String elsewhere = canonical.replace("\"log\":\"example.com/log\"", "\"log\":{\"_sd\":\"x\"}");
        assertThat(elsewhere).isNotEqualTo(canonical);
        assertThatThrownBy(() -> SealedEvent.read(elsewhere, Optional.empty())).isInstanceOf(JsonFormatException.class);
    }
}
