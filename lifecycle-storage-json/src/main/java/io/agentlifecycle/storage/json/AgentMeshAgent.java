package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.AgentImport;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.Text;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Profile;
import io.agentlifecycle.storage.json.AgentMeshReport.Finding;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads one agent of a file of AgentMesh. It goes through all members, whatever it finds on the way, so that a person
 * sees everything that is wrong at once.
 */
final class AgentMeshAgent {
    /** AgentMesh knows more states of an agent's credentials, and fewer of its end. */
    private static final Map<String, AgentState> STATES = Map.of(
            "pending_approval", AgentState.PENDING_APPROVAL,
            "provisioned", AgentState.PROVISIONED,
            "active", AgentState.ACTIVE,
            "suspended", AgentState.SUSPENDED,
            "rotating_credentials", AgentState.ACTIVE,
            "decommissioned", AgentState.DECOMMISSIONED,
            "orphaned", AgentState.ORPHANED);

    private static final Set<String> MEMBERS = Set.of(
            "agent_id",
            "name",
            "owner",
            "purpose",
            "agent_type",
            "state",
            "credential_id",
            "credential_issued_at",
            "credential_expires_at",
            "last_heartbeat",
            "heartbeat_count",
            "created_at",
            "updated_at",
            "decommissioned_at",
            "tags",
            "events");

    private static final Set<String> EVENT_MEMBERS =
            Set.of("event_type", "agent_id", "timestamp", "actor", "details", "previous_state", "new_state");

    /** What Python and pydantic write; a time without an offset is one of UTC, since AgentMesh knows no other. */
    private static final Pattern TIME = Pattern.compile(
            "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d{1,9})?(Z|[+-]\\d\\d:\\d\\d(?::\\d\\d)?)?");

    private static final Pattern UNPRINTABLE = Pattern.compile("[^\\x20-\\x7e]");
    private static final int MOST_SHOWN = 64;

    private final String pointer;
    private final List<Finding> rejected;
    private final List<Finding> mapped;
    private final int rejectedBefore;

    AgentMeshAgent(String pointer, List<Finding> rejected, List<Finding> mapped) {
        this.pointer = pointer;
        this.rejected = rejected;
        this.mapped = mapped;
        this.rejectedBefore = rejected.size();
    }

    /** The agent; empty if anything is wrong with it. */
    Optional<AgentImport> read(Object element) {
        if (!(element instanceof Map<?, ?> members)) {
            reject(pointer, "an agent must be an object");
            return Optional.empty();
        }
        refuseUnknown(members, MEMBERS, pointer);
        Optional<AgentId> id = parsed(members, "agent_id", AgentId::of);
        Optional<String> name = parsed(members, "name", text -> Text.line("name", text, 256));
        Optional<String> purpose = textOr(members, "purpose", "", text -> Text.prose("purpose", text, 4096));
        Optional<String> type = textOr(members, "agent_type", "autonomous", text -> Text.line("agent_type", text, 64));
        Optional<String> owner = owner(members);
        Optional<AgentState> state = state(members);
        Optional<Instant> created = parsed(members, "created_at", AgentMeshAgent::instant);
        Map<?, ?> tags = tags(members);
        checkLeftBehind(members, id);
        if (rejected.size() > rejectedBefore) {
            return Optional.empty();
        }
        ProvisioningRequest.Builder request = ProvisioningRequest.builder(name.orElseThrow())
                .id(id.orElseThrow())
                .purpose(purpose.orElseThrow())
                .agentType(type.orElseThrow())
                .owner(owner.orElseThrow());
        tags.forEach((key, value) -> request.tag((String) key, (String) value));
        return Optional.of(new AgentImport(request.build(), state.orElseThrow(), created.orElseThrow()));
    }

    private Optional<String> owner(Map<?, ?> members) {
        Optional<String> owner = parsed(members, "owner", text -> {
            if (!text.isBlank()) {
                Owner.of(text);
            }
            return text;
        });
        if (owner.filter(String::isBlank).isPresent()) {
            map("owner", "it is blank: nobody answers for the agent");
        }
        return owner;
    }

    private Optional<AgentState> state(Map<?, ?> members) {
        Optional<AgentState> state = parsed(members, "state", wire -> {
            if (wire.equals("decommissioning")) {
                throw new IllegalArgumentException("nobody knows how far its end has come; where it is really gone, set"
                        + " decommissioned in the file, otherwise set suspended and decommission it here");
            }
            AgentState found = STATES.get(wire);
            if (found == null) {
                throw new IllegalArgumentException("there is no state " + shown(wire));
            }
            return found;
        });
        if ("rotating_credentials".equals(members.get("state"))) {
            map("state", "rotating_credentials is no state here: the agent is ACTIVE");
        }
        if (state.filter(AgentState.PENDING_APPROVAL::equals).isPresent()) {
            map("state", "who asked for the agent is not known any more: it is whoever imports it");
        }
        return state;
    }

