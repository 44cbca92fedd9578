package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Role;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.error.AgentNotFoundException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.RefusedException;
import io.agentlifecycle.core.spi.AccessRule;
import java.time.Instant;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Who may give which command: the {@link Right} says which role it takes, and the host's rule who has it. Agents act in their own role. */
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
                return absence(actor, right, key);
            }
        };
    }

    /** Refuses unless the actor has that right over the agent now; for what looks at the agent before it decides. */
    void require(Actor actor, Right right, AgentKey key) {
        requireNonNull(actor, "actor");
        Optional<Agent> agent = engine.find(key).map(AgentCodec.Stored::agent);
        if (agent.isEmpty()) {
            RefusedException absence = absence(actor, right, key);
            count(Refusals.Target.of(key), absence);
            throw absence;
        }
        refusal(actor, right, key, agent).ifPresent(refusal -> {
            count(Refusals.Target.of(key), refusal);
            throw refusal;
        });
    }

    /** Refuses unless the actor has that right in the tenant. */
    void require(Actor actor, Right right, TenantId tenant, Refusals.Target target) {
        requireNonNull(actor, "actor");
        Optional<Role> role = role(actor, tenant, Optional.empty());
        if (role.filter(has -> has.covers(right.role())).isEmpty()) {
            var refusal = refusal(actor, right, "in tenant " + tenant, right.role(), role);
            count(target, refusal);
            throw refusal;
        }
    }

    /** Refuses if it asks for an agent of a higher role than whoever asks has: nobody makes somebody mightier than themselves. */
    void requireNoEscalation(Actor actor, Role asked, TenantId tenant, Refusals.Target target) {
        Optional<Role> role = role(actor, tenant, Optional.empty());
        if (role.filter(has -> has.covers(asked)).isEmpty()) {
            var refusal = new PolicyViolationException(
                    "role-escalation",
                    actor,
                    "%s cannot ask for an agent in the role %s in tenant %s: %s; ask for a lower role, or let somebody ask who has that one"
                            .formatted(actor, asked, tenant, has(role)));
            count(target, refusal);
            throw refusal;
        }
    }

    /** Whoever has no right to the command does not learn whether the agent is there. */
    private RefusedException absence(Actor actor, Right right, AgentKey key) {
        return refusal(actor, right, key, Optional.empty())
                .<RefusedException>map(refusal -> refusal)
                .orElseGet(() -> new AgentNotFoundException(key));
    }

    private void count(Refusals.Target target, RefusedException refusal) {
        if (refusal instanceof PolicyViolationException violation) {
            engine.access().refused(target, violation);
        }
    }

    private Optional<PolicyViolationException> refusal(Actor actor, Right right, AgentKey key, Optional<Agent> agent) {
        boolean agentsVote = right == Right.VOTE && actor.type() == Actor.Type.AGENT;
        if (agentsVote || agent.filter(it -> right.isOverItself(actor, it)).isPresent()) {
            return Optional.empty(); // no agent votes whatever its role, which the rules of approval say better
        }
        Role needed = agent.map(it -> right.role(actor, it)).orElse(right.role());
        Optional<Role> role = role(actor, key.tenant(), agent);
        return role.filter(has -> has.covers(needed)).isPresent()
                ? Optional.empty()
                : Optional.of(refusal(actor, right, "agent " + key, needed, role));
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
        return role.map(has -> "it has " + has).orElse("it has none here, or may not act now");
    }

    private Optional<Role> role(Actor actor, TenantId tenant, Optional<Agent> agent) {
        if (actor.type() == Actor.Type.SYSTEM) {
            return Optional.of(Role.ADMIN);
        }
        Optional<Agent> acting = acting(actor, tenant);
        return acting.isPresent() ? roleOf(acting.get()) : byRule(actor, tenant, agent);
    }

    /** The agent that acts, if it is one of that tenant. */
    private Optional<Agent> acting(Actor actor, TenantId tenant) {
        return actor.type() == Actor.Type.AGENT && AgentId.isValid(actor.id())
                ? engine.find(new AgentKey(tenant, AgentId.of(actor.id()))).map(AgentCodec.Stored::agent)
                : Optional.empty();
    }

    private Optional<Role> roleOf(Agent acting) {
        return engine.standing()
                        .check(acting.key().tenant(), acting.id(), Operation.ADMINISTER, engine.nanos())
                        .allowed()
                ? Optional.of(acting.entitlements().role())
                : Optional.empty();
    }

    /** Nobody has a right that cannot be told; and a rule that fails is no failure of the store, by which agents would be stopped. */
    private Optional<Role> byRule(Actor actor, TenantId tenant, Optional<Agent> agent) {
        try {
            return requireNonNull(rule.role(actor, tenant, agent), "role");
        } catch (RuntimeException | LinkageError | AssertionError e) {
            LOG.error("the access rule cannot say in which role {} acts in tenant {}", actor, tenant, e);
            return Optional.empty();
        }
    }
}
