package io.agentlifecycle.testkit;

import static io.agentlifecycle.testkit.LifecycleAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.testing.ForwardingStore;
import io.agentlifecycle.core.testing.MutableClock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LifecycleExtension.class)
class LifecycleAssertionsTest {
    private static final AgentId ID = AgentId.of("agent:1");
    private static final AgentId NOBODY = AgentId.of("agent:2");
    private static final Actor BOB = Actor.human("bob@company.com");

    private static Agent active(LifecycleManager manager) {
        manager.requestProvisioning(ProvisioningRequest.builder("Reviewer")
                .owner("alice@company.com")
                .build());
        manager.approve(ID, BOB);
        return manager.activate(ID).agent();
    }

    @Test
    void what_is_true_of_an_agent_passes(LifecycleManager manager, MutableClock clock) {
        assertThat(active(manager))
                .isActive()
                .hasVersion(3)
                .isOwnedBy("alice@company.com")
                .hasNoHolds()
                .hasUsableCredential(clock.instant());
        assertThat(manager.suspend(ID, "looking into it", BOB))
                .isInState(AgentState.SUSPENDED)
                .hasHold(HoldReason.OPERATOR);
    }

    @Test
    void what_is_not_true_of_an_agent_is_told_with_what_is(LifecycleManager manager, MutableClock clock) {
        Agent asked = manager.requestProvisioning(ProvisioningRequest.builder("Reviewer")
                .owner("alice@company.com")
                .build());
        manager.approve(ID, BOB);
        Agent agent = manager.activate(ID).agent();
        Agent held = manager.suspend(ID, "looking into it", BOB);
        Instant end = agent.credentials().current().orElseThrow().expiresAt();

        fails(() -> assertThat(held).isActive(), "expected agent agent:1 to be ACTIVE, but it is SUSPENDED");
        fails(() -> assertThat(held).hasNoHolds(), "to have no holds, but it has [Hold[reason=operator");
        fails(() -> assertThat(agent).hasVersion(7), "to have version 7, but it has 3");
        fails(() -> assertThat(agent).isOwnedBy("team:red"), "to be owned by team:red, but its owner is alice");
        fails(() -> assertThat(agent).hasHold(HoldReason.INACTIVE), "to have the hold inactive, but its holds are []");
        fails(() -> assertThat(agent).hasUsableCredential(end), "is EXPIRED; it ends at " + end);
        fails(() -> assertThat(agent).hasNoUsableCredential(clock.instant()), "is ACTIVE; it ends at " + end);
        fails(() -> assertThat(asked).hasUsableCredential(end), "none was ever issued");
        assertThat(agent).hasUsableCredential(end.minusNanos(1)).hasNoUsableCredential(end);
    }

    @Test
    void what_is_true_of_a_manager_passes(LifecycleManager manager) {
        active(manager);

        assertThat(manager).verifies().hasAgent(ID).hasNoAgent(NOBODY).allows(ID);
        assertThat(manager).denies(NOBODY, Verdict.Reason.UNKNOWN_AGENT);
        assertThat(manager).agent(ID).isActive();
    }

    @Test
    void what_is_not_true_of_a_manager_is_told_with_what_is(LifecycleManager manager) {
        active(manager);

        fails(() -> assertThat(manager).hasAgent(NOBODY), "expected an agent agent:2, but there is none");
        fails(
                () -> assertThat(manager).hasNoAgent(ID),
                "expected no agent agent:1, but there is one, and it is ACTIVE");
        fails(() -> assertThat(manager).allows(NOBODY), "[agent agent:2] expected it to be allowed");
        fails(
                () -> assertThat(manager).denies(ID, Verdict.Reason.SUSPENDED),
                "[agent agent:1] expected it to be denied for SUSPENDED, but it is allowed");
    }

    @Test
    void a_log_that_does_not_verify_is_told_with_every_finding() {
        try (var memory = LifecycleStore.inMemory();
                var manager = LifecycleManager.builder()
                        .store(new WithoutTheLastEvent(memory))
                        .clock(MutableClock.at(LifecycleExtension.START))
                        .ids(() -> ID)
                        .build()) {
            active(manager);

            fails(() -> assertThat(manager).verifies(), "stream a/default/agent:1");
        }
    }

    @Test
    void verdicts_are_told_with_their_reasons(LifecycleManager manager, MutableClock clock) {
        active(manager);
        Verdict allowed = manager.guard().check(ID, Operation.INVOKE);
        manager.suspend(ID, "looking into it", BOB);
        clock.advance(Duration.ofSeconds(1));
        Verdict denied = manager.guard().check(ID, Operation.INVOKE);

        assertThat(allowed).isAllowed();
        assertThat(denied).isDenied(Verdict.Reason.SUSPENDED);
        fails(() -> assertThat(denied).isAllowed(), "is denied for [SUSPENDED]");
        fails(() -> assertThat(denied).isDenied(Verdict.Reason.EXPIRED), "to be denied for EXPIRED, but");
        fails(() -> assertThat(allowed).isDenied(Verdict.Reason.EXPIRED), "for EXPIRED, but it is allowed");
    }

    private static void fails(ThrowingCallable assertion, String message) {
        assertThatThrownBy(assertion).isInstanceOf(AssertionError.class).hasMessageContaining(message);
    }

    /** Its log ends too early. */
    static final class WithoutTheLastEvent extends ForwardingStore {
        WithoutTheLastEvent(LifecycleStore to) {
            super(to);
        }

        @Override
        public EventPage events(long after, int limit) {
            EventPage page = super.events(after, limit);
            int size = page.events().size();
            return size > 1 ? new EventPage(page.events().subList(0, size - 1), page.cursor()) : page;
        }

        @Override
        public List<StoredEvent> trail(String stream, long from, int limit) {
            return List.of();
        }
    }
}
