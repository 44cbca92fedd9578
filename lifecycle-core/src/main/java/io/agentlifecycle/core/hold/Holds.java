package io.agentlifecycle.core.hold;

import io.agentlifecycle.core.access.Actor;
import java.time.Instant;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The holds that stand on one agent, at most one per reason. SUSPENDED means at least one, ACTIVE means none; any other
 * live state may carry holds. Immutable.
 */
public final class Holds {
    /** How many a caller may place: without an end to them the agent's record could not be read any more. */
    public static final int MOST = 32;

    /** No hold. */
    public static final Holds NONE = new Holds(new TreeMap<>());

    private final SortedMap<HoldReason, Hold> byReason;

    private Holds(SortedMap<HoldReason, Hold> byReason) {
        this.byReason = Collections.unmodifiableSortedMap(byReason);
    }

    /**
     * These holds.
     *
     * @throws IllegalArgumentException if two have the same reason
     */
    public static Holds of(Collection<Hold> holds) {
        Holds result = NONE;
        for (Hold hold : holds) {
            if (result.get(hold.reason()).isPresent()) {
                throw new IllegalArgumentException("two holds with reason " + hold.reason());
            }
            result = result.place(hold).orElseThrow();
        }
        return result;
    }

    /** With {@code hold} added, or in the place of the one with its reason, unless that stands and it does not strengthen it. */
    public Optional<Holds> place(Hold hold) {
        Optional<Hold> standing = get(hold.reason()).filter(it -> !it.isOver(hold.placedAt()));
        if (standing.filter(it -> !hold.strengthens(it)).isPresent()) {
            return Optional.empty();
        }
        var next = new TreeMap<>(byReason);
        next.put(hold.reason(), standing.map(it -> hold.since(it.placedAt())).orElse(hold));
        return Optional.of(new Holds(next));
    }

    /** Without the hold of that reason; empty if none stands. The agent is free when the result {@link #isEmpty}. */
    public Optional<Holds> release(HoldReason reason) {
        if (!byReason.containsKey(reason)) {
            return Optional.empty();
        }
        var next = new TreeMap<>(byReason);
        next.remove(reason);
        return Optional.of(new Holds(next));
    }

    /** With the hold of that reason noted as agreed to be released; empty if none stands. */
    public Optional<Holds> agree(HoldReason reason, Actor actor) {
        return get(reason).flatMap(hold -> release(reason).flatMap(left -> left.place(hold.agreedBy(actor))));
    }

    /** True if nothing holds the agent. */
    public boolean isEmpty() {
        return byReason.isEmpty();
    }

    /** The hold of that reason, if it stands. */
    public Optional<Hold> get(HoldReason reason) {
        return Optional.ofNullable(byReason.get(reason));
    }

    /** The reasons, in order of their codes. */
    public List<HoldReason> reasons() {
        return List.copyOf(byReason.keySet());
    }

    /** Those whose end has come. */
    public List<Hold> over(Instant now) {
        return byReason.values().stream().filter(hold -> hold.isOver(now)).toList();
    }

    /** When the next of them ends by itself. */
    public Optional<Instant> nextEnd() {
        return byReason.values().stream().flatMap(hold -> hold.until().stream()).min(Comparator.naturalOrder());
    }

    /** When the last of them ends by itself; empty if there is none, or one of them does not end. */
    public Optional<Instant> freeAt() {
        boolean allEnd =
                byReason.values().stream().allMatch(hold -> hold.until().isPresent());
        return allEnd
                ? byReason.values().stream()
                        .flatMap(hold -> hold.until().stream())
                        .max(Comparator.naturalOrder())
                : Optional.empty();
    }

    /** The holds, in order of their reasons' codes. */
    public List<Hold> all() {
        return List.copyOf(byReason.values());
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Holds holds && byReason.equals(holds.byReason);
    }

    @Override
    public int hashCode() {
        return byReason.hashCode();
    }

    @Override
    public String toString() {
        return byReason.values().toString();
    }
}
