package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.error.CorruptStoreException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.store.StoredEvent;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Old events lose their text, and it stands in no file any more; all else stays. */
@Timeout(value = 1, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PruningTest {
    private static final Map<String, Long> SOME = Map.of("stream:0", 3L, "stream:1", 7L);

    private final MemoryIo disk = new MemoryIo();

    /** Three audit segments, of commits 0 to 5, 6 to 11 and 12 to 17, and commits 18 to 23 in the journal. */
    private static MemoryIo three() {
        var made = new MemoryIo();
        try (JsonStore store = Sample.open(made)) {
            for (int i = 0; i < 3; i++) {
                Pruning.commit(store, 6 * i, 6 * i + 6);
                store.checkpoint();
            }
            Pruning.commit(store, 18, 24);
        }
        return made;
    }

    private static Manifest manifest(MemoryIo of) {
        return Manifest.decode(new String(of.files().get(Journals.file(Manifest.NAME)), UTF_8));
    }

    private static List<Path> audits(Map<Path, byte[]> files) {
        return files.keySet().stream()
                .filter(path -> path.toString().matches(".*/audit-[-0-9]+[.]jsonl"))
                .sorted()
                .toList();
    }

    private static void prune(MemoryIo of, Map<String, Long> before) {
        try (JsonStore store = Sample.open(of)) {
            store.prune(before);
        }
    }

    // ---- what is left

    @Test
    void what_was_pruned_stands_in_no_file_and_files_without_it_stay_as_they_are() {
        MemoryIo made = three();
        Map<Path, byte[]> before = made.files();
        Map<String, Long> pruned = Map.of("stream:0", 3L, "stream:2", 1L); // commits 0, 2, 3 and 6: two segments
        try (JsonStore store = Sample.open(made)) {
            store.prune(pruned);

            assertThat(Pruning.shown(store)).isEqualTo(Pruning.shown(24, pruned));
            for (MemoryIo left : List.of(made, made.kill(), made.crash())) {
                Pruning.assertGone(left.files(), pruned, 24, "");
                assertThat(Disclosing.filesWith(left.files(), Pruning.text(9))).hasSize(1);
                assertThat(Disclosing.filesWith(left.files(), Pruning.value(8))).hasSize(1);
            }
        }
        for (MemoryIo left : List.of(made, made.kill(), made.crash())) {
            try (JsonStore store = Sample.open(left)) {
                assertThat(Pruning.shown(store)).isEqualTo(Pruning.shown(24, pruned));
            }
            Pruning.assertGone(left.files(), pruned, 24, "opened again: ");
            assertThat(StoreFiles.check(Sample.DIRECTORY, left).findings()).isEmpty();
        }
        long at = manifest(made).audit().get(0).pruned().orElseThrow();
        assertThat(manifest(made).audit())
                .extracting(Manifest.Audit::pruned)
                .containsExactly(Optional.of(at), Optional.of(at), Optional.empty(), Optional.empty());
        Path third = audits(before).get(2);
        assertThat(made.files().get(third)).isEqualTo(before.get(third));
        assertThat(audits(made.files()))
                .hasSize(4)
                .doesNotContain(audits(before).get(0), audits(before).get(1));
    }

    @Test
    void a_line_of_an_audit_segment_has_the_leaf_hash_in_the_place_of_the_text() {
        MemoryIo made = three();
        prune(made, Map.of("stream:1", 1L));

        Path file = audits(made.files()).get(0);
        assertThat(file.getFileName().toString()).matches("audit-0{15}1-[0-9]{16}-[0-9]{16}[.]jsonl");
        assertThat(Journals.lines(made.files().get(file)).get(1))
                .contains("\"audit\":[{\"s\":\"stream:1\",\"n\":0,\"leaf\":\""
                        + Pruning.event(1).leafHash()
                        + "\"},{\"s\":\"kept\",\"n\":1,\"event\":{");
    }

    @Test
    void events_that_are_still_in_the_journal_never_reach_an_audit_segment() {
        try (JsonStore store = Sample.open(disk)) {
            Pruning.commit(store, 0, 12);

            store.prune(SOME);

            assertThat(Pruning.shown(store)).isEqualTo(Pruning.shown(12, SOME));
            assertThat(manifest(disk).audit())
                    .singleElement()
                    .satisfies(audit -> assertThat(audit.pruned()).contains(audit.last()));
            Pruning.assertGone(disk.files(), SOME, 12, "");
        }
    }

    @Test
    void what_is_pruned_in_several_steps_is_all_gone_and_what_comes_later_is_there() {
        MemoryIo made = three();
        Map<String, Long> pruned = new TreeMap<>();
        for (long step = 1; step <= 12; step++) {
            pruned.put("stream:" + step % 3, step / 2 + 1);
            prune(made, pruned);
            int commits = 24 + (int) step - 1;
            Map<String, Long> now = Map.copyOf(pruned);
            try (JsonStore store = Sample.open(made)) {
                assertThat(Pruning.shown(store)).isEqualTo(Pruning.shown(commits, now));
                Pruning.assertGone(made.files(), now, commits, "");
                Pruning.commit(store, commits, commits + 1);
                if (step % 4 == 0) {
                    store.checkpoint();
                }
            }
        }
        assertThat(StoreFiles.check(Sample.DIRECTORY, made).findings()).isEmpty();
    }

    @Test
    void pruning_again_writes_no_segment_anew() {
        MemoryIo made = three();
        prune(made, SOME);
        List<Path> segments = audits(made.files());

        prune(made, SOME);

        assertThat(audits(made.files())).containsAll(segments);
        try (JsonStore store = Sample.open(made)) {
            assertThat(Pruning.shown(store)).isEqualTo(Pruning.shown(24, SOME));
        }
    }

    @Test
    void pruning_what_is_not_there_makes_no_checkpoint() {
        MemoryIo made = three();
        try (JsonStore store = Sample.open(made)) {
            Map<Path, byte[]> before = made.files();
            store.prune(Map.of());
            store.prune(Map.of("stream:0", 0L, "nobody", Long.MAX_VALUE));
            assertThat(Journals.same(made.files(), before)).isTrue();
        }
    }

    @Test
    void a_store_that_is_open_for_reading_shows_what_is_left_and_prunes_nothing() {
        MemoryIo made = three();
        prune(made, SOME);
        try (ReadOnlyStore store = JsonStore.openReadOnly(Sample.DIRECTORY, made, Long.MAX_VALUE)) {
            assertThat(Pruning.shown(store)).isEqualTo(Pruning.shown(24, SOME));
            assertThatThrownBy(() -> store.prune(SOME))
                    .isInstanceOf(StoreException.class)
                    .hasMessageContaining("for reading only");
        }
    }

    @Test
    void a_store_that_was_never_pruned_is_written_as_ever() {
        MemoryIo made = three();

        assertThat(manifest(made).audit()).extracting(Manifest.Audit::pruned).containsOnly(Optional.empty());
        assertThat(audits(made.files()))
                .allMatch(path -> path.toString().matches(".*/audit-[0-9]{16}-[0-9]{16}[.]jsonl"));
        assertThat(Manifest.decode(manifest(made).encode())).isEqualTo(manifest(made));
        prune(made, SOME);
        assertThat(Manifest.decode(manifest(made).encode())).isEqualTo(manifest(made));
    }

    @Test
    void a_pruning_and_an_erasure_of_the_same_segment_are_both_done() throws Exception {
        MemoryIo made = three();
        var journal = Journal.start(
                made,
                Sample.DIRECTORY,
                made.lock(Sample.DIRECTORY),
                Sample.QUIET,
                Recovery.open(made, Sample.DIRECTORY));
        journal.queue().erase(Line.Erase.of("stream:2", List.of(2L))); // what commit 8 disclosed

        journal.prune(SOME);

        Pruning.assertGone(made.kill().files(), SOME, 24, "");
        assertThat(Disclosing.filesWith(made.files(), Pruning.value(8))).isEmpty();
        assertThat(Disclosing.filesWith(made.files(), Pruning.text(8))).hasSize(1);
        journal.close();
    }

    // ---- others beside it

    @Test
    void several_prune_while_others_commit_read_and_erase() throws Exception {
        try (JsonStore store = JsonStore.open(Sample.DIRECTORY, disk, Sample.BUSY)) {
            Pruning.commit(store, 0, 60);
            store.checkpoint();
            var done = new AtomicBoolean();
            var crowd = new Crowd();
            List<FutureTask<Boolean>> pruners = IntStream.range(0, 3)
                    .mapToObj(own -> crowd.start(() -> {
                        for (long position = 5; position <= 20; position += 5) {
                            Map<String, Long> pruned = Map.of("stream:" + own, position);
                            store.prune(pruned);
                            Pruning.assertGone(disk.files(), pruned, 60, "");
                        }
                        return true;
                    }))
                    .toList();
            FutureTask<Boolean> reader = crowd.start(() -> {
                while (!done.get()) {
                    List<StoredEvent> trail = store.trail("stream:0", 0, 20);
                    long pruned = trail.stream().filter(StoredEvent::isPruned).count();
                    assertThat(trail).hasSize(20);
                    assertThat(pruned % 5).as("all texts of a pruning or none").isZero();
                    assertThat(trail.stream().skip(pruned)).noneMatch(StoredEvent::isPruned);
                    assertThat(store.log(0, 30)).isNotEmpty();
                }
                return true;
            });
            FutureTask<Boolean> eraser = crowd.start(() -> {
                for (int i = 40; i < 60; i += 4) {
                    store.erase(Pruning.stream(i), List.of(Pruning.position(i)));
                    assertThat(Disclosing.filesWith(disk.files(), Pruning.value(i)))
                            .isEmpty();
                }
                return true;
            });
            Pruning.commit(store, 60, 90);
            for (FutureTask<Boolean> pruner : pruners) {
                Crowd.get(pruner);
            }
            Crowd.get(eraser);
            done.set(true);
            Crowd.get(reader);
            Map<String, Long> all = Map.of("stream:0", 20L, "stream:1", 20L, "stream:2", 20L);
            assertThat(Pruning.shown(store)).isEqualTo(Pruning.shown(90, all));
        }
        assertThat(StoreFiles.check(Sample.DIRECTORY, disk).findings()).isEmpty();
    }

    @Test
    void what_is_committed_while_a_pruning_waits_keeps_its_text() throws Exception {
        var io = new DisturbedIo(disk);
        try (JsonStore store = Sample.open(io)) {
            Pruning.commit(store, 0, 3);
            var crowd = new Crowd();
            FutureTask<Long> late;
            FutureTask<Boolean> pruning;
            try (DisturbedIo.Gate gate = io.gateOfBatch()) {
                late = crowd.start(() -> Sample.applied(store, Pruning.commit(3)));
                gate.awaitArrival();
                pruning = crowd.start(() -> {
                    store.prune(Map.of("stream:0", 2L, "stream:1", 9L));
                    return true;
                });
                crowd.awaitStandstill();
            }
            assertThat(Crowd.get(late)).isPositive();
            assertThat(Crowd.get(pruning)).isTrue();

            assertThat(store.trail("stream:0", 0, 9))
                    .containsExactly(Pruning.event(0).pruned(), Pruning.event(3));
            assertThat(store.trail("stream:1", 0, 9))
                    .containsExactly(Pruning.event(1).pruned());
        }
    }

    @Test
    void a_backup_that_is_under_way_gets_all_that_it_needs_and_the_pruning_waits_for_it() throws Exception {
        MemoryIo made = three();
        Recovery.Recovered recovered = Recovery.open(made, Sample.DIRECTORY);
        var journal = Journal.start(made, Sample.DIRECTORY, made.lock(Sample.DIRECTORY), Sample.QUIET, recovered);
        Path copy = Sample.DIRECTORY.resolveSibling("copy");
        var crowd = new Crowd();
        List<FutureTask<Boolean>> pruning = new ArrayList<>();
        recovered.contents().log().copying(() -> {
            Manifest before = journal.manifest();
            Position durable = journal.queue().durable();
            pruning.add(crowd.start(() -> {
                journal.prune(SOME);
                return true;
            }));
            while (manifest(made).audit().get(0).pruned().isEmpty()) {
                Thread.onSpinWait();
            }
            Backup.write(made, Sample.DIRECTORY, before, durable, copy);
            assertThat(pruning.get(0).isDone()).isFalse();
        });
        assertThat(Crowd.get(pruning.get(0))).isTrue();
        journal.close();
        Map<Path, byte[]> own = new TreeMap<>(made.files());
        own.keySet().removeIf(path -> path.startsWith(copy));
        Pruning.assertGone(own, SOME, 24, "");
        try (JsonStore store = JsonStore.open(copy, made, Sample.QUIET)) {
            assertThat(Pruning.shown(store)).isEqualTo(Pruning.shown(24, Map.of()));
        }
    }

    @Test
    void whoever_wanted_a_checkpoint_that_failed_hears_of_it_although_the_next_one_is_made() throws Exception {
        disk.createDirectory(Sample.DIRECTORY);
        var checkpoints =
                new Checkpoints(disk, Sample.DIRECTORY, 1, Manifest.of("store"), new EventLog(List.of()), () -> {});
        var first = new Checkpoints.Wish(false, new Prunes(SOME));
        var second = new Checkpoints.Wish(true, Prunes.NONE);
        checkpoints.want(first);
        checkpoints.refuse(new IOException("no room"));
        checkpoints.want(second);
        checkpoints.finish(Optional.of(new Picture(7, Line.NO_CRC, Optional.empty(), List.of(), List.of(), List.of())));

        checkpoints.await(second);
        assertThatThrownBy(() -> checkpoints.await(first))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("no room");
    }

    // ---- damage

    @Test
    void a_damaged_file_refuses_the_pruning_before_anything_changes() {
        MemoryIo made = three();
        Map<Path, byte[]> files = made.files();
        Map<String, Long> pruned = Map.of("stream:0", 3L);
        List<Path> needed = new ArrayList<>(files.keySet().stream()
                .filter(path -> path.toString().endsWith(".index")
                        || path.getFileName().toString().startsWith("disclosures-"))
                .toList());
        needed.addAll(audits(files).subList(0, 2));
        assertThat(needed).hasSize(3 + 3 + 2);
        for (Path file : needed) {
            for (int offset = 3; offset < files.get(file).length; offset += 61) {
                byte[] damaged = files.get(file).clone();
                damaged[offset] ^= 1;
                var left = MemoryIo.of(Journals.with(files, file, damaged));
                try (JsonStore store = Sample.open(left)) {
                    Map<Path, byte[]> before = left.files();
                    assertThatThrownBy(() -> store.prune(pruned))
                            .isInstanceOf(CorruptStoreException.class)
                            .hasMessageContaining(file.toString());
                    assertThat(Journals.same(left.files(), before)).isTrue();
                }
            }
        }
    }

    @Test
    void a_line_that_is_gone_from_a_segment_is_noticed_although_all_others_are_sound() throws Exception {
        MemoryIo made = three();
        Path file = audits(made.files()).get(0);
        List<String> lines = Journals.lines(made.files().get(file));
        var cut = new AuditSegment(
                MemoryIo.of(Journals.with(made.files(), file, Journals.bytes(lines.subList(0, 5)))),
                Sample.DIRECTORY,
                manifest(made).audit().get(0));
        List<Long> seen = new ArrayList<>();

        assertThatThrownBy(() -> cut.each(commit -> seen.add(commit.seq())))
                .isInstanceOf(CorruptStoreException.class)
                .hasMessageContaining("digest");
        assertThat(seen).hasSize(5);
    }

    @Test
    void a_changed_byte_of_a_pruned_segment_is_noticed() {
        MemoryIo made = three();
        prune(made, SOME);
        Map<Path, byte[]> files = made.files();
        Path file = audits(files).get(0);
        byte[] whole = files.get(file);

        IntStream.iterate(0, offset -> offset < whole.length, offset -> offset + 7)
                .forEach(offset -> {
                    byte[] damaged = whole.clone();
                    damaged[offset] ^= 1;
                    var left = MemoryIo.of(Journals.with(files, file, damaged));
                    assertThat(StoreFiles.check(Sample.DIRECTORY, left).isSound())
                            .as("byte %d", offset)
                            .isFalse();
                });
    }

    @Test
    void a_line_of_the_journal_may_not_have_a_pruned_event() {
        Map<Path, byte[]> files = Journals.closed(List.of(Pruning.commit(1), Pruning.commit(4)));
        Path journal = Journals.last(files);
        var changed = new StringBuilder();
        String prev = Journals.lines(files.get(journal)).get(0).replaceAll("(?s).*\"prev\":\"([0-9a-f]+)\".*", "$1");
        for (String line : Journals.lines(files.get(journal))) {
            String bare = line.substring(0, line.length() - LineReader.TAIL - 1)
                    .replaceFirst("\"prev\":\"[0-9a-f]+\"", "\"prev\":\"" + prev + "\"")
                    .replaceAll(
                            "\"n\":0,\"event\":[{][^}]*[}],\"sig\":\"[^\"]*\"",
                            "\"n\":0,\"leaf\":\"" + Pruning.event(1).leafHash() + "\"");
            LineWriter.Written closed = LineWriter.closed(bare.replaceFirst("\"durable\":[0-9]+", "\"durable\":0"));
            prev = closed.crc();
            changed.append(new String(closed.bytes(), UTF_8));
        }
        assertThat(changed).contains("\"leaf\"");
        var left = MemoryIo.of(Journals.with(files, journal, changed.toString().getBytes(UTF_8)));

        assertThatThrownBy(() -> Sample.open(left))
                .isInstanceOf(CorruptStoreException.class)
                .hasMessageContaining("has no text");
    }

    @Test
    void a_commit_whose_line_would_get_too_long_is_not_pruned_and_the_store_goes_on() {
        List<StoredEvent> many = IntStream.range(0, 62_000)
                .mapToObj(n -> new StoredEvent("s", n, "{}", Optional.empty()))
                .toList();
        try (JsonStore store = Sample.open(disk)) {
            Sample.applied(store, Sample.commit("many", List.of(), many));

            assertThatThrownBy(() -> store.prune(Map.of("s", 62_000L)))
                    .isInstanceOf(StoreException.class)
                    .hasMessageContaining("at most 4194304 can be read again");

            assertThat(store.trail("s", 61_999, 1)).noneMatch(StoredEvent::isPruned);
            Pruning.commit(store, 0, 3);
            store.prune(Map.of("stream:0", 1L, "s", 10L));
            assertThat(store.trail("s", 9, 2)).extracting(StoredEvent::isPruned).containsExactly(true, false);
        }
    }

    // ---- what looks after a store

    @Test
    void an_index_of_a_pruned_segment_can_be_made_anew() {
        MemoryIo made = three();
        prune(made, SOME);
        Map<Path, byte[]> files = made.files();
        List<Path> indexes = files.keySet().stream()
                .filter(path -> path.toString().endsWith(".index"))
                .toList();
        assertThat(indexes).hasSize(4);
        for (Path index : indexes) {
            var left = MemoryIo.of(Journals.without(files, index));

            assertThat(StoreFiles.reindex(Sample.DIRECTORY, left)).isEqualTo(1);

            assertThat(left.files().get(index)).isEqualTo(files.get(index));
            assertThat(StoreFiles.check(Sample.DIRECTORY, left).findings()).isEmpty();
        }
    }

    @Test
    void a_pruned_store_can_be_repaired_back_to_its_pruning() {
        MemoryIo made = three();
        long pruning;
        try (JsonStore store = Sample.open(made)) {
            store.prune(SOME);
            pruning = manifest(made).auditTo();
            Pruning.commit(store, 24, 26);
            store.checkpoint();
            Pruning.commit(store, 26, 28);
        }
        assertThatThrownBy(() -> StoreFiles.repair(Sample.DIRECTORY, pruning - 1, "a test", "ann", made))
                .isInstanceOf(StoreException.class);

        StoreFiles.repair(Sample.DIRECTORY, pruning + 1, "a test", "ann", made);

        assertThat(StoreFiles.check(Sample.DIRECTORY, made).isSound()).isTrue();
        try (JsonStore store = Sample.open(made)) {
            assertThat(Pruning.shown(store)).isEqualTo(Pruning.shown(24, SOME));
        }
        Pruning.assertGone(made.files(), SOME, 24, "");
    }

    @Test
    void a_segment_whose_pruned_events_do_not_come_first_is_damaged() {
        MemoryIo made = three();
        Manifest whole = manifest(made);
        Path file = audits(made.files()).get(0);
        String text = new String(made.files().get(file), UTF_8);
        String odd = text.lines()
                .map(line -> {
                    String bare = line.substring(0, line.length() - LineReader.TAIL);
                    return new String(
                            LineWriter.closed(bare.replaceAll(
                                            "\"n\":1,\"event\":[{]\"said[^}]*[}],\"sig\":\"[^\"]*\"",
                                            "\"n\":1,\"leaf\":\""
                                                    + Pruning.event(3).leafHash() + "\""))
                                    .bytes(),
                            UTF_8);
                })
                .reduce("", String::concat);
        assertThat(odd).contains("\"leaf\"");
        Manifest.Audit first = whole.audit().get(0);
        byte[] bytes = odd.getBytes(UTF_8);
        List<Manifest.Audit> audit = new ArrayList<>(whole.audit());
        audit.set(0, first.with(bytes.length, Digests.sha256(odd), first.indexSha256()));
        var left = MemoryIo.of(Journals.with(
                Journals.with(made.files(), file, bytes),
                Journals.file(Manifest.NAME),
                whole.withAudit(audit).encode().getBytes(UTF_8)));

        assertThat(StoreFiles.check(Sample.DIRECTORY, left).findings())
                .extracting(StoreCheck.Finding::what)
                .anyMatch(what -> what.contains("event 1 of stream stream:0 is pruned, and one before it is not"));
        assertThat(Arrays.equals(bytes, made.files().get(file))).isFalse();
    }
}
