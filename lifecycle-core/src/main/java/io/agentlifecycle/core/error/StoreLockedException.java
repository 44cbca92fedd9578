package io.agentlifecycle.core.error;

/** Someone else has the store open for writing. Its code is {@code store-locked}. */
public final class StoreLockedException extends StoreException {
    private static final long serialVersionUID = 1L;

    /** Says who has it, and since when. */
    public StoreLockedException(String message) {
        super("store-locked", message, null);
    }
}
