package io.agentlifecycle.core.store;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Text;

/**
 * Names one record. Ordered by kind, tenant and id.
 *
 * @param kind {@code agent}, {@code stream}, {@code tombstone}, {@code block}, {@code scope}, or one that a later version adds
 * @param id 1 to 256 characters on one line, the first of them no blank
 */
public record RecordKey(TenantId tenant, String kind, String id) implements Comparable<RecordKey> {
    /** The kind of agents' records. */
    public static final String AGENT = "agent";

    /** The kind of the head of a stream that is no agent's. */
    public static final String STREAM = "stream";

    /** The kind of what is left of a retired agent: its id, never to be used again. */
    public static final String TOMBSTONE = "tombstone";

    /** The kind of what must not be registered again: the digest of a manifest. */
    public static final String BLOCK = "block";

    /** The kind of what says something of many agents. */
    public static final String SCOPE = "scope";

    public RecordKey {
        requireNonNull(tenant, "tenant");
        // one text for all keys of a kind: there are a million of them
        kind = switch (requireNonNull(kind, "record kind")) {
            case AGENT -> AGENT;
            case TOMBSTONE -> TOMBSTONE;
            default -> Text.line("record kind", kind, 32);
        };
        if (Text.line("record id", id, 256).startsWith(" ")) {
            throw new IllegalArgumentException("record id must not begin with a blank");
        }
    }

    /** The record of an agent. */
    public static RecordKey agent(AgentKey agent) {
        return new RecordKey(agent.tenant(), AGENT, agent.id().value());
    }

    /** The tombstone of an agent. */
    public static RecordKey tombstone(AgentKey agent) {
        return new RecordKey(agent.tenant(), TOMBSTONE, agent.id().value());
    }

    /** The record that keeps that manifest from being registered again. */
    public static RecordKey block(TenantId tenant, String manifestDigest) {
        return new RecordKey(tenant, BLOCK, manifestDigest);
    }

    /** The record by which those take turns who let agents in for certain owners. */
    public static RecordKey scope(TenantId tenant, String id) {
        return new RecordKey(tenant, SCOPE, id);
    }

    /** The agent whose record this is. */
    public AgentKey agentKey() {
        return new AgentKey(tenant, AgentId.of(id));
    }

    @Override
    public int compareTo(RecordKey other) {
        int byKind = kind.compareTo(other.kind);
        if (byKind != 0) {
            return byKind;
        }
        int byTenant = tenant.compareTo(other.tenant);
        return byTenant != 0 ? byTenant : id.compareTo(other.id);
    }

    @Override
    public String toString() {
        return kind + ":" + tenant + "/" + id;
    }
}
