package io.agentlifecycle.credentials;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.delegation.Lineage;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/** The claim {@code act}: for whom an agent works, each inside the one that works for it (RFC 8693, 4.1). */
final class Actors {
    static final int MOST = Lineage.DEEPEST;

    private Actors() {}

    /** Empty if there are none. */
    static Optional<Json.Obj> write(List<AgentKey> nearestFirst) {
        List<AgentKey> farthestFirst = new ArrayList<>(nearestFirst);
        Collections.reverse(farthestFirst);
        Optional<Json.Obj> inner = Optional.empty();
        for (AgentKey actor : farthestFirst) {
            Json.ObjBuilder outer = Json.object().put("sub", subject(actor));
            inner.ifPresent(act -> outer.put("act", act));
            inner = Optional.of(outer.build());
        }
        return inner;
    }

    /** How tokens name an agent. */
    static String subject(AgentKey agent) {
        return agent.tenant() + "/" + agent.id();
    }
}
