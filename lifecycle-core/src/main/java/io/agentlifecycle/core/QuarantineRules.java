package io.agentlifecycle.core;

import io.agentlifecycle.core.Plan.Decision;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.Text;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Command;
import io.agentlifecycle.core.agent.Retirement;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.HoldTerms;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.quarantine.Incident;
import io.agentlifecycle.core.quarantine.Quarantine;
import io.agentlifecycle.core.quarantine.QuarantinePolicy;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What incidents lead to, and what leads out of a quarantine: pure functions, as in {@link Rules}. */
record QuarantineRules(Rules rules) {

    Decision quarantine(Incident incident, Actor actor) {
        return (agent, now) -> {
            List<EventContent> events = new ArrayList<>(stopping(agent, incident, actor, now));
            if (events.get(0).kind() != EventKind.AGENT_QUARANTINED) {
                events.add(0, reported(agent, incident, actor)); // a hold does not say what happened
            }
            return Plan.of(events);
        };
    }

    /** Notes an incident, and quarantines the agent if by the policy it was one too many. */
    Decision report(Incident incident, Actor actor) {
        return (agent, now) -> {
            if (agent.state().isTerminal()) {
                throw new PolicyViolationException(
                        "incident-after-end",
                        "agent %s is %s, and nothing is noted of it any more; block it if what it is made of must not come back"
                                .formatted(agent.key(), agent.state()));
            }
            List<EventContent> events = new ArrayList<>(List.of(reported(agent, incident, actor)));
            cause(agent, incident, now).ifPresent(cause -> events.addAll(stopping(agent, cause, Rules.AUTO, now)));
            return Plan.of(events);
        };
    }

    private Optional<Incident> cause(Agent agent, Incident last, Instant now) {
        return agent.state() == AgentState.ACTIVE
                ? policy(agent)
                        .cause(
                                agent.conduct(),
                                last,
                                agent.activity().watchedSince().orElse(Instant.MIN),
                                now)
                : Optional.empty();
    }

    private QuarantinePolicy policy(Agent agent) {
        return rules.policyFor(agent).quarantine();
    }

    private static EventContent reported(Agent agent, Incident incident, Actor actor) {
        return Rules.note(EventKind.INCIDENT_REPORTED, actor, agent, json(incident));
    }

    private static Json.Obj json(Incident incident) {
        return ConductJson.put(Json.object(), incident).build();
    }

    /** Quarantine, or a hold in a state that does not lead there: who is not ACTIVE now must not become so. */
    private List<EventContent> stopping(Agent agent, Incident incident, Actor actor, Instant now) {
        if (rules.table().next(agent.state(), Command.QUARANTINE).isPresent()) {
            return List.of(rules.event(EventKind.AGENT_QUARANTINED, actor, agent, Command.QUARANTINE, json(incident)));
        }
        Command hold = agent.state() == AgentState.ACTIVE ? Command.SUSPEND : Command.PLACE_HOLD;
        if (rules.table().next(agent.state(), hold).isEmpty()) {
            throw rules.refusal(agent, Command.QUARANTINE);
        }
        HoldTerms terms = HoldTerms.of(incident.text()).releasedBy(authority(incident));
        return rules.holds()
                .place(HoldReason.QUARANTINE, terms, actor)
                .decide(agent, now)
                .events();
    }

    /** Who may end a quarantine for that incident, or have a recovery tried. */
    static ReleaseAuthority authority(Incident cause) {
        return cause.kind().takesAdmin() ? ReleaseAuthority.ADMIN : ReleaseAuthority.OPERATOR;
    }

    Decision release(ReleaseAuthority authority, Actor actor) {
        return (agent, now) -> {
            requireAuthority(agent, standing(agent, Command.RELEASE), authority, actor);
            return leaving(agent, Command.RELEASE, EventKind.AGENT_RELEASED, actor, Json.Obj.EMPTY, now);
        };
    }

    /** Held, an agent leaves its quarantine for SUSPENDED. */
    private Plan leaving(Agent agent, Command free, EventKind kind, Actor actor, Json.Obj details, Instant now) {
        Command command = agent.holds().isEmpty() ? free : Command.RELEASE_HELD;
        return rules.entering(agent, actor, now, List.of(rules.event(kind, actor, agent, command, details)));
    }

