package io.agentlifecycle.core;

import static io.agentlifecycle.core.agent.AgentState.ACTIVE;
import static io.agentlifecycle.core.agent.AgentState.PENDING_APPROVAL;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Command;
import io.agentlifecycle.core.approval.ApprovalRequest;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.delegation.Lineage;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.HoldTerms;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What becomes of an agent that is in and is changed into something that nobody approved: it is held until somebody does. Pure
 * functions, as in {@link Rules}.
 */
record ReapprovalRules(Rules rules) {
    /** The detail of an event by which the request is open once more. */
    static final String REAPPROVAL = "reapproval";

    /** True from its approval until its retirement begins. */
    static boolean isIn(Agent agent) {
        return switch (agent.state()) {
            case PROVISIONED, ACTIVE, SUSPENDED, QUARANTINED, ORPHANED -> true;
            case PENDING_APPROVAL, DECOMMISSIONING, DECOMMISSIONED -> false;
        };
    }

    /** True while votes on its request count: before it is in, and while what it is now waits to be approved. */
    static boolean isWaiting(Agent agent) {
        return agent.state() == PENDING_APPROVAL || isReopened(agent);
    }

    /** True while an agent that is in waits to be approved anew. */
    static boolean isReopened(Agent agent) {
        return isHeld(agent) && agent.approval().decision().isEmpty();
    }

    static boolean isHeld(Agent agent) {
        return isIn(agent) && agent.holds().get(HoldReason.REAPPROVAL).isPresent();
    }

    /** True if what it is now was approved. */
    static boolean isApproved(Agent agent) {
        return agent.approval()
                .decision()
                .filter(decision -> decision.outcome() == ApprovalRequest.Outcome.APPROVED)
                .isPresent();
    }

    /** A change of policy alone lets nobody go who is held for it. */
    private boolean isWanted(Agent agent) {
        return rules.policyFor(agent).approval().required() || isHeld(agent);
    }

    /** True if another owner of it must be approved. */
    boolean isWantedForOwner(Agent agent) {
        return isIn(agent) && rules.policyFor(agent).reapproveOwner() && isWanted(agent);
    }

    /** Nobody goes on with what it was: it waits for approval, or at least for another credential. */
    Plan amend(Agent agent, ProvisioningRequest next, Actor actor, Instant now) {
        LifespanRules.requireLife(agent, "be amended", now);
        ApprovalRules.requireSame(agent, next, actor);
        RequestJson asked = asked(agent, next, actor);
        rules.lifespan().requireLifespan("the amended request for agent " + agent.key(), next.lifespan(), now);
        if (asked.equals(ApprovalRules.amendable(Rules.asked(agent)))) {
            return Plan.NOTHING;
        }
        boolean wanted = isWanted(agent);
        Json.ObjBuilder details = asked.putInto(Json.object());
        List<EventContent> events = new ArrayList<>();
        if (wanted) {
            Rules.requireFew(agent);
            details.put(REAPPROVAL, true);
        }
        events.add(Rules.note(EventKind.AGENT_AMENDED, actor, agent, details.build()));
        AgentState state = agent.state();
        if (wanted) {
            for (EventContent hold : holding(agent, actor)) {
                state = hold.to().orElseThrow();
                events.add(hold);
            }
        }
        CredentialRules.revoked(agent.in(state), "amended", actor).ifPresent(events::add);
        return Plan.of(events);
    }

    /** The key changes by what both keys sign, and never comes back; so who names none leaves it as it is. */
    private static RequestJson asked(Agent agent, ProvisioningRequest next, Actor actor) {
        Optional<String> key = agent.entitlements().keyThumbprint();
        Optional<String> wanted = next.entitlements().keyThumbprint();
        if (key.isPresent() && wanted.isPresent() && !wanted.equals(key)) {
            throw new PolicyViolationException(
                    "amendment-scope",
                    "%s cannot give agent %s another identity key by an amendment; use rotateKey"
                            .formatted(actor, agent.key()));
        }
        return new RequestJson(
                next.profile(),
                key.map(next.entitlements()::boundTo).orElse(next.entitlements()),
                next.lifespan(),
                Lineage.ROOT,
                Optional.empty());
    }

    /** The hold that keeps it until it is approved, unless that stands. */
    List<EventContent> holding(Agent agent, Actor actor) {
        if (isHeld(agent)) {
            return List.of();
        }
        Command command = agent.state() == ACTIVE ? Command.SUSPEND : Command.PLACE_HOLD;
        HoldTerms terms = HoldTerms.of("what it is now waits for approval");
        return List.of(rules.holds().placed(agent, command, HoldReason.REAPPROVAL, terms, actor));
    }

    /** Only what it is now lets it go. */
    static void requireApproved(Agent agent) {
        if (!isApproved(agent)) {
            throw new PolicyViolationException(
                    "reapproval",
                    "agent %s was changed after it came in, and is held until what it is now is approved; %s"
                            .formatted(
                                    agent.key(),
                                    agent.approval().decision().isEmpty()
                                            ? "vote on it with approvals().vote(..)"
                                            : "that was turned down: amend it, or decommission it"));
        }
    }

    /** The request opened anew. Whoever had a part in what it was before has one in what it is now. */
    static ApprovalRequest reopened(Agent agent, Actor actor, Instant at, Optional<Owner> formerOwner) {
        ApprovalRequest before = agent.approval();
        ApprovalRequest open = before.reopened(actor, at);
        for (Owner coOwner : agent.coOwners()) {
            open = open.involving(coOwner.id());
        }
        ApprovalRequest involving = open;
        return formerOwner.map(owner -> involving.involving(owner.id())).orElse(involving);
    }
}
