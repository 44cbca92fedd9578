package io.agentlifecycle.core.error;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The store stopped working. Whether the change was stored is what {@link #outcome} says; when that is UNKNOWN, open
 * the store again and ask {@code findCommit} for {@link #requestId}. Its code is {@code store-failed}.
 */
public final class StoreFailedException extends StoreException {
    private static final long serialVersionUID = 1L;

    private final Outcome outcome;
    private final transient Optional<String> requestId;

    /** Says what happened, and under which request id the change can be looked up. */
    public StoreFailedException(
            Outcome outcome, Optional<String> requestId, String message, @Nullable Throwable cause) {
        super("store-failed", message, cause);
        this.outcome = outcome;
        this.requestId = requestId;
    }

    /** Whether the change was stored. */
    public Outcome outcome() {
        return outcome;
    }

    /** The id to look the change up by. */
    public Optional<String> requestId() {
        return requestId;
    }

    /** What became of a change that a failed store was asked for. */
    public enum Outcome {
        /** It was not stored. */
        NOT_STORED,
        /** It may have been stored. */
        UNKNOWN
    }
}
