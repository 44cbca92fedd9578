package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFormatException;
import io.agentlifecycle.core.audit.PolicyRef;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialOrder;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.error.AgentNotFoundException;
import io.agentlifecycle.core.error.ContentionException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.StoreBusyException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.error.StoreFailedException;
import io.agentlifecycle.core.error.StoreFullException;
import io.agentlifecycle.core.spi.CredentialIssuer;
import io.agentlifecycle.core.spi.LifecycleListener;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Check;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one way by which anything changes: load, decide, seal, commit, publish. It is the only code that reads the clock
 * and the store; what a command means is decided by {@link Rules}, and what an event means by {@link Replay}.
 */
final class Engine {
    /** How often a lost race is run again before the caller is told. */
    static final int MAX_ATTEMPTS = 16;

    private static final Logger LOG = LoggerFactory.getLogger(Engine.class);

    /** What a command does to an agent's right to act. */
    enum Effect {
        /** It takes it away: if that cannot be stored, this process denies the agent all the same. */
        RESTRICTS,
        /** It gives it back. */
        LIFTS,
        /** Neither. */
        NEUTRAL
    }

    /** An agent that is to be created, with its first events. */
    record Creation(AgentKey key, List<EventContent> events) {}

    private final LifecycleStore store;
    private final Clockwork clock;
    private final Rules rules;
    private final PolicyRef policyRef;
    private final CredentialIssuer issuer;
    private final List<LifecycleListener> listeners;
    private final Draws draws;
    private final FleetView fleet = new FleetView();
    private final Heartbeats heartbeats;
    private final Deadlines deadlines;
    private final LifecycleStore.Subscription subscription;
    private final String origin;
    private volatile Optional<String> lastStoreFailure = Optional.empty();

    Engine(
            LifecycleStore store,
            Clockwork clock,
            Rules rules,
            CredentialIssuer issuer,
            List<LifecycleListener> listeners,
            Draws draws,
            Optional<String> wantedOrigin) {
        this.store = store;
        this.clock = clock;
        this.rules = rules;
        this.policyRef = rules.policy().ref();
        this.issuer = issuer;
        this.listeners = List.copyOf(listeners);
        this.draws = draws;
        Instant opened = clock.now();
        this.deadlines = new Deadlines(
                rules.policy(), rules.table(), opened.plus(rules.policy().startupGrace()));
        this.heartbeats = new Heartbeats(store, rules.policy().heartbeatInterval(), opened);
        this.origin = new LogKeeper(this).open(wantedOrigin);
        this.subscription = store.subscribe((seq, commit) -> fleet.committed(commit));
        fleet.load(store);
    }

    // ---- what the others need

    LifecycleStore store() {
        return store;
    }

    Rules rules() {
        return rules;
    }

    PolicyRef policyRef() {
        return policyRef;
    }

    Draws draws() {
        return draws;
    }

    FleetView fleet() {
        return fleet;
    }

    Heartbeats heartbeats() {
        return heartbeats;
    }

    Deadlines deadlines() {
        return deadlines;
    }

    String origin() {
        return origin;
    }

    Clockwork clock() {
        return clock;
    }

    Instant now() {
        return clock.now();
    }

    Optional<String> lastStoreFailure() {
        return lastStoreFailure;
    }

    // ---- reading

    Optional<AgentCodec.Stored> find(AgentKey key) {
        return store.get(RecordKey.agent(key)).map(AgentCodec::decode);
    }

    AgentCodec.Stored load(AgentKey key) {
        return find(key).orElseThrow(() -> new AgentNotFoundException(key));
    }

    /** What this process heard, and what other hosts told the store. */
    Optional<Liveness> liveness(AgentKey key) {
        Optional<Liveness> here = fleet.liveness(key);
        Optional<Liveness> stored = store.liveness(RecordKey.agent(key));
        return here.isPresent() && stored.isPresent() ? stored.map(here.get()::merge) : here.or(() -> stored);
    }

    // ---- changing

    /** Runs a command on an agent. */
    Activation run(AgentKey key, Effect effect, Plan.Decision decision) {
        return run(key, effect, OptionalLong.empty(), decision).orElseThrow();
    }

    /** Runs a command if the agent still has that version; empty if it has moved on. */
    Optional<Activation> runAt(AgentKey key, long version, Effect effect, Plan.Decision decision) {
        return run(key, effect, OptionalLong.of(version), decision);
    }

