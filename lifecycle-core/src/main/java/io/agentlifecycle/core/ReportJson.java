package io.agentlifecycle.core;

import io.agentlifecycle.core.agent.FinalReport;
import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.agent.Retirement;
import io.agentlifecycle.core.agent.Tally;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.audit.JsonFormatException;
import java.util.Locale;
import java.util.Optional;

/** A final report as it stands in the details of {@code agent.decommissioned}. */
final class ReportJson {
    private ReportJson() {}

    static Json.Obj write(FinalReport report) {
        return tally(Json.object(), report.tally())
                .put("cause", report.cause().wire())
                .put("from", report.from().wire())
                .put("startedAt", report.startedAt().toString())
                .put("tasks", Json.of(report.tasks()))
                .put("failedAttempts", report.failedAttempts())
                .put("createdAt", report.createdAt().toString())
                .put("firstActiveAt", report.firstActiveAt())
                .put("lastActiveAt", report.lastActiveAt())
                .put("events", report.events())
                .put("credentials", report.credentials())
                .put("heartbeats", report.liveness().map(Liveness::heartbeats).orElse(0L))
                .put("lastHeartbeatAt", report.liveness().map(Liveness::lastSeen))
                .build();
    }

    /**
     * Reads what {@link #write} wrote.
     *
     * @throws IllegalArgumentException if it is anything else
     */
    static FinalReport read(JsonFields report) {
        long heartbeats = report.integer("heartbeats");
        Optional<Liveness> liveness =
                report.optionalInstant("lastHeartbeatAt").map(lastSeen -> new Liveness(lastSeen, heartbeats));
        if (liveness.isEmpty() && heartbeats != 0) {
            throw new JsonFormatException("a report with heartbeats must say when the last one was");
        }
        var result = new FinalReport(
                report.parsed("cause", wire -> Retirement.Cause.valueOf(wire.toUpperCase(Locale.ROOT))),
                report.parsed("from", AgentCodec::stateOf),
                report.instant("startedAt"),
                report.list("tasks"),
                report.integer("failedAttempts"),
                report.instant("createdAt"),
                report.optionalInstant("firstActiveAt"),
                report.optionalInstant("lastActiveAt"),
                report.integer("events"),
                report.integer("credentials"),
                readTally(report),
                liveness);
        report.end();
        return result;
    }

    /** Adds the counts to {@code object}, in a report and in an agent's record by the same names. */
    static Json.ObjBuilder tally(Json.ObjBuilder object, Tally tally) {
        // later counts only when they say something: reports that were written before have none
        if (tally.quarantines() > 0) {
            object.put("quarantines", tally.quarantines());
        }
        return object.put("suspensions", tally.suspensions())
                .put("holds", tally.holds())
                .put("orphanings", tally.orphanings())
                .put("silences", tally.silences())
                .put("rotations", tally.rotations());
    }

    /** Takes the counts out of {@code fields}. */
    static Tally readTally(JsonFields fields) {
        return new Tally(
                fields.integer("suspensions"),
                fields.integer("holds"),
                fields.integer("orphanings"),
                fields.integer("silences"),
                fields.optionalInteger("quarantines").orElse(0L),
                fields.integer("rotations"));
    }
}
