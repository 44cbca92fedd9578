package io.agentlifecycle.core;

import io.agentlifecycle.core.budget.RateLimit;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicLong;

/**
 * How many calls one agent made in this minute of UTC, in this process. It lives on when the agent's record changes, so another limit
 * gives nobody a minute anew, and a minute that was seen does not come back. Safe for use by many threads.
 */
final class CallMeter {
    /** What a question to the guard does to the calls of a minute. */
    enum Use {
        /** It is a call: it counts if it is let through. */
        COUNTED,
        /** It asks whether there could be another call now. */
        LOOKED_AT,
        /** It is about something else, such as work that was let through before. */
        IGNORED
    }

    private static final long MINUTE = 60_000_000_000L;

    /** The minute of the epoch in the upper half, the calls in it in the lower one, so that both move at once. */
    private final AtomicLong minuteAndCalls = new AtomicLong(Long.MIN_VALUE);

    /** Counts one call at {@code now}, in nanoseconds of the epoch; false, and nothing is counted, if the minute is full. */
    boolean count(RateLimit limit, long now) {
        long before;
        long minute;
        long calls;
        do {
            before = minuteAndCalls.get();
            minute = minute(before, now);
            calls = calls(before, minute);
            if (calls >= limit.callsPerMinute()) {
                return false;
            }
        } while (!minuteAndCalls.compareAndSet(before, (minute << 32) | (calls + 1)));
        return true;
    }

    /** How many calls are left in the minute of {@code now}. */
    long left(RateLimit limit, long now) {
        long seen = minuteAndCalls.get();
        return Math.max(0, limit.callsPerMinute() - calls(seen, minute(seen, now)));
    }

    /** When the next minute begins, after the one of {@code now} or the latest one in which something was counted. */
    Instant nextMinute(long now) {
        return Pulse.instant((minute(minuteAndCalls.get(), now) + 1) * MINUTE);
    }

    private static long minute(long seen, long now) {
        return Math.max(seen >> 32, Math.floorDiv(now, MINUTE));
    }

    private static long calls(long seen, long minute) {
        return seen >> 32 == minute ? seen & 0xFFFF_FFFFL : 0;
    }
}
