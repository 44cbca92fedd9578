package io.agentlifecycle.core;

import static io.agentlifecycle.core.agent.AgentState.PENDING_APPROVAL;
import static io.agentlifecycle.core.agent.AgentState.PROVISIONED;

import io.agentlifecycle.core.Plan.Decision;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.Command;
import io.agentlifecycle.core.approval.ApprovalRequest;
import io.agentlifecycle.core.approval.ApprovalRule;
import io.agentlifecycle.core.approval.ApprovalRule.Objection;
import io.agentlifecycle.core.approval.ApprovalStatus;
import io.agentlifecycle.core.approval.Ballot;
import io.agentlifecycle.core.approval.Stage;
import io.agentlifecycle.core.approval.Vote;
import io.agentlifecycle.core.audit.ApprovalRef;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.delegation.Lineage;
import io.agentlifecycle.core.error.PolicyViolationException;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** What may become of a request that waits, and by whom: pure functions, as in {@link Rules}. */
record ApprovalRules(Rules rules) {

    /** A vote without a reason; where one person is enough, the approval itself says all of it. */
    Decision approve(Actor actor) {
        return (agent, now) -> {
            rules.next(agent, Command.APPROVE);
            Plan plan = vote(agent, Ballot.approve(""), actor, now);
            return rule(agent).takesOnePerson() ? plan.without(EventKind.VOTE_CAST) : plan;
        };
    }

    Decision vote(Ballot ballot, Actor actor) {
        return (agent, now) -> {
            requireWaiting(agent, actor, "vote on");
            return vote(agent, ballot, actor, now);
        };
    }

    private Plan vote(Agent agent, Ballot ballot, Actor actor, Instant now) {
        ApprovalRule rule = rule(agent);
        ApprovalRequest request = agent.approval();
        Stage stage = rule.open(request, agent.owner());
        rule.objection(request, agent.owner(), actor, now).ifPresent(objection -> {
            String where = rule.takesOnePerson() ? "" : " in stage " + stage.name();
            throw refusal(
                    objection, actor, "%s cannot %s agent %s%s".formatted(actor, verb(ballot), agent.key(), where));
        });
        requireCurrent(agent, ballot, actor);
        EventContent cast = cast(agent, stage, ballot, actor, false);
        if (ballot.choice() == Vote.Choice.DENY) {
            return rules.reject(ballot.reason(), actor).decide(agent, now).after(cast);
        }
        RequestJson asked = Rules.asked(agent);
        var vote = new Vote(stage.name(), Vote.Choice.APPROVE, false, actor, now, asked.digest());
        if (!rule.isPassed(request.with(vote), agent.owner())) {
            return Plan.of(cast);
        }
        rules.next(agent, Command.APPROVE);
        return Plan.of(cast, approved(actor, asked, now), provisioned(actor, asked));
    }

    /** Notes what somebody thinks of it, an agent perhaps; it never counts. */
    Decision advise(Ballot ballot, Actor actor) {
        return (agent, now) -> {
            requireWaiting(agent, actor, "give advice on");
            ApprovalRequest request = agent.approval();
            String who = "%s cannot give advice on agent %s".formatted(actor, agent.key());
            if (request.isExpired(now)) {
                throw refusal(Objection.REQUEST_EXPIRED, actor, who);
            }
            if (request.isFull(true)) {
                throw refusal(Objection.FULL, actor, who);
            }
            requireCurrent(agent, ballot, actor);
            return Plan.of(cast(agent, rule(agent).open(request, agent.owner()), ballot, actor, true));
        };
    }

    /** Replaces what is asked for; nobody has voted on that then. */
    Decision amend(ProvisioningRequest next, Actor actor) {
        return (agent, now) -> {
            requireWaiting(agent, actor, "amend the request for");
            if (agent.approval().isExpired(now)) {
                throw refusal(
                        Objection.REQUEST_EXPIRED,
                        actor,
                        "%s cannot amend the request for agent %s".formatted(actor, agent.key()));
            }
            requireSame(agent, next, actor);
            rules.requireLifespan("the amended request for agent " + agent.key(), next.lifespan(), now);
            RequestJson asked = amendable(RequestJson.of(next));
            return asked.equals(amendable(Rules.asked(agent)))
                    ? Plan.NOTHING
                    : Plan.of(Rules.note(
                            EventKind.AGENT_AMENDED,
                            actor,
                            agent,
                            asked.putInto(Json.object()).build()));
        };
    }

    /** Who owns it, and whom it works for, is told by other events, or never changes. */
    private static RequestJson amendable(RequestJson asked) {
        return new RequestJson(asked.profile(), asked.entitlements(), asked.lifespan(), Lineage.ROOT, Optional.empty());
    }

