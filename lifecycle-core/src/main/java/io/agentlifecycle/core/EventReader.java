package io.agentlifecycle.core;

import io.agentlifecycle.core.audit.JsonFormatException;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Disclosure;
import io.agentlifecycle.core.store.StoredEvent;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** Reads stored events, each with what is disclosed of it now. Safe for use by many threads. */
record EventReader(Supplier<LifecycleStore> store) {
    /** Where an event stands. */
    private record Place(String stream, long n) {
        static Place of(StoredEvent event) {
            return new Place(event.stream(), event.n());
        }
    }

    /** Positions of one stream. */
    private record Range(long from, long to) {
        Range and(Range other) {
            return new Range(Math.min(from, other.from), Math.max(to, other.to));
        }
    }

    /** Some events, with all that is disclosed of them. */
    record Some(Map<Place, List<String>> disclosed) {
        /**
         * The event that was stored, one of those.
         *
         * @throws JsonFormatException if it is none, or something else is disclosed
         */
        SealedEvent read(StoredEvent stored) {
            List<String> beside = disclosed.getOrDefault(Place.of(stored), List.of());
            return SealedEvent.read(stored.canonical(), stored.signature(), beside);
        }
    }

    /** For reading these events: the store is asked once for each of their streams of which something stands beside. */
    Some reading(List<StoredEvent> events) {
        Map<String, Range> streams = new HashMap<>();
        for (StoredEvent event : events) {
            if (SealedEvent.mayConceal(event.canonical())) {
                streams.merge(event.stream(), new Range(event.n(), event.n()), Range::and);
            }
        }
        Map<Place, List<String>> disclosed = new HashMap<>();
        streams.forEach((stream, range) -> {
            int count = Math.toIntExact(range.to() - range.from() + 1);
            for (Disclosure found : store.get().disclosures(stream, range.from(), count)) {
                disclosed
                        .computeIfAbsent(new Place(stream, found.n()), place -> new ArrayList<>())
                        .add(found.content());
            }
        });
        return new Some(disclosed);
    }
}
