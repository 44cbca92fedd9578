package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.LogKeys;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.zip.ZipException;

/**
 * A log, or a part of it, as it is handed to others, in a folder or in a zip. A part has a proof for each of its events. Everything
 * is checked against the key that the reader brings, but {@link #GUIDE} and {@link #MANIFEST}, which are for people and prove
 * nothing.
 */
final class LogBundle {
    static final String EVENTS = "events.jsonl";
    static final String DISCLOSURES = "disclosures.jsonl";
    static final String CHECKPOINT = "checkpoint";
    static final String KEY = "genesis.vkey";
    static final String GUIDE = "VERIFY.md";
    static final String MANIFEST = "manifest.json";

    private static final int MAX_SMALL_FILE = 32_768;

    private final Path path;
    private final VerifierKey key;
    private final Optional<SignedNote> seenNote;
    private final Optional<Checkpoint> seen;
    private final boolean partAllowed;
    private final LogVerifier verifier;

    /**
     * @param key whose log it should be
     * @param seen a checkpoint of that log which the reader remembers
     * @param partAllowed whether a part of the log will do
     */
    LogBundle(Path path, VerifierKey key, Optional<SignedNote> seen, boolean partAllowed) {
        this(path, key, seen, partAllowed, LogVerifier.of(key.key()));
    }

    private LogBundle(
            Path path, VerifierKey key, Optional<SignedNote> seen, boolean partAllowed, LogVerifier verifier) {
        this.path = path;
        this.key = key;
        this.seenNote = seen;
        this.seen = seen.map(note -> Checkpoint.read(note.text()));
        this.partAllowed = partAllowed;
        this.verifier = verifier;
    }

    /** The same, with others that help to check signatures; see {@link LogVerifier#helpedBy}. */
    LogBundle helpedBy(Executor executor, int helpers) {
        return new LogBundle(path, key, seenNote, partAllowed, verifier.helpedBy(executor, helpers));
    }

    /**
     * What was found in order.
     *
     * @param part which events of the log were there, if it is a part of one
     */
    record Verified(Checkpoint checkpoint, Optional<Extent> part, LogVerification events) {
        boolean whole() {
            return part.isEmpty();
        }
    }

    /**
     * Where the events of a part stand in the log, but for those of stream {@code log}, which every part has, though it may lack
     * the last ones.
     *
     * @param first the number of the first one, counted from 0, or of one from which on none is missing before that
     * @param last the number of the last one, or of one up to which none is missing after that
     * @param all true if all between them are there
     * @param chosen how many there are of other streams than {@code log}
     */
    record Extent(long first, long last, boolean all, long chosen) {}

    /**
     * Checks all of it, with little memory.
     *
     * @throws AuditTamperedException naming the file, and in the events the first bad line
     */
    Verified verify() throws IOException {
        try (BundleFiles files = BundleFiles.in(path)) {
            return verify(files);
        } catch (ZipException e) {
            throw tampered(String.valueOf(path.getFileName()), String.valueOf(e.getMessage()));
        }
    }

    private Verified verify(BundleFiles files) throws IOException {
        SignedNote note = note(CHECKPOINT, text(files, CHECKPOINT), key);
        Checkpoint checkpoint = checkpoint(CHECKPOINT, note, key);
        requireEqual(KEY, "key", text(files, KEY), key + "\n");
        seen.ifPresent(before -> requireNotBefore(checkpoint, before));
        boolean whole = !files.has(LogProof.fileOf(1));
        if (!whole && !partAllowed) {
            throw tampered(EVENTS, "this is a part of a log, and not the whole; say --part if that is what you expect");
        }
        Verified verified = whole ? whole(files, checkpoint) : part(files, checkpoint);
        requireSigned(CHECKPOINT, note, key.name(), verified.events().keys());
        return verified;
    }

