package io.agentlifecycle.testkit;

import io.agentlifecycle.core.store.Check;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.Disclosure;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Collects what a commit of a test is made of. */
final class Draft {
    /** When a commit happens that does not say when. */
    static final Instant NOON = Instant.parse("2026-04-11T12:00:00Z");

    /** Later than anything that is ever due. */
    static final Instant FAR = Instant.parse("9999-12-31T23:59:59Z");

    private final String requestId;
    private Instant at = NOON;
    private final List<Check> checks = new ArrayList<>();
    private final List<Mutation> mutations = new ArrayList<>();
    private final List<StoredEvent> events = new ArrayList<>();
    private final List<Disclosure> disclosures = new ArrayList<>();

    Draft(String requestId) {
        this.requestId = requestId;
    }

    /** A record whose body tells its key and version, without due time and index. */
    static StoredRecord record(RecordKey key, long version) {
        return new StoredRecord(key, version, Optional.empty(), body(key, version), Map.of());
    }

    static StoredRecord due(RecordKey key, long version, Instant at) {
        return new StoredRecord(key, version, Optional.of(at), body(key, version), Map.of());
    }

    static StoredRecord indexed(RecordKey key, long version, Map<String, String> index) {
        return new StoredRecord(key, version, Optional.empty(), body(key, version), index);
    }

    private static String body(RecordKey key, long version) {
        return "{\"id\":\"%s\",\"version\":%d}".formatted(key.id(), version);
    }

    /** An event whose text tells its place. */
    static StoredEvent event(String stream, long n) {
        return new StoredEvent(stream, n, "{\"n\":%d,\"stream\":\"%s\"}".formatted(n, stream), Optional.empty());
    }

    Draft at(Instant value) {
        at = value;
        return this;
    }

    Draft put(RecordKey key, long version) {
        return put(record(key, version));
    }

    Draft put(StoredRecord next) {
        mutations.add(new Mutation.Put(next));
        return this;
    }

    Draft purge(RecordKey key) {
        mutations.add(new Mutation.Purge(key));
        return this;
    }

    Draft check(RecordKey key, long version) {
        checks.add(new Check.Version(key, version));
        return this;
    }

    Draft absent(RecordKey key) {
        checks.add(new Check.Absent(key));
        return this;
    }

    Draft write(String stream, long n) {
        return write(event(stream, n));
    }

    Draft write(StoredEvent event) {
        events.add(event);
        return this;
    }

    Draft disclose(Disclosure disclosure) {
        disclosures.add(disclosure);
        return this;
    }

    Commit build() {
        return new Commit(new RequestId(requestId), at, checks, mutations, events, disclosures);
    }
}
