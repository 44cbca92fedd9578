package io.agentlifecycle.credentials.keys;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.agentlifecycle.core.error.KeysUnavailableException;
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1Object;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.ASN1Sequence;
import org.bouncycastle.asn1.ASN1Set;
import org.bouncycastle.asn1.DERBMPString;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.DERSet;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.Attribute;
import org.bouncycastle.asn1.pkcs.CertBag;
import org.bouncycastle.asn1.pkcs.ContentInfo;
import org.bouncycastle.asn1.pkcs.EncryptedPrivateKeyInfo;
import org.bouncycastle.asn1.pkcs.MacData;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.Pfx;
import org.bouncycastle.asn1.pkcs.SafeBag;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.DigestInfo;

/**
 * What stands in a PKCS#12 file (RFC 7292): for each key its certificate, and before that its private half, encrypted as in
 * {@link PrivateKeyFile}, unless it is retired; around all of it an HMAC under the passphrase.
 *
 * <p>The HMAC is looked at before anything inside it is. What was read is then built anew and must come out the same, to
 * the byte.
 */
record Pkcs12File(List<Entry> entries) {
    private static final AlgorithmIdentifier SHA256 =
            new AlgorithmIdentifier(NISTObjectIdentifiers.id_sha256, DERNull.INSTANCE);

    /** A round of PBKDF2-HMAC-SHA256 takes two of SHA-256, so that guessing is as dear here as there. */
    private static final int ROUNDS_FOR_EACH_ITERATION = 2;

    /**
     * One key.
     *
     * @param signing its private half; empty once it is retired
     */
    record Entry(SelfSigned certificate, Optional<SigningKey> signing) {}

    /** How the private keys are encrypted: one salt for all, so that there is one derivation, and a vector for each. */
    private record Encryption(byte[] derived, List<Pbes2> each) {}

    Pkcs12File {
        entries = List.copyOf(entries);
    }

    /** The bytes of the file, with salts and initialization vectors of its own. */
    byte[] write(Passphrase passphrase, int iterations, SecureRandom random) {
        byte[] salt = new byte[Passphrase.SALT_BYTES];
        byte[] macSalt = new byte[Passphrase.SALT_BYTES];
        random.nextBytes(salt);
        random.nextBytes(macSalt);
        List<Pbes2> each = entries.stream()
                .filter(entry -> entry.signing().isPresent())
                .map(entry -> Pbes2.fresh(salt, iterations, random))
                .toList();
        byte[] derived = passphrase.derive(salt, iterations);
        try {
            return new Sealed(
                            content(new Encryption(derived, each)),
                            macSalt,
                            iterations * ROUNDS_FOR_EACH_ITERATION,
                            new byte[0])
                    .withMac(passphrase)
                    .toDer();
        } finally {
            Arrays.fill(derived, (byte) 0);
        }
    }

    /**
     * Reads what {@link #write} wrote.
     *
     * @param file named in messages
     * @throws KeysUnavailableException if it is anything else, or the passphrase is another one
     */
    static Pkcs12File read(Path file, byte[] bytes, Passphrase passphrase, int minIterations) {
        Sealed sealed = Sealed.read(file, bytes, minIterations);
        if (!MessageDigest.isEqual(sealed.withMac(passphrase).mac(), sealed.mac())) {
            throw new KeysUnavailableException(
                    file.toString(),
                    "was written with another passphrase, or changed",
                    "give the passphrase of then, or restore the file from a backup",
                    null);
        }
        byte[] derived = new byte[0];
        try {
            List<SafeBag> bags = bags(sealed.content());
            List<Pbes2> each = pbes2s(bags);
            if (each.stream().allMatch(pbes2 -> pbes2.isWithin(minIterations))) {
                derived = each.isEmpty()
                        ? derived
                        : passphrase.derive(each.get(0).salt(), each.get(0).iterations());
                var read = new Pkcs12File(entries(bags, derived));
                if (Arrays.equals(read.content(new Encryption(derived, each)), sealed.content())) {
                    return read;
                }
            }
        } catch (GeneralSecurityException | RuntimeException e) {
            // falls through to the one message, without what could be about decrypted bytes
        } finally {
            Arrays.fill(derived, (byte) 0);
        }
        throw notOurs(file);
    }

    private static KeysUnavailableException notOurs(Path file) {
        return new KeysUnavailableException(
                file.toString(), "is not a PKCS#12 file as a key set writes it", "restore it from a backup", null);
    }

    // ---- the content

    private byte[] content(Encryption encryption) {
        List<ASN1Encodable> bags = new ArrayList<>();
        int next = 0;
        for (Entry entry : entries) {
            ASN1Set attributes = attributes(entry.certificate().key().keyId());
            if (entry.signing().isPresent()) {
                var file = new PrivateKeyFile(
                        entry.signing().get(),
                        entry.certificate().purpose(),
                        entry.certificate().createdAt());
                byte[] plain = file.plain();
                EncryptedPrivateKeyInfo encrypted =
                        encryption.each().get(next++).encrypt(encryption.derived(), plain);
                Arrays.fill(plain, (byte) 0);
                bags.add(new SafeBag(PKCSObjectIdentifiers.pkcs8ShroudedKeyBag, encrypted, attributes));
            }
            var certificate = new CertBag(
                    PKCSObjectIdentifiers.x509Certificate,
                    new DEROctetString(entry.certificate().der()));
            bags.add(new SafeBag(PKCSObjectIdentifiers.certBag, certificate, attributes));
        }
        var safe = new DERSequence(bags.toArray(ASN1Encodable[]::new));
        return encoded(new DERSequence(data(encoded(safe))));
    }

