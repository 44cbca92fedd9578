package io.agentlifecycle.core.error;

/** Others changed the same record each time between reading and writing it. Its code is {@code contention}. */
public final class ContentionException extends LifecycleException {
    private static final long serialVersionUID = 1L;

    /** Says how often {@code what} was tried. */
    public ContentionException(String what, int attempts) {
        super(
                "contention",
                "%s lost against other changes %d times; nothing was changed, try again".formatted(what, attempts),
                null);
    }
}
