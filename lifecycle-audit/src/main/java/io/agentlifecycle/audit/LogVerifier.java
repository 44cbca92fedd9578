package io.agentlifecycle.audit;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.audit.ChainVerifier;
import io.agentlifecycle.core.audit.LogKeys;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.audit.Seal;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.SignatureVerifier;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * Verifies a log, or the trails of some agents, from nothing but the lines and the key of the log: no store, no manager.
 * Lines are read in the order of the log; whoever leaves stream {@code log} out says that the key was in force from the
 * beginning. Input is not trusted: a line has a longest length, and whatever is wrong is an
 * {@link AuditTamperedException} that names the line. Immutable, and safe for use by many threads.
 */
public final class LogVerifier {
    private static final int MAX_HELPERS = 1_024;

    /**
     * So many lines are read at a time if there is someone to help, but none more once they have so many characters. There are
     * twice as many in memory: some are checked while those before them are taken.
     */
    private static final int LINES_AHEAD = 256;

    private static final int CHARS_AHEAD = 1 << 19;

    /** Nobody need have signed what is left of pruned events, so anybody could make up streams of them without end. */
    private static final int MOST_PRUNED = 1_000_000;

    private final Ed25519PublicKey key;
    private final SignatureVerifier signatures;
    private final Executor executor;
    private final int helpers;
    private final int linesAhead;

    private LogVerifier(
            Ed25519PublicKey key, SignatureVerifier signatures, Executor executor, int helpers, int linesAhead) {
        this.key = key;
        this.signatures = signatures;
        this.executor = executor;
        this.helpers = helpers;
        this.linesAhead = linesAhead;
    }

    /** A verifier for a log whose first key is known to be {@code key}. It works in the caller's thread alone. */
    public static LogVerifier of(Ed25519PublicKey key) {
        return of(requireNonNull(key, "key"), new Dsse());
    }

    /** The same with something that checks signatures as {@link Dsse} does. */
    static LogVerifier of(Ed25519PublicKey key, SignatureVerifier signatures) {
        return new LogVerifier(key, signatures, Runnable::run, 0, 1);
    }

    /**
     * The same verifier with help: checking signatures is nearly all of the work, and can be done on several threads. What it
     * says to a log is the same. It reads up to 512 lines ahead, about a million characters in all.
     *
     * @param executor runs the helpers; the caller's thread works, too, and waits for none of them. If it refuses to run
     *     them, what it throws is thrown by {@code verify}
     * @param helpers how many of its threads may be used at the same time, 1 to 1,024
     */
    public LogVerifier helpedBy(Executor executor, int helpers) {
        if (helpers < 1 || helpers > MAX_HELPERS) {
            throw new IllegalArgumentException(
                    "a verifier has 1 to %d helpers, not %d".formatted(MAX_HELPERS, helpers));
        }
        return helpedBy(requireNonNull(executor, "executor"), helpers, LINES_AHEAD);
    }

    /** The same with so many lines at a time. */
    LogVerifier helpedBy(Executor executor, int helpers, int linesAhead) {
        return new LogVerifier(key, signatures, executor, helpers, linesAhead);
    }

    /**
     * Reads all of {@code lines}, each ended by a line feed. The stream is not closed.
     *
     * @throws AuditTamperedException naming the first bad line, and its event if the line can be read
     * @throws IOException if reading fails
     */
    public LogVerification verify(InputStream lines) throws IOException {
        return verify(lines, (event, keys) -> {});
    }

    /** Hears of what was found in order. */
    interface Visitor {
        /** @param keys those of the log once it stands */
        void entry(Entry entry, LogKeys keys) throws IOException;
    }

    /** The same, and shows what stands on each line once it was found in order. */
    LogVerification verify(InputStream lines, Visitor visitor) throws IOException {
        return new Reading(false).all(new LineReader(lines)::next, visitor);
    }

    /** The same for lines of which others may be missing before them, as long as the visitor insists that each is in the log. */
    LogVerification verifyPart(InputStream lines, Visitor visitor) throws IOException {
        return new Reading(true).all(new LineReader(lines)::next, visitor);
    }

