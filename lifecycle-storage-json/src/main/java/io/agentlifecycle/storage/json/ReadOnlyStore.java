package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.error.StoreException;
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
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A store as it was when it was opened, for reading only: everything up to {@link #asOfSeq}. Whatever would change it
 * throws a {@link StoreException}. Safe for use by many threads.
 *
 * <p>Records are kept in memory; events are read from the files when they are asked for. If the store is written elsewhere
 * meanwhile, files that it no longer needs go away; reading events may then throw a {@link StoreException}: open it again.
 */
public final class ReadOnlyStore implements LifecycleStore {
    private final Path directory;
    private final Stored stored;
    private final long asOfSeq;
    private volatile boolean closed;

    private ReadOnlyStore(Path directory, Stored stored, long asOfSeq) {
        this.directory = directory;
        this.stored = stored;
        this.asOfSeq = asOfSeq;
    }

    /** If the one who writes it makes a checkpoint meanwhile, files go away under the reader: it begins again. */
    static ReadOnlyStore open(StorageIo io, Path directory, long upTo) throws IOException {
        while (true) {
            Optional<String> before = generation(io, directory);
            try {
                Recovery.Recovered seen = Recovery.look(io, directory, upTo).recovered();
                return new ReadOnlyStore(directory, Stored.of(seen), seen.nextSeq() - 1);
            } catch (IOException | StoreException e) {
                if (generation(io, directory).equals(before)) {
                    throw e;
                }
            }
        }
    }

    /** The manifest is written anew by each checkpoint, so the same text is the same generation. */
    private static Optional<String> generation(StorageIo io, Path directory) throws IOException {
        Path file = directory.resolve(Manifest.NAME);
        return io.exists(file) ? Optional.of(Disk.sha256(io, file)) : Optional.empty();
    }

    /** The number of the last line that it has. */
    public long asOfSeq() {
        return asOfSeq;
    }

    private Stored stored() {
        if (closed) {
            throw new StoreException(directory + " is closed; open it again", null);
        }
        return stored;
    }

    private StoreException refusal() {
        return new StoreException(directory + " is open for reading only; use JsonStore.open to change it", null);
    }

    @Override
    public StoreDescriptor describe() {
        return stored().describe();
    }

    @Override
    public Optional<StoredRecord> get(RecordKey key) {
        return stored().get(key);
    }

    @Override
    public Page<StoredRecord> query(RecordQuery query, Optional<PageToken> after, int limit) {
        return stored().query(query, after, limit);
    }

    @Override
    public CommitResult commit(Commit commit) {
        throw refusal();
    }

    @Override
    public Optional<CommitResult> findCommit(RequestId id) {
        return stored().contents().requests().find(id).map(done -> new CommitResult.Applied(done.seq()));
    }

    @Override
    public void heartbeats(Collection<Heartbeat> batch) {
        throw refusal();
    }

    @Override
    public Optional<Liveness> liveness(RecordKey agent) {
        return stored().liveness(agent);
    }

    @Override
    public List<RecordKey> due(Instant now, int limit) {
        return stored().due(now, limit);
    }

    @Override
    public void rearm(RecordKey key, long version, Optional<Instant> next) {
        throw refusal();
    }

    @Override
    public EventPage events(long after, int limit) {
        return stored().events(after, limit);
    }

    @Override
    public List<StoredEvent> trail(String stream, long from, int limit) {
        return stored().trail(stream, from, limit);
    }

    @Override
    public List<Disclosure> disclosures(String stream, long from, int limit) {
        return stored().disclosures(stream, from, limit);
    }

    @Override
    public void erase(String stream, Collection<Long> positions) {
        throw refusal();
    }

    @Override
    public void prune(Map<String, Long> before) {
        throw refusal();
    }

    /** Nothing is ever committed here, so the listener is never called. */
    @Override
    public Subscription subscribe(CommitListener listener) {
        stored();
        return () -> {};
    }

    @Override
    public void close() {
        closed = true;
    }
}
