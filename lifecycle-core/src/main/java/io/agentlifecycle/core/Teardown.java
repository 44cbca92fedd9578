package io.agentlifecycle.core;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.Retirement;
import io.agentlifecycle.core.error.ContentionException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.TeardownTask;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Takes down what a retiring agent has outside, task by task, and stores the outcome of each. */
final class Teardown {
    private static final Logger LOG = LoggerFactory.getLogger(Teardown.class);

    private final Engine engine;
    private final Map<String, TeardownTask> tasks = new LinkedHashMap<>();

    Teardown(Engine engine, List<TeardownTask> tasks) {
        this.engine = engine;
        tasks.forEach(task -> this.tasks.put(task.name(), task));
    }

    /** Begins the retirement of an agent and runs its tasks; empty if the agent no longer has that version. */
    Optional<Agent> retireAt(AgentKey key, long version, Plan.Decision begin) {
        return engine.runAt(key, version, Engine.Effect.NEUTRAL, begin).map(begun -> finish(begun.agent()));
    }

    /**
     * Begins the retirement of an agent and runs its tasks. Once it has begun, what cannot be stored of the rest is left
     * to the sweeps.
     */
    Agent retire(AgentKey key, Plan.Decision begin) {
        Agent begun = engine.run(key, Engine.Effect.RESTRICTS, begin).agent();
        try {
            return finish(begun);
        } catch (StoreException | ContentionException e) {
            LOG.warn("agent {} is being retired, and a sweep must finish it", key, e);
            return begun;
        }
    }

    /** Runs every task that has not succeeded yet, and ends the retirement if none is left. */
    Agent finish(Agent retiring) {
        AgentKey key = retiring.key();
        Map<String, String> errors = new LinkedHashMap<>();
        for (String name : retiring.retirement().map(Retirement::pendingTasks).orElse(List.of())) {
            Optional<String> error = run(name, retiring);
            if (error.isPresent()) {
                errors.put(name, error.get());
            } else {
                engine.run(
                        key, Engine.Effect.NEUTRAL, engine.rules().retirement().taskDone(name));
            }
        }
        Plan.Decision end = errors.isEmpty()
                ? engine.rules().retirement().completeTeardown()
                : engine.rules().retirement().tasksFailed(errors);
        return engine.run(key, Engine.Effect.NEUTRAL, end).agent();
    }

    /** What went wrong; empty if nothing did. */
    private Optional<String> run(String name, Agent agent) {
        TeardownTask task = tasks.get(name);
        if (task == null) {
            LOG.error("agent {} waits for teardown task {}, which this host does not have", agent.key(), name);
            return Optional.of("no such task on this host");
        }
        try {
            task.run(agent);
            return Optional.empty();
        } catch (Exception | LinkageError | AssertionError e) {
            if (e instanceof InterruptedException) {
                Thread.currentThread().interrupt();
            }
            LOG.warn("teardown task {} of agent {} failed", name, agent.key(), e);
            // the message may hold secrets of the host, so only the kind of failure is stored
            return Optional.of(e.getClass().getName());
        }
    }
}
