package io.agentlifecycle.core.credential;

/** Where a credential stands in its life. Nothing returns to ACTIVE. */
public enum CredentialStatus {
    /** The agent's current one. */
    ACTIVE,
    /** Replaced, and still good until the overlap ends. */
    RETIRING,
    /** Replaced, and the overlap is over. */
    RETIRED,
    /** Taken back before its time. */
    REVOKED,
    /** Its time is over. */
    EXPIRED;

    /** True if a credential of this status can still be used. */
    public boolean isUsable() {
        return this == ACTIVE || this == RETIRING;
    }
}
