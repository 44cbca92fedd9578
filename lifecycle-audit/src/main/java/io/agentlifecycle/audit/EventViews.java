package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.SealedEvent;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLEncoder;
import java.util.Base64;
import java.util.List;
import java.util.Locale;

/**
 * Events as other tools read them, each one JSON object as a text without line feeds. All methods are pure and safe for use by
 * many threads.
 */
public final class EventViews {
    /** What stands before the kind of an event in the type of its CloudEvent. */
    private static final String TYPE = "io.agentlifecycle.";

    private EventViews() {}

    /**
     * The event with its signature as an envelope of DSSE, version 1. Whoever has the key of the log verifies it with any
     * tool for DSSE: the payload is the canonical text that was signed.
     *
     * @throws IllegalArgumentException if the event has no signature: an envelope without one does not exist
     */
    public static String dsse(SealedEvent event) {
        String signature = event.signature()
                .orElseThrow(() -> new IllegalArgumentException(
                        "event %d of stream %s is not signed, and a DSSE envelope is; it can be a CloudEvent"
                                .formatted(event.event().position().n(), event.event().position().stream())));
        Json signed = Json.object()
                .put("keyid", event.event().keyId())
                .put("sig", base64(Digests.fromBase64Url(signature)))
                .build();
        return CanonicalJson.write(Json.object()
                .put("payload", base64(event.canonical().getBytes(UTF_8)))
                .put("payloadType", AuditEvent.PAYLOAD_TYPE)
                .put("signatures", new Json.Arr(List.of(signed)))
                .build());
    }

    /**
     * The event as a CloudEvent, version 1.0, in JSON: its type is {@code io.agentlifecycle.} and the kind, its source the
     * name of the log, its subject the stream, and {@code sequence} is {@code n} in 16 digits, so that texts are in the order
     * of numbers. The data is the event itself. A signature is not part of it, so events without one have this view, too.
     */
    public static String cloudEvent(SealedEvent event) {
        AuditEvent content = event.event();
        String attributes = CanonicalJson.write(Json.object()
                .put("datacontenttype", "application/json")
                .put("id", content.id().toString())
                .put(
                        "sequence",
                        String.format(Locale.ROOT, "%016d", content.position().n()))
                .put("source", uri(content.log()))
                .put("specversion", "1.0")
                .put("subject", content.position().stream())
                .put("time", content.at().toString())
                .put("type", TYPE + content.kind().wire())
                .build());
        // the event as it stands, which may nest as deep as JSON may here
        return "{\"data\":" + event.canonical() + "," + attributes.substring(1);
    }

    /** The name of a log is a reference to a URI as it is, or else becomes one segment of a path. */
    private static String uri(String log) {
        try {
            return new URI(log).toASCIIString();
        } catch (URISyntaxException e) {
            return URLEncoder.encode(log, UTF_8);
        }
    }

    private static String base64(byte[] bytes) {
        return Base64.getEncoder().encodeToString(bytes);
    }
}
