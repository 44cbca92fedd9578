package io.agentlifecycle.core;

import io.agentlifecycle.core.Plan.Decision;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Lifespan;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.budget.Limits;
import io.agentlifecycle.core.budget.RateLimit;
import io.agentlifecycle.core.error.PolicyViolationException;
import java.time.Instant;
import java.util.Optional;

/** How much an agent may use, and who says so: pure functions, as in {@link Rules}. */
record LimitRules(Rules rules) {

    /** A rate instead of the one that stands, or a first one. */
    Decision limitRate(RateLimit rate, Actor actor) {
        return (agent, now) -> {
            if (agent.state() == AgentState.DECOMMISSIONING || agent.state().isTerminal()) {
                throw new PolicyViolationException(
                        "limits-after-end",
                        "the calls of agent %s cannot be limited: it is %s and makes none any more; limit those of a live agent"
                                .formatted(agent.key(), agent.state()));
            }
            return agent.rateLimit().equals(Optional.of(rate))
                    ? Plan.NOTHING
                    : Plan.of(limitsSet(agent, rate, Optional.empty(), actor));
        };
    }

    /** An amendment that names no end takes away no time to live that is one of the limits. */
    static ProvisioningRequest keepingEnd(Agent agent, ProvisioningRequest next) {
        Lifespan asked = next.lifespan();
        if (agent.rateLimit().isEmpty() || asked.notAfter().isPresent()) {
            return next;
        }
        Optional<Instant> end = agent.lifespan().notAfter();
        end.ifPresent(notAfter -> requireBefore(agent, asked.notBefore(), notAfter));
        return next.with(new Lifespan(asked.notBefore(), end), next.idempotencyKey());
    }

    /** What is missing of these limits. What stands stays as it is. */
    Decision complete(Limits limits, Actor actor) {
        return (agent, now) -> {
            boolean endless = agent.lifespan().notAfter().isEmpty();
            if (endless) {
                requireEnd(agent, limits.notAfter(), now);
            }
            return agent.rateLimit().isPresent() && !endless
                    ? Plan.NOTHING
                    : Plan.of(limitsSet(
                            agent,
                            agent.rateLimit().orElse(limits.rate()),
                            Optional.of(limits.notAfter()).filter(end -> endless),
                            actor));
        };
    }

    private void requireEnd(Agent agent, Instant notAfter, Instant now) {
        Optional<Instant> begin = agent.lifespan().notBefore();
        requireBefore(agent, begin, notAfter);
        rules.lifespan()
                .requireLifespan(
                        "the bootstrap of agent " + agent.key(), new Lifespan(begin, Optional.of(notAfter)), now);
    }

    private static void requireBefore(Agent agent, Optional<Instant> begin, Instant notAfter) {
        if (begin.filter(from -> !from.isBefore(notAfter)).isPresent()) {
            throw new PolicyViolationException(
                    "lifespan-begin",
                    "the life of agent %s begins at %s, and its limits would end it at %s; choose a later notAfter"
                            .formatted(agent.key(), begin.get(), notAfter));
        }
    }

    private static EventContent limitsSet(Agent agent, RateLimit rate, Optional<Instant> notAfter, Actor actor) {
        Json.ObjBuilder details =
                Json.object().put("callsPerMinute", rate.callsPerMinute()).put("notAfter", notAfter);
        agent.rateLimit()
                .filter(old -> !old.equals(rate))
                .ifPresent(old -> details.put("oldCallsPerMinute", old.callsPerMinute()));
        return Rules.note(EventKind.AGENT_LIMITS_SET, actor, agent, details.build());
    }
}
