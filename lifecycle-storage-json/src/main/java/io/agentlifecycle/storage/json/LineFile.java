package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.error.CorruptStoreException;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Optional;

/** A file of lines, each of them written as a whole, of which any can be read without those before it. */
record LineFile(StorageIo io, Path file) {
    private static final int CHUNK = 4 << 10;
    private static final int PASS = 256 << 10;

    private static final VarHandle EIGHT = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());
    private static final long ONES = 0x0101010101010101L;
    private static final long HIGHEST_BITS = ONES << 7;
    private static final long LINE_FEEDS = ONES * '\n';

    /**
     * One line.
     *
     * @param bytes begins with the line; more may follow
     * @param length without the line feed
     * @param next where the next line begins
     */
    record Slice(byte[] bytes, int length, long next) {}

    /** Whether a line stands before what is searched; true for the first lines, false for all others. */
    interface Before {
        boolean test(Slice line, long offset) throws IOException;
    }

    /** Hears of each line in {@code bytes[from, to)}, without its line feed. */
    interface Visitor {
        void line(byte[] bytes, int from, int to, long offset) throws IOException;
    }

    /** Where the first line feed stands in {@code bytes[from, to)}; {@code to} if there is none. Looks at eight bytes at once. */
    static int lineFeed(byte[] bytes, int from, int to) {
        int at = from;
        for (; at + Long.BYTES <= to; at += Long.BYTES) {
            long zeroWhereItIs = (long) EIGHT.get(bytes, at) ^ LINE_FEEDS;
            if ((zeroWhereItIs - ONES & ~zeroWhereItIs & HIGHEST_BITS) != 0) {
                break;
            }
        }
        while (at < to && bytes[at] != '\n') {
            at++;
        }
        return at;
    }

    /** Reads all lines in order, with little memory. */
    void each(Visitor visitor) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(PASS);
        long begin = 0; // where the first byte of the buffer stands
        int seen = 0;
        while (true) {
            int read = io.read(file, begin + buffer.position(), buffer);
            byte[] bytes = buffer.array();
            int end = buffer.position();
            int from = 0;
            for (seen = lineFeed(bytes, seen, end); seen < end; seen = lineFeed(bytes, from, end)) {
                visitor.line(bytes, from, seen, begin + from);
                from = seen + 1;
            }
            begin += from;
            seen -= from;
            buffer.flip().position(from).compact();
            if (read <= 0) {
                if (buffer.position() > 0) {
                    throw corrupt(begin, "the last line does not end");
                }
                return;
            }
            if (!buffer.hasRemaining()) {
                if (buffer.capacity() > LineReader.MAX_LINE) {
                    throw corrupt(begin, "a line is longer than " + LineReader.MAX_LINE + " bytes");
                }
                buffer = ByteBuffer.allocate(buffer.capacity() * 4).put(buffer.flip());
            }
        }
    }

    /** The line that begins there; empty at the end of the file. */
    Optional<Slice> at(long offset) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(CHUNK);
        while (true) {
            buffer.clear();
            int read = io.read(file, offset, buffer);
            if (read < 0) {
                return Optional.empty();
            }
            int end = lineFeed(buffer.array(), 0, read);
            if (end < read) {
                return Optional.of(new Slice(buffer.array(), end, offset + end + 1));
            }
            if (read < buffer.capacity() || buffer.capacity() > LineReader.MAX_LINE) {
                throw corrupt(offset, "a line that was durable does not end");
            }
            buffer = ByteBuffer.allocate(buffer.capacity() * 4);
        }
    }

    /** Where the first line begins that does not stand before what is searched; the size if all do. */
    long search(Before before) throws IOException {
        long low = 0;
        long high = io.size(file);
        while (low < high) {
            long middle = (low + high) >>> 1;
            long begin = middle == low ? low : beginAfter(middle);
            if (begin >= high) {
                high = middle;
                continue;
            }
            Slice line = at(begin).orElseThrow(() -> corrupt(begin, "a line that was durable is gone"));
            if (before.test(line, begin)) {
                low = line.next();
            } else {
                high = begin;
            }
        }
        return low;
    }

    /** Where the first line begins that begins at {@code offset} or later. */
    private long beginAfter(long offset) throws IOException {
        return at(offset - 1).map(Slice::next).orElse(offset);
    }

    CorruptStoreException corrupt(long offset, String reason) {
        return new CorruptStoreException(file.toString(), offset, reason, Recovery.HINT, null);
    }
}
