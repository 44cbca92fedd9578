package io.agentlifecycle.examples;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class TwoApprovalsTest {
    @Test
    void the_example_tells_of_a_change_between_two_votes() throws Exception {
        assertThat(Captured.outputOf(() -> TwoApprovals.main(new String[0])).lines())
                .containsExactly(
                        "human:bob@company.com voted: PENDING_APPROVAL, 1 missing",
                        "amended: [merge, review]",
                        "human:carol@company.com was refused: approval-outdated",
                        "human:carol@company.com voted: PENDING_APPROVAL, 1 missing",
                        "human:Carol@Company.com was refused: vote-twice",
                        "human:bob@company.com voted: PROVISIONED, 0 missing",
                        "agent.requested by human:alice@company.com",
                        "vote.cast by agent:agent:reviewer",
                        "vote.cast by human:bob@company.com",
                        "agent.amended by human:alice@company.com",
                        "vote.cast by human:carol@company.com",
                        "approval.expiring by system:system",
                        "vote.cast by human:bob@company.com",
                        "agent.approved by human:bob@company.com",
                        "agent.provisioned by human:bob@company.com",
                        "verified: 10 events");
    }
}
