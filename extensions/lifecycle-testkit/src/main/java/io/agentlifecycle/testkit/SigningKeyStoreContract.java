package io.agentlifecycle.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.spi.SigningKeyStore;
import io.agentlifecycle.core.spi.SigningKeyStore.PublishedKey;
import java.io.PrintWriter;
import java.io.Serializable;
import java.io.StringWriter;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/**
 * The contract of {@link SigningKeyStore}. A store is right if a subclass that opens it has no failing test. Signatures
 * are checked with the JDK's own Ed25519, whatever the store signs with.
 *
 * <pre>{@code
 * class MyKeysTest extends SigningKeyStoreContract {
 *     @Override
 *     protected SigningKeyStore open() {
 *         return new MyKeys(emptyDirectory());
 *     }
 *
 *     @Override // only if the store keeps its keys
 *     protected Optional<SigningKeyStore> reopen(SigningKeyStore store) {
 *         return Optional.of(new MyKeys(directoryOf(store)));
 *     }
 * }
 * }</pre>
 *
 * <p>No test is ever skipped: a store that cannot be opened again is looked at itself.
 */
public abstract class SigningKeyStoreContract {
    private static final String NO_KEY = "A".repeat(43);
    private static final byte[] MESSAGE = "what is signed".getBytes(UTF_8);
    private static final int ROUNDS = 20;

    /** The DER of an Ed25519 public key up to its 32 bytes (RFC 8410). */
    private static final byte[] SPKI = HexFormat.of().parseHex("302a300506032b6570032100");

    /** For subclasses. */
    protected SigningKeyStoreContract() {}

    /** A store that shares nothing with any other, with one key that signs. */
    protected abstract SigningKeyStore open() throws Exception;

    /** The same keys, opened once more from where {@code store} keeps them; by default it keeps them nowhere. */
    protected Optional<SigningKeyStore> reopen(SigningKeyStore store) throws Exception {
        return Optional.empty();
    }

    /** The private bytes that {@code store} has, if the test can know them; no text of the store may show them. */
    protected Collection<byte[]> secrets(SigningKeyStore store) throws Exception {
        return List.of();
    }

    // ---- keys and signatures

    @Test
    void a_fresh_store_has_one_key_and_it_signs() throws Exception {
        SigningKeyStore store = open();

        assertThat(store.purpose()).isNotNull();
        assertThat(store.publicKeys()).hasSize(1).noneMatch(PublishedKey::retired);
        assertSigns(store, only(store));
        assertThat(only(open())).as("the key of another store").isNotEqualTo(only(store));
    }

    @Test
    void a_signature_is_that_of_the_message_under_the_key_and_the_same_each_time() throws Exception {
        SigningKeyStore store = open();
        String first = only(store);
        String second = store.generate().keyId();

        for (byte[] message : List.of(new byte[0], new byte[] {0}, MESSAGE, new byte[10_000])) {
            byte[] signature = store.sign(first, message);
            assertThat(signature).hasSize(64);
            assertThat(store.sign(first, message.clone())).isEqualTo(signature);
            assertThat(verifies(jwk(store, first), message, signature)).isTrue();
            assertThat(verifies(jwk(store, second), message, signature)).isFalse();
            assertThat(store.sign(second, message)).isNotEqualTo(signature);
        }
        assertThat(store.sign(first, new byte[] {1})).isNotEqualTo(store.sign(first, new byte[] {2}));
    }

    @Test
    void what_callers_do_with_arrays_and_lists_changes_nothing() throws Exception {
        SigningKeyStore store = open();
        String key = only(store);
        byte[] message = MESSAGE.clone();
        byte[] signature = store.sign(key, message);

        assertThat(message).isEqualTo(MESSAGE);
        byte[] copy = signature.clone();
        Arrays.fill(signature, (byte) 0);
        assertThat(store.sign(key, message)).isEqualTo(copy);
        List<PublishedKey> keys = store.publicKeys();
        store.generate();
        assertThat(keys).as("a list that was returned").hasSize(1);
        try {
            keys.clear();
        } catch (UnsupportedOperationException e) {
            // a list that cannot be changed is as good as a copy
        }
        assertThat(store.publicKeys()).hasSize(2);
    }

