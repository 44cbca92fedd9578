package io.agentlifecycle.core.store;

import static java.util.Objects.requireNonNull;

import java.util.Optional;

/**
 * What a store had to do when it was opened.
 *
 * @param cutBytes how many bytes it cut from a torn tail that was never acknowledged
 * @param cutSha256 the digest of those bytes, base64url, if there were any
 */
public record OpenReport(long cutBytes, Optional<String> cutSha256) {
    /** Nothing had to be done. */
    public static final OpenReport CLEAN = new OpenReport(0, Optional.empty());

    public OpenReport {
        requireNonNull(cutSha256, "cutSha256");
        if (cutBytes < 0 || cutBytes > 0 != cutSha256.isPresent()) {
            throw new IllegalArgumentException("a digest stands for cut bytes, and only for them");
        }
    }
}
