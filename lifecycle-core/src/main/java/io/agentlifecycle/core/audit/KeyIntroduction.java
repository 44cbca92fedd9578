package io.agentlifecycle.core.audit;

import static java.util.Objects.requireNonNull;

import java.util.Optional;

/**
 * A key that comes into force in a log, and who says so: the log itself if it is its first one, a key in force, or the
 * recovery key when all of those are lost. What {@link #prover} signs shows that nobody introduces the key of somebody else,
 * and that nobody recovers a log who does not hold its recovery key.
 *
 * @param log the origin of the log
 * @param key the key that is introduced
 * @param by the id of the key in force that introduces it, or of the recovery key; empty for the first key of a log
 * @param recovery if it is an emergency
 */
public record KeyIntroduction(String log, PublicJwk key, Optional<String> by, Optional<Recovery> recovery) {
    /** The type under which it is signed. */
    public static final String PAYLOAD_TYPE = "application/vnd.agent-lifecycle.key-introduction.v1+json";

    /**
     * All keys that were in force before are lost or stolen, and none of them is from here on.
     *
     * @param key the recovery key, of which the log's first event knows the id
     * @param size how many events of the log, counted from its beginning, are still vouched for by who recovers it
     * @param prev the leaf hash of the event before it in stream {@code log}, so that it is good at this one place only
     */
    public record Recovery(PublicJwk key, long size, String prev) {
        public Recovery {
            requireNonNull(key, "key");
            requireNonNull(prev, "prev");
            if (size < 0 || size > Json.MAX_INTEGER) {
                throw new IllegalArgumentException("a log has from 0 to 2^53-1 events to vouch for, not " + size);
            }
        }
    }

    public KeyIntroduction {
        requireNonNull(log, "log");
        requireNonNull(key, "key");
        requireNonNull(by, "by");
        requireNonNull(recovery, "recovery");
    }

    /** The first key of a log that began without one. */
    public static KeyIntroduction first(String log, PublicJwk key) {
        return new KeyIntroduction(log, key, Optional.empty(), Optional.empty());
    }

    /** A key beside those in force, introduced by one of them. */
    public static KeyIntroduction next(String log, PublicJwk key, String by) {
        return new KeyIntroduction(log, key, Optional.of(by), Optional.empty());
    }

    /** A key instead of all others, at that place of stream {@code log}. */
    public static KeyIntroduction recovering(
            String log, PublicJwk key, PublicJwk recovery, long size, StreamPosition place) {
        return new KeyIntroduction(
                log, key, Optional.of(recovery.keyId()), Optional.of(new Recovery(recovery, size, place.prev())));
    }

    /**
     * Reads it out of an event of kind {@code log.key_introduced}.
     *
     * @throws JsonFormatException if its details say something else
     */
    public static KeyIntroduction of(AuditEvent event) {
        var details = new JsonFields("details", event.details());
        PublicJwk key = PublicJwk.of(details.plainObject("key"));
        boolean first = event.details().get("first").isPresent();
        Optional<PublicJwk> recovery = details.optionalPlainObject("recovery").map(PublicJwk::of);
        Optional<Long> size = details.optionalInteger("size");
        if (first && !details.flag("first")
                || first && recovery.isPresent()
                || recovery.isPresent() != size.isPresent()) {
            throw new JsonFormatException(
                    "a key is the first, or introduced by another, or recovers a log of some size");
        }
        if (recovery.isPresent()) {
            return recovering(event.log(), key, recovery.get(), size.orElseThrow(), event.position());
        }
        return first
                ? first(event.log(), key)
                : next(event.log(), key, event.keyId().orElse(PublicJwk.NONE));
    }

    /** True if the event that introduces it is signed with the new key itself, since no other one is any good. */
    public boolean signsItself() {
        return by.isEmpty() || recovery.isPresent();
    }

    /** Whose signature over {@link #payload} makes it valid: the new key, or the recovery key. */
    public PublicJwk prover() {
        return recovery.map(Recovery::key).orElse(key);
    }

    /** The text that is signed. */
    public String payload() {
        Json.ObjBuilder payload =
                Json.object().put("log", log).put("new", key.toJson()).put("old", by);
        recovery.ifPresent(emergency -> payload.put("prev", emergency.prev()).put("size", emergency.size()));
        return CanonicalJson.write(payload.build());
    }

    /** The details of the event that introduces it, with the signature of {@link #prover} in base64url. */
    public Json.Obj details(String proof) {
        Json.ObjBuilder details = Json.object().put("key", key.toJson()).put("proof", proof);
        if (by.isEmpty()) {
            details.put("first", true);
        }
        recovery.ifPresent(
                emergency -> details.put("recovery", emergency.key().toJson()).put("size", emergency.size()));
        return details.build();
    }
}
