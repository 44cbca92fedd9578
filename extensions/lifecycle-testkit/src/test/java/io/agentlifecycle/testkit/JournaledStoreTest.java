package io.agentlifecycle.testkit;

import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.testkit.JournaledStore.Disk;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** The contract can be kept by a durable store, too. */
class JournaledStoreTest extends LifecycleStoreContract {
    private final Map<LifecycleStore, Disk> disks = new HashMap<>();

    @Override
    protected LifecycleStore open() {
        var disk = new Disk(JournaledStore::new);
        LifecycleStore store = disk.reopen();
        disks.put(store, disk);
        return store;
    }

    @Override
    protected Optional<StoreMedium> medium(LifecycleStore store) {
        return Optional.ofNullable(disks.get(store));
    }
}
