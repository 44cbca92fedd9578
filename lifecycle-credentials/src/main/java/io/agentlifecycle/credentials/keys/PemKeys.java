package io.agentlifecycle.credentials.keys;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.error.KeysUnavailableException;
import io.agentlifecycle.core.spi.SigningKeyStore;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Keys in a directory, one file each, as {@code docs/keys.md} describes: a key that signs is encrypted PKCS#8, and a
 * retired one its public half. {@code openssl} reads both. Whatever is not as it was written is refused with a
 * {@link KeysUnavailableException} when the directory is opened.
 *
 * <p>Safe for use by many threads. One object at a time should change a directory: others see the change only when they
 * open it again. Signing reads no file.
 */
public final class PemKeys implements SigningKeyStore {
    /** As often as OWASP recommends for PBKDF2-HMAC-SHA256, a quarter of a second or so for each file. */
    private static final int ITERATIONS = 600_000;

    private static final String PRIVATE = ".pem";
    private static final String RETIRED = ".pub.pem";
    private static final Pattern NAME = Pattern.compile("([A-Za-z0-9_-]{43})(\\.pub)?\\.pem");
    private static final Pattern CUT_SHORT = Pattern.compile(NAME + "\\" + KeyDirectory.TEMPORARY);

    private final KeyDirectory directory;
    private final KeyRing ring;
    private final Supplier<char[]> passphrase;
    private final InstantSource clock;
    private final int iterations;
    private final SecureRandom random;
    private final Passphrase.Mark mark;
    private final Lock lock = new ReentrantLock();

    private PemKeys(
            Path directory,
            Purpose purpose,
            Supplier<char[]> passphrase,
            InstantSource clock,
            int iterations,
            SecureRandom random) {
        this.directory = new KeyDirectory(requireNonNull(directory, "directory"));
        this.ring = new KeyRing(requireNonNull(purpose, "purpose"));
        this.passphrase = requireNonNull(passphrase, "passphrase");
        this.clock = requireNonNull(clock, "clock");
        this.iterations = iterations;
        this.random = random;
        boolean isThere = this.directory.exists();
        try (Passphrase given = Passphrase.from(passphrase)) {
            if (!isThere) {
                var first = new PrivateKeyFile(SigningKey.generate(random), purpose, clock.instant());
                this.directory.create(
                        first.key().publicKey().keyId() + PRIVATE, first.encrypt(given, iterations, random));
            }
            readAll(given);
            this.mark = given.mark(iterations, random);
        }
    }

    /**
     * Opens the keys in {@code directory}. If it is missing, makes it, with a first key; a directory that is there and empty
     * is refused, since keys that were in it are lost or not mounted.
     *
     * @param purpose what the keys are for; keys for something else are refused
     * @param passphrase is asked when files are read or written: here, and when a key is generated or retired. It gives a
     *     new array each time, which is wiped after use, always with the same passphrase
     * @throws IllegalArgumentException if the passphrase is empty or has a NUL
     * @throws KeysUnavailableException if a file or the directory is not as it was written, or others than the owner may
     *     read or change it; no key is changed then
     */
    public static PemKeys openOrCreate(
            Path directory, Purpose purpose, Supplier<char[]> passphrase, InstantSource clock) {
        return openOrCreate(directory, purpose, passphrase, clock, ITERATIONS, new SecureRandom());
    }

    /** For tests, which have less time: so many iterations are written, and fewer are refused. */
    static PemKeys openOrCreate(
            Path directory,
            Purpose purpose,
            Supplier<char[]> passphrase,
            InstantSource clock,
            int iterations,
            SecureRandom random) {
        return new PemKeys(directory, purpose, passphrase, clock, iterations, random);
    }

