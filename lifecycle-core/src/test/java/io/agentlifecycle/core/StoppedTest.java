package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.active;
import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.error.ContentionException;
import io.agentlifecycle.core.error.RefusedException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Threads on all processors ask while another one stops the agent; of all that they ask once it was told that this is done,
 * nothing is let through.
 */
class StoppedTest {
    private static final int THREADS = Math.max(4, Runtime.getRuntime().availableProcessors());

    /** Who says that it is stopped does so after the call returned; who sees that asks later than that. */
    private volatile boolean stopped;

    @RegisterExtension
    final Workshop shop = new Workshop();

    private final LifecycleManager manager = shop.open(Workshop.OPEN_DOOR);

    /** What one thread was told. */
    private record Told(long before, long after, long admitted) {}

    /** A way to stop the agent. */
    private record Stop(String name, Consumer<LifecycleManager> call) {
        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Stop> stops() {
        return Stream.of(
                new Stop("engage", manager -> {
                    KillSwitch kills = manager.killSwitch();
                    kills.engage(kills.agent(ID), "it sends spam", ADMIN);
                }),
                new Stop("engage everything", manager -> {
                    KillSwitch kills = manager.killSwitch();
                    kills.engage(kills.everything(), "it sends spam", ADMIN);
                }),
                new Stop("suspend", manager -> manager.suspend(ID, "it sends spam", ADMIN)));
    }

    /** Lets all threads ask until they have asked so often after it was stopped, and stops it when all of them ask. */
    private List<Told> ask(long asked, BooleanSupplier question, Runnable stop) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try {
            CountDownLatch begun = new CountDownLatch(THREADS);
            List<Future<Told>> asking = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                asking.add(threads.submit(() -> {
                    boolean unused = question.getAsBoolean(); // so that it is warm, whatever it is told
                    begun.countDown();
                    return ask(asked / THREADS + 1, question);
                }));
            }
            begun.await();
            stop.run();
            stopped = true;
            List<Told> told = new ArrayList<>();
            for (Future<Told> one : asking) {
                told.add(one.get());
            }
            return told;
        } finally {
            threads.shutdownNow();
        }
    }

    private Told ask(long times, BooleanSupplier question) {
        long before = 0;
        long after = 0;
        long admitted = 0;
        while (after < times) {
            boolean over = stopped; // read before it asks
            boolean allowed = question.getAsBoolean();
            if (over) {
                after++;
                admitted += allowed ? 1 : 0;
            } else {
                before++;
            }
        }
        return new Told(before, after, admitted);
    }

    private static void assertNone(List<Told> told, long asked) {
        assertThat(told.stream().mapToLong(Told::after).sum())
                .as("asked after it")
                .isGreaterThanOrEqualTo(asked);
        assertThat(told.stream().mapToLong(Told::admitted).sum())
                .as("let through after it")
                .isZero();
    }

    static Stream<Stop> stopsOfOne() {
        return stops().filter(stop -> !stop.name().equals("engage everything"));
    }

    @ParameterizedTest
    @MethodSource("stopsOfOne")
    void of_ten_million_calls_after_the_agent_was_stopped_none_is_let_through(Stop stop) throws Exception {
        active(manager, "agent:1");
        Guard guard = manager.guard();
        assertThat(guard.check(ID, Operation.INVOKE).allowed()).as("before it").isTrue();

        List<Told> told = ask(
                10_000_000,
                () -> guard.check(ID, Operation.INVOKE).allowed(),
                () -> stop.call().accept(manager));

        assertNone(told, 10_000_000);
    }

    @ParameterizedTest
    @MethodSource("stops")
    void nor_is_any_of_a_million_with_a_verified_token(Stop stop) throws Exception {
        Activation activation = active(manager, "agent:1");
        AgentKey key = activation.agent().key();
        CredentialId good = activation.issued().credential().id();
        assertThat(manager.standing(key, good).allowed()).as("before it").isTrue();

        List<Told> told = ask(
                1_000_000,
                () -> manager.standing(key, good).allowed(),
                () -> stop.call().accept(manager));

        assertNone(told, 1_000_000);
    }

    @ParameterizedTest
    @MethodSource("stops")
    void nobody_gets_a_credential_after_it(Stop stop) throws Exception {
        active(manager, "agent:1");
        manager.rotateCredentials(ID);

        List<Told> told = ask(
                2_000,
                () -> {
                    try {
                        return manager.rotateCredentials(ID).credential().isPresent();
                    } catch (RefusedException e) {
                        return false;
                    } catch (ContentionException e) {
                        return false; // all of them want the next one
                    }
                },
                () -> stop.call().accept(manager));

        assertNone(told, 2_000);
    }

    /** How an agent comes to be stopped by one thing and then by another, with both in between. */
    private enum Passing {
        FROM_KILL_TO_HOLD {
            @Override
            AgentId begin(LifecycleManager manager, String name) {
                AgentId id = active(manager, name).agent().id();
                manager.killSwitch().engage(manager.killSwitch().agent(id), "", ADMIN);
                return id;
            }

            @Override
            void pass(LifecycleManager manager, AgentId id) {
                manager.placeHold(id, HoldReason.POLICY_VIOLATION, "", ADMIN);
                manager.killSwitch().release(manager.killSwitch().agent(id), ReleaseAuthority.ADMIN, "", ADMIN);
            }
        },
        FROM_PARENT_TO_CHILD {
            @Override
            AgentId begin(LifecycleManager manager, String name) {
                AgentId parent = active(manager, "parent-of:" + name).agent().id();
                AgentId id = manager.requestProvisioning(
                                Workshop.request(name).parent(parent).build())
                        .id();
                manager.activate(id);
                manager.suspend(parent, "", ADMIN);
                return id;
            }

            @Override
            void pass(LifecycleManager manager, AgentId id) {
                manager.suspend(id, "", ADMIN);
                manager.resume(manager.get(id).lineage().parent().orElseThrow(), ADMIN);
            }
        };

        abstract AgentId begin(LifecycleManager manager, String name);

        abstract void pass(LifecycleManager manager, AgentId id);
    }

    /** Whoever looked at the one before and at the other after would miss both. */
    @ParameterizedTest
    @EnumSource(Passing.class)
    void who_is_stopped_by_one_thing_and_then_by_another_is_at_no_time_let_through(Passing passing) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(2 * THREADS);
        try {
            for (int round = 0; round < 10; round++) {
                AgentId id = passing.begin(manager, "round:" + round);
                stopped = false;
                AtomicLongArray asked = new AtomicLongArray(2 * THREADS);
                List<Future<Long>> admitted = new ArrayList<>();
                for (int i = 0; i < asked.length(); i++) {
                    int own = i;
                    admitted.add(threads.submit(() -> lookOn(id, asked, own)));
                }
                awaitAll(asked);
                passing.pass(manager, id);
                awaitAll(asked);
                stopped = true;
                for (Future<Long> one : admitted) {
                    assertThat(one.get()).as("let through").isZero();
                }
            }
        } finally {
            stopped = true;
            threads.shutdownNow();
        }
    }

    private long lookOn(AgentId id, AtomicLongArray asked, int own) {
        long admitted = 0;
        while (!stopped) {
            admitted += manager.guard().check(id, Operation.INVOKE).allowed() ? 1 : 0;
            asked.incrementAndGet(own);
        }
        return admitted;
    }

    /** Returns when each thread has asked and been answered since. */
    private static void awaitAll(AtomicLongArray asked) {
        for (int i = 0; i < asked.length(); i++) {
            long enough = asked.get(i) + 2;
            while (asked.get(i) < enough) {
                Thread.yield();
            }
        }
    }
}
