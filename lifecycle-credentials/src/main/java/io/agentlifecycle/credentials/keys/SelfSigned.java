package io.agentlifecycle.credentials.keys;

import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import java.io.IOException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Date;
import java.util.Locale;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1GeneralizedTime;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1Object;
import org.bouncycastle.asn1.DERBitString;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.Certificate;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.asn1.x509.TBSCertificate;
import org.bouncycastle.asn1.x509.Time;
import org.bouncycastle.asn1.x509.Validity;

/**
 * The certificate that a key has in a PKCS#12 file, where every key needs one. It signs for itself, so it proves nothing of
 * who has it; it says what the key is for and when it was made, in the subject, and it never ends.
 */
record SelfSigned(Ed25519PublicKey key, Purpose purpose, Instant createdAt, byte[] der) {
    private static final AlgorithmIdentifier ED25519 = new AlgorithmIdentifier(PrivateKeyFile.ED25519);

    /** What RFC 5280 has for a certificate that does not end. */
    private static final Time NEVER = new Time(new ASN1GeneralizedTime("99991231235959Z"));

    static SelfSigned of(SigningKey key, Purpose purpose, Instant createdAt) {
        TBSCertificate signed = signedPart(key.publicKey(), purpose, createdAt);
        byte[] signature = key.sign(encoded(signed));
        byte[] der = encoded(new Certificate(signed, ED25519, new DERBitString(signature)));
        return new SelfSigned(key.publicKey(), purpose, createdAt, der);
    }

    /**
     * Reads what {@link #of} made.
     *
     * @throws IllegalArgumentException if it is anything else, or not signed by its own key
     */
    static SelfSigned read(byte[] der) {
        try {
            var certificate = Certificate.getInstance(der);
            var key = Ed25519PublicKey.of(
                    certificate.getSubjectPublicKeyInfo().getPublicKeyData().getOctets());
            String[] description = certificate
                    .getSubject()
                    .getRDNs(PrivateKeyFile.DESCRIPTION)[0]
                    .getFirst()
                    .getValue()
                    .toString()
                    .split(" ", 2);
            Purpose purpose = Purpose.valueOf(description[0]);
            Instant createdAt = Instant.parse(description[1]);
            TBSCertificate expected = signedPart(key, purpose, createdAt);
            byte[] signature = certificate.getSignature().getOctets();
            byte[] again = encoded(new Certificate(expected, ED25519, new DERBitString(signature)));
            if (Arrays.equals(again, der) && key.verify(encoded(expected), signature)) {
                return new SelfSigned(key, purpose, createdAt, der);
            }
        } catch (RuntimeException e) {
            // falls through to the one answer for every way to be wrong
        }
        throw new IllegalArgumentException("not the certificate of a key set");
    }

    private static TBSCertificate signedPart(Ed25519PublicKey key, Purpose purpose, Instant createdAt) {
        X500Name name = new X500NameBuilder()
                .addRDN(BCStyle.CN, key.keyId())
                .addRDN(PrivateKeyFile.DESCRIPTION, purpose + " " + createdAt)
                .build();
        var from = new Time(Date.from(createdAt.truncatedTo(ChronoUnit.SECONDS)), Locale.ROOT);
        try {
            var usage = new Extension(
                    Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature).getEncoded(ASN1Encoding.DER));
            return new TBSCertificate(
                    new ASN1Integer(2), // version 3
                    new ASN1Integer(1),
                    ED25519,
                    name,
                    new Validity(from, NEVER),
                    name,
                    new SubjectPublicKeyInfo(ED25519, key.bytes()),
                    null,
                    null,
                    new Extensions(usage));
        } catch (IOException e) {
            throw new AssertionError("writing to memory cannot fail", e);
        }
    }

    private static byte[] encoded(ASN1Object structure) {
        try {
            return structure.getEncoded(ASN1Encoding.DER);
        } catch (IOException e) {
            throw new AssertionError("writing to memory cannot fail", e);
        }
    }
}
