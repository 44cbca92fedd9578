package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.JsonFormatException;
import io.agentlifecycle.core.audit.KeyIntroduction;
import io.agentlifecycle.core.audit.LogKeys;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.SignatureVerifier;
import io.agentlifecycle.core.audit.StreamHead;
import io.agentlifecycle.core.error.AuditUnavailableException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.spi.AuditSealer;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Gives events their place and their bytes, and has them signed. */
final class EventWriter {
    private static final Logger LOG = LoggerFactory.getLogger(EventWriter.class);

    private final Draws draws;
    private final PersonalData personalData;
    private final Supplier<LogRecord> log;
    private volatile Optional<Signer> signer;
    private volatile Optional<String> lastFailure = Optional.empty();

    /** @param log the record of stream {@code log} as it was last seen; it says which keys may sign */
    EventWriter(Draws draws, Optional<AuditSealer> sealer, PersonalData personalData, Supplier<LogRecord> log) {
        this.draws = draws;
        this.personalData = personalData;
        this.log = log;
        this.signer = sealer.map(Signer::new);
    }

    /** The key that signs; empty if nothing is signed. */
    Optional<PublicJwk> key() {
        return signer.map(Signer::key);
    }

    /** What signs. */
    AuditSealer sealer() {
        return signer.orElseThrow().sealer();
    }

    /** Signs with another sealer from here on. */
    void use(AuditSealer next) {
        signer = Optional.of(new Signer(next));
    }

    /** What checks signatures: the sealer, or nothing that any signature would pass. */
    SignatureVerifier signatures() {
        return signer.<SignatureVerifier>map(Signer::sealer).orElse((jwk, type, payload, signature) -> false);
    }

    /** How the sealer failed, unless it has worked since. */
    Optional<String> lastFailure() {
        return lastFailure;
    }

    /**
     * Gives an event its place and its bytes, and has them signed.
     *
     * @throws PolicyViolationException rule {@code event-size}
     * @throws AuditUnavailableException if it cannot be signed and is not of a kind that may wait
     */
    SealedEvent write(StreamHead head, EventContent content, Instant now) {
        Optional<Signer> used;
        LogRecord seen;
        boolean allowed;
        do {
            // in this order: whoever brings in a key notes it in the record first
            used = signer;
            seen = log.get();
            allowed = seen.keys().allow(used.map(Signer::keyId));
        } while (!allowed && !used.equals(signer));
        return write(seen.origin(), seen.keys(), allowed ? used : Optional.empty(), head, content, now);
    }

    /** The same for an event of stream {@code log} that brings in the key that signs it. */
    SealedEvent writeItself(StreamHead head, EventContent content, Instant now) {
        Optional<Signer> used = signer;
        return write(log.get().origin(), LogKeys.NONE, used, head, content, now);
    }

    private SealedEvent write(
            String origin, LogKeys keys, Optional<Signer> used, StreamHead head, EventContent content, Instant now) {
        // whose key was retired can still take power away; it names a key that may sign, and cannot sign for it
        Optional<String> keyId = used.map(Signer::keyId).or(keys::newest);
        Instant at = now.isBefore(head.lastAt()) ? head.lastAt() : now;
        var event = new AuditEvent(origin, draws.eventId(at), at, keyId, head.next(), content);
        SealedEvent written;
        try {
            written = personalData == PersonalData.PLAIN
                    ? SealedEvent.write(event)
                    : SealedEvent.writeConcealing(event, draws::salt);
        } catch (JsonFormatException e) {
            throw new PolicyViolationException(
                    "event-size",
                    "%s on stream %s: %s".formatted(content.kind().wire(), head.next().stream(), e.getMessage()));
        }
        return keyId.isPresent() ? sign(used, written, keyId.get()) : written;
    }

    private SealedEvent sign(Optional<Signer> used, SealedEvent written, String keyId) {
        AuditEvent event = written.event();
        try {
            SealedEvent signed = written.signed(used.orElseThrow(
                            () -> new IllegalStateException("this sealer has no key that is in force in the log"))
                    .sign(written.canonical()));
            lastFailure = Optional.empty();
            return signed;
        } catch (Exception | LinkageError | AssertionError e) {
            // health is shown to many, and a message may hold what few should read, so only the kind of failure is kept
            lastFailure = Optional.of(e.getClass().getName());
            String stream = event.position().stream();
            if (!event.mayWait()) {
                throw new AuditUnavailableException(event.kind().wire(), stream, keyId, e);
            }
            LOG.warn("{} on stream {} goes without a signature", event.kind().wire(), stream, e);
            return written;
        }
    }

    /**
     * The proof that goes with an introduction of a key.
     *
     * @param prover who holds {@link KeyIntroduction#prover}
     * @throws AuditUnavailableException if it cannot be signed
     */
    static String proof(AuditSealer prover, KeyIntroduction introduction) {
        try {
            byte[] proof = prover.sign(KeyIntroduction.PAYLOAD_TYPE, introduction.payload());
            if (!prover.verify(introduction.prover(), KeyIntroduction.PAYLOAD_TYPE, introduction.payload(), proof)) {
                throw new IllegalStateException(
                        "the sealer signs with another key than its publicKey(), or that is not good");
            }
            return Digests.base64Url(proof);
        } catch (Exception | LinkageError | AssertionError e) {
            throw new AuditUnavailableException(
                    "the introduction of a key", "log", introduction.key().keyId(), e);
        }
    }

    /** A sealer, with what it is asked for again and again. */
    private static final class Signer {
        private final AuditSealer sealer;
        private final PublicJwk key;
        private final String keyId;

        /** True once a signature of this sealer was seen to be that of its key. */
        private volatile boolean proven;

        Signer(AuditSealer sealer) {
            this.sealer = sealer;
            this.key = requireNonNull(sealer.publicKey(), "the sealer's publicKey()");
            this.keyId = key.keyId();
        }

        AuditSealer sealer() {
            return sealer;
        }

        PublicJwk key() {
            return key;
        }

        String keyId() {
            return keyId;
        }

        /** A sealer that signs with another key than it names would break the log for good, so its first one is looked at. */
        byte[] sign(String canonical) {
            byte[] signature = sealer.sign(AuditEvent.PAYLOAD_TYPE, canonical);
            if (!proven && !sealer.verify(key, AuditEvent.PAYLOAD_TYPE, canonical, signature)) {
                throw new IllegalStateException("the sealer signs with another key than its publicKey()");
            }
            proven = true;
            return signature;
        }
    }
}
