package io.agentlifecycle.core;

import static io.agentlifecycle.core.agent.AgentState.DECOMMISSIONED;
import static io.agentlifecycle.core.agent.AgentState.DECOMMISSIONING;

import io.agentlifecycle.core.Plan.Decision;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Command;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.HoldTerms;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;
import java.util.stream.Stream;

/** Who answers for an agent beside its owner, or after it: pure functions, as in {@link Rules}. */
record OwnerRules(Rules rules) {
    /** The states in which somebody must answer for an agent, and in which it counts among those of its owner. */
    static final Set<AgentState> LIVE =
            Collections.unmodifiableSet(EnumSet.complementOf(EnumSet.of(DECOMMISSIONING, DECOMMISSIONED)));

    /** Wherever the owner may be changed, those beside may be, too. */
    Decision addCoOwner(Owner owner, Actor actor) {
        return (agent, now) -> {
            rules.next(agent, Command.CHANGE_OWNER);
            Stream.concat(agent.owner().stream(), agent.coOwners().stream())
                    .filter(owner::isSame)
                    .findFirst()
                    .ifPresent(standing -> {
                        throw new PolicyViolationException(
                                "co-owner-stands",
                                "%s answers for agent %s already, as %s; name somebody else"
                                        .formatted(owner, agent.key(), standing));
                    });
            if (agent.coOwners().size() >= Agent.MOST_CO_OWNERS) {
                throw new PolicyViolationException(
                        "co-owner-count",
                        "agent %s has %d co-owners already; remove one of them first"
                                .formatted(agent.key(), Agent.MOST_CO_OWNERS));
            }
            requireFew(agent);
            return Plan.of(note(EventKind.AGENT_CO_OWNER_ADDED, agent, owner, actor))
                    .answeredBy(owner);
        };
    }

    /** Who has a part in a request is remembered while it waits. */
    private static void requireFew(Agent agent) {
        if (ReapprovalRules.isWaiting(agent)) {
            Rules.requireFew(agent);
        }
    }

    Decision removeCoOwner(Owner owner, Actor actor) {
        return (agent, now) -> {
            rules.next(agent, Command.CHANGE_OWNER);
            Owner listed = agent.coOwners().stream()
                    .filter(owner::isSame)
                    .findFirst()
                    .orElseThrow(() -> new PolicyViolationException(
                            "no-such-co-owner",
                            "%s is no co-owner of agent %s; it has %s"
                                    .formatted(owner, agent.key(), agent.coOwners())));
            requireFew(agent);
            return Plan.of(coOwnerRemoved(agent, listed, actor));
        };
    }

    static EventContent coOwnerRemoved(Agent agent, Owner owner, Actor actor) {
        return note(EventKind.AGENT_CO_OWNER_REMOVED, agent, owner, actor);
    }

    private static EventContent note(EventKind kind, Agent agent, Owner owner, Actor actor) {
        return Rules.note(
                kind,
                actor,
                agent,
                Json.object().put("coOwner", owner.toString()).build());
    }

    /** The step of a plan: another owner, or the latch, which stays also if the owner comes back. */
    Decision perform(OwnerPlan.Step step, Actor actor) {
        return step instanceof OwnerPlan.Succeed succeed
                ? rules.changeOwner(succeed.to(), actor)
                : rules.holds().place(HoldReason.OWNER_LOST, HoldTerms.of("its owner is gone"), actor);
    }
}
