package io.agentlifecycle.benchmarks;

import io.agentlifecycle.audit.MerkleLog;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.audit.StreamPosition;
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
import java.util.Optional;
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
        List<StoredEvent> log = new ArrayList<>();
        MerkleLog tree = MerkleLog.create(scratch.resolve("tree"), keys);
        Instant now = Instant.EPOCH;
        tree.open(
                "example.com/agents",
                Optional.of(keys.publicKeys().get(0).jwk()),
                (cursor, limit) -> page(log, (int) cursor, limit),
                now);
        fill(log, size);
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

    /** Events of one size, some of them, here and there, of the agent whose trail is proven. */
    private static void fill(List<StoredEvent> log, int size) {
        StoredEvent shape = Commits.templates().get(0).events().get(0);
        var random = new Random(20);
        TreeSet<Integer> proven = new TreeSet<>(List.of(0, size - 1));
        while (proven.size() < PROOFS) {
            proven.add(random.nextInt(size));
        }
        for (int i = 0; i < size; i++) {
            String stream = proven.contains(i) ? StreamPosition.streamOf(PROVEN) : "a/default/agent:" + i;
            log.add(new StoredEvent(
                    stream,
                    0,
                    shape.canonical().replace(shape.stream(), stream).replace("\"n\":" + shape.n(), "\"n\":" + i),
                    shape.signature()));
        }
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
            if (proofs.size() != PROOFS) {
                throw new IllegalStateException("there are %d proofs, not %d".formatted(proofs.size(), PROOFS));
            }
            return longest;
        }
    }
}
