package io.agentlifecycle.core.agent;

import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * How many agents there are, the retired ones included.
 *
 * @param total all of them
 * @param byState how many in each state; states without agents are absent
 * @param byOwner how many of each owner, by the owner's text form; agents without an owner are absent
 */
public record FleetSummary(long total, Map<AgentState, Long> byState, Map<String, Long> byOwner) {
    public FleetSummary {
        Map<AgentState, Long> states = new EnumMap<>(AgentState.class);
        states.putAll(byState);
        byState = Collections.unmodifiableMap(states);
        byOwner = Collections.unmodifiableMap(new TreeMap<>(byOwner));
    }
}
