package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.agent.FinalReport;
import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.PolicyRef;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamHead;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.error.AgentNotFoundException;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.error.ContentionException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.RefusedException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.CredentialIssuer;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Check;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one way by which anything changes: load, decide, seal, commit, publish. It is the only code that reads the clock
 * and the store; what a command means is decided by {@link Rules}, and what an event means by {@link Replay}.
 */
final class Engine {
    /** What a command does to an agent's right to act. */
    enum Effect {
        /** It takes it away: if that cannot be stored, this process denies the agent all the same. */
        RESTRICTS,
        /** It takes its credentials away: if that cannot be stored, likewise. */
        REVOKES,
        /** It gives it back. */
        LIFTS,
        /** Neither. */
        NEUTRAL
    }

    /** An agent that is to be created, with its first events. */
    record Creation(AgentKey key, List<EventContent> events) {}

    private static final Logger LOG = LoggerFactory.getLogger(Engine.class);
    private static final int PAGE = 500;

    private final Committer committer;
    private final EventWriter writer;
    private final Rules rules;
    private final Issuance issuance;
    private final Remains remains = new Remains(this::store);
    private final Draws draws;
    private final Deadlines deadlines;
    private final LogKeeper log;
    private final Heartbeats heartbeats;
    private final LogFollower follower;
    private final AccessKeeper access;
    private final AccessControl control;
    private final FleetView fleet;
    private final OwnerKeeper owners;
    private final Leases leases = new Leases();
    private final LifecycleStore.Subscription subscription;
    private final EventReader reader = new EventReader(this::store);
    private volatile boolean closed;

    private Engine(
            Committer committer,
            EventWriter writer,
            Rules rules,
            CredentialIssuer issuer,
            Draws draws,
            Deadlines deadlines,
            LogKeeper log,
            LogFollower follower,
            FleetView fleet,
            OwnerKeeper owners,
            LifecycleStore.Subscription subscription) {
        this.committer = committer;
        this.writer = writer;
        this.rules = rules;
        this.draws = draws;
        this.deadlines = deadlines;
        this.issuance = new Issuance(committer, rules, issuer, draws, deadlines.standing(), this::find);
        this.log = log;
        this.follower = follower;
        this.control = new AccessControl(this, rules.access());
        this.access = new AccessKeeper(committer, writer, draws, rules.policy().ref());
        this.heartbeats = new Heartbeats(
                committer.store(),
                rules.policy().heartbeatInterval(),
                committer.clock().now());
        this.fleet = fleet;
        this.owners = owners;
        this.subscription = subscription;
    }

    /** Opens the log of the store, or begins it, and reads the fleet. */
    static Engine open(
            Committer committer,
            EventWriter writer,
            Rules rules,
            CredentialIssuer issuer,
            Draws draws,
            LogKeeper.Wanted wanted,
            LogFollower follower,
            OwnerKeeper owners,
            boolean delivers) {
        Instant graceUntil = committer.clock().now().plus(rules.policy().startupGrace());
        var fleet = new FleetView();
        var standing = new Standing(fleet, rules.policy().guard());
        var deadlines = new Deadlines(rules, graceUntil, delivers, new KeyWatch(issuer), standing);
        try {
            LogKeeper log = LogKeeper.open(committer, writer, deadlines, draws, wanted, follower);
            return open(committer, writer, rules, issuer, draws, deadlines, log, follower, fleet, owners);
        } catch (RuntimeException e) {
            follower.close(committer.clock().now());
            throw e;
        }
    }

    private static Engine open(
            Committer committer,
            EventWriter writer,
            Rules rules,
            CredentialIssuer issuer,
            Draws draws,
            Deadlines deadlines,
            LogKeeper log,
            LogFollower follower,
            FleetView fleet,
            OwnerKeeper owners) {
        LifecycleStore.Subscription subscription =
                committer.store().subscribe((seq, commit) -> fleet.committed(commit));
        try {
            fleet.load(committer.store());
            return new Engine(
                    committer, writer, rules, issuer, draws, deadlines, log, follower, fleet, owners, subscription);
        } catch (RuntimeException e) {
            subscription.close();
            throw e;
        }
    }

    // ---- what the others need

    LifecycleStore store() {
        requireOpen();
        return committer.store();
    }

    Rules rules() {
        return rules;
    }

    Draws draws() {
        return draws;
    }

    FleetView fleet() {
        return fleet;
    }

    /** What stands in the way of agents now. */
    Standing standing() {
        return deadlines.standing();
    }

    Heartbeats heartbeats() {
        return heartbeats;
    }

    Deadlines deadlines() {
        return deadlines;
    }

    LogKeeper log() {
        return log;
    }

    Leases leases() {
        return leases;
    }

    LogFollower follower() {
        return follower;
    }

