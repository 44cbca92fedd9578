package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Owner;
import java.time.Instant;
import java.util.List;

/**
 * What would become of the agents of owners, agent by agent, in order of their ids; {@link Owners#apply} does exactly that. Immutable.
 *
 * @param at when it was planned
 */
public record OwnerPlan(Instant at, List<Step> steps) {
    public OwnerPlan {
        requireNonNull(at, "at");
        steps = List.copyOf(steps);
    }

    /** What is to be done for one agent. */
    public sealed interface Step {
        /** The agent. */
        AgentKey agent();

        /** The version of it that this was planned for. */
        long version();

        /** Who owns it. */
        Owner from();
    }

    /** It gets another owner, {@code to}. */
    public record Succeed(AgentKey agent, long version, Owner from, Owner to) implements Step {
        public Succeed {
            requireNonNull(agent, "agent");
            requireNonNull(from, "from");
            requireNonNull(to, "to");
        }
    }

    /** It keeps its owner, and is held for {@link io.agentlifecycle.core.hold.HoldReason#OWNER_LOST}. */
    public record Hold(AgentKey agent, long version, Owner from) implements Step {
        public Hold {
            requireNonNull(agent, "agent");
            requireNonNull(from, "from");
        }
    }
}