    /** Reads every file into the ring. Only when all are good, deletes what a crash left. */
    private void readAll(Passphrase given) {
        List<String> names = directory.names();
        List<String> leftovers = new ArrayList<>();
        for (String name : names) {
            Matcher matcher = NAME.matcher(name);
            if (CUT_SHORT.matcher(name).matches()) {
                leftovers.add(name);
            } else if (!matcher.matches()) {
                throw refused(name, "is no file of a key set", "move it elsewhere");
            } else if (name.endsWith(RETIRED)) {
                readRetired(name, matcher.group(1), given);
            } else if (names.contains(matcher.group(1) + RETIRED)) {
                leftovers.add(name); // the retirement of this key was cut short
            } else {
                readPrivate(name, matcher.group(1), given);
            }
        }
        if (ring.publicKeys().isEmpty()) {
            throw refused(
                    "",
                    "has no keys: they are lost, or not mounted",
                    "bring them back, or remove the directory to begin anew");
        }
        leftovers.forEach(directory::delete);
    }

    private void readPrivate(String name, String keyId, Passphrase given) {
        var read = PrivateKeyFile.decrypt(directory.file(name), directory.read(name), given, iterations);
        refuseUnlessExpected(name, keyId, read.key().publicKey(), read.purpose());
        ring.add(read.key(), read.createdAt());
    }

    private void readRetired(String name, String keyId, Passphrase given) {
        var read = RetiredKeyFile.read(directory.file(name), directory.read(name), given, iterations);
        refuseUnlessExpected(name, keyId, read.key(), read.purpose());
        ring.addRetired(read.key(), read.createdAt());
    }

    private void refuseUnlessExpected(String name, String keyId, Ed25519PublicKey found, Purpose itsPurpose) {
        if (!found.keyId().equals(keyId)) {
            throw refused(name, "holds another key than its name says", "restore it from a backup");
        }
        if (itsPurpose != purpose()) {
            throw refused(
                    name,
                    "is a key for %s, and keys for %s were asked for".formatted(itsPurpose, purpose()),
                    "give the directory of those, and keep each purpose in one of its own");
        }
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

    /**
     * {@inheritDoc}
     *
     * @throws KeysUnavailableException if it cannot be stored; then it is not in this store, and if its file was written
     *     after all, it is there when the directory is opened again
     */
    @Override
    public PublishedKey generate() {
        lock.lock();
        try (Passphrase given = mark.again(passphrase, directory.file(""))) {
            var made = new PrivateKeyFile(SigningKey.generate(random), purpose(), ring.nextTime(clock.instant()));
            directory.write(made.key().publicKey().keyId() + PRIVATE, made.encrypt(given, iterations, random));
            return ring.add(made.key(), made.createdAt());
        } finally {
            lock.unlock();
        }
    }

    /**
     * {@inheritDoc}
     *
     * @throws KeysUnavailableException if a file cannot be written or deleted; doing it again finishes it
     */
    @Override
    public void retire(String keyId) {
        lock.lock();
        try {
            PublishedKey key = ring.get(keyId);
            if (!key.retired()) {
                writeRetired(key);
                ring.retire(keyId);
            }
            directory.delete(keyId + PRIVATE); // for a retired key, too: this may have failed the last time
        } finally {
            lock.unlock();
        }
    }

    /** First the public half, then away with the private one: a crash in between leaves both, and that is retired. */
    private void writeRetired(PublishedKey key) {
        try (Passphrase given = mark.again(passphrase, directory.file(""))) {
            var file = new RetiredKeyFile(Ed25519PublicKey.of(key.jwk()), purpose(), key.createdAt());
            directory.write(key.keyId() + RETIRED, file.write(given, iterations, random));
        }
    }

    /**
     * {@inheritDoc}
     *
     * @throws KeysUnavailableException if a file cannot be deleted; doing it again finishes it
     */
    @Override
    public void destroy(String keyId) {
        lock.lock();
        try {
            if (ring.has(keyId)) {
                directory.delete(keyId + PRIVATE); // first: alone, the public half is a retired key
                directory.delete(keyId + RETIRED);
                ring.remove(keyId);
            }
        } finally {
            lock.unlock();
        }
    }

    private KeysUnavailableException refused(String name, String reason, String hint) {
        return new KeysUnavailableException(directory.file(name).toString(), reason, hint, null);
    }

    /** The directory, the purpose and the ids of the keys. */
    @Override
    public String toString() {
        return "PemKeys[" + directory + ", " + ring + "]";
    }
}
