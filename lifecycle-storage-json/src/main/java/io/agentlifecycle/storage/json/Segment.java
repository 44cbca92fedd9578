package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.agentlifecycle.core.error.CorruptStoreException;
import io.agentlifecycle.core.error.StoreException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** One file of the journal. Its name carries the number of its first line. */
record Segment(Path file, long firstSeq) {
    /** How large a segment may be that is read at opening: more than ever comes about by writing. */
    static final long MAX_BYTES = 256L << 20;

    private static final Pattern NAME = Pattern.compile("journal-([0-9]{16})\\.jsonl");
    private static final byte[] BEGIN = "{\"seq\":".getBytes(US_ASCII);

    static Segment at(Path directory, long firstSeq) {
        return new Segment(directory.resolve(String.format(Locale.ROOT, "journal-%016d.jsonl", firstSeq)), firstSeq);
    }

    static Optional<Segment> named(Path directory, String name) {
        Matcher matcher = NAME.matcher(name);
        return matcher.matches()
                ? Optional.of(new Segment(directory.resolve(name), Long.parseLong(matcher.group(1))))
                : Optional.empty();
    }

    /** Hears of every good line in order. */
    interface Visitor {
        void line(Line line, long offset);
    }

    /** How reading a segment ended. {@code cut} is where its good lines end; it is the size unless the tail is torn. */
    record Scan(long nextSeq, String crc, int lines, long cut, byte[] bytes) {
        boolean isTorn() {
            return cut < bytes.length;
        }
    }

    /**
     * Reads all lines. They must go on from {@code seq} and {@code prev}. In the last segment, a tail that was never
     * acknowledged may be torn; anything else that is wrong is damage.
     *
     * @throws CorruptStoreException naming the first bad byte
     */
    Scan scan(StorageIo io, long seq, String prev, boolean last, Visitor visitor) throws IOException {
        return scan(io, seq, prev, last, Long.MAX_VALUE, visitor);
    }

    /** The same, but it reads no further than line {@code upTo}; what follows is as if it were torn. */
    Scan scan(StorageIo io, long seq, String prev, boolean last, long upTo, Visitor visitor) throws IOException {
        byte[] bytes = io.readAll(file, MAX_BYTES);
        int offset = 0;
        int lines = 0;
        long expected = seq;
        String crc = prev;
        while (offset < bytes.length && expected <= upTo) {
            int end = LineFile.lineFeed(bytes, offset, bytes.length);
            Line line;
            try {
                if (end == bytes.length) {
                    throw new LineReader.BadLineException("its line feed is missing", false);
                }
                line = LineReader.read(bytes, offset, end);
                if (line.seq() != expected || !line.prev().equals(crc)) {
                    throw new LineReader.BadLineException("it does not follow the line before it", false);
                }
            } catch (LineReader.BadLineException e) {
                if (e.isNewer()) {
                    throw new StoreException(
                            "%s, byte %d: %s; open it with that version".formatted(file, offset, e.getMessage()), e);
                }
                if (!last || isAcknowledgedAfter(bytes, offset, expected)) {
                    throw corrupt(offset, "line " + expected + " is bad: " + e.getMessage(), e);
                }
                return new Scan(expected, crc, lines, offset, bytes);
            }
            visitor.line(line, offset);
            expected++;
            crc = line.crc();
            lines++;
            offset = end + 1;
        }
        return new Scan(expected, crc, lines, offset, bytes);
    }

    /**
     * Whether the bytes from {@code bad} on, or some before them, were durable at some time: a sound line that stands
     * later says so, or one that stands right there does not follow the one before it although it should. A sound line
     * that repeats an earlier one was not torn off there either; nothing is lost if it is the last.
     */
    private static boolean isAcknowledgedAfter(byte[] bytes, int bad, long expected) {
        boolean repeated = false;
        for (int at = indexOf(bytes, BEGIN, bad); at >= 0; at = indexOf(bytes, BEGIN, at + 1)) {
            int end = LineFile.lineFeed(bytes, at, bytes.length);
            if (end == bytes.length) {
                continue;
            }
            try {
                Line line = LineReader.read(bytes, at, end);
                if (repeated || line.durable() > bad || at == bad && line.durable() >= bad) {
                    return true;
                }
                repeated = at == bad && line.seq() < expected;
            } catch (LineReader.BadLineException e) {
                // no sound line begins here
            }
        }
        return false;
    }

    /** The line in {@code bytes[from, to)}, which stands at {@code offset} and was durable before. */
    Line read(byte[] bytes, int from, int to, long offset) {
        try {
            return LineReader.read(bytes, from, to);
        } catch (LineReader.BadLineException e) {
            throw corrupt(offset, "line is bad: " + e.getMessage(), e);
        }
    }

    CorruptStoreException corrupt(long offset, String reason, @Nullable Throwable cause) {
        return new CorruptStoreException(file.toString(), offset, reason, Recovery.HINT, cause);
    }

    private static int indexOf(byte[] bytes, byte[] wanted, int from) {
        outer:
        for (int i = Math.max(from, 0); i <= bytes.length - wanted.length; i++) {
            for (int j = 0; j < wanted.length; j++) {
                if (bytes[i + j] != wanted[j]) {
                    continue outer;
                }
            }
            return i;
        }
        return -1;
    }
}
