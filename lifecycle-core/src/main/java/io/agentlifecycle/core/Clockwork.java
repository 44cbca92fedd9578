package io.agentlifecycle.core;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Time that does not go back: the injected clock, or the latest time of any commit, or of any look at the clock, if the
 * clock is behind that by more than it may be imprecise. What has expired stays expired. Safe for use by many threads.
 */
final class Clockwork {
    /** A clock that is behind by no more than this is merely imprecise. */
    private static final Duration TOLERATED = Duration.ofSeconds(2);

    /** The high water follows the clock in steps, so that threads that only read the time do not fight over it. */
    private static final Duration STEP = Duration.ofMillis(100);

    private static final long STEP_NANOS = STEP.toNanos();

    /** A clock that was found to have gone back. */
    record Regression(Instant observed, Instant highWater) {}

    private final InstantSource clock;
    private final AtomicReference<Instant> highWater;
    private final AtomicReference<Optional<Regression>> unreported = new AtomicReference<>(Optional.empty());
    private volatile boolean behind;

    Clockwork(InstantSource clock, Instant highWater) {
        this.clock = clock;
        this.highWater = new AtomicReference<>(highWater);
    }

    Instant now() {
        Instant observed = clock.instant();
        Instant high = highWater.get();
        if (!observed.isBefore(high)) {
            if (behind) {
                behind = false;
            }
            if (high.isBefore(observed.minus(STEP))) {
                reached(observed);
            }
            return observed;
        }
        if (!behind && Duration.between(observed, high).compareTo(TOLERATED) > 0) {
            behind = true;
            unreported.set(Optional.of(new Regression(observed, high)));
        }
        return high;
    }

    /** {@link #now} in nanoseconds of the epoch, for heartbeats: as a number, nothing of it has to be kept. */
    long nanos() {
        Instant observed = clock.instant();
        long nanos = Pulse.nanos(observed);
        long ahead = nanos - Pulse.nanos(highWater.get());
        // an instant that does not leave this method need not be made; what moves the high water asks the clock again
        return ahead >= 0 && ahead <= STEP_NANOS && !behind ? nanos : Pulse.nanos(now());
    }

    /** It has been this late. */
    void reached(Instant at) {
        highWater.accumulateAndGet(at, (a, b) -> a.isAfter(b) ? a : b);
    }

    /** The regression that nobody has written down yet, if there is one. */
    Optional<Regression> unreported() {
        return unreported.get();
    }

    /** It was written down. */
    void reported(Regression regression) {
        unreported.updateAndGet(last -> last.equals(Optional.of(regression)) ? Optional.empty() : last);
    }
}
