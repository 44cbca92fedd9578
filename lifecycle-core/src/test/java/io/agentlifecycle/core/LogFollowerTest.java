package io.agentlifecycle.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.audit.LogKeys;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.spi.CheckpointLog;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.StoreDescriptor;
import io.agentlifecycle.core.testing.MutableClock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class LogFollowerTest {
    /** Writes down who called it when, and can be told to fail. */
    private static final class Recorder implements CheckpointLog {
        private final List<String> calls = Collections.synchronizedList(new ArrayList<>());
        private @Nullable Events log;
        private @Nullable RuntimeException failure;
        private volatile Runnable meanwhile = () -> {};

        @Override
        public void open(String origin, LogKeys keys, Events opened, Instant now) {
            log = opened;
            note("open " + origin, now);
        }

        @Override
        public void follow(Instant now) {
            note("follow", now);
            meanwhile.run();
        }

        @Override
        public void close(Instant now) {
            note("close", now);
        }

        private void note(String call, Instant now) {
            assert log != null;
            calls.add(
                    call + " at " + now + " with " + log.after(0, 100).events().size());
            if (failure != null) {
                throw failure;
            }
        }
    }

    private final Recorder recorder = new Recorder();
    private final LifecycleStore store = LifecycleStore.inMemory();

    private LifecycleManager open() {
        return LifecycleManager.builder()
                .store(store)
                .logOrigin("example.com/agents")
                .clock(MutableClock.at("2026-04-11T04:30:00Z"))
                .checkpoints(recorder)
                .build();
    }

    private static Agent approved(LifecycleManager manager) {
        Agent agent = manager.requestProvisioning(ProvisioningRequest.builder("reviewer")
                .owner("alice@company.com")
                .build());
        return manager.approve(agent.id(), Actor.human("admin@company.com"));
    }

    @Test
    void it_is_called_when_the_log_opens_by_sweeps_and_before_the_store_closes_and_never_by_a_command() {
        try (LifecycleManager manager = open()) {
            approved(manager);
            manager.sweeper().plan();
            manager.sweeper().sweep();
        }
        assertThat(recorder.calls)
                .containsExactly(
                        "open example.com/agents at 2026-04-11T04:30:00Z with 0",
                        "follow at 2026-04-11T04:30:00Z with 4",
                        "close at 2026-04-11T04:30:00Z with 4");
    }

    /** What is found to be another log must be left as it was found. */
    @Test
    void nothing_is_written_before_it_has_seen_the_log() {
        open().close();
        StoreDescriptor before = store.describe();
        recorder.failure = new AuditTamperedException(List.of("it is another"));
        assertThatThrownBy(() -> LifecycleManager.builder()
                        .store(store)
                        .policy(LifecyclePolicy.builder()
                                .heartbeatInterval(Duration.ofSeconds(7))
                                .build())
                        .checkpoints(recorder)
                        .build())
                .isSameAs(recorder.failure);
        assertThat(store.describe()).isEqualTo(before);
        assertThat(store.events(0, 100).events()).hasSize(1);
    }

    @Test
    void a_log_that_is_not_the_one_that_was_followed_does_not_open() {
        recorder.failure = new AuditTamperedException(List.of("it is another"));
        assertThatThrownBy(this::open).isSameAs(recorder.failure);

        recorder.failure = null;
        open().close();
    }

    /** A checkpoint log may wait for somebody elsewhere; agents must not. */
    @Test
    void following_that_hangs_stops_no_other_sweep() throws Exception {
        var hangs = new CountDownLatch(1);
        var free = new CountDownLatch(1);
        var threads = Executors.newFixedThreadPool(2);
        try (LifecycleManager manager = open()) {
            recorder.meanwhile = () -> {
                recorder.meanwhile = () -> {};
                hangs.countDown();
                awaits(free);
            };
            Future<SweepReport> first = threads.submit(() -> manager.sweeper().sweep());
            awaits(hangs);
            Future<SweepReport> second = threads.submit(() -> manager.sweeper().sweep());
            assertThat(second.get(1, TimeUnit.MINUTES).outcomes()).isEmpty();
            assertThat(first).isNotDone();
            free.countDown();
            first.get(1, TimeUnit.MINUTES);
        } finally {
            free.countDown();
            threads.shutdownNow();
        }
    }

    private static void awaits(CountDownLatch latch) {
        try {
            assertThat(latch.await(1, TimeUnit.MINUTES)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void what_fails_in_a_sweep_is_shown_until_it_works_and_stops_nothing() {
        LifecycleManager manager = open();
        recorder.failure = new IllegalStateException("the disk is gone");
        assertThat(manager.sweeper().sweep().outcomes()).isEmpty();
        assertThat(manager.health().lastCheckpointFailure())
                .contains("java.lang.IllegalStateException: the disk is gone");
        assertThat(manager.health().isGood()).isFalse();
        approved(manager);

        recorder.failure = null;
        manager.sweeper().sweep();
        assertThat(manager.health().lastCheckpointFailure()).isEmpty();
        assertThat(manager.health().isGood()).isTrue();

        recorder.failure = new IllegalStateException("the disk is gone");
        manager.close();
        assertThat(manager.guard().check(AgentId.of("a"), Operation.INVOKE).allowed())
                .isFalse();
    }
}
