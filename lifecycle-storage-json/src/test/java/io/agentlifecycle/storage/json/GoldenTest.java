package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.error.CorruptStoreException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Disclosure;
import io.agentlifecycle.core.store.OpenReport;
import io.agentlifecycle.core.testing.ForwardingStore;
import io.agentlifecycle.core.testing.MutableClock;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A directory as each version of the format has it: it opens for ever, and the newest one is written like this. */
class GoldenTest {
    private static final String STORE_ID = "00000000-0000-4000-8000-000000000001";
    private static final Map<Integer, List<String>> NAMES = Map.of(
            1,
            List.of(
                    "MANIFEST.json",
                    "journal-0000000000000001.jsonl",
                    "journal-0000000000000002.jsonl",
                    "journal-0000000000000012.jsonl",
                    "snapshot-0000000000000011.json"),
            2,
            List.of(
                    "MANIFEST.json",
                    "audit/audit-0000000000000001-0000000000000010.index",
                    "audit/audit-0000000000000001-0000000000000010.jsonl",
                    "audit/audit-0000000000000011-0000000000000015.index",
                    "audit/audit-0000000000000011-0000000000000015.jsonl",
                    "audit/audit-0000000000000016-0000000000000016.index",
                    "audit/audit-0000000000000016-0000000000000016.jsonl",
                    "audit/disclosures-0000000000000001-0000000000000010-0000000000000015.jsonl",
                    "audit/disclosures-0000000000000011-0000000000000015-0000000000000015.jsonl",
                    "journal-0000000000000016.jsonl",
                    "journal-0000000000000017.jsonl",
                    "journal-0000000000000019.jsonl",
                    "snapshot-0000000000000015.json",
                    "snapshot-0000000000000016.json"));
    private static final OpenReport UPGRADED = new OpenReport(0, Optional.empty(), false, Optional.of(1), List.of());
    private static final Actor OPERATOR = Actor.human("ann");
    private static final AgentId FIRST = AgentId.of("agent:first");
    private static final AgentId SECOND = AgentId.of("agent:second");

    @TempDir
    private Path temporary;

    /** Three openings, the first two of which end with a checkpoint. */
    private static Map<String, String> scenario() {
        var disk = MemoryIo.of(Map.of(
                Journals.file(Manifest.NAME),
                Manifest.of(STORE_ID).encode().getBytes(UTF_8),
                Segment.at(Sample.DIRECTORY, 1).file(),
                LineWriter.line(1, Line.NO_CRC, 0, LineWriter.open(STORE_ID, Manifest.FORMAT, Instant.EPOCH))
                        .bytes()));
        var clock = MutableClock.at("2026-04-11T12:00:00Z");
        var random = new Random(1);
        Limits snapshot = new Limits(4 << 20, 64L << 20, 8L << 20, 0, 3_600_000);
        try (JsonStore store = JsonStore.open(Sample.DIRECTORY, disk, snapshot);
                LifecycleManager manager = manager(disclosing(store), clock, random)) {
            for (AgentId id : List.of(FIRST, SECOND)) {
                manager.requestProvisioning(ProvisioningRequest.builder("golden \u00e4 \ud83e\udd16")
                        .id(id)
                        .owner("ann")
                        .purpose("stands for\nall others")
                        .requestedBy(OPERATOR)
                        .build());
                clock.advance(Duration.ofMillis(1_500));
                manager.activate(id, OPERATOR);
                manager.heartbeat(id);
            }
            manager.heartbeat(FIRST);
        }
        try (JsonStore store = JsonStore.open(Sample.DIRECTORY, disk, snapshot);
                LifecycleManager manager = manager(disclosing(store), clock, random)) {
            clock.advance(Duration.ofMinutes(1));
            manager.suspend(FIRST, "to be looked at", OPERATOR);
            store.erase("a/default/agent:first", List.of(0L));
            store.checkpoint();
        }
        try (JsonStore store = Sample.open(disk);
                LifecycleManager manager = manager(disclosing(store), clock, random)) {
            manager.decommission(SECOND, "no longer needed", OPERATOR);
        }
        Map<String, String> files = new TreeMap<>();
        disk.files()
                .forEach((path, bytes) ->
                        files.put(Sample.DIRECTORY.relativize(path).toString(), new String(bytes, UTF_8)));
        return files;
    }

    private static LifecycleManager manager(LifecycleStore store, MutableClock clock, Random random) {
        return LifecycleManager.builder()
                .store(store)
                .clock(clock)
                .random(random)
                .logOrigin("example.org/golden")
                .policy(LifecyclePolicy.builder().requireApproval(false).build())
                .build();
    }

