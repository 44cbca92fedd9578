package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.testkit.LifecycleStoreContract;
import io.agentlifecycle.testkit.StoreMedium;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;

/** The contract on the real disk. */
class JsonStoreOnDiskTest extends LifecycleStoreContract {
    @TempDir
    private Path temporary;

    private final Map<LifecycleStore, Medium> media = new HashMap<>();
    private int directories;

    @Override
    protected LifecycleStore open() {
        return open(temporary.resolve("store-" + directories++));
    }

    @Override
    protected Optional<StoreMedium> medium(LifecycleStore store) {
        return Optional.of(media.get(store));
    }

    private LifecycleStore open(Path directory) {
        var io = new DisturbedIo(new FileIo());
        LifecycleStore store = JsonStore.open(directory, io, Limits.STANDARD);
        media.put(store, new Medium(directory, io));
        return store;
    }

    private final class Medium extends GatedMedium {
        private final Path directory;

        Medium(Path directory, DisturbedIo io) {
            super(io);
            this.directory = directory;
        }

        @Override
        public LifecycleStore reopen() {
            return open(directory);
        }

        /** The process is gone, the page cache stays. */
        @Override
        public LifecycleStore crash() throws IOException {
            Path copy = temporary.resolve("store-" + directories++);
            new FileIo().createDirectory(copy);
            List<Path> all;
            try (Stream<Path> found = Files.walk(directory)) {
                all = found.toList();
            } catch (UncheckedIOException e) {
                throw e.getCause();
            }
            for (Path path : all) {
                Path same = copy.resolve(directory.relativize(path));
                if (Files.isRegularFile(path)) {
                    Files.copy(path, same);
                } else if (!path.equals(directory)) {
                    new FileIo().createDirectory(same);
                }
            }
            return open(copy);
        }
    }
}
