package io.agentlifecycle.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.SweepReport.Result;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.spi.LifecycleListener;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.spi.TeardownTask;
import io.agentlifecycle.core.store.StoredRecord;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** Sweeps: what is due and nothing else, one agent at a time, whatever the others do. */
class SweeperTest {
    private static final Duration DAY = Duration.ofHours(24);

    /** Fails while it is told to. */
    private static final class Worker implements TeardownTask {
        final AtomicBoolean down = new AtomicBoolean(true);
        final AtomicInteger runs = new AtomicInteger();

        @Override
        public String name() {
            return "worker";
        }

        @Override
        public void run(Agent agent) {
            runs.incrementAndGet();
            if (down.get()) {
                throw new IllegalStateException("the worker does not answer");
            }
        }
    }

    private static SweepFleet fleet() {
        return new SweepFleet(UnaryOperator.identity());
    }

    @Test
    void a_plan_changes_nothing_and_applying_it_does_exactly_that() {
        try (SweepFleet fleet = fleet()) {
            AgentId a = fleet.active("a");
            fleet.alive("b");
            fleet.clock.advance(DAY);
            Agent before = fleet.manager().get(a);

            SweepPlan plan = fleet.manager().sweeper().plan();

            assertThat(plan.items()).extracting(SweepPlan.Item::action).containsOnly(SweepAction.MARK_ORPHANED);
            assertThat(fleet.manager().get(a)).isEqualTo(before);
            assertThat(fleet.manager().sweeper().plan()).isEqualTo(plan);

            SweepReport report = fleet.manager().sweeper().apply(plan);

            assertThat(report.outcomes()).extracting(SweepReport.Outcome::item).isEqualTo(plan.items());
            assertThat(report.with(Result.DONE)).hasSize(2);
            assertThat(fleet.manager().sweeper().apply(plan).with(Result.MOVED)).hasSize(2);
            assertThat(fleet.count(a, EventKind.AGENT_ORPHANED)).isEqualTo(1);
        }
    }

    @Test
    void a_plan_does_not_touch_an_agent_that_changed_or_was_heard_since() {
        try (SweepFleet fleet = fleet()) {
            AgentId changed = fleet.alive("changed");
            AgentId heard = fleet.alive("heard");
            AgentId same = fleet.alive("same");
            fleet.clock.advance(DAY);
            SweepPlan plan = fleet.manager().sweeper().plan();
            fleet.manager().changeOwner(changed, "carol@company.com", SweepFleet.ADMIN);
            fleet.manager().heartbeat(heard);

            SweepReport report = fleet.manager().sweeper().apply(plan);

            assertThat(report.with(Result.MOVED))
                    .extracting(outcome -> outcome.agent().id())
                    .containsExactly(changed, heard);
            assertThat(report.with(Result.DONE))
                    .extracting(outcome -> outcome.agent().id())
                    .containsExactly(same);
            assertThat(fleet.state(changed)).isEqualTo(AgentState.ACTIVE);
            assertThat(fleet.state(heard)).isEqualTo(AgentState.ACTIVE);
        }
    }

    @Test
    void an_agent_that_is_heard_while_the_sweep_runs_is_no_orphan_and_is_looked_at_again() {
        AtomicReference<Runnable> meanwhile = new AtomicReference<>(() -> {});
        LifecycleListener listener = event -> {
            if (event.event().kind() == EventKind.AGENT_ORPHANED) {
                meanwhile.getAndSet(() -> {}).run();
            }
        };
        try (SweepFleet fleet = new SweepFleet(
                LifecycleStore.inMemory(),
                UnaryOperator.identity(),
                UnaryOperator.identity(),
                builder -> builder.listener(listener))) {
            fleet.alive("a");
            AgentId b = fleet.alive("b");
            meanwhile.set(() -> fleet.manager().heartbeat(b));
            fleet.clock.advance(DAY);

            SweepReport report = fleet.manager().sweeper().sweep();

            assertThat(report.with(Result.DONE)).hasSize(1);
            assertThat(report.with(Result.MOVED))
                    .extracting(outcome -> outcome.agent().id())
                    .containsExactly(b);
            assertThat(fleet.state(b)).isEqualTo(AgentState.ACTIVE);
            fleet.clock.advance(DAY);
            fleet.manager().sweeper().sweep();
            assertThat(fleet.state(b)).isEqualTo(AgentState.ORPHANED);
        }
    }