    @Test
    void new_keys_are_listed_last_and_the_old_ones_go_on() throws Exception {
        SigningKeyStore store = open();
        List<PublishedKey> made = new ArrayList<>(store.publicKeys());
        for (int i = 0; i < 8; i++) {
            made.add(store.generate());

            assertThat(store.publicKeys()).containsExactlyElementsOf(made);
        }

        assertThat(made).extracting(PublishedKey::keyId).doesNotHaveDuplicates();
        assertThat(made).extracting(PublishedKey::createdAt).isSorted();
        for (PublishedKey key : made) {
            assertSigns(store, key.keyId());
        }
        SigningKeyStore again = again(store);
        assertThat(again.publicKeys()).containsExactlyElementsOf(made);
        assertThat(again.purpose()).isEqualTo(store.purpose());
        for (PublishedKey key : made) {
            assertThat(again.sign(key.keyId(), MESSAGE)).isEqualTo(store.sign(key.keyId(), MESSAGE));
        }
    }

    // ---- the end of a key

    @Test
    void a_retired_key_stays_listed_and_signs_no_more() throws Exception {
        SigningKeyStore store = open();
        PublishedKey old = store.publicKeys().get(0);
        PublishedKey next = store.generate();
        byte[] signature = store.sign(old.keyId(), MESSAGE);

        store.retire(old.keyId());

        for (SigningKeyStore each : List.of(store, again(store))) {
            assertThat(each.publicKeys()).containsExactly(new PublishedKey(old.jwk(), old.createdAt(), true), next);
            assertRefused(each, old.keyId());
            assertSigns(each, next.keyId());
            assertThat(verifies(jwk(each, old.keyId()), MESSAGE, signature)).isTrue();
        }
    }

    @Test
    void retiring_again_changes_nothing_and_retiring_the_last_one_leaves_none_that_signs() throws Exception {
        SigningKeyStore store = open();
        String key = only(store);
        store.retire(key);
        List<PublishedKey> before = store.publicKeys();

        store.retire(key);

        assertThat(store.publicKeys()).isEqualTo(before).allMatch(PublishedKey::retired);
        assertRefused(store, key);
        again(store).retire(key);
        assertThat(again(store).publicKeys()).isEqualTo(before);
        assertSigns(store, store.generate().keyId());
    }

    @Test
    void a_destroyed_key_is_gone_whether_it_was_retired_or_not() throws Exception {
        SigningKeyStore store = open();
        String active = only(store);
        String retired = store.generate().keyId();
        PublishedKey kept = store.generate();
        store.retire(retired);

        for (String key : List.of(active, retired)) {
            store.destroy(key);
            store.destroy(key);
        }

        for (SigningKeyStore each : List.of(store, again(store))) {
            assertThat(each.publicKeys()).containsExactly(kept);
            for (String key : List.of(active, retired)) {
                assertRefused(each, key);
                assertThatIllegalArgumentException().isThrownBy(() -> each.retire(key));
            }
            assertSigns(each, kept.keyId());
        }
    }

    @Test
    void a_key_that_never_was_can_be_destroyed_and_nothing_else() throws Exception {
        SigningKeyStore store = open();
        List<PublishedKey> before = store.publicKeys();

        for (String unknown : List.of(NO_KEY, "", "../" + only(store), only(store) + ".pem")) {
            assertRefused(store, unknown);
            assertThatIllegalArgumentException().isThrownBy(() -> store.retire(unknown));
            store.destroy(unknown);
        }
        assertThatNullPointerException().isThrownBy(() -> store.sign(nothing(), MESSAGE));
        assertThatNullPointerException().isThrownBy(() -> store.sign(only(store), nothing()));
        assertThatNullPointerException().isThrownBy(() -> store.retire(nothing()));
        assertThatNullPointerException().isThrownBy(() -> store.destroy(nothing()));

        assertThat(again(store).publicKeys()).isEqualTo(before);
        assertSigns(store, only(store));
    }

    // ---- secrets

    @Test
    void no_text_shows_a_secret() throws Exception {
        SigningKeyStore store = open();
        String key = store.generate().keyId();
        Collection<byte[]> secrets = secrets(store);
        List<String> texts =
                new ArrayList<>(List.of(store.toString(), store.publicKeys().toString()));
        texts.add(thrown(() -> store.sign(NO_KEY, MESSAGE)));
        texts.add(thrown(() -> store.retire(NO_KEY)));
        texts.add(thrown(() -> store.sign(key, nothing())));
        store.retire(key);
        texts.add(thrown(() -> store.sign(key, MESSAGE)));

        for (byte[] secret : secrets) {
            for (String spelling : spellings(secret)) {
                assertThat(texts).noneMatch(text -> text.contains(spelling));
            }
        }
        assertThat(store).isNotInstanceOf(Serializable.class);
    }

