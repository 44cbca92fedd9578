package io.agentlifecycle.core.spi;

import io.agentlifecycle.core.agent.Agent;

/**
 * Something outside that must go when an agent is retired: a worker, a bucket, a token elsewhere.
 *
 * <ol>
 *   <li>It runs in the thread that retires the agent, after the agent was stored as DECOMMISSIONING.
 *   <li>It may run again after it succeeded, if the process died before that was stored, so it must not mind.
 *   <li>If it throws, the others run all the same, the agent stays DECOMMISSIONING, and the sweep tries again.
 * </ol>
 */
public interface TeardownTask {
    /** A name that stays the same, at most 64 characters; the trail shows it. */
    String name();

    /**
     * Takes it down.
     *
     * @param agent the agent as it is being retired
     * @throws Exception if it is not down yet
     */
    void run(Agent agent) throws Exception;
}
