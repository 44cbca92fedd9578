package io.agentlifecycle.examples;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SelfOnboardingTest {
    @Test
    void the_example_tells_of_an_agent_that_comes_in_after_a_fault_at_each_step() throws Exception {
        assertThat(Captured.outputOf(() -> SelfOnboarding.main(new String[0])).lines())
                .containsExactly(
                        "503 no token, it stopped at PROFILE; nothing is let through",
                        "503 no token, it stopped at LIMITS; nothing is let through",
                        "503 no token, it stopped at TOKEN; nothing is let through",
                        "200 a token until 2026-04-11T05:30:00Z, 60 calls a minute until 2026-05-11T04:30:00Z, next"
                                + " [HEARTBEAT, ROTATE_CREDENTIALS, REVOKE_CREDENTIALS, CHANGE_OWNER, RENEW, SUSPEND,"
                                + " QUARANTINE]",
                        "200 a call",
                        "200 a call",
                        "429 [RATE_LIMITED], again at 2026-04-11T04:31:00Z",
                        "it sees: ACTIVE, 2 calls a minute, 0 left, incidents [], life until 2026-05-11T04:30:00Z",
                        "200 a call",
                        "verified: 8 events");
    }
}
