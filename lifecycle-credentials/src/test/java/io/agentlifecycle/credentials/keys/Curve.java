package io.agentlifecycle.credentials.keys;

import java.math.BigInteger;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** The curve of Ed25519 by its textbook formulas, to make the points and signatures that no honest signer makes. */
final class Curve {
    static final BigInteger P = BigInteger.TWO.pow(255).subtract(BigInteger.valueOf(19));
    static final BigInteger ORDER =
            BigInteger.TWO.pow(252).add(new BigInteger("27742317777372353535851937790883648493"));
    private static final BigInteger D = BigInteger.valueOf(-121665)
            .multiply(BigInteger.valueOf(121666).modInverse(P))
            .mod(P);
    private static final BigInteger ROOT_OF_MINUS_ONE =
            BigInteger.TWO.modPow(P.subtract(BigInteger.ONE).shiftRight(2), P);
    static final Point NEUTRAL = new Point(BigInteger.ZERO, BigInteger.ONE);
    static final Point BASE = point(
                    BigInteger.valueOf(4).multiply(BigInteger.valueOf(5).modInverse(P)), false)
            .orElseThrow();

    private Curve() {}

    record Point(BigInteger x, BigInteger y) {
        Point plus(Point other) {
            BigInteger cross = D.multiply(x).multiply(other.x).multiply(y).multiply(other.y);
            BigInteger newX = x.multiply(other.y)
                    .add(y.multiply(other.x))
                    .multiply(BigInteger.ONE.add(cross).modInverse(P));
            BigInteger newY = y.multiply(other.y)
                    .add(x.multiply(other.x))
                    .multiply(BigInteger.ONE.subtract(cross).modInverse(P));
            return new Point(newX.mod(P), newY.mod(P));
        }

        Point times(BigInteger factor) {
            Point sum = NEUTRAL;
            for (int bit = factor.bitLength() - 1; bit >= 0; bit--) {
                sum = sum.plus(sum);
                sum = factor.testBit(bit) ? sum.plus(this) : sum;
            }
            return sum;
        }

        byte[] encoded() {
            byte[] bytes = littleEndian(y);
            bytes[31] |= (byte) (x.testBit(0) ? 0x80 : 0);
            return bytes;
        }
    }

    /** The point of that y whose x is odd or even, if there is one. */
    static Optional<Point> point(BigInteger y, boolean odd) {
        BigInteger ySquare = y.multiply(y).mod(P);
        BigInteger xSquare = ySquare.subtract(BigInteger.ONE)
                .multiply(D.multiply(ySquare).add(BigInteger.ONE).modInverse(P))
                .mod(P);
        BigInteger x = xSquare.modPow(P.add(BigInteger.valueOf(3)).shiftRight(3), P);
        if (!x.multiply(x).mod(P).equals(xSquare)) {
            x = x.multiply(ROOT_OF_MINUS_ONE).mod(P);
        }
        if (!x.multiply(x).mod(P).equals(xSquare)) {
            return Optional.empty();
        }
        return Optional.of(new Point(x.testBit(0) == odd ? x : P.subtract(x).mod(P), y.mod(P)));
    }

    /** Whether those 32 bytes are the one encoding of a point of prime order. */
    static boolean isKey(byte[] bytes) {
        BigInteger y = number(bytes).clearBit(255);
        return y.compareTo(P) < 0
                && point(y, bytes[31] < 0)
                        .filter(point -> !point.equals(NEUTRAL))
                        .filter(point -> point.times(ORDER).equals(NEUTRAL))
                        .filter(point -> Arrays.equals(point.encoded(), bytes))
                        .isPresent();
    }

    /** The eight points of small order; the neutral one is the first. */
    static List<Point> smallOrder() {
        for (long y = 2; ; y++) {
            Point torsion = point(BigInteger.valueOf(y), false)
                    .map(each -> each.times(ORDER))
                    .orElse(NEUTRAL);
            if (!torsion.times(BigInteger.valueOf(4)).equals(NEUTRAL)) {
                List<Point> points = new ArrayList<>();
                for (int i = 0; i < 8; i++) {
                    points.add(torsion.times(BigInteger.valueOf(i)));
                }
                return points;
            }
        }
    }

    /** A signature of the owner of {@code seed} whose R is off by {@code torsion}, and whose S fits that R. */
    static byte[] signature(byte[] seed, byte[] message, Point torsion) {
        byte[] hash = sha512(seed);
        byte[] scalar = Arrays.copyOf(hash, 32);
        scalar[0] &= (byte) 0xf8;
        scalar[31] = (byte) ((scalar[31] & 0x7f) | 0x40);
        BigInteger a = number(scalar);
        byte[] publicKey = BASE.times(a).encoded();
        BigInteger r = number(sha512(Arrays.copyOfRange(hash, 32, 64), message)).mod(ORDER);
        byte[] encodedR = BASE.times(r).plus(torsion).encoded();
        BigInteger k = number(sha512(encodedR, publicKey, message));
        byte[] signature = Arrays.copyOf(encodedR, 64);
        System.arraycopy(littleEndian(r.add(k.multiply(a)).mod(ORDER)), 0, signature, 32, 32);
        return signature;
    }

    static BigInteger number(byte[] littleEndian) {
        return new BigInteger(1, reversed(littleEndian));
    }

    /** The number in 32 bytes, the lowest first. */
    static byte[] littleEndian(BigInteger number) {
        byte[] signed = number.toByteArray();
        byte[] bytes = new byte[32];
        for (int i = 0; i < Math.min(32, signed.length); i++) {
            bytes[i] = signed[signed.length - 1 - i];
        }
        return bytes;
    }

    private static byte[] reversed(byte[] bytes) {
        byte[] result = new byte[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            result[i] = bytes[bytes.length - 1 - i];
        }
        return result;
    }

    private static byte[] sha512(byte[]... parts) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-512");
            for (byte[] part : parts) {
                digest.update(part);
            }
            return digest.digest();
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }
}
