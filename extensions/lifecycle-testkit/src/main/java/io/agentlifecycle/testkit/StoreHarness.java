package io.agentlifecycle.testkit;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Durability;
import io.agentlifecycle.core.store.RecordKey;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;

/**
 * Opens stores, has each one watched by a {@link Witness}, and closes them. The contract is a line of classes, one for
 * each part, and not a set of nested ones: so every test is reported under the name of the store it ran on.
 */
abstract class StoreHarness {
    static final RecordKey A = key("a");
    static final RecordKey B = key("b");
    static final RecordKey C = key("c");

    private final AtomicLong requests = new AtomicLong();
    private final Map<LifecycleStore, Witness> watched = new LinkedHashMap<>();

    protected abstract LifecycleStore open() throws Exception;

    protected Optional<StoreMedium> medium(LifecycleStore store) {
        return Optional.empty();
    }

    /** An empty store. */
    final LifecycleStore fresh() throws Exception {
        LifecycleStore store = open();
        watch(store, new Witness());
        return store;
    }

    /** Takes over a store that was opened again; it must show what {@code before} has heard. */
    final LifecycleStore again(LifecycleStore store, Witness before) {
        watch(store, new Witness(before));
        witness(store).check(store);
        return store;
    }

    /** Prunes; from here on the witness of {@code store} looks for what is left. */
    final void prune(LifecycleStore store, Map<String, Long> before) {
        witness(store).pruned(before);
        store.prune(before);
    }

    private void watch(LifecycleStore store, Witness witness) {
        watched.put(store, witness);
        store.subscribe(witness);
    }

    /** Who hears of the commits of {@code store}. */
    final Witness witness(LifecycleStore store) {
        return requireNonNull(watched.get(store), "a store that was not opened here");
    }

    /** Gives up a store that cannot even be read or closed any more. */
    final Witness abandon(LifecycleStore store) {
        return requireNonNull(watched.remove(store), "a store that was not opened here");
    }

    /** What lies under a durable store; a store that keeps nothing has no such thing. */
    final Optional<StoreMedium> durable(LifecycleStore store) {
        Optional<StoreMedium> medium = medium(store);
        assertThat(medium.isPresent())
                .as(
                        "medium(store) must be there for a durable store, and only for one; this one is %s",
                        store.describe().durability())
                .isEqualTo(store.describe().durability() != Durability.NONE);
        return medium;
    }

    @AfterEach
    final void every_store_shows_what_it_told() {
        for (Map.Entry<LifecycleStore, Witness> entry : watched.entrySet()) {
            LifecycleStore store = entry.getKey();
            try {
                if (isOpen(store)) {
                    entry.getValue().check(store);
                }
            } finally {
                store.close();
            }
        }
    }

    private static boolean isOpen(LifecycleStore store) {
        try {
            store.describe();
            return true;
        } catch (StoreException e) {
            return false;
        }
    }

    // ---- building blocks

    static RecordKey key(String id) {
        return key(TenantId.DEFAULT, id);
    }

    static RecordKey key(TenantId tenant, String id) {
        return new RecordKey(tenant, RecordKey.AGENT, id);
    }

    /** A commit with a request id of its own. */
    final Draft draft() {
        return new Draft("request-" + requests.incrementAndGet());
    }

    /** Commits, sees that it is applied, and returns its number. */
    static long applied(LifecycleStore store, Draft draft) {
        return as(CommitResult.Applied.class, store.commit(draft.build())).seq();
    }

    /** Commits, sees that it meets a conflict, and returns the versions that stood in the way. */
    static Map<RecordKey, Long> conflict(LifecycleStore store, Draft draft) {
        return as(CommitResult.Conflict.class, store.commit(draft.build())).current();
    }

    /** Commits, sees that it is rejected, and returns why. */
    static CommitResult.Reason rejected(LifecycleStore store, Draft draft) {
        return as(CommitResult.Rejected.class, store.commit(draft.build())).reason();
    }

    static <T extends CommitResult> T as(Class<T> type, CommitResult result) {
        assertThat(result).isInstanceOf(type);
        return type.cast(result);
    }
}
