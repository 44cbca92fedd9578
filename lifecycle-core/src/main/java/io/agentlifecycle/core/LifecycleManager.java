package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import java.time.InstantSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Placeholder of the entry point. Immutable. */
public final class LifecycleManager {
    private static final Logger LOG = LoggerFactory.getLogger(LifecycleManager.class);

    private final InstantSource clock;

    private LifecycleManager(Builder builder) {
        clock = builder.clock;
        LOG.debug("built at {}", clock.instant());
    }

    /** A builder with the system clock. */
    public static Builder builder() {
        return new Builder();
    }

    /** Collects what a manager needs. Not safe for use by several threads. */
    public static final class Builder {
        private InstantSource clock = InstantSource.system();

        private Builder() {}

        /** The clock that every operation reads once. */
        public Builder clock(InstantSource clock) {
            this.clock = requireNonNull(clock, "clock");
            return this;
        }

        /** The manager. */
        public LifecycleManager build() {
            return new LifecycleManager(this);
        }
    }
}
