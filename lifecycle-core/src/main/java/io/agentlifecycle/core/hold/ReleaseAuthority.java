package io.agentlifecycle.core.hold;

import java.util.Locale;
import java.util.Optional;

/** Who may release a hold before its time. The library takes the host's word for who acts with which authority. */
public enum ReleaseAuthority {
    /** Whoever runs agents. */
    OPERATOR,
    /** Whoever keeps the accounts: a deposit lifts what only wants money. */
    BILLING,
    /** Nobody but an admin. */
    ADMIN;

    /** True if this releases what {@code needed} may release: each its own, and an admin all. */
    public boolean covers(ReleaseAuthority needed) {
        return this == needed || this == ADMIN;
    }

    /** The name in events and stored records. */
    public String wire() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The authority of that wire name. */
    public static Optional<ReleaseAuthority> ofWire(String wire) {
        for (ReleaseAuthority authority : values()) {
            if (authority.wire().equals(wire)) {
                return Optional.of(authority);
            }
        }
        return Optional.empty();
    }
}
