package io.agentlifecycle.credentials;

import io.agentlifecycle.core.audit.Digests;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Remembers which proofs of possession were used, so that none is accepted twice. A proof is forgotten only when it has
 * become too old to be accepted; if as many are remembered as there is room for, further ones are refused until then. The
 * proofs of one key have a sixteenth of the room, so that one agent alone cannot shut out all others.
 *
 * <p>It is kept in memory, and goes by the time of the verifiers that use it. A proof that may have been used before the first
 * of them was built is refused: for agents whose clock is right that is every proof of the first minute, and one second more.
 * Never is a proof accepted before and after a restart, if the clock was not set back meanwhile.
 *
 * <p>All verifiers of one process that answer for the same URIs must share one, and go by one clock, see
 * {@link CredentialVerifier.Builder#usedProofs} and {@link OfflineVerifier.Builder#usedProofs}. Two processes do not know of each other's proofs: requests for one URI
 * must be answered by one of them, or the nonce that each demands must be its own.
 *
 * <p>Safe for use by many threads.
 */
public final class UsedProofs {
    /** How far the time of a proof may lie from ours, either way; that far away it is still good. */
    static final Duration WINDOW = Duration.ofSeconds(60);

    /** Enough for 800 requests in each second, and more if clocks agree. */
    static final int DEFAULT_CAPACITY = 100_000;

    /** No key has more of the room than this part. */
    private static final int SHARES = 16;

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

    /** A proof that counts against the share of its key. */
    private record Proof(Digest digest, String keyThumbprint) {}

    private final int capacity;
    private final int share;
    private final Lock lock = new ReentrantLock();

    // all three hold the same proofs
    private final Set<Digest> used = new HashSet<>();
    private final TreeMap<Instant, List<Proof>> byEnd = new TreeMap<>();
    private final Map<String, Integer> byKey = new HashMap<>();

    private Optional<Instant> openedAt = Optional.empty();

    /** The latest time seen. What was forgotten then must not be taken for new when the clock goes back. */
    private Instant latest = Instant.MIN;

    private UsedProofs(int capacity) {
        if (capacity < 1) {
            throw new IllegalArgumentException("there must be room for at least 1 proof but was for " + capacity);
        }
        this.capacity = capacity;
        this.share = Math.max(1, capacity / SHARES);
    }

    /**
     * Remembers nothing yet.
     *
     * @param capacity how many proofs it remembers at most, at least 1, and a sixteenth of that, but at least 1, of one key; each
     *     takes some 200 bytes, for one to two minutes
     */
    public static UsedProofs open(int capacity) {
        return new UsedProofs(capacity);
    }

    /** How many proofs it remembers, of which some may have become too old since it was used last. */
    public int size() {
        lock.lock();
        try {
            return used.size();
        } finally {
            lock.unlock();
        }
    }

    /** Begins to answer at {@code now}, unless it did before: what is too early for that was perhaps used by another process. */
    void begin(Instant now) {
        lock.lock();
        try {
            openedAt = openedAt.or(() -> Optional.of(now));
        } finally {
            lock.unlock();
        }
    }

    /** Looks and remembers in one step: of many threads that bring the same proof, one is the first. */
    Use use(String keyThumbprint, String id, Instant issuedAt, Instant now) {
        Digest digest = Digest.of(keyThumbprint, id);
        Instant end = issuedAt.plus(WINDOW);
        lock.lock();
        try {
            latest = now.isAfter(latest) ? now : latest;
            forget();
            if (openedAt.filter(issuedAt.minus(WINDOW)::isAfter).isEmpty()) {
                return Use.BEFORE_OPENING;
            }
            if (end.isBefore(latest)) {
                return Use.TOO_LATE;
            }
            if (used.contains(digest)) {
                return Use.AGAIN;
            }
            if (used.size() >= capacity || byKey.getOrDefault(keyThumbprint, 0) >= share) {
                return Use.NO_ROOM;
            }
            used.add(digest);
            byEnd.computeIfAbsent(end, second -> new ArrayList<>()).add(new Proof(digest, keyThumbprint));
            byKey.merge(keyThumbprint, 1, Integer::sum);
            return Use.FIRST;
        } finally {
            lock.unlock();
        }
    }

    /** At the end itself a proof is still accepted, so it is still remembered. */
    private void forget() {
        while (!byEnd.isEmpty() && byEnd.firstKey().isBefore(latest)) {
            for (Proof proof : byEnd.pollFirstEntry().getValue()) {
                used.remove(proof.digest());
                byKey.computeIfPresent(proof.keyThumbprint(), (key, count) -> count == 1 ? null : count - 1);
            }
        }
    }

    /** How many proofs it has room for. */
    @Override
    public String toString() {
        return "UsedProofs[at most " + capacity + "]";
    }
}
