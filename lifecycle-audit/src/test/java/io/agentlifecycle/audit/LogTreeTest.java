package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.spi.CheckpointLog;
import io.agentlifecycle.core.spi.SigningKeyStore;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import io.agentlifecycle.credentials.keys.InMemoryKeys;
import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogTreeTest {
    private static final String ORIGIN = "agentlifecycle.local/test";
    private static final NoteSigner SIGNER = signer(ORIGIN);

    /** How many events each commit of the script has: tiles begin, fill up at its end, and fill up within one. */
    private static final int[] COMMITS = {1, 1, 3, 250, 1, 1, 255, 0, 256, 300, 2};

    @Test
    void it_follows_the_log_however_it_is_called() throws IOException {
        var files = new MemoryFiles();
        var log = new Log();
        LogTree tree = LogTree.open(files, ORIGIN, List.of(SIGNER.key()), log);
        for (int events : COMMITS) {
            log.commit(events);
            assertThat(tree.follow(log, event -> {})).isEqualTo(events);
            assertThat(tree.follow(log, event -> {})).isZero();
        }
        log.commit(7);
        log.commit(700);
        tree.follow(log, event -> {});

        assertThat(tree.size()).isEqualTo(log.leaves().size());
        assertThat(tree.tree(tree.size()).root()).isEqualTo(root(log.leaves()));
        LogTree again = LogTree.open(files, ORIGIN, List.of(SIGNER.key()), log);
        assertThat(again.tree(again.size()).root()).isEqualTo(root(log.leaves()));
        assertThat(again.follow(log, event -> {})).isZero();
    }

    @Test
    void checkpoints_are_notes_that_extend_each_other() throws IOException {
        var log = new Log();
        LogTree tree = LogTree.open(new MemoryFiles(), ORIGIN, List.of(SIGNER.key()), log);
        Checkpoint before = checkpoint(tree.sign(SIGNER));
        assertThat(before).isEqualTo(new Checkpoint(ORIGIN, 0, Hash.EMPTY_TREE.toString()));
        for (int events : COMMITS) {
            log.commit(events);
            tree.follow(log, event -> {});
            Checkpoint after = checkpoint(tree.sign(SIGNER));
            assertThat(after.size()).isEqualTo(log.leaves().size());
            assertThat(after.rootHash()).isEqualTo(root(log.leaves()));
            if (before.size() > 0) {
                MerkleProof.requireConsistent(
                        before.size(),
                        after.size(),
                        tree.tree(after.size()).consistency(before.size()),
                        before.rootHash(),
                        after.rootHash());
            }
            before = after;
        }
    }

    /** Each operation is the last one before a crash, once; a folder that was being deleted is left half. */
    @Test
    void a_crash_at_any_operation_loses_nothing_and_signs_one_history() throws IOException {
        int operations = Integer.MAX_VALUE;
        for (int crash = 0; crash < operations; crash++) {
            var files = new MemoryFiles();
            var log = new Log();
            files.crashAt(crash);
            List<Checkpoint> seen = new ArrayList<>();
            try {
                run(files, log, seen);
                operations = crash;
            } catch (MemoryFiles.Crash e) {
                files.crashAt(Integer.MAX_VALUE);
                while (log.commits.size() < COMMITS.length) {
                    log.commit(COMMITS[log.commits.size()]);
                }
                LogTree tree = LogTree.open(files, ORIGIN, List.of(SIGNER.key()), log);
                tree.follow(log, event -> {});
                seen.add(checkpoint(tree.sign(SIGNER)));
                assertThat(tree.tree(tree.size()).root()).isEqualTo(root(log.leaves()));
                for (Checkpoint each : seen) {
                    assertThat(each.rootHash()).isEqualTo(root(log.leaves().subList(0, (int) each.size())));
                }
                List<Checkpoint> history = history(files);
                assertThat(history)
                        .as("crash at %d", crash)
                        .containsAll(seen)
                        .doesNotHaveDuplicates()
                        .isSortedAccordingTo(Comparator.comparing(Checkpoint::size));
                for (Checkpoint each : history) {
                    assertThat(each.rootHash()).isEqualTo(root(log.leaves().subList(0, (int) each.size())));
                }
            }
        }
        assertThat(operations).isGreaterThan(30);
    }

    private static void run(MemoryFiles files, Log log, List<Checkpoint> seen) throws IOException {
        LogTree tree = LogTree.open(files, ORIGIN, List.of(SIGNER.key()), log);
        for (int events : COMMITS) {
            log.commit(events);
            tree.follow(log, event -> {});
            seen.add(checkpoint(tree.sign(SIGNER)));
        }
    }

    /** All checkpoints that the tree keeps; each is signed. */
    private static List<Checkpoint> history(MemoryFiles files) throws IOException {
        CheckpointFile history = CheckpointFile.open(files, "checkpoints.log");
        List<Checkpoint> all = new ArrayList<>();
        long end = 0;
        for (var next = history.after(0); next.isPresent(); next = history.after(end)) {
            all.add(checkpoint(next.get().note()));
            end = next.get().end();
        }
        assertThat(files.files.get("checkpoints.log")).hasSize((int) end);
        assertThat(files.files.get("checkpoint"))
                .isEqualTo(history.last().orElseThrow().toString().getBytes(UTF_8));
        return all;
    }

    @Test
    void every_checkpoint_stays_in_the_history() throws IOException {
        var files = new MemoryFiles();
        List<Checkpoint> seen = new ArrayList<>();
        run(files, new Log(), seen);

        assertThat(history(files)).isEqualTo(seen.stream().distinct().toList());
    }

    /** The tree is as it was, and so are the last events, which alone are compared when it opens. */
    @Test
    void old_events_that_were_written_anew_show_to_who_remembers_a_checkpoint() throws IOException {
        Twice twice = Twice.write();
        Checkpoint remembered =
                checkpoint(SignedNote.read(new String(twice.five().get("checkpoint"), UTF_8)));
        LogTree.open(twice.ten(), ORIGIN, List.of(SIGNER.key()), twice.log())
                .requireBeginsWith(remembered, twice.log());
        LogTree further = LogTree.open(twice.ten(), ORIGIN, List.of(SIGNER.key()), twice.log());
        for (int times = 0; times < 3; times++) {
            twice.log().commit(5);
            further.follow(twice.log(), event -> {});
            further.sign(SIGNER);
        }
        var other = new Log(2);
        other.commit(5);
        twice.log().commits.set(0, other.commits.get(0));

        LogTree tree = LogTree.open(twice.ten(), ORIGIN, List.of(SIGNER.key()), twice.log());

        assertThatThrownBy(() -> tree.requireBeginsWith(remembered, twice.log()))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("FORK: the first 5 events have the root");
    }

    /** Written up to a checkpoint of 5 events, and then to one of 10. */
    private record Twice(Log log, Map<String, byte[]> five, MemoryFiles ten) {
        static Twice write() throws IOException {
            var files = new MemoryFiles();
            var log = new Log();
            LogTree tree = LogTree.open(files, ORIGIN, List.of(SIGNER.key()), log);
            log.commit(5);
            tree.follow(log, event -> {});
            tree.sign(SIGNER);
            var five = new TreeMap<>(files.files);
            log.commit(5);
            tree.follow(log, event -> {});
            tree.sign(SIGNER);
            return new Twice(log, five, files);
        }

        void putBack(String path) {
            ten.files.put(path, five.get(path));
        }

        List<Long> sizes() throws IOException {
            LogTree tree = LogTree.open(ten, ORIGIN, List.of(SIGNER.key()), log);
            assertThat(tree.signed().orElseThrow().size()).isEqualTo(10);
            return history(ten).stream().map(Checkpoint::size).toList();
        }
    }

    /** As if it had crashed between the two files, whichever came first; or somebody put one of them back. */
    @Test
    void the_later_of_checkpoint_and_history_counts_and_the_other_is_brought_up_to_it() throws IOException {
        for (String path : List.of("checkpoint", "checkpoints.log")) {
            Twice twice = Twice.write();
            twice.putBack(path);
            assertThat(twice.sizes()).as("%s was put back", path).containsExactly(5L, 10L);
        }
    }

    @Test
    void the_two_may_have_been_signed_by_two_keys_of_the_log() throws IOException {
        Twice twice = Twice.write();
        NoteSigner newer = signer(ORIGIN);
        LogTree tree = LogTree.open(twice.ten(), ORIGIN, List.of(SIGNER.key()), twice.log());
        twice.log().commit(5);
        tree.follow(twice.log(), event -> {});
        byte[] before = twice.ten().files.get("checkpoint");
        SignedNote last = tree.sign(newer);
        twice.ten().files.put("checkpoint", before);

        LogTree again = LogTree.open(twice.ten(), ORIGIN, List.of(SIGNER.key(), newer.key()), twice.log());
        assertThat(again.note()).hasToString("Optional[" + last + "]");
        assertThatThrownBy(() -> LogTree.open(twice.ten(), ORIGIN, List.of(SIGNER.key()), twice.log()))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("it has no signature of");
    }

    @Test
    void a_tree_of_before_there_was_a_history_begins_one() throws IOException {
        Twice twice = Twice.write();
        twice.ten().files.remove("checkpoints.log");
        assertThat(twice.sizes()).containsExactly(10L);
    }

    @Test
    void a_tree_and_a_log_that_were_both_put_back_are_noticed_by_the_history() throws IOException {
        Twice twice = Twice.write();
        for (String path : List.copyOf(twice.ten().files.keySet())) {
            if (!path.equals("checkpoints.log")) {
                twice.ten().files.remove(path);
            }
        }
        twice.five().keySet().stream()
                .filter(path -> !path.equals("checkpoints.log"))
                .forEach(twice::putBack);
        twice.log().commits.remove(1);

        assertThatThrownBy(() -> LogTree.open(twice.ten(), ORIGIN, List.of(SIGNER.key()), twice.log()))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("its checkpoint is of 10 events, but it has only 5");
    }

    /** Two of one key, of as many events: one of them is not of this log. */
    @Test
    void a_fork_between_checkpoint_and_history_is_refused() throws IOException {
        for (String path : List.of("checkpoint", "checkpoints.log")) {
            Twice twice = Twice.write();
            String fork = SIGNER.sign(new Checkpoint(ORIGIN, 7, Hash.EMPTY_TREE.toString()).text())
                    .toString();
            twice.ten().files.put(path, fork.getBytes(UTF_8));
            assertThatThrownBy(() -> LogTree.open(twice.ten(), ORIGIN, List.of(SIGNER.key()), twice.log()))
                    .as(path)
                    .isInstanceOf(AuditTamperedException.class)
                    .hasMessageContaining("the proof does not lead to the root of the tree of 7");
        }
    }

    /** A bit makes it torn, which is mended, or wrong, which is refused; it is never taken for something else. */
    @Test
    void a_bit_of_the_last_checkpoint_in_the_history_is_not_changed_unnoticed() throws IOException {
        Twice twice = Twice.write();
        byte[] whole = twice.ten().files.get("checkpoints.log").clone();
        int last = twice.five().get("checkpoints.log").length;
        int mended = 0;
        for (int bit = last * 8; bit < whole.length * 8; bit++) {
            byte[] changed = whole.clone();
            changed[bit / 8] ^= (byte) (1 << bit % 8);
            twice.ten().files.put("checkpoints.log", changed.clone());
            try {
                assertThat(twice.sizes()).containsExactly(5L, 10L);
                assertThat(twice.ten().files.get("checkpoints.log")).isEqualTo(whole);
                mended++;
            } catch (AuditTamperedException e) {
                assertThat(twice.ten().files.get("checkpoints.log")).isEqualTo(changed);
            }
        }
        assertThat(mended).isBetween(1, (whole.length - last) * 8 / 2);
    }

    /** It would go to anchors otherwise. */
    @Test
    void a_checkpoint_in_the_history_that_nobody_signed_is_refused() throws IOException {
        Twice twice = Twice.write();
        String unsigned = SignedNote.of(
                        checkpoint(LogTree.open(twice.ten(), ORIGIN, List.of(SIGNER.key()), twice.log())
                                        .note()
                                        .orElseThrow())
                                .text(),
                        SIGNER.key(),
                        new byte[64])
                .toString();
        twice.ten().files.put("checkpoints.log", unsigned.getBytes(UTF_8));

        assertThatThrownBy(() -> LogTree.open(twice.ten(), ORIGIN, List.of(SIGNER.key()), twice.log()))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("its signature is not of");
    }

    @Test
    void a_log_whose_tail_was_cut_does_not_open() throws IOException {
        refused(log -> log.commits.remove(log.commits.size() - 1), files -> {}, "the log ends before event 1070");
    }

    @Test
    void a_log_that_was_cut_and_written_anew_does_not_open() throws IOException {
        refused(
                log -> {
                    log.commits.remove(log.commits.size() - 1);
                    log.commit(2);
                },
                files -> {},
                "is not the one that the tree has");
    }

    @Test
    void a_tree_that_was_rolled_back_below_its_checkpoint_does_not_open() throws IOException {
        var files = new MemoryFiles();
        var log = new Log();
        LogTree tree = LogTree.open(files, ORIGIN, List.of(SIGNER.key()), log);
        log.commit(5);
        tree.follow(log, event -> {});
        byte[] old = files.files.get("position.json");
        log.commit(5);
        tree.follow(log, event -> {});
        tree.sign(SIGNER);
        files.files.put("position.json", old);

        assertThatThrownBy(() -> LogTree.open(files, ORIGIN, List.of(SIGNER.key()), log))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("its checkpoint is of 10 events, but it has only 5");
    }

    @Test
    void another_log_with_as_many_events_does_not_extend_the_checkpoint() throws IOException {
        var files = new MemoryFiles();
        var log = new Log();
        LogTree tree = LogTree.open(files, ORIGIN, List.of(SIGNER.key()), log);
        log.commit(5);
        tree.follow(log, event -> {});
        tree.sign(SIGNER);
        byte[] checkpoint = files.files.get("checkpoint");

        var others = new MemoryFiles();
        var other = new Log(2);
        other.commit(3);
        LogTree forged = LogTree.open(others, ORIGIN, List.of(SIGNER.key()), other);
        other.commit(3);
        forged.follow(other, event -> {});
        others.files.put("checkpoint", checkpoint);

        assertThatThrownBy(() -> LogTree.open(others, ORIGIN, List.of(SIGNER.key()), other))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("does not lead to the root of the tree of 5");
    }

    @Test
    void what_was_changed_while_it_was_open_is_never_signed() throws IOException {
        var files = new MemoryFiles();
        var log = new Log();
        LogTree tree = LogTree.open(files, ORIGIN, List.of(SIGNER.key()), log);
        log.commit(5);
        tree.follow(log, event -> {});
        tree.sign(SIGNER);
        byte[] signed = files.files.get("checkpoint");
        files.files.get("tile/0/000.p/5")[0] ^= 1;
        log.commit(5);

        assertThatThrownBy(() -> tree.follow(log, event -> {}))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("nothing is signed");
        assertThat(files.files.get("checkpoint")).isEqualTo(signed);
    }

    /** Somebody who can write the tiles, and not the log, has nothing of theirs signed: not beside what is signed already... */
    @Test
    void a_leaf_that_was_changed_before_it_was_signed_is_never_signed() throws IOException {
        var files = new MemoryFiles();
        var log = new Log();
        LogTree tree = LogTree.open(files, ORIGIN, List.of(SIGNER.key()), log);
        log.commit(5);
        tree.follow(log, event -> {});
        tree.sign(SIGNER);
        log.commit(3);
        tree.follow(log, event -> {});
        files.files.get("tile/0/000.p/8")[6 * 32] ^= 1;
        log.commit(1);

        assertThatThrownBy(() -> tree.follow(log, event -> {}))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("nothing is signed");
        assertThatThrownBy(() -> tree.sign(SIGNER)).isInstanceOf(AuditTamperedException.class);
        assertThatThrownBy(() -> LogTree.open(files, ORIGIN, List.of(SIGNER.key()), log))
                .isInstanceOf(AuditTamperedException.class);
    }

    /** ...nor with a position to match it, whatever page it was in. */
    @Test
    void a_leaf_that_was_changed_together_with_the_position_is_never_signed() throws IOException {
        for (int changed : new int[] {6, 9, 11}) {
            var files = new MemoryFiles();
            var log = new Log();
            LogTree tree = LogTree.open(files, ORIGIN, List.of(SIGNER.key()), log);
            log.commit(5);
            tree.follow(log, event -> {});
            tree.sign(SIGNER);
            for (int i = 0; i < 3; i++) {
                log.commit(3);
                tree.follow(log, event -> {});
            }
            byte[] tile = files.files.get("tile/0/000.p/14");
            tile[changed * 32] ^= 1;
            Hash root = new MerkleTree(t -> tile, 14).root();
            String position = new String(files.files.get("position.json"), UTF_8);
            String forged = position.replaceFirst(
                    "\"root\":\"[^\"]*\"", "\"root\":\"" + Digests.base64Url(root.bytes()) + "\"");
            assertThat(forged).isNotEqualTo(position);
            for (String each : List.of(
                    forged,
                    forged.replace("\"from\":0,\"fromSize\":0", "\"from\":4,\"fromSize\":14"),
                    forged.replace("\"from\":0,\"fromSize\":0", "\"from\":3,\"fromSize\":11"))) {
                files.files.put("position.json", each.getBytes(UTF_8));
                assertThatThrownBy(() -> LogTree.open(files, ORIGIN, List.of(SIGNER.key()), log))
                        .isInstanceOf(AuditTamperedException.class);
            }
        }
    }

    @Test
    void a_log_that_grows_all_the_time_is_followed_for_one_page() throws IOException {
        var log = new Log();
        LogTree tree = LogTree.open(new MemoryFiles(), ORIGIN, List.of(SIGNER.key()), log);
        CheckpointLog.Events growing = (cursor, limit) -> {
            log.commit(1);
            return log.after(cursor, limit);
        };

        assertThat(tree.follow(growing, event -> {})).isEqualTo(1);
        assertThat(tree.follow(growing, event -> {})).isEqualTo(1);
    }

    /** A store may move its cursor over commits that say nothing. */
    @Test
    void commits_without_events_between_the_tree_and_its_place_are_no_matter() throws IOException {
        var files = new MemoryFiles();
        var log = new Log();
        LogTree tree = LogTree.open(files, ORIGIN, List.of(SIGNER.key()), log);
        log.commit(5);
        tree.follow(log, event -> {});
        log.commit(0);
        log.commit(0);

        LogTree again = LogTree.open(files, ORIGIN, List.of(SIGNER.key()), log);
        log.commit(1);
        assertThat(again.follow(log, event -> {})).isEqualTo(1);
    }

    @Test
    void a_checkpoint_of_another_key_or_another_log_is_refused() throws IOException {
        var stranger = new NoteSigner(
                SIGNER.keys(), new VerifierKey(ORIGIN + "2", SIGNER.key().key()));
        refused(log -> {}, files -> files.files.put("checkpoint", note(signer(ORIGIN), ORIGIN)), "no signature of");
        refused(log -> {}, files -> files.files.put("checkpoint", note(stranger, ORIGIN)), "no signature of");
        refused(log -> {}, files -> files.files.put("checkpoint", note(SIGNER, "other")), "of another log");
        refused(
                log -> {},
                files -> files.files.put(
                        "position.json",
                        new String(files.files.get("position.json"), UTF_8)
                                .replace(ORIGIN, "other")
                                .getBytes(UTF_8)),
                "of another log");
    }

    private static byte[] note(NoteSigner signer, String origin) {
        return signer.sign(new Checkpoint(origin, 0, Hash.EMPTY_TREE.toString()).text())
                .toString()
                .getBytes(UTF_8);
    }

    /** What stands on the right edge is compared with the root, so no bit of it can be another. */
    @Test
    void a_bit_of_position_checkpoint_or_last_tile_is_not_changed_unnoticed() throws IOException {
        var log = new Log();
        MemoryFiles files = written(log);
        for (String path : List.of("position.json", "checkpoint", "tile/0/004.p/46", "tile/1/000.p/4")) {
            byte[] bytes = files.files.get(path);
            for (int bit = 0; bit < bytes.length * 8; bit++) {
                bytes[bit / 8] ^= (byte) (1 << bit % 8);
                assertThatThrownBy(() -> LogTree.open(files, ORIGIN, List.of(SIGNER.key()), log))
                        .as("bit %d of %s", bit, path)
                        .isInstanceOf(AuditTamperedException.class);
                bytes[bit / 8] ^= (byte) (1 << bit % 8);
            }
        }
        LogTree.open(files, ORIGIN, List.of(SIGNER.key()), log);
    }

    @Test
    void a_file_that_is_gone_is_named() throws IOException {
        refused(log -> {}, files -> files.files.remove("tile/1/000.p/4"), "its tile tile/1/000.p/4 is gone");
    }

    @Test
    void on_a_disk_it_is_the_same(@TempDir Path directory) throws IOException {
        Path root = directory.resolve("a/b");
        var log = new Log();
        var memory = new MemoryFiles();
        LogTree same = LogTree.open(memory, ORIGIN, List.of(SIGNER.key()), log);
        try (LogDirectory disk = LogDirectory.open(root)) {
            LogTree tree = LogTree.open(disk, ORIGIN, List.of(SIGNER.key()), log);
            for (int events : COMMITS) {
                log.commit(events);
                tree.follow(log, event -> {});
                same.follow(log, event -> {});
                assertThat(tree.sign(SIGNER)).hasToString(same.sign(SIGNER).toString());
            }
        }
        try (LogDirectory disk = LogDirectory.open(root)) {
            assertThat(LogTree.open(disk, ORIGIN, List.of(SIGNER.key()), log).signed())
                    .isEqualTo(same.signed())
                    .isPresent();
        }
        for (Map.Entry<String, byte[]> file : memory.files.entrySet()) {
            assertThat(root.resolve(file.getKey())).hasBinaryContent(file.getValue());
        }
    }

    @Test
    void one_user_at_a_time_has_a_directory(@TempDir Path directory) throws IOException {
        try (LogDirectory first = LogDirectory.open(directory)) {
            first.write("checkpoint", new byte[1]);
            assertThatThrownBy(() -> LogDirectory.open(directory))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("is in use in this process");
            assertThat(first.read("checkpoint", 1)).isPresent();
        }
        LogDirectory.open(directory).close();
    }

    private static void refused(Consumer<Log> log, Consumer<MemoryFiles> files, String why) throws IOException {
        var sound = new Log();
        MemoryFiles written = written(sound);
        log.accept(sound);
        files.accept(written);
        assertThatThrownBy(() -> LogTree.open(written, ORIGIN, List.of(SIGNER.key()), sound))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining(why);
    }

    /** A tree over all commits of the script, in one file for each tile. */
    private static MemoryFiles written(Log log) throws IOException {
        var files = new MemoryFiles();
        LogTree tree = LogTree.open(files, ORIGIN, List.of(SIGNER.key()), log);
        for (int events : COMMITS) {
            log.commit(events);
        }
        tree.follow(log, event -> {});
        tree.sign(SIGNER);
        return files;
    }

    private static Checkpoint checkpoint(SignedNote note) {
        SignedNote read = SignedNote.read(note.toString());
        read.requireSignedBy(SIGNER.key());
        return Checkpoint.read(read.text());
    }

    private static NoteSigner signer(String name) {
        SigningKeyStore keys = InMemoryKeys.create(Purpose.AUDIT, InstantSource.system());
        return new NoteSigner(
                keys,
                new VerifierKey(
                        name, Ed25519PublicKey.of(keys.publicKeys().get(0).jwk())));
    }

    /** RFC 6962, section 2.1. */
    private static Hash root(List<Hash> leaves) {
        if (leaves.isEmpty()) {
            return Hash.EMPTY_TREE;
        }
        if (leaves.size() == 1) {
            return leaves.get(0);
        }
        int left = Integer.highestOneBit(leaves.size() - 1);
        return Hash.node(root(leaves.subList(0, left)), root(leaves.subList(left, leaves.size())));
    }

    /** A log in memory. */
    private static final class Log implements CheckpointLog.Events {
        private final List<List<StoredEvent>> commits = new ArrayList<>();
        private final Random random;

        Log() {
            this(1);
        }

        Log(long seed) {
            random = new Random(seed);
        }

        void commit(int events) {
            List<StoredEvent> commit = new ArrayList<>();
            for (int i = 0; i < events; i++) {
                commit.add(
                        new StoredEvent("a/default/a", i, "{\"r\":" + random.nextInt(1 << 30) + "}", Optional.empty()));
            }
            commits.add(commit);
        }

        @Override
        public EventPage after(long cursor, int limit) {
            List<StoredEvent> page = new ArrayList<>();
            long end = cursor;
            for (long at = cursor; at < commits.size() && page.size() < limit; at++) {
                page.addAll(commits.get((int) at));
                end = page.isEmpty() ? end : at + 1;
            }
            return new EventPage(page, end);
        }

        List<Hash> leaves() {
            return commits.stream()
                    .flatMap(List::stream)
                    .map(event -> Hash.ofLeaf(Digests.leafHash(event.canonical())))
                    .toList();
        }
    }
}
