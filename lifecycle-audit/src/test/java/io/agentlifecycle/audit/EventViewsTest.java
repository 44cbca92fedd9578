package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.SealedEvent;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What tools that know nothing of us make of our events. */
class EventViewsTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final byte[] SPKI = HexFormat.of().parseHex("302a300506032b6570032100");

    private final SignedLog log = new SignedLog("example.com/log").thirty();

    /** As the protocol of DSSE has it: whatever is in the envelope, and a key from elsewhere. */
    private static boolean verifies(JsonNode envelope, PublicKey key) throws GeneralSecurityException {
        byte[] payload = Base64.getDecoder().decode(envelope.get("payload").textValue());
        byte[] type = envelope.get("payloadType").textValue().getBytes(UTF_8);
        var encoding = new ByteArrayOutputStream();
        encoding.writeBytes(("DSSEv1 " + type.length + " ").getBytes(UTF_8));
        encoding.writeBytes(type);
        encoding.writeBytes((" " + payload.length + " ").getBytes(UTF_8));
        encoding.writeBytes(payload);
        Signature verifier = Signature.getInstance("Ed25519");
        verifier.initVerify(key);
        verifier.update(encoding.toByteArray());
        return verifier.verify(Base64.getDecoder()
                .decode(envelope.get("signatures").get(0).get("sig").textValue()));
    }

    private PublicKey key() throws GeneralSecurityException {
        var spki = new ByteArrayOutputStream();
        spki.writeBytes(SPKI);
        spki.writeBytes(log.key().jwk().bytes());
        return KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(spki.toByteArray()));
    }

    private static List<String> names(JsonNode object) {
        List<String> names = new ArrayList<>();
        object.fieldNames().forEachRemaining(names::add);
        return names;
    }

    @Test
    void an_envelope_verifies_with_another_dsse_verifier() throws IOException, GeneralSecurityException {
        int signed = 0;
        for (SealedEvent event : log.events()) {
            if (event.signature().isPresent()) {
                String text = EventViews.dsse(event);
                JsonNode envelope = JSON.readTree(text);

                assertThat(text).doesNotContain("\n");
                assertThat(names(envelope)).containsExactlyInAnyOrder("payload", "payloadType", "signatures");
                assertThat(envelope.get("signatures")).hasSize(1);
                assertThat(names(envelope.get("signatures").get(0))).containsExactlyInAnyOrder("keyid", "sig");
                assertThat(envelope.get("signatures").get(0).get("keyid").textValue())
                        .isEqualTo(log.key().jwk().keyId());
                assertThat(envelope.get("payloadType").textValue()).isEqualTo(AuditEvent.PAYLOAD_TYPE);
                assertThat(new String(
                                Base64.getDecoder()
                                        .decode(envelope.get("payload").textValue()),
                                UTF_8))
                        .isEqualTo(event.canonical());
                assertThat(verifies(envelope, key())).isTrue();

                JsonNode changed = JSON.readTree(EventViews.dsse(
                        SealedEvent.read(event.canonical().replaceFirst("\"n\":", "\"n\":1"), event.signature())));
                assertThat(verifies(changed, key())).isFalse();
                signed++;
            }
        }
        assertThat(signed).isEqualTo(28);
    }

    @Test
    void an_event_without_a_signature_has_no_envelope_but_is_a_cloud_event() throws IOException {
        SealedEvent waiting = log.events().stream()
                .filter(event -> event.signature().isEmpty())
                .findFirst()
                .orElseThrow();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> EventViews.dsse(waiting))
                .withMessage(
                        "event %d of stream a/default/b is not signed, and a DSSE envelope is; it can be a CloudEvent"
                                .formatted(waiting.event().position().n()));
        assertThat(JSON.readTree(EventViews.cloudEvent(waiting)).get("type").textValue())
                .isEqualTo("io.agentlifecycle." + waiting.event().kind().wire());
    }

    @Test
    void a_cloud_event_has_what_version_1_0_asks_for_and_the_event_as_its_data() throws IOException {
        for (SealedEvent event : log.events()) {
            String text = EventViews.cloudEvent(event);
            JsonNode cloudEvent = JSON.readTree(text);

            assertThat(text).doesNotContain("\n").contains("\"data\":" + event.canonical() + ",");
            assertThat(names(cloudEvent))
                    .containsExactlyInAnyOrder(
                            "specversion",
                            "id",
                            "source",
                            "type",
                            "subject",
                            "time",
                            "datacontenttype",
                            "data",
                            "sequence")
                    .allMatch(name -> name.matches("[a-z0-9]{1,20}"));
            assertThat(cloudEvent.get("specversion").textValue()).isEqualTo("1.0");
            assertThat(cloudEvent.get("id").textValue())
                    .isEqualTo(event.event().id().toString());
            assertThat(cloudEvent.get("source").textValue()).isEqualTo("example.com/log");
            assertThat(cloudEvent.get("type").textValue())
                    .isEqualTo("io.agentlifecycle." + event.event().kind().wire());
            assertThat(cloudEvent.get("subject").textValue()).isEqualTo(event.event().position().stream());
            assertThat(Instant.parse(cloudEvent.get("time").textValue()))
                    .isEqualTo(event.event().at());
            assertThat(cloudEvent.get("datacontenttype").textValue()).isEqualTo("application/json");
            assertThat(cloudEvent.get("data")).isEqualTo(JSON.readTree(event.canonical()));
            assertThat(cloudEvent.get("sequence").textValue())
                    .matches("[0-9]{16}")
                    .satisfies(n -> assertThat(Long.parseLong(n))
                            .isEqualTo(event.event().position().n()));
        }
    }

    @Test
    void a_source_is_a_reference_to_a_uri_whatever_the_log_is_named() throws IOException {
        SealedEvent event = log.events().get(0);
        for (String[] name : new String[][] {
            {"example.com/log", "example.com/log"},
            {"https://example.com/log?x=1", "https://example.com/log?x=1"},
            {"b\u00fccher/log", "b%C3%BCcher/log"},
            {"<log>", "%3Clog%3E"},
            {"50%", "50%25"},
            {":log", "%3Alog"}
        }) {
            SealedEvent named = SealedEvent.read(
                    event.canonical().replace("\"log\":\"example.com/log\"", "\"log\":\"" + name[0] + "\""),
                    event.signature());
            String source =
                    JSON.readTree(EventViews.cloudEvent(named)).get("source").textValue();

            assertThat(source).isEqualTo(name[1]);
            assertThat(URI.create(source).toASCIIString()).isEqualTo(source);
        }
    }

    @Test
    void sequences_are_in_the_order_of_the_stream_as_texts() {
        List<String> sequences = log.events().stream()
                .filter(event -> event.event().position().stream().equals("a/default/a"))
                .map(event -> read(EventViews.cloudEvent(event)).get("sequence").textValue())
                .toList();
        assertThat(sequences).hasSizeGreaterThan(10).isSorted().doesNotHaveDuplicates();
    }

    private static JsonNode read(String text) {
        try {
            return JSON.readTree(text);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
