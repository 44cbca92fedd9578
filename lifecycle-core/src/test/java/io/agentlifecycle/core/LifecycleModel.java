package io.agentlifecycle.core;

import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.quarantine.Incident;
import io.agentlifecycle.core.quarantine.Severity;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What the design pages say about agents, told a second time with maps and ifs, so that the library can be compared with
 * it. It shares names with the library and no rule.
 */
final class LifecycleModel {
    static final String OK = "ok";
    static final String NO_AGENT = "agent-not-found";
    static final String NOT_ALLOWED = "transition-refused";

    /** The settings that matter here. */
    record Settings(
            boolean approval,
            boolean owner,
            Duration approvalTimeout,
            Duration interval,
            int missed,
            Duration orphanAfter,
            Duration inactiveAfter,
            Duration inactiveGrace,
            String inactive,
            Duration ttl,
            Duration overlap,
            boolean autoRotate,
            boolean revokeAtEnd,
            boolean fourEyes) {}

    static final class Cred {
        final CredentialId id;
        final Instant issued;
        final Instant expires;
        boolean revoked;
        boolean expiryNoted;
        boolean agingNoted;
        boolean ofAnotherOwner;

        @Nullable
        Instant grace;

        Cred(CredentialId id, Instant issued, Instant expires) {
            this.id = id;
            this.issued = issued;
            this.expires = expires;
        }

        Instant ages() {
            return expires.minus(Duration.between(issued, expires).dividedBy(4));
        }

        boolean usable(Instant now) {
            return !revoked && !expiryNoted && now.isBefore(expires) && (grace == null || now.isBefore(grace));
        }
    }

    static final class ModelAgent {
        AgentState state = AgentState.PENDING_APPROVAL;

        @Nullable
        String owner;

        boolean activeWithoutOwner;
        boolean blocked;

        /** The digest of its manifest, if it has one, and its tenant. */
        @Nullable
        String digest;

        String tenant = "";
        int quarantines;

        String made() {
            return digest + " in " + tenant;
        }

        /** Incidents by kind: when, and how bad. */
        final Map<String, List<Map.Entry<Instant, Severity>>> incidents = new HashMap<>();

        /** Those that only an admin releases. */
        final Set<String> adminHolds = new TreeSet<>();

        /** Who has agreed to the release of which of these; and, by an empty name, to that from quarantine. */
        final Map<String, Integer> agreed = new HashMap<>();

        boolean quarantineOfAdmin;
        Severity quarantineSeverity = Severity.MEDIUM;
        int attempts;

        @Nullable
        Instant retryAt;

        final Set<String> holds = new TreeSet<>();
        final Set<String> legalHolds = new LinkedHashSet<>();

        @Nullable
        Cred current;

        @Nullable
        Cred retiring;

        long generation;

        @Nullable
        Instant requestExpires;

        boolean passedOn;

        @Nullable
        Instant notAfter;

        Instant updated = Instant.MIN;
        Instant watched = Instant.MIN;
        boolean heard;

        @Nullable
        Instant lastSeen;

        long beats;

        @Nullable
        Instant silenceSince;

        long silenceWindows;
        final List<EventKind> trail = new ArrayList<>();

        Instant silentSince() {
            return lastSeen != null && lastSeen.isAfter(watched) ? lastSeen : watched;
        }

        Instant lastActivity() {
            return lastSeen != null && lastSeen.isAfter(updated) ? lastSeen : updated;
        }

        boolean over(Instant now) {
            return notAfter != null && !now.isBefore(notAfter);
        }

        int usable(Instant now) {
            return (current != null && current.usable(now) ? 1 : 0)
                    + (retiring != null && retiring.usable(now) ? 1 : 0);
        }

        boolean admitted(Instant now) {
            return state == AgentState.ACTIVE && !over(now);
        }

        boolean live() {
            return state != AgentState.DECOMMISSIONING && state != AgentState.DECOMMISSIONED;
        }
    }

    final Map<String, ModelAgent> agents = new LinkedHashMap<>();

    /** A digest and the tenant in which it is blocked. */
    private final Set<String> blocked = new TreeSet<>();

    Instant clock;
    Instant high;
    private Instant stored;
    long regressions;
    private boolean behind;
    private boolean unreported;
    private Instant opened;
    private Settings settings;

