package io.agentlifecycle.credentials.keys;

import static io.agentlifecycle.credentials.keys.Directories.CLOCK;
import static io.agentlifecycle.credentials.keys.Directories.ITERATIONS;
import static io.agentlifecycle.credentials.keys.Directories.PASSPHRASE;
import static io.agentlifecycle.credentials.keys.Directories.files;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.error.KeysUnavailableException;
import io.agentlifecycle.core.spi.SigningKeyStore;
import io.agentlifecycle.core.spi.SigningKeyStore.PublishedKey;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.testkit.SigningKeyStoreContract;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyStore;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a PKCS#12 file of keys does as long as nobody touches it; {@link Pkcs12FileTest} has the rest. */
class Pkcs12KeysTest extends SigningKeyStoreContract {
    @TempDir
    private Path directory;

    private final Map<SigningKeyStore, Path> paths = new HashMap<>();
    private final Map<SigningKeyStore, KnownRandom> randoms = new HashMap<>();

    @Override
    protected SigningKeyStore open() {
        return open(directory.resolve("keys-" + paths.size() + ".p12"));
    }

    @Override
    protected Optional<SigningKeyStore> reopen(SigningKeyStore store) {
        return Optional.of(open(paths.get(store)));
    }

    @Override
    protected Collection<byte[]> secrets(SigningKeyStore store) {
        return randoms.get(store).seeds();
    }

    private Pkcs12Keys open(Path path) {
        var random = new KnownRandom();
        Pkcs12Keys keys = open(path, PASSPHRASE::toCharArray, random);
        paths.put(keys, path);
        randoms.put(keys, random);
        return keys;
    }

    private static Pkcs12Keys open(Path path, Supplier<char[]> passphrase, KnownRandom random) {
        return Pkcs12Keys.openOrCreate(path, Purpose.AUDIT, passphrase, CLOCK, ITERATIONS, random);
    }

    @Test
    void there_is_one_file_for_its_owner_only_whatever_is_changed() throws Exception {
        Path file = directory.resolve("keys.p12");
        Pkcs12Keys store = open(file);
        String first = store.publicKeys().get(0).keyId();
        List<Runnable> changes =
                List.of(store::generate, () -> store.retire(first), () -> store.destroy(first), () -> {});
        for (Runnable change : changes) {
            assertThat(files(directory)).containsExactly(file);
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                    .isEqualTo("rw-------");
            change.run();
        }
    }

    @Test
    void what_keys_were_made_when_survives_to_the_nanosecond_also_of_retired_ones() {
        Path file = directory.resolve("keys.p12");
        Pkcs12Keys store = open(file);
        for (int i = 0; i < 5; i++) {
            CLOCK.advance(Duration.ofNanos(123_456_789));
            store.generate();
        }
        store.retire(store.publicKeys().get(3).keyId());

        Pkcs12Keys again = open(file);

        assertThat(again.publicKeys()).isEqualTo(store.publicKeys());
        assertThat(again.generate().createdAt())
                .isAfter(store.publicKeys().get(5).createdAt());
    }

    @Test
    void a_file_whose_last_key_was_destroyed_takes_new_ones_but_is_not_opened_again() {
        Path file = directory.resolve("keys.p12");
        Pkcs12Keys store = open(file);
        store.destroy(store.publicKeys().get(0).keyId());

        assertThatThrownBy(() -> open(file))
                .isInstanceOf(KeysUnavailableException.class)
                .hasMessageContaining("remove the file to begin anew");
        store.generate();
        assertThat(open(file).publicKeys()).isEqualTo(store.publicKeys());
    }

    /** The JDK's own reader of such files, with what is written when no test looks on. */
    @Test
    void the_jdk_reads_key_and_certificate() throws Exception {
        Path file = directory.resolve("keys.p12");
        Pkcs12Keys store = Pkcs12Keys.openOrCreate(
                file, Purpose.CREDENTIALS, "correct horse"::toCharArray, InstantSource.system());
        PublishedKey key = store.publicKeys().get(0);
        PublishedKey retired = store.generate();
        store.retire(retired.keyId());

        KeyStore theirs = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(file)) {
            theirs.load(in, "correct horse".toCharArray());
        }

