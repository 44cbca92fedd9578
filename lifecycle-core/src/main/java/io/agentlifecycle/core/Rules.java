package io.agentlifecycle.core;

import static io.agentlifecycle.core.agent.AgentState.ACTIVE;
import static io.agentlifecycle.core.agent.AgentState.PENDING_APPROVAL;
import static io.agentlifecycle.core.agent.AgentState.SUSPENDED;

import io.agentlifecycle.core.Plan.Decision;
import io.agentlifecycle.core.Plan.NewCredential;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.Capability;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.Text;
import io.agentlifecycle.core.agent.Activity;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Command;
import io.agentlifecycle.core.agent.FinalReport;
import io.agentlifecycle.core.agent.Lifespan;
import io.agentlifecycle.core.agent.Retirement;
import io.agentlifecycle.core.agent.TransitionTable;
import io.agentlifecycle.core.approval.ApprovalRequest;
import io.agentlifecycle.core.audit.ActorJson;
import io.agentlifecycle.core.audit.CredentialRef;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.KeyRotation;
import io.agentlifecycle.core.audit.SignatureVerifier;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.credential.CredentialOrder;
import io.agentlifecycle.core.credential.CredentialStatus;
import io.agentlifecycle.core.credential.Credentials;
import io.agentlifecycle.core.error.InvalidTransitionException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.spi.AccessRule;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What each command means: pure functions from an agent and a time to events, or a typed refusal. Where a command leads
 * stands in the {@link TransitionTable}; what else it needs, and what it writes down, stands here.
 *
 * @param access in which role somebody acts
 * @param tasks the names of the teardown tasks of this host, in order
 */
