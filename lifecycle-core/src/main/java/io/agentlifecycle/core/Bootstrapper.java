package io.agentlifecycle.core;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Lifespan;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.budget.Limits;
import io.agentlifecycle.core.budget.RateLimit;
import io.agentlifecycle.core.error.AuditUnavailableException;
import io.agentlifecycle.core.error.ContentionException;
import io.agentlifecycle.core.error.KeysUnavailableException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.RetryableBootstrapException;
import io.agentlifecycle.core.error.RetryableBootstrapException.Step;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.hold.HoldReason;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * Brings an agent in by one call: profile, limits, token, each by an ordinary command. Nothing is kept of how far it came: each step
 * looks at the agent, and does what is missing. That holds for a first call, for one after a fault, and for one years later.
 */
record Bootstrapper(Engine engine, Intake intake) {

    Bootstrap run(ProvisioningRequest request, Limits limits) {
        AgentKey key = new AgentKey(
                intake.tenant(),
                request.id()
                        .orElseThrow(() -> new PolicyViolationException(
                                "bootstrap-id",
                                "the bootstrap of %s names no agent id, so calling again would make another agent; name one with id(..)"
                                        .formatted(request.profile().name()))));
        Actor actor = request.requestedBy();
        if (actor.isSame(Actor.SYSTEM)) {
            throw new PolicyViolationException(
                    "bootstrap-actor",
                    "the bootstrap of agent %s does not say who asks, and only they get its token again; name them with requestedBy(..)"
                            .formatted(key));
        }
        engine.control().requireRequest(request, intake.tenant());
        ProvisioningRequest ending = ending(request, limits.notAfter());
        Step step = Step.PROFILE;
        try {
            comeIn(key, ending);
            step = Step.LIMITS;
            Activation limited = run(key, actor, complete(limits, actor));
            if (limited.agent().state() == AgentState.PENDING_APPROVAL) {
                return result(limited);
            }
            step = Step.TOKEN;
            return result(run(key, actor, token(limits, actor)));
        } catch (StoreException | ContentionException | AuditUnavailableException | KeysUnavailableException e) {
            throw new RetryableBootstrapException(key, step, e);
        }
    }

    /**
     * The time to live is part of the request, so that whoever approves it sees it, and the policy may want one. The id says which
     * bootstrap it is, so a key of the request has nothing to say.
     */
    private static ProvisioningRequest ending(ProvisioningRequest request, Instant notAfter) {
        Lifespan asked = request.lifespan();
        Instant end = asked.notAfter().filter(notAfter::isAfter).orElse(notAfter);
        return request.with(new Lifespan(asked.notBefore(), Optional.of(end)), Optional.empty());
    }

    private void comeIn(AgentKey key, ProvisioningRequest request) {
        if (engine.find(key).isPresent()) {
            return;
        }
        try {
            Agent unused = intake.request(request);
        } catch (PolicyViolationException e) {
            // somebody else was faster, and took the id, or the last place; the next step looks at who that was
            if (engine.find(key).isEmpty()) {
                throw e;
            }
        }
    }

    /** Looks at whose agent it is, and where it stands, in the same breath as it decides. */
    private Activation run(AgentKey key, Actor actor, Plan.Decision decision) {
        Plan.Decision own = (agent, now) -> {
            requireOwn(agent, actor);
            requireWayIn(agent);
            requireNotDenied(agent);
            return decision.decide(agent, now);
        };
        return engine.run(key, Engine.Effect.NEUTRAL, engine.control().permit(actor, Right.BOOTSTRAP, own));
    }

    /** With what is missing of the limits once more: somebody may have amended the agent since they were looked at. */
    private Plan.Decision token(Limits limits, Actor actor) {
        return (agent, now) -> {
            Plan token = (agent.state() == AgentState.PROVISIONED
                            ? engine.rules().activate(actor)
                            : engine.rules().credentials().rotate(actor))
                    .decide(agent, now);
            for (EventContent missing :
                    complete(limits, actor).decide(agent, now).events()) {
                token = token.after(missing);
            }
            return token;
        };
    }

    /** An agent that had a credential is at work, and whoever asked for it once need not be who limits it now. */
    private Plan.Decision complete(Limits limits, Actor actor) {
        Plan.Decision complete = engine.rules().limits().complete(limits, actor);
        Plan.Decision limit = engine.control().permit(actor, Right.LIMIT, complete);
        return (agent, now) -> agent.credentials().generation() == 0
                        || complete.decide(agent, now).isEmpty()
                ? complete.decide(agent, now)
                : limit.decide(agent, now);
    }

    private static void requireOwn(Agent agent, Actor actor) {
        Actor asked = agent.approval().requestedBy();
        if (!asked.isSame(actor)) {
            throw new PolicyViolationException(
                    "bootstrap-other",
                    actor,
                    "%s cannot bootstrap agent %s, which somebody else asked for: its token is not for whoever knows its id; choose another id"
                            .formatted(actor, agent.key()));
        }
    }

    private void requireNotDenied(Agent agent) {
        if (engine.fleet().stops().isDenied(agent.key().tenant(), agent.id())) {
            throw new PolicyViolationException(
                    "bootstrap-state",
                    "agent %s gets no token by a bootstrap: it was to be stopped, which could not be stored; suspend it, and resume it when it may go on"
                            .formatted(agent.key()));
        }
    }

    private static void requireWayIn(Agent agent) {
        String wayOut = switch (agent.state()) {
            case PENDING_APPROVAL, ACTIVE -> "";
            case PROVISIONED -> agent.holds().isEmpty() ? "" : "release its holds";
            case SUSPENDED -> "resume it, or release its holds";
            case QUARANTINED -> "release it from quarantine";
            case ORPHANED -> "reclaim it for a new owner";
            case DECOMMISSIONING, DECOMMISSIONED -> "its id is never given out again: bootstrap another agent";
        };
        if (!wayOut.isEmpty()) {
            List<HoldReason> holds = agent.holds().reasons();
            throw new PolicyViolationException(
                    "bootstrap-state",
                    "agent %s gets no token by a bootstrap: it is %s%s; %s"
                            .formatted(
                                    agent.key(), agent.state(), holds.isEmpty() ? "" : ", held for " + holds, wayOut));
        }
    }

    private Bootstrap result(Activation done) {
        Agent agent = done.agent();
        RateLimit rate = agent.rateLimit().orElseThrow();
        return new Bootstrap(
                agent,
                done.credential(),
                new Limits(rate, agent.lifespan().notAfter().orElseThrow()),
                engine.standing().callsLeft(agent.key(), engine.nanos()).orElse(rate.callsPerMinute()),
                List.copyOf(engine.rules().offered(agent.state())));
    }
}
