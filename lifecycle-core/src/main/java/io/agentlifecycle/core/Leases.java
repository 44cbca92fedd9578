package io.agentlifecycle.core;

import io.agentlifecycle.core.access.AgentKey;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The leases that are open in this process. Safe for use by many threads. */
final class Leases {
    private final Map<AgentKey, Set<Lease>> open = new ConcurrentHashMap<>();

    /** Those of agents that work for others, and stop with them. */
    private final Set<Lease> ofChildren = ConcurrentHashMap.newKeySet();

    void add(Lease lease, boolean ofChild) {
        if (ofChild) {
            ofChildren.add(lease);
        }
        open.compute(lease.agent(), (agent, leases) -> {
            Set<Lease> all = leases == null ? ConcurrentHashMap.newKeySet() : leases;
            all.add(lease);
            return all;
        });
    }

    void remove(Lease lease) {
        ofChildren.remove(lease);
        open.computeIfPresent(lease.agent(), (agent, leases) -> {
            leases.remove(lease);
            return leases.isEmpty() ? null : leases;
        });
    }

    /** Something was decided about an agent: its work stops if it may not go on. In the caller's thread, without any lock. */
    void look(AgentKey agent) {
        open.getOrDefault(agent, Set.of()).forEach(Lease::look);
        ofChildren.forEach(Lease::look);
    }

    /** Time has passed, or something was decided about many. */
    void lookAtAll() {
        open.values().forEach(leases -> leases.forEach(Lease::look));
    }

    /** How many are open. */
    int size() {
        return open.values().stream().mapToInt(Set::size).sum();
    }
}
