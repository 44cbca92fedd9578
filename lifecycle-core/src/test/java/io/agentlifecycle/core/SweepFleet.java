package io.agentlifecycle.core;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.testing.MutableClock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.UnaryOperator;

/**
 * A fleet on a store in memory with a clock to turn. {@code outer} is what the manager works on, {@code inner} the store
 * behind it; closing verifies the inner one, so that every test ends with a trail that replays to what is stored.
 */
final class SweepFleet implements AutoCloseable {
    static final Instant START = Instant.parse("2026-01-01T00:00:00Z");
    static final Actor ALICE = Actor.human("alice@company.com");
    static final Actor ADMIN = Actor.human("admin@company.com");
    static final Duration NANO = Duration.ofNanos(1);

    final MutableClock clock = MutableClock.at(START);
    final LifecycleStore inner;
    final LifecycleStore outer;
    private final Random random = new Random(42);
    private LifecyclePolicy policy;
    private LifecycleManager manager;

    SweepFleet(UnaryOperator<LifecyclePolicy.Builder> settings) {
        this(LifecycleStore.inMemory(), UnaryOperator.identity(), settings, UnaryOperator.identity());
    }

    /** Looks at what is stored behind the faults. */
    SweepFleet(FaultStore store) {
        this(store, UnaryOperator.identity(), UnaryOperator.identity());
    }

    SweepFleet(
            FaultStore store,
            UnaryOperator<LifecyclePolicy.Builder> settings,
            UnaryOperator<LifecycleManager.Builder> parts) {
        this(store.behind(), any -> store, settings, parts);
    }

    SweepFleet(
            LifecycleStore inner,
            UnaryOperator<LifecycleStore> around,
            UnaryOperator<LifecyclePolicy.Builder> settings,
            UnaryOperator<LifecycleManager.Builder> parts) {
        this.inner = inner;
        this.outer = around.apply(inner);
        this.policy = policy(settings);
        this.manager = another(outer, parts);
    }

    static LifecyclePolicy policy(UnaryOperator<LifecyclePolicy.Builder> settings) {
        return settings.apply(LifecyclePolicy.builder().requireApproval(false)).build();
    }

    LifecycleManager manager() {
        return manager;
    }

    LifecyclePolicy policy() {
        return policy;
    }

    /** A manager of its own on that store, under the same policy, clock and random source. */
    LifecycleManager another(LifecycleStore store, UnaryOperator<LifecycleManager.Builder> parts) {
        return parts.apply(LifecycleManager.builder()
                        .store(store)
                        .policy(policy)
                        .clock(clock)
                        .random(random))
                .build();
    }

    void reopen() {
        manager.close();
        manager = another(outer, UnaryOperator.identity());
    }

    void reopen(UnaryOperator<LifecyclePolicy.Builder> settings) {
        policy = policy(settings);
        reopen();
    }

    static ProvisioningRequest.Builder request(String id) {
        return ProvisioningRequest.builder("Agent " + id)
                .id(AgentId.of(id))
                .owner("bob@company.com")
                .requestedBy(ALICE);
    }

    AgentId provisioned(String id) {
        return manager.requestProvisioning(request(id).build()).id();
    }

    AgentId active(String id) {
        AgentId agent = provisioned(id);
        manager.activate(agent);
        return agent;
    }

    /** Active and heard. */
    AgentId alive(String id) {
        AgentId agent = active(id);
        manager.heartbeat(agent);
        return agent;
    }

    List<AgentId> alive(String prefix, int count) {
        List<AgentId> agents = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            agents.add(alive("%s%05d".formatted(prefix, i)));
        }
        return agents;
    }

    AgentState state(AgentId agent) {
        return manager.get(agent).state();
    }

    boolean admits(AgentId agent) {
        return manager.guard().check(agent, Operation.INVOKE).allowed();
    }

    List<EventKind> kinds(AgentId agent) {
        return manager.auditTrail(agent).stream()
                .map(heard -> heard.event().kind())
                .toList();
    }

    long count(AgentId agent, EventKind kind) {
        return kinds(agent).stream().filter(kind::equals).count();
    }

    /** The events of stream log. */
    List<SealedEvent> log() {
        return inner.trail("log", 0, 10_000).stream()
                .map(stored -> SealedEvent.read(stored.canonical(), stored.signature()))
                .toList();
    }

    long logged(EventKind kind) {
        return log().stream().filter(heard -> heard.event().kind() == kind).count();
    }

    static AgentKey key(AgentId agent) {
        return new AgentKey(TenantId.DEFAULT, agent);
    }

    static RecordKey record(AgentId agent) {
        return RecordKey.agent(key(agent));
    }

    Verification verified() {
        return new Verifier(
                        inner,
                        LogRecord.decode(inner.get(LogRecord.KEY).orElseThrow()),
                        Optional.empty(),
                        (k, t, p, s) -> false)
                .verify(0);
    }

    @Override
    public void close() {
        verified();
        manager.close();
    }
}
