package io.agentlifecycle.testkit;

import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.hold.HoldReason;
import java.time.Instant;
import java.util.Optional;
import org.assertj.core.api.AbstractAssert;

/** Assertions about an agent as it was at one version. Not safe for use by several threads. */
public final class AgentAssert extends AbstractAssert<AgentAssert, Agent> {
    AgentAssert(Agent actual) {
        super(actual, AgentAssert.class);
    }

    /** Its state is ACTIVE. */
    public AgentAssert isActive() {
        return isInState(AgentState.ACTIVE);
    }

    /** Its state is {@code expected}. */
    public AgentAssert isInState(AgentState expected) {
        isNotNull();
        if (actual.state() != expected) {
            throw failure(
                    "expected agent %s to be %s, but it is %s with holds %s",
                    actual.key(), expected, actual.state(), actual.holds().reasons());
        }
        return this;
    }

    /** Its version is {@code expected}. */
    public AgentAssert hasVersion(long expected) {
        isNotNull();
        if (actual.version() != expected) {
            throw failure(
                    "expected agent %s to have version %d, but it has %d", actual.key(), expected, actual.version());
        }
        return this;
    }

    /** The owner whose text form that is answers for it. */
    public AgentAssert isOwnedBy(String owner) {
        isNotNull();
        if (!actual.owner().equals(Optional.of(Owner.of(owner)))) {
            throw failure(
                    "expected agent %s to be owned by %s, but its owner is %s",
                    actual.key(), owner, actual.owner().map(Owner::toString).orElse("nobody"));
        }
        return this;
    }

    /** Nothing holds it. */
    public AgentAssert hasNoHolds() {
        isNotNull();
        if (!actual.holds().isEmpty()) {
            throw failure("expected agent %s to have no holds, but it has %s", actual.key(), actual.holds());
        }
        return this;
    }

    /** It is held for that reason, whatever else holds it. */
    public AgentAssert hasHold(HoldReason reason) {
        isNotNull();
        if (actual.holds().get(reason).isEmpty()) {
            throw failure(
                    "expected agent %s to have the hold %s, but its holds are %s",
                    actual.key(), reason, actual.holds().reasons());
        }
        return this;
    }

    /** Its current credential can be used at {@code now}. */
    public AgentAssert hasUsableCredential(Instant now) {
        isNotNull();
        if (actual.credentials().usable(now).isEmpty()) {
            throw failure(
                    "expected agent %s to have a usable credential at %s, but %s", actual.key(), now, current(now));
        }
        return this;
    }

    /** Its current credential, if there is one, cannot be used at {@code now}. */
    public AgentAssert hasNoUsableCredential(Instant now) {
        isNotNull();
        if (actual.credentials().usable(now).isPresent()) {
            throw failure(
                    "expected agent %s to have no usable credential at %s, but %s", actual.key(), now, current(now));
        }
        return this;
    }

    private String current(Instant now) {
        return actual.credentials().current().map(found -> told(found, now)).orElse("none was ever issued");
    }

    private static String told(Credential credential, Instant now) {
        return "credential %s is %s; it ends at %s"
                .formatted(credential.id(), credential.status(now), credential.expiresAt());
    }
}
