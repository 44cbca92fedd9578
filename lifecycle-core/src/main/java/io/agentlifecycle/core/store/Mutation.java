package io.agentlifecycle.core.store;

import static java.util.Objects.requireNonNull;

/** What a commit changes. */
public sealed interface Mutation {
    /** The record that is changed. */
    RecordKey key();

    /** The record becomes {@code next}, whose version must be one more than before, or 1 for a new one. */
    record Put(StoredRecord next) implements Mutation {
        public Put {
            requireNonNull(next, "next");
        }

        @Override
        public RecordKey key() {
            return next.key();
        }
    }

    /** The record goes away. */
    record Purge(RecordKey key) implements Mutation {
        public Purge {
            requireNonNull(key, "key");
        }
    }
}
