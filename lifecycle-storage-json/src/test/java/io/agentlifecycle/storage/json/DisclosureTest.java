package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.error.CorruptStoreException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.Disclosure;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Personal values stand in files of their own and come back until they are erased. */
@Timeout(value = 10, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class DisclosureTest {
    private final MemoryIo disk = new MemoryIo();

    @TempDir
    private Path temporary;

    /** Commits with numbers {@code from} to before {@code to}. */
    private static void commit(JsonStore store, int from, int to) {
        for (int i = from; i < to; i++) {
            Sample.applied(store, Disclosing.commit(i));
        }
    }

    /** Three audit segments, of commits 0 to 5, 6 to 11 and 12 to 17, and commits 18 to 23 in the journal. */
    private static MemoryIo three() {
        var made = new MemoryIo();
        try (JsonStore store = Sample.open(made)) {
            for (int i = 0; i < 3; i++) {
                commit(store, 6 * i, 6 * i + 6);
                store.checkpoint();
            }
            commit(store, 18, 24);
        }
        return made;
    }

    private static List<String> names(MemoryIo of) {
        return of.files().keySet().stream()
                .map(path -> String.valueOf(path.getFileName()))
                .sorted()
                .toList();
    }

    private static List<String> sides(MemoryIo of) {
        return names(of).stream()
                .filter(name -> name.startsWith("disclosures-"))
                .toList();
    }

    private static Path side(MemoryIo of, int number) {
        return Journals.file("audit").resolve(sides(of).get(number));
    }

    private static Manifest manifest(MemoryIo of) {
        return Manifest.decode(new String(of.files().get(Journals.file(Manifest.NAME)), UTF_8));
    }

    // ---- where they stand

    @Test
    void disclosures_come_back_from_everywhere_and_after_each_opening() {
        List<Disclosure> expected = Disclosing.all(24, List.of());
        try (JsonStore store = Sample.open(disk)) {
            commit(store, 0, 6);
            store.checkpoint();
            commit(store, 6, 12);
            assertThat(Disclosing.all(store)).isEqualTo(Disclosing.all(12, List.of()));
            store.checkpoint();
            commit(store, 12, 24);
            assertThat(Disclosing.all(store)).isEqualTo(expected);
            assertThat(store.disclosures(Disclosing.stream(0), 3, 2))
                    .containsExactlyElementsOf(List.of(Disclosing.commit(9), Disclosing.commit(12)).stream()
                            .flatMap(commit -> commit.disclosures().stream())
                            .toList());
            assertThat(store.disclosures(Disclosing.stream(0), Long.MAX_VALUE, 2))
                    .isEmpty();
        }
        for (MemoryIo left : List.of(disk.kill(), disk.crash())) {
            try (JsonStore store = Sample.open(left)) {
                assertThat(Disclosing.all(store)).isEqualTo(expected);
                store.checkpoint();
                assertThat(Disclosing.all(store)).isEqualTo(expected);
            }
            try (ReadOnlyStore store = JsonStore.openReadOnly(Sample.DIRECTORY, left, Long.MAX_VALUE)) {
                assertThat(Disclosing.all(store)).isEqualTo(expected);
                assertThatThrownBy(() -> store.erase("stream:0", List.of(0L)))
                        .isInstanceOf(StoreException.class)
                        .hasMessageContaining("for reading only");
            }
        }
    }

    @Test
    void they_stand_in_files_beside_the_audit_segments_and_never_in_them() {
        MemoryIo made = three();

        assertThat(sides(made)).hasSize(3);
        for (int i = 0; i < 18; i++) {
            assertThat(Disclosing.filesWith(made.files(), Disclosing.marker(i)))
                    .as(Disclosing.marker(i))
                    .contains(sides(made).get(i / 6))
                    .noneMatch(name -> name.startsWith("audit-") || name.startsWith("snapshot-"));
        }
        List<String> lines = Journals.lines(made.files().get(side(made, 0)));
        assertThat(lines.get(0))
                .startsWith("{\"seq\":3,\"s\":\"stream:0\",\"n\":0,\"d\":\"marker-0-of-somebody\",\"crc\":\"");
        for (Manifest.Audit audit : manifest(made).audit()) {
            assertThat(audit.disclosures().orElseThrow().at()).isEqualTo(audit.last());
        }
    }

    @Test
    void a_segment_that_discloses_nothing_has_no_such_file() {
        try (JsonStore store = Sample.open(disk)) {
            Sample.applied(store, Sample.put("agent:1", 1));
            store.checkpoint();
        }

        assertThat(sides(disk)).isEmpty();
        assertThat(manifest(disk).audit())
                .singleElement()
                .satisfies(audit -> assertThat(audit.disclosures()).isEmpty());
        assertThat(new String(disk.files().get(Journals.file(Manifest.NAME)), UTF_8))
                .doesNotContain("disclosures");
    }

    @Test
    void two_disclosures_at_one_place_are_told_apart_by_their_lines() {
        Disclosure before = new Disclosure("again", 0, "marker-before");
        Disclosure after = new Disclosure("again", 0, "marker-after");
        try (JsonStore store = Sample.open(disk)) {
            Sample.applied(store, Disclosing.commit("r-1", List.of(Sample.event("again", 0)), List.of(before)));
            store.erase("again", List.of(0L, 1L));
            Sample.applied(
                    store,
                    Disclosing.commit(
                            "r-2",
                            List.of(Sample.event("again", 1)),
                            List.of(new Disclosure("again", 1, "marker-after"))));
            assertThat(store.disclosures("again", 0, 9)).hasSize(1);
            store.checkpoint();
            store.erase("else", List.of(0L));
            assertThat(store.disclosures("again", 0, 9)).hasSize(1);
        }
        try (JsonStore store = Sample.open(disk)) {
            assertThat(store.disclosures("again", 0, 9)).hasSize(1);
        }
        assertThat(Disclosing.filesWith(disk.files(), "marker-before")).isEmpty();
        assertThat(Disclosing.filesWith(disk.files(), after.content())).hasSize(1);
    }

    // ---- erasing

    @Test
    void what_was_erased_stands_in_no_file_and_other_files_stay_as_they_are() {
        MemoryIo made = three();
        Map<Path, byte[]> before = made.files();
        List<String> sides = sides(made);
        try (JsonStore store = Sample.open(made)) {
            store.erase(Disclosing.stream(0), List.of(Disclosing.position(0), Disclosing.position(21)));

            assertThat(Disclosing.all(store)).isEqualTo(Disclosing.all(24, List.of(0, 21)));
            for (MemoryIo left : List.of(made, made.kill(), made.crash())) {
                assertThat(Disclosing.filesWith(left.files(), Disclosing.marker(0)))
                        .isEmpty();
                assertThat(Disclosing.filesWith(left.files(), Disclosing.marker(21)))
                        .isEmpty();
                assertThat(Disclosing.filesWith(left.files(), Disclosing.marker(3)))
                        .hasSize(1);
            }
        }
        assertThat(sides(made)).hasSize(4).contains(sides.get(1), sides.get(2)).doesNotContain(sides.get(0));
        long at = manifest(made).audit().get(0).disclosures().orElseThrow().at();
        assertThat(at).isEqualTo(manifest(made).snapshot().orElseThrow().seqTo());
        Map<Path, byte[]> after = made.files();
        before.forEach((path, bytes) -> {
            if (path.getFileName().toString().startsWith("audit-")
                    || path.endsWith(sides.get(1))
                    || path.endsWith(sides.get(2))) {
                assertThat(after.get(path)).as("%s", path).isEqualTo(bytes);
            }
        });
        try (JsonStore store = Sample.open(made)) {
            assertThat(Disclosing.all(store)).isEqualTo(Disclosing.all(24, List.of(0, 21)));
            assertThat(store.trail(Disclosing.stream(0), 0, 99)).hasSize(8);
        }
    }

    @Test
    void a_file_of_which_all_was_erased_is_gone() {
        MemoryIo made = three();
        try (JsonStore store = Sample.open(made)) {
            for (int stream = 0; stream < 3; stream++) {
                store.erase(Disclosing.stream(stream), List.of(2L, 3L));
            }
            assertThat(Disclosing.all(store)).isEqualTo(Disclosing.all(24, List.of(6, 7, 8, 9, 10, 11)));
        }
        assertThat(manifest(made).audit().get(1).disclosures()).isEmpty();
        assertThat(sides(made)).hasSize(3);
        for (int i = 6; i < 12; i++) {
            assertThat(Disclosing.filesWith(made.files(), Disclosing.marker(i))).isEmpty();
        }
    }

    @Test
    void more_positions_than_fit_on_one_line_are_erased() {
        try (JsonStore store = Sample.open(disk)) {
            commit(store, 0, 6);
            List<Long> all =
                    IntStream.range(0, 250_000).mapToObj(i -> 250_000L - i - 1).toList();

            store.erase(Disclosing.stream(0), all);

            assertThat(Disclosing.all(store)).isEqualTo(Disclosing.all(6, List.of(0, 3)));
            assertThatThrownBy(() -> store.erase("x".repeat(1 << 20), List.of(0L)))
                    .isInstanceOf(IllegalArgumentException.class);
        }
        try (JsonStore store = Sample.open(disk)) {
            assertThat(Disclosing.all(store)).isEqualTo(Disclosing.all(6, List.of(0, 3)));
        }
    }

    @Test
    void erasures_from_several_threads_share_checkpoints() throws Exception {
        try (JsonStore store = JsonStore.open(Sample.DIRECTORY, disk, Sample.BUSY)) {
            commit(store, 0, 48);
            store.checkpoint();
            var crowd = new Crowd();
            List<FutureTask<Boolean>> erasures = IntStream.range(0, 8)
                    .mapToObj(part -> crowd.start(() -> {
                        for (int i = part; i < 40; i += 8) {
                            Disclosing.erase(store, i);
                            assertThat(Disclosing.filesWith(disk.files(), Disclosing.marker(i)))
                                    .isEmpty();
                        }
                        return true;
                    }))
                    .toList();
            commit(store, 48, 60);
            for (FutureTask<Boolean> erasure : erasures) {
                Crowd.get(erasure);
            }
            assertThat(Disclosing.all(store))
                    .isEqualTo(Disclosing.all(60, IntStream.range(0, 40).boxed().toList()));
        }
    }

    @Test
    void a_checkpoint_that_comes_by_itself_keeps_nothing_of_what_was_erased() throws Exception {
        MemoryIo made = three();
        var journal = Journal.start(
                made,
                Sample.DIRECTORY,
                made.lock(Sample.DIRECTORY),
                Sample.QUIET,
                Recovery.open(made, Sample.DIRECTORY));
        journal.queue().erase(Line.Erase.of(Disclosing.stream(0), List.of(0L, 7L)));

        journal.checkpoint(true); // the one of the erasure never comes: the process ends

        for (int erased : List.of(0, 21)) {
            assertThat(Disclosing.filesWith(made.kill().files(), Disclosing.marker(erased)))
                    .isEmpty();
        }
        journal.close();
    }

    @Test
    void what_comes_after_an_erasure_at_the_same_place_is_shown_even_before_the_next_checkpoint() throws Exception {
        Disclosure later = new Disclosure("later", 0, "marker-later");
        disk.createDirectory(Sample.DIRECTORY);
        var journal = Journal.start(
                disk,
                Sample.DIRECTORY,
                disk.lock(Sample.DIRECTORY),
                Sample.QUIET,
                Recovery.open(disk, Sample.DIRECTORY));
        journal.queue().erase(Line.Erase.of("later", List.of(0L)));
        journal.queue().commit(Disclosing.commit("r-1", List.of(Sample.event("later", 0)), List.of(later)));
        journal.checkpoint(true);
        journal.close();

        try (JsonStore store = Sample.open(disk)) {
            assertThat(store.disclosures("later", 0, 9)).containsExactly(later);
        }
    }

    // ---- damage

    @Test
    void each_byte_of_a_file_of_disclosures_changed_to_each_other_value_is_noticed() {
        MemoryIo made = three();
        Path file = side(made, 1);
        byte[] whole = made.files().get(file);
        Manifest.Disclosures reference =
                manifest(made).audit().get(1).disclosures().orElseThrow();
        assertThat(reference.bytes()).isEqualTo(whole.length);

        IntStream.range(0, whole.length).parallel().forEach(offset -> {
            for (int change = 1; change < 256; change++) {
                byte[] damaged = whole.clone();
                damaged[offset] ^= (byte) change;
                var read = new DisclosureFile(MemoryIo.of(Map.of(file, damaged)), file, reference.sha256());
                assertThatThrownBy(() -> read.find("stream:0", 0, 99))
                        .isInstanceOf(CorruptStoreException.class)
                        .hasMessageContaining(file.toString());
            }
            damageIsNoticed(made, file, whole, offset);
        });
        assertThat(StoreFiles.check(Sample.DIRECTORY, made).isSound()).isTrue();
    }

    /** Everything else can still be read. */
    private static void damageIsNoticed(MemoryIo made, Path file, byte[] whole, int offset) {
        byte[] damaged = whole.clone();
        damaged[offset] ^= 1;
        var disk = MemoryIo.of(Journals.with(made.files(), file, damaged));
        assertThat(StoreFiles.check(Sample.DIRECTORY, disk).isSound()).isFalse();
        try (JsonStore store = Sample.open(disk)) {
            assertThat(store.trail("stream:0", 0, 99)).hasSize(8);
            assertThat(store.disclosures("stream:0", 4, 99)).isNotEmpty();
            assertThatThrownBy(() -> store.disclosures("stream:0", 0, 99))
                    .isInstanceOf(CorruptStoreException.class)
                    .hasMessageNotContaining("somebody");
            // what cannot be done is not written down either, so the store opens again
            assertThatThrownBy(() -> store.erase("stream:0", List.of(2L))).isInstanceOf(CorruptStoreException.class);
        }
        Sample.open(disk).close();
    }

    @Test
    void a_file_of_disclosures_that_is_cut_or_gone_is_refused_at_the_opening() {
        MemoryIo made = three();
        Path file = side(made, 2);
        byte[] whole = made.files().get(file);

        for (int length = 0; length < whole.length; length++) {
            Map<Path, byte[]> files = Journals.with(made.files(), file, Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> Sample.open(MemoryIo.of(files)))
                    .isInstanceOf(CorruptStoreException.class)
                    .hasMessageContaining(file.toString());
        }
        assertThatThrownBy(() -> Sample.open(MemoryIo.of(Journals.without(made.files(), file))))
                .isInstanceOf(CorruptStoreException.class)
                .hasMessageContaining("the file is gone");
    }

    // ---- in and out

    @Test
    void a_backup_has_what_is_disclosed() {
        Path origin = temporary.resolve("origin");
        Path copy = temporary.resolve("copy");
        try (JsonStore store = JsonStore.open(origin)) {
            commit(store, 0, 12);
            store.checkpoint();
            commit(store, 12, 18);
            Disclosing.erase(store, 7);
            store.backup(copy);
        }

        try (JsonStore store = JsonStore.open(copy)) {
            assertThat(Disclosing.all(store)).isEqualTo(Disclosing.all(18, List.of(7)));
        }
        assertThat(StoreFiles.check(copy).findings()).isEmpty();
    }

    @Test
    void an_export_has_what_was_not_erased_and_an_import_brings_it_back() throws Exception {
        Path origin = temporary.resolve("origin");
        Path file = temporary.resolve("fleet.json");
        try (JsonStore store = JsonStore.open(origin)) {
            commit(store, 0, 12);
            store.checkpoint();
            commit(store, 12, 18);
            store.erase(Disclosing.stream(1), List.of(0L, 5L));
            commit(store, 18, 20);
            FleetFiles.exportJson(store, file);
        }
        String text = Files.readString(file);
        assertThat(text).contains(Disclosing.marker(0)).doesNotContain(Disclosing.marker(1));

        FleetFiles.importJson(file, temporary.resolve("copy"));

        try (JsonStore store = JsonStore.open(temporary.resolve("copy"))) {
            assertThat(Disclosing.all(store)).isEqualTo(Disclosing.all(20, List.of(1, 16)));
            store.checkpoint();
            assertThat(Disclosing.all(store)).isEqualTo(Disclosing.all(20, List.of(1, 16)));
        }
    }

    @Test
    void an_import_refuses_a_disclosure_of_another_event_and_does_not_tell_it() throws Exception {
        Path file = temporary.resolve("fleet.json");
        try (JsonStore store = JsonStore.open(temporary.resolve("origin"))) {
            commit(store, 0, 2);
            FleetFiles.exportJson(store, file);
        }
        String changed = Files.readString(file)
                .replace(
                        "\"disclosures\":[{\"s\":\"stream:1\",\"n\":0", "\"disclosures\":[{\"s\":\"stream:1\",\"n\":7");
        Files.writeString(file, changed);

        assertThatThrownBy(() -> FleetFiles.importJson(file, temporary.resolve("copy")))
                .isInstanceOf(CorruptStoreException.class)
                .hasMessageContaining("an event that it does not have")
                .hasMessageNotContaining("somebody");
    }

    // ---- secrets

    @Test
    void nothing_that_is_disclosed_is_in_the_text_of_anything() throws Exception {
        Commit commit = Disclosing.commit(0);
        LineWriter.Written line =
                LineWriter.line(1, Line.NO_CRC, 0, LineWriter.commit(commit, LineWriter.content(commit)));
        Line read = LineReader.read(line.bytes(), 0, line.bytes().length - 1);
        Map<String, Object> texts = new TreeMap<>();
        texts.put("commit", commit);
        texts.put("line", read);
        texts.put("logged", new LoggedCommit(1, read.commit().orElseThrow()));
        texts.put("disclosed", new Disclosed(1, commit.disclosures().get(0)));
        texts.put("pending", new Batch.Pending(1, 0, commit, ""));

        texts.forEach((name, value) ->
                assertThat(Optional.of(value).toString()).as(name).doesNotContain("somebody"));
    }
}
