package io.agentlifecycle.core;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Text;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.LegalHold;
import io.agentlifecycle.core.store.StoredEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;

/** How long what is known of an agent is kept: the rules, and what carries them out. */
record Retention(Engine engine) {
    private static final int PAGE = 500;

    /** Writes it down first, so that no event is ever without its values and nobody knows why. */
    Agent erasePersonalData(AgentKey key, String reason, Actor actor) {
        Plan.Decision decision = erasure(reason, actor);
        Agent agent = engine.load(key).agent();
        requireErasable(agent);
        List<SealedEvent> trail = trail(key);
        long erased = lastErasure(trail);
        if (erased < 0 || trail.stream().anyMatch(event -> discloses(event, erased))) {
            requireNotPlain(agent, trail);
            agent = engine.run(key, Engine.Effect.NEUTRAL, decision).agent();
        }
        String stream = StreamPosition.streamOf(key);
        engine.store()
                .erase(
                        stream,
                        LongStream.range(0, lastErasure(trail(key))).boxed().toList());
        return agent;
    }

    /** What an event disclosed after the last erasure, or what that itself discloses, is not erased yet. */
    private static boolean discloses(SealedEvent event, long erased) {
        return event.event().position().n() > erased && !event.disclosures().isEmpty();
    }

    private static long lastErasure(List<SealedEvent> trail) {
        return trail.stream()
                .map(SealedEvent::event)
                .filter(event -> event.kind() == EventKind.PERSONAL_DATA_ERASED)
                .mapToLong(event -> event.position().n())
                .max()
                .orElse(-1);
    }

    private List<SealedEvent> trail(AgentKey key) {
        List<SealedEvent> trail = new ArrayList<>();
        List<StoredEvent> page;
        do {
            page = engine.store().trail(StreamPosition.streamOf(key), trail.size(), PAGE);
            page.forEach(stored -> trail.add(engine.reader().read(stored)));
        } while (!page.isEmpty());
        return trail;
    }

    // ---- the rules

    private static Plan.Decision erasure(String reason, Actor actor) {
        Text.prose("reason", reason, 1024);
        return (agent, now) -> {
            requireErasable(agent);
            return Plan.of(EventContent.of(
                            EventKind.PERSONAL_DATA_ERASED,
                            actor,
                            Json.object().put("reason", reason).build())
                    .step(agent.state(), agent.state()));
        };
    }

    private static void requireErasable(Agent agent) {
        if (!agent.state().isTerminal()) {
            throw new PolicyViolationException(
                    "erasure-after-end",
                    "agent %s is %s, and who answers for it must be known while it lives; decommission it first"
                            .formatted(agent.key(), agent.state()));
        }
        requireNoLegalHold(agent);
    }

    private static void requireNoLegalHold(Agent agent) {
        if (!agent.legalHolds().isEmpty()) {
            throw new PolicyViolationException(
                    "legal-hold",
                    "what is known of agent %s must be kept for %s; release that first"
                            .formatted(
                                    agent.key(),
                                    agent.legalHolds().stream()
                                            .map(LegalHold::reference)
                                            .toList()));
        }
    }

    private static void requireNotPlain(Agent agent, List<SealedEvent> trail) {
        long plain = trail.stream().filter(SealedEvent::isPersonal).count();
        if (plain > 0) {
            throw new PolicyViolationException(
                    "personal-data-plain",
                    ("%d events of agent %s name people in their signed text, which nobody can change; with"
                                    + " personalData(DISCLOSABLE) later ones are written so that they can be erased")
                            .formatted(plain, agent.key()));
        }
    }
}
