package io.agentlifecycle.core;

import static io.agentlifecycle.core.agent.AgentState.ACTIVE;
import static io.agentlifecycle.core.agent.AgentState.QUARANTINED;
import static io.agentlifecycle.core.agent.AgentState.SUSPENDED;

import io.agentlifecycle.core.Plan.Decision;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.Text;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.Command;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.Hold;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.HoldTerms;
import io.agentlifecycle.core.hold.Holds;
import io.agentlifecycle.core.hold.LegalHold;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** What placing and releasing holds means: pure functions, as in {@link Rules}. */
record HoldRules(Rules rules) {
    /** What only the library holds for. */
    private static final Set<HoldReason> RESERVED =
            Set.of(HoldReason.QUARANTINE, HoldReason.RECOVERY_FAILED, HoldReason.REAPPROVAL);

    /** An agent that is SUSPENDED for another reason gets the operator's hold beside it. */
    Decision suspend(HoldTerms terms, Actor actor) {
        return (agent, now) -> {
            boolean suspended = agent.state() == SUSPENDED;
            if (suspended
                    && harder(agent, Command.PLACE_HOLD, HoldReason.OPERATOR, terms, now)
                            .isEmpty()) {
                throw rules.refusal(agent, Command.SUSPEND);
            }
            return place(
                    agent, suspended ? Command.PLACE_HOLD : Command.SUSPEND, HoldReason.OPERATOR, terms, actor, now);
        };
    }

    Decision place(HoldReason reason, HoldTerms terms, Actor actor) {
        return (agent, now) -> {
            if (RESERVED.contains(reason)) {
                throw new PolicyViolationException(
                        "hold-reserved",
                        "agent %s cannot be held by %s on demand; quarantine or amend it, or choose another reason"
                                .formatted(agent.key(), reason));
            }
            if (reason.equals(HoldReason.OWNER_LOST) && !terms.equals(HoldTerms.of(terms.text()))) {
                throw new PolicyViolationException(
                        "hold-owner-lost",
                        "agent %s cannot be held by %s until a time or for others than admins to release: an owner must be there first; hold it without such terms, or for another reason"
                                .formatted(agent.key(), reason));
            }
            Command command = agent.state() == ACTIVE ? Command.SUSPEND : Command.PLACE_HOLD;
            Plan plan = place(agent, command, reason, terms, actor, now);
            if (agent.holds().get(reason).isEmpty() && agent.holds().reasons().size() >= Holds.MOST) {
                throw new PolicyViolationException(
                        "hold-count",
                        "agent %s is held for %d reasons already; release one of them first"
                                .formatted(agent.key(), Holds.MOST));
            }
            return plan;
        };
    }

    private Plan place(Agent agent, Command command, HoldReason reason, HoldTerms terms, Actor actor, Instant now) {
        rules.next(agent, command);
        HoldTerms harder = harder(agent, command, reason, terms, now)
                .orElseThrow(() -> new PolicyViolationException(
                        "hold-stands",
                        "agent %s is held by %s already, and these terms make it no harder to release; release that hold before placing it anew"
                                .formatted(agent.key(), reason)));
        terms.until().filter(end -> !now.isBefore(end)).ifPresent(end -> {
            throw new PolicyViolationException(
                    "hold-over",
                    "agent %s is to be held by %s until %s, which has passed; choose a later end, or none"
                            .formatted(agent.key(), reason, end));
        });
        if (command == Command.SUSPEND
                && agent.state() == QUARANTINED
                && terms.until().isPresent()) {
            throw new PolicyViolationException(
                    "hold-out-of-quarantine",
                    "agent %s is in quarantine, which a hold that ends by itself would end, too; suspend it without an end"
                            .formatted(agent.key()));
        }
        return Plan.of(placed(agent, command, reason, harder, actor));
    }

