package io.agentlifecycle.core;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Activity;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Retirement;
import io.agentlifecycle.core.agent.Tally;
import io.agentlifecycle.core.audit.ActorJson;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.audit.StreamHead;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.budget.RateLimit;
import io.agentlifecycle.core.credential.ApiKey;
import io.agentlifecycle.core.credential.ApiKeyId;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.credential.CredentialStatus;
import io.agentlifecycle.core.credential.Credentials;
import io.agentlifecycle.core.credential.KeyHistory;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.hold.Hold;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.Holds;
import io.agentlifecycle.core.hold.LegalHold;
import io.agentlifecycle.core.quarantine.Conduct;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.StoredRecord;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Agents as stored records. An absent component is absent; an unknown member means that a newer version wrote it. */
final class AgentCodec {
    static final String STATE = "state";
    static final String OWNER = "owner";
    static final String TYPE = "type";
    static final String PARENT = "parent";
    static final String TAG = "tag.";
    static final String CREDENTIAL = "cred";
    static final String OLD_CREDENTIAL = "cred.old";
    static final String API_KEY = "api";

    private static final int MAX_BODY_CHARS = 524_288;
    private static final long FORMAT = 1;

    private AgentCodec() {}

    /** An agent with the head of its stream, as one record holds them. */
    record Stored(Agent agent, StreamHead head) {}

    static StoredRecord encode(Stored stored, Optional<Instant> dueAt) {
        Agent agent = stored.agent();
        Json.ObjBuilder body = Json.object()
                .put("v", FORMAT)
                .put("head", stored.head().toJson())
                .put("state", agent.state().wire())
                .put("request", requestJson(agent))
                .put("approval", ApprovalJson.write(agent.approval()))
                .put("activity", activityJson(agent.activity()));
        agent.rateLimit().ifPresent(rate -> body.put("callsPerMinute", rate.callsPerMinute()));
        if (!agent.coOwners().isEmpty()) {
            body.put(
                    "coOwners",
                    Json.of(agent.coOwners().stream().map(Owner::toString).toList()));
        }
        if (!agent.holds().isEmpty()) {
            body.put(
                    "holds",
                    new Json.Arr(agent.holds().all().stream()
                            .map(AgentCodec::holdJson)
                            .toList()));
        }
        if (!agent.legalHolds().isEmpty()) {
            body.put(
                    "legalHolds",
                    new Json.Arr(agent.legalHolds().stream()
                            .map(AgentCodec::legalHoldJson)
                            .toList()));
        }
        if (!agent.conduct().equals(Conduct.NONE)) {
            body.put("conduct", ConductJson.write(agent.conduct()));
        }
        if (!agent.credentials().equals(Credentials.NONE)) {
            body.put("credentials", credentialsJson(agent.credentials()));
        }
        if (!agent.keyHistory().equals(KeyHistory.NONE)) {
            body.put("keys", KeysJson.write(agent.keyHistory()));
        }
        if (!agent.tally().equals(Tally.NONE)) {
            body.put("tally", ReportJson.tally(Json.object(), agent.tally()).build());
        }
        agent.retirement().ifPresent(retirement -> body.put("retirement", retirementJson(retirement)));
        return new StoredRecord(
                RecordKey.agent(agent.key()), agent.version(), dueAt, CanonicalJson.write(body.build()), index(agent));
    }

    /**
     * Reads what {@link #encode} wrote.
     *
     * @throws AuditTamperedException if it is anything else
     */
    static Stored decode(StoredRecord stored) {
        try {
            return read(stored);
        } catch (IllegalArgumentException e) {
            throw new AuditTamperedException(
                    List.of("the record %s cannot be read: %s".formatted(stored.key(), e.getMessage())));
        }
    }

