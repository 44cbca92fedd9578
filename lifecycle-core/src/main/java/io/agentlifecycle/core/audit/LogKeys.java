package io.agentlifecycle.core.audit;

import static java.util.Objects.requireNonNull;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The keys of a log, as its events make them. Any of those in force may sign the next event, so that hosts can go over to a
 * new key one by one. Immutable.
 *
 * @param first the key that came into force first; whoever reads the log must know it from elsewhere
 * @param inForce by their ids, in the order in which they came into force; none while the log is unsigned
 * @param checkpoint the key that signs checkpoints; empty if those in force do
 * @param recovery the id of the key that can bring in a new one when all others are lost; empty if there is none
 */
public record LogKeys(
        Optional<PublicJwk> first,
        Map<String, PublicJwk> inForce,
        Optional<PublicJwk> checkpoint,
        Optional<String> recovery) {
    /** How many keys may be in force at the same time. */
    public static final int MOST = 16;

    /** Of a log without events, or without keys. */
    public static final LogKeys NONE = new LogKeys(Optional.empty(), Map.of(), Optional.empty(), Optional.empty());

    public LogKeys {
        requireNonNull(first, "first");
        inForce = Collections.unmodifiableMap(new LinkedHashMap<>(inForce));
        requireNonNull(checkpoint, "checkpoint");
        requireNonNull(recovery, "recovery");
    }

    /** One key, which was in force from the beginning. */
    public static LogKeys of(PublicJwk key) {
        return new LogKeys(Optional.of(key), Map.of(key.keyId(), key), Optional.empty(), Optional.empty());
    }

    /** The id of the key that came into force last; empty if there is none. */
    public Optional<String> newest() {
        return inForce.keySet().stream().reduce((before, after) -> after);
    }

    /** True if an event of an agent may name that key. */
    public boolean allow(Optional<String> id) {
        return id.map(inForce::containsKey).orElse(inForce.isEmpty());
    }

    /** The keys that may sign a checkpoint of a log that ends here. */
    public List<PublicJwk> forCheckpoints() {
        return checkpoint.map(List::of).orElseGet(() -> List.copyOf(inForce.values()));
    }

    /**
     * The key that signs {@code event}, if these are the keys before it: the one that it names. Empty if it names none, and
     * need not.
     *
     * @throws JsonFormatException if its details say nothing that makes sense
     * @throws BrokenChainException if it names none, or one that may not sign it
     */
    public Optional<PublicJwk> signerOf(AuditEvent event) {
        Map<String, PublicJwk> allowed =
                introducedByAnother(event) ? inForce : after(event).inForce();
        if (event.keyId().isEmpty() && allowed.isEmpty()) {
            return Optional.empty();
        }
        Optional<PublicJwk> signer = event.keyId().map(allowed::get);
        if (signer.isEmpty()) {
            throw new BrokenChainException("it names %s as its key, but %s is in force"
                    .formatted(event.keyId().orElse("none"), allowed.isEmpty() ? "none" : idsOf(allowed)));
        }
        return signer;
    }

    private static boolean introducedByAnother(AuditEvent event) {
        return event.kind() == EventKind.LOG_KEY_INTRODUCED
                && !KeyIntroduction.of(event).signsItself();
    }

    /** The ids of the keys in force, for people. */
    public String ids() {
        return idsOf(inForce);
    }

    private static String idsOf(Map<String, PublicJwk> keys) {
        return String.join(" or ", keys.keySet());
    }

    /**
     * The keys after the next event. Who signed it is not looked at.
     *
     * @throws JsonFormatException if its details say nothing that makes sense
     * @throws BrokenChainException if it brings in or retires a key that it may not
     */
    public LogKeys after(AuditEvent event) {
        return switch (event.kind()) {
            case LOG_GENESIS -> begin(new JsonFields("details", event.details()), event.details());
            case LOG_KEY_INTRODUCED -> introduce(KeyIntroduction.of(event));
            case LOG_KEY_RETIRED -> retire(new JsonFields("details", event.details()).string("kid"));
            default -> this;
        };
    }

    private static LogKeys begin(JsonFields details, Json.Obj members) {
        Optional<PublicJwk> checkpoint =
                details.optionalPlainObject("checkpointKey").map(PublicJwk::of);
        Optional<String> recovery = details.optionalParsed("recoveryKey", LogKeys::id);
        boolean unsigned = members.get("key").equals(Optional.of(Json.of(PublicJwk.NONE)));
        if (unsigned) {
            if (checkpoint.isPresent() || recovery.isPresent()) {
                throw new BrokenChainException("a log without a key has none for checkpoints, and none to recover it");
            }
            return NONE;
        }
        PublicJwk key = PublicJwk.of(details.plainObject("key"));
        return new LogKeys(Optional.of(key), Map.of(key.keyId(), key), checkpoint, recovery);
    }

    private static String id(String text) {
        Digests.fromBase64Url(text);
        return text;
    }

    private LogKeys introduce(KeyIntroduction introduction) {
        PublicJwk key = introduction.key();
        if (inForce.isEmpty() != introduction.by().isEmpty()) {
            throw new BrokenChainException(
                    inForce.isEmpty()
                            ? "the first key of a log introduces itself"
                            : "a key introduces itself only if there is none");
        }
        boolean emergency = introduction.recovery().isPresent();
        if (emergency && !introduction.by().equals(recovery)) {
            throw new BrokenChainException("%s is not the key that can recover the log"
                    .formatted(introduction.by().orElseThrow()));
        }
        Map<String, PublicJwk> next = new LinkedHashMap<>(emergency ? Map.of() : inForce);
        if (next.put(key.keyId(), key) != null || next.size() > MOST) {
            throw new BrokenChainException(
                    "it introduces a key that is in force already, or more than " + MOST + " at a time");
        }
        return new LogKeys(first.or(() -> Optional.of(key)), next, checkpoint, recovery);
    }

    private LogKeys retire(String id) {
        Map<String, PublicJwk> next = new LinkedHashMap<>(inForce);
        if (next.remove(id) == null || next.isEmpty()) {
            throw new BrokenChainException("it retires a key that is not in force, or the last one");
        }
        return new LogKeys(first, next, checkpoint, recovery);
    }

    /** As a record keeps it: keys as {@code x} of their JSON Web Key. */
    public Json.Obj toJson() {
        return Json.object()
                .put("checkpoint", checkpoint.map(PublicJwk::x))
                .put("first", first.map(PublicJwk::x))
                .put(
                        "inForce",
                        Json.of(inForce.values().stream().map(PublicJwk::x).toList()))
                .put("recovery", recovery)
                .build();
    }

    /**
     * Reads what {@link #toJson} wrote.
     *
     * @throws JsonFormatException if it is anything else
     */
    public static LogKeys of(Json json) {
        var fields = new JsonFields("keys", json);
        Map<String, PublicJwk> inForce = new LinkedHashMap<>();
        fields.list("inForce").stream().map(PublicJwk::new).forEach(key -> inForce.put(key.keyId(), key));
        var read = new LogKeys(
                fields.optionalParsed("first", PublicJwk::new),
                inForce,
                fields.optionalParsed("checkpoint", PublicJwk::new),
                fields.optionalParsed("recovery", LogKeys::id));
        fields.end();
        return read;
    }
}
