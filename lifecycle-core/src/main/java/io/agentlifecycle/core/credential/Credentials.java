package io.agentlifecycle.core.credential;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.Optional;

/**
 * The credentials that an agent's record lists, at most two. One that is not listed never verifies, so taking one back
 * is one change of this record.
 *
 * @param current the newest one, also when it has expired or was revoked
 * @param retiring the one before it, while it is good for the overlap of a rotation
 * @param generation how many were issued so far
 */
public record Credentials(Optional<Credential> current, Optional<Credential> retiring, long generation) {
    /** None issued yet. */
    public static final Credentials NONE = new Credentials(Optional.empty(), Optional.empty(), 0);

    public Credentials {
        requireNonNull(current, "current");
        requireNonNull(retiring, "retiring");
        if (current.isPresent() && current.get().generation() != generation) {
            throw new IllegalArgumentException("the current credential must be of the last generation");
        }
    }

    /** With {@code next} as the only one; all others stop being good at once. */
    public Credentials issue(Credential next) {
        return new Credentials(Optional.of(next), Optional.empty(), next.generation());
    }

    /**
     * With {@code next} as the current one; the one before it, if it was good, stays so until {@code graceEnd}, but not
     * beyond its own end. One that was already retiring stops being good.
     */
    public Credentials rotate(Credential next, Instant graceEnd) {
        return new Credentials(
                Optional.of(next),
                current.filter(c -> c.recorded() == CredentialStatus.ACTIVE).map(c -> c.retiring(graceEnd)),
                next.generation());
    }

    /** With none of them good. */
    public Credentials revokeAll() {
        return new Credentials(current.map(c -> c.recorded(CredentialStatus.REVOKED)), Optional.empty(), generation);
    }

    /** With the expiry of the current one written down. */
    public Credentials expireCurrent() {
        return new Credentials(current.map(c -> c.recorded(CredentialStatus.EXPIRED)), retiring, generation);
    }

    /** The listed credential of that id. */
    public Optional<Credential> find(CredentialId id) {
        return current.filter(c -> c.id().equals(id)).or(() -> retiring.filter(c -> c.id().equals(id)));
    }

    /** The current credential, if it can be used at {@code now}. */
    public Optional<Credential> usable(Instant now) {
        return current.filter(c -> c.status(now).isUsable());
    }

    /** True if the current one was taken back; such an agent gets a new one only when someone asks for it. */
    public boolean isRevoked() {
        return current.filter(c -> c.recorded() == CredentialStatus.REVOKED).isPresent();
    }
}
