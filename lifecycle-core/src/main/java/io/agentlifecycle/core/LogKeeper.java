package io.agentlifecycle.core;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Command;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.audit.BrokenChainException;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.LogKeys;
import io.agentlifecycle.core.audit.PolicyRef;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.error.AuditUnavailableException;
import io.agentlifecycle.core.error.ContentionException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.Kills;
import io.agentlifecycle.core.spi.AuditSealer;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.OpenReport;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoreDescriptor;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps stream {@code log}: begins it, and writes what happens to the log as a whole. */
final class LogKeeper {
    private static final Logger LOG = LoggerFactory.getLogger(LogKeeper.class);

    private static final int PAGE = 200;

    /** How much of records one commit moves, unless one alone is larger: stores take no commit of any size. */
    private static final long MOST_CHARS = 262_144;

    /**
     * What the host wants of the log.
     *
     * @param origin its name; empty takes the one that it has
     * @param signFromHere true to sign a log from here on that began without a key
     * @param recoveryKey the id of the key that may bring in a new one, if the log begins
     * @param emergency how to bring in the key of the sealer if no other is left
     */
    record Wanted(
            Optional<String> origin,
            boolean signFromHere,
            Optional<String> recoveryKey,
            Optional<Emergency> emergency) {}

    /**
     * @param recovery signs with the recovery key
     * @param trustedSize how many events of the log are still vouched for
     */
    record Emergency(AuditSealer recovery, long trustedSize) {}

    private final Committer committer;
    private final EventWriter writer;
    private final Deadlines deadlines;
    private final Draws draws;
    private final String origin;
    private final KeyChanges keyChanges;

    /** Keys change one after the other. */
    private final ReentrantLock rotation = new ReentrantLock();

    private LogKeeper(Committer committer, EventWriter writer, Deadlines deadlines, Draws draws, String origin) {
        this.committer = committer;
        this.writer = writer;
        this.deadlines = deadlines;
        this.draws = draws;
        this.origin = origin;
        this.keyChanges = new KeyChanges(origin, writer, this::everInForce);
    }

    /**
     * Opens the log, or begins it in an empty store.
     *
     * @param follower opened before anything is written, since it may see that this is not the log that it was
     * @throws AuditTamperedException if there are records but no log, or the follower says so
     * @throws PolicyViolationException rule {@code log-origin} or {@code log-key}
     * @throws AuditUnavailableException if the log begins, or gets its first key, and that cannot be signed
     */
    static LogKeeper open(
            Committer committer,
            EventWriter writer,
            Deadlines deadlines,
            Draws draws,
            Wanted wanted,
            LogFollower follower) {
        StoreDescriptor store = committer.store().describe();
        Optional<LogRecord> found = committer.store().get(LogRecord.KEY).map(LogRecord::decode);
        String origin = found.map(LogRecord::origin)
                .orElseGet(() -> wanted.origin().orElse("agentlifecycle.local/" + store.storeId()));
        if (wanted.origin().isPresent() && !wanted.origin().get().equals(origin)) {
            throw new PolicyViolationException(
                    "log-origin",
                    "the log of this store is %s for ever; open it without logOrigin(\"%s\")"
                            .formatted(origin, wanted.origin().get()));
        }
        var keeper = new LogKeeper(committer, writer, deadlines, draws, origin);
        committer.saw(found.orElseGet(() -> LogRecord.empty(origin)));
        if (found.isEmpty() && follower.ownKey().isPresent() && writer.key().isEmpty()) {
            throw new PolicyViolationException(
                    "log-key",
                    "the log %s would have a key for checkpoints and none for its events; open it with a sealer(..)"
                            .formatted(origin));
        }
        KeyChanges keys = keeper.keyChanges;
        found.ifPresent(log -> keys.opening(log, wanted)); // refused before anything is touched
        follower.open(
                origin,
                keys.once(found, follower.ownKey()),
                committer.store(),
                committer.clock().now());
        if (found.isEmpty()) {
            keeper.begin(store, follower.ownKey(), wanted.recoveryKey());
        }
        LogRecord log = keeper.append(
                EventKind.LOG_KEY_INTRODUCED,
                draws::requestId,
                seen -> keys.opening(seen, wanted)
                        .map(introduction -> keeper.writeItself(seen, keys.opened(introduction, wanted))));
        keeper.tell(store.openReport(), store.format());
        if (!log.scheduleSha256().equals(keeper.schedule())) {
            long rescheduled = keeper.reschedule();
            keeper.append(EventContent.of(
                    EventKind.POLICY_CHANGED,
                    Actor.SYSTEM,
                    Json.object()
                            .put("rescheduled", rescheduled)
                            .put("schedule", keeper.schedule())
                            .build()));
        }
        keeper.noteRegression();
        return keeper;
    }

