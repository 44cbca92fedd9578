package io.agentlifecycle.core;

import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamPosition;
import java.time.Instant;

/**
 * Where the next event of a stream goes. It is stored with the record that the stream belongs to, so the version check
 * of that record keeps the chain from forking.
 *
 * @param lastAt the time of the last event; the next one is not earlier
 */
record StreamHead(StreamPosition next, Instant lastAt) {
    static StreamHead of(String stream) {
        return new StreamHead(StreamPosition.first(stream), Instant.MIN);
    }

    static StreamHead after(SealedEvent last) {
        return new StreamHead(last.next(), last.event().at());
    }

    Json toJson() {
        return Json.object()
                .put("n", next.n())
                .put("prev", next.prev())
                .put("at", lastAt.toString())
                .build();
    }

    static StreamHead read(String stream, JsonFields head) {
        var result =
                new StreamHead(new StreamPosition(stream, head.integer("n"), head.string("prev")), head.instant("at"));
        head.end();
        return result;
    }
}
