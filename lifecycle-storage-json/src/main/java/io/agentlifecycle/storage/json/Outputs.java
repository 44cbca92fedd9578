package io.agentlifecycle.storage.json;

import java.io.IOException;
import java.nio.ByteBuffer;

/** Writing until everything is out. */
final class Outputs {
    private static final int MOST_EMPTY_WRITES = 3;

    private Outputs() {}

    /** Writes all of {@code bytes}; a disk that takes nothing three times in a row is full. */
    static void writeAll(StorageIo.Output out, ByteBuffer bytes) throws IOException {
        int empty = 0;
        while (bytes.hasRemaining()) {
            empty = out.write(bytes) > 0 ? 0 : empty + 1;
            if (empty == MOST_EMPTY_WRITES) {
                throw new IOException("the disk takes no more bytes");
            }
        }
    }
}
