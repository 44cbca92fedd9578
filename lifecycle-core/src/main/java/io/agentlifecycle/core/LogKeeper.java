package io.agentlifecycle.core;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.PolicyRef;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.error.ContentionException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.OpenReport;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.StoreDescriptor;
import io.agentlifecycle.core.store.StoredRecord;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps stream {@code log}: begins it, and writes what happens to the log as a whole. */
final class LogKeeper {
    private static final Logger LOG = LoggerFactory.getLogger(LogKeeper.class);

    private static final int PAGE = 200;

    private final Committer committer;
    private final Deadlines deadlines;
    private final Draws draws;
    private final String origin;

    private LogKeeper(Committer committer, Deadlines deadlines, Draws draws, String origin) {
        this.committer = committer;
        this.deadlines = deadlines;
        this.draws = draws;
        this.origin = origin;
    }

    /**
     * Opens the log, or begins it in an empty store.
     *
     * @throws AuditTamperedException if there are records but no log
     * @throws PolicyViolationException rule {@code log-origin}
     */
    static LogKeeper open(Committer committer, Deadlines deadlines, Draws draws, Optional<String> wanted) {
        StoreDescriptor store = committer.store().describe();
        Optional<LogRecord> found = committer.store().get(LogRecord.KEY).map(LogRecord::decode);
        String origin =
                found.map(LogRecord::origin).orElseGet(() -> wanted.orElse("agentlifecycle.local/" + store.storeId()));
        if (wanted.isPresent() && !wanted.get().equals(origin)) {
            throw new PolicyViolationException(
                    "log-origin",
                    "the log of this store is %s for ever; open it without logOrigin(\"%s\")"
                            .formatted(origin, wanted.get()));
        }
        var keeper = new LogKeeper(committer, deadlines, draws, origin);
        LogRecord log = found.orElseGet(() -> keeper.begin(store));
        OpenReport report = store.openReport();
        report.cutSha256()
                .ifPresent(sha256 -> keeper.append(EventContent.of(
                        EventKind.LOG_RECOVERED,
                        Actor.SYSTEM,
                        Json.object()
                                .put("bytes", report.cutBytes())
                                .put("sha256", sha256)
                                .build())));
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

    /** The name of the log, in every event of it. */
    String origin() {
        return origin;
    }

    /** The digest of all that due times are computed from. */
    private String schedule() {
        return Digests.sha256(policy().sha256() + deadlines.rules().table());
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
        var genesis = EventContent.of(
                EventKind.LOG_GENESIS,
                Actor.SYSTEM,
                Json.object()
                        .put("format", 1)
                        .put("key", "unsigned")
                        .put("schedule", schedule())
                        .put("store", store.storeId())
                        .build());
        var empty = new LogRecord(0, origin, "", StreamHead.of(StreamPosition.LOG));
        return write(empty, genesis).or(this::read).orElseThrow(() -> new ContentionException("beginning the log", 1));
    }

    private void append(EventContent content) {
        for (int attempt = 1; attempt <= Committer.MAX_ATTEMPTS; attempt++) {
            if (write(read().orElseThrow(), content).isPresent()) {
                return;
            }
        }
        throw new ContentionException(content.kind().wire() + " on the log", Committer.MAX_ATTEMPTS);
    }

    /** Empty if someone else was faster. */
    private Optional<LogRecord> write(LogRecord log, EventContent content) {
        Instant now = committer.clock().now();
        SealedEvent sealed = committer.seal(log.origin(), log.head(), content.under(policy()), now);
        boolean rescheduled = content.kind() == EventKind.LOG_GENESIS || content.kind() == EventKind.POLICY_CHANGED;
        String schedule = rescheduled ? schedule() : log.scheduleSha256();
        var next = new LogRecord(log.version() + 1, log.origin(), schedule, StreamHead.after(sealed));
        return committer
                .commit(draws.requestId(), now, List.of(), List.of(new Mutation.Put(next.encode())), List.of(sealed))
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
        return due.equals(found.dueAt())
                ? Optional.empty()
                : Optional.of(new Mutation.Put(
                        new StoredRecord(found.key(), found.version() + 1, due, found.body(), found.index())));
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
