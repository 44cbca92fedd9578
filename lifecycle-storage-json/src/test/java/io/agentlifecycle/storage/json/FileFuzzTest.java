package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.storage.json.FleetFiles.OnRejected;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Whatever stands in a file, reading it ends, with an answer: it is refused by one of our exceptions, or it is taken, and
 * then it is what it says. Checksums are put right first where there are any, or nothing would get past them.
 *
 * <p>A plain build tries real files and small changes to them. It leaves Jazzer out, whose agent takes long to begin and says
 * much. With JAZZER_FUZZ=1 one of the methods that Jazzer knows goes on looking; CONTRIBUTING.md says how.
 */
class FileFuzzTest {
    private static final int CHANGES = 250;
    private static final Map<Path, byte[]> KILLED = Journals.killed(Journals.commits(9));
    private static final Map<Path, byte[]> WITH_SNAPSHOT = Journals.withSnapshot(Journals.longCommits(5));
    private static final Map<Path, byte[]> AUDITED = Journals.withSnapshot(Journals.commits(9));
    private static final String AUDIT = ".jsonl";
    private static final String INDEX = ".index";
    private static final Pattern LINE = Pattern.compile(
            "\\{\"seq\":[0-9]+,\"prev\":\"[0-9a-f]{8}\",\"durable\":[0-9]+,(.*),\"crc\":\"[0-9a-f]{8}\"\\}");

    // ---- the properties

    /** Opens what stands there; if it is taken, it must be the same once more, and in another store. */
    private static void open(Map<Path, byte[]> files) {
        var disk = MemoryIo.of(files);
        Sample.Content taken;
        try (JsonStore store = Sample.open(disk)) {
            taken = Sample.content(store);
            taken.events()
                    .forEach(event -> assertThat(store.trail(event.stream(), event.n(), 1))
                            .contains(event));
        } catch (StoreException e) {
            assertThat(e).as("what is refused says why").hasMessageMatching("(?s).{10,}");
            return;
        }
        try (JsonStore again = Sample.open(disk)) {
            assertThat(Sample.content(again)).as("opened again").isEqualTo(taken);
        }
        copied(taken);
    }

    /** What was read can be written, and is then read as it was. */
    private static void copied(Sample.Content taken) {
        if (taken.events().stream().anyMatch(StoredEvent::isPruned)) {
            return; // nobody can commit what has no text
        }
        var disk = new MemoryIo();
        Sample.Content before;
        try (JsonStore copy = Sample.open(disk)) {
            int request = 0;
            for (StoredRecord record : taken.records()) {
                var first = new StoredRecord(record.key(), 1, record.dueAt(), record.body(), record.index());
                Sample.applied(copy, Sample.commit("r" + request++, List.of(new Mutation.Put(first)), List.of()));
            }
            for (StoredEvent event : taken.events()) {
                Sample.applied(copy, Sample.commit("r" + request++, List.of(), List.of(event)));
            }
            before = Sample.content(copy);
        }
        assertThat(before.events()).isEqualTo(taken.events());
        assertThat(before.records().stream().map(StoredRecord::body))
                .isEqualTo(taken.records().stream().map(StoredRecord::body).toList());
        try (JsonStore copy = Sample.open(disk)) {
            assertThat(Sample.content(copy)).isEqualTo(before);
        }
    }

    /** The bytes as the last segment. */
    private static void segment(byte[] bytes) {
        open(Journals.with(KILLED, Journals.last(KILLED), bytes));
    }

