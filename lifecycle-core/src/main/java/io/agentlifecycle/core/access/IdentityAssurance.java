package io.agentlifecycle.core.access;

import java.util.Locale;

/** How sure the host is of who an actor is. The library checks nothing of it; it writes down what the host says. */
public enum IdentityAssurance {
    /** Somebody said so. */
    CLAIMED,
    /** They logged in. */
    AUTHENTICATED,
    /** They logged in with a second factor, or proved that they hold a key. */
    STRONG;

    /** The name in events and stored records. */
    public String wire() {
        return name().toLowerCase(Locale.ROOT);
    }
}
