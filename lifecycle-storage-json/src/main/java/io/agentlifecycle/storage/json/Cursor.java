package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Json;
import java.time.Instant;

/**
 * Goes through text of which every character is known but for the values: one object on one line, without blanks, its
 * members in a fixed order. Whatever else it meets is an IllegalArgumentException.
 */
final class Cursor {
    private static final int MAX_STRING = 1 << 18;
    private static final int MAX_DEPTH = 64;

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

    /** Goes behind {@code literal} if it stands here. */
    boolean takes(String literal) {
        boolean here = text.startsWith(literal, at);
        at += here ? literal.length() : 0;
        return here;
    }

    /** The end of the text, or of what counts of it. */
    void end(int expected) {
        if (at != expected) {
            throw wrong("something else follows");
        }
    }

    /** The items of an array, none of which is empty text. */
    void array(Item item) {
        take("[");
        if (!takes("]")) {
            do {
                item.read();
            } while (takes(","));
            take("]");
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
        return Instant.parse(string());
    }

    String string() {
        take("\"");
        int from = at;
        boolean escaped = false;
        for (; at < text.length() && text.charAt(at) != '"'; at++) {
            if (text.charAt(at) == '\\') {
                escaped = true;
                at++;
            }
        }
        if (at >= text.length() || at - from > MAX_STRING) {
            throw wrong("a string does not end, or is too long");
        }
        String written = text.substring(from, at++);
        return escaped || hasControls(written) ? unescaped(written) : written;
    }

    private static boolean hasControls(String written) {
        for (int i = 0; i < written.length(); i++) {
            if (written.charAt(i) < ' ') {
                return true;
            }
        }
        return false;
    }

    /** Rare, so the strict reader of core does it. */
    private static String unescaped(String written) {
        return ((Json.Str) CanonicalJson.read("\"" + written + "\"", 2 * MAX_STRING)).value();
    }

    /** The text of an object, character for character. It is JSON, but a name may stand twice. */
    String object() {
        int from = at;
        skipObject(1);
        return text.substring(from, at);
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
    }

    private void skipObject(int depth) {
        take("{");
        requireShallow(depth);
        if (!takes("}")) {
            do {
                skipString();
                take(":");
                skipValue(depth + 1);
            } while (takes(","));
            take("}");
        }
    }

    private void skipArray(int depth) {
        take("[");
        requireShallow(depth);
        if (!takes("]")) {
            do {
                skipValue(depth + 1);
            } while (takes(","));
            take("]");
        }
    }

    private void requireShallow(int depth) {
        if (depth > MAX_DEPTH) {
            throw wrong("it is nested too deeply");
        }
    }

    private void skipString() {
        take("\"");
        int from = at;
        for (char c = next(); c != '"'; c = next()) {
            if (c < ' ') {
                throw wrong("a control character stands unescaped");
            }
            if (c == '\\') {
                skipEscape();
            }
        }
        if (at - from > MAX_STRING) {
            throw wrong("a string is too long");
        }
    }

    private void skipEscape() {
        char c = next();
        if (c == 'u') {
            for (int i = 0; i < 4; i++) {
                if (Character.digit(next(), 16) < 0) {
                    throw wrong("an escape is not one");
                }
            }
        } else if ("\"\\/bfnrt".indexOf(c) < 0) {
            throw wrong("an escape is not one");
        }
    }

    private void skipNumber() {
        takes("-");
        int from = at;
        if (skipDigits() == 0 || text.charAt(from) == '0' && at > from + 1) {
            throw wrong("a value is missing");
        }
        if (takes(".") && skipDigits() == 0) {
            throw wrong("a fraction is missing");
        }
        if (takes("e") || takes("E")) {
            if (!takes("+")) {
                takes("-");
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

    private char peek() {
        return at < text.length() ? text.charAt(at) : ' ';
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
