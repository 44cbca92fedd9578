package io.agentlifecycle.core.error;

/** The store has more to do than it may queue. Nothing was stored; try again. Its code is {@code store-busy}. */
public final class StoreBusyException extends StoreException {
    private static final long serialVersionUID = 1L;

    /** Says what is busy. */
    public StoreBusyException(String message) {
        super("store-busy", message, null);
    }
}
