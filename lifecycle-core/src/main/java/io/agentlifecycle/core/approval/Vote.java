package io.agentlifecycle.core.approval;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.Text;
import java.time.Instant;
import java.util.Locale;

/**
 * One vote on a request as it is now. Why somebody voted so stands in the event only.
 *
 * @param stage the name of the stage that was open
 * @param advisory true if it is advice, which never counts
 * @param by who voted, with how sure the host was of that
 * @param shown the digest of what was asked for when they voted
 */
public record Vote(String stage, Choice choice, boolean advisory, Actor by, Instant at, String shown) {
    /** A request has at most so many votes, and as many pieces of advice. */
    public static final int MOST = 64;

    /** What somebody wants to become of a request. */
    public enum Choice {
        /** The agent may come in. */
        APPROVE,
        /** It may not. */
        DENY;

        /** The name in events and stored records. */
        public String wire() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    public Vote {
        Text.line("stage", stage, 64);
        requireNonNull(choice, "choice");
        requireNonNull(by, "by");
        requireNonNull(at, "at");
        Text.line("shown digest", shown, 43);
    }
}
