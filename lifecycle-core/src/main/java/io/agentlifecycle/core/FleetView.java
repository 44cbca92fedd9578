package io.agentlifecycle.core;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.access.Verdict.Reason;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.FleetSummary;
import io.agentlifecycle.core.agent.GuardPolicy;
import io.agentlifecycle.core.agent.Lifespan;
import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.credential.Credentials;
import io.agentlifecycle.core.delegation.Lineage;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.hold.KillScope;
import io.agentlifecycle.core.hold.Kills;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.StoredRecord;
import java.lang.ref.WeakReference;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.WeakHashMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the guard and heartbeats need of every agent, in memory. The store feeds it before it acknowledges a commit, so
 * that once a stopping call has returned no thread of this process is let through. Safe for use by many threads.
 */
final class FleetView {
    private static final Logger LOG = LoggerFactory.getLogger(FleetView.class);

    private static final int PAGE = 1_000;

    /**
     * One agent, as of one version. Its heartbeats live on when the version changes.
     *
     * @param freeAt when the last of its holds ends by itself, if all do
     */
    record Entry(
            long version,
            AgentState state,
            boolean heard,
            boolean silent,
            Lifespan lifespan,
            Lineage lineage,
            List<Credential> credentials,
            Optional<Owner> owner,
            String agentType,
            @Nullable Instant freeAt,
            Pulse pulse,
            Verdict.Allowed allowed) {

        boolean lives(long now) {
            return !isOver(now) && !isYetToBegin(now);
        }

        boolean isOver(long now) {
            Optional<Instant> end = lifespan.notAfter();
            return end.isPresent() && now >= Pulse.nanos(end.get());
        }

        boolean isYetToBegin(long now) {
            Optional<Instant> begin = lifespan.notBefore();
            return begin.isPresent() && now < Pulse.nanos(begin.get());
        }

        /** When all of these will have ended by time alone, if they will. */
        Optional<Instant> retryAt(List<Reason> reasons) {
            Instant latest = Instant.MIN;
            for (Reason reason : reasons) {
                Instant end = switch (reason) {
                    case SUSPENDED -> freeAt;
                    case NOT_YET_VALID -> lifespan.notBefore().orElseThrow();
                    default -> null;
                };
                if (end == null) {
                    return Optional.empty();
                }
                latest = end.isAfter(latest) ? end : latest;
            }
            return Optional.of(latest);
        }
    }

    /** By tenant, so that whoever speaks for one looks an agent up by its id alone. */
    private final Map<TenantId, Map<AgentId, Entry>> tenants = new ConcurrentHashMap<>();

    /** One of the denials of this process, by number; {@code stop} if the agent was to be stopped altogether. */
    private record Denial(long number, boolean stop) {}

    /** One object for all agents of an owner, as long as there are any: owners are few, agents are many. */
    private final Map<Owner, WeakReference<Owner>> owners = Collections.synchronizedMap(new WeakHashMap<>());

    /** Likewise for types. */
    private final Map<String, WeakReference<String>> types = Collections.synchronizedMap(new WeakHashMap<>());

    private final Map<AgentKey, Denial> denied = new ConcurrentHashMap<>();

    private final AtomicLong denials = new AtomicLong();
    /** The kill switches as of one version of the record that has them. */
    private record Killed(long version, Kills kills) {}

    private final AtomicReference<Killed> killed = new AtomicReference<>(new Killed(0, Kills.NONE));

    /** Those that could not be stored, so that they stop agents in this process only. */
    private final Set<KillScope> killedHere = ConcurrentHashMap.newKeySet();

    /**
     * How many commits it has taken over. What stands in an agent's way stands in several places, and may go from one to another:
     * it is held, and then the kill switch is released. Whoever looks at them one after the other could miss both, so he looks
     * again if there was a commit meanwhile.
     */
    private final AtomicLong commits = new AtomicLong();

    private final GuardPolicy policy;
    private volatile boolean closed;

    FleetView(GuardPolicy policy) {
        this.policy = policy;
    }

    /** Reads the whole fleet. Commits that come in meanwhile win, by their version. */
    void load(LifecycleStore store) {
        store.get(LogRecord.KEY).map(LogRecord::decode).ifPresent(this::saw);
        Optional<PageToken> after = Optional.empty();
        do {
            Page<StoredRecord> page = store.query(RecordQuery.of(RecordKey.AGENT), after, PAGE);
            page.items().forEach(found -> load(store, found));
            after = page.next();
        } while (after.isPresent());
    }

    /** An agent that cannot be read may do nothing; {@code verify} says why, and nobody else is kept from opening. */
    private void load(LifecycleStore store, StoredRecord found) {
        try {
            Entry entry = put(AgentCodec.decode(found).agent());
            store.liveness(found.key()).ifPresent(entry.pulse()::merge);
        } catch (AuditTamperedException e) {
            LOG.error("the guard knows no agent {}: its record cannot be read", found.key(), e);
        }
    }

