package io.agentlifecycle.credentials.keys;

import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;

/** Random bytes that a test knows afterwards. */
final class KnownRandom extends SecureRandom {
    private static final long serialVersionUID = 1L;

    private final transient List<byte[]> given = new ArrayList<>();

    @Override
    public void nextBytes(byte[] bytes) {
        super.nextBytes(bytes);
        synchronized (given) {
            given.add(bytes.clone());
        }
    }

    /** The seeds of all keys that were made, the oldest first: nothing else takes 32 bytes. */
    List<byte[]> seeds() {
        synchronized (given) {
            return given.stream()
                    .filter(bytes -> bytes.length == SigningKey.SEED_BYTES)
                    .toList();
        }
    }
}