    private static Stored read(StoredRecord stored) {
        AgentKey key = stored.key().agentKey();
        var body = new JsonFields("record " + stored.key(), CanonicalJson.read(stored.body(), MAX_BODY_CHARS));
        body.format("v", FORMAT);
        StreamHead head = StreamHead.read(StreamPosition.streamOf(key), body.object("head"));
        JsonFields request = body.object("request");
        RequestJson asked = RequestJson.takeFrom(request);
        request.end();
        var agent = new Agent(
                key,
                stored.version(),
                body.parsed("state", AgentCodec::stateOf),
                asked.profile(),
                asked.entitlements(),
                asked.lifespan(),
                body.optionalInteger("callsPerMinute").map(RateLimit::new),
                asked.lineage(),
                asked.owner(),
                body.list("coOwners").stream().map(Owner::of).toList(),
                ApprovalJson.read(body.object("approval"), asked.lifespan()),
                Holds.of(
                        body.objects("holds").stream().map(AgentCodec::readHold).toList()),
                body.objects("legalHolds").stream()
                        .map(AgentCodec::readLegalHold)
                        .toList(),
                body.optionalObject("conduct").map(ConductJson::read).orElse(Conduct.NONE),
                body.optionalObject("credentials")
                        .map(AgentCodec::readCredentials)
                        .orElse(Credentials.NONE),
                body.optionalObject("keys").map(KeysJson::read).orElse(KeyHistory.NONE),
                readActivity(body.object("activity")),
                body.optionalObject("tally").map(AgentCodec::readTally).orElse(Tally.NONE),
                body.optionalObject("retirement").map(AgentCodec::readRetirement));
        body.end();
        return new Stored(agent, head);
    }

    /** The state of that wire name; an exception if there is none. */
    static AgentState stateOf(String wire) {
        return AgentState.ofWire(wire).orElseThrow(IllegalArgumentException::new);
    }

    /** {@code query} in the words of a store. */
    static RecordQuery query(AgentQuery query, TenantId tenant) {
        Map<String, Set<String>> index = new TreeMap<>();
        if (query.states().size() < AgentState.values().length) {
            index.put(STATE, query.states().stream().map(AgentState::wire).collect(Collectors.toSet()));
        }
        query.owner().ifPresent(owner -> index.put(OWNER, Set.of(owner.toString())));
        query.agentType().ifPresent(type -> index.put(TYPE, Set.of(type)));
        query.parent().ifPresent(parent -> index.put(PARENT, Set.of(parent.value())));
        query.tags().forEach((key, value) -> index.put(TAG + key, Set.of(value)));
        return new RecordQuery(RecordKey.AGENT, Optional.of(tenant), index);
    }

    /** The agent of that tenant whose record lists that credential. */
    static Optional<Agent> holder(LifecycleStore store, TenantId tenant, CredentialId id) {
        return Stream.of(CREDENTIAL, OLD_CREDENTIAL)
                .map(name -> new RecordQuery(RecordKey.AGENT, Optional.of(tenant), Map.of(name, Set.of(id.value()))))
                .flatMap(query -> store.query(query, Optional.empty(), 1).items().stream())
                .map(found -> decode(found).agent())
                .findFirst();
    }

    /** The agent of that tenant whose record lists that API key. */
    static Optional<Agent> holder(LifecycleStore store, TenantId tenant, ApiKeyId id) {
        var query = new RecordQuery(RecordKey.AGENT, Optional.of(tenant), Map.of(id.value(), Set.of(API_KEY)));
        return store.query(query, Optional.empty(), 1).items().stream()
                .map(found -> decode(found).agent())
                .findFirst();
    }

    /** The names and values by which queries find an agent. */
    static Map<String, String> index(Agent agent) {
        Map<String, String> index = new TreeMap<>();
        index.put(STATE, agent.state().wire());
        index.put(TYPE, agent.profile().agentType());
        agent.owner().ifPresent(owner -> index.put(OWNER, owner.toString()));
        agent.lineage().parent().ifPresent(parent -> index.put(PARENT, parent.value()));
        agent.profile().tags().forEach((key, value) -> index.put(TAG + key, value));
        agent.credentials().current().ifPresent(c -> index.put(CREDENTIAL, c.id().value()));
        agent.credentials().retiring().ifPresent(c -> index.put(OLD_CREDENTIAL, c.id().value()));
        // each is a name of its own, since an agent has several
        agent.credentials().apiKeys().forEach(key -> index.put(key.id().value(), API_KEY));
        return index;
    }

