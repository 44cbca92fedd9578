package io.agentlifecycle.examples.host;

import static io.agentlifecycle.testkit.LifecycleAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.error.AccessDeniedException;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.testkit.LifecycleExtension;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** How a host tests its agent with lifecycle-testkit. */
@ExtendWith(LifecycleExtension.class)
class ReviewBotTest {
    private static final Actor ADMIN = Actor.human("admin@company.com");
    private static final AgentId BOT = AgentId.of("review-bot");

    @BeforeEach
    void start(LifecycleManager manager) {
        manager.requestProvisioning(ProvisioningRequest.builder("Review Bot")
                .id(BOT)
                .owner("alice@company.com")
                .requestedBy(Actor.human("alice@company.com"))
                .build());
        manager.approve(BOT, ADMIN);
        manager.activate(BOT);
    }

    @Test
    void an_active_bot_reviews(LifecycleManager manager) {
        var bot = new ReviewBot(manager, BOT, file -> file + ": fine");

        assertThat(bot.review(List.of("A.java", "B.java"))).containsExactly("A.java: fine", "B.java: fine");
        assertThat(manager.get(BOT)).isActive();
        assertThat(manager).verifies();
    }

    @Test
    void a_bot_that_is_silent_for_a_day_is_stopped(LifecycleManager manager, MutableClock clock) {
        clock.advance(Duration.ofDays(1));
        manager.sweeper().sweep();
        var bot = new ReviewBot(manager, BOT, file -> "");

        assertThatThrownBy(() -> bot.review(List.of("A.java"))).isInstanceOf(AccessDeniedException.class);
        assertThat(manager.get(BOT).state()).isEqualTo(AgentState.ORPHANED);
        assertThat(manager).verifies();
    }
}
