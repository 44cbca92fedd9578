package io.agentlifecycle.core;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.PolicyRef;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.error.AuditUnavailableException;
import io.agentlifecycle.core.error.ContentionException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.OpenReport;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoreDescriptor;
import io.agentlifecycle.core.store.StoredRecord;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps stream {@code log}: begins it, and writes what happens to the log as a whole. */
final class LogKeeper {
    private static final Logger LOG = LoggerFactory.getLogger(LogKeeper.class);

    private static final int PAGE = 200;

    /**
     * What the host wants of the log.
     *
     * @param origin its name; empty takes the one that it has
     * @param signFromHere true to sign a log from here on that began without a key
     */
    record Wanted(Optional<String> origin, boolean signFromHere) {}

    private final Committer committer;
    private final EventWriter writer;
    private final Deadlines deadlines;
    private final Draws draws;
    private final String origin;

    private LogKeeper(Committer committer, EventWriter writer, Deadlines deadlines, Draws draws, String origin) {
        this.committer = committer;
        this.writer = writer;
        this.deadlines = deadlines;
        this.draws = draws;
        this.origin = origin;
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
        found.map(LogRecord::key)
                .filter(key -> !key.equals(writer.key()))
                .ifPresent(key -> keeper.requireIntroduction(key, wanted.signFromHere()));
        follower.open(origin, writer.key(), committer.store(), committer.clock().now());
        LogRecord log = keeper.withKey(found.orElseGet(() -> keeper.begin(store)), wanted.signFromHere());
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

    /** The log with the key of the sealer in force, or the refusal that says what to open it with. */
    private LogRecord withKey(LogRecord found, boolean signFromHere) {
        LogRecord log = found;
        for (int attempt = 1; attempt <= Committer.MAX_ATTEMPTS; attempt++) {
            if (log.key().equals(writer.key())) {
                return log;
            }
            requireIntroduction(log.key(), signFromHere);
            Optional<LogRecord> next = write(log, introduction(), draws::requestId);
            if (next.isPresent()) {
                LOG.info("log {} is signed from here on, with key {}", origin, keyId(writer.key()));
                return next.get();
            }
            log = read().orElseThrow();
        }
        throw new ContentionException("introducing a key to the log", Committer.MAX_ATTEMPTS);
    }

    private static String keyId(Optional<PublicJwk> key) {
        return key.map(PublicJwk::keyId).orElse("none");
    }

    private void requireIntroduction(Optional<PublicJwk> inForce, boolean signFromHere) {
        String given = keyId(writer.key());
        if (inForce.isPresent()) {
            throw new PolicyViolationException(
                    "log-key",
                    "the log %s is signed with key %s, but the sealer has %s; open it with sealer(..) of that key"
                            .formatted(origin, keyId(inForce), given));
        }
        if (!signFromHere) {
            throw new PolicyViolationException(
                    "log-key",
                    ("the log %s is not signed so far, but the sealer has key %s; if it is the log that you expect, and"
                                    + " nobody replaced a signed one by it, open it once with signFromHere()")
                            .formatted(origin, given));
        }
    }

    private EventContent introduction() {
        return EventContent.of(
                EventKind.LOG_KEY_INTRODUCED,
                Actor.SYSTEM,
                Json.object()
                        .put("first", true)
                        .put("key", writer.key().orElseThrow().toJson())
                        .put("proof", writer.proof(origin))
                        .build());
    }

    /** The name of the log, in every event of it. */
    String origin() {
        return origin;
    }

    /** The digest of all that due times are computed from. */
    private String schedule() {
        // what falls due without a sink falls due at the same times as before there were any
        String sink = deadlines.delivers() ? " with a sink" : "";
        return Digests.sha256(policy().sha256() + deadlines.rules().table() + sink);
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
        for (int attempt = 1; attempt <= Committer.MAX_ATTEMPTS; attempt++) {
            LogRecord log = read().orElseThrow();
            Optional<Long> from = log.unsignedFrom();
            if (from.isEmpty()
                    || write(log, endorsement(from.get()), draws::requestId).isPresent()) {
                return;
            }
        }
        throw new ContentionException("endorsing events of the log", Committer.MAX_ATTEMPTS);
    }

    /** The first event of stream {@code log} that waits for a signed one; the very first if the record is gone. */
    Optional<Long> unsignedFrom() {
        return read().map(LogRecord::unsignedFrom).orElse(Optional.of(0L));
    }

    private static EventContent endorsement(long from) {
        return EventContent.of(
                EventKind.LOG_GAP_ENDORSED,
                Actor.SYSTEM,
                Json.object().put("n", from).build());
    }

    private Optional<LogRecord> read() {
        return committer.store().get(LogRecord.KEY).map(LogRecord::decode);
    }

    private LogRecord begin(StoreDescriptor store) {
        boolean hasAgents = !committer
                .store()
                .query(RecordQuery.of(RecordKey.AGENT), Optional.empty(), 1)
                .items()
                .isEmpty();
        if (hasAgents) {
            throw new AuditTamperedException(List.of("the store has agents but no log; its stream record is gone"));
        }
        Json key = writer.key().<Json>map(PublicJwk::toJson).orElse(Json.of(PublicJwk.NONE));
        var genesis = EventContent.of(
                EventKind.LOG_GENESIS,
                Actor.SYSTEM,
                Json.object()
                        .put("format", 1)
                        .put("key", key)
                        .put("schedule", schedule())
                        .put("store", store.storeId())
                        .build());
        return write(LogRecord.empty(origin), genesis, draws::requestId)
                .or(this::read)
                .orElseThrow(() -> new ContentionException("beginning the log", 1));
    }

    private void append(EventContent content) {
        append(content, draws::requestId);
    }

    private void append(EventContent content, Supplier<RequestId> request) {
        for (int attempt = 1; attempt <= Committer.MAX_ATTEMPTS; attempt++) {
            if (write(read().orElseThrow(), content, request).isPresent()) {
                return;
            }
        }
        throw new ContentionException(content.kind().wire() + " on the log", Committer.MAX_ATTEMPTS);
    }

    /** Empty if someone else was faster. */
    private Optional<LogRecord> write(LogRecord log, EventContent content, Supplier<RequestId> request) {
        Instant now = committer.clock().now();
        SealedEvent written = writer.write(origin, log.head(), content.under(policy()), now);
        LogRecord next = log.after(written);
        return committer
                .commit(request.get(), now, List.of(), List.of(new Mutation.Put(next.encode())), List.of(written))
                .map(applied -> next);
    }

    /** Computes all due times anew, under the policy in force; a crash in between only makes it begin again. */
    private long reschedule() {
        long changed = 0;
        Optional<PageToken> after = Optional.empty();
        do {
            Page<StoredRecord> page = committer.store().query(RecordQuery.of(RecordKey.AGENT), after, PAGE);
            List<Mutation> moved = new ArrayList<>();
            for (StoredRecord found : page.items()) {
                moved(found).ifPresent(moved::add);
            }
            if (!moved.isEmpty() && !put(moved)) {
                moved.forEach(mutation -> moveAlone(mutation.key()));
            }
            changed += moved.size();
            after = page.next();
        } while (after.isPresent());
        return changed;
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
                .commit(draws.requestId(), committer.clock().now(), List.of(), mutations, List.of())
                .isPresent();
    }
}
