package io.agentlifecycle.core.approval;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import java.time.Instant;
import java.util.Optional;

/**
 * The request that an agent came in by.
 *
 * @param expiresAt from this instant on it cannot be approved any more
 * @param decision what was decided, once it was
 */
public record ApprovalRequest(
        Actor requestedBy, Instant requestedAt, Optional<Instant> expiresAt, Optional<Decision> decision) {
    public ApprovalRequest {
        requireNonNull(requestedBy, "requestedBy");
        requireNonNull(requestedAt, "requestedAt");
        requireNonNull(expiresAt, "expiresAt");
        requireNonNull(decision, "decision");
    }

    /** True from {@link #expiresAt} on: the instant itself counts as expired. */
    public boolean isExpired(Instant now) {
        return expiresAt.isPresent() && !now.isBefore(expiresAt.get());
    }

    /** Decided. */
    public ApprovalRequest decided(Decision next) {
        return new ApprovalRequest(requestedBy, requestedAt, expiresAt, Optional.of(next));
    }

    /** What was decided on a request, by whom and when. */
    public record Decision(Outcome outcome, Actor by, Instant at) {
        public Decision {
            requireNonNull(outcome, "outcome");
            requireNonNull(by, "by");
            requireNonNull(at, "at");
        }
    }

    /** How a request ended. */
    public enum Outcome {
        /** The agent may come in. */
        APPROVED,
        /** It may not. */
        REJECTED,
        /** Whoever asked took it back. */
        WITHDRAWN,
        /** Nobody decided in time. */
        EXPIRED
    }
}
