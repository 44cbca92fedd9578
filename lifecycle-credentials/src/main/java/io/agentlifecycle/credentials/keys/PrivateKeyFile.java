package io.agentlifecycle.credentials.keys;

import io.agentlifecycle.core.error.KeysUnavailableException;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.Arrays;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.ASN1UTF8String;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.DERSet;
import org.bouncycastle.asn1.DERUTF8String;
import org.bouncycastle.asn1.pkcs.Attribute;
import org.bouncycastle.asn1.pkcs.EncryptedPrivateKeyInfo;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;

/**
 * What stands in the file of a key that signs: PKCS#8, encrypted with PBES2 (PBKDF2-HMAC-SHA256 and AES-256-CBC), in PEM.
 *
 * <p>CBC shows no change by itself. What shows it is that the text, and the plain structure inside it, are built anew from
 * the values that were read and must come out the same, and that the seed must give the key id in the file's name. A
 * change of the ciphertext turns at least one whole block of the plain structure into noise, and there is no block in
 * which noise would pass.
 */
record PrivateKeyFile(SigningKey key, Purpose purpose, Instant createdAt) {
    private static final String PEM_LABEL = "ENCRYPTED PRIVATE KEY";
    static final ASN1ObjectIdentifier ED25519 = new ASN1ObjectIdentifier("1.3.101.112");

    /** The attribute "description" of X.520: in it, purpose and time are encrypted with the key, and openssl skips it. */
    static final ASN1ObjectIdentifier DESCRIPTION = new ASN1ObjectIdentifier("2.5.4.13");

    /** The text of the file, with a salt and an initialization vector of its own. */
    String encrypt(Passphrase passphrase, int iterations, SecureRandom random) {
        byte[] salt = new byte[Passphrase.SALT_BYTES];
        random.nextBytes(salt);
        var pbes2 = Pbes2.fresh(salt, iterations, random);
        byte[] plain = plain();
        byte[] derived = passphrase.derive(salt, iterations);
        try {
            return toPem(pbes2.encrypt(derived, plain));
        } finally {
            Arrays.fill(plain, (byte) 0);
            Arrays.fill(derived, (byte) 0);
        }
    }

    /**
     * Reads what {@link #encrypt} wrote.
     *
     * @param file named in messages
     * @throws KeysUnavailableException if it is anything else, or the passphrase is another one
     */
    static PrivateKeyFile decrypt(Path file, String text, Passphrase passphrase, int minIterations) {
        Envelope envelope = Envelope.read(file, text, minIterations);
        byte[] derived =
                passphrase.derive(envelope.pbes2().salt(), envelope.pbes2().iterations());
        byte[] plain = new byte[0];
        try {
            plain = envelope.pbes2().decrypt(derived, envelope.ciphertext());
            return ofPlain(plain);
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            // no cause: what it says could be about decrypted bytes
            throw new KeysUnavailableException(
                    file.toString(),
                    "cannot be decrypted: it was written with another passphrase, or changed",
                    "give the passphrase of then, or restore the file from a backup",
                    null);
        } finally {
            Arrays.fill(plain, (byte) 0);
            Arrays.fill(derived, (byte) 0);
        }
    }

    private static String toPem(EncryptedPrivateKeyInfo info) {
        try {
            return Pem.write(PEM_LABEL, info.getEncoded(ASN1Encoding.DER));
        } catch (IOException e) {
            throw new AssertionError("writing to memory cannot fail", e);
        }
    }

    /** The PKCS#8 structure; the caller wipes it. */
    byte[] plain() {
        byte[] seed = key.secretSeedForItsFile();
        try {
            var description = new DERUTF8String(purpose + " " + createdAt);
            var attributes = new DERSet(new Attribute(DESCRIPTION, new DERSet(description)));
            return new PrivateKeyInfo(new AlgorithmIdentifier(ED25519), new DEROctetString(seed), attributes)
                    .getEncoded(ASN1Encoding.DER);
        } catch (IOException e) {
            throw new AssertionError("writing to memory cannot fail", e);
        } finally {
            Arrays.fill(seed, (byte) 0);
        }
    }

    /**
     * Reads what {@link #plain} wrote.
     *
     * @throws IllegalArgumentException if it is anything else
     */
    static PrivateKeyFile ofPlain(byte[] plain) {
        byte[] seed = new byte[0];
        byte[] again = new byte[0];
        try {
            var info = PrivateKeyInfo.getInstance(plain);
            seed = ASN1OctetString.getInstance(info.parsePrivateKey()).getOctets();
            var attribute = Attribute.getInstance(info.getAttributes().getObjectAt(0));
            String[] description = ASN1UTF8String.getInstance(
                            attribute.getAttrValues().getObjectAt(0))
                    .getString()
                    .split(" ", 2);
            var file = new PrivateKeyFile(
                    SigningKey.ofSeed(seed), Purpose.valueOf(description[0]), Instant.parse(description[1]));
            again = file.plain();
            if (Arrays.equals(plain, again)) {
                return file;
            }
        } catch (IOException | RuntimeException e) {
            // falls through to the one answer for every way to be wrong
        } finally {
            Arrays.fill(seed, (byte) 0);
            Arrays.fill(again, (byte) 0);
        }
        throw new IllegalArgumentException("not the private key of a key set");
    }

    /** What can be read without the passphrase. */
    private record Envelope(Pbes2 pbes2, byte[] ciphertext) {
        /** Reads loosely and then compares with what would have been written: so only that is read. */
        static Envelope read(Path file, String text, int minIterations) {
            try {
                var info = EncryptedPrivateKeyInfo.getInstance(Pem.read(PEM_LABEL, text));
                Pbes2 pbes2 = Pbes2.read(info.getEncryptionAlgorithm());
                byte[] ciphertext = info.getEncryptedData();
                if (toPem(new EncryptedPrivateKeyInfo(pbes2.algorithm(), ciphertext))
                                .equals(text)
                        && pbes2.isWithin(minIterations)) {
                    return new Envelope(pbes2, ciphertext);
                }
            } catch (RuntimeException e) {
                // falls through to the one message for every way to be wrong
            }
            throw new KeysUnavailableException(
                    file.toString(),
                    "is not a private key as a key set writes it: PBES2 of PBKDF2-HMAC-SHA256 with %d to %d iterations and AES-256-CBC, in PEM"
                            .formatted(minIterations, Pbes2.MAX_ITERATIONS),
                    "restore it from a backup",
                    null);
        }
    }
}
