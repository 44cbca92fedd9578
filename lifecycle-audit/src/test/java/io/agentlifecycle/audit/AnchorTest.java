package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Sinks of a tree that a manager drives. */
class AnchorTest {
    private static final Actor ADMIN = Actor.human("admin@company.com");

    private final JdkKeys keys = JdkKeys.fresh();
    private final MutableClock clock = MutableClock.at("2026-04-11T04:30:00Z");
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Kept first = new Kept();
    private final Kept second = new Kept();

    @TempDir
    private Path folder;

    @AfterEach
    void end() {
        threads.shutdownNow();
    }

    /** Keeps what it gets, and can be told to fail or to hang. */
    private static final class Kept implements AnchorSink {
        private final List<String> notes = Collections.synchronizedList(new ArrayList<>());
        private volatile boolean failing;
        private volatile Optional<Hang> hang = Optional.empty();

        @Override
        public void anchor(String checkpoint) throws Exception {
            if (hang.isPresent()) {
                hang.get().wait(checkpoint);
            }
            if (failing) {
                throw new IOException("the anchor is away");
            }
            notes.add(checkpoint);
        }

        Hang hang() {
            var made = new Hang();
            hang = Optional.of(made);
            return made;
        }

        List<Long> sizes() {
            return List.copyOf(notes).stream()
                    .map(note -> Checkpoint.read(SignedNote.read(note).text()).size())
                    .toList();
        }
    }

    private static final class Hang {
        private final CountDownLatch called = new CountDownLatch(1);
        private final CountDownLatch free = new CountDownLatch(1);

        void wait(String checkpoint) throws InterruptedException {
            assertThat(checkpoint).isNotEmpty();
            called.countDown();
            awaits(free);
        }
    }

    private MerkleLog tree() {
        return MerkleLog.create(folder.resolve("tree"), keys)
                .withAnchor("first", first)
                .withAnchor("second", second);
    }

    private LifecycleManager open(MerkleLog tree) {
        return LifecycleManager.builder()
                .storage(folder.resolve("store"))
                .logOrigin("example.com/agents")
                .sealer(Ed25519AuditSealer.create(keys))
                .checkpoints(tree)
                .clock(clock)
                .build();
    }

    /** An approval, after which a checkpoint is due; three events. */
    private static AgentId approved(LifecycleManager manager) {
        AgentId agent = manager.requestProvisioning(ProvisioningRequest.builder("reviewer")
                        .owner("alice@company.com")
                        .requestedBy(Actor.human("alice@company.com"))
                        .build())
                .id();
        manager.approve(agent, ADMIN);
        return agent;
    }

    private static long events(LifecycleManager manager) {
        return manager.events(0, Integer.MAX_VALUE).events().size();
    }

    private List<String> history() throws IOException {
        List<String> notes = new ArrayList<>();
        List<String> lines = Files.readAllLines(folder.resolve("tree/checkpoints.log"));
        for (int i = 0; i < lines.size(); i += 5) {
            notes.add(String.join("\n", lines.subList(i, i + 5)) + "\n");
        }
        return notes;
    }

    private static void awaits(CountDownLatch latch) throws InterruptedException {
        assertThat(latch.await(1, TimeUnit.MINUTES)).isTrue();
    }

    private static void ends(Future<?> work) throws InterruptedException, ExecutionException {
        try {
            work.get(1, TimeUnit.MINUTES);
        } catch (TimeoutException e) {
            throw new AssertionError("it waits for the anchor", e);
        }
    }

    @Test
    void every_sink_gets_every_checkpoint_once_and_in_order_also_after_a_restart() throws IOException {
        for (int run = 0; run < 3; run++) {
            try (LifecycleManager manager = open(tree())) {
                for (int i = 0; i < 3; i++) {
                    approved(manager);
                    manager.sweeper().sweep();
                }
                assertThat(manager.health().isGood()).isTrue();
                assertThat(first.notes).isEqualTo(history());
                assertThat(second.notes).isEqualTo(history());
                approved(manager); // is signed at closing, which calls no sink
            }
            assertThat(history()).hasSize(first.notes.size() + 1);
        }
        var key = new VerifierKey(
                "example.com/agents",
                Ed25519PublicKey.of(keys.publicKeys().get(0).jwk()));
        first.notes.forEach(note -> SignedNote.read(note).requireSignedBy(key));
        assertThat(first.sizes()).doesNotHaveDuplicates().isSorted().hasSize(11);
    }

