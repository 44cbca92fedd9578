package io.agentlifecycle.examples;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class RecoveryTest {
    @Test
    void the_example_tells_of_all_three_outcomes() throws Exception {
        assertThat(Captured.outputOf(() -> Recovery.main(new String[0])).lines())
                .containsExactly(
                        "QUARANTINED after 4 crashes",
                        "failed: java.lang.IllegalStateException, next attempt from 2026-04-11T04:31:40Z",
                        "failed: java.lang.IllegalStateException, next attempt none",
                        "exhausted: QUARANTINED, a person has to decide",
                        "an admin looked into it: ACTIVE",
                        "QUARANTINED after 4 crashes",
                        "restarting agent:summarizer",
                        "recovered: ACTIVE",
                        "agent.recovery_started by service:watcher",
                        "agent.recovery_failed by service:watcher",
                        "agent.recovery_started by service:watcher",
                        "agent.recovery_failed by service:watcher",
                        "agent.recovery_started by service:watcher",
                        "agent.recovered by service:watcher",
                        "verified: 25 events");
    }
}
