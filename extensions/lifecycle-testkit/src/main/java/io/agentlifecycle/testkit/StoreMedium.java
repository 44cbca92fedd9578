package io.agentlifecycle.testkit;

import io.agentlifecycle.core.spi.LifecycleStore;

/**
 * What lies under a durable store, as far as a test has to disturb it: a directory, a database, a file system that only
 * pretends. {@link LifecycleStoreContract#medium} gives the one of a store that it opened.
 */
public interface StoreMedium {
    /** Opens again what the store kept; the store was closed before. */
    LifecycleStore reopen() throws Exception;

    /**
     * Opens what would be there if the machine had lost its power at this moment. The store that was running is given up
     * and is not closed.
     */
    LifecycleStore crash() throws Exception;

    /** From now on nothing can be made durable any more: each attempt fails at the step that would have done it. */
    void fail() throws Exception;

    /** From now on nothing becomes durable until the stall is closed; who has to wait for it waits. */
    Stall stall() throws Exception;

    /** A medium that stands still until it is closed. */
    interface Stall extends AutoCloseable {
        /** Returns once a commit waits for the medium. */
        void awaitCommit() throws InterruptedException;

        /** Lets the medium go on. */
        @Override
        void close();
    }
}
