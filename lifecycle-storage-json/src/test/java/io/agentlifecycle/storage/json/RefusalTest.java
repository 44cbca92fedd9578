package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.error.CorruptStoreException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoredRecord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the store refuses to open: it says which file, where, and what would help, and changes nothing. */
class RefusalTest {
    private static final List<Commit> COMMITS = Journals.commits(6);

    @TempDir
    private Path temporary;

    // ---- on the real disk

    private Path closedStore() {
        Path directory = temporary.resolve("lifecycle-data");
        Limits snapshot = new Limits(4 << 20, 64L << 20, 8L << 20, 0, 50);
        try (JsonStore store = JsonStore.open(directory, new FileIo(), snapshot)) {
            COMMITS.forEach(commit -> Sample.applied(store, commit));
        }
        return directory;
    }

    /** All files but the two of the lock, which an opening may write. */
    private static Map<String, String> files(Path directory) throws IOException {
        try (Stream<Path> found = Files.walk(directory)) {
            Map<String, String> files = new TreeMap<>();
            for (Path file : found.filter(Files::isRegularFile).toList()) {
                if (!file.getFileName().toString().startsWith("LOCK")) {
                    files.put(directory.relativize(file).toString(), Files.readString(file));
                }
            }
            return files;
        }
    }

    private static StoreException refusal(Path directory) throws IOException {
        boolean isDirectory = Files.isDirectory(directory);
        Map<String, String> before = isDirectory ? files(directory) : Map.of();
        Throwable refusal = catchThrowable(() -> JsonStore.open(directory));
        assertThat(refusal).isInstanceOf(StoreException.class);
        assertThat(isDirectory ? files(directory) : Map.of())
                .as("the files after a refusal")
                .isEqualTo(before);
        return (StoreException) refusal;
    }

    @Test
    void a_manifest_that_is_gone_is_no_reason_to_start_empty() throws IOException {
        Path directory = closedStore();
        Files.delete(directory.resolve(Manifest.NAME));

        assertThat(refusal(directory))
                .isInstanceOf(CorruptStoreException.class)
                .hasMessageContaining(directory.toString())
                .hasMessageContaining("there is no MANIFEST.json")
                .hasMessageContaining("restore the manifest from a backup");
    }

    @Test
    void a_journal_that_is_gone_is_no_reason_to_start_empty() throws IOException {
        Path directory = closedStore();
        for (String name : files(directory).keySet()) {
            if (name.startsWith("journal-")) {
                Files.delete(directory.resolve(name));
            }
        }

        assertThat(refusal(directory))
                .isInstanceOf(CorruptStoreException.class)
                .hasMessageContaining("its journal is gone")
                .hasMessageContaining("restore a backup");
    }

    @Test
    void a_snapshot_that_is_gone_or_damaged_is_not_needed_while_the_journal_goes_back_far_enough() throws IOException {
        for (boolean gone : List.of(true, false)) {
            Path directory = closedStore();
            Sample.Content before;
            try (JsonStore whole = JsonStore.open(directory)) {
                whole.checkpoint();
                before = Sample.content(whole);
            }
            List<Path> snapshots = files(directory).keySet().stream()
                    .filter(name -> name.startsWith("snapshot-"))
                    .sorted()
                    .map(directory::resolve)
                    .toList();
            assertThat(snapshots).hasSize(2);
            harm(snapshots.get(1), gone);
            for (int opening = 0; opening < 2; opening++) {
                try (JsonStore store = JsonStore.open(directory)) {
                    assertThat(store.describe().openReport().olderSnapshot()).isTrue();
                    assertThat(Sample.content(store)).isEqualTo(before);
                }
            }
            // the journal does not go back to the first line any more
            harm(snapshots.get(0), gone);
            assertThat(refusal(directory))
                    .isInstanceOf(CorruptStoreException.class)
                    .hasMessageContaining(snapshots.get(1).toString())
                    .hasMessageContaining("restore a backup");
            wipe(directory);
        }
    }

    private static void harm(Path file, boolean gone) throws IOException {
        if (gone) {
            Files.delete(file);
        } else {
            Files.writeString(file, Files.readString(file).replace("agent:1", "agent:9"));
        }
    }

