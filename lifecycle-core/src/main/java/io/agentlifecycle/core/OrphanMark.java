package io.agentlifecycle.core;

/** What became of marking an agent as an orphan. */
public enum OrphanMark {
    /** It is an orphan now. */
    MARKED,
    /** It was one already. */
    ALREADY,
    /** It is in a state that makes no orphans; nothing was changed. */
    NOT_ELIGIBLE
}
