package io.agentlifecycle.credentials.keys;

import static io.agentlifecycle.credentials.keys.Directories.files;
import static io.agentlifecycle.credentials.keys.Directories.privateFile;
import static io.agentlifecycle.credentials.keys.Directories.retiredFile;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.error.KeysUnavailableException;
import io.agentlifecycle.core.spi.SigningKeyStore;
import io.agentlifecycle.testkit.SigningKeyStoreContract;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a directory of keys does as long as nobody touches its files; {@link KeyFilesTest} has the rest. */
class PemKeysTest extends SigningKeyStoreContract {
    @TempDir
    private Path directory;

    private final Map<SigningKeyStore, Path> paths = new HashMap<>();
    private final Map<SigningKeyStore, KnownRandom> randoms = new HashMap<>();

    @Override
    protected SigningKeyStore open() {
        return open(directory.resolve("keys-" + paths.size()));
    }

    @Override
    protected Optional<SigningKeyStore> reopen(SigningKeyStore store) {
        return Optional.of(open(paths.get(store)));
    }

    @Override
    protected Collection<byte[]> secrets(SigningKeyStore store) {
        return randoms.get(store).seeds();
    }

    private PemKeys open(Path path) {
        var random = new KnownRandom();
        PemKeys keys = Directories.open(path, Directories.PASSPHRASE::toCharArray, random);
        paths.put(keys, path);
        randoms.put(keys, random);
        return keys;
    }

    // ---- files

    @Test
    void each_key_has_one_file_for_its_owner_only() throws Exception {
        Path keys = directory.resolve("keys");
        PemKeys store = open(keys);
        String first = store.publicKeys().get(0).keyId();
        String second = store.generate().keyId();
        store.retire(first);

        assertThat(files(keys)).containsExactlyInAnyOrder(retiredFile(keys, first), privateFile(keys, second));
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(keys)))
                .isEqualTo("rwx------");
        for (Path file : files(keys)) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                    .isEqualTo("rw-------");
        }
        assertThat(files(directory)).as("nothing is left beside it").containsExactly(keys);
        store.destroy(first);
        store.destroy(second);
        assertThat(files(keys)).isEmpty();
    }

    @Test
    void a_directory_whose_last_key_was_destroyed_takes_new_ones_but_is_not_opened_again() {
        Path keys = directory.resolve("keys");
        PemKeys store = open(keys);
        store.destroy(store.publicKeys().get(0).keyId());

        assertThatThrownBy(() -> open(keys)).isInstanceOf(KeysUnavailableException.class);
        store.generate();
        assertThat(open(keys).publicKeys()).isEqualTo(store.publicKeys());
    }

    @Test
    void the_files_that_are_written_without_a_test_looking_on_have_600_000_iterations() throws Exception {
        Path keys = directory.resolve("keys");
        Supplier<char[]> passphrase = "Größe 密码 🔑"::toCharArray;
        PemKeys store =
                PemKeys.openOrCreate(keys, SigningKeyStore.Purpose.CREDENTIALS, passphrase, InstantSource.system());
        String only = store.publicKeys().get(0).keyId();

        assertThat(Pem.read("ENCRYPTED PRIVATE KEY", Files.readString(privateFile(keys, only))))
                .as("DER of the integer 600,000")
                .containsSequence(2, 3, 9, 0x27, 0xc0);
        store.retire(only);
        assertThat(Files.readString(retiredFile(keys, only))).contains("\niterations: 600000\n");
        assertThat(PemKeys.openOrCreate(keys, SigningKeyStore.Purpose.CREDENTIALS, passphrase, InstantSource.system())
                        .publicKeys())
                .isEqualTo(store.publicKeys());
    }

    @Test
    void what_keys_were_made_when_survives_and_they_are_listed_by_that() {
        PemKeys store = open(directory.resolve("keys"));
        for (int i = 0; i < 5; i++) {
            Directories.CLOCK.advance(Duration.ofNanos(123_456_789));
            store.generate();
        }
        store.retire(store.publicKeys().get(3).keyId());

        PemKeys again = open(directory.resolve("keys"));

        assertThat(again.publicKeys()).isEqualTo(store.publicKeys());
        assertThat(again.generate().createdAt())
                .isAfter(store.publicKeys().get(5).createdAt());
    }

    @Test
    void it_says_where_its_keys_are_and_which() {
        PemKeys store = open(directory.resolve("keys"));

        assertThat(store)
                .hasToString("PemKeys[%s, AUDIT[%s]]"
                        .formatted(
                                directory.resolve("keys"),
                                store.publicKeys().get(0).keyId()));
    }

    // ---- the passphrase

    @Test
    void every_passphrase_that_was_given_is_wiped_whether_it_was_right_or_not() {
        Path keys = directory.resolve("keys");
        List<char[]> given = new ArrayList<>();
        PemKeys store = Directories.open(keys, remembering(given, Directories.PASSPHRASE), new KnownRandom());
        assertThat(given).hasSize(1);
        String second = store.generate().keyId();
        store.retire(second);
        assertThat(given).hasSize(3);
        assertThatThrownBy(() -> Directories.open(keys, remembering(given, "wrong"), new KnownRandom()))
                .isInstanceOf(KeysUnavailableException.class);
        Directories.open(keys, remembering(given, Directories.PASSPHRASE), new KnownRandom());

        assertThat(given).hasSize(5).allMatch(chars -> new String(chars).matches("\0+"));
    }

    private static Supplier<char[]> remembering(List<char[]> given, String passphrase) {
        return () -> {
            given.add(passphrase.toCharArray());
            return given.get(given.size() - 1);
        };
    }

    @Test
    void a_passphrase_that_has_changed_meanwhile_writes_no_file() throws Exception {
        Path keys = directory.resolve("keys");
        List<char[]> given = new ArrayList<>();
        String[] current = {Directories.PASSPHRASE};
        PemKeys store =
                Directories.open(keys, () -> remembering(given, current[0]).get(), new KnownRandom());
        String only = store.publicKeys().get(0).keyId();
        current[0] = "the next one";

        for (Runnable change : List.<Runnable>of(store::generate, () -> store.retire(only))) {
            assertThatThrownBy(change::run)
                    .isInstanceOf(KeysUnavailableException.class)
                    .hasMessageContaining(keys.toString())
                    .hasMessageContaining("another passphrase");
        }

        assertThat(files(keys)).containsExactly(privateFile(keys, only));
        assertThat(store.publicKeys()).hasSize(1).noneMatch(SigningKeyStore.PublishedKey::retired);
        assertThat(store.sign(only, new byte[0])).hasSize(64);
        assertThat(given).allMatch(chars -> new String(chars).matches("\0+"));
    }

    @Test
    void an_empty_passphrase_is_refused_and_makes_nothing() throws Exception {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Directories.open(directory.resolve("keys"), ""))
                .withMessageContaining("empty");
        assertThat(files(directory)).isEmpty();
    }

    /** To HMAC, and so to PBKDF2, zeros at the end are nothing, and a wiped array is no passphrase at all. */
    @Test
    void an_array_that_was_wiped_is_refused_and_not_taken_for_a_passphrase() throws Exception {
        char[] once = Directories.PASSPHRASE.toCharArray();
        PemKeys store = Directories.open(directory.resolve("keys"), () -> once, new KnownRandom());

        assertThatIllegalArgumentException().isThrownBy(store::generate).withMessageContaining("a new array each time");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Directories.open(directory.resolve("second"), () -> once, new KnownRandom()));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Directories.open(directory.resolve("keys"), Directories.PASSPHRASE + "\0"));
        assertThat(files(directory)).hasSize(1);
    }
}
