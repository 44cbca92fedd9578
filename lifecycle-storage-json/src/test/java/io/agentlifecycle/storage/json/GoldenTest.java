package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.store.OpenReport;
import io.agentlifecycle.core.testing.MutableClock;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A directory as the first version of the format has it: it opens for ever, and is written like this. */
class GoldenTest {
    private static final String STORE_ID = "00000000-0000-4000-8000-000000000001";
    private static final List<String> NAMES = List.of(
            "MANIFEST.json",
            "journal-0000000000000001.jsonl",
            "journal-0000000000000002.jsonl",
            "journal-0000000000000012.jsonl",
            "snapshot-0000000000000011.json");
    private static final Actor OPERATOR = Actor.human("ann");
    private static final AgentId FIRST = AgentId.of("agent:first");
    private static final AgentId SECOND = AgentId.of("agent:second");

    @TempDir
    private Path temporary;

    /** Two openings, the first of which ends with a snapshot. */
    private static Map<String, String> scenario() {
        var disk = MemoryIo.of(Map.of(
                Journals.file(Manifest.NAME),
                new Manifest(Manifest.FORMAT, STORE_ID, Optional.empty())
                        .encode()
                        .getBytes(UTF_8),
                Segment.at(Sample.DIRECTORY, 1).file(),
                LineWriter.line(1, Line.NO_CRC, 0, LineWriter.open(STORE_ID, Manifest.FORMAT, Instant.EPOCH))
                        .bytes()));
        var clock = MutableClock.at("2026-04-11T12:00:00Z");
        var random = new Random(1);
        Limits snapshot = new Limits(4 << 20, 64L << 20, 8L << 20, 0, 3_600_000);
        try (JsonStore store = JsonStore.open(Sample.DIRECTORY, disk, snapshot);
                LifecycleManager manager = manager(store, clock, random)) {
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
        try (JsonStore store = Sample.open(disk);
                LifecycleManager manager = manager(store, clock, random)) {
            clock.advance(Duration.ofMinutes(1));
            manager.suspend(FIRST, "to be looked at", OPERATOR);
            manager.decommission(SECOND, "no longer needed", OPERATOR);
        }
        Map<String, String> files = new TreeMap<>();
        disk.files().forEach((path, bytes) -> files.put(path.getFileName().toString(), new String(bytes, UTF_8)));
        return files;
    }

    private static LifecycleManager manager(JsonStore store, MutableClock clock, Random random) {
        return LifecycleManager.builder()
                .store(store)
                .clock(clock)
                .random(random)
                .logOrigin("example.org/golden")
                .policy(LifecyclePolicy.builder().requireApproval(false).build())
                .build();
    }

    private static Map<String, String> golden() throws IOException {
        Map<String, String> files = new TreeMap<>();
        for (String name : NAMES) {
            try (InputStream in = GoldenTest.class.getResourceAsStream("/golden/format-1/" + name)) {
                assertThat(in).as(name).isNotNull();
                files.put(name, new String(in.readAllBytes(), UTF_8));
            }
        }
        return files;
    }

    @Test
    void the_first_format_is_still_written() throws IOException {
        assertThat(scenario()).isEqualTo(golden());
    }

    @Test
    void the_first_format_still_opens() throws IOException {
        Path directory = temporary.resolve("lifecycle-data");
        new FileIo().createDirectory(directory);
        for (Map.Entry<String, String> file : golden().entrySet()) {
            Files.writeString(directory.resolve(file.getKey()), file.getValue());
        }

        try (JsonStore store = JsonStore.open(directory);
                LifecycleManager manager = manager(store, MutableClock.at("2026-04-11T12:02:00Z"), new Random(2))) {
            assertThat(store.describe().storeId()).isEqualTo(STORE_ID);
            assertThat(store.describe().format()).isEqualTo(1);
            assertThat(store.describe().openReport()).isEqualTo(OpenReport.CLEAN);
            assertThat(manager.verify().agents()).isEqualTo(2);
            assertThat(manager.get(FIRST).state()).isEqualTo(AgentState.SUSPENDED);
            assertThat(manager.get(SECOND).state()).isEqualTo(AgentState.DECOMMISSIONED);
            assertThat(manager.get(FIRST).name()).isEqualTo("golden \u00e4 \ud83e\udd16");
            assertThat(manager.liveness(FIRST).orElseThrow().heartbeats()).isEqualTo(2);
            assertThat(manager.auditTrail(FIRST)).hasSize(7);
            assertThat(manager.auditTrail(FIRST).get(0).canonical()).contains("stands for\\nall others");
        }
    }

    /** Writes the scenario's files into the directory that is named: once for each format. */
    public static void main(String[] args) throws IOException {
        for (Map.Entry<String, String> file : scenario().entrySet()) {
            Files.writeString(Path.of(args[0]).resolve(file.getKey()), file.getValue());
        }
    }
}
