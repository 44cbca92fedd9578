package io.agentlifecycle.core;

import io.agentlifecycle.core.agent.Agent;
import java.time.Instant;
import java.util.Optional;

/** What became of an attempt to bring an agent out of quarantine: kAI's three outcomes. Immutable. */
public sealed interface RecoveryResult {
    /** The agent as it is now. */
    Agent agent();

    /**
     * It is sound, and ACTIVE with a new credential, or SUSPENDED if holds stand.
     *
     * @param activation the agent, and its credential if it got one
     */
    record Recovered(Activation activation) implements RecoveryResult {
        @Override
        public Agent agent() {
            return activation.agent();
        }
    }

    /**
     * The task failed.
     *
     * @param agent still in quarantine, or SUSPENDED if that was the last attempt and the policy says so
     * @param error the name of what the task threw
     * @param retryAt from when on the next may be tried; empty if none is left
     */
    record Failed(Agent agent, String error, Optional<Instant> retryAt) implements RecoveryResult {}

    /**
     * No attempt is left, so none was made: somebody has to release the agent, suspend it or retire it. kAI calls it
     * {@code max_retries_exceeded}.
     */
    record Exhausted(Agent agent) implements RecoveryResult {}
}
