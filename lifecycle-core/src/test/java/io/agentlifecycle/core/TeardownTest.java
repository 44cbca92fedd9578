package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.active;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Retirement;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.spi.TeardownTask;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.testing.ForwardingStore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Retirement in two steps: what is outside is taken down in between, now or by later sweeps. */
class TeardownTest {
    @RegisterExtension
    final Workshop shop = new Workshop();

    private boolean workerWorks = true;
    private boolean bucketWorks = true;
    private final List<String> order = new ArrayList<>();
    private final FlakyTask worker = new FlakyTask("worker", () -> ran("worker", workerWorks));
    private final FlakyTask bucket = new FlakyTask("bucket", () -> ran("bucket", bucketWorks));
    private final FlakyTask token = new FlakyTask("token", () -> ran("token", true));
    private final LifecycleManager manager = open(shop.store, worker, bucket, token);

    private boolean ran(String name, boolean works) {
        order.add(name);
        return works;
    }

    private LifecycleManager open(LifecycleStore store, TeardownTask... tasks) {
        return shop.open(builder -> {
            for (TeardownTask task : tasks) {
                builder.teardownTask(task);
            }
            return builder.store(store).policy(Workshop.OPEN_DOOR);
        });
    }

    @Test
    void without_tasks_retirement_begins_and_ends_in_one_commit() {
        LifecycleManager plain = open(shop.store);
        active(plain, "agent:1");

        Agent retired = plain.decommission(ID, "Feature sunset", ADMIN);

        assertThat(retired.state()).isEqualTo(AgentState.DECOMMISSIONED);
        assertThat(retired.version()).as("request, activation, retirement").isEqualTo(3);
        assertThat(retired.decommissionedAt()).contains(shop.clock.instant());
        assertThat(retired.retirement().orElseThrow().cause()).isEqualTo(Retirement.Cause.RETIRED);
        assertThat(retired.retirement().orElseThrow().reason()).isEqualTo("Feature sunset");
        assertThat(Workshop.kinds(plain, ID))
                .endsWith(
                        EventKind.AGENT_DECOMMISSION_STARTED,
                        EventKind.CREDENTIAL_REVOKED,
                        EventKind.AGENT_DECOMMISSIONED);
    }

    @Test
    void tasks_run_in_their_order_once_the_agent_can_do_nothing_any_more() {
        active(manager, "agent:1");

        Agent retired = manager.decommission(ID, "enough", ADMIN);

        assertThat(order).containsExactly("worker", "bucket", "token");
        assertThat(worker.runs()).singleElement().satisfies(seen -> {
            assertThat(seen.state()).isEqualTo(AgentState.DECOMMISSIONING);
            assertThat(seen.credential()).isEmpty();
        });
        assertThat(retired.state()).isEqualTo(AgentState.DECOMMISSIONED);
        assertThat(tasks(EventKind.TEARDOWN_TASK_DONE)).containsExactly("worker", "bucket", "token");
    }

    @Test
    void a_task_finds_the_guard_closed() {
        List<Boolean> allowed = new ArrayList<>();
        List<LifecycleManager> self = new ArrayList<>();
        LifecycleManager watched = open(shop.store, new TeardownTask() {
            @Override
            public String name() {
                return "watcher";
            }

            @Override
            public void run(Agent agent) {
                allowed.add(
                        self.get(0).guard().check(agent.id(), Operation.INVOKE).allowed());
            }
        });
        self.add(watched);
        active(watched, "agent:1");

        watched.decommission(ID, "enough", ADMIN);

        assertThat(allowed).containsExactly(false);
    }

    @Test
    void what_failed_is_tried_again_and_nothing_else() {
        active(manager, "agent:1");
        bucketWorks = false;

        Agent stuck = manager.decommission(ID, "enough", ADMIN);

        assertThat(stuck.state()).isEqualTo(AgentState.DECOMMISSIONING);
        assertThat(order).as("the others run all the same").containsExactly("worker", "bucket", "token");
        Retirement retirement = stuck.retirement().orElseThrow();
        assertThat(retirement.pendingTasks()).containsExactly("bucket");
        assertThat(retirement.failedAttempts()).isEqualTo(1);
        assertThat(retirement.retryAt()).contains(shop.clock.instant().plus(Duration.ofMinutes(1)));
        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed()).isFalse();
        assertThat(last(EventKind.TEARDOWN_TASK_FAILED).details().get("error"))
                .as("the kind of failure, and never the message, which may hold a secret")
                .contains(Json.of("java.io.IOException"));
        assertThat(manager.auditTrail(ID).toString()).doesNotContain("hunter2");

        bucketWorks = true;
        shop.clock.advance(Duration.ofMinutes(1).minusNanos(1));
        assertThat(manager.sweeper().sweep().outcomes()).as("not yet").isEmpty();
        shop.clock.advance(Duration.ofNanos(1));
        SweepReport report = manager.sweeper().sweep();

