package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.util.Optional;

/**
 * Takes a stream of bytes apart into lines, each ended by a line feed, and none longer than an event needs. It has its own
 * buffer since those of the JDK take a lock for each byte. Not safe for use by several threads.
 */
final class LineReader {
    private final InputStream in;
    private final byte[] buffer = new byte[8_192];
    private int at;
    private int end;

    private final byte[] line = new byte[EventLine.MAX_BYTES];
    private final CharsetDecoder decoder = UTF_8.newDecoder();

    LineReader(InputStream in) {
        this.in = in;
    }

    /**
     * The next line without its line feed; empty after the last one.
     *
     * @param number which line it is, if there is something to say about it
     */
    Optional<String> next(long number) throws IOException {
        int length = 0;
        for (int next = read(); next != '\n'; next = read()) {
            if (next < 0) {
                if (length > 0) {
                    throw LogVerifier.tampered(number, "it is not ended by a line feed: the end is missing");
                }
                return Optional.empty();
            }
            if (length == line.length) {
                throw LogVerifier.tampered(number, "it is longer than " + line.length + " bytes");
            }
            line[length++] = (byte) next;
        }
        if (length == 0) {
            throw LogVerifier.tampered(number, "it is empty");
        }
        try {
            return Optional.of(decoder.decode(ByteBuffer.wrap(line, 0, length)).toString());
        } catch (CharacterCodingException e) {
            throw LogVerifier.tampered(number, "it is not UTF-8");
        }
    }

    /** The next byte; negative at the end. */
    private int read() throws IOException {
        if (at == end) {
            at = 0;
            end = Math.max(0, in.read(buffer));
            if (end == 0) {
                return -1;
            }
        }
        return buffer[at++] & 0xff;
    }
}
