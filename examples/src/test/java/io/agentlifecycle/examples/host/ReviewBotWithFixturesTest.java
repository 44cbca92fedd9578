package io.agentlifecycle.examples.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.error.AccessDeniedException;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.core.testing.RecordingListener;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** How a host tests its agent with what lifecycle-core ships: the manager in memory, a clock and a listener. */
class ReviewBotWithFixturesTest {
    private static final Actor ALICE = Actor.human("alice@company.com");
    private static final Actor ADMIN = Actor.human("admin@company.com");

    private final MutableClock clock = MutableClock.at("2026-04-11T04:30:00Z");
    private final RecordingListener heard = new RecordingListener();
    private final LifecycleManager manager =
            LifecycleManager.builder().clock(clock).listener(heard).build();
    private final List<String> calls = new ArrayList<>();
    private AgentId id;

    @BeforeEach
    void start() {
        id = manager.requestProvisioning(ProvisioningRequest.builder("Review Bot")
                        .owner("alice@company.com")
                        .requestedBy(ALICE)
                        .build())
                .id();
        manager.approve(id, ADMIN);
        manager.activate(id);
    }

    @AfterEach
    void the_log_verifies() {
        manager.verify();
        manager.close();
    }

    @Test
    void an_active_bot_reviews_and_says_that_it_is_alive() {
        List<String> remarks = bot().review(List.of("A.java", "B.java"));

        assertThat(remarks).containsExactly("A.java: fine", "B.java: fine");
        assertThat(manager.liveness(id)).isPresent();
        assertThat(heard.kinds()).endsWith(EventKind.HEARTBEAT_FIRST);
    }

    @Test
    void a_bot_suspended_in_the_middle_of_a_review_makes_no_further_call() {
        var bot = new ReviewBot(manager, id, file -> {
            calls.add(file);
            manager.suspend(id, "it talks too much", ADMIN);
            return "";
        });

        assertThatThrownBy(() -> bot.review(List.of("A.java", "B.java")))
                .isInstanceOfSatisfying(
                        AccessDeniedException.class,
                        e -> assertThat(e.verdict().reasons()).containsExactly(Verdict.Reason.SUSPENDED));
        assertThat(calls).containsExactly("A.java");
        assertThat(heard.kinds()).endsWith(EventKind.AGENT_SUSPENDED);
    }

    @Test
    void a_bot_that_is_silent_for_a_day_is_an_orphan_and_makes_no_call() {
        bot().review(List.of("A.java"));
        calls.clear();
        clock.advance(Duration.ofDays(1));
        manager.sweeper().sweep();

        assertThat(manager.get(id).state()).isEqualTo(AgentState.ORPHANED);
        assertThatThrownBy(() -> bot().review(List.of("B.java"))).isInstanceOf(AccessDeniedException.class);
        assertThat(calls).isEmpty();
    }

    private ReviewBot bot() {
        return new ReviewBot(manager, id, file -> {
            calls.add(file);
            return file + ": fine";
        });
    }
}
