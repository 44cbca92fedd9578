package io.agentlifecycle.core.audit;

import java.util.Base64;

/**
 * The public half of an Ed25519 key as a JSON Web Key (RFC 8037). Core compares and writes such keys and never computes
 * with them: that the point is a good one is for whoever verifies with it.
 *
 * @param x the 32 bytes of the key, base64url without padding
 */
public record PublicJwk(String x) {
    /** What the first event of a log says in place of a key if it has none. */
    public static final String NONE = "unsigned";

    private static final int BYTES = 32;

    public PublicJwk {
        if (Digests.fromBase64Url(x).length != BYTES) {
            throw new JsonFormatException("an Ed25519 public key has 32 bytes");
        }
    }

    /** The key of those 32 bytes. */
    public static PublicJwk of(byte[] bytes) {
        return new PublicJwk(Digests.base64Url(bytes));
    }

    /**
     * Reads what {@link #toJson} wrote: exactly the members {@code crv}, {@code kty} and {@code x}, so that a private key
     * is never taken for a public one.
     *
     * @throws JsonFormatException if it is anything else
     */
    public static PublicJwk of(Json json) {
        var fields = new JsonFields("key", json);
        String type = fields.string("kty") + " " + fields.string("crv");
        if (!type.equals("OKP Ed25519")) {
            throw new JsonFormatException("a key must be of type OKP on curve Ed25519");
        }
        var key = new PublicJwk(fields.string("x"));
        fields.end();
        return key;
    }

    /** The 32 bytes of the key. */
    public byte[] bytes() {
        return Base64.getUrlDecoder().decode(x);
    }

    /** The id of the key: the thumbprint of RFC 7638, 43 characters. */
    public String keyId() {
        return Digests.sha256(CanonicalJson.write(toJson()));
    }

    /** The JSON Web Key, with no more members than it needs. */
    public Json.Obj toJson() {
        return Json.object().put("crv", "Ed25519").put("kty", "OKP").put("x", x).build();
    }
}
