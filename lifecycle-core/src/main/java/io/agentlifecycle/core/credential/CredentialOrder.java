package io.agentlifecycle.core.credential;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentKey;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * What a credential must say. An issuer adds the secret or the signature and nothing else.
 *
 * @param expiresAt from this instant on it is not good any more; an issuer may shorten it, never lengthen it
 * @param scope the agent's capabilities that are names; wildcards are in no credential
 * @param audience for whom it is meant, if that is not the issuer's default
 * @param keyThumbprint the key that it is bound to, if any (RFC 7638)
 * @param actors those that the agent works for, the nearest first; empty if it has no parent
 */
public record CredentialOrder(
        AgentKey agent,
        CredentialId id,
        long generation,
        Instant issuedAt,
        Instant expiresAt,
        Set<String> scope,
        Optional<String> audience,
        Optional<String> keyThumbprint,
        List<AgentKey> actors) {
    public CredentialOrder {
        requireNonNull(agent, "agent");
        requireNonNull(id, "id");
        requireNonNull(issuedAt, "issuedAt");
        requireNonNull(expiresAt, "expiresAt");
        SortedSet<String> sorted = new TreeSet<>(scope);
        scope = Collections.unmodifiableSortedSet(sorted);
        requireNonNull(audience, "audience");
        requireNonNull(keyThumbprint, "keyThumbprint");
        actors = List.copyOf(actors);
    }

    /** An order for an agent without a parent. */
    public CredentialOrder(
            AgentKey agent,
            CredentialId id,
            long generation,
            Instant issuedAt,
            Instant expiresAt,
            Set<String> scope,
            Optional<String> audience,
            Optional<String> keyThumbprint) {
        this(agent, id, generation, issuedAt, expiresAt, scope, audience, keyThumbprint, List.of());
    }

    /** The credential that fulfils this order with the signature of {@code keyId}. */
    public Credential signedBy(String keyId) {
        return fulfilled(Optional.of(keyId), Optional.empty());
    }

    /** The credential that fulfils this order with an opaque secret of that hash (base64url of SHA-256). */
    public Credential withSecret(String secretSha256) {
        return fulfilled(Optional.empty(), Optional.of(secretSha256));
    }

    private Credential fulfilled(Optional<String> keyId, Optional<String> secretSha256) {
        return new Credential(
                id, generation, issuedAt, expiresAt, CredentialStatus.ACTIVE, Optional.empty(), keyId, secretSha256);
    }
}
