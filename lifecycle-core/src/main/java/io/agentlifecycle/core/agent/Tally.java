package io.agentlifecycle.core.agent;

import java.util.stream.LongStream;

/**
 * How often some things happened to an agent since its trail began. They are counted as they happen, so that its
 * {@link FinalReport} need not read the trail. Immutable.
 *
 * @param suspensions how often it was suspended
 * @param holds how many holds were placed on it, those that suspended it included
 * @param orphanings how often it became an orphan
 * @param silences how many of its silences were noticed
 * @param quarantines how often it was put into quarantine
 * @param rotations how many of its credentials it got while it was ACTIVE, for another one or for none
 */
public record Tally(long suspensions, long holds, long orphanings, long silences, long quarantines, long rotations) {
    /** Nothing happened yet. */
    public static final Tally NONE = new Tally(0, 0, 0, 0, 0, 0);

    public Tally {
        if (LongStream.of(suspensions, holds, orphanings, silences, quarantines, rotations)
                .anyMatch(n -> n < 0)) {
            throw new IllegalArgumentException("no count of a tally can be negative");
        }
    }

    /** A hold suspended it. */
    public Tally suspended() {
        return new Tally(suspensions + 1, holds + 1, orphanings, silences, quarantines, rotations);
    }

    /** A hold was placed, and did not suspend it. */
    public Tally held() {
        return new Tally(suspensions, holds + 1, orphanings, silences, quarantines, rotations);
    }

    /** It became an orphan. */
    public Tally orphaned() {
        return new Tally(suspensions, holds, orphanings + 1, silences, quarantines, rotations);
    }

    /** A silence was noticed. */
    public Tally fellSilent() {
        return new Tally(suspensions, holds, orphanings, silences + 1, quarantines, rotations);
    }

    /** It was put into quarantine. */
    public Tally quarantined() {
        return new Tally(suspensions, holds, orphanings, silences, quarantines + 1, rotations);
    }

    /** It got another credential while ACTIVE. */
    public Tally rotated() {
        return new Tally(suspensions, holds, orphanings, silences, quarantines, rotations + 1);
    }
}
