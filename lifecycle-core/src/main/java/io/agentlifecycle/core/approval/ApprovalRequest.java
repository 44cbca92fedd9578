package io.agentlifecycle.core.approval;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * The request that an agent came in by.
 *
 * @param expiresAt from this instant on it cannot be approved any more
 * @param involved who else has a part in it: earlier owners, and who changed the owner while it waited; ids
 * @param votes on the request as it is now, the oldest first; what changes it ends all earlier ones. At most {@link Vote#MOST},
 *     and as many pieces of advice
 * @param warned whether its coming end was told
 * @param decision what was decided, once it was
 */
public record ApprovalRequest(
        Actor requestedBy,
        Instant requestedAt,
        Optional<Instant> expiresAt,
        Set<String> involved,
        List<Vote> votes,
        boolean warned,
        Optional<Decision> decision) {
    public ApprovalRequest {
        requireNonNull(requestedBy, "requestedBy");
        requireNonNull(requestedAt, "requestedAt");
        requireNonNull(expiresAt, "expiresAt");
        involved = Collections.unmodifiableSet(new TreeSet<>(involved));
        votes = List.copyOf(votes);
        requireNonNull(decision, "decision");
    }

    /** True from {@link #expiresAt} on: the instant itself counts as expired. */
    public boolean isExpired(Instant now) {
        return expiresAt.isPresent() && !now.isBefore(expiresAt.get());
    }

    /** A request on which nothing was decided. */
    public static ApprovalRequest open(Actor requestedBy, Instant requestedAt, Optional<Instant> expiresAt) {
        return new ApprovalRequest(requestedBy, requestedAt, expiresAt, Set.of(), List.of(), false, Optional.empty());
    }

    /** Decided. */
    public ApprovalRequest decided(Decision next) {
        return new ApprovalRequest(requestedBy, requestedAt, expiresAt, involved, votes, warned, Optional.of(next));
    }

    /** With one more who has a part in it. */
    public ApprovalRequest involving(String id) {
        Set<String> more = new TreeSet<>(involved);
        more.add(id);
        return new ApprovalRequest(requestedBy, requestedAt, expiresAt, more, votes, warned, decision);
    }

    /** With one more vote, or piece of advice. */
    public ApprovalRequest with(Vote vote) {
        List<Vote> more = new ArrayList<>(votes);
        more.add(vote);
        return new ApprovalRequest(requestedBy, requestedAt, expiresAt, involved, more, warned, decision);
    }

    /** Changed, so that nobody has voted on what it is now. */
    public ApprovalRequest changed() {
        return new ApprovalRequest(requestedBy, requestedAt, expiresAt, involved, List.of(), warned, decision);
    }

    /** With its coming end told. */
    public ApprovalRequest told() {
        return new ApprovalRequest(requestedBy, requestedAt, expiresAt, involved, votes, true, decision);
    }

    /** True if it can have no more votes, or no more advice: each has room of its own. */
    public boolean isFull(boolean advisory) {
        return votes.stream().filter(vote -> vote.advisory() == advisory).count() >= Vote.MOST;
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
