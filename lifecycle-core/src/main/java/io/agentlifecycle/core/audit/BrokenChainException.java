package io.agentlifecycle.core.audit;

/** An event that can be read, but does not stand where it must, or is not signed as it must be. The message says why. */
public final class BrokenChainException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    BrokenChainException(String message) {
        super(message);
    }
}
