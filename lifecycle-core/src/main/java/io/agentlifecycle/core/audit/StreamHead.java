package io.agentlifecycle.core.audit;

import static java.util.Objects.requireNonNull;

import java.time.Instant;

/**
 * Where the next event of a stream goes. It is stored with the record that the stream belongs to, so the version check
 * of that record keeps the chain from forking.
 *
 * @param lastAt the time of the last event; the next one is not earlier
 */
public record StreamHead(StreamPosition next, Instant lastAt) {
    public StreamHead {
        requireNonNull(next, "next");
        requireNonNull(lastAt, "lastAt");
    }

    /** The head of a stream that has no event. */
    public static StreamHead of(String stream) {
        return new StreamHead(StreamPosition.first(stream), Instant.MIN);
    }

    /** The head of a stream whose last event is {@code last}. */
    public static StreamHead after(SealedEvent last) {
        return new StreamHead(last.next(), last.event().at());
    }

    /** What records hold of it. */
    public Json toJson() {
        return Json.object()
                .put("n", next.n())
                .put("prev", next.prev())
                .put("at", lastAt.toString())
                .build();
    }

    /**
     * Reads what {@link #toJson} wrote.
     *
     * @throws JsonFormatException if it is anything else
     */
    public static StreamHead read(String stream, JsonFields head) {
        var result =
                new StreamHead(new StreamPosition(stream, head.integer("n"), head.string("prev")), head.instant("at"));
        head.end();
        return result;
    }
}
