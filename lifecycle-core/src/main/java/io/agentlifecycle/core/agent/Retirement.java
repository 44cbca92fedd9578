package io.agentlifecycle.core.agent;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Text;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The end of an agent.
 *
 * @param from where the agent stood when that began; DECOMMISSIONED if it was retired when it came in
 * @param reason what was said about it, at most 1,024 characters, possibly empty
 * @param doneTasks the teardown tasks that have succeeded, in that order
 * @param pendingTasks the teardown tasks that have not succeeded yet, in the order they run in
 * @param failedAttempts how often teardown was tried and did not finish
 * @param retryAt when it is tried again, if it failed
 * @param endedAt when it was over
 */
public record Retirement(
        Cause cause,
        AgentState from,
        String reason,
        Instant startedAt,
        List<String> doneTasks,
        List<String> pendingTasks,
        int failedAttempts,
        Optional<Instant> retryAt,
        Optional<Instant> endedAt) {
    public Retirement {
        requireNonNull(cause, "cause");
        requireNonNull(from, "from");
        Text.prose("reason", reason, 1024);
        requireNonNull(startedAt, "startedAt");
        doneTasks = List.copyOf(doneTasks);
        pendingTasks = List.copyOf(pendingTasks);
        requireNonNull(retryAt, "retryAt");
        requireNonNull(endedAt, "endedAt");
    }

    /** A retirement that begins in that state, with those tasks to run. */
    public static Retirement begun(Cause cause, AgentState from, String reason, Instant at, List<String> tasks) {
        return new Retirement(cause, from, reason, at, List.of(), tasks, 0, Optional.empty(), Optional.empty());
    }

    /** One task succeeded. */
    public Retirement taskDone(String task) {
        List<String> left = pendingTasks.stream().filter(t -> !t.equals(task)).toList();
        List<String> done = new ArrayList<>(doneTasks);
        done.add(task);
        return new Retirement(cause, from, reason, startedAt, done, left, failedAttempts, retryAt, endedAt);
    }

    /** Teardown was tried and did not finish. */
    public Retirement failed(int attempts, Instant nextTry) {
        return new Retirement(
                cause, from, reason, startedAt, doneTasks, pendingTasks, attempts, Optional.of(nextTry), endedAt);
    }

    /** It is over. */
    public Retirement ended(Instant at) {
        return new Retirement(
                cause,
                from,
                reason,
                startedAt,
                doneTasks,
                List.of(),
                failedAttempts,
                Optional.empty(),
                Optional.of(at));
    }

    /** Why an agent ended. */
    public enum Cause {
        /** Its request was turned down. */
        REJECTED,
        /** Its request was taken back. */
        WITHDRAWN,
        /** Nobody decided on its request in time. */
        REQUEST_EXPIRED,
        /** Someone retired it. */
        RETIRED,
        /** Its time was over. */
        EXPIRED,
        /** It did nothing for too long. */
        INACTIVE,
        /** It was held for too long. */
        HELD;

        /** The name in events and stored records. */
        public String wire() {
            return name().toLowerCase(Locale.ROOT);
        }
    }
}
