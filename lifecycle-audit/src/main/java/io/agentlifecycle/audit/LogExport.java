package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamPosition;
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
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Writes a log, or a part of it, for others, as {@link LogBundle} reads it.
 *
 * @param log the events
 * @param key whose log it is
 * @param note the checkpoint up to which it is written
 * @param tree the tree that the checkpoint is of
 */
record LogExport(Events log, VerifierKey key, SignedNote note, MerkleTree tree) {
    private static final int PAGE = 1_000;

    /** Writes what belongs into a folder, besides what belongs into all of them. */
    private interface Content {
        void write(Path folder, BufferedWriter events) throws IOException;
    }

    /** Hears of events in the order of the log, the first of them number 0. */
    private interface Visitor {
        void event(long index, StoredEvent event) throws IOException;
    }

    /**
     * Writes all of it into a folder that is not there yet. If this fails, what is left has another name.
     *
     * @throws IOException if it is there, or cannot be written
     */
    void write(Path folder) throws IOException {
        write(folder, (unfinished, events) -> {
            var hasher = new TreeHasher((tile, bytes) -> {
                Path file = unfinished.resolve(tile.path());
                Files.createDirectories(LogDirectory.parent(file));
                Files.write(file, bytes);
            });
            each((index, stored) -> {
                SealedEvent event = SealedEvent.read(stored.canonical(), stored.signature());
                events.write(EventLine.write(event) + "\n");
                hasher.add(Hash.ofLeaf(event.leafHash()));
            });
            hasher.end();
            if (!hasher.root().equals(tree.root())) {
                throw new IOException("the events of the store are not those of the checkpoint; verify() says where");
            }
        });
    }

    /**
     * The same with the events of one stream, and those of stream {@code log}, which say what keys count; for each there is
     * a proof that it is in the log.
     *
     * @throws IllegalArgumentException if there are none
     */
    void write(Path folder, String stream) throws IOException {
        write(folder, (unfinished, events) -> {
            var lines = new AtomicLong();
            var found = new AtomicBoolean();
            Hash root = Checkpoint.read(note.text()).rootHash();
            each((index, stored) -> {
                if (stored.stream().equals(stream) || stored.stream().equals(StreamPosition.LOG)) {
                    found.set(found.get() || stored.stream().equals(stream));
                    SealedEvent event = SealedEvent.read(stored.canonical(), stored.signature());
                    events.write(EventLine.write(event) + "\n");
                    List<Hash> hashes = tree.inclusion(index);
                    requireIncluded(event, index, hashes, root);
                    Files.writeString(
                            unfinished.resolve(LogProof.fileOf(lines.incrementAndGet())),
                            new LogProof(index, hashes, note.toString()).toString());
                }
            });
            if (!found.get()) {
                throw new IllegalArgumentException("the log has no events of stream " + stream);
            }
        });
    }

    /** Nobody is handed a proof that proves nothing. */
    private void requireIncluded(SealedEvent event, long index, List<Hash> hashes, Hash root) throws IOException {
        try {
            MerkleProof.requireIncluded(Hash.ofLeaf(event.leafHash()), index, tree.size(), hashes, root);
        } catch (IllegalArgumentException e) {
            throw new IOException(
                    "the tiles do not prove what the store says; verify() says where: " + e.getMessage(), e);
        }
    }

    private void write(Path folder, Content content) throws IOException {
        if (Files.exists(folder)) {
            throw new FileAlreadyExistsException(folder + " is there already; export into a new folder");
        }
        Path parent = LogDirectory.parent(folder);
        Files.createDirectories(parent);
        Path unfinished = Files.createTempDirectory(parent, folder.getFileName() + ".unfinished-");
        try (BufferedWriter events = Files.newBufferedWriter(unfinished.resolve(LogBundle.EVENTS))) {
            content.write(unfinished, events);
        }
        Files.writeString(unfinished.resolve(LogBundle.CHECKPOINT), note.toString());
        Files.writeString(unfinished.resolve(LogBundle.KEY), key + "\n");
        Files.writeString(unfinished.resolve(LogBundle.GUIDE), guide());
        Files.writeString(unfinished.resolve(LogBundle.MANIFEST), manifest());
        Files.move(unfinished, folder, StandardCopyOption.ATOMIC_MOVE);
    }

    /** Shows all events that the checkpoint is of. */
    private void each(Visitor visitor) throws IOException {
        long index = 0;
        long cursor = 0;
        while (index < tree.size()) {
            EventPage page = log.after(cursor, PAGE);
            if (page.events().isEmpty()) {
                throw new IOException("the store has %d events, and the checkpoint says that there are %d"
                        .formatted(index, tree.size()));
            }
            for (StoredEvent stored : page.events()) {
                if (index < tree.size()) {
                    visitor.event(index++, stored);
                }
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

    private String manifest() {
        Checkpoint checkpoint = Checkpoint.read(note.text());
        return CanonicalJson.write(Json.object()
                        .put("events", checkpoint.size())
                        .put("format", 1)
                        .put("log", checkpoint.origin())
                        .put("root", checkpoint.root())
                        .build())
                + "\n";
    }
}
