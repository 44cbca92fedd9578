package io.agentlifecycle.examples;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class BalanceAndViolationTest {
    @Test
    void a_deposit_lifts_what_wants_money_and_never_a_violation_and_who_is_cancelled_is_kept_for_a_while()
            throws Exception {
        assertThat(Captured.outputOf(() -> BalanceAndViolation.main(new String[0]))
                        .lines())
                .containsExactly(
                        "2026-04-11T04:30:00Z it works: ACTIVE [], let through",
                        "2026-04-11T04:30:00Z its balance is used up: SUSPENDED [insufficient_balance], not let through",
                        "    service:accounts lifts insufficient_balance, which gives the agent a new credential",
                        "2026-04-11T04:30:00Z a deposit: ACTIVE [], let through",
                        "2026-04-11T05:30:00Z used up again, and a violation: "
                                + "SUSPENDED [insufficient_balance, policy_violation], not let through",
                        "    service:accounts lifts insufficient_balance",
                        "2026-04-11T05:30:00Z a deposit: SUSPENDED [policy_violation], not let through",
                        "    service:accounts may not lift policy_violation: rule hold-authority",
                        "    human:alice@company.com may not lift policy_violation: rule hold-authority",
                        "    human:admin@company.com lifts policy_violation, which gives the agent a new credential",
                        "2026-04-11T05:30:00Z an admin has looked at it: ACTIVE [], let through",
                        "2026-04-11T06:30:00Z billing is cancelled: SUSPENDED [billing_cancelled], not let through",
                        "    human:alice@company.com may not lift billing_cancelled: rule hold-authority",
                        "2026-05-11T06:30:00Z nobody paid again: DECOMMISSIONED [billing_cancelled], not let through");
    }
}
