package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.audit.LogKeys;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.spi.CheckpointLog.Events;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * The Merkle tree over a log, in tiles, with the checkpoints that were signed of it. The tree follows the log: it never
 * takes an event that the log does not have, and what it has taken it has for ever. Not safe for use by several threads.
 */
final class LogTree {
    private static final String POSITION = "position.json";
    private static final String CHECKPOINT = "checkpoint";
    private static final String HISTORY = "checkpoints.log";
    private static final int MAX_SMALL_FILE = 32_768;
    private static final int PAGE = 2_048;

    /**
     * How far the tree has come. What stands in tiles beyond that does not count.
     *
     * @param from where in the log the last page began that was taken before the tree was last signed, or an earlier one
     * @param fromSize how many leaves there were before that page
     * @param keys those of the log at this size
     * @param former those that were in force before, the newest last: the last checkpoint may be signed with one of them
     */
    private record Position(long from, long fromSize, long size, Hash root, LogKeys keys, List<PublicJwk> former) {
        static final Position BEGIN = new Position(0, 0, 0, Hash.EMPTY_TREE, LogKeys.NONE, List.of());

        /** So many keys are remembered that are not in force any more. */
        static final int MOST_FORMER = 64;

        String write(String origin) {
            return CanonicalJson.write(Json.object()
                    .put("former", Json.of(former.stream().map(PublicJwk::x).toList()))
                    .put("from", from)
                    .put("fromSize", fromSize)
                    .put("keys", keys.toJson())
                    .put("log", origin)
                    .put("root", Digests.base64Url(root.bytes()))
                    .put("size", size)
                    .put("v", 1)
                    .build());
        }

        static Position read(String text, String origin) {
            var fields = new JsonFields(POSITION, CanonicalJson.read(text, MAX_SMALL_FILE));
            fields.format("v", 1);
            if (!fields.string("log").equals(origin)) {
                throw new IllegalArgumentException("it is of another log");
            }
            var read = new Position(
                    fields.integer("from"),
                    fields.integer("fromSize"),
                    fields.integer("size"),
                    Hash.ofLeaf(fields.string("root")),
                    LogKeys.of(fields.plainObject("keys")),
                    fields.list("former").stream().map(PublicJwk::new).toList());
            fields.end();
            if (read.fromSize < 0 || read.fromSize >= Math.max(1, read.size)) {
                throw new IllegalArgumentException("it has impossible sizes");
            }
            return read;
        }

        /** The keys of the log that may have signed a checkpoint of this size or a smaller one. */
        List<VerifierKey> signers(String origin) {
            Stream<PublicJwk> all = Stream.of(former, keys.inForce().values(), keys.forCheckpoints())
                    .flatMap(Collection::stream);
            return all.map(key -> new VerifierKey(origin, Ed25519PublicKey.of(key)))
                    .toList();
        }
    }

    /** A place in the log, and how many leaves there are before it. */
    private record Place(long cursor, long size) {}

    private final LogFiles files;
    private final String origin;
    private Position position;

    /** Where in the log the next page begins. It is not written down, but seen when the last page is looked at again. */
    private long cursor;

    /** Where the last page began, and what then becomes {@code from} once it is signed. */
    private Place lastPage;

    private Place from;

    /** All checkpoints; the last one is there before it is shown to anyone. */
    private final CheckpointFile history;

    private Optional<SignedNote> note;

    private LogTree(
            LogFiles files, String origin, Position position, CheckpointFile history, Optional<SignedNote> note) {
        this.files = files;
        this.origin = origin;
        this.history = history;
        this.position = position;
        this.cursor = position.from();
        this.from = new Place(position.from(), position.fromSize());
        this.lastPage = from;
        this.note = note;
    }

