package io.agentlifecycle.core.access;

/** The permission tier of an agent (BrainstormRouter), from the least to the most. */
public enum Role {
    /** Acts for itself only. */
    AGENT,
    /** May run other agents. */
    OPERATOR,
    /** May administer other agents. */
    ADMIN
}
