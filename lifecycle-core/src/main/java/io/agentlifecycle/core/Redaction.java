package io.agentlifecycle.core;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.Retirement;
import io.agentlifecycle.core.approval.ApprovalRequest;
import io.agentlifecycle.core.approval.Vote;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.hold.Hold;
import io.agentlifecycle.core.hold.Holds;
import java.util.Optional;
import java.util.Set;

/**
 * What is left of an agent when its personal data is erased; it is under no legal hold then. It looks at nothing that is erased, so that an agent computed from
 * events without it is the same.
 */
final class Redaction {
    private Redaction() {}

    static Agent of(Agent agent) {
        Agent redacted = agent.with(of(agent.approval()))
                .withoutCoOwners() // which of them stayed cannot be told without their names
                .with(Holds.of(agent.holds().all().stream().map(Redaction::of).toList()));
        if (agent.owner().isPresent()) {
            redacted = redacted.with(Owner.of(SealedEvent.REDACTED));
        }
        Optional<Retirement> retirement = agent.retirement().map(Redaction::of);
        return retirement.isPresent() ? redacted.with(retirement.get()) : redacted;
    }

    private static ApprovalRequest of(ApprovalRequest approval) {
        return new ApprovalRequest(
                of(approval.requestedBy()),
                approval.requestedAt(),
                approval.expiresAt(),
                Set.of(),
                approval.votes().stream()
                        .filter(vote -> !isAdviceOfPerson(vote))
                        .map(Redaction::of)
                        .toList(),
                approval.warnedOf(),
                approval.decision()
                        .map(decision ->
                                new ApprovalRequest.Decision(decision.outcome(), of(decision.by()), decision.at())));
    }

    /** Whose advice took the place of whose cannot be told without their names. */
    private static boolean isAdviceOfPerson(Vote vote) {
        return vote.advisory() && vote.by().type() == Actor.Type.HUMAN;
    }

    /** What was shown has a digest over the owner, too, who could be guessed from it. */
    private static Vote of(Vote vote) {
        return new Vote(vote.stage(), vote.choice(), vote.advisory(), of(vote.by()), vote.at(), SealedEvent.REDACTED);
    }

    private static Hold of(Hold hold) {
        return new Hold(
                hold.reason(),
                SealedEvent.REDACTED,
                of(hold.placedBy()),
                hold.placedAt(),
                hold.authority(),
                hold.until(),
                hold.agreed().map(Redaction::of));
    }

    private static Retirement of(Retirement end) {
        return new Retirement(
                end.cause(),
                end.from(),
                SealedEvent.REDACTED,
                end.startedAt(),
                end.doneTasks(),
                end.pendingTasks(),
                end.failedAttempts(),
                end.retryAt(),
                end.endedAt());
    }

    private static Actor of(Actor actor) {
        return actor.type() == Actor.Type.HUMAN
                ? new Actor(actor.type(), SealedEvent.REDACTED, actor.assurance())
                : actor;
    }
}
