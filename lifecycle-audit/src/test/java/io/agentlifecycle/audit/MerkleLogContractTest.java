package io.agentlifecycle.audit;

import io.agentlifecycle.core.spi.AuditSealer;
import io.agentlifecycle.core.spi.CheckpointLog;
import io.agentlifecycle.testkit.CheckpointLogContract;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.io.TempDir;

class MerkleLogContractTest extends CheckpointLogContract {
    private final JdkKeys keys = JdkKeys.fresh();

    @TempDir
    private Path folder;

    @Override
    protected AuditSealer sealer() {
        return Ed25519AuditSealer.create(keys);
    }

    @Override
    protected CheckpointLog open() {
        return MerkleLog.create(folder, keys);
    }

    @Override
    protected Optional<Long> signedSize() throws IOException {
        Path checkpoint = folder.resolve("checkpoint");
        return Files.exists(checkpoint)
                ? Optional.of(Checkpoint.read(
                                SignedNote.read(Files.readString(checkpoint)).text())
                        .size())
                : Optional.empty();
    }
}
