package io.agentlifecycle.core;

import io.agentlifecycle.core.Plan.Decision;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.Command;
import io.agentlifecycle.core.agent.Lifespan;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.error.PolicyViolationException;
import java.time.Instant;
import java.util.Optional;

/** How long agents live, and how long at most: pure functions, as in {@link Rules}. */
record LifespanRules(Rules rules) {
    static void requireLife(Agent agent, String what, Instant now) {
        if (agent.lifespan().isOver(now)) {
            throw new PolicyViolationException(
                    "lifespan-over",
                    "agent %s cannot %s: its life ended at %s; request a new agent"
                            .formatted(
                                    agent.key(),
                                    what,
                                    agent.lifespan().notAfter().orElseThrow()));
        }
    }

    /** Puts the end of an agent's life off. */
    Decision renew(Instant notAfter, Actor actor) {
        return (agent, now) -> {
            rules.next(agent, Command.RENEW);
            Instant old = agent.lifespan()
                    .notAfter()
                    .orElseThrow(() -> new PolicyViolationException(
                            "lifespan-endless", "agent %s has no end that could be put off".formatted(agent.key())));
            requireLife(agent, "be renewed", now);
            if (!notAfter.isAfter(old)) {
                throw new PolicyViolationException(
                        "lifespan-shorter",
                        "agent %s lives until %s, and %s is not later; decommission it if it is to end before"
                                .formatted(agent.key(), old, notAfter));
            }
            requireShort("agent " + agent.key(), Optional.of(notAfter), now);
            if (ReapprovalRules.isWaiting(agent)) {
                Rules.requireFew(agent);
            }
            Json.Obj details = Json.object()
                    .put("notAfter", notAfter.toString())
                    .put("oldNotAfter", old.toString())
                    .build();
            return Plan.of(rules.event(EventKind.AGENT_RENEWED, actor, agent, Command.RENEW, details));
        };
    }

    void requireLifespan(String whom, Lifespan lifespan, Instant now) {
        if (lifespan.isOver(now)) {
            throw new PolicyViolationException(
                    "lifespan-over",
                    "%s asks for an agent that ends at %s, which has passed; choose a later notAfter"
                            .formatted(whom, lifespan.notAfter().orElseThrow()));
        }
        requireShort(whom, lifespan.notAfter(), now);
    }

    void requireShort(String whom, Optional<Instant> notAfter, Instant now) {
        rules.policy().maxLifespan().ifPresent(longest -> {
            if (notAfter.filter(end -> !end.isAfter(now.plus(longest))).isEmpty()) {
                throw new PolicyViolationException(
                        "lifespan-long",
                        "%s would live %s, and the policy allows until %s; choose a notAfter by then, and renew it later"
                                .formatted(
                                        whom,
                                        notAfter.map(end -> "until " + end).orElse("for ever"),
                                        now.plus(longest)));
            }
        });
    }
}
