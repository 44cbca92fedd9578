package io.agentlifecycle.core.agent;

import static io.agentlifecycle.core.agent.AgentState.ACTIVE;
import static io.agentlifecycle.core.agent.AgentState.DECOMMISSIONED;
import static io.agentlifecycle.core.agent.AgentState.DECOMMISSIONING;
import static io.agentlifecycle.core.agent.AgentState.ORPHANED;
import static io.agentlifecycle.core.agent.AgentState.PENDING_APPROVAL;
import static io.agentlifecycle.core.agent.AgentState.PROVISIONED;
import static io.agentlifecycle.core.agent.AgentState.QUARANTINED;
import static io.agentlifecycle.core.agent.AgentState.SUSPENDED;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class AgentStateTest {
    /** To stay, or to be retired, never gives anything; nobody comes back from that. */
    private static final Map<AgentState, Set<AgentState>> NOTHING_GAINED = Map.of(
            PENDING_APPROVAL, Set.of(PENDING_APPROVAL, DECOMMISSIONING, DECOMMISSIONED),
            PROVISIONED, Set.of(PROVISIONED, DECOMMISSIONING, DECOMMISSIONED),
            ACTIVE, Set.of(ACTIVE, SUSPENDED, QUARANTINED, ORPHANED, DECOMMISSIONING, DECOMMISSIONED),
            QUARANTINED, Set.of(QUARANTINED, SUSPENDED, ORPHANED, DECOMMISSIONING, DECOMMISSIONED),
            SUSPENDED, Set.of(SUSPENDED, ORPHANED, DECOMMISSIONING, DECOMMISSIONED),
            ORPHANED, Set.of(ORPHANED, DECOMMISSIONING, DECOMMISSIONED),
            DECOMMISSIONING, Set.of(DECOMMISSIONING, DECOMMISSIONED),
            DECOMMISSIONED, Set.of(DECOMMISSIONED));

    @Test
    void an_agent_gains_nothing_by_what_stops_or_retires_it_and_by_nothing_else() {
        for (AgentState from : AgentState.values()) {
            for (AgentState to : AgentState.values()) {
                assertThat(from.gainsNothingBy(to))
                        .as("%s to %s", from, to)
                        .isEqualTo(NOTHING_GAINED.getOrDefault(from, Set.of()).contains(to));
            }
        }
    }

    @Test
    void no_state_that_gives_nothing_leads_to_one_that_would_have_been_a_gain() {
        for (AgentState from : AgentState.values()) {
            for (AgentState between : NOTHING_GAINED.getOrDefault(from, Set.of())) {
                for (AgentState to : AgentState.values()) {
                    assertThat(from.gainsNothingBy(to) || !between.gainsNothingBy(to))
                            .as("%s by %s to %s", from, between, to)
                            .isTrue();
                }
            }
        }
    }
}
