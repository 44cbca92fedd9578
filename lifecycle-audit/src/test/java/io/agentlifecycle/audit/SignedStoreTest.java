package io.agentlifecycle.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.Verification;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.audit.Seal;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import io.agentlifecycle.storage.json.FleetFiles;
import io.agentlifecycle.storage.json.JsonStore;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A signed log in the durable store: it survives, it moves, and it opens with its own key only. */
class SignedStoreTest {
    private static final LifecyclePolicy OPEN_DOOR =
            LifecyclePolicy.builder().requireApproval(false).build();

    private final JdkKeys keys = JdkKeys.fresh();

    @TempDir
    private Path folder;

    private LifecycleManager.Builder builder() {
        return LifecycleManager.builder().policy(OPEN_DOOR).sealer(Ed25519AuditSealer.create(keys));
    }

    private LogVerifier verifier() {
        return LogVerifier.of(Ed25519PublicKey.of(keys.publicKeys().get(0).jwk()));
    }

    private static List<String> lines(LifecycleManager manager) {
        return manager.events(0, Integer.MAX_VALUE).events().stream()
                .map(EventLine::write)
                .toList();
    }

    private static AgentId active(LifecycleManager manager, String id) {
        AgentId agent = AgentId.of(id);
        manager.requestProvisioning(ProvisioningRequest.builder(id)
                .id(agent)
                .owner("alice@company.com")
                .build());
        manager.activate(agent);
        return agent;
    }

    @Test
    void signatures_survive_on_disk_and_the_log_opens_with_its_own_key_only() {
        Path store = folder.resolve("store");
        List<String> written;
        try (LifecycleManager manager = builder().storage(store).build()) {
            AgentId agent = active(manager, "a");
            manager.suspend(agent, "maintenance", SignedLog.ADMIN);
            written = lines(manager);
        }

        assertThatThrownBy(() -> LifecycleManager.builder().storage(store).build())
                .isInstanceOf(PolicyViolationException.class)
                .hasMessageContaining("open it with sealer(..) of that key")
                .hasMessageContaining("(rule log-key)");
        assertThatThrownBy(() -> LifecycleManager.builder()
                        .storage(store)
                        .sealer(Ed25519AuditSealer.create(JdkKeys.fresh()))
                        .build())
                .isInstanceOf(PolicyViolationException.class)
                .hasMessageContaining(
                        "is signed with key " + keys.publicKeys().get(0).keyId());

        try (LifecycleManager manager = builder().storage(store).build()) {
            assertThat(lines(manager)).isEqualTo(written);
            Verification found = manager.verify();
            assertThat(found.signed()).isEqualTo(found.events()).isEqualTo(written.size());
        }
        assertThat(verifier().verify(written).events()).containsEntry(Seal.SIGNED, (long) written.size());
    }

    @Test
    void a_signed_log_moves_to_another_store_as_it_is() throws Exception {
        Path file = folder.resolve("all.json");
        List<String> written;
        try (JsonStore store = JsonStore.open(folder.resolve("store"))) {
            try (LifecycleManager manager = builder().store(store).build()) {
                active(manager, "a");
                written = lines(manager);
            }
            FleetFiles.exportJson(store, file);
        }

        Path elsewhere = folder.resolve("elsewhere");
        FleetFiles.importJson(file, elsewhere);

        try (LifecycleManager manager = builder().storage(elsewhere).build()) {
            assertThat(lines(manager)).isEqualTo(written);
            assertThat(manager.verify().signed()).isEqualTo(written.size());
        }
    }

    @Test
    void many_threads_sign_at_once_and_every_chain_verifies() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try (LifecycleManager manager =
                builder().storage(folder.resolve("store")).build()) {
            AgentId shared = active(manager, "shared");
            List<Future<?>> done = new ArrayList<>();
            for (int thread = 0; thread < 8; thread++) {
                String own = "agent-" + thread;
                done.add(threads.submit(() -> {
                    AgentId agent = active(manager, own);
                    for (int round = 0; round < 20; round++) {
                        manager.rotateCredentials(agent);
                        manager.rotateCredentials(shared);
                    }
                }));
            }
            for (Future<?> each : done) {
                each.get();
            }

            List<SealedEvent> trail = manager.auditTrail(shared);
            assertThat(trail).hasSize(5 + 8 * 20).allMatch(event -> event.seal() == Seal.SIGNED);
            assertThat(manager.verify().signed()).isEqualTo(lines(manager).size());
            verifier().verify(lines(manager));
        } finally {
            threads.shutdownNow();
        }
    }
}
