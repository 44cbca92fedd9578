package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Arrays;

/**
 * What a witness says of a checkpoint, as C2SP's tlog-cosignature has it: that it saw the log grow up to it and nothing else.
 *
 * @param seconds when it said so, since 1970
 */
record Cosignature(long seconds, byte[] signature) {
    private static final int TIME_BYTES = Long.BYTES;
    private static final int SIGNATURE_BYTES = 64;

    /**
     * Reads the bytes behind the id of the key. Whether they are right is not looked at.
     *
     * @throws IllegalArgumentException if they are no cosignature, or of a time that no clock shows
     */
    static Cosignature read(byte[] bytes) {
        if (bytes.length != TIME_BYTES + SIGNATURE_BYTES) {
            throw new IllegalArgumentException("a cosignature has %d bytes of time and %d of signature, not %d bytes"
                    .formatted(TIME_BYTES, SIGNATURE_BYTES, bytes.length));
        }
        long seconds = ByteBuffer.wrap(bytes).getLong();
        if (seconds < 0 || seconds > Instant.MAX.getEpochSecond()) {
            throw new IllegalArgumentException("the time of a cosignature cannot be " + Long.toUnsignedString(seconds));
        }
        return new Cosignature(seconds, Arrays.copyOfRange(bytes, TIME_BYTES, bytes.length));
    }

    /** What the witness signed, if it was about the note with that text. */
    byte[] message(String text) {
        return ("cosignature/v1\ntime " + seconds + "\n" + text).getBytes(UTF_8);
    }
}
