package io.agentlifecycle.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** C12 events, C13 subscribers. */
abstract class LogContract extends CommitContract {
    /** What a store that decodes, normalises or escapes by itself gets wrong. */
    private static final List<String> HARD_TEXTS = List.of(
            "plain",
            "quotes \" and \\ and / and \b\f\n\r\t",
            "controls \u0000 \u001f \u007f \u0085",
            "composed \u00e9, decomposed e\u0301, Angstrom \u212b, ligature \ufb01",
            "line ends \u2028 and \u2029, mark \ufeff, joiner \u200d, right to left \u202e",
            "beyond the plane \ud83e\udd16 \ud834\udd1e \udbff\udfff, not a character \uffff",
            "Gr\u00fc\u00dfe, \u65e5\u672c\u8a9e, \u0627\u0644\u0639\u0631\u0628\u064a\u0629",
            "<b>&amp;</b> ${x} {{y}} %s '; --");

    // ---- C12

    @Test
    void c12_events_come_back_character_for_character() throws Exception {
        LifecycleStore store = fresh();
        List<StoredEvent> written = new ArrayList<>();
        for (String text : HARD_TEXTS) {
            written.add(new StoredEvent("s", written.size(), canonical(text), Optional.of("c2ln-_" + written.size())));
        }
        // opaque to the store: not the text that it would have written itself
        written.add(new StoredEvent(
                "s", written.size(), "{ \"b\" : 1.0, \"a\":\"\\u00e9\\/\" , \"b2\":1e2 }", Optional.empty()));
        for (StoredEvent event : written) {
            applied(store, draft().write(event));
        }

        assertThat(Reads.log(store, 0, 3)).isEqualTo(written);
        assertThat(Reads.trail(store, "s", 3)).isEqualTo(written);
    }

    @Test
    void c12_records_come_back_character_for_character() throws Exception {
        LifecycleStore store = fresh();
        for (int i = 0; i < HARD_TEXTS.size(); i++) {
            StoredRecord record = new StoredRecord(
                    key("hard-" + i),
                    1,
                    Optional.of(Draft.NOON.plusNanos(i)),
                    canonical(HARD_TEXTS.get(i)),
                    Map.of("text", "t" + HARD_TEXTS.get(i)));

            applied(store, draft().put(record));

            assertThat(store.get(record.key())).contains(record);
        }
    }

    private static String canonical(String text) {
        return CanonicalJson.write(Json.object().put("text", text).build());
    }

    @Test
    void c12_events_come_in_the_order_of_commits_and_of_their_lists() throws Exception {
        LifecycleStore store = fresh();
        List<StoredEvent> written = List.of(
                Draft.event("z", 0),
                Draft.event("a", 0),
                Draft.event("z", 1),
                Draft.event("m", 0),
                Draft.event("a", 1),
                Draft.event("z", 2));
        applied(store, draft().write(written.get(0)).write(written.get(1)).write(written.get(2)));
        applied(store, draft().write(written.get(3)).write(written.get(4)).write(written.get(5)));

        assertThat(store.events(0, 100).events()).isEqualTo(written);
        assertThat(store.trail("z", 0, 100)).isEqualTo(List.of(written.get(0), written.get(2), written.get(5)));
        assertThat(store.trail("a", 0, 100)).isEqualTo(List.of(written.get(1), written.get(4)));
    }

    @Test
    void c12_a_page_never_ends_inside_a_commit() throws Exception {
        LifecycleStore store = fresh();
        List<Integer> ends = new ArrayList<>(List.of(0));
        int n = 0;
        for (int size : new int[] {3, 1, 4, 2, 5}) {
            Draft draft = draft();
            for (int i = 0; i < size; i++) {
                draft.write("s", n++);
            }
            applied(store, draft);
            ends.add(n);
        }

        for (int limit = 1; limit <= n; limit++) {
            List<StoredEvent> read = new ArrayList<>();
            long cursor = 0;
            while (read.size() < n) {
                EventPage page = store.events(cursor, limit);
                assertThat(page.events().size())
                        .as("events after %d of %d with limit %d", read.size(), n, limit)
                        .isGreaterThanOrEqualTo(Math.min(limit, n - read.size()));
                read.addAll(page.events());
                cursor = page.cursor();
                assertThat(ends).as("the end of a page with limit %d", limit).contains(read.size());
            }
            assertThat(read).isEqualTo(store.trail("s", 0, n));
        }
    }

