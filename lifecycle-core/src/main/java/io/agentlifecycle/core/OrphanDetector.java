package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Liveness;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Finds agents that nobody looks after. It looks at every live agent of the manager's tenant and changes nothing by
 * itself; the {@link Sweeper} marks silent ones. Safe for use by many threads.
 */
public final class OrphanDetector {
    private final LifecycleManager manager;

    /** A detector for the agents of {@code manager}. */
    public OrphanDetector(LifecycleManager manager) {
        this.manager = requireNonNull(manager, "manager");
    }

    /** One finding for each agent that may be an orphan, in order of their ids, with every reason. */
    public List<OrphanFinding> detect() {
        List<OrphanFinding> findings = new ArrayList<>();
        manager.forEach(AgentQuery.all(), agent -> look(agent).ifPresent(findings::add));
        return findings;
    }

    private Optional<OrphanFinding> look(Agent agent) {
        Engine engine = manager.engine();
        Instant now = engine.now();
        Optional<Liveness> liveness = engine.liveness(agent.key());
        Set<OrphanReason> reasons = EnumSet.noneOf(OrphanReason.class);
        Optional<Duration> silentFor = Optional.empty();
        if (agent.state() == AgentState.ACTIVE) {
            Instant since = Deadlines.silentSince(agent, liveness);
            silentFor = Optional.of(now.isBefore(since) ? Duration.ZERO : Duration.between(since, now));
            if (!now.isBefore(engine.deadlines().orphanAt(agent, since))) {
                boolean heard = liveness.filter(l -> l.lastSeen().equals(since)).isPresent();
                reasons.add(heard ? OrphanReason.SILENT : OrphanReason.NEVER_HEARD);
            }
        }
        if (agent.owner().isEmpty() && agent.state() != AgentState.PENDING_APPROVAL) {
            reasons.add(OrphanReason.NO_OWNER);
        }
        if (!now.isBefore(engine.deadlines().inactiveAt(agent, liveness))) {
            reasons.add(OrphanReason.INACTIVE);
        }
        return reasons.isEmpty() ? Optional.empty() : Optional.of(new OrphanFinding(agent, reasons, silentFor));
    }

    /** Marks an agent as an orphan; see {@link LifecycleManager#markOrphaned}. */
    public OrphanMark markOrphaned(AgentId agent) {
        return manager.markOrphaned(agent, Actor.system("orphan-detector"));
    }

    /** Gives an orphan to a new owner; see {@link LifecycleManager#reclaim}. */
    public Activation reclaim(AgentId agent, String newOwner, Actor actor) {
        return manager.reclaim(agent, newOwner, actor);
    }
}
