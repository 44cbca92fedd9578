package io.agentlifecycle.credentials.keys;

import static io.agentlifecycle.credentials.keys.Directories.CLOCK;
import static io.agentlifecycle.credentials.keys.Directories.ITERATIONS;
import static io.agentlifecycle.credentials.keys.Directories.PASSPHRASE;
import static io.agentlifecycle.credentials.keys.Directories.files;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.error.KeysUnavailableException;
import io.agentlifecycle.core.spi.SigningKeyStore.PublishedKey;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.credentials.keys.Pkcs12File.Entry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** PKCS#12 files that were changed, opened to others, or left behind by a crash. */
class Pkcs12FileTest {
    @TempDir
    private Path above;

    private Path file;
    private Pkcs12Keys store;
    private PublishedKey first;
    private byte[] seed;

    @BeforeEach
    void a_key_that_signs_and_a_retired_one() {
        file = above.resolve("keys.p12");
        var random = new KnownRandom();
        store = Pkcs12Keys.openOrCreate(file, Purpose.AUDIT, PASSPHRASE::toCharArray, CLOCK, ITERATIONS, random);
        first = store.publicKeys().get(0);
        store.retire(store.generate().keyId());
        seed = random.seeds().get(0);
    }

    private Pkcs12Keys open() {
        return open(PASSPHRASE);
    }

    private Pkcs12Keys open(String passphrase) {
        return Pkcs12Keys.openOrCreate(
                file, Purpose.AUDIT, passphrase::toCharArray, CLOCK, ITERATIONS, new KnownRandom());
    }

    private AbstractThrowableAssert<?, ?> assertRefused(String what) {
        return assertThatThrownBy(this::open).as(what).isInstanceOfSatisfying(KeysUnavailableException.class, e -> {
            assertThat(e.file()).isEqualTo(file.toString());
            assertThat(e).hasMessageStartingWith(file + " ").hasMessageEndingWith("; " + e.hint());
            assertThat(e.getMessage()).doesNotContain(PASSPHRASE, HexFormat.of().formatHex(seed));
        });
    }

    // ---- what stands in it

    @Test
    void any_changed_byte_is_noticed() throws Exception {
        byte[] right = Files.readAllBytes(file);
        for (int i = 0; i < right.length; i++) {
            for (int change : new int[] {1, 0x80}) {
                byte[] wrong = right.clone();
                wrong[i] ^= (byte) change;
                Files.write(file, wrong);
                assertRefused("byte %d, changed by %d".formatted(i, change));
            }
        }
        Files.write(file, right);
        assertThat(open().publicKeys()).isEqualTo(store.publicKeys());
    }

    @Test
    void a_file_that_was_cut_or_has_more_than_was_written_is_noticed() throws Exception {
        byte[] right = Files.readAllBytes(file);
        for (int length = 0; length < right.length; length++) {
            Files.write(file, Arrays.copyOf(right, length));
            assertRefused(length + " bytes");
        }
        Files.write(file, Arrays.copyOf(right, right.length + 1));
        assertRefused("one byte more");
        Files.write(file, new byte[(1 << 20) + 1]);
        assertRefused("too much").hasMessageContaining("more than 1048576 bytes");
        for (String nested : List.of("3080", "a080", "2480")) {
            Files.write(file, HexFormat.of().parseHex(nested.repeat(1 << 19)));
            assertRefused("nested").hasMessageContaining("is not a PKCS#12 file as a key set writes it");
        }
    }

    /** Under the right passphrase, so that the HMAC is right: what is inside is looked at, too. */
    @Test
    void entries_that_do_not_fit_together_are_refused_although_the_passphrase_is_right() throws Exception {
        SigningKey mine = SigningKey.generate(new KnownRandom());
        SigningKey other = SigningKey.generate(new KnownRandom());
        SelfSigned right = SelfSigned.of(mine, Purpose.AUDIT, CLOCK.instant());
        SelfSigned foreign = SelfSigned.of(other, Purpose.AUDIT, CLOCK.instant());
        byte[] der = right.der().clone();
        der[der.length - 1] ^= 1;
        var unsigned = new SelfSigned(right.key(), right.purpose(), right.createdAt(), der);

        write(new Entry(right, Optional.of(mine)));
        assertThat(open().publicKeys()).hasSize(1);
        write(new Entry(foreign, Optional.of(mine)));
        assertRefused("the private half of another key");
        write(new Entry(unsigned, Optional.of(mine)));
        assertRefused("a certificate with a wrong signature");
        write(new Entry(unsigned, Optional.empty()));
        assertRefused("a retired key with a wrong signature");
        write(new Entry(SelfSigned.of(mine, Purpose.CREDENTIALS, CLOCK.instant()), Optional.of(mine)));
        assertRefused("a purpose").hasMessageContaining("has a key for CREDENTIALS, and keys for AUDIT were asked for");
    }

    private void write(Entry entry) throws Exception {
        try (Passphrase passphrase = Passphrase.from(PASSPHRASE::toCharArray)) {
            Files.write(file, new Pkcs12File(List.of(entry)).write(passphrase, ITERATIONS, new KnownRandom()));
        }
    }

    @Test
    void fewer_iterations_than_are_written_are_refused() throws Exception {
        SigningKey key = SigningKey.generate(new KnownRandom());
        var entry = new Entry(SelfSigned.of(key, Purpose.AUDIT, CLOCK.instant()), Optional.of(key));
        try (Passphrase passphrase = Passphrase.from(PASSPHRASE::toCharArray)) {
            Files.write(file, new Pkcs12File(List.of(entry)).write(passphrase, ITERATIONS - 1, new KnownRandom()));
        }

        assertRefused("iterations").hasMessageContaining("is not a PKCS#12 file as a key set writes it");
    }