    LifecycleModel(Instant start, Settings settings) {
        this.clock = start;
        this.high = start;
        this.stored = start;
        this.opened = start;
        this.settings = settings;
    }

    Instant now() {
        return clock.isBefore(high) ? high : clock;
    }

    /** Somebody looks at the clock; one that went back by more than two seconds is noticed once. */
    void look() {
        if (!clock.isBefore(high)) {
            behind = false;
            if (high.plusMillis(100).isBefore(clock)) {
                high = clock;
            }
        } else if (!behind && Duration.between(clock, high).compareTo(Duration.ofSeconds(2)) > 0) {
            behind = true;
            unreported = true;
        }
    }

    private void report() {
        if (unreported) {
            unreported = false;
            regressions++;
            commit();
        }
    }

    /** What was refused for who asked was written down now; that is no event of an agent. */
    void wroteRefusals() {
        commit();
    }

    void reopen(Settings next) {
        behind = false;
        unreported = false;
        high = stored;
        look();
        report();
        opened = now();
        if (!next.equals(settings)) {
            commit();
        }
        settings = next;
    }

    Settings settings() {
        return settings;
    }

    // ---- commands

    String request(String key, @Nullable String owner, @Nullable Duration life, @Nullable String digest) {
        Instant now = now();
        if (settings.owner && owner == null) {
            return "owner-required";
        }
        if (life != null && life.isZero()) {
            return "lifespan-over";
        }
        if (blocked.contains(digest + " in " + tenant(key))) {
            return "manifest-blocked";
        }
        ModelAgent known = agents.get(key);
        if (known != null) {
            return known.state == AgentState.DECOMMISSIONED ? "agent-id-retired" : "agent-id-taken";
        }
        var agent = new ModelAgent();
        agent.digest = digest;
        agent.tenant = tenant(key);
        agent.owner = owner;
        agent.notAfter = life == null ? null : now.plus(life);
        agent.requestExpires = now.plus(settings.approvalTimeout);
        agents.put(key, agent);
        say(agent, EventKind.AGENT_REQUESTED);
        if (!settings.approval) {
            agent.state = AgentState.PROVISIONED;
            say(agent, EventKind.AGENT_APPROVED, EventKind.AGENT_PROVISIONED);
        }
        return OK;
    }

    String imported(String key, AgentState state) {
        ModelAgent known = agents.get(key);
        if (known != null) {
            return known.state == AgentState.DECOMMISSIONED ? "agent-id-retired" : "agent-id-taken";
        }
        var agent = new ModelAgent();
        agent.state = state;
        agent.owner = "import@company.com";
        if (state == AgentState.PENDING_APPROVAL) {
            agent.requestExpires = now().plus(settings.approvalTimeout);
        }
        if (state == AgentState.SUSPENDED) {
            agent.holds.add("operator");
        }
        if (state == AgentState.ACTIVE) {
            agent.watched = now();
        } else {
            agent.watched = LifecycleModelTest.CREATED_ELSEWHERE;
        }
        agents.put(key, agent);
        say(agent, EventKind.AGENT_IMPORTED);
        return OK;
    }

    String approve(String key, boolean human, boolean self) {
        ModelAgent agent = agents.get(key);
        if (agent == null) {
            return NO_AGENT;
        }
        if (agent.state != AgentState.PENDING_APPROVAL) {
            return NOT_ALLOWED;
        }
        if (isOver(agent.requestExpires) || isOver(agent.notAfter)) {
            return "request-expired";
        }
        if (!human) {
            return "approver-human";
        }
        if (self || agent.passedOn) { // whoever changes owners in these lives is the one who approves
            return "self-approval";
        }
        if (blocked.contains(agent.made())) {
            return "manifest-blocked";
        }
        agent.state = AgentState.PROVISIONED;
        return say(agent, EventKind.AGENT_APPROVED, EventKind.AGENT_PROVISIONED);
    }

    private boolean isOver(Instant end) {
        return end != null && !now().isBefore(end);
    }

    private static String tenant(String key) {
        return key.contains("/") ? key.substring(0, key.indexOf('/')) : "";
    }

    String turnDown(String key, EventKind kind) {
        ModelAgent agent = agents.get(key);
        if (agent == null) {
            return NO_AGENT;
        }
        if (agent.state != AgentState.PENDING_APPROVAL) {
            return NOT_ALLOWED;
        }
        agent.state = AgentState.DECOMMISSIONED;
        return say(agent, kind);
    }

