package io.agentlifecycle.core;

import io.agentlifecycle.core.audit.ActorJson;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.quarantine.Conduct;
import io.agentlifecycle.core.quarantine.Incident;
import io.agentlifecycle.core.quarantine.Quarantine;
import io.agentlifecycle.core.quarantine.Severity;

/** How an agent behaved, as its record says it, and incidents as events say them. */
final class ConductJson {
    private ConductJson() {}

    static Json write(Conduct conduct) {
        Json.ObjBuilder object = Json.object();
        if (!conduct.incidents().isEmpty()) {
            object.put(
                    "incidents",
                    new Json.Arr(
                            conduct.incidents().stream().map(ConductJson::noted).toList()));
        }
        conduct.quarantine().ifPresent(quarantine -> object.put("quarantine", quarantine(quarantine)));
        if (conduct.blocked()) {
            object.put("blocked", true);
        }
        return object.build();
    }

    static Conduct read(JsonFields conduct) {
        var result = new Conduct(
                conduct.objects("incidents").stream()
                        .map(ConductJson::readNoted)
                        .toList(),
                conduct.optionalObject("quarantine").map(ConductJson::readQuarantine),
                conduct.flag("blocked"));
        conduct.end();
        return result;
    }

    private static Json noted(Conduct.Noted noted) {
        return Json.object()
                .put("kind", noted.kind().wire())
                .put("severity", noted.severity().wire())
                .put("at", noted.at().toString())
                .build();
    }

    private static Conduct.Noted readNoted(JsonFields noted) {
        var result = new Conduct.Noted(kind(noted), severity(noted), noted.instant("at"));
        noted.end();
        return result;
    }

    private static Json quarantine(Quarantine quarantine) {
        Json.ObjBuilder object = put(Json.object(), quarantine.cause())
                .put("by", ActorJson.write(quarantine.placedBy()))
                .put("since", quarantine.since().toString())
                .put("attempts", quarantine.attempts())
                .put("retryAt", quarantine.retryAt());
        quarantine.agreed().ifPresent(actor -> object.put("agreed", ActorJson.write(actor)));
        return object.build();
    }

    private static Quarantine readQuarantine(JsonFields quarantine) {
        var result = new Quarantine(
                incident(quarantine),
                ActorJson.read(quarantine.object("by")),
                quarantine.instant("since"),
                (int) quarantine.integer("attempts"),
                quarantine.optionalInstant("retryAt"),
                quarantine.optionalObject("agreed").map(ActorJson::read));
        quarantine.end();
        return result;
    }

    /** Adds what an event or a record says of an incident. */
    static Json.ObjBuilder put(Json.ObjBuilder object, Incident incident) {
        return object.put("kind", incident.kind().wire())
                .put("severity", incident.severity().wire())
                .put("text", incident.text());
    }

    /** Takes out what {@link #put} added. */
    static Incident incident(JsonFields fields) {
        return new Incident(kind(fields), severity(fields), fields.string("text"));
    }

    private static Incident.Kind kind(JsonFields fields) {
        return fields.parsed("kind", wire -> Incident.Kind.ofWire(wire).orElseThrow(IllegalArgumentException::new));
    }

    private static Severity severity(JsonFields fields) {
        return fields.parsed("severity", wire -> Severity.ofWire(wire).orElseThrow(IllegalArgumentException::new));
    }
}
