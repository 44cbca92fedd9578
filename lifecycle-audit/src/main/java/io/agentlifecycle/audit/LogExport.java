package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.ChainVerifier;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.SignatureVerifier;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.spi.CheckpointLog.Events;
import io.agentlifecycle.core.store.Disclosure;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.StoredEvent;
import java.io.BufferedWriter;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;

/**
 * Writes a log, or a part of it, for others, as {@link LogBundle} reads it: into a folder, or into a zip if its name says so.
 * It stands under its name once it is complete, and not before; what an attempt that failed has written is deleted, and what
 * a crash leaves has another name. Events are read and written page by page.
 *
 * @param log the events
 * @param key whose log it is: its first key
 * @param signer the key that signed the checkpoint
 * @param note the checkpoint up to which it is written
 * @param tree the tree that the checkpoint is of
 * @param disclosing whether what stands beside the events goes with them
 */
record LogExport(
        Events log, VerifierKey key, VerifierKey signer, SignedNote note, MerkleTree tree, boolean disclosing) {
    private static final int PAGE = 1_000;

    /** The root tells whether the events are those that were signed. */
    private static final SignatureVerifier TRUSTING = (jwk, type, payload, signature) -> true;

    /** Writes what belongs into a folder, besides what belongs into all of them, and returns how many events that is. */
    private interface Content {
        long write(Path folder, Lines lines) throws IOException;
    }

    /** Hears of events in the order of the log, the first of them number 0. */
    private interface Visitor {
        void event(long index, StoredEvent event) throws IOException;
    }

    /**
     * Writes all of it.
     *
     * @throws IOException if {@code target} is there already, or cannot be written
     */
    void write(Path target) throws IOException {
        write(target, Json.object().put("kind", "log"), (folder, lines) -> {
            var hasher = new TreeHasher((tile, bytes) -> {
                Path file = folder.resolve(tile.path());
                Files.createDirectories(LogDirectory.parent(file));
                Files.write(file, bytes);
            });
            var chains = new ChainVerifier(
                    TRUSTING, Optional.of(key.name()), Optional.of(key.key().jwk()));
            each((index, stored) -> {
                Entry entry = followed(stored, chains);
                lines.write(entry);
                hasher.add(entry.leaf());
            });
            requireEnded(chains);
            hasher.end();
            if (!hasher.root().equals(tree.root())) {
                throw new IOException(
                        "the events of the store are not those that the checkpoint was signed of: some were changed since");
            }
            return hasher.size();
        });
    }

    /**
     * The same with a part of the events and all of stream {@code log}, which says what keys count; for each there is a proof
     * that it is in the log.
     *
     * @throws IllegalArgumentException if the log has none of them, or, of a range, not all
     */
    void write(Path target, LogPart part) throws IOException {
        if (part instanceof LogPart.Range range && range.to() > tree.size()) {
            throw new IllegalArgumentException(
                    "the log has %d events, so it has no events %s".formatted(tree.size(), part));
        }
        write(target, part.manifest(), (folder, all) -> {
            var lines = new PartLines(folder, all);
            var found = new AtomicBoolean();
            each((index, stored) -> {
                boolean chosen = part.has(index, stored);
                if (chosen || stored.stream().equals(StreamPosition.LOG)) {
                    lines.add(index, stored);
                }
                found.set(found.get() || chosen);
            });
            if (!found.get()) {
                throw new IllegalArgumentException("the log has no events " + part);
            }
            return lines.count;
        });
    }

    /** Trails may be pruned meanwhile: nobody is handed what has texts before and after a gap. */
    private static Entry followed(StoredEvent stored, ChainVerifier chains) throws IOException {
        try {
            return Entry.take(stored, chains);
        } catch (IllegalArgumentException e) {
            throw new IOException(
                    "event %d of stream %s cannot be exported: %s; if trails are pruned just now, export again"
                            .formatted(stored.n(), stored.stream(), e.getMessage()),
                    e);
        }
    }

    private static void requireEnded(ChainVerifier chains) throws IOException {
        try {
            chains.end();
        } catch (IllegalArgumentException e) {
            throw new IOException(
                    "the log cannot be exported: %s; if trails are pruned just now, export again"
                            .formatted(e.getMessage()),
                    e);
        }
    }

    /** The lines of events, and of what stands beside them. */
    private record Lines(Events log, BufferedWriter events, Optional<BufferedWriter> disclosures) implements Closeable {
        void write(Entry entry) throws IOException {
            events.write(entry.line() + "\n");
            boolean conceals =
                    entry.event().filter(event -> !event.redacted().isEmpty()).isPresent();
            if (disclosures.isPresent() && conceals) {
                List<String> disclosed = log.disclosures(entry.stream(), entry.n(), 1).stream()
                        .map(Disclosure::content)
                        .toList();
                if (!disclosed.isEmpty()) {
                    disclosures.get().write(new DisclosureLine(entry.stream(), entry.n(), disclosed) + "\n");
                }
            }
        }

        @Override
        public void close() throws IOException {
            events.close();
            if (disclosures.isPresent()) {
                disclosures.get().close();
            }
        }
    }

    private Lines lines(Path folder) throws IOException {
        Optional<BufferedWriter> disclosures = disclosing
                ? Optional.of(Files.newBufferedWriter(folder.resolve(LogBundle.DISCLOSURES)))
                : Optional.empty();
        return new Lines(log, Files.newBufferedWriter(folder.resolve(LogBundle.EVENTS)), disclosures);
    }

    /** Writes the lines and the proofs of a part. Nobody is handed one that does not verify. */
    private final class PartLines {
        private final Path folder;
        private final Lines lines;
        private final Hash root = Checkpoint.read(note.text()).rootHash();
        private final ChainVerifier chains = ChainVerifier.ofPart(
                new Dsse(), Optional.of(key.name()), Optional.of(key.key().jwk()));
        private MerkleTree proofs = tree;
        private long count;

        PartLines(Path folder, Lines lines) {
            this.folder = folder;
            this.lines = lines;
        }

        void add(long index, StoredEvent stored) throws IOException {
            if (count % PAGE == 0) {
                proofs = tree.fresh(); // it keeps all tiles that it has read
            }
            Entry entry = verified(stored);
            List<Hash> hashes = proofs.inclusion(index);
            requireIncluded(entry, index, hashes);
            lines.write(entry);
            count++;
            Files.writeString(
                    folder.resolve(LogProof.fileOf(count)), new LogProof(index, hashes, note.toString()).toString());
        }

        private Entry verified(StoredEvent stored) throws IOException {
            try {
                return Entry.take(stored, chains);
            } catch (IllegalArgumentException e) {
                throw new IOException(
                        "event %d of stream %s does not verify in a part of the log: %s"
                                .formatted(stored.n(), stored.stream(), e.getMessage()),
                        e);
            }
        }

        private void requireIncluded(Entry entry, long index, List<Hash> hashes) throws IOException {
            try {
                MerkleProof.requireIncluded(entry.leaf(), index, tree.size(), hashes, root);
            } catch (IllegalArgumentException e) {
                throw new IOException(
                        "the tiles do not prove what the store says, since one of them was changed: " + e.getMessage(),
                        e);
            }
        }
    }

    private void write(Path target, Json.ObjBuilder manifest, Content content) throws IOException {
        if (Files.exists(target)) {
            throw new FileAlreadyExistsException(target + " is there already; export into a new folder or zip");
        }
        Path parent = LogDirectory.parent(target);
        Files.createDirectories(parent);
        try (var unfinished =
                new Unfinished(Files.createTempDirectory(parent, target.getFileName() + ".unfinished-"))) {
            Path done = Files.createTempDirectory(unfinished.path(), "folder-");
            fill(done, manifest, content);
            if (target.toString().toLowerCase(Locale.ROOT).endsWith(".zip")) {
                Path zip = Files.createTempFile(unfinished.path(), "zip-", "");
                ZipBundle.pack(done, zip, ZipBundle.MAX_FILES);
                done = zip;
            }
            Files.move(done, target);
        }
    }

    /** A folder that is gone in the end. */
    private record Unfinished(Path path) implements Closeable {
        @Override
        public void close() throws IOException {
            List<Path> all;
            try (Stream<Path> found = Files.walk(path)) {
                all = found.sorted(Comparator.reverseOrder()).toList();
            }
            for (Path each : all) {
                Files.delete(each);
            }
        }
    }

    private void fill(Path folder, Json.ObjBuilder manifest, Content content) throws IOException {
        try (Lines lines = lines(folder)) {
            manifest.put("events", content.write(folder, lines));
        }
        Checkpoint checkpoint = Checkpoint.read(note.text());
        manifest.put("format", 1)
                .put("log", checkpoint.origin())
                .put("root", checkpoint.root())
                .put("size", checkpoint.size());
        Files.writeString(folder.resolve(LogBundle.CHECKPOINT), note.toString());
        Files.writeString(folder.resolve(LogBundle.KEY), key + "\n");
        Files.writeString(folder.resolve(LogBundle.GUIDE), guide());
        Files.writeString(folder.resolve(LogBundle.MANIFEST), CanonicalJson.write(manifest.build()) + "\n");
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
                    .replace("{x}", key.key().jwk().x())
                    .replace("{y}", signer.key().jwk().x());
        }
    }
}
