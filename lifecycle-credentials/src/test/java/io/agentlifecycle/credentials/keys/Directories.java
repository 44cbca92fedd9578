package io.agentlifecycle.credentials.keys;

import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.core.testing.MutableClock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** Key directories that are opened quickly: PBKDF2 makes as few rounds as a test needs. */
final class Directories {
    static final int ITERATIONS = 1_000;
    static final String PASSPHRASE = "correct horse";
    static final MutableClock CLOCK = MutableClock.at("2026-04-11T12:00:00Z");

    private Directories() {}

    static PemKeys open(Path directory) {
        return open(directory, PASSPHRASE);
    }

    static PemKeys open(Path directory, String passphrase) {
        return open(directory, passphrase::toCharArray, new KnownRandom());
    }

    static PemKeys open(Path directory, Supplier<char[]> passphrase, KnownRandom random) {
        return PemKeys.openOrCreate(directory, Purpose.AUDIT, passphrase, CLOCK, ITERATIONS, random);
    }

    static List<Path> files(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.sorted().toList();
        }
    }

    static Path privateFile(Path directory, String keyId) {
        return directory.resolve(keyId + ".pem");
    }

    static Path retiredFile(Path directory, String keyId) {
        return directory.resolve(keyId + ".pub.pem");
    }
}
