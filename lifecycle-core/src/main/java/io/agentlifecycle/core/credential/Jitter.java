package io.agentlifecycle.core.credential;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;

/** Spreads out what would else happen at once, in a way that can be computed again. */
final class Jitter {
    private Jitter() {}

    /** Between minus {@code most} and {@code most}, depending on {@code seed} alone. */
    static Duration of(String seed, Duration most) {
        // a signed 32-bit fraction of [-1, 1), applied in integers so that it is the same everywhere
        long fraction = ByteBuffer.wrap(sha256(seed)).getLong() >> 32;
        return most.multipliedBy(fraction).dividedBy(1L << 31);
    }

    private static byte[] sha256(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }
}
