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
import org.jspecify.annotations.Nullable;

/**
 * Keeps records and events in a directory of JSON files: a snapshot, a journal of what came after it, and the events in
 * files of their own. A commit is acknowledged once it is on the disk. One process at a time may have a directory open.
 * Safe for use by many threads.
 */
public final class JsonStore implements LifecycleStore {
    /** How many records one commit may change. */
    static final int MAX_RECORDS = 1_000;

    private final StorageIo io;
    private final Path directory;
    private final Journal journal;
    private final Stored stored;

    private JsonStore(StorageIo io, Path directory, Journal journal, Stored stored) {
        this.io = io;
        this.directory = directory;
        this.journal = journal;
        this.stored = stored;
    }

    /**
     * Opens the store in {@code directory}, and makes it there if the directory is empty or missing. A store in an older
     * format is written anew in this one.
     *
     * @throws StoreException if it cannot be opened; nothing that was stored is changed then
     * @throws io.agentlifecycle.core.error.StoreLockedException if it is open elsewhere
     * @throws CorruptStoreException if what stands there is not what was written
     */
    public static JsonStore open(Path directory) {
        return open(directory, new FileIo(), Limits.STANDARD);
    }

    static JsonStore open(Path given, StorageIo io, Limits limits) {
        Path directory = absolute(given);
        StorageIo.Held lock = null;
        try {
            directory = Premises.check(io, directory);
            lock = io.lock(directory);
            Recovery.Recovered recovered = Recovery.open(io, directory);
            Journal journal = Journal.start(io, directory, lock, limits, recovered);
            lock = null; // it is the journal's from here on
            var store = new JsonStore(io, directory, journal, Stored.of(recovered));
            if (recovered.manifest().format() < Manifest.FORMAT
                    || !recovered.contents().log().erasures().isEmpty()) {
                store.writeAnew();
            }
            return store;
        } catch (IOException e) {
            release(lock, e);
            throw new StoreException("%s cannot be opened: %s".formatted(directory, e), e);
        } catch (RuntimeException | Error e) {
            release(lock, e);
            throw e;
        }
    }

