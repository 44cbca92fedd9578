package io.agentlifecycle.core.agent;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.Optional;

/**
 * The time in which an agent may act at all.
 *
 * @param notBefore from this instant on it may act; empty means from the start
 * @param notAfter from this instant on it may not, and is retired; empty means never
 */
public record Lifespan(Optional<Instant> notBefore, Optional<Instant> notAfter) {
    /** Without limits. */
    public static final Lifespan UNLIMITED = new Lifespan(Optional.empty(), Optional.empty());

    public Lifespan {
        requireNonNull(notBefore, "notBefore");
        requireNonNull(notAfter, "notAfter");
        if (notBefore.isPresent() && notAfter.isPresent() && !notBefore.get().isBefore(notAfter.get())) {
            throw new IllegalArgumentException(
                    "notBefore " + notBefore.get() + " must be before notAfter " + notAfter.get());
        }
    }

    /** True before {@link #notBefore}. */
    public boolean isYetToBegin(Instant now) {
        return notBefore.isPresent() && now.isBefore(notBefore.get());
    }

    /** True from {@link #notAfter} on: the instant itself counts as over. */
    public boolean isOver(Instant now) {
        return notAfter.isPresent() && !now.isBefore(notAfter.get());
    }
}
