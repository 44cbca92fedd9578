package io.agentlifecycle.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import io.agentlifecycle.credentials.keys.InMemoryKeys;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A tree that a manager drives. */
class MerkleLogTest {
    private static final Actor ALICE = Actor.human("alice@company.com");
    private static final String ORIGIN = "example.com/agents";

    private final JdkKeys keys = JdkKeys.fresh();
    private final MutableClock clock = MutableClock.at("2026-04-11T04:30:00Z");
    private final VerifierKey key =
            new VerifierKey(ORIGIN, Ed25519PublicKey.of(keys.publicKeys().get(0).jwk()));

    @TempDir
    private Path folder;

    private MerkleLog tree;

    @BeforeEach
    void create() {
        tree = MerkleLog.create(folder.resolve("tree"), keys);
    }

    private LifecycleManager open() {
        return LifecycleManager.builder()
                .storage(folder.resolve("store"))
                .logOrigin(ORIGIN)
                .sealer(Ed25519AuditSealer.create(keys))
                .checkpoints(tree)
                .clock(clock)
                .build();
    }

    private LifecycleManager.Builder signed() {
        return LifecycleManager.builder().sealer(Ed25519AuditSealer.create(keys));
    }

    private static AgentId requested(LifecycleManager manager) {
        return manager.requestProvisioning(ProvisioningRequest.builder("reviewer")
                        .owner("alice@company.com")
                        .requestedBy(ALICE)
                        .build())
                .id();
    }

    private Checkpoint checkpoint() {
        SignedNote note = SignedNote.read(tree.checkpoint().orElseThrow());
        note.requireSignedBy(key);
        return Checkpoint.read(note.text());
    }

    private static List<SealedEvent> events(LifecycleManager manager) {
        return manager.events(0, Integer.MAX_VALUE).events();
    }

    @Test
    void sweeps_make_checkpoints_of_all_that_happened() throws IOException {
        try (LifecycleManager manager = open()) {
            assertThat(tree.checkpoint()).isEmpty();
            manager.sweeper().sweep();
            assertThat(checkpoint().size()).as("the genesis waits for nobody").isEqualTo(1);

            AgentId agent = requested(manager);
            manager.sweeper().sweep();
            assertThat(checkpoint().size()).as("a request is not urgent").isEqualTo(1);

            clock.advance(Duration.ofSeconds(59));
            manager.sweeper().sweep();
            assertThat(checkpoint().size()).isEqualTo(1);
            clock.advance(Duration.ofSeconds(1));
            manager.sweeper().sweep();
            assertThat(checkpoint().size()).as("a minute after it was seen").isEqualTo(2);

            manager.approve(agent, Actor.human("admin@company.com"));
            manager.sweeper().sweep();
            assertThat(checkpoint().size())
                    .as("an approval is")
                    .isEqualTo(events(manager).size());

            manager.activate(agent);
            manager.decommission(agent, "done", ALICE);
            manager.sweeper().sweep();
            assertThat(checkpoint().size())
                    .as("so is a retirement")
                    .isEqualTo(events(manager).size());
            assertThat(manager.health().isGood()).isTrue();

            List<SealedEvent> events = events(manager);
            try (Stream<Path> tiles = Files.walk(folder.resolve("tree/tile"))) {
                assertThat(tiles.filter(Files::isRegularFile)).isNotEmpty();
            }
            var proofs = new MerkleTree(
                    tile -> Files.readAllBytes(folder.resolve("tree").resolve(tile.path())), events.size());
            for (int i = 0; i < events.size(); i++) {
                MerkleProof.requireIncluded(
                        Hash.ofLeaf(events.get(i).leafHash()),
                        i,
                        events.size(),
                        proofs.inclusion(i),
                        checkpoint().rootHash());
            }
        }
    }

