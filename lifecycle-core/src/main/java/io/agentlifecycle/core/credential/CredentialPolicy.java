package io.agentlifecycle.core.credential;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/**
 * How long credentials live and how they are replaced.
 *
 * @param maxCredentialTtl the life of a credential; positive, at most 366 days; default 24 hours
 * @param rotationOverlap how long the old and the new one are both good after a rotation, and how long before its end a
 *     credential is due at the latest; not negative, less than the life; default 5 minutes
 * @param autoRotate whether credentials are replaced because of their age; one whose key counts no more is replaced
 *     anyway, and an agent that never had a credential gets one
 *     in any case; default true
 * @param revokeOnDecommission whether retirement revokes the credential, or lets it run out; either way it no longer
 *     verifies; default true
 */
public record CredentialPolicy(
        Duration maxCredentialTtl, Duration rotationOverlap, boolean autoRotate, boolean revokeOnDecommission) {
    /** No credential of any policy lives longer. */
    public static final Duration LONGEST_LIFE = Duration.ofDays(366);

    private static final Duration FIRST_RETRY = Duration.ofSeconds(30);
    private static final Duration LONGEST_RETRY = Duration.ofMinutes(8);

    /** 24 hours of life, 5 minutes of overlap, rotated by itself, revoked at retirement. */
    public static final CredentialPolicy DEFAULT =
            new CredentialPolicy(Duration.ofHours(24), Duration.ofMinutes(5), true, true);

    public CredentialPolicy {
        requireNonNull(maxCredentialTtl, "maxCredentialTtl");
        requireNonNull(rotationOverlap, "rotationOverlap");
        if (maxCredentialTtl.isZero()
                || maxCredentialTtl.isNegative()
                || maxCredentialTtl.compareTo(LONGEST_LIFE) > 0) {
            throw new IllegalArgumentException(
                    "maxCredentialTtl must be positive and at most " + LONGEST_LIFE + " but was " + maxCredentialTtl);
        }
        if (rotationOverlap.isNegative() || rotationOverlap.compareTo(maxCredentialTtl) >= 0) {
            throw new IllegalArgumentException("rotationOverlap must be at least 0 and less than maxCredentialTtl "
                    + maxCredentialTtl + " but was " + rotationOverlap);
        }
    }

    /**
     * How long to wait after a renewal that failed for the {@code attempt}-th time in a row: half a minute, and half as
     * much again each time, up to 8 minutes or an eighth of a credential's life, whichever is less. It is moved by up to a
     * tenth either way depending on {@code seed}, so that what failed together is not tried again together.
     */
    public Duration retryAfter(String seed, int attempt) {
        Duration eighth = maxCredentialTtl.dividedBy(8);
        Duration cap = eighth.compareTo(LONGEST_RETRY) < 0 ? eighth : LONGEST_RETRY;
        Duration wait = FIRST_RETRY;
        for (int i = 1; i < attempt && wait.compareTo(cap) < 0; i++) {
            wait = wait.multipliedBy(3).dividedBy(2);
        }
        Duration base = wait.compareTo(cap) < 0 ? wait : cap;
        return base.plus(Jitter.of("retry" + seed + attempt, base.dividedBy(10)));
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