        assertThat(report.with(SweepReport.Result.DONE))
                .extracting(SweepReport.Outcome::action)
                .containsExactly(SweepAction.RETRY_TEARDOWN);
        assertThat(order).containsExactly("worker", "bucket", "token", "bucket");
        assertThat(manager.get(ID).state()).isEqualTo(AgentState.DECOMMISSIONED);
        assertThat(manager.get(ID).retirement().orElseThrow().retryAt()).isEmpty();
    }

    @Test
    void each_failure_doubles_the_wait_up_to_an_hour_and_the_sixth_is_reported() {
        active(manager, "agent:1");
        workerWorks = false;
        bucketWorks = false;
        manager.decommission(ID, "enough", ADMIN);
        List<Long> waits = new ArrayList<>();
        for (int failure = 1; failure <= 9; failure++) {
            Agent agent = manager.get(ID);
            assertThat(agent.retirement().orElseThrow().failedAttempts()).isEqualTo(failure);
            assertThat(count(EventKind.ACTION_STUCK)).isEqualTo(failure < 6 ? 0 : 1);
            Instant retryAt = agent.retirement().orElseThrow().retryAt().orElseThrow();
            waits.add(Duration.between(shop.clock.instant(), retryAt).toMinutes());
            shop.clock.set(retryAt);
            SweepReport report = manager.sweeper().sweep();
            assertThat(report.with(SweepReport.Result.FAILED)).hasSize(1);
        }
        assertThat(waits).containsExactly(1L, 2L, 4L, 8L, 16L, 32L, 60L, 60L, 60L);
        assertThat(manager.health().stuck()).containsExactly(manager.get(ID).key());
        assertThat(last(EventKind.ACTION_STUCK).details().get("attempts")).contains(Json.of(6));
        assertThat(last(EventKind.ACTION_STUCK).details().get("action")).contains(Json.of("retry_teardown"));

        workerWorks = true;
        bucketWorks = true;
        shop.clock.advance(Duration.ofHours(1));
        manager.sweeper().sweep();
        assertThat(manager.get(ID).state()).isEqualTo(AgentState.DECOMMISSIONED);
        assertThat(manager.health().stuck()).isEmpty();
    }

    @Test
    void one_stuck_agent_does_not_keep_the_others() {
        AgentId other = AgentId.of("agent:2");
        LifecycleManager picky = open(shop.store, new TeardownTask() {
            @Override
            public String name() {
                return "picky";
            }

            @Override
            public void run(Agent agent) {
                if (agent.id().equals(ID) || agent.retirement().orElseThrow().failedAttempts() == 0) {
                    throw new IllegalStateException("not this one");
                }
            }
        });
        for (AgentId id : List.of(ID, other)) {
            active(picky, id.value());
            assertThat(picky.decommission(id, "enough", ADMIN).state()).isEqualTo(AgentState.DECOMMISSIONING);
        }
        shop.clock.advance(Duration.ofMinutes(1));

        SweepReport report = picky.sweeper().sweep();

        assertThat(report.outcomes())
                .extracting(outcome -> outcome.agent().id() + " " + outcome.result())
                .containsExactly("agent:1 FAILED", "agent:2 DONE");
        assertThat(picky.get(ID).state()).isEqualTo(AgentState.DECOMMISSIONING);
        assertThat(picky.get(other).state()).isEqualTo(AgentState.DECOMMISSIONED);
    }

    @Test
    void a_task_that_lacks_a_class_stops_no_other_agent() {
        TeardownTask broken = new TeardownTask() {
            @Override
            public String name() {
                return "broken";
            }

            @Override
            public void run(Agent agent) {
                throw new NoClassDefFoundError("io/example/Gone");
            }
        };
        LifecycleManager host =
                shop.open(builder -> builder.policy(Workshop.OPEN_DOOR).teardownTask(broken));
        active(host, "agent:1");

        assertThat(host.decommission(ID, "enough", ADMIN).state()).isEqualTo(AgentState.DECOMMISSIONING);
        shop.clock.advance(Duration.ofMinutes(1));
        assertThat(host.sweeper().sweep().outcomes())
                .extracting(SweepReport.Outcome::result)
                .containsExactly(SweepReport.Result.FAILED);
    }

    @Test
    void another_process_goes_on_where_one_stopped() {
        active(manager, "agent:1");
        bucketWorks = false;
        manager.decommission(ID, "enough", ADMIN);
        bucketWorks = true;

        LifecycleManager next = open(shop.store, worker, bucket, token);
        assertThat(next.get(ID).state()).isEqualTo(AgentState.DECOMMISSIONING);
        shop.clock.advance(Duration.ofMinutes(1));
        next.sweeper().sweep();

        assertThat(next.get(ID).state()).isEqualTo(AgentState.DECOMMISSIONED);
        assertThat(order).containsExactly("worker", "bucket", "token", "bucket");
    }

    /** The store stops working after the given number of commits, as if the process had died there. */
    @Test
    void wherever_a_process_stops_the_next_sweep_finishes() {
        for (int commits = 1; commits <= 5; commits++) {
            var own = new Workshop();
            int[] left = {Integer.MAX_VALUE};
            LifecycleStore dying = new ForwardingStore(own.store) {
                @Override
                public CommitResult commit(Commit commit) {
                    if (left[0]-- <= 0) {
                        throw new StoreException("gone", null);
                    }
                    return super.commit(commit);
                }
            };
            LifecycleManager first = own.open(builder -> builder.store(dying)
                    .policy(Workshop.OPEN_DOOR)
                    .teardownTask(worker)
                    .teardownTask(bucket)
                    .teardownTask(token));
            active(first, "agent:1");
            left[0] = commits;
            assertThat(first.decommission(ID, "enough", ADMIN).state())
                    .as("begin, three tasks, end; what is left is the sweep's")
                    .isEqualTo(commits == 5 ? AgentState.DECOMMISSIONED : AgentState.DECOMMISSIONING);

            LifecycleManager next = own.open(builder -> builder.policy(Workshop.OPEN_DOOR)
                    .teardownTask(worker)
                    .teardownTask(bucket)
                    .teardownTask(token));
            own.clock.advance(Duration.ofMinutes(1));
            next.sweeper().sweep();

            assertThat(next.get(ID).state()).isEqualTo(AgentState.DECOMMISSIONED);
            assertThat(Workshop.kinds(next, ID))
                    .filteredOn(EventKind.TEARDOWN_TASK_DONE::equals)
                    .hasSize(3);
            own.check();
        }
        active(manager, "agent:1");
    }

    @Test
    void a_host_without_the_task_leaves_it_to_one_that_has_it() {
        active(manager, "agent:1");
        bucketWorks = false;
        manager.decommission(ID, "enough", ADMIN);
        bucketWorks = true;

        LifecycleManager bare = open(shop.store, worker);
        shop.clock.advance(Duration.ofMinutes(1));
        assertThat(bare.sweeper().sweep().with(SweepReport.Result.FAILED)).hasSize(1);
        assertThat(last(EventKind.TEARDOWN_TASK_FAILED).details().get("error"))
                .contains(Json.of("no such task on this host"));
        assertThat(bare.get(ID).state()).isEqualTo(AgentState.DECOMMISSIONING);

        shop.clock.advance(Duration.ofMinutes(2));
        manager.sweeper().sweep();
        assertThat(manager.get(ID).state()).isEqualTo(AgentState.DECOMMISSIONED);
    }

    @Test
    void a_task_that_a_later_host_adds_is_not_owed_by_those_who_began_before() {
        active(manager, "agent:1");
        bucketWorks = false;
        manager.decommission(ID, "enough", ADMIN);
        bucketWorks = true;
        var added = new FlakyTask("added", () -> false);

        LifecycleManager next = open(shop.store, bucket, added);
        shop.clock.advance(Duration.ofMinutes(1));
        next.sweeper().sweep();

        assertThat(next.get(ID).state()).isEqualTo(AgentState.DECOMMISSIONED);
        assertThat(added.runs()).isEmpty();
    }

    @Test
    void as_many_tasks_as_there_may_be_fit_into_the_events_and_one_more_is_refused() {
        var builder =
                LifecycleManager.builder().store(shop.store).clock(shop.clock).policy(Workshop.OPEN_DOOR);
        List<String> names = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            names.add("\u5b57".repeat(61) + (100 + i));
            builder.teardownTask(new FlakyTask(names.get(i), () -> true));
        }
        assertThatThrownBy(() -> builder.teardownTask(new FlakyTask("another", () -> true)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("100 teardown tasks already")
                .hasMessageContaining("another");
        LifecycleManager crowded = builder.build();
        active(crowded, "agent:1");

        crowded.decommission(ID, "\u5b57".repeat(1_024), ADMIN);

        assertThat(crowded.finalReport(ID).orElseThrow().tasks()).isEqualTo(names);
    }

    @Test
    void the_owner_of_an_agent_that_is_going_can_still_change() {
        active(manager, "agent:1");
        bucketWorks = false;
        manager.decommission(ID, "enough", ADMIN);

        manager.changeOwner(ID, "bob@company.com", ADMIN);
        bucketWorks = true;
        shop.clock.advance(Duration.ofMinutes(1));
        manager.sweeper().sweep();

        assertThat(manager.get(ID).state()).isEqualTo(AgentState.DECOMMISSIONED);
        assertThat(manager.get(ID).owner().orElseThrow()).hasToString("bob@company.com");
    }

    private List<String> tasks(EventKind kind) {
        return manager.auditTrail(ID).stream()
                .map(s -> s.event())
                .filter(event -> event.kind() == kind)
                .map(event -> ((Json.Str) event.details().get("task").orElseThrow()).value())
                .toList();
    }

    private long count(EventKind kind) {
        return Workshop.kinds(manager, ID).stream().filter(kind::equals).count();
    }

    private AuditEvent last(EventKind kind) {
        List<AuditEvent> found = manager.auditTrail(ID).stream()
                .map(s -> s.event())
                .filter(event -> event.kind() == kind)
                .toList();
        return found.get(found.size() - 1);
    }
}
