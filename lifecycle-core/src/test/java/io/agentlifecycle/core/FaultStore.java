package io.agentlifecycle.core;

import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import io.agentlifecycle.core.testing.ForwardingStore;
import java.time.Instant;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiFunction;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** A store that counts what it is asked, and fails, lies or answers otherwise where a test tells it to. */
class FaultStore extends ForwardingStore {
    enum Call {
        GET,
        QUERY,
        COMMIT,
        FIND_COMMIT,
        HEARTBEATS,
        LIVENESS,
        DUE,
        REARM,
        EVENTS,
        TRAIL
    }

    private final Map<Call, AtomicLong> counts = new EnumMap<>(Call.class);
    private volatile Predicate<Call> broken = call -> false;
    private volatile Predicate<RecordKey> unreadable = key -> false;
    private volatile Predicate<RecordKey> unmovable = key -> false;

    /** What becomes of a commit, given the commit and the store behind. */
    volatile BiFunction<Commit, LifecycleStore, CommitResult> commits = (commit, to) -> to.commit(commit);

    /** Records that are as if they were not there. */
    volatile Predicate<RecordKey> hidden = key -> false;

    volatile UnaryOperator<StoredRecord> records = UnaryOperator.identity();
    volatile UnaryOperator<List<StoredEvent>> events = UnaryOperator.identity();
    private final LifecycleStore to;

    FaultStore(LifecycleStore to) {
        super(to);
        this.to = to;
        for (Call call : Call.values()) {
            counts.put(call, new AtomicLong());
        }
    }

    /** The store behind, which has no faults. */
    LifecycleStore behind() {
        return to;
    }

    void breakAt(Predicate<Call> calls) {
        broken = calls;
    }

    void cannotRead(Predicate<RecordKey> keys) {
        unreadable = keys;
    }

    void cannotMove(Predicate<RecordKey> keys) {
        unmovable = keys;
    }

    void heal() {
        broken = call -> false;
        unreadable = key -> false;
        unmovable = key -> false;
        hidden = key -> false;
        commits = (commit, behind) -> behind.commit(commit);
        records = UnaryOperator.identity();
        events = UnaryOperator.identity();
    }

    /** How often each call came since the last time this was asked; calls that did not come are not in it. */
    Map<Call, Long> taken() {
        Map<Call, Long> taken = new EnumMap<>(Call.class);
        counts.forEach((call, count) -> {
            long n = count.getAndSet(0);
            if (n > 0) {
                taken.put(call, n);
            }
        });
        return taken;
    }

    private void at(Call call) {
        count(call);
        if (broken.test(call)) {
            throw new StoreException("the disk is gone at " + call, null);
        }
    }

    private void count(Call call) {
        AtomicLong count = counts.get(call);
        if (count != null) {
            count.incrementAndGet();
        }
    }

    @Override
    public Optional<StoredRecord> get(RecordKey key) {
        at(Call.GET);
        if (unreadable.test(key)) {
            throw new StoreException("cannot read " + key, null);
        }
        return super.get(key).filter(found -> !hidden.test(key)).map(records);
    }

    @Override
    public Page<StoredRecord> query(RecordQuery query, Optional<PageToken> after, int limit) {
        at(Call.QUERY);
        Page<StoredRecord> page = super.query(query, after, limit);
        return new Page<>(
                page.items().stream()
                        .filter(found -> !hidden.test(found.key()))
                        .map(records)
                        .toList(),
                page.next());
    }

    @Override
    public CommitResult commit(Commit commit) {
        at(Call.COMMIT);
        return commits.apply(commit, to);
    }

    @Override
    public Optional<CommitResult> findCommit(RequestId id) {
        at(Call.FIND_COMMIT);
        return super.findCommit(id);
    }

    @Override
    public void heartbeats(Collection<Heartbeat> batch) {
        at(Call.HEARTBEATS);
        super.heartbeats(batch);
    }

    @Override
    public Optional<Liveness> liveness(RecordKey agent) {
        at(Call.LIVENESS);
        return super.liveness(agent);
    }

    @Override
    public List<RecordKey> due(Instant now, int limit) {
        at(Call.DUE);
        return super.due(now, limit);
    }

    @Override
    public void rearm(RecordKey key, long version, Optional<Instant> next) {
        at(Call.REARM);
        if (unmovable.test(key)) {
            throw new StoreException("cannot move " + key, null);
        }
        super.rearm(key, version, next);
    }

    @Override
    public EventPage events(long after, int limit) {
        at(Call.EVENTS);
        EventPage page = super.events(after, limit);
        return new EventPage(events.apply(page.events()), page.cursor());
    }

    @Override
    public List<StoredEvent> trail(String stream, long from, int limit) {
        at(Call.TRAIL);
        return events.apply(super.trail(stream, from, limit));
    }
}
