package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.testkit.LifecycleStoreContract;
import io.agentlifecycle.testkit.StoreMedium;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** The contract on a disk that loses at a crash all that was not forced. */
class JsonStoreInMemoryTest extends LifecycleStoreContract {
    private final Map<LifecycleStore, Medium> media = new HashMap<>();

    @Override
    protected LifecycleStore open() {
        return open(new MemoryIo());
    }

    @Override
    protected Optional<StoreMedium> medium(LifecycleStore store) {
        return Optional.of(media.get(store));
    }

    private LifecycleStore open(MemoryIo disk) {
        var io = new DisturbedIo(disk);
        LifecycleStore store = JsonStore.open(Sample.DIRECTORY, io, Limits.STANDARD);
        media.put(store, new Medium(disk, io));
        return store;
    }

    private final class Medium extends GatedMedium {
        private final MemoryIo disk;

        Medium(MemoryIo disk, DisturbedIo io) {
            super(io);
            this.disk = disk;
        }

        @Override
        public LifecycleStore reopen() {
            return open(disk);
        }

        @Override
        public LifecycleStore crash() {
            return open(disk.crash());
        }
    }
}
