/** Keys, strict Ed25519 signatures and tokens of agents. */
module io.agentlifecycle.credentials {
    requires transitive io.agentlifecycle.core;
    requires org.bouncycastle.provider;
    requires static transitive org.jspecify;

    exports io.agentlifecycle.credentials.keys;
}
