package io.agentlifecycle.audit;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.spi.AuditSealer;
import io.agentlifecycle.core.spi.SigningKeyStore;
import io.agentlifecycle.core.spi.SigningKeyStore.PublishedKey;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.credentials.keys.CheckedKeys;
import java.util.List;

/**
 * Signs the events of a log with Ed25519, over DSSE's encoding of them. {@code docs/audit-format.md} says how anyone checks
 * that. Safe for use by many threads.
 */
public final class Ed25519AuditSealer implements AuditSealer {
    private final SigningKeyStore keys;
    private final PublicJwk publicKey;
    private final String keyId;
    private final Dsse dsse;

    private Ed25519AuditSealer(SigningKeyStore keys, PublicJwk publicKey) {
        this.keys = CheckedKeys.of(keys);
        this.publicKey = publicKey;
        this.keyId = publicKey.keyId();
        this.dsse = new Dsse();
    }

    /**
     * A sealer that signs with the newest key of {@code keys} that is not retired.
     *
     * @throws IllegalArgumentException if the keys are for another purpose than {@link Purpose#AUDIT}, or all retired
     */
    public static Ed25519AuditSealer create(SigningKeyStore keys) {
        List<PublishedKey> active = active(keys);
        if (active.isEmpty()) {
            throw new IllegalArgumentException("all keys of this store are retired; generate() one first");
        }
        return new Ed25519AuditSealer(keys, active.get(active.size() - 1).jwk());
    }

    /**
     * A sealer that signs with one key of {@code keys}, such as one that is in force in the log.
     *
     * @throws IllegalArgumentException if the keys are for another purpose than {@link Purpose#AUDIT}, or that one is
     *     retired or not among them
     */
    public static Ed25519AuditSealer create(SigningKeyStore keys, String keyId) {
        PublicJwk wanted = active(keys).stream()
                .map(PublishedKey::jwk)
                .filter(key -> key.keyId().equals(requireNonNull(keyId, "keyId")))
                .findFirst()
                .orElseThrow(() ->
                        new IllegalArgumentException("key " + keyId + " is retired, or not in this store of keys"));
        return new Ed25519AuditSealer(keys, wanted);
    }

    private static List<PublishedKey> active(SigningKeyStore keys) {
        if (keys.purpose() != Purpose.AUDIT) {
            throw new IllegalArgumentException(
                    "these keys are for %s, and a key never signs for two purposes; pass keys".formatted(keys.purpose())
                            + " of purpose AUDIT");
        }
        return keys.publicKeys().stream().filter(key -> !key.retired()).toList();
    }

    @Override
    public PublicJwk publicKey() {
        return publicKey;
    }

    @Override
    public byte[] sign(String payloadType, String payload) {
        return keys.sign(keyId, Dsse.encode(payloadType, payload));
    }

    @Override
    public boolean verify(PublicJwk key, String payloadType, String payload, byte[] signature) {
        return dsse.verify(key, payloadType, payload, signature);
    }

    /** Names the key. */
    @Override
    public String toString() {
        return "Ed25519AuditSealer[" + keyId + "]";
    }
}
