package io.agentlifecycle.core.spi;

import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.audit.SignatureVerifier;

/**
 * Signs what stands in the log. Core writes the bytes and chains them; a sealer only signs.
 *
 * <ol>
 *   <li>A signature is Ed25519 over the payload and its type in the encoding that {@code docs/audit-format.md} names, so
 *       that others can check it.
 *   <li>{@link #sign} runs in the thread of the command, outside every lock. What it signs may be thrown away.
 *   <li>If it throws, commands that grant power are refused with
 *       {@link io.agentlifecycle.core.error.AuditUnavailableException}, and those that take power away are stored
 *       without a signature.
 *   <li>{@link #verify} needs no private key, and works when {@link #sign} does not.
 * </ol>
 *
 * <p>Must be safe for use by many threads.
 */
public interface AuditSealer extends SignatureVerifier {
    /** The public half of the key that signs; the same for the life of the sealer. */
    PublicJwk publicKey();

    /**
     * The signature of {@link #publicKey} for that payload: 64 bytes.
     *
     * @param payloadType the media type of the payload; it is signed, too
     * @param payload signed as UTF-8
     */
    byte[] sign(String payloadType, String payload);
}
