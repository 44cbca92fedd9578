package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.audit.ChainVerifier;
import io.agentlifecycle.core.audit.LogKeys;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Verifies a log, or the trails of some agents, from nothing but the lines and the key of the log: no store, no manager.
 * Lines are read in the order of the log; whoever leaves stream {@code log} out says that the key was in force from the
 * beginning. Input is not trusted: a line has a longest length, and whatever is wrong is an
 * {@link AuditTamperedException} that names the line. Immutable, and safe for use by many threads.
 */
public final class LogVerifier {
    private final Ed25519PublicKey key;

    private LogVerifier(Ed25519PublicKey key) {
        this.key = key;
    }

    /** A verifier for a log whose first key is known to be {@code key}. */
    public static LogVerifier of(Ed25519PublicKey key) {
        return new LogVerifier(requireNonNull(key, "key"));
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

    /** Hears of events that were found in order. */
    interface Visitor {
        /** @param keys those of the log once the event stands */
        void event(SealedEvent event, LogKeys keys) throws IOException;
    }

    /** The same, and shows each event once it was found in order. */
    LogVerification verify(InputStream lines, Visitor visitor) throws IOException {
        return read(lines, visitor, new Reading(fromTheBeginning()));
    }

    /** The same for lines of which others may be missing before them, as long as the visitor insists that each is in the log. */
    LogVerification verifyPart(InputStream lines, Visitor visitor) throws IOException {
        var chains = ChainVerifier.ofPart(new Dsse(), Optional.empty(), Optional.of(key.jwk()));
        return read(lines, visitor, new Reading(chains));
    }

    private ChainVerifier fromTheBeginning() {
        return new ChainVerifier(new Dsse(), Optional.empty(), Optional.of(key.jwk()));
    }

    private static LogVerification read(InputStream lines, Visitor visitor, Reading reading) throws IOException {
        var in = new BufferedInputStream(lines);
        for (byte[] line = nextLine(in, reading); line.length > 0; line = nextLine(in, reading)) {
            SealedEvent event = reading.take(decode(line, reading));
            visitor.event(event, reading.chains.keys());
        }
        return reading.end();
    }

    /**
     * Reads all of {@code lines}, as {@link EventLine#write} wrote them.
     *
     * @throws AuditTamperedException naming the first bad line, and its event if the line can be read
     */
    public LogVerification verify(Iterable<String> lines) {
        var reading = new Reading(fromTheBeginning());
        lines.forEach(reading::take);
        return reading.end();
    }

    /** The bytes of the next line without its line feed; empty at the end. */
    private static byte[] nextLine(InputStream in, Reading reading) throws IOException {
        var line = new ByteArrayOutputStream(1_024);
        for (int next = in.read(); next != '\n'; next = in.read()) {
            if (next < 0) {
                if (line.size() > 0) {
                    throw reading.tampered("it is not ended by a line feed: the end is missing");
                }
                return new byte[0];
            }
            if (line.size() == EventLine.MAX_BYTES) {
                throw reading.tampered("it is longer than " + EventLine.MAX_BYTES + " bytes");
            }
            line.write(next);
        }
        if (line.size() == 0) {
            throw reading.tampered("it is empty");
        }
        return line.toByteArray();
    }

    private static String decode(byte[] line, Reading reading) {
        try {
            return UTF_8.newDecoder().decode(ByteBuffer.wrap(line)).toString();
        } catch (CharacterCodingException e) {
            throw reading.tampered("it is not UTF-8");
        }
    }

    /** One pass over a log. */
    private static final class Reading {
        private final ChainVerifier chains;
        private long linesTaken;

        Reading(ChainVerifier chains) {
            this.chains = chains;
        }

        SealedEvent take(String line) {
            try {
                EventLine.Parts parts = EventLine.split(line);
                SealedEvent event = chains.take(parts.canonical(), parts.signature());
                linesTaken++;
                return event;
            } catch (IllegalArgumentException e) {
                throw tampered(eventOf(line), e.getMessage());
            }
        }

        LogVerification end() {
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
                StreamPosition place = EventLine.read(line).event().position();
                return " (event %d of stream %s)".formatted(place.n(), place.stream());
            } catch (IllegalArgumentException e) {
                return "";
            }
        }

        AuditTamperedException tampered(String what) {
            return tampered("", what);
        }

        private AuditTamperedException tampered(String where, @Nullable String what) {
            return new AuditTamperedException(List.of("line %d%s: %s".formatted(linesTaken + 1, where, what)));
        }
    }
}
