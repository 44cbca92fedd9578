package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.RefusedException;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.quarantine.Incident;
import io.agentlifecycle.core.quarantine.Quarantine;
import io.agentlifecycle.core.quarantine.QuarantinePolicy;
import io.agentlifecycle.core.spi.RecoveryTask;
import java.time.Instant;
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
     * ACTIVE to QUARANTINED. An agent that cannot be quarantined where it stands gets the hold
     * {@link io.agentlifecycle.core.hold.HoldReason#QUARANTINE} instead, so that it does not become ACTIVE without somebody
     * who releases that.
     *
     * @throws PolicyViolationException rule {@code hold-stands} or {@code hold-count}, in the latter case
     */
    public Agent quarantine(AgentId agent, Incident cause, Actor actor) {
        requireNonNull(cause, "cause");
        return engine.run(key(agent), Engine.Effect.RESTRICTS, rules().quarantine(cause, requireActor(actor)))
                .agent();
    }

    /**
     * Notes an incident, in any state but the last, and quarantines an ACTIVE agent if by the policy that was one too many:
     * look at the state of what is returned. Incidents from before it became ACTIVE do not count.
     *
     * @throws PolicyViolationException rule {@code incident-after-end}
     */
    public Agent report(AgentId agent, Incident incident, Actor actor) {
        AgentKey key = key(agent);
        requireNonNull(incident, "incident");
        requireActor(actor);
        var stops = new AtomicBoolean();
        Plan.Decision report = rules().report(incident, actor);
        try {
            return engine.run(key, Engine.Effect.NEUTRAL, (before, now) -> {
                        Plan plan = report.decide(before, now);
                        stops.set(before.state() == AgentState.ACTIVE && !plan.keeps(AgentState.ACTIVE));
                        return plan;
                    })
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
     * Clears the suspicion: QUARANTINED to ACTIVE with a new credential, or to SUSPENDED if holds stand.
     *
     * @param authority with which the actor acts, by the word of the host; for a
     *     {@link Incident.Kind#SECURITY_VIOLATION} it takes {@link ReleaseAuthority#ADMIN}
     * @throws PolicyViolationException rule {@code quarantine-authority}
     */
    public Activation release(AgentId agent, ReleaseAuthority authority, Actor actor) {
        requireNonNull(authority, "authority");
        return engine.run(key(agent), Engine.Effect.LIFTS, rules().release(authority, requireActor(actor)));
    }

    /** {@link #attemptRecovery(AgentId, RecoveryTask, ReleaseAuthority, Actor)} by an operator. */
    public RecoveryResult attemptRecovery(AgentId agent, RecoveryTask task, Actor actor) {
        return attemptRecovery(agent, task, ReleaseAuthority.OPERATOR, actor);
    }

    /**
     * Tries to bring an agent out of quarantine. How often that may fail, and how long to wait in between, the policy says by
     * the severity of what it is in quarantine for.
     *
     * @param authority with which the actor acts, by the word of the host; for a
     *     {@link Incident.Kind#SECURITY_VIOLATION} it takes {@link ReleaseAuthority#ADMIN}
     * @throws io.agentlifecycle.core.error.InvalidTransitionException if it is not in quarantine
     * @throws PolicyViolationException rule {@code quarantine-authority}; {@code recovery-wait}, if the one before failed too
     *     short a time ago; {@code recovery-overtaken}, if another one was tried meanwhile, so that this one does not count
     */
    public RecoveryResult attemptRecovery(AgentId agent, RecoveryTask task, ReleaseAuthority authority, Actor actor) {
        AgentKey key = key(agent);
        requireNonNull(task, "task");
        requireNonNull(authority, "authority");
        Agent before = engine.load(key).agent();
        Quarantine quarantine = rules().recoverable(before, authority, requireActor(actor), engine.now());
        if (rules().isExhausted(before, quarantine)) {
            return new RecoveryResult.Exhausted(before);
        }
        Optional<String> error = run(task, before);
        if (error.isEmpty()) {
            return new RecoveryResult.Recovered(
                    engine.run(key, Engine.Effect.LIFTS, rules().recovered(quarantine, actor)));
        }
        Agent after = engine.run(key, Engine.Effect.NEUTRAL, rules().recoveryFailed(quarantine, error.get(), actor))
                .agent();
        Optional<Instant> retryAt = after.conduct().quarantine().flatMap(Quarantine::retryAt);
        return new RecoveryResult.Failed(after, error.get(), retryAt);
    }

    /** What went wrong; empty if nothing did. */
    private static Optional<String> run(RecoveryTask task, Agent agent) {
        try {
            task.recover(agent);
            return Optional.empty();
        } catch (Exception | LinkageError | AssertionError e) {
            if (e instanceof InterruptedException) {
                Thread.currentThread().interrupt();
            }
            LOG.warn("the recovery of agent {} failed", agent.key(), e);
            // the message may hold secrets of the host, so only the kind of failure is stored
            return Optional.of(e.getClass().getName());
        }
    }

    /**
     * Retires an agent, as {@link LifecycleManager#decommission} does, or rejects its request, and keeps what it is made of from
     * coming back: no agent with the digest of its manifest is registered, approved or activated in this tenant any more, for ever. Agents that
     * work are not stopped by it. An id is never given out twice anyway. For one that is retired already, only that is done.
     *
     * @param reason at most 1,024 characters
     */
    public Agent block(AgentId agent, String reason, Actor actor) {
        return teardown.retire(key(agent), rules().block(reason, requireActor(actor)));
    }

    private QuarantineRules rules() {
        return engine.rules().quarantine();
    }

    private AgentKey key(AgentId agent) {
        return new AgentKey(tenant, agent);
    }

    private static Actor requireActor(Actor actor) {
        return requireNonNull(actor, "actor");
    }
}
