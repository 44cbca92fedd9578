package io.agentlifecycle.credentials;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.spi.SigningKeyStore;
import io.agentlifecycle.core.spi.SigningKeyStore.PublishedKey;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Changes the keys of an {@link Ed25519CredentialIssuer} in time, whenever the host calls {@link #step}; nothing here runs
 * by itself. The next key is made at half of the life of the one that signs, and is in the JWKS at once; it signs from five
 * sixths of that life on. The old key stays in the JWKS until its last token has ended, and is retired then.
 *
 * <p>What a key is follows from when it was made, so steps may be left out, repeated and cut short: the next one does what
 * is due. A step that comes late makes the next key late, and then the old one signs for longer, until the new one has been
 * in the JWKS for a sixth of a life.
 *
 * <p>A next key that a clock made which was ahead by more than a day is in the JWKS, but is not waited for: a step logs it, and
 * makes another one when it is time. {@link #taint} takes it out.
 *
 * <p>Let one process of those that share the keys do this. A store of keys in files, such as
 * {@link io.agentlifecycle.credentials.keys.PemKeys}, sees the directory as it was when it was opened: after a step that made or
 * retired a key, and after a taint, every other process must open its keys anew. Until then it refuses tokens of the new key, and
 * goes on signing with, and accepting tokens of, one that was taken out. Safe for use by many threads.
 */
public final class IssuerKeys {
    /** Where a key stands in its life. */
    public enum State {
        /** In the JWKS, so that others know it by the time when it signs. */
        NEXT,
        /** Signs. */
        ACTIVE,
        /** Signs no more; what it signed is good until it ends. */
        RETIRING,
        /** No token of it is good: its last one has ended, or it was tainted. */
        RETIRED
    }

    /**
     * What a step did.
     *
     * @param made the key that was made: serve the new JWKS
     * @param retired the keys whose time is over
     */
    public record Step(Optional<String> made, List<String> retired) {
        public Step {
            requireNonNull(made, "made");
            retired = List.copyOf(retired);
        }
    }

    private static final Logger LOG = LoggerFactory.getLogger(IssuerKeys.class);

    private final Ed25519CredentialIssuer issuer;
    private final SigningKeyStore keys;
    private final InstantSource clock;
    private final ReentrantLock lock = new ReentrantLock();

    /** The keys of {@code issuer}, by the clock of its manager. */
    public IssuerKeys(Ed25519CredentialIssuer issuer, InstantSource clock) {
        this.issuer = requireNonNull(issuer, "issuer");
        this.keys = issuer.keys();
        this.clock = requireNonNull(clock, "clock");
    }

    /**
     * Makes the next key if it is time for it, and retires those whose time is over. Call it as often as sweeps, and at the
     * least a few times in the life of a key. What throws is thrown again by the next step, or done by it.
     *
     * @throws io.agentlifecycle.core.error.KeysUnavailableException if keys cannot be stored
     */
    public Step step() {
        lock.lock();
        try {
            Instant now = clock.instant();
            List<PublishedKey> good = good();
            warnOfThoseAhead(good, now);
            Optional<String> made = issuer.schedule().needsNext(good, now)
                    ? Optional.of(keys.generate().keyId())
                    : Optional.empty();
            List<String> over = issuer.schedule().over(good, issuer.longestLife(), now).stream()
                    .map(PublishedKey::keyId)
                    .toList();
            over.forEach(keys::retire);
            return new Step(made, over);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Takes a key out at once, for good: because it may be in other hands. No token of it is good when this returns, another
     * key signs from here on, which is the next one, the one before, or one that is made now, and every ACTIVE agent that has
     * a credential of it is due for a new one with the next sweep. Doing it again changes nothing.
     *
     * <p>Others learn of it from the next JWKS and snapshot, so serve both at once. Every other process that has these keys must
     * open them anew, or it goes on with this one.
     *
     * @throws IllegalArgumentException if there is no key of that id
     * @throws io.agentlifecycle.core.error.KeysUnavailableException if keys cannot be stored; doing it again finishes it
     */
    public void taint(String keyId) {
        requireNonNull(keyId, "keyId");
        lock.lock();
        try {
            boolean last = good().stream().allMatch(key -> key.keyId().equals(keyId));
            if (last && isListed(keyId)) {
                keys.generate(); // first: a crash in between leaves two keys, and not none
            }
            keys.retire(keyId);
        } finally {
            lock.unlock();
        }
    }

    /** All keys of the store by their ids, the oldest first. */
    public Map<String, State> states() {
        List<PublishedKey> good = good();
        int active = issuer.schedule().active(good, clock.instant()).orElse(-1);
        Map<String, State> states = new LinkedHashMap<>();
        for (PublishedKey key : keys.publicKeys()) {
            int index = good.indexOf(key);
            State living = index == active ? State.ACTIVE : index < active ? State.RETIRING : State.NEXT;
            states.put(key.keyId(), index < 0 ? State.RETIRED : living);
        }
        return Collections.unmodifiableMap(states);
    }

    private static void warnOfThoseAhead(List<PublishedKey> good, Instant now) {
        for (PublishedKey key : good) {
            if (KeySchedule.isAhead(key, now)) {
                LOG.warn(
                        "key {} was made at {}, and now it is {}: if the clock is right, taint the key",
                        key.keyId(),
                        key.createdAt(),
                        now);
            }
        }
    }

    private boolean isListed(String keyId) {
        return keys.publicKeys().stream().anyMatch(key -> key.keyId().equals(keyId));
    }

    private List<PublishedKey> good() {
        return List.copyOf(issuer.trustedKeys().good().values());
    }
}