record Rules(
        LifecyclePolicy policy, TransitionTable<AgentState, Command> table, AccessRule access, List<String> tasks) {
    static final Actor AUTO = Actor.policy("auto");

    /** How long after a failed teardown the first retry comes; it doubles with each failure up to an hour. */
    private static final Duration FIRST_RETRY = Duration.ofMinutes(1);

    /** How far the clock of an agent that changes its key may be off, either way. */
    private static final Duration KEY_ROTATION_WINDOW = Duration.ofSeconds(60);

    private static final Duration LONGEST_RETRY = Duration.ofHours(1);

    /** After so many failures in a row something is stuck. */
    static final int STUCK = 6;

    // ---- coming in

    /** The first events of an agent that was asked for. */
    List<EventContent> request(ProvisioningRequest request, Instant now) {
        requireOwner("the request for " + request.profile().name(), request.owner());
        requireLifespan("the request for " + request.profile().name(), request.lifespan(), now);
        RequestJson asked = RequestJson.of(request);
        Json.Obj details = asked.putInto(Json.object())
                .put("expires", policy.approval().expiry(now))
                .build();
        var requested = EventContent.of(EventKind.AGENT_REQUESTED, request.requestedBy(), details)
                .to(PENDING_APPROVAL)
                .because(request.idempotencyKey());
        if (policy.approval().required()) {
            return List.of(requested);
        }
        return List.of(
                requested,
                ApprovalRules.approved(AUTO, asked, now, Json.Obj.EMPTY),
                ApprovalRules.provisioned(AUTO, asked));
    }

    /** The first event of an agent that comes from elsewhere. */
    EventContent imported(AgentImport agent, String source, Actor actor, Instant now) {
        if (!agent.state().isTerminal()) {
            requireShort(
                    "the imported agent " + agent.request().profile().name(),
                    agent.request().lifespan().notAfter(),
                    now);
        }
        Json.ObjBuilder details = RequestJson.of(agent.request())
                .putInto(Json.object())
                .put(
                        "expires",
                        agent.state() == PENDING_APPROVAL ? policy.approval().expiry(now) : Optional.empty())
                .put("createdAt", agent.createdAt().toString())
                .put("requestedBy", ActorJson.write(agent.request().requestedBy()))
                .put("source", Text.line("source", source, 256));
        if (agent.state() == SUSPENDED) {
            details.put("hold", HoldReason.OPERATOR.code()).put("text", "suspended where it came from");
        }
        return EventContent.of(EventKind.AGENT_IMPORTED, actor, details.build()).to(agent.state());
    }

    /** Who may vote on a request, and what becomes of it. */
    ApprovalRules approvals() {
        return new ApprovalRules(this);
    }

    /** What becomes of an agent that is in and is changed. */
    ReapprovalRules reapprovals() {
        return new ReapprovalRules(this);
    }

    Decision reject(String reason, Actor actor) {
        return turnDown(Command.REJECT, EventKind.AGENT_REJECTED, reason, actor);
    }

    Decision withdraw(String reason, Actor actor) {
        return turnDown(Command.WITHDRAW, EventKind.AGENT_WITHDRAWN, reason, actor);
    }

    private Decision turnDown(Command command, EventKind kind, String reason, Actor actor) {
        Text.prose("reason", reason, 1024);
        return (agent, now) -> Plan.of(event(
                kind, actor, agent, command, Json.object().put("reason", reason).build()));
    }

    Decision expireRequest() {
        return (agent, now) -> Plan.of(
                event(EventKind.AGENT_REQUEST_EXPIRED, Actor.SYSTEM, agent, Command.EXPIRE_REQUEST, Json.Obj.EMPTY));
    }

    // ---- working

    Decision activate(Actor actor) {
        return (agent, now) -> {
            next(agent, Command.ACTIVATE);
            Command command = agent.holds().isEmpty() ? Command.ACTIVATE : Command.ACTIVATE_HELD;
            var activated = event(EventKind.AGENT_ACTIVATED, actor, agent, command, Json.Obj.EMPTY);
            return entering(agent, actor, now, List.of(activated));
        };
    }

    /** Whoever becomes ACTIVE must be allowed to be, and gets a credential; held, it gets neither. */
    Plan entering(Agent agent, Actor actor, Instant now, List<EventContent> events) {
        Plan plan = Plan.of(events);
        boolean becomesActive = events.stream().anyMatch(event -> event.to().equals(Optional.of(ACTIVE)));
        if (!becomesActive) {
            return plan;
        }
        boolean getsOwner = events.stream().anyMatch(event -> event.kind() == EventKind.AGENT_OWNER_CHANGED);
        if (!getsOwner) {
            requireOwner("agent " + agent.key(), agent.owner());
        }
        requireLife(agent, "become ACTIVE", now);
        return plan.issuing(new NewCredential(EventKind.CREDENTIAL_ISSUED, actor, false));
    }

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
            next(agent, Command.RENEW);
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
                requireFew(agent);
            }
            Json.Obj details = Json.object()
                    .put("notAfter", notAfter.toString())
                    .put("oldNotAfter", old.toString())
                    .build();
            return Plan.of(event(EventKind.AGENT_RENEWED, actor, agent, Command.RENEW, details));
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

    private void requireShort(String whom, Optional<Instant> notAfter, Instant now) {
        policy.maxLifespan().ifPresent(longest -> {
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

    /** Writes a heartbeat down only if it is the first one, or ends a silence. */
    Decision heartbeat() {
        return (agent, now) -> {
            next(agent, Command.HEARTBEAT);
            Actor self = Actor.agent(agent.id());
            if (!agent.activity().heard()) {
                return Plan.of(event(EventKind.HEARTBEAT_FIRST, self, agent, Command.HEARTBEAT, Json.Obj.EMPTY));
            }
            return agent.activity()
                    .silence()
                    .map(silence -> Plan.of(
                            event(EventKind.HEARTBEAT_RESUMED, self, agent, Command.HEARTBEAT, silenceJson(silence))))
                    .orElse(Plan.NOTHING);
        };
    }

    Decision noteSilence(Activity.Silence silence) {
        return (agent, now) -> Plan.of(note(EventKind.HEARTBEAT_MISSED, Actor.SYSTEM, agent, silenceJson(silence)));
    }

    private static Json.Obj silenceJson(Activity.Silence silence) {
        return Json.object()
                .put("since", silence.since().toString())
                .put("windows", silence.windows())
                .build();
    }

    Decision changeOwner(Owner owner, Actor actor) {
        return (agent, now) -> {
            next(agent, Command.CHANGE_OWNER);
            if (agent.owner().equals(Optional.of(owner))) {
                return Plan.NOTHING;
            }
            List<EventContent> events = ownerChanged(agent, owner, actor, now);
            events.set(0, events.get(0).by(Command.CHANGE_OWNER));
            return Plan.of(events).answeredBy(owner);
        };
    }

    /** Whoever had a part in a request is remembered while it waits, or is opened anew, which must come to an end. */
    static void requireFew(Agent agent) {
        if (agent.approval().involved().size() >= ApprovalRequest.MOST_INVOLVED) {
            throw new PolicyViolationException(
                    "request-changes",
                    "the request for agent %s has passed through %d hands while it waited or when it was opened anew; decide on it, or withdraw or decommission it and file a new one"
                            .formatted(agent.key(), agent.approval().involved().size()));
        }
    }

    /**
     * The good credential of an ACTIVE agent was made while another answered for it, so it is due; an owner is no co-owner. If another
     * owner must be approved, the hold until then comes last.
     */
    private List<EventContent> ownerChanged(Agent agent, Owner owner, Actor actor, Instant now) {
        boolean again = reapprovals().isWantedForOwner(agent);
        if (again || ReapprovalRules.isWaiting(agent)) {
            requireFew(agent);
        }
        Json.ObjBuilder details = Json.object().put("oldOwner", agent.owner()).put("newOwner", owner.toString());
        agent.credentials()
                .current()
                .filter(c -> !again && agent.state() == ACTIVE && c.status(now) == CredentialStatus.ACTIVE)
                .ifPresent(c -> details.put("due", c.id().value()));
        if (again) {
            details.put(ReapprovalRules.REAPPROVAL, true);
        }
        List<EventContent> events = new ArrayList<>();
        events.add(note(EventKind.AGENT_OWNER_CHANGED, actor, agent, details.build()));
        agent.coOwners().stream()
                .filter(owner::isSame)
                .forEach(coOwner -> events.add(OwnerRules.coOwnerRemoved(agent, coOwner, actor)));
        if (again) {
            AgentState state = agent.state();
            for (EventContent hold : reapprovals().holding(agent, actor)) {
                state = hold.to().orElseThrow();
                events.add(hold);
            }
            revoked(agent.in(state), "another owner", actor).ifPresent(events::add);
        }
        return events;
    }

    /** Who answers for an agent beside its owner. */
    OwnerRules owners() {
        return new OwnerRules(this);
    }

    /** How much an agent may use. */
    LimitRules limits() {
        return new LimitRules(this);
    }

    // ---- holds

    /** Who may hold an agent, and who may let it go. */
    HoldRules holds() {
        return new HoldRules(this);
    }

    /** What takes two people. */
    FourEyes fourEyes() {
        return new FourEyes(this);
    }

    /** What incidents lead to, and what leads out of a quarantine. */
    QuarantineRules quarantine() {
        return new QuarantineRules(this);
    }

    // ---- orphans

    /** The reason is empty if someone marked it by hand. */
    Decision markOrphaned(Optional<OrphanReason> reason, Instant silentSince, Actor actor) {
        return (agent, now) -> Plan.of(event(
                EventKind.AGENT_ORPHANED,
                actor,
                agent,
                Command.MARK_ORPHANED,
                Json.object()
                        .put("reason", reason.map(Enum::name).orElse("MARKED").toLowerCase(Locale.ROOT))
                        .put("silentSince", silentSince.toString())
                        .build()));
    }

    Decision reclaim(Owner owner, Actor actor) {
        return (agent, now) -> {
            next(agent, Command.RECLAIM);
            List<EventContent> events = new ArrayList<>();
            if (!agent.owner().equals(Optional.of(owner))) {
                events.addAll(ownerChanged(agent, owner, actor, now));
            }
            boolean held = !agent.holds().isEmpty()
                    || events.stream().anyMatch(event -> event.kind() == EventKind.HOLD_PLACED);
            Command command = held ? Command.RECLAIM_HELD : Command.RECLAIM;
            events.add(event(EventKind.AGENT_RECLAIMED, actor, agent, command, Json.Obj.EMPTY));
            return entering(agent.with(owner), actor, now, events).answeredBy(owner);
        };
    }

    // ---- credentials

    /** A new credential for whoever asks. */
    Decision rotate(Actor actor) {
        return rotate(new NewCredential(EventKind.CREDENTIAL_ROTATED, actor, false));
    }

    /** A new credential that goes to its agent by the sink. */
    Decision rotateForDelivery(Actor actor) {
        return rotate(new NewCredential(EventKind.CREDENTIAL_ROTATED, actor, true));
    }

    private Decision rotate(NewCredential wanted) {
        return (agent, now) -> {
            next(agent, Command.ROTATE_CREDENTIALS);
            requireLife(agent, "get a credential", now);
            return Plan.NOTHING.issuing(wanted);
        };
    }

    /** Another identity key, and a credential that is bound to it. The one before lives on as after any rotation. */
    Decision rotateKey(KeyRotation rotation, SignatureVerifier signatures, Actor actor) {
        return (agent, now) -> {
            next(agent, Command.ROTATE_CREDENTIALS);
            requireLife(agent, "get a credential", now);
            requireKeys(agent, rotation);
            long sequence = agent.keyHistory().rotations() + 1;
            requireProof(agent, rotation, sequence, signatures, actor, now);
            return Plan.of(note(EventKind.AGENT_KEY_ROTATED, actor, agent, rotation.details(sequence))
                            .by(Command.ROTATE_CREDENTIALS))
                    .issuing(new NewCredential(EventKind.CREDENTIAL_ROTATED, actor, false));
        };
    }

    private static void requireKeys(Agent agent, KeyRotation rotation) {
        String has = agent.entitlements()
                .keyThumbprint()
                .orElseThrow(() -> new PolicyViolationException(
                        "agent-key",
                        "agent %s is bound to no key; request an agent with keyThumbprint(..)".formatted(agent.key())));
        String old = rotation.oldKey().keyId();
        String wanted = rotation.newKey().keyId();
        if (!old.equals(has)) {
            throw new PolicyViolationException(
                    "agent-key",
                    "agent %s is bound to key %s, and not to %s; sign with the key that it has"
                            .formatted(agent.key(), has, old));
        }
        if (wanted.equals(has) || agent.keyHistory().has(wanted)) {
            throw new PolicyViolationException(
                    "agent-key",
                    "agent %s has key %s, or had it before; generate a new one".formatted(agent.key(), wanted));
        }
    }

    private static void requireProof(
            Agent agent, KeyRotation rotation, long sequence, SignatureVerifier signatures, Actor actor, Instant now) {
        if (Duration.between(rotation.at(), now).abs().compareTo(KEY_ROTATION_WINDOW) > 0) {
            throw new PolicyViolationException(
                    "agent-key-proof",
                    "the change of the key of agent %s was signed at %s, which is not within %s of %s; sign it now"
                            .formatted(agent.key(), rotation.at(), KEY_ROTATION_WINDOW, now));
        }
        if (!rotation.isProven(agent.key(), rotation.oldKey().keyId(), sequence, signatures)) {
            throw new PolicyViolationException(
                    "agent-key-proof",
                    actor,
                    "the change of the key of agent %s is not signed by both keys as number %d; sign the statement of it with both"
                            .formatted(agent.key(), sequence));
        }
    }

    Decision delivered(CredentialId id) {
        return (agent, now) -> {
            if (!agent.credentials().undelivered() || !isCurrent(agent, id)) {
                return Plan.NOTHING;
            }
            Duration overlap = policyFor(agent).credentialPolicy().rotationOverlap();
            Json.ObjBuilder details = Json.object().put("id", id.value());
            agent.credentials()
                    .held(now)
                    .ifPresent(old -> details.put(
                            "graceUntil", old.graceEnd(now.plus(overlap)).toString()));
            return Plan.of(note(EventKind.CREDENTIAL_DELIVERED, Actor.SYSTEM, agent, details.build()));
        };
    }

    /** True while that credential is on its way to an agent that may use it. */
    static boolean awaits(Agent agent, CredentialId id) {
        return agent.state() == ACTIVE && agent.credentials().undelivered() && isCurrent(agent, id);
    }

    private static boolean isCurrent(Agent agent, CredentialId id) {
        return agent.credentials().current().filter(c -> c.id().equals(id)).isPresent();
    }

    /** Notes that a renewal failed, and when the next attempt is. */
    Decision renewalFailed(String step, String error) {
        return (agent, now) -> {
            int attempt =
                    agent.credentials().retry().map(Credentials.Retry::attempts).orElse(0) + 1;
            Json.Obj details = Json.object()
                    .put("step", step.toLowerCase(Locale.ROOT))
                    .put("error", error)
                    .put("attempt", attempt)
                    .put(
                            "nextAt",
                            now.plus(policyFor(agent)
                                            .credentialPolicy()
                                            .retryAfter(agent.key() + "/" + agent.version(), attempt))
                                    .toString())
                    .build();
            return Plan.of(note(EventKind.CREDENTIAL_ROTATION_FAILED, Actor.SYSTEM, agent, details));
        };
    }

    /** The token of a good credential may be made again while its agent may use it. */
    Decision reissue(CredentialId id, Actor actor) {
        return (agent, now) -> {
            next(agent, Command.ROTATE_CREDENTIALS);
            requireLife(agent, "get a token again", now);
            if (agent.credentials()
                    .find(id)
                    .filter(c -> c.status(now).isUsable())
                    .isEmpty()) {
                throw new PolicyViolationException(
                        "credential-usable",
                        "agent %s has no credential %s that is good now; rotate instead".formatted(agent.key(), id));
            }
            Json.Obj details = Json.object().put("id", id.value()).build();
            return Plan.of(note(EventKind.CREDENTIAL_REISSUED, actor, agent, details));
        };
    }

    Decision revokeCredentials(String reason, Actor actor) {
        Text.prose("reason", reason, 1024);
        return (agent, now) -> {
            next(agent, Command.REVOKE_CREDENTIALS);
            return revoked(agent, reason, actor)
                    .map(event -> Plan.of(event.by(Command.REVOKE_CREDENTIALS)))
                    .orElse(Plan.NOTHING);
        };
    }

    /** Only if that one is among them and was not taken back or replaced before: what came later is not its fault. */
    Decision revokeCredentials(CredentialId listed, String reason, Actor actor) {
        Decision all = revokeCredentials(reason, actor);
        return (agent, now) -> agent.state() != AgentState.DECOMMISSIONING
                        && !agent.state().isTerminal()
                        && agent.credentials()
                                .find(listed)
                                .map(credential -> credential.status(now))
                                .filter(status -> status.isUsable() || status == CredentialStatus.EXPIRED)
                                .isPresent()
                ? all.decide(agent, now)
                : Plan.NOTHING;
    }

    static Optional<EventContent> revoked(Agent agent, String reason, Actor actor) {
        List<String> ids = new ArrayList<>();
        agent.credential().ifPresent(c -> ids.add(c.id().value()));
        agent.credentials().retiring().ifPresent(c -> ids.add(c.id().value()));
        agent.credentials().apiKeys().forEach(key -> ids.add(key.id().value()));
        if (ids.isEmpty()) {
            return Optional.empty();
        }
        Json.Obj details =
                Json.object().put("ids", Json.of(ids)).put("reason", reason).build();
        return Optional.of(note(EventKind.CREDENTIAL_REVOKED, actor, agent, details));
    }

    Decision expireCredential() {
        return (agent, now) -> agent.credentials()
                .current()
                .filter(c -> c.recorded() == CredentialStatus.ACTIVE && c.isExpired(now))
                .map(c -> Plan.of(note(
                        EventKind.CREDENTIAL_EXPIRED,
                        Actor.SYSTEM,
                        agent,
                        Json.object()
                                .put("id", c.id().value())
                                .put("expiredAt", c.expiresAt().toString())
                                .build())))
                .orElse(Plan.NOTHING);
    }

    /** Notes that what the agent works with ages, and nobody has replaced it. */
    Decision noteAging() {
        return (agent, now) -> agent.credentials()
                .unwarned()
                .filter(c -> !now.isBefore(c.agesAt()))
                .map(c -> Plan.of(note(
                        EventKind.CREDENTIAL_AGING,
                        Actor.SYSTEM,
                        agent,
                        Json.object()
                                .put("id", c.id().value())
                                .put("expiresAt", c.expiresAt().toString())
                                .build())))
                .orElse(Plan.NOTHING);
    }

    /** What the agent's next credential must say. It never outlives the agent, nor what those above it have. */
    CredentialOrder order(Agent agent, Superiors superiors, CredentialId id, Instant now) {
        Instant byPolicy = now.plus(policyFor(agent).credentialPolicy().maxCredentialTtl());
        Instant expiresAt = Stream.concat(agent.lifespan().notAfter().stream(), superiors.end(now).stream())
                .filter(end -> end.isBefore(byPolicy))
                .min(Comparator.naturalOrder())
                .orElse(byPolicy);
        return order(agent, superiors, id, agent.credentials().generation() + 1, now, expiresAt);
    }

    /** What was ordered when {@code listed} was made, so that its token can be made again. */
    CredentialOrder order(Agent agent, Superiors superiors, Credential listed) {
        return order(agent, superiors, listed.id(), listed.generation(), listed.issuedAt(), listed.expiresAt());
    }

    /** A wildcard is in no credential: whoever has the token would have all that anybody ever names so. */
    private static CredentialOrder order(
            Agent agent, Superiors superiors, CredentialId id, long generation, Instant issuedAt, Instant expiresAt) {
        return new CredentialOrder(
                agent.key(),
                id,
                generation,
                issuedAt,
                expiresAt,
                agent.entitlements().capabilities().stream()
                        .filter(Capability::isName)
                        .collect(Collectors.toSet()),
                agent.entitlements().audience(),
                agent.entitlements().keyThumbprint(),
                superiors.keys());
    }

    /** The event of a credential that was made. */
    EventContent issued(NewCredential wanted, Agent agent, Credential made) {
        Json.ObjBuilder details =
                Json.object().put("issuedAt", made.issuedAt().toString()).put("secretSha256", made.secretSha256());
        Duration overlap = policyFor(agent).credentialPolicy().rotationOverlap();
        if (wanted.forDelivery()) {
            details.put("delivery", "pending");
        }
        // until the new one has arrived, the agent works with the old one
        if (wanted.kind() == EventKind.CREDENTIAL_ROTATED) {
            agent.credentials()
                    .held(made.issuedAt())
                    .ifPresent(old -> details.put("old", old.id().value())
                            .put(
                                    "graceUntil",
                                    old.graceEnd(
                                                    wanted.forDelivery()
                                                            ? old.expiresAt()
                                                            : made.issuedAt().plus(overlap))
                                            .toString()));
        }
        EventContent event = note(wanted.kind(), wanted.actor(), agent, details.build())
                .about(new CredentialRef(made.id().value(), made.keyId(), made.generation(), made.expiresAt()));
        return wanted.kind() == EventKind.CREDENTIAL_ROTATED ? event.by(Command.ROTATE_CREDENTIALS) : event;
    }

    // ---- going out

    /** Retirement begins; without teardown tasks it ends in the same breath. */
    Decision decommission(Command command, Retirement.Cause cause, String reason, Actor actor) {
        Text.prose("reason", reason, 1024);
        return (agent, now) -> {
            Json.Obj details = Json.object()
                    .put("cause", cause.wire())
                    .put("reason", reason)
                    .put("tasks", Json.of(tasks))
                    .build();
            var started = event(EventKind.AGENT_DECOMMISSION_STARTED, actor, agent, command, details);
            Agent leaving = agent.in(AgentState.DECOMMISSIONING);
            List<EventContent> events = new ArrayList<>(List.of(started));
            if (policyFor(agent).credentialPolicy().revokeOnDecommission()) {
                revoked(leaving, "decommissioned", actor).ifPresent(events::add);
            }
            return tasks.isEmpty() ? Plan.of(events).ending() : Plan.of(events);
        };
    }

    Decision taskDone(String task) {
        return (agent, now) -> pending(agent, task)
                ? Plan.of(event(
                        EventKind.TEARDOWN_TASK_DONE,
                        Actor.SYSTEM,
                        agent,
                        Command.RETRY_TEARDOWN,
                        Json.object().put("task", task).build()))
                : Plan.NOTHING;
    }

    /** One round of teardown in which tasks failed: they are tried again, later each time. */
    Decision tasksFailed(Map<String, String> errorsByTask) {
        return (agent, now) -> {
            int attempt = agent.retirement().map(Retirement::failedAttempts).orElse(0) + 1;
            String retryAt = now.plus(backOff(attempt)).toString();
            List<EventContent> events = new ArrayList<>();
            errorsByTask.forEach((task, error) -> {
                if (pending(agent, task)) {
                    events.add(event(
                            EventKind.TEARDOWN_TASK_FAILED,
                            Actor.SYSTEM,
                            agent,
                            Command.RETRY_TEARDOWN,
                            Json.object()
                                    .put("task", task)
                                    .put("attempt", attempt)
                                    .put("error", error)
                                    .put("retryAt", retryAt)
                                    .build()));
                }
            });
            if (!events.isEmpty() && attempt == STUCK) {
                events.add(stuckEvent(agent, SweepAction.RETRY_TEARDOWN, attempt, "teardown tasks keep failing"));
            }
            return Plan.of(events);
        };
    }

    private static boolean pending(Agent agent, String task) {
        return agent.retirement()
                .filter(r -> r.endedAt().isEmpty() && r.pendingTasks().contains(task))
                .isPresent();
    }

    Decision completeTeardown() {
        return (agent, now) -> agent.retirement()
                        .filter(r -> r.endedAt().isEmpty() && r.pendingTasks().isEmpty())
                        .isPresent()
                ? Plan.NOTHING.ending()
                : Plan.NOTHING;
    }

    /** The event that ends a retirement. */
    EventContent decommissioned(Agent agent, FinalReport report) {
        Json.Obj details = Json.object().put("report", ReportJson.write(report)).build();
        return event(EventKind.AGENT_DECOMMISSIONED, Actor.SYSTEM, agent, Command.COMPLETE_TEARDOWN, details);
    }

    Decision stuck(SweepAction action, int attempts, String error) {
        return (agent, now) -> Plan.of(stuckEvent(agent, action, attempts, error));
    }

    private static EventContent stuckEvent(Agent agent, SweepAction action, int attempts, String error) {
        Json.Obj details = Json.object()
                .put("action", action.name().toLowerCase(Locale.ROOT))
                .put("attempts", attempts)
                .put("error", error)
                .build();
        return note(EventKind.ACTION_STUCK, Actor.SYSTEM, agent, details);
    }

    /** Vouches for the events of the trail that could not be signed. */
    Decision endorseGap() {
        return (agent, now) -> agent.activity()
                .unsignedFrom()
                .map(from -> Plan.of(note(
                        EventKind.LOG_GAP_ENDORSED,
                        Actor.SYSTEM,
                        agent,
                        Json.object().put("n", from).build())))
                .orElse(Plan.NOTHING);
    }

    /** How long to wait after that many failures in a row. */
    static Duration backOff(int attempts) {
        Duration wait = FIRST_RETRY.multipliedBy(1L << Math.min(attempts - 1, 10));
        return wait.compareTo(LONGEST_RETRY) < 0 ? wait : LONGEST_RETRY;
    }

    // ---- shared

    /** The policy in force for an agent: one for all so far. */
    LifecyclePolicy policyFor(Agent agent) {
        return policy;
    }

    /** The state that {@code command} leads to, or the refusal that names what would be allowed. */
    AgentState next(Agent agent, Command command) {
        return table.next(agent.state(), command).orElseThrow(() -> refusal(agent, command));
    }

    /** Names what whoever asked could ask for instead. */
    InvalidTransitionException refusal(Agent agent, Command command) {
        return new InvalidTransitionException(agent.key(), agent.state(), command, offered(agent.state()));
    }

    /** What callers, and not the library, may ask for in that state. */
    Set<Command> offered(AgentState state) {
        Set<Command> offered = EnumSet.noneOf(Command.class);
        offered.addAll(table.commands(state));
        offered.removeIf(candidate -> candidate.isSystem() || candidate.isForHeld());
        return offered;
    }

    EventContent event(EventKind kind, Actor actor, Agent agent, Command command, Json.Obj details) {
        return EventContent.of(kind, actor, details)
                .step(agent.state(), next(agent, command))
                .by(command);
    }

    /** An event that leaves the state as it is. */
    static EventContent note(EventKind kind, Actor actor, Agent agent, Json.Obj details) {
        return EventContent.of(kind, actor, details).step(agent.state(), agent.state());
    }

    private void requireOwner(String whom, Optional<Owner> owner) {
        if (policy.requireOwner() && owner.isEmpty()) {
            throw new PolicyViolationException(
                    "owner-required",
                    "Owner is required by policy, but %s has none; name one with owner(..) or changeOwner(..)"
                            .formatted(whom));
        }
    }

    /** What is asked for with an agent, or was. */
    static RequestJson asked(Agent agent) {
        return new RequestJson(agent.profile(), agent.entitlements(), agent.lifespan(), agent.lineage(), agent.owner());
    }
}