    String activate(String key) {
        ModelAgent agent = agents.get(key);
        if (agent == null) {
            return NO_AGENT;
        }
        if (agent.state != AgentState.PROVISIONED) {
            return NOT_ALLOWED;
        }
        if (!agent.holds.isEmpty() && blocked.contains(agent.made())) {
            return "manifest-blocked";
        }
        if (!agent.holds.isEmpty()) {
            agent.state = AgentState.SUSPENDED;
            return say(agent, EventKind.AGENT_ACTIVATED);
        }
        return enter(agent, agent.owner, EventKind.AGENT_ACTIVATED);
    }

    private String enter(ModelAgent agent, @Nullable String owner, EventKind... kinds) {
        if (settings.owner && owner == null) {
            return "owner-required";
        }
        if (agent.over(now())) {
            return "lifespan-over";
        }
        if (blocked.contains(agent.made())) {
            return "manifest-blocked";
        }
        agent.owner = owner;
        agent.activeWithoutOwner = owner == null;
        agent.holds.clear();
        agent.adminHolds.clear();
        agent.agreed.clear();
        agent.state = AgentState.ACTIVE;
        agent.watched = now();
        agent.heard = false;
        agent.silenceSince = null;
        return say(agent, kinds);
    }

    /** Tells of the credential that a command has given. */
    void issued(String key, CredentialId id, boolean rotated) {
        ModelAgent agent = Objects.requireNonNull(agents.get(key));
        Instant now = now();
        Instant end = now.plus(settings.ttl);
        var next = new Cred(id, now, agent.notAfter != null && agent.notAfter.isBefore(end) ? agent.notAfter : end);
        Cred before = agent.current;
        agent.retiring = null;
        if (rotated && before != null && before.usable(now)) {
            before.grace = now.plus(settings.overlap);
            agent.retiring = before;
        }
        agent.current = next;
        agent.generation++;
        say(agent, rotated ? EventKind.CREDENTIAL_ROTATED : EventKind.CREDENTIAL_ISSUED);
    }

    String heartbeat(String key) {
        ModelAgent agent = agents.get(key);
        if (agent == null) {
            return NO_AGENT;
        }
        if (agent.state != AgentState.ACTIVE) {
            return NOT_ALLOWED;
        }
        if (!agent.heard) {
            say(agent, EventKind.HEARTBEAT_FIRST);
        } else if (agent.silenceSince != null) {
            say(agent, EventKind.HEARTBEAT_RESUMED);
        }
        agent.heard = true;
        agent.silenceSince = null;
        agent.beats++;
        if (agent.lastSeen == null || now().isAfter(agent.lastSeen)) {
            agent.lastSeen = now();
        }
        return OK;
    }

    String rotate(String key) {
        ModelAgent agent = agents.get(key);
        if (agent == null) {
            return NO_AGENT;
        }
        if (agent.state != AgentState.ACTIVE) {
            return NOT_ALLOWED;
        }
        return agent.over(now()) ? "lifespan-over" : OK;
    }

    String revoke(String key) {
        ModelAgent agent = agents.get(key);
        if (agent == null) {
            return NO_AGENT;
        }
        switch (agent.state) {
            case ACTIVE, QUARANTINED, SUSPENDED, ORPHANED -> {
                takeBack(agent);
                return OK;
            }
            default -> {
                return NOT_ALLOWED;
            }
        }
    }

    private void takeBack(ModelAgent agent) {
        boolean any = agent.retiring != null || (agent.current != null && !agent.current.revoked);
        agent.retiring = null;
        if (agent.current != null) {
            agent.current.revoked = true;
        }
        if (any) {
            say(agent, EventKind.CREDENTIAL_REVOKED);
        }
    }

    String changeOwner(String key, String owner) {
        ModelAgent agent = agents.get(key);
        if (agent == null) {
            return NO_AGENT;
        }
        if (agent.state == AgentState.DECOMMISSIONED) {
            return NOT_ALLOWED;
        }
        if (!owner.equals(agent.owner)) {
            agent.owner = owner;
            agent.passedOn |= agent.state == AgentState.PENDING_APPROVAL;
            if (agent.state == AgentState.ACTIVE && agent.current != null) {
                agent.current.ofAnotherOwner = true;
            }
            say(agent, EventKind.AGENT_OWNER_CHANGED);
        }
        return OK;
    }