    /** Who may have a credential now, and what makes it. */
    Issuance issuance() {
        return issuance;
    }

    AccessKeeper access() {
        return access;
    }

    /** Who may do what. */
    AccessControl control() {
        return control;
    }

    OwnerKeeper owners() {
        return owners;
    }

    Instant now() {
        return committer.clock().now();
    }

    /** The same, in nanoseconds of the epoch. */
    long nanos() {
        return committer.clock().nanos();
    }

    Optional<String> lastStoreFailure() {
        return committer.lastFailure();
    }

    /**
     * Verifies the log. Its keys may change meanwhile, trails may be pruned, and streams are read one after the other in the end,
     * so what is found then is looked at once more.
     */
    Verification verify() {
        for (int attempt = 1; ; attempt++) {
            Optional<StoredRecord> before = store().get(LogRecord.KEY);
            try {
                long anchored = follower.anchoredThrough();
                return new Verifier(store(), committer.log(), writer.key(), writer.signatures()).verify(anchored);
            } catch (AuditTamperedException e) {
                boolean sameKeys = store().get(LogRecord.KEY).equals(before);
                if (attempt == Committer.MAX_ATTEMPTS || attempt > 1 && sameKeys) {
                    throw e;
                }
            }
        }
    }

    Optional<String> lastSealerFailure() {
        return writer.lastFailure();
    }

    // ---- reading

    Optional<AgentCodec.Stored> find(AgentKey key) {
        return store().get(RecordKey.agent(key)).map(AgentCodec::decode);
    }

    /** The first event of that stream that waits for a signed one; the very first if its record cannot tell. */
    Optional<Long> unsignedFrom(String stream) {
        try {
            if (stream.equals(StreamPosition.ACCESS)) {
                return access.unsignedFrom();
            }
            return StreamPosition.agentOf(stream)
                    .map(agent -> load(agent).agent().activity().unsignedFrom())
                    .orElseGet(log::unsignedFrom);
        } catch (AuditTamperedException | AgentNotFoundException e) {
            // verify says what is wrong with it; whoever reads the log must not be kept from all the rest
            return Optional.of(0L);
        }
    }

    /** Those that work for that agent, and are in. */
    List<Agent> below(AgentKey key) {
        List<Agent> found = new ArrayList<>();
        RecordQuery query = AgentCodec.query(AgentQuery.all().parent(key.id()), key.tenant());
        Optional<PageToken> after = Optional.empty();
        do {
            Page<StoredRecord> page = store().query(query, after, PAGE);
            page.items().forEach(record -> found.add(AgentCodec.decode(record).agent()));
            after = page.next();
        } while (after.isPresent());
        found.removeIf(agent -> !ReapprovalRules.isIn(agent));
        return found;
    }

    AgentCodec.Stored load(AgentKey key) {
        return find(key).orElseThrow(() -> new AgentNotFoundException(key));
    }

    /** For that decision: whoever may not make it learns neither whether the agent is there, nor whether it can be read. */
    AgentCodec.Stored load(AgentKey key, Plan.Decision decision) {
        try {
            return find(key).orElseThrow(() -> decision.absent(key));
        } catch (StoreException | AuditTamperedException e) {
            if (decision.absent(key) instanceof PolicyViolationException refusal) {
                throw refusal; // or they could have the agent denied, as is done when a restriction fails
            }
            throw e;
        }
    }

    /** Counts a refusal for who asked; all that are about agents that are not there together, or these would fill the room. */
    void refused(AgentKey key, PolicyViolationException refusal) {
        access.refused(fleet.get(key) == null ? Refusals.Target.ofLog(key.tenant()) : Refusals.Target.of(key), refusal);
    }

    /** The events that the commit with that id has stored; none if there is no such commit. */
    List<AuditEvent> committed(RequestId id) {
        Optional<CommitResult> result = store().findCommit(id);
        if (result.isEmpty() || !(result.get() instanceof CommitResult.Applied applied)) {
            return List.of();
        }
        // at least one event is asked for, and a commit is never split
        List<StoredEvent> stored = store().events(applied.seq() - 1, 1).events().stream()
                .filter(event -> !event.isPruned())
                .toList();
        EventReader.Some reading = reader.reading(stored);
        return stored.stream().map(event -> reading.read(event).event()).toList();
    }

    /** Reads events with what is disclosed of them. */
    EventReader reader() {
        return reader;
    }

    /** What this process heard, and what other hosts told the store. */
    Optional<Liveness> liveness(AgentKey key) {
        Optional<Liveness> here = fleet.liveness(key);
        Optional<Liveness> stored = store().liveness(RecordKey.agent(key));
        return here.isPresent() && stored.isPresent() ? stored.map(here.get()::merge) : here.or(() -> stored);
    }

