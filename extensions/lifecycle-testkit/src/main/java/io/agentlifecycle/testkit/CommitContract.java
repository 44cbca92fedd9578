package io.agentlifecycle.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoredRecord;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** C1 all or nothing, C2 checks, C6 numbers, C7 request ids. */
abstract class CommitContract extends StoreHarness {
    // ---- C1

    @Test
    void c1_a_commit_stores_every_mutation_and_every_event() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(C, 1).write("c", 0));

        applied(
                store,
                draft().put(A, 1).put(B, 1).purge(C).write("a", 0).write("b", 0).write("c", 1));

        assertThat(store.get(A)).contains(Draft.record(A, 1));
        assertThat(store.get(B)).contains(Draft.record(B, 1));
        assertThat(store.get(C)).isEmpty();
        assertThat(store.trail("a", 0, 10)).containsExactly(Draft.event("a", 0));
        assertThat(store.trail("b", 0, 10)).containsExactly(Draft.event("b", 0));
        assertThat(store.trail("c", 0, 10)).containsExactly(Draft.event("c", 0), Draft.event("c", 1));
    }

    @Test
    void c1_a_commit_that_meets_one_stale_version_stores_nothing() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(Draft.due(A, 1, Draft.NOON)).write("a", 0));
        Draft stale = draft().at(Draft.NOON.plusSeconds(60))
                .put(Draft.indexed(B, 1, Map.of("owner", "bob")))
                .put(Draft.record(A, 1))
                .write("b", 0)
                .write("a", 1);

        assertThat(conflict(store, stale)).isEqualTo(Map.of(A, 1L));

        assertNothingOf(store, stale.build(), B);
        assertThat(store.get(A)).contains(Draft.due(A, 1, Draft.NOON));
        assertThat(store.due(Draft.NOON, 10)).containsExactly(A);
        assertThat(store.trail("a", 0, 10)).hasSize(1);
        assertThat(store.describe().clockHighWater()).contains(Draft.NOON);
    }

    @Test
    void c1_a_commit_may_have_events_alone() throws Exception {
        LifecycleStore store = fresh();

        applied(store, draft().write("log", 0).write("log", 1));

        assertThat(store.trail("log", 0, 10)).containsExactly(Draft.event("log", 0), Draft.event("log", 1));
    }

    @Test
    void c1_a_purged_record_is_gone_from_every_view_and_its_trail_stays() throws Exception {
        LifecycleStore store = fresh();
        applied(
                store,
                draft().put(new StoredRecord(A, 1, Optional.of(Draft.NOON), "{}", Map.of("owner", "ann")))
                        .write("a", 0));
        store.heartbeats(List.of(new Heartbeat(A, new Liveness(Draft.NOON, 1))));

        applied(store, draft().check(A, 1).purge(A).write("a", 1));

        assertThat(store.get(A)).isEmpty();
        assertThat(Reads.all(store, RecordQuery.of(RecordKey.AGENT), 10)).isEmpty();
        assertThat(Reads.all(store, owned("ann"), 10)).isEmpty();
        assertThat(store.due(Draft.FAR, 10)).isEmpty();
        assertThat(store.liveness(A)).isEmpty();
        assertThat(store.trail("a", 0, 10)).containsExactly(Draft.event("a", 0), Draft.event("a", 1));
    }

    @Test
    void c1_after_a_purge_the_key_begins_again_with_version_1() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(A, 1));
        applied(store, draft().put(A, 2));
        applied(store, draft().purge(A));

        assertThat(conflict(store, draft().put(A, 3))).isEqualTo(Map.of(A, 0L));
        applied(store, draft().put(A, 1));

        assertThat(store.get(A)).contains(Draft.record(A, 1));
    }

    @Test
    void c1_a_commit_of_as_many_records_as_the_store_takes_is_stored_whole() throws Exception {
        LifecycleStore store = fresh();
        int most = store.describe().maxRecords();

        applied(store, puts(most));

        assertThat(Reads.all(store, RecordQuery.of(RecordKey.AGENT), most)).hasSize(most);
    }

    @Test
    void c1_a_commit_of_more_records_than_the_store_takes_stores_nothing() throws Exception {
        LifecycleStore store = fresh();
        Draft tooMuch = puts(store.describe().maxRecords() + 1);

        assertThat(rejected(store, tooMuch)).isEqualTo(CommitResult.Reason.TOO_LARGE);

        assertNothingOf(store, tooMuch.build(), key("many-0"));
        assertThat(store.describe().clockHighWater()).isEmpty();
    }

    private Draft puts(int count) {
        Draft draft = draft();
        for (int i = 0; i < count; i++) {
            draft.put(key("many-" + i), 1);
        }
        return draft.write("many", 0);
    }

    // ---- C2

    @Test
    void c2_a_put_of_version_1_must_be_new() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(A, 1));

        assertThat(conflict(store, draft().put(A, 1))).isEqualTo(Map.of(A, 1L));
    }

    @Test
    void c2_a_put_must_replace_the_version_before() throws Exception {
        LifecycleStore store = fresh();
        for (long version = 1; version <= 3; version++) {
            applied(store, draft().put(A, version));
        }

        for (long version : new long[] {1, 2, 3, 5, 6, Long.MAX_VALUE}) {
            assertThat(conflict(store, draft().put(A, version)))
                    .as("version %d after 3", version)
                    .isEqualTo(Map.of(A, 3L));
        }
        assertThat(conflict(store, draft().put(B, 2)))
                .as("version 2 of nothing")
                .isEqualTo(Map.of(B, 0L));
        applied(store, draft().put(A, 4));
        assertThat(store.get(A)).contains(Draft.record(A, 4));
    }

    @Test
    void c2_every_check_is_compared_wherever_it_stands() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(A, 1).put(B, 1));
        applied(store, draft().put(A, 2));

        for (int wrong = 0; wrong < 3; wrong++) {
            assertThat(conflict(store, checks(wrong, false).put(C, 1)))
                    .as("a wrong version at place %d", wrong)
                    .isEqualTo(Map.of(A, 2L));
            assertThat(conflict(store, checks(wrong, true).put(C, 1)))
                    .as("absent at place %d, but it is there", wrong)
                    .isEqualTo(Map.of(A, 2L));
        }
        assertThat(store.get(C)).isEmpty();
        applied(store, checks(3, false).put(C, 1));
        assertThat(store.get(C)).contains(Draft.record(C, 1));
    }

    /** Three checks that hold, but one at place {@code wrong} that does not. */
    private Draft checks(int wrong, boolean absent) {
        Draft draft = draft();
        for (int place = 0; place < 3; place++) {
            if (place == wrong && absent) {
                draft.absent(A);
            } else if (place == wrong) {
                draft.check(A, 1);
            } else if (place == 0) {
                draft.check(A, 2);
            } else if (place == 1) {
                draft.check(B, 1);
            } else {
                draft.absent(key("nobody"));
            }
        }
        return draft;
    }

    @Test
    void c2_a_check_of_a_version_fails_if_there_is_no_record() throws Exception {
        LifecycleStore store = fresh();

        assertThat(conflict(store, draft().check(A, 1).put(B, 1))).isEqualTo(Map.of(A, 0L));
        assertThat(store.get(B)).isEmpty();
    }

    @Test
    void c2_checks_alone_can_guard_events() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(A, 1));

        assertThat(conflict(store, draft().check(A, 2).write("a", 0))).isEqualTo(Map.of(A, 1L));
        applied(store, draft().check(A, 1).write("a", 0));

        assertThat(store.trail("a", 0, 10)).hasSize(1);
    }

    @Test
    void c2_a_conflict_names_every_record_that_did_not_match_and_no_other() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(A, 1).put(B, 1));

        Draft wrong = draft().check(A, 7).absent(B).put(C, 4).put(key("d"), 1);

        assertThat(conflict(store, wrong)).isEqualTo(Map.of(A, 1L, B, 1L, C, 0L));
        assertThat(store.get(key("d"))).isEmpty();
    }

    @Test
    void c2_a_purge_under_a_stale_check_removes_nothing() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(A, 1));
        applied(store, draft().put(A, 2));

        assertThat(conflict(store, draft().check(A, 1).purge(A))).isEqualTo(Map.of(A, 2L));

        assertThat(store.get(A)).contains(Draft.record(A, 2));
    }

    @Test
    void c2_records_of_other_tenants_and_kinds_have_versions_of_their_own() throws Exception {
        LifecycleStore store = fresh();
        RecordKey elsewhere = key(TenantId.of("acme"), A.id());
        RecordKey buried = new RecordKey(A.tenant(), RecordKey.TOMBSTONE, A.id());
        applied(store, draft().put(A, 1));
        applied(store, draft().put(A, 2));

        applied(store, draft().absent(elsewhere).put(elsewhere, 1).put(buried, 1));

        assertThat(store.get(A)).contains(Draft.record(A, 2));
        assertThat(store.get(elsewhere)).contains(Draft.record(elsewhere, 1));
        assertThat(store.get(buried)).contains(Draft.record(buried, 1));
    }

    // ---- C6

    @Test
    void c6_numbers_strictly_increase_whatever_is_refused_in_between() throws Exception {
        LifecycleStore store = fresh();
        List<Long> numbers = new ArrayList<>();
        for (long version = 1; version <= 5; version++) {
            numbers.add(applied(store, draft().put(A, version)));
            conflict(store, draft().put(A, 1));
        }

        assertThat(numbers).isSorted().doesNotHaveDuplicates();
        assertThat(witness(store).numbers()).isEqualTo(numbers);
    }

    @Test
    void c6_the_number_of_a_commit_is_a_cursor_behind_it() throws Exception {
        LifecycleStore store = fresh();
        long first = applied(store, draft().put(A, 1).write("a", 0).write("a", 1));
        long second = applied(store, draft().put(A, 2).write("a", 2));

        assertThat(store.events(first, 10).events()).containsExactly(Draft.event("a", 2));
        assertThat(store.events(second, 10).events()).isEmpty();
    }

    // ---- C7

    @Test
    void c7_the_same_request_again_gives_its_result_again_and_changes_nothing() throws Exception {
        LifecycleStore store = fresh();
        Commit request = draft().absent(B).put(A, 1).write("a", 0).build();
        CommitResult result = store.commit(request);
        applied(store, draft().put(A, 2).put(B, 1).write("a", 1));

        CommitResult repeated = store.commit(request);

        assertThat(result).isInstanceOf(CommitResult.Applied.class);
        assertThat(repeated).isEqualTo(result);
        assertThat(store.get(A)).contains(Draft.record(A, 2));
        assertThat(store.trail("a", 0, 10)).hasSize(2);
        assertThat(witness(store).commits()).hasSize(2);
    }

    @Test
    void c7_a_request_id_that_was_used_for_other_content_is_rejected() throws Exception {
        LifecycleStore store = fresh();
        applied(store, new Draft("same").put(A, 1).write("a", 0));

        List<Draft> others = List.of(
                new Draft("same").put(B, 1).write("a", 0),
                new Draft("same")
                        .put(new StoredRecord(A, 1, Optional.empty(), "{}", Map.of()))
                        .write("a", 0),
                new Draft("same").put(A, 1).write("b", 0),
                new Draft("same").put(A, 1),
                new Draft("same").absent(B).put(A, 1).write("a", 0));

        for (Draft other : others) {
            assertThat(rejected(store, other)).isEqualTo(CommitResult.Reason.REQUEST_ID_REUSED);
        }
        assertThat(store.get(B)).isEmpty();
        assertThat(store.get(A)).contains(Draft.record(A, 1));
        assertThat(store.trail("a", 0, 10)).hasSize(1);
        assertThat(witness(store).commits()).hasSize(1);
    }

    @Test
    void c7_a_request_that_met_a_conflict_is_not_remembered() throws Exception {
        LifecycleStore store = fresh();
        Draft request = draft().put(A, 2);
        conflict(store, request);
        assertThat(store.findCommit(request.build().requestId())).isEmpty();
        applied(store, draft().put(A, 1));

        applied(store, request);

        assertThat(store.get(A)).contains(Draft.record(A, 2));
    }

    @Test
    void c7_what_became_of_a_request_can_be_looked_up() throws Exception {
        LifecycleStore store = fresh();
        long seq = applied(store, new Draft("first").put(A, 1));
        applied(store, new Draft("second").put(A, 2));

        assertThat(store.findCommit(new RequestId("first"))).contains(new CommitResult.Applied(seq));
        assertThat(store.findCommit(new RequestId("third"))).isEmpty();
    }

    // ---- the clock

    @Test
    void the_clock_high_water_is_the_latest_time_of_any_commit() throws Exception {
        LifecycleStore store = fresh();
        assertThat(store.describe().clockHighWater()).isEmpty();

        Instant latest = Draft.NOON.plus(Duration.ofHours(1)).plusNanos(1);
        applied(store, draft().at(Draft.NOON).put(A, 1));
        applied(store, draft().at(latest).put(A, 2));
        applied(store, draft().at(Draft.NOON.minusSeconds(1)).put(A, 3));

        assertThat(store.describe().clockHighWater()).contains(latest);
    }

    @Test
    void a_store_has_an_id_that_no_other_store_has() throws Exception {
        LifecycleStore store = fresh();
        String id = store.describe().storeId();
        applied(store, draft().put(A, 1));

        assertThat(store.describe().storeId()).isEqualTo(id);
        assertThat(fresh().describe().storeId()).isNotEqualTo(id);
    }

    static RecordQuery owned(String owner) {
        return new RecordQuery(RecordKey.AGENT, Optional.empty(), Map.of("owner", Set.of(owner)));
    }

    /** Sees that a commit which was not applied, and would have made {@code fresh}, left no trace. */
    void assertNothingOf(LifecycleStore store, Commit refused, RecordKey fresh) {
        assertThat(store.get(fresh)).isEmpty();
        assertThat(Reads.all(store, RecordQuery.of(fresh.kind()), 10))
                .extracting(StoredRecord::key)
                .doesNotContain(fresh);
        assertThat(Reads.log(store, 0, 10)).doesNotContainAnyElementsOf(refused.events());
        assertThat(store.findCommit(refused.requestId())).isEmpty();
        assertThat(witness(store).commits()).doesNotContain(refused);
    }
}
