package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.error.AuditTamperedException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A log, or a part of it, as it is handed to others, in a directory. A part has a proof for each of its events. Everything
 * is checked against the key that the reader brings, but {@link #GUIDE} and {@link #MANIFEST}, which are for people and prove
 * nothing.
 */
final class LogBundle {
    static final String EVENTS = "events.jsonl";
    static final String CHECKPOINT = "checkpoint";
    static final String KEY = "genesis.vkey";
    static final String GUIDE = "VERIFY.md";
    static final String MANIFEST = "manifest.json";

    private static final int MAX_SMALL_FILE = 32_768;

    private final Path directory;
    private final VerifierKey key;
    private final Optional<Checkpoint> seen;
    private final boolean partAllowed;
    private final LogVerifier verifier;

    /**
     * @param key whose log it should be
     * @param seen a checkpoint of that log which the reader remembers
     * @param partAllowed whether a part of the log will do
     */
    LogBundle(Path directory, VerifierKey key, Optional<Checkpoint> seen, boolean partAllowed) {
        this(directory, key, seen, partAllowed, LogVerifier.of(key.key()));
    }

    private LogBundle(
            Path directory, VerifierKey key, Optional<Checkpoint> seen, boolean partAllowed, LogVerifier verifier) {
        this.directory = directory;
        this.key = key;
        this.seen = seen;
        this.partAllowed = partAllowed;
        this.verifier = verifier;
    }

    /** The same, with others that help to check signatures; see {@link LogVerifier#helpedBy}. */
    LogBundle helpedBy(Executor executor, int helpers) {
        return new LogBundle(directory, key, seen, partAllowed, verifier.helpedBy(executor, helpers));
    }

    /**
     * What was found in order.
     *
     * @param whole false if it is a part of the log
     */
    record Verified(Checkpoint checkpoint, boolean whole, LogVerification events) {}

    /**
     * Checks all of it, with little memory.
     *
     * @throws AuditTamperedException naming the file, and in the events the first bad line
     */
    Verified verify() throws IOException {
        Checkpoint checkpoint = checkpoint(CHECKPOINT, text(CHECKPOINT), key);
        requireEqual(KEY, "key", text(KEY), key + "\n");
        seen.ifPresent(before -> requireNotBefore(checkpoint, before));
        boolean whole = !Files.exists(directory.resolve(LogProof.fileOf(1)));
        if (!whole && !partAllowed) {
            throw tampered(EVENTS, "this is a part of a log, and not the whole; say --part if that is what you expect");
        }
        return new Verified(checkpoint, whole, whole ? whole(checkpoint) : part(checkpoint));
    }

    private LogVerification whole(Checkpoint checkpoint) throws IOException {
        var tree = new TreeHasher(this::requireTile);
        requireSeen(tree);
        LogVerification events = events(event -> {
            // nobody who has not the key decides how much is kept in memory
            if (tree.size() == checkpoint.size()) {
                throw tampered(EVENTS, "it has more events than the %d of the checkpoint".formatted(tree.size()));
            }
            tree.add(Hash.ofLeaf(event.leafHash()));
            requireSeen(tree);
        });
        requireEqual(EVENTS, "number of events", tree.size(), checkpoint.size());
        requireEqual(EVENTS, "root", tree.root(), checkpoint.rootHash());
        tree.end();
        return events;
    }

    /** Each event is in the tree, further on than the one before. */
    private LogVerification part(Checkpoint checkpoint) throws IOException {
        if (seen.isPresent() && !seen.get().equals(checkpoint)) {
            throw new IllegalArgumentException(
                    "a part of a log cannot be compared with another checkpoint than its own; ask for the whole log");
        }
        String note = text(CHECKPOINT);
        var lines = new AtomicLong();
        var last = new AtomicLong(-1);
        LogVerification events = events(event -> {
            String file = LogProof.fileOf(lines.incrementAndGet());
            long index = requireIncluded(file, event, checkpoint, note);
            if (last.getAndSet(index) >= index) {
                throw tampered(file, "its event stands before the one on the line before");
            }
        });
        if (Files.exists(directory.resolve(LogProof.fileOf(lines.get() + 1)))) {
            throw tampered(EVENTS, "it has %d events, but there are proofs of more".formatted(lines.get()));
        }
        return events;
    }

    /** Returns which event of the log it is. */
    private long requireIncluded(String file, SealedEvent event, Checkpoint checkpoint, String note)
            throws IOException {
        String text = text(file);
        try {
            LogProof proof = LogProof.read(text);
            if (!proof.note().equals(note)) {
                throw tampered(file, "it is for another checkpoint than the one in the folder");
            }
            MerkleProof.requireIncluded(
                    Hash.ofLeaf(event.leafHash()),
                    proof.index(),
                    checkpoint.size(),
                    proof.hashes(),
                    checkpoint.rootHash());
            return proof.index();
        } catch (IllegalArgumentException e) {
            throw tampered(file, String.valueOf(e.getMessage()));
        }
    }

    private LogVerification events(LogVerifier.Visitor visitor) throws IOException {
        try (InputStream lines = Files.newInputStream(directory.resolve(EVENTS))) {
            return verifier.verify(lines, event -> {
                requireEqual(EVENTS, "log", event.event().log(), key.name());
                visitor.event(event);
            });
        } catch (NoSuchFileException e) {
            throw tampered(EVENTS, "it is not there");
        }
    }

    /**
     * Reads a checkpoint of the log of {@code key}.
     *
     * @throws AuditTamperedException if it is none, or not signed with that key
     */
    static Checkpoint checkpoint(String file, String text, VerifierKey key) {
        try {
            SignedNote note = SignedNote.read(text);
            note.requireSignedBy(key);
            Checkpoint checkpoint = Checkpoint.read(note.text());
            requireEqual(file, "log", checkpoint.origin(), key.name());
            return checkpoint;
        } catch (IllegalArgumentException e) {
            throw tampered(file, String.valueOf(e.getMessage()));
        }
    }

    private static void requireNotBefore(Checkpoint checkpoint, Checkpoint before) {
        if (checkpoint.size() < before.size()) {
            throw tampered(
                    CHECKPOINT,
                    "TRUNCATED: the log has %d events, but it had %d when the remembered checkpoint was signed"
                            .formatted(checkpoint.size(), before.size()));
        }
        if (checkpoint.size() == before.size() && !checkpoint.root().equals(before.root())) {
            throw tampered(
                    CHECKPOINT,
                    "FORK: the first %d events have the root %s, but the remembered checkpoint has %s"
                            .formatted(before.size(), checkpoint.root(), before.root()));
        }
    }

    /** At the size of the remembered checkpoint, the root must be that of the checkpoint. */
    private void requireSeen(TreeHasher tree) {
        if (seen.isPresent()
                && seen.get().size() == tree.size()
                && !tree.root().equals(seen.get().rootHash())) {
            throw tampered(
                    EVENTS,
                    "FORK: the first %d events have the root %s, but the remembered checkpoint has %s"
                            .formatted(tree.size(), tree.root(), seen.get().root()));
        }
    }

    private void requireTile(Tile tile, byte[] computed) throws IOException {
        byte[] stored = bytes(tile.path());
        if (!Arrays.equals(stored, computed)) {
            throw tampered(tile.path(), "it does not have the hashes of the events");
        }
    }

    private String text(String file) throws IOException {
        byte[] bytes = bytes(file);
        String text = new String(bytes, UTF_8);
        if (!Arrays.equals(text.getBytes(UTF_8), bytes)) {
            throw tampered(file, "it is not UTF-8");
        }
        return text;
    }

    private byte[] bytes(String file) throws IOException {
        try (InputStream in = Files.newInputStream(directory.resolve(file))) {
            byte[] bytes = in.readNBytes(MAX_SMALL_FILE + 1);
            if (bytes.length > MAX_SMALL_FILE) {
                throw tampered(file, "it is longer than " + MAX_SMALL_FILE + " bytes");
            }
            return bytes;
        } catch (NoSuchFileException e) {
            throw tampered(file, "it is not there");
        }
    }

    private static void requireEqual(String file, String what, Object found, Object expected) {
        if (!found.equals(expected)) {
            throw tampered(file, "its %s is %s, but should be %s".formatted(what, found, expected));
        }
    }

    private static AuditTamperedException tampered(String file, String what) {
        return new AuditTamperedException(List.of(file + ": " + what));
    }
}
