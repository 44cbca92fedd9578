package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.store.StoredEvent;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Which events a checkpoint writes without their text.
 *
 * @param before of each of these streams those at positions below this one
 */
record Prunes(Map<String, Long> before) {
    static final Prunes NONE = new Prunes(Map.of());

    Prunes {
        before = Map.copyOf(before);
    }

    boolean isEmpty() {
        return before.isEmpty();
    }

    /** These and those. */
    Prunes and(Prunes others) {
        Map<String, Long> all = new HashMap<>(before);
        others.before.forEach((stream, position) -> all.merge(stream, position, Math::max));
        return new Prunes(all);
    }

    boolean cover(String stream, long n) {
        return n < before.getOrDefault(stream, 0L);
    }

    /** Whether it has events that are to be pruned. */
    boolean touch(JournalShelf shelf) {
        return before.entrySet().stream()
                .anyMatch(stream -> shelf.range(stream.getKey())
                        .filter(range -> range.first() < stream.getValue())
                        .isPresent());
    }

    /** What is left of these events, in the same order. */
    List<StoredEvent> rest(List<StoredEvent> events) {
        return events.stream()
                .map(event -> cover(event.stream(), event.n()) ? event.pruned() : event)
                .toList();
    }
}
