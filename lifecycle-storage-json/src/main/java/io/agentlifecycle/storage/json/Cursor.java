package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.audit.JsonFields;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Goes through text of which every character is known but for the values: one object on one line, without blanks, its
 * members in a fixed order. Whatever else it meets is an IllegalArgumentException.
 */
final class Cursor {
    private static final int MAX_STRING = 1 << 18;
    private static final int MAX_DEPTH = 64;

    /** What may follow a backslash, apart from u, and what it stands for. */
    private static final String ESCAPES = "\"\\/bfnrt";

    private static final String ESCAPED = "\"\\/\b\f\n\r\t";

    private final String text;
    private int at;

    Cursor(String text) {
        this.text = text;
    }

    /** Something that is read again and again. */
    interface Item {
        void read();
    }

    /** Where it stands, in characters. */
    int at() {
        return at;
    }

    /** Goes behind {@code literal}, which must stand here. */
    Cursor take(String literal) {
        if (!takes(literal)) {
            throw wrong(literal + " is missing");
        }
        return this;
    }

    private void take(char literal) {
        if (!takes(literal)) {
            throw wrong(literal + " is missing");
        }
    }

    /** Goes behind {@code literal} if it stands here. */
    boolean takes(String literal) {
        boolean here = text.startsWith(literal, at);
        at += here ? literal.length() : 0;
        return here;
    }

    /** The same for one character. */
    boolean takes(char literal) {
        boolean here = peek() == literal;
        at += here ? 1 : 0;
        return here;
    }

    /** The end of the text, or of what counts of it. */
    void end(int expected) {
        if (at != expected) {
            throw wrong("something else follows");
        }
    }

    /** The items of an array, in order. */
    void array(Item item) {
        take('[');
        if (!takes(']')) {
            do {
                item.read();
            } while (takes(','));
            take(']');
        }
    }

    /** A number that is not negative. */
    long number() {
        int from = at;
        if (skipDigits() == 0 || text.charAt(from) == '0' && at > from + 1) {
            throw wrong("a number is missing");
        }
        return Long.parseLong(text, from, at, 10);
    }

    Instant instant() {
        return JsonFields.instantOf(string());
    }

    String string() {
        int from = at;
        boolean escaped = skipString();
        String written = text.substring(from + 1, at - 1);
        return escaped ? unescaped(written) : written;
    }

    private static String unescaped(String written) {
        var value = new StringBuilder(written.length());
        for (int i = 0; i < written.length(); i++) {
            char c = written.charAt(i);
            if (c == '\\') {
                c = written.charAt(++i);
                int plain = ESCAPES.indexOf(c);
                if (c == 'u') {
                    value.append((char) Integer.parseInt(written, i + 1, i + 5, 16));
                    i += 4;
                } else {
                    value.append(ESCAPED.charAt(plain));
                }
            } else {
                value.append(c);
            }
        }
        return value.toString();
    }

    /** The text of an object, character for character. It must be JSON. */
    String object() {
        int from = at;
        skipObject(1);
        return text.substring(from, at);
    }

    /** The text up to there, which is known to be an object if it begins and ends as one. */
    String upTo(int end) {
        if (end <= at || text.charAt(at) != '{' || text.charAt(end - 1) != '}') {
            throw wrong("an object is missing");
        }
        String object = text.substring(at, end);
        at = end;
        return object;
    }

    private void skipValue(int depth) {
        switch (peek()) {
            case '{' -> skipObject(depth);
            case '[' -> skipArray(depth);
            case '"' -> skipString();
            case 't' -> take("true");
            case 'f' -> take("false");
            case 'n' -> take("null");
            default -> skipNumber();
        }
        skipBlanks();
    }

    private void skipObject(int depth) {
        take('{');
        requireShallow(depth);
        skipBlanks();
        if (!takes('}')) {
            var names = new Names();
            do {
                skipBlanks();
                names.add();
                skipBlanks();
                take(':');
                skipBlanks();
                skipValue(depth + 1);
            } while (takes(','));
            take('}');
        }
    }

