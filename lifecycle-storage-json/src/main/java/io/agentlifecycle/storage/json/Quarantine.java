package io.agentlifecycle.storage.json;

import java.io.IOException;
import java.nio.file.Path;

/** Where bytes go that are taken out of a store. */
final class Quarantine {
    private static final String DIRECTORY = "quarantine";

    private Quarantine() {}

    /** Makes these bytes durable under that name, or under one like it if there is such a file. */
    static void keep(StorageIo io, Path directory, String name, byte[] bytes) throws IOException {
        Path quarantine = directory.resolve(DIRECTORY);
        if (!io.exists(quarantine)) {
            io.createDirectory(quarantine);
            io.forceDirectory(directory);
        }
        Path file = quarantine.resolve(name);
        for (int i = 2; io.exists(file); i++) {
            file = quarantine.resolve(name + "-" + i);
        }
        Disk.write(io, file, bytes);
        io.forceDirectory(quarantine);
    }
}
