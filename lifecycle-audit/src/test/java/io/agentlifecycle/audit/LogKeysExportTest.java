package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.spi.SigningKeyStore;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import io.agentlifecycle.credentials.keys.InMemoryKeys;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A log whose keys have changed, for those who know its first key only. */
class LogKeysExportTest {
    private static final String ORIGIN = "example.com/keys";
    private static final Actor ADMIN = Actor.human("admin@company.com");

    private final MutableClock clock = MutableClock.at("2026-04-11T04:31:00Z");
    private final LifecycleStore store = LifecycleStore.inMemory();
    private final SigningKeyStore keys = keys(Purpose.AUDIT);
    private final VerifierKey first =
            new VerifierKey(ORIGIN, Ed25519PublicKey.of(keys.publicKeys().get(0).jwk()));

    @TempDir
    private Path folder;

    private SigningKeyStore keys(Purpose purpose) {
        return InMemoryKeys.create(purpose, clock);
    }

    private LifecycleManager.Builder builder(MerkleLog tree) {
        return LifecycleManager.builder()
                .store(store)
                .clock(clock)
                .logOrigin(ORIGIN)
                .policy(LifecyclePolicy.builder().requireApproval(false).build())
                .sealer(Ed25519AuditSealer.create(keys))
                .checkpoints(tree);
    }

    private static void active(LifecycleManager manager, String id) {
        manager.requestProvisioning(ProvisioningRequest.builder(id)
                .id(AgentId.of(id))
                .owner("alice@company.com")
                .build());
        manager.activate(AgentId.of(id));
    }

    /** The key signs no more: neither here, nor in the log. */
    private void rotate(LifecycleManager manager) {
        String old = Ed25519AuditSealer.create(keys).publicKey().keyId();
        keys.generate();
        manager.introduceLogKey(Ed25519AuditSealer.create(keys), ADMIN);
        manager.retireLogKey(old, "a year has passed", ADMIN);
        keys.retire(old);
    }

    private LogBundle.Verified verify(String bundle, Optional<String> seen) throws IOException {
        Optional<SignedNote> remembered = seen.isEmpty() ? Optional.empty() : Optional.of(note(seen.get()));
        return new LogBundle(folder.resolve(bundle), first, remembered, true).verify();
    }

    private SignedNote note(String bundle) throws IOException {
        return SignedNote.read(Files.readString(folder.resolve(bundle + "/checkpoint")));
    }

    @Test
    void whoever_knows_the_first_key_verifies_what_the_last_one_signed() throws IOException {
        MerkleLog tree = MerkleLog.create(folder.resolve("tree"), keys);
        try (LifecycleManager manager = builder(tree).build()) {
            active(manager, "a");
            manager.sweeper().sweep();
            tree.export(folder.resolve("before"));
            for (int times = 0; times < 3; times++) {
                rotate(manager);
                active(manager, "a" + times);
                manager.sweeper().sweep();
            }
            tree.export(folder.resolve("after"));
            tree.exportTrail(new AgentKey(TenantId.DEFAULT, AgentId.of("a2")), folder.resolve("trail"));
        }

        assertThat(Files.readString(folder.resolve("after/genesis.vkey"))).isEqualTo(first + "\n");
        assertThat(verify("after", Optional.of("before")).events().keys().inForce())
                .hasSize(1);
        assertThat(verify("trail", Optional.empty()).whole()).isFalse();
        assertThat(verify("after", Optional.of("after")).checkpoint().size()).isGreaterThan(10);
        assertThatThrownBy(() -> verify("before", Optional.of("after")))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("TRUNCATED");

        try (LifecycleManager again = builder(tree).build()) {
            active(again, "b");
            tree.export(folder.resolve("later"));
        }
        verify("later", Optional.of("after"));
    }

    @Test
    void a_checkpoint_that_a_retired_key_signed_after_it_was_retired_is_refused() throws IOException {
        MerkleLog tree = MerkleLog.create(folder.resolve("tree"), keys);
        String old = keys.publicKeys().get(0).keyId();
        try (LifecycleManager manager = builder(tree).build()) {
            keys.generate();
            manager.introduceLogKey(Ed25519AuditSealer.create(keys), ADMIN);
            manager.retireLogKey(old, "stolen", ADMIN);
            active(manager, "a");
            tree.export(folder.resolve("bundle"));
        }
        SignedNote stolen = new NoteSigner(keys, first).sign(note("bundle").text());
        Files.writeString(folder.resolve("bundle/checkpoint"), stolen.toString());

        assertThatThrownBy(() -> verify("bundle", Optional.empty()))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("checkpoint: it has no signature of " + ORIGIN);
    }

