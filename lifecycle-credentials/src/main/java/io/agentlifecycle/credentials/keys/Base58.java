package io.agentlifecycle.credentials.keys;

import java.math.BigInteger;

/** Base58 in the alphabet of Bitcoin, for the few bytes of a key: it takes quadratic time. */
final class Base58 {
    private static final String ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    private static final char ZERO = ALPHABET.charAt(0);
    private static final BigInteger BASE = BigInteger.valueOf(ALPHABET.length());

    private Base58() {}

    static String encode(byte[] bytes) {
        var digits = new StringBuilder();
        for (BigInteger rest = new BigInteger(1, bytes); rest.signum() > 0; rest = rest.divide(BASE)) {
            digits.append(ALPHABET.charAt(rest.mod(BASE).intValue()));
        }
        for (int i = 0; i < bytes.length && bytes[i] == 0; i++) {
            digits.append(ZERO); // the number says nothing of leading zeros, so each has a digit of its own
        }
        return digits.reverse().toString();
    }

    /**
     * The bytes of a text; every text stands for other bytes.
     *
     * @throws IllegalArgumentException if it has a character that is no digit
     */
    static byte[] decode(String text) {
        BigInteger number = BigInteger.ZERO;
        int zeros = 0;
        for (int i = 0; i < text.length(); i++) {
            int digit = ALPHABET.indexOf(text.charAt(i));
            if (digit < 0) {
                throw new IllegalArgumentException("not base58: character " + i + " is none of its digits");
            }
            if (digit == 0 && zeros == i) {
                zeros++;
            }
            number = number.multiply(BASE).add(BigInteger.valueOf(digit));
        }
        byte[] signed = number.toByteArray();
        int from = signed[0] == 0 ? 1 : 0;
        byte[] bytes = new byte[zeros + signed.length - from];
        System.arraycopy(signed, from, bytes, zeros, signed.length - from);
        return bytes;
    }
}
