package io.agentlifecycle.core;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.PolicyRef;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.error.AccessDeniedException;
import io.agentlifecycle.core.error.ContentionException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RequestId;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;

/**
 * Keeps stream {@code access}: attempts at power, which are commands that were refused for who gave them. They are counted when
 * they are refused and written by sweeps, so that nobody can make a refused call slow, or move the record of the agent that it
 * was about. Safe for use by many threads.
 */
final class AccessKeeper {
    /** How many events one commit has at the most. */
    private static final int BATCH = 100;

    /** What is written together; the same id each time, so that it is stored once. */
    private record Batch(RequestId id, List<Refusals.Summary> summaries) {}

    private final Committer committer;
    private final EventWriter writer;
    private final Draws draws;
    private final PolicyRef policy;
    private final Refusals refusals = new Refusals();

    /** Held while the stream is written. */
    private final ReentrantLock writing = new ReentrantLock();

    /** Counted no more, and not known to be written yet. */
    private Optional<Batch> open = Optional.empty();

    AccessKeeper(Committer committer, EventWriter writer, Draws draws, PolicyRef policy) {
        this.committer = committer;
        this.writer = writer;
        this.draws = draws;
        this.policy = policy;
    }

    /** Counts a refusal if it is for who asked, and nothing else. */
    void refused(Refusals.Target target, PolicyViolationException refusal) {
        refusal.actor().ifPresent(actor -> refusals.count(target, refusal.rule(), actor, now()));
    }

    /** Counts that a view of one tenant was asked for what belongs to others. */
    void refused(Refusals.Target target, AccessDeniedException refusal, Actor actor) {
        refusals.count(target, refusal.code(), actor, now());
    }

    private Instant now() {
        return committer.clock().now();
    }

    /**
     * Writes what was refused in minutes that are over at {@code now}, and vouches for what could not be signed. What cannot
     * be written is kept for the next time.
     *
     * @throws io.agentlifecycle.core.error.LifecycleException if it cannot be written
     */
    void write(Instant now) {
        if (writing.isHeldByCurrentThread()) {
            return; // a listener sweeps while it is told of what is being written
        }
        writing.lock();
        try {
            if (open.filter(this::isStored).isPresent()) {
                open = Optional.empty();
            }
            // no more rounds than there is room for, however fast others are refused meanwhile
            for (int round = 0; round <= Refusals.MOST / BATCH + 1 && hasNext(now); round++) {
                Batch batch = open.orElseThrow();
                append(
                        batch.id(),
                        before -> batch.summaries().stream()
                                .map(Refusals.Summary::content)
                                .toList());
                open = Optional.empty();
            }
            if (writer.key().isPresent()) {
                append(
                        draws.requestId(),
                        before -> before.unsignedFrom().map(LogKeeper::endorsement).stream()
                                .toList());
            }
        } finally {
            writing.unlock();
        }
    }

    private boolean hasNext(Instant now) {
        if (open.isEmpty()) {
            open = Optional.of(refusals.take(now, BATCH))
                    .filter(summaries -> !summaries.isEmpty())
                    .map(summaries -> new Batch(draws.requestId(), summaries));
        }
        return open.isPresent();
    }

    /** Nobody may have known what became of it when it was written first. */
    private boolean isStored(Batch batch) {
        return committer
                .store()
                .findCommit(batch.id())
                .filter(CommitResult.Applied.class::isInstance)
                .isPresent();
    }

    /** The first event of the stream that waits for a signed one. */
    Optional<Long> unsignedFrom() {
        return read().unsignedFrom();
    }

    private AccessRecord read() {
        return committer.store().get(AccessRecord.KEY).map(AccessRecord::decode).orElse(AccessRecord.EMPTY);
    }

    private void append(RequestId id, Function<AccessRecord, List<EventContent>> contents) {
        for (int attempt = 1; attempt <= Committer.MAX_ATTEMPTS; attempt++) {
            AccessRecord before = read();
            List<EventContent> next = contents.apply(before);
            if (next.isEmpty() || append(id, before, next)) {
                return;
            }
        }
        throw new ContentionException("writing stream access", Committer.MAX_ATTEMPTS);
    }

    /** False if another host was faster, or the keys of the log have just changed. */
    private boolean append(RequestId id, AccessRecord before, List<EventContent> contents) {
        Instant now = now();
        List<SealedEvent> events = new ArrayList<>();
        AccessRecord after = before.at(before.version() + 1);
        for (EventContent content : contents) {
            SealedEvent event = writer.write(after.head(), content.under(policy), now);
            after = after.after(event);
            events.add(event);
        }
        return committer
                .commit(id, now, List.of(), List.of(new Mutation.Put(after.encode())), events, log -> true)
                .isPresent();
    }
}
