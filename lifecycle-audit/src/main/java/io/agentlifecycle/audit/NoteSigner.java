package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.spi.SigningKeyStore;
import io.agentlifecycle.credentials.keys.CheckedKeys;

/**
 * Signs notes with one key.
 *
 * @param keys where the private half is
 * @param key the public half, under the name that it signs by
 */
record NoteSigner(SigningKeyStore keys, VerifierKey key) {
    NoteSigner {
        keys = CheckedKeys.of(keys);
    }

    SignedNote sign(String text) {
        return SignedNote.of(text, key, keys.sign(key.key().jwk().keyId(), text.getBytes(UTF_8)));
    }
}
