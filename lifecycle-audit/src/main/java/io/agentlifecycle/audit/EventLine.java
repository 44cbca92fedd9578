package io.agentlifecycle.audit;

import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.audit.JsonFormatException;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.store.StoredEvent;
import java.util.Optional;

/**
 * An event with its signature as one line of text: the canonical JSON of {@code {"event":{...},"sig":"..."}}, without
 * {@code sig} if there is no signature. All methods are pure and safe for use by many threads.
 */
public final class EventLine {
    private static final String PRUNED = "pruned";
    private static final String BEGIN_PRUNED = "{\"" + PRUNED + "\":";
    private static final String BEGIN = "{\"event\":";
    private static final String BEFORE_SIGNATURE = ",\"sig\":\"";
    private static final int SIGNATURE_CHARS = 86;
    private static final String END_SIGNED = "\"}";
    private static final String END = "}";

    /** How many bytes a line may have, its line feed not counted. */
    public static final int MAX_BYTES =
            AuditEvent.MAX_BYTES + BEGIN.length() + BEFORE_SIGNATURE.length() + SIGNATURE_CHARS + END_SIGNED.length();

    private EventLine() {}

    /** The line of {@code event}, without a line feed. */
    public static String write(SealedEvent event) {
        String signature =
                event.signature().map(text -> BEFORE_SIGNATURE + text + "\"").orElse("");
        return BEGIN + event.canonical() + signature + END;
    }

    /**
     * Reads what {@link #write} wrote, strictly. Whether the signature is right is not looked at.
     *
     * @throws JsonFormatException if it is anything else
     */
    public static SealedEvent read(String line) {
        Parts parts = split(line);
        return SealedEvent.read(parts.canonical(), parts.signature());
    }

    /** The line of what is left of an event that was pruned. */
    static String writePruned(StoredEvent left) {
        return CanonicalJson.write(Json.object()
                .put(
                        PRUNED,
                        Json.object()
                                .put("leaf", left.leafHash())
                                .put("n", left.n())
                                .put("stream", left.stream())
                                .build())
                .build());
    }

    /**
     * Reads what {@link #writePruned} wrote; empty if the line is that of an event, or of nothing.
     *
     * @throws IllegalArgumentException if it begins like one and is anything else
     */
    static Optional<StoredEvent> readPruned(String line) {
        if (!line.startsWith(BEGIN_PRUNED)) {
            return Optional.empty();
        }
        var fields = new JsonFields("line", CanonicalJson.read(line, MAX_BYTES));
        JsonFields left = fields.object(PRUNED);
        fields.end();
        StoredEvent read = StoredEvent.pruned(left.string("stream"), left.integer("n"), left.string("leaf"));
        left.end();
        return Optional.of(read);
    }

    /** What a line is made of; whether the event is one is not looked at. */
    record Parts(String canonical, Optional<String> signature) {}

    /** An event is canonical or refused, and what stands around it is fixed, so the line is canonical, too. */
    static Parts split(String line) {
        int signatureAt = line.length() - SIGNATURE_CHARS - END_SIGNED.length();
        int afterEvent = signatureAt - BEFORE_SIGNATURE.length();
        boolean signed = line.endsWith(END_SIGNED) && line.startsWith(BEFORE_SIGNATURE, afterEvent);
        int end = signed ? afterEvent : line.length() - END.length();
        if (!line.startsWith(BEGIN) || !line.endsWith(END) || end <= BEGIN.length()) {
            throw new JsonFormatException("a line is {\"event\":{...},\"sig\":\"...\"} without white space");
        }
        Optional<String> signature =
                signed ? Optional.of(line.substring(signatureAt, signatureAt + SIGNATURE_CHARS)) : Optional.empty();
        return new Parts(line.substring(BEGIN.length(), end), signature);
    }
}
