package io.agentlifecycle.audit;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.LogKeys;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.spi.CheckpointLog;
import io.agentlifecycle.core.spi.SigningKeyStore;
import io.agentlifecycle.core.spi.SigningKeyStore.PublishedKey;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A Merkle tree over a log, in a directory of tiles, with signed checkpoints: the formats are those of C2SP's tlog-tiles,
 * tlog-checkpoint and signed-note, so others' tools read them. {@code docs/audit-format.md} says what stands where.
 *
 * <p>A checkpoint is due after 1,024 events or 60 s, and at once after an approval, a retirement, an erasure, a pruning, or a
 * change of the log's key; the next sweep makes it, and hands it to the sinks of {@link #withAnchor}. One manager at a time. Safe for use by many
 * threads.
 */
public final class MerkleLog implements CheckpointLog {
    private static final Set<Purpose> PURPOSES = Set.of(Purpose.AUDIT, Purpose.CHECKPOINTS);
    private static final int DUE_EVENTS = 1_024;
    private static final Duration DUE_AFTER = Duration.ofSeconds(60);

    /** What nobody should wait for; a canonical text says its kind in exactly this way. */
    private static final List<String> DUE_AT_ONCE = List.of(
                    EventKind.AGENT_APPROVED,
                    EventKind.AGENT_DECOMMISSIONED,
                    EventKind.LOG_GENESIS,
                    EventKind.LOG_KEY_INTRODUCED,
                    EventKind.LOG_KEY_RETIRED,
                    EventKind.PERSONAL_DATA_ERASED,
                    EventKind.TRAIL_PRUNED)
            .stream()
            .map(kind -> "\"kind\":\"" + kind.wire() + "\"")
            .toList();

    private final Path directory;
    private final SigningKeyStore keys;
    private final List<Anchor> anchors;
    private final Optional<Checkpoint> trusted;
    private final boolean disclosing;
    private final ReentrantLock lock = new ReentrantLock();
    private Optional<Open> open = Optional.empty();

    private MerkleLog(
            Path directory,
            SigningKeyStore keys,
            List<Anchor> anchors,
            Optional<Checkpoint> trusted,
            boolean disclosing) {
        this.directory = directory;
        this.keys = keys;
        this.anchors = List.copyOf(anchors);
        this.trusted = trusted;
        this.disclosing = disclosing;
    }

    /** A tree that is in use. */
    private final class Open {
        private final LogDirectory files;
        private final LogTree tree;
        private final Events log;
        private Instant unsignedSince;
        private boolean dueAtOnce;

        Open(LogDirectory files, LogTree tree, Events log, Instant now) {
            this.files = files;
            this.tree = tree;
            this.log = log;
            this.unsignedSince = now;
            this.dueAtOnce = tree.signed().isEmpty();
        }

        void follow(Instant now) throws IOException {
            boolean allSigned = unsigned() == 0;
            long taken = tree.follow(log, event -> dueAtOnce |= isDueAtOnce(event));
            if (allSigned && taken > 0) {
                unsignedSince = now;
            }
        }

        private static boolean isDueAtOnce(StoredEvent event) {
            return DUE_AT_ONCE.stream().anyMatch(event.canonical()::contains);
        }

        boolean isDue(Instant now) {
            return dueAtOnce
                    || unsigned() >= DUE_EVENTS
                    || unsigned() > 0 && !now.isBefore(unsignedSince.plus(DUE_AFTER));
        }

        long unsigned() {
            return tree.size() - tree.signed().map(Checkpoint::size).orElse(0L);
        }

        VerifierKey genesisKey() {
            return new VerifierKey(
                    tree.origin(), Ed25519PublicKey.of(tree.keys().first().orElseThrow()));
        }

        /** Signs what the tree is now with the newest key that is in force there. */
        SignedNote sign() throws IOException {
            SignedNote note = tree.sign(signer(tree.origin(), tree.keys()));
            dueAtOnce = false;
            return note;
        }
    }