    String suspend(String key) {
        ModelAgent agent = agents.get(key);
        if (agent == null) {
            return NO_AGENT;
        }
        boolean held = agent.holds.contains("operator");
        switch (agent.state) {
            case ACTIVE, QUARANTINED -> {
                if (held && !isHarder(agent, "operator")) {
                    return "hold-stands";
                }
                outOfQuarantine(agent, "operator");
                agent.agreed.remove("operator");
                agent.state = AgentState.SUSPENDED;
                agent.holds.add("operator");
                return say(agent, EventKind.AGENT_SUSPENDED);
            }
            case ORPHANED -> {
                if (held) {
                    return "hold-stands";
                }
                agent.holds.add("operator");
                return say(agent, EventKind.AGENT_SUSPENDED);
            }
            case SUSPENDED -> {
                if (held) {
                    return NOT_ALLOWED;
                }
                agent.holds.add("operator");
                return say(agent, EventKind.HOLD_PLACED);
            }
            default -> {
                return NOT_ALLOWED;
            }
        }
    }

    /** Out of a quarantine that takes an admin leads a hold that does, too. */
    private static boolean isHarder(ModelAgent agent, String hold) {
        return agent.state == AgentState.QUARANTINED && agent.quarantineOfAdmin && !agent.adminHolds.contains(hold);
    }

    /** Who is suspended out of a quarantine that takes an admin is let go by an admin. */
    private static void outOfQuarantine(ModelAgent agent, String hold) {
        if (agent.state == AgentState.QUARANTINED && agent.quarantineOfAdmin) {
            agent.adminHolds.add(hold);
        }
    }

    String placeHold(String key, String reason) {
        ModelAgent agent = agents.get(key);
        if (agent == null) {
            return NO_AGENT;
        }
        if (reason.equals("quarantine")) {
            return "hold-reserved";
        }
        if (!agent.live()) {
            return NOT_ALLOWED;
        }
        if (agent.holds.contains(reason)) {
            return "hold-stands";
        }
        agent.holds.add(reason);
        if (agent.state == AgentState.ACTIVE) {
            agent.state = AgentState.SUSPENDED;
            return say(agent, EventKind.AGENT_SUSPENDED);
        }
        return say(agent, EventKind.HOLD_PLACED);
    }

    String placeLegalHold(String key, String reference) {
        ModelAgent agent = agents.get(key);
        if (agent == null) {
            return NO_AGENT;
        }
        return agent.legalHolds.add(reference) ? say(agent, EventKind.LEGAL_HOLD_PLACED) : "legal-hold-stands";
    }

    String releaseLegalHold(String key, String reference) {
        ModelAgent agent = agents.get(key);
        if (agent == null) {
            return NO_AGENT;
        }
        return agent.legalHolds.remove(reference) ? say(agent, EventKind.LEGAL_HOLD_RELEASED) : "no-such-legal-hold";
    }

    /** What was erased is not written down again as long as nothing more has happened. */
    String erase(String key) {
        ModelAgent agent = agents.get(key);
        if (agent == null) {
            return NO_AGENT;
        }
        if (agent.state != AgentState.DECOMMISSIONED) {
            return "erasure-after-end";
        }
        if (!agent.legalHolds.isEmpty()) {
            return "legal-hold";
        }
        if (agent.trail.get(agent.trail.size() - 1) == EventKind.PERSONAL_DATA_ERASED) {
            return OK;
        }
        agent.owner = agent.owner == null ? null : "REDACTED";
        return say(agent, EventKind.PERSONAL_DATA_ERASED);
    }

    /** The first of two agrees, and comes in vain again; empty if it is to be released. */
    private Optional<String> first(ModelAgent agent, String what, int who) {
        Optional<Integer> other = Optional.ofNullable(agent.agreed.get(what));
        if (!settings.fourEyes || other.isPresent() && other.get() != who) {
            return Optional.empty();
        }
        if (other.isPresent()) {
            return Optional.of("four-eyes");
        }
        agent.agreed.put(what, who);
        return Optional.of(say(agent, EventKind.RELEASE_AGREED));
    }