    /** Before anyone uses it: nothing of an older format, and nothing of what was erased, may be left. */
    private void writeAnew() {
        try {
            checkpoint();
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /**
     * Opens the store in {@code directory} as it is now, for reading only. It takes no lock and changes nothing, so the
     * store may be open and be written elsewhere: what is written later is not seen. A torn tail is left out.
     *
     * @throws StoreException if it cannot be opened
     * @throws CorruptStoreException if what stands there is not what was written
     */
    public static ReadOnlyStore openReadOnly(Path directory) {
        return openReadOnly(directory, Long.MAX_VALUE);
    }

    /**
     * The same, as it was when line {@code upTo} of its journal had been written: so what stands before some damage can be
     * read. It does not go back further than the older one of its two snapshots.
     *
     * @throws StoreException if it cannot be opened
     * @throws CorruptStoreException if what stands there up to that line is not what was written
     */
    public static ReadOnlyStore openReadOnly(Path directory, long upTo) {
        return openReadOnly(directory, new FileIo(), upTo);
    }

    static ReadOnlyStore openReadOnly(Path given, StorageIo io, long upTo) {
        Path directory = absolute(given);
        try {
            return ReadOnlyStore.open(io, directory, upTo);
        } catch (IOException e) {
            throw new StoreException("%s cannot be opened: %s".formatted(directory, e), e);
        }
    }

    static Path absolute(Path given) {
        if (requireNonNull(given, "directory").startsWith("~")) {
            throw new StoreException(
                    given + " begins with ~, which only a shell replaces; use System.getProperty(\"user.home\")", null);
        }
        return given.toAbsolutePath().normalize();
    }

    private static void release(StorageIo.@Nullable Held lock, Throwable cause) {
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
        requireOpen();
        return stored.describe();
    }

    @Override
    public Optional<StoredRecord> get(RecordKey key) {
        requireOpen();
        return stored.get(key);
    }

    @Override
    public Page<StoredRecord> query(RecordQuery query, Optional<PageToken> after, int limit) {
        requireOpen();
        return stored.query(query, after, limit);
    }

    @Override
    public CommitResult commit(Commit commit) {
        return journal.queue().commit(requireNonNull(commit, "commit"));
    }

    @Override
    public Optional<CommitResult> findCommit(RequestId id) {
        return journal.queue().findCommit(requireNonNull(id, "id"));
    }

    @Override
    public void heartbeats(Collection<Heartbeat> batch) {
        journal.queue().heartbeats(batch);
    }

    @Override
    public Optional<Liveness> liveness(RecordKey agent) {
        requireOpen();
        return stored.liveness(agent);
    }

    @Override
    public List<RecordKey> due(Instant now, int limit) {
        requireOpen();
        return stored.due(now, limit);
    }

    @Override
    public void rearm(RecordKey key, long version, Optional<Instant> next) {
        requireOpen();
        stored.contents().state().rearm(key, version, next);
    }

    @Override
    public EventPage events(long after, int limit) {
        requireOpen();
        return stored.events(after, limit);
    }

    @Override
    public List<StoredEvent> trail(String stream, long from, int limit) {
        requireOpen();
        return stored.trail(stream, from, limit);
    }

    @Override
    public List<Disclosure> disclosures(String stream, long from, int limit) {
        requireOpen();
        return stored.disclosures(stream, from, limit);
    }

    /**
     * Erases all that is disclosed of the events at these positions of a stream. When it returns, it stands in no file of
     * the store but those in {@code quarantine}, where bytes are kept that were cut off at an opening. Backups and exports
     * are the host's duty, and so are older bytes that a disk keeps for itself.
     *
     * <p>It takes as long as a {@link #checkpoint}, so erase many positions at once.
     *
     * @throws StoreException if that is not done. If it says that files may still have it, nobody is shown it any more, and
     *     the next erasure, checkpoint or opening removes it
     */
    @Override
    public void erase(String stream, Collection<Long> positions) {
        journal.erase(requireNonNull(stream, "stream"), requireNonNull(positions, "positions"));
    }

    /**
     * Takes the text and the signature from events, and erases all that is disclosed of them: of each of these streams all events
     * before a position. When it returns, that stands in no file of the store but those in {@code quarantine}, where bytes are
     * kept that were cut off at an opening or taken out by a repair. Backups and exports are the host's duty, and so are older
     * bytes that a disk keeps for itself.
     *
     * <p>It takes as long as a {@link #checkpoint}, and writes every file anew that has such events, so prune many streams at
     * once. Commits and reads go on meanwhile; readers see all of the texts until a checkpoint without them counts, and none of them from then on.
     *
     * @throws CorruptStoreException if such a file, or an index, cannot be read; nothing was changed then
     * @throws StoreException if that is not done. Files may still have the texts, whether they are shown or not; prune again
     */
    @Override
    public void prune(Map<String, Long> before) {
        journal.prune(Map.copyOf(before));
    }

    @Override
    public Subscription subscribe(CommitListener listener) {
        return journal.queue().subscribe(requireNonNull(listener, "listener"));
    }

    /**
     * Makes opening the store quick again: writes all records into a new snapshot, and the events into files of their
     * own, while commits go on. The store does this by itself when its journal has become long.
     *
     * @throws StoreException if it cannot be made; nothing is lost then
     */
    public void checkpoint() {
        journal.checkpoint(true);
    }

    /**
     * Copies the store as it is now, while it is used. To restore it, open the copy. The copy is the same store, with
     * the same id: use one of the two from then on, and never both.
     *
     * @param newDirectory missing or empty
     * @throws StoreException if the directory is not empty, or the copy cannot be written; its manifest is written last,
     *     and {@link #open} refuses what has none
     */
    public void backup(Path newDirectory) {
        Path target = absolute(newDirectory);
        requireOpen();
        try {
            stored.contents()
                    .log()
                    .copying(() -> Backup.write(
                            io, directory, journal.manifest(), journal.queue().durable(), target));
        } catch (IOException e) {
            throw new StoreException("%s cannot be written: %s".formatted(target, e), e);
        }
    }

    /**
     * How many times since it was opened the disk took longer than a second to make something durable. Each time is also
     * logged as a warning.
     */
    public long slowForces() {
        return journal.slowForces();
    }

    /** For {@link FleetFiles}. */
    Picture picture() {
        requireOpen();
        return journal.queue().picture().sorted();
    }

    /** At least {@code limit} events of commits after number {@code after}, if there are so many. */
    List<LoggedCommit> log(long after, int limit) {
        return stored.log(after, limit);
    }

    private void requireOpen() {
        journal.queue().requireOpen();
    }

    @Override
    public void close() {
        journal.close();
    }
}
