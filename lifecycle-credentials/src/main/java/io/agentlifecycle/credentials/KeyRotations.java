package io.agentlifecycle.credentials;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.KeyRotation;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.audit.SignatureVerifier;
import io.agentlifecycle.core.audit.TypedPayload;
import io.agentlifecycle.core.spi.SigningKeyStore;
import io.agentlifecycle.core.spi.SigningKeyStore.PublishedKey;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.time.Instant;

/**
 * Both sides of a change of an agent's identity key: the agent {@linkplain #prove proves} that it has the old key and the new
 * one, and the host passes that to {@code LifecycleManager.rotateKey} together with a {@link #verifier}. Safe for use by
 * many threads.
 */
public final class KeyRotations {
    private KeyRotations() {}

    /**
     * The agent's side: signs with both keys that the new one is to take the place of the old.
     *
     * @param keys of purpose {@link Purpose#PROOFS}, with both keys
     * @param oldKeyId the key that the agent is known by
     * @param newKeyId the key that it wants, such as one just {@linkplain SigningKeyStore#generate generated}
     * @param sequence 1 for the first change of its key, and one more for each
     * @param at now, right to the minute
     * @throws IllegalArgumentException if the keys are for another purpose, or one of them is not there or retired
     */
    public static KeyRotation prove(
            SigningKeyStore keys, String oldKeyId, String newKeyId, AgentKey agent, long sequence, Instant at) {
        if (keys.purpose() != Purpose.PROOFS) {
            throw new IllegalArgumentException("an agent's key is one for PROOFS, and these are for " + keys.purpose());
        }
        PublicJwk newKey = jwk(keys, newKeyId);
        byte[] signed = TypedPayload.encode(
                KeyRotation.PAYLOAD_TYPE, KeyRotation.statement(agent, oldKeyId, newKey, sequence, at));
        return new KeyRotation(
                jwk(keys, oldKeyId),
                newKey,
                at,
                Digests.base64Url(keys.sign(oldKeyId, signed)),
                Digests.base64Url(keys.sign(newKeyId, signed)));
    }

    private static PublicJwk jwk(SigningKeyStore keys, String keyId) {
        return keys.publicKeys().stream()
                .filter(key -> key.keyId().equals(keyId))
                .findFirst()
                .map(PublishedKey::jwk)
                .orElseThrow(() -> new IllegalArgumentException(
                        "there is no key %s; name one that is listed and not retired".formatted(keyId)));
    }

    /** The host's side: checks strictly, as {@link Ed25519PublicKey#verify} does. */
    public static SignatureVerifier verifier() {
        return (key, type, payload, signature) -> {
            try {
                return Ed25519PublicKey.of(key).verify(TypedPayload.encode(type, payload), signature);
            } catch (IllegalArgumentException e) {
                return false; // no good point, so that anybody could sign for it
            }
        };
    }
}
