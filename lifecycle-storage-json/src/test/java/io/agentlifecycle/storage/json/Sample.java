package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What tests put into stores, and how they look at what is in them. */
final class Sample {
    static final Instant NOON = Instant.parse("2026-04-11T12:00:00Z");
    static final Path DIRECTORY = Path.of("/lifecycle-data").toAbsolutePath();

    /** Nothing happens by time or by size. */
    static final Limits QUIET = new Limits(4 << 20, 64L << 20, 8L << 20, 8L << 20, 3_600_000);

    /** Segments and checkpoints come about all the time. */
    static final Limits BUSY = new Limits(4 << 20, 20_000, 50_000, 1_000, 1);

    private Sample() {}

    static RecordKey key(String id) {
        return new RecordKey(TenantId.DEFAULT, RecordKey.AGENT, id);
    }

    static StoredRecord record(String id, long version) {
        return record(key(id), version, "{\"id\":\"" + id + "\",\"version\":" + version + "}");
    }

    static StoredRecord record(RecordKey key, long version, String body) {
        return new StoredRecord(key, version, Optional.empty(), body, Map.of("owner", "ann"));
    }

    static StoredEvent event(String stream, long n) {
        return new StoredEvent(stream, n, "{\"n\":" + n + "}", Optional.of("c2ln"));
    }

    /** The agent gets that version, and its stream one event. */
    static Commit put(String id, long version) {
        return commit(
                "r-" + id + "-" + version,
                List.of(new Mutation.Put(record(id, version))),
                List.of(event(id, version - 1)));
    }

    static Commit put(StoredRecord record) {
        return commit("r-" + record.key().id() + "-" + record.version(), List.of(new Mutation.Put(record)), List.of());
    }

    static Commit purge(String request, String id) {
        return commit(request, List.of(new Mutation.Purge(key(id))), List.of());
    }

    static Commit commit(String request, List<Mutation> mutations, List<StoredEvent> events) {
        return new Commit(new RequestId(request), NOON, List.of(), mutations, events);
    }

    static Heartbeat beat(String id, int count) {
        return new Heartbeat(key(id), new Liveness(NOON.plusSeconds(count), count));
    }

    static JsonStore open(StorageIo io) {
        return JsonStore.open(DIRECTORY, io, QUIET);
    }

    static long applied(LifecycleStore store, Commit commit) {
        CommitResult result = store.commit(commit);
        if (result instanceof CommitResult.Applied applied) {
            return applied.seq();
        }
        throw new AssertionError(commit.requestId() + " should be applied but was " + result);
    }

    /** All records and all events. */
    record Content(List<StoredRecord> records, List<StoredEvent> events) {}

    static List<StoredRecord> records(LifecycleStore store) {
        List<StoredRecord> records = new ArrayList<>();
        for (String kind : List.of(RecordKey.AGENT, RecordKey.STREAM, RecordKey.TOMBSTONE)) {
            Optional<PageToken> after = Optional.empty();
            do {
                Page<StoredRecord> page = store.query(RecordQuery.of(kind), after, 1_000);
                records.addAll(page.items());
                after = page.next();
            } while (after.isPresent());
        }
        return records;
    }

    static Content content(LifecycleStore store) {
        List<StoredRecord> records = records(store);
        List<StoredEvent> events = new ArrayList<>();
        long cursor = 0;
        while (true) {
            EventPage page = store.events(cursor, 1_000);
            if (page.cursor() == cursor) {
                return new Content(records, events);
            }
            events.addAll(page.events());
            cursor = page.cursor();
        }
    }

    /** What is in one and not in the other. */
    static Content minus(Content all, Content some) {
        List<StoredRecord> records = new ArrayList<>(all.records());
        records.removeAll(some.records());
        List<StoredEvent> events = new ArrayList<>(all.events());
        events.removeAll(some.events());
        return new Content(records, events);
    }

    /** What these commits come to. */
    static Content content(List<Commit> commits) {
        try (LifecycleStore model = LifecycleStore.inMemory()) {
            commits.forEach(commit -> applied(model, commit));
            return content(model);
        }
    }
}