    /** Takes over what a commit changed. */
    void committed(Commit commit) {
        try {
            takeOver(commit);
        } finally {
            commits.incrementAndGet();
        }
    }

    private void takeOver(Commit commit) {
        for (Mutation mutation : commit.mutations()) {
            if (mutation.key().equals(LogRecord.KEY) && mutation instanceof Mutation.Put put) {
                saw(LogRecord.decode(put.next()));
            }
            if (!mutation.key().kind().equals(RecordKey.AGENT)) {
                continue;
            }
            try {
                if (mutation instanceof Mutation.Put put) {
                    put(AgentCodec.decode(put.next()).agent());
                } else {
                    remove(mutation.key().agentKey());
                }
            } catch (RuntimeException e) {
                // an agent that cannot be read is an agent that may do nothing
                remove(mutation.key().agentKey());
                throw e;
            }
        }
    }

    private void saw(LogRecord log) {
        killed.accumulateAndGet(new Killed(log.version(), log.kills()), (a, b) -> a.version() > b.version() ? a : b);
    }

    private Entry put(Agent agent) {
        return tenants.computeIfAbsent(agent.key().tenant(), t -> new ConcurrentHashMap<>())
                .compute(agent.key().id(), (id, before) -> {
                    if (before != null && before.version() >= agent.version()) {
                        return before;
                    }
                    Pulse pulse = before == null ? new Pulse(agent.key()) : before.pulse();
                    return new Entry(
                            agent.version(),
                            agent.state(),
                            agent.activity().heard(),
                            agent.activity().silence().isPresent(),
                            agent.lifespan().equals(Lifespan.UNLIMITED) ? Lifespan.UNLIMITED : agent.lifespan(),
                            agent.lineage().equals(Lineage.ROOT) ? Lineage.ROOT : agent.lineage(),
                            listed(agent.credentials()),
                            agent.owner().map(owner -> shared(owners, owner)),
                            shared(types, agent.profile().agentType()),
                            agent.holds().freeAt().orElse(null),
                            pulse,
                            before == null ? new Verdict.Allowed(pulse.agent()) : before.allowed());
                });
    }

    private static <T> T shared(Map<T, WeakReference<T>> all, T value) {
        WeakReference<T> known = all.get(value);
        T one = known == null ? null : known.get();
        if (one != null) {
            return one;
        }
        all.put(value, new WeakReference<>(value));
        return value;
    }

    /** The listed credentials without what only their issuer looks at: there are a million of them. */
    private static List<Credential> listed(Credentials credentials) {
        List<Credential> listed = new ArrayList<>();
        credentials.current().map(FleetView::lean).ifPresent(listed::add);
        credentials.retiring().map(FleetView::lean).ifPresent(listed::add);
        return List.copyOf(listed);
    }

    private static Credential lean(Credential c) {
        return new Credential(
                c.id(),
                c.generation(),
                c.issuedAt(),
                c.expiresAt(),
                c.recorded(),
                c.graceUntil(),
                Optional.empty(),
                Optional.empty());
    }

    private void remove(AgentKey key) {
        of(key.tenant()).remove(key.id());
    }

    private Map<AgentId, Entry> of(TenantId tenant) {
        return tenants.getOrDefault(tenant, Map.of());
    }

    @Nullable
    Entry get(AgentKey key) {
        return get(key.tenant(), key.id());
    }

    @Nullable
    Entry get(TenantId tenant, AgentId id) {
        Map<AgentId, Entry> own = tenants.get(tenant);
        return closed || own == null ? null : own.get(id);
    }

    Optional<Liveness> liveness(AgentKey key) {
        Entry entry = of(key.tenant()).get(key.id());
        return entry == null ? Optional.empty() : entry.pulse().liveness();
    }

    /** May this agent do that at {@code now}, in nanoseconds of the epoch? Makes nothing if it may. */
    Verdict check(TenantId tenant, AgentId id, Operation operation, long now) {
        long before;
        Verdict verdict;
        do {
            before = commits.get();
            verdict = look(tenant, id, operation, now);
        } while (commits.get() != before);
        return verdict;
    }

    private Verdict look(TenantId tenant, AgentId id, Operation operation, long now) {
        // a denial ends only after the state that replaces it can be seen, so it is read before the state
        boolean deniedHere = !denied.isEmpty() && denied.containsKey(new AgentKey(tenant, id));
        Entry entry = get(tenant, id);
        if (entry != null && may(entry, deniedHere, operation, now) && entry.lineage() == Lineage.ROOT) {
            return entry.allowed();
        }
        var key = new AgentKey(tenant, id);
        List<Reason> reasons = reasons(entry, deniedHere, operation, now);
        if (entry != null) {
            above(key, entry, now, false).ifPresent(reasons::add);
        }
        return verdict(key, entry, reasons);
    }

