package io.agentlifecycle.core.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import java.util.Optional;

/**
 * An event together with the very text that is stored, hashed and signed. Immutable.
 *
 * @param canonical the canonical JSON of the event; its UTF-8 bytes are what counts
 * @param leafHash the hash by which the next event of the stream, and the tree over all, refer to it; base64url
 * @param signature base64url of 64 bytes; empty if the log has no key, or the sealer failed
 * @param endorsed true if a later event of the stream is known to be signed; matters only without a signature
 */
public record SealedEvent(
        AuditEvent event, String canonical, String leafHash, Optional<String> signature, boolean endorsed) {
    private static final int SIGNATURE_BYTES = 64;

    public SealedEvent {
        requireNonNull(event, "event");
        requireNonNull(canonical, "canonical");
        requireNonNull(leafHash, "leafHash");
        requireNonNull(signature, "signature");
        if (signature.isPresent()) {
            if (event.keyId().isEmpty()) {
                throw new JsonFormatException("it has a signature, but names no key");
            }
            if (Digests.fromBase64Url(signature.get()).length != SIGNATURE_BYTES) {
                throw new JsonFormatException("a signature has 64 bytes");
            }
        }
    }

    /**
     * Writes an event down, without a signature.
     *
     * @throws JsonFormatException if its bytes are more than {@link AuditEvent#MAX_BYTES}
     */
    public static SealedEvent write(AuditEvent event) {
        String canonical = CanonicalJson.write(event.toJson());
        requireSize(canonical);
        return new SealedEvent(event, canonical, Digests.leafHash(canonical), Optional.empty(), false);
    }

    /**
     * Reads what was written, strictly. Whether the signature is right is not looked at.
     *
     * @throws JsonFormatException if it is too long, not canonical, or not an event
     */
    public static SealedEvent read(String canonical, Optional<String> signature) {
        Json json = CanonicalJson.read(canonical, AuditEvent.MAX_BYTES);
        requireSize(canonical);
        return new SealedEvent(AuditEvent.fromJson(json), canonical, Digests.leafHash(canonical), signature, false);
    }

    /** The same event with its signature. */
    public SealedEvent signed(byte[] bytes) {
        return new SealedEvent(event, canonical, leafHash, Optional.of(Digests.base64Url(bytes)), false);
    }

    /** The same event, if {@code unsignedFrom} is the first one of its stream that no signed one vouches for. */
    public SealedEvent within(Optional<Long> unsignedFrom) {
        boolean waits = unsignedFrom.isPresent()
                && unsignedFrom.get() <= event.position().n();
        return new SealedEvent(event, canonical, leafHash, signature, !waits);
    }

    /** What vouches for it. */
    public Seal seal() {
        if (signature.isPresent()) {
            return Seal.SIGNED;
        }
        if (event.keyId().isEmpty()) {
            return Seal.UNSIGNED;
        }
        return endorsed ? Seal.ENDORSED_LATE : Seal.WAITING;
    }

    /** The first event of the stream that no signed one vouches for once this one is in it, given the one before. */
    public Optional<Long> unsignedFrom(Optional<Long> before) {
        if (signature.isPresent() || event.keyId().isEmpty()) {
            return Optional.empty();
        }
        return before.or(() -> Optional.of(event.position().n()));
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
