package io.agentlifecycle.core;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What a decision wants to happen to an agent: events, and perhaps a new credential whose event comes last. Without
 * events and credential nothing is stored.
 */
record Plan(List<EventContent> events, Optional<NewCredential> credential) {
    /** Nothing. */
    static final Plan NOTHING = new Plan(List.of(), Optional.empty());

    static Plan of(EventContent... events) {
        return new Plan(List.of(events), Optional.empty());
    }

    Plan issuing(NewCredential next) {
        return new Plan(events, Optional.of(next));
    }

    boolean isEmpty() {
        return events.isEmpty() && credential.isEmpty();
    }

    /**
     * A credential to be made.
     *
     * @param kind CREDENTIAL_ISSUED or CREDENTIAL_ROTATED
     * @param forDelivery true if nobody is there to take it, so that it goes to its agent by the sink
     */
    record NewCredential(EventKind kind, Actor actor, boolean forDelivery) {}

    /** Decides what a command means for an agent: pure, and perhaps run more than once. */
    @FunctionalInterface
    interface Decision {
        Plan decide(Agent agent, Instant now);
    }
}