    @Test
    void a_key_of_its_own_signs_checkpoints_and_nothing_else() throws IOException {
        SigningKeyStore own = keys(Purpose.CHECKPOINTS);
        MerkleLog tree = MerkleLog.create(folder.resolve("tree"), own);
        try (LifecycleManager manager = builder(tree).build()) {
            active(manager, "a");
            rotate(manager);
            tree.export(folder.resolve("bundle"));
        }
        var checkpointKey = new VerifierKey(
                ORIGIN, Ed25519PublicKey.of(own.publicKeys().get(0).jwk()));
        note("bundle").requireSignedBy(checkpointKey);
        verify("bundle", Optional.empty());

        Files.writeString(
                folder.resolve("bundle/checkpoint"),
                new NoteSigner(
                                keys,
                                new VerifierKey(
                                        ORIGIN,
                                        Ed25519PublicKey.of(
                                                keys.publicKeys().get(1).jwk())))
                        .sign(note("bundle").text())
                        .toString());
        assertThatThrownBy(() -> verify("bundle", Optional.empty()))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("checkpoint: it has no signature of " + checkpointKey);
        own.generate();
        try (LifecycleManager again = builder(tree).build()) {
            active(again, "b");
            tree.export(folder.resolve("again"));
        }
        note("again").requireSignedBy(checkpointKey);
    }

    @Test
    void a_log_whose_first_event_names_no_key_for_checkpoints_never_gets_one() {
        builder(MerkleLog.create(folder.resolve("tree"), keys)).build().close();

        assertThatThrownBy(() -> builder(MerkleLog.create(folder.resolve("tree"), keys(Purpose.CHECKPOINTS)))
                        .build())
                .isInstanceOf(PolicyViolationException.class)
                .hasMessageContaining("checkpoints of log " + ORIGIN + " are signed with key "
                        + first.key().jwk().keyId());
        assertThatThrownBy(() -> MerkleLog.create(folder, keys(Purpose.CREDENTIALS)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    /** The tree knows which keys the log had, whatever keys the host has today. */
    @Test
    void a_tree_opens_with_new_keys_when_the_old_ones_are_lost_or_kept_elsewhere() throws IOException {
        Ed25519AuditSealer recovery = Ed25519AuditSealer.create(keys(Purpose.AUDIT));
        SigningKeyStore other = keys(Purpose.AUDIT);
        SigningKeyStore third = keys(Purpose.AUDIT);
        MerkleLog tree = MerkleLog.create(folder.resolve("tree"), keys);
        try (LifecycleManager manager =
                builder(tree).recoveryKey(recovery.publicKey().keyId()).build()) {
            active(manager, "a");
        }
        MerkleLog recovered = MerkleLog.create(folder.resolve("tree"), other);
        try (LifecycleManager manager = builder(recovered)
                .sealer(Ed25519AuditSealer.create(other))
                .recoverLog(recovery, 3)
                .build()) {
            active(manager, "b");
            manager.sweeper().sweep();
            manager.introduceLogKey(Ed25519AuditSealer.create(third), ADMIN);
            manager.retireLogKey(Ed25519AuditSealer.create(other).publicKey().keyId(), "moved", ADMIN);
            assertThatThrownBy(() -> recovered.export(folder.resolve("without")))
                    .isInstanceOf(PolicyViolationException.class)
                    .hasMessageContaining("it is not among the keys for them");
        }
        MerkleLog moved = MerkleLog.create(folder.resolve("tree"), third)
                .withTrustedCheckpoint(Files.readString(folder.resolve("tree/checkpoint")));
        try (LifecycleManager manager =
                builder(moved).sealer(Ed25519AuditSealer.create(third)).build()) {
            moved.export(folder.resolve("bundle"));
            manager.verify();
        }
        verify("bundle", Optional.empty());
    }

    @Test
    void a_log_without_a_key_for_its_events_has_none_for_checkpoints() {
        assertThatThrownBy(() -> LifecycleManager.builder()
                        .store(store)
                        .checkpoints(MerkleLog.create(folder.resolve("tree"), keys(Purpose.CHECKPOINTS)))
                        .build())
                .isInstanceOf(PolicyViolationException.class)
                .hasMessageContaining("open it with a sealer(..)");
        assertThat(folder.resolve("tree")).doesNotExist();
    }

    @Test
    void a_recovered_log_says_of_what_nobody_can_tell_who_wrote_it() throws IOException {
        SigningKeyStore safe = keys(Purpose.AUDIT);
        Ed25519AuditSealer recovery = Ed25519AuditSealer.create(safe);
        MerkleLog tree = MerkleLog.create(folder.resolve("tree"), keys);
        try (LifecycleManager manager =
                builder(tree).recoveryKey(recovery.publicKey().keyId()).build()) {
            active(manager, "a");
        }
        keys.generate();
        try (LifecycleManager manager = builder(tree).recoverLog(recovery, 2).build()) {
            active(manager, "b");
            tree.export(folder.resolve("bundle"));
        }

        var out = new java.io.ByteArrayOutputStream();
        Path vkey = Files.writeString(folder.resolve("vkey"), first + "\n");
        int exit = Verify.run(
                List.of("verify", folder.resolve("bundle").toString(), "--vkey", vkey.toString())
                        .toArray(String[]::new),
                new java.io.PrintStream(out, true, UTF_8));
        assertThat(out.toString(UTF_8)).contains("recovered with key ").contains("from number 2 up to that");
        assertThat(exit).isZero();
    }
}
