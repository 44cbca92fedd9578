package io.agentlifecycle.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.AuditSealer;
import io.agentlifecycle.core.spi.CheckpointLog;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.testing.ForwardingStore;
import io.agentlifecycle.core.testing.MutableClock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/**
 * The contract of {@link CheckpointLog}, as a manager drives it. A log of checkpoints is right if a subclass that opens it has
 * no failing test.
 */
public abstract class CheckpointLogContract {
    private static final String ORIGIN = "example.com/contract";

    private final MutableClock clock = MutableClock.at("2026-04-11T04:30:00Z");

    /** For subclasses. */
    protected CheckpointLogContract() {}

    /** Signs the events; the same one throughout a test. */
    protected abstract AuditSealer sealer() throws Exception;

    /** What is tested, opened anew at the same place at each call, for logs that {@link #sealer} signs. */
    protected abstract CheckpointLog open() throws Exception;

    /** How many events the log had at the last checkpoint that was signed at that place; empty before the first. */
    protected abstract Optional<Long> signedSize() throws Exception;

    private LifecycleManager manager(LifecycleStore store, CheckpointLog checkpoints) throws Exception {
        return LifecycleManager.builder()
                .store(store)
                .clock(clock)
                .logOrigin(ORIGIN)
                .policy(LifecyclePolicy.builder().requireApproval(false).build())
                .sealer(sealer())
                .checkpoints(checkpoints)
                .build();
    }

    private static void requests(LifecycleManager manager, int agents) {
        for (int i = 0; i < agents; i++) {
            manager.requestProvisioning(ProvisioningRequest.builder("Agent")
                    .owner("alice@company.com")
                    .build());
        }
    }

    private static long events(LifecycleStore store) {
        return store.events(0, Integer.MAX_VALUE).events().size();
    }

    private void sweep(LifecycleManager manager) {
        clock.advance(Duration.ofHours(1));
        manager.sweeper().sweep();
    }

    @Test
    void sweeps_and_closing_sign_what_the_log_is_by_then() throws Exception {
        LifecycleStore store = LifecycleStore.inMemory();
        LifecycleManager manager = manager(store, open());
        requests(manager, 3);
        sweep(manager);
        long swept = signedSize().orElseThrow();
        assertThat(swept).isBetween(1L, events(store));

        requests(manager, 2);
        manager.close();

        assertThat(signedSize())
                .contains(events(store))
                .hasValueSatisfying(size -> assertThat(size).isGreaterThan(swept));
    }

    @Test
    void commands_do_not_wait_for_a_checkpoint() throws Exception {
        LifecycleStore store = LifecycleStore.inMemory();
        LifecycleManager manager = manager(store, open());
        sweep(manager);
        Optional<Long> before = signedSize();

        requests(manager, 3);

        assertThat(signedSize()).isEqualTo(before);
        manager.close();
    }

    @Test
    void the_next_manager_goes_on_where_the_last_one_stopped() throws Exception {
        LifecycleStore store = LifecycleStore.inMemory();
        CheckpointLog same = open();
        for (int opening = 0; opening < 3; opening++) {
            LifecycleManager manager = manager(store, opening < 2 ? same : open());
            requests(manager, 2);
            manager.close();
            assertThat(signedSize()).contains(events(store));
        }
        manager(store, open()).close();
        assertThat(signedSize()).contains(events(store));
    }

    @Test
    void a_log_that_lost_events_does_not_open_and_nothing_is_written_or_signed() throws Exception {
        LifecycleStore store = LifecycleStore.inMemory();
        LifecycleManager manager = manager(store, open());
        requests(manager, 3);
        manager.close();
        Optional<Long> signed = signedSize();

        LifecycleStore empty = LifecycleStore.inMemory();
        assertThatThrownBy(() -> manager(empty, open())).isInstanceOf(AuditTamperedException.class);
        assertThat(events(empty)).isZero();
        assertThat(signedSize()).isEqualTo(signed);
    }

    @Test
    void another_log_of_that_name_does_not_open() throws Exception {
        LifecycleStore store = LifecycleStore.inMemory();
        LifecycleManager manager = manager(store, open());
        requests(manager, 3);
        manager.close();
        Optional<Long> signed = signedSize();
        LifecycleStore other = LifecycleStore.inMemory();
        LifecycleManager forger = LifecycleManager.builder()
                .store(other)
                .clock(clock)
                .logOrigin(ORIGIN)
                .sealer(sealer())
                .build();
        requests(forger, 10);
        long written = events(other);

        assertThatThrownBy(() -> manager(other, open())).isInstanceOf(AuditTamperedException.class);
        assertThat(events(other)).isEqualTo(written);
        assertThat(signedSize()).isEqualTo(signed);
    }

    @Test
    void what_could_not_be_followed_is_told_and_made_up_for() throws Exception {
        LifecycleStore store = LifecycleStore.inMemory();
        var failing = new AtomicBoolean();
        LifecycleStore flaky = new ForwardingStore(store) {
            @Override
            public EventPage events(long after, int limit) {
                if (failing.get()) {
                    throw new StoreException("the log cannot be read", null);
                }
                return super.events(after, limit);
            }
        };
        LifecycleManager manager = manager(flaky, open());
        requests(manager, 2);
        failing.set(true);
        sweep(manager);
        assertThat(manager.health().lastCheckpointFailure()).isPresent();
        failing.set(false);
        sweep(manager);
        assertThat(manager.health().lastCheckpointFailure()).isEmpty();
        manager.close();

        assertThat(signedSize()).contains(events(store));
    }

    @Test
    void sweeps_of_many_threads_and_commits_meanwhile_make_one_history() throws Exception {
        LifecycleStore store = LifecycleStore.inMemory();
        LifecycleManager manager = manager(store, open());
        ExecutorService executor = Executors.newFixedThreadPool(4);
        List<Future<?>> done = new ArrayList<>();
        for (int thread = 0; thread < 4; thread++) {
            boolean sweeps = thread % 2 == 0;
            done.add(executor.submit(() -> {
                for (int i = 0; i < 50; i++) {
                    if (sweeps) {
                        sweep(manager);
                    } else {
                        requests(manager, 1);
                    }
                }
            }));
        }
        for (Future<?> each : done) {
            each.get();
        }
        executor.shutdown();
        assertThat(manager.health().lastCheckpointFailure()).isEmpty();
        manager.close();

        assertThat(signedSize()).contains(events(store));
        manager(store, open()).close();
    }
}
