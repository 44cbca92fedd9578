package io.agentlifecycle.core.error;

/**
 * What grants power was refused, because it could not be signed; nothing was changed. What takes power away works all the
 * same. Its code is {@code audit-unavailable}.
 */
public final class AuditUnavailableException extends LifecycleException {
    private static final long serialVersionUID = 1L;

    /** Says what could not be signed, on which stream, and why. */
    public AuditUnavailableException(String kind, String stream, String keyId, Throwable cause) {
        super(
                "audit-unavailable",
                ("%s on stream %s cannot be signed with key %s (%s); nothing was changed. Repeat the call when the sealer"
                                + " works again; commands that take power away work meanwhile")
                        .formatted(kind, stream, keyId, cause.getClass().getName()),
                cause);
    }
}
