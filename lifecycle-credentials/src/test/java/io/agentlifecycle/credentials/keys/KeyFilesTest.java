package io.agentlifecycle.credentials.keys;

import static io.agentlifecycle.credentials.keys.Directories.CLOCK;
import static io.agentlifecycle.credentials.keys.Directories.ITERATIONS;
import static io.agentlifecycle.credentials.keys.Directories.PASSPHRASE;
import static io.agentlifecycle.credentials.keys.Directories.files;
import static io.agentlifecycle.credentials.keys.Directories.open;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.error.KeysUnavailableException;
import io.agentlifecycle.core.spi.SigningKeyStore.PublishedKey;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.assertj.core.api.AbstractThrowableAssert;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.BERSequence;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.DERSequence;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Key directories that were changed, opened to others, or left behind by a crash. */
class KeyFilesTest {
    private static final String PEM_LABEL = "ENCRYPTED PRIVATE KEY";

    @TempDir
    private Path above;

    private Path directory;
    private PemKeys store;
    private PublishedKey first;
    private PublishedKey retired;
    private byte[] seed;

    @BeforeEach
    void a_key_that_signs_and_a_retired_one() {
        directory = above.resolve("keys");
        var random = new KnownRandom();
        store = Directories.open(directory, PASSPHRASE::toCharArray, random);
        first = store.publicKeys().get(0);
        PublishedKey next = store.generate();
        store.retire(next.keyId());
        retired = store.publicKeys().get(1);
        seed = random.seeds().get(0);
    }

    private Path privateFile() {
        return Directories.privateFile(directory, first.keyId());
    }

    private Path retiredFile() {
        return Directories.retiredFile(directory, retired.keyId());
    }

    private AbstractThrowableAssert<?, ?> assertRefused(Path file) {
        return assertRefused(file, "opening");
    }

    private AbstractThrowableAssert<?, ?> assertRefused(Path file, String what) {
        return assertThatThrownBy(() -> open(directory))
                .as(what)
                .isInstanceOfSatisfying(KeysUnavailableException.class, e -> {
                    assertThat(e.code()).isEqualTo("keys-unavailable");
                    assertThat(e.file()).isEqualTo(file.toString());
                    assertThat(e).hasMessageStartingWith(file + " ").hasMessageEndingWith("; " + e.hint());
                    assertThat(e.getMessage())
                            .doesNotContain(PASSPHRASE, HexFormat.of().formatHex(seed));
                });
    }

    // ---- what stands in the files

    @Test
    void any_changed_byte_of_a_file_is_noticed() throws Exception {
        for (Path file : List.of(privateFile(), retiredFile())) {
            byte[] right = Files.readAllBytes(file);
            for (int i = 0; i < right.length; i++) {
                for (int change : new int[] {1, 2, 0x20, 0x80, 0xff}) {
                    byte[] wrong = right.clone();
                    wrong[i] ^= (byte) change;
                    Files.write(file, wrong);
                    assertRefused(file, "byte %d of %s, changed by %d".formatted(i, file, change));
                }
            }
            Files.write(file, right);
        }
        assertThat(open(directory).publicKeys()).isEqualTo(store.publicKeys());
    }

    /** Below the armour: each bit of the salt, of the initialization vector and of the ciphertext is among them. */
    @Test
    void any_changed_bit_of_the_structure_is_noticed() throws Exception {
        byte[] right = Pem.read(PEM_LABEL, Files.readString(privateFile()));
        for (int bit = 0; bit < 8 * right.length; bit++) {
            byte[] wrong = right.clone();
            wrong[bit / 8] ^= (byte) (1 << bit % 8);
            Files.writeString(privateFile(), Pem.write(PEM_LABEL, wrong));
            assertRefused(privateFile(), "bit " + bit);
        }
    }

