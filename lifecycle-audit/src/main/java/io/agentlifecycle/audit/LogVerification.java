package io.agentlifecycle.audit;

import io.agentlifecycle.core.audit.Seal;
import io.agentlifecycle.core.audit.StreamHead;
import java.util.Map;

/**
 * What {@link LogVerifier} read and found in order.
 *
 * @param events how many events are vouched for in which way; every {@link Seal} is there
 * @param heads where each stream ends. Events cut off the end of a stream do not show, unless the reader compares this
 *     with what it knew before
 */
public record LogVerification(Map<Seal, Long> events, Map<String, StreamHead> heads) {
    public LogVerification {
        events = Map.copyOf(events);
        heads = Map.copyOf(heads);
    }
}
