package io.agentlifecycle.core.audit;

/** What vouches for an event. That a signature is right is for {@code verify} to say. */
public enum Seal {
    /** It carries a signature. */
    SIGNED,
    /** The log had no key when it was written. */
    UNSIGNED,
    /** It should carry a signature, but none could be made; no later event of its stream is signed yet. */
    WAITING,
    /** None could be made in time, but a later event of its stream is signed and names its hash. */
    ENDORSED_LATE,
    /** Its text is gone, as a later event of its stream says; what is left of it is its place and its leaf hash. */
    PRUNED
}
