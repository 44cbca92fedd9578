package io.agentlifecycle.core.error;

/** The store has no room. Nothing was stored; it works again once there is room. Its code is {@code store-full}. */
public final class StoreFullException extends StoreException {
    private static final long serialVersionUID = 1L;

    /** Says where there is no room. */
    public StoreFullException(String message) {
        super("store-full", message, null);
    }
}
