package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.Command;
import io.agentlifecycle.core.budget.Limits;
import io.agentlifecycle.core.credential.IssuedCredential;
import java.util.List;
import java.util.Optional;

/**
 * An agent after a bootstrap. The token is shown here and never again. Immutable.
 *
 * @param agent as it is now, which need not be what this request asked for if it was there before
 * @param issued its new credential; empty if the policy wants somebody to approve it first
 * @param limits those that are in force, which need not be what was asked for, either
 * @param callsLeft how many calls this process lets through in this minute
 * @param nextSteps what callers may command in the agent's state, in the order of {@link Command}
 */
public record Bootstrap(
        Agent agent, Optional<IssuedCredential> issued, Limits limits, long callsLeft, List<Command> nextSteps) {
    public Bootstrap {
        requireNonNull(agent, "agent");
        requireNonNull(issued, "issued");
        requireNonNull(limits, "limits");
        nextSteps = List.copyOf(nextSteps);
    }
}
