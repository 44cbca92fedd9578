package io.agentlifecycle.credentials;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Capability;
import io.agentlifecycle.core.credential.CredentialId;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * What an accepted token says. Its issuer and its audience are those of the verifier. Immutable.
 *
 * @param agent whose it is; the tenant is a part of the name
 * @param generation how many credentials the agent had, this one included
 * @param issuedAt a whole second
 * @param expiresAt a whole second; the instant itself is too late
 * @param scope what the agent may be asked to do, in order; empty means nothing
 * @param keyThumbprint the key that it is bound to (RFC 7638); empty if whoever has the token may use it
 * @param actors those that the agent works for, the nearest first, as information only: whether they may act, and so the
 *     agent, is asked of core, which knows them better; empty if it has no parent
 * @param keyId the key that signed it
 */
public record TokenClaims(
        AgentKey agent,
        CredentialId id,
        long generation,
        Instant issuedAt,
        Instant expiresAt,
        Set<String> scope,
        Optional<String> keyThumbprint,
        List<AgentKey> actors,
        String keyId) {
    public TokenClaims {
        requireNonNull(agent, "agent");
        requireNonNull(id, "id");
        requireNonNull(issuedAt, "issuedAt");
        requireNonNull(expiresAt, "expiresAt");
        scope = Collections.unmodifiableSet(new TreeSet<>(scope));
        requireNonNull(keyThumbprint, "keyThumbprint");
        actors = List.copyOf(actors);
        requireNonNull(keyId, "keyId");
    }

    /**
     * Whether the agent may be asked to do that with this token: true if the scope has it. A service asks this before it does
     * anything, since a good token says who calls, and not what they may do.
     */
    public boolean allows(String capability) {
        return Capability.covers(scope, capability);
    }
}
