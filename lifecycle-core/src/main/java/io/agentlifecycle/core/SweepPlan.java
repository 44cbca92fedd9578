package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentKey;
import java.time.Instant;
import java.util.List;

/**
 * What a sweep would do, item by item; {@link Sweeper#apply} does exactly that.
 *
 * @param at when it was planned
 * @param more whether more is due than the limit let in
 */
public record SweepPlan(Instant at, List<Item> items, boolean more) {
    public SweepPlan {
        requireNonNull(at, "at");
        items = List.copyOf(items);
    }

    /**
     * One step.
     *
     * @param version the version of the agent that it was planned for
     */
    public record Item(AgentKey agent, long version, SweepAction action) {
        public Item {
            requireNonNull(agent, "agent");
            requireNonNull(action, "action");
        }
    }
}