    private Optional<Activation> run(AgentKey key, Effect effect, OptionalLong version, Plan.Decision decision) {
        requireNonNull(key, "key");
        try {
            for (int attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
                AgentCodec.Stored before = load(key);
                if (version.isPresent() && version.getAsLong() != before.agent().version()) {
                    return Optional.empty();
                }
                Optional<Activation> done = attempt(before, decision);
                if (done.isPresent()) {
                    if (effect != Effect.NEUTRAL) {
                        fleet.allow(key);
                    }
                    return done;
                }
            }
        } catch (StoreException e) {
            if (effect == Effect.RESTRICTS) {
                fleet.deny(key);
            }
            throw e;
        }
        throw new ContentionException("a command for agent " + key, MAX_ATTEMPTS);
    }

    /** Empty if someone else was faster. */
    private Optional<Activation> attempt(AgentCodec.Stored before, Plan.Decision decision) {
        Instant now = now();
        Plan plan = decision.decide(before.agent(), now);
        if (plan.isEmpty()) {
            return Optional.of(new Activation(before.agent(), Optional.empty()));
        }
        Chain chain = new Chain(before, now);
        plan.events().forEach(chain::add);
        Optional<IssuedCredential> issued = plan.credential().map(wanted -> issue(chain, wanted, now));
        StoredRecord next = chain.record();
        List<Mutation> mutations = new ArrayList<>(List.of(new Mutation.Put(next)));
        tombstone(chain.agent()).ifPresent(mutations::add);
        return commit(draws.requestId(), now, List.of(), mutations, chain.events())
                        .isPresent()
                ? Optional.of(new Activation(chain.agent(), issued))
                : Optional.empty();
    }

    private IssuedCredential issue(Chain chain, Plan.NewCredential wanted, Instant now) {
        CredentialOrder order = rules.order(chain.agent(), draws.credentialId(), now);
        IssuedCredential issued = issuer.issue(order);
        Credential made = issued.credential();
        if (!made.id().equals(order.id())
                || made.generation() != order.generation()
                || !made.issuedAt().equals(order.issuedAt())
                || made.expiresAt().isAfter(order.expiresAt())) {
            throw new PolicyViolationException(
                    "issuer-obeys",
                    "the credential issuer made something else for agent %s than what was ordered: %s"
                            .formatted(order.agent(), made.id()));
        }
        chain.add(rules.issued(wanted, chain.agent(), made));
        return issued;
    }

    /** The id of a retired agent is buried in the same commit, so that it stays taken when the record is gone. */
    private static Optional<Mutation> tombstone(Agent agent) {
        if (!agent.state().isTerminal()) {
            return Optional.empty();
        }
        String body = CanonicalJson.write(Json.object()
                .put("v", 1)
                .put("at", agent.activity().updatedAt().toString())
                .build());
        return Optional.of(new Mutation.Put(
                new StoredRecord(RecordKey.tombstone(agent.key()), 1, Optional.empty(), body, Map.of())));
    }

    /** Creates agents, all or none. */
    List<Agent> create(RequestId requestId, Instant now, List<Creation> creations) {
        List<Check> checks = new ArrayList<>();
        List<Mutation> mutations = new ArrayList<>();
        List<SealedEvent> events = new ArrayList<>();
        List<Agent> agents = new ArrayList<>();
        for (Creation creation : creations) {
            Chain chain = new Chain(creation.key(), now);
            creation.events().forEach(chain::add);
            Optional<Mutation> tombstone = tombstone(chain.agent());
            if (tombstone.isEmpty()) {
                checks.add(new Check.Absent(RecordKey.tombstone(creation.key())));
            }
            mutations.add(new Mutation.Put(chain.record()));
            tombstone.ifPresent(mutations::add);
            events.addAll(chain.events());
            agents.add(chain.agent());
        }
        if (commit(requestId, now, checks, mutations, events).isEmpty()) {
            creations.forEach(creation -> requireFree(creation.key()));
            throw new ContentionException("creating " + creations.size() + " agents", 1);
        }
        return agents;
    }

    private void requireFree(AgentKey key) {
        if (store.get(RecordKey.tombstone(key)).isPresent()) {
            throw new PolicyViolationException(
                    "agent-id-retired",
                    "the id %s belonged to an agent that is retired, and is never given out again; choose another"
                            .formatted(key));
        }
        if (store.get(RecordKey.agent(key)).isPresent()) {
            throw new PolicyViolationException(
                    "agent-id-taken", "the id %s is taken; choose another or leave it to the library".formatted(key));
        }
    }

