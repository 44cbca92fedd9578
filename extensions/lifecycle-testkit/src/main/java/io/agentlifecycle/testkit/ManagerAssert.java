package io.agentlifecycle.testkit;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.error.AuditTamperedException;
import org.assertj.core.api.AbstractAssert;

/** Assertions about a manager and what it knows now. Not safe for use by several threads. */
public final class ManagerAssert extends AbstractAssert<ManagerAssert, LifecycleManager> {
    ManagerAssert(LifecycleManager actual) {
        super(actual, ManagerAssert.class);
    }

    /** Every chain of its log is whole, and every record is what its events say. */
    public ManagerAssert verifies() {
        isNotNull();
        try {
            actual.verify();
        } catch (AuditTamperedException e) {
            AssertionError failure = failure(
                    "expected the log and the records to agree, but found%n- %s", String.join("\n- ", e.findings()));
            failure.addSuppressed(e);
            throw failure;
        }
        return this;
    }

    /** It has an agent of that id. */
    public ManagerAssert hasAgent(AgentId id) {
        agent(id);
        return this;
    }

    /** It has no agent of that id. */
    public ManagerAssert hasNoAgent(AgentId id) {
        isNotNull();
        actual.find(id).ifPresent(found -> {
            throw failure("expected no agent %s, but there is one, and it is %s", id, found.state());
        });
        return this;
    }

    /** It has an agent of that id; goes on with what it is now. */
    public AgentAssert agent(AgentId id) {
        isNotNull();
        return new AgentAssert(actual.find(id)
                .orElseThrow(
                        () -> failure("expected an agent %s, but there is none; there are %s", id, actual.summary())));
    }

    /** The guard lets the agent do its work. */
    public ManagerAssert allows(AgentId id) {
        verdict(id).isAllowed();
        return this;
    }

    /** The guard does not let the agent do its work, for that reason among others. */
    public ManagerAssert denies(AgentId id, Verdict.Reason reason) {
        verdict(id).isDenied(reason);
        return this;
    }

    private VerdictAssert verdict(AgentId id) {
        isNotNull();
        return new VerdictAssert(actual.guard().check(id, Operation.INVOKE)).as("agent %s", id);
    }
}
