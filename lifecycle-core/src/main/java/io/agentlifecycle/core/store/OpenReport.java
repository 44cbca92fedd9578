package io.agentlifecycle.core.store;

import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.Optional;

/**
 * What a store had to do when it was opened, and what was done to it before. The engine writes it into the log.
 *
 * @param cutBytes how many bytes it cut from a torn tail that was never acknowledged
 * @param cutSha256 the digest of those bytes, base64url, if there were any
 * @param olderSnapshot true if its newest snapshot was damaged, and an older one gave the same state
 * @param upgradedFrom the format that it had before, if it was an older one
 * @param repairs what was repaired by hand and is not known to be in the log, in order
 */
public record OpenReport(
        long cutBytes,
        Optional<String> cutSha256,
        boolean olderSnapshot,
        Optional<Integer> upgradedFrom,
        List<Repair> repairs) {
    /** Nothing had to be done. */
    public static final OpenReport CLEAN = new OpenReport(0, Optional.empty(), false, Optional.empty(), List.of());

    public OpenReport {
        requireNonNull(cutSha256, "cutSha256");
        requireNonNull(upgradedFrom, "upgradedFrom");
        repairs = List.copyOf(repairs);
        if (cutBytes < 0 || cutBytes > 0 != cutSha256.isPresent()) {
            throw new IllegalArgumentException("a digest stands for cut bytes, and only for them");
        }
    }

    /** The same, with a torn tail. */
    public OpenReport withCut(long bytes, String sha256) {
        return new OpenReport(bytes, Optional.of(sha256), olderSnapshot, upgradedFrom, repairs);
    }

    /**
     * A part of the journal was taken out by hand, because it was damaged.
     *
     * @param keptUpTo the number of the last commit or other line that was kept
     * @param bytes how many bytes were taken out
     * @param sha256 the digest of those bytes, base64url
     * @param actor who did it
     * @param reason why
     */
    public record Repair(long keptUpTo, long bytes, String sha256, String actor, String reason) {
        public Repair {
            requireNonNull(sha256, "sha256");
            requireNonNull(actor, "actor");
            requireNonNull(reason, "reason");
        }

        /** The request under which the engine writes it into the log, so that it is written once. */
        public RequestId requestId() {
            return new RequestId("repair-%d-%s".formatted(keptUpTo, sha256));
        }
    }
}