    String releaseHold(String key, String reason, boolean admin, int who) {
        ModelAgent agent = agents.get(key);
        if (agent == null) {
            return NO_AGENT;
        }
        if (!agent.live() || agent.state == AgentState.ACTIVE) {
            return NOT_ALLOWED;
        }
        if (!agent.holds.contains(reason)) {
            return "no-such-hold";
        }
        if (agent.adminHolds.contains(reason) && !admin) {
            return "hold-authority";
        }
        if (agent.adminHolds.contains(reason)) {
            Optional<String> first = first(agent, reason, who);
            if (first.isPresent()) {
                return first.get();
            }
        }
        if (agent.state == AgentState.SUSPENDED && agent.holds.size() == 1) {
            return enter(agent, agent.owner, EventKind.AGENT_RESUMED);
        }
        agent.holds.remove(reason);
        agent.adminHolds.remove(reason);
        agent.agreed.remove(reason);
        return say(agent, EventKind.HOLD_RELEASED);
    }

    // ---- quarantine

    String quarantine(String key, Incident.Kind kind, Severity severity) {
        ModelAgent agent = agents.get(key);
        if (agent == null) {
            return NO_AGENT;
        }
        if (!agent.live()) {
            return NOT_ALLOWED;
        }
        if (agent.state != AgentState.ACTIVE
                && !(agent.state == AgentState.QUARANTINED && isWorse(agent, kind, severity))) {
            remember(agent, kind, severity);
            say(agent, EventKind.INCIDENT_REPORTED);
        }
        stop(agent, kind, severity);
        return OK;
    }

    private static boolean isWorse(ModelAgent agent, Incident.Kind kind, Severity severity) {
        return severity.compareTo(agent.quarantineSeverity) > 0
                || kind == Incident.Kind.SECURITY_VIOLATION && !agent.quarantineOfAdmin;
    }

    /** Into quarantine, or a worse one, or under a hold; what is as bad already changes nothing. */
    private void stop(ModelAgent agent, Incident.Kind kind, Severity severity) {
        boolean theft = kind == Incident.Kind.SECURITY_VIOLATION;
        if (agent.state == AgentState.ACTIVE) {
            into(agent, kind, severity);
        } else if (agent.state == AgentState.QUARANTINED) {
            if (isWorse(agent, kind, severity)) {
                agent.quarantineOfAdmin |= theft;
                if (severity.compareTo(agent.quarantineSeverity) > 0) {
                    agent.quarantineSeverity = severity;
                }
                agent.agreed.remove("");
                say(agent, EventKind.AGENT_QUARANTINED);
            }
        } else if (agent.holds.add("quarantine")) {
            say(agent, EventKind.HOLD_PLACED);
            if (theft) {
                agent.adminHolds.add("quarantine");
            }
        } else {
            boolean graver = theft && agent.adminHolds.add("quarantine");
            boolean unknown = agent.agreed.remove("quarantine") != null;
            if (graver || unknown) {
                say(agent, EventKind.HOLD_PLACED);
            }
        }
    }

    private void into(ModelAgent agent, Incident.Kind kind, Severity severity) {
        agent.state = AgentState.QUARANTINED;
        agent.quarantines++;
        agent.quarantineOfAdmin = kind == Incident.Kind.SECURITY_VIOLATION;
        agent.quarantineSeverity = severity;
        agent.agreed.remove("");
        agent.attempts = 0;
        agent.retryAt = null;
        say(agent, EventKind.AGENT_QUARANTINED);
    }

    private List<Map.Entry<Instant, Severity>> remember(ModelAgent agent, Incident.Kind kind, Severity severity) {
        List<Map.Entry<Instant, Severity>> all = agent.incidents.computeIfAbsent(kind.name(), k -> new ArrayList<>());
        all.add(Map.entry(now(), severity));
        return all;
    }

    /** More than so many within ten minutes, since it last became ACTIVE; or one that is grave. */
    String report(String key, Incident.Kind kind, Severity severity) {
        ModelAgent agent = agents.get(key);
        if (agent == null) {
            return NO_AGENT;
        }
        if (agent.state == AgentState.DECOMMISSIONED) {
            return "incident-after-end";
        }
        List<Map.Entry<Instant, Severity>> all = remember(agent, kind, severity);
        say(agent, EventKind.INCIDENT_REPORTED);
        int most = kind == Incident.Kind.SECURITY_VIOLATION ? 0 : kind == Incident.Kind.CRASH ? 3 : 10;
        Severity worst = severity;
        int counted = 0;
        for (Map.Entry<Instant, Severity> one : all) {
            Instant at = one.getKey();
            if (!at.isBefore(now().minus(Duration.ofMinutes(10))) && !at.isBefore(agent.watched)) {
                counted++;
                worst = one.getValue().compareTo(worst) > 0 ? one.getValue() : worst;
            }
        }
        if (counted > most) {
            stop(agent, kind, worst);
        } else if (severity == Severity.CRITICAL) {
            stop(agent, kind, severity);
        }
        return OK;
    }

