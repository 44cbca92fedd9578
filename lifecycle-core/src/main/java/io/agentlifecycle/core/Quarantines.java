package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.RefusedException;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.quarantine.Incident;
import io.agentlifecycle.core.quarantine.Quarantine;
import io.agentlifecycle.core.quarantine.QuarantinePolicy;
import io.agentlifecycle.core.spi.RecoveryTask;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts agents under suspicion, and gets them out again. What an agent in quarantine may still do is a
 * {@link io.agentlifecycle.core.agent.GuardPolicy}: nothing, unless the host says otherwise. It keeps the credentials that it
 * has, gets no others, and gets a new one when it becomes ACTIVE. What counts as too much is a {@link QuarantinePolicy}.
 * Methods throw what {@link LifecycleManager} says. Safe for use by many threads.
 */
public final class Quarantines {
    private static final Logger LOG = LoggerFactory.getLogger(Quarantines.class);

    private final Engine engine;
    private final Teardown teardown;
    private final TenantId tenant;

    Quarantines(Engine engine, Teardown teardown, TenantId tenant) {
        this.engine = engine;
        this.teardown = teardown;
        this.tenant = tenant;
    }

    /**
     * ACTIVE to QUARANTINED. One that is in quarantine already is there for the worse of both from then on. One that cannot be
     * quarantined where it stands gets the hold {@link io.agentlifecycle.core.hold.HoldReason#QUARANTINE} instead, so that it does
     * not become ACTIVE without somebody who releases that, with the authority that the worst of its causes takes. What changes
     * nothing is noted as an incident.
     */
    public Agent quarantine(AgentId agent, Incident cause, Actor actor) {
        requireNonNull(cause, "cause");
        return engine.run(
                        key(agent),
                        Engine.Effect.RESTRICTS,
                        permit(actor, Right.REPORT, rules().quarantine(cause, actor)))
                .agent();
    }

    /**
     * Notes an incident, in any state but the last, and does what {@link #quarantine} does if by the policy that was one too many:
     * look at what is returned. Incidents from before it last became ACTIVE do not count. Each is an event and a commit, so whoever
     * has many to tell adds them up first. If it cannot be stored, and would have stopped the agent, or cannot be decided and is
     * grave enough by itself, this process denies the agent until it is suspended and resumed, or released from quarantine.
     *
     * @throws PolicyViolationException rule {@code incident-after-end}
     */
    public Agent report(AgentId agent, Incident incident, Actor actor) {
        AgentKey key = key(agent);
        requireNonNull(incident, "incident");
        Plan.Decision report = rules().report(incident, actor);
        var stops = new AtomicBoolean(rules().isGrave(incident, engine.now()));
        try {
            Plan.Decision watched = (before, now) -> {
                Plan plan = report.decide(before, now);
                stops.set(before.state() == AgentState.ACTIVE && !plan.keeps(AgentState.ACTIVE));
                return plan;
            };
            return engine.run(key, Engine.Effect.NEUTRAL, permit(actor, Right.REPORT, watched))
                    .agent();
        } catch (RefusedException e) {
            throw e;
        } catch (RuntimeException | Error e) {
            if (stops.get()) {
                engine.deny(key, Engine.Effect.RESTRICTS);
            }
            throw e;
        }
    }

    /** {@link #release(AgentId, ReleaseAuthority, Actor)} by an operator. */
    public Activation release(AgentId agent, Actor actor) {
        return release(agent, ReleaseAuthority.OPERATOR, actor);
    }

    /**
     * Clears the suspicion: QUARANTINED to ACTIVE with a new credential, or to SUSPENDED if holds stand. Where the policy says
     * {@code fourEyes}, the first person who releases what takes an admin agrees to it, and the agent stays where it is until a second one
     * does the same. Their word is for what the agent is in quarantine for now, and counts for nothing worse.
     *
     * @param authority with which the actor acts, by the word of the host; for a
     *     {@link Incident.Kind#SECURITY_VIOLATION} it takes {@link ReleaseAuthority#ADMIN}
     * @throws PolicyViolationException rule {@code quarantine-authority}, or {@code four-eyes}, if it takes two people and this is not
     *     one of them, or has agreed already
     */
    public Activation release(AgentId agent, ReleaseAuthority authority, Actor actor) {
        requireNonNull(authority, "authority");
        return engine.run(
                key(agent),
                Engine.Effect.LIFTS,
                permit(actor, Right.toRelease(authority), rules().release(authority, actor)));
    }

