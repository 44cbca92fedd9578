package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.StoredRecord;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * All that readers could see at one moment, apart from the events.
 *
 * @param seqTo the last line that counts
 * @param crc the checksum of that line
 */
record Picture(
        long seqTo,
        String crc,
        Optional<Instant> highWater,
        List<StoredRecord> records,
        List<Heartbeat> heartbeats,
        List<Requests.Entry> requests) {
    /** The same in order of keys; not needed where it is taken, since others wait there. */
    Picture sorted() {
        return new Picture(
                seqTo,
                crc,
                highWater,
                records.stream().sorted(Comparator.comparing(StoredRecord::key)).toList(),
                heartbeats.stream()
                        .sorted(Comparator.comparing(Heartbeat::agent))
                        .toList(),
                requests);
    }
}
