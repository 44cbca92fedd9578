package io.agentlifecycle.core.audit;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Follows the chains of a log, event by event in the order of the log, and refuses what does not fit: an event that was
 * changed, lost, added or moved, and one that is not signed as it must be. What an event means for its agent is not
 * looked at. It keeps one position per stream. Not safe for use by several threads.
 *
 * <p>A trail of one agent can be verified by itself, if the key of the log is given: the key is then taken to have been
 * in force from the beginning. Any other part of a log is for {@link #ofPart}.
 */
public final class ChainVerifier {
    /**
     * How far a stream has been followed, from which of its events with a text on, and how many before these were pruned
     * without a word so far.
     */
    private record Tail(StreamHead head, Optional<Long> unsignedFrom, long begin, long unexplained) {
        static Tail at(StreamHead head) {
            return new Tail(head, Optional.empty(), head.next().n(), 0);
        }

        Tail after(SealedEvent next) {
            return new Tail(
                    StreamHead.after(next), next.unsignedFrom(unsignedFrom), begin, explains(next) ? 0 : unexplained);
        }

        private boolean explains(SealedEvent next) {
            return next.event().kind() == EventKind.TRAIL_PRUNED
                    && new JsonFields("details", next.event().details()).integer("events") >= unexplained;
        }
    }

    private final SignatureVerifier signatures;
    private final Optional<PublicJwk> trusted;
    private final boolean part;
    private final Map<String, Tail> tails = new HashMap<>();
    private final Map<Seal, Long> counts = new EnumMap<>(Seal.class);
    private Optional<String> log;
    private LogKeys keys;
    private final List<KeyIntroduction> recoveries = new ArrayList<>();
    private int unexplained;

    /**
     * A verifier at the beginning of a log.
     *
     * @param log the origin of the log; empty takes that of the first event
     * @param trusted the first key of the log, which the reader knows from elsewhere; empty if there must be none
     */
    public ChainVerifier(SignatureVerifier signatures, Optional<String> log, Optional<PublicJwk> trusted) {
        this(signatures, log, trusted, false);
    }

    private ChainVerifier(
            SignatureVerifier signatures, Optional<String> log, Optional<PublicJwk> trusted, boolean part) {
        this.part = part;
        this.signatures = requireNonNull(signatures, "signatures");
        this.log = requireNonNull(log, "log");
        this.trusted = requireNonNull(trusted, "trusted");
        this.keys = trusted.map(LogKeys::of).orElse(LogKeys.NONE);
        for (Seal seal : Seal.values()) {
            counts.put(seal, 0L);
        }
    }

    /**
     * A verifier of a part of a log: what it sees first of a stream need not be the first event of that stream, but from there
     * on none may be missing. That the first ones are in the log at all, it cannot tell. Only stream {@code log}, which says
     * what keys count, is there from its beginning or not at all.
     *
     * @param log the origin of the log; empty takes that of the first event
     * @param trusted the first key of the log, which the reader knows from elsewhere; empty if there must be none
     */
    public static ChainVerifier ofPart(
            SignatureVerifier signatures, Optional<String> log, Optional<PublicJwk> trusted) {
        return new ChainVerifier(signatures, log, trusted, true);
    }

    /** Where the next event of that stream must stand. */
    public StreamHead head(String stream) {
        Tail tail = tails.get(stream);
        return tail == null ? StreamHead.of(stream) : tail.head();
    }

    /**
     * Says that the log ends here.
     *
     * @throws BrokenChainException if the key that was expected never came into force, so that nothing is signed with it; or, of
     *     a whole log, if events were pruned and none says so
     */
    public void end() {
        if (!keys.first().equals(trusted)) {
            throw new BrokenChainException("the log has no key, but %s was expected"
                    .formatted(trusted.map(PublicJwk::keyId).orElse("none")));
        }
        if (unexplained > 0 && !part) {
            tails.forEach((stream, tail) -> {
                if (tail.unexplained() > 0) {
                    throw new BrokenChainException("%d events of stream %s are pruned, and no event says so"
                            .formatted(tail.unexplained(), stream));
                }
            });
        }
    }

    /** How many streams have pruned events of which none has said yet that they are: nobody need have signed any of them. */
    public int unexplained() {
        return unexplained;
    }

    /** How the log was recovered after its keys were lost, in the order in which it was. */
    public List<KeyIntroduction> recoveries() {
        return List.copyOf(recoveries);
    }

    /** The keys of the log as far as it was followed. */
    public LogKeys keys() {
        return keys;
    }

    /** Where each stream ends so far. */
    public Map<String, StreamHead> heads() {
        Map<String, StreamHead> heads = new HashMap<>();
        tails.forEach((stream, tail) -> heads.put(stream, tail.head()));
        return heads;
    }

    /** How many of the events that were taken are vouched for in which way, as far as the log was followed. */
    public Map<Seal, Long> counts() {
        return new EnumMap<>(counts);
    }

    /**
     * Takes the next event.
     *
     * @throws JsonFormatException if the text is not that of an event
     * @throws BrokenChainException if it does not follow the events before it, or is not signed as it must be; it is as if
     *     it had not been there
     */
    public SealedEvent take(String canonical, Optional<String> signature) {
        return take(SealedEvent.read(canonical, signature));
    }

    /**
     * Takes the next event as it was read. What is disclosed of it is no part of its chain.
     *
     * @throws BrokenChainException if it does not follow the events before it, or is not signed as it must be; it is as if
     *     it had not been there
     */
    public SealedEvent take(SealedEvent sealedEvent) {
        AuditEvent event = sealedEvent.event();
        String stream = event.position().stream();
        Tail tail = tails.getOrDefault(stream, begin(event.position()));
        requirePlace(event, tail);
        LogKeys next = keysAfter(event);
        requireSeal(sealedEvent, tail);
        log = Optional.of(event.log());
        keys = next;
        emergency(event).ifPresent(recoveries::add);
        count(sealedEvent, tail);
        Tail after = tail.after(sealedEvent);
        unexplained -= tail.unexplained() > after.unexplained() ? 1 : 0;
        tails.put(stream, after);
        return sealedEvent;
    }

    /**
     * Takes what is left of the next event, whose text was pruned. Only the first ones of an agent's stream may be, and a later one
     * says so.
     *
     * @param leafHash the leaf hash that the text had, 43 characters
     * @throws IllegalArgumentException if there is no such place or hash
     * @throws BrokenChainException if it does not follow the events before it, or may not be pruned; it is as if it had not
     *     been there
     */
    public void takePruned(String stream, long n, String leafHash) {
        if (stream.equals(StreamPosition.LOG) || stream.equals(StreamPosition.ACCESS)) {
            throw new BrokenChainException("nothing of stream " + stream + " is ever pruned");
        }
        if (Digests.fromBase64Url(leafHash).length != Digests.SHA256_BYTES) {
            throw new JsonFormatException("a leaf hash has 32 bytes");
        }
        var next = new StreamPosition(stream, n + 1, leafHash);
        Tail tail = tails.getOrDefault(stream, begin(new StreamPosition(stream, n, leafHash)));
        long expected = tail.head().next().n();
        if (n != expected) {
            throw new BrokenChainException(
                    "it does not follow event " + (expected - 1) + ": one was changed, lost, added or moved");
        }
        if (expected != tail.begin()) {
            throw new BrokenChainException("it is pruned, and one before it is not");
        }
        unexplained += tail.unexplained() == 0 ? 1 : 0;
        counts.merge(Seal.PRUNED, 1L, Long::sum);
        tails.put(
                stream,
                new Tail(
                        new StreamHead(next, tail.head().lastAt()),
                        Optional.empty(),
                        next.n(),
                        tail.unexplained() + 1));
    }

    /** Where the first event of a stream must stand: in a part, wherever it does. */
    private Tail begin(StreamPosition place) {
        boolean anywhere = part && place.n() > 0 && !place.stream().equals(StreamPosition.LOG);
        return Tail.at(anywhere ? new StreamHead(place, Instant.MIN) : StreamHead.of(place.stream()));
    }

    private void requirePlace(AuditEvent event, Tail tail) {
        if (log.isPresent() && !log.get().equals(event.log())) {
            throw new BrokenChainException("it belongs to another log, " + event.log());
        }
        if (!event.position().equals(tail.head().next())) {
            throw new BrokenChainException("it does not follow event "
                    + (tail.head().next().n() - 1) + ": one was changed, lost, added or moved");
        }
        if (event.at().isBefore(tail.head().lastAt())) {
            throw new BrokenChainException("it is earlier than the event before it");
        }
        boolean begins = event.position().stream().equals(StreamPosition.LOG)
                && event.position().n() == 0;
        if (begins != (event.kind() == EventKind.LOG_GENESIS)) {
            throw new BrokenChainException("log.genesis is the first event of stream log, and stands nowhere else");
        }
        if (begins && !tails.isEmpty()) {
            // it could say that there is no key, and take back what the events before it were checked by
            throw new BrokenChainException("log.genesis stands before all other events");
        }
    }

    /** The keys once this event stands. */
    private LogKeys keysAfter(AuditEvent event) {
        LogKeys next = keys.after(event);
        if (next == keys) {
            return keys;
        }
        if (!event.position().stream().equals(StreamPosition.LOG)) {
            throw new BrokenChainException("the keys of a log change on stream log only");
        }
        if (next.first().isPresent() && !next.first().equals(trusted)) {
            throw new BrokenChainException("it makes %s the key of the log, but %s was expected"
                    .formatted(next.ids(), trusted.map(PublicJwk::keyId).orElse("none")));
        }
        if (event.kind() == EventKind.LOG_KEY_INTRODUCED) {
            requireProof(KeyIntroduction.of(event), event);
        }
        return next;
    }

    private static Optional<KeyIntroduction> emergency(AuditEvent event) {
        return event.kind() == EventKind.LOG_KEY_INTRODUCED
                ? Optional.of(KeyIntroduction.of(event))
                        .filter(introduction -> introduction.recovery().isPresent())
                : Optional.empty();
    }

    private void requireProof(KeyIntroduction introduction, AuditEvent event) {
        byte[] proof = new JsonFields("details", event.details()).parsed("proof", Digests::fromBase64Url);
        PublicJwk prover = introduction.prover();
        if (!signatures.verify(prover, KeyIntroduction.PAYLOAD_TYPE, introduction.payload(), proof)) {
            throw new BrokenChainException("nobody proves to hold key " + prover.keyId());
        }
    }

    private void requireSeal(SealedEvent sealedEvent, Tail tail) {
        AuditEvent event = sealedEvent.event();
        Optional<PublicJwk> key = keys.signerOf(event);
        if (sealedEvent.seal() == Seal.WAITING && !event.mayWait()) {
            throw new BrokenChainException(event.kind().wire() + " is not signed, and must be");
        }
        if (sealedEvent.signature().isPresent()) {
            byte[] bytes = Digests.fromBase64Url(sealedEvent.signature().get());
            PublicJwk signer = key.orElseThrow();
            if (!signatures.verify(signer, AuditEvent.PAYLOAD_TYPE, sealedEvent.canonical(), bytes)) {
                throw new BrokenChainException("its signature is not that of key " + signer.keyId());
            }
        }
        if (event.kind() == EventKind.LOG_GAP_ENDORSED) {
            requireEndorsement(new JsonFields("details", event.details()).integer("n"), tail);
        }
    }

    private static void requireEndorsement(long from, Tail tail) {
        // if all that was seen of the stream waits, what was not seen may have waited before it
        boolean allWait = tail.unsignedFrom().orElse(tail.head().next().n()) == tail.begin();
        boolean beganBefore = allWait && from >= 0 && from < tail.begin();
        if (!beganBefore && !tail.unsignedFrom().equals(Optional.of(from))) {
            throw new BrokenChainException("it endorses events that do not wait for it");
        }
    }

    private void count(SealedEvent sealedEvent, Tail tail) {
        counts.merge(sealedEvent.seal(), 1L, Long::sum);
        if (sealedEvent.seal() == Seal.SIGNED && tail.unsignedFrom().isPresent()) {
            long waited =
                    sealedEvent.event().position().n() - tail.unsignedFrom().get();
            counts.merge(Seal.WAITING, -waited, Long::sum);
            counts.merge(Seal.ENDORSED_LATE, waited, Long::sum);
        }
    }
}
