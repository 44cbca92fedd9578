package io.agentlifecycle.storage.json;

import java.util.HashMap;
import java.util.Map;

/**
 * What was erased, and may still stand in files until the next checkpoint.
 *
 * @param lines which line of the journal erased what is disclosed of an event
 */
record Erasures(Map<Place, Long> lines) {
    static final Erasures NONE = new Erasures(Map.of());

    /** Where an event stands. */
    record Place(String stream, long n) {}

    Erasures {
        lines = Map.copyOf(lines);
    }

    boolean isEmpty() {
        return lines.isEmpty();
    }

    /** These, and what line {@code seq} says. */
    Erasures and(long seq, Line.Erase erase) {
        Map<Place, Long> more = new HashMap<>(lines);
        erase.positions().forEach(n -> more.put(new Place(erase.stream(), n), seq));
        return new Erasures(more);
    }

    /** Those of lines after {@code seq}. */
    Erasures after(long seq) {
        Map<Place, Long> later = new HashMap<>(lines);
        later.values().removeIf(line -> line <= seq);
        return new Erasures(later);
    }

    /** Whether it was erased; what came later at the same place was not. */
    boolean hides(Disclosed disclosed) {
        var place = new Place(
                disclosed.disclosure().stream(), disclosed.disclosure().n());
        return disclosed.seq() < lines.getOrDefault(place, 0L);
    }
}