    /**
     * Opens the tree over {@code events}, or begins it.
     *
     * @param own keys that the last checkpoint may be signed with, besides those that the tree knows of
     * @throws AuditTamperedException if the tree, the last checkpoint and the log do not fit together
     */
    static LogTree open(LogFiles files, String origin, List<VerifierKey> own, Events events) throws IOException {
        try {
            Optional<String> stored = read(files, POSITION);
            Position position = stored.isEmpty() ? Position.BEGIN : Position.read(stored.get(), origin);
            List<VerifierKey> signers = Stream.of(own, position.signers(origin))
                    .flatMap(List::stream)
                    .toList();
            CheckpointFile history = CheckpointFile.open(files, HISTORY);
            Optional<SignedNote> shown = note(files, signers);
            var tree = new LogTree(files, origin, position, history, later(shown, history.last()));
            tree.requireSound(events);
            tree.level(shown, signers);
            return tree;
        } catch (IllegalArgumentException e) {
            throw new AuditTamperedException(List.of("the tree of the log cannot be used: " + e.getMessage()));
        }
    }

    private static Optional<SignedNote> note(LogFiles files, List<VerifierKey> signers) throws IOException {
        Optional<SignedNote> note = read(files, CHECKPOINT).map(SignedNote::read);
        note.ifPresent(read -> read.requireSignedByOneOf(signers));
        return note;
    }

    private static Optional<SignedNote> later(Optional<SignedNote> one, Optional<SignedNote> other) {
        return Stream.of(one, other)
                .flatMap(Optional::stream)
                .max(Comparator.comparing(note -> Checkpoint.read(note.text()).size()));
    }

    /**
     * A crash may have come between the two files that have the last checkpoint, or one of them was put back. The later one
     * counts, and is put where it is missing; the tree must begin with either.
     */
    private void level(Optional<SignedNote> shown, List<VerifierKey> signers) throws IOException {
        if (note.isEmpty()) {
            return;
        }
        for (SignedNote each :
                Stream.of(shown, history.last()).flatMap(Optional::stream).toList()) {
            each.requireSignedByOneOf(signers);
            Checkpoint checkpoint = Checkpoint.read(each.text());
            requireOwn(checkpoint);
            requireExtends(checkpoint);
        }
        SignedNote last = note.get();
        history.append(last);
        if (!shown.map(SignedNote::toString).equals(Optional.of(last.toString()))) {
            files.write(CHECKPOINT, last.toString().getBytes(UTF_8));
        }
    }

    private static Optional<String> read(LogFiles files, String path) throws IOException {
        return files.read(path, MAX_SMALL_FILE).map(bytes -> new String(bytes, UTF_8));
    }

    /**
     * The tiles lead to the root, the checkpoint is of this tree, and the log still has all leaves that are not signed, and
     * some before them, which show where it goes on. What is signed needs no comparing: its root is in the checkpoint.
     */
    private void requireSound(Events events) throws IOException {
        if (!tree(position.size()).root().equals(position.root())) {
            throw new IllegalArgumentException("its tiles do not lead to its root at size " + position.size());
        }
        Optional<Checkpoint> signed = signed();
        if (signed.isPresent()) {
            requireOwn(signed.get());
            requireExtends(signed.get());
        }
        if (position.fromSize() > signed.map(Checkpoint::size).orElse(0L)) {
            throw new IllegalArgumentException("it says that more was signed than its checkpoint does");
        }
        MerkleTree tree = tree(position.size());
        long leaf = position.fromSize();
        while (leaf < position.size()) {
            EventPage page = events.after(cursor, (int) Math.min(PAGE, position.size() - leaf));
            if (page.events().isEmpty()
                    || position.size() - leaf < page.events().size()) {
                throw new IllegalArgumentException(
                        "the log ends before event %d, which the tree has".formatted(position.size()));
            }
            for (StoredEvent event : page.events()) {
                if (!tree.leaf(leaf++).equals(hash(event))) {
                    throw new IllegalArgumentException("event %d of stream %s is not the one that the tree has"
                            .formatted(event.n(), event.stream()));
                }
            }
            cursor = page.cursor();
        }
    }

    private void requireOwn(Checkpoint checkpoint) {
        if (!checkpoint.origin().equals(origin)) {
            throw new IllegalArgumentException("its checkpoint is of another log");
        }
    }

    private static Hash hash(StoredEvent event) {
        return Hash.ofLeaf(event.leafHash());
    }

    /** Insists that the tree as it is now begins with what that checkpoint says. */
    private void requireExtends(Checkpoint before) throws IOException {
        if (before.size() > position.size()) {
            throw new IllegalArgumentException(
                    "its checkpoint is of %d events, but it has only %d".formatted(before.size(), position.size()));
        }
        if (before.size() > 0) {
            MerkleProof.requireConsistent(
                    before.size(),
                    position.size(),
                    tree(position.size()).consistency(before.size()),
                    before.rootHash(),
                    position.root());
        }
    }

