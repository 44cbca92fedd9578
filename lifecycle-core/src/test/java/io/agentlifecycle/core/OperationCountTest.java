package io.agentlifecycle.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.FaultStore.Call;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.spi.LifecycleStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** What an operation asks of the store does not grow with the fleet. */
class OperationCountTest {
    private static final int MANY = 10_000;

    private FaultStore store = new FaultStore(LifecycleStore.inMemory());

    private SweepFleet fleet(int agents) {
        store = new FaultStore(LifecycleStore.inMemory());
        var fleet = new SweepFleet(
                store,
                settings -> settings.heartbeatInterval(Duration.ofHours(1)).orphanThreshold(Duration.ofDays(30)),
                UnaryOperator.identity());
        List<AgentImport> batch = new ArrayList<>();
        for (int i = 0; i < agents; i++) {
            batch.add(new AgentImport(
                    SweepFleet.request("a%05d".formatted(i)).build(), AgentState.ACTIVE, SweepFleet.START));
            if (batch.size() == 500 || i == agents - 1) {
                fleet.manager().importAgents(batch, "elsewhere", SweepFleet.ADMIN);
                batch.clear();
            }
        }
        store.taken();
        return fleet;
    }

    private Map<Call, Long> countOf(Runnable operation) {
        store.taken();
        operation.run();
        return store.taken();
    }

    private List<Map<Call, Long>> commands(SweepFleet fleet) {
        LifecycleManager manager = fleet.manager();
        AgentId agent = AgentId.of("a00003");
        List<Map<Call, Long>> counts = new ArrayList<>();
        counts.add(countOf(() -> manager.rotateCredentials(agent)));
        counts.add(countOf(() -> manager.suspend(agent, "", SweepFleet.ADMIN)));
        counts.add(countOf(() -> manager.resume(agent, SweepFleet.ADMIN)));
        counts.add(countOf(() -> manager.changeOwner(agent, "carol@company.com", SweepFleet.ADMIN)));
        counts.add(countOf(() -> manager.revokeCredentials(agent, "", SweepFleet.ADMIN)));
        counts.add(countOf(() -> manager.heartbeat(agent)));
        counts.add(countOf(() -> manager.decommission(agent, "", SweepFleet.ADMIN)));
        counts.add(countOf(
                () -> manager.requestProvisioning(SweepFleet.request("new").build())));
        return counts;
    }

    @Test
    void a_command_asks_the_store_for_the_same_at_ten_and_at_ten_thousand_agents() {
        List<Map<Call, Long>> few;
        try (SweepFleet fleet = fleet(10)) {
            few = commands(fleet);
        }
        try (SweepFleet fleet = fleet(MANY)) {
            assertThat(commands(fleet)).isEqualTo(few);
        }
        assertThat(few.get(1)).isEqualTo(Map.of(Call.GET, 1L, Call.COMMIT, 1L));
        assertThat(few.get(7)).isEqualTo(Map.of(Call.COMMIT, 1L));
    }

    @Test
    void a_sweep_with_nothing_due_asks_once_and_looks_at_nobody() {
        try (SweepFleet fleet = fleet(MANY)) {
            assertThat(countOf(() -> fleet.manager().sweeper().sweep())).isEqualTo(Map.of(Call.DUE, 1L));
        }
    }

    @Test
    void a_sweep_with_seven_due_among_ten_thousand_works_for_seven() {
        try (SweepFleet fleet = fleet(MANY)) {
            for (int i = 0; i < 7; i++) {
                fleet.manager()
                        .requestProvisioning(SweepFleet.request("ending" + i)
                                .notAfter(SweepFleet.START.plusSeconds(60))
                                .build());
            }
            fleet.clock.advance(Duration.ofSeconds(60));
            AtomicReference<SweepReport> report = new AtomicReference<>();
            Map<Call, Long> counts =
                    countOf(() -> report.set(fleet.manager().sweeper().sweep()));
            assertThat(report.get().examined()).isEqualTo(7);
            assertThat(report.get().with(SweepReport.Result.DONE)).hasSize(7);
            assertThat(counts.get(Call.DUE)).isEqualTo(1);
            assertThat(counts.get(Call.COMMIT)).isEqualTo(7);
            assertThat(counts.values().stream().mapToLong(Long::longValue).sum())
                    .isLessThanOrEqualTo(1 + 7 * 7);
            assertThat(counts).doesNotContainKeys(Call.QUERY, Call.EVENTS, Call.TRAIL);
        }
    }

    @Test
    void a_heartbeat_of_a_live_agent_and_a_look_of_the_guard_ask_nothing_of_the_store() {
        try (SweepFleet fleet = fleet(10)) {
            AgentId agent = AgentId.of("a00001");
            fleet.manager().heartbeat(agent);
            var credential = fleet.manager().rotateCredentials(agent).issued().credential();
            assertThat(countOf(() -> {
                        for (int i = 0; i < 1_000; i++) {
                            fleet.clock.advance(Duration.ofMillis(1));
                            fleet.manager().heartbeat(agent);
                        }
                    }))
                    .isEmpty();
            assertThat(countOf(() -> {
                        assertThat(fleet.manager()
                                        .guard()
                                        .check(agent, Operation.INVOKE)
                                        .allowed())
                                .isTrue();
                        assertThat(fleet.manager()
                                        .guard()
                                        .check(AgentId.of("nobody"), Operation.INVOKE)
                                        .allowed())
                                .isFalse();
                        assertThat(fleet.manager()
                                        .standing(new AgentKey(TenantId.DEFAULT, agent), credential.id())
                                        .allowed())
                                .isTrue();
                    }))
                    .isEmpty();
        }
    }

    @Test
    void heartbeats_reach_the_store_in_one_batch() {
        try (SweepFleet fleet = fleet(200)) {
            for (int i = 0; i < 200; i++) {
                fleet.manager().heartbeat(AgentId.of("a%05d".formatted(i)));
            }
            fleet.clock.advance(Duration.ofSeconds(30));
            assertThat(countOf(() -> fleet.manager().heartbeat(AgentId.of("a00001"))))
                    .isEqualTo(Map.of(Call.HEARTBEATS, 1L));
        }
    }
}
