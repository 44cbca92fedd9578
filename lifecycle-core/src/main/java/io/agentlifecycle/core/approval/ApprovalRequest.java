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
 * The request that an agent came in by, or the one that was opened anew when it was changed after that.
 *
 * @param expiresAt from this instant on it cannot be approved any more
 * @param involved who else has a part in it: earlier owners, and who changed the owner or amended it while it waited, and of one
 *     that was opened anew all who had a part in those before; ids. Empty if nothing of it was changed since it was filed
 * @param votes on the request as it is now, the oldest first; what changes it ends all earlier ones. At most {@link Vote#MOST},
 *     and as many pieces of advice, one of each giver
 * @param warnedOf the coming end that was told last; empty if none was
 * @param decision what was decided, once it was
 */
public record ApprovalRequest(
        Actor requestedBy,
        Instant requestedAt,
        Optional<Instant> expiresAt,
        Set<String> involved,
        List<Vote> votes,
        Optional<Instant> warnedOf,
        Optional<Decision> decision) {
    /** So many may have a part in it beside who asked; one more change of the owner, a co-owner, the end or the request is refused then. */
    public static final int MOST_INVOLVED = 64;

    public ApprovalRequest {
        requireNonNull(requestedBy, "requestedBy");
        requireNonNull(requestedAt, "requestedAt");
        requireNonNull(expiresAt, "expiresAt");
        involved = Collections.unmodifiableSet(new TreeSet<>(involved));
        votes = List.copyOf(votes);
        requireNonNull(warnedOf, "warnedOf");
        requireNonNull(decision, "decision");
    }

    /** True from {@link #expiresAt} on: the instant itself counts as expired. */
    public boolean isExpired(Instant now) {
        return expiresAt.isPresent() && !now.isBefore(expiresAt.get());
    }

    /** A request on which nothing was decided. */
    public static ApprovalRequest open(Actor requestedBy, Instant requestedAt, Optional<Instant> expiresAt) {
        return new ApprovalRequest(
                requestedBy, requestedAt, expiresAt, Set.of(), List.of(), Optional.empty(), Optional.empty());
    }

    /** Decided. */
    public ApprovalRequest decided(Decision next) {
        return new ApprovalRequest(requestedBy, requestedAt, expiresAt, involved, votes, warnedOf, Optional.of(next));
    }

    /** With one more who has a part in it. */
    public ApprovalRequest involving(String id) {
        Set<String> more = new TreeSet<>(involved);
        more.add(id);
        return new ApprovalRequest(requestedBy, requestedAt, expiresAt, more, votes, warnedOf, decision);
    }

    /** With one more vote, or piece of advice, which takes the place of what its giver said before. */
    public ApprovalRequest with(Vote vote) {
        List<Vote> more = new ArrayList<>(votes);
        more.removeIf(earlier -> vote.advisory() && isAdviceOf(earlier, vote.by()));
        more.add(vote);
        return new ApprovalRequest(requestedBy, requestedAt, expiresAt, involved, more, warnedOf, decision);
    }

    /** Changed, so that nobody has voted on what it is now. */
    public ApprovalRequest changed() {
        return new ApprovalRequest(requestedBy, requestedAt, expiresAt, involved, List.of(), warnedOf, decision);
    }

    /**
     * Opened anew for an agent that is in: nobody has voted on what it is now, and who had a part in what it was has one still. It
     * has no end of its own, since the agent is stopped while it waits.
     */
    public ApprovalRequest reopened(Actor actor, Instant at) {
        return new ApprovalRequest(
                        requestedBy, at, Optional.empty(), involved, List.of(), Optional.empty(), Optional.empty())
                .involving(actor.id());
    }

    /** With that coming end told. */
    public ApprovalRequest told(Instant end) {
        return new ApprovalRequest(requestedBy, requestedAt, expiresAt, involved, votes, Optional.of(end), decision);
    }

    /** True if what it asks for, or its owner, was changed since it was filed, even if it was changed back. */
    public boolean isChanged() {
        return !involved.isEmpty();
    }

    /** True if it can have no more votes. */
    public boolean isFull() {
        return votes.stream().filter(vote -> !vote.advisory()).count() >= Vote.MOST;
    }

    /** True if it can have no advice of {@code giver}: others gave as many pieces as there may be. */
    public boolean isFullFor(Actor giver) {
        return votes.stream()
                        .filter(Vote::advisory)
                        .filter(vote -> !isAdviceOf(vote, giver))
                        .count()
                >= Vote.MOST;
    }

    /** Of one type: which people gave advice cannot be seen any more once their names are erased. */
    private static boolean isAdviceOf(Vote vote, Actor giver) {
        return vote.advisory()
                && vote.by().type() == giver.type()
                && giver.isNamed(vote.by().id());
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
