package io.agentlifecycle.core.access;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.Optional;

/**
 * What becomes of work that is under way when its agent is stopped. Immutable.
 *
 * @param time for how long it may go on; 0 to 366 days; empty for as long as it takes
 */
public record Drain(Optional<Duration> time) {
    private static final Duration LONGEST = Duration.ofDays(366);

    /** It ends at once. */
    public static final Drain CANCEL = within(Duration.ZERO);

    /** It may go on to its end; nothing new begins. */
    public static final Drain FINISH = new Drain(Optional.empty());

    public Drain {
        requireNonNull(time, "time").filter(Drain::isImpossible).ifPresent(given -> {
            throw new IllegalArgumentException("the time to finish must be 0 to " + LONGEST + " but was " + given);
        });
    }

    private static boolean isImpossible(Duration given) {
        return given.isNegative() || given.compareTo(LONGEST) > 0;
    }

    /** It may go on for so long; 0 to 366 days. */
    public static Drain within(Duration time) {
        return new Drain(Optional.of(time));
    }
}
