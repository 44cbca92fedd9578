package io.agentlifecycle.core;

import io.agentlifecycle.core.audit.JsonFormatException;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Disclosure;
import io.agentlifecycle.core.store.StoredEvent;
import java.util.List;
import java.util.function.Supplier;

/** Reads stored events, each with what is disclosed of it now. Safe for use by many threads. */
record EventReader(Supplier<LifecycleStore> store) {
    /**
     * The event that was stored.
     *
     * @throws JsonFormatException if it is not one, or something else is disclosed
     */
    SealedEvent read(StoredEvent stored) {
        SealedEvent alone = SealedEvent.read(stored.canonical(), stored.signature());
        if (alone.redacted().isEmpty()) {
            return alone;
        }
        List<String> disclosed = store.get().disclosures(stored.stream(), stored.n(), 1).stream()
                .map(Disclosure::content)
                .toList();
        return SealedEvent.read(stored.canonical(), stored.signature(), disclosed);
    }
}
