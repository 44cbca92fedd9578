package io.agentlifecycle.examples;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class OwnerLeavesTest {
    @Test
    void the_example_tells_of_forty_agents_that_get_new_owners() throws Exception {
        assertThat(Captured.outputOf(() -> OwnerLeaves.main(new String[0])).lines())
                .containsExactly(
                        "agent:01: from alice@company.com to bob@company.com",
                        "agent:02: from alice@company.com to bob@company.com",
                        "agent:03: from alice@company.com to bob@company.com",
                        "agent:04: from alice@company.com to team:platform",
                        "... 40 steps; nothing is done yet: Alice has 40",
                        "done: 40, moved: 0, failed: 0",
                        "Alice 10, Bob 20, the team 10; 10 held",
                        "Bob gets no more: owner-limit",
                        "done: 10, moved: 0, failed: 0",
                        "Alice 0, Bob 20, the team 20; 10 held",
                        "30 agents got new credentials; those that are held get them when they go on",
                        "agent:01 belongs to alice@company.com, by system:system",
                        "agent:01 belongs to bob@company.com, by human:admin@company.com",
                        "changes of owner in the log: 40",
                        "verified: 40 agents");
    }
}
