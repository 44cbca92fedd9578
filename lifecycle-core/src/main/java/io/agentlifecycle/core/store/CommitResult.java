package io.agentlifecycle.core.store;

import static java.util.Objects.requireNonNull;

import java.util.Map;

/** What became of a commit. */
public sealed interface CommitResult {
    /**
     * It is stored, as durably as the store's descriptor says.
     *
     * @param seq its place among all commits of the store
     */
    record Applied(long seq) implements CommitResult {}

    /**
     * A check failed; nothing was changed.
     *
     * @param current the versions of the records that did not match; 0 for one that does not exist
     */
    record Conflict(Map<RecordKey, Long> current) implements CommitResult {
        public Conflict {
            current = Map.copyOf(current);
        }
    }

    /** The store would not take it; nothing was changed. */
    record Rejected(Reason reason, String message) implements CommitResult {
        public Rejected {
            requireNonNull(reason, "reason");
            requireNonNull(message, "message");
        }
    }

    /** It may have been stored or not; {@code findCommit} tells, perhaps only after the store was opened again. */
    record Unknown(String message) implements CommitResult {
        public Unknown {
            requireNonNull(message, "message");
        }
    }

    /** Why a store would not take a commit. */
    enum Reason {
        /** No room. */
        FULL,
        /** Too much to do. */
        BUSY,
        /** More records or bytes than it takes at once. */
        TOO_LARGE,
        /** The request id was used for a commit with other content. */
        REQUEST_ID_REUSED,
        /** It stopped working and must be opened again. */
        FAILED
    }
}
