package io.agentlifecycle.core.store;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToLongFunction;

/**
 * Records and events that belong together: stored all, or not at all.
 *
 * @param at the time of the change, from the injected clock; the store remembers the latest
 * @param checks what must be true; every put is also checked against the version before it, a purge only by what stands
 *     here
 * @param mutations at most one for each record
 * @param events in the order in which they happened; none of them pruned
 * @param disclosures personal values of these events
 */
public record Commit(
        RequestId requestId,
        Instant at,
        List<Check> checks,
        List<Mutation> mutations,
        List<StoredEvent> events,
        List<Disclosure> disclosures) {
    public Commit {
        requireNonNull(requestId, "requestId");
        requireNonNull(at, "at");
        checks = List.copyOf(checks);
        mutations = List.copyOf(mutations);
        events = List.copyOf(events);
        disclosures = List.copyOf(disclosures);
        Set<RecordKey> changed = new HashSet<>();
        for (Mutation mutation : mutations) {
            if (!changed.add(mutation.key())) {
                throw new IllegalArgumentException("a commit changes " + mutation.key() + " twice");
            }
        }
        requireTexts(events);
        requireOfTheseEvents(disclosures, events);
    }

    /** A commit without disclosures. */
    public Commit(
            RequestId requestId, Instant at, List<Check> checks, List<Mutation> mutations, List<StoredEvent> events) {
        this(requestId, at, checks, mutations, events, List.of());
    }

    /**
     * Which records do not have the version that this commit expects, each with the version that it has, for authors of stores.
     *
     * @param versions the version that a record has now, 0 if there is none
     */
    public Map<RecordKey, Long> conflicts(ToLongFunction<RecordKey> versions) {
        Map<RecordKey, Long> conflicts = new HashMap<>();
        for (Check check : checks) {
            expect(check.key(), check instanceof Check.Version version ? version.version() : 0, versions, conflicts);
        }
        for (Mutation mutation : mutations) {
            if (mutation instanceof Mutation.Put put) {
                expect(put.key(), put.next().version() - 1, versions, conflicts);
            }
        }
        return conflicts;
    }

    private static void expect(
            RecordKey key, long version, ToLongFunction<RecordKey> versions, Map<RecordKey, Long> conflicts) {
        long current = versions.applyAsLong(key);
        if (current != version) {
            conflicts.put(key, current);
        }
    }

    private static void requireTexts(List<StoredEvent> events) {
        for (StoredEvent event : events) {
            if (event.isPruned()) {
                throw new IllegalArgumentException("a commit has whole events, but event %d of stream %s is pruned"
                        .formatted(event.n(), event.stream()));
            }
        }
    }

    private static void requireOfTheseEvents(List<Disclosure> disclosures, List<StoredEvent> events) {
        for (Disclosure disclosure : disclosures) {
            if (events.stream().noneMatch(disclosure::isOf)) {
                throw new IllegalArgumentException(
                        "a commit may disclose values of its own events only, and has no event %d of stream %s"
                                .formatted(disclosure.n(), disclosure.stream()));
            }
        }
    }
}
