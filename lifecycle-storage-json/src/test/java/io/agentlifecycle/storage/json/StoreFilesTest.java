package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.error.CorruptStoreException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.error.StoreLockedException;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.OpenReport;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A store that is not open: what is wrong with it, and what can be kept. */
class StoreFilesTest {
    private static final List<Commit> COMMITS = Journals.commits(12);

    /** Two snapshots, three audit segments, and a journal that goes on after the newest snapshot. */
    private static Map<Path, byte[]> files() {
        var disk = new MemoryIo();
        try (JsonStore store = Sample.open(disk)) {
            for (int i = 0; i < COMMITS.size(); i++) {
                Sample.applied(store, COMMITS.get(i));
                if (i % 3 == 2 && i < 9) {
                    store.heartbeats(List.of(Sample.beat("agent:0", i)));
                    store.checkpoint();
                }
            }
        }
        return disk.files();
    }

    private static Path newest(Map<Path, byte[]> files, String prefix) {
        return files.keySet().stream()
                .filter(path -> path.getFileName().toString().startsWith(prefix))
                .max(Path::compareTo)
                .orElseThrow();
    }

    private static byte[] flipped(byte[] whole, int offset) {
        byte[] damaged = whole.clone();
        damaged[offset] ^= 0x10;
        return damaged;
    }

    // ---- check

    @Test
    void a_sound_store_is_sound_and_stays_as_it_is() {
        Map<Path, byte[]> files = files();
        var disk = MemoryIo.of(files);

        StoreCheck check = StoreFiles.check(Sample.DIRECTORY, disk);

        assertThat(check.findings()).isEmpty();
        assertThat(check.isSound()).isTrue();
        assertThat(check.records()).isEqualTo(3);
        assertThat(check.events()).isEqualTo(12);
        assertThat(check.lastLine()).isEqualTo(21);
        assertThat(Journals.same(disk.files(), files)).isTrue();
    }

    @Test
    @Tag("once")
    void nothing_that_is_damaged_in_any_file_goes_unnoticed() {
        Map<Path, byte[]> files = files();
        assertThat(files.keySet().stream()
                        .map(path -> path.getFileName().toString().replaceAll("[-.].*", "")))
                .contains("MANIFEST", "journal", "snapshot", "audit");
        Path last = Journals.last(files);
        files.forEach((file, whole) -> {
            for (int offset = 0; offset < whole.length; offset++) {
                StoreCheck check = StoreFiles.check(
                        Sample.DIRECTORY, MemoryIo.of(Journals.with(files, file, flipped(whole, offset))));
                assertThat(check.findings()).as("%s, byte %d", file, offset).isNotEmpty();
                assertThat(check.isSound())
                        .as("%s, byte %d: %s", file, offset, check.findings())
                        .isEqualTo(file.equals(last) && offset >= closeLine(whole));
            }
        });
    }

    private static int closeLine(byte[] journal) {
        List<Integer> bounds = Journals.bounds(journal);
        return bounds.get(bounds.size() - 2);
    }

    @Test
    void a_file_that_is_missing_is_named() {
        Map<Path, byte[]> files = files();
        for (Path file : files.keySet()) {
            if (!file.getFileName().toString().equals(Manifest.NAME)) {
                StoreCheck check = StoreFiles.check(Sample.DIRECTORY, MemoryIo.of(Journals.without(files, file)));
                assertThat(check.isSound()).as("without %s", file).isFalse();
            }
        }
        assertThatThrownBy(() -> StoreFiles.check(
                        Sample.DIRECTORY, MemoryIo.of(Journals.without(files, Journals.file(Manifest.NAME)))))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("is no store");
    }

    @Test
    void a_torn_tail_is_harmless() {
        Map<Path, byte[]> files = files();
        Path last = Journals.last(files);
        byte[] whole = files.get(last);

        StoreCheck check = StoreFiles.check(
                Sample.DIRECTORY, MemoryIo.of(Journals.with(files, last, Arrays.copyOf(whole, whole.length - 7))));

        assertThat(check.isSound()).isTrue();
        assertThat(check.findings())
                .singleElement()
                .satisfies(found ->
                        assertThat(found.what()).contains(last.toString()).contains("nobody was told of"));
    }

