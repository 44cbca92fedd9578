package io.agentlifecycle.credentials.keys;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.error.KeysUnavailableException;
import io.agentlifecycle.core.spi.SigningKeyStore;
import io.agentlifecycle.credentials.keys.Pkcs12File.Entry;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * Keys in one PKCS#12 file, as {@code docs/keys.md} describes: for hosts whose other keys are in such files. {@code openssl}
 * and {@code keytool} read it. Every change writes the whole file anew, so take {@link PemKeys} for more than a few
 * keys. Whatever is not as it was written is refused with a {@link KeysUnavailableException} when the file is opened.
 *
 * <p>Safe for use by many threads. One object at a time should change a file; the change of one that did not see what
 * another wrote is refused. Signing reads no file.
 */
public final class Pkcs12Keys implements SigningKeyStore {
    /** As often as OWASP recommends for PBKDF2-HMAC-SHA256, half a second or so for the file. */
    private static final int ITERATIONS = 600_000;

    /** Room for about a thousand keys. */
    private static final int MAX_BYTES = 1 << 20;

    private final KeyDirectory directory;
    private final String name;
    private final KeyRing ring;
    private final Supplier<char[]> passphrase;
    private final InstantSource clock;
    private final int iterations;
    private final SecureRandom random;
    private final Passphrase.Mark mark;
    private final Lock lock = new ReentrantLock();

    /** What this store knows to be in the file; guarded by the lock. */
    private List<Entry> entries;

    /** What the file can have in it unless another process changed it; guarded by the lock. */
    private final List<byte[]> known = new ArrayList<>();

    private Pkcs12Keys(
            Path file,
            Purpose purpose,
            Supplier<char[]> passphrase,
            InstantSource clock,
            int iterations,
            SecureRandom random) {
        Path absolute = file.toAbsolutePath().normalize();
        Path parent = absolute.getParent();
        if (parent == null) {
            throw new IllegalArgumentException("the path of a PKCS#12 file must name a file, but was " + file);
        }
        this.directory = new KeyDirectory(parent);
        this.name = absolute.getFileName().toString();
        this.ring = new KeyRing(requireNonNull(purpose, "purpose"));
        this.passphrase = requireNonNull(passphrase, "passphrase");
        this.clock = requireNonNull(clock, "clock");
        this.iterations = iterations;
        this.random = random;
        boolean isThere = directory.has(name);
        try (Passphrase given = Passphrase.from(passphrase)) {
            if (!isThere) {
                create(given);
            }
            byte[] content = directory.read(name, MAX_BYTES);
            known.add(content);
            this.entries = Pkcs12File.read(directory.file(name), content, given, iterations)
                    .entries();
            entries.forEach(this::addToRing);
            if (entries.isEmpty()) {
                throw refused("has no keys: all of them were destroyed", "remove the file to begin anew");
            }
            this.mark = given.mark(iterations, random);
        }
        directory.delete(name + KeyDirectory.TEMPORARY);
    }

    private void create(Passphrase given) {
        Entry first = entry(SigningKey.generate(random), clock.instant());
        directory.write(name, new Pkcs12File(List.of(first)).write(given, iterations, random), false);
    }

    private Entry entry(SigningKey key, Instant createdAt) {
        return new Entry(SelfSigned.of(key, purpose(), createdAt), Optional.of(key));
    }

    private void addToRing(Entry entry) {
        SelfSigned certificate = entry.certificate();
        if (certificate.purpose() != purpose()) {
            throw refused(
                    "has a key for %s, and keys for %s were asked for".formatted(certificate.purpose(), purpose()),
                    "give the file of those, and keep each purpose in one of its own");
        }
        if (entry.signing().isPresent()) {
            ring.add(entry.signing().get(), certificate.createdAt());
        } else {
            ring.addRetired(certificate.key(), certificate.createdAt());
        }
    }

    /**
     * Opens the keys in {@code file}. If it is missing, makes it, with a first key, where there is a directory for it.
     *
     * @param purpose what the keys are for; keys for something else are refused
     * @param passphrase is asked when the file is read or written: here, and when a key is generated, retired or destroyed.
     *     It gives a new array each time, which is wiped after use, always with the same passphrase
     * @throws IllegalArgumentException if the passphrase is empty or has a NUL
     * @throws KeysUnavailableException if the file is not as it was written, or others than the owner may read or change
     *     it; no key is changed then
     */
    public static Pkcs12Keys openOrCreate(
            Path file, Purpose purpose, Supplier<char[]> passphrase, InstantSource clock) {
        return openOrCreate(file, purpose, passphrase, clock, ITERATIONS, new SecureRandom());
    }

    /** For tests, which have less time: so many iterations are written, and fewer are refused. */
    static Pkcs12Keys openOrCreate(
            Path file,
            Purpose purpose,
            Supplier<char[]> passphrase,
            InstantSource clock,
            int iterations,
            SecureRandom random) {
        return new Pkcs12Keys(file, purpose, passphrase, clock, iterations, random);
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
     * @throws KeysUnavailableException if it cannot be stored; then it is not in this store
     */
    @Override
    public PublishedKey generate() {
        lock.lock();
        try {
            Entry made = entry(SigningKey.generate(random), ring.nextTime(clock.instant()));
            List<Entry> next = new ArrayList<>(entries);
            next.add(made);
            write(next);
            return ring.add(made.signing().orElseThrow(), made.certificate().createdAt());
        } finally {
            lock.unlock();
        }
    }

    /**
     * {@inheritDoc}
     *
     * @throws KeysUnavailableException if the file cannot be written; then the key signs on
     */
    @Override
    public void retire(String keyId) {
        lock.lock();
        try {
            if (!ring.get(keyId).retired()) {
                write(entries.stream()
                        .map(entry -> is(entry, keyId) ? new Entry(entry.certificate(), Optional.empty()) : entry)
                        .toList());
                ring.retire(keyId);
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * {@inheritDoc}
     *
     * @throws KeysUnavailableException if the file cannot be written; then the key is there as before
     */
    @Override
    public void destroy(String keyId) {
        lock.lock();
        try {
            if (ring.has(keyId)) {
                write(entries.stream().filter(entry -> !is(entry, keyId)).toList());
                ring.remove(keyId);
            }
        } finally {
            lock.unlock();
        }
    }

    private static boolean is(Entry entry, String keyId) {
        return entry.certificate().key().keyId().equals(keyId);
    }

    private void write(List<Entry> next) {
        byte[] written;
        try (Passphrase given = mark.again(passphrase, directory.file(name))) {
            written = new Pkcs12File(next).write(given, iterations, random);
        }
        if (written.length > MAX_BYTES) {
            throw refused("has no room for another key", "destroy keys that nobody needs any more");
        }
        directory.replace(name, known, written);
        entries = next;
    }

    private KeysUnavailableException refused(String reason, String hint) {
        return new KeysUnavailableException(directory.file(name).toString(), reason, hint, null);
    }

    /** The file, the purpose and the ids of the keys. */
    @Override
    public String toString() {
        return "Pkcs12Keys[" + directory.file(name) + ", " + ring + "]";
    }
}