    /** What both these terms and those of the hold that stands for that reason want; empty if that is what stands. */
    private static Optional<HoldTerms> harder(
            Agent agent, Command command, HoldReason reason, HoldTerms terms, Instant now) {
        ReleaseAuthority asked = authority(agent, command, reason, terms);
        return agent.holds()
                .get(reason)
                .filter(standing -> !standing.isOver(now))
                .map(standing -> {
                    ReleaseAuthority authority = asked.covers(standing.authority())
                            ? asked
                            : standing.authority().covers(asked) ? standing.authority() : ReleaseAuthority.ADMIN;
                    Optional<Instant> until = terms.until()
                            .flatMap(end -> standing.until().map(other -> end.isAfter(other) ? end : other));
                    return Optional.of(new HoldTerms(terms.text(), Optional.of(authority), until))
                            .filter(both -> authority != standing.authority() || !until.equals(standing.until()));
                })
                .orElse(Optional.of(terms));
    }

    EventContent placed(Agent agent, Command command, HoldReason reason, HoldTerms terms, Actor actor) {
        EventKind kind = command == Command.SUSPEND ? EventKind.AGENT_SUSPENDED : EventKind.HOLD_PLACED;
        Json.ObjBuilder details = Json.object().put("hold", reason.code()).put("text", terms.text());
        HoldJson.put(details, authority(agent, command, reason, terms), terms.until());
        return rules.event(kind, actor, agent, command, details.build());
    }

    private static ReleaseAuthority authority(Agent agent, Command command, HoldReason reason, HoldTerms terms) {
        ReleaseAuthority asked = terms.authority().orElseGet(reason::authority);
        return command == Command.SUSPEND ? atLeastQuarantine(agent, asked) : asked;
    }

    /** Who suspends an agent out of its quarantine gives nobody the right to let it go who had it not before. */
    private static ReleaseAuthority atLeastQuarantine(Agent agent, ReleaseAuthority asked) {
        return agent.conduct()
                .quarantine()
                .map(quarantine -> QuarantineRules.authority(quarantine.cause()))
                .filter(needed -> !asked.covers(needed))
                .map(needed -> ReleaseAuthority.ADMIN)
                .orElse(asked);
    }

    /** From quarantine, when no recovery is left; where the table does not lead there, the agent stays. */
    Optional<EventContent> escalated(Agent agent) {
        return rules.table()
                .next(agent.state(), Command.SUSPEND)
                .filter(to -> agent.holds().get(HoldReason.RECOVERY_FAILED).isEmpty())
                .map(to -> placed(
                        agent,
                        Command.SUSPEND,
                        HoldReason.RECOVERY_FAILED,
                        HoldTerms.of("no recovery from quarantine worked"),
                        Actor.SYSTEM));
    }

    Decision suspendInactive() {
        return (agent, now) -> Plan.of(placed(
                agent,
                Command.SUSPEND,
                HoldReason.INACTIVE,
                HoldTerms.of("inactive longer than the policy allows"),
                Actor.SYSTEM));
    }

    /** Releasing the last hold of a SUSPENDED agent makes it ACTIVE. */
    Decision release(HoldReason reason, ReleaseAuthority authority, Actor actor) {
        return (agent, now) -> {
            Optional<Hold> hold = agent.holds().get(reason);
            Holds left = agent.holds().release(reason).orElse(Holds.NONE);
            Command command = hold.isPresent() ? releasing(agent, left) : Command.RELEASE_HOLD;
            rules.next(agent, command);
            if (hold.isEmpty()) {
                throw new PolicyViolationException(
                        "no-such-hold",
                        "agent %s is not held by %s; it is held by %s"
                                .formatted(agent.key(), reason, agent.holds().reasons()));
            }
            requireAuthority(agent, hold.get(), authority, actor);
            if (reason.equals(HoldReason.REAPPROVAL)) {
                ReapprovalRules.requireApproved(agent);
            }
            Optional<EventContent> agreement = rules.fourEyes()
                    .agreement(
                            agent,
                            Optional.of(reason),
                            hold.get().authority(),
                            hold.get().agreed(),
                            actor);
            if (agreement.isPresent()) {
                return Plan.of(agreement.get());
            }
            Plan plan = rules.entering(agent, actor, now, List.of(released(agent, command, reason, actor)));
            // whoever was lost must have been found, or another named; the end of a hold that has one asks nobody
            return reason.equals(HoldReason.OWNER_LOST)
                    ? agent.owner().map(plan::answeredBy).orElse(plan)
                    : plan;
        };
    }

