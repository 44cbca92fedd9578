package io.agentlifecycle.credentials.keys;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.spi.SigningKeyStore;
import java.security.SecureRandom;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Keys that live as long as the process: for tests, and for fleets that are begun anew with it. Safe for use by many
 * threads.
 */
public final class InMemoryKeys implements SigningKeyStore {
    private final KeyRing ring;
    private final InstantSource clock;
    private final SecureRandom random;
    private final Lock lock = new ReentrantLock();

    private InMemoryKeys(Purpose purpose, InstantSource clock, SecureRandom random) {
        this.ring = new KeyRing(purpose);
        this.clock = requireNonNull(clock, "clock");
        this.random = random;
    }

    /** A store with its first key. */
    public static InMemoryKeys create(Purpose purpose, InstantSource clock) {
        return create(purpose, clock, new SecureRandom());
    }

    static InMemoryKeys create(Purpose purpose, InstantSource clock, SecureRandom random) {
        var keys = new InMemoryKeys(purpose, clock, random);
        keys.generate();
        return keys;
    }

    @Override
    public Purpose purpose() {
        return ring.purpose();
    }

    @Override
    public List<PublishedKey> publicKeys() {
        return ring.publicKeys();
    }

    @Override
    public byte[] sign(String keyId, byte[] message) {
        return ring.sign(keyId, message);
    }

    @Override
    public PublishedKey generate() {
        lock.lock();
        try {
            return ring.add(SigningKey.generate(random), ring.nextTime(clock.instant()));
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void retire(String keyId) {
        lock.lock();
        try {
            ring.retire(keyId);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void destroy(String keyId) {
        lock.lock();
        try {
            ring.remove(keyId);
        } finally {
            lock.unlock();
        }
    }

    /** The purpose and the ids of the keys. */
    @Override
    public String toString() {
        return "InMemoryKeys[" + ring + "]";
    }
}
