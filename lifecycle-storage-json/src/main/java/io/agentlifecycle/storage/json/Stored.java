package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.store.Disclosure;
import io.agentlifecycle.core.store.Durability;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.OpenReport;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.StoreDescriptor;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** What a store that is open answers to those who read. Safe for use by many threads. */
record Stored(String storeId, OpenReport report, Contents contents) {
    static Stored of(Recovery.Recovered recovered) {
        return new Stored(recovered.manifest().storeId(), recovered.report(), recovered.contents());
    }

    StoreDescriptor describe() {
        return new StoreDescriptor(
                storeId, Manifest.FORMAT, Durability.LOCAL, JsonStore.MAX_RECORDS, contents.highWater(), report);
    }

    Optional<StoredRecord> get(RecordKey key) {
        return contents.state().get(key);
    }

    Page<StoredRecord> query(RecordQuery query, Optional<PageToken> after, int limit) {
        return contents.state().query(query, after, limit);
    }

    Optional<Liveness> liveness(RecordKey agent) {
        return contents.state().liveness(agent);
    }

    List<RecordKey> due(Instant now, int limit) {
        return contents.state().due(now, limit);
    }

    EventPage events(long after, int limit) {
        return read(() -> contents.log().events(after, limit));
    }

    List<StoredEvent> trail(String stream, long from, int limit) {
        return read(() -> contents.log().trail(stream, from, limit));
    }

    List<Disclosure> disclosures(String stream, long from, int limit) {
        return read(() -> contents.log().disclosures(stream, from, limit));
    }

    List<LoggedCommit> log(long after, int limit) {
        return read(() -> contents.log().disclosingCommitsAfter(after, limit));
    }

    private static <T> T read(EventLog.Reading<T> reading) {
        try {
            return reading.read();
        } catch (IOException e) {
            throw new StoreException("the log cannot be read: " + e, e);
        }
    }
}
