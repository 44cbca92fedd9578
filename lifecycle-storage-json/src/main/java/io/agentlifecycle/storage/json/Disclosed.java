package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.store.Disclosure;
import java.util.Comparator;

/** A disclosure, and the number of the line that its commit had in the journal. */
record Disclosed(long seq, Disclosure disclosure) {
    /** The order in which they stand in a file of their own; those of one event keep theirs. */
    static final Comparator<Disclosed> ORDER = Comparator.comparing(
                    (Disclosed disclosed) -> disclosed.disclosure().stream())
            .thenComparingLong(disclosed -> disclosed.disclosure().n())
            .thenComparingLong(Disclosed::seq);

    /** The line of a file of disclosures. */
    LineWriter.Written written() {
        var text = new StringBuilder(128).append("{\"seq\":").append(seq).append(',');
        LineWriter.disclosure(disclosure, text);
        return LineWriter.closed(text.toString());
    }
}