        String alias = key.keyId().toLowerCase(Locale.ROOT);
        assertThat(theirs.isKeyEntry(alias)).isTrue();
        var certificate = (X509Certificate) theirs.getCertificate(alias);
        certificate.verify(certificate.getPublicKey());
        certificate.checkValidity();
        assertThat(certificate.getSubjectX500Principal().getName("RFC1779"))
                .contains("CN=" + key.keyId(), "CREDENTIALS " + key.createdAt());
        assertThat(theirs.isKeyEntry(retired.keyId().toLowerCase(Locale.ROOT))).isFalse();
        Signature signer = Signature.getInstance("Ed25519");
        signer.initSign((java.security.PrivateKey) theirs.getKey(alias, "correct horse".toCharArray()));
        signer.update(new byte[] {1, 2, 3});
        assertThat(signer.sign()).isEqualTo(store.sign(key.keyId(), new byte[] {1, 2, 3}));
        assertThat(Files.readAllBytes(file))
                .as("DER of the integers 600,000 and 1,200,000")
                .containsSequence(2, 3, 9, 0x27, 0xc0)
                .endsWith(2, 3, 0x12, 0x4f, 0x80);
    }

    @Test
    void it_says_where_its_keys_are_and_which() {
        Path file = directory.resolve("keys.p12");
        Pkcs12Keys store = open(file);

        assertThat(store)
                .hasToString("Pkcs12Keys[%s, AUDIT[%s]]"
                        .formatted(file, store.publicKeys().get(0).keyId()));
    }

    // ---- the passphrase

    @Test
    void every_passphrase_that_was_given_is_wiped_whether_it_was_right_or_not() {
        Path file = directory.resolve("keys.p12");
        List<char[]> given = new ArrayList<>();
        Pkcs12Keys store = open(file, remembering(given, PASSPHRASE), new KnownRandom());
        String second = store.generate().keyId();
        store.retire(second);
        store.destroy(second);
        assertThatThrownBy(() -> open(file, remembering(given, "wrong"), new KnownRandom()))
                .isInstanceOf(KeysUnavailableException.class);
        open(file, remembering(given, PASSPHRASE), new KnownRandom());

        assertThat(given).hasSize(6).allMatch(chars -> new String(chars).matches("\0+"));
    }

    private static Supplier<char[]> remembering(List<char[]> given, String passphrase) {
        return () -> {
            given.add(passphrase.toCharArray());
            return given.get(given.size() - 1);
        };
    }

    @Test
    void a_passphrase_that_has_changed_meanwhile_writes_nothing() throws Exception {
        Path file = directory.resolve("keys.p12");
        List<char[]> given = new ArrayList<>();
        String[] current = {PASSPHRASE};
        Pkcs12Keys store = open(file, () -> remembering(given, current[0]).get(), new KnownRandom());
        String only = store.publicKeys().get(0).keyId();
        byte[] before = Files.readAllBytes(file);
        current[0] = "the next one";

        for (Runnable change :
                List.<Runnable>of(store::generate, () -> store.retire(only), () -> store.destroy(only))) {
            assertThatThrownBy(change::run)
                    .isInstanceOf(KeysUnavailableException.class)
                    .hasMessageContaining(file.toString())
                    .hasMessageContaining("another passphrase");
        }

        assertThat(file).hasBinaryContent(before);
        assertThat(store.sign(only, new byte[0])).hasSize(64);
        assertThat(given).allMatch(chars -> new String(chars).matches("\0+"));
    }

    @Test
    void an_empty_or_wiped_passphrase_is_refused_and_makes_nothing() throws Exception {
        Path file = directory.resolve("keys.p12");
        for (String wrong : List.of("", "\0\0\0", PASSPHRASE + "\0")) {
            assertThatIllegalArgumentException().isThrownBy(() -> open(file, wrong::toCharArray, new KnownRandom()));
        }
        assertThat(files(directory)).isEmpty();
    }
}