    /**
     * Keeps the tree in {@code directory}, which need not exist yet and belongs to the tree alone.
     *
     * @param keys those of the sealer, to sign with the key of the log that is the newest of those in force; or keys for
     *     {@link Purpose#CHECKPOINTS}, the newest of which is named by the first event of a new log and signs its checkpoints
     *     for ever, so that who can write events cannot sign checkpoints
     * @throws IllegalArgumentException if the keys are for another purpose, or all retired
     */
    public static MerkleLog create(Path directory, SigningKeyStore keys) {
        if (!PURPOSES.contains(keys.purpose())
                || active(keys.publicKeys()).findAny().isEmpty()) {
            throw new IllegalArgumentException(
                    "these keys are for %s, or all retired; pass keys of purpose AUDIT or CHECKPOINTS"
                            .formatted(keys.purpose()));
        }
        return new MerkleLog(
                requireNonNull(directory, "directory").toAbsolutePath(), keys, List.of(), Optional.empty(), false);
    }

    /**
     * The same with a sink for checkpoints; give that one to the manager. Sweeps call it, never a command, and closing does
     * not: what is signed then, it gets after the next opening. If it fails, {@code health()} says so until it works, and other
     * sinks go on. How far it came is remembered by its name; under a new name it gets all checkpoints from the first on.
     *
     * @param name 1 to 64 of a-z 0-9 -, not beginning with -
     * @throws IllegalArgumentException if it is no such name, or there is a sink of that name already
     */
    public MerkleLog withAnchor(String name, AnchorSink sink) {
        List<Anchor> more = new ArrayList<>(anchors);
        more.add(new Anchor(requireNonNull(name, "name"), requireNonNull(sink, "sink")));
        if (anchors.stream().anyMatch(anchor -> anchor.name().equals(name))) {
            throw new IllegalArgumentException("there is an anchor %s already".formatted(name));
        }
        return new MerkleLog(directory, keys, more, trusted, disclosing);
    }

    /**
     * The same, which opens only if the log still begins with what {@code checkpoint} says: one that was kept where nobody who
     * can change the store and the tree can change it. Without it, a host that was put back to a backup of both opens, and
     * so does one whose owner wrote old events anew, under the same tree. Opening reads the log up to that checkpoint.
     *
     * @param checkpoint a checkpoint of the log, as a note; whose signatures it has is not looked at, since the host vouches for
     *     it
     * @throws IllegalArgumentException if it is no checkpoint
     */
    public MerkleLog withTrustedCheckpoint(String checkpoint) {
        Checkpoint kept = Checkpoint.read(SignedNote.read(checkpoint).text());
        return new MerkleLog(directory, keys, anchors, Optional.of(kept), disclosing);
    }

    /**
     * The same, whose exports also have what stands beside the events and names people, as {@code PersonalData.DISCLOSABLE} puts it
     * there: all that was not erased, in a file of its own, {@code disclosures.jsonl}. Whoever should not have it is handed the
     * export without that file, and can verify it all the same.
     */
    public MerkleLog withDisclosures() {
        return new MerkleLog(directory, keys, anchors, trusted, true);
    }

    @Override
    public Optional<PublicJwk> ownKey() {
        return keys.purpose() == Purpose.CHECKPOINTS
                ? active(keys.publicKeys()).reduce((before, after) -> after)
                : Optional.empty();
    }

    /**
     * {@inheritDoc}
     *
     * @throws PolicyViolationException rule {@code log-key}, if none of the keys may sign checkpoints of that log
     * @throws AuditTamperedException also if the log does not begin with the trusted checkpoint
     */
    @Override
    public void open(String origin, LogKeys logKeys, Events log, Instant now) {
        signer(origin, logKeys);
        run(() -> {
            if (open.isPresent()) {
                throw new IllegalStateException(
                        "the tree in %s is used by another manager; close that first".formatted(directory));
            }
            List<VerifierKey> signers = keys.publicKeys().stream()
                    .map(key -> new VerifierKey(origin, Ed25519PublicKey.of(key.jwk())))
                    .toList();
            LogDirectory files = LogDirectory.open(directory);
            try {
                LogTree tree = LogTree.open(files, origin, signers, log);
                for (Anchor anchor : anchors) {
                    anchor.open(files, tree.history());
                }
                if (trusted.isPresent()) {
                    tree.requireBeginsWith(trusted.get(), log);
                }
                open = Optional.of(new Open(files, tree, log, now));
            } catch (IOException | RuntimeException e) {
                files.close();
                throw e;
            }
        });
    }