    /** As when a class of a cloud's client is missing. */
    @Test
    void a_sink_that_cannot_even_be_loaded_stops_no_other_and_no_sweep() {
        MerkleLog tree = MerkleLog.create(folder.resolve("linked"), keys)
                .withAnchor("missing", note -> {
                    throw new NoClassDefFoundError("cloud/Client");
                })
                .withAnchor("second", second);
        try (LifecycleManager manager = open(tree)) {
            manager.sweeper().sweep();

            assertThat(second.notes).hasSize(1);
            assertThat(manager.health().lastCheckpointFailure())
                    .hasValueSatisfying(failure ->
                            assertThat(failure).contains("missing: java.lang.NoClassDefFoundError: cloud/Client"));
        }
    }

    @Test
    void a_sink_that_fails_stops_no_other_is_shown_and_goes_on_where_it_stopped() throws IOException {
        MerkleLog tree = tree();
        try (LifecycleManager manager = open(tree)) {
            manager.sweeper().sweep();
            long before = events(manager);
            assertThat(tree.anchored())
                    .isEqualTo(new Anchored(
                            before,
                            Map.of(
                                    "first", new Anchored.Sink(before, Optional.empty()),
                                    "second", new Anchored.Sink(before, Optional.empty()))));
            first.failing = true;
            approved(manager);
            manager.sweeper().sweep();
            approved(manager);
            manager.sweeper().sweep();

            assertThat(first.notes).hasSize(1);
            assertThat(second.notes).isEqualTo(history()).hasSize(3);
            assertThat(manager.health().lastCheckpointFailure())
                    .hasValueSatisfying(failure -> assertThat(failure)
                            .contains(
                                    "checkpoints are not anchored yet: first: java.io.IOException: the anchor is away")
                            .doesNotContain("second"));
            Anchored anchored = tree.anchored();
            assertThat(anchored.through()).isEqualTo(before);
            assertThat(anchored.unanchored()).isEqualTo(events(manager) - before);
            assertThat(manager.verify().anchored())
                    .isEqualTo(anchored.through())
                    .isEqualTo(before);
            assertThat(manager.verify().unanchored()).isEqualTo(events(manager) - before);
            assertThat(anchored.sinks().get("first"))
                    .isEqualTo(new Anchored.Sink(before, Optional.of("java.io.IOException: the anchor is away")));
            assertThat(anchored.sinks().get("second")).isEqualTo(new Anchored.Sink(events(manager), Optional.empty()));

            first.failing = false;
            manager.sweeper().sweep();
            assertThat(first.notes).isEqualTo(history());
            assertThat(second.notes).isEqualTo(history());
            assertThat(manager.health().isGood()).isTrue();
            assertThat(tree.anchored().unanchored()).isZero();
            assertThat(tree.anchored().sinks().get("first").failure()).isEmpty();
        }
    }

    @Test
    void a_sink_that_hangs_holds_up_nobody_else() throws Exception {
        MerkleLog tree = tree();
        try (LifecycleManager manager = open(tree)) {
            manager.sweeper().sweep();
            Hang hang = first.hang();
            approved(manager);
            Future<?> sweep = threads.submit(() -> manager.sweeper().sweep());
            awaits(hang.called);

            ends(threads.submit(() -> {
                AgentId agent = approved(manager);
                manager.activate(agent);
                manager.sweeper().sweep();
                manager.suspend(agent, "while it hangs", ADMIN);
                assertThat(tree.checkpoint()).isPresent();
                tree.export(folder.resolve("export"));
                tree.witnessRequest(0);
                manager.sweeper().sweep();
                assertThat(tree.anchored().through()).isEqualTo(1);
            }));
            assertThat(first.notes).hasSize(1);
            assertThat(second.notes).isEqualTo(history()).hasSizeGreaterThan(2);
            assertThat(manager.health().isGood()).isTrue();

            clock.advance(Duration.ofSeconds(59));
            manager.sweeper().sweep();
            assertThat(manager.health().isGood()).isTrue();
            clock.advance(Duration.ofSeconds(1));
            manager.sweeper().sweep();
            assertThat(manager.health().lastCheckpointFailure())
                    .hasValueSatisfying(
                            failure -> assertThat(failure)
                                    .contains(
                                            "first: java.lang.IllegalStateException: it was called at 2026-04-11T04:30:00Z and has not returned"));
            assertThat(tree.anchored().sinks().get("first").failure()).isPresent();

            first.hang = Optional.empty();
            hang.free.countDown();
            ends(sweep);
            assertThat(first.notes).isEqualTo(history());
            assertThat(manager.health().isGood()).isTrue();
        }
    }

