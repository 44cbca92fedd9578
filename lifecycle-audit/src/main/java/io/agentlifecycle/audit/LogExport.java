package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.spi.CheckpointLog.Events;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.StoredEvent;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * Writes a whole log for others, as {@link LogBundle} reads it.
 *
 * @param log the events
 * @param key whose log it is
 * @param note the checkpoint up to which it is written
 */
record LogExport(Events log, VerifierKey key, SignedNote note) {
    private static final int PAGE = 1_000;

    /**
     * Writes it into a folder that is not there yet. If this fails, there is a folder of another name, or none.
     *
     * @throws IOException if it is there, or cannot be written
     */
    void write(Path folder) throws IOException {
        if (Files.exists(folder)) {
            throw new FileAlreadyExistsException(folder + " is there already; export into a new folder");
        }
        Path unfinished = folder.resolveSibling(folder.getFileName() + ".unfinished");
        Files.createDirectories(unfinished);
        Checkpoint checkpoint = Checkpoint.read(note.text());
        var tree = new TreeHasher((tile, bytes) -> {
            Path file = unfinished.resolve(tile.path());
            Files.createDirectories(LogDirectory.parent(file));
            Files.write(file, bytes);
        });
        try (BufferedWriter out = Files.newBufferedWriter(unfinished.resolve(LogBundle.EVENTS))) {
            writeEvents(out, tree, checkpoint);
        }
        tree.end();
        if (!tree.root().equals(checkpoint.rootHash())) {
            throw new IOException("the events of the store are not those of the checkpoint; verify() says where");
        }
        Files.writeString(unfinished.resolve(LogBundle.CHECKPOINT), note.toString());
        Files.writeString(unfinished.resolve(LogBundle.KEY), key + "\n");
        Files.writeString(unfinished.resolve(LogBundle.GUIDE), guide());
        Files.writeString(unfinished.resolve(LogBundle.MANIFEST), manifest(checkpoint));
        Files.move(unfinished, folder, StandardCopyOption.ATOMIC_MOVE);
    }

    private void writeEvents(BufferedWriter out, TreeHasher tree, Checkpoint checkpoint) throws IOException {
        long cursor = 0;
        while (tree.size() < checkpoint.size()) {
            EventPage page = log.after(cursor, PAGE);
            if (page.events().isEmpty()) {
                throw new IOException("the store has %d events, and the checkpoint says that there are %d"
                        .formatted(tree.size(), checkpoint.size()));
            }
            for (StoredEvent stored : page.events()) {
                if (tree.size() == checkpoint.size()) {
                    return;
                }
                SealedEvent event = SealedEvent.read(stored.canonical(), stored.signature());
                out.write(EventLine.write(event));
                out.write('\n');
                tree.add(Hash.ofLeaf(event.leafHash()));
            }
            cursor = page.cursor();
        }
    }

    private String guide() throws IOException {
        try (InputStream text = LogExport.class.getResourceAsStream(LogBundle.GUIDE)) {
            if (text == null) {
                throw new IOException(LogBundle.GUIDE + " is missing in the jar");
            }
            return new String(text.readAllBytes(), UTF_8)
                    .replace("{log}", key.name())
                    .replace("{x}", key.key().jwk().x());
        }
    }

    private static String manifest(Checkpoint checkpoint) {
        return CanonicalJson.write(Json.object()
                        .put("events", checkpoint.size())
                        .put("format", 1)
                        .put("log", checkpoint.origin())
                        .put("root", checkpoint.root())
                        .build())
                + "\n";
    }
}