    private static Json requestJson(Agent agent) {
        return new RequestJson(agent.profile(), agent.entitlements(), agent.lifespan(), agent.lineage(), agent.owner())
                .putInto(Json.object())
                .build();
    }

    private static Json holdJson(Hold hold) {
        Json.ObjBuilder json = Json.object()
                .put("reason", hold.reason().code())
                .put("text", hold.text())
                .put("by", ActorJson.write(hold.placedBy()))
                .put("at", hold.placedAt().toString());
        hold.agreed().ifPresent(actor -> json.put("agreed", ActorJson.write(actor)));
        return HoldJson.put(json, hold.authority(), hold.until()).build();
    }

    private static Hold readHold(JsonFields hold) {
        var result = new Hold(
                hold.parsed("reason", HoldReason::of),
                hold.string("text"),
                ActorJson.read(hold.object("by")),
                hold.instant("at"),
                HoldJson.authority(hold),
                hold.optionalInstant(HoldJson.UNTIL),
                hold.optionalObject("agreed").map(ActorJson::read));
        hold.end();
        return result;
    }

    private static Json legalHoldJson(LegalHold hold) {
        return Json.object()
                .put("reference", hold.reference())
                .put("by", ActorJson.write(hold.placedBy()))
                .put("at", hold.placedAt().toString())
                .build();
    }

    private static LegalHold readLegalHold(JsonFields hold) {
        var result = new LegalHold(hold.string("reference"), ActorJson.read(hold.object("by")), hold.instant("at"));
        hold.end();
        return result;
    }

    private static Json credentialsJson(Credentials credentials) {
        Json.ObjBuilder object = Json.object().put("gen", credentials.generation());
        credentials.current().ifPresent(c -> object.put("current", credentialJson(c)));
        credentials.retiring().ifPresent(c -> object.put("retiring", credentialJson(c)));
        if (credentials.undelivered()) {
            object.put("undelivered", true);
        }
        credentials
                .retry()
                .ifPresent(retry -> object.put(
                        "retry",
                        Json.object()
                                .put("attempts", retry.attempts())
                                .put("nextAt", retry.nextAt().toString())
                                .build()));
        credentials.aging().ifPresent(id -> object.put("aging", id.value()));
        if (credentials.due()) {
            object.put("due", true);
        }
        if (!credentials.apiKeys().isEmpty()) {
            object.put(
                    "apiKeys",
                    new Json.Arr(credentials.apiKeys().stream()
                            .map(AgentCodec::apiKeyJson)
                            .toList()));
        }
        return object.build();
    }

    private static Credentials readCredentials(JsonFields credentials) {
        var result = new Credentials(
                credentials.optionalObject("current").map(AgentCodec::readCredential),
                credentials.optionalObject("retiring").map(AgentCodec::readCredential),
                credentials.integer("gen"),
                credentials.flag("undelivered"),
                credentials.optionalObject("retry").map(retry -> {
                    var read = new Credentials.Retry((int) retry.integer("attempts"), retry.instant("nextAt"));
                    retry.end();
                    return read;
                }),
                credentials.optional("aging").map(CredentialId::of),
                credentials.objects("apiKeys").stream()
                        .map(AgentCodec::readApiKey)
                        .toList(),
                credentials.flag("due"));
        credentials.end();
        return result;
    }

    private static Json apiKeyJson(ApiKey key) {
        return Json.object()
                .put("id", key.id().value())
                .put("secretSha256", key.secretSha256())
                .put("exp", key.expiresAt().toString())
                .build();
    }

