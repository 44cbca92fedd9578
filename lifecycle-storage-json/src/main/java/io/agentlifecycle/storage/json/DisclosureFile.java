package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.error.CorruptStoreException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What is disclosed of the events of one audit segment, in order of streams and positions. It stands in a file of its own,
 * so that the segment stays as it is when something is erased: then this file is written anew, under another name.
 */
final class DisclosureFile {
    private final StorageIo io;
    private final LineFile lines;
    private final String sha256;
    private volatile boolean isSound;

    DisclosureFile(StorageIo io, Path file, String sha256) {
        this.io = io;
        this.lines = new LineFile(io, file);
        this.sha256 = sha256;
    }

    /** What is disclosed of the events of a stream from position {@code from} to before {@code to}. */
    List<Disclosed> find(String stream, long from, long to) throws IOException {
        requireSound();
        List<Disclosed> found = new ArrayList<>();
        long at = lines.search((line, offset) -> before(read(line, offset), stream, from));
        for (Optional<LineFile.Slice> line = lines.at(at); line.isPresent(); line = lines.at(at)) {
            Disclosed next = read(line.get(), at);
            if (!next.disclosure().stream().equals(stream) || next.disclosure().n() >= to) {
                break;
            }
            found.add(next);
            at = line.get().next();
        }
        return found;
    }

    /** All of it but what is to be removed. */
    List<Disclosed> without(Removals removals) throws IOException {
        requireSound();
        List<Disclosed> kept = new ArrayList<>();
        lines.each((line, from, to, offset) -> {
            Disclosed next = read(line, from, to, offset);
            if (!removals.hide(next)) {
                kept.add(next);
            }
        });
        return kept;
    }

    /** Damage could hide what is there, so the file is compared with its digest before it is used. */
    void requireSound() throws IOException {
        if (!isSound) {
            if (!io.exists(lines.file())) {
                throw lines.corrupt(0, "the file is gone");
            }
            if (!Disk.sha256(io, lines.file()).equals(sha256)) {
                throw lines.corrupt(0, "its digest does not fit");
            }
            isSound = true;
        }
    }

    private static boolean before(Disclosed line, String stream, long n) {
        int order = line.disclosure().stream().compareTo(stream);
        return order < 0 || order == 0 && line.disclosure().n() < n;
    }

    private Disclosed read(LineFile.Slice line, long offset) {
        return read(line.bytes(), 0, line.length(), offset);
    }

    private Disclosed read(byte[] bytes, int from, int to, long offset) throws CorruptStoreException {
        try {
            return LineReader.disclosed(bytes, from, to);
        } catch (LineReader.BadLineException e) {
            throw lines.corrupt(offset, String.valueOf(e.getMessage()));
        }
    }
}
