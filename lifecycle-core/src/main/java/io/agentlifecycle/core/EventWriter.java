package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.JsonFormatException;
import io.agentlifecycle.core.audit.KeyIntroduction;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.SignatureVerifier;
import io.agentlifecycle.core.audit.StreamHead;
import io.agentlifecycle.core.error.AuditUnavailableException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.spi.AuditSealer;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Gives events their place and their bytes, and has them signed. */
final class EventWriter {
    private static final Logger LOG = LoggerFactory.getLogger(EventWriter.class);

    private final Draws draws;
    private final Optional<AuditSealer> sealer;
    private final Optional<PublicJwk> key;
    private final Optional<String> keyId;
    private volatile Optional<String> lastFailure = Optional.empty();

    /** True once a signature of this sealer was seen to be that of its key. */
    private volatile boolean proven;

    EventWriter(Draws draws, Optional<AuditSealer> sealer) {
        this.draws = draws;
        this.sealer = sealer;
        this.key = sealer.map(given -> requireNonNull(given.publicKey(), "the sealer's publicKey()"));
        this.keyId = key.map(PublicJwk::keyId);
    }

    /** The key that signs; empty if nothing is signed. */
    Optional<PublicJwk> key() {
        return key;
    }

    /** What checks signatures: the sealer, or nothing that any signature would pass. */
    SignatureVerifier signatures() {
        return sealer.<SignatureVerifier>map(Function.identity()).orElse((jwk, type, payload, signature) -> false);
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
    SealedEvent write(String logOrigin, StreamHead head, EventContent content, Instant now) {
        Instant at = now.isBefore(head.lastAt()) ? head.lastAt() : now;
        var event = new AuditEvent(logOrigin, draws.eventId(at), at, keyId, head.next(), content);
        SealedEvent written;
        try {
            written = SealedEvent.write(event);
        } catch (JsonFormatException e) {
            throw new PolicyViolationException(
                    "event-size",
                    "%s on stream %s: %s".formatted(content.kind().wire(), head.next().stream(), e.getMessage()));
        }
        return sealer.isPresent() ? sign(sealer.get(), written) : written;
    }

    private SealedEvent sign(AuditSealer signer, SealedEvent written) {
        AuditEvent event = written.event();
        try {
            byte[] signature = signer.sign(AuditEvent.PAYLOAD_TYPE, written.canonical());
            requireProven(signer, written, signature);
            SealedEvent signed = written.signed(signature);
            lastFailure = Optional.empty();
            return signed;
        } catch (Exception | LinkageError | AssertionError e) {
            // health is shown to many, and a message may hold what few should read, so only the kind of failure is kept
            lastFailure = Optional.of(e.getClass().getName());
            String stream = event.position().stream();
            if (!event.mayWait()) {
                throw new AuditUnavailableException(event.kind().wire(), stream, keyId.orElseThrow(), e);
            }
            LOG.warn("{} on stream {} goes without a signature", event.kind().wire(), stream, e);
            return written;
        }
    }

    /** A sealer that signs with another key than it names would break the log for good, so the first one is looked at. */
    private void requireProven(AuditSealer signer, SealedEvent written, byte[] signature) {
        if (proven) {
            return;
        }
        if (!signer.verify(key.orElseThrow(), AuditEvent.PAYLOAD_TYPE, written.canonical(), signature)) {
            throw new IllegalStateException("the sealer signs with another key than its publicKey()");
        }
        proven = true;
    }

    /**
     * Proves to {@code log} that whoever signs holds the key.
     *
     * @throws AuditUnavailableException if it cannot be signed
     */
    String proof(String log) {
        try {
            var introduction = new KeyIntroduction(log, key.orElseThrow());
            return Digests.base64Url(sealer.orElseThrow().sign(KeyIntroduction.PAYLOAD_TYPE, introduction.payload()));
        } catch (Exception | LinkageError | AssertionError e) {
            throw new AuditUnavailableException("the introduction of a key", "log", keyId.orElseThrow(), e);
        }
    }
}
