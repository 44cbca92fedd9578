package io.agentlifecycle.core.store;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.audit.SealedEvent;
import java.util.Optional;

/**
 * One event as a store keeps it: opaque text, given back exactly as it was.
 *
 * @param stream the chain it belongs to
 * @param n its position in that chain, from 0, without gaps
 * @param canonical the text that was hashed and signed
 * @param signature base64url; empty in an unsigned log
 */
public record StoredEvent(String stream, long n, String canonical, Optional<String> signature) {
    public StoredEvent {
        requireNonNull(stream, "stream");
        requireNonNull(canonical, "canonical");
        requireNonNull(signature, "signature");
    }

    /** What a store keeps of {@code event}. */
    public static StoredEvent of(SealedEvent event) {
        return new StoredEvent(
                event.event().position().stream(), event.event().position().n(), event.canonical(), event.signature());
    }
}
