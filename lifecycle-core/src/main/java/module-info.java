/** Governs the whole life of AI agents, in process: rules, states, holds, credentials, liveness and the log of it all. */
module io.agentlifecycle.core {
    requires org.slf4j;
    requires static transitive org.jspecify;

    exports io.agentlifecycle.core;
    exports io.agentlifecycle.core.access;
    exports io.agentlifecycle.core.agent;
    exports io.agentlifecycle.core.approval;
    exports io.agentlifecycle.core.audit;
    exports io.agentlifecycle.core.budget;
    exports io.agentlifecycle.core.credential;
    exports io.agentlifecycle.core.delegation;
    exports io.agentlifecycle.core.error;
    exports io.agentlifecycle.core.hold;
    exports io.agentlifecycle.core.quarantine;
    exports io.agentlifecycle.core.secret;
    exports io.agentlifecycle.core.spi;
    exports io.agentlifecycle.core.store;
    exports io.agentlifecycle.core.testing;

    uses io.agentlifecycle.core.spi.StoreProvider;
}
