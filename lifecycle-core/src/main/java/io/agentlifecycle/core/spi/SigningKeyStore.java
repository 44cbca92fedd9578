package io.agentlifecycle.core.spi;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.audit.PublicJwk;
import java.time.Instant;
import java.util.List;

/**
 * Holds the Ed25519 keys of one purpose and signs with them. Nothing gives a private key away: no method, no
 * {@code toString}, no exception.
 *
 * <p>A key signs from {@link #generate} until {@link #retire}; then its public half stays listed until {@link #destroy}, so
 * that what it signed for the log can still be checked. A token of a retired key is good no more. Implementations must be safe for use
 * by many threads; lifecycle-testkit has their contract as tests, {@code SigningKeyStoreContract}.
 */
public interface SigningKeyStore {
    /** What keys are for. A key of one purpose never signs for another. */
    enum Purpose {
        /** Signs the events of the log, and its checkpoints unless there is a key of its own for them. */
        AUDIT,
        /** Signs the checkpoints of the log. */
        CHECKPOINTS,
        /** Signs credentials. */
        CREDENTIALS,
        /** Shows that an agent holds the key that its credentials are bound to. The agent has it, and not the manager. */
        PROOFS
    }

    /**
     * A key as everybody may see it.
     *
     * @param retired true if it signs no more
     */
    record PublishedKey(PublicJwk jwk, Instant createdAt, boolean retired) {
        public PublishedKey {
            requireNonNull(jwk, "jwk");
            requireNonNull(createdAt, "createdAt");
        }

        /** The RFC 7638 thumbprint of the key, by which all else names it. */
        public String keyId() {
            return jwk.keyId();
        }
    }

    /** What all keys of this store are for. */
    Purpose purpose();

    /** All keys, the oldest first. */
    List<PublishedKey> publicKeys();

    /**
     * Signs with Ed25519 as in RFC 8032: 64 bytes, the same for the same message.
     *
     * @throws IllegalArgumentException if there is no key of that id, or it is retired
     */
    byte[] sign(String keyId, byte[] message);

    /** Makes a new key, durably if the store is durable. */
    PublishedKey generate();

    /**
     * Destroys the private half of a key for ever; doing it again changes nothing.
     *
     * @throws IllegalArgumentException if there is no key of that id
     */
    void retire(String keyId);

    /**
     * Destroys both halves of a key for ever: what it signed can then be checked only by who kept the public half. A key
     * that is not there is destroyed already.
     */
    void destroy(String keyId);
}
