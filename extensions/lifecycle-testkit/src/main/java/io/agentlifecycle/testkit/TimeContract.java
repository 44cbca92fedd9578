package io.agentlifecycle.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.RecordKey;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** C9 heartbeats, C10 due times. */
abstract class TimeContract extends QueryContract {
    private static final Instant EARLY = Draft.NOON.minusSeconds(60);
    private static final Instant LATE = Draft.NOON.plusSeconds(60);

    // ---- C9

    @Test
    void c9_heartbeats_only_move_forward() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(A, 1));

        beat(store, A, Draft.NOON, 5);
        assertThat(store.liveness(A)).contains(new Liveness(Draft.NOON, 5));
        beat(store, A, EARLY, 3);
        assertThat(store.liveness(A)).as("older in both").contains(new Liveness(Draft.NOON, 5));
        beat(store, A, LATE, 4);
        assertThat(store.liveness(A)).as("later, but fewer").contains(new Liveness(LATE, 5));
        beat(store, A, EARLY, 9);
        assertThat(store.liveness(A)).as("earlier, but more").contains(new Liveness(LATE, 9));
        beat(store, A, LATE, 9);
        assertThat(store.liveness(A)).as("the same again").contains(new Liveness(LATE, 9));
        beat(store, A, LATE.plusNanos(1), 9);
        assertThat(store.liveness(A)).as("a nanosecond later").contains(new Liveness(LATE.plusNanos(1), 9));
    }

    @Test
    void c9_heartbeats_of_unknown_agents_are_ignored_and_the_others_are_not() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(A, 1).put(C, 1));

        store.heartbeats(List.of(
                new Heartbeat(A, new Liveness(Draft.NOON, 1)),
                new Heartbeat(B, new Liveness(Draft.NOON, 2)),
                new Heartbeat(key(TenantId.of("acme"), "a"), new Liveness(LATE, 7)),
                new Heartbeat(C, new Liveness(Draft.NOON, 3))));

        assertThat(store.liveness(A)).contains(new Liveness(Draft.NOON, 1));
        assertThat(store.liveness(B)).isEmpty();
        assertThat(store.liveness(C)).contains(new Liveness(Draft.NOON, 3));
        applied(store, draft().put(B, 1));
        assertThat(store.liveness(B)).as("a heartbeat from before it was there").isEmpty();
    }

    @Test
    void c9_two_heartbeats_of_one_agent_in_a_batch_are_merged() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(A, 1));

        store.heartbeats(List.of(new Heartbeat(A, new Liveness(LATE, 2)), new Heartbeat(A, new Liveness(EARLY, 8))));
        store.heartbeats(List.of());

        assertThat(store.liveness(A)).contains(new Liveness(LATE, 8));
    }

    @Test
    void c9_a_heartbeat_changes_no_version_and_makes_no_commit_fail() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(Draft.due(A, 1, LATE)));

        beat(store, A, LATE.plusSeconds(60), 1);

        assertThat(store.get(A)).contains(Draft.due(A, 1, LATE));
        assertThat(store.due(LATE, 10)).containsExactly(A);
        assertThat(store.describe().clockHighWater()).contains(Draft.NOON);
        assertThat(witness(store).commits()).hasSize(1);
        applied(store, draft().check(A, 1).put(A, 2));
    }

    @Test
    void c9_liveness_stays_when_the_record_changes_and_goes_when_it_is_purged() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(A, 1));
        beat(store, A, Draft.NOON, 4);

        applied(store, draft().put(A, 2));
        assertThat(store.liveness(A)).contains(new Liveness(Draft.NOON, 4));

        applied(store, draft().purge(A));
        beat(store, A, LATE, 5);
        assertThat(store.liveness(A)).isEmpty();

        applied(store, draft().put(A, 1));
        assertThat(store.liveness(A)).as("of the new record").isEmpty();
        beat(store, A, EARLY, 1);
        assertThat(store.liveness(A)).contains(new Liveness(EARLY, 1));
    }

    private static void beat(LifecycleStore store, RecordKey agent, Instant lastSeen, long count) {
        store.heartbeats(List.of(new Heartbeat(agent, new Liveness(lastSeen, count))));
    }

    // ---- C10

    @Test
    void c10_a_record_is_due_from_its_very_instant_on() throws Exception {
        LifecycleStore store = fresh();
        Instant at = Draft.NOON.plusNanos(7);
        applied(store, draft().put(Draft.due(A, 1, at)).put(B, 1));

        assertThat(store.due(at.minusNanos(1), 10)).isEmpty();
        assertThat(store.due(at, 10)).containsExactly(A);
        assertThat(store.due(at.plusNanos(1), 10)).containsExactly(A);
    }

    @Test
    void c10_a_due_record_is_returned_until_it_is_changed() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(Draft.due(A, 1, Draft.NOON)));
        for (int i = 0; i < 3; i++) {
            assertThat(store.due(LATE, 10)).containsExactly(A);
        }
        conflict(store, draft().put(A, 1));
        assertThat(store.due(LATE, 10)).as("after a conflict").containsExactly(A);

        applied(store, draft().put(Draft.due(A, 2, LATE)));
        assertThat(store.due(Draft.NOON, 10)).isEmpty();
        assertThat(store.due(LATE, 10)).containsExactly(A);

        applied(store, draft().put(A, 3));
        assertThat(store.due(Draft.FAR, 10)).isEmpty();
    }

    @Test
    void c10_the_longest_overdue_come_first_and_no_more_than_asked_for() throws Exception {
        LifecycleStore store = fresh();
        RecordKey elsewhere = key(TenantId.of("acme"), "z");
        RecordKey buried = new RecordKey(TenantId.DEFAULT, RecordKey.TOMBSTONE, "t");
        applied(store, draft().put(Draft.due(A, 1, Draft.NOON)).put(Draft.due(B, 1, EARLY)));
        applied(store, draft().put(Draft.due(C, 1, LATE)).put(Draft.due(elsewhere, 1, EARLY.minusNanos(1))));
        applied(store, draft().put(Draft.due(buried, 1, EARLY.plusNanos(1))));

        assertThat(store.due(Draft.NOON, 10)).containsExactly(elsewhere, B, buried, A);
        assertThat(store.due(Draft.NOON, 2)).containsExactly(elsewhere, B);
        assertThat(store.due(LATE, 100)).containsExactly(elsewhere, B, buried, A, C);
    }

    @Test
    void c10_none_is_missed_when_many_are_due_at_one_instant() throws Exception {
        LifecycleStore store = fresh();
        Draft many = draft();
        List<RecordKey> keys = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            keys.add(key("due-" + i));
            many.put(Draft.due(keys.get(i), 1, Draft.NOON));
        }
        applied(store, many);

        while (!keys.isEmpty()) {
            List<RecordKey> due = store.due(Draft.NOON, 7);
            assertThat(due).isNotEmpty().hasSize(Math.min(7, keys.size())).doesNotHaveDuplicates();
            assertThat(keys).containsAll(due);
            Draft done = draft();
            due.forEach(key -> done.put(key, 2));
            applied(store, done);
            keys.removeAll(due);
        }
        assertThat(store.due(Draft.NOON, 7)).isEmpty();
    }

    @Test
    void c10_a_record_can_be_armed_again_without_changing_it() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(Draft.due(A, 1, Draft.NOON)).put(B, 1));

        store.rearm(A, 1, Optional.of(LATE));
        assertThat(store.due(LATE.minusNanos(1), 10)).isEmpty();
        assertThat(store.due(LATE, 10)).containsExactly(A);
        store.rearm(A, 1, Optional.of(EARLY));
        assertThat(store.due(EARLY, 10)).containsExactly(A);
        store.rearm(A, 1, Optional.empty());
        assertThat(store.due(Draft.FAR, 10)).isEmpty();
        store.rearm(B, 1, Optional.of(EARLY));
        assertThat(store.due(EARLY, 10)).containsExactly(B);

        assertThat(store.get(A)).contains(Draft.due(A, 1, Draft.NOON));
        assertThat(store.get(B)).contains(Draft.record(B, 1));
        assertThat(witness(store).commits()).hasSize(1);
        applied(store, draft().put(Draft.due(A, 2, LATE)));
        assertThat(store.due(LATE, 10)).containsExactly(B, A);
    }

    @Test
    void c10_arming_again_is_ignored_if_the_record_has_moved_on() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(Draft.due(A, 1, EARLY)));
        applied(store, draft().put(Draft.due(A, 2, Draft.NOON)));

        store.rearm(A, 1, Optional.of(LATE));
        store.rearm(A, 3, Optional.empty());
        assertThat(store.due(Draft.NOON, 10)).containsExactly(A);
        store.rearm(A, 1, Optional.of(EARLY));
        assertThat(store.due(EARLY, 10)).isEmpty();

        applied(store, draft().purge(A));
        store.rearm(A, 2, Optional.of(EARLY));
        store.rearm(B, 1, Optional.of(EARLY));
        assertThat(store.due(LATE, 10)).as("what is not there").isEmpty();
    }
}
