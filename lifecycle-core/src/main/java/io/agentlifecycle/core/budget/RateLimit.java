package io.agentlifecycle.core.budget;

/**
 * How many calls an agent may make in a minute of UTC. Immutable.
 *
 * @param callsPerMinute 1 to {@link #MOST}
 */
public record RateLimit(long callsPerMinute) {
    /** No agent makes so many. */
    public static final long MOST = 1_000_000_000;

    public RateLimit {
        if (callsPerMinute < 1 || callsPerMinute > MOST) {
            throw new IllegalArgumentException(
                    "calls per minute must be 1 to %d but were %d".formatted(MOST, callsPerMinute));
        }
    }

    /** At most so many calls in each minute. */
    public static RateLimit perMinute(long calls) {
        return new RateLimit(calls);
    }

    @Override
    public String toString() {
        return callsPerMinute + " calls a minute";
    }
}
