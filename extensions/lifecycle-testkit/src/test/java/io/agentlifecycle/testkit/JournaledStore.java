package io.agentlifecycle.testkit;

import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Check;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Durability;
import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoreDescriptor;
import io.agentlifecycle.core.store.StoredRecord;
import io.agentlifecycle.core.testing.ForwardingStore;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;

/** A small durable store: it writes each commit to a disk, which is a list, before it shows it. */
class JournaledStore extends ForwardingStore {
    /** What survives a store. */
    static final class Disk implements StoreMedium {
        private final Function<Disk, LifecycleStore> opener;
        private final String storeId = UUID.randomUUID().toString();
        private final List<Commit> written = new ArrayList<>();
        private final List<Removal> removed = new ArrayList<>();
        private final List<Heartbeat> beats = new ArrayList<>();
        private volatile boolean failing;
        private volatile Optional<Standstill> standstill = Optional.empty();

        Disk(Function<Disk, LifecycleStore> opener) {
            this.opener = opener;
        }

        @Override
        public LifecycleStore reopen() {
            failing = false;
            return opener.apply(this);
        }

        @Override
        public LifecycleStore crash() {
            return reopen();
        }

        @Override
        public void fail() {
            failing = true;
        }

        @Override
        public Stall stall() {
            var stall = new Standstill();
            standstill = Optional.of(stall);
            return stall;
        }

        synchronized void append(Commit commit) throws IOException {
            if (standstill.isPresent()) {
                standstill.get().pass();
            }
            if (failing) {
                throw new IOException("the disk is gone");
            }
            written.add(commit);
        }

        synchronized void remove(Consumer<LifecycleStore> what) throws IOException {
            if (failing) {
                throw new IOException("the disk is gone");
            }
            removed.add(new Removal(written.size(), what));
        }

        synchronized List<Commit> written() {
            return List.copyOf(written);
        }

        /** Does again what was done before. */
        private synchronized void replay(LifecycleStore memory) {
            for (int i = 0; i <= written.size(); i++) {
                int commits = i;
                removed.stream()
                        .filter(removal -> removal.after() == commits)
                        .forEach(removal -> removal.what().accept(memory));
                written.stream().skip(commits).limit(1).forEach(memory::commit);
            }
        }
    }

    /** What was erased or pruned after so many commits. */
    private record Removal(int after, Consumer<LifecycleStore> what) {}

    private static final class Standstill implements StoreMedium.Stall {
        private final CountDownLatch reached = new CountDownLatch(1);
        private final CountDownLatch released = new CountDownLatch(1);

        void pass() {
            reached.countDown();
            try {
                released.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public void awaitCommit() throws InterruptedException {
            reached.await();
        }

        @Override
        public void close() {
            released.countDown();
        }
    }

    private final Disk disk;
    private final LifecycleStore memory;
    private final ReentrantLock lock = new ReentrantLock();
    private final Set<RecordKey> heard = new HashSet<>();
    private boolean failed;

    JournaledStore(Disk disk) {
        this(disk, recovered(disk));
    }

    /** For a store that recovers otherwise. */
    JournaledStore(Disk disk, LifecycleStore memory) {
        super(memory);
        this.disk = disk;
        this.memory = memory;
    }

    /** What the disk holds, ready to be read. */
    static LifecycleStore recovered(Disk disk) {
        LifecycleStore memory = LifecycleStore.inMemory();
        disk.replay(memory);
        memory.heartbeats(disk.beats);
        return memory;
    }

    @Override
    public StoreDescriptor describe() {
        StoreDescriptor own = memory.describe();
        return new StoreDescriptor(
                disk.storeId, 1, Durability.LOCAL, own.maxRecords(), own.clockHighWater(), own.openReport());
    }

    @Override
    public CommitResult commit(Commit commit) {
        lock.lock();
        try {
            if (failed) {
                return new CommitResult.Rejected(CommitResult.Reason.FAILED, "the disk failed; open the store again");
            }
            return willBeApplied(commit) ? store(commit) : memory.commit(commit);
        } finally {
            lock.unlock();
        }
    }

    private boolean willBeApplied(Commit commit) {
        boolean fits = commit.mutations().size() <= memory.describe().maxRecords();
        boolean checked = commit.checks().stream()
                .allMatch(check -> version(check.key()) == (check instanceof Check.Version v ? v.version() : 0));
        boolean follows = commit.mutations().stream()
                .allMatch(mutation -> !(mutation instanceof Mutation.Put put)
                        || version(put.key()) == put.next().version() - 1);
        return fits
                && checked
                && follows
                && memory.findCommit(commit.requestId()).isEmpty();
    }

    private long version(RecordKey key) {
        return memory.get(key).map(StoredRecord::version).orElse(0L);
    }

    /** First the disk, then what readers see. */
    CommitResult store(Commit commit) {
        return write(commit).orElseGet(() -> memory.commit(commit));
    }

    /** Empty if it is on the disk. */
    final Optional<CommitResult> write(Commit commit) {
        try {
            disk.append(commit);
            return Optional.empty();
        } catch (IOException e) {
            failed = failsForGood();
            return Optional.of(new CommitResult.Unknown(e.getMessage()));
        }
    }

    @Override
    public void erase(String stream, Collection<Long> positions) {
        List<Long> erased = List.copyOf(positions);
        remove(store -> store.erase(stream, erased));
    }

    @Override
    public void prune(Map<String, Long> before) {
        Map<String, Long> pruned = Map.copyOf(before);
        remove(store -> store.prune(pruned));
    }

    private void remove(Consumer<LifecycleStore> what) {
        lock.lock();
        try {
            if (failed) {
                throw new StoreException("the disk failed; open the store again", null);
            }
            memory.describe(); // throws if it is closed
            disk.remove(what);
            what.accept(memory);
        } catch (IOException e) {
            failed = failsForGood();
            throw new StoreException("the disk failed: " + e.getMessage(), e);
        } finally {
            lock.unlock();
        }
    }

    boolean failsForGood() {
        return true;
    }

    @Override
    public void heartbeats(Collection<Heartbeat> batch) {
        lock.lock();
        try {
            memory.heartbeats(batch);
            batch.forEach(beat -> heard.add(beat.agent()));
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            writeHeartbeats();
            heard.clear();
            memory.close();
        } finally {
            lock.unlock();
        }
    }

    void writeHeartbeats() {
        for (RecordKey agent : heard) {
            Optional<Liveness> liveness = memory.liveness(agent);
            liveness.ifPresent(seen -> disk.beats.add(new Heartbeat(agent, seen)));
        }
    }
}