    /** The names of one object, none of which may stand twice. As long as they are in order, they need no comparing. */
    private final class Names {
        /** Where the names in order begin and end. */
        private int[] bounds = new int[16];

        private int size;

        /** All names, once one is out of order. */
        private @Nullable Set<String> all;

        /** The name that stands here. */
        void add() {
            int from = at + 1;
            boolean escaped = skipString();
            int to = at - 1;
            if (all == null && !escaped && follows(from, to)) {
                bounds = size == bounds.length ? Arrays.copyOf(bounds, size * 2) : bounds;
                bounds[size++] = from;
                bounds[size++] = to;
                return;
            }
            Set<String> known = all == null ? inOrder() : all;
            all = known;
            String name = text.substring(from, to);
            if (!known.add(escaped ? unescaped(name) : name)) {
                throw wrong("the name " + name + " stands twice");
            }
        }

        /** Whether {@code text[from, to)} sorts after the last name. */
        private boolean follows(int from, int to) {
            if (size == 0) {
                return true;
            }
            int last = bounds[size - 2];
            int common = Math.min(to - from, bounds[size - 1] - last);
            for (int i = 0; i < common; i++) {
                int difference = text.charAt(from + i) - text.charAt(last + i);
                if (difference != 0) {
                    return difference > 0;
                }
            }
            return to - from > common;
        }

        private Set<String> inOrder() {
            Set<String> names = new HashSet<>();
            for (int i = 0; i < size; i += 2) {
                names.add(text.substring(bounds[i], bounds[i + 1]));
            }
            return names;
        }
    }

    private void skipArray(int depth) {
        take('[');
        requireShallow(depth);
        skipBlanks();
        if (!takes(']')) {
            do {
                skipBlanks();
                skipValue(depth + 1);
            } while (takes(','));
            take(']');
        }
    }

    /** Bodies are kept as they are, also with blanks; line breaks end a line. */
    private void skipBlanks() {
        while (peek() == ' ' || peek() == '\t') {
            at++;
        }
    }

    private void requireShallow(int depth) {
        if (depth > MAX_DEPTH) {
            throw wrong("it is nested too deeply");
        }
    }

    /** Returns true if there are escapes in it. */
    private boolean skipString() {
        take('"');
        int length = 0;
        boolean escaped = false;
        for (char c = next(); c != '"'; c = next()) {
            if (c < ' ') {
                throw wrong("a control character stands unescaped");
            }
            if (c == '\\') {
                skipEscape();
                escaped = true;
            }
            length++;
        }
        if (length > MAX_STRING) {
            throw wrong("a string is too long");
        }
        return escaped;
    }

    private void skipEscape() {
        char c = next();
        if (c == 'u') {
            for (int i = 0; i < 4; i++) {
                if ("0123456789abcdefABCDEF".indexOf(next()) < 0) {
                    throw wrong("an escape is not one");
                }
            }
        } else if (ESCAPES.indexOf(c) < 0) {
            throw wrong("an escape is not one");
        }
    }

    private void skipNumber() {
        takes('-');
        int from = at;
        if (skipDigits() == 0 || text.charAt(from) == '0' && at > from + 1) {
            throw wrong("a value is missing");
        }
        if (takes('.') && skipDigits() == 0) {
            throw wrong("a fraction is missing");
        }
        if (takes('e') || takes('E')) {
            if (!takes('+')) {
                takes('-');
            }
            if (skipDigits() == 0) {
                throw wrong("an exponent is missing");
            }
        }
    }

    private int skipDigits() {
        int from = at;
        while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
            at++;
        }
        return at - from;
    }

    /** NUL at the end, which stands nowhere else. */
    private char peek() {
        return at < text.length() ? text.charAt(at) : 0;
    }

    private char next() {
        if (at >= text.length()) {
            throw wrong("it ends too early");
        }
        return text.charAt(at++);
    }

    IllegalArgumentException wrong(String what) {
        return new IllegalArgumentException(what + ", at character " + at);
    }
}
