/** Signed audit trail: Merkle log, export and offline verification. */
module io.agentlifecycle.audit {
    requires static org.jspecify;
    requires io.agentlifecycle.core;
    requires io.agentlifecycle.credentials;
}
