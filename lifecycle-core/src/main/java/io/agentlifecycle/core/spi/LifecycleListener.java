package io.agentlifecycle.core.spi;

import io.agentlifecycle.core.audit.SealedEvent;

/**
 * Hears of events after they are stored: best effort, in the thread of the command, without order across threads. What
 * it throws is logged and stops nobody. Who must not miss an event follows the log with
 * {@code LifecycleManager.events(cursor, limit)} instead. Must be safe for use by many threads.
 */
@FunctionalInterface
public interface LifecycleListener {
    /** This happened, and is stored. */
    void onEvent(SealedEvent event);
}
