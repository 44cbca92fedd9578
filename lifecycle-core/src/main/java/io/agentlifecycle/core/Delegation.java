package io.agentlifecycle.core;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Capability;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.delegation.Lineage;
import io.agentlifecycle.core.error.PolicyViolationException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * An agent and those that it works for, the nearest first, and what must be so for all of them at any time: the chain is
 * short and has an end, and nobody in it may do what one above it may not.
 */
record Delegation(Member self, List<Member> above) {

    /** What counts of an agent here: one that exists, or one that is asked for. */
    record Member(AgentKey key, Set<String> capabilities, Optional<AgentId> parent) {
        static Member of(Agent agent) {
            return new Member(
                    agent.key(),
                    agent.entitlements().capabilities(),
                    agent.lineage().parent());
        }

        static Member of(AgentKey key, ProvisioningRequest request) {
            return new Member(
                    key,
                    request.entitlements().capabilities(),
                    request.lineage().parent());
        }
    }

    /**
     * Follows the parents of {@code self}.
     *
     * @throws PolicyViolationException rule {@code parent-exists}, {@code delegation-cycle} or {@code delegation-depth}, if
     *     they come to no end within {@link Lineage#DEEPEST}
     */
    static Delegation of(Member self, Function<AgentKey, Optional<Member>> find) {
        List<Member> above = new ArrayList<>();
        Member below = self;
        while (below.parent().isPresent()) {
            AgentId parent = below.parent().get();
            AgentKey key = new AgentKey(self.key().tenant(), parent);
            if (key.equals(self.key())
                    || above.stream().anyMatch(member -> member.key().equals(key))) {
                throw new PolicyViolationException(
                        "delegation-cycle",
                        "agent %s would work for itself by way of the parent %s of agent %s; leave out that parent"
                                .formatted(key, parent, below.key()));
            }
            if (above.size() == Lineage.DEEPEST) {
                throw tooDeep(self, Lineage.DEEPEST);
            }
            below = find.apply(key).orElseThrow(missing(below.key(), parent));
            above.add(below);
        }
        return new Delegation(self, List.copyOf(above));
    }

    private static Supplier<PolicyViolationException> missing(AgentKey child, AgentId parent) {
        return () -> new PolicyViolationException(
                "parent-exists",
                "agent %s names the parent %s, which does not exist in its tenant; request that one first"
                        .formatted(child, parent));
    }

    private static PolicyViolationException tooDeep(Member self, int most) {
        return new PolicyViolationException(
                "delegation-depth",
                "agent %s would work for more than %d agents, each one for the next; give it a parent nearer to the first of them%s"
                        .formatted(self.key(), most, most < Lineage.DEEPEST ? ", or raise maxDelegationDepth" : ""));
    }

    /**
     * Returns if {@code self} may be what it is.
     *
     * @throws PolicyViolationException rule {@code delegation-depth}, {@code delegation-wildcard} or
     *     {@code delegation-scope}, otherwise
     */
    void require(LifecyclePolicy policy) {
        if (above.isEmpty()) {
            return;
        }
        if (above.size() > policy.maxDelegationDepth()) {
            throw tooDeep(self, policy.maxDelegationDepth());
        }
        if (self.capabilities().contains(Capability.ALL)) {
            throw new PolicyViolationException(
                    "delegation-wildcard",
                    "agent %s works for agent %s and cannot have the capability %s; name what it may be asked to do"
                            .formatted(self.key(), above.get(0).key(), Capability.ALL));
        }
        above.forEach(this::requireNarrow);
    }

    /**
     * Returns if {@code superior} may do all that those may do who work for it: what a token says holds until it ends, also if
     * whoever it works for may do less by then.
     *
     * @throws PolicyViolationException rule {@code delegation-scope}, otherwise
     */
    static void requireWide(Member superior, List<Agent> below) {
        for (Agent worker : below) {
            for (String capability : worker.entitlements().capabilities()) {
                if (!Capability.covers(superior.capabilities(), capability)) {
                    throw new PolicyViolationException(
                            "delegation-scope",
                            "agent %s cannot be without the capability %s: agent %s works for it and has that; amend or decommission that one first"
                                    .formatted(superior.key(), capability, worker.key()));
                }
            }
        }
    }

    private void requireNarrow(Member superior) {
        for (String capability : self.capabilities()) {
            if (!Capability.covers(superior.capabilities(), capability)) {
                throw new PolicyViolationException(
                        "delegation-scope",
                        "agent %s cannot have the capability %s: agent %s, which it works for, may not do that; leave it out, or let it work for another agent"
                                .formatted(self.key(), capability, superior.key()));
            }
        }
    }
}
