package io.agentlifecycle.credentials.keys;

import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.EncryptedPrivateKeyInfo;
import org.bouncycastle.asn1.pkcs.EncryptionScheme;
import org.bouncycastle.asn1.pkcs.KeyDerivationFunc;
import org.bouncycastle.asn1.pkcs.PBES2Parameters;
import org.bouncycastle.asn1.pkcs.PBKDF2Params;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;

/** How one private key is encrypted: PBES2 of PBKDF2-HMAC-SHA256 and AES-256-CBC (RFC 8018), nothing else. */
record Pbes2(byte[] salt, int iterations, byte[] iv) {
    static final int MAX_ITERATIONS = 10_000_000;

    private static final int BLOCK_BYTES = 16;
    private static final AlgorithmIdentifier HMAC_SHA256 =
            new AlgorithmIdentifier(PKCSObjectIdentifiers.id_hmacWithSHA256, DERNull.INSTANCE);

    /** With that salt and an initialization vector of its own. */
    static Pbes2 fresh(byte[] salt, int iterations, SecureRandom random) {
        byte[] iv = new byte[BLOCK_BYTES];
        random.nextBytes(iv);
        return new Pbes2(salt, iterations, iv);
    }

    /**
     * Reads it loosely: the caller builds the whole anew and compares, so that only what {@link #algorithm} writes is
     * read.
     *
     * @throws RuntimeException if it is anything else
     */
    static Pbes2 read(AlgorithmIdentifier algorithm) {
        var parameters = PBES2Parameters.getInstance(algorithm.getParameters());
        var derivation =
                PBKDF2Params.getInstance(parameters.getKeyDerivationFunc().getParameters());
        byte[] iv = ASN1OctetString.getInstance(parameters.getEncryptionScheme().getParameters())
                .getOctets();
        return new Pbes2(derivation.getSalt(), derivation.getIterationCount().intValueExact(), iv);
    }

    /** Whether nothing in it is shorter than what is written here, and nobody is kept waiting for ever. */
    boolean isWithin(int minIterations) {
        return salt.length == Passphrase.SALT_BYTES
                && iv.length == BLOCK_BYTES
                && iterations >= minIterations
                && iterations <= MAX_ITERATIONS;
    }

    AlgorithmIdentifier algorithm() {
        var derivation =
                new KeyDerivationFunc(PKCSObjectIdentifiers.id_PBKDF2, new PBKDF2Params(salt, iterations, HMAC_SHA256));
        var encryption = new EncryptionScheme(NISTObjectIdentifiers.id_aes256_CBC, new DEROctetString(iv));
        return new AlgorithmIdentifier(PKCSObjectIdentifiers.id_PBES2, new PBES2Parameters(derivation, encryption));
    }

    /** The plain structure, encrypted with what the passphrase gave. */
    EncryptedPrivateKeyInfo encrypt(byte[] derived, byte[] plain) {
        try {
            return new EncryptedPrivateKeyInfo(algorithm(), aes(Cipher.ENCRYPT_MODE, derived, plain));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this Java platform has no AES-256-CBC", e);
        }
    }

    /**
     * The plain structure, which the caller wipes.
     *
     * @throws GeneralSecurityException if its padding is wrong
     */
    byte[] decrypt(byte[] derived, byte[] ciphertext) throws GeneralSecurityException {
        return aes(Cipher.DECRYPT_MODE, derived, ciphertext);
    }

    private byte[] aes(int mode, byte[] derived, byte[] input) throws GeneralSecurityException {
        Cipher cipher = Cipher.getInstance("AES/CBC/PKCS5Padding");
        cipher.init(mode, new SecretKeySpec(derived, "AES"), new IvParameterSpec(iv));
        return cipher.doFinal(input);
    }
}
