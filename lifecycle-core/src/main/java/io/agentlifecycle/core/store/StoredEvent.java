package io.agentlifecycle.core.store;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.SealedEvent;
import java.util.Optional;

/**
 * One event as a store keeps it: opaque text, given back exactly as it was until it is pruned. Of a pruned event its place and
 * the leaf hash of its text are left, so that the chain and the tree that it belongs to can still be computed.
 *
 * @param stream the chain it belongs to
 * @param n its position in that chain, from 0, without gaps
 * @param canonical the text that was hashed and signed; empty if it was pruned
 * @param signature base64url; empty in an unsigned log, and if the event was pruned
 * @param prunedLeaf the {@link Digests#leafHash} of the text that was pruned; empty if the text is there
 */
public record StoredEvent(
        String stream, long n, String canonical, Optional<String> signature, Optional<String> prunedLeaf) {
    private static final int HASH_BYTES = 32;

    public StoredEvent {
        requireNonNull(stream, "stream");
        requireNonNull(canonical, "canonical");
        requireNonNull(signature, "signature");
        if (prunedLeaf.isEmpty() && canonical.isEmpty()) {
            throw new IllegalArgumentException(
                    "event %d of stream %s has neither a text nor the leaf hash of one".formatted(n, stream));
        }
        if (prunedLeaf.isPresent()) {
            requirePruned(stream, n, canonical.isEmpty() && signature.isEmpty(), prunedLeaf.get());
        }
    }

    /** An event with its text. */
    public StoredEvent(String stream, long n, String canonical, Optional<String> signature) {
        this(stream, n, canonical, signature, Optional.empty());
    }

    /** What a store keeps of {@code event}. */
    public static StoredEvent of(SealedEvent event) {
        return new StoredEvent(
                event.event().position().stream(), event.event().position().n(), event.canonical(), event.signature());
    }

    /**
     * What is left of an event whose text had this leaf hash.
     *
     * @param leafHash as {@link Digests#leafHash} gives it: base64url, 43 characters
     */
    public static StoredEvent pruned(String stream, long n, String leafHash) {
        return new StoredEvent(stream, n, "", Optional.empty(), Optional.of(leafHash));
    }

    /** What is left of this event once its text is pruned; the same if it was pruned before. */
    public StoredEvent pruned() {
        return isPruned() ? this : pruned(stream, n, leafHash());
    }

    /** True if its text is no longer there. */
    public boolean isPruned() {
        return prunedLeaf.isPresent();
    }

    /** The {@link Digests#leafHash} of its text, whether the text is there or was pruned. */
    public String leafHash() {
        return prunedLeaf.orElseGet(() -> Digests.leafHash(canonical));
    }

    private static void requirePruned(String stream, long n, boolean isBare, String leaf) {
        if (!isBare) {
            throw new IllegalArgumentException(
                    "event %d of stream %s is pruned, so it has no text and no signature".formatted(n, stream));
        }
        if (Digests.fromBase64Url(leaf).length != HASH_BYTES) {
            throw new IllegalArgumentException(
                    "a leaf hash is 43 characters of base64url, but that of event %d of stream %s is \"%s\""
                            .formatted(n, stream, leaf));
        }
    }
}
