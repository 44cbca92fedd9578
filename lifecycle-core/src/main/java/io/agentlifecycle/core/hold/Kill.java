package io.agentlifecycle.core.hold;

import static java.util.Objects.requireNonNull;

import java.time.Instant;

/**
 * A kill switch that is engaged. Who did it and why stands in the log, as {@code kill.engaged} of stream {@code log}.
 *
 * @param scope whom it stops
 */
public record Kill(KillScope scope, Instant engagedAt) {
    public Kill {
        requireNonNull(scope, "scope");
        requireNonNull(engagedAt, "engagedAt");
    }
}
