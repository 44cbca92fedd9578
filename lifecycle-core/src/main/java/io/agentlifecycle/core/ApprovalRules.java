package io.agentlifecycle.core;

import static io.agentlifecycle.core.agent.AgentState.PENDING_APPROVAL;
import static io.agentlifecycle.core.agent.AgentState.PROVISIONED;

import io.agentlifecycle.core.Plan.Decision;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.Command;
import io.agentlifecycle.core.agent.Lifespan;
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
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;

/** What may become of a request that waits, and by whom: pure functions, as in {@link Rules}. */
record ApprovalRules(Rules rules) {

    /** A vote without a reason; where one person is enough, the approval itself says all of it. */
    Decision approve(Actor actor) {
        return (agent, now) -> {
            if (!ReapprovalRules.isReopened(agent)) {
                rules.next(agent, Command.APPROVE);
            }
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

    /** A vote against it without the vote: what is left of it while the vote cannot be signed. */
    Decision denial(Ballot ballot, Actor actor) {
        Decision vote = vote(ballot, actor);
        return (agent, now) -> vote.decide(agent, now).without(EventKind.VOTE_CAST);
    }

    private Plan vote(Agent agent, Ballot ballot, Actor actor, Instant now) {
        requireInTime(agent, now, "%s cannot %s agent %s".formatted(actor, verb(ballot), agent.key()));
        return ballot.choice() == Vote.Choice.DENY
                ? against(agent, ballot, actor, now)
                : inFavour(agent, ballot, actor, now);
    }

    /** It takes no power, so who tries it in vain made no attempt at any. */
    private Plan against(Agent agent, Ballot ballot, Actor actor, Instant now) {
        ApprovalRule rule = rule(agent);
        rule.objectionToDenial(agent.approval(), agent.owner(), actor).ifPresent(objection -> {
            throw new PolicyViolationException(
                    objection.rule(), "%s cannot deny agent %s: %s".formatted(actor, agent.key(), objection.text()));
        });
        requireCurrent(agent, ballot, actor);
        Stage stage = rule.denied(agent.approval(), agent.owner(), actor).orElseThrow();
        EventContent cast = cast(agent, stage, ballot, actor, false);
        // who is in stays in, and held
        return agent.state() == PENDING_APPROVAL
                ? rules.reject(ballot.reason(), actor).decide(agent, now).after(cast)
                : Plan.of(cast);
    }

    private Plan inFavour(Agent agent, Ballot ballot, Actor actor, Instant now) {
        ApprovalRule rule = rule(agent);
        ApprovalRequest request = agent.approval();
        Stage stage = rule.open(request, agent.owner());
        // the policy wants less than it did: whoever counts may say that it is enough, and their vote stands in the log
        boolean completes = rule.isPassed(request, agent.owner()) && rule.counts(actor, request, agent.owner());
        Optional<Objection> objection =
                completes ? Optional.empty() : rule.objection(request, agent.owner(), actor, now);
        if (objection.isEmpty() && actor.isNamed(agent.id().value())) {
            objection = Optional.of(Objection.ITSELF);
        }
        objection.ifPresent(found -> {
            String where = rule.takesOnePerson() ? "" : " in stage " + stage.name();
            throw refusal(found, actor, "%s cannot approve agent %s%s".formatted(actor, agent.key(), where));
        });
        requireSeen(agent, ballot, actor);
        RequestJson asked = Rules.asked(agent);
        if (completes) {
            return Plan.of(passed(agent, actor, request, now));
        }
        EventContent cast = cast(agent, stage, ballot, actor, false);
        var vote = new Vote(stage.name(), Vote.Choice.APPROVE, false, actor, now, asked.digest());
        return rule.isPassed(request.with(vote), agent.owner())
                ? Plan.of(passed(agent, actor, request.with(vote), now)).after(cast)
                : Plan.of(cast);
    }

    /** An agent that waits comes in; one that is in stays held until an operator lets it go, as one that came in is not started. */
    private List<EventContent> passed(Agent agent, Actor actor, ApprovalRequest request, Instant now) {
        RequestJson asked = Rules.asked(agent);
        Json.Obj claims = StageClaim.details(rule(agent), request, agent.owner());
        if (agent.state() != PENDING_APPROVAL) {
            return List.of(Rules.note(EventKind.AGENT_APPROVED, actor, agent, claims)
                    .approved(new ApprovalRef(actor.id(), now, asked.digest())));
        }
        rules.next(agent, Command.APPROVE);
        return List.of(approved(actor, asked, now, claims), provisioned(actor, asked));
    }

    /** The same decision, for whoever answers for no agent that asked for this one, or changed what is asked for. */
    Decision unlessOwn(Actor actor, Decision decision, Function<AgentKey, Optional<Agent>> find) {
        return (agent, now) -> {
            Plan plan = decision.decide(agent, now);
            if (!rule(agent).selfApproval() && answersForAsker(actor, agent, find)) {
                throw refusal(
                        Objection.ASKED_BY_OWN, actor, "%s cannot approve agent %s".formatted(actor, agent.key()));
            }
            return plan;
        };
    }

    /** Who has never been ACTIVE never asked for anything, but could have been given anybody's name. */
    private static Stream<Agent> askers(Agent agent, Function<AgentKey, Optional<Agent>> find) {
        ApprovalRequest request = agent.approval();
        Actor asked = request.requestedBy();
        return Stream.concat(
                        asked.type() == Actor.Type.AGENT ? Stream.of(asked.id()) : Stream.empty(),
                        request.involved().stream())
                .flatMap(id -> agentOf(agent.key().tenant(), id, find).stream())
                .filter(asker -> !asker.key().equals(agent.key())
                        && asker.activity().firstActiveAt().isPresent());
    }

    /** Agents may answer for agents, and for each other: each is looked at once. */
    private static boolean answersForAsker(Actor actor, Agent agent, Function<AgentKey, Optional<Agent>> find) {
        Deque<Agent> open = new ArrayDeque<>(askers(agent, find).toList());
        Set<AgentKey> seen = new HashSet<>();
        while (!open.isEmpty()) {
            Agent asker = open.remove();
            if (seen.add(asker.key())) {
                for (Owner owner : answering(asker)) {
                    if (owner.type() == Owner.Type.AGENT) {
                        agentOf(asker.key().tenant(), owner.id(), find).ifPresent(open::add);
                    } else if (actor.isNamed(owner.id())) {
                        return true;
                    }
                }
            }
        }
        return false;
    }

    private static List<Owner> answering(Agent agent) {
        return Stream.concat(agent.owner().stream(), agent.coOwners().stream()).toList();
    }

    private static Optional<Agent> agentOf(TenantId tenant, String id, Function<AgentKey, Optional<Agent>> find) {
        return Optional.of(id)
                .filter(AgentId::isValid)
                .flatMap(name -> find.apply(new AgentKey(tenant, AgentId.of(name))));
    }

    /** Notes what somebody thinks of it, an agent perhaps; it never counts. */
    Decision advise(Ballot ballot, Actor actor) {
        return (agent, now) -> {
            requireWaiting(agent, actor, "give advice on");
            ApprovalRequest request = agent.approval();
            String who = "%s cannot give advice on agent %s".formatted(actor, agent.key());
            requireInTime(agent, now, who);
            if (request.isFullFor(actor)) {
                throw refusal(Objection.FULL, actor, who);
            }
            requireCurrent(agent, ballot, actor);
            return Plan.of(cast(agent, rule(agent).open(request, agent.owner()), ballot, actor, true));
        };
    }

    /** Replaces what is asked for; nobody has voted on that then. */
    Decision amend(ProvisioningRequest amended, Actor actor) {
        return (agent, now) -> {
            ProvisioningRequest next = LimitRules.keepingEnd(agent, amended);
            if (ReapprovalRules.isIn(agent)) {
                return rules.reapprovals().amend(agent, next, actor, now);
            }
            requireWaiting(agent, actor, "amend the request for");
            requireInTime(agent, now, "%s cannot amend the request for agent %s".formatted(actor, agent.key()));
            requireSame(agent, next, actor);
            rules.lifespan().requireLifespan("the amended request for agent " + agent.key(), next.lifespan(), now);
            RequestJson asked = amendable(RequestJson.of(next));
            if (asked.equals(amendable(Rules.asked(agent)))) {
                return Plan.NOTHING;
            }
            Rules.requireFew(agent);
            return Plan.of(Rules.note(
                    EventKind.AGENT_AMENDED,
                    actor,
                    agent,
                    asked.putInto(Json.object()).build()));
        };
    }

    /** Who owns it, and whom it works for, is told by other events, or never changes. */
    static RequestJson amendable(RequestJson asked) {
        return new RequestJson(asked.profile(), asked.entitlements(), asked.lifespan(), Lineage.ROOT, Optional.empty());
    }

    static void requireSame(Agent agent, ProvisioningRequest next, Actor actor) {
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

    /** Says that the request ends soon, once of each end. */
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

    /** When to say that a waiting request ends soon; empty if that was said of this end, or is not wanted. */
    Optional<Instant> warnAt(Agent agent) {
        return endsAt(agent)
                .filter(end -> agent.approval().warnedOf().filter(end::equals).isEmpty())
                .flatMap(end -> rule(agent).warnBefore().map(end::minus));
    }

    /** From when on a waiting request takes no vote, and a sweep turns it down. */
    static Optional<Instant> endsAt(Agent agent) {
        return endsAt(agent.approval().expiresAt(), agent.lifespan());
    }

    static Optional<Instant> endsAt(Optional<Instant> expiresAt, Lifespan lifespan) {
        return Stream.concat(expiresAt.stream(), lifespan.notAfter().stream()).min(Comparator.naturalOrder());
    }

    ApprovalStatus status(Agent agent) {
        return ReapprovalRules.isWaiting(agent) ? waiting(agent) : decided(agent);
    }

    private ApprovalStatus waiting(Agent agent) {
        ApprovalRule rule = rule(agent);
        ApprovalRequest request = agent.approval();
        return new ApprovalStatus(
                request,
                Rules.asked(agent).digest(),
                rule.stages().stream()
                        .map(stage ->
                                new ApprovalStatus.StageStatus(stage, rule.counted(stage, request, agent.owner())))
                        .toList(),
                Optional.of(rule.open(request, agent.owner())),
                endsAt(agent));
    }

    /** Who owns it now, or may vote today, is nothing to a decision that was made. */
    private ApprovalStatus decided(Agent agent) {
        ApprovalRequest request = agent.approval();
        List<Vote> votes =
                request.votes().stream().filter(vote -> !vote.advisory()).toList();
        return new ApprovalStatus(
                request,
                votes.stream()
                        .findFirst()
                        .map(Vote::shown)
                        .orElse(Rules.asked(agent).digest()),
                rule(agent).stages().stream()
                        .map(stage -> new ApprovalStatus.StageStatus(
                                stage,
                                votes.stream()
                                        .filter(vote -> vote.choice() == Vote.Choice.APPROVE
                                                && vote.stage().equals(stage.name()))
                                        .toList()))
                        .toList(),
                Optional.empty(),
                Optional.empty());
    }

    // ---- events

    static EventContent approved(Actor actor, RequestJson asked, Instant now, Json.Obj claims) {
        return EventContent.of(EventKind.AGENT_APPROVED, actor, claims)
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
        if (!ReapprovalRules.isWaiting(agent)) {
            throw new PolicyViolationException(
                    "approval-decided",
                    "%s cannot %s agent %s: nothing is asked any more, it is %s%s; decommission it if it must not work, amend it if it is to be another, or request a new agent"
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

    private static void requireInTime(Agent agent, Instant now, String whoCannot) {
        if (endsAt(agent).filter(end -> !now.isBefore(end)).isPresent()) {
            throw new PolicyViolationException(
                    Objection.REQUEST_EXPIRED.rule(), whoCannot + ": " + Objection.REQUEST_EXPIRED.text());
        }
    }

    /** What was changed while it waited may be another thing than the voter looked at, so they say what that was. */
    private static void requireSeen(Agent agent, Ballot ballot, Actor actor) {
        if (agent.approval().isChanged() && ballot.shown().isEmpty()) {
            throw new PolicyViolationException(
                    "approval-outdated",
                    "%s cannot approve agent %s: the request changed since it was filed; look at approvals().status(..) and vote with Ballot.approve(..).onSeeing(digest)"
                            .formatted(actor, agent.key()));
        }
        requireCurrent(agent, ballot, actor);
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
