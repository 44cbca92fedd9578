package io.agentlifecycle.core.audit;

import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * What can happen, and which details are written about it. The keys of {@code details} are fixed for each kind, so that
 * a reader who knows the table can tell an agent's state from its events alone. Every kind is written on some path.
 */
public enum EventKind {
    /** A log begins. */
    LOG_GENESIS("log.genesis", keys("format", "key", "schedule", "store"), keys("checkpointKey", "recoveryKey")),
    /** A key may sign events from here on. */
    LOG_KEY_INTRODUCED("log.key_introduced", keys("key", "proof"), keys("first", "recovery", "size")),
    /** A key may not sign events any more. */
    LOG_KEY_RETIRED("log.key_retired", keys("kid", "reason"), keys()),
    /** Events of this stream, from {@code n} on, could not be signed when they happened; this one vouches for them. */
    LOG_GAP_ENDORSED("log.gap_endorsed", keys("n"), keys()),
    /** Opening a store cut a torn tail that nobody had been told of, or found its newest snapshot damaged. */
    LOG_RECOVERED("log.recovered", keys("bytes"), keys("sha256", "snapshot")),
    /** A store was opened by a version that keeps it in another format than before. */
    LOG_UPGRADED("log.upgraded", keys("from", "to"), keys()),
    /** Someone took a damaged part out of the store; what it said is lost. */
    LOG_REPAIRED("log.repaired", keys("bytes", "by", "keptUpTo", "reason", "sha256"), keys()),
    /** The log was opened under another policy, or another transition table, than before. */
    POLICY_CHANGED("policy.changed", keys("rescheduled", "schedule"), keys()),
    /** The clock went back; time stands still until it has caught up. */
    CLOCK_REGRESSION("clock.regression", keys("highWater", "observed"), keys()),
    /** A sweep failed again and again to do what is due for an agent. */
    ACTION_STUCK("action.stuck", keys("action", "attempts", "error"), keys()),

    /** Someone asked for an agent. */
    AGENT_REQUESTED("agent.requested", Details.REQUEST, Details.REQUEST_OPTIONAL),
    /** An agent came from elsewhere. */
    AGENT_IMPORTED("agent.imported", Details.IMPORT, Details.IMPORT_OPTIONAL),
    /** Somebody voted on a request, or gave advice on it. */
    VOTE_CAST("vote.cast", keys("choice", "reason", "shown", "stage"), keys("advisory")),
    /** A request ends soon unless somebody decides. */
    APPROVAL_EXPIRING("approval.expiring", keys("expiresAt"), keys()),
    /**
     * Somebody changed what a waiting request asks for, so that no vote on it counts any more, or what an agent is that is in; with
     * {@code reapproval} that must be approved before it goes on.
     */
    AGENT_AMENDED("agent.amended", Details.REQUEST, Details.AMENDMENT_OPTIONAL),
    /** It was let in, or may go on as what it was changed to; {@code stages} says by how many. */
    AGENT_APPROVED("agent.approved", keys(), keys("stages")),
    /** It was set up as it was approved. */
    AGENT_PROVISIONED("agent.provisioned", keys("shown"), keys()),
    /** A person kept it out. */
    AGENT_REJECTED("agent.rejected", keys("reason"), keys()),
    /** Whoever asked took the request back. */
    AGENT_WITHDRAWN("agent.withdrawn", keys("reason"), keys()),
    /** Nobody decided in time. */
    AGENT_REQUEST_EXPIRED("agent.request_expired", keys(), keys()),
    /** It began to work, or would have but for its holds. */
    AGENT_ACTIVATED("agent.activated", keys(), keys()),
    /** It was suspended. */
    AGENT_SUSPENDED("agent.suspended", keys("hold", "text"), keys("authority", "until")),
    /** Its last hold was released. */
    AGENT_RESUMED("agent.resumed", keys("hold"), keys()),
    /** It fell silent for too long, or someone found that nobody answers for it. */
    AGENT_ORPHANED("agent.orphaned", keys("reason", "silentSince"), keys()),
    /** A new owner took it. */
    AGENT_RECLAIMED("agent.reclaimed", keys(), keys()),
    /** Someone else answers for it. */
    AGENT_OWNER_CHANGED("agent.owner_changed", keys("newOwner"), keys("due", "oldOwner", "reapproval")),
    /** Somebody else answers for it, too. */
    AGENT_CO_OWNER_ADDED("agent.co_owner_added", keys("coOwner"), keys()),
    /** They do not any more. */
    AGENT_CO_OWNER_REMOVED("agent.co_owner_removed", keys("coOwner"), keys()),
    /** Its identity key made way for another, as both of them signed. */
    AGENT_KEY_ROTATED(
            "agent.key_rotated", keys("newKey", "newProof", "oldKey", "oldProof", "sequence", "signedAt"), keys()),
    /** Its retirement began. */
    AGENT_DECOMMISSION_STARTED("agent.decommission_started", keys("cause", "reason", "tasks"), keys()),
    /** It is retired; the report says what its life came to. */
    AGENT_DECOMMISSIONED("agent.decommissioned", keys("report"), keys()),

