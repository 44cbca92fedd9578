package io.agentlifecycle.core.store;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * One version of a record. Immutable.
 *
 * @param version 1 for a new record, and one more with each change
 * @param dueAt the earliest instant at which time alone will change something; empty if never
 * @param body JSON text; a store keeps it as it is
 * @param index names and values by which {@code query} finds it
 */
public record StoredRecord(
        RecordKey key, long version, Optional<Instant> dueAt, String body, Map<String, String> index) {
    public StoredRecord {
        requireNonNull(key, "key");
        if (version < 1) {
            throw new IllegalArgumentException("version must be at least 1 but was " + version);
        }
        requireNonNull(dueAt, "dueAt");
        requireNonNull(body, "body");
        index = Terms.copyOf(index);
    }
}