    /** {@link #attemptRecovery(AgentId, RecoveryTask, ReleaseAuthority, Actor)} by an operator. */
    public RecoveryResult attemptRecovery(AgentId agent, RecoveryTask task, Actor actor) {
        return attemptRecovery(agent, task, ReleaseAuthority.OPERATOR, actor);
    }

    /**
     * Tries to bring an agent out of quarantine. How often, and how long to wait in between, the policy says by the severity of
     * what it is in quarantine for. The attempt is written down before the task runs, so that it counts also if nobody survives it;
     * it is not begun while something else keeps the agent from becoming ACTIVE.
     *
     * @param authority with which the actor acts, by the word of the host; for a
     *     {@link Incident.Kind#SECURITY_VIOLATION} it takes {@link ReleaseAuthority#ADMIN}
     * @throws io.agentlifecycle.core.error.InvalidTransitionException if it is not in quarantine
     * @throws PolicyViolationException rule {@code quarantine-authority}; {@code four-eyes}, if it takes two people to release it;
     *     {@code recovery-wait}, if the one before was
     *     begun too short a time ago; {@code recovery-overtaken}, if the agent is in another quarantine by then, or for something
     *     worse, so that what the task did is in vain; and what {@link LifecycleManager#activate} is refused with
     */
    public RecoveryResult attemptRecovery(AgentId agent, RecoveryTask task, ReleaseAuthority authority, Actor actor) {
        AgentKey key = key(agent);
        requireNonNull(task, "task");
        requireNonNull(authority, "authority");
        engine.control().require(actor, Right.toRelease(authority), key);
        Agent before = engine.load(key).agent();
        if (before.holds().isEmpty()) {
            engine.issuance().requireAllowed(before);
        }
        Plan.Decision start = rules().recoveryStarted(authority, actor);
        var started = new AtomicBoolean();
        Plan.Decision watched = (agentNow, now) -> {
            Plan plan = start.decide(agentNow, now);
            started.set(plan.has(EventKind.AGENT_RECOVERY_STARTED));
            return plan;
        };
        Agent begun = engine.run(key, Engine.Effect.NEUTRAL, permit(actor, Right.toRelease(authority), watched))
                .agent();
        if (!started.get()) {
            return new RecoveryResult.Exhausted(begun);
        }
        Optional<Throwable> thrown = run(task, begun);
        return finish(key, begun.conduct().standing(), thrown, Right.toRelease(authority), actor);
    }

    private RecoveryResult finish(
            AgentKey key, Quarantine tried, Optional<Throwable> thrown, Right right, Actor actor) {
        try {
            return thrown.isEmpty()
                    ? new RecoveryResult.Recovered(
                            engine.run(key, Engine.Effect.LIFTS, permit(actor, right, rules().recovered(tried, actor))))
                    : failed(key, tried, thrown.get(), actor);
        } finally {
            // not before: the store may close a file that an interrupted thread writes
            if (thrown.filter(InterruptedException.class::isInstance).isPresent()) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private RecoveryResult failed(AgentKey key, Quarantine tried, Throwable thrown, Actor actor) {
        // the message may hold secrets of the host, so only the kind of failure is stored
        String error = thrown.getClass().getName();
        Agent after = engine.run(key, Engine.Effect.NEUTRAL, rules().recoveryFailed(tried, error, actor))
                .agent();
        return new RecoveryResult.Failed(
                after, error, after.conduct().quarantine().flatMap(Quarantine::retryAt));
    }

    /** What was thrown; empty if nothing was. */
    private static Optional<Throwable> run(RecoveryTask task, Agent agent) {
        try {
            task.recover(agent);
            return Optional.empty();
        } catch (Exception | LinkageError | AssertionError e) {
            LOG.warn("the recovery of agent {} failed", agent.key(), e);
            return Optional.of(e);
        }
    }

    /**
     * Retires an agent, as {@link LifecycleManager#decommission} does, or rejects its request, and keeps what it is made of from
     * coming back: no agent with the digest of its manifest is registered or approved in this tenant any more, or becomes ACTIVE, for
     * ever. Those that are ACTIVE are not stopped by it. Of an agent without such a digest only the id is kept from coming back, which no
     * id ever does. For one that is retired already, only this is done.
     *
     * @param reason at most 1,024 characters
     */
    public Agent block(AgentId agent, String reason, Actor actor) {
        return teardown.retire(key(agent), permit(actor, Right.BLOCK, rules().block(reason, actor)));
    }

    private Plan.Decision permit(Actor actor, Right right, Plan.Decision decision) {
        return engine.control().permit(actor, right, decision);
    }

    private QuarantineRules rules() {
        return engine.rules().quarantine();
    }

    private AgentKey key(AgentId agent) {
        return new AgentKey(tenant, agent);
    }
}