    /** Each line as the content of a line whose number, chain and checksum are right, after an opening line that is. */
    private static void contents(byte[] bytes) {
        List<String> real = Journals.lines(KILLED.get(Journals.last(KILLED)));
        var segment = new ByteArrayOutputStream();
        segment.writeBytes(real.get(0).getBytes(UTF_8));
        String prev =
                real.get(0).substring(real.get(0).length() - 11, real.get(0).length() - 3);
        Matcher numbers = Pattern.compile("\\{\"seq\":([0-9]+),.*\n").matcher(real.get(0));
        assertThat(numbers.matches()).isTrue();
        long seq = Long.parseLong(numbers.group(1));
        for (String content : new String(bytes, ISO_8859_1).split("\n", -1)) {
            byte[] line = ("{\"seq\":%d,\"prev\":\"%s\",\"durable\":%d,%s"
                            .formatted(++seq, prev, segment.size(), content))
                    .getBytes(ISO_8859_1);
            var crc = new CRC32C();
            crc.update(line);
            prev = "%08x".formatted((int) crc.getValue());
            segment.writeBytes(line);
            segment.writeBytes((",\"crc\":\"" + prev + "\"}\n").getBytes(UTF_8));
        }
        segment(segment.toByteArray());
    }

    private static void manifest(byte[] bytes) {
        open(Journals.with(WITH_SNAPSHOT, Journals.file(Manifest.NAME), bytes));
    }

    /** The bytes as the snapshot, with the digest that they have. */
    private static void snapshot(byte[] bytes) {
        Path file = Journals.snapshot(WITH_SNAPSHOT);
        String mark = ",\"sha256\":\"";
        String before = new String(WITH_SNAPSHOT.get(file), UTF_8);
        String old = before.substring(before.lastIndexOf(mark) + mark.length(), before.length() - 3);
        String text = new String(bytes, UTF_8);
        int end = text.lastIndexOf(mark);
        if (end < 0 || !Arrays.equals(text.getBytes(UTF_8), bytes)) {
            open(Journals.with(WITH_SNAPSHOT, file, bytes));
            return;
        }
        String digest = Digests.sha256(text.substring(0, end));
        Map<Path, byte[]> files = new HashMap<>(WITH_SNAPSHOT);
        files.put(file, (text.substring(0, end) + mark + digest + "\"}\n").getBytes(UTF_8));
        files.computeIfPresent(
                Journals.file(Manifest.NAME),
                (path, manifest) ->
                        new String(manifest, UTF_8).replace(old, digest).getBytes(UTF_8));
        open(files);
    }

    /** The bytes as the only audit segment, or as its index. */
    private static void audit(byte[] bytes, String end) {
        open(Journals.with(AUDITED, audit(end), bytes));
    }

    private static Path audit(String end) {
        return AUDITED.keySet().stream()
                .filter(path ->
                        path.getParent().endsWith("audit") && path.toString().endsWith(end))
                .findAny()
                .orElseThrow();
    }

    private static void agentMesh(byte[] bytes) {
        Path file = null;
        try (LifecycleManager manager = LifecycleManager.builder()
                .clock(MutableClock.at("2026-04-12T00:00:00Z"))
                .build()) {
            file = Files.write(Files.createTempFile("agentmesh", ".json"), bytes);
            try {
                AgentMeshReport report = FleetFiles.importAgentMesh(
                        manager, file, Actor.human("admin@company.com"), OnRejected.LEAVE_BEHIND);
                assertThat(manager.query(AgentQuery.all().includingRetired()))
                        .hasSize(report.imported().size());
                assertThat(FleetFiles.checkAgentMesh(manager, file).present())
                        .as("who is present once the file was imported")
                        .hasSameElementsAs(report.imported());
            } catch (PolicyViolationException e) {
                assertThat(e.rule()).isEqualTo("import-rejected");
                assertThat(manager.query(AgentQuery.all().includingRetired())).isEmpty();
            }
            manager.verify();
        } catch (IOException e) {
            throw new AssertionError(e);
        } finally {
            delete(file);
        }
    }

