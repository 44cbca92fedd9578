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
import io.agentlifecycle.core.hold.Hold;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.HoldTerms;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.quarantine.Conduct;
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
            Optional<List<EventContent>> stopping = stopping(agent, incident, actor);
            List<EventContent> events =
                    new ArrayList<>(stopping.orElseThrow(() -> rules.refusal(agent, Command.QUARANTINE)));
            if (events.stream().noneMatch(event -> event.kind() == EventKind.AGENT_QUARANTINED)) {
                events.add(0, reported(agent, incident, actor)); // nothing else says what happened
            }
            return Plan.of(events);
        };
    }

    /** Notes an incident, and stops the agent if by the policy it was one too many. */
    Decision report(Incident incident, Actor actor) {
        return (agent, now) -> {
            if (agent.state().isTerminal()) {
                throw new PolicyViolationException(
                        "incident-after-end",
                        "agent %s is %s, and nothing is noted of it any more; block it if what it is made of must not come back"
                                .formatted(agent.key(), agent.state()));
            }
            List<EventContent> events = new ArrayList<>(List.of(reported(agent, incident, actor)));
            Instant activeSince = agent.activity().watchedSince().orElse(Instant.MIN);
            policy(agent)
                    .cause(agent.conduct(), incident, activeSince, now)
                    .flatMap(cause -> stopping(agent, cause, Rules.AUTO))
                    .ifPresent(events::addAll);
            return Plan.of(events);
        };
    }

    /** True if it stops an agent of which nothing else is known. */
    boolean isGrave(Incident incident, Instant now) {
        return rules.policy()
                .quarantine()
                .cause(Conduct.NONE, incident, now, now)
                .isPresent();
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

    /**
     * Quarantine; or, in a state that does not lead there, a hold, so that an agent that is not ACTIVE does not become so. Nothing
     * if it is stopped for something as bad already; empty if its state allows neither.
     */
    private Optional<List<EventContent>> stopping(Agent agent, Incident incident, Actor actor) {
        if (rules.table().next(agent.state(), Command.QUARANTINE).isEmpty()) {
            return holding(agent, incident, actor);
        }
        Optional<Incident> cause = agent.state() == AgentState.QUARANTINED
                ? agent.conduct().standing().worsenedBy(incident)
                : Optional.of(incident);
        return Optional.of(cause.stream()
                .map(why -> rules.event(EventKind.AGENT_QUARANTINED, actor, agent, Command.QUARANTINE, json(why)))
                .toList());
    }

    private Optional<List<EventContent>> holding(Agent agent, Incident incident, Actor actor) {
        Command command = agent.state() == AgentState.ACTIVE ? Command.SUSPEND : Command.PLACE_HOLD;
        if (rules.table().next(agent.state(), command).isEmpty()) {
            return Optional.empty();
        }
        HoldReason reason = HoldReason.QUARANTINE;
        ReleaseAuthority needed = authority(incident);
        List<EventContent> events = new ArrayList<>();
        Optional<Hold> standing = agent.holds().get(reason);
        // whoever agreed to a release did not know of this
        if (standing.filter(
                        hold -> hold.authority().covers(needed) && hold.agreed().isEmpty())
                .isEmpty()) {
            HoldTerms terms = HoldTerms.of(incident.text())
                    .releasedBy(standing.map(Hold::authority)
                            .filter(has -> has.covers(needed))
                            .orElse(needed));
            events.add(rules.holds().placed(agent, command, reason, terms, actor));
        }
        return Optional.of(events);
    }

    /** Who may end a quarantine for that incident, or have a recovery tried. */
    static ReleaseAuthority authority(Incident cause) {
        return cause.kind().takesAdmin() ? ReleaseAuthority.ADMIN : ReleaseAuthority.OPERATOR;
    }

    Decision release(ReleaseAuthority authority, Actor actor) {
        return (agent, now) -> {
            Quarantine quarantine = standing(agent, Command.RELEASE, authority, actor);
            Optional<EventContent> agreement = rules.fourEyes()
                    .agreement(agent, Optional.empty(), authority(quarantine.cause()), quarantine.agreed(), actor);
            return agreement.isPresent()
                    ? Plan.of(agreement.get())
                    : leaving(agent, Command.RELEASE, EventKind.AGENT_RELEASED, actor, Json.Obj.EMPTY, now);
        };
    }

    /** Held, an agent leaves its quarantine for SUSPENDED. */
    private Plan leaving(Agent agent, Command free, EventKind kind, Actor actor, Json.Obj details, Instant now) {
        Command command = agent.holds().isEmpty() ? free : Command.RELEASE_HELD;
        return rules.entering(agent, actor, now, List.of(rules.event(kind, actor, agent, command, details)));
    }

    /** The quarantine that {@code command} is to lead out of, if that is what the one who asks may do. */
    private Quarantine standing(Agent agent, Command command, ReleaseAuthority authority, Actor actor) {
        rules.next(agent, command);
        Quarantine quarantine = agent.conduct().standing();
        ReleaseAuthority needed = authority(quarantine.cause());
        if (!authority.covers(needed)) {
            throw new PolicyViolationException(
                    "quarantine-authority",
                    actor,
                    "%s cannot get agent %s out of its quarantine for %s as %s: that takes the authority %s"
                            .formatted(
                                    actor,
                                    agent.key(),
                                    quarantine.cause().kind().wire(),
                                    authority,
                                    needed));
        }
        return quarantine;
    }

    boolean isExhausted(Agent agent) {
        Quarantine quarantine = agent.conduct().standing();
        return quarantine.attempts()
                >= policy(agent).recoveries(quarantine.cause().severity());
    }

    /**
     * A recovery is written down before it is tried, so that also one which nobody survives counts, if it could make the agent
     * ACTIVE. If none is left, the agent is suspended where the policy says so.
     */
    Decision recoveryStarted(ReleaseAuthority authority, Actor actor) {
        return (agent, now) -> {
            Quarantine quarantine = standing(agent, Command.RECOVER, authority, actor);
            rules.fourEyes().requireNone(agent, authority(quarantine.cause()));
            if (isExhausted(agent)) {
                return Plan.of(escalation(agent));
            }
            quarantine.retryAt().filter(now::isBefore).ifPresent(retryAt -> {
                throw new PolicyViolationException(
                        "recovery-wait",
                        "recovery %d of agent %s was begun a short time ago; the next may be tried at %s"
                                .formatted(quarantine.attempts(), agent.key(), retryAt));
            });
            int attempt = quarantine.attempts() + 1;
            recovery(agent, attempt, actor, now);
            Json.ObjBuilder details = Json.object().put("attempt", attempt);
            if (attempt < policy(agent).recoveries(quarantine.cause().severity())) {
                details.put(
                        "retryAt", now.plus(policy(agent).retryAfter(attempt)).toString());
            }
            return Plan.of(Rules.note(EventKind.AGENT_RECOVERY_STARTED, actor, agent, details.build()));
        };
    }

    private List<EventContent> escalation(Agent agent) {
        return policy(agent).escalates()
                ? rules.holds().escalated(agent).stream().toList()
                : List.of();
    }

    /** @param tried the quarantine in which the recovery was begun */
    Decision recovered(Quarantine tried, Actor actor) {
        return (agent, now) -> {
            requireSame(agent, tried);
            return recovery(agent, tried.attempts(), actor, now);
        };
    }

    private Plan recovery(Agent agent, int attempt, Actor actor, Instant now) {
        Json.Obj details = Json.object().put("attempt", attempt).build();
        return leaving(agent, Command.RECOVER, EventKind.AGENT_RECOVERED, actor, details, now);
    }

    /** @param tried the quarantine in which the recovery was begun */
    Decision recoveryFailed(Quarantine tried, String error, Actor actor) {
        return (agent, now) -> {
            requireSame(agent, tried);
            Json.Obj details = Json.object()
                    .put("attempt", tried.attempts())
                    .put("error", error)
                    .build();
            List<EventContent> events =
                    new ArrayList<>(List.of(Rules.note(EventKind.AGENT_RECOVERY_FAILED, actor, agent, details)));
            if (isExhausted(agent)) {
                events.addAll(escalation(agent));
            }
            return Plan.of(events);
        };
    }

    private void requireSame(Agent agent, Quarantine tried) {
        rules.next(agent, Command.RECOVER);
        if (!agent.conduct().standing().equals(tried)) {
            throw new PolicyViolationException(
                    "recovery-overtaken",
                    "agent %s is in another quarantine than when its recovery was begun, or for something worse, or another recovery was begun; look at it first"
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
                    rules.retirement()
                            .decommission(Command.DECOMMISSION, Retirement.Cause.RETIRED, reason, actor)
                            .decide(agent, now);
            };
            return end.after(blocked);
        };
    }
}
