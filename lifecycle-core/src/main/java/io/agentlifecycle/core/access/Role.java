package io.agentlifecycle.core.access;

/** The permission tier of an agent (BrainstormRouter), or of whoever else gives commands, from the least to the most. */
public enum Role {
    /** Acts for itself only. */
    AGENT,
    /** May run other agents. */
    OPERATOR,
    /** May administer other agents. */
    ADMIN;

    /** True if whoever has this role has all that {@code needed} gives. */
    public boolean covers(Role needed) {
        return compareTo(needed) >= 0;
    }
}