    /**
     * Stores what belongs together and tells the listeners. Empty means that a check failed, and nothing was stored.
     *
     * @throws StoreException if the store would not take it, or nobody knows whether it did
     */
    Optional<CommitResult.Applied> commit(
            RequestId requestId, Instant now, List<Check> checks, List<Mutation> mutations, List<SealedEvent> events) {
        CommitResult result = store(new Commit(
                requestId,
                now,
                checks,
                mutations,
                events.stream().map(StoredEvent::of).toList()));
        if (result instanceof CommitResult.Conflict) {
            return Optional.empty();
        }
        if (result instanceof CommitResult.Applied applied) {
            clock.reached(now);
            lastStoreFailure = Optional.empty();
            events.forEach(this::tell);
            return Optional.of(applied);
        }
        StoreException failure = failure(requestId, result);
        // a request id that is taken says that someone else was faster, and the store is well
        boolean raced = result instanceof CommitResult.Rejected rejected
                && rejected.reason() == CommitResult.Reason.REQUEST_ID_REUSED;
        if (!raced) {
            lastStoreFailure = Optional.ofNullable(failure.getMessage());
        }
        throw failure;
    }

    /** One commit; when nobody knows what became of it, it is looked up by its request id. */
    private CommitResult store(Commit commit) {
        try {
            CommitResult result = store.commit(commit);
            return result instanceof CommitResult.Unknown
                    ? store.findCommit(commit.requestId()).orElse(result)
                    : result;
        } catch (StoreException e) {
            lastStoreFailure = Optional.ofNullable(e.getMessage());
            throw e;
        }
    }

    private static StoreException failure(RequestId requestId, CommitResult result) {
        if (result instanceof CommitResult.Rejected rejected) {
            return switch (rejected.reason()) {
                case FULL -> new StoreFullException(rejected.message());
                case BUSY -> new StoreBusyException(rejected.message());
                case TOO_LARGE, REQUEST_ID_REUSED -> new StoreException(rejected.message(), null);
                case FAILED ->
                    new StoreFailedException(
                            StoreFailedException.Outcome.NOT_STORED,
                            Optional.of(requestId.value()),
                            rejected.message() + "; nothing was stored; open the store again and repeat the call",
                            null);
            };
        }
        return new StoreFailedException(
                StoreFailedException.Outcome.UNKNOWN,
                Optional.of(requestId.value()),
                "nobody knows whether request %s was stored; open the store again and look it up by that id"
                        .formatted(requestId),
                null);
    }

    private void tell(SealedEvent event) {
        for (LifecycleListener listener : listeners) {
            try {
                listener.onEvent(event);
            } catch (RuntimeException e) {
                LOG.error(
                        "a listener failed at event {} {}",
                        event.event().kind().wire(),
                        event.event().id(),
                        e);
            }
        }
    }

    /** Gives an event its place and its bytes. */
    SealedEvent seal(String logOrigin, StreamHead head, EventContent content, Instant now) {
        Instant at = now.isBefore(head.lastAt()) ? head.lastAt() : now;
        var event = new AuditEvent(
                logOrigin, draws.eventId(at), at, Optional.empty(), head.next(), content.under(policyRef));
        try {
            return SealedEvent.write(event);
        } catch (JsonFormatException e) {
            throw new PolicyViolationException(
                    "event-size",
                    "%s on stream %s: %s".formatted(content.kind().wire(), head.next().stream(), e.getMessage()));
        }
    }

    void close() {
        heartbeats.flush(now());
        subscription.close();
        fleet.close();
    }

    /** The events that one commit adds to an agent's stream, and the agent that they make. */
    private final class Chain {
        private final AgentKey key;
        private final long version;
        private final Instant now;
        private final List<SealedEvent> events = new ArrayList<>();
        private StreamHead head;
        private Optional<Agent> agent;

        /** Of an agent that begins. */
        Chain(AgentKey key, Instant now) {
            this.key = key;
            this.version = 1;
            this.now = now;
            this.head = StreamHead.of(StreamPosition.streamOf(key));
            this.agent = Optional.empty();
        }

        /** Of an agent that goes on. */
        Chain(AgentCodec.Stored before, Instant now) {
            this.key = before.agent().key();
            this.version = before.agent().version() + 1;
            this.now = now;
            this.head = before.head();
            this.agent = Optional.of(before.agent());
        }

        void add(EventContent content) {
            SealedEvent sealed = seal(origin, head, content, now);
            Agent next = agent.map(before -> Replay.apply(before, sealed.event()))
                    .orElseGet(() -> Replay.begin(key, sealed.event()));
            agent = Optional.of(next.at(version));
            head = StreamHead.after(sealed);
            events.add(sealed);
        }

        Agent agent() {
            return agent.orElseThrow();
        }

        List<SealedEvent> events() {
            return events;
        }

        StoredRecord record() {
            return AgentCodec.encode(new AgentCodec.Stored(agent(), head), deadlines.first(agent(), Optional.empty()));
        }
    }
}
