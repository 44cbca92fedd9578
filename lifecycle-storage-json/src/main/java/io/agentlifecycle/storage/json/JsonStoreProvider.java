package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.spi.StoreProvider;
import java.nio.file.Path;

/** What {@code LifecycleManager.Builder.storage(Path)} finds. Safe for use by many threads. */
public final class JsonStoreProvider implements StoreProvider {
    /** For the service loader. */
    public JsonStoreProvider() {}

    @Override
    public LifecycleStore open(Path directory) {
        return JsonStore.open(directory);
    }
}