    private static Command releasing(Agent agent, Holds left) {
        return agent.state() == SUSPENDED && left.isEmpty() ? Command.RESUME : Command.RELEASE_HOLD;
    }

    private static void requireAuthority(Agent agent, Hold hold, ReleaseAuthority authority, Actor actor) {
        if (!authority.covers(hold.authority())) {
            throw new PolicyViolationException(
                    "hold-authority",
                    actor,
                    "%s cannot release the hold %s of agent %s as %s: that takes the authority %s"
                            .formatted(actor, hold.reason(), agent.key(), authority, hold.authority()));
        }
    }

    EventContent released(Agent agent, Command command, HoldReason reason, Actor actor) {
        EventKind kind = command == Command.RESUME ? EventKind.AGENT_RESUMED : EventKind.HOLD_RELEASED;
        Json.Obj details = Json.object().put("hold", reason.code()).build();
        return rules.event(kind, actor, agent, command, details);
    }

    /** Resuming lifts the operator's hold, and only if no other one stands: nobody is half resumed. */
    Decision resume(Actor actor) {
        Decision release = release(HoldReason.OPERATOR, ReleaseAuthority.OPERATOR, actor);
        return (agent, now) -> {
            rules.next(agent, Command.RESUME);
            if (!agent.holds().reasons().equals(List.of(HoldReason.OPERATOR))) {
                throw new PolicyViolationException(
                        "other-holds",
                        "cannot RESUME agent %s: it is held by %s; release the other holds first with releaseHold"
                                .formatted(agent.key(), agent.holds().reasons()));
            }
            return release.decide(agent, now);
        };
    }

    /**
     * Releases the holds whose end has come.
     *
     * @param delivers whether there is a sink, which takes an agent that becomes ACTIVE by this its credential
     */
    Decision end(boolean delivers) {
        return (agent, now) -> {
            List<EventContent> events = new ArrayList<>();
            Holds left = agent.holds();
            for (Hold hold : agent.holds().over(now)) {
                left = left.release(hold.reason()).orElseThrow();
                events.add(released(agent, releasing(agent, left), hold.reason(), Actor.SYSTEM));
            }
            Plan plan = rules.entering(agent, Actor.SYSTEM, now, events);
            return delivers ? plan.forDelivery() : plan;
        };
    }

    /** What ending the holds that are over then asks of the table. */
    static Command ending(Agent agent, Instant then) {
        Holds left = agent.holds();
        for (Hold hold : agent.holds().over(then)) {
            left = left.release(hold.reason()).orElseThrow();
        }
        return releasing(agent, left);
    }

    // ---- legal holds

    /** In any state, and the state stays: what is known of an agent outlives it. */
    Decision placeLegalHold(String reference, Actor actor) {
        Text.line("legal hold", reference, 128);
        return (agent, now) -> {
            agent.legalHold(reference).ifPresent(standing -> {
                throw new PolicyViolationException(
                        "legal-hold-stands",
                        "agent %s is under the legal hold %s already, since %s; release it, or place one of another reference"
                                .formatted(agent.key(), reference, standing.placedAt()));
            });
            if (agent.legalHolds().size() >= LegalHold.MOST) {
                throw new PolicyViolationException(
                        "legal-hold-count",
                        "agent %s is under %d legal holds already; release one of them first"
                                .formatted(agent.key(), LegalHold.MOST));
            }
            return Plan.of(Rules.note(EventKind.LEGAL_HOLD_PLACED, actor, agent, referenceJson(reference)));
        };
    }

    Decision releaseLegalHold(String reference, Actor actor) {
        Text.line("legal hold", reference, 128);
        return (agent, now) -> {
            if (agent.legalHold(reference).isEmpty()) {
                throw new PolicyViolationException(
                        "no-such-legal-hold",
                        "agent %s is not under the legal hold %s; it is under %s"
                                .formatted(
                                        agent.key(),
                                        reference,
                                        agent.legalHolds().stream()
                                                .map(LegalHold::reference)
                                                .toList()));
            }
            return Plan.of(Rules.note(EventKind.LEGAL_HOLD_RELEASED, actor, agent, referenceJson(reference)));
        };
    }

    private static Json.Obj referenceJson(String reference) {
        return Json.object().put("reference", reference).build();
    }
}
