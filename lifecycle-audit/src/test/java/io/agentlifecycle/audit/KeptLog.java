package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.audit.LogKeys;
import io.agentlifecycle.core.spi.CheckpointLog.Events;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** A signed log with its tree, and whoever verifies what it exports. */
final class KeptLog {
    static final String ORIGIN = "example.com/agents";
    static final AgentKey A = new AgentKey(TenantId.DEFAULT, AgentId.of("a"));

    final JdkKeys keys = JdkKeys.fresh();
    final VerifierKey key =
            new VerifierKey(ORIGIN, Ed25519PublicKey.of(keys.publicKeys().get(0).jwk()));
    final NoteSigner signer = new NoteSigner(keys, key);
    final LifecycleStore store = LifecycleStore.inMemory();
    final SignedLog log = new SignedLog(new SignedLog.SigningKeys(keys), store, ORIGIN, 1);
    final MerkleLog tree;
    private final Path folder;

    KeptLog(Path folder) {
        this(folder, events -> events);
    }

    /** One whose tree reads the events by way of something that a test puts between. */
    KeptLog(Path folder, UnaryOperator<Events> between) {
        this.folder = folder;
        this.tree = MerkleLog.create(folder.resolve("tree"), keys);
        tree.open(ORIGIN, LogKeys.of(key.key().jwk()), between.apply(store::events), log.clock.instant());
    }

    /** With the events of {@link SignedLog#thirty}. */
    KeptLog thirty() {
        log.thirty();
        return this;
    }

    LogBundle.Verified verify(Path exported) throws IOException {
        return new LogBundle(exported, key, Optional.empty(), true).verify();
    }

    /** What the command says, which must be that all is well. */
    String verifyPart(Path exported) throws IOException {
        var bytes = new ByteArrayOutputStream();
        Path vkey = Files.writeString(folder.resolve("key.vkey"), key + "\n");
        String[] args = {"verify", exported.toString(), "--vkey", vkey.toString(), "--part"};
        assertThat(Verify.run(args, new PrintStream(bytes, true, UTF_8)))
                .as(bytes.toString(UTF_8))
                .isZero();
        return bytes.toString(UTF_8);
    }

    /** What stands beside the tree, by its name. */
    Stream<String> leftovers() throws IOException {
        try (Stream<Path> found = Files.list(folder)) {
            return found
                    .map(path -> path.getFileName().toString())
                    .filter(name -> !name.equals("tree"))
                    .toList()
                    .stream();
        }
    }
}
