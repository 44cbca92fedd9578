package io.agentlifecycle.core.hold;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Text;
import java.time.Instant;
import java.util.Optional;

/**
 * How a hold is to stand. Immutable.
 *
 * @param text what is said about it, at most 1,024 characters, possibly empty
 * @param authority who may release it; empty for whom {@link HoldReason#authority} names
 * @param until when it ends by itself, with the next sweep; empty if it does not
 */
public record HoldTerms(String text, Optional<ReleaseAuthority> authority, Optional<Instant> until) {
    public HoldTerms {
        Text.prose("hold text", text, 1024);
        requireNonNull(authority, "authority");
        requireNonNull(until, "until");
    }

    /** Until somebody releases it who usually may. */
    public static HoldTerms of(String text) {
        return new HoldTerms(text, Optional.empty(), Optional.empty());
    }

    /** With another authority. */
    public HoldTerms releasedBy(ReleaseAuthority next) {
        return new HoldTerms(text, Optional.of(next), until);
    }

    /** With an end. */
    public HoldTerms until(Instant end) {
        return new HoldTerms(text, authority, Optional.of(end));
    }
}