    /** A hold was added, and the state stayed. */
    HOLD_PLACED("hold.placed", keys("hold", "text"), keys("authority", "until")),
    /** A hold was released, and the state stayed. */
    HOLD_RELEASED("hold.released", keys("hold"), keys()),
    /** The first of two people agreed that a hold, or without {@code hold} the quarantine, be released; it stands. */
    RELEASE_AGREED("release.agreed", keys(), keys("hold")),

    /** What is known of it must be kept, for the reason of that reference. */
    LEGAL_HOLD_PLACED("legal_hold.placed", keys("reference"), keys()),
    /** That reason is gone. */
    LEGAL_HOLD_RELEASED("legal_hold.released", keys("reference"), keys()),
    /** What the events before it disclosed of people was erased. */
    PERSONAL_DATA_ERASED("personal_data.erased", keys("reason"), keys()),
    /** The texts of the first so many events of its stream are gone. */
    TRAIL_PRUNED("trail.pruned", keys("events", "reason", "retention"), keys()),

    /** It got a credential on becoming ACTIVE; all earlier ones are dead. */
    CREDENTIAL_ISSUED("credential.issued", keys("issuedAt"), keys("delivery", "secretSha256")),
    /** It got a new credential while ACTIVE; the one before, if it was good, stays good until {@code graceUntil}. */
    CREDENTIAL_ROTATED("credential.rotated", keys("issuedAt"), keys("delivery", "graceUntil", "old", "secretSha256")),
    /** The credential that a sweep issued has reached its agent; the one before it is good until {@code graceUntil}. */
    CREDENTIAL_DELIVERED("credential.delivered", keys("id"), keys("graceUntil")),
    /** A credential was due, and could not be issued or delivered; what the agent has is as it was. */
    CREDENTIAL_ROTATION_FAILED("credential.rotation_failed", keys("attempt", "error", "nextAt", "step"), keys()),
    /** The token of a credential was made and handed out again. */
    CREDENTIAL_REISSUED("credential.reissued", keys("id"), keys()),
    /** Its credentials were taken back. */
    CREDENTIAL_REVOKED("credential.revoked", keys("ids", "reason"), keys()),
    /** Three quarters of the life of its credential are over, and it was not replaced. */
    CREDENTIAL_AGING("credential.aging", keys("expiresAt", "id"), keys()),
    /** Its credential ran out before it was replaced. */
    CREDENTIAL_EXPIRED("credential.expired", keys("expiredAt", "id"), keys()),

    /** It got a key by which it may fetch its token. */
    API_KEY_REGISTERED("api_key.registered", keys("expiresAt", "id", "secretSha256"), keys()),
    /** Such a key was taken back. */
    API_KEY_REVOKED("api_key.revoked", keys("id", "reason"), keys()),

    /** The first heartbeat since it became ACTIVE. */
    HEARTBEAT_FIRST("heartbeat.first", keys(), keys()),
    /** Heartbeats are missing. */
    HEARTBEAT_MISSED("heartbeat.missed", keys("since", "windows"), keys()),
    /** A heartbeat ended a silence that had been noticed. */
    HEARTBEAT_RESUMED("heartbeat.resumed", keys("since", "windows"), keys()),

    /** Something happened that it should not have done, or that should not have happened to it. */
    INCIDENT_REPORTED("incident.reported", keys("kind", "severity", "text"), keys()),
    /** It was put into quarantine, or is there for something worse now. */
    AGENT_QUARANTINED("agent.quarantined", keys("kind", "severity", "text"), keys()),
    /** Somebody let it out of quarantine. */
    AGENT_RELEASED("agent.released", keys(), keys()),
    /** A recovery brought it out of quarantine. */
    AGENT_RECOVERED("agent.recovered", keys("attempt"), keys()),
    /** A recovery was begun; {@code retryAt} is missing if it is the last one. */
    AGENT_RECOVERY_STARTED("agent.recovery_started", keys("attempt"), keys("retryAt")),
    /** It failed. */
    AGENT_RECOVERY_FAILED("agent.recovery_failed", keys("attempt", "error"), keys()),
    /** What it is made of must not be registered again. */
    AGENT_BLOCKED("agent.blocked", keys("reason"), keys()),
    /** Its life ends later than before. */
    AGENT_RENEWED("agent.renewed", keys("notAfter", "oldNotAfter"), keys()),
    /** It may be let through so many times a minute from here on; {@code notAfter} is there if its life had no end before. */
    AGENT_LIMITS_SET("agent.limits_set", keys("callsPerMinute"), keys("notAfter", "oldCallsPerMinute")),

    /** Agents were stopped by a kill switch. */
    KILL_ENGAGED("kill.engaged", keys("reason", "scope", "stopped"), keys()),
    /** A kill switch was released. */
    KILL_RELEASED("kill.released", keys("reason", "scope"), keys()),

    /** Attempts at power were refused, and changed nothing: those of one minute, on one thing, by one rule. */
    ACCESS_REFUSED(
            "access.refused", keys("actors", "attempts", "since", "until"), keys("rule", "scope", "target", "tenant")),

