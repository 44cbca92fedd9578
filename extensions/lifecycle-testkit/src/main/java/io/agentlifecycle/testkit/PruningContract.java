package io.agentlifecycle.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Disclosure;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.StoredEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** C16 pruning, and what C4, C7, C13 and C14 say of it. */
abstract class PruningContract extends DisclosureContract {
    private static final Disclosure OF_THE_FIRST = new Disclosure("a", 0, "ann@example.org");
    private static final Disclosure OF_THE_THIRD = new Disclosure("a", 2, "bob@example.org");
    private static final Disclosure OF_ANOTHER = new Disclosure("b", 0, OF_THE_FIRST.content());
    private static final StoredEvent SIGNED =
            new StoredEvent("a", 0, "{\"said\":\"Stra\u00dfe\"}", Optional.of("c2ln"));

    private static StoredEvent rest(String stream, long n) {
        return Draft.event(stream, n).pruned();
    }

    /** Four events of one stream and two of another, in three commits, with disclosures. */
    private List<Draft> drafts() {
        return List.of(
                draft().put(A, 1)
                        .write(SIGNED)
                        .write("b", 0)
                        .write("a", 1)
                        .disclose(OF_THE_FIRST)
                        .disclose(OF_ANOTHER),
                draft().put(A, 2).write("a", 2).disclose(OF_THE_THIRD),
                draft().put(B, 1).write("a", 3).write("b", 1));
    }

    private LifecycleStore filled() throws Exception {
        LifecycleStore store = fresh();
        drafts().forEach(draft -> applied(store, draft));
        return store;
    }

    @Test
    void c16_of_pruned_events_their_places_and_leaf_hashes_are_left() throws Exception {
        LifecycleStore store = filled();

        prune(store, Map.of("a", 2L));

        StoredEvent first = StoredEvent.pruned("a", 0, Digests.leafHash(SIGNED.canonical()));
        List<StoredEvent> log = List.of(
                first,
                Draft.event("b", 0),
                rest("a", 1),
                Draft.event("a", 2),
                Draft.event("a", 3),
                Draft.event("b", 1));
        assertThat(Reads.log(store, 0, 1)).isEqualTo(log);
        assertThat(store.trail("a", 0, 10))
                .containsExactly(first, rest("a", 1), Draft.event("a", 2), Draft.event("a", 3));
        assertThat(store.trail("a", 1, 2)).containsExactly(rest("a", 1), Draft.event("a", 2));
        assertThat(store.trail("b", 0, 10)).containsExactly(Draft.event("b", 0), Draft.event("b", 1));
    }

    @Test
    void c16_pages_of_the_log_end_where_they_did() throws Exception {
        LifecycleStore store = filled();
        List<EventPage> before = pages(store);

        prune(store, Map.of("a", 3L, "b", 1L));

        List<EventPage> after = pages(store);
        assertThat(after)
                .extracting(EventPage::cursor)
                .isEqualTo(before.stream().map(EventPage::cursor).toList());
        assertThat(after)
                .extracting(page -> leaves(page.events()))
                .isEqualTo(before.stream().map(page -> leaves(page.events())).toList());
        assertThat(after.get(0).events()).allMatch(StoredEvent::isPruned).hasSize(3);
        assertThat(after.get(2).events()).noneMatch(StoredEvent::isPruned).hasSize(2);
    }

    private static List<EventPage> pages(LifecycleStore store) {
        List<EventPage> pages = new ArrayList<>(List.of(store.events(0, 1)));
        for (int i = 0; i < 2; i++) {
            pages.add(store.events(pages.get(i).cursor(), 1));
        }
        return pages;
    }

    private static List<String> leaves(List<StoredEvent> events) {
        return events.stream().map(StoredEvent::leafHash).toList();
    }

