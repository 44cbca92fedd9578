package io.agentlifecycle.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.error.ContentionException;
import io.agentlifecycle.core.error.RefusedException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.StoredRecord;
import io.agentlifecycle.core.testing.ForwardingStore;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/**
 * Eight threads on few agents. Each scenario is also run on a store with the defect that it looks for, and has to find
 * it there.
 */
class ConcurrencyTest {
    private static final int THREADS = 8;
    private static final int AGENTS = 3;
    private static final int COMMANDS = 60;
    private static final int ROUNDS = 25;
    private static final int ROUNDS_TO_BREAK = 200;

    /** A store that lets the last writer win: every put becomes the next version, whatever it was made from. */
    private static final class UncheckedStore extends ForwardingStore {
        UncheckedStore(LifecycleStore to) {
            super(to);
        }

        @Override
        public CommitResult commit(Commit commit) {
            while (true) {
                List<Mutation> current = new ArrayList<>();
                for (Mutation mutation : commit.mutations()) {
                    current.add(
                            mutation instanceof Mutation.Put put ? new Mutation.Put(rewritten(put.next())) : mutation);
                }
                CommitResult result =
                        super.commit(new Commit(commit.requestId(), commit.at(), List.of(), current, commit.events()));
                if (!(result instanceof CommitResult.Conflict)) {
                    return result;
                }
            }
        }

        private StoredRecord rewritten(StoredRecord next) {
            long version = get(next.key()).map(StoredRecord::version).orElse(0L) + 1;
            return new StoredRecord(next.key(), version, next.dueAt(), next.body(), next.index());
        }
    }

    /** A store that acknowledges a commit before its subscribers have heard of it. */
    private static final class LateStore extends ForwardingStore {
        private final List<CommitListener> listeners = new CopyOnWriteArrayList<>();
        private final ExecutorService messenger;
        private final AtomicLong seq = new AtomicLong();

        LateStore(LifecycleStore to, ExecutorService messenger) {
            super(to);
            this.messenger = messenger;
        }

        @Override
        public Subscription subscribe(CommitListener listener) {
            listeners.add(listener);
            return () -> listeners.remove(listener);
        }

        @Override
        public CommitResult commit(Commit commit) {
            CommitResult result = super.commit(commit);
            if (result instanceof CommitResult.Applied) {
                messenger.execute(() -> listeners.forEach(l -> l.committed(seq.incrementAndGet(), commit)));
            }
            return result;
        }
    }

    /** What eight threads did, and what was accepted. */
    private record Round(SweepFleet fleet, List<AgentId> agents, Map<AgentId, AtomicInteger> commits) {}

    private static SweepFleet fleet(UnaryOperator<LifecycleStore> around) {
        return new SweepFleet(LifecycleStore.inMemory(), around, UnaryOperator.identity(), UnaryOperator.identity());
    }

