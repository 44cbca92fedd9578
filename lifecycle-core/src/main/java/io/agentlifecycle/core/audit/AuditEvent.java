package io.agentlifecycle.core.audit;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Command;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;

/**
 * One event of the log: what happened, and its place in its chain. Immutable.
 *
 * @param log the origin of the log, fixed by its first event
 * @param id a UUID of version 7
 * @param at when it happened; never before the event that stands before it in its stream
 * @param keyId the key that was in force, and signs it unless the sealer failed; empty in an unsigned log
 */
public record AuditEvent(
        String log, UUID id, Instant at, Optional<String> keyId, StreamPosition position, EventContent content) {
    /** How long the canonical bytes of an event may be. */
    public static final int MAX_BYTES = 65_535;

    /** The type under which an event is signed. */
    public static final String PAYLOAD_TYPE = "application/vnd.agent-lifecycle.audit-event.v1+json";

    private static final long FORMAT = 1;

    public AuditEvent {
        requireNonNull(log, "log");
        requireNonNull(id, "id");
        requireNonNull(at, "at");
        requireNonNull(keyId, "keyId");
        requireNonNull(position, "position");
        requireNonNull(content, "content");
    }

    /** What kind of event it is. */
    public EventKind kind() {
        return content.kind();
    }

    /** Who did it. */
    public Actor actor() {
        return content.actor();
    }

    /** The state before. */
    public Optional<AgentState> from() {
        return content.from();
    }

    /** The state after. */
    public Optional<AgentState> to() {
        return content.to();
    }

    /**
     * True if it may be stored without a signature while the sealer fails, for a later event to vouch for: it is of a
     * kind that may, and leads its agent nowhere that gives it power. Whoever can write to the store can add such an
     * event, so it must not be able to say more than that.
     */
    public boolean mayWait() {
        return kind().mayWait()
                && (to().isEmpty()
                        || from().filter(state -> state.gainsNothingBy(to().get()))
                                .isPresent());
    }

    /** What the kind's table says about it. */
    public Json.Obj details() {
        return content.details();
    }

    /** The canonical form, as {@code docs/audit-format.md} has it. */
    Json.Obj toJson() {
        Json.ObjBuilder event = Json.object()
                .put("v", FORMAT)
                .put("log", log)
                .put("id", id.toString())
                .put("ts", at.toString())
                .put("kind", kind().wire())
                .put("kid", keyId)
                .put("stream", position.stream())
                .put("n", position.n())
                .put("prev", position.prev())
                .put("actor", ActorJson.write(actor()))
                .put("from", content.from().map(AgentState::wire))
                .put("to", content.to().map(AgentState::wire))
                .put("command", content.command().map(Command::wire))
                .put("details", content.details());
        content.cause()
                .ifPresent(c -> event.put("cause", Json.object().put("id", c).build()));
        content.policy()
                .ifPresent(p -> event.put(
                        "policy",
                        Json.object()
                                .put("id", p.id())
                                .put("version", p.version())
                                .put("sha256", p.sha256())
                                .build()));
        content.approval()
                .ifPresent(a -> event.put(
                        "approval",
                        Json.object()
                                .put("by", a.by())
                                .put("at", a.at().toString())
                                .put("shown", a.shown())
                                .build()));
        content.credential()
                .ifPresent(c -> event.put(
                        "cred",
                        Json.object()
                                .put("jti", c.jti())
                                .put("kid", c.keyId())
                                .put("gen", c.generation())
                                .put("exp", c.expiresAt().toString())
                                .build()));
        return event.build();
    }

    /**
     * Reads the canonical form.
     *
     * @throws JsonFormatException if a member is missing, unknown, or not valid
     */
    static AuditEvent fromJson(Json json) {
        try {
            return read(new JsonFields("event", json));
        } catch (JsonFormatException e) {
            throw e;
        } catch (IllegalArgumentException e) {
            // the parts check themselves, and do not know that they are being read
            throw new JsonFormatException("event is not valid: " + e.getMessage());
        }
    }

    private static AuditEvent read(JsonFields event) {
        event.format("v", FORMAT);
        EventKind kind = event.parsed(
                "kind",
                wire -> EventKind.ofWire(wire)
                        .orElseThrow(
                                () -> new JsonFormatException("unknown kind: a newer version may have written it")));
        var position = new StreamPosition(event.string("stream"), event.integer("n"), event.string("prev"));
        var result = new AuditEvent(
                event.string("log"),
                event.parsed("id", AuditEvent::uuidOf),
                event.instant("ts"),
                event.optional("kid"),
                position,
                new EventContent(
                        kind,
                        ActorJson.read(event.object("actor")),
                        event.optionalParsed("from", AuditEvent::stateOf),
                        event.optionalParsed("to", AuditEvent::stateOf),
                        event.optionalParsed(
                                "command",
                                wire -> Command.ofWire(wire)
                                        .orElseThrow(() -> new JsonFormatException("unknown command"))),
                        event.optionalObject("cause").map(cause -> ended(cause, cause.string("id"))),
                        event.optionalObject("policy").map(AuditEvent::readPolicy),
                        event.optionalObject("approval").map(AuditEvent::readApproval),
                        event.optionalObject("cred").map(AuditEvent::readCredential),
                        event.plainObject("details")));
        event.end();
        return result;
    }

    private static PolicyRef readPolicy(JsonFields policy) {
        return ended(policy, new PolicyRef(policy.string("id"), policy.integer("version"), policy.string("sha256")));
    }

    private static ApprovalRef readApproval(JsonFields approval) {
        return ended(
                approval, new ApprovalRef(approval.string("by"), approval.instant("at"), approval.string("shown")));
    }

    private static CredentialRef readCredential(JsonFields cred) {
        return ended(
                cred,
                new CredentialRef(cred.string("jti"), cred.optional("kid"), cred.integer("gen"), cred.instant("exp")));
    }

    private static AgentState stateOf(String wire) {
        return AgentState.ofWire(wire).orElseThrow(() -> new JsonFormatException("unknown state"));
    }

    private static UUID uuidOf(String text) {
        UUID id = UUID.fromString(text);
        if (!id.toString().equals(text)) {
            throw new JsonFormatException("a UUID must be in lower case and full length");
        }
        return id;
    }

    private static <T> T ended(JsonFields fields, T value) {
        fields.end();
        return value;
    }
}
