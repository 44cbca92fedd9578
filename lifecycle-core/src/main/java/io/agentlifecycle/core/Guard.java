package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Drain;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.agent.Command;
import io.agentlifecycle.core.agent.GuardPolicy;
import io.agentlifecycle.core.agent.Retirement;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.error.AccessDeniedException;
import java.time.Instant;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stands in the path of every call of an agent and answers from memory whether it may do this now. Once a call that
 * stops an agent has returned, no thread of this process is let through any more, and none of an agent that works for it,
 * directly or by way of others. It lets nobody through whom it does not know. What an agent may do in which state is a
 * {@link GuardPolicy}. Safe for use by many threads.
 */
public final class Guard {
    private static final Logger LOG = LoggerFactory.getLogger(Guard.class);

    private final LifecycleManager manager;
    private final Engine engine;
    private final TenantId tenant;

    Guard(LifecycleManager manager, Engine engine, TenantId tenant) {
        this.manager = manager;
        this.engine = engine;
        this.tenant = tenant;
    }

    /**
     * Whether the agent may do it now, and all that stands in the way if not. It changes nothing, counts nothing, and never throws
     * for an unknown agent.
     */
    public Verdict check(AgentId agent, Operation operation) {
        requireNonNull(agent, "agent");
        requireNonNull(operation, "operation");
        return ask(agent, operation, CallMeter.Use.LOOKED_AT);
    }

    private Verdict ask(AgentId agent, Operation operation, CallMeter.Use use) {
        return engine.standing().check(tenant, agent, operation, use, engine.nanos());
    }

    /**
     * Whether the agent may do it now with that credential: for whoever has verified its token. The tenant in the key
     * counts, unless the manager is confined to another.
     */
    public Verdict check(AgentKey agent, CredentialId credential, Operation operation) {
        requireNonNull(credential, "credential");
        requireNonNull(operation, "operation");
        return manager.standing(agent, credential, operation, CallMeter.Use.LOOKED_AT);
    }

    /**
     * Returns if the agent may do it now. If its life turns out to be over and the policy says so, it is retired here: what is
     * left to do for that, the next sweep does. If that cannot be stored, it is denied all the same.
     *
     * <p>If it is {@link Operation#INVOKE}, and the agent's calls are limited, it counts as one of this minute of UTC. What is not let
     * through does not count, but for a lease whose agent is stopped in that very moment. Each process counts by itself, from 0 when it begins.
     *
     * @throws AccessDeniedException with the verdict, if it may not
     */
    public void require(AgentId agent, Operation operation) {
        requireNonNull(agent, "agent");
        requireNonNull(operation, "operation");
        if (ask(agent, operation, CallMeter.Use.COUNTED) instanceof Verdict.Denied denied) {
            throw refused(new AgentKey(tenant, agent), operation, denied);
        }
    }

    /**
     * {@link #require(AgentId, Operation)}, for whoever has verified a token of the agent.
     *
     * @throws AccessDeniedException with the verdict, if it may not
     */
    public void require(AgentKey agent, CredentialId credential, Operation operation) {
        requireNonNull(credential, "credential");
        requireNonNull(operation, "operation");
        if (manager.standing(agent, credential, operation, CallMeter.Use.COUNTED) instanceof Verdict.Denied denied) {
            throw refused(agent, operation, denied);
        }
    }

    /** {@link #lease(AgentId, Operation, Drain, Consumer)}, which ends at once, and tells nobody. */
    public Lease lease(AgentId agent, Operation operation) {
        return lease(agent, operation, Drain.CANCEL, denied -> {});
    }

    /**
     * Lets work begin that takes a while. That counts as one call, as with {@link #require(AgentId, Operation)}, and nothing does
     * while it goes on.
     *
     * @param drain what becomes of it if the agent is stopped meanwhile
     * @param onStop told once, with what stopped the agent: by the thread whose command that was, before that command returns
     *     if it was given to this manager or a view of it, and else by the next sweep or {@link Lease#check}. What it throws is
     *     logged. It must not wait for the work
     * @throws AccessDeniedException with the verdict, if it may not begin
     */
    public Lease lease(AgentId agent, Operation operation, Drain drain, Consumer<Verdict.Denied> onStop) {
        requireNonNull(drain, "drain");
        requireNonNull(onStop, "onStop");
        require(agent, operation);
        var lease = new Lease(this, new AgentKey(tenant, agent), operation, drain, onStop);
        engine.leases().add(lease, engine.fleet().isChild(lease.agent()));
        // it may have been stopped since it was looked at, and whoever did that has not seen this lease
        if (standing(lease.agent(), operation) instanceof Verdict.Denied denied) {
            lease.close();
            throw new AccessDeniedException(operation.name(), denied);
        }
        return lease;
    }

    /** Whether work that was let through may go on. */
    Verdict standing(AgentKey agent, Operation operation) {
        return engine.standing().check(agent.tenant(), agent.id(), operation, CallMeter.Use.IGNORED, engine.nanos());
    }

    Instant now() {
        return engine.now();
    }

    void returned(Lease lease) {
        engine.leases().remove(lease);
    }

    private AccessDeniedException refused(AgentKey agent, Operation operation, Verdict.Denied denied) {
        if (denied.reasons().contains(Verdict.Reason.EXPIRED)
                && engine.rules().policy().guard().endsExpired()) {
            end(agent);
        }
        return new AccessDeniedException(operation.name(), denied);
    }

    private void end(AgentKey agent) {
        try {
            engine.run(
                    agent,
                    Engine.Effect.NEUTRAL,
                    engine.rules()
                            .retirement()
                            .decommission(Command.EXPIRE, Retirement.Cause.EXPIRED, "its life is over", Actor.SYSTEM));
        } catch (RuntimeException e) {
            LOG.warn("agent {} is expired, and could not be retired; a sweep will do that", agent, e);
        }
    }
}
