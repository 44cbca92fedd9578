package io.agentlifecycle.core;

import static io.agentlifecycle.core.agent.AgentState.ACTIVE;
import static io.agentlifecycle.core.agent.AgentState.QUARANTINED;
import static io.agentlifecycle.core.agent.AgentState.SUSPENDED;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.agent.Activity;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.FinalReport;
import io.agentlifecycle.core.agent.Lifespan;
import io.agentlifecycle.core.agent.Retirement;
import io.agentlifecycle.core.agent.Tally;
import io.agentlifecycle.core.approval.ApprovalRequest;
import io.agentlifecycle.core.approval.Vote;
import io.agentlifecycle.core.audit.ActorJson;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.CredentialRef;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.audit.JsonFormatException;
import io.agentlifecycle.core.audit.KeyRotation;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.budget.RateLimit;
import io.agentlifecycle.core.credential.ApiKey;
import io.agentlifecycle.core.credential.ApiKeyId;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.credential.CredentialStatus;
import io.agentlifecycle.core.credential.Credentials;
import io.agentlifecycle.core.credential.KeyHistory;
import io.agentlifecycle.core.hold.Hold;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.Holds;
import io.agentlifecycle.core.hold.LegalHold;
import io.agentlifecycle.core.quarantine.Conduct;
import io.agentlifecycle.core.quarantine.Incident;
import io.agentlifecycle.core.quarantine.Quarantine;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What each kind of event means for an agent. The engine computes every next record by these rules, and
 * {@link LifecycleManager#verify} computes them again, so a record can never say what its events do not.
 */
final class Replay {
    private Replay() {}

    /** The agent that {@code first} begins. */
    static Agent begin(AgentKey key, SealedEvent first) {
        AuditEvent event = first.event();
        EventKind kind = event.kind();
        if (kind != EventKind.AGENT_REQUESTED && kind != EventKind.AGENT_IMPORTED) {
            throw new JsonFormatException("a stream of an agent cannot begin with " + kind.wire());
        }
        var details = new JsonFields("details", event.details());
        RequestJson asked = RequestJson.takeFrom(details);
        Instant at = event.at();
        AgentState state = event.to().orElseThrow(() -> new JsonFormatException("the first event names no state"));
        boolean imported = kind == EventKind.AGENT_IMPORTED;
        Instant created = imported ? details.instant("createdAt") : at;
        Actor requester = imported ? ActorJson.read(details.object("requestedBy")) : event.actor();
        var agent = new Agent(
                key,
                1,
                state,
                asked.profile(),
                asked.entitlements(),
                asked.lifespan(),
                Optional.empty(),
                asked.lineage(),
                asked.owner(),
                List.of(),
                ApprovalRequest.open(requester, at, details.optionalInstant("expires")),
                Holds.NONE,
                List.of(),
                Conduct.NONE,
                Credentials.NONE,
                KeyHistory.NONE,
                Activity.begun(created).updated(at).unsigned(first.unsignedFrom(Optional.empty())),
                Tally.NONE,
                Optional.empty());
        if (state == SUSPENDED) {
            agent = agent.with(placed(Holds.NONE, event, details)).with(Tally.NONE.held());
        } else if (state == ACTIVE) {
            agent = agent.with(agent.activity().watched(at));
        } else if (state.isTerminal()) {
            agent = agent.with(Retirement.begun(Retirement.Cause.RETIRED, state, "", at, List.of())
                    .ended(at));
        }
        return agent;
    }

    /** The agent after {@code next}. */
    static Agent apply(Agent before, SealedEvent next) {
        AuditEvent event = next.event();
        AgentState from = event.from().orElse(before.state());
        AgentState to = event.to().orElse(before.state());
        if (from != before.state()) {
            throw new JsonFormatException("%s begins in %s, but the agent is %s"
                    .formatted(event.kind().wire(), from, before.state()));
        }
        Activity activity = before.activity()
                .updated(event.at())
                .unsigned(next.unsignedFrom(before.activity().unsignedFrom()));
        Agent agent = before.in(to).with(activity).with(counted(before, event.kind()));
        if (to == ACTIVE && from != ACTIVE) {
            agent = agent.with(agent.activity().watched(event.at()));
        }
        if (from == QUARANTINED && to != QUARANTINED) {
            agent = agent.with(agent.conduct().free());
        }
        return effect(agent, event, new JsonFields("details", event.details()));
    }

    private static Tally counted(Agent before, EventKind kind) {
        Tally tally = before.tally();
        return switch (kind) {
            case AGENT_SUSPENDED -> tally.suspended();
            case HOLD_PLACED -> tally.held();
            case AGENT_QUARANTINED -> before.state() == QUARANTINED ? tally : tally.quarantined();
            case AGENT_ORPHANED -> tally.orphaned();
            case CREDENTIAL_ROTATED -> tally.rotated();
            // one silence is written down again and again while it lasts
            case HEARTBEAT_MISSED -> before.activity().silence().isEmpty() ? tally.fellSilent() : tally;
            default -> tally;
        };
    }

    private static Agent effect(Agent agent, AuditEvent event, JsonFields details) {
        return switch (event.kind()) {
            case AGENT_APPROVED -> approved(agent, event, details);
            case VOTE_CAST -> voted(agent, event, ApprovalJson.cast(event, details));
            case APPROVAL_EXPIRING -> agent.with(agent.approval().told(details.instant("expiresAt")));
            case AGENT_AMENDED -> amended(agent, event, details);
            case AGENT_REJECTED ->
                agent.with(decided(agent, event, ApprovalRequest.Outcome.REJECTED))
                        .with(ended(Retirement.Cause.REJECTED, event, details.string("reason")));
            case AGENT_WITHDRAWN ->
                agent.with(decided(agent, event, ApprovalRequest.Outcome.WITHDRAWN))
                        .with(ended(Retirement.Cause.WITHDRAWN, event, details.string("reason")));
            case AGENT_REQUEST_EXPIRED ->
                agent.with(decided(agent, event, ApprovalRequest.Outcome.EXPIRED))
                        .with(ended(Retirement.Cause.REQUEST_EXPIRED, event, ""));
            case AGENT_SUSPENDED, HOLD_PLACED -> agent.with(placed(agent.holds(), event, details));
            case AGENT_RESUMED, HOLD_RELEASED -> agent.with(released(agent, details.parsed("hold", HoldReason::of)));
            case RELEASE_AGREED -> agreed(agent, event, details.optionalParsed(FourEyes.HOLD, HoldReason::of));
            case INCIDENT_REPORTED -> agent.with(agent.conduct().noted(ConductJson.incident(details), event.at()));
            case AGENT_QUARANTINED ->
                agent.with(agent.conduct().in(quarantined(agent, event, ConductJson.incident(details))));
            case AGENT_RECOVERY_STARTED ->
                agent.with(
                        agent.conduct().in(agent.conduct().standing().attempted(details.optionalInstant("retryAt"))));
            case AGENT_BLOCKED -> agent.with(agent.conduct().block());
            case AGENT_RENEWED ->
                unvoted(agent, event)
                        .with(new Lifespan(agent.lifespan().notBefore(), Optional.of(details.instant("notAfter"))));
            case AGENT_LIMITS_SET -> limited(agent, event, details);
            case LEGAL_HOLD_PLACED -> agent.with(legallyHeld(agent, event, details.string("reference")));
            case LEGAL_HOLD_RELEASED -> agent.with(legallyReleased(agent, details.string("reference")));
            case PERSONAL_DATA_ERASED -> Redaction.of(agent);
            case AGENT_OWNER_CHANGED ->
                ownerChanged(agent, event, details)
                        .with(details.parsed("newOwner", Owner::of))
                        .with(due(agent.credentials(), details.optional("due")));
            // erased names are all the same, so it counts for nothing here whether one stands already, or is there
            case AGENT_CO_OWNER_ADDED -> coOwnerAdded(agent, event, details.parsed("coOwner", Owner::of));
            case AGENT_CO_OWNER_REMOVED -> unvoted(agent, event).withoutCoOwner(details.parsed("coOwner", Owner::of));
            case AGENT_KEY_ROTATED -> keyRotated(agent, event, details.integer("sequence"));
            case AGENT_DECOMMISSION_STARTED ->
                agent.with(begun(
                        details.parsed("cause", wire -> Retirement.Cause.valueOf(wire.toUpperCase(Locale.ROOT))),
                        event,
                        details.string("reason"),
                        details.list("tasks")));
            case AGENT_DECOMMISSIONED -> agent.with(reported(agent, event, details));
            case TEARDOWN_TASK_DONE -> agent.with(retirement(agent).taskDone(details.string("task")));
            case TEARDOWN_TASK_FAILED ->
                agent.with(retirement(agent).failed((int) details.integer("attempt"), details.instant("retryAt")));
            case CREDENTIAL_ISSUED -> agent.with(made(agent.credentials().issue(credential(event, details)), details));
            case CREDENTIAL_ROTATED ->
                agent.with(made(
                        agent.credentials().rotate(credential(event, details), details.optionalInstant("graceUntil")),
                        details));
            case CREDENTIAL_REVOKED -> agent.with(agent.credentials().revokeAll());
            case CREDENTIAL_EXPIRED -> agent.with(expired(agent.credentials(), details.string("id")));
            case CREDENTIAL_AGING -> agent.with(aged(agent.credentials(), details.string("id")));
            case CREDENTIAL_DELIVERED -> agent.with(delivered(agent.credentials(), details));
            case CREDENTIAL_ROTATION_FAILED ->
                agent.with(agent.credentials()
                        .failed(new Credentials.Retry((int) details.integer("attempt"), details.instant("nextAt"))));
            case API_KEY_REGISTERED -> agent.with(registered(agent.credentials(), event, details));
            case API_KEY_REVOKED -> agent.with(unregistered(agent.credentials(), details));
            case HEARTBEAT_FIRST, HEARTBEAT_RESUMED ->
                agent.with(agent.activity().heardFrom());
            case HEARTBEAT_MISSED ->
                agent.with(agent.activity()
                        .silent(new Activity.Silence(details.instant("since"), details.integer("windows"))));
            case AGENT_PROVISIONED,
                    AGENT_ACTIVATED,
                    AGENT_ORPHANED,
                    AGENT_RECLAIMED,
                    AGENT_RELEASED,
                    AGENT_RECOVERED,
                    AGENT_RECOVERY_FAILED,
                    ACTION_STUCK,
                    TRAIL_PRUNED,
                    CREDENTIAL_REISSUED,
                    LOG_GAP_ENDORSED -> agent;
            case AGENT_REQUESTED,
                    AGENT_IMPORTED,
                    LOG_GENESIS,
                    LOG_KEY_INTRODUCED,
                    LOG_KEY_RETIRED,
                    LOG_RECOVERED,
                    LOG_UPGRADED,
                    LOG_REPAIRED,
                    POLICY_CHANGED,
                    KILL_ENGAGED,
                    KILL_RELEASED,
                    ACCESS_REFUSED,
                    CLOCK_REGRESSION ->
                throw new JsonFormatException(event.kind().wire() + " cannot happen to an agent that exists");
        };
    }

    /** An end is part of what a waiting request asks for, and how often it may be let through is not. */
    private static Agent limited(Agent agent, AuditEvent event, JsonFields details) {
        Agent limited = agent.with(new RateLimit(details.integer("callsPerMinute")));
        return details.optionalInstant("notAfter")
                .map(end -> unvoted(limited, event)
                        .with(new Lifespan(limited.lifespan().notBefore(), Optional.of(end))))
                .orElse(limited);
    }

    /** Passing an agent on while its request waits is a way to have a part in it. */
    private static Agent ownerChanged(Agent agent, AuditEvent event, JsonFields details) {
        if (details.flag(ReapprovalRules.REAPPROVAL)) {
            return reopened(agent, event, agent.owner());
        }
        if (!ReapprovalRules.isWaiting(agent)) {
            return agent;
        }
        ApprovalRequest request = unvoted(agent, event).approval();
        return agent.with(
                agent.owner().map(owner -> request.involving(owner.id())).orElse(request));
    }

    /** Whoever is to answer for an agent while its request waits has a part in that, also when it is for a while only. */
    private static Agent coOwnerAdded(Agent agent, AuditEvent event, Owner coOwner) {
        Agent after = unvoted(agent, event).withCoOwner(coOwner);
        return ReapprovalRules.isWaiting(agent) ? after.with(after.approval().involving(coOwner.id())) : after;
    }

    /** What a waiting request asks for is another now, so nobody has voted on it, and who changed it has a part in it. */
    private static Agent unvoted(Agent agent, AuditEvent event) {
        return ReapprovalRules.isWaiting(agent)
                ? agent.with(agent.approval().changed().involving(event.actor().id()))
                : agent;
    }

    private static Agent reopened(Agent agent, AuditEvent event, Optional<Owner> formerOwner) {
        if (!ReapprovalRules.isIn(agent)) {
            throw new JsonFormatException("the agent is not in, so that nothing could be approved anew");
        }
        return agent.with(ReapprovalRules.reopened(agent, event.actor(), event.at(), formerOwner));
    }

    private static Agent approved(Agent agent, AuditEvent event, JsonFields details) {
        if (!event.from().equals(Optional.of(AgentState.PENDING_APPROVAL))) {
            requireWaiting(agent);
        }
        StageClaim.requireBorneOut(details, agent.approval());
        return agent.with(decided(agent, event, ApprovalRequest.Outcome.APPROVED));
    }

    /** Against an agent that is in, a vote is the decision; one that waits is rejected by an event of its own. */
    private static Agent voted(Agent agent, AuditEvent event, Vote vote) {
        requireWaiting(agent);
        ApprovalRequest request = agent.approval();
        if (vote.advisory() ? request.isFullFor(vote.by()) : isTooMany(request, vote)) {
            throw new JsonFormatException("there is one vote too many");
        }
        if (StageClaim.isRepeated(request, vote)) {
            throw new JsonFormatException("%s votes twice".formatted(vote.by()));
        }
        Agent after = agent.with(request.with(vote));
        return !vote.advisory() && vote.choice() == Vote.Choice.DENY && ReapprovalRules.isIn(agent)
                ? after.with(decided(after, event, ApprovalRequest.Outcome.REJECTED))
                : after;
    }

    private static Holds released(Agent agent, HoldReason reason) {
        if (reason.equals(HoldReason.REAPPROVAL) && !ReapprovalRules.isApproved(agent)) {
            throw new JsonFormatException("it goes on as what nobody has approved");
        }
        return agent.holds()
                .release(reason)
                .orElseThrow(() -> new JsonFormatException("a hold is released that does not stand"));
    }

    /** One against the request ends it, so it needs no room. */
    private static boolean isTooMany(ApprovalRequest request, Vote vote) {
        return vote.choice() == Vote.Choice.APPROVE && request.isFull();
    }

    private static Agent amended(Agent agent, AuditEvent event, JsonFields details) {
        RequestJson asked = RequestJson.takeFrom(details);
        boolean again = details.flag(ReapprovalRules.REAPPROVAL);
        if (!again && !ReapprovalRules.isIn(agent)) {
            requireWaiting(agent);
        }
        if (!again && ReapprovalRules.isHeld(agent)) {
            throw new JsonFormatException(
                    "it is held until it is approved, and becomes another that nobody is asked for");
        }
        Agent opened = again ? reopened(agent, event, Optional.empty()) : unvoted(agent, event);
        return opened.with(asked.profile(), asked.entitlements()).with(asked.lifespan());
    }

    private static void requireWaiting(Agent agent) {
        if (!ReapprovalRules.isWaiting(agent)) {
            throw new JsonFormatException("the request does not wait any more");
        }
    }

    /** Whether the keys signed it was looked at when it was done; that it fits what came before is looked at here. */
    private static Agent keyRotated(Agent agent, AuditEvent event, long sequence) {
        KeyRotation rotation = KeyRotation.of(event);
        String old = rotation.oldKey().keyId();
        KeyHistory history = agent.keyHistory();
        if (!agent.entitlements().keyThumbprint().equals(Optional.of(old)) || sequence != history.rotations() + 1) {
            throw new JsonFormatException("a key makes way that is not the agent's, or in another order");
        }
        var past = new KeyHistory.Past(old, event.at(), agent.credentials().generation());
        return unvoted(agent, event).with(rotation.newKey().keyId(), history.replaced(past));
    }

    private static ApprovalRequest decided(Agent agent, AuditEvent event, ApprovalRequest.Outcome outcome) {
        return agent.approval().decided(new ApprovalRequest.Decision(outcome, event.actor(), event.at()));
    }

    private static Retirement ended(Retirement.Cause cause, AuditEvent event, String reason) {
        return begun(cause, event, reason, List.of()).ended(event.at());
    }

    private static Retirement begun(Retirement.Cause cause, AuditEvent event, String reason, List<String> tasks) {
        AgentState from = event.from().orElseThrow(() -> new JsonFormatException("the event names no state before"));
        return Retirement.begun(cause, from, reason, event.at(), tasks);
    }

    /** A report that says something else than the trail is no report. What was heard stands in no event but this. */
    private static Retirement reported(Agent agent, AuditEvent event, JsonFields details) {
        Retirement retirement = retirement(agent);
        Json.Obj said = details.plainObject("report");
        FinalReport expected = FinalReport.of(
                agent,
                event.position().n() + 1,
                ReportJson.read(new JsonFields("report", said)).liveness());
        if (!said.equals(ReportJson.write(expected))) {
            throw new JsonFormatException("the final report is not what the events before it say");
        }
        return retirement.ended(event.at());
    }

    private static Retirement retirement(Agent agent) {
        return agent.retirement().orElseThrow(() -> new JsonFormatException("the agent is not being retired"));
    }

    private static Quarantine quarantined(Agent agent, AuditEvent event, Incident cause) {
        return event.from().equals(event.to())
                ? agent.conduct().standing().because(cause)
                : Quarantine.begun(cause, event.actor(), event.at());
    }

    private static Agent agreed(Agent agent, AuditEvent event, Optional<HoldReason> hold) {
        if (hold.isPresent()) {
            return agent.with(agent.holds()
                    .agree(hold.get(), event.actor())
                    .orElseThrow(() -> new JsonFormatException("the release of a hold is agreed that does not stand")));
        }
        if (agent.state() != QUARANTINED) {
            throw new JsonFormatException("the release of a quarantine is agreed that does not stand");
        }
        return agent.with(agent.conduct().in(agent.conduct().standing().agreedBy(event.actor())));
    }

    private static Holds placed(Holds holds, AuditEvent event, JsonFields details) {
        var hold = new Hold(
                details.parsed("hold", HoldReason::of),
                details.string("text"),
                event.actor(),
                event.at(),
                HoldJson.authority(details),
                details.optionalInstant(HoldJson.UNTIL));
        return holds.place(hold)
                .orElseThrow(() -> new JsonFormatException(
                        "a hold with reason " + hold.reason() + " stands already, and no weaker than that"));
    }

    private static List<LegalHold> legallyHeld(Agent agent, AuditEvent event, String reference) {
        if (agent.legalHold(reference).isPresent()) {
            throw new JsonFormatException("the legal hold " + reference + " stands already");
        }
        List<LegalHold> all = new ArrayList<>(agent.legalHolds());
        all.add(new LegalHold(reference, event.actor(), event.at()));
        return all;
    }

    private static List<LegalHold> legallyReleased(Agent agent, String reference) {
        List<LegalHold> left = new ArrayList<>(agent.legalHolds());
        if (!left.removeIf(hold -> hold.reference().equals(reference))) {
            throw new JsonFormatException("a legal hold is released that does not stand");
        }
        return left;
    }

    private static Credentials made(Credentials after, JsonFields details) {
        return details.optional("delivery").isPresent() ? after.awaitingDelivery() : after;
    }

    private static Credentials delivered(Credentials before, JsonFields details) {
        String id = details.string("id");
        if (!before.undelivered()
                || before.current().filter(c -> c.id().value().equals(id)).isEmpty()) {
            throw new JsonFormatException("a credential arrives that is not on its way");
        }
        return before.delivered(details.optionalInstant("graceUntil"));
    }

    private static Credentials due(Credentials before, Optional<String> id) {
        if (id.isEmpty()) {
            return before;
        }
        if (!before.current().map(c -> c.id().value()).equals(id)) {
            throw new JsonFormatException("a credential is due that is not the agent's");
        }
        return before.nowDue();
    }

    /** One that was taken back stays so: whoever holds one that merely ran out may get the next one by itself. */
    private static Credentials expired(Credentials before, String id) {
        if (before.current()
                .filter(c -> c.id().value().equals(id) && c.recorded() == CredentialStatus.ACTIVE)
                .isEmpty()) {
            throw new JsonFormatException("a credential expires that is not the agent's good one");
        }
        return before.expireCurrent();
    }

    private static Credentials aged(Credentials before, String id) {
        return before.unwarned()
                .filter(c -> c.id().value().equals(id))
                .map(c -> before.noted(c.id()))
                .orElseThrow(() -> new JsonFormatException("a credential ages that the agent does not work with"));
    }

    private static Credentials registered(Credentials before, AuditEvent event, JsonFields details) {
        var key = new ApiKey(
                details.parsed("id", ApiKeyId::of), details.string("secretSha256"), details.instant("expiresAt"));
        Credentials after = before.with(key, event.at());
        if (before.apiKey(key.id()).isPresent() || after.apiKeys().size() > ApiKey.MOST) {
            throw new JsonFormatException("an API key is registered twice, or is one too many");
        }
        return after;
    }

    private static Credentials unregistered(Credentials before, JsonFields details) {
        ApiKeyId id = details.parsed("id", ApiKeyId::of);
        if (before.apiKey(id).isEmpty()) {
            throw new JsonFormatException("an API key is revoked that is not there");
        }
        return before.without(id);
    }

    private static Credential credential(AuditEvent event, JsonFields details) {
        CredentialRef ref = event.content()
                .credential()
                .orElseThrow(() -> new JsonFormatException("the event names no credential"));
        return new Credential(
                CredentialId.of(ref.jti()),
                ref.generation(),
                details.instant("issuedAt"),
                ref.expiresAt(),
                CredentialStatus.ACTIVE,
                Optional.empty(),
                ref.keyId(),
                details.optional("secretSha256"));
    }
}
