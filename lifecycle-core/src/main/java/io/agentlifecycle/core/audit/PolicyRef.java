package io.agentlifecycle.core.audit;

import io.agentlifecycle.core.access.Text;

/**
 * The policy that was in force.
 *
 * @param sha256 the digest of all its settings, base64url
 */
public record PolicyRef(String id, long version, String sha256) {
    public PolicyRef {
        Text.line("policy id", id, 128);
        Text.line("policy digest", sha256, 43);
    }
}