    /** Each event of an agent discloses something. */
    private static LifecycleStore disclosing(JsonStore store) {
        return new ForwardingStore(store) {
            @Override
            public CommitResult commit(Commit commit) {
                List<Disclosure> disclosures = commit.events().stream()
                        .filter(event -> event.stream().startsWith("a/"))
                        .map(event -> new Disclosure(event.stream(), event.n(), disclosed(event.stream(), event.n())))
                        .toList();
                return super.commit(new Commit(
                        commit.requestId(),
                        commit.at(),
                        commit.checks(),
                        commit.mutations(),
                        commit.events(),
                        disclosures));
            }
        };
    }

    private static String disclosed(String stream, long n) {
        return "[\"salt\",\"\u00e4 \ud83e\udd16\",\"" + stream + " " + n + "\"]";
    }

    /** The files of a store of that format. */
    static Map<String, String> golden(int format) throws IOException {
        Map<String, String> files = new TreeMap<>();
        for (String name : NAMES.get(format)) {
            try (InputStream in = GoldenTest.class.getResourceAsStream("/golden/format-" + format + "/" + name)) {
                assertThat(in).as(name).isNotNull();
                files.put(name, new String(in.readAllBytes(), UTF_8));
            }
        }
        return files;
    }

    @Test
    void the_newest_format_is_still_written() throws IOException {
        assertThat(scenario()).isEqualTo(golden(Manifest.FORMAT));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void each_format_still_opens(int format) throws IOException {
        Path directory = temporary.resolve("lifecycle-data");
        new FileIo().createDirectory(directory);
        new FileIo().createDirectory(directory.resolve("audit"));
        for (Map.Entry<String, String> file : golden(format).entrySet()) {
            Disk.write(
                    new FileIo(),
                    directory.resolve(file.getKey()),
                    file.getValue().getBytes(UTF_8));
        }

        for (int opening = 0; opening < 3; opening++) {
            boolean first = opening == 0;
            try (JsonStore store = JsonStore.open(directory);
                    LifecycleManager manager =
                            manager(store, MutableClock.at("2026-04-11T12:02:00Z"), new Random(2 + opening))) {
                assertThat(store.describe().storeId()).isEqualTo(STORE_ID);
                assertThat(store.describe().format()).isEqualTo(Manifest.FORMAT);
                assertThat(store.describe().openReport())
                        .isEqualTo(format == Manifest.FORMAT || !first ? OpenReport.CLEAN : UPGRADED);
                assertThat(manager.verify().agents()).isEqualTo(2);
                assertThat(manager.get(FIRST).state()).isEqualTo(AgentState.SUSPENDED);
                assertThat(manager.get(SECOND).state()).isEqualTo(AgentState.DECOMMISSIONED);
                assertThat(manager.get(FIRST).name()).isEqualTo("golden \u00e4 \ud83e\udd16");
                assertThat(manager.liveness(FIRST).orElseThrow().heartbeats()).isEqualTo(2);
                assertThat(manager.auditTrail(FIRST)).hasSize(7);
                assertThat(manager.auditTrail(FIRST).get(0).canonical()).contains("stands for\\nall others");
                assertThat(store.disclosures("a/default/agent:first", 0, 99).stream()
                                .map(Disclosure::content))
                        .isEqualTo(
                                format == 1
                                        ? List.of()
                                        : LongStream.range(1, 7)
                                                .mapToObj(n -> disclosed("a/default/agent:first", n))
                                                .toList());
                assertThat(manager.events(0, 999).events().stream()
                                .filter(event -> event.event().kind() == EventKind.LOG_UPGRADED))
                        .hasSize(format == Manifest.FORMAT ? 0 : 1);
            }
        }
    }

    @Test
    void a_journal_of_the_first_format_that_ends_before_its_snapshot_is_refused() throws IOException {
        Map<Path, byte[]> files = new TreeMap<>();
        golden(1).forEach((name, text) -> files.put(Journals.file(name), text.getBytes(UTF_8)));
        files.remove(Journals.file("journal-0000000000000012.jsonl"));
        Path last = Journals.last(files);
        files.put(last, Arrays.copyOf(files.get(last), files.get(last).length - 7));

        var disk = MemoryIo.of(files);
        assertThatThrownBy(() -> Sample.open(disk))
                .isInstanceOf(CorruptStoreException.class)
                .hasMessageContaining("the journal ends at line 10, the snapshot at line 11");
        assertThat(Journals.same(disk.files(), files)).isTrue();
    }

    /** Writes the scenario's files into the directory that is named: once for each format. */
    public static void main(String[] args) throws IOException {
        for (Map.Entry<String, String> file : scenario().entrySet()) {
            Path written = Path.of(args[0]).resolve(file.getKey());
            Files.createDirectories(written.getParent());
            Files.writeString(written, file.getValue());
        }
    }
}
