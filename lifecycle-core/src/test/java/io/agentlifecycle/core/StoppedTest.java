package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.active;
import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.error.ContentionException;
import io.agentlifecycle.core.error.RefusedException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
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
                    question.getAsBoolean();
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

    @ParameterizedTest
    @MethodSource("stops")
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
}
