package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Role;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.approval.ApprovalRule.Objection;
import io.agentlifecycle.core.error.AgentNotFoundException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.RefusedException;
import io.agentlifecycle.core.hold.KillScope;
import io.agentlifecycle.core.spi.AccessRule;
import java.time.Instant;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who may give which command: the {@link Right} says which role it takes, and the host's rule who has it. Agents act in their own role,
 * which is in memory, so that one that watches over others can stop them while nothing can be read.
 */
final class AccessControl {
    private static final Logger LOG = LoggerFactory.getLogger(AccessControl.class);

    private final Engine engine;
    private final AccessRule rule;

    AccessControl(Engine engine, AccessRule rule) {
        this.engine = engine;
        this.rule = rule;
    }

    /** The same decision, for whoever has that right over the agent as it is in that very step. */
    Plan.Decision permit(Actor actor, Right right, Plan.Decision decision) {
        requireNonNull(actor, "actor");
        return new Plan.Decision() {
            @Override
            public Plan decide(Agent agent, Instant now) {
                refusal(actor, right, agent.key(), Optional.of(agent)).ifPresent(refusal -> {
                    throw refusal;
                });
                return decision.decide(agent, now);
            }

            @Override
            public RefusedException absent(AgentKey key) {
                return refusal(actor, right, key, Optional.empty())
                        .<RefusedException>map(refusal -> refusal)
                        .orElseGet(() -> new AgentNotFoundException(key));
            }
        };
    }

    /** Refuses unless the actor has that right over the agent now: for what looks at the agent before it decides. */
    void require(Actor actor, Right right, AgentKey key) {
        Plan.Decision nothing = permit(actor, right, (agent, now) -> Plan.NOTHING);
        try {
            Plan unused = nothing.decide(engine.load(key, nothing).agent(), engine.now());
        } catch (PolicyViolationException e) {
            engine.refused(key, e);
            throw e;
        }
    }

    /** Refuses unless the actor has that right in the tenant. */
    void require(Actor actor, Right right, TenantId tenant) {
        require(
                actor,
                right,
                role(actor, tenant, Optional.empty()),
                "in tenant " + tenant,
                Refusals.Target.ofLog(tenant));
    }

    /** Refuses unless the actor has that right over all tenants, which no agent of one of them has. */
    void requireOverAll(Actor actor, Right right, TenantId tenant, Refusals.Target target) {
        Optional<Role> role =
                actor.type() == Actor.Type.AGENT ? Optional.empty() : role(actor, tenant, Optional.empty());
        require(actor, right, role, "for all tenants", target);
    }

    /** Refuses unless the actor has that right over whom the scope covers. */
    void require(Actor actor, Right right, KillScope scope, TenantId tenant) {
        Refusals.Target target = Refusals.Target.of(tenant, scope);
        scope.confinedTo()
                .ifPresentOrElse(
                        covered -> require(
                                actor,
                                right,
                                // an agent of that name there is another one
                                actor.type() == Actor.Type.AGENT && !covered.equals(tenant)
                                        ? Optional.empty()
                                        : role(actor, covered, Optional.empty()),
                                "for " + scope.wire(),
                                target),
                        () -> requireOverAll(actor, right, tenant, target));
    }

    private void require(Actor actor, Right right, Optional<Role> role, String where, Refusals.Target target) {
        if (role.filter(has -> has.covers(right.role())).isEmpty()) {
            var refusal = refusal(actor, right, where, right.role(), role);
            engine.access().refused(target, refusal);
            throw refusal;
        }
    }

    /**
     * Refuses a request for an agent of a higher role than whoever asks has: nobody makes somebody mightier than themselves. An agent in
     * the least role asks for those only that work for it.
     */
    void requireRequest(ProvisioningRequest request, TenantId tenant) {
        Actor actor = request.requestedBy();
        Role wanted = request.entitlements().role();
        Optional<Role> role = role(actor, tenant, Optional.empty());
        boolean forOthers = actor.type() == Actor.Type.AGENT
                && request.lineage()
                        .parent()
                        .filter(parent -> parent.value().equals(actor.id()))
                        .isEmpty();
        require(
                actor,
                Right.REQUEST,
                role.filter(has -> !forOthers || has.covers(Role.OPERATOR)),
                forOthers ? "agents that do not work for it in tenant " + tenant : "in tenant " + tenant,
                Refusals.Target.ofLog(tenant));
        escalation(actor, wanted, role, tenant).ifPresent(refusal -> {
            engine.access().refused(Refusals.Target.ofLog(tenant), refusal);
            throw refusal;
        });
    }

    /**
     * The same decision, for whoever may amend the agent. They do not make it mightier than they are over it, nor, by another type, take
     * it out of the reach of a kill switch that they could not release.
     */
    Plan.Decision permitAmendment(Actor actor, ProvisioningRequest next, Plan.Decision decision) {
        return permit(actor, Right.AMEND, (agent, now) -> {
            AgentKey key = agent.key();
            Optional<Role> role = role(actor, key.tenant(), Optional.of(agent));
            escalation(actor, next.entitlements().role(), role, key.tenant()).ifPresent(refusal -> {
                throw refusal;
            });
            boolean passesOn =
                    !agent.profile().agentType().equals(next.profile().agentType());
            Role release = Right.RELEASE_KILL_SWITCH.role();
            if (passesOn
                    && engine.issuance().isKilled(agent)
                    && role.filter(has -> has.covers(release)).isEmpty()) {
                throw refusal(actor, Right.AMEND, "agent " + key, release, role);
            }
            return decision.decide(agent, now);
        });
    }

