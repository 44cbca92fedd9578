package io.agentlifecycle.core.approval;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import java.time.Instant;
import java.util.Collections;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * The request that an agent came in by.
 *
 * @param expiresAt from this instant on it cannot be approved any more
 * @param involved who else has a part in it: earlier owners, and who changed the owner while it waited; ids
 * @param decision what was decided, once it was
 */
public record ApprovalRequest(
        Actor requestedBy,
        Instant requestedAt,
        Optional<Instant> expiresAt,
        Set<String> involved,
        Optional<Decision> decision) {
    /** So many may have a part in it beside who asked; one more change of owner is refused then. */
    public static final int MOST_INVOLVED = 64;

    public ApprovalRequest {
        requireNonNull(requestedBy, "requestedBy");
        requireNonNull(requestedAt, "requestedAt");
        requireNonNull(expiresAt, "expiresAt");
        involved = Collections.unmodifiableSet(new TreeSet<>(involved));
        requireNonNull(decision, "decision");
    }

    /** True from {@link #expiresAt} on: the instant itself counts as expired. */
    public boolean isExpired(Instant now) {
        return expiresAt.isPresent() && !now.isBefore(expiresAt.get());
    }

    /** A request on which nothing was decided. */
    public static ApprovalRequest open(Actor requestedBy, Instant requestedAt, Optional<Instant> expiresAt) {
        return new ApprovalRequest(requestedBy, requestedAt, expiresAt, Set.of(), Optional.empty());
    }

    /** Decided. */
    public ApprovalRequest decided(Decision next) {
        return new ApprovalRequest(requestedBy, requestedAt, expiresAt, involved, Optional.of(next));
    }

    /** With one more who has a part in it. */
    public ApprovalRequest involving(String id) {
        Set<String> more = new TreeSet<>(involved);
        more.add(id);
        return new ApprovalRequest(requestedBy, requestedAt, expiresAt, more, decision);
    }

    /** True if {@code actor} asked for it or has another part in it. */
    public boolean involves(Actor actor) {
        return actor.isNamed(requestedBy.id()) || involved.stream().anyMatch(actor::isNamed);
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
