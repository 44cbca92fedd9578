package io.agentlifecycle.core;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.FleetSummary;
import io.agentlifecycle.core.agent.Lifespan;
import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.Credentials;
import io.agentlifecycle.core.delegation.Lineage;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.hold.KillScope;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.StoredRecord;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.WeakHashMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
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

    /** By tenant, so that whoever speaks for one looks an agent up by its id alone; by the text of it, which is one object less to look at. */
    private final Map<TenantId, Map<String, FleetEntry>> tenants = new ConcurrentHashMap<>();

    /** One object for all agents of an owner, as long as there are any: owners are few, agents are many. */
    private final Map<Owner, WeakReference<Owner>> owners = Collections.synchronizedMap(new WeakHashMap<>());

    /** Likewise for types. */
    private final Map<String, WeakReference<String>> types = Collections.synchronizedMap(new WeakHashMap<>());

    private final Stops stops = new Stops();

    private final AtomicLong commits = new AtomicLong();

    private volatile boolean closed;

    /** What stops agents whatever their records say. */
    Stops stops() {
        return stops;
    }

    /** Reads the whole fleet. Commits that come in meanwhile win, by their version. */
    void load(LifecycleStore store) {
        store.get(LogRecord.KEY).map(LogRecord::decode).ifPresent(stops::saw);
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
            FleetEntry entry = put(AgentCodec.decode(found).agent());
            store.liveness(found.key()).ifPresent(entry.pulse()::merge);
        } catch (AuditTamperedException e) {
            LOG.error("the guard knows no agent {}: its record cannot be read", found.key(), e);
        }
    }

    /** How many commits it has taken over. */
    long commits() {
        return commits.get();
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
                stops.saw(LogRecord.decode(put.next()));
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

    private FleetEntry put(Agent agent) {
        return tenants.computeIfAbsent(agent.key().tenant(), t -> new ConcurrentHashMap<>())
                .compute(agent.key().id().value(), (id, before) -> {
                    if (before != null && before.version() >= agent.version()) {
                        return before;
                    }
                    Pulse pulse = before == null ? new Pulse(agent.key()) : before.pulse();
                    Lineage lineage = agent.lineage().equals(Lineage.ROOT) ? Lineage.ROOT : agent.lineage();
                    FleetEntry.Rate rate = rate(agent, before);
                    return new FleetEntry(
                            agent.version(),
                            agent.state(),
                            agent.activity().heard(),
                            agent.activity().silence().isPresent(),
                            agent.lifespan().equals(Lifespan.UNLIMITED) ? Lifespan.UNLIMITED : agent.lifespan(),
                            lineage,
                            listed(agent.credentials()),
                            agent.owner().map(owner -> shared(owners, owner)),
                            shared(types, agent.profile().agentType()),
                            agent.entitlements().role(),
                            !agent.holds().isEmpty(),
                            agent.holds().freeAt().orElse(null),
                            rate,
                            lineage == Lineage.ROOT && rate == null,
                            pulse,
                            before == null ? new Verdict.Allowed(pulse.agent()) : before.allowed());
                });
    }

    private static FleetEntry.@Nullable Rate rate(Agent agent, @Nullable FleetEntry before) {
        FleetEntry.Rate used = before == null ? null : before.rate();
        return agent.rateLimit()
                .map(limit -> new FleetEntry.Rate(limit, used == null ? new CallMeter() : used.meter()))
                .orElse(null);
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
        of(key.tenant()).remove(key.id().value());
    }

    private Map<String, FleetEntry> of(TenantId tenant) {
        return tenants.getOrDefault(tenant, Map.of());
    }

    @Nullable
    FleetEntry get(AgentKey key) {
        return get(key.tenant(), key.id());
    }

    @Nullable
    FleetEntry get(TenantId tenant, AgentId id) {
        Map<String, FleetEntry> own = tenants.get(tenant);
        return closed || own == null ? null : own.get(id.value());
    }

    Optional<Liveness> liveness(AgentKey key) {
        FleetEntry entry = of(key.tenant()).get(key.id().value());
        return entry == null ? Optional.empty() : entry.pulse().liveness();
    }

    /** True if that agent works for another one. */
    boolean isChild(AgentKey key) {
        FleetEntry entry = get(key);
        return entry != null && entry.lineage() != Lineage.ROOT;
    }

    /** How many ACTIVE agents a kill switch of that scope stops, or would stop. */
    long active(KillScope scope) {
        return tenants.values().stream()
                .flatMap(agents -> agents.values().stream())
                .filter(entry -> entry.state() == AgentState.ACTIVE && entry.isCoveredBy(scope))
                .count();
    }

    FleetSummary summary(TenantId tenant) {
        long total = 0;
        Map<AgentState, Long> byState = new EnumMap<>(AgentState.class);
        Map<String, Long> byOwner = new TreeMap<>();
        for (FleetEntry entry : of(tenant).values()) {
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
        stops.clear();
    }
}
