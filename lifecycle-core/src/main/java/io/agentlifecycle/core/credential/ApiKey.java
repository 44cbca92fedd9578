package io.agentlifecycle.core.credential;

import static java.util.Objects.requireNonNull;

import java.time.Instant;

/**
 * What is known of a key by which an agent fetches its token: all but the key itself.
 *
 * @param secretSha256 the SHA-256 of its 256 random bits in base64url
 * @param expiresAt from this instant on it fetches nothing
 */
public record ApiKey(ApiKeyId id, String secretSha256, Instant expiresAt) {
    /** An agent has at most so many that have not expired. */
    public static final int MOST = 8;

    public ApiKey {
        requireNonNull(id, "id");
        requireNonNull(secretSha256, "secretSha256");
        requireNonNull(expiresAt, "expiresAt");
    }

    /** True from {@link #expiresAt} on: the instant itself counts as expired. */
    public boolean isExpired(Instant now) {
        return !now.isBefore(expiresAt);
    }
}