    @Test
    void a_file_that_was_cut_or_has_more_than_was_written_is_noticed() throws Exception {
        for (Path file : List.of(privateFile(), retiredFile())) {
            byte[] right = Files.readAllBytes(file);
            for (int length = 0; length < right.length; length++) {
                Files.write(file, Arrays.copyOf(right, length));
                assertRefused(file, length + " bytes");
            }
            for (String more : List.of("\n", " ", "x", "\0", new String(right, ISO_8859_1))) {
                Files.writeString(file, new String(right, ISO_8859_1) + more, ISO_8859_1);
                assertRefused(file);
                Files.writeString(file, more + new String(right, ISO_8859_1), ISO_8859_1);
                assertRefused(file);
            }
            Files.writeString(file, new String(right, ISO_8859_1).replace("\n", "\r\n"));
            assertRefused(file);
            Files.write(file, right);
        }
    }

    @Test
    void a_file_is_not_read_further_than_any_of_ours_is_long() throws Exception {
        Files.write(privateFile(), new byte[KeyDirectory.MAX_BYTES + 1]);
        assertRefused(privateFile()).hasMessageContaining("more than 4096 bytes");

        Files.write(privateFile(), new byte[KeyDirectory.MAX_BYTES]);
        assertRefused(privateFile()).hasMessageContaining("is not a private key as a key set writes it");
    }

    /** Other software reads most of these. One spelling means that nothing hides in another. */
    @Test
    void the_same_key_in_another_spelling_is_refused() throws Exception {
        byte[] salt = new byte[16];
        byte[] iv = new byte[16];
        ASN1Encodable sha256 = new DERSequence(new ASN1Encodable[] {oid("1.2.840.113549.2.9"), DERNull.INSTANCE});
        ASN1Encodable sha1 = new DERSequence(new ASN1Encodable[] {oid("1.2.840.113549.2.7"), DERNull.INSTANCE});
        String aes256 = "2.16.840.1.101.3.4.1.42";
        String aes128 = "2.16.840.1.101.3.4.1.2";
        byte[] ours = structure(salt, ITERATIONS, sha256, aes256, iv);
        // ours is a structure as it must be, with a ciphertext of zeros: only that is wrong with it
        Files.writeString(privateFile(), Pem.write(PEM_LABEL, ours));
        assertRefused(privateFile()).hasMessageContaining("cannot be decrypted");

        for (byte[] each : List.of(
                structure(salt, ITERATIONS - 1, sha256, aes256, iv),
                structure(salt, 1, sha256, aes256, iv),
                structure(salt, 0, sha256, aes256, iv),
                structure(salt, -1, sha256, aes256, iv),
                structure(salt, 10_000_001, sha256, aes256, iv),
                structure(salt, Long.MAX_VALUE, sha256, aes256, iv),
                structure(salt, ITERATIONS, sha1, aes256, iv),
                structure(salt, ITERATIONS, null, aes256, iv),
                structure(salt, ITERATIONS, sha256, aes128, iv),
                structure(new byte[8], ITERATIONS, sha256, aes256, iv),
                structure(new byte[0], ITERATIONS, sha256, aes256, iv),
                structure(salt, ITERATIONS, sha256, aes256, new byte[8]),
                new BERSequence(DERSequence.getInstance(ours).toArray()).getEncoded(ASN1Encoding.BER),
                Arrays.copyOf(ours, ours.length + 1),
                HexFormat.of().parseHex("30800000"),
                HexFormat.of().parseHex("3080".repeat(1_000)),
                HexFormat.of().parseHex("308400ffffff00"))) {
            Files.writeString(privateFile(), Pem.write(PEM_LABEL, each));
            assertRefused(privateFile()).hasMessageContaining("is not a private key as a key set writes it");
        }
    }

    private static byte[] structure(byte[] salt, long iterations, ASN1Encodable prf, String cipher, byte[] iv)
            throws IOException {
        List<ASN1Encodable> derivation =
                new ArrayList<>(List.of(new DEROctetString(salt), new ASN1Integer(iterations)));
        if (prf != null) {
            derivation.add(prf);
        }
        return sequence(
                        sequence(
                                oid("1.2.840.113549.1.5.13"),
                                sequence(
                                        sequence(
                                                oid("1.2.840.113549.1.5.12"),
                                                sequence(derivation.toArray(ASN1Encodable[]::new))),
                                        sequence(oid(cipher), new DEROctetString(iv)))),
                        new DEROctetString(new byte[112]))
                .getEncoded(ASN1Encoding.DER);
    }