    // ---- changing

    /** Runs a command on an agent. */
    Activation run(AgentKey key, Effect effect, Plan.Decision decision) {
        return run(key, effect, OptionalLong.empty(), draws::requestId, decision)
                .orElseThrow();
    }

    /**
     * Runs a command on an agent, once under that id.
     *
     * @throws StoreException if the id was used before
     */
    Activation runOnce(AgentKey key, RequestId requestId, Effect effect, Plan.Decision decision) {
        return run(key, effect, OptionalLong.empty(), () -> requestId, decision).orElseThrow();
    }

    /** Runs a command if the agent still has that version; empty if it has moved on. */
    Optional<Activation> runAt(AgentKey key, long version, Effect effect, Plan.Decision decision) {
        return run(key, effect, OptionalLong.of(version), draws::requestId, decision);
    }

    private Optional<Activation> run(
            AgentKey key, Effect effect, OptionalLong version, Supplier<RequestId> ids, Plan.Decision decision) {
        requireNonNull(key, "key");
        Supplier<Optional<Activation>> attempts = () -> attempts(key, effect, version, ids, decision);
        try {
            return effect == Effect.RESTRICTS || effect == Effect.REVOKES
                    ? restricting(key, effect, attempts)
                    : attempts.get();
        } catch (PolicyViolationException e) {
            refused(key, e);
            throw e;
        }
    }

    /** Runs what takes away an agent's right to act. Unless it is refused, this process denies the agent if it fails. */
    <T> T restricting(AgentKey key, Effect effect, Supplier<T> body) {
        try {
            return body.get();
        } catch (RefusedException e) {
            throw e;
        } catch (RuntimeException | Error e) {
            deny(key, effect);
            throw e;
        }
    }

    /** Denies an agent in this process whose restriction could not be stored. */
    void deny(AgentKey key, Effect effect) {
        FleetEntry entry = fleet.get(key);
        if (entry != null && !entry.state().isTerminal()) {
            fleet.stops().deny(key, effect == Effect.RESTRICTS);
        }
        leases.look(key);
    }

    /** A denial ends with what was decided after it: the agent is stopped for good now, or may go on. */
    private void endDenial(AgentKey key, Effect effect, AgentCodec.Stored before, Agent after, long denials) {
        boolean stored = after.version() > before.agent().version();
        boolean stopped =
                effect == Effect.RESTRICTS && !rules.policyFor(after).guard().allows(after.state(), Operation.INVOKE);
        // the first of two people who lift it has lifted nothing
        boolean lifted = effect == Effect.LIFTS
                && (after.state() != before.agent().state()
                        || !after.holds()
                                .reasons()
                                .equals(before.agent().holds().reasons()));
        if (stored && (stopped || lifted)) {
            fleet.stops().allow(key, denials, true);
        } else if (effect == Effect.REVOKES) {
            fleet.stops().allow(key, denials, false);
        }
    }

    private Optional<Activation> attempts(
            AgentKey key, Effect effect, OptionalLong version, Supplier<RequestId> ids, Plan.Decision decision) {
        int most = effect == Effect.RESTRICTS || effect == Effect.REVOKES
                ? Committer.MAX_ATTEMPTS_TO_STOP
                : Committer.MAX_ATTEMPTS;
        for (int attempt = 1; attempt <= most; attempt++) {
            long denials = fleet.stops().denials();
            AgentCodec.Stored before = load(key, decision);
            if (version.isPresent() && version.getAsLong() != before.agent().version()) {
                return Optional.empty();
            }
            Optional<Activation> done = attempt(before, ids, decision);
            if (done.isPresent()) {
                endDenial(key, effect, before, done.get().agent(), denials);
                leases.look(key);
                return done;
            }
        }
        throw new ContentionException("a command for agent " + key, most);
    }

    /** Empty if someone else was faster. */
    private Optional<Activation> attempt(AgentCodec.Stored before, Supplier<RequestId> ids, Plan.Decision decision) {
        Instant now = now();
        long seen = committer.log().version();
        Plan plan = decision.decide(before.agent(), now);
        if (plan.isEmpty()) {
            return Optional.of(new Activation(before.agent(), Optional.empty()));
        }
        List<Mutation> turns = owners.admit(before.agent(), plan);
        Optional<Superiors> superiors = plan.credential().map(wanted -> issuance.superiors(before.agent(), now));
        Chain chain = new Chain(before, now);
        plan.events().forEach(chain::add);
        Optional<IssuedCredential> issued =
                plan.credential().map(wanted -> issue(chain, superiors.orElseThrow(), wanted, now));
        if (plan.ends()) {
            end(chain);
        }
        List<Mutation> mutations = new ArrayList<>(List.of(new Mutation.Put(chain.record())));
        mutations.addAll(turns);
        mutations.addAll(remains.of(before.agent(), chain.agent()));
        List<Check> unchanged =
                new ArrayList<>(superiors.map(Superiors::unchanged).orElse(List.of()));
        if (plan.comesIn()) {
            remains.requireUnblocked(chain.agent()).ifPresent(unchanged::add);
        }
        return committer
                        .commit(
                                ids.get(),
                                now,
                                unchanged,
                                mutations,
                                chain.events(),
                                // the kill switches are part of it, and what was decided may be wrong by another one
                                log -> log.version() == seen)
                        .isPresent()
                ? Optional.of(new Activation(chain.agent(), issued))
                : Optional.empty();
    }