    private boolean may(Entry entry, boolean deniedHere, Operation operation, long now) {
        return !deniedHere && !isKilled(entry) && policy.allows(entry.state(), operation) && entry.lives(now);
    }

    private Verdict verdict(AgentKey key, @Nullable Entry entry, List<Reason> reasons) {
        if (entry != null && reasons.isEmpty()) {
            return entry.allowed();
        }
        return new Verdict.Denied(
                "agent " + key,
                reasons,
                policy.httpStatusOf(reasons.get(0)),
                entry == null ? Optional.empty() : entry.retryAt(reasons));
    }

    /**
     * What stands in the way above an agent: whoever works for others stops when one of them does.
     *
     * @param withCredential whether each of them must have a good credential, too
     */
    private Optional<Reason> above(AgentKey key, Entry entry, long now, boolean withCredential) {
        Lineage lineage = entry.lineage();
        for (int depth = 0; lineage.parent().isPresent(); depth++) {
            var above = new AgentKey(key.tenant(), lineage.parent().get());
            boolean deniedHere = denied.containsKey(above); // before the state, as ever
            Entry superior = get(above);
            if (superior == null || depth == Lineage.DEEPEST) {
                return Optional.of(Reason.PARENT_UNKNOWN);
            }
            if (!may(superior, deniedHere, Operation.INVOKE, now)) {
                return Optional.of(Reason.PARENT_STOPPED);
            }
            if (withCredential && goodUntil(superior, now).isEmpty()) {
                return Optional.of(Reason.PARENT_CREDENTIAL);
            }
            lineage = superior.lineage();
        }
        return Optional.empty();
    }

    private static Optional<Instant> goodUntil(Entry entry, long now) {
        Instant at = Pulse.instant(now);
        return entry.credentials().stream()
                .filter(c -> c.status(at).isUsable())
                .map(Credential::goodUntil)
                .max(Comparator.naturalOrder());
    }

    /** When the first of those has no good credential any more that an agent works for; empty if one does not work now. */
    Optional<Instant> endAbove(AgentKey key, long now) {
        Entry entry = get(key);
        if (entry == null || above(key, entry, now, true).isPresent()) {
            return Optional.empty();
        }
        Optional<Instant> end = Optional.empty();
        Lineage lineage = entry.lineage();
        for (int depth = 0; lineage.parent().isPresent() && depth < Lineage.DEEPEST; depth++) {
            Entry superior = get(new AgentKey(key.tenant(), lineage.parent().get()));
            if (superior == null) {
                return Optional.empty();
            }
            end = Stream.concat(end.stream(), goodUntil(superior, now).stream()).min(Comparator.naturalOrder());
            lineage = superior.lineage();
        }
        return end;
    }

    /** May this agent do that at {@code now}, with this credential? */
    Verdict standing(AgentKey key, CredentialId id, Operation operation, long now) {
        long before;
        Verdict verdict;
        do {
            before = commits.get();
            verdict = look(key, id, operation, now);
        } while (commits.get() != before);
        return verdict;
    }

    private Verdict look(AgentKey key, CredentialId id, Operation operation, long now) {
        // in one picture: what is said of the agent and of its credential goes together
        boolean deniedHere = denied.containsKey(key);
        Entry entry = get(key);
        List<Reason> reasons = reasons(entry, deniedHere, operation, now);
        if (entry != null) {
            Optional<Credential> credential =
                    entry.credentials().stream().filter(c -> c.id().equals(id)).findFirst();
            credentialReason(credential, Pulse.instant(now)).ifPresent(reasons::add);
            above(key, entry, now, true).ifPresent(reasons::add);
        }
        return verdict(key, entry, reasons);
    }

    private static Optional<Reason> credentialReason(Optional<Credential> credential, Instant now) {
        if (credential.isEmpty()) {
            return Optional.of(Reason.CREDENTIAL_UNKNOWN);
        }
        return switch (credential.get().status(now)) {
            case ACTIVE, RETIRING -> Optional.empty();
            case RETIRED -> Optional.of(Reason.CREDENTIAL_RETIRED);
            case REVOKED -> Optional.of(Reason.CREDENTIAL_REVOKED);
            case EXPIRED -> Optional.of(Reason.CREDENTIAL_EXPIRED);
        };
    }

