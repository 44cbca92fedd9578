package io.agentlifecycle.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A host that goes back to a backup of all that it has: only what somebody else remembers can tell. */
class RollbackTest {
    private static final String ORIGIN = Bundle.Source.ORIGIN;

    private final JdkKeys keys = JdkKeys.fresh();
    private final MutableClock clock = MutableClock.at("2026-04-11T04:31:00Z");
    private final String key =
            new VerifierKey(ORIGIN, Ed25519PublicKey.of(keys.publicKeys().get(0).jwk())).toString();

    /** What the host remembers, if it remembers anything. */
    private Optional<String> trusted = Optional.empty();

    @TempDir
    private Path folder;

    /** Opens the host, which must not be kept from it, has some more agents requested, and exports the log. */
    private Bundle exported(String name, int requests) {
        MerkleLog any = MerkleLog.create(folder.resolve("host/tree"), keys);
        MerkleLog tree = trusted.map(any::withTrustedCheckpoint).orElse(any);
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

    /** The host itself, with a checkpoint that it kept elsewhere. */
    @Test
    void a_host_that_trusts_a_checkpoint_does_not_open_a_log_that_was_put_back() throws IOException {
        exported("first", 1);
        Bundle.copy(folder.resolve("host"), folder.resolve("backup"));
        Bundle latest = exported("latest", 2);
        trusted = Optional.of(latest.text(Bundle.CHECKPOINT));
        exported("same", 0);
        exported("more", 1);
        Files.move(folder.resolve("host"), folder.resolve("hidden"));
        assertThatThrownBy(() -> exported("new", 1))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("TRUNCATED: the log has 0 events, but it had 4 when the trusted checkpoint");
        Files.move(folder.resolve("host"), folder.resolve("begun"));
        Bundle.copy(folder.resolve("backup"), folder.resolve("host"));
        assertThatThrownBy(() -> exported("shorter", 1))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("TRUNCATED: the log has 2 events, but it had 4 when the trusted checkpoint");

        Optional<String> kept = trusted;
        trusted = Optional.empty();
        exported("forked", 5);
        trusted = kept;
        assertThatThrownBy(() -> exported("longer", 1))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("FORK: the log does not begin with the 4 events of the trusted checkpoint");
        trusted = Optional.of(kept.get().replace("example.com", "example.org"));
        assertThatThrownBy(() -> exported("another", 1))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("the trusted checkpoint cannot be used");
        assertThatThrownBy(() -> MerkleLog.create(folder, keys).withTrustedCheckpoint("nothing"))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
