package io.agentlifecycle.core.audit;

import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * Takes the members of an object one by one and insists that none is missing, of the wrong type, or left over: an
 * unknown member means that a newer version wrote it. Not safe for use by several threads.
 */
public final class JsonFields {
    private final String what;
    private final Map<String, Json> left;

    /**
     * The members of {@code value}.
     *
     * @param what names the object in messages
     * @throws JsonFormatException if it is no object
     */
    public JsonFields(String what, Json value) {
        if (!(value instanceof Json.Obj object)) {
            throw new JsonFormatException(what + " must be an object");
        }
        this.what = what;
        this.left = new TreeMap<>(object.members());
    }

    /** A string that must be there. */
    public String string(String name) {
        return optional(name).orElseThrow(() -> missing(name));
    }

    /** A string that may be there. */
    public Optional<String> optional(String name) {
        return take(name, Json.Str.class).map(Json.Str::value);
    }

    /** A string that must be there and that {@code reader} understands. */
    public <T> T parsed(String name, Function<String, T> reader) {
        return optionalParsed(name, reader).orElseThrow(() -> missing(name));
    }

    /** A string that may be there, and that {@code reader} understands if it is. */
    public <T> Optional<T> optionalParsed(String name, Function<String, T> reader) {
        return optional(name).map(text -> {
            try {
                return reader.apply(text);
            } catch (IllegalArgumentException | DateTimeException e) {
                throw new JsonFormatException("%s of %s is not valid: %s".formatted(name, what, e.getMessage()));
            }
        });
    }

    /** A time that must be there. */
    public Instant instant(String name) {
        return parsed(name, JsonFields::instantOf);
    }

    /** A time that may be there. */
    public Optional<Instant> optionalInstant(String name) {
        return optionalParsed(name, JsonFields::instantOf);
    }

    /** An integer that must be there. */
    public long integer(String name) {
        return optionalInteger(name).orElseThrow(() -> missing(name));
    }

    /** An integer that may be there. */
    public Optional<Long> optionalInteger(String name) {
        return take(name, Json.Int.class).map(Json.Int::value);
    }

    /** An integer that must be there and say which format this is; any other format is refused. */
    public void format(String name, long known) {
        long format = integer(name);
        if (format != known) {
            throw new JsonFormatException(
                    "%s has format %d, and %d is known: a newer version wrote it".formatted(what, format, known));
        }
    }

    /** A boolean; false if it is not there. */
    public boolean flag(String name) {
        return take(name, Json.Bool.class).map(Json.Bool::value).orElse(false);
    }

    /** An object that must be there. */
    public JsonFields object(String name) {
        return optionalObject(name).orElseThrow(() -> missing(name));
    }

    /** An object that may be there. */
    public Optional<JsonFields> optionalObject(String name) {
        return take(name, Json.Obj.class).map(object -> new JsonFields(what + "." + name, object));
    }

    /** An object that must be there, as it is. */
    public Json.Obj plainObject(String name) {
        return optionalPlainObject(name).orElseThrow(() -> missing(name));
    }

    /** An object that may be there, as it is. */
    public Optional<Json.Obj> optionalPlainObject(String name) {
        return take(name, Json.Obj.class);
    }

    /** An object whose members are all strings; empty if it is not there. */
    public Map<String, String> strings(String name) {
        Map<String, String> result = new LinkedHashMap<>();
        take(name, Json.Obj.class)
                .ifPresent(object -> object.members().forEach((key, value) -> result.put(key, textOf(name, value))));
        return result;
    }

    /** An array of strings; empty if it is not there. */
    public List<String> list(String name) {
        List<String> result = new ArrayList<>();
        take(name, Json.Arr.class).ifPresent(array -> array.items().forEach(item -> result.add(textOf(name, item))));
        return result;
    }

    /** An array of objects; empty if it is not there. */
    public List<JsonFields> objects(String name) {
        List<JsonFields> result = new ArrayList<>();
        take(name, Json.Arr.class)
                .ifPresent(array -> array.items().forEach(item -> result.add(new JsonFields(what + "." + name, item))));
        return result;
    }

    /**
     * Says that all members were taken.
     *
     * @throws JsonFormatException naming one that was not
     */
    public void end() {
        if (!left.isEmpty()) {
            throw new JsonFormatException("%s has the unknown member %s: a newer version may have written it"
                    .formatted(what, left.keySet().iterator().next()));
        }
    }

    /**
     * Reads a time in the one form that {@link Instant#toString} gives.
     *
     * @throws JsonFormatException if it has another form
     */
    public static Instant instantOf(String text) {
        return InstantText.read(text).orElseGet(() -> slowly(text));
    }

    private static Instant slowly(String text) {
        try {
            Instant instant = Instant.parse(text);
            if (instant.toString().equals(text)) {
                return instant;
            }
        } catch (DateTimeException e) {
            // falls through to the one message for every way to be wrong
        }
        throw new JsonFormatException("a time must be in UTC, like 2026-04-11T04:31:00Z");
    }

    private String textOf(String name, Json value) {
        if (value instanceof Json.Str string) {
            return string.value();
        }
        throw new JsonFormatException("%s of %s must hold strings only".formatted(name, what));
    }

    private <T extends Json> Optional<T> take(String name, Class<T> type) {
        Json value = left.remove(name);
        if (value == null) {
            return Optional.empty();
        }
        if (!type.isInstance(value)) {
            throw new JsonFormatException("%s of %s has the wrong type".formatted(name, what));
        }
        return Optional.of(type.cast(value));
    }

    private JsonFormatException missing(String name) {
        return new JsonFormatException("%s of %s is missing".formatted(name, what));
    }
}
