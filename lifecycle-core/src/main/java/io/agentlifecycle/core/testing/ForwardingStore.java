package io.agentlifecycle.core.testing;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.spi.LifecycleStore;
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

/** Passes every call on. A test overrides the one call that it wants to disturb or to count. */
public class ForwardingStore implements LifecycleStore {
    private final LifecycleStore to;

    /** Passes every call on to {@code to}. */
    public ForwardingStore(LifecycleStore to) {
        this.to = requireNonNull(to, "to");
    }

    @Override
    public StoreDescriptor describe() {
        return to.describe();
    }

    @Override
    public Optional<StoredRecord> get(RecordKey key) {
        return to.get(key);
    }

    @Override
    public Page<StoredRecord> query(RecordQuery query, Optional<PageToken> after, int limit) {
        return to.query(query, after, limit);
    }

    @Override
    public CommitResult commit(Commit commit) {
        return to.commit(commit);
    }

    @Override
    public Optional<CommitResult> findCommit(RequestId id) {
        return to.findCommit(id);
    }

    @Override
    public void heartbeats(Collection<Heartbeat> batch) {
        to.heartbeats(batch);
    }

    @Override
    public Optional<Liveness> liveness(RecordKey agent) {
        return to.liveness(agent);
    }

    @Override
    public List<RecordKey> due(Instant now, int limit) {
        return to.due(now, limit);
    }

    @Override
    public void rearm(RecordKey key, long version, Optional<Instant> next) {
        to.rearm(key, version, next);
    }

    @Override
    public EventPage events(long after, int limit) {
        return to.events(after, limit);
    }

    @Override
    public List<StoredEvent> trail(String stream, long from, int limit) {
        return to.trail(stream, from, limit);
    }

    @Override
    public List<Disclosure> disclosures(String stream, long from, int limit) {
        return to.disclosures(stream, from, limit);
    }

    @Override
    public void erase(String stream, Collection<Long> positions) {
        to.erase(stream, positions);
    }

    @Override
    public void prune(Map<String, Long> before) {
        to.prune(before);
    }

    @Override
    public Subscription subscribe(CommitListener listener) {
        return to.subscribe(listener);
    }

    @Override
    public void close() {
        to.close();
    }
}
