package io.agentlifecycle.core.error;

import static java.util.Objects.requireNonNull;

import org.jspecify.annotations.Nullable;

/** The parent of all exceptions of this library, apart from those for wrong arguments. */
public abstract class LifecycleException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String code;

    LifecycleException(String code, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.code = requireNonNull(code, "code");
    }

    /** A stable name of what went wrong, for hosts that map it to a status; it never changes. */
    public final String code() {
        return code;
    }
}
