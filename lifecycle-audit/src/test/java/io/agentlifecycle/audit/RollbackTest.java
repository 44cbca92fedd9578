package io.agentlifecycle.audit;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A host that goes back to a backup of all that it has. Nothing of its own can tell. */
class RollbackTest {
    private static final String ORIGIN = Bundle.Source.ORIGIN;

    private final JdkKeys keys = JdkKeys.fresh();
    private final MutableClock clock = MutableClock.at("2026-04-11T04:31:00Z");
    private final String key =
            new VerifierKey(ORIGIN, Ed25519PublicKey.of(keys.publicKeys().get(0).jwk())).toString();

    @TempDir
    private Path folder;

    /** Opens the host, which must not be kept from it, has some more agents requested, and exports the log. */
    private Bundle exported(String name, int requests) {
        MerkleLog tree = MerkleLog.create(folder.resolve("host/tree"), keys);
        try (LifecycleManager manager = LifecycleManager.builder()
                .storage(folder.resolve("host/store"))
                .logOrigin(ORIGIN)
                .sealer(Ed25519AuditSealer.create(keys))
                .checkpoints(tree)
                .clock(clock)
                .build()) {
            for (int i = 0; i < requests; i++) {
                manager.requestProvisioning(ProvisioningRequest.builder("reviewer")
                        .owner(SignedLog.ALICE.id())
                        .build());
            }
            manager.verify();
            tree.export(folder.resolve(name));
        }
        return new Bundle(folder.resolve(name));
    }

    @Test
    void a_rollback_of_store_tree_and_checkpoint_together_is_caught_only_with_a_remembered_checkpoint()
            throws IOException {
        exported("first", 1);
        Bundle.copy(folder.resolve("host"), folder.resolve("backup"));
        Bundle latest = exported("latest", 2);
        Files.move(folder.resolve("host"), folder.resolve("hidden"));
        Files.move(folder.resolve("backup"), folder.resolve("host"));

        Bundle shorter = exported("shorter", 0);
        assertThat(shorter.verdict(key).code()).isZero();
        shorter.remember(latest.text(Bundle.CHECKPOINT));
        assertThat(shorter.verdict(key).output())
                .isEqualTo("checkpoint: TRUNCATED: the log has 2 events, but it had 4 when the remembered checkpoint"
                        + " was signed\n");
        assertThat(shorter.verdict(key).code()).isEqualTo(1);

        Bundle longer = exported("longer", 3);
        assertThat(longer.verdict(key).output()).startsWith("events.jsonl: FORK: the first 4 events have the root");
        assertThat(longer.verdict(key).code()).isEqualTo(1);
    }
}