    @Test
    void a_thousand_events_make_one_due() {
        try (LifecycleManager manager = open()) {
            manager.sweeper().sweep();
            for (int i = 0; i < 1_023; i++) {
                requested(manager);
            }
            manager.sweeper().sweep();
            assertThat(checkpoint().size()).isEqualTo(1);
            requested(manager);
            manager.sweeper().sweep();
            assertThat(checkpoint().size()).isEqualTo(1_025);
        }
    }

    @Test
    void closing_makes_the_last_one_and_another_manager_goes_on() throws IOException {
        int first;
        try (LifecycleManager manager = open()) {
            requested(manager);
            first = events(manager).size();
        }
        assertThat(tree.checkpoint()).isEmpty();
        String left = Files.readString(folder.resolve("tree/checkpoint"));
        assertThat(left).startsWith(ORIGIN + "\n" + first + "\n");
        try (LifecycleManager manager = open()) {
            assertThat(tree.checkpoint()).contains(left);
            requested(manager);
        }
        assertThat(Files.readString(folder.resolve("tree/checkpoint"))).startsWith(ORIGIN + "\n" + (first + 1) + "\n");
    }

    @Test
    void a_store_that_was_rolled_back_does_not_open() throws IOException {
        try (LifecycleManager manager = open()) {
            requested(manager);
        }
        copy(folder.resolve("store"), folder.resolve("old"));
        try (LifecycleManager manager = open()) {
            requested(manager);
        }
        delete(folder.resolve("store"));
        copy(folder.resolve("old"), folder.resolve("store"));

        assertThatThrownBy(this::open)
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("the log ends before event 3, which the tree has");

        // the refusal let go of both
        Files.move(folder.resolve("tree"), folder.resolve("suspicious"));
        open().close();
    }

    @Test
    void the_tree_of_another_store_does_not_fit() {
        open().close();
        assertThatThrownBy(() -> LifecycleManager.builder()
                        .logOrigin(ORIGIN)
                        .sealer(Ed25519AuditSealer.create(keys))
                        .checkpoints(tree)
                        .clock(clock)
                        .build())
                .isInstanceOf(AuditTamperedException.class);
        assertThatThrownBy(() -> LifecycleManager.builder()
                        .logOrigin("example.com/others")
                        .sealer(Ed25519AuditSealer.create(keys))
                        .checkpoints(tree)
                        .clock(clock)
                        .build())
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("of another log");
    }

    @Test
    void a_manager_alone_has_it() {
        try (LifecycleManager manager = open()) {
            manager.sweeper().sweep();
            assertThatThrownBy(() -> signed().checkpoints(tree).build())
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("is used by another manager");
            MerkleLog same = MerkleLog.create(folder.resolve("tree"), keys);
            assertThatThrownBy(() -> signed().checkpoints(same).build())
                    .isInstanceOf(UncheckedIOException.class)
                    .hasMessageContaining("is in use in this process");
            manager.sweeper().sweep();
            assertThat(manager.health().isGood()).isTrue();
        }
    }

    /** What cannot be written now is written by a later sweep, and no command notices. */
    @Test
    void a_tree_that_cannot_be_written_holds_nobody_up() throws IOException {
        try (LifecycleManager manager = open()) {
            manager.sweeper().sweep();
            Path tile = folder.resolve("tree/tile");
            Files.move(tile, folder.resolve("tile"));
            Files.writeString(tile, "in the way");

            AgentId agent = requested(manager);
            manager.approve(agent, Actor.human("admin@company.com"));
            assertThat(manager.sweeper().sweep().outcomes()).isEmpty();
            assertThat(manager.health().lastCheckpointFailure()).isPresent();
            assertThat(manager.health().isGood()).isFalse();
            assertThat(checkpoint().size()).isEqualTo(1);

            Files.delete(tile);
            Files.move(folder.resolve("tile"), tile);
            manager.sweeper().sweep();
            assertThat(manager.health().isGood()).isTrue();
            assertThat(checkpoint().size()).isEqualTo(events(manager).size());
        }
    }

