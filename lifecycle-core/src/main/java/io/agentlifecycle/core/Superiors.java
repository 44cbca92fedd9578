package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.store.Check;
import io.agentlifecycle.core.store.RecordKey;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * The agents that an agent works for, the nearest first, as they were read when it was to get a credential, and what this
 * means for the credential. None for an agent without a parent.
 */
record Superiors(List<Agent> agents) {
    private static final Superiors NONE = new Superiors(List.of());

    /**
     * Reads who is above {@code agent}, which must be allowed to get a credential from them at {@code now}.
     *
     * @throws PolicyViolationException rule {@code parent-running} or {@code parent-credential}, if one of them does not work
     *     now, and those of {@link Delegation}
     */
    static Superiors of(
            Agent agent, LifecyclePolicy policy, Instant now, Function<AgentKey, Optional<AgentCodec.Stored>> find) {
        if (agent.lineage().parent().isEmpty()) {
            return NONE;
        }
        Map<AgentKey, Agent> read = new HashMap<>();
        Delegation chain = Delegation.of(
                Delegation.Member.of(agent),
                key -> find.apply(key).map(AgentCodec.Stored::agent).map(found -> {
                    read.put(key, found);
                    return Delegation.Member.of(found);
                }));
        chain.require(policy);
        var superiors = new Superiors(chain.above().stream()
                .map(member -> requireNonNull(read.get(member.key())))
                .toList());
        superiors.agents().forEach(superior -> requireFit(agent, superior, now));
        return superiors;
    }

    private static void requireFit(Agent agent, Agent superior, Instant now) {
        boolean lives = !superior.lifespan().isOver(now) && !superior.lifespan().isYetToBegin(now);
        if (superior.state() != AgentState.ACTIVE || !lives) {
            throw new PolicyViolationException(
                    "parent-running",
                    "no credential for agent %s: agent %s, which it works for, is %s%s; that one must be ACTIVE first"
                            .formatted(
                                    agent.key(),
                                    superior.key(),
                                    superior.state(),
                                    lives ? "" : " and its life is over or has not begun"));
        }
        if (superior.credentials().goodUntil(now).isEmpty()) {
            throw new PolicyViolationException(
                    "parent-credential",
                    "no credential for agent %s: agent %s, which it works for, has none that is good; rotate the credentials of that one first"
                            .formatted(agent.key(), superior.key()));
        }
    }

    /** When the credentials of one of them end, so that no credential that depends on them lives longer. */
    Optional<Instant> end(Instant now) {
        return agents.stream()
                .flatMap(agent -> agent.credentials().goodUntil(now).stream())
                .min(Comparator.naturalOrder());
    }

    List<AgentKey> keys() {
        return agents.stream().map(Agent::key).toList();
    }

    /** That none of them has changed since: what is stopped meanwhile gives nobody a credential. */
    List<Check> unchanged() {
        return agents.stream()
                .<Check>map(agent -> new Check.Version(RecordKey.agent(agent.key()), agent.version()))
                .toList();
    }
}
