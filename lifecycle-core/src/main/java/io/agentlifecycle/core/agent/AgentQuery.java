package io.agentlifecycle.core.agent;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.TenantId;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * Which agents to list. All conditions must hold; without any, it is every agent that is not retired.
 *
 * @param states the agent is in one of them; never empty
 * @param owner the agent belongs to this owner
 * @param agentType the agent is of this type
 * @param tags the agent has all of these tags with these values
 * @param tenant the tenant to look in, if it is not the manager's own
 * @param parent the agent works for this one
 */
public record AgentQuery(
        Set<AgentState> states,
        Optional<Owner> owner,
        Optional<String> agentType,
        Map<String, String> tags,
        Optional<TenantId> tenant,
        Optional<AgentId> parent) {
    private static final AgentQuery LIVE = new AgentQuery(
            EnumSet.complementOf(EnumSet.of(AgentState.DECOMMISSIONED)),
            Optional.empty(),
            Optional.empty(),
            Map.of(),
            Optional.empty(),
            Optional.empty());

    public AgentQuery {
        if (states.isEmpty()) {
            throw new IllegalArgumentException("a query needs at least one state");
        }
        states = Collections.unmodifiableSet(EnumSet.copyOf(states));
        requireNonNull(owner, "owner");
        requireNonNull(agentType, "agentType");
        tags = Collections.unmodifiableMap(new TreeMap<>(tags));
        requireNonNull(tenant, "tenant");
        requireNonNull(parent, "parent");
    }

    /** Every agent that is not retired. */
    public static AgentQuery all() {
        return LIVE;
    }

    /** With the retired ones, too. */
    public AgentQuery includingRetired() {
        return state(EnumSet.allOf(AgentState.class));
    }

    /** Only those in {@code state}. */
    public AgentQuery state(AgentState state) {
        return state(Set.of(state));
    }

    /** Only those in one of {@code anyOf}. */
    public AgentQuery state(Set<AgentState> anyOf) {
        return new AgentQuery(anyOf, owner, agentType, tags, tenant, parent);
    }

    /** Only those of {@code text}, as {@link Owner#of} reads it. */
    public AgentQuery owner(String text) {
        return new AgentQuery(states, Optional.of(Owner.of(text)), agentType, tags, tenant, parent);
    }

    /** Only those of {@code type}. */
    public AgentQuery agentType(String type) {
        return new AgentQuery(states, owner, Optional.of(type), tags, tenant, parent);
    }

    /** Only those with that tag, beside the tags asked for already. */
    public AgentQuery tag(String key, String value) {
        Map<String, String> more = new TreeMap<>(tags);
        more.put(key, value);
        return new AgentQuery(states, owner, agentType, more, tenant, parent);
    }

    /** In that tenant; a manager that is confined to another one refuses. */
    public AgentQuery tenant(TenantId other) {
        return new AgentQuery(states, owner, agentType, tags, Optional.of(other), parent);
    }

    /** Only those that work for {@code agent}. */
    public AgentQuery parent(AgentId agent) {
        return new AgentQuery(states, owner, agentType, tags, tenant, Optional.of(agent));
    }
}