    private static void requireSame(Agent agent, ProvisioningRequest next, Actor actor) {
        boolean same = next.id().filter(id -> !id.equals(agent.id())).isEmpty()
                && next.lineage()
                        .parent()
                        .filter(parent -> !agent.lineage().parent().equals(Optional.of(parent)))
                        .isEmpty()
                && next.owner()
                        .filter(owner -> !agent.owner().equals(Optional.of(owner)))
                        .isEmpty();
        if (!same) {
            throw new PolicyViolationException(
                    "amendment-scope",
                    "%s cannot give agent %s another id, owner or parent by an amendment; use changeOwner, or withdraw it and request a new agent"
                            .formatted(actor, agent.key()));
        }
    }

    /** Says once that the request ends soon. */
    Decision warn() {
        return (agent, now) -> warnAt(agent).filter(at -> !now.isBefore(at)).isPresent()
                ? Plan.of(Rules.note(
                        EventKind.APPROVAL_EXPIRING,
                        Actor.SYSTEM,
                        agent,
                        Json.object()
                                .put("expiresAt", endsAt(agent).map(Instant::toString))
                                .build()))
                : Plan.NOTHING;
    }

    /** When to say that a waiting request ends soon; empty if that was said, or is not wanted. */
    Optional<Instant> warnAt(Agent agent) {
        return agent.approval().warned()
                ? Optional.empty()
                : rule(agent).warnBefore().flatMap(before -> endsAt(agent).map(end -> end.minus(before)));
    }

    /** When a sweep turns a waiting request down. */
    static Optional<Instant> endsAt(Agent agent) {
        return Stream.concat(agent.approval().expiresAt().stream(), agent.lifespan().notAfter().stream())
                .min(Comparator.naturalOrder());
    }

    ApprovalStatus status(Agent agent) {
        ApprovalRule rule = rule(agent);
        ApprovalRequest request = agent.approval();
        boolean waits = agent.state() == PENDING_APPROVAL;
        List<ApprovalStatus.StageStatus> stages = rule.stages().stream()
                .map(stage -> new ApprovalStatus.StageStatus(stage, rule.counted(stage, request, agent.owner())))
                .toList();
        return new ApprovalStatus(
                request,
                Rules.asked(agent).digest(),
                stages,
                waits ? Optional.of(rule.open(request, agent.owner())) : Optional.empty(),
                waits ? endsAt(agent) : Optional.empty());
    }

    // ---- events

    static EventContent approved(Actor actor, RequestJson asked, Instant now) {
        return EventContent.of(EventKind.AGENT_APPROVED, actor, Json.Obj.EMPTY)
                .step(PENDING_APPROVAL, PROVISIONED)
                .by(Command.APPROVE)
                .approved(new ApprovalRef(actor.id(), now, asked.digest()));
    }

    static EventContent provisioned(Actor actor, RequestJson asked) {
        return EventContent.of(
                        EventKind.AGENT_PROVISIONED,
                        actor,
                        Json.object().put("shown", asked.digest()).build())
                .step(PROVISIONED, PROVISIONED);
    }

    private static EventContent cast(Agent agent, Stage stage, Ballot ballot, Actor actor, boolean advisory) {
        Json.ObjBuilder details = Json.object()
                .put("stage", stage.name())
                .put("choice", ballot.choice().wire())
                .put("shown", Rules.asked(agent).digest())
                .put("reason", ballot.reason());
        if (advisory) {
            details.put("advisory", true);
        }
        return Rules.note(EventKind.VOTE_CAST, actor, agent, details.build());
    }

    // ---- refusals

    private ApprovalRule rule(Agent agent) {
        return rules.policyFor(agent).approval();
    }

    private static String verb(Ballot ballot) {
        return ballot.choice() == Vote.Choice.APPROVE ? "approve" : "deny";
    }

    private static PolicyViolationException refusal(Objection objection, Actor actor, String whoCannot) {
        String message = whoCannot + ": " + objection.text();
        return objection.isOfApprover()
                ? new PolicyViolationException(objection.rule(), actor, message)
                : new PolicyViolationException(objection.rule(), message);
    }

    private static void requireWaiting(Agent agent, Actor actor, String what) {
        if (agent.state() != PENDING_APPROVAL) {
            throw new PolicyViolationException(
                    "approval-decided",
                    "%s cannot %s agent %s: nothing is asked any more, it is %s%s; decommission it if it must not work, or request a new agent"
                            .formatted(
                                    actor,
                                    what,
                                    agent.key(),
                                    agent.state(),
                                    agent.approval()
                                            .decision()
                                            .map(decision ->
                                                    " since %s decided at %s".formatted(decision.by(), decision.at()))
                                            .orElse("")));
        }
    }

    private static void requireCurrent(Agent agent, Ballot ballot, Actor actor) {
        String shown = Rules.asked(agent).digest();
        if (ballot.shown().filter(seen -> !seen.equals(shown)).isPresent()) {
            throw new PolicyViolationException(
                    "approval-outdated",
                    "%s saw another request for agent %s: it changed since; look at it again, and hand in a ballot on seeing %s"
                            .formatted(actor, agent.key(), shown));
        }
    }
}
