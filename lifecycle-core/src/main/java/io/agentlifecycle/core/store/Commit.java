package io.agentlifecycle.core.store;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Records and events that belong together: stored all, or not at all.
 *
 * @param at the time of the change, from the injected clock; the store remembers the latest
 * @param checks what must be true; every put is also checked against the version before it, a purge only by what stands
 *     here
 * @param mutations at most one for each record
 * @param events in the order in which they happened
 */
public record Commit(
        RequestId requestId, Instant at, List<Check> checks, List<Mutation> mutations, List<StoredEvent> events) {
    public Commit {
        requireNonNull(requestId, "requestId");
        requireNonNull(at, "at");
        checks = List.copyOf(checks);
        mutations = List.copyOf(mutations);
        events = List.copyOf(events);
        Set<RecordKey> changed = new HashSet<>();
        for (Mutation mutation : mutations) {
            if (!changed.add(mutation.key())) {
                throw new IllegalArgumentException("a commit changes " + mutation.key() + " twice");
            }
        }
    }
}
