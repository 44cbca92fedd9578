package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.agentlifecycle.core.error.CorruptStoreException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.StoredEvent;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What is not what was written is never opened as something else, and never changed. */
class DamageTest {
    private static final List<Commit> COMMITS = Journals.commits(14);
    private static final Sample.Content ALL = Sample.content(COMMITS);

    /** Each byte of {@code file} becomes each other value. */
    private interface Look {
        /** {@code refusal} is empty if the damaged store was opened. */
        void at(int offset, MemoryIo disk, Map<Path, byte[]> before, Optional<StoreException> refusal);
    }

    /** Whether nothing but reading that journal would tell more. */
    private interface Skip {
        boolean test(int change, byte[] damaged);
    }

    private static int changeEveryByte(Map<Path, byte[]> files, Path file, Look look) {
        return changeEveryByte(files, file, (change, damaged) -> false, look);
    }

    private static int changeEveryByte(Map<Path, byte[]> files, Path file, Skip skip, Look look) {
        byte[] whole = files.get(file);
        var variants = new AtomicInteger();
        IntStream.range(0, whole.length).parallel().forEach(offset -> {
            for (int change = 1; change < 256; change++) {
                byte[] damaged = whole.clone();
                damaged[offset] ^= (byte) change;
                variants.incrementAndGet();
                if (skip.test(change, damaged)) {
                    continue;
                }
                Map<Path, byte[]> before = Journals.with(files, file, damaged);
                var disk = MemoryIo.of(before);
                Optional<StoreException> refusal = recover(disk);
                if (refusal.isPresent() && !Journals.same(disk.files(), before)) {
                    throw new AssertionError(
                            file + " was changed at " + offset + " by " + change + ", refused, and files changed");
                }
                look.at(offset, disk, before, refusal);
            }
        });
        return variants.get();
    }

    private static Optional<StoreException> recover(MemoryIo disk) {
        try {
            Recovery.open(disk, Sample.DIRECTORY);
            return Optional.empty();
        } catch (StoreException e) {
            return Optional.of(e);
        } catch (IOException e) {
            throw new AssertionError("not a typed refusal", e);
        }
    }

    @Test
    @Tag("once")
    void each_byte_of_a_journal_changed_to_each_other_value_is_noticed() {
        List<Commit> commits = Journals.longCommits(5);
        Sample.Content all = Sample.content(commits);
        Map<Path, byte[]> files = Journals.closed(commits);
        Path file = Journals.last(files);
        byte[] whole = files.get(file);
        assertThat(whole.length).isGreaterThan(4096);
        List<Integer> bounds = Journals.bounds(whole);
        int close = bounds.get(bounds.size() - 2);

        Segment segment =
                Segment.named(Sample.DIRECTORY, file.getFileName().toString()).orElseThrow();
        String prev = new String(whole, UTF_8).split("\"prev\":\"")[1].substring(0, 8);
        // reading the journal is enough to refuse it; a few changes of each byte go through the whole opening
        Skip refusedByReading = (change, damaged) -> Integer.bitCount(change) != 1 && isRefused(segment, prev, damaged);

        int variants = changeEveryByte(files, file, refusedByReading, (offset, disk, before, refusal) -> {
            int line = bounds.stream()
                    .filter(bound -> bound <= offset)
                    .max(Integer::compareTo)
                    .orElseThrow();
            if (refusal.isPresent()) {
                CorruptStoreException corrupt = (CorruptStoreException) refusal.get();
                if (!corrupt.file().equals(file.toString()) || corrupt.offset() != line || offset >= close) {
                    throw new AssertionError("byte " + offset + ": " + corrupt.getMessage());
                }
            } else {
                // the last line says only that the store was closed, so it may be torn
                assertThat(offset).isGreaterThanOrEqualTo(close);
                try (JsonStore store = Sample.open(disk)) {
                    assertThat(Sample.content(store)).isEqualTo(all);
                }
            }
        });

        assertThat(variants).isEqualTo(whole.length * 255);
    }

