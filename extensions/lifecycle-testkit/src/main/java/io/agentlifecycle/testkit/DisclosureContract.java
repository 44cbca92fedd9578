package io.agentlifecycle.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Disclosure;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** C15 disclosures and their erasure, and what C1, C4, C7 and C14 say of them. */
abstract class DisclosureContract extends RaceContract {
    private static final Disclosure FIRST = new Disclosure("a", 0, "[\"s-1\",\"mail\",\"ann@example.org\"]");
    private static final Disclosure SECOND =
            new Disclosure("a", 0, "[\"s-2\",\"reason\",\"Stra\u00dfe \ud83e\udd16\"]");
    private static final Disclosure THIRD = new Disclosure("a", 2, "a \\ and a \" and </end>");
    private static final Disclosure OTHER = new Disclosure("b", 0, FIRST.content());

    /** Three events on one stream and one on another; the one in the middle discloses nothing. */
    private Draft disclosing() {
        return draft().write("a", 0)
                .write("b", 0)
                .write("a", 1)
                .write("a", 2)
                .disclose(THIRD)
                .disclose(OTHER)
                .disclose(FIRST)
                .disclose(SECOND);
    }

    @Test
    void c15_disclosures_come_back_character_for_character_beside_their_trail() throws Exception {
        LifecycleStore store = fresh();
        applied(store, disclosing());
        Disclosure later = new Disclosure("a", 3, "x".repeat(Disclosure.MAX_BYTES));
        applied(store, draft().write("a", 3).disclose(later));

        assertThat(store.disclosures("a", 0, 10)).containsExactly(FIRST, SECOND, THIRD, later);
        assertThat(store.disclosures("a", -5, 10)).containsExactly(FIRST, SECOND, THIRD, later);
        assertThat(store.disclosures("b", 0, 10)).containsExactly(OTHER);
        assertThat(store.disclosures("nobody", 0, 10)).isEmpty();
        assertThat(store.disclosures("a", 4, 10)).isEmpty();
    }

    @Test
    void c15_a_limit_of_disclosures_counts_events_and_splits_none() throws Exception {
        LifecycleStore store = fresh();
        applied(store, disclosing());

        assertThat(store.disclosures("a", 0, 0)).isEmpty();
        assertThat(store.disclosures("a", 0, 1)).containsExactly(FIRST, SECOND);
        assertThat(store.disclosures("a", 1, 1)).isEmpty();
        assertThat(store.disclosures("a", 1, 2)).containsExactly(THIRD);
        assertThat(store.disclosures("a", 0, Integer.MAX_VALUE)).containsExactly(FIRST, SECOND, THIRD);
    }

    @Test
    void c15_what_was_erased_never_comes_back_and_all_else_stays() throws Exception {
        LifecycleStore store = fresh();
        Draft draft = disclosing();
        long seq = applied(store, draft);

        store.erase("a", List.of(0L, 1L));
        store.erase("a", List.of(0L));

        assertThat(store.disclosures("a", 0, 10)).containsExactly(THIRD);
        assertThat(store.disclosures("b", 0, 10)).containsExactly(OTHER);
        assertThat(store.trail("a", 0, 10)).hasSize(3);
        assertThat(applied(store, draft)).as("the same request again").isEqualTo(seq);
        assertThat(store.disclosures("a", 0, 10)).containsExactly(THIRD);
    }

    @Test
    void c15_erasing_what_is_not_there_changes_nothing_and_forbids_nothing() throws Exception {
        LifecycleStore store = fresh();
        applied(store, disclosing());

        store.erase("a", List.of());
        store.erase("a", List.of(1L, 7L, Long.MAX_VALUE));
        store.erase("nobody", List.of(0L));
        applied(store, draft().write("nobody", 0).disclose(new Disclosure("nobody", 0, "somebody")));

        assertThat(store.disclosures("a", 0, 10)).containsExactly(FIRST, SECOND, THIRD);
        assertThat(store.disclosures("nobody", 0, 10)).hasSize(1);
    }

    @Test
    void c1_a_commit_that_is_refused_discloses_nothing() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(A, 1));

        assertThat(conflict(store, disclosing().put(A, 1))).isEqualTo(Map.of(A, 1L));

        assertThat(store.disclosures("a", 0, 10)).isEmpty();
    }

    @Test
    void c7_a_request_with_another_disclosure_is_another_request() throws Exception {
        LifecycleStore store = fresh();
        Disclosure one = new Disclosure("a", 0, "one");
        Disclosure two = new Disclosure("a", 0, "two");
        applied(store, new Draft("again").write("a", 0).disclose(one));

        assertThat(rejected(store, new Draft("again").write("a", 0).disclose(two)))
                .isEqualTo(CommitResult.Reason.REQUEST_ID_REUSED);
        store.erase("a", List.of(0L));
        assertThat(rejected(store, new Draft("again").write("a", 0).disclose(two)))
                .isEqualTo(CommitResult.Reason.REQUEST_ID_REUSED);

        assertThat(store.disclosures("a", 0, 10)).isEmpty();
    }

    @Test
    void c4_disclosures_and_erasures_survive_a_crash() throws Exception {
        LifecycleStore store = fresh();
        Draft draft = disclosing();
        applied(store, draft);
        store.erase("a", List.of(2L));
        Optional<StoreMedium> medium = durable(store);

        if (medium.isEmpty()) {
            // nothing survives, so nothing can come back
            assertThat(fresh().disclosures("a", 0, 10)).isEmpty();
            return;
        }
        LifecycleStore recovered = again(medium.get().crash(), abandon(store));
        assertThat(recovered.disclosures("a", 0, 10)).containsExactly(FIRST, SECOND);
        applied(recovered, draft);
        assertThat(recovered.disclosures("a", 0, 10)).containsExactly(FIRST, SECOND);
        recovered.erase("a", List.of(0L));
        assertThat(recovered.disclosures("a", 0, 10)).isEmpty();
        assertThat(recovered.disclosures("b", 0, 10)).containsExactly(OTHER);
    }

    @Test
    void c4_disclosures_and_erasures_are_there_when_the_store_is_opened_again() throws Exception {
        LifecycleStore store = fresh();
        applied(store, disclosing());
        store.erase("a", List.of(0L));
        Optional<StoreMedium> medium = durable(store);
        store.close();

        LifecycleStore next = medium.isEmpty() ? fresh() : again(medium.get().reopen(), abandon(store));
        assertThat(next.disclosures("a", 0, 10)).isEqualTo(medium.isEmpty() ? List.of() : List.of(THIRD));
    }

    @Test
    void c14_after_a_failure_of_durability_nothing_is_erased() throws Exception {
        LifecycleStore store = fresh();
        applied(store, disclosing());
        Optional<StoreMedium> medium = durable(store);

        if (medium.isEmpty()) {
            // nothing has to become durable, so nothing can be in the way
            store.erase("a", List.of(0L, 2L));
            assertThat(store.disclosures("a", 0, 10)).isEmpty();
            return;
        }
        medium.get().fail();
        for (int i = 0; i < 2; i++) {
            assertThatThrownBy(() -> store.erase("a", List.of(0L, 2L))).isInstanceOf(StoreException.class);
        }

        abandon(store);
        LifecycleStore recovered = medium.get().crash();
        recovered.erase("a", List.of(0L, 2L));
        assertThat(recovered.disclosures("a", 0, 10)).isEmpty();
        recovered.close();
    }
}