    /** A key of the log signs its checkpoints as long as it is in force. */
    private static void requireSigned(String file, SignedNote note, String origin, LogKeys keys) {
        try {
            note.requireSignedByOneOf(keys.forCheckpoints().stream()
                    .map(key -> new VerifierKey(origin, Ed25519PublicKey.of(key)))
                    .toList());
        } catch (IllegalArgumentException e) {
            throw tampered(file, String.valueOf(e.getMessage()));
        }
    }

    private Verified whole(BundleFiles files, Checkpoint checkpoint) throws IOException {
        var tree = new TreeHasher((tile, computed) -> requireTile(files, tile, computed));
        requireSeen(tree, LogKeys.of(key.key().jwk()));
        LogVerification events = events(files, LogVerifier::verify, (entry, keys) -> {
            // nobody who has not the key decides how much is kept in memory
            if (tree.size() == checkpoint.size()) {
                throw tampered(EVENTS, "it has more events than the %d of the checkpoint".formatted(tree.size()));
            }
            tree.add(entry.leaf());
            requireSeen(tree, keys);
        });
        requireEqual(EVENTS, "number of events", tree.size(), checkpoint.size());
        requireEqual(EVENTS, "root", tree.root(), checkpoint.rootHash());
        tree.end();
        return new Verified(checkpoint, Optional.empty(), events);
    }

    /** Each event is in the tree, further on than the one before. */
    private Verified part(BundleFiles files, Checkpoint checkpoint) throws IOException {
        if (seen.isPresent() && !seen.get().equals(checkpoint)) {
            throw new IllegalArgumentException(
                    "a part of a log cannot be compared with another checkpoint than its own; ask for the whole log");
        }
        String note = text(files, CHECKPOINT);
        var places = new Places();
        LogVerification events = events(files, LogVerifier::verifyPart, (entry, keys) -> {
            String file = LogProof.fileOf(places.lines + 1);
            long index = requireIncluded(file, text(files, file), entry, checkpoint, note);
            places.take(file, index, entry);
        });
        if (files.has(LogProof.fileOf(places.lines + 1))) {
            throw tampered(EVENTS, "it has %d events, but there are proofs of more".formatted(places.lines));
        }
        return new Verified(checkpoint, Optional.of(places.extent()), events);
    }

    /** Which numbers the events of a part have in the log. */
    private static final class Places {
        private long lines;
        private long last = -1;
        private long runBegin;
        private long chosen;
        private long first;
        private long end;
        private boolean broken;

        void take(String file, long index, Entry entry) {
            if (last >= index) {
                throw tampered(file, "its event stands before the one on the line before");
            }
            boolean genesis = entry.event()
                    .filter(event -> event.event().kind() == EventKind.LOG_GENESIS)
                    .isPresent();
            if ((lines == 0 || genesis) && (index > 0 || !genesis)) {
                // without it, a key could count that was retired, or none at all
                throw tampered(file, "it is not the proof of log.genesis as event 0, with which a part begins");
            }
            runBegin = index == last + 1 ? runBegin : index;
            boolean joined = runBegin <= end;
            if (!entry.stream().equals(StreamPosition.LOG)) {
                first = chosen == 0 ? runBegin : first;
                broken |= chosen > 0 && !joined;
                chosen++;
                end = index;
            } else if (chosen > 0 && joined) {
                end = index;
            }
            last = index;
            lines++;
        }

        Extent extent() {
            return new Extent(first, end, !broken, chosen);
        }
    }

    /** Returns which event of the log it is. */
    private static long requireIncluded(String file, String text, Entry entry, Checkpoint checkpoint, String note) {
        try {
            LogProof proof = LogProof.read(text);
            if (!proof.note().equals(note)) {
                throw tampered(file, "it is for another checkpoint than the one in the folder");
            }
            MerkleProof.requireIncluded(
                    entry.leaf(), proof.index(), checkpoint.size(), proof.hashes(), checkpoint.rootHash());
            return proof.index();
        } catch (IllegalArgumentException e) {
            throw tampered(file, String.valueOf(e.getMessage()));
        }
    }

