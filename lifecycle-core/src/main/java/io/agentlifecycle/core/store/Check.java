package io.agentlifecycle.core.store;

import static java.util.Objects.requireNonNull;

/** What must be true for a commit to be applied. */
public sealed interface Check {
    /** The record that is looked at. */
    RecordKey key();

    /** The record has exactly that version. */
    record Version(RecordKey key, long version) implements Check {
        public Version {
            requireNonNull(key, "key");
        }
    }

    /** There is no such record. */
    record Absent(RecordKey key) implements Check {
        public Absent {
            requireNonNull(key, "key");
        }
    }
}