    /** Writes down what the store had to do when it was opened, and what was done to it before. */
    private void tell(OpenReport report, int format) {
        for (OpenReport.Repair repair : report.repairs()) {
            if (committer.store().findCommit(repair.requestId()).isEmpty()) {
                append(EventContent.of(EventKind.LOG_REPAIRED, Actor.SYSTEM, details(repair)), repair::requestId);
            }
        }
        report.upgradedFrom()
                .ifPresent(from -> append(EventContent.of(
                        EventKind.LOG_UPGRADED,
                        Actor.SYSTEM,
                        Json.object().put("from", from).put("to", format).build())));
        if (report.cutSha256().isPresent() || report.olderSnapshot()) {
            Json.ObjBuilder details =
                    Json.object().put("bytes", report.cutBytes()).put("sha256", report.cutSha256());
            if (report.olderSnapshot()) {
                details.put("snapshot", "older");
            }
            append(EventContent.of(EventKind.LOG_RECOVERED, Actor.SYSTEM, details.build()));
        }
    }

    private static Json.Obj details(OpenReport.Repair repair) {
        return Json.object()
                .put("bytes", repair.bytes())
                .put("by", repair.actor())
                .put("keptUpTo", repair.keptUpTo())
                .put("reason", repair.reason())
                .put("sha256", repair.sha256())
                .build();
    }

    private boolean everInForce(PublicJwk key) {
        LogKeys keys = LogKeys.NONE;
        boolean found = false;
        long next = 0;
        List<StoredEvent> page;
        do {
            page = committer.store().trail(StreamPosition.LOG, next, PAGE);
            for (StoredEvent stored : page) {
                keys = keys.after(
                        SealedEvent.read(stored.canonical(), stored.signature()).event());
                found |= keys.inForce().containsValue(key);
            }
            next += page.size();
        } while (!page.isEmpty());
        return found;
    }

    /** The kill switches that are engaged, as this process last saw them. */
    Kills kills() {
        return committer.log().kills();
    }

    /** The keys of the log, as this process last saw them. */
    LogKeys keys() {
        return committer.log().keys();
    }

    /** Brings a key in beside those in force, and signs with it from here on; see {@link KeyChanges#next}. */
    void introduce(AuditSealer next, Actor actor) {
        rotation.lock();
        try {
            append(EventKind.LOG_KEY_INTRODUCED, log -> keyChanges.next(log, next, actor));
            writer.use(next);
        } finally {
            rotation.unlock();
        }
    }

    /** Takes a key out of force; see {@link KeyChanges#retired}. */
    void retire(String keyId, String reason, Actor actor) {
        rotation.lock();
        try {
            append(EventKind.LOG_KEY_RETIRED, log -> keyChanges.retired(log, keyId, reason, actor));
        } finally {
            rotation.unlock();
        }
    }

