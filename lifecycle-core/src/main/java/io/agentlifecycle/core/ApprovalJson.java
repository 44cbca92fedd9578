package io.agentlifecycle.core;

import io.agentlifecycle.core.agent.Lifespan;
import io.agentlifecycle.core.approval.ApprovalRequest;
import io.agentlifecycle.core.approval.Vote;
import io.agentlifecycle.core.audit.ActorJson;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import java.time.Instant;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** The request that an agent came in by, as its record says it, and votes as events say them. */
final class ApprovalJson {
    private ApprovalJson() {}

    static Json write(ApprovalRequest approval) {
        Json.ObjBuilder object = Json.object()
                .put("by", ActorJson.write(approval.requestedBy()))
                .put("at", approval.requestedAt().toString())
                .put("expires", approval.expiresAt());
        if (!approval.involved().isEmpty()) {
            object.put("involved", Json.of(approval.involved()));
        }
        if (!approval.votes().isEmpty()) {
            object.put(
                    "votes",
                    new Json.Arr(
                            approval.votes().stream().map(ApprovalJson::vote).toList()));
        }
        approval.warnedOf().ifPresent(end -> object.put("warnedOf", end.toString()));
        approval.decision()
                .ifPresent(decision -> object.put(
                        "decision",
                        Json.object()
                                .put("outcome", decision.outcome().name().toLowerCase(Locale.ROOT))
                                .put("by", ActorJson.write(decision.by()))
                                .put("at", decision.at().toString())
                                .build()));
        return object.build();
    }

    /** Records of before say only that a warning was given, which was of the end that they have. */
    private static Optional<Instant> warnedOf(JsonFields approval, Optional<Instant> expires, Lifespan lifespan) {
        boolean warned = approval.flag("warned");
        Optional<Instant> end = approval.optionalInstant("warnedOf");
        return end.isEmpty() && warned ? ApprovalRules.endsAt(expires, lifespan) : end;
    }

    static ApprovalRequest read(JsonFields approval, Lifespan lifespan) {
        Optional<Instant> expires = approval.optionalInstant("expires");
        var result = new ApprovalRequest(
                ActorJson.read(approval.object("by")),
                approval.instant("at"),
                expires,
                Set.copyOf(approval.list("involved")),
                approval.objects("votes").stream().map(ApprovalJson::readVote).toList(),
                warnedOf(approval, expires, lifespan),
                approval.optionalObject("decision").map(decision -> {
                    var read = new ApprovalRequest.Decision(
                            decision.parsed(
                                    "outcome", wire -> ApprovalRequest.Outcome.valueOf(wire.toUpperCase(Locale.ROOT))),
                            ActorJson.read(decision.object("by")),
                            decision.instant("at"));
                    decision.end();
                    return read;
                }));
        approval.end();
        return result;
    }

    private static Json vote(Vote vote) {
        Json.ObjBuilder object = Json.object()
                .put("stage", vote.stage())
                .put("choice", vote.choice().wire())
                .put("by", ActorJson.write(vote.by()))
                .put("at", vote.at().toString())
                .put("shown", vote.shown());
        if (vote.advisory()) {
            object.put("advisory", true);
        }
        return object.build();
    }

    private static Vote readVote(JsonFields vote) {
        var result = new Vote(
                vote.string("stage"),
                choice(vote),
                vote.flag("advisory"),
                ActorJson.read(vote.object("by")),
                vote.instant("at"),
                vote.string("shown"));
        vote.end();
        return result;
    }

    /** The vote that an event of kind {@code vote.cast} tells of. */
    static Vote cast(AuditEvent event, JsonFields details) {
        return new Vote(
                details.string("stage"),
                choice(details),
                details.flag("advisory"),
                event.actor(),
                event.at(),
                details.string("shown"));
    }

    private static Vote.Choice choice(JsonFields fields) {
        return fields.parsed("choice", wire -> Vote.Choice.valueOf(wire.toUpperCase(Locale.ROOT)));
    }
}
