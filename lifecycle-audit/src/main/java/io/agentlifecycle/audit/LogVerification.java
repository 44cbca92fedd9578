package io.agentlifecycle.audit;

import io.agentlifecycle.core.audit.KeyIntroduction;
import io.agentlifecycle.core.audit.LogKeys;
import io.agentlifecycle.core.audit.Seal;
import io.agentlifecycle.core.audit.StreamHead;
import java.util.List;
import java.util.Map;

/**
 * What {@link LogVerifier} read and found in order.
 *
 * @param events how many events are vouched for in which way; every {@link Seal} is there
 * @param keys the keys of the log at the end
 * @param recoveries how it was recovered after its keys were lost: of events between the size that was still trusted and the
 *     recovery, nobody can tell whether the holder of a lost key wrote them
 * @param heads where each stream ends. Events cut off the end of a stream do not show, unless the reader compares this
 *     with what it knew before
 */
public record LogVerification(
        Map<Seal, Long> events, LogKeys keys, List<KeyIntroduction> recoveries, Map<String, StreamHead> heads) {
    public LogVerification {
        events = Map.copyOf(events);
        recoveries = List.copyOf(recoveries);
        heads = Map.copyOf(heads);
    }
}
