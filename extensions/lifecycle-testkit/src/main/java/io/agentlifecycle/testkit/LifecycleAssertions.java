package io.agentlifecycle.testkit;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.agent.Agent;

/**
 * Where assertions about agents, managers and verdicts begin. Import {@code assertThat} of this class and of
 * {@link org.assertj.core.api.Assertions} statically; they go together. Safe for use by many threads.
 */
public final class LifecycleAssertions {
    private LifecycleAssertions() {}

    /** Begins assertions about an agent as it was at one version. */
    public static AgentAssert assertThat(Agent actual) {
        return new AgentAssert(actual);
    }

    /** Begins assertions about a manager and what it knows now. */
    public static ManagerAssert assertThat(LifecycleManager actual) {
        return new ManagerAssert(actual);
    }

    /** Begins assertions about an answer of the guard. */
    public static VerdictAssert assertThat(Verdict actual) {
        return new VerdictAssert(actual);
    }
}