    String release(String key, boolean admin, int who) {
        ModelAgent agent = agents.get(key);
        if (agent == null) {
            return NO_AGENT;
        }
        if (agent.state != AgentState.QUARANTINED) {
            return NOT_ALLOWED;
        }
        if (agent.quarantineOfAdmin && !admin) {
            return "quarantine-authority";
        }
        Optional<String> first = agent.quarantineOfAdmin ? first(agent, "", who) : Optional.empty();
        return first.orElseGet(() -> leave(agent, EventKind.AGENT_RELEASED));
    }

    private String leave(ModelAgent agent, EventKind kind) {
        if (agent.holds.isEmpty()) {
            return enter(agent, agent.owner, kind);
        }
        agent.state = AgentState.SUSPENDED;
        return say(agent, kind);
    }

    /** Three, two, one, none; and each failure doubles the wait, which is a minute at first. */
    String recover(String key, boolean works, boolean admin) {
        ModelAgent agent = agents.get(key);
        if (agent == null) {
            return NO_AGENT;
        }
        if (agent.state != AgentState.QUARANTINED) {
            return NOT_ALLOWED;
        }
        if (agent.quarantineOfAdmin && !admin) {
            return "quarantine-authority";
        }
        if (agent.quarantineOfAdmin && settings.fourEyes) {
            return "four-eyes";
        }
        int most = 3 - agent.quarantineSeverity.ordinal();
        if (agent.attempts >= most) {
            return OK;
        }
        if (agent.retryAt != null && now().isBefore(agent.retryAt)) {
            return "recovery-wait";
        }
        if (agent.holds.isEmpty() && agent.owner == null && settings.owner) {
            return "owner-required";
        }
        if (agent.holds.isEmpty() && agent.over(now())) {
            return "lifespan-over";
        }
        agent.attempts++;
        agent.retryAt = agent.attempts == most ? null : now().plus(Duration.ofMinutes(1L << (agent.attempts - 1)));
        say(agent, EventKind.AGENT_RECOVERY_STARTED);
        if (works) {
            return leave(agent, EventKind.AGENT_RECOVERED);
        }
        return say(agent, EventKind.AGENT_RECOVERY_FAILED);
    }

    String block(String key) {
        ModelAgent agent = agents.get(key);
        if (agent == null) {
            return NO_AGENT;
        }
        if (agent.blocked) {
            return OK;
        }
        agent.blocked = true;
        if (agent.digest != null) {
            blocked.add(agent.made());
        }
        say(agent, EventKind.AGENT_BLOCKED);
        if (agent.state == AgentState.PENDING_APPROVAL) {
            agent.state = AgentState.DECOMMISSIONED;
            say(agent, EventKind.AGENT_REJECTED);
        } else if (agent.live()) {
            retire(agent);
        }
        return OK;
    }

    String renew(String key, Instant notAfter) {
        ModelAgent agent = agents.get(key);
        if (agent == null) {
            return NO_AGENT;
        }
        if (!agent.live() || agent.state == AgentState.PENDING_APPROVAL) {
            return NOT_ALLOWED;
        }
        if (agent.notAfter == null) {
            return "lifespan-endless";
        }
        if (agent.over(now())) {
            return "lifespan-over";
        }
        if (!notAfter.isAfter(agent.notAfter)) {
            return "lifespan-shorter";
        }
        agent.notAfter = notAfter;
        return say(agent, EventKind.AGENT_RENEWED);
    }

    String resume(String key) {
        ModelAgent agent = agents.get(key);
        if (agent == null) {
            return NO_AGENT;
        }
        if (agent.state != AgentState.SUSPENDED) {
            return NOT_ALLOWED;
        }
        return agent.holds.equals(Set.of("operator")) ? releaseHold(key, "operator", false, 0) : "other-holds";
    }

