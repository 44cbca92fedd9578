package io.agentlifecycle.core.error;

/** The rules say no. Nothing was changed; the same call fails again until something else changes. */
public abstract class RefusedException extends LifecycleException {
    private static final long serialVersionUID = 1L;

    RefusedException(String code, String message) {
        super(code, message, null);
    }
}
