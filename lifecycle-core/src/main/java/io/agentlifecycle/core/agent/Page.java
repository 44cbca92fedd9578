package io.agentlifecycle.core.agent;

import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * A part of a long list.
 *
 * @param next where the following page begins; empty if this is the last one
 */
public record Page<T>(List<T> items, Optional<PageToken> next) {
    public Page {
        items = List.copyOf(items);
        requireNonNull(next, "next");
    }

    /** The same page of other things. */
    public <R> Page<R> map(Function<T, R> mapper) {
        return new Page<>(items.stream().<R>map(mapper).toList(), next);
    }
}