    private static ApiKey readApiKey(JsonFields key) {
        var result = new ApiKey(key.parsed("id", ApiKeyId::of), key.string("secretSha256"), key.instant("exp"));
        key.end();
        return result;
    }

    private static Json credentialJson(Credential credential) {
        return Json.object()
                .put("id", credential.id().value())
                .put("gen", credential.generation())
                .put("issuedAt", credential.issuedAt().toString())
                .put("exp", credential.expiresAt().toString())
                .put("status", credential.recorded().name().toLowerCase(Locale.ROOT))
                .put("graceUntil", credential.graceUntil())
                .put("kid", credential.keyId())
                .put("secretSha256", credential.secretSha256())
                .build();
    }

    private static Credential readCredential(JsonFields credential) {
        var result = new Credential(
                credential.parsed("id", CredentialId::of),
                credential.integer("gen"),
                credential.instant("issuedAt"),
                credential.instant("exp"),
                credential.parsed("status", wire -> CredentialStatus.valueOf(wire.toUpperCase(Locale.ROOT))),
                credential.optionalInstant("graceUntil"),
                credential.optional("kid"),
                credential.optional("secretSha256"));
        credential.end();
        return result;
    }

    private static Json activityJson(Activity activity) {
        Json.ObjBuilder object = Json.object()
                .put("created", activity.createdAt().toString())
                .put("updated", activity.updatedAt().toString())
                .put("watchedSince", activity.watchedSince())
                .put("heard", activity.heard());
        // most agents become ACTIVE once
        if (!activity.firstActiveAt().equals(activity.watchedSince())) {
            object.put("firstActive", activity.firstActiveAt());
        }
        activity.unsignedFrom().ifPresent(n -> object.put("unsigned", n));
        activity.silence()
                .ifPresent(silence -> object.put(
                        "silence",
                        Json.object()
                                .put("since", silence.since().toString())
                                .put("windows", silence.windows())
                                .build()));
        return object.build();
    }

    private static Activity readActivity(JsonFields activity) {
        Optional<Instant> watchedSince = activity.optionalInstant("watchedSince");
        var result = new Activity(
                activity.instant("created"),
                activity.instant("updated"),
                activity.optionalInstant("firstActive").or(() -> watchedSince),
                watchedSince,
                activity.flag("heard"),
                activity.optionalObject("silence").map(silence -> {
                    var read = new Activity.Silence(silence.instant("since"), silence.integer("windows"));
                    silence.end();
                    return read;
                }),
                activity.optionalInteger("unsigned"));
        activity.end();
        return result;
    }

    private static Tally readTally(JsonFields tally) {
        Tally result = ReportJson.readTally(tally);
        tally.end();
        return result;
    }

    private static Json retirementJson(Retirement retirement) {
        Json.ObjBuilder object = Json.object()
                .put("cause", retirement.cause().wire())
                .put("from", retirement.from().wire())
                .put("reason", retirement.reason())
                .put("started", retirement.startedAt().toString())
                .put("failedAttempts", retirement.failedAttempts())
                .put("retryAt", retirement.retryAt())
                .put("ended", retirement.endedAt());
        if (!retirement.doneTasks().isEmpty()) {
            object.put("doneTasks", Json.of(retirement.doneTasks()));
        }
        if (!retirement.pendingTasks().isEmpty()) {
            object.put("pendingTasks", Json.of(retirement.pendingTasks()));
        }
        return object.build();
    }

    private static Retirement readRetirement(JsonFields retirement) {
        var result = new Retirement(
                retirement.parsed("cause", wire -> Retirement.Cause.valueOf(wire.toUpperCase(Locale.ROOT))),
                retirement.parsed("from", AgentCodec::stateOf),
                retirement.string("reason"),
                retirement.instant("started"),
                List.copyOf(retirement.list("doneTasks")),
                List.copyOf(retirement.list("pendingTasks")),
                (int) retirement.integer("failedAttempts"),
                retirement.optionalInstant("retryAt"),
                retirement.optionalInstant("ended"));
        retirement.end();
        return result;
    }
}
