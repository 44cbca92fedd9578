/** The durable default store: a directory of JSON files. */
module io.agentlifecycle.storage.json {
    requires static org.jspecify;
    requires io.agentlifecycle.core;
}
