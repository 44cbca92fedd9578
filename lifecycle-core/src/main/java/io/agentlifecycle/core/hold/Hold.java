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
 * @param placedAt since when the agent is held for that reason, also if another hold took the place of the first one
 * @param authority who may release it
 * @param until when it ends by itself, with the first sweep from that instant on; empty if it does not
 * @param agreed who has agreed that it be released, where that takes two people; empty if nobody has
 */
public record Hold(
        HoldReason reason,
        String text,
        Actor placedBy,
        Instant placedAt,
        ReleaseAuthority authority,
        Optional<Instant> until,
        Optional<Actor> agreed) {
    public Hold {
        requireNonNull(reason, "reason");
        Text.prose("hold text", text, 1024);
        requireNonNull(placedBy, "placedBy");
        requireNonNull(placedAt, "placedAt");
        requireNonNull(authority, "authority");
        requireNonNull(until, "until");
        requireNonNull(agreed, "agreed");
    }

    /** One that nobody has agreed to release. */
    public Hold(
            HoldReason reason,
            String text,
            Actor placedBy,
            Instant placedAt,
            ReleaseAuthority authority,
            Optional<Instant> until) {
        this(reason, text, placedBy, placedAt, authority, until, Optional.empty());
    }

    /** The same, for as long as one that it takes the place of. */
    Hold since(Instant instant) {
        return new Hold(reason, text, placedBy, instant, authority, until, agreed);
    }

    /** With somebody's word that it may be released. */
    public Hold agreedBy(Actor actor) {
        return new Hold(reason, text, placedBy, placedAt, authority, until, Optional.of(actor));
    }

    /** True if it ends no sooner and by nobody else, and it does make a difference: in who may release it, when it ends, or who agreed to that. */
    public boolean strengthens(Hold standing) {
        boolean lasts = until.isEmpty()
                || standing.until.filter(end -> !until.get().isBefore(end)).isPresent();
        boolean differs =
                authority != standing.authority || !until.equals(standing.until) || standing.agreed.isPresent();
        return lasts && authority.covers(standing.authority) && agreed.isEmpty() && differs;
    }

    /** True from {@link #until} on: the instant itself counts as over. */
    public boolean isOver(Instant now) {
        return until.filter(end -> !now.isBefore(end)).isPresent();
    }
}
