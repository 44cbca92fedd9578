package io.agentlifecycle.audit;

import static java.util.Objects.requireNonNull;

import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * How much of a log is known elsewhere: whoever writes the log anew can do so unnoticed only behind that. Immutable.
 *
 * @param events how many events the tree has; what the log has beyond them, the next sweep takes over
 * @param sinks the sinks by name; read-only
 */
public record Anchored(long events, Map<String, Sink> sinks) {
    /**
     * How far one sink is.
     *
     * @param through how many events, from the first of the log on, the last checkpoint has that it took; 0 if it took none
     * @param failure how it failed when it last did, unless it has worked since
     */
    public record Sink(long through, Optional<String> failure) {
        /** Checks that nothing is missing. */
        public Sink {
            requireNonNull(failure, "failure");
        }
    }

    /** Keeps a copy of {@code sinks}. */
    public Anchored {
        sinks = Collections.unmodifiableMap(new TreeMap<>(sinks));
    }

    /** How many events, from the first of the log on, all sinks know of; 0 if there are no sinks. */
    public long through() {
        return sinks.values().stream().mapToLong(Sink::through).min().orElse(0);
    }

    /** How many events after those are not known to all sinks. */
    public long unanchored() {
        return events - through();
    }
}