    /**
     * Reads all of {@code lines}, as {@link EventLine#write} wrote them.
     *
     * @throws AuditTamperedException naming the first bad line, and its event if the line can be read
     */
    public LogVerification verify(Iterable<String> lines) {
        Iterator<String> each = lines.iterator();
        try {
            return new Reading(false)
                    .all(line -> each.hasNext() ? Optional.of(each.next()) : Optional.empty(), (event, keys) -> {});
        } catch (IOException e) {
            throw new AssertionError("nothing is read from anywhere", e);
        }
    }

    /** Where lines come from. */
    private interface Source {
        /** Line number {@code line}, without its line feed; empty after the last one. */
        Optional<String> next(long line) throws IOException;
    }

    static AuditTamperedException tampered(long line, @Nullable String what) {
        return tampered(line, "", what);
    }

    private static AuditTamperedException tampered(long line, String event, @Nullable String what) {
        return new AuditTamperedException(List.of("line %d%s: %s".formatted(line, event, what)));
    }

    /** One pass over a log. */
    private final class Reading {
        private final SignaturesAhead ahead = new SignaturesAhead(signatures, key.jwk(), executor, helpers);
        private final ChainVerifier chains;
        private List<String> waiting = List.of();
        private long linesRead;
        private long linesTaken;

        Reading(boolean part) {
            Optional<PublicJwk> first = Optional.of(key.jwk());
            chains = part
                    ? ChainVerifier.ofPart(ahead, Optional.empty(), first)
                    : new ChainVerifier(ahead, Optional.empty(), first);
        }

        LogVerification all(Source source, Visitor visitor) throws IOException {
            boolean more = true;
            while (more) {
                List<String> next = new ArrayList<>();
                more = false;
                try {
                    more = read(source, next);
                } finally {
                    takeBefore(next, visitor);
                    if (!more) {
                        // also if reading failed: those before a line that cannot be read may be bad themselves
                        takeBefore(List.of(), visitor);
                    }
                }
            }
            return end();
        }

        /** Reads as many lines as are checked together, and says whether there may be more. */
        private boolean read(Source source, List<String> lines) throws IOException {
            for (long chars = 0; lines.size() < linesAhead && chars < CHARS_AHEAD; ) {
                Optional<String> line = source.next(linesRead + 1);
                if (line.isEmpty()) {
                    return false;
                }
                lines.add(line.get());
                linesRead++;
                chars += line.get().length();
            }
            return true;
        }

        /** Takes the lines before {@code next}, while helpers look at those. */
        private void takeBefore(List<String> next, Visitor visitor) throws IOException {
            ahead.expect(next);
            for (String line : waiting) {
                Entry entry = take(line);
                visitor.entry(entry, chains.keys());
            }
            waiting = next;
        }

        private Entry take(String line) {
            try {
                Optional<StoredEvent> pruned = EventLine.readPruned(line);
                Entry entry = pruned.isPresent() ? Entry.take(pruned.get(), chains) : Entry.of(takeEvent(line));
                if (chains.unexplained() > MOST_PRUNED) {
                    throw new IllegalArgumentException(
                            "more than %d streams have pruned events, and none of them says so up to here"
                                    .formatted(MOST_PRUNED));
                }
                linesTaken++;
                return entry;
            } catch (IllegalArgumentException e) {
                throw tampered(linesTaken + 1, eventOf(line), e.getMessage());
            }
        }

        private SealedEvent takeEvent(String line) {
            EventLine.Parts parts = EventLine.split(line);
            SealedEvent event = chains.take(parts.canonical(), parts.signature());
            if (event.seal() == Seal.WAITING && event.event().position().n() == 0) {
                // the engine never writes one, and else anybody could make up streams without end
                throw new IllegalArgumentException("no stream begins with an event that nobody signed");
            }
            return event;
        }

        private LogVerification end() {
            try {
                chains.end();
            } catch (IllegalArgumentException e) {
                throw new AuditTamperedException(List.of("after line %d: %s".formatted(linesTaken, e.getMessage())));
            }
            return new LogVerification(chains.counts(), chains.keys(), chains.recoveries(), chains.heads());
        }

        /** Which event the line says that it is, if it says so at all. */
        private static String eventOf(String line) {
            try {
                Optional<StoredEvent> pruned = EventLine.readPruned(line);
                Entry entry = pruned.map(Entry::left).orElseGet(() -> Entry.of(EventLine.read(line)));
                return " (event %d of stream %s)".formatted(entry.n(), entry.stream());
            } catch (IllegalArgumentException e) {
                return "";
            }
        }
    }
}
