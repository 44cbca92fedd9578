package io.agentlifecycle.audit;

import io.agentlifecycle.core.audit.LogKeys;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.audit.SignatureVerifier;
import io.agentlifecycle.core.audit.TypedPayload;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Signatures as DSSE has them, version 1: over the type of a payload as well as the payload, so that what was signed as
 * one thing never counts as another.
 */
final class Dsse implements SignatureVerifier {
    private static final int MOST = 2 * LogKeys.MOST;

    /** Keys that were asked for; a key is dear to import. */
    private final Map<PublicJwk, Ed25519PublicKey> imported = new ConcurrentHashMap<>();

    /** What is signed: DSSE's pre-authentication encoding. */
    static byte[] encode(String payloadType, String payload) {
        return TypedPayload.encode(payloadType, payload);
    }

    @Override
    public boolean verify(PublicJwk key, String payloadType, String payload, byte[] signature) {
        if (imported.size() > MOST) {
            imported.clear(); // whoever writes a log decides how many keys it names
        }
        try {
            Ed25519PublicKey signer = imported.computeIfAbsent(key, Ed25519PublicKey::of);
            return signer.verify(encode(payloadType, payload), signature);
        } catch (IllegalArgumentException e) {
            return false;
        }
    }
}
