package io.agentlifecycle.core.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.agent.AgentState;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.statistics.Statistics;
import org.junit.jupiter.api.Test;

/** A log without a store, as somebody would read it from a file: event by event, whatever stands there. */
class ChainVerifierTest {
    private static final String ORIGIN = "example.com/log";
    private static final Instant AT = Instant.parse("2026-04-11T04:31:00Z");
    private static final PublicJwk KEY = PublicJwk.of(new byte[32]);
    private static final PublicJwk OTHER = PublicJwk.of(Digests.sha256("another key".getBytes(UTF_8)));
    private static final String A = "a/default/a";
    private static final String B = "a/default/b";

    /** Signs with a hash, which shows as well as anything which key, type and payload were signed. */
    private static final SignatureVerifier TOY =
            (key, type, payload, signature) -> MessageDigest.isEqual(sign(key, type, payload), signature);

    /** Takes every signature for a good one, so that what comes after it is reached. */
    private static final SignatureVerifier LENIENT = (key, type, payload, signature) -> true;

    private static byte[] sign(PublicJwk key, String type, String payload) {
        try {
            return MessageDigest.getInstance("SHA-512").digest((key.x() + " " + type + " " + payload).getBytes(UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    /** Writes a log down. */
    private static final class Log {
        private final Map<String, StreamHead> heads = new TreeMap<>();
        private final List<SealedEvent> events = new ArrayList<>();
        private Optional<PublicJwk> key = Optional.empty();

        Log begin(Json firstKey) {
            return begin(firstKey, Optional.empty());
        }

        Log begin(Json firstKey, Optional<String> recoveryKey) {
            key = firstKey instanceof Json.Obj jwk ? Optional.of(PublicJwk.of(jwk)) : Optional.empty();
            Json.Obj details = Json.object()
                    .put("format", 1)
                    .put("key", firstKey)
                    .put("recoveryKey", recoveryKey)
                    .put("schedule", Digests.sha256("a"))
                    .put("store", "s")
                    .build();
            return signed("log", EventContent.of(EventKind.LOG_GENESIS, Actor.SYSTEM, details));
        }

        Log introduce(PublicJwk next, String proofOf, PublicJwk prover) {
            return introduce(KeyIntroduction.first(proofOf, next), prover);
        }

        /** Beside those in force, by the one that signs. */
        Log add(PublicJwk next, PublicJwk prover) {
            return introduce(
                    KeyIntroduction.next(ORIGIN, next, key.orElseThrow().keyId()), prover);
        }

        Log introduce(KeyIntroduction introduction, PublicJwk prover) {
            if (introduction.signsItself()) {
                key = Optional.of(introduction.key());
            }
            byte[] proof = sign(prover, KeyIntroduction.PAYLOAD_TYPE, introduction.payload());
            Json.Obj details = introduction.details(Digests.base64Url(proof));
            return signed("log", EventContent.of(EventKind.LOG_KEY_INTRODUCED, Actor.SYSTEM, details));
        }

        Log retire(PublicJwk old) {
            Json.Obj details =
                    Json.object().put("kid", old.keyId()).put("reason", "").build();
            return signed("log", EventContent.of(EventKind.LOG_KEY_RETIRED, Actor.SYSTEM, details));
        }

        /** Where the next event of stream log stands. */
        StreamPosition next() {
            return heads.get("log").next();
        }

        /** Signs with that key from here on. */
        Log with(PublicJwk next) {
            key = Optional.of(next);
            return this;
        }

        Log suspended(String stream, boolean signs) {
            Json.Obj details =
                    Json.object().put("hold", "operator").put("text", "").build();
            return event(
                    stream,
                    EventContent.of(EventKind.AGENT_SUSPENDED, Actor.SYSTEM, details)
                            .step(AgentState.ACTIVE, AgentState.SUSPENDED),
                    signs);
        }

        Log resumed(String stream, boolean signs) {
            return event(
                    stream,
                    EventContent.of(
                                    EventKind.AGENT_RESUMED,
                                    Actor.SYSTEM,
                                    Json.object().put("hold", "operator").build())
                            .step(AgentState.SUSPENDED, AgentState.ACTIVE),
                    signs);
        }

        Log endorsed(String stream, long n) {
            return signed(
                    stream,
                    EventContent.of(
                            EventKind.LOG_GAP_ENDORSED,
                            Actor.SYSTEM,
                            Json.object().put("n", n).build()));
        }

        Log signed(String stream, EventContent content) {
            return event(stream, content, true);
        }

        Log event(String stream, EventContent content, boolean signs) {
            StreamHead head = heads.getOrDefault(stream, StreamHead.of(stream));
            var event = new AuditEvent(
                    ORIGIN, new UUID(0x7000, events.size()), AT, key.map(PublicJwk::keyId), head.next(), content);
            SealedEvent written = SealedEvent.write(event);
            SealedEvent made = signs && key.isPresent()
                    ? written.signed(sign(key.get(), AuditEvent.PAYLOAD_TYPE, written.canonical()))
                    : written;
            heads.put(stream, StreamHead.after(made));
            events.add(made);
            return this;
        }
    }

    private static Log bornSigned() {
        return new Log().begin(KEY.toJson());
    }

    private static Log bornUnsigned() {
        return new Log().begin(Json.of(PublicJwk.NONE));
    }

    /** A log in which every rule of the chain has its say. */
    private static Log eventful() {
        return bornUnsigned()
                .suspended(A, true)
                .introduce(KEY, ORIGIN, KEY)
                .resumed(A, true)
                .suspended(A, false)
                .suspended(B, false)
                .suspended(A, false)
                .endorsed(A, 2)
                .resumed(B, true)
                .suspended(B, false);
    }

    private static ChainVerifier verifier(Optional<PublicJwk> trusted) {
        return new ChainVerifier(TOY, Optional.of(ORIGIN), trusted);
    }

    private static void follow(ChainVerifier chains, List<SealedEvent> events) {
        events.forEach(event -> chains.take(event.canonical(), event.signature()));
    }

    private static Map<Seal, Long> counts(long signed, long unsigned, long waiting, long late) {
        return new EnumMap<>(Map.of(
                Seal.SIGNED, signed,
                Seal.UNSIGNED, unsigned,
                Seal.WAITING, waiting,
                Seal.ENDORSED_LATE, late,
                Seal.PRUNED, 0L));
    }

    /** That the last event of {@code log} is refused, and that it is then as if it had not been there. */
    private static void lastIsRefused(Log log, Optional<PublicJwk> trusted, String message) {
        ChainVerifier chains = verifier(trusted);
        SealedEvent last = log.events.get(log.events.size() - 1);
        follow(chains, log.events.subList(0, log.events.size() - 1));
        String stream = last.event().position().stream();
        Map<Seal, Long> counts = chains.counts();
        StreamHead head = chains.head(stream);

        for (int i = 0; i < 2; i++) {
            assertThatThrownBy(() -> chains.take(last.canonical(), last.signature()))
                    .isInstanceOf(BrokenChainException.class)
                    .hasMessageContaining(message);
            assertThat(chains.counts()).isEqualTo(counts);
            assertThat(chains.head(stream)).isEqualTo(head);
        }
    }

    @Test
    void the_events_of_a_log_that_got_its_key_later_are_counted_by_what_vouches_for_them() {
        ChainVerifier chains = verifier(Optional.of(KEY));
        List<SealedEvent> events = eventful().events;

        follow(chains, events);
        chains.end();

        assertThat(chains.counts()).isEqualTo(counts(4, 2, 1, 3));
        assertThat(chains.head(A)).isEqualTo(StreamHead.after(events.get(7)));
        assertThat(chains.head("a/default/nobody")).isEqualTo(StreamHead.of("a/default/nobody"));
    }

    @Test
    void whoever_expects_another_key_or_none_refuses_the_log() {
        lastIsRefused(bornSigned(), Optional.of(OTHER), "but " + OTHER.keyId() + " was expected");
        lastIsRefused(bornSigned(), Optional.empty(), "but none was expected");
        lastIsRefused(
                bornUnsigned().introduce(KEY, ORIGIN, KEY),
                Optional.of(OTHER),
                "it makes " + KEY.keyId() + " the key of the log, but " + OTHER.keyId() + " was expected");
    }

    @Test
    void whoever_expects_a_key_refuses_a_log_that_never_gets_one() {
        ChainVerifier chains = verifier(Optional.of(KEY));
        follow(chains, bornUnsigned().suspended(A, true).events);

        assertThatThrownBy(chains::end)
                .isInstanceOf(BrokenChainException.class)
                .hasMessage("the log has no key, but " + KEY.keyId() + " was expected");
    }

    @Test
    void a_key_is_introduced_once_with_proof_on_the_stream_of_the_log() {
        Optional<PublicJwk> trusted = Optional.of(KEY);
        lastIsRefused(bornUnsigned().introduce(KEY, ORIGIN, OTHER), trusted, "nobody proves to hold key");
        lastIsRefused(bornUnsigned().introduce(KEY, "another/log", KEY), trusted, "nobody proves to hold key");
        lastIsRefused(bornSigned().introduce(OTHER, ORIGIN, OTHER), trusted, "introduces itself only if there is none");
        lastIsRefused(
                bornUnsigned().introduce(KEY, ORIGIN, KEY).introduce(KEY, ORIGIN, KEY),
                trusted,
                "introduces itself only if there is none");
        Log astray = bornUnsigned().introduce(KEY, ORIGIN, KEY);
        EventContent introduction = astray.events.get(1).event().content();
        Log elsewhere = bornUnsigned();
        elsewhere.key = trusted;
        lastIsRefused(elsewhere.signed(A, introduction), trusted, "the keys of a log change on stream log only");
    }

    @Test
    void keys_come_beside_each_other_and_go_one_by_one() {
        Log log = bornSigned()
                .suspended(A, true)
                .add(OTHER, OTHER)
                .suspended(A, true)
                .with(OTHER)
                .suspended(A, true)
                .retire(KEY)
                .suspended(A, true);
        ChainVerifier chains = verifier(Optional.of(KEY));

        follow(chains, log.events);

        chains.end();
        assertThat(chains.keys().inForce()).isEqualTo(Map.of(OTHER.keyId(), OTHER));
        assertThat(chains.keys().first()).contains(KEY);
        lastIsRefused(
                log.with(KEY).suspended(A, true),
                Optional.of(KEY),
                "it names " + KEY.keyId() + " as its key, but " + OTHER.keyId() + " is in force");
    }

    @Test
    void a_key_comes_in_by_one_in_force_and_with_proof_that_somebody_holds_it() {
        Optional<PublicJwk> trusted = Optional.of(KEY);
        lastIsRefused(bornSigned().add(OTHER, KEY), trusted, "nobody proves to hold key " + OTHER.keyId());
        lastIsRefused(bornSigned().with(OTHER).add(OTHER, OTHER), trusted, "it names " + OTHER.keyId());
        lastIsRefused(bornSigned().add(KEY, KEY), trusted, "in force already");
        lastIsRefused(
                bornSigned().introduce(KeyIntroduction.next(ORIGIN, OTHER, OTHER.keyId()), OTHER),
                trusted,
                "nobody proves to hold key " + OTHER.keyId());
        lastIsRefused(bornUnsigned().with(KEY).add(OTHER, OTHER), trusted, "first key of a log introduces itself");
        Log many = bornSigned();
        for (int i = 1; i < LogKeys.MOST; i++) {
            PublicJwk next = key("key " + i);
            many.add(next, next);
        }
        follow(verifier(trusted), many.events);
        lastIsRefused(many.add(OTHER, OTHER), trusted, "or more than 16 at a time");
    }

    @Test
    void a_key_that_is_not_in_force_and_the_last_one_are_not_retired_and_none_retires_itself() {
        Optional<PublicJwk> trusted = Optional.of(KEY);
        lastIsRefused(bornSigned().retire(KEY), trusted, "or the last one");
        lastIsRefused(bornSigned().retire(OTHER), trusted, "not in force");
        lastIsRefused(bornSigned().add(OTHER, OTHER).retire(KEY), trusted, "but " + OTHER.keyId() + " is in force");
        Log elsewhere = bornSigned().add(OTHER, OTHER).with(OTHER).retire(KEY);
        EventContent retirement = elsewhere.events.get(2).event().content();
        lastIsRefused(
                bornSigned().add(OTHER, OTHER).with(OTHER).signed(A, retirement),
                trusted,
                "the keys of a log change on stream log only");
    }

    @Test
    void who_holds_the_recovery_key_brings_in_a_new_one_instead_of_all_others() {
        PublicJwk recovery = key("recovery");
        Optional<PublicJwk> trusted = Optional.of(KEY);
        Log log = recoverable(recovery).suspended(A, true);
        KeyIntroduction emergency = KeyIntroduction.recovering(ORIGIN, OTHER, recovery, 2, log.next());
        ChainVerifier chains = verifier(trusted);

        follow(chains, log.introduce(emergency, recovery).suspended(A, true).events);

        assertThat(chains.keys().inForce()).isEqualTo(Map.of(OTHER.keyId(), OTHER));
        assertThat(chains.recoveries()).containsExactly(emergency);
        lastIsRefused(log.with(KEY).suspended(A, true), trusted, "it names " + KEY.keyId());
        lastIsRefused(recoverable(recovery).introduce(emergency, OTHER), trusted, "nobody proves to hold");
        lastIsRefused(
                recoverable(key("another")).introduce(emergency, recovery),
                trusted,
                recovery.keyId() + " is not the key that can recover the log");
        lastIsRefused(bornSigned().introduce(emergency, recovery), trusted, "is not the key that can recover the log");
    }

    /** Whoever stole a key that had recovered the log, and was retired, has the proof of then. */
    @Test
    void a_recovery_is_good_at_one_place_only() {
        PublicJwk recovery = key("recovery");
        Log log = recoverable(recovery);
        KeyIntroduction emergency = KeyIntroduction.recovering(ORIGIN, OTHER, recovery, 1, log.next());
        byte[] proof = sign(recovery, KeyIntroduction.PAYLOAD_TYPE, emergency.payload());
        PublicJwk third = key("third");
        log.introduce(emergency, recovery).add(third, third).with(third).retire(OTHER);
        follow(verifier(Optional.of(KEY)), log.events);

        Json.Obj replayed = emergency.details(Digests.base64Url(proof));
        lastIsRefused(
                log.with(OTHER).signed("log", EventContent.of(EventKind.LOG_KEY_INTRODUCED, Actor.SYSTEM, replayed)),
                Optional.of(KEY),
                "nobody proves to hold key " + recovery.keyId());
    }

    private static Log recoverable(PublicJwk recovery) {
        return new Log().begin(KEY.toJson(), Optional.of(recovery.keyId()));
    }

    private static PublicJwk key(String name) {
        return PublicJwk.of(Digests.sha256(name.getBytes(UTF_8)));
    }

    @Test
    void the_introduction_of_no_key_at_all_is_refused_like_anything_else() {
        Log log = bornUnsigned();
        Json.Obj details = Json.object()
                .put("first", true)
                .put("key", PublicJwk.NONE)
                .put("proof", "AA")
                .build();
        log.signed("log", EventContent.of(EventKind.LOG_KEY_INTRODUCED, Actor.SYSTEM, details));

        for (Optional<PublicJwk> trusted : List.of(Optional.of(KEY), Optional.<PublicJwk>empty())) {
            ChainVerifier chains = verifier(trusted);
            assertThatThrownBy(() -> follow(chains, log.events))
                    .isInstanceOf(JsonFormatException.class)
                    .hasMessage("key of details has the wrong type");
            assertThat(chains.keys()).isEqualTo(LogKeys.NONE);
        }
    }

    @Test
    void what_is_signed_and_under_which_type_is_fixed_for_ever() {
        assertThat(AuditEvent.PAYLOAD_TYPE).isEqualTo("application/vnd.agent-lifecycle.audit-event.v1+json");
        assertThat(KeyIntroduction.PAYLOAD_TYPE).isEqualTo("application/vnd.agent-lifecycle.key-introduction.v1+json");
        assertThat(KeyIntroduction.first(ORIGIN, KEY).payload())
                .isEqualTo("{\"log\":\"example.com/log\",\"new\":{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\""
                        + "A".repeat(43) + "\"}}");
        assertThat(KeyIntroduction.recovering(ORIGIN, KEY, OTHER, 7, StreamPosition.first("log"))
                        .payload())
                .isEqualTo("{\"log\":\"example.com/log\",\"new\":{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\""
                        + "A".repeat(43) + "\"},\"old\":\"" + OTHER.keyId()
                        + "\",\"prev\":\"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\",\"size\":7}");
    }

    @Test
    void an_introduction_that_is_refused_puts_no_key_in_force() {
        ChainVerifier chains = verifier(Optional.of(KEY));
        Log log = bornUnsigned().introduce(KEY, ORIGIN, KEY);
        SealedEvent genesis = log.events.get(0);
        SealedEvent introduction = log.events.get(1);
        chains.take(genesis.canonical(), genesis.signature());

        assertThatThrownBy(() -> chains.take(introduction.canonical(), Optional.empty()))
                .isInstanceOf(BrokenChainException.class)
                .hasMessageContaining("log.key_introduced is not signed, and must be");

        follow(chains, bornUnsigned().suspended(A, true).events.subList(1, 2));
        chains.take(introduction.canonical(), introduction.signature());
        chains.end();
    }

    @Test
    void a_log_begins_once() {
        lastIsRefused(bornSigned().begin(KEY.toJson()), Optional.of(KEY), "log.genesis is the first event");
        lastIsRefused(new Log().introduce(KEY, ORIGIN, KEY), Optional.of(KEY), "log.genesis is the first event");
    }

    @Test
    void a_log_does_not_begin_after_events_that_a_key_has_signed() {
        ChainVerifier chains = verifier(Optional.of(KEY));
        follow(chains, bornSigned().suspended(A, true).events.subList(1, 2));
        SealedEvent forged = bornUnsigned().events.get(0);

        assertThatThrownBy(() -> chains.take(forged.canonical(), forged.signature()))
                .isInstanceOf(BrokenChainException.class)
                .hasMessageContaining("log.genesis stands before all other events");
        chains.end();
    }

    @Test
    void only_a_signature_over_the_event_itself_by_the_key_in_force_counts() {
        Log log = bornSigned().suspended(A, true);
        SealedEvent last = log.events.get(1);
        for (byte[] forged : List.of(
                sign(OTHER, AuditEvent.PAYLOAD_TYPE, last.canonical()),
                sign(KEY, KeyIntroduction.PAYLOAD_TYPE, last.canonical()),
                sign(KEY, AuditEvent.PAYLOAD_TYPE, last.canonical() + " "))) {
            log.events.set(1, last.signed(forged));
            lastIsRefused(log, Optional.of(KEY), "its signature is not that of key " + KEY.keyId());
        }
    }

    @Test
    void what_grants_power_is_signed() {
        lastIsRefused(bornSigned().resumed(A, false), Optional.of(KEY), "agent.resumed is not signed, and must be");
    }

    @Test
    void an_endorsement_names_the_first_event_that_waits_for_it() {
        Log log = bornSigned().suspended(A, true).suspended(A, false).suspended(A, false);
        follow(verifier(Optional.of(KEY)), log.endorsed(A, 1).events);
        log.events.remove(4);
        log.heads.put(A, StreamHead.after(log.events.get(3)));
        for (long n : new long[] {0, 2, 3}) {
            Log wrong = new Log();
            wrong.key = log.key;
            wrong.heads.putAll(log.heads);
            wrong.events.addAll(log.events);
            lastIsRefused(wrong.endorsed(A, n), Optional.of(KEY), "endorses events that do not wait for it");
        }
        lastIsRefused(
                bornSigned().suspended(A, true).endorsed(A, 0),
                Optional.of(KEY),
                "endorses events that do not wait for it");
        lastIsRefused(bornUnsigned().suspended(A, true).endorsed(A, 0), Optional.empty(), "do not wait for it");
    }

    @Test
    void an_event_of_another_log_is_refused_also_if_the_first_event_says_which_log_it_is() {
        ChainVerifier chains = new ChainVerifier(TOY, Optional.empty(), Optional.of(KEY));
        Log log = bornSigned().suspended(A, true);
        SealedEvent genesis = log.events.get(0);
        chains.take(genesis.canonical(), genesis.signature());
        String moved = log.events.get(1).canonical().replace(ORIGIN, "example.com/other");

        assertThatThrownBy(() -> chains.take(moved, log.events.get(1).signature()))
                .isInstanceOf(BrokenChainException.class)
                .hasMessageContaining("another log, example.com/other");
    }

    @Test
    void a_trail_is_verified_by_itself_with_the_key_of_its_log() {
        List<SealedEvent> trail =
                bornSigned().suspended(A, true).suspended(B, true).suspended(A, false).resumed(A, true).events.stream()
                        .filter(event -> event.event().position().stream().equals(A))
                        .toList();
        ChainVerifier chains = verifier(Optional.of(KEY));
        follow(chains, trail);
        chains.end();
        assertThat(chains.counts()).isEqualTo(counts(2, 0, 0, 1));

        assertThatThrownBy(() -> follow(verifier(Optional.empty()), trail))
                .isInstanceOf(BrokenChainException.class)
                .hasMessageContaining("it names " + KEY.keyId() + " as its key, but none is in force");
    }

    // ---- a part of a log

    private static ChainVerifier ofPart() {
        return ChainVerifier.ofPart(TOY, Optional.of(ORIGIN), Optional.of(KEY));
    }

    /** Two streams, in which some events wait and are endorsed. */
    private static Log withGaps() {
        return bornSigned()
                .suspended(A, true)
                .suspended(A, false)
                .suspended(B, false)
                .suspended(A, false)
                .endorsed(A, 1)
                .suspended(A, false)
                .suspended(B, true)
                .resumed(A, true)
                .suspended(A, false);
    }

    @Test
    void a_part_begins_and_ends_anywhere() {
        List<SealedEvent> events = withGaps().events;
        for (int from = 0; from < events.size(); from++) {
            for (int to = from; to <= events.size(); to++) {
                ChainVerifier chains = ofPart();
                follow(chains, events.subList(from, to));
                chains.end();

                assertThat(chains.counts().values().stream()
                                .mapToLong(Long::longValue)
                                .sum())
                        .isEqualTo(to - from);
                for (SealedEvent last : events.subList(from, to)) {
                    String stream = last.event().position().stream();
                    assertThat(chains.heads()).containsKey(stream);
                }
            }
        }
        ChainVerifier middle = ofPart();
        follow(middle, events.subList(4, 9));
        assertThat(middle.counts()).isEqualTo(counts(3, 0, 0, 2));
        assertThat(middle.head(A)).isEqualTo(StreamHead.after(events.get(8)));
    }

    @Test
    void a_part_has_no_gap_in_a_stream_between_the_events_that_it_has() {
        List<SealedEvent> events = withGaps().events;
        int refused = 0;
        for (int missing = 2; missing < events.size() - 1; missing++) {
            List<SealedEvent> part = new ArrayList<>(events.subList(1, events.size()));
            part.remove(missing - 1);
            String stream = events.get(missing).event().position().stream();
            boolean before = has(events.subList(1, missing), stream);
            boolean after = has(events.subList(missing + 1, events.size()), stream);
            if (before && after) {
                assertThatThrownBy(() -> follow(ofPart(), part))
                        .isInstanceOf(BrokenChainException.class)
                        .hasMessageContaining("it does not follow event");
                refused++;
            } else {
                follow(ofPart(), part);
            }
        }
        assertThat(refused).isEqualTo(5);
        assertThatThrownBy(() -> follow(ofPart(), List.of(events.get(4), events.get(2))))
                .isInstanceOf(BrokenChainException.class);
    }

    private static boolean has(List<SealedEvent> events, String stream) {
        return events.stream()
                .anyMatch(event -> event.event().position().stream().equals(stream));
    }

    @Test
    void the_first_event_of_a_stream_has_nothing_before_it_in_a_part_either() {
        Log log = bornSigned();
        log.heads.put(A, new StreamHead(new StreamPosition(A, 0, Digests.sha256("something")), Instant.MIN));
        log.suspended(A, true);

        assertThatThrownBy(() -> follow(ofPart(), log.events.subList(1, 2)))
                .isInstanceOf(BrokenChainException.class)
                .hasMessageContaining("it does not follow event");
    }

    @Test
    void what_is_in_a_part_is_signed_as_in_the_whole() {
        List<SealedEvent> events = withGaps().events;
        SealedEvent resumed = events.get(8);
        assertThatThrownBy(() -> ofPart().take(resumed.canonical(), Optional.empty()))
                .isInstanceOf(BrokenChainException.class)
                .hasMessageContaining("agent.resumed is not signed, and must be");
        assertThatThrownBy(
                        () -> ofPart().take(resumed.canonical(), events.get(7).signature()))
                .isInstanceOf(BrokenChainException.class)
                .hasMessageContaining("its signature is not that of key");
        SealedEvent before = bornUnsigned().suspended(A, true).events.get(1);
        assertThatThrownBy(() -> ofPart().take(before.canonical(), before.signature()))
                .isInstanceOf(BrokenChainException.class)
                .hasMessageContaining("it names none as its key");
    }

    /** Events that wait may have begun to wait before the part begins, but only if all that it shows of the stream do. */
    @Test
    void an_endorsement_in_a_part_names_an_event_that_the_part_does_not_show_as_signed() {
        List<SealedEvent> honest = withGaps().events;
        // of stream A, event 0 is signed, 1 and 2 wait, and 3 endorses; the part begins with 0, 1, 2 or 3 of these
        Map<Integer, Set<Long>> possible =
                Map.of(1, Set.of(1L), 2, Set.of(0L, 1L), 4, Set.of(0L, 1L, 2L), 5, Set.of(0L, 1L, 2L));
        possible.forEach((from, taken) -> {
            for (long n : new long[] {-1, 0, 1, 2, 3, 7}) {
                Log log = new Log();
                log.key = Optional.of(KEY);
                log.events.addAll(honest.subList(0, 5));
                log.heads.put(A, StreamHead.after(honest.get(4)));
                List<SealedEvent> part = log.endorsed(A, n).events.subList(from, 6);
                if (taken.contains(n)) {
                    follow(ofPart(), part);
                } else {
                    assertThatThrownBy(() -> follow(ofPart(), part))
                            .as("%d from %d", n, from)
                            .isInstanceOf(BrokenChainException.class)
                            .hasMessageContaining("it endorses events that do not wait for it");
                }
            }
        });
        Log signed = bornSigned().suspended(A, true).suspended(A, true).suspended(A, false);
        assertThatThrownBy(() -> follow(ofPart(), signed.endorsed(A, 0).events.subList(2, 5)))
                .as("the part shows that event 1 is signed, so nothing before it waits")
                .isInstanceOf(BrokenChainException.class);
    }

    @Test
    void a_part_has_stream_log_from_its_beginning_and_no_other_key_is_taken() {
        Log log = bornUnsigned().suspended(A, false).introduce(KEY, ORIGIN, KEY).suspended(A, true);
        ChainVerifier chains = ofPart();
        follow(chains, List.of(log.events.get(0), log.events.get(2), log.events.get(3)));
        chains.end();
        assertThatThrownBy(() -> follow(ofPart(), log.events.subList(2, 3)))
                .isInstanceOf(BrokenChainException.class)
                .hasMessageContaining("it does not follow event -1");
        assertThatThrownBy(() -> follow(ofPart(), bornUnsigned().introduce(OTHER, ORIGIN, OTHER).events))
                .isInstanceOf(BrokenChainException.class)
                .hasMessageContaining("but " + KEY.keyId() + " was expected");
    }

    @Provide
    Arbitrary<Json> values() {
        List<Json> found = new ArrayList<>(List.of(Json.of(PublicJwk.NONE), OTHER.toJson(), Json.of(Json.MAX_INTEGER)));
        eventful().events.forEach(event -> collect(event.event().toJson(), found));
        return Arbitraries.oneOf(Arbitraries.of(found), JsonTexts.values());
    }

    private static void collect(Json value, List<Json> into) {
        into.add(value);
        if (value instanceof Json.Obj object) {
            object.members().values().forEach(member -> collect(member, into));
        }
    }

    /** What the event at a place of the log says in one of its members is replaced, and its signature is good or gone. */
    @Property(tries = 4_000, edgeCases = EdgeCasesMode.NONE)
    void whatever_stands_in_a_log_is_taken_or_refused_and_nothing_else(
            @ForAll("values") Json value, @ForAll int place, @ForAll int member, @ForAll boolean signs) {
        List<SealedEvent> events = eventful().events;
        int at = Math.floorMod(place, events.size());
        ChainVerifier chains = new ChainVerifier(LENIENT, Optional.of(ORIGIN), Optional.of(KEY));
        follow(chains, events.subList(0, at));
        Map<Seal, Long> counts = chains.counts();
        String text = CanonicalJson.write(
                replaced(events.get(at).event().toJson(), new int[] {Math.floorMod(member, 40)}, value));
        Optional<String> signature = signs ? Optional.of(Digests.base64Url(new byte[64])) : Optional.empty();

        boolean taken;
        try {
            chains.take(text, signature);
            taken = true;
        } catch (JsonFormatException | BrokenChainException e) {
            taken = false;
            assertThat(chains.counts()).isEqualTo(counts);
            follow(chains, events.subList(at, events.size()));
        }
        assertThat(chains.counts().values()).allMatch(count -> count >= 0);
        Statistics.label("taken").collect(taken);
        Statistics.label("taken").coverage(all -> {
            all.check(true).count(times -> times > 0);
            all.check(false).count(times -> times > 0);
        });
    }

    /** The {@code left}th member of the tree is replaced. */
    private static Json replaced(Json.Obj object, int[] left, Json value) {
        Map<String, Json> members = new TreeMap<>(object.members());
        for (Map.Entry<String, Json> entry : members.entrySet()) {
            if (left[0]-- == 0) {
                entry.setValue(value);
            } else if (entry.getValue() instanceof Json.Obj inner) {
                entry.setValue(replaced(inner, left, value));
            }
        }
        return new Json.Obj(members);
    }
}
