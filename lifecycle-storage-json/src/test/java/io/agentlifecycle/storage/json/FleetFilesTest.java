package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.error.CorruptStoreException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.error.StoreLockedException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoredRecord;
import io.agentlifecycle.core.testing.MutableClock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FleetFilesTest {
    private static final Actor ADMIN = Actor.human("admin@company.com");

    @TempDir
    Path directory;

    private final MutableClock clock = MutableClock.at("2026-04-11T04:30:00Z");
    private Path origin;
    private Path file;
    private Path copy;

    @BeforeEach
    void a_store_in_which_something_has_happened_is_exported() {
        origin = directory.resolve("origin");
        file = directory.resolve("fleet.json");
        copy = directory.resolve("copy");
        try (LifecycleManager manager = open(origin)) {
            for (int i = 0; i < 5; i++) {
                live(manager, "agent:" + i);
                live(manager.forTenant(TenantId.of("acme")), "agent:" + i);
            }
        }
        export(origin, file);
    }

    private LifecycleManager open(Path store) {
        return LifecycleManager.builder().storage(store).clock(clock).build();
    }

    private static void export(Path store, Path into) {
        try (JsonStore opened = JsonStore.open(store)) {
            FleetFiles.exportJson(opened, into);
        }
    }

    private void live(LifecycleManager manager, String id) {
        AgentId agent = AgentId.of(id);
        manager.requestProvisioning(ProvisioningRequest.builder("Agent \u20ac \"" + id + "\"\\")
                .id(agent)
                .owner("alice@company.com")
                .tag("team", "platform")
                .idempotencyKey("key-" + id)
                .build());
        clock.advance(Duration.ofSeconds(1));
        manager.approve(agent, ADMIN);
        manager.activate(agent);
        clock.advance(Duration.ofMinutes(1));
        manager.heartbeat(agent);
        if (id.endsWith("1")) {
            manager.placeHold(agent, HoldReason.of("insufficient_balance"), "no\nmoney", ADMIN);
        } else if (id.endsWith("2")) {
            manager.decommission(agent, "done", ADMIN);
        }
    }

    // ---- round trips

    @Test
    void the_stream_of_refusals_outlives_the_process_and_goes_with_the_store() {
        AgentId held = AgentId.of("agent:1");
        var stolen = HoldReason.CREDENTIAL_COMPROMISED;
        try (LifecycleManager manager = open(origin)) {
            manager.placeHold(held, stolen, "stolen", ADMIN);
            assertThatThrownBy(() -> manager.releaseHold(held, stolen, ADMIN))
                    .isInstanceOf(PolicyViolationException.class);
        }
        file = directory.resolve("refusals.json");
        export(origin, file);
        FleetFiles.importJson(file, copy);

        for (Path store : List.of(origin, copy)) {
            try (LifecycleManager manager = open(store)) {
                assertThatThrownBy(() -> manager.releaseHold(held, stolen, ADMIN))
                        .isInstanceOf(PolicyViolationException.class);
                clock.advance(Duration.ofMinutes(1));
                manager.sweeper().sweep();
                assertThat(manager.search(event -> event.kind() == EventKind.ACCESS_REFUSED, 0, 10)
                                .events())
                        .hasSize(2);
                manager.verify();
            }
        }
    }

    @Test
    void an_imported_store_is_the_same_store() {
        FleetFiles.importJson(file, copy);

        try (JsonStore before = JsonStore.open(origin);
                JsonStore after = JsonStore.open(copy)) {
            assertThat(after.describe().storeId()).isEqualTo(before.describe().storeId());
            assertThat(after.describe().clockHighWater())
                    .isEqualTo(before.describe().clockHighWater());
            assertThat(after.picture().records())
                    .isEqualTo(before.picture().records())
                    .hasSize(13);
            assertThat(after.picture().heartbeats())
                    .isEqualTo(before.picture().heartbeats())
                    .hasSize(10);
            for (StoredRecord record : before.picture().records()) {
                assertThat(after.get(record.key())).contains(record);
                if (record.key().kind().equals(RecordKey.AGENT)) {
                    String stream =
                            "a/" + record.key().tenant() + "/" + record.key().id();
                    assertThat(after.trail(stream, 0, 99))
                            .isEqualTo(before.trail(stream, 0, 99))
                            .isNotEmpty();
                }
            }
            assertThat(after.due(clock.instant().plus(Duration.ofDays(999)), 99))
                    .isEqualTo(before.due(clock.instant().plus(Duration.ofDays(999)), 99));
        }
    }

    @Test
    void whoever_follows_the_log_goes_on_with_the_same_cursor() {
        FleetFiles.importJson(file, copy);

        try (JsonStore before = JsonStore.open(origin);
                JsonStore after = JsonStore.open(copy)) {
            long last = 0;
            for (LoggedCommit commit : before.log(0, Integer.MAX_VALUE)) {
                last = commit.seq();
                assertThat(after.events(last - 1, 1)).isEqualTo(before.events(last - 1, 1));
            }
            EventPage none = after.events(last, 99);
            assertThat(none.events()).isEmpty();
        }
    }

    @Test
    void a_manager_goes_on_in_the_copy_and_everything_verifies() {
        FleetFiles.importJson(file, copy);

        try (LifecycleManager manager = open(copy)) {
            assertThat(manager.verify().agents()).isEqualTo(10);
            Agent again = manager.requestProvisioning(ProvisioningRequest.builder("Agent \u20ac \"agent:0\"\\")
                    .id(AgentId.of("agent:0"))
                    .owner("alice@company.com")
                    .tag("team", "platform")
                    .idempotencyKey("key-agent:0")
                    .build());
            assertThat(again.state()).hasToString("ACTIVE");
            live(manager, "agent:9");
            assertThat(manager.verify().agents()).isEqualTo(11);
        }
        try (LifecycleManager manager = open(copy)) {
            assertThat(manager.verify().agents()).isEqualTo(11);
        }
    }

    @Test
    void an_export_of_an_import_is_the_same_file() {
        FleetFiles.importJson(file, copy);
        export(copy, directory.resolve("again.json"));

        assertThat(directory.resolve("again.json")).hasSameBinaryContentAs(file);
    }

    @Test
    void an_empty_store_can_be_moved() {
        try (JsonStore empty = JsonStore.open(directory.resolve("empty"))) {
            FleetFiles.exportJson(empty, directory.resolve("empty.json"));
        }
        FleetFiles.importJson(directory.resolve("empty.json"), copy);

        try (LifecycleManager manager = open(copy)) {
            assertThat(manager.verify().agents()).isZero();
        }
    }

    @Test
    void a_large_fleet_moves_in_several_segments() throws Exception {
        Path large = directory.resolve("large");
        try (LifecycleManager manager = open(large)) {
            Path source = AgentMeshFiles.write(directory, AgentMeshFiles.agents(1_700));
            FleetFiles.importAgentMesh(manager, source, ADMIN);
            for (int i = 0; i < 100; i++) {
                clock.advance(Duration.ofMinutes(5));
                manager.heartbeat(AgentId.of(AgentMeshFiles.id(i * 6)));
            }
        }
        export(large, directory.resolve("large.json"));

        FleetFiles.importJson(directory.resolve("large.json"), copy, new FileIo(), 1 << 16);

        try (Stream<Path> files = Files.list(copy)) {
            assertThat(files.filter(path -> path.toString().endsWith(".jsonl"))).hasSizeGreaterThan(2);
        }
        try (LifecycleManager manager = open(copy)) {
            assertThat(manager.verify().agents()).isEqualTo(1_700);
        }
    }

    @Test
    void a_store_can_be_exported_while_others_change_it() throws Exception {
        var done = new AtomicBoolean();
        var begun = new CountDownLatch(2);
        try (JsonStore store = JsonStore.open(origin);
                LifecycleManager manager =
                        LifecycleManager.builder().store(store).clock(clock).build()) {
            List<CompletableFuture<Void>> others = new ArrayList<>();
            for (String name : List.of("x", "y")) {
                others.add(CompletableFuture.runAsync(() -> {
                    for (int i = 0; !done.get(); i++) {
                        manager.requestProvisioning(ProvisioningRequest.builder("Agent")
                                .id(AgentId.of(name + i))
                                .owner("alice")
                                .build());
                        manager.approve(AgentId.of(name + i), ADMIN);
                        begun.countDown();
                    }
                }));
            }
            begun.await();
            for (int i = 0; i < 5; i++) {
                FleetFiles.exportJson(store, directory.resolve("busy-" + i + ".json"));
            }
            done.set(true);
            others.forEach(CompletableFuture::join);
        }
        for (int i = 0; i < 5; i++) {
            Path busy = directory.resolve("busy-" + i);
            FleetFiles.importJson(directory.resolve("busy-" + i + ".json"), busy);
            try (LifecycleManager manager = open(busy)) {
                assertThat(manager.verify().agents()).isGreaterThan(10);
            }
        }
    }

    // ---- files and directories

    @Test
    void what_is_written_is_for_its_owner_only() throws Exception {
        FleetFiles.importJson(file, copy);

        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(copy)))
                .isEqualTo("rwx------");
        try (Stream<Path> files = Files.list(copy)) {
            for (Path made : files.toList()) {
                assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(made)))
                        .isEqualTo("rw-------");
            }
        }
    }

    @Test
    void nothing_that_exists_is_written_over() throws Exception {
        byte[] before = Files.readAllBytes(file);
        try (JsonStore store = JsonStore.open(origin)) {
            assertThatThrownBy(() -> FleetFiles.exportJson(store, file))
                    .isInstanceOf(StoreException.class)
                    .hasMessageContaining("exists already");
        }
        assertThat(file).hasBinaryContent(before);
        assertThatThrownBy(() -> FleetFiles.importJson(file, origin))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("is not empty: there is MANIFEST.json");
        try (LifecycleManager manager = open(origin)) {
            assertThatThrownBy(() -> FleetFiles.importJson(file, origin)).isInstanceOf(StoreLockedException.class);
            assertThat(manager.verify().agents()).isEqualTo(10);
        }
    }

    @Test
    void wrong_paths_are_refused_with_a_reason() throws Exception {
        assertThatThrownBy(() -> FleetFiles.importJson(directory.resolve("none"), copy))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("does not exist");
        assertThatThrownBy(() -> FleetFiles.importJson(file, file))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("is a file");
        assertThatThrownBy(() -> FleetFiles.importJson(file, Path.of("~", "fleet")))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("begins with ~");
        assertThatThrownBy(() -> FleetFiles.importJson(Path.of("~/fleet.json"), copy))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("begins with ~");
        try (JsonStore store = JsonStore.open(origin)) {
            assertThatThrownBy(() -> FleetFiles.exportJson(store, Path.of("~/fleet.json")))
                    .isInstanceOf(StoreException.class)
                    .hasMessageContaining("begins with ~");
            assertThatThrownBy(() -> FleetFiles.exportJson(store, directory.resolve("no/where.json")))
                    .isInstanceOf(StoreException.class);
        }
        assertThat(Path.of("~")).doesNotExist();
    }

    // ---- damage

    @Test
    void a_changed_byte_is_always_noticed_and_nothing_is_left() throws Exception {
        byte[] good = Files.readAllBytes(file);
        Random random = new Random(6);
        for (int i = 0; i < 400; i++) {
            byte[] bad = good.clone();
            bad[random.nextInt(bad.length)] ^= (byte) (1 + random.nextInt(255));
            refuse(bad);
        }
    }

    @Test
    void a_file_that_was_cut_off_is_refused() throws Exception {
        byte[] good = Files.readAllBytes(file);
        for (int length = 0; length < good.length; length += 97) {
            refuse(Arrays.copyOf(good, length));
        }
        refuse(Arrays.copyOf(good, good.length - 1));
        refuse(Arrays.copyOf(good, good.length + 1));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "`{\"seq\":3,` | `{\"seq\":1,` | cannot follow line 1",
                "`{\"seq\":3,` | `{\"seq\":999999999999,` | at most 12000000 lines",
                "`{\"seq\":3,` | `{\"seq\": 3,` | it is not a commit",
                "`,\"audit\":[` | `,\"puts\":[],\"audit\":[],\"audit\":[` | not a line of a journal",
                "`,\"audit\":[` | `,\"more\":[],\"audit\":[` | something else follows",
                "`\"s\":\"log\",\"n\":0` | `\"s\":\"log\",\"n\":1` | event 0 of stream log is missing",
                "`\"format\":1` | `\"format\":2` | a newer version wrote it",
                "`\"format\":1` | `\"form\":1` | is missing",
                "`\"storeId\":\"` | `\"storeId\":\"\\u0000` | U+0000",
                "`],\"records\":[` | `],\"things\":[` | a comma is missing",
                "`,\"ix\":{` | `, \"ix\":{` | is missing",
                "`\"t\":\"acme\"` | `\"t\":\"default\"` | was there before",
                "`[\"acme\",` | `[\"other\",` | there is no record of agent:other",
                "`\"clockHighWater\":\"2026` | `\"clockHighWater\":\"2025` | later than the store ever was"
            })
    void a_file_that_was_made_up_is_refused_although_its_digest_fits(String before, String after, String reason)
            throws Exception {
        String text = Files.readString(file);
        assertThat(text.contains(before)).isTrue();

        assertThatThrownBy(() -> refuseWith(signed(text.replace(before, after))))
                .isInstanceOf(CorruptStoreException.class)
                .hasMessageContaining(reason);
    }

    @Test
    void a_line_that_never_ends_is_refused_before_it_fills_the_memory() throws Exception {
        byte[] head = Files.readString(file).lines().findFirst().orElseThrow().getBytes(StandardCharsets.UTF_8);
        byte[] endless = Arrays.copyOf(head, 5 << 20);
        Arrays.fill(endless, head.length, endless.length, (byte) 'x');
        endless[head.length] = '\n';
        refuse(endless);
        Arrays.fill(endless, (byte) 'x');
        refuse(endless);
    }

    private static byte[] signed(String text) {
        String content = text.substring(0, text.lastIndexOf(",\"sha256\":\""));
        return (content + ",\"sha256\":\"" + Digests.sha256(content) + "\"}\n").getBytes(StandardCharsets.UTF_8);
    }

    private void refuseWith(byte[] bad) throws IOException {
        Path damaged = directory.resolve("damaged.json");
        Files.write(damaged, bad);
        FleetFiles.importJson(damaged, copy);
    }

    private void refuse(byte[] bad) throws IOException {
        assertThatThrownBy(() -> refuseWith(bad)).isInstanceOf(CorruptStoreException.class);
        try (Stream<Path> left = Files.list(copy)) {
            assertThat(left.map(path -> path.getFileName().toString())).containsExactlyInAnyOrder("LOCK", "LOCK.info");
        }
    }

    // ---- a process that dies, and a disk that fails

    /** Not caught by anyone: what a killed process leaves is what is there when it is thrown. */
    private static final class Killed extends Error {
        private static final long serialVersionUID = 1L;
    }

    @Test
    void a_killed_import_leaves_nothing_that_opens_as_half_a_fleet() {
        int completed = 0;
        for (int calls = 0; completed == 0; calls++) {
            Path target = directory.resolve("killed-" + calls);
            try {
                FleetFiles.importJson(file, target, new BreakingIo(calls, Killed::new), 4_096);
                completed++;
            } catch (Killed e) {
                assertThat(calls).isLessThan(200);
            }
            check(target);
        }
        assertThat(completed).isEqualTo(1);
    }

    @Test
    void a_failing_disk_is_reported_and_leaves_nothing_that_opens_as_half_a_fleet() {
        for (int calls = 0; ; calls++) {
            Path target = directory.resolve("failed-" + calls);
            try {
                FleetFiles.importJson(file, target, new BreakingIo(calls, () -> new IOException("broken")), 4_096);
                break;
            } catch (StoreException e) {
                assertThat(e).hasMessageContaining("broken");
            }
            check(target);
        }
    }

    /** A store that opens is the whole one, or an empty one of its own. */
    private void check(Path target) {
        try (JsonStore store = JsonStore.open(target)) {
            int records = store.picture().records().size();
            assertThat(records).isIn(0, 13);
            if (records == 0) {
                assertThat(store.events(0, 99).events()).isEmpty();
            }
        } catch (CorruptStoreException e) {
            assertThat(e).hasMessageContaining("there is no MANIFEST.json");
        }
    }

    /** The real disk until so many calls that change something were made; then each further one fails. */
    private static final class BreakingIo implements StorageIo {
        private final FileIo real = new FileIo();
        private final Breakage breakage;
        private int left;

        @FunctionalInterface
        interface Breakage {
            Throwable make();
        }

        BreakingIo(int calls, Breakage breakage) {
            this.left = calls;
            this.breakage = breakage;
        }

        private void spend() throws IOException {
            if (left-- <= 0) {
                Throwable thrown = breakage.make();
                if (thrown instanceof Error error) {
                    throw error;
                }
                throw (IOException) thrown;
            }
        }

        @Override
        public List<String> list(Path path) throws IOException {
            return real.list(path);
        }

        @Override
        public boolean exists(Path path) {
            return real.exists(path);
        }

        @Override
        public boolean isDirectory(Path path) {
            return real.isDirectory(path);
        }

        @Override
        public boolean isLink(Path path) throws IOException {
            return real.isLink(path);
        }

        @Override
        public String fileSystem(Path directory) throws IOException {
            return real.fileSystem(directory);
        }

        @Override
        public boolean isOpenToOthers(Path path) throws IOException {
            return real.isOpenToOthers(path);
        }

        @Override
        public void createDirectory(Path path) throws IOException {
            spend();
            real.createDirectory(path);
        }

        @Override
        public Output create(Path path) throws IOException {
            spend();
            Output out = real.create(path);
            return new Output() {
                @Override
                public int write(ByteBuffer bytes) throws IOException {
                    spend();
                    return out.write(bytes);
                }

                @Override
                public void truncate(long size) throws IOException {
                    out.truncate(size);
                }

                @Override
                public void force() throws IOException {
                    spend();
                    out.force();
                }

                @Override
                public void close() throws IOException {
                    out.close();
                }
            };
        }

        @Override
        public Output openForCut(Path path) throws IOException {
            return real.openForCut(path);
        }

        @Override
        public byte[] readAll(Path path, long max) throws IOException {
            return real.readAll(path, max);
        }

        @Override
        public long size(Path path) throws IOException {
            return real.size(path);
        }

        @Override
        public int read(Path path, long offset, ByteBuffer into) throws IOException {
            return real.read(path, offset, into);
        }

        @Override
        public void replace(Path from, Path to) throws IOException {
            spend();
            real.replace(from, to);
        }

        @Override
        public void delete(Path path) throws IOException {
            spend();
            real.delete(path);
        }

        @Override
        public void forceDirectory(Path path) throws IOException {
            spend();
            real.forceDirectory(path);
        }

        @Override
        public long nanoTime() {
            return real.nanoTime();
        }

        @Override
        public Held lock(Path path) throws IOException {
            return real.lock(path);
        }
    }
}
