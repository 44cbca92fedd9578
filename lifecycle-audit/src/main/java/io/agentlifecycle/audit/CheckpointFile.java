package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Signed checkpoints one behind the other, five lines each, in a file that only grows. What stands behind the last whole one
 * was being written when the machine stopped: it does not count, and what is appended next takes its place. One thread at a
 * time appends; others may read meanwhile.
 */
final class CheckpointFile {
    /** Origin, size, root, nothing, signature; of bytes, so that places in the text are places in the file. */
    private static final Pattern FORM = Pattern.compile("(?md)^[^\n\0]+\n[0-9]+\n[A-Za-z0-9+/]{43}=\n\n"
            + latin("\u2014 ".getBytes(UTF_8)) + "[^ \n\0]+ [A-Za-z0-9+/=]+\n");

    /** More than a checkpoint with the longest names has. */
    private static final int MAX_BYTES = 2_048;

    /**
     * One of them.
     *
     * @param end how many bytes of the file there are up to its own last one
     */
    record Entry(SignedNote note, long end) {
        Checkpoint checkpoint() {
            return Checkpoint.read(note.text());
        }
    }

    private final LogFiles files;
    private final String path;
    private Optional<SignedNote> last = Optional.empty();
    private volatile long end;

    private CheckpointFile(LogFiles files, String path) {
        this.files = files;
        this.path = path;
    }

    /**
     * Finds the last whole one. Whether it is signed is not looked at.
     *
     * @throws IllegalArgumentException if the file ends with more than a checkpoint that is not whole
     */
    static CheckpointFile open(LogFiles files, String path) throws IOException {
        var file = new CheckpointFile(files, path);
        long size = files.size(path);
        long from = Math.max(0, size - 2 * MAX_BYTES);
        String tail = latin(files.read(path, from, 2 * MAX_BYTES));
        Matcher found = FORM.matcher(tail);
        while (found.find()) {
            file.last = Optional.of(note(found.group()));
            file.end = from + found.end();
        }
        if (size - file.end > MAX_BYTES) {
            throw new IllegalArgumentException(
                    "%s ends with %d bytes that are no checkpoint".formatted(path, size - file.end));
        }
        return file;
    }

    private static String latin(byte[] bytes) {
        return new String(bytes, ISO_8859_1);
    }

    private static SignedNote note(String latin) {
        return SignedNote.read(new String(latin.getBytes(ISO_8859_1), UTF_8));
    }

    /** The last one, if there is any. */
    Optional<SignedNote> last() {
        return last;
    }

    /** How many bytes all of them have. */
    long end() {
        return end;
    }

    /** The one that begins behind the first {@code from} bytes; empty if they are all. */
    Optional<Entry> after(long from) throws IOException {
        long most = Math.min(MAX_BYTES, end - from);
        if (most <= 0) {
            return Optional.empty();
        }
        int before = from > 0 ? 1 : 0; // what stands there must end a line
        String text = latin(files.read(path, from - before, (int) most + before));
        Matcher found = FORM.matcher(text).useAnchoringBounds(false);
        if (!found.region(Math.min(before, text.length()), text.length()).lookingAt()) {
            throw new IOException("%s has no checkpoint at byte %d".formatted(path, from));
        }
        return Optional.of(new Entry(note(found.group()), from - before + found.end()));
    }

    /** Adds one, unless it is the last already; then that is durable for certain. */
    void append(SignedNote note) throws IOException {
        byte[] bytes = note.toString().getBytes(UTF_8);
        if (bytes.length > MAX_BYTES || !FORM.matcher(latin(bytes)).matches()) {
            throw new IllegalArgumentException(
                    "a checkpoint has five lines, and at most %d bytes".formatted(MAX_BYTES));
        }
        boolean isThere = last.map(SignedNote::toString).equals(Optional.of(note.toString()));
        files.append(path, end, isThere ? new byte[0] : bytes);
        if (!isThere) {
            last = Optional.of(note);
            end = end + bytes.length;
        }
    }
}