    /** The digest of all that due times are computed from. */
    private String schedule() {
        // what falls due without a sink falls due at the same times as before there were any
        String sink = deadlines.delivers() ? " with a sink" : "";
        // nor does anything fall due by what the table did not always have
        var table = deadlines
                .rules()
                .table()
                .keeping((from, command) ->
                        command != Command.RENEW && !(command == Command.QUARANTINE && from == AgentState.QUARANTINED));
        return Digests.sha256(policy().sha256() + table + sink);
    }

    private PolicyRef policy() {
        return deadlines.rules().policy().ref();
    }

    /** Writes down that the clock went back, if it did and nobody has written it down yet. */
    void noteRegression() {
        committer.clock().unreported().ifPresent(regression -> {
            append(EventContent.of(
                    EventKind.CLOCK_REGRESSION,
                    Actor.SYSTEM,
                    Json.object()
                            .put("observed", regression.observed().toString())
                            .put("highWater", regression.highWater().toString())
                            .build()));
            committer.clock().reported(regression);
        });
    }

    /**
     * Vouches for events of stream {@code log} that could not be signed, if there are any, whichever host wrote them.
     *
     * @throws AuditUnavailableException if it still cannot be signed
     */
    void endorse() {
        if (writer.key().isEmpty()) {
            return;
        }
        append(EventKind.LOG_GAP_ENDORSED, log -> log.unsignedFrom().map(LogKeeper::endorsement));
    }

    /** The first event of stream {@code log} that waits for a signed one; the very first if the record is gone. */
    Optional<Long> unsignedFrom() {
        return stored().map(LogRecord::unsignedFrom).orElse(Optional.of(0L));
    }

    static EventContent endorsement(long from) {
        return EventContent.of(
                EventKind.LOG_GAP_ENDORSED,
                Actor.SYSTEM,
                Json.object().put("n", from).build());
    }

    private Optional<LogRecord> stored() {
        return committer.store().get(LogRecord.KEY).map(LogRecord::decode);
    }

    private LogRecord read() {
        return stored().orElseThrow(() -> new AuditTamperedException(List.of("the record of stream log is gone")));
    }

    private void begin(StoreDescriptor store, Optional<PublicJwk> checkpointKey, Optional<String> recoveryKey) {
        boolean hasAgents = !committer
                .store()
                .query(RecordQuery.of(RecordKey.AGENT), Optional.empty(), 1)
                .items()
                .isEmpty();
        if (hasAgents) {
            throw new AuditTamperedException(List.of("the store has agents but no log; its stream record is gone"));
        }
        Json.ObjBuilder details = Json.object()
                .put("format", 1)
                .put("recoveryKey", recoveryKey)
                .put("schedule", schedule())
                .put("store", store.storeId());
        details.put("key", writer.key().<Json>map(PublicJwk::toJson).orElse(Json.of(PublicJwk.NONE)));
        checkpointKey.ifPresent(key -> details.put("checkpointKey", key.toJson()));
        var genesis = EventContent.of(EventKind.LOG_GENESIS, Actor.SYSTEM, details.build());
        LogRecord empty = LogRecord.empty(origin);
        SealedEvent written = writeItself(empty, genesis);
        if (commit(draws.requestId(), empty, written).isEmpty()) {
            LogRecord others = read();
            if (!others.origin().equals(origin)) {
                throw new PolicyViolationException(
                        "log-origin",
                        "another host has just begun the log of this store as %s, and this one wanted %s; open it again"
                                .formatted(others.origin(), origin));
            }
            committer.saw(others);
        }
    }

    private void append(EventContent content) {
        append(content, draws::requestId);
    }

    private void append(EventContent content, Supplier<RequestId> request) {
        append(content.kind(), request, log -> Optional.of(write(log, content)));
    }

    /** Appends what {@code next} makes of the log as it is, if it makes anything. */
    void append(EventKind kind, Function<LogRecord, Optional<EventContent>> next) {
        append(kind, draws::requestId, log -> next.apply(log).map(content -> write(log, content)));
    }

