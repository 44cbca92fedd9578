package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.error.CorruptStoreException;
import io.agentlifecycle.core.error.StoreException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A pruned store is copied, exported and imported as it is. */
@Timeout(value = 2, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PruningMoveTest {
    private static final Map<String, Long> PRUNED = Map.of("stream:0", 3L, "stream:1", 7L);
    private static final Pruning.Shown LEFT = Pruning.shown(20, PRUNED);

    @TempDir
    private Path temporary;

    private Path origin;
    private Path file;
    private Path copy;

    @BeforeEach
    void a_pruned_store_is_exported() {
        origin = temporary.resolve("origin");
        file = temporary.resolve("fleet.json");
        copy = temporary.resolve("copy");
        try (JsonStore store = JsonStore.open(origin)) {
            Pruning.commit(store, 0, 12);
            store.heartbeats(List.of(Sample.beat("agent:1", 3)));
            store.checkpoint();
            Pruning.commit(store, 12, 20);
            store.prune(Map.of("stream:0", 3L, "stream:1", 99L));
            FleetFiles.exportJson(store, file);
        }
    }

    private static Map<Path, byte[]> files(Path directory) throws IOException {
        Map<Path, byte[]> files = new TreeMap<>();
        try (Stream<Path> all = Files.walk(directory)) {
            for (Path path : all.filter(Files::isRegularFile).toList()) {
                files.put(path, Files.readAllBytes(path));
            }
        }
        return files;
    }

    private static void assertLeft(Path directory) throws IOException {
        for (int opening = 0; opening < 2; opening++) {
            try (JsonStore store = JsonStore.open(directory)) {
                assertThat(Pruning.shown(store)).isEqualTo(LEFT);
                assertThat(store.liveness(Sample.key("agent:1"))).isPresent();
                store.checkpoint();
                assertThat(Pruning.shown(store)).isEqualTo(LEFT);
            }
            assertThat(StoreFiles.check(directory).findings()).isEmpty();
        }
        Pruning.assertGone(files(directory), PRUNED, 20, "");
        assertThat(Disclosing.filesWith(files(directory), "\"leaf\""))
                .isNotEmpty()
                .allMatch(name -> name.startsWith("audit-"));
    }

    @Test
    void a_backup_of_a_pruned_store_is_whole() throws IOException {
        try (JsonStore store = JsonStore.open(origin)) {
            store.backup(copy);
        }

        assertThat(StoreFiles.check(copy).findings()).isEmpty();
        assertLeft(copy);
    }

    @Test
    void an_export_has_the_leaf_hashes_and_an_import_takes_them_over() throws IOException {
        assertThat(Files.readString(file))
                .contains("\"s\":\"stream:0\",\"n\":2,\"leaf\":\""
                        + Pruning.event(6).leafHash() + "\"")
                .contains(Pruning.text(9))
                .doesNotContain(Pruning.text(6) + "\"", Pruning.value(6), Pruning.signature(6));

        FleetFiles.importJson(file, copy);

        assertThat(StoreFiles.check(copy).findings()).isEmpty();
        assertLeft(copy);
    }

    @Test
    void an_export_of_an_import_is_the_same_file() {
        FleetFiles.importJson(file, copy, new FileIo(), 300);
        Path again = temporary.resolve("again.json");
        try (JsonStore store = JsonStore.open(copy)) {
            FleetFiles.exportJson(store, again);
        }

        assertThat(again).hasSameBinaryContentAs(file);
    }

    @Test
    void an_imported_store_goes_on_and_can_be_pruned_further() throws IOException {
        FleetFiles.importJson(file, copy, new FileIo(), 300);
        Map<String, Long> further = Map.of("stream:0", 6L, "stream:1", 8L, "stream:2", 8L);
        try (JsonStore store = JsonStore.open(copy)) {
            Pruning.commit(store, 20, 24);
            store.prune(further);
            assertThat(Pruning.shown(store)).isEqualTo(Pruning.shown(24, further));
        }
        Pruning.assertGone(files(copy), further, 24, "");
        assertThat(StoreFiles.check(copy).findings()).isEmpty();
    }

    private void refuse(String text, String reason) throws IOException {
        String content = text.substring(0, text.lastIndexOf(",\"sha256\":\""));
        Path changed = temporary.resolve("changed.json");
        Files.write(changed, (content + ",\"sha256\":\"" + Digests.sha256(content) + "\"}\n").getBytes(UTF_8));
        assertThatThrownBy(() -> FleetFiles.importJson(changed, copy))
                .isInstanceOf(CorruptStoreException.class)
                .hasMessageContaining(reason);
        assertThatThrownBy(() -> StoreFiles.check(copy)).isInstanceOf(StoreException.class);
    }

    @Test
    void an_import_refuses_pruned_events_that_nobody_wrote() throws IOException {
        String text = Files.readString(file);
        String leaf = Pruning.event(6).leafHash();

        refuse(text.replace(leaf, leaf.substring(1)), "not base64url");
        refuse(text.replace(leaf, leaf + "AAAA"), "a leaf hash is 43 characters");
        refuse(text.replace("\"" + leaf + "\"", "\"" + leaf + "\",\"sig\":\"c2ln\""), "} is missing");
        refuse(
                text.replaceFirst(
                        "\"s\":\"stream:0\",\"n\":1,\"leaf\":\"[^\"]*\"", "\"s\":\"stream:0\",\"n\":1,\"event\":{}"),
                "event 2 of stream stream:0 is pruned, and one before it is not");
    }

    @Test
    void an_import_that_is_cut_short_is_a_whole_store_or_none() throws IOException {
        byte[] export = Files.readAllBytes(file);
        boolean imported = false;
        int whole = 0;
        int calls = 0;
        for (; !imported; calls++) {
            var disk = MemoryIo.of(Map.of(file, export));
            var disturbed = new DisturbedIo(disk);
            int last = calls;
            disturbed.fail(op -> op.changes() && op.number() >= last);
            try {
                FleetFiles.importJson(file, copy, disturbed, 1 << 20);
                imported = true;
            } catch (StoreException e) {
                assertThat(e).hasMessageNotContaining("somebody");
            }
            for (MemoryIo left : List.of(disk.kill(), disk.crash())) {
                if (left.exists(copy.resolve(Manifest.NAME))) {
                    whole++;
                    try (JsonStore store = JsonStore.open(copy, left, Sample.QUIET)) {
                        assertThat(Pruning.shown(store)).isEqualTo(LEFT);
                    }
                    assertThat(StoreFiles.check(copy, left).findings()).isEmpty();
                } else {
                    assertThat(imported).isFalse();
                }
            }
        }
        assertThat(calls).isGreaterThan(20);
        assertThat(whole).as("those cut short after the manifest").isGreaterThan(2);
    }
}
