package io.agentlifecycle.audit;

import static java.util.Objects.requireNonNull;

/**
 * What a log was at one moment: whoever remembers it can tell whether the log of a later moment still begins with it. The
 * text is that of C2SP's tlog-checkpoint, without extension lines. Immutable.
 *
 * @param origin which log it is
 * @param size how many events it had
 * @param root the root of the Merkle tree over them, in base64
 */
record Checkpoint(String origin, long size, String root) {
    Checkpoint {
        requireNonNull(origin, "origin");
        if (origin.isEmpty() || origin.indexOf('\n') >= 0) {
            throw new IllegalArgumentException("an origin is one line");
        }
        if (size < 0) {
            throw new IllegalArgumentException("a log has no fewer than 0 events");
        }
        Hash.ofBase64(root);
    }

    /**
     * Reads what {@link #text} gives, strictly.
     *
     * @throws IllegalArgumentException if it is anything else
     */
    static Checkpoint read(String text) {
        String[] lines = text.split("\n", -1);
        if (lines.length != 4 || !lines[3].isEmpty() || !lines[1].matches("0|[1-9][0-9]{0,17}")) {
            throw new IllegalArgumentException("a checkpoint has three lines: origin, size, root");
        }
        return new Checkpoint(lines[0], Long.parseLong(lines[1]), lines[2]);
    }

    /** What is signed: three lines. */
    String text() {
        return origin + "\n" + size + "\n" + root + "\n";
    }

    Hash rootHash() {
        return Hash.ofBase64(root);
    }
}
