package io.agentlifecycle.core.approval;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.Owner;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Who may approve a request, and until when. Pure functions say which stage is open, and who may vote in it.
 *
 * @param required false lets every request in by itself, which the trail shows as the actor {@code policy:auto}
 * @param selfApproval true lets the person who asked, the owner, who changed the owner or amended the request, or who answers for an
 *     agent that did, approve; for teams of one
 * @param timeout how long a request may wait; positive; empty means for ever
 * @param warnBefore how long before its end a sweep warns of it; positive, and shorter than the timeout, which it needs
 * @param stages what a request must pass, one after the other; at least one, with names of their own, quorums of at most
 *     {@link Vote#MOST} in all, and enough voters for all of them together, as each counts in one stage only
 */
public record ApprovalRule(
        boolean required,
        boolean selfApproval,
        Optional<Duration> timeout,
        Optional<Duration> warnBefore,
        List<Stage> stages) {
    /** One person. */
    public static final List<Stage> ONE_PERSON = List.of(Stage.people("approval", 1));

    /** A person other than the one who asked, and other than the owner, must approve; a request waits for ever. */
    public static final ApprovalRule DEFAULT = new ApprovalRule(true, false, Optional.empty());

    public ApprovalRule {
        requireNonNull(timeout, "timeout");
        if (timeout.isPresent() && !isPositive(timeout.get())) {
            throw new IllegalArgumentException("approval timeout must be positive but was " + timeout.get());
        }
        if (warnBefore.isPresent() && !isPositive(warnBefore.get())) {
            throw new IllegalArgumentException("approval warning must be positive but was " + warnBefore.get());
        }
        if (warnBefore.isPresent()
                && timeout.filter(longest -> longest.compareTo(warnBefore.get()) > 0)
                        .isEmpty()) {
            throw new IllegalArgumentException(
                    "an approval warning %s before the end needs a longer approval timeout, which is %s"
                            .formatted(
                                    warnBefore.get(),
                                    timeout.map(Duration::toString).orElse("not set")));
        }
        stages = List.copyOf(stages);
        requirePassable(stages);
    }

    /** With one stage, of one person, and without a warning. */
    public ApprovalRule(boolean required, boolean selfApproval, Optional<Duration> timeout) {
        this(required, selfApproval, timeout, Optional.empty(), ONE_PERSON);
    }

    private static boolean isPositive(Duration duration) {
        return !duration.isZero() && !duration.isNegative();
    }

    private static void requirePassable(List<Stage> stages) {
        if (stages.isEmpty()) {
            throw new IllegalArgumentException(
                    "an approval needs at least one stage; requireApproval(false) lets requests in without any");
        }
        Set<String> names = new HashSet<>();
        int votes = 0;
        for (Stage stage : stages) {
            if (!names.add(stage.name())) {
                throw new IllegalArgumentException("two stages have the name " + stage.name());
            }
            votes += stage.quorum();
        }
        if (votes > Vote.MOST) {
            throw new IllegalArgumentException(
                    "all stages together may need at most %d votes but need %d".formatted(Vote.MOST, votes));
        }
        Seats.unfilled(stages).ifPresent(stage -> {
            throw new IllegalArgumentException(
                    "stage %s can never be passed: each person counts in one stage only, and too few are named in this one and the others together; name more voters, or lower a quorum"
                            .formatted(stage.name()));
        });
    }

    /** When a request made at {@code requestedAt} dies of old age. */
    public Optional<Instant> expiry(Instant requestedAt) {
        return timeout.map(requestedAt::plus);
    }

    /** True if one person is enough, so that an approval says all that a vote would. */
    public boolean takesOnePerson() {
        return stages.equals(ONE_PERSON);
    }

    /**
     * The votes that count for {@code stage} now: for the request, by those who may vote in it. Of a person only the first
     * counts, in whichever stage that was.
     */
    public List<Vote> counted(Stage stage, ApprovalRequest request, Optional<Owner> owner) {
        return counted(request, owner).stream()
                .filter(vote -> vote.stage().equals(stage.name()))
                .toList();
    }

    /** True if a vote of {@code actor} counts now, in whichever stage. */
    public boolean counts(Actor actor, ApprovalRequest request, Optional<Owner> owner) {
        return stages.stream().anyMatch(stage -> stage.kind().counts(actor.type()))
                && hasVoted(counted(request, owner), actor);
    }

    private List<Vote> counted(ApprovalRequest request, Optional<Owner> owner) {
        List<Vote> counted = new ArrayList<>();
        for (Vote vote : request.votes()) {
            if (vote.choice() == Vote.Choice.APPROVE
                    && !vote.advisory()
                    && stages.stream().anyMatch(stage -> isOf(vote, stage))
                    && !isBarred(request, owner, vote.by())
                    && !hasVoted(counted, vote.by())) {
                counted.add(vote);
            }
        }
        return counted;
    }

    /** Who may vote is asked of the rule as it is now, whatever it was then. */
    private static boolean isOf(Vote vote, Stage stage) {
        return vote.stage().equals(stage.name())
                && stage.kind().counts(vote.by().type())
                && stage.names(vote.by());
    }

    private static boolean hasVoted(List<Vote> votes, Actor actor) {
        return votes.stream().anyMatch(vote -> actor.isNamed(vote.by().id()));
    }

    private boolean isBarred(ApprovalRequest request, Optional<Owner> owner, Actor actor) {
        boolean self = request.involves(actor)
                || owner.filter(o -> actor.isNamed(o.id())).isPresent();
        return self && !selfApproval;
    }

    /** The stage that a vote on {@code request} counts for now: the first that lacks one, or else the last. */
    public Stage open(ApprovalRequest request, Optional<Owner> owner) {
        return stages.stream()
                .filter(stage -> lacks(stage, request, owner))
                .findFirst()
                .orElse(stages.get(stages.size() - 1));
    }

    /** True if no stage lacks a vote. */
    public boolean isPassed(ApprovalRequest request, Optional<Owner> owner) {
        return stages.stream().noneMatch(stage -> lacks(stage, request, owner));
    }

    private boolean lacks(Stage stage, ApprovalRequest request, Optional<Owner> owner) {
        return counted(stage, request, owner).size() < stage.quorum();
    }

    /**
     * Why {@code voter} may not vote for {@code request} at {@code now}; empty if they may. That the agent may end before its
     * request does, and who answers for agents that asked, is looked at elsewhere.
     */
    public Optional<Objection> objection(ApprovalRequest request, Optional<Owner> owner, Actor voter, Instant now) {
        Stage stage = open(request, owner);
        if (request.isExpired(now)) {
            return Optional.of(Objection.REQUEST_EXPIRED);
        }
        if (!stage.kind().counts(voter.type())) {
            return Optional.of(stage.kind() == Stage.Kind.PEOPLE ? Objection.NOT_HUMAN : Objection.NOT_COUNTED);
        }
        if (isBarred(request, owner, voter)) {
            return Optional.of(Objection.SELF_APPROVAL);
        }
        if (hasVoted(counted(request, owner), voter)) {
            return Optional.of(Objection.VOTED);
        }
        if (!stage.names(voter)) {
            return Optional.of(Objection.NOT_VOTER);
        }
        return request.isFull() ? Optional.of(Objection.FULL) : Optional.empty();
    }

    /**
     * Why {@code voter} may not vote against {@code request}; empty if they may. A vote against it is none for it: whoever is a voter of
     * any stage may cast it, also those who asked for it, or have voted for it.
     */
    public Optional<Objection> objectionToDenial(ApprovalRequest request, Optional<Owner> owner, Actor voter) {
        if (denied(request, owner, voter).isPresent()) {
            return Optional.empty();
        }
        if (stages.stream().anyMatch(stage -> stage.kind().counts(voter.type()))) {
            return Optional.of(Objection.NOT_VOTER);
        }
        return Optional.of(
                open(request, owner).kind() == Stage.Kind.PEOPLE ? Objection.NOT_HUMAN : Objection.NOT_COUNTED);
    }

    /** The stage that a vote of {@code voter} against {@code request} is cast in: the open one if they may, or else another. */
    public Optional<Stage> denied(ApprovalRequest request, Optional<Owner> owner, Actor voter) {
        return Stream.concat(Stream.of(open(request, owner)), stages.stream())
                .filter(stage -> stage.kind().counts(voter.type()) && stage.names(voter))
                .findFirst();
    }

    /** Why an approval does not count. */
    public enum Objection {
        /** The request waited too long. */
        REQUEST_EXPIRED("request-expired", "the request expired; file a new one"),
        /** Only people approve. */
        NOT_HUMAN("approver-human", "only a human can approve; pass Actor.human(..)"),
        /** The person asked for it, owns it, or changed it; or it is the agent itself. */
        SELF_APPROVAL(
                "self-approval",
                "who requested or owns an agent, or had a part in who owns it or in what it asks for, cannot approve it;"
                        + " ask someone else or allow it by policy"),
        /** What an agent asks for, those who answer for it ask for. */
        ASKED_BY_OWN(
                "self-approval",
                "an agent that they own, or co-own, asked for it or changed it; ask someone else or allow it by policy"),
        /** The agent would vote on itself. */
        ITSELF("self-approval", "no agent approves itself, whatever the policy says; ask someone else"),
        /** Only people and services vote in this stage. */
        NOT_COUNTED(
                "approver-kind",
                "only people and services vote in this stage; an agent may give advice, which never counts"),
        /** The person voted for it before, perhaps under another spelling. */
        VOTED(
                "vote-twice",
                "they have voted for this request, and each person votes once; ask someone else,"
                        + " or reject the request if it must not pass"),
        /** The open stage names its voters, and this is none of them. */
        NOT_VOTER(
                "approver-unknown",
                "they are none of the voters of this stage; ask one of these, whom its status names"),
        /** There are too many votes on it. */
        FULL("vote-count", "the request has as many votes as it can have; withdraw it and file a new one");

        private final String rule;
        private final String text;

        Objection(String rule, String text) {
            this.rule = rule;
            this.text = text;
        }

        /** The stable name of the rule. */
        public String rule() {
            return rule;
        }

        /** True if it is about who approves, so that refusing it is refusing power. Who votes twice had that vote already. */
        public boolean isOfApprover() {
            return this != REQUEST_EXPIRED && this != FULL && this != VOTED;
        }

        /** The rule and the way out, for people. */
        public String text() {
            return text;
        }
    }
}