    private static DERSequence sequence(ASN1Encodable... elements) {
        return new DERSequence(elements);
    }

    private static ASN1ObjectIdentifier oid(String id) {
        return new ASN1ObjectIdentifier(id);
    }

    @Test
    void a_file_under_another_name_is_refused() throws Exception {
        String other = "A".repeat(43);
        Files.move(privateFile(), Directories.privateFile(directory, other));
        assertRefused(Directories.privateFile(directory, other)).hasMessageContaining("another key than its name says");
        Files.move(Directories.privateFile(directory, other), privateFile());

        Files.move(retiredFile(), Directories.retiredFile(directory, other));
        assertRefused(Directories.retiredFile(directory, other)).hasMessageContaining("another key than its name says");
        Files.move(Directories.retiredFile(directory, other), retiredFile());

        Files.move(privateFile(), Directories.retiredFile(directory, first.keyId()));
        assertRefused(Directories.retiredFile(directory, first.keyId()));
    }

    @Test
    void a_key_of_another_purpose_is_refused_by_both_names_even_among_right_ones() throws Exception {
        assertThatThrownBy(() -> PemKeys.openOrCreate(
                        directory, Purpose.CREDENTIALS, PASSPHRASE::toCharArray, CLOCK, ITERATIONS, new KnownRandom()))
                .isInstanceOf(KeysUnavailableException.class)
                .hasMessageContaining("is a key for AUDIT, and keys for CREDENTIALS were asked for");

        Path others = above.resolve("others");
        PemKeys credentials = PemKeys.openOrCreate(
                others, Purpose.CREDENTIALS, PASSPHRASE::toCharArray, CLOCK, ITERATIONS, new KnownRandom());
        String stray = credentials.publicKeys().get(0).keyId();
        for (int i = 0; i < 2; i++) {
            Path from = files(others).get(0);
            Path to = directory.resolve(from.getFileName());
            Files.copy(from, to);
            assertRefused(to).hasMessageContaining("is a key for CREDENTIALS, and keys for AUDIT were asked for");
            Files.delete(to);
            credentials.retire(stray);
        }
    }

