package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.error.StoreException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Copies the files of a store that is open. */
final class Backup {
    private Backup() {}

    /** Nothing that {@code manifest} names may be removed meanwhile. The copy ends where {@code durable} says. */
    static void write(StorageIo io, Path directory, Manifest manifest, Position durable, Path given)
            throws IOException {
        Path target = Premises.check(io, given);
        try (StorageIo.Held lock = io.lock(target)) {
            requireEmpty(io, target);
            if (manifest.snapshot().isPresent()) {
                copy(io, directory, target, manifest.snapshot().get().file());
            }
            if (!manifest.audit().isEmpty()) {
                Path folder = target.resolve(AuditSegment.DIRECTORY);
                io.createDirectory(folder);
                for (Manifest.Audit audit : manifest.audit()) {
                    for (String name : audit.files()) {
                        copy(io, directory, target, name);
                    }
                }
                io.forceDirectory(folder);
            }
            Manifest copied = manifest.withoutPrevious();
            for (String name : io.list(directory)) {
                Segment segment = Segment.named(directory, name).orElse(durable.segment());
                if (segment.firstSeq() >= copied.journalFrom()
                        && segment.firstSeq() < durable.segment().firstSeq()) {
                    copy(io, directory, target, name);
                }
            }
            String last = String.valueOf(durable.segment().file().getFileName());
            Disk.copy(io, directory.resolve(last), target.resolve(last), durable.size());
            Disk.forceNames(io, target);
            lock.ensureHeld();
            copied.write(io, target);
        }
    }

    static void requireEmpty(StorageIo io, Path directory) throws IOException {
        for (String name : io.list(directory)) {
            if (!List.of("LOCK", "LOCK.info").contains(name)) {
                throw new StoreException(
                        "%s is not empty: there is %s; choose an empty directory".formatted(directory, name), null);
            }
        }
    }

    private static void copy(StorageIo io, Path from, Path to, String name) throws IOException {
        Path file = from.resolve(name);
        Disk.copy(io, file, to.resolve(name), io.size(file));
    }
}
