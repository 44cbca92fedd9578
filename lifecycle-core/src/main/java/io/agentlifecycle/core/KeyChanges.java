package io.agentlifecycle.core;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.Text;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.KeyIntroduction;
import io.agentlifecycle.core.audit.LogKeys;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.spi.AuditSealer;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/** Which keys may come into force in a log, and go; all that is refused is refused under rule {@code log-key}. */
final class KeyChanges {
    private static final int MOST_REASON = 1_024;

    private final String origin;
    private final EventWriter writer;
    private final Predicate<PublicJwk> everInForce;

    /** @param everInForce whether a key is or was in force; asked only if the log is to be recovered */
    KeyChanges(String origin, EventWriter writer, Predicate<PublicJwk> everInForce) {
        this.origin = origin;
        this.writer = writer;
        this.everInForce = everInForce;
    }

    /** How the key of the sealer comes into force when a log is opened; empty if it is already. */
    Optional<KeyIntroduction> opening(LogRecord log, LogKeeper.Wanted wanted) {
        LogKeys keys = log.keys();
        if (keys.allow(writer.key().map(PublicJwk::keyId))) {
            return Optional.empty();
        }
        if (!keys.inForce().isEmpty()) {
            return Optional.of(emergency(log, wanted.emergency()));
        }
        if (!wanted.signFromHere()) {
            throw refused(
                    "the log %s is not signed so far, but the sealer has key %s; if it is the log that you expect, and"
                            + " nobody replaced a signed one by it, open it once with signFromHere()",
                    keyId());
        }
        return Optional.of(KeyIntroduction.first(origin, writer.key().orElseThrow()));
    }

    private KeyIntroduction emergency(LogRecord log, Optional<LogKeeper.Emergency> emergency) {
        LogKeys keys = log.keys();
        Optional<PublicJwk> recovery = emergency.map(with -> with.recovery().publicKey());
        if (writer.key().isEmpty()
                || recovery.isEmpty()
                || !recovery.map(PublicJwk::keyId).equals(keys.recovery())) {
            throw refused(
                    "the log %s is signed with key %s, but the sealer has %s; open it with sealer(..) of that key%s",
                    keys.ids(),
                    keyId(),
                    keys.recovery()
                            .map(id -> ", or, if it is lost, with recoverLog(..) of key " + id)
                            .orElse(""));
        }
        if (everInForce.test(writer.key().orElseThrow())) {
            throw refused(
                    "log %s had key %s once, which was retired since, and is not recovered with it; open it with a sealer(..) of"
                            + " a key in force, %s, or recover it with a new one",
                    keyId(), keys.ids());
        }
        return KeyIntroduction.recovering(
                origin,
                writer.key().orElseThrow(),
                recovery.get(),
                emergency.get().trustedSize(),
                log.head().next());
    }

    /** The event of what {@link #opening} said. */
    EventContent opened(KeyIntroduction introduction, LogKeeper.Wanted wanted) {
        AuditSealer prover = introduction.recovery().isPresent()
                ? wanted.emergency().orElseThrow().recovery()
                : writer.sealer();
        return introduced(introduction, prover, Actor.SYSTEM);
    }

    /**
     * The keys of the log once it is open.
     *
     * @param ownKey the key for checkpoints, if the log begins
     */
    LogKeys once(Optional<LogRecord> found, Optional<PublicJwk> ownKey) {
        Optional<String> keyId = writer.key().map(PublicJwk::keyId);
        return found.map(LogRecord::keys)
                .filter(keys -> keys.allow(keyId))
                .orElseGet(() -> new LogKeys(
                        found.flatMap(log -> log.keys().first()).or(writer::key),
                        writer.key().map(key -> Map.of(key.keyId(), key)).orElse(Map.of()),
                        found.isPresent() ? found.get().keys().checkpoint() : ownKey,
                        found.flatMap(log -> log.keys().recovery())));
    }

    /** What brings in the key of another sealer beside those in force; empty if another host has done so. */
    Optional<EventContent> next(LogRecord log, AuditSealer next, Actor actor) {
        LogKeys keys = log.keys();
        PublicJwk key = next.publicKey();
        if (writer.key().isEmpty() || !keys.allow(Optional.of(keyId()))) {
            throw refused(
                    "log %s is signed with key %s, and this manager has %s, so that it cannot introduce another;"
                            + " open it with a sealer(..) of a key in force",
                    keys.inForce().isEmpty() ? "none" : keys.ids(), keyId());
        }
        if (keys.inForce().containsKey(key.keyId())) {
            return Optional.empty();
        }
        if (keys.inForce().size() == LogKeys.MOST) {
            throw refused("log %s has %s keys in force, and may not have more; retire one first", LogKeys.MOST);
        }
        return Optional.of(introduced(KeyIntroduction.next(origin, key, keyId()), next, actor));
    }

    /** What takes a key out of force; empty if it is not in force. */
    Optional<EventContent> retired(LogRecord log, String keyId, String reason, Actor actor) {
        Text.line("reason", reason, MOST_REASON);
        if (keyId.equals(keyId())) {
            throw refused("log %s is signed with key %s by this very manager; introduce another one first", keyId);
        }
        if (!log.keys().inForce().containsKey(keyId)) {
            return Optional.empty();
        }
        return Optional.of(EventContent.of(
                EventKind.LOG_KEY_RETIRED,
                actor,
                Json.object().put("kid", keyId).put("reason", reason).build()));
    }

    private static EventContent introduced(KeyIntroduction introduction, AuditSealer prover, Actor actor) {
        String proof = EventWriter.proof(prover, introduction);
        return EventContent.of(EventKind.LOG_KEY_INTRODUCED, actor, introduction.details(proof));
    }

    private String keyId() {
        return writer.key().map(PublicJwk::keyId).orElse("none");
    }

    /** The message names the log first. */
    private PolicyViolationException refused(String message, Object... more) {
        Object[] all = new Object[more.length + 1];
        all[0] = origin;
        System.arraycopy(more, 0, all, 1, more.length);
        return new PolicyViolationException("log-key", message.formatted(all));
    }
}
