package io.agentlifecycle.credentials.keys;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.spi.SigningKeyStore.PublishedKey;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The keys of one store as they are in memory, the oldest first. Any thread may read and sign at any time; who changes
 * the ring holds the lock of the store.
 */
final class KeyRing {
    /**
     * One key.
     *
     * @param signing its private half; null once it is retired
     */
    private record Entry(
            String keyId, PublishedKey published, @Nullable SigningKey signing) {}

    /** A key that was made longer than that after now was made by a clock that was wrong. */
    private static final Duration AHEAD = Duration.ofDays(1);

    private final Purpose purpose;
    private volatile List<Entry> entries = List.of();

    KeyRing(Purpose purpose) {
        this.purpose = requireNonNull(purpose, "purpose");
    }

    Purpose purpose() {
        return purpose;
    }

    List<PublishedKey> publicKeys() {
        return entries.stream().map(Entry::published).toList();
    }

    byte[] sign(String keyId, byte[] message) {
        SigningKey key = required(keyId).signing();
        if (key == null) {
            throw new IllegalArgumentException(
                    "key " + keyId + " is retired, so it signs no more; this store has " + this);
        }
        return key.sign(message);
    }

    /**
     * When a key that is made now is made: later than all others, so that their order is that of their times even if the
     * clock stands still or was set back. But those of more than a day ahead, which a wrong clock made, do not move it: else
     * one such moment would give all later keys times of years to come.
     */
    Instant nextTime(Instant now) {
        return entries.stream()
                .map(entry -> entry.published().createdAt())
                .filter(made -> !made.isAfter(now.plus(AHEAD)))
                .max(Comparator.naturalOrder())
                .map(latest -> latest.plusNanos(1))
                .filter(now::isBefore)
                .orElse(now);
    }

    PublishedKey add(SigningKey key, Instant createdAt) {
        var published = new PublishedKey(key.publicKey().jwk(), createdAt, false);
        add(new Entry(key.publicKey().keyId(), published, key));
        return published;
    }

    void addRetired(Ed25519PublicKey key, Instant createdAt) {
        add(new Entry(key.keyId(), new PublishedKey(key.jwk(), createdAt, true), null));
    }

    private void add(Entry entry) {
        List<Entry> next = new ArrayList<>(entries);
        next.add(entry);
        next.sort(Comparator.comparing(each -> each.published().createdAt()));
        entries = List.copyOf(next);
    }

    boolean has(String keyId) {
        return entry(keyId) != null;
    }

    /** The key of that id as it is published; refused if there is none. */
    PublishedKey get(String keyId) {
        return required(keyId).published();
    }

    void retire(String keyId) {
        Entry entry = required(keyId);
        List<Entry> next = new ArrayList<>(entries);
        PublishedKey key = entry.published();
        var retired = new PublishedKey(key.jwk(), key.createdAt(), true);
        next.set(next.indexOf(entry), new Entry(keyId, retired, null));
        entries = List.copyOf(next);
        wipe(entry);
    }

    void remove(String keyId) {
        Entry entry = entry(keyId);
        if (entry != null) {
            entries = entries.stream().filter(each -> each != entry).toList();
            wipe(entry);
        }
    }

    private static void wipe(Entry entry) {
        if (entry.signing() != null) {
            entry.signing().wipe();
        }
    }

    private Entry required(String keyId) {
        Entry entry = entry(keyId);
        if (entry == null) {
            throw new IllegalArgumentException("there is no key \"" + keyId + "\"; this store has " + this);
        }
        return entry;
    }

    private @Nullable Entry entry(String keyId) {
        requireNonNull(keyId, "keyId");
        for (Entry entry : entries) {
            if (entry.keyId().equals(keyId)) {
                return entry;
            }
        }
        return null;
    }

    /** The purpose and the ids. */
    @Override
    public String toString() {
        return purpose
                + entries.stream()
                        .map(entry -> entry.keyId() + (entry.published().retired() ? " (retired)" : ""))
                        .toList()
                        .toString();
    }
}