    /** The quarantine that {@code command} is to lead out of. */
    private Quarantine standing(Agent agent, Command command) {
        rules.next(agent, command);
        return agent.conduct().quarantine().orElseThrow(() -> rules.refusal(agent, command));
    }

    private static void requireAuthority(Agent agent, Quarantine quarantine, ReleaseAuthority authority, Actor actor) {
        ReleaseAuthority needed = authority(quarantine.cause());
        if (!authority.covers(needed)) {
            throw new PolicyViolationException(
                    "quarantine-authority",
                    "%s cannot get agent %s out of its quarantine for %s as %s: that takes the authority %s"
                            .formatted(
                                    actor,
                                    agent.key(),
                                    quarantine.cause().kind().wire(),
                                    authority,
                                    needed));
        }
    }

    /** The quarantine in which a recovery may be tried now, with none left if it {@link #isExhausted}. */
    Quarantine recoverable(Agent agent, ReleaseAuthority authority, Actor actor, Instant now) {
        Quarantine quarantine = standing(agent, Command.RECOVER);
        requireAuthority(agent, quarantine, authority, actor);
        quarantine.retryAt().filter(now::isBefore).ifPresent(retryAt -> {
            throw new PolicyViolationException(
                    "recovery-wait",
                    "recovery %d of agent %s failed, and the next may be tried at %s"
                            .formatted(quarantine.failedRecoveries(), agent.key(), retryAt));
        });
        return quarantine;
    }

    boolean isExhausted(Agent agent, Quarantine quarantine) {
        return quarantine.failedRecoveries()
                >= policy(agent).recoveries(quarantine.cause().severity());
    }

    /** @param tried the quarantine as it was when the recovery began */
    Decision recovered(Quarantine tried, Actor actor) {
        return (agent, now) -> {
            requireSame(agent, tried);
            Json.Obj details =
                    Json.object().put("attempt", tried.failedRecoveries() + 1).build();
            return leaving(agent, Command.RECOVER, EventKind.AGENT_RECOVERED, actor, details, now);
        };
    }

    /** @param tried the quarantine as it was when the recovery began */
    Decision recoveryFailed(Quarantine tried, String error, Actor actor) {
        return (agent, now) -> {
            requireSame(agent, tried);
            QuarantinePolicy policy = policy(agent);
            int attempt = tried.failedRecoveries() + 1;
            boolean last = attempt >= policy.recoveries(tried.cause().severity());
            Json.ObjBuilder details = Json.object().put("attempt", attempt).put("error", error);
            if (!last) {
                details.put("retryAt", now.plus(policy.retryAfter(attempt)).toString());
            }
            EventContent failed = Rules.note(EventKind.AGENT_RECOVERY_FAILED, actor, agent, details.build());
            return last && policy.escalates() ? Plan.of(failed, rules.holds().escalated(agent)) : Plan.of(failed);
        };
    }

    private void requireSame(Agent agent, Quarantine tried) {
        if (!standing(agent, Command.RECOVER).equals(tried)) {
            throw new PolicyViolationException(
                    "recovery-overtaken",
                    "another recovery of agent %s was tried meanwhile; look at what became of it first"
                            .formatted(agent.key()));
        }
    }

    /** Notes that what the agent is made of must not come back, and retires it if it is not being retired already. */
    Decision block(String reason, Actor actor) {
        Text.prose("reason", reason, 1024);
        return (agent, now) -> {
            if (agent.conduct().blocked()) {
                return Plan.NOTHING;
            }
            Json.Obj details = Json.object().put("reason", reason).build();
            EventContent blocked = Rules.note(EventKind.AGENT_BLOCKED, actor, agent, details);
            Plan end = switch (agent.state()) {
                case PENDING_APPROVAL -> rules.reject(reason, actor).decide(agent, now);
                case DECOMMISSIONING, DECOMMISSIONED -> Plan.NOTHING;
                default ->
                    rules.decommission(Command.DECOMMISSION, Retirement.Cause.RETIRED, reason, actor)
                            .decide(agent, now);
            };
            return end.after(blocked);
        };
    }
}
