package io.agentlifecycle.core.audit;

/** Checks Ed25519 signatures over typed payloads. It must be pure and safe for use by many threads. */
@FunctionalInterface
public interface SignatureVerifier {
    /**
     * Whether {@code signature} is the one that {@code key} made for that payload. What is wrong in any way, a key that is
     * no good point among it, is false and no exception.
     *
     * @param payloadType the media type of the payload; it is signed, too
     * @param payload signed as UTF-8
     */
    boolean verify(PublicJwk key, String payloadType, String payload, byte[] signature);
}
