package io.agentlifecycle.core.store;

import java.util.List;

/**
 * Some events in the order of their commits. A page never ends inside a commit.
 *
 * @param cursor what to pass as {@code after} for the following page; the same as before if there is nothing yet
 */
public record EventPage(List<StoredEvent> events, long cursor) {
    public EventPage {
        events = List.copyOf(events);
    }
}
