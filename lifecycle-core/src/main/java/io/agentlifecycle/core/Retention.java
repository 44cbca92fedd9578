package io.agentlifecycle.core;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Text;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.LegalHold;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.LongStream;

/**
 * How long what is known of an agent is kept: the rules, and what carries them out.
 *
 * @param shortest no trail is pruned sooner after its end
 */
record Retention(Engine engine, Duration shortest) {
    private static final int PAGE = 500;

    private static final AgentQuery RETIRED = AgentQuery.all().state(EnumSet.of(AgentState.DECOMMISSIONED));

    /** Six months, the least for which Regulation (EU) 2024/1689, Articles 19 and 26, has logs kept. */
    static final Duration HALF_A_YEAR = Duration.ofDays(183);

    /** Writes it down first, so that no event is ever without its values and nobody knows why. */
    Agent erasePersonalData(AgentKey key, String reason, Actor actor) {
        Plan.Decision decision = engine.control().permit(actor, Right.ERASE, erasure(reason, actor));
        Agent agent = engine.load(key).agent();
        requireErasable(agent);
        List<SealedEvent> trail = trail(key);
        requireNotPlain(agent, trail);
        long erased = lastErasure(trail);
        if (erased < 0 || trail.stream().anyMatch(event -> discloses(event, erased))) {
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

    /** What is there of it: without what was pruned. */
    private List<SealedEvent> trail(AgentKey key) {
        List<SealedEvent> trail = new ArrayList<>();
        List<StoredEvent> page;
        long next = 0;
        do {
            page = engine.store().trail(StreamPosition.streamOf(key), next, PAGE);
            EventReader.Some reading = engine.reader().reading(page);
            page.stream().filter(stored -> !stored.isPruned()).forEach(stored -> trail.add(reading.read(stored)));
            next += page.size();
        } while (!page.isEmpty());
        return trail;
    }

    // ---- pruning

    /** Writes it down for each agent first, and then takes the texts of all of them at once. */
    List<AgentId> prune(TenantId tenant, Instant before, String reason, Actor actor) {
        Text.prose("reason", reason, 1024);
        requireOld(before);
        Map<String, Long> ends = new TreeMap<>();
        List<AgentId> pruned = new ArrayList<>();
        Optional<PageToken> after = Optional.empty();
        do {
            Page<StoredRecord> page = engine.store().query(AgentCodec.query(RETIRED, tenant), after, PAGE);
            for (StoredRecord found : page.items()) {
                Agent agent = AgentCodec.decode(found).agent();
                end(agent, before, reason, actor).ifPresent(end -> {
                    ends.put(StreamPosition.streamOf(agent.key()), end);
                    pruned.add(agent.id());
                });
            }
            after = page.next();
        } while (after.isPresent());
        if (!ends.isEmpty()) {
            engine.follower().follow(engine.now());
            pruned.removeIf(id -> isKept(new AgentKey(tenant, id), before, ends));
            engine.store().prune(ends);
        }
        return pruned;
    }

    /** Whether somebody has placed a legal hold since it was written down; what follows is quick. */
    private boolean isKept(AgentKey key, Instant before, Map<String, Long> ends) {
        boolean kept = !isPrunable(engine.load(key).agent(), before);
        if (kept) {
            ends.remove(StreamPosition.streamOf(key));
        }
        return kept;
    }

    /** The position of the event that ended the agent, once it is written down that those before it go. */
    private Optional<Long> end(Agent agent, Instant before, String reason, Actor actor) {
        if (!isPrunable(agent, before)) {
            return Optional.empty();
        }
        List<SealedEvent> trail = trail(agent.key());
        long end = trail.stream()
                .map(SealedEvent::event)
                .filter(event -> event.to().filter(AgentState::isTerminal).isPresent())
                .findFirst()
                .orElseThrow()
                .position()
                .n();
        if (trail.get(0).event().position().n() == end) {
            return Optional.empty(); // nothing is before it, or nothing is left
        }
        if (trail.stream().anyMatch(event -> event.event().kind() == EventKind.TRAIL_PRUNED)) {
            return Optional.of(end); // the store did not come to do it
        }
        Agent after = engine.run(agent.key(), Engine.Effect.NEUTRAL, pruning(end, before, reason, actor))
                .agent();
        return isPrunable(after, before) ? Optional.of(end) : Optional.empty();
    }

    private Plan.Decision pruning(long events, Instant before, String reason, Actor actor) {
        return (agent, now) -> isPrunable(agent, before)
                ? Plan.of(note(
                        EventKind.TRAIL_PRUNED,
                        actor,
                        agent,
                        Json.object()
                                .put("events", events)
                                .put("reason", reason)
                                .put("retention", shortest.toString())
                                .build()))
                : Plan.NOTHING;
    }

    private static boolean isPrunable(Agent agent, Instant before) {
        return agent.decommissionedAt().filter(end -> end.isBefore(before)).isPresent()
                && agent.legalHolds().isEmpty();
    }

    private void requireOld(Instant before) {
        Instant latest = engine.now().minus(shortest);
        if (before.isAfter(latest)) {
            throw new PolicyViolationException(
                    "min-retention",
                    ("trails that ended after %s are to be kept for %s, so %s is too late; prune before an earlier time, or set"
                                    + " another minRetention(..)")
                            .formatted(latest, shortest, before));
        }
    }

    // ---- the rules

    private static Plan.Decision erasure(String reason, Actor actor) {
        Text.prose("reason", reason, 1024);
        return (agent, now) -> {
            requireErasable(agent);
            return Plan.of(note(
                    EventKind.PERSONAL_DATA_ERASED,
                    actor,
                    agent,
                    Json.object().put("reason", reason).build()));
        };
    }

    private static EventContent note(EventKind kind, Actor actor, Agent agent, Json.Obj details) {
        return EventContent.of(kind, actor, details).step(agent.state(), agent.state());
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