    @Test
    void c12_a_cursor_stays_at_the_end_and_goes_on_from_there() throws Exception {
        LifecycleStore store = fresh();
        assertThat(store.events(0, 10)).isEqualTo(new EventPage(List.of(), 0));
        applied(store, draft().write("s", 0));
        long cursor = store.events(0, 10).cursor();
        assertThat(store.events(cursor, 10)).isEqualTo(new EventPage(List.of(), cursor));

        applied(store, draft().write("s", 1));

        assertThat(store.events(cursor, 10).events()).containsExactly(Draft.event("s", 1));
    }

    @Test
    void c12_commits_without_events_do_not_end_the_log() throws Exception {
        LifecycleStore store = fresh();
        for (int i = 0; i < 12; i++) {
            applied(store, draft().put(key("silent-" + i), 1));
        }
        applied(store, draft().write("s", 0));

        assertThat(Reads.log(store, 0, 1)).containsExactly(Draft.event("s", 0));
    }

    @Test
    void c12_a_trail_begins_where_it_is_asked_to_and_ends_at_its_limit() throws Exception {
        LifecycleStore store = fresh();
        for (int n = 0; n < 7; n++) {
            applied(store, draft().write("s", n).write("other", n));
        }

        assertThat(store.trail("s", 0, 3)).extracting(StoredEvent::n).containsExactly(0L, 1L, 2L);
        assertThat(store.trail("s", 5, 3)).extracting(StoredEvent::n).containsExactly(5L, 6L);
        assertThat(store.trail("s", 6, 1)).extracting(StoredEvent::n).containsExactly(6L);
        assertThat(store.trail("s", 7, 3)).isEmpty();
        assertThat(store.trail("s", Long.MAX_VALUE, Integer.MAX_VALUE)).isEmpty();
        assertThat(store.trail("s", 2, Integer.MAX_VALUE)).hasSize(5);
        assertThat(store.trail("nobody", 0, 10)).isEmpty();
    }

    // ---- C13

    @Test
    void c13_a_subscriber_has_seen_a_commit_when_it_is_acknowledged() throws Exception {
        LifecycleStore store = fresh();
        List<String> heard = new ArrayList<>();
        store.subscribe((seq, commit) -> heard.add(seq + " " + commit.requestId()));
        List<String> expected = new ArrayList<>();
        for (long version = 1; version <= 5; version++) {
            Draft draft = draft().put(A, version);
            expected.add(applied(store, draft) + " " + draft.build().requestId());

            assertThat(heard).isEqualTo(expected);
        }
    }

    @Test
    void c13_a_subscriber_hears_of_a_commit_as_a_whole() throws Exception {
        LifecycleStore store = fresh();
        List<Commit> heard = new ArrayList<>();
        store.subscribe((seq, commit) -> heard.add(commit));
        applied(store, draft().put(C, 1));
        Draft draft =
                draft().check(C, 1).put(A, 1).put(B, 1).purge(C).write("a", 0).write("b", 0);

        applied(store, draft);

        assertThat(heard).hasSize(2);
        assertThat(heard.get(1).mutations()).isEqualTo(draft.build().mutations());
        assertThat(heard.get(1).events()).isEqualTo(draft.build().events());
    }

    @Test
    void c13_a_subscriber_does_not_hear_of_what_was_not_applied() throws Exception {
        LifecycleStore store = fresh();
        applied(store, new Draft("once").put(A, 1));
        List<Commit> heard = new ArrayList<>();
        store.subscribe((seq, commit) -> heard.add(commit));

        applied(store, new Draft("once").put(A, 1));
        rejected(store, new Draft("once").put(B, 1));
        conflict(store, draft().put(A, 1));

        assertThat(heard).isEmpty();
    }

    @Test
    void c13_every_subscriber_hears_until_its_subscription_is_closed() throws Exception {
        LifecycleStore store = fresh();
        List<Long> first = new ArrayList<>();
        List<Long> second = new ArrayList<>();
        LifecycleStore.Subscription one = store.subscribe((seq, commit) -> first.add(seq));
        long before = applied(store, draft().put(A, 1));
        LifecycleStore.Subscription two = store.subscribe((seq, commit) -> second.add(seq));
        long both = applied(store, draft().put(A, 2));
        one.close();
        long after = applied(store, draft().put(A, 3));
        two.close();
        two.close();
        applied(store, draft().put(A, 4));

        assertThat(first).containsExactly(before, both);
        assertThat(second).containsExactly(both, after);
    }
}