    /** Signs with the newest of the keys that may sign a checkpoint of such a log. */
    private NoteSigner signer(String origin, LogKeys logKeys) {
        List<PublicJwk> allowed = logKeys.forCheckpoints();
        if (allowed.isEmpty()) {
            throw refused(
                    "checkpoints of log %s are signed with its key, and it has none; open it with a sealer(..)",
                    origin);
        }
        PublicJwk newest = allowed.stream()
                .filter(key -> active(keys.publicKeys()).anyMatch(key::equals))
                .reduce((before, after) -> after)
                .orElseThrow(() -> refused(
                        "checkpoints of log %s are signed with key %s, and it is not among the keys for them; pass those that"
                                + " have it",
                        origin, allowed.stream().map(PublicJwk::keyId).collect(Collectors.joining(" or "))));
        return new NoteSigner(keys, new VerifierKey(origin, Ed25519PublicKey.of(newest)));
    }

    private static PolicyViolationException refused(String message, Object... values) {
        return new PolicyViolationException("log-key", message.formatted(values));
    }

    private static Stream<PublicJwk> active(List<PublishedKey> keys) {
        return keys.stream().filter(key -> !key.retired()).map(PublishedKey::jwk);
    }

    /**
     * {@inheritDoc} Then hands checkpoints to the sinks.
     *
     * @throws IllegalStateException if a sink failed; all else was done
     */
    @Override
    public void follow(Instant now) {
        Open current = attempt(this::used);
        try {
            run(() -> {
                current.follow(now);
                if (current.isDue(now)) {
                    current.sign();
                }
            });
        } catch (RuntimeException e) {
            try {
                deliver(current, now); // what was signed before must leave all the more
            } catch (RuntimeException also) {
                e.addSuppressed(also);
            }
            throw e;
        }
        deliver(current, now);
    }

    /** Sinks are called without the lock, so one that hangs holds up nobody but this thread. */
    private void deliver(Open used, Instant now) {
        List<String> failed = new ArrayList<>();
        List<Throwable> failures = new ArrayList<>();
        for (Anchor anchor : anchors) {
            if (!attempt(() -> isOpen(used))) {
                break; // it was closed while a sink was at it
            }
            try {
                anchor.deliver(used.tree.history(), (file, bytes) -> keep(used, file, bytes), now);
            } catch (Exception | LinkageError | AssertionError e) {
                if (e instanceof InterruptedException) {
                    Thread.currentThread().interrupt();
                }
                failed.add(anchor.name() + ": " + e);
                failures.add(e);
            }
        }
        if (!failed.isEmpty()) {
            var thrown = new IllegalStateException("checkpoints are not anchored yet: " + String.join("; ", failed));
            failures.forEach(thrown::addSuppressed);
            throw thrown;
        }
    }

    /** Another one may have the directory when a sink comes back. */
    private boolean keep(Open used, String file, byte[] bytes) {
        return attempt(() -> {
            if (isOpen(used)) {
                used.files.write(file, bytes);
            }
            return isOpen(used);
        });
    }

    private boolean isOpen(Open used) {
        return open.stream().anyMatch(current -> current == used);
    }

    @Override
    public void close(Instant now) {
        run(() -> {
            if (open.isPresent()) {
                Open used = open.get();
                open = Optional.empty();
                try {
                    used.follow(now);
                    if (used.tree.size() > 0) {
                        used.sign();
                    }
                } finally {
                    used.files.close();
                }
            }
        });
    }

    /** The last checkpoint that was signed, as a note; empty if there is none, or no manager has this open. */
    public Optional<String> checkpoint() {
        return attempt(
                () -> open.isEmpty() ? Optional.empty() : open.get().tree.note().map(SignedNote::toString));
    }

    /**
     * How much of the log is anchored, and how much is not.
     *
     * @throws IllegalStateException if no manager has this open
     */
    public Anchored anchored() {
        return attempt(() -> new Anchored(
                used().tree.size(), anchors.stream().collect(Collectors.toMap(Anchor::name, Anchor::state))));
    }

    @Override
    public long anchoredThrough() {
        return anchored().through();
    }

    /**
     * What to ask a witness for its cosignature on the last checkpoint: the body of an add-checkpoint request of C2SP's
     * tlog-witness. {@link Witness} reads the answer.
     *
     * @param oldSize of how many events the last checkpoint was that this witness cosigned, as it says itself; 0 if none
     * @throws IllegalArgumentException if the last checkpoint has fewer events
     * @throws AuditTamperedException if the tiles do not prove that it extends the older one
     * @throws IllegalStateException if no checkpoint was signed yet, or no manager has this open
     */
    public String witnessRequest(long oldSize) {
        return attempt(() -> used().tree.witnessRequest(oldSize));
    }

