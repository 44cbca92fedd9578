package io.agentlifecycle.core.error;

import org.jspecify.annotations.Nullable;

/**
 * Signing keys cannot be read from where they are kept, or a change of them cannot be stored there, or one that signs
 * elsewhere did not. What could not be read is left as it is. Its code is {@code keys-unavailable}.
 */
public final class KeysUnavailableException extends LifecycleException {
    private static final long serialVersionUID = 1L;

    private final String file;
    private final String hint;

    /**
     * Says what stands in the way.
     *
     * @param file the file or directory that is not as it must be, or the key that did not sign
     * @param reason what is wrong with it
     * @param hint what would help
     */
    public KeysUnavailableException(String file, String reason, String hint, @Nullable Throwable cause) {
        super("keys-unavailable", "%s %s; %s".formatted(file, reason, hint), cause);
        this.file = file;
        this.hint = hint;
    }

    /** The file or directory that is not as it must be, or {@code key} and the id of the key that did not sign. */
    public String file() {
        return file;
    }

    /** What would help. */
    public String hint() {
        return hint;
    }
}
