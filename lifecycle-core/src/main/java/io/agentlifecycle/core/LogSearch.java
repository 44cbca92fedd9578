package io.agentlifecycle.core;

import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.StoredEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * Looks through the log for some of its events. There is no index of them, so a search reads all that it passes; one call
 * reads so much of it and no more.
 */
final class LogSearch {
    private static final int PAGES = 10;
    private static final int PAGE = 500;

    private LogSearch() {}

    /**
     * The events after {@code cursor} that are wanted, about {@code limit} of them: fewer if the call has read its share,
     * more if the last commit has more. The cursor says how far it has read.
     */
    static EventPage find(
            LifecycleStore store, EventReader reader, Predicate<AuditEvent> wanted, long cursor, int limit) {
        List<StoredEvent> found = new ArrayList<>();
        long at = cursor;
        for (int read = 0; read < PAGES && found.size() < limit; read++) {
            EventPage page = store.events(at, PAGE);
            List<StoredEvent> matching = matching(page, reader, wanted);
            int room = limit - found.size();
            if (matching.size() > room) {
                // what is left over is for the next call, so this one ends with the commit of the last that has room
                page = store.events(at, page.events().indexOf(matching.get(room - 1)) + 1);
                matching = matching(page, reader, wanted);
            }
            found.addAll(matching);
            if (page.cursor() == at) {
                break;
            }
            at = page.cursor();
        }
        return new EventPage(found, at);
    }

    private static List<StoredEvent> matching(EventPage page, EventReader reader, Predicate<AuditEvent> wanted) {
        EventReader.Some reading = reader.reading(page.events());
        return page.events().stream()
                .filter(stored -> !stored.isPruned())
                .filter(stored -> wanted.test(reading.read(stored).event()))
                .toList();
    }
}
