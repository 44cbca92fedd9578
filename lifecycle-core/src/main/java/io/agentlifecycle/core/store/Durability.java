package io.agentlifecycle.core.store;

/** What survives when a commit was acknowledged. */
public enum Durability {
    /** Nothing: it is in this process only. */
    NONE,
    /** The end of the process, and of the power, of this machine. */
    LOCAL,
    /** The loss of one machine. */
    REPLICATED
}
