package io.agentlifecycle.core.quarantine;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Text;
import java.util.Locale;
import java.util.Optional;

/**
 * Something that an agent did, or that happened to it, which may put it into quarantine. Immutable.
 *
 * @param text what is said about it, at most 1,024 characters, possibly empty
 */
public record Incident(Kind kind, Severity severity, String text) {
    /** What happened: kAI's four, and BrainstormRouter's anomaly. */
    public enum Kind {
        /** It crashed. */
        CRASH,
        /** It used more than it should. */
        RESOURCE_ABUSE,
        /** It did, or tried, what it must not. Only an admin ends a quarantine for that. */
        SECURITY_VIOLATION,
        /** It behaved otherwise than usual. */
        ANOMALY,
        /** Somebody wants it stopped and looked at. */
        MANUAL;

        /** True if only an admin may end a quarantine for it, or let a recovery be tried. */
        public boolean takesAdmin() {
            return this == SECURITY_VIOLATION;
        }

        /** The name in events and stored records. */
        public String wire() {
            return name().toLowerCase(Locale.ROOT);
        }

        /** The kind of that wire name. */
        public static Optional<Kind> ofWire(String wire) {
            for (Kind kind : values()) {
                if (kind.wire().equals(wire)) {
                    return Optional.of(kind);
                }
            }
            return Optional.empty();
        }
    }

    public Incident {
        requireNonNull(kind, "kind");
        requireNonNull(severity, "severity");
        Text.prose("incident", text, 1024);
    }
}
