package io.agentlifecycle.credentials;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.audit.Digests;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Remembers which proofs of possession were used, so that none is accepted twice. A proof is forgotten only when it has
 * become too old to be accepted; if as many are remembered as there is room for, further ones are refused until then.
 *
 * <p>It is kept in memory. A proof that may have been used before it was opened is refused: for agents whose clock is right
 * that is every proof of the first minute, and one second more. Never is a proof accepted before and after a restart, if the
 * clock was not set back meanwhile.
 *
 * <p>All verifiers of one process that answer for the same URIs must share one, see
 * {@link CredentialVerifier.Builder#usedProofs}. Two processes do not know of each other's proofs: requests for one URI
 * must be answered by one of them, or the nonce that each demands must be its own.
 *
 * <p>Safe for use by many threads.
 */
public final class UsedProofs {
    /** How far the time of a proof may lie from ours, either way; that far away it is still good. */
    static final Duration WINDOW = Duration.ofSeconds(60);

    /** Enough for 800 requests in each second, and more if clocks agree. */
    static final int DEFAULT_CAPACITY = 100_000;

    /** What became of a proof. */
    enum Use {
        FIRST,
        AGAIN,
        TOO_LATE,
        BEFORE_OPENING,
        NO_ROOM
    }

    /** Half of a SHA-256: so much is enough, since who made another proof of the same digest would refuse only his own. */
    private record Digest(long high, long low) {
        static Digest of(String keyThumbprint, String id) {
            // a thumbprint has a fixed length, so where it ends is known
            var bytes = ByteBuffer.wrap(Digests.sha256((keyThumbprint + id).getBytes(StandardCharsets.UTF_8)));
            return new Digest(bytes.getLong(), bytes.getLong());
        }
    }

    private final int capacity;
    private final InstantSource clock;
    private final Instant openedAt;
    private final Lock lock = new ReentrantLock();

    // both hold the same digests
    private final Set<Digest> used = new HashSet<>();
    private final TreeMap<Instant, List<Digest>> byEnd = new TreeMap<>();

    /** The latest time seen. What was forgotten then must not be taken for new when the clock goes back. */
    private Instant latest;

    private UsedProofs(int capacity, InstantSource clock) {
        if (capacity < 1) {
            throw new IllegalArgumentException("there must be room for at least 1 proof but was for " + capacity);
        }
        this.capacity = capacity;
        this.clock = requireNonNull(clock, "clock");
        this.openedAt = clock.instant();
        this.latest = openedAt;
    }

    /**
     * Remembers nothing yet.
     *
     * @param capacity how many proofs it remembers at most, at least 1; each takes some 150 bytes, for one to two minutes
     * @param clock that of the manager: {@code manager::now}
     */
    public static UsedProofs open(int capacity, InstantSource clock) {
        return new UsedProofs(capacity, clock);
    }

    /** How many proofs it remembers now. */
    public int size() {
        lock.lock();
        try {
            forget(now());
            return used.size();
        } finally {
            lock.unlock();
        }
    }

    /** Looks and remembers in one step: of many threads that bring the same proof, one is the first. */
    Use use(String keyThumbprint, String id, Instant issuedAt) {
        Digest digest = Digest.of(keyThumbprint, id);
        Instant end = issuedAt.plus(WINDOW);
        lock.lock();
        try {
            Instant now = now();
            forget(now);
            if (!issuedAt.minus(WINDOW).isAfter(openedAt)) {
                return Use.BEFORE_OPENING;
            }
            if (end.isBefore(now)) {
                return Use.TOO_LATE;
            }
            if (used.contains(digest)) {
                return Use.AGAIN;
            }
            if (used.size() >= capacity) {
                return Use.NO_ROOM;
            }
            used.add(digest);
            byEnd.computeIfAbsent(end, second -> new ArrayList<>()).add(digest);
            return Use.FIRST;
        } finally {
            lock.unlock();
        }
    }

    /** Never earlier than before. */
    private Instant now() {
        Instant now = clock.instant();
        if (now.isAfter(latest)) {
            latest = now;
        }
        return latest;
    }

    /** At the end itself a proof is still accepted, so it is still remembered. */
    private void forget(Instant now) {
        while (!byEnd.isEmpty() && byEnd.firstKey().isBefore(now)) {
            byEnd.pollFirstEntry().getValue().forEach(used::remove);
        }
    }

    /** How many proofs it has room for. */
    @Override
    public String toString() {
        return "UsedProofs[at most " + capacity + "]";
    }
}
