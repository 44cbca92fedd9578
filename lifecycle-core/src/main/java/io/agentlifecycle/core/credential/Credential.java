package io.agentlifecycle.core.credential;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * What is known of one credential. The secret itself is not: an opaque one is known by its hash, a signed one by its
 * key.
 *
 * @param generation 1 for an agent's first credential, and one more for each that follows
 * @param recorded what was last written about it; {@link #status} also looks at the clock
 * @param graceUntil when a replaced one stops being good; never moved to a later time
 * @param keyId the key that signed it, if it is signed
 * @param secretSha256 the SHA-256 of its secret in base64url, if it is opaque
 */
public record Credential(
        CredentialId id,
        long generation,
        Instant issuedAt,
        Instant expiresAt,
        CredentialStatus recorded,
        Optional<Instant> graceUntil,
        Optional<String> keyId,
        Optional<String> secretSha256) {

    public Credential {
        requireNonNull(id, "id");
        requireNonNull(issuedAt, "issuedAt");
        requireNonNull(expiresAt, "expiresAt");
        requireNonNull(recorded, "recorded");
        requireNonNull(graceUntil, "graceUntil");
        requireNonNull(keyId, "keyId");
        requireNonNull(secretSha256, "secretSha256");
        if (generation < 1) {
            throw new IllegalArgumentException("generation must be at least 1 but was " + generation);
        }
        if (expiresAt.isBefore(issuedAt)) {
            throw new IllegalArgumentException("a credential must not end before it begins");
        }
    }

    /** Its status at {@code now}. The instants {@link #expiresAt} and {@link #graceUntil} themselves are too late. */
    public CredentialStatus status(Instant now) {
        if (recorded == CredentialStatus.ACTIVE || recorded == CredentialStatus.RETIRING) {
            if (!now.isBefore(expiresAt)) {
                return CredentialStatus.EXPIRED;
            }
            if (graceUntil.isPresent() && !now.isBefore(graceUntil.get())) {
                return CredentialStatus.RETIRED;
            }
        }
        return recorded;
    }

    /** True from {@link #expiresAt} on: the instant itself counts as expired. */
    public boolean isExpired(Instant now) {
        return !now.isBefore(expiresAt);
    }

    /**
     * When it becomes due for rotation: at half of its life, moved by up to a tenth of that half in a direction that
     * depends on its id alone, so that credentials issued together are not all due together; but never later than
     * {@code rotationOverlap} before its end.
     */
    public Instant rotateAt(CredentialPolicy policy) {
        Duration half = Duration.between(issuedAt, expiresAt).dividedBy(2);
        Duration jitter = Jitter.of("rotate" + id.value(), half.dividedBy(10));
        Instant byHalfLife = issuedAt.plus(half).plus(jitter);
        Instant byOverlap = expiresAt.minus(policy.rotationOverlap());
        return byHalfLife.isBefore(byOverlap) ? byHalfLife : byOverlap;
    }

    /** When it stops being good at the latest: at its end, or when its overlap is over. */
    public Instant goodUntil() {
        return graceUntil.filter(end -> end.isBefore(expiresAt)).orElse(expiresAt);
    }

    /** When three quarters of its life are over: if nobody has replaced it by then, somebody should look why. */
    public Instant agesAt() {
        Duration life = Duration.between(issuedAt, expiresAt);
        return expiresAt.minusNanos(life.toNanos() / 4);
    }

    /** When it stops being good if it is replaced and the overlap ends at {@code overlapEnd}: not after its own end. */
    public Instant graceEnd(Instant overlapEnd) {
        return overlapEnd.isBefore(expiresAt) ? overlapEnd : expiresAt;
    }

    /** Retiring until then, or until it was to end before, if that is sooner: an end is never moved to a later time. */
    Credential retiring(Instant wanted) {
        Instant graceEnd = graceUntil.filter(set -> set.isBefore(wanted)).orElse(wanted);
        return new Credential(
                id,
                generation,
                issuedAt,
                expiresAt,
                CredentialStatus.RETIRING,
                Optional.of(graceEnd(graceEnd)),
                keyId,
                secretSha256);
    }

    Credential recorded(CredentialStatus next) {
        return new Credential(id, generation, issuedAt, expiresAt, next, graceUntil, keyId, secretSha256);
    }
}
