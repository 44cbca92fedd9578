/** Keys, strict Ed25519 signatures and tokens of agents. */
module io.agentlifecycle.credentials {
    requires transitive io.agentlifecycle.core;
    requires com.fasterxml.jackson.core;
    requires com.github.benmanes.caffeine;
    requires org.bouncycastle.provider;
    requires org.slf4j;
    requires static transitive org.jspecify;

    exports io.agentlifecycle.credentials;
    exports io.agentlifecycle.credentials.keys;
}
