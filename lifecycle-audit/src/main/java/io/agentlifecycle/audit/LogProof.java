package io.agentlifecycle.audit;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Shows that one event is in a log, as C2SP's tlog-proof has it, without extra data.
 *
 * @param index which leaf of the tree it is
 * @param hashes the proof of inclusion
 * @param note the checkpoint whose tree it is in
 */
record LogProof(long index, List<Hash> hashes, String note) {
    private static final String BEGIN = "c2sp.org/tlog-proof@v1\nindex ";
    private static final int MAX_HASHES = 63;

    LogProof {
        hashes = List.copyOf(hashes);
    }

    /** What the proof of line {@code line} is named, counting from 1. */
    static String fileOf(long line) {
        return String.format(Locale.ROOT, "%04d.tlog-proof", line);
    }

    /**
     * Reads what {@link #toString} writes, strictly. Whether it proves anything is not looked at.
     *
     * @throws IllegalArgumentException if it is anything else
     */
    static LogProof read(String text) {
        int blank = text.indexOf("\n\n");
        if (!text.startsWith(BEGIN) || blank < 0) {
            throw new IllegalArgumentException("a proof has an index, hashes, a blank line and a checkpoint");
        }
        String[] lines = text.substring(BEGIN.length(), blank).split("\n", -1);
        if (!lines[0].matches("0|[1-9][0-9]{0,17}") || lines.length > 1 + MAX_HASHES) {
            throw new IllegalArgumentException("a proof has an index and at most %d hashes".formatted(MAX_HASHES));
        }
        List<Hash> hashes = new ArrayList<>();
        for (int i = 1; i < lines.length; i++) {
            hashes.add(Hash.ofBase64(lines[i]));
        }
        return new LogProof(Long.parseLong(lines[0]), hashes, text.substring(blank + 2));
    }

    /** The proof as a text. */
    @Override
    public String toString() {
        var text = new StringBuilder(BEGIN).append(index).append('\n');
        hashes.forEach(hash -> text.append(hash).append('\n'));
        return text.append('\n').append(note).toString();
    }
}
