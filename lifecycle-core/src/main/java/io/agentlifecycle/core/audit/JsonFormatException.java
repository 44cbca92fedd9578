package io.agentlifecycle.core.audit;

/** A text is not what it should be. The message says where and why; it never repeats the text. */
public final class JsonFormatException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    /** Says what is wrong. */
    public JsonFormatException(String message) {
        super(message);
    }
}
