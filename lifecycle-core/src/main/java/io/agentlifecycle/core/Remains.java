package io.agentlifecycle.core;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Check;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoredRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * The records that stay when an agent's own is gone: the tombstone, by which its id stays taken, and the block, by which what
 * it was made of stays out. They are written in the commit that retires or blocks the agent.
 */
record Remains(Supplier<LifecycleStore> store) {

    /** What an agent that retires, or is blocked, leaves behind, unless it had before. */
    List<Mutation> of(Agent before, Agent after) {
        List<Mutation> left = new ArrayList<>();
        if (!before.state().isTerminal()) {
            tombstone(after).ifPresent(left::add);
        }
        if (!before.conduct().blocked()) {
            block(after).ifPresent(left::add);
        }
        return left;
    }

    /** The tombstone of a retired agent. */
    static Optional<Mutation> tombstone(Agent agent) {
        if (!agent.state().isTerminal()) {
            return Optional.empty();
        }
        String body = CanonicalJson.write(Json.object()
                .put("v", 1)
                .put("at", agent.activity().updatedAt().toString())
                .build());
        return Optional.of(new Mutation.Put(
                new StoredRecord(RecordKey.tombstone(agent.key()), 1, Optional.empty(), body, Map.of())));
    }

    private Optional<Mutation> block(Agent agent) {
        return blockOf(agent)
                .filter(key -> agent.conduct().blocked() && store.get().get(key).isEmpty())
                .map(key -> new Mutation.Put(new StoredRecord(
                        key,
                        1,
                        Optional.empty(),
                        CanonicalJson.write(Json.object()
                                .put("v", 1)
                                .put("agent", agent.id().value())
                                .put("at", agent.activity().updatedAt().toString())
                                .build()),
                        Map.of())));
    }

    /** The agent that a block names. */
    static AgentKey blockedBy(StoredRecord block) {
        var body = new JsonFields("record " + block.key(), CanonicalJson.read(block.body(), 1_024));
        body.format("v", 1);
        var agent = new AgentKey(block.key().tenant(), body.parsed("agent", AgentId::of));
        body.instant("at");
        body.end();
        return agent;
    }

    /** Where it would be noted that what the agent is made of is blocked; empty if it does not say what that is. */
    static Optional<RecordKey> blockOf(Agent agent) {
        return agent.entitlements()
                .manifestDigest()
                .map(digest -> RecordKey.block(agent.key().tenant(), digest));
    }

    /** What must still be so when an agent comes in, if it says what it is made of. */
    Optional<Check> requireUnblocked(Agent agent) {
        Optional<RecordKey> block = blockOf(agent);
        if (block.flatMap(key -> store.get().get(key)).isPresent()) {
            throw new PolicyViolationException(
                    "manifest-blocked",
                    "agent %s is made of manifest %s, which is blocked in its tenant for ever; build it from another one"
                            .formatted(agent.key(), block.get().id()));
        }
        return block.map(Check.Absent::new);
    }

    /** Refuses an id that an agent has, or had. */
    void requireFree(AgentKey key) {
        if (store.get().get(RecordKey.tombstone(key)).isPresent()) {
            throw new PolicyViolationException(
                    "agent-id-retired",
                    "the id %s belonged to an agent that is retired, and is never given out again; choose another"
                            .formatted(key));
        }
        if (store.get().get(RecordKey.agent(key)).isPresent()) {
            throw new PolicyViolationException(
                    "agent-id-taken", "the id %s is taken; choose another or leave it to the library".formatted(key));
        }
    }
}