    @Test
    void a_sweep_takes_at_most_its_limit_the_longest_overdue_first_and_says_whether_there_is_more() {
        try (SweepFleet fleet = fleet()) {
            List<AgentId> agents = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                agents.add(fleet.alive("a" + (9 - i)));
                fleet.clock.advance(Duration.ofSeconds(1));
            }
            fleet.clock.advance(Duration.ofMinutes(10));
            List<AgentId> swept = new ArrayList<>();
            List<Boolean> more = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                SweepReport report = fleet.manager().sweeper().sweep(2);
                assertThat(report.examined()).isLessThanOrEqualTo(2);
                report.outcomes().forEach(outcome -> swept.add(outcome.agent().id()));
                more.add(report.more());
            }

            assertThat(swept).isEqualTo(agents);
            assertThat(more).containsExactly(true, true, false);
            assertThat(fleet.manager().sweeper().sweep(2).examined()).isZero();
            assertThatThrownBy(() -> fleet.manager().sweeper().sweep(0)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void an_agent_that_cannot_be_read_or_moved_stops_nobody() {
        var store = new FaultStore(LifecycleStore.inMemory());
        try (SweepFleet fleet = new SweepFleet(store)) {
            AgentId unreadable = fleet.alive("a-unreadable");
            AgentId corrupt = fleet.alive("b-corrupt");
            AgentId unmovable = fleet.alive("c-unmovable");
            AgentId fine = fleet.alive("d-fine");
            fleet.clock.advance(Duration.ofMinutes(10));
            SweepPlan plan = fleet.manager().sweeper().plan();
            store.cannotRead(SweepFleet.record(unreadable)::equals);
            store.cannotMove(SweepFleet.record(unmovable)::equals);
            store.records = found -> found.key().equals(SweepFleet.record(corrupt))
                    ? new StoredRecord(found.key(), found.version(), found.dueAt(), "{\"v\":1}", found.index())
                    : found;

            assertThat(fleet.manager().sweeper().plan().items())
                    .extracting(item -> item.agent().id())
                    .containsExactly(unmovable, fine);
            SweepReport report = fleet.manager().sweeper().sweep();

            assertThat(report.with(Result.FAILED))
                    .extracting(outcome -> outcome.agent().id())
                    .contains(unreadable, corrupt)
                    .doesNotContain(fine);
            assertThat(report.with(Result.FAILED))
                    .allMatch(outcome -> outcome.failure().isPresent());
            assertThat(fleet.inner.trail("a/default/d-fine", 0, 100))
                    .anyMatch(event -> event.canonical().contains("heartbeat.missed"));
            assertThat(fleet.manager().sweeper().apply(plan).with(Result.DONE)).isEmpty();

            store.heal();
            fleet.clock.advance(Duration.ofHours(1));
            fleet.manager().sweeper().sweep();
            for (AgentId agent : List.of(unreadable, corrupt, unmovable)) {
                assertThat(fleet.count(agent, EventKind.HEARTBEAT_MISSED))
                        .as("%s", agent)
                        .isPositive();
            }
        }
    }

    @Test
    void an_action_that_keeps_failing_is_tried_later_each_time_and_is_stuck_after_six_failures() {
        var store = new FaultStore(LifecycleStore.inMemory());
        try (SweepFleet fleet = new SweepFleet(store)) {
            AgentId bad = fleet.alive("bad");
            AgentId good = fleet.alive("good");
            fleet.clock.advance(Duration.ofMinutes(10));
            store.commits = (commit, to) -> {
                if (commit.events().stream()
                        .anyMatch(event -> event.stream().endsWith("/bad")
                                && event.canonical().contains("\"heartbeat.missed\""))) {
                    throw new IllegalStateException("a hook of the host is broken");
                }
                return to.commit(commit);
            };
            List<Instant> tries = new ArrayList<>();
            Instant end = fleet.clock.instant().plus(Duration.ofHours(4));
            while (fleet.clock.instant().isBefore(end)) {
                fleet.manager().heartbeat(good);
                SweepReport report = fleet.manager().sweeper().sweep();
                assertThat(fleet.manager().health().stuck())
                        .isEqualTo(
                                tries.size() + report.with(Result.FAILED).size() >= 6
                                        ? java.util.Set.of(SweepFleet.key(bad))
                                        : java.util.Set.of());
                report.with(Result.FAILED).forEach(outcome -> tries.add(fleet.clock.instant()));
                fleet.clock.advance(Duration.ofMinutes(1));
            }

            List<Long> waits = new ArrayList<>();
            for (int i = 1; i < tries.size(); i++) {
                waits.add(Duration.between(tries.get(i - 1), tries.get(i)).toMinutes());
            }
            assertThat(waits).containsExactly(1L, 2L, 4L, 8L, 16L, 32L, 60L, 60L);
            assertThat(fleet.count(bad, EventKind.ACTION_STUCK)).isEqualTo(1);
            assertThat(fleet.count(good, EventKind.ACTION_STUCK)).isZero();

            store.heal();
            fleet.clock.advance(Duration.ofHours(1));
            fleet.manager().sweeper().sweep();
            assertThat(fleet.manager().health().stuck()).isEmpty();
            assertThat(fleet.count(bad, EventKind.HEARTBEAT_MISSED)).isEqualTo(1);
        }
    }

    @Test
    void a_teardown_that_keeps_failing_backs_off_is_stuck_and_ends_when_the_task_works_again() {
        var worker = new Worker();
        try (SweepFleet fleet = new SweepFleet(
                LifecycleStore.inMemory(),
                UnaryOperator.identity(),
                UnaryOperator.identity(),
                builder -> builder.teardownTask(worker))) {
            AgentId bad = fleet.alive("bad");
            AgentId good = fleet.alive("good");
            assertThat(fleet.manager()
                            .decommission(bad, "over", SweepFleet.ADMIN)
                            .state())
                    .isEqualTo(AgentState.DECOMMISSIONING);
            Instant begun = fleet.clock.instant();
            List<Long> tries = new ArrayList<>();
            for (int minute = 0; minute <= 300; minute++) {
                fleet.manager().heartbeat(good);
                if (!fleet.manager().sweeper().sweep().with(Result.FAILED).isEmpty()) {
                    tries.add(Duration.between(begun, fleet.clock.instant()).toMinutes());
                }
                fleet.clock.advance(Duration.ofMinutes(1));
            }

            assertThat(tries).containsExactly(1L, 3L, 7L, 15L, 31L, 63L, 123L, 183L, 243L);
            assertThat(fleet.count(bad, EventKind.ACTION_STUCK)).isEqualTo(1);
            assertThat(fleet.manager().health().stuck()).containsExactly(SweepFleet.key(bad));
            assertThat(fleet.state(good)).isEqualTo(AgentState.ACTIVE);

            worker.down.set(false);
            fleet.clock.advance(Duration.ofHours(1));
            fleet.manager().sweeper().sweep();
            assertThat(fleet.state(bad)).isEqualTo(AgentState.DECOMMISSIONED);
            assertThat(fleet.manager().health().isGood()).isTrue();
        }
    }

    @Test
    void a_rotation_that_is_due_is_reported_once_in_an_interval_and_not_at_every_sweep() {
        try (SweepFleet fleet = fleet()) {
            AgentId agent = fleet.alive("a");
            List<Instant> reported = new ArrayList<>();
            for (int minute = 0; minute < 23 * 60; minute += 2) {
                fleet.clock.advance(Duration.ofMinutes(2));
                fleet.manager().heartbeat(agent);
                SweepReport report = fleet.manager().sweeper().sweep();
                report.with(Result.DUE_NO_SINK).forEach(outcome -> reported.add(report.at()));
            }

            Instant due = fleet.manager()
                    .get(agent)
                    .credential()
                    .orElseThrow()
                    .rotateAt(fleet.policy().credentialPolicy());
            assertThat(reported.get(0)).isBetween(due, due.plus(Duration.ofMinutes(2)));
            for (int i = 1; i < reported.size(); i++) {
                assertThat(Duration.between(reported.get(i - 1), reported.get(i)))
                        .as("5 minutes, met by a sweep every 2 minutes")
                        .isEqualTo(Duration.ofMinutes(6));
            }
            fleet.manager().rotateCredentials(agent);
            fleet.clock.advance(Duration.ofMinutes(6));
            assertThat(fleet.manager().sweeper().sweep().with(Result.DUE_NO_SINK))
                    .isEmpty();
        }
    }

    @Test
    void two_sweepers_on_one_store_do_each_thing_once() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(2);
        try (SweepFleet fleet = new SweepFleet(
                LifecycleStore.inMemory(),
                UnaryOperator.identity(),
                settings -> settings.heartbeatInterval(Duration.ofMinutes(5)),
                UnaryOperator.identity())) {
            LifecycleManager other = fleet.another(fleet.inner, UnaryOperator.identity());
            List<AgentId> agents = fleet.alive("a", 200);
            Instant end = fleet.clock.instant().plus(Duration.ofMinutes(12));
            agents.addAll(ending(fleet, end));
            fleet.clock.set(end);
            var together = new CyclicBarrier(2);
            for (int round = 1; round <= 3; round++) {
                List<Future<SweepReport>> reports = new ArrayList<>();
                for (LifecycleManager manager : List.of(fleet.manager(), other)) {
                    Callable<SweepReport> sweep = () -> {
                        together.await(30, TimeUnit.SECONDS);
                        return manager.sweeper().sweep();
                    };
                    reports.add(threads.submit(sweep));
                }
                int done = 0;
                for (Future<SweepReport> report : reports) {
                    SweepReport swept = report.get(60, TimeUnit.SECONDS);
                    assertThat(swept.with(Result.FAILED)).isEmpty();
                    done += swept.with(Result.DONE).size();
                }
                assertThat(done).isEqualTo(round == 1 ? 250 : 200);
                fleet.clock.advance(Duration.ofMinutes(5));
            }
            for (AgentId agent : agents) {
                boolean ended = fleet.manager().get(agent).lifespan().notAfter().isPresent();
                assertThat(fleet.count(agent, EventKind.HEARTBEAT_MISSED)).isEqualTo(ended ? 0 : 3);
                assertThat(fleet.count(agent, EventKind.AGENT_DECOMMISSIONED)).isEqualTo(ended ? 1 : 0);
            }
            other.close();
        } finally {
            threads.shutdownNow();
        }
    }