    @Test
    void a_store_that_is_open_is_not_looked_at() {
        var disk = new MemoryIo();
        try (JsonStore store = Sample.open(disk)) {
            assertThat(store.get(Sample.key("a"))).isEmpty();
            assertThatThrownBy(() -> StoreFiles.check(Sample.DIRECTORY, disk)).isInstanceOf(StoreLockedException.class);
            assertThatThrownBy(() -> StoreFiles.repair(Sample.DIRECTORY, 1, "a test", "ann", disk))
                    .isInstanceOf(StoreLockedException.class);
        }
    }

    // ---- repair

    /** The store's files with damage in the first of the last three commits, and the line before it. */
    private static MemoryIo damaged(Map<Path, byte[]> files) {
        Path last = Journals.last(files);
        int second = Journals.bounds(files.get(last)).get(1);
        return MemoryIo.of(Journals.with(files, last, flipped(files.get(last), second + 40)));
    }

    private static long lineBeforeDamage(MemoryIo disk) {
        try {
            Sample.open(disk);
            throw new AssertionError("it is damaged");
        } catch (CorruptStoreException e) {
            return Long.parseLong(String.valueOf(e.getMessage()).replaceAll("(?s).*: line (\\d+) is bad.*", "$1")) - 1;
        }
    }

    @Test
    void what_stands_before_the_damage_can_be_read_and_kept() {
        var disk = damaged(files());
        long keep = lineBeforeDamage(disk);
        Map<Path, byte[]> before = disk.files();
        Sample.Content kept = Sample.content(COMMITS.subList(0, 9));

        assertThatThrownBy(() -> JsonStore.openReadOnly(Sample.DIRECTORY, disk, Long.MAX_VALUE))
                .isInstanceOf(CorruptStoreException.class);
        try (ReadOnlyStore store = JsonStore.openReadOnly(Sample.DIRECTORY, disk, keep)) {
            assertThat(Sample.content(store)).isEqualTo(kept);
            assertThat(store.asOfSeq()).isEqualTo(keep);
        }
        assertThat(Journals.same(disk.files(), before)).isTrue();

        long taken = StoreFiles.repair(Sample.DIRECTORY, keep, "a bad disk", "ann", disk);

        Path last = Journals.last(before);
        byte[] whole = before.get(last);
        assertThat(taken).isEqualTo(whole.length - Journals.bounds(whole).get(1));
        assertThat(disk.files().entrySet().stream()
                        .filter(file -> file.getKey().getParent().endsWith("quarantine"))
                        .map(Map.Entry::getValue))
                .contains(Arrays.copyOfRange(whole, whole.length - (int) taken, whole.length))
                .contains(before.get(Journals.file(Manifest.NAME)));
        assertThat(StoreFiles.check(Sample.DIRECTORY, disk).isSound()).isTrue();
        for (MemoryIo left : List.of(disk.kill(), disk.crash())) {
            try (JsonStore store = Sample.open(left)) {
                assertThat(Sample.content(store)).isEqualTo(kept);
                assertThat(store.describe().openReport().repairs())
                        .singleElement()
                        .satisfies(repair -> {
                            assertThat(repair.keptUpTo()).isEqualTo(keep);
                            assertThat(repair.bytes()).isEqualTo(taken);
                            assertThat(repair.actor()).isEqualTo("ann");
                            assertThat(repair.reason()).isEqualTo("a bad disk");
                        });
                Sample.applied(store, COMMITS.get(9));
            }
        }
    }