    String markOrphaned(String key) {
        ModelAgent agent = agents.get(key);
        if (agent == null) {
            return NO_AGENT;
        }
        if (agent.state != AgentState.ACTIVE) {
            return agent.state == AgentState.ORPHANED ? "ALREADY" : "NOT_ELIGIBLE";
        }
        agent.state = AgentState.ORPHANED;
        say(agent, EventKind.AGENT_ORPHANED);
        return "MARKED";
    }

    String reclaim(String key, String owner) {
        ModelAgent agent = agents.get(key);
        if (agent == null) {
            return NO_AGENT;
        }
        if (agent.state != AgentState.ORPHANED) {
            return NOT_ALLOWED;
        }
        EventKind[] kinds = owner.equals(agent.owner)
                ? new EventKind[] {EventKind.AGENT_RECLAIMED}
                : new EventKind[] {EventKind.AGENT_OWNER_CHANGED, EventKind.AGENT_RECLAIMED};
        if (!agent.holds.isEmpty()) {
            agent.owner = owner;
            agent.state = AgentState.SUSPENDED;
            return say(agent, kinds);
        }
        return enter(agent, owner, kinds);
    }

    String decommission(String key) {
        ModelAgent agent = agents.get(key);
        if (agent == null) {
            return NO_AGENT;
        }
        if (!agent.live() || agent.state == AgentState.PENDING_APPROVAL) {
            return NOT_ALLOWED;
        }
        retire(agent);
        return OK;
    }

    private void retire(ModelAgent agent) {
        say(agent, EventKind.AGENT_DECOMMISSION_STARTED);
        if (settings.revokeAtEnd) {
            takeBack(agent);
        }
        agent.state = AgentState.DECOMMISSIONED;
        say(agent, EventKind.AGENT_DECOMMISSIONED);
    }

    // ---- time

    void sweep() {
        report();
        Instant now = now();
        agents.values().forEach(agent -> sweep(agent, now));
    }

    private void sweep(ModelAgent agent, Instant now) {
        if (!agent.live()) {
            return;
        }
        if (agent.state == AgentState.PENDING_APPROVAL) {
            if (agent.over(now) || (agent.requestExpires != null && !now.isBefore(agent.requestExpires))) {
                agent.state = AgentState.DECOMMISSIONED;
                say(agent, EventKind.AGENT_REQUEST_EXPIRED);
            }
            return;
        }
        if (agent.over(now)) {
            retire(agent);
            return;
        }
        Instant idle = agent.lastActivity().plus(settings.inactiveAfter).plus(settings.inactiveGrace);
        if (!now.isBefore(idle)) {
            if (settings.inactive.equals("DECOMMISSION")) {
                retire(agent);
                return;
            }
            boolean canBeHeld = agent.state == AgentState.ACTIVE
                    || agent.state == AgentState.QUARANTINED
                    || agent.state == AgentState.ORPHANED;
            if (settings.inactive.equals("SUSPEND") && canBeHeld && agent.holds.add("inactive")) {
                outOfQuarantine(agent, "inactive");
                agent.state = agent.state == AgentState.ORPHANED ? AgentState.ORPHANED : AgentState.SUSPENDED;
                say(agent, EventKind.AGENT_SUSPENDED);
                return;
            }
        }
        if (agent.state != AgentState.ACTIVE) {
            return;
        }
        Instant since = agent.silentSince();
        Instant grace = opened.plus(settings.interval.multipliedBy(settings.missed));
        if (!now.isBefore(since.plus(settings.orphanAfter)) && !now.isBefore(grace)) {
            agent.state = AgentState.ORPHANED;
            say(agent, EventKind.AGENT_ORPHANED);
            return;
        }
        long passed = Duration.between(since, now).dividedBy(settings.interval);
        long noted = since.equals(agent.silenceSince) ? agent.silenceWindows : 0;
        if (passed >= settings.missed && passed > noted && !now.isBefore(grace)) {
            agent.silenceSince = since;
            agent.silenceWindows = passed;
            say(agent, EventKind.HEARTBEAT_MISSED);
        }
        noteExpiry(agent, now);
        noteAging(agent, now);
    }

    /** At three quarters of its life, once, unless the agent itself ends with it. */
    private void noteAging(ModelAgent agent, Instant now) {
        Cred current = agent.current;
        if (current == null || current.revoked || current.expiryNoted || current.agingNoted) {
            return;
        }
        boolean last = agent.notAfter != null && !current.expires.isBefore(agent.notAfter);
        if (!last && !now.isBefore(current.ages())) {
            current.agingNoted = true;
            say(agent, EventKind.CREDENTIAL_AGING);
        }
    }

