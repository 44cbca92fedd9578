package io.agentlifecycle.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.testing.ForwardingStore;
import io.agentlifecycle.core.testing.MutableClock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class HostSweepsTest {
    private static final LifecyclePolicy NO_APPROVAL =
            LifecyclePolicy.builder().requireApproval(false).build();

    private final List<String> log = new CopyOnWriteArrayList<>();
    private final Map<AgentKey, Token> handed = new HashMap<>();

    @Test
    void the_example_sweeps_in_real_time_and_ends() throws Exception {
        String output = Captured.outputOf(() -> HostSweeps.main(new String[0]));

        assertThat(output)
                .containsSubsequence(
                        "sweep: looked at 1 agents",
                        "agent:silent: MARK_ORPHANED DONE",
                        "agent:silent is ORPHANED",
                        "verified: Verification[");
    }

    @Test
    void a_sweep_that_throws_does_not_end_the_schedule() throws Exception {
        var asked = new AtomicInteger();
        var store = new ForwardingStore(LifecycleStore.inMemory()) {
            @Override
            public List<RecordKey> due(Instant now, int limit) {
                if (asked.incrementAndGet() == 2) {
                    throw new StoreException("the disk has gone away", null);
                }
                return super.due(now, limit);
            }
        };
        try (LifecycleManager manager = LifecycleManager.builder().store(store).build()) {
            run(sweeps(manager), 3);
        }

        assertThat(log)
                .containsExactly(
                        "sweep: looked at 0 agents",
                        "the sweep failed and is tried again: the disk has gone away",
                        "sweep: looked at 0 agents");
    }

    @Test
    void whoever_waits_for_the_schedule_hears_of_an_error() {
        var store = new ForwardingStore(LifecycleStore.inMemory()) {
            @Override
            public List<RecordKey> due(Instant now, int limit) {
                throw new AssertionError("a bug");
            }
        };
        try (LifecycleManager manager = LifecycleManager.builder().store(store).build()) {
            assertThatThrownBy(() -> run(sweeps(manager), 3))
                    .isInstanceOf(ExecutionException.class)
                    .hasRootCauseMessage("a bug");
        }
    }

    @Test
    void a_credential_that_is_due_is_replaced_and_its_token_handed_over_in_every_tenant() {
        var clock = MutableClock.at("2026-04-11T04:30:00Z");
        try (LifecycleManager manager =
                LifecycleManager.builder().policy(NO_APPROVAL).clock(clock).build()) {
            AgentKey mine = activate(manager);
            LifecycleManager other = manager.forTenant(TenantId.of("acme"));
            AgentKey theirs = activate(other);
            clock.advance(Duration.ofHours(14));

            sweeps(manager).tick();

            assertThat(handed).containsOnlyKeys(mine, theirs);
            assertThat(manager.verifyOpaque(handed.get(mine).reveal()).allowed())
                    .isTrue();
            assertThat(other.verifyOpaque(handed.get(theirs).reveal()).allowed())
                    .isTrue();
            assertThat(log).noneMatch(line -> line.contains(handed.get(mine).reveal()));
            manager.verify();
        }
    }

    private HostSweeps sweeps(LifecycleManager manager) {
        return new HostSweeps(manager, handed::put, log::add);
    }

    private static void run(HostSweeps sweeps, int rounds) throws Exception {
        ScheduledExecutorService executor = Executors.newSingleThreadScheduledExecutor();
        try {
            sweeps.start(executor, Duration.ofMillis(1), rounds).get(1, TimeUnit.MINUTES);
        } finally {
            executor.shutdown();
        }
    }

    private static AgentKey activate(LifecycleManager manager) {
        AgentId id = manager.requestProvisioning(ProvisioningRequest.builder("Review Bot")
                        .owner("alice@company.com")
                        .build())
                .id();
        return manager.activate(id).agent().key();
    }
}