    private Map<?, ?> tags(Map<?, ?> members) {
        Object value = members.get("tags");
        if (value == null) {
            return Map.of();
        }
        if (!(value instanceof Map<?, ?> tags)) {
            reject(pointer + "/tags", "it must be an object of strings");
            return Map.of();
        }
        if (tags.size() > 64) {
            reject(pointer + "/tags", "at most 64 tags are allowed but there were " + tags.size());
        }
        tags.forEach((key, tag) -> check(pointer + "/tags/" + escaped((String) key), () -> {
            if (!(tag instanceof String text)) {
                throw new IllegalArgumentException("a tag must be a string");
            }
            return new Profile("name", "", "type", Map.of((String) key, text));
        }));
        return tags;
    }

    /** What is not taken over must still be what AgentMesh writes: a file with other things in it is not its file. */
    private void checkLeftBehind(Map<?, ?> members, Optional<AgentId> id) {
        for (String time : List.of(
                "updated_at", "credential_issued_at", "credential_expires_at", "last_heartbeat", "decommissioned_at")) {
            optional(members, time, AgentMeshAgent::instant);
        }
        optional(members, "credential_id", text -> text);
        Object count = members.get("heartbeat_count");
        if (count != null && !(count instanceof Long beats && beats >= 0)) {
            reject(pointer + "/heartbeat_count", "it must be an integer, 0 or more");
        }
        Object events = members.get("events");
        if (events == null) {
            return;
        }
        if (!(events instanceof List<?> list)) {
            reject(pointer + "/events", "it must be an array");
            return;
        }
        for (int i = 0; i < list.size(); i++) {
            String place = pointer + "/events/" + i;
            if (!(list.get(i) instanceof Map<?, ?> event)) {
                reject(place, "an event must be an object");
                continue;
            }
            refuseUnknown(event, EVENT_MEMBERS, place);
            if (id.isPresent() && !id.get().value().equals(event.get("agent_id"))) {
                reject(place + "/agent_id", "the event is not one of this agent");
            }
        }
    }

    // ---- members

    private <T> Optional<T> parsed(Map<?, ?> members, String name, Function<String, T> reader) {
        Object value = members.get(name);
        if (value == null) {
            reject(pointer, name + " is missing");
            return Optional.empty();
        }
        return text(name, value, reader);
    }

    /** A member that may be missing or null. */
    private <T> void optional(Map<?, ?> members, String name, Function<String, T> reader) {
        Object value = members.get(name);
        if (value != null && value != AgentMeshReader.NULL) {
            text(name, value, reader);
        }
    }

    private Optional<String> textOr(Map<?, ?> members, String name, String otherwise, Function<String, String> reader) {
        Object value = members.get(name);
        return value == null ? Optional.of(otherwise) : text(name, value, reader);
    }

    private <T> Optional<T> text(String name, Object value, Function<String, T> reader) {
        return check(pointer + "/" + name, () -> {
            if (!(value instanceof String text)) {
                throw new IllegalArgumentException("it must be a string");
            }
            return reader.apply(text);
        });
    }

    private <T> Optional<T> check(String place, Check<T> check) {
        try {
            return Optional.of(check.value());
        } catch (IllegalArgumentException e) {
            reject(place, String.valueOf(e.getMessage()));
            return Optional.empty();
        }
    }

    /** Something that may not be so. */
    @FunctionalInterface
    private interface Check<T> {
        T value();
    }

    private void refuseUnknown(Map<?, ?> members, Set<String> known, String place) {
        for (Object name : members.keySet()) {
            if (!known.contains(name)) {
                reject(place + "/" + escaped((String) name), "AgentMesh has no such member");
            }
        }
    }

    private void reject(String place, String reason) {
        rejected.add(new Finding(place, reason));
    }

    private void map(String member, String what) {
        mapped.add(new Finding(pointer + "/" + member, what));
    }

    private static Instant instant(String text) {
        var matcher = TIME.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("a time must be like 2026-04-11T04:31:00+00:00 but was " + shown(text));
        }
        try {
            @Nullable String offset = matcher.group(1);
            return offset == null
                    ? LocalDateTime.parse(text).toInstant(ZoneOffset.UTC)
                    : OffsetDateTime.parse(text).toInstant();
        } catch (DateTimeException e) {
            throw new IllegalArgumentException("there is no such time as " + text, e);
        }
    }

    /** As a reference token of a JSON pointer. */
    private static String escaped(String name) {
        return name.replace("~", "~0").replace("/", "~1");
    }

    /** Text of a stranger, fit for a message. */
    private static String shown(String text) {
        String cut = text.length() > MOST_SHOWN ? text.substring(0, MOST_SHOWN) + "..." : text;
        return '"' + UNPRINTABLE.matcher(cut).replaceAll("?") + '"';
    }
}
