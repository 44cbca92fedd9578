import io.agentlifecycle.core.spi.StoreProvider;
import io.agentlifecycle.storage.json.JsonStoreProvider;

/** The durable default store: a directory of JSON files. */
module io.agentlifecycle.storage.json {
    requires transitive io.agentlifecycle.core;
    requires com.fasterxml.jackson.core;
    requires org.slf4j;
    requires static transitive org.jspecify;

    exports io.agentlifecycle.storage.json;

    provides StoreProvider with
            JsonStoreProvider;
}