    /** Runs {@code body} in eight threads that start together, and passes on what any of them threw. */
    private static void together(ThreadBody body) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try {
            var start = new CyclicBarrier(THREADS);
            List<Future<?>> running = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                int number = i;
                running.add(threads.submit(() -> {
                    start.await(30, TimeUnit.SECONDS);
                    body.run(number);
                    return null;
                }));
            }
            for (Future<?> one : running) {
                try {
                    one.get(60, TimeUnit.SECONDS);
                } catch (TimeoutException e) {
                    long[] dead = ManagementFactory.getThreadMXBean().findDeadlockedThreads();
                    throw new AssertionError(
                            "a thread did not come back; deadlocked: " + (dead == null ? 0 : dead.length), e);
                }
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @FunctionalInterface
    private interface ThreadBody {
        void run(int number) throws Exception;
    }

    private static Round round(UnaryOperator<LifecycleStore> around) throws Exception {
        SweepFleet fleet = fleet(around);
        List<AgentId> agents = fleet.alive("a", AGENTS);
        Map<AgentId, AtomicInteger> commits = new ConcurrentHashMap<>();
        agents.forEach(agent -> commits.put(
                agent, new AtomicInteger((int) fleet.manager().get(agent).version())));
        together(number -> {
            for (int i = 0; i < COMMANDS; i++) {
                AgentId agent = agents.get((number + i) % AGENTS);
                try {
                    if (command(fleet.manager(), agent, number * 7 + i * 5, number + "-" + i)) {
                        commits.get(agent).incrementAndGet();
                    }
                } catch (RefusedException | ContentionException e) {
                    // someone else's command came first: nothing was stored, so nothing is counted
                    assertThat(e.code()).isIn("transition-refused", "policy-violation", "contention");
                }
            }
        });
        return new Round(fleet, agents, commits);
    }

    /** Gives a command, and says whether it was one that stores something. */
    private static boolean command(LifecycleManager manager, AgentId agent, int which, String unique) {
        HoldReason hold = HoldReason.of("hold" + which % 3);
        switch (which % 8) {
            case 0 -> manager.suspend(agent, "", SweepFleet.ADMIN);
            case 1, 2 -> manager.resume(agent, SweepFleet.ADMIN);
            case 3 -> manager.rotateCredentials(agent, SweepFleet.ADMIN);
            case 4 -> manager.changeOwner(agent, "owner-" + unique, SweepFleet.ADMIN);
            case 5 -> manager.placeHold(agent, hold, "", SweepFleet.ADMIN);
            case 6 -> manager.releaseHold(agent, hold, SweepFleet.ADMIN);
            default -> {
                manager.heartbeat(agent);
                return false; // the first one is stored, but a thread cannot tell whether its own was it
            }
        }
        return true;
    }

    /** Heartbeats are counted by their events, since a thread cannot tell whether its own was the first. */
    private static void requireNothingLost(Round round) {
        for (AgentId agent : round.agents()) {
            Optional<AuditEvent> before = Optional.empty();
            for (SealedEvent sealed : round.fleet().manager().auditTrail(agent)) {
                AuditEvent event = sealed.event();
                if (before.isPresent()) {
                    assertThat(event.from())
                            .as("%s", event)
                            .isEqualTo(before.get().to());
                }
                before = Optional.of(event);
            }
            long first = round.fleet().kinds(agent).stream()
                    .filter(kind -> kind.wire().equals("heartbeat.first"))
                    .count();
            long accepted = round.commits().get(agent).get() + first - 1; // one heartbeat came before the round
            assertThat(round.fleet().manager().get(agent).version()).isEqualTo(accepted);
        }
        round.fleet().verified();
    }

    @Test
    void eight_threads_lose_nothing_and_fork_no_chain() throws Exception {
        for (int i = 0; i < ROUNDS; i++) {
            Round round = round(UnaryOperator.identity());
            requireNothingLost(round);
            round.fleet().close();
        }
    }

    @Test
    void the_same_scenario_breaks_on_a_store_that_does_not_check_versions() throws Exception {
        boolean broken = false;
        for (int i = 0; i < ROUNDS_TO_BREAK && !broken; i++) {
            Round round = round(UncheckedStore::new);
            try {
                requireNothingLost(round);
            } catch (AuditTamperedException | AssertionError e) {
                broken = true;
            }
            round.fleet().manager().close();
        }
        assertThat(broken).as("found the missing version check").isTrue();
    }

    /** How often an agent was let through after the call that stopped it had returned. */
    private static int admissionsAfterStop(UnaryOperator<LifecycleStore> around, int rounds) throws Exception {
        SweepFleet fleet = fleet(around);
        var stopped = new AtomicLong();
        var over = new AtomicBoolean();
        var late = new AtomicInteger();
        AgentId agent = fleet.active("a");
        var guard = fleet.manager().guard();
        together(number -> {
            if (number == 0) {
                try {
                    for (int i = 0; i < rounds && late.get() == 0; i++) {
                        fleet.manager().suspend(agent, "", SweepFleet.ADMIN);
                        stopped.incrementAndGet(); // odd: the stop has returned
                        for (int look = 0; look < 20; look++) {
                            if (guard.check(agent, Operation.INVOKE).allowed()) {
                                late.incrementAndGet();
                            }
                        }
                        stopped.incrementAndGet(); // even: it may act again any time now
                        fleet.manager().resume(agent, SweepFleet.ADMIN);
                    }
                } finally {
                    over.set(true);
                }
            } else {
                while (!over.get()) {
                    long before = stopped.get();
                    boolean allowed = guard.check(agent, Operation.INVOKE).allowed();
                    if (before % 2 == 1 && allowed && stopped.get() == before) {
                        late.incrementAndGet();
                    }
                }
            }
        });
        fleet.manager().close();
        return late.get();
    }

    @Test
    void nobody_is_let_through_after_suspend_has_returned() throws Exception {
        assertThat(admissionsAfterStop(UnaryOperator.identity(), 600)).isZero();
    }

    @Test
    void the_same_scenario_breaks_on_a_store_that_tells_its_subscribers_too_late() throws Exception {
        ExecutorService messenger = Executors.newSingleThreadExecutor();
        try {
            assertThat(admissionsAfterStop(store -> new LateStore(store, messenger), 3_000))
                    .isPositive();
        } finally {
            messenger.shutdownNow();
        }
    }

    @Test
    void verify_is_clean_while_eight_threads_commit() throws Exception {
        try (SweepFleet fleet = fleet(UnaryOperator.identity())) {
            List<AgentId> agents = fleet.alive("a", AGENTS);
            var busy = new AtomicInteger(THREADS - 1);
            var verified = new AtomicInteger();
            together(number -> {
                if (number == 0) {
                    do {
                        fleet.manager().verify();
                        verified.incrementAndGet();
                    } while (busy.get() > 0);
                    return;
                }
                try {
                    for (int i = 0; i < 400; i++) {
                        fleet.manager()
                                .changeOwner(agents.get(i % AGENTS), "owner-" + number + "-" + i, SweepFleet.ADMIN);
                        if (i % 50 == 0) {
                            fleet.active("new-" + number + "-" + i);
                        }
                    }
                } catch (ContentionException e) {
                    assertThat(e.code()).isEqualTo("contention");
                } finally {
                    busy.decrementAndGet();
                }
            });
            assertThat(verified).hasPositiveValue();
        }
    }

    @Test
    void heartbeats_of_many_threads_are_all_counted() throws Exception {
        try (SweepFleet fleet = fleet(UnaryOperator.identity())) {
            AgentId agent = fleet.active("a");
            together(number -> {
                for (int i = 0; i < 2_000; i++) {
                    fleet.clock.advance(Duration.ofMillis(1));
                    fleet.manager().heartbeat(agent);
                }
            });
            assertThat(fleet.manager().liveness(agent).orElseThrow().heartbeats())
                    .isEqualTo(THREADS * 2_000L);
            assertThat(fleet.manager().liveness(agent).orElseThrow().lastSeen())
                    .isAfter(fleet.clock.instant().minusSeconds(1));
            fleet.manager().engine().heartbeats().flush(fleet.clock.instant());
            assertThat(fleet.inner.liveness(SweepFleet.record(agent)))
                    .isEqualTo(fleet.manager().liveness(agent));
            assertThat(fleet.state(agent)).isEqualTo(AgentState.ACTIVE);
        }
    }
}
