package io.agentlifecycle.core.access;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/** What becomes of work that is under way when its agent is stopped. Immutable. */
public sealed interface Drain {
    /** It ends at once. */
    Drain CANCEL = new Cancel();

    /** It may go on to its end; nothing new begins. */
    Drain FINISH = new Finish();

    /** It may go on for so long; positive. */
    static Drain within(Duration time) {
        return new Deadline(time);
    }

    /** See {@link #CANCEL}. */
    record Cancel() implements Drain {}

    /** See {@link #FINISH}. */
    record Finish() implements Drain {}

    /**
     * See {@link #within}.
     *
     * @param time positive
     */
    record Deadline(Duration time) implements Drain {
        public Deadline {
            if (requireNonNull(time, "time").isZero() || time.isNegative()) {
                throw new IllegalArgumentException("the time to finish must be positive but was " + time);
            }
        }
    }
}
