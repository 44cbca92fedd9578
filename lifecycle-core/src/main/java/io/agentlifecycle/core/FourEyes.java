package io.agentlifecycle.core;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What only an admin may release takes two people where the policy says so: one who agrees, and another one who releases it. Pure
 * functions, as in {@link Rules}.
 */
record FourEyes(Rules rules) {
    static final String HOLD = "hold";

    private boolean takesTwo(Agent agent, ReleaseAuthority needed) {
        return rules.policyFor(agent).fourEyes() && needed == ReleaseAuthority.ADMIN;
    }

    /**
     * What {@code actor} does who wants it released: agree, if that takes two and nobody has agreed whose word counts now; empty if it
     * is to be released.
     *
     * @param hold empty for the quarantine
     * @param needed the authority that it takes, which the actor has
     * @param agreed who has agreed
     */
    Optional<EventContent> agreement(
            Agent agent, Optional<HoldReason> hold, ReleaseAuthority needed, Optional<Actor> agreed, Actor actor) {
        if (!takesTwo(agent, needed)) {
            return Optional.empty();
        }
        String what = hold.map(reason -> "the hold " + reason).orElse("the quarantine");
        if (!counts(agent, actor)) {
            throw refusal(
                    agent,
                    what,
                    actor,
                    "that takes two people, and neither the agent nor who owns it is one of them; ask somebody else");
        }
        Optional<Actor> first = agreed.filter(other -> counts(agent, other));
        if (first.filter(other -> actor.isNamed(other.id())).isPresent()) {
            throw refusal(agent, what, actor, "they have agreed to it, and that takes two people; ask somebody else");
        }
        if (first.isPresent()) {
            return Optional.empty();
        }
        Json.Obj details = Json.object().put(HOLD, hold.map(HoldReason::code)).build();
        return Optional.of(Rules.note(EventKind.RELEASE_AGREED, actor, agent, details));
    }

    /** A task that mends an agent clears it of nothing, however well it works. */
    void requireNone(Agent agent, ReleaseAuthority needed) {
        if (takesTwo(agent, needed)) {
            throw new PolicyViolationException(
                    "four-eyes",
                    "agent %s cannot recover from its quarantine for %s: that takes two people who release it with quarantines().release(..)"
                            .formatted(
                                    agent.key(),
                                    agent.conduct().standing().cause().kind().wire()));
        }
    }

    private static boolean counts(Agent agent, Actor actor) {
        return actor.type() == Actor.Type.HUMAN
                && !actor.isNamed(agent.id().value())
                && Stream.concat(agent.owner().stream(), agent.coOwners().stream())
                        .noneMatch(owner -> actor.isNamed(owner.id()));
    }

    private static PolicyViolationException refusal(Agent agent, String what, Actor actor, String why) {
        return new PolicyViolationException(
                "four-eyes", actor, "%s cannot release %s of agent %s: %s".formatted(actor, what, agent.key(), why));
    }
}
