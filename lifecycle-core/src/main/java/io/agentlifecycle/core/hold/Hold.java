package io.agentlifecycle.core.hold;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.Text;
import java.time.Instant;
import java.util.Optional;

/**
 * One reason why an agent must not act. Immutable.
 *
 * @param text what was said about it, at most 1,024 characters, possibly empty
 * @param authority who may release it
 * @param until when it ends by itself, with the first sweep from that instant on; empty if it does not
 */
public record Hold(
        HoldReason reason,
        String text,
        Actor placedBy,
        Instant placedAt,
        ReleaseAuthority authority,
        Optional<Instant> until) {
    public Hold {
        requireNonNull(reason, "reason");
        Text.prose("hold text", text, 1024);
        requireNonNull(placedBy, "placedBy");
        requireNonNull(placedAt, "placedAt");
        requireNonNull(authority, "authority");
        requireNonNull(until, "until");
    }

    /** True from {@link #until} on: the instant itself counts as over. */
    public boolean isOver(Instant now) {
        return until.filter(end -> !now.isBefore(end)).isPresent();
    }
}
