package io.agentlifecycle.core.audit;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.Optional;

/**
 * The credential that an event is about.
 *
 * @param jti its id
 * @param keyId the key that signed it, if it is signed
 * @param generation which of the agent's credentials it is, counted from 1
 * @param expiresAt from then on it is not good any more
 */
public record CredentialRef(String jti, Optional<String> keyId, long generation, Instant expiresAt) {
    public CredentialRef {
        requireNonNull(jti, "jti");
        requireNonNull(keyId, "keyId");
        requireNonNull(expiresAt, "expiresAt");
    }
}
