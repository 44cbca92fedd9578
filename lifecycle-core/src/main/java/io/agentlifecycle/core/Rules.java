package io.agentlifecycle.core;

import static io.agentlifecycle.core.agent.AgentState.ACTIVE;
import static io.agentlifecycle.core.agent.AgentState.PENDING_APPROVAL;
import static io.agentlifecycle.core.agent.AgentState.SUSPENDED;

import io.agentlifecycle.core.Plan.Decision;
import io.agentlifecycle.core.Plan.NewCredential;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.Text;
import io.agentlifecycle.core.agent.Activity;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Command;
import io.agentlifecycle.core.agent.TransitionTable;
import io.agentlifecycle.core.approval.ApprovalRequest;
import io.agentlifecycle.core.audit.ActorJson;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.credential.CredentialStatus;
import io.agentlifecycle.core.error.InvalidTransitionException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.spi.AccessRule;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

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

    private static final Duration LONGEST_RETRY = Duration.ofHours(1);

    /** After so many failures in a row something is stuck. */
    static final int STUCK = 6;

    // ---- coming in

    /** The first events of an agent that was asked for. */
    List<EventContent> request(ProvisioningRequest request, Instant now) {
        requireOwner("the request for " + request.profile().name(), request.owner());
        lifespan().requireLifespan("the request for " + request.profile().name(), request.lifespan(), now);
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
            lifespan()
                    .requireShort(
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
        LifespanRules.requireLife(agent, "become ACTIVE", now);
        return plan.issuing(new NewCredential(EventKind.CREDENTIAL_ISSUED, actor, false));
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
            CredentialRules.revoked(agent.in(state), "another owner", actor).ifPresent(events::add);
        }
        return events;
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

    // ---- by subject

    /** Who may vote on a request, and what becomes of it. */
    ApprovalRules approvals() {
        return new ApprovalRules(this);
    }

    /** What becomes of an agent that is in and is changed. */
    ReapprovalRules reapprovals() {
        return new ReapprovalRules(this);
    }

    /** How long an agent lives. */
    LifespanRules lifespan() {
        return new LifespanRules(this);
    }

    /** What an agent shows who it is by. */
    CredentialRules credentials() {
        return new CredentialRules(this);
    }

    /** Who answers for an agent beside its owner. */
    OwnerRules owners() {
        return new OwnerRules(this);
    }

    /** How much an agent may use. */
    LimitRules limits() {
        return new LimitRules(this);
    }

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

    /** How an agent leaves. */
    RetirementRules retirement() {
        return new RetirementRules(this);
    }

    // ---- what fails

    Decision stuck(SweepAction action, int attempts, String error) {
        return (agent, now) -> Plan.of(stuckEvent(agent, action, attempts, error));
    }

    static EventContent stuckEvent(Agent agent, SweepAction action, int attempts, String error) {
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
