package io.agentlifecycle.benchmarks;

import io.agentlifecycle.audit.Ed25519AuditSealer;
import io.agentlifecycle.audit.MerkleLog;
import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.audit.LogKeys;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.spi.AuditSealer;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.credentials.keys.InMemoryKeys;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.Stream;

/** What a sweep pays for the tree over a big log, and how long the proofs are that come out of it. */
final class AuditProofs implements Subject {
    private static final int PROOFS = 200;
    private static final AgentKey PROVEN = new AgentKey(TenantId.DEFAULT, AgentId.of("agent:proven"));

    @Override
    public List<Figure> measure(Scale scale, Path scratch) throws Exception {
        int size = scale.provenEvents();
        var keys = InMemoryKeys.create(Purpose.AUDIT, InstantSource.system());
        var sealer = Ed25519AuditSealer.create(keys);
        List<SealedEvent> begin = begin(sealer);
        List<StoredEvent> log = new ArrayList<>();
        MerkleLog tree = MerkleLog.create(scratch.resolve("tree"), keys);
        Instant now = Instant.EPOCH;
        tree.open(
                begin.get(0).event().log(),
                LogKeys.of(sealer.publicKey()),
                (cursor, limit) -> page(log, (int) cursor, limit),
                now);
        log.addAll(log(begin, sealer, size));
        long start = System.nanoTime();
        tree.follow(now);
        double followed = size / Figures.seconds(start);
        Path folder = scratch.resolve("trail");
        start = System.nanoTime();
        tree.exportTrail(PROVEN, folder);
        double exported = Figures.seconds(start);
        tree.close(now);
        int longest = longestProof(folder);
        Figures.note(
                "tree of %d events: a sweep takes over %.0f/s; %d proofs of at most %d hashes, looked for and written in"
                        + " %.2f s",
                size, followed, PROOFS, longest, exported);
        return List.of(new Figure("audit-proof", (double) depth(size) / longest, 1));
    }

    /** The first events of a log: one says what its key is, the next one asks for an agent. */
    private static List<SealedEvent> begin(AuditSealer sealer) {
        try (LifecycleManager manager =
                LifecycleManager.builder().sealer(sealer).build()) {
            manager.requestProvisioning(Fleet.request(PROVEN.id()));
            return manager.events(0, 2).events();
        }
    }

    /** Events of one size, those of one agent here and there among them; only those can be verified. */
    private static List<StoredEvent> log(List<SealedEvent> begin, AuditSealer sealer, int size) {
        SealedEvent shape = begin.get(1);
        var proven = new Chain(sealer, StreamPosition.streamOf(PROVEN));
        var random = new Random(20);
        TreeSet<Integer> places = new TreeSet<>(List.of(1, size - 1));
        while (places.size() < PROOFS) {
            places.add(1 + random.nextInt(size - 1));
        }
        List<StoredEvent> log = new ArrayList<>(List.of(StoredEvent.of(begin.get(0))));
        for (int i = 1; i < size; i++) {
            String other = "a/default/agent:" + i;
            log.add(
                    places.contains(i)
                            ? StoredEvent.of(proven.add(shape.event()))
                            : new StoredEvent(
                                    other,
                                    0,
                                    shape.canonical().replace(StreamPosition.streamOf(PROVEN), other),
                                    shape.signature()));
        }
        return log;
    }

    private static EventPage page(List<StoredEvent> log, int from, int limit) {
        int to = Math.min(log.size(), from + limit);
        return new EventPage(log.subList(from, to), to);
    }

    /** How many levels a tree of so many leaves has below its root. */
    private static int depth(int leaves) {
        return Integer.SIZE - Integer.numberOfLeadingZeros(leaves - 1);
    }

    /** A tlog-proof has two lines, its hashes, a blank line and the checkpoint. */
    private static int longestProof(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            List<Path> proofs = files.filter(file -> file.toString().endsWith(".tlog-proof"))
                    .toList();
            int longest = 0;
            for (Path proof : proofs) {
                longest = Math.max(longest, Files.readAllLines(proof).indexOf("") - 2);
            }
            if (proofs.size() != PROOFS + 1) { // the event that says what the key is goes with every trail
                throw new IllegalStateException("there are %d proofs, not %d".formatted(proofs.size(), PROOFS + 1));
            }
            return longest;
        }
    }
}