    /** A teardown task succeeded. */
    TEARDOWN_TASK_DONE("teardown.task_done", keys("task"), keys()),
    /** A teardown task failed; the sweep tries again. */
    TEARDOWN_TASK_FAILED("teardown.task_failed", keys("attempt", "error", "retryAt", "task"), keys());

    /** What takes power away, and what only notes that something happened. */
    private static final Set<EventKind> MAY_WAIT = EnumSet.of(
            LOG_RECOVERED,
            LOG_UPGRADED,
            LOG_REPAIRED,
            POLICY_CHANGED,
            CLOCK_REGRESSION,
            ACTION_STUCK,
            KILL_ENGAGED,
            ACCESS_REFUSED,
            APPROVAL_EXPIRING,
            AGENT_REJECTED,
            AGENT_WITHDRAWN,
            AGENT_REQUEST_EXPIRED,
            AGENT_SUSPENDED,
            AGENT_ORPHANED,
            INCIDENT_REPORTED,
            AGENT_QUARANTINED,
            AGENT_RECOVERY_STARTED,
            AGENT_RECOVERY_FAILED,
            AGENT_BLOCKED,
            AGENT_DECOMMISSION_STARTED,
            AGENT_DECOMMISSIONED,
            HOLD_PLACED,
            LEGAL_HOLD_PLACED,
            CREDENTIAL_DELIVERED,
            CREDENTIAL_ROTATION_FAILED,
            CREDENTIAL_REVOKED,
            CREDENTIAL_AGING,
            CREDENTIAL_EXPIRED,
            API_KEY_REVOKED,
            HEARTBEAT_FIRST,
            HEARTBEAT_MISSED,
            HEARTBEAT_RESUMED,
            TEARDOWN_TASK_DONE,
            TEARDOWN_TASK_FAILED);

    private final String wire;
    private final Set<String> required;
    private final Set<String> optional;

    EventKind(String wire, Set<String> required, Set<String> optional) {
        this.wire = wire;
        this.required = required;
        this.optional = optional;
    }

    /** The name in events, for example {@code agent.suspended}. */
    public String wire() {
        return wire;
    }

    /**
     * True if an event of this kind may be stored without a signature while the sealer fails, if it also leads nowhere
     * that gives power; see {@link AuditEvent#mayWait}. What grants power may not.
     */
    public boolean mayWait() {
        return MAY_WAIT.contains(this);
    }

    /** The keys that {@code details} always has. */
    public Set<String> requiredDetails() {
        return required;
    }

    /** The keys that {@code details} may have beside them. */
    public Set<String> optionalDetails() {
        return optional;
    }

    /**
     * The keys of {@code details} whose values name people, or were written by people; the log keeps them beside the event if
     * they are to be erasable.
     */
    Set<String> personalDetails() {
        // why an agent is an orphan is one of a few words
        return this == AGENT_ORPHANED ? Set.of() : Details.PERSONAL;
    }

    /** The kind of that wire name. */
    public static Optional<EventKind> ofWire(String wire) {
        for (EventKind kind : values()) {
            if (kind.wire.equals(wire)) {
                return Optional.of(kind);
            }
        }
        return Optional.empty();
    }

    /** Returns {@code details} if its keys are those of this kind; throws otherwise. */
    Json.Obj require(Json.Obj details) {
        Set<String> odd = new TreeSet<>(required);
        odd.removeAll(details.members().keySet());
        if (!odd.isEmpty()) {
            throw new JsonFormatException("details of %s lack %s".formatted(wire, odd));
        }
        odd.addAll(details.members().keySet());
        odd.removeAll(required);
        odd.removeAll(optional);
        if (!odd.isEmpty()) {
            throw new JsonFormatException("details of %s have the unknown keys %s".formatted(wire, odd));
        }
        return details;
    }

    private static Set<String> keys(String... keys) {
        return Set.of(keys);
    }

    /** Sets of keys that two kinds share. */
    private static final class Details {
        static final Set<String> REQUEST = keys("name", "purpose", "role", "type");
        static final Set<String> REQUEST_OPTIONAL = keys(
                "audience",
                "capabilities",
                "costCentre",
                "expires",
                "keyThumbprint",
                "manifestDigest",
                "notAfter",
                "notBefore",
                "owner",
                "parent",
                "tags");
        static final Set<String> AMENDMENT_OPTIONAL = keys(
                "audience",
                "capabilities",
                "costCentre",
                "keyThumbprint",
                "manifestDigest",
                "notAfter",
                "notBefore",
                "reapproval",
                "tags");
        static final Set<String> PERSONAL = keys("coOwner", "newOwner", "oldOwner", "owner", "reason", "shown", "text");
        static final Set<String> IMPORT = with(REQUEST, "createdAt", "requestedBy", "source");
        static final Set<String> IMPORT_OPTIONAL = with(REQUEST_OPTIONAL, "hold", "text");

        private static Set<String> with(Set<String> keys, String... more) {
            Set<String> all = new TreeSet<>(keys);
            all.addAll(Set.of(more));
            return Set.copyOf(all);
        }
    }
}
