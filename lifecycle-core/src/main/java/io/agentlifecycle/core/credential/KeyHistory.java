package io.agentlifecycle.core.credential;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The identity keys that an agent had before the one that its credentials are bound to now.
 *
 * @param rotations how often its key was replaced
 * @param past the keys before, the oldest first; at most the last {@link #MOST}
 */
public record KeyHistory(long rotations, List<Past> past) {
    /** So many keys are remembered. */
    public static final int MOST = 8;

    /** The key was never replaced. */
    public static final KeyHistory NONE = new KeyHistory(0, List.of());

    /**
     * A key that was replaced.
     *
     * @param keyThumbprint RFC 7638
     * @param until when it was
     * @param lastGeneration of the last credential that was bound to it; 0 if there was none
     */
    public record Past(String keyThumbprint, Instant until, long lastGeneration) {
        public Past {
            requireNonNull(keyThumbprint, "keyThumbprint");
            requireNonNull(until, "until");
        }
    }

    public KeyHistory {
        past = List.copyOf(past);
        if (past.size() > MOST || rotations < past.size() || rotations > 0 && past.isEmpty()) {
            throw new IllegalArgumentException(
                    "a key that was replaced %d times has from 1 to %d keys before it, or none at 0, not %d"
                            .formatted(rotations, MOST, past.size()));
        }
    }

    /** With one more; the oldest is forgotten if there are too many. */
    public KeyHistory replaced(Past last) {
        List<Past> next = new ArrayList<>(past);
        next.add(last);
        return new KeyHistory(rotations + 1, next.subList(Math.max(0, next.size() - MOST), next.size()));
    }

    /** Whether that key is one that was replaced, as far as is remembered. */
    public boolean has(String keyThumbprint) {
        return past.stream().anyMatch(key -> key.keyThumbprint().equals(keyThumbprint));
    }

    /** Whether that credential is bound to a key that was replaced. */
    public boolean outdates(Credential credential) {
        return last().filter(key -> credential.generation() <= key.lastGeneration())
                .isPresent();
    }

    private Optional<Past> last() {
        return past.isEmpty() ? Optional.empty() : Optional.of(past.get(past.size() - 1));
    }
}
