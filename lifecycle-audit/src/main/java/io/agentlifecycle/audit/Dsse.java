package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.audit.SignatureVerifier;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;

/**
 * Signatures as DSSE has them, version 1: over the type of a payload as well as the payload, so that what was signed as
 * one thing never counts as another.
 */
final class Dsse implements SignatureVerifier {
    /** The key that is asked for again and again; a key is dear to import. */
    private final Ed25519PublicKey usual;

    Dsse(Ed25519PublicKey usual) {
        this.usual = usual;
    }

    /** What is signed: DSSE's pre-authentication encoding. */
    static byte[] encode(String payloadType, String payload) {
        int typeBytes = payloadType.getBytes(UTF_8).length;
        int payloadBytes = payload.getBytes(UTF_8).length;
        return ("DSSEv1 " + typeBytes + ' ' + payloadType + ' ' + payloadBytes + ' ' + payload).getBytes(UTF_8);
    }

    @Override
    public boolean verify(PublicJwk key, String payloadType, String payload, byte[] signature) {
        Ed25519PublicKey signer;
        try {
            signer = key.equals(usual.jwk()) ? usual : Ed25519PublicKey.of(key);
        } catch (IllegalArgumentException e) {
            return false;
        }
        return signer.verify(encode(payloadType, payload), signature);
    }
}
