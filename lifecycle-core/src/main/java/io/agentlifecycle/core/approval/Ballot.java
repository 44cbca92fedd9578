package io.agentlifecycle.core.approval;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Text;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What somebody hands in who votes, or gives advice. Immutable.
 *
 * @param reason why; at most 1,024 characters, possibly empty
 * @param shown the digest of what the voter saw, {@link ApprovalStatus#shown}; a request that has changed since refuses the
 *     ballot. Empty means what is asked for when the ballot arrives, which a vote for a request that was changed since it was
 *     filed may not leave open
 */
public record Ballot(Vote.Choice choice, String reason, Optional<String> shown) {
    private static final Pattern DIGEST = Pattern.compile("[A-Za-z0-9_-]{43}");

    public Ballot {
        requireNonNull(choice, "choice");
        Text.prose("reason", reason, 1024);
        if (shown.isPresent() && !DIGEST.matcher(shown.get()).matches()) {
            throw new IllegalArgumentException(
                    "shown must be 43 characters of base64url but was \"" + shown.get() + "\"");
        }
    }

    /** For the request. */
    public static Ballot approve(String reason) {
        return new Ballot(Vote.Choice.APPROVE, reason, Optional.empty());
    }

    /** Against it: one such vote that counts ends the request. */
    public static Ballot deny(String reason) {
        return new Ballot(Vote.Choice.DENY, reason, Optional.empty());
    }

    /** The same, if the request is still what the voter saw. */
    public Ballot onSeeing(String digest) {
        return new Ballot(choice, reason, Optional.of(digest));
    }
}
