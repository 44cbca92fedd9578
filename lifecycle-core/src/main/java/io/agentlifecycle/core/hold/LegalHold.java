package io.agentlifecycle.core.hold;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.Text;
import java.time.Instant;

/**
 * One reason why what is known of an agent must be kept. Unlike a {@link Hold} it has nothing to do with what the agent may
 * do. Immutable.
 *
 * @param reference what it is for, such as the number of a case: 1 to 128 characters on one line
 */
public record LegalHold(String reference, Actor placedBy, Instant placedAt) {
    /** How many an agent may have. */
    public static final int MOST = 32;

    public LegalHold {
        Text.line("legal hold", reference, 128);
        requireNonNull(placedBy, "placedBy");
        requireNonNull(placedAt, "placedAt");
    }
}
