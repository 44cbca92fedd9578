package io.agentlifecycle.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Reads what comes in pages to its end, and sees that it has one. */
final class Reads {
    private static final int MOST_PAGES = 20_000;

    private Reads() {}

    /** Every record that matches, page by page. */
    static List<StoredRecord> all(LifecycleStore store, RecordQuery query, int limit) {
        return all(store, query, limit, () -> {});
    }

    /** Every record that matches; {@code between} runs after each page. */
    static List<StoredRecord> all(LifecycleStore store, RecordQuery query, int limit, Runnable between) {
        List<StoredRecord> all = new ArrayList<>();
        Optional<PageToken> after = Optional.empty();
        for (int pages = 0; pages < MOST_PAGES; pages++) {
            Page<StoredRecord> page = store.query(query, after, limit);
            assertThat(page.items()).as("a page of at most %d", limit).hasSizeLessThanOrEqualTo(limit);
            assertThat(page.items()).as("what matches %s", query).allMatch(query::matches);
            all.addAll(page.items());
            after = page.next();
            if (after.isEmpty()) {
                return all;
            }
            between.run();
        }
        throw new AssertionError("after " + MOST_PAGES + " pages of " + query + " there is still another one");
    }

    /** Every event after {@code cursor}, page by page. */
    static List<StoredEvent> log(LifecycleStore store, long cursor, int limit) {
        List<StoredEvent> log = new ArrayList<>();
        readOn(store, cursor, limit, log);
        return log;
    }

    /** Adds every event after {@code cursor} to {@code log} and returns the cursor at the end. */
    static long readOn(LifecycleStore store, long cursor, int limit, List<StoredEvent> log) {
        long at = cursor;
        for (int pages = 0; pages < MOST_PAGES; pages++) {
            EventPage page = store.events(at, limit);
            log.addAll(page.events());
            if (page.cursor() == at) {
                assertThat(page.events())
                        .as("events of a page that does not move the cursor")
                        .isEmpty();
                return at;
            }
            assertThat(page.cursor()).as("the cursor after %d", at).isGreaterThan(at);
            at = page.cursor();
        }
        throw new AssertionError("after " + MOST_PAGES + " pages the log still goes on");
    }

    /** Every event of one stream, page by page. */
    static List<StoredEvent> trail(LifecycleStore store, String stream, int limit) {
        List<StoredEvent> trail = new ArrayList<>();
        for (int pages = 0; pages < MOST_PAGES; pages++) {
            List<StoredEvent> page = store.trail(stream, trail.size(), limit);
            assertThat(page).as("a page of at most %d", limit).hasSizeLessThanOrEqualTo(limit);
            if (page.isEmpty()) {
                return trail;
            }
            trail.addAll(page);
        }
        throw new AssertionError("after " + MOST_PAGES + " pages stream " + stream + " still goes on");
    }
}
