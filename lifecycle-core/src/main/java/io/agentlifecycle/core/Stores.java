package io.agentlifecycle.core;

import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.spi.StoreProvider;
import io.agentlifecycle.core.store.Durability;
import java.nio.file.Path;
import java.util.List;
import java.util.ServiceLoader;

/** Finds the durable store that the host put on its class or module path. */
final class Stores {
    private Stores() {}

    static LifecycleStore open(Path directory) {
        return only(ServiceLoader.load(StoreProvider.class).stream().toList())
                .get()
                .open(directory);
    }

    /** There must be exactly one; the message names what to add, or what to remove. */
    static <T> ServiceLoader.Provider<T> only(List<ServiceLoader.Provider<T>> found) {
        if (found.isEmpty()) {
            throw new StoreException(
                    "storage(Path) needs a store provider, and there is none; add io.agentlifecycle:lifecycle-storage-json",
                    null);
        }
        if (found.size() > 1) {
            throw new StoreException(
                    "storage(Path) needs one store provider, and there are several: %s; keep one, or use store(..)"
                            .formatted(found.stream()
                                    .map(provider -> provider.type().getName())
                                    .toList()),
                    null);
        }
        return found.get(0);
    }

    static void requireDurable(LifecyclePolicy policy, LifecycleStore store) {
        if (policy.requireDurable() && store.describe().durability() == Durability.NONE) {
            throw new PolicyViolationException(
                    "require-durable",
                    "the policy requires a durable store, but this one forgets everything when the process ends;"
                            + " use storage(Path)");
        }
    }
}
