package io.agentlifecycle.core.hold;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Text;
import java.util.Optional;

/** Whom a kill switch stops, now and as long as it is engaged: also those who come later. Immutable. */
public sealed interface KillScope {
    /** True if it stops an agent of that key, owner and type. */
    boolean covers(AgentKey agent, Optional<Owner> owner, String agentType);

    /** The tenant that it is confined to; empty if it is not. */
    Optional<TenantId> confinedTo();

    /** The text in events and stored records; {@link #of} reads it back. */
    String wire();

    /** All agents of all tenants. */
    record Everything() implements KillScope {
        @Override
        public boolean covers(AgentKey agent, Optional<Owner> owner, String agentType) {
            return true;
        }

        @Override
        public Optional<TenantId> confinedTo() {
            return Optional.empty();
        }

        @Override
        public String wire() {
            return "everything";
        }
    }

    /** All agents of a tenant. */
    record OfTenant(TenantId tenant) implements KillScope {
        public OfTenant {
            requireNonNull(tenant, "tenant");
        }

        @Override
        public boolean covers(AgentKey agent, Optional<Owner> owner, String agentType) {
            return agent.tenant().equals(tenant);
        }

        @Override
        public Optional<TenantId> confinedTo() {
            return Optional.of(tenant);
        }

        @Override
        public String wire() {
            return "tenant:" + tenant;
        }
    }

    /** One agent. */
    record OfAgent(AgentKey key) implements KillScope {
        public OfAgent {
            requireNonNull(key, "key");
        }

        @Override
        public boolean covers(AgentKey agent, Optional<Owner> owner, String agentType) {
            return agent.equals(key);
        }

        @Override
        public Optional<TenantId> confinedTo() {
            return Optional.of(key.tenant());
        }

        @Override
        public String wire() {
            return "agent:" + key.tenant() + "/" + key.id();
        }
    }

    /** All agents that somebody answers for, in one tenant. */
    record OfOwner(TenantId tenant, Owner owner) implements KillScope {
        public OfOwner {
            requireNonNull(tenant, "tenant");
            requireNonNull(owner, "owner");
        }

        @Override
        public boolean covers(AgentKey agent, Optional<Owner> theirs, String agentType) {
            return agent.tenant().equals(tenant) && theirs.filter(owner::equals).isPresent();
        }

        @Override
        public Optional<TenantId> confinedTo() {
            return Optional.of(tenant);
        }

        @Override
        public String wire() {
            return "owner:" + tenant + "/" + owner;
        }
    }

    /** All agents of a type, such as {@code langchain}, in one tenant. */
    record OfType(TenantId tenant, String agentType) implements KillScope {
        public OfType {
            requireNonNull(tenant, "tenant");
            Text.line("agentType", agentType, 64);
        }

        @Override
        public boolean covers(AgentKey agent, Optional<Owner> owner, String theirs) {
            return agent.tenant().equals(tenant) && theirs.equals(agentType);
        }

        @Override
        public Optional<TenantId> confinedTo() {
            return Optional.of(tenant);
        }

        @Override
        public String wire() {
            return "type:" + tenant + "/" + agentType;
        }
    }

    /**
     * Reads what {@link #wire} wrote.
     *
     * @throws IllegalArgumentException if it is anything else
     */
    static KillScope of(String wire) {
        int colon = wire.indexOf(':');
        String kind = colon < 0 ? wire : wire.substring(0, colon);
        String rest = wire.substring(colon + 1);
        return switch (kind) {
            case "everything" -> everything(wire);
            case "tenant" -> new OfTenant(TenantId.of(rest));
            case "agent" -> new OfAgent(new AgentKey(tenantOf(rest), AgentId.of(nameOf(rest))));
            case "owner" -> new OfOwner(tenantOf(rest), Owner.of(nameOf(rest)));
            case "type" -> new OfType(tenantOf(rest), nameOf(rest));
            default -> throw new IllegalArgumentException("there is no scope of a kill switch like " + kind);
        };
    }

    private static KillScope everything(String wire) {
        if (!wire.equals("everything")) {
            throw new IllegalArgumentException("the scope of a kill switch for everything has nothing more to say");
        }
        return new Everything();
    }

    private static TenantId tenantOf(String rest) {
        return TenantId.of(rest.substring(0, Math.max(rest.indexOf('/'), 0)));
    }

    private static String nameOf(String rest) {
        return rest.substring(rest.indexOf('/') + 1);
    }
}
