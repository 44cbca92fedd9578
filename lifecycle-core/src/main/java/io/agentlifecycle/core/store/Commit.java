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
        requireOfTheseEvents(disclosures, events);
    }

    /** A commit without disclosures. */
    public Commit(
            RequestId requestId, Instant at, List<Check> checks, List<Mutation> mutations, List<StoredEvent> events) {
        this(requestId, at, checks, mutations, events, List.of());
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