    /** Whoever has the directory then hands it over again. */
    @Test
    void a_sink_that_returns_after_closing_writes_nothing_and_gets_it_again() throws Exception {
        LifecycleManager manager = open(tree());
        manager.sweeper().sweep();
        Hang hang = first.hang();
        approved(manager);
        Future<?> sweep = threads.submit(() -> manager.sweeper().sweep());
        awaits(hang.called);
        ends(threads.submit(manager::close));
        Path place = folder.resolve("tree/anchor/first.json");
        byte[] before = Files.readAllBytes(place);

        first.hang = Optional.empty();
        hang.free.countDown();
        ends(sweep);
        assertThat(place).hasBinaryContent(before);

        try (LifecycleManager again = open(tree())) {
            again.sweeper().sweep();
            List<String> twice = new ArrayList<>(history());
            twice.add(1, twice.get(1));
            assertThat(first.notes).isEqualTo(twice);
            assertThat(second.notes).isEqualTo(history());
        }
    }

    @Test
    void sweeps_at_once_deliver_in_order_and_once() throws Exception {
        MerkleLog tree = tree();
        try (LifecycleManager manager = open(tree)) {
            List<Future<?>> done = new ArrayList<>();
            for (int thread = 0; thread < 4; thread++) {
                done.add(threads.submit(() -> {
                    for (int i = 0; i < 20; i++) {
                        approved(manager);
                        tree.follow(clock.instant());
                    }
                }));
            }
            for (Future<?> each : done) {
                ends(each);
            }
            manager.sweeper().sweep();
            assertThat(first.notes).isEqualTo(history()).hasSizeGreaterThan(2);
            assertThat(second.notes).isEqualTo(history());
        }
    }

    @Test
    void a_sink_that_sweeps_itself_gets_each_once() throws IOException {
        MerkleLog plain = MerkleLog.create(folder.resolve("tree"), keys);
        List<MerkleLog> tree = new ArrayList<>();
        tree.add(plain.withAnchor("sweeps", checkpoint -> {
            first.anchor(checkpoint);
            tree.get(0).follow(clock.instant());
        }));
        try (LifecycleManager manager = open(tree.get(0))) {
            manager.sweeper().sweep();
            approved(manager);
            manager.sweeper().sweep();
            assertThat(manager.health().isGood()).isTrue();
        }
        assertThat(first.notes).isEqualTo(history()).hasSize(2);
    }

    @Test
    void a_sink_that_comes_later_gets_all_from_the_first_on() throws IOException {
        try (LifecycleManager manager = open(MerkleLog.create(folder.resolve("tree"), keys))) {
            for (int i = 0; i < 3; i++) {
                approved(manager);
                manager.sweeper().sweep();
            }
        }
        MerkleLog tree = tree();
        try (LifecycleManager manager = open(tree)) {
            assertThat(tree.anchored().through()).isZero();
            assertThat(manager.verify().anchored()).isZero();
            assertThat(tree.anchored().unanchored()).isEqualTo(events(manager));
            manager.sweeper().sweep();
            assertThat(first.notes).isEqualTo(history()).hasSize(3);
        }
    }

    @Test
    void without_sinks_nothing_is_anchored() {
        MerkleLog tree = MerkleLog.create(folder.resolve("tree"), keys);
        assertThatThrownBy(tree::anchored).isInstanceOf(IllegalStateException.class);
        try (LifecycleManager manager = open(tree)) {
            approved(manager);
            manager.sweeper().sweep();
            assertThat(tree.anchored()).isEqualTo(new Anchored(events(manager), Map.of()));
            assertThat(tree.anchored().through()).isZero();
            assertThat(manager.verify().anchored()).isZero();
            assertThat(tree.anchored().unanchored()).isEqualTo(events(manager));
        }
    }

