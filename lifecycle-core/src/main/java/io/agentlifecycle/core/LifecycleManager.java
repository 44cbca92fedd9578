package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Text;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Command;
import io.agentlifecycle.core.agent.FinalReport;
import io.agentlifecycle.core.agent.FleetSummary;
import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.agent.OwnershipPeriod;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.agent.Retirement;
import io.agentlifecycle.core.agent.TransitionTable;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.audit.KeyRotation;
import io.agentlifecycle.core.audit.LogKeys;
import io.agentlifecycle.core.audit.LogPage;
import io.agentlifecycle.core.audit.Seal;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.SignatureVerifier;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.budget.Limits;
import io.agentlifecycle.core.budget.RateLimit;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.error.AccessDeniedException;
import io.agentlifecycle.core.error.AgentNotFoundException;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.HoldTerms;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.spi.AccessRule;
import io.agentlifecycle.core.spi.AuditSealer;
import io.agentlifecycle.core.spi.CheckpointLog;
import io.agentlifecycle.core.spi.CredentialIssuer;
import io.agentlifecycle.core.spi.CredentialSink;
import io.agentlifecycle.core.spi.IdGenerator;
import io.agentlifecycle.core.spi.LifecycleListener;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.spi.OwnerDirectory;
import io.agentlifecycle.core.spi.TeardownTask;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The life of agents: requested, approved, activated, heard, rotated, suspended, orphaned, reclaimed, retired. It opens
 * no port, starts no thread of its own (a store may) and reads no clock but the one it was given; time passes when the host calls
 * {@link #sweeper()}.
 *
 * <p>Every command but those that say otherwise either changes the agent and writes what happened in one commit, or throws and changes
 * nothing. A
 * manager speaks for one tenant: what it does not find there does not exist. Commands throw
 *
 * <ul>
 *   <li>{@link AgentNotFoundException} if there is no such agent,
 *   <li>{@link io.agentlifecycle.core.error.InvalidTransitionException} if the {@link TransitionTable} does not allow
 *       the command in the agent's state,
 *   <li>{@link PolicyViolationException} if a rule forbids it, and names the rule: {@code access-role} if who gave it lacks the role,
 *   <li>{@link StoreException} if it cannot be stored. A command that takes power away (suspend, placeHold, quarantine, revoke,
 *       markOrphaned, decommission) then still makes this manager's {@link #guard()} deny the agent,
 *   <li>{@link io.agentlifecycle.core.error.AuditUnavailableException} if it grants power and the sealer fails. What takes
 *       power away works all the same,
 *   <li>{@link io.agentlifecycle.core.error.ContentionException} if others were faster sixteen times, or 256 times for
 *       suspend, placeHold, quarantine, revoke, markOrphaned, decommission and block,
 *   <li>{@link NullPointerException} or {@link IllegalArgumentException} for arguments that are wrong in themselves.
 * </ul>
 *
 * <p>Commands that are refused for who gave them are counted, whoever they are about, and sweeps write the counts on a stream of
 * their own: {@link EventKind#ACCESS_REFUSED}. Closing writes what is left; a crash loses what was not written yet.
 *
 * <p>Safe for use by many threads.
 */
public final class LifecycleManager implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LifecycleManager.class);

    private static final int PAGE = 500;

    /** All of their names must fit into one event. */
    private static final int MOST_TASKS = 100;

    /** What all views of one manager share. */
    private record House(
            Engine engine,
            Teardown teardown,
            Renewal renewal,
            Sweeper sweeper,
            Retention retention,
            IdGenerator ids,
            boolean ownsStore) {}

    private final House house;
    private final TenantId tenant;
    private final boolean confined;
    private final Guard guard;

    private LifecycleManager(House house, TenantId tenant, boolean confined) {
        this.house = house;
        this.tenant = tenant;
        this.confined = confined;
        this.guard = new Guard(this, house.engine(), tenant);
    }

    /**
     * A builder with the default policy, a store in memory, the standard table, opaque random credentials, the system
     * clock, no sealer, so that the log is chained but not signed, no listeners and no teardown tasks.
     */
    public static Builder builder() {
        return new Builder();
    }

    // ---- coming in

    /**
     * Asks for an agent. It is PENDING_APPROVAL, or PROVISIONED if the policy requires no approval. Asking again with
     * the same idempotency key gives the same agent as it is now.
     *
     * @throws PolicyViolationException rule {@code owner-required}, {@code agent-id-taken}, {@code agent-id-retired},
     *     {@code lifespan-over}, {@code lifespan-long}, {@code manifest-blocked}, {@code event-size} or
     *     {@code idempotency-key}; {@code role-escalation}, if who asks lacks the role that is asked for; with an owner directory also {@code owner-unknown}, {@code owner-inactive} or {@code owner-limit}; for an agent with a parent also
     *     {@code parent-exists}, {@code delegation-cycle}, {@code delegation-depth}, {@code delegation-wildcard} or
     *     {@code delegation-scope}
     */
    public Agent requestProvisioning(ProvisioningRequest request) {
        requireNonNull(request, "request");
        return new Intake(engine(), house.ids(), tenant).request(request);
    }

    /**
     * Brings an agent in by one call: asks for it, sets its limits, and gives it a token, in this order. All of that is done by who
     * asks ({@code requestedBy}), who must be named: nobody else gets a token of that agent here. Where the policy requires approval,
     * the call ends with limits that stand and without a token; calling again after the approval gives it.
     *
     * <p>Calling again is safe at any time, and does what is missing. An agent that is there keeps its profile, owner, limits and
     * state, whatever the request says, and gets a fresh token, as by {@link #rotateCredentials(AgentId, Actor)}. The time to live
     * of a new agent is the earlier one of the request and of {@code limits}; no token outlives it. A refusal leaves what was done
     * before it.
     *
     * @param request must name an id
     * @throws io.agentlifecycle.core.error.RetryableBootstrapException if a step fails for the store, for contention, or for keys that
     *     do not sign: call again
     * @throws PolicyViolationException rule {@code bootstrap-id} or {@code bootstrap-actor} if the request names no id, or not who asks;
     *     {@code bootstrap-other} if somebody else asked for the agent; {@code bootstrap-state} if it is held, or neither
     *     PENDING_APPROVAL, PROVISIONED nor ACTIVE; {@code lifespan-begin} if it would end before it begins; otherwise as
     *     {@link #requestProvisioning} and {@link #activate(AgentId, Actor)}
     */
    public Bootstrap bootstrap(ProvisioningRequest request, Limits limits) {
        requireNonNull(request, "request");
        requireNonNull(limits, "limits");
        return new Bootstrapper(engine(), new Intake(engine(), house.ids(), tenant)).run(request, limits);
    }

    /**
     * Takes in agents that come from elsewhere: all of them, or none. Each one's trail begins with
     * {@code agent.imported}. A request's idempotency key is ignored here.
     *
     * @param source where they come from, at most 256 characters
     * @throws PolicyViolationException rule {@code agent-id-taken}, {@code agent-id-retired}, {@code manifest-blocked},
     *     {@code lifespan-long} or {@code import-size}; {@code owner-unknown}, {@code owner-inactive} or {@code owner-limit}
     *     for agents that are not retired, as {@link #requestProvisioning}; for an
     *     agent with a parent as {@link #requestProvisioning}
     */
    public List<Agent> importAgents(List<AgentImport> agents, String source, Actor actor) {
        requireNonNull(agents, "agents");
        engine().control().require(actor, Right.IMPORT, tenant);
        return new Intake(engine(), house.ids(), tenant).importAll(List.copyOf(agents), source, actor);
    }

    /**
     * Lets an agent in: PENDING_APPROVAL to PROVISIONED. Where the policy wants more than one person, it is a vote, which only the last
     * of them lets the agent in by: {@link Approvals#vote} with a ballot that says no more than that.
     *
     * @throws PolicyViolationException rule {@code self-approval}, {@code approver-human}, {@code request-expired},
     *     {@code approval-outdated} if the request was amended or got another owner while it waits, or was opened anew, or {@code manifest-blocked}; with stages also {@code approver-kind}, {@code approver-unknown}, {@code vote-twice} or
     *     {@code vote-count}
     */
    public Agent approve(AgentId agent, Actor actor) {
        return approvals().approve(agent, actor);
    }

    /** Votes on requests, in the stages of the policy, and changes of what is asked for. */
    public Approvals approvals() {
        return new Approvals(engine(), tenant);
    }

    /** Keeps an agent out: PENDING_APPROVAL to DECOMMISSIONED. The reason has at most 1,024 characters. */
    public Agent reject(AgentId agent, String reason, Actor actor) {
        return run(agent, Engine.Effect.NEUTRAL, permit(actor, Right.REJECT, rules().reject(reason, actor)));
    }

    /** Takes a request back: PENDING_APPROVAL to DECOMMISSIONED. The reason has at most 1,024 characters. */
    public Agent withdraw(AgentId agent, String reason, Actor actor) {
        return run(agent, Engine.Effect.NEUTRAL, permit(actor, Right.WITHDRAW, rules().withdraw(reason, actor)));
    }

    // ---- working

    /** {@link #activate(AgentId, Actor)} by the host itself. */
    public Activation activate(AgentId agent) {
        return activate(agent, Actor.SYSTEM);
    }

    /**
     * Starts an agent: PROVISIONED to ACTIVE with its first credential, or to SUSPENDED if holds stand.
     *
     * <p>The credential of an agent with a parent ends when the parent's does at the latest. This and all that gives a
     * credential is refused while an agent that it works for, directly or by way of others, cannot have one.
     *
     * @throws PolicyViolationException rule {@code lifespan-over}, {@code manifest-blocked} or {@code kill-switch}; for an agent
     *     with a parent also {@code parent-running} if one
     *     that it works for is not ACTIVE, {@code parent-credential} if one has no good credential, or as
     *     {@link #requestProvisioning}
     */
    public Activation activate(AgentId agent, Actor actor) {
        return engine().run(key(agent), Engine.Effect.NEUTRAL, permit(actor, Right.ACTIVATE, rules().activate(actor)));
    }

    /**
     * Notes that an ACTIVE agent is alive. It changes neither state nor version, and reaches the store with the next
     * batch; only the first heartbeat after becoming ACTIVE, and one that ends a noticed silence, are events.
     */
    public Liveness heartbeat(AgentId agent) {
        // apart from the work: so small a method is compiled into its caller, where an answer that nobody keeps need
        // not be made
        return beat(agent).heard();
    }

    private Pulse beat(AgentId agent) {
        Engine engine = engine();
        engine.requireOpen();
        FleetEntry entry = engine.fleet().get(tenant, agent);
        long now = engine.nanos();
        if (entry == null || entry.state() != AgentState.ACTIVE || !entry.heard() || entry.silent()) {
            entry = heartbeatThatIsAnEvent(key(agent));
        }
        Pulse pulse = entry.pulse();
        engine.heartbeats().beat(pulse, now);
        return pulse;
    }

    private FleetEntry heartbeatThatIsAnEvent(AgentKey key) {
        FleetEntry entry = engine().fleet().get(key);
        if (entry == null) {
            throw new AgentNotFoundException(key);
        }
        engine().run(key, Engine.Effect.NEUTRAL, rules().heartbeat());
        return entry;
    }

    /** What is known of an agent's heartbeats; empty before the first. */
    public Optional<Liveness> liveness(AgentId agent) {
        AgentKey key = key(agent);
        engine().load(key);
        return engine().liveness(key);
    }

    /** {@link #rotateCredentials(AgentId, Actor)} by the host itself. */
    public Activation rotateCredentials(AgentId agent) {
        return rotateCredentials(agent, Actor.SYSTEM);
    }

    /**
     * Gives an ACTIVE agent a new credential. The one before it stays good for the policy's {@code rotationOverlap}, but
     * not beyond its own end.
     *
     * @throws PolicyViolationException rule {@code lifespan-over}
     */
    public Activation rotateCredentials(AgentId agent, Actor actor) {
        return engine().run(
                        key(agent),
                        Engine.Effect.NEUTRAL,
                        permit(
                                actor,
                                Right.ROTATE_CREDENTIALS,
                                rules().credentials().rotate(actor)));
    }

    /**
     * {@link #rotateCredentials(AgentId, Actor)}, once: asking again with the same key gives the same credential, with the
     * same token, while it is good and the store remembers the key, which it does for at least 24 hours.
     *
     * @param idempotencyKey 1 to 128 characters that the caller chose for this rotation of this agent
     * @throws PolicyViolationException rule {@code lifespan-over}, or {@code idempotency-key} if that key was used before
     *     by another actor, or its credential is no longer good, or its token cannot be made again
     */
    public Activation rotateCredentials(AgentId agent, Actor actor, String idempotencyKey) {
        Text.line("idempotency key", idempotencyKey, 128);
        return renewal().rotateOnce(permitted(agent, Right.ROTATE_CREDENTIALS, actor), actor, idempotencyKey);
    }

    /**
     * Replaces the identity key of an ACTIVE agent, which its credentials are bound to, and gives it a credential that is bound to
     * the new one. The agent stays who it is. The credential before stays good with the old key for the policy's
     * {@code rotationOverlap}, as after any rotation, but its token cannot be made again; revoke it if the old key may be stolen.
     *
     * <p>What both keys must have signed is built here from what is known of the agent, see {@link KeyRotation}, so it counts
     * once, for this agent, and for a minute.
     *
     * @param signatures checks Ed25519 signatures strictly; {@code KeyRotations.verifier()} of lifecycle-credentials does
     * @throws PolicyViolationException rule {@code agent-key} if the agent has no key, or another one, or had the new one
     *     before; {@code agent-key-proof} if it was signed more than a minute ago or ahead, or not by both keys;
     *     {@code lifespan-over}
     */
    public Activation rotateKey(AgentId agent, KeyRotation rotation, SignatureVerifier signatures, Actor actor) {
        requireNonNull(rotation, "rotation");
        requireNonNull(signatures, "signatures");
        return engine().run(
                        key(agent),
                        Engine.Effect.NEUTRAL,
                        permit(
                                actor,
                                Right.ROTATE_CREDENTIALS,
                                rules().credentials().rotateKey(rotation, signatures, actor)));
    }

    /**
     * Makes the token of a listed credential once more, for an agent that lost it; a random token cannot be.
     *
     * @throws PolicyViolationException rule {@code credential-usable}, if the credential is not good now, or
     *     {@code token-once}, if its token cannot be made again: rotate instead
     */
    public IssuedCredential reissueCredential(AgentId agent, CredentialId credential, Actor actor) {
        requireNonNull(credential, "credential");
        return renewal().reissue(permitted(agent, Right.ROTATE_CREDENTIALS, actor), credential, actor);
    }

    /**
     * Takes back all credentials of an agent, and its API keys; none is good when this returns. It gets a new one only by
     * {@link #rotateCredentials} or by becoming ACTIVE again. Without credentials nothing is changed.
     */
    public Agent revokeCredentials(AgentId agent, String reason, Actor actor) {
        return run(
                agent,
                Engine.Effect.REVOKES,
                permit(actor, Right.REVOKE_CREDENTIALS, rules().credentials().revoke(reason, actor)));
    }

    /**
     * Takes back all credentials of an agent if {@code credential} is one of those that its record lists, and was neither taken
     * back nor replaced beyond its overlap; otherwise, and once the agent is being retired, nothing is changed. That is decided
     * in the step that stores it: a credential that is made meanwhile stays good if {@code credential} has gone by then. One
     * that has expired counts, too, since by other clocks it may not have.
     */
    public Agent revokeCredentials(AgentId agent, CredentialId credential, String reason, Actor actor) {
        requireNonNull(credential, "credential");
        return run(
                agent,
                Engine.Effect.REVOKES,
                permit(actor, Right.REVOKE_CREDENTIALS, rules().credentials().revoke(credential, reason, actor)));
    }

    /** The keys by which agents of this tenant fetch their tokens. */
    public ApiKeys apiKeys() {
        return new ApiKeys(engine(), tenant);
    }

    /**
     * Puts the end of an agent's life off, before it has come. Its credentials follow with their next rotation.
     *
     * @throws PolicyViolationException rule {@code lifespan-endless}, if it has no end; {@code lifespan-over}, if that has come;
     *     {@code lifespan-shorter}, if the new one is not later; {@code lifespan-long}, if the policy does not allow it;
     *     {@code request-changes}, if it waits to be approved anew and too many had a part in that. Votes on it are void then
     */
    public Agent renew(AgentId agent, Instant notAfter, Actor actor) {
        requireNonNull(notAfter, "notAfter");
        return run(
                agent,
                Engine.Effect.NEUTRAL,
                permit(actor, Right.RENEW, rules().lifespan().renew(notAfter, actor)));
    }

    /**
     * Limits how often the guard lets an agent through, from the next call on; what it used of this minute under an earlier limit counts. A limit can be
     * replaced and never taken away; the same one changes nothing. In any state until the agent is being retired.
     *
     * @throws PolicyViolationException rule {@code limits-after-end}
     */
    public Agent limitRate(AgentId agent, RateLimit rate, Actor actor) {
        requireNonNull(rate, "rate");
        return run(
                agent,
                Engine.Effect.NEUTRAL,
                permit(actor, Right.LIMIT, rules().limits().limitRate(rate, actor)));
    }

    /**
     * Names another owner, as {@link Owner#of} reads it; the same owner changes nothing. Whoever was a co-owner is none any more then.
     * The credential of an ACTIVE agent is due for rotation at once, whatever its age, as whoever answered for it until now may have it.
     * Where the policy says {@code reapproveOwner}, an agent that is in is held for {@link HoldReason#REAPPROVAL} until that is approved,
     * as after {@link Approvals#amend}.
     *
     * @throws PolicyViolationException rule {@code owner-unknown}, {@code owner-inactive} or {@code owner-limit}, by the word of the
     *     {@link Builder#ownerDirectory}; {@code request-changes}, if the agent waits for approval, or will, and
     *     {@link io.agentlifecycle.core.approval.ApprovalRequest#MOST_INVOLVED} had a part in its request by now
     */
    public Agent changeOwner(AgentId agent, String newOwner, Actor actor) {
        AgentKey key = key(agent);
        return run(
                agent,
                Engine.Effect.NEUTRAL,
                permit(actor, Right.CHANGE_OWNER, rules().changeOwner(owner(key, newOwner), actor)));
    }

    /** Who answers for agents beside their owners, and what becomes of agents whose owner is gone. */
    public Owners owners() {
        return new Owners(this, engine(), tenant);
    }

    // ---- holds

    /**
     * Places an operator's hold: ACTIVE or QUARANTINED to SUSPENDED. An agent that is SUSPENDED for other reasons, or
     * ORPHANED, gets the hold and stays what it is. The reason has at most 1,024 characters.
     */
    public Agent suspend(AgentId agent, String reason, Actor actor) {
        return suspend(agent, HoldTerms.of(reason), actor);
    }

    /**
     * {@link #suspend(AgentId, String, Actor)}, with an end, say, or so that only an admin may resume the agent.
     *
     * @throws PolicyViolationException rule {@code hold-over}, if the hold would have ended before, or
     *     {@code hold-out-of-quarantine}, if it has an end and the agent is in quarantine
     */
    public Agent suspend(AgentId agent, HoldTerms terms, Actor actor) {
        requireNonNull(terms, "terms");
        return run(
                agent,
                Engine.Effect.RESTRICTS,
                permit(actor, Right.HOLD, rules().holds().suspend(terms, actor)));
    }

    /**
     * Lifts the operator's hold: SUSPENDED to ACTIVE with a new credential.
     *
     * @throws PolicyViolationException rule {@code other-holds}, if it is held for another reason, too, or
     *     {@code hold-authority}, if whoever suspended it left it to somebody else: use {@code releaseHold} then
     */
    public Activation resume(AgentId agent, Actor actor) {
        return engine().run(
                        key(agent),
                        Engine.Effect.LIFTS,
                        permit(actor, Right.RELEASE, rules().holds().resume(actor)));
    }

    /** {@link #placeHold(AgentId, HoldReason, HoldTerms, Actor)} until somebody releases it who usually may. */
    public Agent placeHold(AgentId agent, HoldReason reason, String text, Actor actor) {
        return placeHold(agent, reason, HoldTerms.of(text), actor);
    }

    /**
     * Adds a hold; an ACTIVE agent becomes SUSPENDED, any other live one stays what it is. One with an end is released by
     * the first sweep from then on; until that sweep the agent is held. Placed for a reason that stands, it takes the place of that
     * hold if it makes it harder to release, and is as hard as both: released by an admin if they name others, and no sooner than either ends.
     *
     * @throws PolicyViolationException rule {@code hold-reserved}, if only the library holds for that reason;
     *     {@code hold-owner-lost}, if it is for {@link HoldReason#OWNER_LOST} with an end or an authority of its own;
     *     {@code hold-stands}, if it is held for that reason already, and this makes it no harder to release,
     *     {@code hold-count}, if it is held for {@link io.agentlifecycle.core.hold.Holds#MOST} others, or
     *     {@code hold-over}, if the hold would have ended before
     */
    public Agent placeHold(AgentId agent, HoldReason reason, HoldTerms terms, Actor actor) {
        requireNonNull(reason, "reason");
        requireNonNull(terms, "terms");
        return run(
                agent,
                Engine.Effect.RESTRICTS,
                permit(actor, Right.HOLD, rules().holds().place(reason, terms, actor)));
    }

    /** {@link #releaseHold(AgentId, HoldReason, ReleaseAuthority, Actor)} by an operator. */
    public Activation releaseHold(AgentId agent, HoldReason reason, Actor actor) {
        return releaseHold(agent, reason, ReleaseAuthority.OPERATOR, actor);
    }

    /**
     * Releases one hold; a SUSPENDED agent without any left becomes ACTIVE with a new credential. Where the policy says
     * {@code fourEyes}, the first person who releases what only an admin may release agrees to it, and the hold stands until a second one
     * does the same.
     *
     * @param authority with which the actor acts, by the word of the host
     * @throws PolicyViolationException rule {@code no-such-hold}, if it is not held for that reason,
     *     {@code hold-authority}, if it takes another authority, {@code four-eyes}, if it takes two people and this is not one of them,
     *     or has agreed already, {@code reapproval}, if it is held until what it is now is approved, and that is not, or
     *     {@code delegation-scope}, if it is held so and an agent came meanwhile that works for it and may do more;
     *     for {@link HoldReason#OWNER_LOST}, {@code owner-unknown} or {@code owner-inactive}, if its owner is still not there by the word
     *     of the {@link Builder#ownerDirectory}
     */
    public Activation releaseHold(AgentId agent, HoldReason reason, ReleaseAuthority authority, Actor actor) {
        requireNonNull(reason, "reason");
        requireNonNull(authority, "authority");
        if (reason.equals(HoldReason.REAPPROVAL)) {
            engine().control().require(actor, Right.toRelease(authority), key(agent));
            Delegation.requireWide(Delegation.Member.of(get(agent)), engine().below(key(agent)));
        }
        return engine().run(
                        key(agent),
                        Engine.Effect.LIFTS,
                        permit(
                                actor,
                                Right.toRelease(authority),
                                rules().holds().release(reason, authority, actor)));
    }

    /** What is reported of agents, and the quarantine that comes of it. */
    public Quarantines quarantines() {
        return new Quarantines(engine(), house.teardown(), tenant);
    }

    // ---- what is kept of it

    /**
     * Notes that what is known of an agent must be kept: a legal hold, in any state, also after its end. What the agent may
     * do stays as it is. Until it is released, nothing of the agent is erased or pruned. The reference, such as the number of a case, has 1 to 128 characters on one line.
     *
     * @throws PolicyViolationException rule {@code legal-hold-stands}, if there is one of that reference, or
     *     {@code legal-hold-count}, if there are {@link io.agentlifecycle.core.hold.LegalHold#MOST} of them
     */
    public Agent placeLegalHold(AgentId agent, String reference, Actor actor) {
        return run(
                agent,
                Engine.Effect.NEUTRAL,
                permit(actor, Right.LEGAL_HOLD, rules().holds().placeLegalHold(reference, actor)));
    }

    /**
     * Notes that a legal hold is over.
     *
     * @throws PolicyViolationException rule {@code no-such-legal-hold}, if there is none of that reference
     */
    public Agent releaseLegalHold(AgentId agent, String reference, Actor actor) {
        return run(
                agent,
                Engine.Effect.NEUTRAL,
                permit(actor, Right.LEGAL_HOLD, rules().holds().releaseLegalHold(reference, actor)));
    }

    /**
     * Erases what names people, and what people wrote, from the trail of a retired agent and from its record: {@link
     * SealedEvent#REDACTED} stands in its place from then on. Signatures, chains and proofs stay good, and
     * {@code personal_data.erased} says who did it and why. If it throws a {@link StoreException} the store may still have some
     * of it: call it again. Exports, backups and what listeners keep are the host's duty.
     *
     * @param reason at most 1,024 characters
     * @throws PolicyViolationException rule {@code erasure-after-end}, if the agent is not DECOMMISSIONED; {@code legal-hold}, if
     *     it is under one; {@code personal-data-plain}, if events of it were written with {@link PersonalData#PLAIN}
     */
    public Agent erasePersonalData(AgentId agent, String reason, Actor actor) {
        return house.retention().erasePersonalData(permitted(agent, Right.ERASE, actor), reason, actor);
    }

    /**
     * Takes the texts of old trails out of the log, for good: of the agents of this tenant that were DECOMMISSIONED before that
     * time and are under no legal hold, of all events before the one that ended them, and what stands beside these. Their leaf
     * hashes and places stay, so chains, checkpoints, proofs and earlier exports still verify; records stay, too. In each such
     * trail {@code trail.pruned} says who did it and why. If it throws a {@link StoreException}, call it again. A legal hold that
     * is placed while it runs may come too late for the last step.
     *
     * @param before at the latest {@link Builder#minRetention} ago
     * @param reason at most 1,024 characters
     * @return the agents whose trails were pruned now
     * @throws PolicyViolationException rule {@code min-retention}
     */
    public List<AgentId> prune(Instant before, String reason, Actor actor) {
        requireNonNull(before, "before");
        engine().control().require(actor, Right.PRUNE, tenant);
        return house.retention().prune(tenant, before, reason, actor);
    }

    // ---- orphans

    /** Marks an ACTIVE agent as an orphan, whatever its silence: its credentials are no good from here on. */
    public OrphanMark markOrphaned(AgentId agent, Actor actor) {
        AgentKey key = key(agent);
        requireActor(actor);
        return engine().restricting(key, Engine.Effect.RESTRICTS, () -> markOrphaned(key, actor));
    }

    private OrphanMark markOrphaned(AgentKey key, Actor actor) {
        engine().control().require(actor, Right.MARK_ORPHANED, key);
        AgentCodec.Stored stored = engine().load(key);
        AgentState state = stored.agent().state();
        if (rules().table().next(state, Command.MARK_ORPHANED).isEmpty()) {
            return state == AgentState.ORPHANED ? OrphanMark.ALREADY : OrphanMark.NOT_ELIGIBLE;
        }
        Instant since = Deadlines.silentSince(stored.agent(), engine().liveness(key));
        Plan.Decision mark = rules().markOrphaned(Optional.empty(), since, actor);
        engine().run(key, Engine.Effect.RESTRICTS, permit(actor, Right.MARK_ORPHANED, mark));
        return OrphanMark.MARKED;
    }

    /**
     * Gives an orphan to an owner: ORPHANED to ACTIVE with a new credential, or to SUSPENDED if holds stand. Its silence
     * counts from now. Another owner than before must be approved first where the policy says {@code reapproveOwner}.
     *
     * @throws PolicyViolationException rule {@code owner-unknown}, {@code owner-inactive} or {@code owner-limit}, as
     *     {@link #changeOwner}
     */
    public Activation reclaim(AgentId agent, String newOwner, Actor actor) {
        AgentKey key = key(agent);
        return engine().run(
                        key,
                        Engine.Effect.LIFTS,
                        permit(actor, Right.RECLAIM, rules().reclaim(owner(key, newOwner), actor)));
    }

    // ---- going out

    /**
     * Retires an agent. Its credentials are dead from the first commit on; then the teardown tasks run in this thread,
     * and the agent is DECOMMISSIONED, or stays DECOMMISSIONING if one fails, and sweeps go on from there. The reason
     * has at most 1,024 characters.
     */
    public Agent decommission(AgentId agent, String reason, Actor actor) {
        return house.teardown()
                .retire(
                        key(agent),
                        permit(
                                actor,
                                Right.DECOMMISSION,
                                rules().retirement()
                                        .decommission(Command.DECOMMISSION, Retirement.Cause.RETIRED, reason, actor)));
    }

    // ---- asking

    /** The agent of that id, as it is now. */
    public Optional<Agent> find(AgentId agent) {
        return engine().find(key(agent)).map(AgentCodec.Stored::agent);
    }

    /**
     * The agent of that id, as it is now.
     *
     * @throws AgentNotFoundException if there is none
     */
    public Agent get(AgentId agent) {
        return engine().load(key(agent)).agent();
    }

    /**
     * A page of the agents that match, in order of their ids.
     *
     * @param after the token of the page before; empty for the first
     * @param limit at most so many; at least 1
     * @throws AccessDeniedException if this manager is confined to another tenant than the query asks for
     */
    public Page<Agent> query(AgentQuery query, Optional<PageToken> after, int limit) {
        return records(query, after, limit)
                .map(found -> AgentCodec.decode(found).agent());
    }

    private Page<StoredRecord> records(AgentQuery query, Optional<PageToken> after, int limit) {
        TenantId where = query.tenant().orElse(tenant);
        if (!where.equals(tenant)) {
            requireWhole("tenant " + where);
        }
        return engine().store().query(AgentCodec.query(query, where), after, limit);
    }

    /** All agents that match, in order of their ids; for fleets that fit in memory. */
    public List<Agent> query(AgentQuery query) {
        List<Agent> all = new ArrayList<>();
        Page<Agent> page = query(query, Optional.empty(), PAGE);
        all.addAll(page.items());
        while (page.next().isPresent()) {
            page = query(query, page.next(), PAGE);
            all.addAll(page.items());
        }
        return all;
    }

    /** How many agents there are; looks at each one in memory. */
    public FleetSummary summary() {
        engine().requireOpen();
        return engine().fleet().summary(tenant);
    }

    /**
     * The whole trail of an agent, the first event first. {@link SealedEvent#seal} says what vouches for each; only
     * {@link #verify} checks it. Events that were pruned are left out: the first one that is there says by its position how
     * many those are.
     */
    public List<SealedEvent> auditTrail(AgentId agent) {
        AgentKey key = key(agent);
        engine().load(key);
        List<SealedEvent> trail = new ArrayList<>();
        List<StoredEvent> page;
        long next = 0;
        do {
            page = engine().store().trail(StreamPosition.streamOf(key), next, PAGE);
            trail.addAll(read(page));
            next += page.size();
        } while (!page.isEmpty());
        return List.copyOf(trail);
    }

    /**
     * At most {@code limit}, 1 or more, events of an agent's trail, from position {@code from} on, counted from 0, or from the
     * first behind it that was not pruned.
     */
    public List<SealedEvent> auditTrail(AgentId agent, long from, int limit) {
        AgentKey key = key(agent);
        requirePositive(limit);
        engine().load(key);
        List<StoredEvent> page;
        List<SealedEvent> there;
        long next = from;
        do {
            page = engine().store().trail(StreamPosition.streamOf(key), next, limit);
            there = read(page);
            next += page.size();
        } while (there.isEmpty() && !page.isEmpty());
        return there;
    }

    /** The events as they are stored, each with what vouches for it now, without those that were pruned. */
    private List<SealedEvent> read(List<StoredEvent> events) {
        Map<String, Optional<Long>> unsignedFrom = new HashMap<>();
        List<SealedEvent> read = new ArrayList<>();
        EventReader.Some reading = engine().reader().reading(events);
        for (StoredEvent stored : events) {
            if (stored.isPruned()) {
                continue;
            }
            SealedEvent event = reading.read(stored);
            boolean waits = event.seal() == Seal.WAITING;
            read.add(
                    waits
                            ? event.within(unsignedFrom.computeIfAbsent(stored.stream(), engine()::unsignedFrom))
                            : event);
        }
        return List.copyOf(read);
    }

    /**
     * What was committed after {@code cursor}, of all tenants: each event that was not pruned at least once, in the order of the
     * commits. A reader keeps {@link LogPage#cursor} and begins with 0.
     *
     * @param limit about so many events, at least 1; a commit is never split
     */
    public LogPage events(long cursor, int limit) {
        requireWhole("the log");
        requirePositive(limit);
        EventPage page;
        List<SealedEvent> there;
        long next = cursor;
        do {
            page = engine().store().events(next, limit);
            there = read(page.events());
            next = page.cursor();
        } while (there.isEmpty() && !page.events().isEmpty());
        return new LogPage(there, next);
    }

    /**
     * Those events of {@link #events(long, int)} that are wanted, of all tenants, in the order of the commits. A reader
     * keeps {@link LogPage#cursor}, begins with 0, and is at the end when the cursor stays what it was.
     *
     * <p>The log has no index for this: a search reads and parses every event that it passes. One call passes about 5,000
     * and stops there, so its page may be short, or empty, although more follows.
     *
     * @param wanted is asked in the caller's thread, perhaps twice about an event; what it throws is thrown
     * @param limit about so many events, at least 1; those of one commit come together
     */
    public LogPage search(Predicate<AuditEvent> wanted, long cursor, int limit) {
        requireNonNull(wanted, "wanted");
        requireWhole("the log");
        requirePositive(limit);
        EventPage page = LogSearch.find(engine().store(), engine().reader(), wanted, cursor, limit);
        return new LogPage(read(page.events()), page.cursor());
    }

    /**
     * What an actor did, for any agent of any tenant and for the log itself: a {@link #search} for the events whose actor it
     * is, by type and id, however sure the host was of it. The id counts letter by letter; a search with
     * {@link Actor#isNamed} also finds other spellings.
     */
    public LogPage decisionsBy(Actor actor, long cursor, int limit) {
        requireActor(actor);
        return search(event -> event.actor().isSame(actor), cursor, limit);
    }

    /** Who answered for an agent at which time, the first owner first, as far as the trail was not pruned. */
    public List<OwnershipPeriod> ownershipHistory(AgentId agent) {
        List<OwnershipPeriod> periods = new ArrayList<>();
        for (SealedEvent sealed : auditTrail(agent)) {
            AuditEvent event = sealed.event();
            String member = event.kind() == EventKind.AGENT_OWNER_CHANGED ? "newOwner" : "owner";
            if (event.details().get(member).orElse(Json.NULL) instanceof Json.Str owner) {
                if (!periods.isEmpty()) {
                    OwnershipPeriod last = periods.remove(periods.size() - 1);
                    periods.add(
                            new OwnershipPeriod(last.owner(), last.from(), Optional.of(event.at()), last.changedBy()));
                }
                periods.add(new OwnershipPeriod(Owner.of(owner.value()), event.at(), Optional.empty(), event.actor()));
            }
        }
        return List.copyOf(periods);
    }

    /**
     * What the life of an agent came to, as the last step of its retirement wrote it down. Empty as long as that has not
     * ended, for a request that never became an agent, and for one that was retired when it came in.
     */
    public Optional<FinalReport> finalReport(AgentId agent) {
        AgentKey key = key(agent);
        AgentCodec.Stored stored = engine().load(key);
        if (!stored.agent().state().isTerminal()) {
            return Optional.empty();
        }
        // little can happen after it, and the trail of an agent without one is short
        for (long n = stored.head().next().n() - 1; n >= 0; n--) {
            for (SealedEvent found : read(engine().store().trail(StreamPosition.streamOf(key), n, 1))) {
                AuditEvent event = found.event();
                if (event.kind() == EventKind.AGENT_DECOMMISSIONED) {
                    return event.details().get("report").map(said -> ReportJson.read(new JsonFields("report", said)));
                }
            }
        }
        return Optional.empty();
    }

    /** The policy in force for {@code agent}. */
    public LifecyclePolicy policyFor(Agent agent) {
        requireNonNull(agent, "agent");
        return rules().policy();
    }

    // ---- letting through

    /** What stands in the path of every call of an agent. */
    public Guard guard() {
        return guard;
    }

    /** What stops one agent, all of an owner, of a type or of a tenant, or everything, at once. */
    public KillSwitch killSwitch() {
        return new KillSwitch(this, engine(), tenant);
    }

    /**
     * Whether an agent may act now with that credential, and all that it works for may act and have a good one; read from
     * memory at every call, so that a verifier never relies on what was true before. To act is {@link Operation#INVOKE}; the
     * guard tells other operations apart, and counts calls, which this does not: a token is no worse for a full minute.
     */
    public Verdict standing(AgentKey agent, CredentialId credential) {
        return standing(agent, credential, Operation.INVOKE, CallMeter.Use.IGNORED);
    }

    Verdict standing(AgentKey agent, CredentialId credential, Operation operation, CallMeter.Use use) {
        return agent.tenant().equals(tenant) || !confined
                ? engine().standing().check(agent, credential, operation, use, engine().nanos())
                : new Verdict.Denied("agent " + agent, List.of(Verdict.Reason.UNKNOWN_AGENT));
    }

    /**
     * What an agent may know of itself: for whoever has verified a token of it. It takes what {@link Operation#SELF_READ} takes, so
     * an agent that may not work may still ask, where the {@link io.agentlifecycle.core.agent.GuardPolicy} says so; it is no call.
     *
     * @throws AccessDeniedException with the verdict, if it may not; an agent that is not there, or not this view's, is
     *     {@link Verdict.Reason#UNKNOWN_AGENT}
     */
    public SelfView selfView(AgentKey agent, CredentialId credential) {
        requireNonNull(agent, "agent");
        guard.require(agent, credential, Operation.SELF_READ);
        Agent found = engine().load(agent).agent();
        guard.require(agent, credential, Operation.SELF_READ); // it may have been stopped since, and lists what it had
        Credential own = found.credentials()
                .find(credential)
                .orElseThrow(() -> new AccessDeniedException(
                        Operation.SELF_READ.name(),
                        new Verdict.Denied("agent " + agent, List.of(Verdict.Reason.CREDENTIAL_UNKNOWN))));
        return SelfView.of(
                found,
                own.goodUntil(),
                engine().standing().callsLeft(agent, engine().nanos()),
                rules().offered(found.state()),
                guard.check(agent, credential, Operation.INVOKE));
    }

    /**
     * Checks an opaque token, {@code <credential id>.<secret>}, of an agent of this tenant: {@link Verdict.Allowed}
     * names the agent if the token is its own and it may act now. The secret is compared in constant time.
     */
    public Verdict verifyOpaque(String token) {
        requireNonNull(token, "token");
        return OpaqueIssuer.parse(token)
                .flatMap(presented -> AgentCodec.holder(engine().store(), tenant, presented.id())
                        .filter(agent -> agent.credentials()
                                .find(presented.id())
                                .filter(presented::fits)
                                .isPresent())
                        .map(agent -> standing(agent.key(), presented.id())))
                .orElse(new Verdict.Denied("this token", List.of(Verdict.Reason.CREDENTIAL_UNKNOWN)));
    }

    // ---- the house

    /**
     * The time as this manager sees it: that of its clock, unless that went back by more than a tenth of a second; then what
     * it saw before.
     */
    public Instant now() {
        return engine().now();
    }

    /** What does the work of time when the host calls it, for all tenants. */
    public Sweeper sweeper() {
        requireWhole("the sweeper");
        return house.sweeper();
    }

    /**
     * A view of this manager that speaks for another tenant and is confined to it: {@link #sweeper}, {@link #verify},
     * {@link #events}, {@link #search} and {@link #health} belong to all tenants, and only the manager that was built gives them. Closing
     * a view has no effect.
     */
    public LifecycleManager forTenant(TenantId other) {
        if (!requireNonNull(other, "tenant").equals(tenant)) {
            requireWhole("tenant " + other);
        }
        return new LifecycleManager(house, other, true);
    }

    // ---- the keys of the log

    /** The keys of the log, as this process last saw them. */
    public LogKeys logKeys() {
        requireWhole("the keys of the log");
        return engine().log().keys();
    }

    /**
     * Brings the key of {@code next} into force beside those that are, and signs with it from here on. Other hosts go on with
     * the key that they have until they are opened with the new one; then {@link #retireLogKey} ends the old one. A key
     * that is in force already is only signed with.
     *
     * @throws PolicyViolationException rule {@code log-key}, if the log is not signed, or the key of this manager was
     *     retired, or {@link LogKeys#MOST} keys are in force
     * @throws io.agentlifecycle.core.error.AuditUnavailableException if either key cannot sign
     */
    public void introduceLogKey(AuditSealer next, Actor actor) {
        requireWhole("the keys of the log", Refusals.Target.ofLog(tenant), requireActor(actor));
        engine().control().requireOverAll(actor, Right.LOG_KEYS, tenant, Refusals.Target.ofLog(tenant));
        engine().requireOpen();
        engine().log().introduce(requireNonNull(next, "next"), actor);
    }

    /**
     * Takes a key out of force: no event that stands behind this in the log may name it. A host that still signs with it
     * can grant nothing from then on, and take power away only. A key that is not in force changes nothing.
     *
     * @param reason 1 to 1,024 characters on one line
     * @throws PolicyViolationException rule {@code log-key}, if this manager signs with that key
     */
    public void retireLogKey(String keyId, String reason, Actor actor) {
        requireWhole("the keys of the log", Refusals.Target.ofLog(tenant), requireActor(actor));
        engine().control().requireOverAll(actor, Right.LOG_KEYS, tenant, Refusals.Target.ofLog(tenant));
        engine().requireOpen();
        engine().log().retire(requireNonNull(keyId, "keyId"), reason, actor);
    }

    /** How the manager is, for whoever is on call. */
    public Health health() {
        requireWhole("health");
        return new Health(
                engine().lastStoreFailure(),
                engine().lastSealerFailure(),
                engine().follower().lastFailure(),
                engine().fleet().stops().denied(),
                house.sweeper().stuck(),
                house.sweeper().massSilence());
    }

    /**
     * Reads the whole log of all tenants, checks every chain, computes every agent from its events, and compares that
     * with the records. In a signed log it checks every signature.
     *
     * @throws io.agentlifecycle.core.error.AuditTamperedException naming the first bad event of each chain, and every
     *     record that is not what its events say
     */
    public Verification verify() {
        requireWhole("verification");
        return engine().verify();
    }

    /**
     * Writes out heartbeats and counted refusals, and closes the store, unless the store was handed in with {@link Builder#store}. From then
     * on the guard lets nobody through.
     */
    @Override
    public void close() {
        if (confined) {
            return;
        }
        engine().close(house.ownsStore());
    }

    Engine engine() {
        return house.engine();
    }

    Renewal renewal() {
        return house.renewal();
    }

    /** For reports over a fleet: an agent that cannot be read is left out, and does not end the report. */
    void forEach(AgentQuery query, Consumer<Agent> action) {
        Optional<PageToken> after = Optional.empty();
        do {
            Page<StoredRecord> page = records(query, after, PAGE);
            for (StoredRecord found : page.items()) {
                Agent agent;
                try {
                    agent = AgentCodec.decode(found).agent();
                } catch (AuditTamperedException e) {
                    LOG.error("{} is left out of a report: it cannot be read", found.key(), e);
                    continue;
                }
                action.accept(agent);
            }
            after = page.next();
        } while (after.isPresent());
    }

    /** What belongs to all tenants, or to another one, is not for a view that is confined to one. */
    boolean isConfined() {
        return confined;
    }

    void requireWhole(String what) {
        if (confined) {
            throw new AccessDeniedException(
                    what, new Verdict.Denied("a view of tenant " + tenant, List.of(Verdict.Reason.OTHER_TENANT)));
        }
    }

    /** The same for a command of that actor, which is an attempt at power if it is refused. */
    void requireWhole(String what, Refusals.Target target, Actor actor) {
        try {
            requireWhole(what);
        } catch (AccessDeniedException e) {
            engine().access().refused(target, e, actor);
            throw e;
        }
    }

    private static void requirePositive(int limit) {
        if (limit < 1) {
            throw new IllegalArgumentException("limit must be at least 1 but was " + limit);
        }
    }

    private Rules rules() {
        return engine().rules();
    }

    private AgentKey key(AgentId agent) {
        return new AgentKey(tenant, agent);
    }

    private Agent run(AgentId agent, Engine.Effect effect, Plan.Decision decision) {
        return engine().run(key(agent), effect, decision).agent();
    }

    private Plan.Decision permit(Actor actor, Right right, Plan.Decision decision) {
        return engine().control().permit(actor, right, decision);
    }

    /** The agent's key, if the actor has that right over it now. */
    private AgentKey permitted(AgentId agent, Right right, Actor actor) {
        AgentKey key = key(agent);
        engine().control().require(actor, right, key);
        return key;
    }

    private static Actor requireActor(Actor actor) {
        return requireNonNull(actor, "actor");
    }

    private static Owner owner(AgentKey agent, String owner) {
        if (requireNonNull(owner, "newOwner").isBlank()) {
            throw new PolicyViolationException(
                    "owner-required",
                    "Owner is required by policy: agent %s cannot be left without one; name the new owner"
                            .formatted(agent));
        }
        return Owner.of(owner);
    }

    /** Collects what a manager is made of. Not safe for use by several threads. */
    public static final class Builder {
        private LifecyclePolicy policy = LifecyclePolicy.defaults();
        private TransitionTable<AgentState, Command> table = TransitionTable.STANDARD;
        private AccessRule access = AccessRule.DEFAULT;
        private Optional<LifecycleStore> store = Optional.empty();
        private Optional<Path> directory = Optional.empty();
        private InstantSource clock = InstantSource.system();
        private RandomGenerator random = new SecureRandom();
        private Optional<IdGenerator> ids = Optional.empty();
        private Optional<CredentialIssuer> issuer = Optional.empty();
        private Optional<CredentialSink> sink = Optional.empty();
        private Optional<AuditSealer> sealer = Optional.empty();
        private Optional<OwnerDirectory> ownerDirectory = Optional.empty();
        private PersonalData personalData = PersonalData.PLAIN;
        private Duration minRetention = Retention.HALF_A_YEAR;
        private int maxPerSweep = Sweeper.DEFAULT_LIMIT;
        private Optional<CheckpointLog> checkpoints = Optional.empty();
        private boolean signFromHere;
        private Optional<String> recoveryKey = Optional.empty();
        private Optional<LogKeeper.Emergency> emergency = Optional.empty();
        private Optional<String> logOrigin = Optional.empty();
        private final List<LifecycleListener> listeners = new ArrayList<>();
        private final List<TeardownTask> tasks = new ArrayList<>();

        private Builder() {}

        /** The host's settings. */
        public Builder policy(LifecyclePolicy value) {
            policy = requireNonNull(value, "policy");
            return this;
        }

        /** Which commands lead where. */
        public Builder transitions(TransitionTable<AgentState, Command> value) {
            table = requireNonNull(value, "table");
            return this;
        }

        /** In which role somebody acts; by default {@link AccessRule#DEFAULT}. */
        public Builder access(AccessRule value) {
            access = requireNonNull(value, "access");
            return this;
        }

        /** Where everything is kept. The manager does not close it. */
        public Builder store(LifecycleStore value) {
            store = Optional.of(value);
            return this;
        }

        /** Keeps everything in that directory, by the one {@code StoreProvider} on the class or module path. */
        public Builder storage(Path value) {
            directory = Optional.of(value);
            return this;
        }

        /** The only clock that is read. */
        public Builder clock(InstantSource value) {
            clock = requireNonNull(value, "clock");
            return this;
        }

        /**
         * Where ids and secrets come from; must be safe for use by many threads. Tests may pass a predictable one,
         * nobody else should.
         */
        public Builder random(RandomGenerator value) {
            random = requireNonNull(value, "random");
            return this;
        }

        /** What names agents for which the caller gave no id. */
        public Builder ids(IdGenerator value) {
            ids = Optional.of(value);
            return this;
        }

        /** What makes credentials. */
        public Builder credentials(CredentialIssuer value) {
            issuer = Optional.of(value);
            return this;
        }

        /**
         * What takes new credentials to their agents. With it, sweeps rotate what is due; without it, they only report
         * that.
         */
        public Builder credentialSink(CredentialSink value) {
            sink = Optional.of(value);
            return this;
        }

        /**
         * What knows who may answer for agents, and for how many. Without one, everybody may, for any number. All managers of a store
         * should have the same: one without it counts nobody's agents. Those of an owner who has a limit are counted whenever one is
         * added, and whoever adds agents to one owner at once takes turns.
         */
        public Builder ownerDirectory(OwnerDirectory value) {
            ownerDirectory = Optional.of(value);
            return this;
        }

        /**
         * What signs every event. The first one of a new log names its key; from then on the log opens only with a
         * sealer of a key that is in force in it.
         */
        public Builder sealer(AuditSealer value) {
            sealer = Optional.of(value);
            return this;
        }

        /**
         * Where events have what names people from here on; by default {@link PersonalData#PLAIN}. Events that were written before
         * stay as they are.
         */
        public Builder personalData(PersonalData value) {
            personalData = requireNonNull(value, "personalData");
            return this;
        }

        /** How long trails are kept after their end at the least, by default 183 days; {@code trail.pruned} tells of it. */
        public Builder minRetention(Duration value) {
            if (value.isNegative()) {
                throw new IllegalArgumentException("minRetention must not be negative but was " + value);
            }
            minRetention = value;
            return this;
        }

        /**
         * How many credentials one sweep renews, or hands over again, at the most; at least 1, by default 10,000. The others
         * stay due for the next sweeps, the longest overdue first. What takes power away waits for none of this.
         */
        public Builder maxPerSweep(int value) {
            if (value < 1) {
                throw new IllegalArgumentException("maxPerSweep must be at least 1 but was " + value);
            }
            maxPerSweep = value;
            return this;
        }

        /** What signs from time to time what the log was; sweeps drive it, and close does once more. */
        public Builder checkpoints(CheckpointLog value) {
            checkpoints = Optional.of(value);
            return this;
        }

        /**
         * Signs a log from here on that began without a key. Without this such a log does not open with a sealer, since
         * somebody may have put it in the place of a signed one. Once it has a key, this changes nothing. Managers that are
         * open without a sealer can grant nothing from then on, and take power away only.
         */
        public Builder signFromHere() {
            signFromHere = true;
            return this;
        }

        /**
         * The key that can bring in a new one when all that sign the log are lost; its first event names it, so this says
         * something only when the log begins. The private half belongs in a safe.
         *
         * @param keyId the RFC 7638 thumbprint of that key, 43 characters
         */
        public Builder recoveryKey(String keyId) {
            requireKeyId(keyId);
            recoveryKey = Optional.of(keyId);
            return this;
        }

        /**
         * Brings the key of the {@link #sealer} into force by the recovery key of the log, and takes all others out of
         * force: for when they are lost or stolen. Once it is in force, this changes nothing, and a key that was retired
         * does not come back by it.
         *
         * @param recovery signs with the recovery key
         * @param trustedSize how many events, counted from the beginning of the log, you vouch for: those of the last
         *     checkpoint that you are sure of. Whoever verifies the log is told
         */
        public Builder recoverLog(AuditSealer recovery, long trustedSize) {
            if (trustedSize < 0) {
                throw new IllegalArgumentException("trustedSize must not be negative but was " + trustedSize);
            }
            emergency = Optional.of(new LogKeeper.Emergency(requireNonNull(recovery, "recovery"), trustedSize));
            return this;
        }

        private static void requireKeyId(String keyId) {
            if (Digests.fromBase64Url(keyId).length != 32) {
                throw new IllegalArgumentException(
                        "a key id is the SHA-256 of its JSON Web Key in base64url: " + keyId);
            }
        }

        /**
         * The name of the log, 1 to 128 characters, fixed for ever when the store is first opened; by default
         * {@code agentlifecycle.local/} and the id of the store. It stands in checkpoints, so it has no blanks and no plus.
         */
        public Builder logOrigin(String value) {
            if (Text.line("log origin", value, 128).matches(".*[+\\s\\p{Z}].*")) {
                throw new IllegalArgumentException(
                        "log origin must have no blanks and no plus but was \"" + value + "\"");
            }
            logOrigin = Optional.of(value);
            return this;
        }

        /** Adds someone who hears of events. */
        public Builder listener(LifecycleListener value) {
            listeners.add(requireNonNull(value, "listener"));
            return this;
        }

        /**
         * Adds something that must be taken down when an agent is retired; they run in the order of adding. There may be
         * 100 of them.
         */
        public Builder teardownTask(TeardownTask value) {
            String name = Text.line("teardown task", value.name(), 64);
            if (tasks.size() == MOST_TASKS) {
                throw new IllegalArgumentException(
                        "there are %d teardown tasks already; let one of them do what %s does"
                                .formatted(MOST_TASKS, name));
            }
            if (tasks.stream().anyMatch(task -> task.name().equals(name))) {
                throw new IllegalArgumentException("two teardown tasks are named " + name);
            }
            tasks.add(value);
            return this;
        }

        /**
         * Opens the store and the log in it.
         *
         * @throws IllegalArgumentException if settings contradict each other
         * @throws PolicyViolationException rule {@code require-durable}, {@code log-origin} or {@code log-key}
         * @throws io.agentlifecycle.core.error.AuditUnavailableException if the log begins, and its first event cannot be
         *     signed
         * @throws AuditTamperedException if the log is not the one that checkpoints were signed of; whatever else
         *     {@link #checkpoints} throws is thrown as it is
         * @throws StoreException if the store cannot be opened
         */
        public LifecycleManager build() {
            if (store.isPresent() && directory.isPresent()) {
                throw new IllegalArgumentException("choose either store(..) or storage(..), not both");
            }
            if (policy.approval().required()
                    && table.next(AgentState.PENDING_APPROVAL, Command.APPROVE).isEmpty()) {
                throw new IllegalArgumentException("the policy requires approval, but the transition table knows none;"
                        + " set requireApproval(false) or choose another table");
            }
            Duration life = policy.credentialPolicy().maxCredentialTtl();
            issuer.map(CredentialIssuer::longestLife)
                    .filter(longest -> life.compareTo(longest) > 0)
                    .ifPresent(longest -> {
                        throw new IllegalArgumentException(
                                ("maxCredentialTtl is %s, but the credentials of the issuer may live"
                                                + " for %s at most; shorten it, or give the issuer keys of a longer life")
                                        .formatted(life, longest));
                    });
            if ((signFromHere || recoveryKey.isPresent() || emergency.isPresent()) && sealer.isEmpty()) {
                throw new IllegalArgumentException(
                        "each of signFromHere(), recoveryKey(..) and recoverLog(..) needs a sealer(..) that signs");
            }
            LifecycleStore opened = store.or(() -> directory.map(Stores::open)).orElseGet(LifecycleStore::inMemory);
            try {
                return open(opened);
            } catch (RuntimeException | Error e) {
                if (store.isEmpty()) {
                    opened.close();
                }
                throw e;
            }
        }

        private LifecycleManager open(LifecycleStore opened) {
            Stores.requireDurable(policy, opened);
            var draws = new Draws(random);
            Instant highWater = opened.describe().clockHighWater().orElse(Instant.MIN);
            var committer = new Committer(opened, new Clockwork(clock, highWater), listeners);
            var rules = new Rules(
                    policy,
                    table,
                    access,
                    tasks.stream().map(TeardownTask::name).toList());
            CredentialIssuer chosen = issuer.orElseGet(() -> new OpaqueIssuer(draws));
            var writer = new EventWriter(draws, sealer, personalData, committer::log);
            var wanted = new LogKeeper.Wanted(logOrigin, signFromHere, recoveryKey, emergency);
            var follower = new LogFollower(checkpoints);
            var owners = new OwnerKeeper(opened, ownerDirectory);
            var engine =
                    Engine.open(committer, writer, rules, chosen, draws, wanted, follower, owners, sink.isPresent());
            var teardown = new Teardown(engine, tasks);
            var renewal = new Renewal(engine, sink);
            var house = new House(
                    engine,
                    teardown,
                    renewal,
                    new Sweeper(engine, teardown, renewal, maxPerSweep),
                    new Retention(engine, minRetention),
                    ids.orElse(draws::agentId),
                    store.isEmpty());
            return new LifecycleManager(house, TenantId.DEFAULT, false);
        }
    }
}
