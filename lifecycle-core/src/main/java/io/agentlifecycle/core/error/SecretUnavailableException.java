package io.agentlifecycle.core.error;

import io.agentlifecycle.core.secret.SecretRef;

/**
 * A secret cannot be had from where its reference says. Its code is {@code secret-unavailable}. It has no cause: what other
 * libraries say about secrets may hold them.
 */
public final class SecretUnavailableException extends LifecycleException {
    private static final long serialVersionUID = 1L;

    private final String ref;

    /**
     * Says what stands in the way.
     *
     * @param reason what is wrong, without the secret
     * @param hint what would help
     */
    public SecretUnavailableException(SecretRef ref, String reason, String hint) {
        super("secret-unavailable", "the secret %s %s; %s".formatted(ref, reason, hint), null);
        this.ref = ref.value();
    }

    /** Which secret. */
    public SecretRef ref() {
        return SecretRef.of(ref);
    }
}
