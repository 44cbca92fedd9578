package io.agentlifecycle.core.hold;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.Text;
import java.time.Instant;

/**
 * One reason why an agent must not act.
 *
 * @param text what was said about it, at most 1,024 characters, possibly empty
 */
public record Hold(HoldReason reason, String text, Actor placedBy, Instant placedAt) {
    public Hold {
        requireNonNull(reason, "reason");
        Text.prose("hold text", text, 1024);
        requireNonNull(placedBy, "placedBy");
        requireNonNull(placedAt, "placedAt");
    }
}