    @Test
    void keys_for_something_else_are_refused_by_both_names() {
        assertThatThrownBy(() -> Pkcs12Keys.openOrCreate(
                        file, Purpose.CREDENTIALS, PASSPHRASE::toCharArray, CLOCK, ITERATIONS, new KnownRandom()))
                .isInstanceOf(KeysUnavailableException.class)
                .hasMessageContaining("has a key for AUDIT, and keys for CREDENTIALS were asked for");
    }

    @ParameterizedTest
    @ValueSource(strings = {"wrong", "correct hors", "correct horse ", "Correct horse"})
    void another_passphrase_opens_nothing(String passphrase) {
        assertThatThrownBy(() -> open(passphrase))
                .isInstanceOf(KeysUnavailableException.class)
                .hasMessageContaining("passphrase")
                .hasNoCause()
                .message()
                .doesNotContain(passphrase);
    }

    // ---- who may touch it

    @ParameterizedTest
    @ValueSource(strings = {"rw----r--", "rw-----w-", "rw------x", "rw-r-----", "rw--w----", "rw---x---"})
    void a_file_that_others_may_read_or_change_is_refused(String permissions) throws Exception {
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(permissions));

        assertRefused(permissions).hasMessageEndingWith("run: chmod 600 " + file);
    }

    @Test
    void links_and_directories_are_refused_and_so_is_a_place_without_a_directory() throws Exception {
        Path elsewhere = above.resolve("elsewhere");
        Files.move(file, elsewhere);
        Files.createSymbolicLink(file, elsewhere);
        assertRefused("a link").hasMessageContaining("link");
        Files.delete(file);
        Files.createSymbolicLink(file, above.resolve("nowhere"));
        assertRefused("a link to nothing").hasMessageContaining("link");
        Files.delete(file);
        Files.createDirectory(file);
        assertRefused("a directory").hasMessageContaining("is no file");

        file = above.resolve("missing").resolve("keys.p12");
        assertRefused("no directory").hasMessageContaining("cannot be written");
        assertThat(above.resolve("missing")).doesNotExist();
        file = above.getRoot();
        assertThatIllegalArgumentException().isThrownBy(this::open);
    }

    // ---- crashes, other processes, and a disk that refuses

    @Test
    void what_was_being_written_when_the_process_died_is_cleared_away_once_the_file_was_read() throws Exception {
        Path cut = above.resolve("keys.p12.tmp");
        Files.writeString(cut, "half a file");
        byte[] right = Files.readAllBytes(file);
        Files.writeString(file, "");
        assertRefused("empty");
        assertThat(cut).exists();
        Files.write(file, right);

        assertThat(open().publicKeys()).isEqualTo(store.publicKeys());

        assertThat(files(above)).containsExactly(file);
    }

    /** Both would else write all keys that they know, and the later one without those of the earlier. */
    @Test
    void who_did_not_see_what_another_wrote_changes_nothing() throws Exception {
        Pkcs12Keys other = open();
        PublishedKey theirs = other.generate();
        byte[] before = Files.readAllBytes(file);

        for (Runnable change : List.<Runnable>of(
                store::generate, () -> store.retire(first.keyId()), () -> store.destroy(first.keyId()))) {
            assertThatThrownBy(change::run)
                    .isInstanceOf(KeysUnavailableException.class)
                    .hasMessageContaining("was changed by another process since it was opened; open it again");
        }

        assertThat(file).hasBinaryContent(before);
        assertThat(store.publicKeys()).hasSize(2).contains(first).doesNotContain(theirs);
        assertThat(store.sign(first.keyId(), new byte[0])).hasSize(64);
        assertThat(open().publicKeys()).isEqualTo(other.publicKeys()).contains(theirs);
    }

    @Test
    void a_file_that_came_meanwhile_is_not_overwritten_by_a_first_key() throws Exception {
        byte[] there = Files.readAllBytes(file);

        assertThatThrownBy(() -> new KeyDirectory(above).write("keys.p12", new byte[] {1}, false))
                .isInstanceOf(KeysUnavailableException.class)
                .hasMessageContaining("cannot be written");

        assertThat(file).hasBinaryContent(there);
    }

    @Test
    void a_change_that_cannot_be_stored_is_not_made_and_can_be_made_later() throws Exception {
        Path inTheWay = above.resolve("keys.p12.tmp");
        Files.createDirectories(inTheWay.resolve("full"));
        List<PublishedKey> before = store.publicKeys();
        for (Runnable change : List.<Runnable>of(
                store::generate, () -> store.retire(first.keyId()), () -> store.destroy(first.keyId()))) {
            assertThatThrownBy(change::run)
                    .isInstanceOf(KeysUnavailableException.class)
                    .hasMessageContaining("cannot be written");
        }
        assertThat(store.publicKeys()).isEqualTo(before);
        assertThat(store.sign(first.keyId(), new byte[0])).hasSize(64);
        Files.delete(inTheWay.resolve("full"));
        Files.delete(inTheWay);
        assertThat(open().publicKeys()).isEqualTo(before);

        store.retire(first.keyId());

        assertThat(open().publicKeys()).hasSize(2).allMatch(PublishedKey::retired);
    }
}