    /**
     * Insists that the log begins with what a checkpoint says that somebody remembers. It reads all of it: what stands in the
     * tiles may be right although the events are not.
     *
     * @throws AuditTamperedException if it does not, or the checkpoint is not one of this log
     */
    void requireBeginsWith(Checkpoint before, Events events) throws IOException {
        try {
            requireOwn(before);
        } catch (IllegalArgumentException e) {
            throw new AuditTamperedException(List.of("the trusted checkpoint cannot be used: " + e.getMessage()));
        }
        var leaves = new TreeHasher((tile, bytes) -> {});
        long at = 0;
        while (leaves.size() < before.size()) {
            EventPage page = events.after(at, PAGE);
            if (page.events().isEmpty()) {
                throw new AuditTamperedException(
                        List.of("TRUNCATED: the log has %d events, but it had %d when the trusted checkpoint was signed"
                                .formatted(leaves.size(), before.size())));
            }
            for (StoredEvent event : page.events()) {
                if (leaves.size() < before.size()) {
                    leaves.add(hash(event));
                }
            }
            at = page.cursor();
        }
        if (!leaves.root().equals(before.rootHash())) {
            throw new AuditTamperedException(
                    List.of("FORK: the first %d events have the root %s, but the trusted checkpoint has %s"
                            .formatted(before.size(), leaves.root(), before.root())));
        }
    }

    /** Which log it is. */
    String origin() {
        return origin;
    }

    /** The keys of the log at the size of the tree. */
    LogKeys keys() {
        return position.keys();
    }

    long size() {
        return position.size();
    }

    /** The last checkpoint that was signed. */
    Optional<Checkpoint> signed() {
        return note.map(read -> Checkpoint.read(read.text()));
    }

    /** The same with its signature. */
    Optional<SignedNote> note() {
        return note;
    }

    /** All checkpoints that were ever signed. */
    CheckpointFile history() {
        return history;
    }

    /** The tree as it was at some size. */
    MerkleTree tree(long size) {
        if (size > position.size()) {
            throw new IllegalArgumentException("the tree has %d leaves, not %d".formatted(position.size(), size));
        }
        return new MerkleTree(this::tile, size);
    }

    /** A tile that is not full may stand there wider, since then. */
    private byte[] tile(Tile tile) throws IOException {
        Optional<byte[]> exact = files.read(tile.path(), tile.bytes());
        if (exact.isEmpty() && tile.width() < Tile.FULL) {
            var full = new Tile(tile.level(), tile.index(), Tile.FULL);
            exact = files.read(full.path(), full.bytes()).map(bytes -> Arrays.copyOf(bytes, tile.bytes()));
        }
        return exact.orElseThrow(() -> tampered("its tile " + tile.path() + " is gone"));
    }

    /** Takes over all events that the log has beyond the tree, and shows each. Returns how many. */
    long follow(Events events, Consumer<StoredEvent> visitor) throws IOException {
        long before = position.size();
        EventPage page;
        do {
            page = events.after(cursor, PAGE);
            if (!page.events().isEmpty()) {
                take(page);
            }
            page.events().forEach(visitor);
        } while (page.events().size() >= PAGE); // what comes meanwhile is for the next time
        return position.size() - before;
    }

    /** Tiles first, then the position that makes them count; a crash in between leaves tiles that are written again. */
    private void take(EventPage page) throws IOException {
        List<Hash> leaves = new ArrayList<>();
        page.events().forEach(event -> leaves.add(hash(event)));
        MerkleTree before = tree(position.size());
        if (!before.root().equals(position.root())) {
            throw tampered("its tiles no longer lead to its root at size " + position.size());
        }
        Map<Tile, byte[]> changed = before.append(leaves);
        for (Map.Entry<Tile, byte[]> tile : changed.entrySet()) {
            files.write(tile.getKey().path(), tile.getValue());
        }
        long size = position.size() + leaves.size();
        // from what was just compared and computed, and not from what the disk says now
        Hash root =
                new MerkleTree(tile -> changed.containsKey(tile) ? changed.get(tile) : before.tile(tile), size).root();
        LogKeys keys = keysAfter(page);
        Position next = new Position(from.cursor(), from.size(), size, root, keys, formerAfter(keys));
        files.write(POSITION, next.write(origin).getBytes(UTF_8));
        lastPage = new Place(cursor, position.size());
        cursor = page.cursor();
        position = next;
        for (Tile tile : changed.keySet()) {
            if (tile.width() == Tile.FULL) {
                files.deleteFolder(tile.path() + ".p");
            }
        }
    }