    /** Appends what {@code next} makes of the log as it is, if it makes anything, and returns what the log is then. */
    private LogRecord append(
            EventKind kind, Supplier<RequestId> request, Function<LogRecord, Optional<SealedEvent>> next) {
        for (int attempt = 1; attempt <= Committer.MAX_ATTEMPTS; attempt++) {
            LogRecord log = read();
            committer.saw(log);
            Optional<SealedEvent> event = next.apply(log);
            if (event.isEmpty()) {
                return log;
            }
            Optional<LogRecord> appended = commit(request.get(), log, event.get());
            if (appended.isPresent()) {
                return appended.get();
            }
        }
        throw new ContentionException(kind.wire() + " on the log", Committer.MAX_ATTEMPTS);
    }

    private SealedEvent write(LogRecord log, EventContent content) {
        return writer.write(
                log.head(), content.under(policy()), committer.clock().now());
    }

    /** For an event that brings in the key that signs it. */
    private SealedEvent writeItself(LogRecord log, EventContent content) {
        return writer.writeItself(
                log.head(), content.under(policy()), committer.clock().now());
    }

    /** Empty if someone else was faster. */
    private Optional<LogRecord> commit(RequestId request, LogRecord log, SealedEvent written) {
        try {
            log.keys().signerOf(written.event());
        } catch (BrokenChainException e) {
            return Optional.empty(); // the keys have changed since
        }
        return committer.commit(request, written.event().at(), log.after(written), written);
    }

    /** Computes all due times anew, under the policy in force; a crash in between only makes it begin again. */
    private long reschedule() {
        long changed = 0;
        Optional<PageToken> after = Optional.empty();
        do {
            Page<StoredRecord> page = committer.store().query(RecordQuery.of(RecordKey.AGENT), after, PAGE);
            List<Mutation> moved = new ArrayList<>();
            long chars = 0;
            for (StoredRecord found : page.items()) {
                Optional<Mutation> mutation = moved(found);
                int length = mutation.isPresent() ? found.body().length() : 0;
                if (chars + length > MOST_CHARS) {
                    changed += move(moved);
                    moved = new ArrayList<>();
                    chars = 0;
                }
                chars += length;
                mutation.ifPresent(moved::add);
            }
            changed += move(moved);
            after = page.next();
        } while (after.isPresent());
        return changed;
    }

    private long move(List<Mutation> mutations) {
        if (!mutations.isEmpty() && !put(mutations)) {
            mutations.forEach(mutation -> moveAlone(mutation.key()));
        }
        return mutations.size();
    }

    private Optional<Mutation> moved(StoredRecord found) {
        Optional<Instant> due;
        try {
            due = deadlines.first(AgentCodec.decode(found).agent(), Optional.empty());
        } catch (AuditTamperedException e) {
            LOG.error("{} keeps the due time that it has", found.key(), e);
            return Optional.empty();
        }
        if (due.equals(found.dueAt())) {
            // a sweep under the other policy may have put it off
            committer.store().rearm(found.key(), found.version(), due);
            return Optional.empty();
        }
        return Optional.of(
                new Mutation.Put(new StoredRecord(found.key(), found.version() + 1, due, found.body(), found.index())));
    }

    /** Another host changes agents meanwhile: each is tried by itself until it is right. */
    private void moveAlone(RecordKey key) {
        for (int attempt = 1; attempt <= Committer.MAX_ATTEMPTS; attempt++) {
            Optional<Mutation> mutation = committer.store().get(key).flatMap(this::moved);
            if (mutation.isEmpty() || put(List.of(mutation.get()))) {
                return;
            }
        }
        throw new ContentionException("rescheduling " + key, Committer.MAX_ATTEMPTS);
    }

    private boolean put(List<Mutation> mutations) {
        return committer
                .commit(draws.requestId(), committer.clock().now(), List.of(), mutations, List.of(), log -> true)
                .isPresent();
    }
}
