/** Governance of agents, from request to retirement. */
module io.agentlifecycle.core {
    requires static org.jspecify;
    requires org.slf4j;

    exports io.agentlifecycle.core;
}