    private IssuedCredential issue(Chain chain, Superiors superiors, Plan.NewCredential wanted, Instant now) {
        IssuedCredential issued = issuance.issue(chain.agent(), superiors, now);
        chain.add(rules.credentials().issued(wanted, chain.agent(), issued.credential()));
        return issued;
    }

    /** What the trail came to is known only when all but its last event is written. */
    private void end(Chain chain) {
        Agent retiring = chain.agent();
        FinalReport report = FinalReport.of(retiring, chain.length() + 1, heard(retiring.key()));
        chain.add(rules.retirement().decommissioned(retiring, report));
    }

    /** An agent is retired also if the store cannot tell what other hosts heard of it. */
    private Optional<Liveness> heard(AgentKey key) {
        try {
            return liveness(key);
        } catch (StoreException e) {
            LOG.warn("the final report of agent {} has only the heartbeats that this host knows of", key, e);
            return fleet.liveness(key);
        }
    }

    /** Creates agents, all or none. */
    List<Agent> create(RequestId requestId, Instant now, List<Creation> creations) {
        requireOpen();
        for (int attempt = 1; attempt <= Committer.MAX_ATTEMPTS; attempt++) {
            Optional<List<Agent>> created = attempt(requestId, now, creations);
            if (created.isPresent()) {
                return created.get();
            }
            creations.forEach(creation -> remains.requireFree(creation.key()));
        }
        throw new ContentionException("creating " + creations.size() + " agents", Committer.MAX_ATTEMPTS);
    }

    /** Empty if an id is not free, the keys of the log have just changed, or an owner with a limit has just got another agent. */
    private Optional<List<Agent>> attempt(RequestId requestId, Instant now, List<Creation> creations) {
        List<Check> checks = new ArrayList<>();
        List<Mutation> mutations = new ArrayList<>();
        List<SealedEvent> events = new ArrayList<>();
        List<Agent> agents = new ArrayList<>();
        for (Creation creation : creations) {
            Chain chain = new Chain(creation.key(), now);
            creation.events().forEach(chain::add);
            Optional<Mutation> tombstone = Remains.tombstone(chain.agent());
            if (tombstone.isEmpty()) {
                checks.add(new Check.Absent(RecordKey.tombstone(creation.key())));
                remains.requireUnblocked(chain.agent()).ifPresent(checks::add);
            }
            mutations.add(new Mutation.Put(chain.record()));
            tombstone.ifPresent(mutations::add);
            events.addAll(chain.events());
            agents.add(chain.agent());
        }
        mutations.addAll(owners.admit(agents));
        return committer
                .commit(requestId, now, checks, mutations, events, log -> true)
                .map(done -> agents);
    }

    /**
     * Returns if the manager was not closed.
     *
     * @throws StoreException otherwise
     */
    void requireOpen() {
        if (closed) {
            throw new StoreException("this manager is closed; build another one", null);
        }
    }

    /** From here on nothing is changed any more, and the guard knows no agent. */
    void close(boolean storeToo) {
        if (closed) {
            return;
        }
        closed = true;
        writeRefusals();
        heartbeats.flush(now());
        follower.close(now());
        subscription.close();
        fleet.close();
        leases.lookAtAll();
        if (storeToo) {
            committer.store().close();
        }
    }

    /** All that are left, also those of the minute that is not over. */
    private void writeRefusals() {
        try {
            access.write(Instant.MAX);
        } catch (RuntimeException e) {
            LOG.error("attempts at power that were refused are lost: they could not be written down", e);
        }
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
            PolicyRef policy =
                    agent.map(rules::policyFor).orElse(rules.policy()).ref();
            SealedEvent sealed = writer.write(head, content.under(policy), now);
            Agent next = agent.map(before -> Replay.apply(before, sealed)).orElseGet(() -> Replay.begin(key, sealed));
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

        /** How many events the stream has with those that were added. */
        long length() {
            return head.next().n();
        }

        StoredRecord record() {
            return AgentCodec.encode(new AgentCodec.Stored(agent(), head), deadlines.first(agent(), Optional.empty()));
        }
    }
}
