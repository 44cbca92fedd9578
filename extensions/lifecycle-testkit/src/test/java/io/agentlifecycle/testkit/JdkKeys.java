package io.agentlifecycle.testkit;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.spi.SigningKeyStore;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.Signature;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/** Keys in memory that sign with the JDK: a right store, in which one bug can be planted. */
final class JdkKeys implements SigningKeyStore {
    /** What can be wrong, and a test that is there to notice it. */
    enum Bug {
        NONE(""),
        RETIRED_KEYS_SIGN("a_retired_key_stays_listed_and_signs_no_more"),
        RETIRED_KEYS_ARE_FORGOTTEN("a_retired_key_stays_listed_and_signs_no_more"),
        RETIRES_ONLY_ONCE("retiring_again_changes_nothing_and_retiring_the_last_one_leaves_none_that_signs"),
        DESTROYED_KEYS_STAY("a_destroyed_key_is_gone_whether_it_was_retired_or_not"),
        DESTROYS_ONLY_WHAT_IS_THERE("a_key_that_never_was_can_be_destroyed_and_nothing_else"),
        THE_NEWEST_IS_FIRST("new_keys_are_listed_last_and_the_old_ones_go_on"),
        SIGNS_WITH_THE_FIRST_KEY("a_signature_is_that_of_the_message_under_the_key_and_the_same_each_time"),
        SIGNS_SOMETHING_ELSE("a_fresh_store_has_one_key_and_it_signs"),
        SHOWS_THE_LIVE_LIST("what_callers_do_with_arrays_and_lists_changes_nothing"),
        SHOWS_A_SECRET("no_text_shows_a_secret"),
        LOSES_A_KEY_IN_A_RACE("many_threads_make_keys_and_none_is_lost"),
        SPOILS_A_SIGNATURE_IN_A_RACE("a_key_that_is_retired_while_others_sign_makes_whole_signatures_or_none");

        private final String noticedBy;

        Bug(String noticedBy) {
            this.noticedBy = noticedBy;
        }

        String noticedBy() {
            return noticedBy;
        }
    }

    private record Key(PublishedKey published, PrivateKey secret) {}

    private final Bug bug;
    private volatile List<Key> keys = List.of();
    private final List<PublishedKey> live = new ArrayList<>();
    private volatile boolean spoiled;

    JdkKeys(Bug bug) {
        this.bug = bug;
        generate();
    }

    /** The 32 bytes of every private key. */
    List<byte[]> secrets() {
        return keys.stream().map(key -> tail(key.secret().getEncoded())).toList();
    }

    @Override
    public Purpose purpose() {
        return Purpose.AUDIT;
    }

    @Override
    public List<PublishedKey> publicKeys() {
        return bug == Bug.SHOWS_THE_LIVE_LIST
                ? live
                : keys.stream().map(Key::published).toList();
    }

    @Override
    public byte[] sign(String keyId, byte[] message) {
        requireNonNull(message);
        Key key = required(keyId);
        if (key.published().retired() && bug != Bug.RETIRED_KEYS_SIGN) {
            throw new IllegalArgumentException("retired");
        }
        try {
            Signature signer = Signature.getInstance("Ed25519");
            signer.initSign((bug == Bug.SIGNS_WITH_THE_FIRST_KEY ? keys.get(0) : key).secret());
            signer.update(message);
            if (bug == Bug.SIGNS_SOMETHING_ELSE || spoiled) {
                signer.update((byte) 0);
            }
            return signer.sign();
        } catch (GeneralSecurityException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public PublishedKey generate() {
        Key key = newKey();
        if (bug == Bug.LOSES_A_KEY_IN_A_RACE) {
            List<Key> before = keys;
            Thread.yield();
            keys = with(before, key);
        } else {
            synchronized (this) {
                keys = with(keys, key);
                live.add(key.published());
            }
        }
        return key.published();
    }

    private List<Key> with(List<Key> before, Key key) {
        List<Key> next = new ArrayList<>(before);
        next.add(bug == Bug.THE_NEWEST_IS_FIRST ? 0 : next.size(), key);
        return List.copyOf(next);
    }

    @Override
    public synchronized void retire(String keyId) {
        Key key = required(keyId);
        if (bug == Bug.RETIRES_ONLY_ONCE && key.published().retired()) {
            throw new IllegalArgumentException("retired");
        }
        for (int i = 0; i < 1_000 && bug == Bug.SPOILS_A_SIGNATURE_IN_A_RACE; i++) {
            spoiled = true;
            Thread.yield();
        }
        List<Key> next = new ArrayList<>(keys);
        PublishedKey was = key.published();
        next.set(next.indexOf(key), new Key(new PublishedKey(was.jwk(), was.createdAt(), true), key.secret()));
        if (bug == Bug.RETIRED_KEYS_ARE_FORGOTTEN) {
            next.removeIf(each -> each.published().retired());
        }
        keys = List.copyOf(next);
        spoiled = false;
    }

    @Override
    public synchronized void destroy(String keyId) {
        requireNonNull(keyId);
        if (bug == Bug.DESTROYS_ONLY_WHAT_IS_THERE) {
            required(keyId);
        }
        if (bug != Bug.DESTROYED_KEYS_STAY) {
            keys = keys.stream()
                    .filter(key -> !key.published().keyId().equals(keyId))
                    .toList();
        }
    }

    private Key required(String keyId) {
        requireNonNull(keyId);
        return keys.stream()
                .filter(key -> key.published().keyId().equals(keyId))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no such key"));
    }

    private static Key newKey() {
        try {
            KeyPair pair = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
            PublicJwk jwk = PublicJwk.of(tail(pair.getPublic().getEncoded()));
            return new Key(new PublishedKey(jwk, Instant.EPOCH, false), pair.getPrivate());
        } catch (GeneralSecurityException e) {
            throw new AssertionError(e);
        }
    }

    private static byte[] tail(byte[] der) {
        return Arrays.copyOfRange(der, der.length - 32, der.length);
    }

    @Override
    public String toString() {
        return bug == Bug.SHOWS_A_SECRET ? HexFormat.of().formatHex(secrets().get(0)) : "JdkKeys";
    }
}
