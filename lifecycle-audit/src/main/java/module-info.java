/** Signed audit trail: signatures over events, and verification without the store. */
module io.agentlifecycle.audit {
    requires transitive io.agentlifecycle.core;
    requires transitive io.agentlifecycle.credentials;
    requires org.slf4j;
    requires static transitive org.jspecify;

    exports io.agentlifecycle.audit;
}