    /**
     * Writes the whole log, up to now, for others to verify: into a new folder, or, if the name of {@code target} ends in
     * {@code .zip}, into a new zip. {@code VERIFY.md} in it says how. An export stands under its name once it is complete, and
     * not before.
     *
     * @throws UncheckedIOException if {@code target} is there already, or cannot be written; a zip has at most 65,534 files
     * @throws AuditTamperedException if the tree was changed; nothing is signed or written then
     * @throws PolicyViolationException rule {@code log-key}, if none of the keys is in force in the log any more
     * @throws IllegalStateException if no manager has this open
     */
    public void export(Path target) {
        export(target, LogExport::write);
    }

    /**
     * Writes the trail of one agent, up to now, in the same way, with a proof for each event that it is in the log. Like every
     * part of a log it also has stream {@code log}, which says what keys count.
     *
     * @throws UncheckedIOException if {@code target} is there already, or cannot be written, or the trail does not verify
     * @throws AuditTamperedException if the tree was changed; nothing is signed or written then
     * @throws IllegalArgumentException if the log has no events of that agent
     * @throws IllegalStateException if no manager has this open
     */
    public void exportTrail(AgentKey agent, Path target) {
        exportPart(new LogPart.Trail(agent), target);
    }

    /**
     * Writes the events of the log from number {@code from}, counted from 0, to the one before {@code to}, in the same way,
     * with a proof for each event that it is in the log.
     *
     * @throws UncheckedIOException if {@code target} is there already, or cannot be written, or the range does not verify
     * @throws AuditTamperedException if the tree was changed; nothing is signed or written then
     * @throws IllegalArgumentException if {@code to} is not greater than {@code from}, or the log has not so many events
     * @throws IllegalStateException if no manager has this open
     */
    public void exportRange(long from, long to, Path target) {
        exportPart(new LogPart.Range(from, to), target);
    }

    /**
     * The same for the events whose time is {@code from} or later, but before {@code to}. Commits of several threads at once
     * may stand in the log in another order than their times, so there may be others among them.
     *
     * @throws UncheckedIOException as {@link #exportRange(long, long, Path)}
     * @throws AuditTamperedException if the tree was changed; nothing is signed or written then
     * @throws IllegalArgumentException if {@code to} is not later than {@code from}, or the log has no events of that time
     * @throws IllegalStateException if no manager has this open
     */
    public void exportRange(Instant from, Instant to, Path target) {
        exportPart(new LogPart.Period(from, to), target);
    }

    private void exportPart(LogPart part, Path target) {
        export(target, (export, to) -> export.write(to, part));
    }

    /** A way to write an export. */
    private interface Writing {
        void write(LogExport export, Path target) throws IOException;
    }

    /** The events up to a checkpoint do not change any more, so others may go on meanwhile. */
    private void export(Path target, Writing writing) {
        LogExport export = attempt(() -> {
            Open used = used();
            used.tree.follow(used.log, event -> {});
            SignedNote note = used.sign();
            LogKeys logKeys = used.tree.keys();
            VerifierKey signer = signer(used.tree.origin(), logKeys).key();
            return new LogExport(
                    used.log, used.genesisKey(), signer, note, used.tree.tree(used.tree.size()), disclosing);
        });
        try {
            writing.write(export, target.toAbsolutePath());
        } catch (IOException e) {
            throw new UncheckedIOException("%s cannot be written: %s".formatted(target, e.getMessage()), e);
        }
    }

    private Open used() {
        return open.orElseThrow(
                () -> new IllegalStateException("no manager has the tree in %s open".formatted(directory)));
    }

    /** Something that reads or writes files. */
    private interface Work<T> {
        T run() throws IOException;
    }

    /** The same without an answer. */
    private interface Step {
        void run() throws IOException;
    }

    private void run(Step step) {
        attempt(() -> {
            step.run();
            return true;
        });
    }

    private <T> T attempt(Work<T> work) {
        lock.lock();
        try {
            return work.run();
        } catch (IOException e) {
            throw new UncheckedIOException("the tree in %s cannot be used: %s".formatted(directory, e.getMessage()), e);
        } finally {
            lock.unlock();
        }
    }
}