    private void noteExpiry(ModelAgent agent, Instant now) {
        Cred current = agent.current;
        if (current != null && !current.revoked && !current.expiryNoted && !now.isBefore(current.expires)) {
            current.expiryNoted = true;
            say(agent, EventKind.CREDENTIAL_EXPIRED);
        }
    }

    /** What a check of credentials may answer for that agent; the jitter leaves it a choice for a while. */
    Set<RotationResult.Outcome> rotation(String key) {
        ModelAgent agent = Objects.requireNonNull(agents.get(key));
        Instant now = now();
        Set<RotationResult.Outcome> wanted = wanted(agent.current, agent.notAfter, now);
        boolean gives = !Set.of(
                        RotationResult.Outcome.OK, RotationResult.Outcome.SKIPPED, RotationResult.Outcome.EXPIRED)
                .containsAll(wanted);
        return gives && agent.over(now) ? Set.of(RotationResult.Outcome.FAILED) : wanted;
    }

    private Set<RotationResult.Outcome> wanted(@Nullable Cred current, @Nullable Instant end, Instant now) {
        if (current == null) {
            return Set.of(RotationResult.Outcome.ISSUED);
        }
        if (current.revoked) {
            return Set.of(RotationResult.Outcome.SKIPPED);
        }
        boolean lives = now.isBefore(current.expires) && !current.expiryNoted;
        if (lives && current.ofAnotherOwner) {
            return Set.of(RotationResult.Outcome.ROTATED);
        }
        if (!settings.autoRotate) {
            return Set.of(lives ? RotationResult.Outcome.OK : RotationResult.Outcome.EXPIRED);
        }
        boolean last = end != null && !current.expires.isBefore(end);
        if (last && lives) {
            return Set.of(RotationResult.Outcome.OK);
        }
        Duration life = Duration.between(current.issued, current.expires);
        if (current.expiryNoted || !now.isBefore(current.expires.minus(settings.overlap))) {
            return Set.of(RotationResult.Outcome.ROTATED);
        }
        Duration age = Duration.between(current.issued, now);
        if (age.compareTo(life.multipliedBy(44).dividedBy(100)) < 0) {
            return Set.of(RotationResult.Outcome.OK);
        }
        return age.compareTo(life.multipliedBy(56).dividedBy(100)) > 0
                ? Set.of(RotationResult.Outcome.ROTATED)
                : Set.of(RotationResult.Outcome.OK, RotationResult.Outcome.ROTATED);
    }

    void rotationFoundExpired(String key) {
        noteExpiry(Objects.requireNonNull(agents.get(key)), now());
    }

    /** The first instant after now at which something may change, for tests that aim at the edges. */
    Optional<Instant> nextEdge() {
        List<Instant> edges = new ArrayList<>();
        for (ModelAgent agent : agents.values()) {
            edges.addAll(Arrays.asList(agent.requestExpires, agent.notAfter, agent.retryAt));
            agent.incidents
                    .values()
                    .forEach(all -> all.forEach(one -> edges.add(one.getKey().plus(Duration.ofMinutes(10)))));
            for (Cred cred : Arrays.asList(agent.current, agent.retiring)) {
                if (cred != null) {
                    edges.addAll(Arrays.asList(cred.expires, cred.ages(), cred.grace));
                }
            }
            if (agent.state == AgentState.ACTIVE) {
                Instant since = agent.silentSince();
                edges.add(since.plus(settings.orphanAfter));
                edges.add(since.plus(settings.interval.multipliedBy(settings.missed)));
                edges.add(since.plus(settings.interval.multipliedBy(agent.silenceWindows + 1)));
            }
            if (agent.live()) {
                edges.add(agent.lastActivity().plus(settings.inactiveAfter).plus(settings.inactiveGrace));
            }
        }
        return edges.stream()
                .filter(Objects::nonNull)
                .filter(edge -> edge.isAfter(now()))
                .min(Instant::compareTo);
    }

    private String say(ModelAgent agent, EventKind... kinds) {
        agent.trail.addAll(List.of(kinds));
        agent.updated = now();
        commit();
        return OK;
    }

    /** What is stored names its time, and a manager that is opened later begins there. */
    private void commit() {
        high = now();
        stored = stored.isBefore(high) ? high : stored;
    }
}
