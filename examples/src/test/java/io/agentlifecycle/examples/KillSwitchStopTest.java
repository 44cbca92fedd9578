package io.agentlifecycle.examples;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Timeout;

class KillSwitchStopTest {
    @RepeatedTest(10)
    @Timeout(60)
    void an_agent_is_stopped_while_its_tool_is_at_work_and_goes_on_after_the_release() throws Exception {
        assertThat(Captured.outputOf(() -> KillSwitchStop.main(new String[0])).lines())
                .containsExactly(
                        "agent: look for old mails",
                        "agent: make a list of them",
                        "agent: delete them",
                        "tool:  told to stop, with mails left that nobody deletes now",
                        "agent: may not go on: [KILLED]",
                        "admin: stopped 1 agent, and its tool was told before that returned: true",
                        "agent: gets no more work: [KILLED]",
                        "agent: gets no credential: rule kill-switch",
                        "admin: released it, and the agent is what it was: ACTIVE",
                        "agent: begins anew");
    }
}
