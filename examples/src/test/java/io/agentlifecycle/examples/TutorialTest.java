package io.agentlifecycle.examples;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class TutorialTest {
    @Test
    void the_tutorial_runs_from_request_to_a_verified_trail() throws Exception {
        String output = Captured.outputOf(() -> Tutorial.main(new String[0]));

        assertThat(output)
                .containsSubsequence(
                        "Step 1: ",
                        "Step 2: ",
                        "PENDING_APPROVAL, owner alice@company.com",
                        "Step 3: ",
                        "(rule self-approval)",
                        "PROVISIONED, owner alice@company.com",
                        "Deploy Everything Agent",
                        "DECOMMISSIONED, owner mallory@company.com",
                        "Step 4: ",
                        "ACTIVE, owner alice@company.com",
                        "credential cred:",
                        "good until 2026-04-12T04:32:00Z",
                        "Its token is signed and says: agent:",
                        " may [pull-requests:review] until 2026-04-12T04:32:00Z, credential number 1",
                        "Step 5: ",
                        "12 heartbeats, the last at 2026-04-11T05:32:00Z",
                        "agent:release-notes: NOTE_SILENCE DONE",
                        "Step 6: ",
                        "agent:release-notes: ROTATED, cred:",
                        "agent:release-notes: OK, cred:",
                        "The first token is still good: true",
                        "After the overlap it is good:  false",
                        "Step 7: ",
                        "Release Notes Agent: silent for longer than the policy allows",
                        "silent for 25 hours",
                        "Marked: MARKED",
                        "ORPHANED, owner alice@company.com",
                        "it is orphaned; reclaim it for a new owner",
                        "cannot RESUME agent agent:release-notes: it is ORPHANED",
                        "ACTIVE, owner bob@company.com",
                        "Its newest token is good: true",
                        "The moment it is suspended it is good: false",
                        "SUSPENDED, owner alice@company.com, held by [insufficient_balance, operator]",
                        "(rule other-holds)",
                        "ACTIVE, owner carol@company.com",
                        "Step 8: ",
                        "DECOMMISSIONED, owner carol@company.com",
                        "Credential: none",
                        "Step 9: ",
                        "[2026-04-11T04:30:00Z] agent.requested",
                        "human:alice@company.com: none -> pending_approval",
                        "[2026-04-11T04:31:00Z] agent.approved",
                        "human:admin@company.com: pending_approval -> provisioned",
                        "[2026-04-11T04:32:00Z] agent.activated",
                        "system:system: provisioned -> active",
                        "[2026-04-12T06:37:00Z] agent.decommissioned",
                        "Log verified: ",
                        "Its trail, checked by itself: ",
                        "Fleet: 3 agents {ACTIVE=1, DECOMMISSIONED=2}");
    }

    @Test
    void the_tutorial_prints_no_token() throws Exception {
        assertThat(Captured.outputOf(() -> Tutorial.main(new String[0])))
                .doesNotContainPattern("cred:[0-9a-f]{32}\\.|eyJ[A-Za-z0-9_-]{10}");
    }

    @Test
    void two_runs_differ_in_drawn_ids_only() throws Exception {
        String first = Captured.outputOf(() -> Tutorial.main(new String[0]));
        String second = Captured.outputOf(() -> Tutorial.main(new String[0]));

        assertThat(withoutIds(first)).isEqualTo(withoutIds(second));
        assertThat(first).isNotEqualTo(second);
    }

    private static String withoutIds(String output) {
        return output.replaceAll("[0-9a-f]{32}", "...");
    }
}
