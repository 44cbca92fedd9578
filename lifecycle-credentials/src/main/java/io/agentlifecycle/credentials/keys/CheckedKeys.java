package io.agentlifecycle.credentials.keys;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.error.KeysUnavailableException;
import io.agentlifecycle.core.spi.SigningKeyStore;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Keys that sign elsewhere, in a service or in hardware: each signature is looked at before anybody gets it, and whatever
 * else than a refusal goes wrong is a {@link KeysUnavailableException}. A wrong signature in the log would break it for
 * good, and a token with one would replace a good one.
 *
 * <p>{@link #of} leaves the stores of this package as they are, since they compute their signatures here. Issuers and sealers
 * put this around the keys that they are given. Holds no lock while something is signed; as safe for use by many threads
 * as what it is around.
 */
public final class CheckedKeys implements SigningKeyStore {
    /** Far more than sign at a time; an id is that of its key for ever, so nothing here is ever out of date. */
    private static final int MOST_KNOWN = 64;

    private final SigningKeyStore keys;
    private final Map<String, Ed25519PublicKey> known = new ConcurrentHashMap<>();

    private CheckedKeys(SigningKeyStore keys) {
        this.keys = keys;
    }

    /** The same keys with every signature checked, or just them if they need no check. */
    public static SigningKeyStore of(SigningKeyStore keys) {
        return requireNonNull(keys, "keys") instanceof CheckedKeys
                        || keys instanceof InMemoryKeys
                        || keys instanceof PemKeys
                        || keys instanceof Pkcs12Keys
                ? keys
                : new CheckedKeys(keys);
    }

    @Override
    public Purpose purpose() {
        return keys.purpose();
    }

    @Override
    public List<PublishedKey> publicKeys() {
        return keys.publicKeys();
    }

    /**
     * {@inheritDoc}
     *
     * @throws KeysUnavailableException if the keys fail otherwise, or what they answer is not the signature
     */
    @Override
    public byte[] sign(String keyId, byte[] message) {
        requireNonNull(keyId, "keyId");
        byte[] signed = message.clone();
        byte @Nullable [] signature;
        try {
            signature = keys.sign(keyId, message);
        } catch (IllegalArgumentException | KeysUnavailableException e) {
            throw e;
        } catch (RuntimeException e) {
            // what it says may be about the service, and whoever reads this message need not know that
            throw failed(keyId, "did not sign: " + e.getClass().getName(), "see to the signer and try again", e);
        }
        if (signature == null || !publicKey(keyId).verify(signed, signature)) {
            throw failed(
                    keyId,
                    "answered with what is not its signature of the message",
                    "see whether the signer has that key, and sends what it signed",
                    null);
        }
        return signature.clone();
    }

    private Ed25519PublicKey publicKey(String keyId) {
        Ed25519PublicKey key = known.get(keyId);
        if (key == null) {
            key = keys.publicKeys().stream()
                    .filter(each -> each.keyId().equals(keyId))
                    .findFirst()
                    .map(each -> Ed25519PublicKey.of(each.jwk()))
                    .orElseThrow(() -> new IllegalArgumentException(
                            "key " + keyId + " is not listed, so that its signature cannot be checked"));
            if (known.size() >= MOST_KNOWN) {
                known.clear();
            }
            known.put(keyId, key);
        }
        return key;
    }

    private static KeysUnavailableException failed(
            String keyId, String reason, String hint, @Nullable Throwable cause) {
        return new KeysUnavailableException("key " + keyId, reason, hint, cause);
    }

    @Override
    public PublishedKey generate() {
        return keys.generate();
    }

    @Override
    public void retire(String keyId) {
        keys.retire(keyId);
    }

    @Override
    public void destroy(String keyId) {
        keys.destroy(keyId);
    }

    /** Of the keys that it is around. */
    @Override
    public String toString() {
        return "CheckedKeys[" + keys + "]";
    }
}
