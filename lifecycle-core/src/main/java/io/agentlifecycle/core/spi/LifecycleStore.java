package io.agentlifecycle.core.spi;

import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Disclosure;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoreDescriptor;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Keeps versioned records and events. It knows kinds, versions, due times and indexes, and never the meaning of a body.
 *
 * <p>Contract, checked by {@code LifecycleStoreContract} of lifecycle-testkit:
 *
 * <ol>
 *   <li>C1: {@link #commit} stores every mutation and every event of the commit, or none of them.
 *   <li>C2: every {@link io.agentlifecycle.core.store.Check} is compared, a put of version 1 must be new, and a put of
 *       version n+1 must replace version n. Otherwise the answer is CONFLICT, which has no effect, and is given only
 *       once the change that won is durable.
 *   <li>C3: commits are strictly serializable; {@link #get} is linearizable.
 *   <li>C4: a commit is as durable as {@link #describe} says before {@link #commit} returns APPLIED.
 *   <li>C5: nothing is visible to readers before it is durable.
 *   <li>C6: the numbers of commits strictly increase in the order of the commits.
 *   <li>C7: the same request id with the same content has the effect of one commit and gives its result again; with
 *       other content it is REJECTED.
 *   <li>C8: after UNKNOWN, either the store has failed, or {@link #findCommit} finds the result.
 *   <li>C9: heartbeats only move forward (the later sight and the higher count win), never cause a CONFLICT, and those
 *       of unknown agents are ignored.
 *   <li>C10: a record whose due time has come is returned by {@link #due} until it is changed or re-armed.
 *   <li>C11: a record that matches a query all the while is in exactly one of its pages.
 *   <li>C12: events come back character for character unless they were pruned, in the order of their commits, and within a commit in the order
 *       of its list.
 *   <li>C13: a subscriber has seen a commit before it is acknowledged, each once, in order, as a whole.
 *   <li>C14: after a failure of durability nothing is written any more. {@link #close} may be called twice; every other
 *       call after it throws a {@link io.agentlifecycle.core.error.StoreException}.
 *   <li>C15: {@link #disclosures} come back character for character until {@link #erase} has returned, and never again
 *       after it; events and all else stay as they are.
 *   <li>C16: once {@link #prune} has returned, every event that it was about comes back as {@link StoredEvent#pruned()} at the
 *       same place, in the same order and in the same commit, and nothing of its text, its signature and what was disclosed of
 *       it is ever given again; all else stays as it is.
 * </ol>
 *
 * <p>Implementations must be safe for use by many threads. Methods may block for I/O, and throw
 * {@link io.agentlifecycle.core.error.StoreException} if the store does not work.
 */
public interface LifecycleStore extends AutoCloseable {
    /** A store that keeps everything in memory and nothing when the process ends. */
    static LifecycleStore inMemory() {
        return new InMemoryStore();
    }

    /** What the store says of itself. */
    StoreDescriptor describe();

    /** The record of that key; sees every commit acknowledged before the call. */
    Optional<StoredRecord> get(RecordKey key);

    /**
     * At most {@code limit} matching records in order of tenant and id, beginning after {@code after}; sees every commit acknowledged
     * before the call.
     */
    Page<StoredRecord> query(RecordQuery query, Optional<PageToken> after, int limit);

    /** Stores all of {@code commit}, or nothing. */
    CommitResult commit(Commit commit);

    /** What became of the commit with that request id; empty if it was not stored. Kept for at least 24 hours. */
    Optional<CommitResult> findCommit(RequestId id);

    /** Notes heartbeats. What is noted may be lost in a crash; it is no commit and changes no version. */
    void heartbeats(Collection<Heartbeat> batch);

    /** What is known of an agent's heartbeats. */
    Optional<Liveness> liveness(RecordKey agent);

    /** The records that are due at {@code now}, the longest overdue first, at most {@code limit}. */
    List<RecordKey> due(Instant now, int limit);

    /**
     * Moves the due time of a record, unless it no longer has that version. What is moved may be forgotten when the store
     * is closed: the record is then due at the time that its last put named.
     */
    void rearm(RecordKey key, long version, Optional<Instant> next);

    /** Events of commits after number {@code after}, pruned ones in their places too, at least {@code limit} of them if there are so many. */
    EventPage events(long after, int limit);

    /** At most {@code limit} events of one stream, from position {@code from} on, in order, pruned ones in their places too. */
    List<StoredEvent> trail(String stream, long from, int limit);

    /**
     * What is disclosed of the events that {@link #trail} gives for the same arguments, without what was erased: in order
     * of positions, and of one event in the order of its commit. So {@code limit} counts events, and of an event there are
     * all disclosures or none.
     */
    List<Disclosure> disclosures(String stream, long from, int limit);

    /**
     * Erases all that is disclosed of the events at these positions of a stream. When it returns, {@link #disclosures} never
     * gives any of it back, and it stands nowhere in the store any more, apart from what the documentation of the store
     * names. Backups, exports and whatever subscribers keep are the host's duty. What is not there, or was erased before, is
     * no mistake; a commit that comes later is not touched.
     *
     * @throws io.agentlifecycle.core.error.StoreException if that is not done; it may be in part. Call it again
     */
    void erase(String stream, Collection<Long> positions);

    /**
     * Takes the text and the signature from events, and erases all that is disclosed of them, for good: of each of these streams
     * all events before a position. What {@link #events} and {@link #trail} give in the place of such an event is pruned; its
     * leaf hash stays, so chains and trees can still be checked. Records stay as they are. When it returns, the texts stand
     * nowhere in the store any more, apart from what the documentation of the store names. Backups, exports and whatever
     * subscribers keep are the host's duty. What is not there, or was pruned before, is no mistake; a commit that comes later is
     * not touched.
     *
     * @param before for each stream, the position of the first event that keeps its text
     * @throws io.agentlifecycle.core.error.StoreException if that is not done; it may be in part. Call it again
     */
    void prune(Map<String, Long> before);

    /** Calls {@code listener} for every commit from now on, before the commit is acknowledged. */
    Subscription subscribe(CommitListener listener);

    /** Writes out what is pending and frees everything. */
    @Override
    void close();

    /** Hears of commits. It must be quick, must not call the store, and must not throw. */
    @FunctionalInterface
    interface CommitListener {
        /** The commit with number {@code seq} is stored. */
        void committed(long seq, Commit commit);
    }

    /** A listener's place; closing it ends the calls. */
    @FunctionalInterface
    interface Subscription extends AutoCloseable {
        @Override
        void close();
    }
}
