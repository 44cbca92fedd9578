package io.agentlifecycle.testkit;

import io.agentlifecycle.core.LifecycleManager;

class InMemoryStoreTest extends LifecycleStoreContract {
    @Override
    protected LifecycleManager open() {
        return LifecycleManager.builder().build();
    }
}
