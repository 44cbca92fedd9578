package io.agentlifecycle.core.access;

import static java.util.Objects.requireNonNull;

import java.util.Comparator;

/** Names one agent among all tenants. Ordered by tenant, then by id. */
public record AgentKey(TenantId tenant, AgentId id) implements Comparable<AgentKey> {
    private static final Comparator<AgentKey> ORDER =
            Comparator.comparing(AgentKey::tenant).thenComparing(AgentKey::id);

    public AgentKey {
        requireNonNull(tenant, "tenant");
        requireNonNull(id, "id");
    }

    @Override
    public int compareTo(AgentKey other) {
        return ORDER.compare(this, other);
    }

    /** The agent's id alone in the default tenant, otherwise {@code tenant/id}. */
    @Override
    public String toString() {
        return tenant.equals(TenantId.DEFAULT) ? id.value() : tenant + "/" + id;
    }
}
