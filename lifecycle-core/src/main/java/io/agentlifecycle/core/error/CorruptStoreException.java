package io.agentlifecycle.core.error;

import org.jspecify.annotations.Nullable;

/**
 * What is stored is not what was written. Nothing was changed, and nothing is opened half. Its code is
 * {@code store-corrupt}.
 */
public final class CorruptStoreException extends StoreException {
    private static final long serialVersionUID = 1L;

    private final String file;
    private final long offset;
    private final String hint;

    /**
     * Says where the damage begins.
     *
     * @param file the damaged file or directory
     * @param offset the byte at which it begins; 0 for the whole file
     * @param reason what is wrong there
     * @param hint what would help
     */
    public CorruptStoreException(String file, long offset, String reason, String hint, @Nullable Throwable cause) {
        super("store-corrupt", "%s is damaged at byte %d: %s; %s".formatted(file, offset, reason, hint), cause);
        this.file = file;
        this.offset = offset;
        this.hint = hint;
    }

    /** The damaged file or directory. */
    public String file() {
        return file;
    }

    /** The byte at which the damage begins. */
    public long offset() {
        return offset;
    }

    /** What would help. */
    public String hint() {
        return hint;
    }
}
