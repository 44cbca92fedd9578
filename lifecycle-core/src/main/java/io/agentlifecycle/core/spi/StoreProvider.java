package io.agentlifecycle.core.spi;

import java.nio.file.Path;

/**
 * Opens the durable store that {@code LifecycleManager.Builder.storage(Path)} finds by {@link java.util.ServiceLoader}.
 * A module that has one names it in its {@code module-info} and in {@code META-INF/services}.
 */
@FunctionalInterface
public interface StoreProvider {
    /**
     * Opens the store in that directory, and makes it if there is none.
     *
     * @throws io.agentlifecycle.core.error.StoreException if it cannot be opened; an existing one is never replaced
     */
    LifecycleStore open(Path directory);
}
