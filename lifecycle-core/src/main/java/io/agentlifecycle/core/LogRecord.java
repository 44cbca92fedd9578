package io.agentlifecycle.core;

import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoredRecord;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The record of stream {@code log}.
 *
 * @param origin the name of the log, in every event of it
 * @param scheduleSha256 the digest of the policy and the table by which the due times of all agents were computed
 */
record LogRecord(long version, String origin, String scheduleSha256, StreamHead head) {
    static final RecordKey KEY = new RecordKey(TenantId.DEFAULT, RecordKey.STREAM, StreamPosition.LOG);

    private static final long FORMAT = 1;
    private static final int MAX_CHARS = 4_096;

    StoredRecord encode() {
        Json body = Json.object()
                .put("v", FORMAT)
                .put("origin", origin)
                .put("schedule", scheduleSha256)
                .put("head", head.toJson())
                .build();
        return new StoredRecord(KEY, version, Optional.empty(), CanonicalJson.write(body), Map.of());
    }

    /**
     * Reads what {@link #encode} wrote.
     *
     * @throws AuditTamperedException if it is anything else
     */
    static LogRecord decode(StoredRecord stored) {
        try {
            return read(stored);
        } catch (IllegalArgumentException e) {
            throw new AuditTamperedException(
                    List.of("the record %s cannot be read: %s".formatted(KEY, e.getMessage())));
        }
    }

    private static LogRecord read(StoredRecord stored) {
        var body = new JsonFields("record " + KEY, CanonicalJson.read(stored.body(), MAX_CHARS));
        body.format("v", FORMAT);
        var result = new LogRecord(
                stored.version(),
                body.string("origin"),
                body.string("schedule"),
                StreamHead.read(StreamPosition.LOG, body.object("head")));
        body.end();
        return result;
    }
}
