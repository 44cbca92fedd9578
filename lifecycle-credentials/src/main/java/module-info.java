/** Keys, strict Ed25519 signatures and tokens of agents. */
module io.agentlifecycle.credentials {
    requires static org.jspecify;
    requires io.agentlifecycle.core;
}
