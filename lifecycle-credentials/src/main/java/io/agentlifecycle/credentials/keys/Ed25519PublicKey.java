package io.agentlifecycle.credentials.keys;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.audit.PublicJwk;
import java.util.Arrays;
import java.util.HexFormat;
import org.bouncycastle.math.ec.rfc8032.Ed25519;
import org.bouncycastle.math.ec.rfc8032.Ed25519.PublicPoint;

/**
 * The public half of an Ed25519 key, known to be a good one: of the points of the curve only those of prime order have a
 * private half that somebody can know, and others would let anyone sign. Verification is strict, see {@link #verify}.
 *
 * <p>Immutable, and safe for use by many threads.
 */
public final class Ed25519PublicKey {
    private static final int BYTES = Ed25519.PUBLIC_KEY_SIZE;
    private static final String DID_KEY = "did:key:z";
    private static final int DID_KEY_LENGTH = 56;
    private static final String PEM_LABEL = "PUBLIC KEY";

    /** The multicodec number 0xed of Ed25519 public keys, as a varint. */
    private static final byte[] MULTICODEC = HexFormat.of().parseHex("ed01");

    /** What precedes the key in a SubjectPublicKeyInfo (RFC 8410): it is the same for every key. */
    private static final byte[] SPKI = HexFormat.of().parseHex("302a300506032b6570032100");

    private final byte[] bytes;
    private final PublicPoint point;
    private final PublicJwk jwk;
    private final String keyId;

    private Ed25519PublicKey(byte[] bytes) {
        if (bytes.length != BYTES) {
            throw new IllegalArgumentException("an Ed25519 public key has 32 bytes, not " + bytes.length);
        }
        this.bytes = bytes;
        PublicPoint good = Ed25519.validatePublicKeyFullExport(bytes, 0);
        if (good == null) {
            throw new IllegalArgumentException(
                    "an Ed25519 public key must be a point of prime order in its one encoding, but was "
                            + HexFormat.of().formatHex(bytes));
        }
        this.point = good;
        this.jwk = PublicJwk.of(bytes);
        this.keyId = jwk.keyId();
    }

    /**
     * The key of those 32 bytes.
     *
     * @throws IllegalArgumentException if they are not a point of prime order in its one encoding
     */
    public static Ed25519PublicKey of(byte[] bytes) {
        return new Ed25519PublicKey(bytes.clone());
    }

    /**
     * The key of that JSON Web Key.
     *
     * @throws IllegalArgumentException if it is not a point of prime order in its one encoding
     */
    public static Ed25519PublicKey of(PublicJwk jwk) {
        return new Ed25519PublicKey(jwk.bytes());
    }

    /**
     * The key of a {@code did:key}, as {@link #didKey} writes it: without a fragment, and of no other kind.
     *
     * @throws IllegalArgumentException if it is anything else
     */
    public static Ed25519PublicKey ofDidKey(String did) {
        // the length comes first: base58 of a long text takes long
        if (did.length() == DID_KEY_LENGTH && did.startsWith(DID_KEY)) {
            byte[] typed = Base58.decode(did.substring(DID_KEY.length()));
            if (Arrays.mismatch(typed, MULTICODEC) == MULTICODEC.length && typed.length == MULTICODEC.length + BYTES) {
                return new Ed25519PublicKey(Arrays.copyOfRange(typed, MULTICODEC.length, typed.length));
            }
        }
        throw new IllegalArgumentException(
                "the did:key of an Ed25519 key is \"did:key:z6Mk\" and 44 characters of base58, nothing else");
    }

    /**
     * The key of a PEM file, as {@link #toPem} writes it.
     *
     * @throws IllegalArgumentException if it is anything else
     */
    static Ed25519PublicKey ofPem(String pem) {
        byte[] der = Pem.read(PEM_LABEL, pem);
        var key = new Ed25519PublicKey(Arrays.copyOfRange(der, Math.min(SPKI.length, der.length), der.length));
        if (!key.toPem().equals(pem)) {
            throw new IllegalArgumentException("not the SubjectPublicKeyInfo of an Ed25519 key");
        }
        return key;
    }

    /** The key as a JSON Web Key. */
    public PublicJwk jwk() {
        return jwk;
    }

    /** The id of the key: the thumbprint of RFC 7638, 43 characters. */
    public String keyId() {
        return keyId;
    }

    /** The key as a decentralized identifier: {@code did:key:z6Mk} and 44 characters of base58. */
    public String didKey() {
        return DID_KEY + Base58.encode(joined(MULTICODEC, bytes));
    }

    /** The key in PEM, as {@code openssl pkey -pubin} reads it. */
    public String toPem() {
        return Pem.write(PEM_LABEL, joined(SPKI, bytes));
    }

    /**
     * Whether {@code signature} is one that the owner of this key made of {@code message}. Ed25519 verifiers disagree at the
     * edges; what this accepts, every one of them accepts: 64 bytes, S below the order of the group, R a point of prime
     * order in its one encoding. What is wrong in any way is false and no exception.
     */
    public boolean verify(byte[] message, byte[] signature) {
        // The equation is checked in a form that can lose a difference of small order. This key has no such part, S has
        // none, so R alone could bring it in, and is fully checked; that comes last because it is dear.
        return verifyEquation(message, signature) && Ed25519.validatePublicKeyFull(signature, 0);
    }

    /**
     * Whether {@code signature} is one that the owner of this key made of {@code message}, in half the time of {@link #verify}.
     * Nobody else can make one, but of those that the owner makes on purpose this also accepts some that other verifiers
     * refuse, and RFC 8032 allows both: R may have a part of small order. So it is for whoever acts on the answer now, as with
     * tokens, and not for what others are to come to the same answer about, as with a log.
     */
    public boolean verifyEquation(byte[] message, byte[] signature) {
        requireNonNull(message, "message");
        requireNonNull(signature, "signature");
        return signature.length == Ed25519.SIGNATURE_SIZE
                && Ed25519.verify(signature, 0, point, message, 0, message.length);
    }

    /** The 32 bytes of the key. */
    byte[] bytes() {
        return bytes.clone();
    }

    /** Keys are equal if their bytes are. */
    @Override
    public boolean equals(Object other) {
        return other instanceof Ed25519PublicKey key && Arrays.equals(bytes, key.bytes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }

    /** The id of the key. */
    @Override
    public String toString() {
        return keyId;
    }

    private static byte[] joined(byte[] prefix, byte[] rest) {
        byte[] all = Arrays.copyOf(prefix, prefix.length + rest.length);
        System.arraycopy(rest, 0, all, prefix.length, rest.length);
        return all;
    }
}