    /** A way to read lines. */
    private interface Reading {
        LogVerification read(LogVerifier verifier, InputStream lines, LogVerifier.Visitor visitor) throws IOException;
    }

    private LogVerification events(BundleFiles files, Reading reading, LogVerifier.Visitor visitor) throws IOException {
        try (InputStream lines = open(files, EVENTS);
                var beside = new DisclosureLine.Reading(files.open(DISCLOSURES))) {
            LogVerification verified = reading.read(verifier, lines, (entry, keys) -> {
                entry.event()
                        .ifPresent(event ->
                                requireEqual(EVENTS, "log", event.event().log(), key.name()));
                visitor.entry(entry, keys);
                beside.check(entry);
            });
            beside.end();
            return verified;
        } catch (ZipException | EOFException e) {
            throw tampered(EVENTS, "it cannot be unpacked: " + e.getMessage());
        }
    }

    /**
     * Reads a signed checkpoint of the log of {@code key}. If it names that key, it must be signed with it; if it names
     * another one, only the events of the log can tell whether that is a key of the log.
     *
     * @throws AuditTamperedException if it is none
     */
    static SignedNote note(String file, String text, VerifierKey key) {
        try {
            SignedNote note = SignedNote.read(text);
            if (note.signatures().stream().anyMatch(signature -> signature.mayBeOf(key))) {
                note.requireSignedBy(key);
            }
            checkpoint(file, note, key);
            return note;
        } catch (IllegalArgumentException e) {
            throw tampered(file, String.valueOf(e.getMessage()));
        }
    }

    private static Checkpoint checkpoint(String file, SignedNote note, VerifierKey key) {
        Checkpoint checkpoint = Checkpoint.read(note.text());
        requireEqual(file, "log", checkpoint.origin(), key.name());
        return checkpoint;
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

    /** At the size of the remembered checkpoint, the root must be that of the checkpoint, and a key of the log signed it. */
    private void requireSeen(TreeHasher tree, LogKeys keys) {
        if (seen.isEmpty() || seen.get().size() != tree.size()) {
            return;
        }
        if (!tree.root().equals(seen.get().rootHash())) {
            throw tampered(
                    EVENTS,
                    "FORK: the first %d events have the root %s, but the remembered checkpoint has %s"
                            .formatted(tree.size(), tree.root(), seen.get().root()));
        }
        requireSigned("the remembered checkpoint", seenNote.orElseThrow(), key.name(), keys);
    }

    private static void requireTile(BundleFiles files, Tile tile, byte[] computed) throws IOException {
        byte[] stored = bytes(files, tile.path());
        if (!Arrays.equals(stored, computed)) {
            throw tampered(tile.path(), "it does not have the hashes of the events");
        }
    }

    private static String text(BundleFiles files, String file) throws IOException {
        byte[] bytes = bytes(files, file);
        String text = new String(bytes, UTF_8);
        if (!Arrays.equals(text.getBytes(UTF_8), bytes)) {
            throw tampered(file, "it is not UTF-8");
        }
        return text;
    }

    private static byte[] bytes(BundleFiles files, String file) throws IOException {
        try (InputStream in = open(files, file)) {
            byte[] bytes = in.readNBytes(MAX_SMALL_FILE + 1);
            if (bytes.length > MAX_SMALL_FILE) {
                throw tampered(file, "it is longer than " + MAX_SMALL_FILE + " bytes");
            }
            return bytes;
        } catch (ZipException | EOFException e) {
            throw tampered(file, "it cannot be unpacked: " + e.getMessage());
        }
    }

    private static InputStream open(BundleFiles files, String file) throws IOException {
        return files.open(file).orElseThrow(() -> tampered(file, "it is not there"));
    }

    private static void requireEqual(String file, String what, Object found, Object expected) {
        if (!found.equals(expected)) {
            throw tampered(file, "its %s is %s, but should be %s".formatted(what, found, expected));
        }
    }

    static AuditTamperedException tampered(String file, String what) {
        return new AuditTamperedException(List.of(file + ": " + what));
    }
}
