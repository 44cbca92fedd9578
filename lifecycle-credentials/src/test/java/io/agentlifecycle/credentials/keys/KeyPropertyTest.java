package io.agentlifecycle.credentials.keys;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import javax.crypto.Cipher;
import javax.crypto.EncryptedPrivateKeyInfo;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.AlphaChars;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.NotEmpty;
import net.jqwik.api.constraints.Size;

class KeyPropertyTest {
    private static final Path FILE = Path.of("file");
    private static final int ITERATIONS = 10;

    @Property(tries = 200)
    void we_and_the_jdk_sign_and_verify_alike(@ForAll @Size(32) byte[] seed, @ForAll @Size(max = 300) byte[] message)
            throws Exception {
        SigningKey key = SigningKey.ofSeed(seed);
        byte[] signature = key.sign(message);

        assertThat(signature).isEqualTo(Jdk.sign(seed, message));
        assertThat(signature).isEqualTo(Curve.signature(seed, message, Curve.NEUTRAL));
        assertThat(Jdk.verifies(key.publicKey(), message, signature)).isTrue();
        assertThat(key.publicKey().verify(message, signature)).isTrue();
    }

    /** What is no point of prime order by the textbook is no key, and the other way round. */
    @Property(tries = 200)
    void a_key_is_what_the_textbook_takes(@ForAll @Size(32) byte[] bytes) {
        if (Curve.isKey(bytes)) {
            assertThat(Ed25519PublicKey.of(bytes).bytes()).isEqualTo(bytes);
        } else {
            assertThatIllegalArgumentException().isThrownBy(() -> Ed25519PublicKey.of(bytes));
        }
    }

    @Property(tries = 200)
    void a_did_key_leads_back_to_its_key(@ForAll @Size(32) byte[] seed) {
        Ed25519PublicKey key = SigningKey.ofSeed(seed).publicKey();

        assertThat(key.didKey()).matches("did:key:z6Mk[1-9A-HJ-NP-Za-km-z]{44}");
        assertThat(Ed25519PublicKey.ofDidKey(key.didKey())).isEqualTo(key);
    }

    @Property
    void base58_leads_back_and_every_text_stands_for_other_bytes(
            @ForAll @Size(max = 40) byte[] bytes, @ForAll @IntRange(max = 5) int zeros) {
        byte[] all = new byte[zeros + bytes.length];
        System.arraycopy(bytes, 0, all, zeros, bytes.length);

        assertThat(Base58.decode(Base58.encode(all))).isEqualTo(all);
        assertThat(Base58.decode("1" + Base58.encode(all))).isNotEqualTo(all).hasSize(all.length + 1);
    }

    @Property(tries = 300)
    void what_was_written_under_a_passphrase_is_read_under_it(
            @ForAll @Size(32) byte[] seed,
            @ForAll Purpose purpose,
            @ForAll Instant createdAt,
            @ForAll @NotEmpty String text) {
        String passphrase = text.replace('\0', ' ');
        SigningKey key = SigningKey.ofSeed(seed);
        try (Passphrase given = Passphrase.from(passphrase::toCharArray)) {
            String file = new PrivateKeyFile(key, purpose, createdAt).encrypt(given, ITERATIONS, new KnownRandom());
            PrivateKeyFile read = PrivateKeyFile.decrypt(FILE, file, given, ITERATIONS);
            assertThat(read.key().publicKey()).isEqualTo(key.publicKey());
            assertThat(read.key().secretSeedForItsFile()).isEqualTo(seed);
            assertThat(read.purpose()).isEqualTo(purpose);
            assertThat(read.createdAt()).isEqualTo(createdAt);
            assertThat(file).hasSizeLessThan(KeyDirectory.MAX_BYTES);

            var retired = new RetiredKeyFile(key.publicKey(), purpose, createdAt);
            String publicFile = retired.write(given, ITERATIONS, new KnownRandom());
            assertThat(RetiredKeyFile.read(FILE, publicFile, given, ITERATIONS)).isEqualTo(retired);
        }
    }

    /** The JDK decrypts the file by itself, and signs with what it finds in it. It takes ASCII passphrases only. */
    @Property(tries = 50)
    void the_jdk_reads_the_file_and_signs_alike(
            @ForAll @Size(32) byte[] seed, @ForAll @AlphaChars @NotEmpty String passphrase) throws Exception {
        SigningKey key = SigningKey.ofSeed(seed);
        String file;
        try (Passphrase given = Passphrase.from(passphrase::toCharArray)) {
            file = new PrivateKeyFile(key, Purpose.AUDIT, Instant.EPOCH).encrypt(given, ITERATIONS, new KnownRandom());
        }
        var encrypted = new EncryptedPrivateKeyInfo(Pem.read("ENCRYPTED PRIVATE KEY", file));
        Cipher cipher = Cipher.getInstance(encrypted.getAlgParameters().toString());
        cipher.init(
                Cipher.DECRYPT_MODE,
                SecretKeyFactory.getInstance("PBEWithHmacSHA256AndAES_256")
                        .generateSecret(new PBEKeySpec(passphrase.toCharArray())),
                encrypted.getAlgParameters());
        // not getKeySpec(cipher): that knows no attributes
        var plain = new PKCS8EncodedKeySpec(cipher.doFinal(encrypted.getEncryptedData()));
        PrivateKey theirs = KeyFactory.getInstance("Ed25519").generatePrivate(plain);

        assertThat(Jdk.sign(theirs, seed)).isEqualTo(key.sign(seed));
    }
}