    /** All that stands in the way; empty if nothing does. */
    private List<Reason> reasons(@Nullable Entry entry, boolean deniedHere, Operation operation, long now) {
        List<Reason> reasons = new ArrayList<>();
        if (deniedHere) {
            reasons.add(Reason.DENIED_HERE);
        }
        if (entry == null) {
            reasons.add(Reason.UNKNOWN_AGENT);
            return reasons;
        }
        if (isKilled(entry)) {
            reasons.add(Reason.KILLED);
        }
        if (!policy.allows(entry.state(), operation)) {
            reasons.add(
                    switch (entry.state()) {
                        case PENDING_APPROVAL -> Reason.PENDING_APPROVAL;
                        case PROVISIONED -> Reason.PROVISIONED;
                        case ACTIVE -> throw new AssertionError("whoever is ACTIVE may do " + operation);
                        case QUARANTINED -> Reason.QUARANTINED;
                        case SUSPENDED -> Reason.SUSPENDED;
                        case ORPHANED -> Reason.ORPHANED;
                        case DECOMMISSIONING -> Reason.DECOMMISSIONING;
                        case DECOMMISSIONED -> Reason.DECOMMISSIONED;
                    });
        }
        if (entry.isOver(now)) {
            reasons.add(Reason.EXPIRED);
        }
        if (entry.isYetToBegin(now)) {
            reasons.add(Reason.NOT_YET_VALID);
        }
        return reasons;
    }

    /** True if that agent works for another one. */
    boolean isChild(AgentKey key) {
        Entry entry = get(key);
        return entry != null && entry.lineage() != Lineage.ROOT;
    }

    /** True if a kill switch stops that agent, or one that it works for. */
    boolean isKilled(AgentKey key) {
        Optional<AgentId> next = Optional.of(key.id());
        for (int depth = 0; next.isPresent() && depth <= Lineage.DEEPEST; depth++) {
            Entry entry = get(key.tenant(), next.get());
            if (entry == null) {
                return false;
            }
            if (isKilled(entry)) {
                return true;
            }
            next = entry.lineage().parent();
        }
        return false;
    }

    private boolean isKilled(Entry entry) {
        Kills kills = killed.get().kills();
        return !kills.isEmpty() && kills.cover(entry.pulse().agent(), entry.owner(), entry.agentType())
                || !killedHere.isEmpty() && killedHere.stream().anyMatch(scope -> covers(scope, entry));
    }

    private static boolean covers(KillScope scope, Entry entry) {
        return scope.covers(entry.pulse().agent(), entry.owner(), entry.agentType());
    }

    /** Stops in this process whom a kill switch was to stop that could not be stored. */
    void stop(KillScope scope) {
        killedHere.add(scope);
    }

    /** Ends {@link #stop}. */
    void letGo(KillScope scope) {
        killedHere.remove(scope);
    }

    /** How many ACTIVE agents a kill switch of that scope stops, or would stop. */
    long active(KillScope scope) {
        return tenants.values().stream()
                .flatMap(agents -> agents.values().stream())
                .filter(entry -> entry.state() == AgentState.ACTIVE && covers(scope, entry))
                .count();
    }

    /** Denies an agent in this process, because its restriction could not be stored; one that is not here need not be. */
    void deny(AgentKey key, boolean stop) {
        Entry entry = of(key.tenant()).get(key.id());
        if (entry != null && !entry.state().isTerminal()) {
            denied.merge(
                    key,
                    new Denial(denials.incrementAndGet(), stop),
                    (a, b) -> new Denial(Math.max(a.number(), b.number()), a.stop() || b.stop()));
        }
    }

    /** The number of the latest denial. */
    long denials() {
        return denials.get();
    }

    /**
     * Ends the denial of an agent, unless it came after number {@code upTo}.
     *
     * @param stops whether also one that was to stop the agent altogether
     */
    void allow(AgentKey key, long upTo, boolean stops) {
        denied.computeIfPresent(
                key, (k, denial) -> denial.number() <= upTo && (stops || !denial.stop()) ? null : denial);
    }

    Set<AgentKey> denied() {
        return Set.copyOf(denied.keySet());
    }

    FleetSummary summary(TenantId tenant) {
        long total = 0;
        Map<AgentState, Long> byState = new EnumMap<>(AgentState.class);
        Map<String, Long> byOwner = new TreeMap<>();
        for (Entry entry : of(tenant).values()) {
            total++;
            byState.merge(entry.state(), 1L, Long::sum);
            entry.owner().ifPresent(owner -> byOwner.merge(owner.toString(), 1L, Long::sum));
        }
        return new FleetSummary(total, byState, byOwner);
    }

    /** How many agents of a tenant are ACTIVE, and so should be heard. */
    long active(TenantId tenant) {
        return of(tenant).values().stream()
                .filter(entry -> entry.state() == AgentState.ACTIVE)
                .count();
    }

    /** Forgets everything: whoever asks from now on is told that it knows no agent. */
    void close() {
        closed = true;
        tenants.clear();
        owners.clear();
        types.clear();
        killedHere.clear();
        denied.clear();
    }
}