    @Test
    void c16_what_was_disclosed_of_pruned_events_is_gone_and_all_else_stays() throws Exception {
        LifecycleStore store = filled();

        prune(store, Map.of("a", 1L));

        assertThat(store.disclosures("a", 0, 10)).containsExactly(OF_THE_THIRD);
        assertThat(store.disclosures("b", 0, 10)).containsExactly(OF_ANOTHER);
        assertThat(store.get(A)).contains(Draft.record(A, 2));
        assertThat(store.get(B)).contains(Draft.record(B, 1));

        prune(store, Map.of("a", 4L, "b", 1L));

        assertThat(store.disclosures("a", 0, 10)).isEmpty();
        assertThat(store.disclosures("b", 0, 10)).isEmpty();
        assertThat(store.trail("a", 0, 10)).hasSize(4).allMatch(StoredEvent::isPruned);
        assertThat(store.trail("b", 1, 1)).containsExactly(Draft.event("b", 1));
    }

    @Test
    void c16_what_was_pruned_stays_so_and_what_is_not_there_is_no_mistake() throws Exception {
        LifecycleStore store = filled();

        prune(store, Map.of());
        prune(store, Map.of("a", 0L, "b", -1L));
        assertThat(Reads.log(store, 0, 10)).noneMatch(StoredEvent::isPruned);
        prune(store, Map.of("a", 2L));
        prune(store, Map.of("a", 2L));
        prune(store, Map.of("a", 1L, "nobody", 7L));

        assertThat(store.trail("a", 0, 2)).allMatch(StoredEvent::isPruned).hasSize(2);
        assertThat(store.trail("a", 2, 2)).noneMatch(StoredEvent::isPruned).hasSize(2);
        assertThat(store.trail("nobody", 0, 10)).isEmpty();
    }

    @Test
    void c16_what_comes_later_keeps_its_text() throws Exception {
        LifecycleStore store = filled();

        prune(store, Map.of("a", Long.MAX_VALUE, "nobody", Long.MAX_VALUE));
        Disclosure later = new Disclosure("a", 4, "later");
        applied(store, draft().write("a", 4).write("nobody", 0).disclose(later));

        assertThat(store.trail("a", 0, 4)).allMatch(StoredEvent::isPruned).hasSize(4);
        assertThat(store.trail("a", 4, 10)).containsExactly(Draft.event("a", 4));
        assertThat(store.trail("nobody", 0, 10)).containsExactly(Draft.event("nobody", 0));
        assertThat(store.disclosures("a", 0, 10)).containsExactly(later);
    }

