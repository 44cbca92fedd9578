package io.agentlifecycle.audit;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.Marker;
import org.slf4j.MarkerFactory;

/** Checkpoints in the log of the host's program. */
final class LoggerAnchor implements AnchorSink {
    private static final Marker MARKER = MarkerFactory.getMarker("AGENT_LIFECYCLE_CHECKPOINT");

    private final Logger logger;

    LoggerAnchor() {
        this(LoggerFactory.getLogger(AnchorSink.class));
    }

    LoggerAnchor(Logger logger) {
        this.logger = logger;
    }

    @Override
    public void anchor(String checkpoint) {
        if (!logger.isInfoEnabled(MARKER)) {
            throw new IllegalStateException("logger %s does not take level INFO with marker %s; turn that on"
                    .formatted(logger.getName(), MARKER.getName()));
        }
        logger.info(MARKER, "checkpoint of the log\n{}", checkpoint);
    }
}
