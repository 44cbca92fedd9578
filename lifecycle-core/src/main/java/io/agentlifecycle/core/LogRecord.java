package io.agentlifecycle.core;

import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.audit.JsonFormatException;
import io.agentlifecycle.core.audit.LogKeys;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamHead;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.hold.Kill;
import io.agentlifecycle.core.hold.KillScope;
import io.agentlifecycle.core.hold.Kills;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoredRecord;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The record of stream {@code log}, as the events of that stream make it.
 *
 * @param version how many events the stream has
 * @param origin the name of the log, in every event of it
 * @param scheduleSha256 the digest of the policy and the table by which the due times of all agents were computed
 * @param keys the keys that may sign the next event of any stream; none while the log is unsigned
 * @param kills the kill switches that are engaged; here, since every commit of an agent checks that this record is what it was
 * @param unsignedFrom the first event of the stream that waits for a signed one
 */
record LogRecord(
        long version,
        String origin,
        String scheduleSha256,
        StreamHead head,
        LogKeys keys,
        Kills kills,
        Optional<Long> unsignedFrom) {
    static final RecordKey KEY = new RecordKey(TenantId.DEFAULT, RecordKey.STREAM, StreamPosition.LOG);

    private static final long FORMAT = 1;
    private static final int MAX_CHARS = 262_144;

    /** A log without events. */
    static LogRecord empty(String origin) {
        return new LogRecord(
                0, origin, "", StreamHead.of(StreamPosition.LOG), LogKeys.NONE, Kills.NONE, Optional.empty());
    }

    /** The record after the next event of the stream. */
    LogRecord after(SealedEvent next) {
        AuditEvent event = next.event();
        boolean rescheduled = event.kind() == EventKind.LOG_GENESIS || event.kind() == EventKind.POLICY_CHANGED;
        return new LogRecord(
                version + 1,
                origin,
                rescheduled ? new JsonFields("details", event.details()).string("schedule") : scheduleSha256,
                StreamHead.after(next),
                keys.after(event),
                killsAfter(event),
                next.unsignedFrom(unsignedFrom));
    }

    private Kills killsAfter(AuditEvent event) {
        var details = new JsonFields("details", event.details());
        return switch (event.kind()) {
            case KILL_ENGAGED -> kills.engaged(details.parsed("scope", KillScope::of), event.at());
            case KILL_RELEASED ->
                kills.released(details.parsed("scope", KillScope::of))
                        .orElseThrow(() -> new JsonFormatException("a kill switch is released that is not engaged"));
            default -> kills;
        };
    }

    StoredRecord encode() {
        Json.ObjBuilder body = Json.object()
                .put("v", FORMAT)
                .put("origin", origin)
                .put("schedule", scheduleSha256)
                .put("head", head.toJson());
        if (!keys.equals(LogKeys.NONE)) {
            body.put("keys", keys.toJson());
        }
        if (!kills.isEmpty()) {
            body.put(
                    "kills",
                    new Json.Arr(kills.all().stream()
                            .<Json>map(kill -> Json.object()
                                    .put("at", kill.engagedAt().toString())
                                    .put("scope", kill.scope().wire())
                                    .build())
                            .toList()));
        }
        unsignedFrom.ifPresent(n -> body.put("unsigned", n));
        return new StoredRecord(KEY, version, Optional.empty(), CanonicalJson.write(body.build()), Map.of());
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
                StreamHead.read(StreamPosition.LOG, body.object("head")),
                body.optionalPlainObject("keys").map(LogKeys::of).orElse(LogKeys.NONE),
                new Kills(
                        body.objects("kills").stream().map(LogRecord::readKill).toList()),
                body.optionalInteger("unsigned"));
        body.end();
        return result;
    }

    private static Kill readKill(JsonFields kill) {
        var result = new Kill(kill.parsed("scope", KillScope::of), kill.instant("at"));
        kill.end();
        return result;
    }
}
