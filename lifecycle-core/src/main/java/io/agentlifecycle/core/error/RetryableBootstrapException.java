package io.agentlifecycle.core.error;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentKey;

/**
 * A bootstrap stopped before its end, and no token was given out. Steps before that one are done, and the agent may exist; calling
 * bootstrap again, with the same request, is safe at any time and completes what is missing. Over HTTP that is a 503. Its code
 * is {@code bootstrap-incomplete}; {@link #getCause} says what failed.
 */
public final class RetryableBootstrapException extends LifecycleException {
    private static final long serialVersionUID = 1L;

    private final transient AgentKey agent;
    private final Step step;

    /** Says which step of whose bootstrap failed, and why. */
    public RetryableBootstrapException(AgentKey agent, Step step, LifecycleException cause) {
        super(
                "bootstrap-incomplete",
                ("the bootstrap of agent %s stopped at %s (%s), and no token was given out; call bootstrap again with the same"
                                + " request: what is done stays, and what is missing is completed")
                        .formatted(agent, step, cause.code()),
                cause);
        this.agent = agent;
        this.step = requireNonNull(step, "step");
    }

    /** Whom it was to bring in. */
    public AgentKey agent() {
        return agent;
    }

    /** What failed; whether it was stored all the same, calling again finds out. */
    public Step step() {
        return step;
    }

    /** The steps of a bootstrap, in their order. */
    public enum Step {
        /** The agent is requested. */
        PROFILE,
        /** Its limits are set. */
        LIMITS,
        /** It gets its token. */
        TOKEN
    }
}
