package io.agentlifecycle.core.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * An event together with the very text that is stored, hashed and signed. Immutable.
 *
 * <p>What names people may stand beside that text and not in it, so that it can be erased. {@code event} has it as far as it
 * is disclosed, and {@link #REDACTED} in the place of what is not.
 *
 * @param canonical the canonical JSON of the event; its UTF-8 bytes are what counts
 * @param leafHash the hash by which the next event of the stream, and the tree over all, refer to it; base64url
 * @param signature base64url of 64 bytes; empty if the log has no key, or the sealer failed
 * @param endorsed true if a later event of the stream is known to be signed; matters only without a signature
 * @param disclosures what stands beside the text, each as RFC 9901 writes it
 * @param redacted what is not disclosed, such as {@code actor.id} or {@code details.owner}; empty if {@code event} is whole
 */
public record SealedEvent(
        AuditEvent event,
        String canonical,
        String leafHash,
        Optional<String> signature,
        boolean endorsed,
        List<String> disclosures,
        Set<String> redacted) {
    /** What an event has in the place of what is not disclosed. */
    public static final String REDACTED = "REDACTED";

    private static final int SIGNATURE_BYTES = 64;

    public SealedEvent {
        requireNonNull(event, "event");
        requireNonNull(canonical, "canonical");
        requireNonNull(leafHash, "leafHash");
        requireNonNull(signature, "signature");
        disclosures = List.copyOf(disclosures);
        redacted = Set.copyOf(redacted);
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
        return written(event, new Concealment.Concealed(event.toJson(), List.of()));
    }

    /**
     * Writes an event down, without a signature, so that what names people stands beside its text. Nothing of an event of
     * stream {@code log} does.
     *
     * @param salts gives 16 random bytes for each such value
     * @throws JsonFormatException if its bytes are more than {@link AuditEvent#MAX_BYTES}
     */
    public static SealedEvent writeConcealing(AuditEvent event, Supplier<byte[]> salts) {
        return written(event, Concealment.conceal(event.toJson(), salts));
    }

    private static SealedEvent written(AuditEvent event, Concealment.Concealed parts) {
        String canonical = CanonicalJson.write(parts.event());
        requireSize(canonical);
        return new SealedEvent(
                event, canonical, Digests.leafHash(canonical), Optional.empty(), false, parts.disclosures(), Set.of());
    }

    /**
     * Reads what was written, strictly, without what stands beside it. Whether the signature is right is not looked at.
     *
     * @throws JsonFormatException if it is too long, not canonical, or not an event
     */
    public static SealedEvent read(String canonical, Optional<String> signature) {
        return read(canonical, signature, List.of());
    }

    /**
     * Reads what was written, strictly, with what is disclosed of it. Whether the signature is right is not looked at.
     *
     * @throws JsonFormatException if it is too long, not canonical, or not an event, or something is disclosed that it does not
     *     have
     */
    public static SealedEvent read(String canonical, Optional<String> signature, List<String> disclosures) {
        Json json = CanonicalJson.read(canonical, AuditEvent.MAX_BYTES);
        requireSize(canonical);
        boolean whole = disclosures.isEmpty() && !Concealment.conceals(canonical);
        if (whole || !(json instanceof Json.Obj parts)) {
            return read(canonical, signature, json, List.of(), Set.of());
        }
        Concealment.Revealed revealed = Concealment.reveal(parts, disclosures);
        return read(canonical, signature, revealed.event(), disclosures, revealed.redacted());
    }

    private static SealedEvent read(
            String canonical, Optional<String> signature, Json json, List<String> disclosures, Set<String> redacted) {
        return new SealedEvent(
                AuditEvent.fromJson(json),
                canonical,
                Digests.leafHash(canonical),
                signature,
                false,
                disclosures,
                redacted);
    }

    /** True if something may stand beside an event of that text. */
    public static boolean mayConceal(String canonical) {
        return Concealment.conceals(canonical);
    }

    /** True if something that names people, or was written by people, stands in the text itself, and so cannot be erased. */
    public boolean isPersonal() {
        return CanonicalJson.read(canonical, AuditEvent.MAX_BYTES) instanceof Json.Obj parts
                && Concealment.isPersonal(parts);
    }

    /** The same event with its signature. */
    public SealedEvent signed(byte[] bytes) {
        return with(Optional.of(Digests.base64Url(bytes)), false);
    }

    /** The same event, if {@code unsignedFrom} is the first one of its stream that no signed one vouches for. */
    public SealedEvent within(Optional<Long> unsignedFrom) {
        boolean waits = unsignedFrom.isPresent()
                && unsignedFrom.get() <= event.position().n();
        return with(signature, !waits);
    }

    private SealedEvent with(Optional<String> nextSignature, boolean nextEndorsed) {
        return new SealedEvent(event, canonical, leafHash, nextSignature, nextEndorsed, disclosures, redacted);
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
