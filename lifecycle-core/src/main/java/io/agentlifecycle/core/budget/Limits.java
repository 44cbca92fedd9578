package io.agentlifecycle.core.budget;

import static java.util.Objects.requireNonNull;

import java.time.Instant;

/**
 * What an agent must not exceed. Immutable.
 *
 * @param rate how often it may be let through
 * @param notAfter its time to live: from this instant on it may not act any more, and is retired
 */
public record Limits(RateLimit rate, Instant notAfter) {
    public Limits {
        requireNonNull(rate, "rate");
        requireNonNull(notAfter, "notAfter");
    }
}
