package io.agentlifecycle.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.LifecycleManager;
import org.junit.jupiter.api.Test;

/** Placeholder of the contract of stores. */
public abstract class LifecycleStoreContract {
    /** For subclasses. */
    protected LifecycleStoreContract() {}

    /** A manager on the store under test. */
    protected abstract LifecycleManager open();

    @Test
    void a_store_opens() {
        assertThat(open()).isNotNull();
    }
}
