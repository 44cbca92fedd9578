package io.agentlifecycle.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Role;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.spi.AccessRule;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.testing.MutableClock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** A store, a clock, and managers over them. After each test the log must verify, through every manager. */
final class Workshop implements AfterEachCallback {
    static final AgentId ID = AgentId.of("agent:1");
    static final String ALICE = "alice@company.com";
    static final Actor ADMIN = Actor.human("admin@company.com");

    /** Lets agents in by themselves. */
    static final LifecyclePolicy OPEN_DOOR =
            LifecyclePolicy.builder().requireApproval(false).build();

    /** And does not mind their silence. */
    static final LifecyclePolicy PATIENT = LifecyclePolicy.builder()
            .requireApproval(false)
            .heartbeatInterval(Duration.ofDays(1))
            .orphanThreshold(Duration.ofDays(30))
            .build();

    /** Whoever is named, be it an agent that is nobody here, is an admin: for tests of what else a command takes. */
    static final AccessRule TRUSTING = (actor, tenant, agent) -> Optional.of(Role.ADMIN);

    final MutableClock clock = MutableClock.at("2026-04-11T04:30:00Z");
    final LifecycleStore store;

    /** One for all managers, so that they do not draw the same ids. */
    private final Random random = new Random(20260411);

    private final List<LifecycleManager> managers = new ArrayList<>();

    Workshop() {
        this(LifecycleStore.inMemory());
    }

    Workshop(LifecycleStore store) {
        this.store = store;
    }

    LifecycleManager open(UnaryOperator<LifecycleManager.Builder> settings) {
        LifecycleManager manager = settings.apply(
                        LifecycleManager.builder().store(store).clock(clock).random(random))
                .build();
        managers.add(manager);
        return manager;
    }

    /** Closes a manager that need not verify any more. */
    void close(LifecycleManager manager) {
        managers.remove(manager);
        manager.close();
    }

    LifecycleManager open(LifecyclePolicy policy) {
        return open(builder -> builder.policy(policy));
    }

    /** A request for the agent of that id, owned by Alice and requested by the host. */
    static ProvisioningRequest.Builder request(String id) {
        return ProvisioningRequest.builder("Code Review Agent")
                .id(AgentId.of(id))
                .owner(ALICE);
    }

    AgentImport imported(String id, AgentState state) {
        return new AgentImport(request(id).build(), state, clock.instant());
    }

    /** The agent of that id, taken in as ACTIVE with its first credential; the policy must not require approval. */
    static Activation active(LifecycleManager manager, String id) {
        return manager.activate(manager.requestProvisioning(request(id).build()).id());
    }

    static List<EventKind> kinds(LifecycleManager manager, AgentId agent) {
        return manager.auditTrail(agent).stream()
                .map(sealedEvent -> sealedEvent.event().kind())
                .toList();
    }

    /** What {@code call} was refused with; it must name the rule, and change nothing at all. */
    static PolicyViolationException refused(LifecycleManager manager, String rule, ThrowingCallable call) {
        Picture before = Picture.of(manager);

        PolicyViolationException refusal = catchThrowableOfType(PolicyViolationException.class, call);

        assertThat(refusal).as("the refusal").isNotNull();
        assertThat(refusal.rule()).isEqualTo(rule);
        assertThat(refusal).hasMessageEndingWith("(rule " + rule + ")");
        assertThat(refusal.code()).isEqualTo("policy-violation");
        assertThat(Picture.of(manager)).as("nothing is changed").isEqualTo(before);
        return refusal;
    }

    /** All that can be seen of a manager's tenant and of the log. */
    record Picture(List<Agent> agents, List<SealedEvent> log) {
        static Picture of(LifecycleManager manager) {
            return new Picture(
                    manager.query(AgentQuery.all().includingRetired()),
                    manager.events(0, Integer.MAX_VALUE).events());
        }
    }

    void check() {
        assertThat(managers).as("managers that were opened").isNotEmpty();
        for (LifecycleManager manager : managers) {
            Verification found = manager.verify();
            assertThat(found.signed() + found.unsigned() + found.endorsedLate() + found.waiting() + found.pruned())
                    .isEqualTo(found.events());
        }
    }

    @Override
    public void afterEach(ExtensionContext context) {
        check();
    }

    static Instant time(String text) {
        return Instant.parse(text);
    }
}