    /** What other software shows as the name of a key, and finds its certificate by. */
    private static ASN1Set attributes(String keyId) {
        return new DERSet(new ASN1Encodable[] {
            new Attribute(PKCSObjectIdentifiers.pkcs_9_at_friendlyName, new DERSet(new DERBMPString(keyId))),
            new Attribute(
                    PKCSObjectIdentifiers.pkcs_9_at_localKeyId,
                    new DERSet(new DEROctetString(keyId.getBytes(US_ASCII))))
        });
    }

    private static List<SafeBag> bags(byte[] content) {
        var safes = ASN1Sequence.getInstance(content);
        var safe = ASN1Sequence.getInstance(octets(ContentInfo.getInstance(safes.getObjectAt(0))));
        List<SafeBag> bags = new ArrayList<>();
        safe.forEach(bag -> bags.add(SafeBag.getInstance(bag)));
        return bags;
    }

    private static boolean isKey(SafeBag bag) {
        return bag.getBagId().equals(PKCSObjectIdentifiers.pkcs8ShroudedKeyBag);
    }

    private static List<Pbes2> pbes2s(List<SafeBag> bags) {
        return bags.stream()
                .filter(Pkcs12File::isKey)
                .map(bag -> Pbes2.read(
                        EncryptedPrivateKeyInfo.getInstance(bag.getBagValue()).getEncryptionAlgorithm()))
                .toList();
    }

    /** What a private half says of itself is compared with its certificate when both are built anew. */
    private static List<Entry> entries(List<SafeBag> bags, byte[] derived) throws GeneralSecurityException {
        List<Entry> entries = new ArrayList<>();
        Optional<SigningKey> signing = Optional.empty();
        for (SafeBag bag : bags) {
            if (isKey(bag)) {
                var encrypted = EncryptedPrivateKeyInfo.getInstance(bag.getBagValue());
                byte[] plain =
                        Pbes2.read(encrypted.getEncryptionAlgorithm()).decrypt(derived, encrypted.getEncryptedData());
                try {
                    signing = Optional.of(PrivateKeyFile.ofPlain(plain).key());
                } finally {
                    Arrays.fill(plain, (byte) 0);
                }
            } else {
                var certificate = SelfSigned.read(ASN1OctetString.getInstance(
                                CertBag.getInstance(bag.getBagValue()).getCertValue())
                        .getOctets());
                if (signing.isPresent() && !signing.get().publicKey().equals(certificate.key())) {
                    throw new IllegalArgumentException("a private half beside the certificate of another key");
                }
                entries.add(new Entry(certificate, signing));
                signing = Optional.empty();
            }
        }
        return entries;
    }

    private static ContentInfo data(byte[] content) {
        return new ContentInfo(PKCSObjectIdentifiers.data, new DEROctetString(content));
    }

    private static byte[] octets(ContentInfo info) {
        return ASN1OctetString.getInstance(info.getContent()).getOctets();
    }

    private static byte[] encoded(ASN1Object structure) {
        try {
            return structure.getEncoded(ASN1Encoding.DER);
        } catch (IOException e) {
            throw new AssertionError("writing to memory cannot fail", e);
        }
    }

    // ---- around it

    /** What can be read without the passphrase. */
    private record Sealed(byte[] content, byte[] salt, int iterations, byte[] mac) {
        Sealed withMac(Passphrase passphrase) {
            byte[] derived = passphrase.deriveForPkcs12(salt, iterations);
            try {
                Mac hmac = Mac.getInstance("HmacSHA256");
                hmac.init(new SecretKeySpec(derived, "HmacSHA256"));
                return new Sealed(content, salt, iterations, hmac.doFinal(content));
            } catch (GeneralSecurityException e) {
                throw new AssertionError("every Java platform has HMAC-SHA-256", e);
            } finally {
                Arrays.fill(derived, (byte) 0);
            }
        }

        byte[] toDer() {
            return encoded(new Pfx(data(content), new MacData(new DigestInfo(SHA256, mac), salt, iterations)));
        }

        /** Reads loosely and then compares with what would have been written: so only that is read. */
        static Sealed read(Path file, byte[] bytes, int minIterations) {
            try {
                var pfx = Pfx.getInstance(bytes);
                MacData mac = pfx.getMacData();
                var sealed = new Sealed(
                        octets(pfx.getAuthSafe()),
                        mac.getSalt(),
                        mac.getIterationCount().intValueExact(),
                        mac.getMac().getDigest());
                if (Arrays.equals(sealed.toDer(), bytes)
                        && sealed.salt.length == Passphrase.SALT_BYTES
                        && sealed.iterations >= ROUNDS_FOR_EACH_ITERATION * minIterations
                        && sealed.iterations <= ROUNDS_FOR_EACH_ITERATION * Pbes2.MAX_ITERATIONS) {
                    return sealed;
                }
            } catch (RuntimeException e) {
                // falls through to the one message for every way to be wrong
            }
            throw notOurs(file);
        }
    }
}
