package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.error.StoreFullException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.store.CommitResult;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A disk that is really full; the user root and Linux are needed to make one. */
@Tag("host")
@Tag("once")
@Timeout(value = 10, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class FullDiskTest {
    private static final HoldReason UNPAID = HoldReason.of("unpaid");

    @TempDir
    private Path temporary;

    private Path mount;
    private Path directory;
    private Path ballast;
    private boolean mounted;

    @BeforeEach
    void locate() throws IOException {
        mount = Files.createDirectory(temporary.toRealPath().resolve("disk"));
        directory = mount.resolve("lifecycle-data");
        ballast = mount.resolve("ballast");
    }

    @AfterEach
    void unmount() throws Exception {
        if (mounted) {
            run("umount", mount.toString());
        }
    }

    private static void run(String... command) throws Exception {
        assertThat(new ProcessBuilder(command).inheritIO().start().waitFor())
                .as(String.join(" ", command))
                .isZero();
    }

    private void mount(String type) throws Exception {
        if (type.equals("tmpfs")) {
            run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mount.toString());
        } else {
            Path image = temporary.resolve("image");
            try (OutputStream out = Files.newOutputStream(image)) {
                out.write(new byte[16 << 20]);
            }
            run("mkfs." + type, "-q", "-F", "-m", "0", image.toString());
            run("mount", "-o", "loop", image.toString(), mount.toString());
        }
        mounted = true;
        assertThat(new FileIo().fileSystem(mount)).isEqualTo(type);
    }

    private static LifecycleManager manager(JsonStore store) {
        return LifecycleManager.builder()
                .store(store)
                .policy(LifecyclePolicy.builder().requireApproval(false).build())
                .build();
    }

    private static Agent provision(LifecycleManager manager, AgentId id) {
        return manager.requestProvisioning(ProvisioningRequest.builder("worker")
                .id(id)
                .owner("ann")
                .requestedBy(Child.OPERATOR)
                .build());
    }

    private static AgentId active(LifecycleManager manager, String id) {
        AgentId agent = provision(manager, AgentId.of(id)).id();
        manager.activate(agent, Child.OPERATOR);
        return agent;
    }

    private static List<Verdict.Reason> reasons(LifecycleManager manager, AgentId agent) {
        return manager.guard().check(agent, Operation.INVOKE) instanceof Verdict.Denied denied
                ? denied.reasons()
                : List.of();
    }

    /** Not a byte more fits on the disk, and no commit into the journal, however small. */
    private void fill(JsonStore store) throws IOException {
        int block = 1 << 16;
        try (OutputStream out = Files.newOutputStream(ballast)) {
            while (block > 0) {
                try {
                    out.write(new byte[block]);
                } catch (IOException e) {
                    block /= 2;
                }
            }
        }
        CommitResult result;
        int commits = 0;
        do {
            result = store.commit(Sample.commit("fill-" + commits++, List.of(), List.of()));
        } while (result instanceof CommitResult.Applied);
        assertThat(result)
                .isInstanceOfSatisfying(
                        CommitResult.Rejected.class,
                        rejected -> assertThat(rejected.reason()).isEqualTo(CommitResult.Reason.FULL));
    }

    /** What stands in all files but those of the lock. */
    private Map<String, String> files() throws IOException {
        try (Stream<Path> found = Files.walk(directory)) {
            Map<String, String> files = new TreeMap<>();
            for (Path file : found.filter(Files::isRegularFile).toList()) {
                if (!file.getFileName().toString().startsWith("LOCK")) {
                    files.put(
                            directory.relativize(file).toString(),
                            Files.size(file) + " bytes, " + Digests.sha256(Files.readString(file)));
                }
            }
            return files;
        }
    }

    private static List<Agent> agents(LifecycleManager manager) {
        return manager.query(AgentQuery.all().includingRetired());
    }

    @ParameterizedTest
    @CsvSource({"tmpfs, 3", "ext4, 7"})
    void a_full_disk_refuses_every_change_and_admits_nobody_who_was_restricted(String type, int others)
            throws Exception {
        withstandFullDisk(type, others);
    }

    @ParameterizedTest
    @CsvSource({
        "tmpfs, 0", "tmpfs, 1", "tmpfs, 11", "tmpfs, 29", "tmpfs, 50",
        "ext4, 0", "ext4, 1", "ext4, 11", "ext4, 29", "ext4, 50"
    })
    @Tag("deep")
    void a_full_disk_refuses_every_change_wherever_the_journal_stands(String type, int others) throws Exception {
        withstandFullDisk(type, others);
    }

    private void withstandFullDisk(String type, int others) throws Exception {
        mount(type);
        List<Agent> acknowledged;
        try (JsonStore store = JsonStore.open(directory, new FileIo(), Sample.QUIET);
                LifecycleManager manager = manager(store)) {
            for (int i = 0; i < others; i++) {
                active(manager, "other:" + i);
            }
            Map<AgentId, Consumer<AgentId>> restrictions = new LinkedHashMap<>();
            restrictions.put(active(manager, "to-suspend"), id -> manager.suspend(id, "", Child.OPERATOR));
            restrictions.put(active(manager, "to-hold"), id -> manager.placeHold(id, UNPAID, "", Child.OPERATOR));
            restrictions.put(active(manager, "to-revoke"), id -> manager.revokeCredentials(id, "", Child.OPERATOR));
            restrictions.put(active(manager, "to-orphan"), id -> manager.markOrphaned(id, Child.OPERATOR));
            restrictions.put(active(manager, "to-end"), id -> manager.decommission(id, "", Child.OPERATOR));
            AgentId bystander = active(manager, "bystander");
            AgentId suspended = active(manager, "suspended");
            manager.suspend(suspended, "", Child.OPERATOR);
            AgentId provisioned = provision(manager, AgentId.of("provisioned")).id();
            List<Runnable> grants = List.of(
                    () -> provision(manager, AgentId.of("new")),
                    () -> manager.activate(provisioned, Child.OPERATOR),
                    () -> manager.resume(suspended, Child.OPERATOR),
                    () -> manager.rotateCredentials(bystander, Child.OPERATOR),
                    () -> manager.changeOwner(bystander, "bob", Child.OPERATOR));

            fill(store);
            List<Agent> before = agents(manager);
            Map<String, String> files = files();
            for (Runnable grant : grants) {
                assertThatThrownBy(grant::run).isInstanceOf(StoreFullException.class);
            }
            restrictions.forEach((id, restriction) -> {
                assertThat(reasons(manager, id)).as("%s", id).isEmpty();
                assertThatThrownBy(() -> restriction.accept(id))
                        .as("%s", id)
                        .isInstanceOf(StoreFullException.class)
                        .hasMessageContaining("no room");
                assertThat(reasons(manager, id)).as("%s", id).containsExactly(Verdict.Reason.DENIED_HERE);
            });

            // without effect
            assertThat(files()).isEqualTo(files);
            assertThat(agents(manager)).isEqualTo(before);
            assertThat(reasons(manager, bystander)).isEmpty();
            assertThat(reasons(manager, suspended)).containsExactly(Verdict.Reason.SUSPENDED);
            assertThat(manager.health().denied()).hasSize(restrictions.size());

            // with room again, everything works
            Files.delete(ballast);
            grants.forEach(Runnable::run);
            restrictions.forEach((id, restriction) -> restriction.accept(id));
            assertThat(manager.health().isGood()).isTrue();
            assertThat(manager.get(AgentId.of("to-suspend")).state()).isEqualTo(AgentState.SUSPENDED);
            manager.verify();

            fill(store);
            AgentId late = AgentId.of("new");
            assertThatThrownBy(() -> manager.activate(late, Child.OPERATOR)).isInstanceOf(StoreFullException.class);
            acknowledged = agents(manager);
        }

        // closed and opened while there is no room, and then with room
        Map<String, String> closed = files();
        assertThatThrownBy(() -> JsonStore.open(directory))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining(directory + " cannot be opened");
        assertThat(files()).containsAllEntriesOf(closed);
        Files.delete(ballast);
        try (JsonStore store = JsonStore.open(directory);
                LifecycleManager manager = manager(store)) {
            assertThat(agents(manager)).isEqualTo(acknowledged);
            assertThat(manager.verify().agents()).isEqualTo(acknowledged.size());
            manager.activate(AgentId.of("new"), Child.OPERATOR);
        }
    }
}
