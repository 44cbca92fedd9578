package io.agentlifecycle.core.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;

/**
 * Takes what names people, and what people wrote, out of an event, so that it can be erased: in its place stands
 * <code>{"_sd": digest}</code>, and a disclosure beside the event has the value with a salt. Disclosures and digests are those
 * of RFC 9901, section 4.2. All methods are pure and safe for use by many threads.
 */
final class Concealment {
    private static final String DIGEST = "_sd";
    private static final String MARK = "\"" + DIGEST + "\"";

    /** A salt of 128 bits, as RFC 9901 recommends. */
    private static final int SALT_BYTES = 16;

    private static final Set<String> OF_AN_ACTOR = Set.of("id");

    /** What was shown has a digest over the owner, too, who could be guessed from it. */
    private static final Set<String> OF_AN_APPROVAL = Set.of("by", "shown");

    private Concealment() {}

    /** An event without its personal values, and these beside it. */
    record Concealed(Json.Obj event, List<String> disclosures) {}

    /**
     * An event with all that is disclosed of it.
     *
     * @param redacted the values that are not, such as {@code actor.id}
     */
    record Revealed(Json.Obj event, SortedSet<String> redacted) {}

    /** What becomes of a personal value. */
    private interface Change {
        Json of(String path, String name, Json value);
    }

    /** True if something of the event with that text stands beside it. */
    static boolean conceals(String canonical) {
        return canonical.contains(MARK);
    }

    /** True if a personal value stands in the event itself. */
    static boolean isPersonal(Json.Obj event) {
        return !conceal(event, () -> new byte[SALT_BYTES]).disclosures().isEmpty();
    }

    /** Conceals all personal values, if there are any, each with a salt of 16 bytes. */
    static Concealed conceal(Json.Obj event, Supplier<byte[]> salts) {
        List<String> disclosures = new ArrayList<>();
        Json.Obj rest = change(event, (path, name, value) -> {
            if (!(value instanceof Json.Str)) {
                return value;
            }
            Json said = new Json.Arr(List.of(Json.of(Digests.base64Url(salts.get())), Json.of(name), value));
            String disclosure = Digests.base64Url(CanonicalJson.write(said).getBytes(UTF_8));
            disclosures.add(disclosure);
            return Json.object().put(DIGEST, Digests.sha256(disclosure)).build();
        });
        return new Concealed(rest, List.copyOf(disclosures));
    }

    /**
     * Puts back what is disclosed, and {@link SealedEvent#REDACTED} for what is not.
     *
     * @throws JsonFormatException if a disclosure is not of this event
     */
    static Revealed reveal(Json.Obj event, List<String> disclosures) {
        Map<String, Json.Arr> byDigest = new HashMap<>();
        for (String disclosure : disclosures) {
            byDigest.put(Digests.sha256(disclosure), read(disclosure));
        }
        SortedSet<String> redacted = new TreeSet<>();
        int[] used = {0};
        Json.Obj whole = change(event, (path, name, value) -> {
            Optional<String> digest = digest(value);
            if (digest.isEmpty()) {
                return value;
            }
            Json.Arr said = byDigest.get(digest.get());
            if (said == null) {
                redacted.add(path + name);
                return Json.of(SealedEvent.REDACTED);
            }
            if (!said.items().get(1).equals(Json.of(name))) {
                throw new JsonFormatException(path + name + " is disclosed by another name");
            }
            used[0]++;
            return said.items().get(2);
        });
        if (used[0] != disclosures.size()) {
            throw new JsonFormatException("something is disclosed that the event does not have");
        }
        return new Revealed(whole, redacted);
    }

    private static Json.Arr read(String disclosure) {
        String text = new String(Digests.fromBase64Url(disclosure), UTF_8);
        boolean isText = Digests.base64Url(text.getBytes(UTF_8)).equals(disclosure);
        if (isText
                && CanonicalJson.read(text, AuditEvent.MAX_BYTES) instanceof Json.Arr said
                && said.items().size() == 3
                && said.items().stream().allMatch(Json.Str.class::isInstance)
                && said.items().get(0) instanceof Json.Str salt
                && Digests.fromBase64Url(salt.value()).length == SALT_BYTES) {
            return said;
        }
        throw new JsonFormatException("a disclosure must be an array of a salt of 128 bits, a name and a text");
    }

    private static Optional<String> digest(Json value) {
        return value instanceof Json.Obj object
                        && object.members().size() == 1
                        && object.get(DIGEST).orElse(Json.NULL) instanceof Json.Str digest
                ? Optional.of(digest.value())
                : Optional.empty();
    }

    // ---- where personal values stand

    /** Those of agents: what is said on stream {@code log} stays, since it is said of the log. */
    private static Json.Obj change(Json.Obj event, Change change) {
        if (event.get("stream").equals(Optional.of(Json.of(StreamPosition.LOG)))) {
            return event;
        }
        Map<String, Json> members = new TreeMap<>(event.members());
        members.computeIfPresent("actor", (name, actor) -> ofActor("actor.", actor, change));
        members.computeIfPresent("approval", (name, approval) -> within("approval.", approval, OF_AN_APPROVAL, change));
        event.get("kind")
                .flatMap(kind -> kind instanceof Json.Str wire ? EventKind.ofWire(wire.value()) : Optional.empty())
                .ifPresent(kind -> members.computeIfPresent(
                        "details", (name, details) -> ofDetails(details, kind.personalDetails(), change)));
        return new Json.Obj(members);
    }

    private static Json ofDetails(Json details, Set<String> personal, Change change) {
        Json changed = within("details.", details, personal, change);
        if (!(changed instanceof Json.Obj object)) {
            return changed;
        }
        Map<String, Json> members = new TreeMap<>(object.members());
        members.computeIfPresent("requestedBy", (name, actor) -> ofActor("details.requestedBy.", actor, change));
        members.computeIfPresent("actors", (name, actors) -> ofActors("details.actors.", actors, change));
        return new Json.Obj(members);
    }

    private static Json ofActors(String path, Json actors, Change change) {
        return actors instanceof Json.Arr array
                ? new Json.Arr(array.items().stream()
                        .map(actor -> ofActor(path, actor, change))
                        .toList())
                : actors;
    }

    /** Programs are no people. */
    private static Json ofActor(String path, Json actor, Change change) {
        boolean human = actor instanceof Json.Obj object && object.get("type").equals(Optional.of(Json.of("human")));
        return human ? within(path, actor, OF_AN_ACTOR, change) : actor;
    }

    private static Json within(String path, Json value, Set<String> names, Change change) {
        if (!(value instanceof Json.Obj object)) {
            return value;
        }
        Map<String, Json> members = new TreeMap<>(object.members());
        members.replaceAll((name, old) -> names.contains(name) ? change.of(path, name, old) : old);
        return new Json.Obj(members);
    }
}
