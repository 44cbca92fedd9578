package io.agentlifecycle.core.quarantine;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import java.time.Instant;
import java.util.Optional;

/**
 * A quarantine that stands. Immutable.
 *
 * @param cause why; if incidents were counted, the last of them with the severity of the worst
 * @param placedBy who did it; the policy, if incidents were counted
 * @param since when it began
 * @param failedRecoveries how many recoveries failed in it
 * @param retryAt before this no other recovery may be tried; empty if none failed, or none is left
 */
public record Quarantine(
        Incident cause, Actor placedBy, Instant since, int failedRecoveries, Optional<Instant> retryAt) {
    public Quarantine {
        requireNonNull(cause, "cause");
        requireNonNull(placedBy, "placedBy");
        requireNonNull(since, "since");
        requireNonNull(retryAt, "retryAt");
        if (failedRecoveries < 0) {
            throw new IllegalArgumentException("failedRecoveries must be 0 or more but was " + failedRecoveries);
        }
    }

    /** One that begins. */
    public static Quarantine begun(Incident cause, Actor placedBy, Instant since) {
        return new Quarantine(cause, placedBy, since, 0, Optional.empty());
    }

    /** With one more recovery that failed. */
    public Quarantine failed(Optional<Instant> nextRetryAt) {
        return new Quarantine(cause, placedBy, since, failedRecoveries + 1, nextRetryAt);
    }
}