    /** With both files of checkpoints put back to an earlier day, and the tree and the store with them. */
    @Test
    void checkpoints_that_a_sink_took_and_the_log_lost_are_missed() throws IOException {
        try (LifecycleManager manager = open(tree())) {
            approved(manager);
            manager.sweeper().sweep();
            approved(manager);
            manager.sweeper().sweep();
        }
        Path log = folder.resolve("tree/checkpoints.log");
        Files.writeString(log, history().get(0));
        Files.writeString(folder.resolve("tree/checkpoint"), history().get(0));

        assertThatThrownBy(() -> open(tree()))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("checkpoints were lost that anchor first took");
    }

    private MerkleLog anchoredInFile() {
        return MerkleLog.create(folder.resolve("tree"), keys)
                .withAnchor("file", AnchorSink.file(folder.resolve("anchor.log")));
    }

    /** Of what stands on this disk nothing is wrong, so nobody can tell who has not kept something elsewhere. */
    @Test
    void a_store_and_a_tree_that_were_both_put_back_are_noticed_by_an_anchor_elsewhere() throws IOException {
        try (LifecycleManager manager = open(anchoredInFile())) {
            approved(manager);
            manager.sweeper().sweep();
        }
        copy("store", "old-store");
        copy("tree", "old-tree");
        try (LifecycleManager manager = open(anchoredInFile())) {
            approved(manager);
            approved(manager);
            manager.sweeper().sweep();
        }
        Files.move(folder.resolve("store"), folder.resolve("gone-store"));
        Files.move(folder.resolve("tree"), folder.resolve("gone-tree"));
        copy("old-store", "store");
        copy("old-tree", "tree");

        String kept = Files.readString(folder.resolve("anchor.log"));
        try (LifecycleManager manager = open(anchoredInFile())) {
            approved(manager);
            manager.sweeper().sweep();
            assertThat(manager.health().lastCheckpointFailure())
                    .hasValueSatisfying(
                            failure -> assertThat(failure).contains("the log was rolled back or written anew"));
        }
        assertThat(folder.resolve("anchor.log")).hasContent(kept);
    }

    private void copy(String from, String to) throws IOException {
        try (Stream<Path> files = Files.walk(folder.resolve(from))) {
            for (Path file : files.toList()) {
                Path same = folder.resolve(to).resolve(folder.resolve(from).relativize(file));
                Files.copy(file, same, StandardCopyOption.COPY_ATTRIBUTES);
            }
        }
    }

    @Test
    void the_last_five_lines_of_the_file_are_a_checkpoint_to_verify_an_export_by() throws IOException {
        Path seen = folder.resolve("seen");
        Path key = folder.resolve("key");
        try (LifecycleManager manager = open(anchoredInFile())) {
            for (int i = 0; i < 3; i++) {
                approved(manager);
                manager.sweeper().sweep();
            }
            List<String> lines = Files.readAllLines(folder.resolve("anchor.log"));
            Files.write(seen, lines.subList(lines.size() - 5, lines.size()));
            approved(manager);
        }
        MerkleLog tree = anchoredInFile();
        try (LifecycleManager manager = open(tree)) {
            tree.export(folder.resolve("export"));
            Files.copy(folder.resolve("export/genesis.vkey"), key);
            var out = new ByteArrayOutputStream();
            String[] asked = {
                "verify", folder.resolve("export").toString(), "--vkey", key.toString(), "--seen", seen.toString()
            };
            assertThat(Verify.run(asked, new PrintStream(out, true, UTF_8))).isZero();
            assertThat(out.toString(UTF_8))
                    .contains(
                            "it begins with the %d events of the remembered checkpoint".formatted(events(manager) - 3));
        }
    }