    private static Optional<PolicyViolationException> escalation(
            Actor actor, Role wanted, Optional<Role> role, TenantId tenant) {
        return role.filter(has -> has.covers(wanted)).isPresent()
                ? Optional.empty()
                : Optional.of(new PolicyViolationException(
                        "role-escalation",
                        actor,
                        "%s cannot ask for an agent in the role %s in tenant %s: %s; ask for a lower role, or let somebody ask who has that one"
                                .formatted(actor, wanted, tenant, has(role))));
    }

    private Optional<PolicyViolationException> refusal(Actor actor, Right right, AgentKey key, Optional<Agent> agent) {
        if (actor.isSame(Actor.agent(key.id()))) {
            return isOverItself(right, key)
                    ? Optional.empty()
                    : Optional.of(refusal(actor, right, key, right.role(), Optional.empty()));
        }
        Role needed = agent.map(it -> needed(actor, right, it)).orElse(right.role());
        Optional<Role> role = role(actor, key.tenant(), agent);
        // who could not do it to anybody does not learn which role this one has
        boolean tells = role.filter(has -> has.covers(right.role())).isPresent();
        return role.filter(has -> has.covers(needed)).isPresent()
                ? Optional.empty()
                : Optional.of(refusal(actor, right, key, tells ? needed : right.role(), role));
    }

    /** Who passes an agent on out of the reach of a kill switch does what its release does. */
    private Role needed(Actor actor, Right right, Agent agent) {
        boolean passesOn = right == Right.CHANGE_OWNER || right == Right.RECLAIM;
        return passesOn && engine.issuance().isKilled(agent)
                ? Right.RELEASE_KILL_SWITCH.role()
                : right.role(actor, agent);
    }

    /** An agent that votes needs no role, but to be a person. */
    private static PolicyViolationException refusal(
            Actor actor, Right right, AgentKey key, Role needed, Optional<Role> role) {
        Objection objection = Objection.NOT_HUMAN;
        return right == Right.VOTE && actor.type() == Actor.Type.AGENT
                ? new PolicyViolationException(
                        objection.rule(),
                        actor,
                        "%s cannot approve agent %s: %s".formatted(actor, key, objection.text()))
                : refusal(actor, right, "agent " + key, needed, role);
    }

    /** Whoever lost all that proved who it is cannot give itself another proof. */
    private boolean isOverItself(Right right, AgentKey key) {
        FleetEntry entry = engine.fleet().get(key);
        return entry != null
                && right.isOverItself()
                && (!right.gives() || mayAct(key, entry, Operation.CREDENTIAL_EXCHANGE));
    }

    private boolean mayAct(AgentKey key, FleetEntry entry, Operation operation) {
        long now = engine.nanos();
        return entry.goodUntil(now).isPresent()
                && engine.standing()
                        .check(key.tenant(), key.id(), operation, CallMeter.Use.IGNORED, now)
                        .allowed();
    }

    private static PolicyViolationException refusal(
            Actor actor, Right right, String where, Role needed, Optional<Role> role) {
        return new PolicyViolationException(
                "access-role",
                actor,
                "%s may not %s %s: that takes the role %s, and %s; somebody who has it may do it"
                        .formatted(actor, right.text(), where, needed, has(role)));
    }

    private static String has(Optional<Role> role) {
        return role.map(has -> "it has " + has).orElse("it has none there now");
    }

    private Optional<Role> role(Actor actor, TenantId tenant, Optional<Agent> agent) {
        if (requireNonNull(actor, "actor").type() == Actor.Type.SYSTEM) {
            return Optional.of(Role.ADMIN);
        }
        if (actor.type() == Actor.Type.AGENT && AgentId.isValid(actor.id())) {
            var key = new AgentKey(tenant, AgentId.of(actor.id()));
            FleetEntry entry = engine.fleet().get(key);
            if (entry != null) {
                // in quarantine it may be let work, and must not be let out by itself or by its like
                return entry.state() == AgentState.ACTIVE && mayAct(key, entry, Operation.ADMINISTER)
                        ? Optional.of(entry.role())
                        : Optional.empty();
            }
        }
        return byRule(actor, tenant, agent);
    }

    /** Nobody has a right that cannot be told; and a rule that fails is no failure of the store, by which agents would be stopped. */
    private Optional<Role> byRule(Actor actor, TenantId tenant, Optional<Agent> agent) {
        try {
            return requireNonNull(rule.role(actor, tenant, agent), "role");
        } catch (RuntimeException | Error e) {
            LOG.error("the access rule cannot say in which role {} acts in tenant {}", actor, tenant, e);
            return Optional.empty();
        }
    }
}
