package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.storage.json.DisturbedIo.Kind;
import io.agentlifecycle.storage.json.DisturbedIo.Op;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How much the store does to the disk, and when. */
@Timeout(value = 90, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CountsTest {
    private static final Actor OPERATOR = Actor.human("ann");

    private final MutableClock clock = MutableClock.at("2026-04-11T12:00:00Z");
    private final MemoryIo disk = new MemoryIo();
    private final DisturbedIo io = new DisturbedIo(disk);

    private LifecycleManager manager(JsonStore store) {
        return LifecycleManager.builder()
                .store(store)
                .clock(clock)
                .policy(LifecyclePolicy.builder().requireApproval(false).build())
                .build();
    }

    private static Agent provision(LifecycleManager manager, int number) {
        return manager.requestProvisioning(ProvisioningRequest.builder("agent-" + number)
                .id(AgentId.of("agent:%05d".formatted(number)))
                .owner("ann")
                .requestedBy(OPERATOR)
                .build());
    }

    @Test
    void a_change_costs_the_same_with_10_and_with_10_000_agents() {
        try (JsonStore store = Sample.open(io);
                LifecycleManager manager = manager(store)) {
            int agents = 0;
            List<List<Op>> costs = new ArrayList<>();
            for (int fleet : List.of(10, 10_000)) {
                while (agents < fleet) {
                    provision(manager, agents++);
                }
                AgentId agent = provision(manager, agents++).id();
                store.checkpoint(); // so that none comes about meanwhile
                io.forget();
                manager.activate(agent, OPERATOR);
                manager.suspend(agent, "a test", OPERATOR);
                costs.add(io.ops());
            }

            List<Op> few = costs.get(0);
            List<Op> many = costs.get(1);
            assertThat(few.stream().map(Op::kind)).containsExactly(Kind.WRITE, Kind.FORCE, Kind.WRITE, Kind.FORCE);
            assertThat(many.stream().map(Op::kind))
                    .containsExactlyElementsOf(few.stream().map(Op::kind).toList());
            for (int i = 0; i < few.size(); i++) {
                // the number of the line, and where the batch begins, have more digits
                assertThat(many.get(i).bytes() - few.get(i).bytes()).isBetween(-32L, 32L);
            }
            assertThat(manager.verify().agents()).isEqualTo(agents);
        }
    }

    @Test
    void a_heartbeat_of_a_live_agent_does_nothing_to_the_disk() {
        try (JsonStore store = Sample.open(io);
                LifecycleManager manager = manager(store)) {
            AgentId agent = provision(manager, 1).id();
            manager.activate(agent, OPERATOR);
            manager.heartbeat(agent);
            io.forget();

            for (int i = 0; i < 10_000; i++) {
                manager.heartbeat(agent);
            }

            assertThat(io.ops()).isEmpty();
        }
    }

    @Test
    void callers_that_come_while_the_disk_is_busy_share_one_force() throws Exception {
        try (JsonStore store = Sample.open(io)) {
            for (int round = 1; round <= 20; round++) {
                long version = round;
                int before = io.ops(Kind.FORCE).size();
                var crowd = new Crowd();
                DisturbedIo.Gate gate = io.gate();
                List<FutureTask<CommitResult>> commits = new ArrayList<>();
                commits.add(crowd.start(() -> store.commit(Sample.put("agent:0", version))));
                gate.awaitArrival();
                for (int i = 1; i < 16; i++) {
                    String id = "agent:" + i;
                    commits.add(crowd.start(() -> store.commit(Sample.put(id, version))));
                }
                crowd.awaitStandstill();
                gate.open();
                for (FutureTask<CommitResult> commit : commits) {
                    assertThat(Crowd.get(commit)).isInstanceOf(CommitResult.Applied.class);
                }
                assertThat(io.ops(Kind.FORCE)).as("forces of 16 commits").hasSize(before + 2);
            }
        }
    }

    @Test
    void a_conflict_is_answered_once_the_winner_is_durable() throws Exception {
        try (JsonStore store = Sample.open(io);
                DisturbedIo.Gate gate = io.gate()) {
            var crowd = new Crowd();
            FutureTask<CommitResult> winner = crowd.start(() -> store.commit(Sample.put("a", 1)));
            gate.awaitArrival();
            FutureTask<CommitResult> loser = crowd.start(
                    () -> store.commit(Sample.commit("loser", Sample.put("a", 1).mutations(), List.of())));
            FutureTask<CommitResult> again = crowd.start(() -> store.commit(Sample.put("a", 1)));
            crowd.awaitStandstill();

            assertThat(winner).isNotDone();
            assertThat(loser).as("the conflict").isNotDone();
            assertThat(again).as("the same request again").isNotDone();
            assertThat(store.get(Sample.key("a"))).isEmpty();
            assertThat(store.trail("a", 0, 10)).isEmpty();
            gate.open();

            assertThat(Crowd.get(loser)).isEqualTo(new CommitResult.Conflict(Map.of(Sample.key("a"), 1L)));
            assertThat(Crowd.get(again)).isEqualTo(Crowd.get(winner));
            assertThat(store.findCommit(Sample.put("a", 1).requestId())).contains(Crowd.get(winner));
        }
    }

    @Test
    void findCommit_waits_for_a_commit_that_is_under_way() throws Exception {
        try (JsonStore store = Sample.open(io);
                DisturbedIo.Gate gate = io.gate()) {
            var crowd = new Crowd();
            Commit commit = Sample.put("a", 1);
            FutureTask<CommitResult> result = crowd.start(() -> store.commit(commit));
            gate.awaitArrival();
            FutureTask<Boolean> found =
                    crowd.start(() -> store.findCommit(commit.requestId()).isPresent());
            crowd.awaitStandstill();

            assertThat(found).isNotDone();
            gate.open();
            assertThat(Crowd.get(result)).isInstanceOf(CommitResult.Applied.class);
            assertThat(Crowd.get(found)).isTrue();
        }
    }

    @Test
    void eight_writers_leave_no_gap_and_subscribers_hear_everything_in_order() throws Exception {
        List<Long> heard = new ArrayList<>();
        List<Commit> commits = new ArrayList<>();
        Sample.Content before;
        // rotation and snapshots happen meanwhile
        try (JsonStore store = JsonStore.open(Sample.DIRECTORY, io, Sample.BUSY)) {
            store.subscribe((seq, commit) -> {
                heard.add(seq);
                commits.add(commit);
            });
            store.subscribe((seq, commit) -> {
                throw new IllegalStateException("a listener that throws");
            });
            var crowd = new Crowd();
            List<FutureTask<Long>> writers = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                int own = i;
                writers.add(crowd.start(() -> {
                    long last = 0;
                    for (long version = 1; version <= 100; version++) {
                        long seq = Sample.applied(store, Sample.put("agent:" + own, version));
                        assertThat(seq).isGreaterThan(last);
                        last = seq;
                        store.heartbeats(List.of(Sample.beat("agent:" + own, (int) version)));
                    }
                    return last;
                }));
            }
            for (FutureTask<Long> writer : writers) {
                Crowd.get(writer);
            }
            before = Sample.content(store);
            assertThat(heard).isSorted().doesNotHaveDuplicates().hasSize(800);
            assertThat(Sample.content(commits)).isEqualTo(before);
            for (int i = 0; i < 8; i++) {
                assertThat(store.trail("agent:" + i, 0, 1_000)).hasSize(100);
            }
        }
        assertThat(io.ops(Kind.CREATE).stream().filter(op -> op.file().startsWith("journal")))
                .hasSizeGreaterThan(5);
        for (MemoryIo left : List.of(disk.kill(), disk.crash())) {
            try (JsonStore again = Sample.open(left)) {
                assertThat(Sample.content(again)).isEqualTo(before);
                assertThat(again.liveness(Sample.key("agent:3")))
                        .contains(Sample.beat("agent:3", 100).liveness());
                assertThat(again.commit(commits.get(0))).isEqualTo(new CommitResult.Applied(heard.get(0)));
            }
        }
    }

    @Test
    void a_store_that_is_closed_lets_nobody_wait() throws Exception {
        for (int round = 0; round < 50; round++) {
            JsonStore store = JsonStore.open(Sample.DIRECTORY, new MemoryIo(), new Limits(500, 600, 700, 1, 1));
            Sample.applied(store, Sample.put("agent", 1));
            var crowd = new Crowd();
            List<FutureTask<Boolean>> callers = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                int own = i;
                callers.add(crowd.start(() -> {
                    for (long version = 1; ; version++) {
                        try {
                            Sample.applied(store, Sample.put("agent:" + own, version));
                            store.heartbeats(List.of(Sample.beat("agent", (int) version)));
                        } catch (StoreException e) {
                            return true;
                        }
                    }
                }));
            }
            while (store.get(Sample.key("agent:0")).isEmpty()) {
                Thread.onSpinWait();
            }
            store.close();
            for (FutureTask<Boolean> caller : callers) {
                assertThat(Crowd.get(caller)).isTrue();
            }
        }
    }

    @Test
    void a_force_that_takes_longer_than_a_second_is_counted() {
        try (JsonStore store = Sample.open(io)) {
            Sample.applied(store, Sample.put("a", 1));
            for (long millis : List.of(999L, 1_001L, 5_000L)) {
                io.disturb(op -> {
                    if (op.kind() == Kind.FORCE) {
                        io.pass(millis * 1_000_000);
                    }
                });
                Sample.applied(store, Sample.put("agent:" + millis, 1));
            }

            assertThat(store.slowForces()).isEqualTo(2);
        }
    }
}
