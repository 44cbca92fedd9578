package io.agentlifecycle.core.approval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.approval.ApprovalRule.Objection;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ApprovalRuleTest {
    private static final Instant NOW = Instant.parse("2026-04-11T04:30:00Z");
    private static final Actor ALICE = Actor.human("alice@company.com");
    private static final Actor BOB = Actor.human("bob@company.com");
    private static final Optional<Owner> OWNED_BY_BOB = Optional.of(Owner.of("Bob@Company.com"));

    @Test
    void whoever_asked_or_owns_may_not_approve_and_anyone_else_may() {
        ApprovalRequest request = request(Optional.empty());

        assertThat(objection(ApprovalRule.DEFAULT, request, ALICE)).contains(Objection.SELF_APPROVAL);
        assertThat(objection(ApprovalRule.DEFAULT, request, BOB)).contains(Objection.SELF_APPROVAL);
        assertThat(objection(ApprovalRule.DEFAULT, request, Actor.human("carol@company.com")))
                .isEmpty();
    }

    @Test
    void a_team_of_one_may_allow_itself_but_no_machine() {
        var small = new ApprovalRule(true, true, Optional.empty());
        ApprovalRequest request = request(Optional.empty());

        assertThat(objection(small, request, ALICE)).isEmpty();
        assertThat(objection(small, request, Actor.SYSTEM)).contains(Objection.NOT_HUMAN);
        assertThat(objection(small, request, Actor.service("bob@company.com"))).contains(Objection.NOT_HUMAN);
    }

    @Test
    void a_request_is_too_old_from_its_instant_on() {
        Instant end = NOW.plusSeconds(60);
        Actor carol = Actor.human("carol@company.com");
        ApprovalRequest request = request(Optional.of(end));

        assertThat(ApprovalRule.DEFAULT.objection(request, OWNED_BY_BOB, carol, end.minusNanos(1)))
                .isEmpty();
        assertThat(ApprovalRule.DEFAULT.objection(request, OWNED_BY_BOB, carol, end))
                .contains(Objection.REQUEST_EXPIRED);
        assertThat(ApprovalRule.DEFAULT.objection(request, OWNED_BY_BOB, ALICE, end))
                .as("what cannot be mended comes first")
                .contains(Objection.REQUEST_EXPIRED);
        assertThat(request(Optional.empty()).isExpired(Instant.MAX)).isFalse();
    }

    @Test
    void a_timeout_is_positive_and_counts_from_the_request() {
        var hourly = new ApprovalRule(true, false, Optional.of(Duration.ofHours(1)));

        assertThat(hourly.expiry(NOW)).contains(NOW.plusSeconds(3600));
        assertThat(ApprovalRule.DEFAULT.expiry(NOW)).isEmpty();
        for (Duration wrong : new Duration[] {Duration.ZERO, Duration.ofNanos(-1)}) {
            assertThatThrownBy(() -> new ApprovalRule(true, false, Optional.of(wrong)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("approval timeout must be positive but was " + wrong);
        }
    }

    private static Optional<Objection> objection(ApprovalRule rule, ApprovalRequest request, Actor approver) {
        return rule.objection(request, OWNED_BY_BOB, approver, NOW);
    }

    private static ApprovalRequest request(Optional<Instant> expiresAt) {
        return ApprovalRequest.open(ALICE, NOW, expiresAt);
    }
}
