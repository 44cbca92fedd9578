package io.agentlifecycle.credentials;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.credentials.TokenVerdict.Reason;
import java.util.Base64;
import java.util.function.UnaryOperator;

/**
 * The three parts of a compact JWS (RFC 7515). General readers take several texts for one token; this takes one: no
 * padding, no other alphabet, no stray bits, nothing around it. Immutable.
 */
final class CompactJws {
    static final int MAX_LENGTH = 8 * 1024;

    private static final String ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    private static final String OTHER_SPELLINGS = "+/=";

    /** The value of each character, or -1. */
    private static final byte[] VALUES = values();

    private final String text;
    private final int firstDot;
    private final int secondDot;

    private CompactJws(String text, int firstDot, int secondDot) {
        this.text = text;
        this.firstDot = firstDot;
        this.secondDot = secondDot;
    }

    /** Checks 1 and 2: the form of the text. */
    static CompactJws parse(String text) {
        return parse(text, MAX_LENGTH, MAX_LENGTH);
    }

    /** For what may be longer than a token, with a limit of its own for the part that is read before it is trusted. */
    static CompactJws parse(String text, int maxLength, int maxHeader) {
        Refusal.unless(text.length() <= maxLength, Reason.NOT_COMPACT);
        int firstDot = text.indexOf('.');
        Refusal.unless(firstDot <= maxHeader, Reason.NOT_COMPACT);
        int secondDot = text.indexOf('.', firstDot + 1);
        boolean otherSpelling = false;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (i != firstDot && i != secondDot && value(c) < 0) {
                Refusal.unless(OTHER_SPELLINGS.indexOf(c) >= 0, Reason.NOT_COMPACT);
                otherSpelling = true;
            }
        }
        Refusal.unless(firstDot > 0 && secondDot > firstDot + 1 && secondDot < text.length() - 1, Reason.NOT_COMPACT);
        Refusal.unless(
                !otherSpelling
                        && isCanonical(text, 0, firstDot)
                        && isCanonical(text, firstDot + 1, secondDot)
                        && isCanonical(text, secondDot + 1, text.length()),
                Reason.NOT_CANONICAL);
        return new CompactJws(text, firstDot, secondDot);
    }

    /** The text of a token of those parts, where {@code signer} signs the first two. */
    static String write(byte[] header, byte[] payload, UnaryOperator<byte[]> signer) {
        String signed = Digests.base64Url(header) + '.' + Digests.base64Url(payload);
        return signed + '.' + Digests.base64Url(signer.apply(signed.getBytes(US_ASCII)));
    }

    /** What the last character says beyond the last whole byte must be zero. */
    private static boolean isCanonical(String text, int from, int to) {
        int last = value(text.charAt(to - 1));
        return switch ((to - from) % 4) {
            case 0 -> true;
            case 2 -> (last & 0b1111) == 0;
            case 3 -> (last & 0b11) == 0;
            default -> false;
        };
    }

    byte[] header() {
        return Base64.getUrlDecoder().decode(text.substring(0, firstDot));
    }

    byte[] payload() {
        return Base64.getUrlDecoder().decode(text.substring(firstDot + 1, secondDot));
    }

    byte[] signature() {
        return Base64.getUrlDecoder().decode(text.substring(secondDot + 1));
    }

    /** The bytes that are signed: what was received, not what was understood. */
    byte[] signingInput() {
        return text.substring(0, secondDot).getBytes(US_ASCII);
    }

    /** SHA-256 of the text. */
    String digest() {
        return Digests.sha256(text);
    }

    private static int value(char c) {
        return c < VALUES.length ? VALUES[c] : -1;
    }

    private static byte[] values() {
        byte[] values = new byte[128];
        for (char c = 0; c < values.length; c++) {
            values[c] = (byte) ALPHABET.indexOf(c);
        }
        return values;
    }
}
