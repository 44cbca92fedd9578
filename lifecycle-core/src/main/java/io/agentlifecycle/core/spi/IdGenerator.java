package io.agentlifecycle.core.spi;

import io.agentlifecycle.core.access.AgentId;

/**
 * Names agents for which the caller gave no id. The default draws {@code agent:} and 128 random bits in hex. An id that
 * is taken, or ever was, is refused, so a generator must not repeat itself. Must be safe for use by many threads.
 */
@FunctionalInterface
public interface IdGenerator {
    /** The next id. */
    AgentId next();
}
