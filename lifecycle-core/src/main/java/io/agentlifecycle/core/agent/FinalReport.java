package io.agentlifecycle.core.agent;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.credential.Credentials;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What the life of an agent came to, as the last step of its retirement writes it down. All but {@code liveness} follows
 * from the events of its trail, and whoever computes the agent from these compares it. Immutable.
 *
 * @param cause why it ended
 * @param from where it stood when its retirement began
 * @param startedAt when that was
 * @param tasks the teardown tasks, in the order in which they succeeded; each of them did
 * @param failedAttempts how often teardown was tried and did not finish
 * @param createdAt when it was requested, for one that was imported where it comes from
 * @param firstActiveAt when it first became ACTIVE, as far as its trail goes back; empty if it never did
 * @param lastActiveAt when it last became ACTIVE
 * @param events how many events its trail has, the one with this report included
 * @param credentials how many credentials it got in all
 * @param tally what else was counted
 * @param liveness when it was last heard, and how often, as far as the host knew; empty if it never was
 */
public record FinalReport(
        Retirement.Cause cause,
        AgentState from,
        Instant startedAt,
        List<String> tasks,
        long failedAttempts,
        Instant createdAt,
        Optional<Instant> firstActiveAt,
        Optional<Instant> lastActiveAt,
        long events,
        long credentials,
        Tally tally,
        Optional<Liveness> liveness) {
    public FinalReport {
        requireNonNull(cause, "cause");
        requireNonNull(from, "from");
        requireNonNull(startedAt, "startedAt");
        tasks = List.copyOf(tasks);
        requireNonNull(createdAt, "createdAt");
        requireNonNull(firstActiveAt, "firstActiveAt");
        requireNonNull(lastActiveAt, "lastActiveAt");
        requireNonNull(tally, "tally");
        requireNonNull(liveness, "liveness");
    }

    /**
     * The report of an agent whose retirement is about to end.
     *
     * @param events how many events its trail has when it has ended
     * @throws IllegalArgumentException if its retirement has not begun
     */
    public static FinalReport of(Agent agent, long events, Optional<Liveness> liveness) {
        Retirement retirement = agent.retirement()
                .orElseThrow(() ->
                        new IllegalArgumentException("the retirement of agent " + agent.key() + " has not begun"));
        Activity activity = agent.activity();
        Credentials credentials = agent.credentials();
        return new FinalReport(
                retirement.cause(),
                retirement.from(),
                retirement.startedAt(),
                retirement.doneTasks(),
                retirement.failedAttempts(),
                activity.createdAt(),
                activity.firstActiveAt(),
                activity.watchedSince(),
                events,
                credentials.generation(),
                agent.tally(),
                liveness);
    }
}