    private static List<AgentId> ending(SweepFleet fleet, Instant end) {
        List<AgentId> agents = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            AgentId agent = fleet.manager()
                    .requestProvisioning(
                            SweepFleet.request("e" + i).notAfter(end).build())
                    .id();
            fleet.manager().activate(agent);
            agents.add(agent);
        }
        return agents;
    }

    @Test
    void one_failing_issuer_spoils_only_its_own_agent() {
        AtomicReference<Optional<AgentId>> refused = new AtomicReference<>(Optional.empty());
        try (SweepFleet fleet = new SweepFleet(
                LifecycleStore.inMemory(),
                UnaryOperator.identity(),
                UnaryOperator.identity(),
                builder -> builder.credentials(order -> {
                    if (refused.get().equals(Optional.of(order.agent().id()))) {
                        throw new IllegalStateException("the key is locked");
                    }
                    return new OpaqueIssuer(
                                    new Draws(new java.util.Random(order.id().hashCode())))
                            .issue(order);
                }))) {
            AgentId a = fleet.alive("a");
            AgentId b = fleet.alive("b");
            AgentId c = fleet.alive("c");
            fleet.clock.advance(Duration.ofHours(23));
            refused.set(Optional.of(b));

            List<RotationResult> results = new CredentialRotator(fleet.manager()).checkAndRotate();

            assertThat(results).extracting(result -> result.agent().id()).containsExactly(a, b, c);
            assertThat(results)
                    .extracting(RotationResult::outcome)
                    .containsExactly(
                            RotationResult.Outcome.ROTATED,
                            RotationResult.Outcome.FAILED,
                            RotationResult.Outcome.ROTATED);
            assertThat(fleet.manager().get(b).credentials().generation()).isEqualTo(1);
        }
    }
}
