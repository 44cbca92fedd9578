package io.agentlifecycle.core;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.error.AgentNotFoundException;
import io.agentlifecycle.core.error.RefusedException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a decision wants to happen to an agent: events, and perhaps one more that comes last and can only be written when
 * the others are: that of a new credential, or the one that ends the agent's retirement. Without any of them nothing is
 * stored.
 *
 * @param answering who must be there, by the word of the host's directory, for it to happen
 */
record Plan(List<EventContent> events, Optional<NewCredential> credential, boolean ends, Optional<Owner> answering) {
    /** Nothing. */
    static final Plan NOTHING = of();

    static Plan of(EventContent... events) {
        return of(List.of(events));
    }

    static Plan of(List<EventContent> events) {
        return new Plan(events, Optional.empty(), false, Optional.empty());
    }

    /** The same, after that event. */
    Plan after(EventContent first) {
        List<EventContent> all = new ArrayList<>(List.of(first));
        all.addAll(events);
        return new Plan(all, credential, ends, answering);
    }

    /** The same without its events of that kind. */
    Plan without(EventKind kind) {
        return new Plan(events.stream().filter(event -> event.kind() != kind).toList(), credential, ends, answering);
    }

    Plan issuing(NewCredential next) {
        return new Plan(events, Optional.of(next), ends, answering);
    }

    /** And the credential goes to its agent by the sink. */
    Plan forDelivery() {
        return new Plan(
                events, credential.map(made -> new NewCredential(made.kind(), made.actor(), true)), ends, answering);
    }

    /** And with that the retirement is over. */
    Plan ending() {
        return new Plan(events, credential, true, answering);
    }

    /** And only if that owner is there. */
    Plan answeredBy(Owner owner) {
        return new Plan(events, credential, ends, Optional.of(owner));
    }

    /** True if by it an agent is let in, is made of something else, or becomes ACTIVE. */
    boolean comesIn() {
        return has(EventKind.AGENT_APPROVED)
                || has(EventKind.AGENT_AMENDED)
                || has(EventKind.AGENT_ACTIVATED)
                || credential
                        .filter(wanted -> wanted.kind() == EventKind.CREDENTIAL_ISSUED)
                        .isPresent();
    }

    /** True if no event of it leads to another state. */
    boolean keeps(AgentState state) {
        return events.stream()
                .allMatch(event -> event.to().filter(to -> to != state).isEmpty());
    }

    /** True if one of its events is of that kind. */
    boolean has(EventKind kind) {
        return events.stream().anyMatch(event -> event.kind() == kind);
    }

    boolean isEmpty() {
        return events.isEmpty() && credential.isEmpty() && !ends;
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

        /** What to answer if there is no such agent. */
        default RefusedException absent(AgentKey key) {
            return new AgentNotFoundException(key);
        }
    }
}
