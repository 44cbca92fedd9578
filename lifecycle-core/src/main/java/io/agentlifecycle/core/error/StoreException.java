package io.agentlifecycle.core.error;

import org.jspecify.annotations.Nullable;

/** The store cannot do what it was asked. Unless a subclass says otherwise, nothing was stored. */
public class StoreException extends LifecycleException {
    private static final long serialVersionUID = 1L;

    /** Says what happened; its code is {@code store-error}. */
    public StoreException(String message, @Nullable Throwable cause) {
        this("store-error", message, cause);
    }

    StoreException(String code, String message, @Nullable Throwable cause) {
        super(code, message, cause);
    }
}
