package io.agentlifecycle.core.audit;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.secret.SecretValue;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A JSON value of the audit profile: objects, arrays, strings without lone surrogates, booleans, null, and integers of
 * at most 53 bits. There are no fractions; money and times are strings. Immutable.
 *
 * @see CanonicalJson
 */
public sealed interface Json {
    /** The largest integer that every JSON reader gets right. */
    long MAX_INTEGER = (1L << 53) - 1;

    /** The JSON value {@code null}. */
    Json NULL = new Null();

    /** The string {@code value}. */
    static Json of(String value) {
        return new Str(value);
    }

    /** The integer {@code value}. */
    static Json of(long value) {
        return new Int(value);
    }

    /** The boolean {@code value}. */
    static Json of(boolean value) {
        return new Bool(value);
    }

    /** An array of strings. */
    static Json of(Iterable<String> values) {
        List<Json> items = new ArrayList<>();
        values.forEach(value -> items.add(of(value)));
        return new Arr(items);
    }

    /** A builder of an object. */
    static ObjBuilder object() {
        return new ObjBuilder();
    }

    /** An object; its members are ordered as RFC 8785 orders them, by UTF-16 code units. */
    record Obj(Map<String, Json> members) implements Json {
        /** The object without members. */
        public static final Obj EMPTY = new Obj(Map.of());

        public Obj {
            SortedMap<String, Json> sorted = new TreeMap<>(members);
            members = Collections.unmodifiableSortedMap(sorted);
        }

        /** The member of that name, if there is one. */
        public Optional<Json> get(String name) {
            return Optional.ofNullable(members.get(name));
        }
    }

    /** An array. */
    record Arr(List<Json> items) implements Json {
        public Arr {
            items = List.copyOf(items);
        }
    }

    /** A string. */
    record Str(String value) implements Json {
        public Str {
            requireNonNull(value, "value");
        }
    }

    /** An integer. */
    record Int(long value) implements Json {
        public Int {
            if (value > MAX_INTEGER || value < -MAX_INTEGER) {
                throw new IllegalArgumentException("integer must fit 53 bits but was " + value);
            }
        }
    }

    /** A boolean. */
    record Bool(boolean value) implements Json {}

    /** The value null. */
    record Null() implements Json {}

    /** Collects the members of an object. Not safe for use by several threads. */
    final class ObjBuilder {
        private final SortedMap<String, Json> members = new TreeMap<>();

        private ObjBuilder() {}

        /** Adds a member. */
        public ObjBuilder put(String name, Json value) {
            if (members.put(name, value) != null) {
                throw new IllegalArgumentException("member " + name + " was put twice");
            }
            return this;
        }

        /** Adds a string. */
        public ObjBuilder put(String name, String value) {
            return put(name, of(value));
        }

        /** Adds an integer. */
        public ObjBuilder put(String name, long value) {
            return put(name, of(value));
        }

        /** Adds a boolean. */
        public ObjBuilder put(String name, boolean value) {
            return put(name, of(value));
        }

        /**
         * Adds the text form of what is present; leaves the member out otherwise.
         *
         * @throws IllegalArgumentException if it is a secret
         */
        public ObjBuilder put(String name, Optional<?> value) {
            value.ifPresent(v -> {
                if (v instanceof SecretValue || v instanceof Token) {
                    throw new IllegalArgumentException("member " + name + " is a secret, which is not to be written");
                }
                put(name, of(v.toString()));
            });
            return this;
        }

        /** The object. */
        public Obj build() {
            return new Obj(members);
        }
    }
}
