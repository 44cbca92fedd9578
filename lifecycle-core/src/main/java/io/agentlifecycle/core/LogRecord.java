package io.agentlifecycle.core;

import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoredRecord;
import java.util.Map;
import java.util.Optional;

/**
 * The record of stream {@code log}.
 *
 * @param origin the name of the log, in every event of it
 * @param policySha256 the policy by which the due times of all agents were computed
 */
record LogRecord(long version, String origin, String policySha256, StreamHead head) {
    static final RecordKey KEY = new RecordKey(TenantId.DEFAULT, RecordKey.STREAM, StreamPosition.LOG);

    private static final long FORMAT = 1;
    private static final int MAX_CHARS = 4_096;

    StoredRecord encode() {
        Json body = Json.object()
                .put("v", FORMAT)
                .put("origin", origin)
                .put("policy", policySha256)
                .put("head", head.toJson())
                .build();
        return new StoredRecord(KEY, version, Optional.empty(), CanonicalJson.write(body), Map.of());
    }

    static LogRecord decode(StoredRecord stored) {
        var body = new JsonFields("record " + KEY, CanonicalJson.read(stored.body(), MAX_CHARS));
        body.format("v", FORMAT);
        var result = new LogRecord(
                stored.version(),
                body.string("origin"),
                body.string("policy"),
                StreamHead.read(StreamPosition.LOG, body.object("head")));
        body.end();
        return result;
    }
}
