package io.agentlifecycle.core.audit;

import java.util.List;

/**
 * A part of the log, for a reader that follows it with a cursor.
 *
 * @param events in the order in which they were committed
 * @param cursor what to pass next time; the same as before if nothing new was there
 */
public record LogPage(List<SealedEvent> events, long cursor) {
    public LogPage {
        events = List.copyOf(events);
    }
}