    @Test
    void the_place_of_a_sink_is_read_strictly() throws IOException {
        try (LifecycleManager manager = open(tree())) {
            manager.sweeper().sweep();
        }
        Path place = folder.resolve("tree/anchor/first.json");
        String good = Files.readString(place);
        assertThat(good)
                .isEqualTo("{\"end\":%d,\"size\":1,\"v\":1}"
                        .formatted(history().get(0).getBytes(UTF_8).length));
        for (String bad : List.of(
                "",
                "{}",
                good + "\n",
                good.replace("\"v\":1", "\"v\":2"),
                good.replaceFirst("\"end\":", "\"end\":-"))) {
            Files.writeString(place, bad);
            assertThatThrownBy(() -> open(tree())).as(bad).isInstanceOf(AuditTamperedException.class);
        }
        Files.writeString(place, good);
        open(tree()).close();
    }

    /** The machine stops at each write, before and behind each call of the sink, once; then the sink has all, in order, and at most one of them twice. */
    @Test
    void a_crash_at_any_write_loses_no_checkpoint_for_a_sink() throws Exception {
        var key = new VerifierKey(
                "example.com/agents",
                Ed25519PublicKey.of(keys.publicKeys().get(0).jwk()));
        int crashes = 0;
        for (boolean crashed = true; crashed; crashes++) {
            var files = new MemoryFiles();
            var sink = new Kept();
            files.crashAt(crashes);
            crashed = false;
            try {
                write(files, sink, key, 1, 5);
            } catch (MemoryFiles.Crash e) {
                crashed = true;
            }
            files.crashAt(Integer.MAX_VALUE);
            write(files, sink, key, 5, 6);

            CheckpointFile all = CheckpointFile.open(files, "checkpoints.log");
            List<Long> wanted = new ArrayList<>();
            long end = 0;
            for (var next = all.after(0); next.isPresent(); next = all.after(end)) {
                wanted.add(next.get().checkpoint().size());
                end = next.get().end();
            }
            assertThat(sink.sizes().stream().distinct().toList()).isEqualTo(wanted);
            assertThat(sink.sizes()).isSorted().hasSizeBetween(wanted.size(), wanted.size() + 1);
        }
        assertThat(crashes).isGreaterThan(20);
    }

    private void write(MemoryFiles files, AnchorSink sink, VerifierKey key, int from, int to) throws Exception {
        CheckpointFile checkpoints = CheckpointFile.open(files, "checkpoints.log");
        var anchor = new Anchor("sink", checkpoint -> {
            files.operation();
            sink.anchor(checkpoint);
            files.operation();
        });
        anchor.open(files, checkpoints);
        for (int size = from; size <= to; size++) {
            checkpoints.append(CheckpointFileTest.note(key, keys, size));
            anchor.deliver(
                    checkpoints,
                    (file, bytes) -> {
                        files.write(file, bytes);
                        return true;
                    },
                    Instant.EPOCH);
        }
    }

    @Test
    void what_one_sweep_hands_over_is_bounded() throws Exception {
        var files = new MemoryFiles();
        var key = new VerifierKey(
                "a", Ed25519PublicKey.of(keys.publicKeys().get(0).jwk()));
        CheckpointFile checkpoints = CheckpointFile.open(files, "checkpoints.log");
        String root = Hash.EMPTY_TREE.toString();
        for (int size = 0; size < 1_001; size++) {
            checkpoints.append(SignedNote.of(new Checkpoint("a", size, root).text(), key, new byte[64]));
        }
        var anchor = new Anchor("sink", first);
        anchor.deliver(checkpoints, (file, bytes) -> true, Instant.EPOCH);
        assertThat(first.notes).hasSize(1_000);
        anchor.deliver(checkpoints, (file, bytes) -> true, Instant.EPOCH);
        assertThat(first.notes).hasSize(1_001);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "-a", "A", "a/b", "..", "a b", "a_b", "\u00e9"})
    void a_name_that_is_no_name_of_a_file_everywhere_is_refused(String name) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MerkleLog.create(folder, keys).withAnchor(name, first))
                .withMessageContaining("1 to 64 of a-z 0-9 -");
    }

    @Test
    void a_name_is_given_once() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> tree().withAnchor("first", second))
                .withMessage("there is an anchor first already");
        MerkleLog.create(folder, keys).withAnchor("a".repeat(64), first);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MerkleLog.create(folder, keys).withAnchor("a".repeat(65), first));
    }
}