    /** Whatever sweeps sign while others commit is the beginning of what the log is in the end. */
    @Test
    void checkpoints_that_are_made_while_many_commit_are_one_history() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(4);
        List<Checkpoint> seen = new ArrayList<>();
        try (LifecycleManager manager = open()) {
            List<Future<?>> done = new ArrayList<>();
            for (int thread = 0; thread < 4; thread++) {
                done.add(threads.submit(() -> {
                    for (int i = 0; i < 100; i++) {
                        manager.approve(requested(manager), Actor.human("admin@company.com"));
                    }
                }));
            }
            while (!done.stream().allMatch(Future::isDone)) {
                manager.sweeper().sweep();
                seen.add(checkpoint());
            }
            for (Future<?> each : done) {
                each.get();
            }
            manager.sweeper().sweep();
            List<SealedEvent> events = events(manager);
            var all = new LogTreeReference(events);
            assertThat(checkpoint().size()).isEqualTo(events.size());
            assertThat(seen).hasSizeGreaterThan(1);
            for (Checkpoint each : seen) {
                assertThat(each.rootHash()).isEqualTo(all.root((int) each.size()));
            }
        } finally {
            threads.shutdownNow();
        }
    }

    /** The roots of RFC 6962 over some events. */
    private record LogTreeReference(List<SealedEvent> events) {
        Hash root(int size) {
            return root(0, size);
        }

        private Hash root(int from, int to) {
            if (to - from == 1) {
                return Hash.ofLeaf(events.get(from).leafHash());
            }
            int middle = from + Integer.highestOneBit(to - from - 1);
            return Hash.node(root(from, middle), root(middle, to));
        }
    }

    /** The key of the log signs, not the newest that there is. */
    @Test
    void a_key_that_was_made_for_later_signs_nothing_yet() {
        Ed25519AuditSealer sealer = Ed25519AuditSealer.create(keys);
        open().close();
        keys.generate();
        try (LifecycleManager manager = LifecycleManager.builder()
                .storage(folder.resolve("store"))
                .sealer(sealer)
                .checkpoints(tree)
                .clock(clock)
                .build()) {
            requested(manager);
            manager.sweeper().sweep();
            clock.advance(Duration.ofMinutes(1));
            manager.sweeper().sweep();
            assertThat(checkpoint().size()).isEqualTo(2);
        }
    }

    @Test
    void a_log_without_a_key_and_keys_without_that_of_the_log_are_refused() {
        assertThatThrownBy(() -> LifecycleManager.builder().checkpoints(tree).build())
                .isInstanceOf(PolicyViolationException.class)
                .hasMessageContaining("are signed with its key, and it has none; open it with a sealer(..)");
        MerkleLog others = MerkleLog.create(folder.resolve("tree"), JdkKeys.fresh());
        assertThatThrownBy(() -> signed().checkpoints(others).build())
                .isInstanceOf(PolicyViolationException.class)
                .hasMessageContaining("pass those that have it");
    }

    @Test
    void the_folder_of_a_store_is_not_for_a_tree() {
        open().close();
        MerkleLog inside = MerkleLog.create(folder.resolve("store"), keys);
        assertThatThrownBy(() -> LifecycleManager.builder()
                        .storage(folder.resolve("store"))
                        .sealer(Ed25519AuditSealer.create(keys))
                        .checkpoints(inside)
                        .build())
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("give the tree a folder of its own");
    }

    @ParameterizedTest
    @EnumSource(names = {"CREDENTIALS", "PROOFS"})
    void keys_for_something_else_sign_no_checkpoints(Purpose purpose) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MerkleLog.create(folder, InMemoryKeys.create(purpose, InstantSource.system())))
                .withMessageContaining("pass keys of purpose AUDIT");
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Path same = to.resolve(from.relativize(file));
                Files.copy(file, same, StandardCopyOption.COPY_ATTRIBUTES);
            }
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