    /** Otherwise who can write the directory, but has no passphrase, could have his signatures believed. */
    @Test
    void a_retired_key_that_was_put_there_without_the_passphrase_is_refused() throws Exception {
        var foreign = SigningKey.generate(new KnownRandom()).publicKey();
        Path file = Directories.retiredFile(directory, foreign.keyId());
        try (Passphrase passphrase = Passphrase.from("guessed"::toCharArray)) {
            Files.writeString(
                    file,
                    new RetiredKeyFile(foreign, Purpose.AUDIT, CLOCK.instant())
                            .write(passphrase, ITERATIONS, new KnownRandom()));
        }
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));

        assertRefused(file).hasMessageContaining("another passphrase, or changed");
    }

    @ParameterizedTest
    @ValueSource(strings = {"wrong", "correct hors", "correct horse ", "Correct horse"})
    void another_passphrase_opens_nothing(String passphrase) throws Exception {
        assertThatThrownBy(() -> open(directory, passphrase))
                .isInstanceOf(KeysUnavailableException.class)
                .hasMessageContaining("passphrase")
                .hasNoCause()
                .message()
                .doesNotContain(passphrase);
        Files.delete(privateFile());
        assertThatThrownBy(() -> open(directory, passphrase)).isInstanceOf(KeysUnavailableException.class);
        assertThat(open(directory).publicKeys()).containsExactly(retired);
    }

    // ---- who may touch them

    @ParameterizedTest
    @ValueSource(strings = {"rw----r--", "rw-----w-", "rw------x", "rw-r-----", "rw--w----", "rw---x---"})
    void a_file_that_others_may_read_or_change_is_refused(String permissions) throws Exception {
        for (Path file : List.of(privateFile(), retiredFile())) {
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(permissions));
            assertRefused(file).hasMessageEndingWith("run: chmod 600 " + file);
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
            assertThat(open(directory).publicKeys()).hasSize(2);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"rwx---r--", "rwx----w-", "rwx-----x", "rwxr-----", "rwx-w----", "rwx--x---"})
    void a_directory_that_others_may_read_or_change_is_refused(String permissions) throws Exception {
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString(permissions));

        assertRefused(directory).hasMessageEndingWith("run: chmod 700 " + directory);
    }

    @Test
    void links_are_refused() throws Exception {
        Path elsewhere = above.resolve("elsewhere");
        Files.move(privateFile(), elsewhere);
        Files.createSymbolicLink(privateFile(), elsewhere);
        assertRefused(privateFile()).hasMessageContaining("link");
        Files.delete(privateFile());
        Files.move(elsewhere, privateFile());

        Path link = above.resolve("link");
        Files.createSymbolicLink(link, directory);
        assertThatThrownBy(() -> open(link))
                .isInstanceOf(KeysUnavailableException.class)
                .hasMessageContaining(link + " is no directory, or a link to one");
        Files.delete(link);
        Files.createSymbolicLink(link, above.resolve("nowhere"));
        assertThatThrownBy(() -> open(link)).isInstanceOf(KeysUnavailableException.class);
        assertThat(above.resolve("nowhere")).doesNotExist();
    }

    // ---- what else can be there

    @ParameterizedTest
    @ValueSource(strings = {"README", ".hidden", "old.pem", "key.pem.bak", "x.tmp", "A.pub.pem"})
    void a_file_that_is_none_of_ours_is_refused_since_it_may_be_a_key_that_was_renamed(String name) throws Exception {
        Path file = Files.createFile(
                directory.resolve(name),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));

        assertRefused(file).hasMessageContaining("is no file of a key set");
        assertThat(file).exists();
    }

    @Test
    void a_directory_in_it_is_refused() throws Exception {
        Path inner = Files.createDirectory(Directories.privateFile(directory, "A".repeat(43)));

        assertRefused(inner).hasMessageContaining("is no file");
    }

    @Test
    void an_empty_directory_is_refused_since_its_keys_may_be_elsewhere() throws Exception {
        Files.delete(privateFile());
        Files.delete(retiredFile());

        assertRefused(directory).hasMessageContaining("no keys").hasMessageContaining("remove the directory to begin");
        assertThat(files(directory)).isEmpty();
    }

    @Test
    void a_file_in_its_place_or_nothing_above_it_is_refused() throws Exception {
        Path file = Files.createFile(above.resolve("file"));
        assertThatThrownBy(() -> open(file))
                .isInstanceOf(KeysUnavailableException.class)
                .hasMessageContaining("is no directory");

        Path deep = above.resolve("missing").resolve("keys");
        assertThatThrownBy(() -> open(deep))
                .isInstanceOf(KeysUnavailableException.class)
                .hasMessageContaining("no directory above it");
        assertThat(above.resolve("missing")).doesNotExist();
    }

    // ---- crashes

    @Test
    void a_file_that_was_being_written_when_the_process_died_is_cleared_away() throws Exception {
        for (Path file : List.of(privateFile(), retiredFile(), directory.resolve("A".repeat(43) + ".pem"))) {
            Path cut = Files.createFile(
                    Path.of(file + ".tmp"),
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            Files.writeString(cut, "-----BEGIN");
        }

        assertThat(open(directory).publicKeys()).isEqualTo(store.publicKeys());
        assertThat(files(directory)).containsExactlyInAnyOrder(privateFile(), retiredFile());
    }

    @Test
    void nothing_is_cleared_away_while_a_key_cannot_be_read() throws Exception {
        Path cut = Path.of(privateFile() + ".tmp");
        Files.copy(privateFile(), cut);
        Files.writeString(retiredFile(), "");

        assertRefused(retiredFile());
        assertThat(cut).exists();
    }

    @Test
    void a_key_with_both_files_is_retired_and_its_private_half_goes() throws Exception {
        byte[] before = Files.readAllBytes(privateFile());
        store.retire(first.keyId());
        Files.write(privateFile(), before);
        Files.setPosixFilePermissions(privateFile(), PosixFilePermissions.fromString("rw-------"));

        PemKeys again = open(directory);

        assertThat(again.publicKeys()).hasSize(2).allMatch(PublishedKey::retired);
        assertThatIllegalArgumentException().isThrownBy(() -> again.sign(first.keyId(), new byte[0]));
        assertThat(privateFile()).doesNotExist();
    }

    @Test
    void a_directory_that_was_being_made_when_the_process_died_disturbs_nobody() throws Exception {
        Path made = above.resolve("new");
        Files.createDirectory(above.resolve("new.tmp123"));

        PublishedKey key = open(made).publicKeys().get(0);

        assertThat(open(made).publicKeys()).containsExactly(key);
    }

    // ---- a disk that refuses

    @Test
    void a_key_that_cannot_be_retired_on_disk_goes_on_and_one_whose_private_half_cannot_go_does_not() throws Exception {
        Path inTheWay = Directories.retiredFile(directory, first.keyId());
        Files.createDirectories(inTheWay.resolve("full"));
        assertThatThrownBy(() -> store.retire(first.keyId()))
                .isInstanceOf(KeysUnavailableException.class)
                .hasMessageContaining(inTheWay + " cannot be written");
        assertThat(store.publicKeys()).contains(first);
        assertThat(store.sign(first.keyId(), new byte[0])).hasSize(64);
        Files.delete(inTheWay.resolve("full"));
        Files.delete(inTheWay);

        byte[] before = Files.readAllBytes(privateFile());
        Files.delete(privateFile());
        Files.createDirectories(privateFile().resolve("full"));
        assertThatThrownBy(() -> store.retire(first.keyId()))
                .isInstanceOf(KeysUnavailableException.class)
                .hasMessageContaining(privateFile() + " cannot be deleted");
        assertThat(store.publicKeys()).allMatch(PublishedKey::retired);
        assertThatIllegalArgumentException().isThrownBy(() -> store.sign(first.keyId(), new byte[0]));
        Files.delete(privateFile().resolve("full"));
        Files.delete(privateFile());
        Files.write(privateFile(), before);

        store.retire(first.keyId());
        assertThat(privateFile()).doesNotExist();
        assertThat(open(directory).publicKeys()).isEqualTo(store.publicKeys());
    }

    @Test
    void a_key_that_cannot_be_destroyed_stays_until_it_can() throws Exception {
        Path inTheWay = Directories.retiredFile(directory, first.keyId());
        Files.createDirectories(inTheWay.resolve("full"));
        assertThatThrownBy(() -> store.destroy(first.keyId())).isInstanceOf(KeysUnavailableException.class);
        assertThat(store.publicKeys()).contains(first);
        assertThat(privateFile()).as("the private half goes first").doesNotExist();
        Files.delete(inTheWay.resolve("full"));
        Files.delete(inTheWay);

        store.destroy(first.keyId());

        assertThat(store.publicKeys()).containsExactly(retired);
        assertThat(open(directory).publicKeys()).containsExactly(retired);
    }

    @Test
    void a_key_that_cannot_be_stored_is_not_made() throws Exception {
        Path away = above.resolve("away");
        Files.move(directory, away);

        assertThatThrownBy(() -> store.generate())
                .isInstanceOf(KeysUnavailableException.class)
                .hasMessageContaining("cannot be written");

        assertThat(store.publicKeys()).containsExactly(first, retired);
        assertThat(files(away)).hasSize(2);
        Files.move(away, directory);
        PublishedKey made = store.generate();
        assertThat(open(directory).publicKeys()).contains(made);
    }
}