    @Test
    void a_repair_can_go_back_to_the_older_snapshot_and_no_further() {
        Map<Path, byte[]> files = files();
        Manifest manifest = Manifest.decode(new String(files.get(Journals.file(Manifest.NAME)), UTF_8));
        long newest = manifest.snapshot().orElseThrow().seqTo();
        long older = manifest.previous().orElseThrow().seqTo();
        List<Sample.Content> prefixes = Journals.prefixes(COMMITS);
        for (long keep = older + 1; keep <= newest; keep++) {
            var disk = MemoryIo.of(files);
            Sample.Content seen;
            try (ReadOnlyStore store = JsonStore.openReadOnly(Sample.DIRECTORY, disk, keep)) {
                seen = Sample.content(store);
                assertThat(prefixes.subList(6, 10)).contains(seen);
            }
            StoreFiles.repair(Sample.DIRECTORY, keep, "a test", "ann", disk);
            assertThat(StoreFiles.check(Sample.DIRECTORY, disk).findings()).isEmpty();
            try (JsonStore store = Sample.open(disk)) {
                assertThat(Sample.content(store)).as("up to %d", keep).isEqualTo(seen);
                Sample.applied(store, Sample.put("after", 1));
                store.checkpoint();
                store.checkpoint();
            }
            assertThat(StoreFiles.check(Sample.DIRECTORY, disk).findings()).isEmpty();
        }
        var disk = MemoryIo.of(files);
        assertThatThrownBy(() -> StoreFiles.repair(Sample.DIRECTORY, older - 1, "a test", "ann", disk))
                .isInstanceOf(StoreException.class);
        assertThatThrownBy(() -> StoreFiles.repair(Sample.DIRECTORY, 99, "a test", "ann", disk))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("has no line 99; its last sound line is 21");
        assertThatThrownBy(() -> StoreFiles.repair(Sample.DIRECTORY, 20, " ", "ann", disk))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(Journals.same(disk.files(), files)).isTrue();
    }

    @Test
    void nothing_beyond_damage_is_kept() {
        var disk = damaged(files());
        long keep = lineBeforeDamage(disk);
        Map<Path, byte[]> before = disk.files();

        assertThatThrownBy(() -> StoreFiles.repair(Sample.DIRECTORY, keep + 1, "a test", "ann", disk))
                .isInstanceOf(CorruptStoreException.class)
                .hasMessageContaining("line " + (keep + 1) + " is bad");
        assertThat(Journals.same(disk.files(), before)).isTrue();
    }

    @Test
    void a_repair_that_is_cut_short_loses_nothing_without_saying_so() {
        var sound = new DisturbedIo(damaged(files()));
        long keep = lineBeforeDamage(damaged(files()));
        StoreFiles.repair(Sample.DIRECTORY, keep, "a bad disk", "ann", sound);
        int operations = sound.changes();
        assertThat(operations).isGreaterThan(10);
        for (int i = 0; i < operations; i++) {
            int at = i;
            MemoryIo disk = damaged(files());
            var io = new DisturbedIo(disk).fail(op -> op.changes() && op.number() >= at);
            assertThatThrownBy(() -> StoreFiles.repair(Sample.DIRECTORY, keep, "a bad disk", "ann", io))
                    .isInstanceOf(StoreException.class);
            for (MemoryIo left : List.of(disk.kill(), disk.crash())) {
                try (JsonStore store = Sample.open(left)) {
                    assertThat(store.describe().openReport().repairs())
                            .as("cut at %d", at)
                            .isNotEmpty();
                } catch (CorruptStoreException e) {
                    StoreFiles.repair(Sample.DIRECTORY, keep, "a bad disk", "ann", left);
                }
                try (JsonStore store = Sample.open(left)) {
                    assertThat(Sample.content(store)).isEqualTo(Sample.content(COMMITS.subList(0, 9)));
                }
            }
        }
    }

    @Test
    void the_log_tells_of_a_repair_once() {
        var disk = new MemoryIo();
        try (JsonStore store = Sample.open(disk);
                LifecycleManager manager =
                        LifecycleManager.builder().store(store).build()) {
            assertThat(manager.verify().agents()).isZero();
        }
        long last = StoreFiles.check(Sample.DIRECTORY, disk).lastLine();
        StoreFiles.repair(Sample.DIRECTORY, last - 1, "to see what it says", "ann", disk);
        for (int opening = 0; opening < 4; opening++) {
            try (JsonStore store = Sample.open(disk);
                    LifecycleManager manager =
                            LifecycleManager.builder().store(store).build()) {
                assertThat(manager.events(0, 99).events().stream()
                                .filter(event -> event.event().kind() == EventKind.LOG_REPAIRED))
                        .hasSize(1);
                manager.verify();
                if (opening == 1) {
                    store.checkpoint();
                }
                assertThat(store.describe().openReport().repairs()).hasSize(opening < 2 ? 1 : 0);
            }
        }
    }

