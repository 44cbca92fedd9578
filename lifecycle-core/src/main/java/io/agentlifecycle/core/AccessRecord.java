package io.agentlifecycle.core;

import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.audit.JsonFormatException;
import io.agentlifecycle.core.audit.Seal;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamHead;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoredRecord;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The record of stream {@code access}, as the events of that stream make it.
 *
 * @param version how many commits the stream has
 * @param unsignedFrom the first event of the stream that waits for a signed one
 */
record AccessRecord(long version, StreamHead head, Optional<Long> unsignedFrom) {
    static final RecordKey KEY = new RecordKey(TenantId.DEFAULT, RecordKey.STREAM, StreamPosition.ACCESS);

    /** A stream without events. */
    static final AccessRecord EMPTY = new AccessRecord(0, StreamHead.of(StreamPosition.ACCESS), Optional.empty());

    private static final long FORMAT = 1;
    private static final int MAX_CHARS = 1_024;
    private static final Set<EventKind> KINDS = Set.of(EventKind.ACCESS_REFUSED, EventKind.LOG_GAP_ENDORSED);

    /** The record after the next event of the stream, which may be one of several in a commit. */
    AccessRecord after(SealedEvent next) {
        EventKind kind = next.event().kind();
        if (!KINDS.contains(kind)) {
            throw new JsonFormatException(kind.wire() + " does not belong on stream access");
        }
        if (next.seal() == Seal.WAITING && head.next().n() == 0) {
            throw new JsonFormatException("no stream begins with an event that nobody signed");
        }
        return new AccessRecord(version, StreamHead.after(next), next.unsignedFrom(unsignedFrom));
    }

    AccessRecord at(long nextVersion) {
        return new AccessRecord(nextVersion, head, unsignedFrom);
    }

    StoredRecord encode() {
        Json.ObjBuilder body = Json.object().put("v", FORMAT).put("head", head.toJson());
        unsignedFrom.ifPresent(n -> body.put("unsigned", n));
        return new StoredRecord(KEY, version, Optional.empty(), CanonicalJson.write(body.build()), Map.of());
    }

    /**
     * Reads what {@link #encode} wrote.
     *
     * @throws AuditTamperedException if it is anything else
     */
    static AccessRecord decode(StoredRecord stored) {
        try {
            var body = new JsonFields("record " + KEY, CanonicalJson.read(stored.body(), MAX_CHARS));
            body.format("v", FORMAT);
            var result = new AccessRecord(
                    stored.version(),
                    StreamHead.read(StreamPosition.ACCESS, body.object("head")),
                    body.optionalInteger("unsigned"));
            body.end();
            return result;
        } catch (IllegalArgumentException e) {
            throw new AuditTamperedException(
                    List.of("the record %s cannot be read: %s".formatted(KEY, e.getMessage())));
        }
    }
}
