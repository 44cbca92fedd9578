package io.agentlifecycle.examples;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class MutualTlsTest {
    @Test
    void an_agent_gets_in_with_its_certificate_while_it_stands_and_nobody_else_does() throws Exception {
        assertThat(Captured.outputOf(() -> MutualTls.main(new String[0])).lines())
                .containsExactly(
                        "ACTIVE:           200 welcome, agent:caller",
                        "SUSPENDED:        403 you may not act now",
                        "another key:      403 you may not act now",
                        "another CA:       no connection",
                        "unknown server:   no connection");
    }
}
