package io.agentlifecycle.core.credential;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/**
 * How long credentials live and how they are replaced.
 *
 * @param maxCredentialTtl the life of a credential; positive, at most 366 days; default 24 hours
 * @param rotationOverlap how long the old and the new one are both good after a rotation, and how long before its end a
 *     credential is due at the latest; not negative, less than the life; default 5 minutes
 * @param autoRotate whether {@code checkAndRotate} replaces what is due; an agent that never had a credential gets one
 *     in any case; default true
 * @param revokeOnDecommission whether retirement revokes the credential, or lets it run out; either way it no longer
 *     verifies; default true
 */
public record CredentialPolicy(
        Duration maxCredentialTtl, Duration rotationOverlap, boolean autoRotate, boolean revokeOnDecommission) {
    private static final Duration LONGEST = Duration.ofDays(366);

    /** 24 hours of life, 5 minutes of overlap, rotated by itself, revoked at retirement. */
    public static final CredentialPolicy DEFAULT =
            new CredentialPolicy(Duration.ofHours(24), Duration.ofMinutes(5), true, true);

    public CredentialPolicy {
        requireNonNull(maxCredentialTtl, "maxCredentialTtl");
        requireNonNull(rotationOverlap, "rotationOverlap");
        if (maxCredentialTtl.isZero() || maxCredentialTtl.isNegative() || maxCredentialTtl.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException(
                    "maxCredentialTtl must be positive and at most " + LONGEST + " but was " + maxCredentialTtl);
        }
        if (rotationOverlap.isNegative() || rotationOverlap.compareTo(maxCredentialTtl) >= 0) {
            throw new IllegalArgumentException("rotationOverlap must be at least 0 and less than maxCredentialTtl "
                    + maxCredentialTtl + " but was " + rotationOverlap);
        }
    }

    /** With another life. */
    public CredentialPolicy withMaxCredentialTtl(Duration ttl) {
        return new CredentialPolicy(ttl, rotationOverlap, autoRotate, revokeOnDecommission);
    }

    /** With another overlap. */
    public CredentialPolicy withRotationOverlap(Duration overlap) {
        return new CredentialPolicy(maxCredentialTtl, overlap, autoRotate, revokeOnDecommission);
    }

    /** With or without rotation by {@code checkAndRotate}. */
    public CredentialPolicy withAutoRotate(boolean rotate) {
        return new CredentialPolicy(maxCredentialTtl, rotationOverlap, rotate, revokeOnDecommission);
    }

    /** With or without revocation at retirement. */
    public CredentialPolicy withRevokeOnDecommission(boolean revoke) {
        return new CredentialPolicy(maxCredentialTtl, rotationOverlap, autoRotate, revoke);
    }
}
