package io.agentlifecycle.audit;

import io.agentlifecycle.core.audit.ChainVerifier;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.store.StoredEvent;
import java.util.Optional;

/**
 * What a log has at one place, and a leaf of its tree stands for.
 *
 * @param event empty if it was pruned
 */
record Entry(String stream, long n, String leafHash, Optional<SealedEvent> event) {
    static Entry of(SealedEvent event) {
        StreamPosition place = event.event().position();
        return new Entry(place.stream(), place.n(), event.leafHash(), Optional.of(event));
    }

    static Entry left(StoredEvent pruned) {
        return new Entry(pruned.stream(), pruned.n(), pruned.leafHash(), Optional.empty());
    }

    /** @throws IllegalArgumentException if it does not follow what was taken before, or is not signed as it must be */
    static Entry take(StoredEvent stored, ChainVerifier chains) {
        if (stored.isPruned()) {
            chains.takePruned(stored.stream(), stored.n(), stored.leafHash());
            return left(stored);
        }
        return of(chains.take(stored.canonical(), stored.signature()));
    }

    Hash leaf() {
        return Hash.ofLeaf(leafHash);
    }

    /** Its line in an export. */
    String line() {
        return event.map(EventLine::write)
                .orElseGet(() -> EventLine.writePruned(StoredEvent.pruned(stream, n, leafHash)));
    }
}