    private static void delete(@Nullable Path file) {
        try {
            if (file != null) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static void pageToken(byte[] bytes) {
        String text = new String(bytes, UTF_8);
        try {
            PageToken token = PageToken.parse(text);
            assertThat(token).hasToString(text);
            assertThat(PageToken.parse(token.toString())).isEqualTo(token);
        } catch (IllegalArgumentException e) {
            assertThat(e).hasMessageMatching("(?s).{10,}");
        }
    }

    // ---- real files

    static Stream<byte[]> segments() {
        return Stream.of(KILLED, Journals.closed(Journals.commits(3)), Journals.killed(Journals.longCommits(2)))
                .map(files -> files.get(Journals.last(files)));
    }

    static Stream<byte[]> lineContents() {
        String all = "";
        for (Map<Path, byte[]> files : List.of(KILLED, Journals.closed(Journals.commits(3)))) {
            for (String line : Journals.lines(files.get(Journals.last(files)))) {
                Matcher matcher = LINE.matcher(line.strip());
                assertThat(matcher.matches()).as("%s", line).isTrue();
                if (!matcher.group(1).startsWith("\"kind\":\"open\"")) {
                    all += (all.isEmpty() ? "" : "\n") + matcher.group(1);
                }
            }
        }
        return Stream.of(
                all.getBytes(UTF_8),
                ("\"kind\":\"commit\",\"req\":\"x\",\"at\":\"2026-04-11T12:00:00Z\",\"checks\":[{\"t\":\"default\","
                                + "\"k\":\"agent\",\"id\":\"a\",\"v\":1},{\"t\":\"default\",\"k\":\"agent\",\"id\":\"b\"}],"
                                + "\"purges\":[{\"t\":\"default\",\"k\":\"agent\",\"id\":\"agent:0\"}]")
                        .getBytes(UTF_8),
                "\"kind\":\"later\",\"ignorable\":true".getBytes(UTF_8),
                "\"kind\":\"later\"".getBytes(UTF_8));
    }

    static Stream<byte[]> manifests() {
        return Stream.of(WITH_SNAPSHOT, KILLED).map(files -> files.get(Journals.file(Manifest.NAME)));
    }

    static Stream<byte[]> snapshots() {
        return Stream.of(WITH_SNAPSHOT.get(Journals.snapshot(WITH_SNAPSHOT)));
    }

    static Stream<byte[]> auditSegments() {
        return Stream.of(AUDITED.get(audit(AUDIT)));
    }

    static Stream<byte[]> auditIndexes() {
        return Stream.of(AUDITED.get(audit(INDEX)));
    }

    static Stream<byte[]> agentMeshFiles() {
        return Stream.of(1, 6)
                .map(count -> AgentMeshFiles.array(AgentMeshFiles.agents(count)).getBytes(UTF_8));
    }

    static Stream<byte[]> pageTokens() {
        return Stream.of("default/agent:1", "other/\u00e4 /x", "/", "a/").map(token -> token.getBytes(UTF_8));
    }

    // ---- real files and what is near to them

    private static final byte[][] WORDS = Stream.of(
                    "\"",
                    "\\",
                    "{",
                    "}",
                    "[",
                    "]",
                    ",",
                    ":",
                    "\n",
                    "\u0000",
                    "\u00e9",
                    "\ud83e\udd16",
                    "null",
                    "true",
                    "-1",
                    "0",
                    "1e9",
                    "9223372036854775807",
                    "9223372036854775808",
                    "99999999999999999999999",
                    "\\u0000",
                    "\\ud83e",
                    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
                    "+1000000000-12-31T23:59:59.999999999Z",
                    "-999999999-01-01T00:00:00Z")
            .map(word -> word.getBytes(UTF_8))
            .toArray(byte[][]::new);

    private static void near(Stream<byte[]> seeds, Consumer<byte[]> property) {
        seeds.forEach(seed -> {
            property.accept(seed);
            var random = new Random(seed.length);
            for (int i = 0; i < CHANGES; i++) {
                property.accept(changed(seed, random));
            }
        });
    }

    /** One to three changes: a byte, a piece that goes or comes twice, or a word that is likely to hurt. */
    private static byte[] changed(byte[] seed, Random random) {
        byte[] bytes = seed;
        for (int i = random.nextInt(3); i >= 0; i--) {
            int from = random.nextInt(bytes.length + 1);
            int to = Math.min(bytes.length, from + 1 + random.nextInt(random.nextInt(40) + 1));
            bytes = switch (random.nextInt(4)) {
                case 0 -> joined(bytes, 0, from, new byte[] {(byte) random.nextInt(256)}, to, bytes.length);
                case 1 -> joined(bytes, 0, from, new byte[0], to, bytes.length);
                case 2 -> joined(bytes, 0, to, new byte[0], from, bytes.length);
                default -> joined(bytes, 0, from, WORDS[random.nextInt(WORDS.length)], to, bytes.length);
            };
        }
        return bytes;
    }

    private static byte[] joined(byte[] bytes, int from, int to, byte[] between, int next, int end) {
        var out = new ByteArrayOutputStream();
        out.write(bytes, from, to - from);
        out.writeBytes(between);
        out.write(bytes, next, end - next);
        return out.toByteArray();
    }

    @Test
    void segments_near_to_real_ones_are_refused_or_taken() {
        near(segments(), FileFuzzTest::segment);
    }

    @Test
    void lines_near_to_real_ones_are_refused_or_taken() {
        near(lineContents(), FileFuzzTest::contents);
    }

    @Test
    void manifests_near_to_real_ones_are_refused_or_taken() {
        near(manifests(), FileFuzzTest::manifest);
    }

    @Test
    void snapshots_near_to_real_ones_are_refused_or_taken() {
        near(snapshots(), FileFuzzTest::snapshot);
    }

    @Test
    void audit_segments_near_to_real_ones_are_refused_or_taken() {
        near(auditSegments(), bytes -> audit(bytes, AUDIT));
    }

    @Test
    void audit_indexes_near_to_real_ones_are_refused_or_taken() {
        near(auditIndexes(), bytes -> audit(bytes, INDEX));
    }

    @Test
    void files_near_to_those_of_agent_mesh_are_refused_or_taken() {
        near(agentMeshFiles(), FileFuzzTest::agentMesh);
    }

    @Test
    void page_tokens_near_to_real_ones_are_refused_or_taken() {
        near(pageTokens(), FileFuzzTest::pageToken);
    }

    // ---- any bytes

    @MethodSource("segments")
    @FuzzTest(maxDuration = "10m")
    @Tag("deep")
    void any_segment(byte[] bytes) {
        segment(bytes);
    }

    @MethodSource("lineContents")
    @FuzzTest(maxDuration = "10m")
    @Tag("deep")
    void any_lines(byte[] bytes) {
        contents(bytes);
    }

    @MethodSource("manifests")
    @FuzzTest(maxDuration = "10m")
    @Tag("deep")
    void any_manifest(byte[] bytes) {
        manifest(bytes);
    }

    @MethodSource("snapshots")
    @FuzzTest(maxDuration = "10m")
    @Tag("deep")
    void any_snapshot(byte[] bytes) {
        snapshot(bytes);
    }

    @MethodSource("auditSegments")
    @FuzzTest(maxDuration = "10m")
    @Tag("deep")
    void any_audit_segment(byte[] bytes) {
        audit(bytes, AUDIT);
    }

    @MethodSource("auditIndexes")
    @FuzzTest(maxDuration = "10m")
    @Tag("deep")
    void any_audit_index(byte[] bytes) {
        audit(bytes, INDEX);
    }

    @MethodSource("agentMeshFiles")
    @FuzzTest(maxDuration = "10m")
    @Tag("deep")
    void any_file_of_agent_mesh(byte[] bytes) {
        agentMesh(bytes);
    }

    @MethodSource("pageTokens")
    @FuzzTest(maxDuration = "10m")
    @Tag("deep")
    void any_page_token(byte[] bytes) {
        pageToken(bytes);
    }
}
