package io.agentlifecycle.credentials.keys;

import static java.util.Objects.requireNonNull;

import java.security.SecureRandom;
import java.util.Arrays;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.bouncycastle.math.ec.rfc8032.Ed25519;

/**
 * The private half of an Ed25519 key, until it is wiped. It shows the id of the key and nothing else. Safe for use by
 * many threads.
 */
final class SigningKey {
    static final int SEED_BYTES = Ed25519.SECRET_KEY_SIZE;

    private final byte[] seed;
    private final Ed25519PublicKey publicKey;
    private final byte[] publicBytes;

    /** Many may sign at once, and none while the seed is wiped: half a seed would make wrong signatures. */
    private final ReadWriteLock wiping = new ReentrantReadWriteLock();

    private boolean wiped;

    private SigningKey(byte[] seed) {
        this.seed = seed;
        // Always computed, never taken from elsewhere: a signature under a public key that is not the seed's own gives
        // the seed away.
        this.publicBytes = new byte[Ed25519.PUBLIC_KEY_SIZE];
        Ed25519.generatePublicKey(seed, 0, publicBytes, 0);
        this.publicKey = Ed25519PublicKey.of(publicBytes);
    }

    static SigningKey generate(SecureRandom random) {
        byte[] seed = new byte[SEED_BYTES];
        random.nextBytes(seed);
        return new SigningKey(seed);
    }

    /** The key of a copy of that seed; the caller wipes its own. */
    static SigningKey ofSeed(byte[] seed) {
        if (seed.length != SEED_BYTES) {
            throw new IllegalArgumentException("the seed of an Ed25519 key has 32 bytes, not " + seed.length);
        }
        return new SigningKey(seed.clone());
    }

    Ed25519PublicKey publicKey() {
        return publicKey;
    }

    /**
     * Signs as in RFC 8032.
     *
     * @throws IllegalArgumentException if the key has been wiped
     */
    byte[] sign(byte[] message) {
        requireNonNull(message, "message");
        byte[] signature = new byte[Ed25519.SIGNATURE_SIZE];
        wiping.readLock().lock();
        try {
            refuseIfWiped();
            Ed25519.sign(seed, 0, publicBytes, 0, message, 0, message.length, signature, 0);
        } finally {
            wiping.readLock().unlock();
        }
        return signature;
    }

    /** A copy of the secret itself, only for writing it into its encrypted file; the caller wipes it. */
    byte[] secretSeedForItsFile() {
        wiping.readLock().lock();
        try {
            refuseIfWiped();
            return seed.clone();
        } finally {
            wiping.readLock().unlock();
        }
    }

    /**
     * Overwrites the seed, after the last signature under way; from then on the key signs no more. Copies that the
     * collector made when it moved the array may remain in memory.
     */
    void wipe() {
        wiping.writeLock().lock();
        try {
            wiped = true;
            Arrays.fill(seed, (byte) 0);
        } finally {
            wiping.writeLock().unlock();
        }
    }

    private void refuseIfWiped() {
        if (wiped) {
            throw new IllegalArgumentException("key " + publicKey + " is retired or destroyed, so it signs no more");
        }
    }

    @Override
    public String toString() {
        return "SigningKey[" + publicKey + "]";
    }
}