    /** What a stack trace prints, causes and all. */
    private static String thrown(Runnable call) {
        var text = new StringWriter();
        try {
            call.run();
        } catch (RuntimeException e) {
            e.printStackTrace(new PrintWriter(text));
        }
        assertThat(text.toString()).as("an exception").isNotEmpty();
        return text.toString();
    }

    private static List<String> spellings(byte[] secret) {
        String list = Arrays.toString(secret);
        String hex = HexFormat.of().formatHex(secret);
        // up to the last whole group of three bytes, after which base64 depends on what follows
        byte[] groups = Arrays.copyOf(secret, secret.length - secret.length % 3);
        return List.of(
                hex,
                hex.toUpperCase(Locale.ROOT),
                HexFormat.ofDelimiter(":").formatHex(secret),
                list.substring(1, list.length() - 1),
                Base64.getEncoder().encodeToString(groups),
                Base64.getUrlEncoder().encodeToString(groups));
    }

    // ---- many threads

    @Test
    void many_threads_make_keys_and_none_is_lost() throws Exception {
        SigningKeyStore store = open();
        Set<PublishedKey> made = new HashSet<>(store.publicKeys());
        try (Race race = new Race(4)) {
            for (int round = 0; round < ROUNDS; round++) {
                made.addAll(race.round(number -> store.generate()));
            }
        }

        assertThat(made).hasSize(1 + 4 * ROUNDS);
        assertThat(store.publicKeys()).containsExactlyInAnyOrderElementsOf(made);
        assertThat(store.publicKeys()).extracting(PublishedKey::createdAt).isSorted();
        assertThat(again(store).publicKeys()).isEqualTo(store.publicKeys());
    }

    @Test
    void a_key_that_is_retired_while_others_sign_makes_whole_signatures_or_none() throws Exception {
        SigningKeyStore store = open();
        try (Race race = new Race(4)) {
            for (int round = 0; round < ROUNDS; round++) {
                PublishedKey key = store.generate();
                byte[] right = store.sign(key.keyId(), MESSAGE);
                var retired = new AtomicBoolean();
                race.round(number -> {
                    if (number == 0) {
                        try {
                            store.retire(key.keyId());
                        } finally {
                            retired.set(true); // also if it fails: the others would sign for ever
                        }
                        return true;
                    }
                    return signUntilRefused(store, key.keyId(), right, retired);
                });
                assertThat(store.publicKeys())
                        .anyMatch(each -> each.retired() && each.keyId().equals(key.keyId()));
            }
        }
        assertSigns(store, store.publicKeys().get(0).keyId());
    }

    private static boolean signUntilRefused(SigningKeyStore store, String key, byte[] right, AtomicBoolean retired) {
        while (true) {
            boolean mustBeRefused = retired.get();
            try {
                assertThat(store.sign(key, MESSAGE)).isEqualTo(right);
                assertThat(mustBeRefused).as("signed after retire had returned").isFalse();
            } catch (IllegalArgumentException e) {
                return true;
            }
        }
    }

    // ---- building blocks

    private SigningKeyStore again(SigningKeyStore store) throws Exception {
        return reopen(store).orElse(store);
    }

    /** A null that callers are not meant to pass, and pass nevertheless. */
    @SuppressWarnings("NullAway")
    private static <T> T nothing() {
        return null;
    }

    private static String only(SigningKeyStore store) {
        assertThat(store.publicKeys()).hasSize(1);
        return store.publicKeys().get(0).keyId();
    }

    private static PublicJwk jwk(SigningKeyStore store, String keyId) {
        return store.publicKeys().stream()
                .filter(key -> key.keyId().equals(keyId))
                .findFirst()
                .orElseThrow(() -> new AssertionError("key " + keyId + " is not listed"))
                .jwk();
    }

    private static void assertSigns(SigningKeyStore store, String keyId) throws GeneralSecurityException {
        assertThat(verifies(jwk(store, keyId), MESSAGE, store.sign(keyId, MESSAGE)))
                .isTrue();
    }

    private static void assertRefused(SigningKeyStore store, String keyId) {
        assertThatIllegalArgumentException().isThrownBy(() -> store.sign(keyId, MESSAGE));
    }

    private static boolean verifies(PublicJwk key, byte[] message, byte[] signature) throws GeneralSecurityException {
        byte[] spki = Arrays.copyOf(SPKI, SPKI.length + 32);
        System.arraycopy(key.bytes(), 0, spki, SPKI.length, 32);
        PublicKey publicKey = KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(spki));
        Signature verifier = Signature.getInstance("Ed25519");
        verifier.initVerify(publicKey);
        verifier.update(message);
        return verifier.verify(signature);
    }
}
