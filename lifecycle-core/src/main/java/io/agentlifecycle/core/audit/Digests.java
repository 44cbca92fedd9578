package io.agentlifecycle.core.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;

/** The hashes of the log. All methods are pure and safe for use by many threads. */
public final class Digests {
    static final int SHA256_BYTES = 32;

    private Digests() {}

    /** SHA-256 of {@code bytes}. */
    public static byte[] sha256(byte[] bytes) {
        return newSha256().digest(bytes);
    }

    /** SHA-256 of the UTF-8 bytes of {@code text}, in base64url without padding: 43 characters. */
    public static String sha256(String text) {
        return base64Url(sha256(text.getBytes(UTF_8)));
    }

    /** The leaf hash of RFC 6962 of an event: SHA-256 over a zero byte and the canonical bytes, in base64url. */
    public static String leafHash(String canonical) {
        MessageDigest digest = newSha256();
        digest.update((byte) 0);
        return base64Url(digest.digest(canonical.getBytes(UTF_8)));
    }

    /** Base64url without padding. */
    public static String base64Url(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    /**
     * The bytes of a text in base64url without padding. A text of the right length whose last character has stray bits is
     * refused, too: every sequence of bytes has one text.
     *
     * @throws JsonFormatException if it is anything else
     */
    public static byte[] fromBase64Url(String text) {
        try {
            byte[] bytes = Base64.getUrlDecoder().decode(text);
            if (base64Url(bytes).equals(text)) {
                return bytes;
            }
        } catch (IllegalArgumentException e) {
            // falls through to the one message for every way to be wrong
        }
        throw new JsonFormatException("not base64url without padding");
    }

    private static MessageDigest newSha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }
}
