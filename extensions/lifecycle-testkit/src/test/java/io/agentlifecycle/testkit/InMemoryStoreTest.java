package io.agentlifecycle.testkit;

import io.agentlifecycle.core.spi.LifecycleStore;

class InMemoryStoreTest extends LifecycleStoreContract {
    @Override
    protected LifecycleStore open() {
        return LifecycleStore.inMemory();
    }
}