    @Test
    void c16_while_it_prunes_each_read_shows_every_event_and_commits_go_on() throws Exception {
        LifecycleStore store = filled();
        ExecutorService threads = Executors.newFixedThreadPool(2);
        List<String> leaves = leaves(store.trail("a", 0, 4));
        var done = new AtomicBoolean();
        var begun = new CountDownLatch(2);
        try {
            Future<Integer> writer = threads.submit(() -> {
                int count = 0;
                for (; !done.get() || count == 0; count++) {
                    applied(store, draft().write("c", count));
                    begun.countDown();
                }
                return count;
            });
            Future<Boolean> reader = threads.submit(() -> {
                int texts = 4;
                while (!done.get()) {
                    List<StoredEvent> trail = store.trail("a", 0, 4);
                    begun.countDown();
                    assertThat(leaves(trail)).isEqualTo(leaves);
                    assertThat(trail.get(3)).isEqualTo(Draft.event("a", 3));
                    int now = (int)
                            trail.stream().filter(event -> !event.isPruned()).count();
                    assertThat(now).as("no text comes back").isLessThanOrEqualTo(texts);
                    texts = now;
                }
                return true;
            });
            assertThat(begun.await(60, TimeUnit.SECONDS)).isTrue();
            prune(store, Map.of("a", 3L));
            assertThat(store.trail("a", 0, 3)).allMatch(StoredEvent::isPruned);
            done.set(true);

            assertThat(reader.get(60, TimeUnit.SECONDS)).isTrue();
            int committed = writer.get(60, TimeUnit.SECONDS);
            assertThat(store.trail("c", 0, Integer.MAX_VALUE)).hasSize(committed);
        } finally {
            done.set(true);
            threads.shutdown();
            // also if something was wrong: whoever looks at the store then must not meet one that still commits
            assertThat(threads.awaitTermination(60, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Test
    void c7_a_request_whose_events_were_pruned_is_still_the_same_request() throws Exception {
        LifecycleStore store = fresh();
        Draft draft = new Draft("again").write("a", 0).disclose(OF_THE_FIRST);
        long seq = applied(store, draft);
        prune(store, Map.of("a", 1L));

        assertThat(applied(store, draft)).isEqualTo(seq);
        assertThat(rejected(store, new Draft("again").write("a", 1))).isEqualTo(CommitResult.Reason.REQUEST_ID_REUSED);
        assertThat(store.trail("a", 0, 10)).containsExactly(rest("a", 0));
        assertThat(store.disclosures("a", 0, 10)).isEmpty();
    }

    @Test
    void c13_subscribers_hear_nothing_of_pruning() throws Exception {
        LifecycleStore store = filled();
        prune(store, Map.of("a", 9L));

        assertThat(witness(store).commits())
                .hasSize(3)
                .allMatch(commit -> commit.events().stream().noneMatch(StoredEvent::isPruned));
    }

    @Test
    void c4_what_was_pruned_stays_so_after_a_crash() throws Exception {
        LifecycleStore store = filled();
        prune(store, Map.of("a", 3L));
        applied(store, draft().write("a", 4));
        Optional<StoreMedium> medium = durable(store);

        if (medium.isEmpty()) {
            // nothing survives, so nothing can come back
            assertThat(fresh().trail("a", 0, 10)).isEmpty();
            return;
        }
        LifecycleStore recovered = again(medium.get().crash(), abandon(store));
        assertThat(recovered.trail("a", 0, 3)).allMatch(StoredEvent::isPruned).hasSize(3);
        assertThat(recovered.trail("a", 3, 9)).containsExactly(Draft.event("a", 3), Draft.event("a", 4));
        assertThat(recovered.disclosures("a", 0, 10)).isEmpty();
        prune(recovered, Map.of("a", 4L, "b", 2L));
        assertThat(recovered.trail("a", 0, 4)).allMatch(StoredEvent::isPruned);
        assertThat(recovered.disclosures("b", 0, 10)).isEmpty();
    }

    @Test
    void c4_what_was_pruned_stays_so_when_the_store_is_opened_again() throws Exception {
        LifecycleStore store = filled();
        prune(store, Map.of("a", 3L));
        Optional<StoreMedium> medium = durable(store);
        store.close();

        LifecycleStore next = medium.isEmpty() ? fresh() : again(medium.get().reopen(), abandon(store));
        assertThat(next.trail("a", 2, 2))
                .isEqualTo(medium.isEmpty() ? List.of() : List.of(rest("a", 2), Draft.event("a", 3)));
    }

    @Test
    void c14_after_a_failure_of_durability_nothing_is_pruned() throws Exception {
        LifecycleStore store = filled();
        Optional<StoreMedium> medium = durable(store);

        if (medium.isEmpty()) {
            // nothing has to become durable, so nothing can be in the way
            prune(store, Map.of("a", 3L));
            assertThat(store.disclosures("a", 0, 10)).isEmpty();
            return;
        }
        medium.get().fail();
        for (int i = 0; i < 2; i++) {
            assertThatThrownBy(() -> store.prune(Map.of("a", 3L))).isInstanceOf(StoreException.class);
        }

        abandon(store);
        LifecycleStore recovered = medium.get().crash();
        recovered.prune(Map.of("a", 3L));
        assertThat(recovered.trail("a", 0, 3)).allMatch(StoredEvent::isPruned).hasSize(3);
        recovered.close();
    }
}