    private LogKeys keysAfter(EventPage page) {
        LogKeys keys = position.keys();
        for (StoredEvent event : page.events()) {
            if (event.stream().equals(StreamPosition.LOG)) {
                try {
                    keys = keys.after(SealedEvent.read(event.canonical(), event.signature())
                            .event());
                } catch (IllegalArgumentException e) {
                    throw tampered("event %d of stream log: %s".formatted(event.n(), e.getMessage()));
                }
            }
        }
        return keys;
    }

    private List<PublicJwk> formerAfter(LogKeys keys) {
        List<PublicJwk> former = new ArrayList<>(position.former());
        position.keys().inForce().values().stream()
                .filter(key -> !keys.inForce().containsValue(key))
                .forEach(former::add);
        return List.copyOf(former.subList(Math.max(0, former.size() - Position.MOST_FORMER), former.size()));
    }

    /**
     * Signs what the tree is now, unless that was the last that it signed.
     *
     * @throws AuditTamperedException if the tree does not begin with what was signed before; nothing is signed then
     */
    SignedNote sign(NoteSigner signer) throws IOException {
        Optional<Checkpoint> signed = signed();
        try {
            if (signed.isPresent()) {
                requireExtends(signed.get());
            }
        } catch (IllegalArgumentException e) {
            throw tampered(String.valueOf(e.getMessage()));
        }
        var checkpoint = new Checkpoint(origin, position.size(), position.root().toString());
        if (note.isPresent() && signed.equals(Optional.of(checkpoint))) {
            return note.get();
        }
        SignedNote made = signer.sign(checkpoint.text());
        history.append(made);
        files.write(CHECKPOINT, made.toString().getBytes(UTF_8));
        note = Optional.of(made);
        from = lastPage;
        return made;
    }

    /** What to ask a witness that knows of {@code oldSize} events for its cosignature on the last checkpoint. */
    String witnessRequest(long oldSize) throws IOException {
        SignedNote last = note.orElseThrow(
                () -> new IllegalStateException("no checkpoint was signed yet; the first sweep makes one"));
        Checkpoint checkpoint = Checkpoint.read(last.text());
        if (oldSize < 0 || oldSize > checkpoint.size()) {
            throw new IllegalArgumentException("the last checkpoint is of %d events, and cannot extend one of %d"
                    .formatted(checkpoint.size(), oldSize));
        }
        var request = new StringBuilder("old " + oldSize + "\n");
        try {
            consistency(oldSize, checkpoint)
                    .forEach(hash -> request.append(hash).append('\n'));
        } catch (IllegalArgumentException e) {
            throw tampered(String.valueOf(e.getMessage()));
        }
        return request.append('\n').append(last).toString();
    }

    /** The proof that the tree of a checkpoint begins with its first {@code size} leaves; checked, as tiles may be wrong. */
    private List<Hash> consistency(long size, Checkpoint checkpoint) throws IOException {
        if (size == 0) {
            return List.of();
        }
        MerkleTree tree = tree(checkpoint.size());
        List<Hash> proof = tree.consistency(size);
        // a size that the tree never stopped at has no tiles of its own
        Hash root = new MerkleTree(
                        tile -> Arrays.copyOf(
                                tree.tile(Tile.in(checkpoint.size(), tile.level(), tile.index())), tile.bytes()),
                        size)
                .root();
        MerkleProof.requireConsistent(size, checkpoint.size(), proof, root, checkpoint.rootHash());
        return proof;
    }

    private static AuditTamperedException tampered(String what) {
        return new AuditTamperedException(List.of("the tree of the log was changed, and nothing is signed: " + what));
    }
}
