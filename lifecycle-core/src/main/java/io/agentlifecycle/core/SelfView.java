package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Command;
import io.agentlifecycle.core.agent.Entitlements;
import io.agentlifecycle.core.agent.Profile;
import io.agentlifecycle.core.budget.RateLimit;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.quarantine.Conduct;
import io.agentlifecycle.core.quarantine.Incident;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * What an agent may know of itself. Beside its own profile and its owner it has codes, numbers and times only: nothing that somebody
 * wrote about it, nobody who held, reported or approved it, no legal holds, and nothing of other agents. Immutable.
 *
 * @param owner who answers for it
 * @param holds why it is held, in order of their codes
 * @param quarantine what the quarantine is for that it is in
 * @param incidents what was reported of it: of each kind the latest {@link Conduct#MOST}, the oldest first
 * @param rateLimit how often it may be let through; empty means as often as it asks
 * @param callsLeft how many calls this process lets through in this minute, if they are limited
 * @param credentialEndsAt when the credential by which this was asked stops being good
 * @param endsAt when its life ends, if it does
 * @param nextSteps what callers may command in its state, in the order of {@link Command}
 * @param invoke what the guard says to {@code INVOKE} now, with that credential
 */
public record SelfView(
        AgentKey agent,
        Profile profile,
        Entitlements entitlements,
        Optional<Owner> owner,
        AgentState state,
        List<HoldReason> holds,
        Optional<Incident.Kind> quarantine,
        List<Conduct.Noted> incidents,
        Optional<RateLimit> rateLimit,
        OptionalLong callsLeft,
        Instant credentialEndsAt,
        Optional<Instant> endsAt,
        List<Command> nextSteps,
        Verdict invoke) {
    public SelfView {
        requireNonNull(agent, "agent");
        requireNonNull(profile, "profile");
        requireNonNull(entitlements, "entitlements");
        requireNonNull(owner, "owner");
        requireNonNull(state, "state");
        holds = List.copyOf(holds);
        requireNonNull(quarantine, "quarantine");
        incidents = List.copyOf(incidents);
        requireNonNull(rateLimit, "rateLimit");
        requireNonNull(callsLeft, "callsLeft");
        requireNonNull(credentialEndsAt, "credentialEndsAt");
        requireNonNull(endsAt, "endsAt");
        nextSteps = List.copyOf(nextSteps);
        requireNonNull(invoke, "invoke");
    }

    static SelfView of(
            Agent agent, Instant credentialEndsAt, OptionalLong callsLeft, Set<Command> nextSteps, Verdict invoke) {
        Conduct conduct = agent.conduct();
        return new SelfView(
                agent.key(),
                agent.profile(),
                agent.entitlements(),
                agent.owner(),
                agent.state(),
                agent.holds().reasons(),
                agent.state() == AgentState.QUARANTINED
                        ? Optional.of(conduct.standing().cause().kind())
                        : Optional.empty(),
                conduct.incidents(),
                agent.rateLimit(),
                callsLeft,
                credentialEndsAt,
                agent.lifespan().notAfter(),
                List.copyOf(nextSteps),
                invoke);
    }
}
