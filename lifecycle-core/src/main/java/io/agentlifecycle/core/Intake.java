package io.agentlifecycle.core;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.IdGenerator;
import io.agentlifecycle.core.store.RequestId;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** Takes in agents that do not exist yet. */
record Intake(Engine engine, IdGenerator ids, TenantId tenant) {

    Agent request(ProvisioningRequest request) {
        engine.control().requireRequest(request, tenant);
        Optional<RequestId> idempotent = request.idempotencyKey().map(this::requestId);
        Optional<Agent> earlier = idempotent.flatMap(id -> earlier(id, request));
        if (earlier.isPresent()) {
            return earlier.get();
        }
        Instant now = engine.now();
        var key = new AgentKey(tenant, request.id().orElseGet(ids::next));
        requireDelegation(key, request, this::stored);
        var creation = new Engine.Creation(key, engine.rules().request(request, now));
        try {
            return engine.create(idempotent.orElseGet(engine.draws()::requestId), now, List.of(creation))
                    .get(0);
        } catch (StoreException | PolicyViolationException e) {
            // the same key may have won in another thread, or before an answer was lost
            return idempotent.flatMap(id -> earlier(id, request)).orElseThrow(() -> e);
        }
    }

    private RequestId requestId(String idempotencyKey) {
        return new RequestId("request-" + Digests.sha256(tenant + "/" + idempotencyKey));
    }

    /** The agent that the request with that id has made. */
    private Optional<Agent> earlier(RequestId id, ProvisioningRequest request) {
        List<AuditEvent> committed = engine.committed(id);
        if (committed.isEmpty()) {
            return Optional.empty();
        }
        AuditEvent first = committed.get(0);
        AgentId made =
                StreamPosition.agentOf(first.position().stream()).orElseThrow().id();
        boolean same =
                RequestJson.takeFrom(new JsonFields("details", first.details())).equals(RequestJson.of(request))
                        && first.actor().isSame(request.requestedBy())
                        && request.id().orElse(made).equals(made);
        if (!same) {
            throw new PolicyViolationException(
                    "idempotency-key",
                    "the idempotency key of the request for %s was used for another request; choose a new key"
                            .formatted(request.profile().name()));
        }
        return Optional.of(engine.load(new AgentKey(tenant, made)).agent());
    }

    private void requireDelegation(
            AgentKey agent, ProvisioningRequest request, Function<AgentKey, Optional<Delegation.Member>> find) {
        Delegation.of(Delegation.Member.of(agent, request), find)
                .require(engine.rules().policy());
    }

    private Optional<Delegation.Member> stored(AgentKey agent) {
        return engine.find(agent).map(found -> Delegation.Member.of(found.agent()));
    }

    List<Agent> importAll(List<AgentImport> agents, String source, Actor actor) {
        int most = engine.store().describe().maxRecords() / 2;
        if (agents.size() > most) {
            throw new PolicyViolationException(
                    "import-size",
                    "%d agents are too many for one commit of this store; import them in parts of at most %d"
                            .formatted(agents.size(), most));
        }
        Instant now = engine.now();
        Map<AgentKey, Delegation.Member> imported = new HashMap<>();
        for (AgentImport agent : agents) {
            AgentId id = agent.request().id().orElseThrow();
            var key = new AgentKey(tenant, id);
            if (imported.put(key, Delegation.Member.of(key, agent.request())) != null) {
                throw new PolicyViolationException("agent-id-taken", "the import names agent %s twice".formatted(id));
            }
        }
        List<Engine.Creation> creations = new ArrayList<>();
        for (AgentImport agent : agents) {
            var key = new AgentKey(tenant, agent.request().id().orElseThrow());
            requireDelegation(
                    key,
                    agent.request(),
                    above -> Optional.ofNullable(imported.get(above)).or(() -> stored(above)));
            creations.add(new Engine.Creation(key, List.of(engine.rules().imported(agent, source, actor, now))));
        }
        return creations.isEmpty() ? List.of() : engine.create(engine.draws().requestId(), now, creations);
    }
}