    private static void wipe(Path directory) throws IOException {
        try (Stream<Path> all = Files.walk(directory)) {
            for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    @Test
    void a_directory_of_something_else_is_left_alone() throws IOException {
        Path directory = Files.createDirectory(
                temporary.resolve("photos"),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        Files.writeString(directory.resolve("journal-0000000000000001.jsonl"), "my diary, one line\n");
        assertThat(refusal(directory)).hasMessageContaining("choose an empty directory");

        Files.writeString(directory.resolve("journal-0000000000000001.jsonl"), "my diary, not even one line");
        assertThat(refusal(directory)).hasMessageContaining("choose an empty directory");

        Files.delete(directory.resolve("journal-0000000000000001.jsonl"));
        Files.writeString(directory.resolve("holiday.txt"), "sun");
        assertThat(refusal(directory)).hasMessageContaining("holiday.txt");
    }

    @Test
    void a_file_a_tilde_and_a_directory_open_to_others_are_refused() throws IOException {
        Path file = Files.writeString(temporary.resolve("file"), "content");
        assertThat(refusal(file)).hasMessageContaining("is a file").hasMessageContaining("choose another path");
        assertThat(file).hasContent("content");
        assertThat(catchThrowable(() -> JsonStore.open(file.resolve("store"))))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining(file.resolve("store").toString());

        assertThat(catchThrowable(() -> JsonStore.open(Path.of("~/lifecycle-data"))))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("user.home");
        assertThat(Path.of("~")).doesNotExist();

        Path directory = closedStore();
        for (String permissions : List.of("rwxr-xr-x", "rwx-w----", "rwx-----x")) {
            Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString(permissions));
            assertThat(refusal(directory)).hasMessageContaining("chmod 700 " + directory);
        }
    }

    @Test
    void everything_is_for_its_owner_only() throws IOException {
        Path directory = temporary.resolve("above").resolve("lifecycle-data");
        Limits busy = new Limits(4 << 20, 500, 600, 0, 50);
        for (int i = 0; i < 2; i++) {
            try (JsonStore store = JsonStore.open(directory, new FileIo(), busy)) {
                for (long version = 1; version <= 5; version++) {
                    Sample.applied(store, Sample.put("agent:" + i, version));
                }
            }
        }
        Path last;
        try (Stream<Path> found = Files.list(directory)) {
            last = found.filter(path -> path.getFileName().toString().startsWith("journal"))
                    .max(Path::compareTo)
                    .orElseThrow();
        }
        Files.writeString(last, "torn", StandardOpenOption.APPEND);
        Files.delete(directory.resolve("LOCK.info"));
        try (JsonStore store = JsonStore.open(directory)) {
            assertThat(store.describe().openReport().cutBytes()).isEqualTo(4);
            try (Stream<Path> all = Files.walk(directory.getParent())) {
                List<Path> paths = all.toList();
                assertThat(paths).hasSizeGreaterThan(10);
                for (Path path : paths) {
                    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
                            .as("%s", path)
                            .isEqualTo(Files.isDirectory(path) ? "rwx------" : "rw-------");
                }
            }
        }
    }

    // ---- on a disk in memory

    @Test
    void a_newer_format_is_refused_and_what_may_be_skipped_is_skipped() {
        Map<Path, byte[]> files = Journals.closed(COMMITS);
        Path manifest = Journals.file(Manifest.NAME);
        assertNewer(Journals.with(
                files,
                manifest,
                new String(files.get(manifest), UTF_8)
                        .replace("\"format\":2", "\"format\":3")
                        .replaceFirst(",\"crc\":.*", "}")
                        .getBytes(UTF_8)));
        Path segment = Journals.last(files);
        assertNewer(Journals.with(files, segment, appended(files, "\"kind\":\"handover\",\"to\":{\"a\":[1]}")));
        String storeId = storeId(files);
        assertNewer(Journals.with(
                files, segment, appended(files, LineWriter.open(storeId, Manifest.FORMAT + 1, Sample.NOON))));

        Map<Path, byte[]> skipped = Journals.with(
                files, segment, appended(files, "\"kind\":\"handover\",\"to\":{\"a\":[1]},\"ignorable\":true"));
        try (JsonStore store = Sample.open(MemoryIo.of(skipped))) {
            assertThat(Sample.content(store)).isEqualTo(Sample.content(COMMITS));
            assertThat(store.describe().openReport().cutBytes()).isZero();
        }
    }

    private static String storeId(Map<Path, byte[]> files) {
        return Manifest.decode(new String(files.get(Journals.file(Manifest.NAME)), UTF_8))
                .storeId();
    }

    /** The last segment with one more line. */
    private static byte[] appended(Map<Path, byte[]> files, String body) {
        byte[] whole = files.get(Journals.last(files));
        List<String> lines = Journals.lines(whole);
        String last = lines.get(lines.size() - 1);
        long seq = Long.parseLong(last.substring("{\"seq\":".length(), last.indexOf(',')));
        String crc = last.substring(last.length() - 11, last.length() - 3);
        return (new String(whole, UTF_8)
                        + new String(
                                LineWriter.line(seq + 1, crc, whole.length, body)
                                        .bytes(),
                                UTF_8))
                .getBytes(UTF_8);
    }

    private static void assertNewer(Map<Path, byte[]> files) {
        var disk = MemoryIo.of(files);
        assertThat(catchThrowable(() -> Sample.open(disk)))
                .isInstanceOf(StoreException.class)
                .isNotInstanceOf(CorruptStoreException.class)
                .hasMessageContaining(Sample.DIRECTORY.toString())
                .hasMessageMatching(".*(newer|that) version.*");
        assertThat(Journals.same(disk.files(), files)).isTrue();
    }

    @Test
    void a_making_that_is_cut_short_anywhere_is_done_again() {
        var sound = new DisturbedIo(new MemoryIo());
        Sample.open(sound);
        int operations = sound.changes();
        assertThat(operations).isGreaterThan(10);
        for (int i = 0; i < operations; i++) {
            for (boolean torn : List.of(true, false)) {
                int at = i;
                var disk = new MemoryIo();
                var io = new DisturbedIo(disk).disturb(new DisturbedIo.Disturbance() {
                    @Override
                    public void before(DisturbedIo.Op op) throws IOException {
                        if (op.changes() && op.number() >= at) {
                            throw new IOException("planted at " + op);
                        }
                    }

                    @Override
                    public int takes(DisturbedIo.Op op) {
                        return (int) (op.number() == at ? torn ? op.bytes() / 2 : 0 : op.bytes());
                    }
                });
                assertThat(catchThrowable(() -> Sample.open(io)))
                        .isInstanceOf(StoreException.class)
                        .hasMessageContaining(Sample.DIRECTORY.toString());

                for (MemoryIo left : List.of(disk.kill(), disk.crash())) {
                    try (JsonStore store = Sample.open(left)) {
                        Sample.applied(store, Sample.put("a", 1));
                    }
                    try (JsonStore store = Sample.open(left)) {
                        assertThat(Sample.content(store).records()).containsExactly(Sample.record("a", 1));
                    }
                }
            }
        }
    }

    @Test
    void a_directory_in_which_nothing_can_be_made_is_refused() {
        Map<Path, byte[]> files = Journals.closed(COMMITS);
        for (Map<Path, byte[]> given : List.of(files, Map.<Path, byte[]>of())) {
            var disk = MemoryIo.of(given);
            var io = new DisturbedIo(disk)
                    .fail(op -> op.kind() == DisturbedIo.Kind.CREATE || op.kind() == DisturbedIo.Kind.CREATE_DIRECTORY);

            assertThat(catchThrowable(() -> Sample.open(io)))
                    .isInstanceOf(StoreException.class)
                    .hasMessageContaining(Sample.DIRECTORY + " cannot be opened");
            assertThat(Journals.same(disk.files(), given)).isTrue();
            // the lock was let go
            Sample.open(disk).close();
        }
    }

    @Test
    void a_manifest_that_is_no_manifest_is_refused() {
        Map<Path, byte[]> files = Journals.closed(COMMITS);
        Path manifest = Journals.file(Manifest.NAME);
        for (String text : List.of("", "\n", "{}\n", "null\n", "[]\n", "{\"format\":1}\n", "\u0000\u0000\u0000")) {
            var disk = MemoryIo.of(Journals.with(files, manifest, text.getBytes(UTF_8)));
            assertThat(catchThrowable(() -> Sample.open(disk)))
                    .as("manifest <%s>", text)
                    .isInstanceOf(CorruptStoreException.class)
                    .hasMessageContaining(manifest + " is damaged at byte 0")
                    .hasMessageContaining("restore a backup");
        }
    }

    @Test
    void a_record_of_a_kind_that_nobody_knew_is_in_the_snapshot_too() {
        var disk = new MemoryIo();
        var scope = new RecordKey(TenantId.of("acme"), "scope", "fleet");
        StoredRecord record = Sample.record(scope, 1, "{\"stop\":true}");
        Limits always = new Limits(4 << 20, 64L << 20, 8L << 20, 0, 3_600_000);
        for (int i = 0; i < 3; i++) {
            try (JsonStore store = JsonStore.open(Sample.DIRECTORY, disk, always)) {
                if (i == 0) {
                    Sample.applied(store, Sample.put(record));
                    Sample.applied(store, Sample.put("a", 1));
                    store.heartbeats(List.of(Sample.beat("a", 7)));
                }
                assertThat(store.get(scope)).contains(record);
                assertThat(store.liveness(Sample.key("a")))
                        .contains(Sample.beat("a", 7).liveness());
                assertThat(store.findCommit(Sample.put(record).requestId())).isPresent();
            }
        }
    }
}
