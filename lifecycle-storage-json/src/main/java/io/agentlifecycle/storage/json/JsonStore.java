package io.agentlifecycle.storage.json;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.error.CorruptStoreException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Durability;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.MemoryState;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoreDescriptor;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Keeps records and events in a directory of JSON files: a journal that grows, and a snapshot of it. A commit is
 * acknowledged once it is on the disk. One process at a time may have a directory open. Safe for use by many threads.
 */
public final class JsonStore implements LifecycleStore {
    /** How many records one commit may change. */
    static final int MAX_RECORDS = 1_000;

    private final Journal journal;
    private final MemoryState state;
    private final StoreDescriptor opened;

    private JsonStore(Journal journal, MemoryState state, StoreDescriptor opened) {
        this.journal = journal;
        this.state = state;
        this.opened = opened;
    }

    /**
     * Opens the store in {@code directory}, and makes it there if the directory is empty or missing.
     *
     * @throws StoreException if it cannot be opened; nothing in the directory is changed then, apart from the lock
     * @throws io.agentlifecycle.core.error.StoreLockedException if it is open elsewhere
     * @throws CorruptStoreException if what stands there is not what was written
     */
    public static JsonStore open(Path directory) {
        return open(directory, new FileIo(), Limits.STANDARD);
    }

    static JsonStore open(Path given, StorageIo io, Limits limits) {
        Path directory = requireNonNull(given, "directory").toAbsolutePath().normalize();
        if (given.startsWith("~")) {
            throw new StoreException(
                    given + " begins with ~, which only a shell replaces; use System.getProperty(\"user.home\")", null);
        }
        StorageIo.Held lock = null;
        try {
            prepare(io, directory);
            lock = io.lock(directory);
            Recovery.Recovered recovered = Recovery.open(io, directory);
            var opened = new StoreDescriptor(
                    recovered.manifest().storeId(),
                    recovered.manifest().format(),
                    Durability.LOCAL,
                    MAX_RECORDS,
                    recovered.highWater(),
                    recovered.report());
            return new JsonStore(Journal.start(io, directory, lock, limits, recovered), recovered.state(), opened);
        } catch (IOException | RuntimeException e) {
            release(lock, e);
            throw e instanceof RuntimeException unchecked
                    ? unchecked
                    : new StoreException("%s cannot be opened: %s".formatted(directory, e), e);
        }
    }

    static void prepare(StorageIo io, Path directory) throws IOException {
        if (!io.exists(directory)) {
            io.createDirectory(directory);
        }
        if (!io.isDirectory(directory)) {
            throw new StoreException(directory + " is a file; a store is a directory, so choose another path", null);
        }
        if (io.isOpenToOthers(directory)) {
            throw new StoreException(
                    "%s can be read or changed by others; run: chmod 700 %s".formatted(directory, directory), null);
        }
    }

    private static void release(StorageIo.@Nullable Held lock, Exception cause) {
        if (lock != null) {
            try {
                lock.close();
            } catch (Exception e) {
                cause.addSuppressed(e);
            }
        }
    }

    @Override
    public StoreDescriptor describe() {
        journal.requireOpen();
        return new StoreDescriptor(
                opened.storeId(),
                opened.format(),
                opened.durability(),
                opened.maxRecords(),
                journal.highWater(),
                opened.openReport());
    }

    @Override
    public Optional<StoredRecord> get(RecordKey key) {
        journal.requireOpen();
        return state.get(key);
    }

    @Override
    public Page<StoredRecord> query(RecordQuery query, Optional<PageToken> after, int limit) {
        journal.requireOpen();
        return state.query(query, after, limit);
    }

    @Override
    public CommitResult commit(Commit commit) {
        return journal.commit(requireNonNull(commit, "commit"));
    }

    @Override
    public Optional<CommitResult> findCommit(RequestId id) {
        return journal.findCommit(requireNonNull(id, "id"));
    }

    @Override
    public void heartbeats(Collection<Heartbeat> batch) {
        journal.heartbeats(batch);
    }

    @Override
    public Optional<Liveness> liveness(RecordKey agent) {
        journal.requireOpen();
        return state.liveness(agent);
    }

    @Override
    public List<RecordKey> due(Instant now, int limit) {
        journal.requireOpen();
        return state.due(now, limit);
    }

    @Override
    public void rearm(RecordKey key, long version, Optional<Instant> next) {
        journal.requireOpen();
        state.rearm(key, version, next);
    }

    @Override
    public EventPage events(long after, int limit) {
        journal.requireOpen();
        List<StoredEvent> events = new ArrayList<>();
        long cursor = Math.max(after, 0);
        for (Journal.Located commit : journal.commitsAfter(cursor, limit)) {
            if (events.size() >= limit) {
                break;
            }
            events.addAll(read(commit).events());
            cursor = commit.seq();
        }
        return new EventPage(events, cursor);
    }

    @Override
    public List<StoredEvent> trail(String stream, long from, int limit) {
        journal.requireOpen();
        List<StoredEvent> events = new ArrayList<>();
        Optional<Journal.Located> last = Optional.empty();
        for (Journal.Located place : journal.events(stream, from, limit)) {
            if (last.isPresent() && last.get().equals(place)) {
                continue;
            }
            last = Optional.of(place);
            read(place).events().stream()
                    .filter(event -> event.stream().equals(stream) && event.n() >= from && event.n() - from < limit)
                    .forEach(events::add);
        }
        return List.copyOf(events);
    }

    /** For {@link FleetFiles}. */
    Journal.Picture picture() {
        return journal.picture();
    }

    /** The commit that stands there. */
    Line.Committed read(Journal.Located place) {
        try {
            return journal.read(place).commit().orElseThrow();
        } catch (IOException e) {
            throw new StoreException("the journal cannot be read: " + e, e);
        }
    }

    @Override
    public Subscription subscribe(CommitListener listener) {
        return journal.subscribe(requireNonNull(listener, "listener"));
    }

    @Override
    public void close() {
        journal.close();
    }
}