    private static boolean isRefused(Segment segment, String prev, byte[] damaged) {
        try {
            segment.scan(
                    MemoryIo.of(Map.of(segment.file(), damaged)), segment.firstSeq(), prev, true, (line, offset) -> {});
            return false;
        } catch (CorruptStoreException e) {
            return true;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void each_byte_of_an_older_segment_changed_to_each_other_value_is_refused() {
        Map<Path, byte[]> files = Journals.closed(COMMITS);
        Path file = Segment.at(Sample.DIRECTORY, 1).file();

        changeEveryByte(
                files,
                file,
                (offset, disk, before, refusal) -> assertThat(refusal.map(StoreException::getMessage))
                        .as("byte %d", offset)
                        .hasValueSatisfying(message -> assertThat(message).contains(file + " is damaged at byte 0")));
    }

    @Test
    void each_byte_of_a_manifest_changed_to_each_other_value_is_refused() {
        Map<Path, byte[]> files = Journals.withSnapshot(COMMITS);
        Path file = Journals.file(Manifest.NAME);

        changeEveryByte(
                files,
                file,
                (offset, disk, before, refusal) -> assertThat(refusal)
                        .as("byte %d, now %s", offset, new String(before.get(file), UTF_8))
                        .isPresent());
    }

    @Test
    @Tag("once")
    void each_byte_of_a_snapshot_changed_to_each_other_value_is_noticed() {
        Map<Path, byte[]> files = Journals.withSnapshot(COMMITS);
        Path file = Journals.snapshot(files);
        Manifest manifest = Manifest.decode(new String(files.get(Journals.file(Manifest.NAME)), UTF_8));
        Manifest.Reference reference = manifest.snapshot().orElseThrow();
        String storeId = manifest.storeId();
        byte[] whole = files.get(file);

        IntStream.range(0, whole.length).parallel().forEach(offset -> {
            for (int change = 1; change < 256; change++) {
                byte[] damaged = whole.clone();
                damaged[offset] ^= (byte) change;
                MemoryIo disk = MemoryIo.of(Map.of(file, damaged));
                assertThatThrownBy(() -> Snapshot.requireSound(disk, Sample.DIRECTORY, reference))
                        .isInstanceOf(CorruptStoreException.class)
                        .hasMessageContaining(file.toString());
                // whatever it reads before it comes to the digest; what has a meaning there is what may lead it astray
                if (change == 1 || "\n\r\"\\{}[],:".indexOf(damaged[offset]) >= 0) {
                    assertThatThrownBy(() -> Snapshot.load(
                                    disk, Sample.DIRECTORY, reference, storeId, new Contents(new EventLog(List.of()))))
                            .as("byte %d", offset)
                            .isInstanceOf(CorruptStoreException.class)
                            .hasMessageContaining(file.toString());
                }
            }
        });
        // the journal has everything, so the store opens all the same
        for (int offset = 0; offset < whole.length; offset++) {
            byte[] damaged = whole.clone();
            damaged[offset] ^= 1;
            assertOpens(Journals.with(files, file, damaged), ALL);
        }
    }

    @Test
    void a_record_of_a_snapshot_that_ends_where_its_body_should_begin_is_damage() {
        Map<Path, byte[]> files = Journals.withSnapshot(COMMITS);
        Path file = Journals.snapshot(files);
        byte[] damaged = files.get(file).clone();
        String text = new String(damaged, ISO_8859_1);
        damaged[text.indexOf("\"body\":{") + "\"body\":".length()] = '\n';

        assertOpens(Journals.with(files, file, damaged), ALL);
    }

    /** What an audit segment says, read in each way. */
    private record Said(List<LoggedCommit> commits, List<List<StoredEvent>> trails) {}

    private static Said read(Map<Path, byte[]> files, Manifest.Audit audit) throws IOException {
        var segment = new AuditSegment(MemoryIo.of(files), Sample.DIRECTORY, audit);
        List<LoggedCommit> logged = segment.commitsAfter(0, 1_000);
        List<List<StoredEvent>> trails = new ArrayList<>();
        for (String stream : List.of("agent:0", "agent:1", "agent:2", "nobody")) {
            Optional<Shelf.Range> range = segment.range(stream);
            trails.add(
                    range.isEmpty()
                            ? List.of()
                            : segment.events(
                                    stream, range.get().first(), range.get().end()));
        }
        return new Said(logged, trails);
    }

    private static void changeEveryByteOfAudit(List<Commit> commits, Function<Manifest.Audit, String> which)
            throws IOException {
        Map<Path, byte[]> all = Journals.withSnapshot(commits);
        Manifest.Audit audit = Manifest.decode(new String(all.get(Journals.file(Manifest.NAME)), UTF_8))
                .audit()
                .get(0);
        Path file = Journals.file(which.apply(audit));
        Map<Path, byte[]> files = new HashMap<>();
        for (Path path : List.of(Journals.file(audit.file()), Journals.file(audit.indexFile()))) {
            files.put(path, all.get(path));
        }
        Said whole = read(files, audit);
        assertThat(whole.commits()).hasSameSizeAs(commits);
        byte[] sound = files.get(file);

        IntStream.range(0, sound.length).parallel().forEach(offset -> {
            for (int change = 1; change < 256; change++) {
                byte[] damaged = sound.clone();
                damaged[offset] ^= (byte) change;
                try {
                    Said said = read(Journals.with(files, file, damaged), audit);
                    throw new AssertionError("byte %d changed by %d of %s: it says %s"
                            .formatted(offset, change, file, said.equals(whole) ? "the same" : said));
                } catch (CorruptStoreException e) {
                    assertThat(e.file()).isEqualTo(file.toString());
                } catch (IOException e) {
                    throw new AssertionError("not a typed refusal", e);
                }
            }
        });
    }

    @Test
    @Tag("once")
    void each_byte_of_an_audit_segment_changed_to_each_other_value_is_noticed() throws IOException {
        changeEveryByteOfAudit(Journals.commits(4), Manifest.Audit::file);
    }

    @Test
    @Tag("once")
    void each_byte_of_an_audit_index_changed_to_each_other_value_is_noticed() throws IOException {
        changeEveryByteOfAudit(Journals.commits(9), Manifest.Audit::indexFile);
    }

    /** From 2 to 64 bytes become others. */
    private static byte[] burst(byte[] whole, int from, int length, Random random) {
        byte[] damaged = whole.clone();
        for (int i = from; i < Math.min(from + length, whole.length); i++) {
            damaged[i] ^= (byte) (1 + random.nextInt(255));
        }
        return damaged;
    }

    @Test
    @Tag("deep")
    void bursts_of_other_bytes_in_a_journal_are_noticed() {
        Map<Path, byte[]> files = Journals.closed(Journals.longCommits(5));
        Path file = Journals.last(files);
        byte[] whole = files.get(file);
        List<Integer> bounds = Journals.bounds(whole);
        int close = bounds.get(bounds.size() - 2);
        Segment segment =
                Segment.named(Sample.DIRECTORY, file.getFileName().toString()).orElseThrow();
        String prev = new String(whole, UTF_8).split("\"prev\":\"")[1].substring(0, 8);

        IntStream.range(0, 1_000).parallel().forEach(seed -> {
            var random = new Random(seed);
            for (int i = 0; i < 10_000; i++) {
                int from = random.nextInt(whole.length);
                int length = 2 + random.nextInt(63);
                boolean refused = isRefused(segment, prev, burst(whole, from, length, random));
                // what reaches into the last line leaves nothing behind it that could tell
                if (!refused && from + length <= close) {
                    throw new AssertionError("%d bytes from %d on, seed %d".formatted(length, from, seed));
                }
            }
        });
    }

    @Test
    @Tag("deep")
    void bursts_of_other_bytes_in_a_manifest_or_a_snapshot_are_refused() {
        Map<Path, byte[]> files = Journals.withSnapshot(COMMITS);
        byte[] manifest = files.get(Journals.file(Manifest.NAME));
        Path snapshot = Journals.snapshot(files);
        byte[] whole = files.get(snapshot);
        Manifest.Reference reference =
                Manifest.decode(new String(manifest, UTF_8)).snapshot().orElseThrow();

        IntStream.range(0, 1_000).parallel().forEach(seed -> {
            var random = new Random(seed);
            for (int i = 0; i < 1_000; i++) {
                byte[] other = burst(manifest, random.nextInt(manifest.length), 2 + random.nextInt(63), random);
                assertThatThrownBy(() -> Manifest.decode(new String(other, UTF_8)))
                        .isInstanceOf(IllegalArgumentException.class);
                byte[] damaged = burst(whole, random.nextInt(whole.length), 2 + random.nextInt(63), random);
                assertThatThrownBy(() -> Snapshot.requireSound(
                                MemoryIo.of(Map.of(snapshot, damaged)), Sample.DIRECTORY, reference))
                        .isInstanceOf(CorruptStoreException.class);
            }
        });
    }

    @Test
    void a_line_that_is_missing_doubled_or_swapped_is_noticed_at_each_place() {
        for (boolean closed : List.of(true, false)) {
            Map<Path, byte[]> files = closed ? Journals.closed(COMMITS) : Journals.killed(COMMITS);
            Path file = Journals.last(files);
            List<String> lines = Journals.lines(files.get(file));
            int last = lines.size() - 1;
            for (int i = 0; i <= last; i++) {
                List<String> removed = new ArrayList<>(lines);
                removed.remove(i);
                List<String> doubled = new ArrayList<>(lines);
                doubled.add(i, lines.get(i));
                if (i < last) {
                    List<String> swapped = new ArrayList<>(lines);
                    Collections.swap(swapped, i, i + 1);
                    assertRefused(Journals.with(files, file, Journals.bytes(removed)), "line " + i + " removed");
                    assertRefused(Journals.with(files, file, Journals.bytes(doubled)), "line " + i + " doubled");
                    assertRefused(Journals.with(files, file, Journals.bytes(swapped)), "line " + i + " swapped");
                } else {
                    assertOpens(Journals.with(files, file, Journals.bytes(doubled)), ALL);
                    assertOpens(
                            Journals.with(files, file, Journals.bytes(removed)),
                            closed ? ALL : Sample.content(COMMITS.subList(0, COMMITS.size() - 1)));
                }
            }
        }
    }

    @Test
    void a_sound_line_that_another_one_does_not_follow_is_refused_at_each_place() {
        Map<Path, byte[]> files = Journals.killed(COMMITS);
        Path file = Journals.last(files);
        List<String> lines = Journals.lines(files.get(file));
        for (int i = 1; i < lines.size() - 1; i++) {
            String line = lines.get(i);
            String content = line.substring(0, line.lastIndexOf(",\"crc\"")).replace("12:00:0", "12:30:0");
            byte[] bytes = content.getBytes(UTF_8);
            List<String> forged = new ArrayList<>(lines);
            forged.set(i, content + ",\"crc\":\"" + LineWriter.crc(bytes, 0, bytes.length) + "\"}\n");
            assertThat(forged).isNotEqualTo(lines);
            assertRefused(Journals.with(files, file, Journals.bytes(forged)), "line " + i + " replaced");
        }
    }

    @Test
    void a_checksum_in_capitals_is_another_one() {
        Map<Path, byte[]> files = Journals.killed(COMMITS);
        Path file = Journals.last(files);
        List<String> lines = Journals.lines(files.get(file));
        int changed = 0;
        for (int i = 0; i < lines.size() - 1; i++) {
            String line = lines.get(i);
            int crc = line.length() - "00000000\"}\n".length();
            String capitals =
                    line.substring(0, crc) + line.substring(crc, crc + 8).toUpperCase(Locale.ROOT) + "\"}\n";
            if (!capitals.equals(line)) {
                changed++;
                List<String> damaged = new ArrayList<>(lines);
                damaged.set(i, capitals);
                assertRefused(Journals.with(files, file, Journals.bytes(damaged)), "line " + i);
            }
        }
        assertThat(changed).isPositive();
        // a checksum without letters has no capitals
        for (int count = 2; count <= COMMITS.size(); count++) {
            Map<Path, byte[]> fewer = Journals.killed(COMMITS.subList(0, count));
            byte[] whole = fewer.get(Journals.last(fewer));
            String text = new String(whole, UTF_8);
            int crc = text.length() - "00000000\"}\n".length();
            String capitals = text.substring(0, crc) + text.substring(crc).toUpperCase(Locale.ROOT);
            List<String> own = Journals.lines(whole);
            if (!capitals.equals(text) && Journals.isCommit(own.get(own.size() - 1))) {
                assertOpens(
                        Journals.with(fewer, Journals.last(fewer), capitals.getBytes(UTF_8)),
                        Sample.content(COMMITS.subList(0, count - 1)));
            }
        }
    }

    @Test
    void a_segment_that_is_missing_foreign_or_of_another_store_is_refused() {
        Map<Path, byte[]> files = manySegments();
        List<Path> segments = files.keySet().stream()
                .filter(path -> path.getFileName().toString().startsWith("journal-"))
                .toList();
        assertThat(segments).hasSizeGreaterThan(4);
        Map<Path, byte[]> others = manySegments();

        for (int i = 0; i < segments.size(); i++) {
            Path segment = segments.get(i);
            if (i < segments.size() - 1) {
                assertRefused(Journals.without(files, segment), "without " + segment);
            }
            assertRefused(Journals.with(files, segment, others.get(segment)), "another store's " + segment);
        }
        Path foreign = Journals.file("journal-0000000000099999.jsonl");
        assertRefused(Journals.with(files, foreign, "{}\n".getBytes(UTF_8)), "a foreign segment");
        assertRefused(Journals.with(files, foreign, others.get(segments.get(2))), "a foreign segment");
    }

    private static Map<Path, byte[]> manySegments() {
        var disk = new MemoryIo();
        for (int i = 0; i < 4; i++) {
            try (JsonStore store = Sample.open(disk)) {
                Sample.applied(store, Sample.put("agent:" + i, 1));
            }
        }
        return disk.files();
    }

    private static void assertRefused(Map<Path, byte[]> files, String what) {
        var disk = MemoryIo.of(files);
        Throwable refusal = catchThrowable(() -> Sample.open(disk));
        assertThat(refusal).as(what).isInstanceOf(CorruptStoreException.class);
        CorruptStoreException corrupt = (CorruptStoreException) refusal;
        assertThat(corrupt.file()).startsWith(Sample.DIRECTORY.toString());
        assertThat(corrupt.hint()).isNotBlank();
        assertThat(Journals.same(disk.files(), files))
                .as(what + ": files changed")
                .isTrue();
    }

    private static void assertOpens(Map<Path, byte[]> files, Sample.Content expected) {
        try (JsonStore store = Sample.open(MemoryIo.of(files))) {
            assertThat(Sample.content(store)).isEqualTo(expected);
        }
    }
}
