package io.agentlifecycle.core.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import java.util.Optional;

/**
 * An event together with the very text that is stored, hashed and signed. Immutable.
 *
 * @param canonical the canonical JSON of the event; its UTF-8 bytes are what counts
 * @param leafHash the hash by which the next event of the stream, and the tree over all, refer to it; base64url
 * @param signature base64url of 64 bytes; empty in an unsigned log
 */
public record SealedEvent(AuditEvent event, String canonical, String leafHash, Optional<String> signature) {
    public SealedEvent {
        requireNonNull(event, "event");
        requireNonNull(canonical, "canonical");
        requireNonNull(leafHash, "leafHash");
        requireNonNull(signature, "signature");
    }

    /**
     * Writes an event down, unsigned.
     *
     * @throws JsonFormatException if its bytes are more than {@link AuditEvent#MAX_BYTES}
     */
    public static SealedEvent write(AuditEvent event) {
        String canonical = CanonicalJson.write(event.toJson());
        requireSize(canonical);
        return new SealedEvent(event, canonical, Digests.leafHash(canonical), Optional.empty());
    }

    /**
     * Reads what was written, strictly.
     *
     * @throws JsonFormatException if it is too long, not canonical, or not an event
     */
    public static SealedEvent read(String canonical, Optional<String> signature) {
        Json json = CanonicalJson.read(canonical, AuditEvent.MAX_BYTES);
        requireSize(canonical);
        return new SealedEvent(AuditEvent.fromJson(json), canonical, Digests.leafHash(canonical), signature);
    }

    /** Where the event after this one stands. */
    public StreamPosition next() {
        StreamPosition here = event.position();
        return new StreamPosition(here.stream(), here.n() + 1, leafHash);
    }

    private static void requireSize(String canonical) {
        // a character is at least one byte and at most three
        if (canonical.length() * 3 > AuditEvent.MAX_BYTES && canonical.getBytes(UTF_8).length > AuditEvent.MAX_BYTES) {
            throw new JsonFormatException("an event may have at most " + AuditEvent.MAX_BYTES
                    + " bytes; shorten the texts, tags or capabilities");
        }
    }
}
