package io.agentlifecycle.core.quarantine;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import java.time.Instant;
import java.util.Optional;

/**
 * A quarantine that stands. Immutable.
 *
 * @param cause why: what was said last of it, and the worst that was
 * @param placedBy who began it; the policy, if incidents were counted
 * @param since when it began
 * @param attempts how many recoveries were begun in it; none of them has worked
 * @param retryAt before this no other recovery may be begun; empty if none was, or none is left
 * @param agreed who has agreed that the agent be released from it, for that cause, where that takes two people; empty if nobody has
 */
public record Quarantine(
        Incident cause,
        Actor placedBy,
        Instant since,
        int attempts,
        Optional<Instant> retryAt,
        Optional<Actor> agreed) {
    /** That of an agent which came from elsewhere in quarantine; nothing says why. */
    public static final Quarantine UNKNOWN =
            begun(new Incident(Incident.Kind.MANUAL, Severity.MEDIUM, ""), Actor.SYSTEM, Instant.EPOCH);

    public Quarantine {
        requireNonNull(cause, "cause");
        requireNonNull(placedBy, "placedBy");
        requireNonNull(since, "since");
        requireNonNull(retryAt, "retryAt");
        requireNonNull(agreed, "agreed");
        if (attempts < 0) {
            throw new IllegalArgumentException("attempts must be 0 or more but was " + attempts);
        }
    }

    /** One that nobody has agreed to end. */
    public Quarantine(Incident cause, Actor placedBy, Instant since, int attempts, Optional<Instant> retryAt) {
        this(cause, placedBy, since, attempts, retryAt, Optional.empty());
    }

    /** One that begins. */
    public static Quarantine begun(Incident cause, Actor placedBy, Instant since) {
        return new Quarantine(cause, placedBy, since, 0, Optional.empty());
    }

    /** With one more recovery that was begun. */
    public Quarantine attempted(Optional<Instant> nextRetryAt) {
        return new Quarantine(cause, placedBy, since, attempts + 1, nextRetryAt, agreed);
    }

    /** What it is for if {@code other} happened, too; empty if it was for something as bad already. */
    public Optional<Incident> worsenedBy(Incident other) {
        boolean admin = cause.kind().takesAdmin();
        boolean worse = other.severity().compareTo(cause.severity()) > 0;
        if (!worse && (admin || !other.kind().takesAdmin())) {
            return Optional.empty();
        }
        return Optional.of(new Incident(
                admin ? cause.kind() : other.kind(), worse ? other.severity() : cause.severity(), other.text()));
    }

    /** With somebody's word that the agent may be released from it. */
    public Quarantine agreedBy(Actor actor) {
        return new Quarantine(cause, placedBy, since, attempts, retryAt, Optional.of(actor));
    }

    /** For another cause, which nobody has agreed to pass over. */
    public Quarantine because(Incident next) {
        return new Quarantine(next, placedBy, since, attempts, retryAt);
    }
}