    // ---- indexes

    @Test
    void a_damaged_index_is_refused_when_it_is_needed_and_can_be_made_anew() {
        Map<Path, byte[]> files = files();
        List<Path> indexes = files.keySet().stream()
                .filter(path -> path.toString().endsWith(".index"))
                .toList();
        assertThat(indexes).hasSize(3);
        for (Path index : indexes) {
            for (boolean gone : List.of(true, false)) {
                var disk = MemoryIo.of(
                        gone
                                ? Journals.without(files, index)
                                : Journals.with(files, index, flipped(files.get(index), 9)));
                try (JsonStore store = Sample.open(disk)) {
                    assertThatThrownBy(() -> store.trail("agent:0", 0, 99))
                            .isInstanceOf(CorruptStoreException.class)
                            .hasMessageContaining(index.toString())
                            .hasMessageContaining("run reindex");
                }
                assertThat(StoreFiles.reindex(Sample.DIRECTORY, disk)).isEqualTo(1);
                assertThat(StoreFiles.reindex(Sample.DIRECTORY, disk)).isZero();
                assertThat(disk.files().get(index)).isEqualTo(files.get(index));
                assertThat(StoreFiles.check(Sample.DIRECTORY, disk).isSound()).isTrue();
            }
        }
        Path segment = newest(files, "audit-0000000000000001");
        Map<Path, byte[]> both =
                Journals.without(Journals.with(files, segment, flipped(files.get(segment), 30)), indexes.get(0));
        assertThatThrownBy(() -> StoreFiles.reindex(Sample.DIRECTORY, MemoryIo.of(both)))
                .isInstanceOf(CorruptStoreException.class)
                .hasMessageContaining(".jsonl");
    }

    // ---- as a program

    @Test
    void the_program_says_what_it_finds(@TempDir Path temporary) throws IOException {
        Path directory = temporary.resolve("lifecycle-data");
        try (JsonStore store = JsonStore.open(directory)) {
            COMMITS.forEach(commit -> Sample.applied(store, commit));
            store.checkpoint();
            Sample.applied(store, Sample.put("after", 1));
            Sample.applied(store, Sample.put("after", 2));
        }
        assertThat(run(0, "check", directory.toString())).contains("4 records, 14 events: sound");
        assertThat(run(2)).contains("usage: check DIRECTORY");
        assertThat(run(2, "repair", directory.toString())).contains("usage");
        assertThat(run(2, "repair", directory.toString(), "last", "why", "ann")).contains("usage");
        assertThat(run(1, "check", temporary.resolve("nowhere").toString())).contains("is no store");

        Path last;
        try (var list = Files.list(directory)) {
            last = list.filter(path -> path.getFileName().toString().startsWith("journal-"))
                    .max(Path::compareTo)
                    .orElseThrow();
        }
        byte[] whole = Files.readAllBytes(last);
        Files.write(last, flipped(whole, new String(whole, UTF_8).indexOf("r-after-2")));
        String damage = run(1, "check", directory.toString());
        assertThat(damage).contains("damage: " + last + " is damaged at byte").contains("is bad");
        long bad = Long.parseLong(damage.replaceAll("(?s).*: line (\\d+) is bad.*", "$1"));

        assertThat(run(0, "repair", directory.toString(), String.valueOf(bad - 1), "a bad disk", "ann"))
                .contains("are in the quarantine")
                .contains("4 records, 13 events: sound");
        try (JsonStore store = JsonStore.open(directory)) {
            assertThat(store.describe().openReport().repairs())
                    .extracting(OpenReport.Repair::reason)
                    .containsExactly("a bad disk");
        }
        assertThat(run(0, "reindex", directory.toString())).contains("0 indexes were made anew");
    }

    private static String run(int expected, String... args) {
        var bytes = new ByteArrayOutputStream();
        int status = StoreFiles.run(args, new PrintStream(bytes, true, UTF_8));
        String said = bytes.toString(UTF_8);
        assertThat(status).as("%s: %s", new ArrayList<>(List.of(args)), said).isEqualTo(expected);
        return said;
    }
}
