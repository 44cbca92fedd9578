package io.agentlifecycle.core;

/** Why an agent may be an orphan. */
public enum OrphanReason {
    /** It was heard once, and then not for as long as the policy's {@code orphanThreshold}. */
    SILENT("silent for longer than the policy allows"),
    /** It was never heard in as long since it became ACTIVE. */
    NEVER_HEARD("no heartbeat since it became active"),
    /** Nobody answers for it. */
    NO_OWNER("it has no owner"),
    /** Nothing happened to it for as long as the policy's {@code maxInactive}. */
    INACTIVE("nothing happened for longer than the policy allows");

    private final String text;

    OrphanReason(String text) {
        this.text = text;
    }

    /** What it means, for people. */
    public String text() {
        return text;
    }
}
