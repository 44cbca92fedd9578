package io.agentlifecycle.credentials;

import io.agentlifecycle.core.spi.SigningKeyStore.PublishedKey;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * When keys of an issuer sign, from when they were made and nothing else: so nothing is kept, and every process and every
 * restart comes to the same answer. A key is made at half of the life of the one before it, and signs from five sixths of
 * that life on, but never in the first sixth of its own, so that who follows the keys has had time to hear of it.
 *
 * <p>All methods take the keys whose tokens count, the oldest first. A key that was taken out is not among them: then the
 * next one is as if that had never been.
 *
 * @param life of a key, from when it is made
 */
record KeySchedule(Duration life) {
    /** No token lives for more than that part of the life of a key. */
    static final int PARTS = 6;

    /** How long a key is listed after the last token that it signed: that is good for a while by a clock that is slow. */
    static final Duration LINGER = OfflineVerifier.MOST_SKEW.multipliedBy(2);

    /** A key that was made longer than that after now was made by a clock that was wrong. Stores of keys say the same. */
    private static final Duration AHEAD = Duration.ofDays(1);

    private Duration part() {
        return life.dividedBy(PARTS);
    }

    /** Which of them signs: an index, or empty if there is none. */
    Optional<Integer> active(List<PublishedKey> keys, Instant now) {
        Optional<Integer> active = Optional.empty();
        for (int i = 0; i < keys.size(); i++) {
            if (i == 0 || !now.isBefore(activeAt(keys, i))) {
                active = Optional.of(i);
            }
        }
        return active;
    }

    /**
     * True if none is there to follow the one that signs, and half of its life is over. Those that a wrong clock made are not
     * waited for: that may take years.
     */
    boolean needsNext(List<PublishedKey> keys, Instant now) {
        Optional<Integer> active = active(keys, now);
        return active.isEmpty()
                || keys.stream().skip(active.get() + 1L).allMatch(key -> isAhead(key, now))
                        && !now.isBefore(keys.get(active.get()).createdAt().plus(part().multipliedBy(3)));
    }

    /** True if it was made by a clock that was wrong. */
    static boolean isAhead(PublishedKey key, Instant now) {
        return key.createdAt().isAfter(now.plus(AHEAD));
    }

    /** Those whose last token has ended, wherever the clock of who looks at it stands. */
    List<PublishedKey> over(List<PublishedKey> keys, Duration longestLife, Instant now) {
        List<PublishedKey> over = new ArrayList<>();
        for (int i = 0; i + 1 < keys.size(); i++) {
            Instant lastEnd = activeAt(keys, i + 1).plus(longestLife);
            if (!now.isBefore(lastEnd.plus(LINGER))) {
                over.add(keys.get(i));
            }
        }
        return over;
    }

    /** From when on a key signs that is not the first. */
    private Instant activeAt(List<PublishedKey> keys, int index) {
        Instant before = keys.get(index - 1).createdAt().plus(part().multipliedBy(5));
        Instant heard = keys.get(index).createdAt().plus(part());
        return before.isAfter(heard) ? before : heard;
    }
}
