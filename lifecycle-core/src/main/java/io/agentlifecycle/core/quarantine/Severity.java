package io.agentlifecycle.core.quarantine;

import java.util.Locale;
import java.util.Optional;

/** How bad an incident is (kAI), the least first. */
public enum Severity {
    /** Worth noting. */
    LOW,
    /** Worth a look. */
    MEDIUM,
    /** Needs somebody. */
    HIGH,
    /** Needs somebody now. */
    CRITICAL;

    /** The name in events and stored records. */
    public String wire() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The severity of that wire name. */
    public static Optional<Severity> ofWire(String wire) {
        for (Severity severity : values()) {
            if (severity.wire().equals(wire)) {
                return Optional.of(severity);
            }
        }
        return Optional.empty();
    }
}
