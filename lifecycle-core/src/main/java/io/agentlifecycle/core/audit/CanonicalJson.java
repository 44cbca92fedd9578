package io.agentlifecycle.core.audit;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes and reads JSON in its canonical form (RFC 8785) within the audit profile. A text that is not equal to its own
 * canonical form is refused, so a value has exactly one text.
 *
 * <p>All methods are pure and safe for use by many threads.
 */
public final class CanonicalJson {
    /** How deep arrays and objects may nest. */
    public static final int MAX_DEPTH = 16;

    private static final String HEX = "0123456789abcdef";

    private CanonicalJson() {}

    /**
     * The canonical text of {@code value}.
     *
     * @throws JsonFormatException if it nests deeper than {@link #MAX_DEPTH} or has a lone surrogate
     */
    public static String write(Json value) {
        var out = new StringBuilder(512);
        write(value, out, 1);
        return out.toString();
    }

    /**
     * Reads a canonical text of at most {@code maxChars} UTF-16 units.
     *
     * @throws JsonFormatException if it is longer, or not a canonical text of the profile
     */
    public static Json read(String text, int maxChars) {
        if (text.length() > maxChars) {
            throw new JsonFormatException(
                    "text of " + text.length() + " characters is longer than the limit of " + maxChars);
        }
        return new Reader(text).readAll();
    }

    private static void write(Json value, StringBuilder out, int depth) {
        if (depth > MAX_DEPTH && (value instanceof Json.Obj || value instanceof Json.Arr)) {
            throw new JsonFormatException("nested deeper than " + MAX_DEPTH);
        }
        if (value instanceof Json.Obj object) {
            writeObject(object, out, depth);
        } else if (value instanceof Json.Arr array) {
            out.append('[');
            Iterator<Json> items = array.items().iterator();
            while (items.hasNext()) {
                write(items.next(), out, depth + 1);
                if (items.hasNext()) {
                    out.append(',');
                }
            }
            out.append(']');
        } else if (value instanceof Json.Str string) {
            writeString(string.value(), out);
        } else if (value instanceof Json.Int integer) {
            out.append(integer.value());
        } else if (value instanceof Json.Bool bool) {
            out.append(bool.value());
        } else {
            out.append("null");
        }
    }

    private static void writeObject(Json.Obj object, StringBuilder out, int depth) {
        out.append('{');
        Iterator<Map.Entry<String, Json>> members = object.members().entrySet().iterator();
        while (members.hasNext()) {
            Map.Entry<String, Json> member = members.next();
            writeString(member.getKey(), out);
            out.append(':');
            write(member.getValue(), out, depth + 1);
            if (members.hasNext()) {
                out.append(',');
            }
        }
        out.append('}');
    }

    private static void writeString(String value, StringBuilder out) {
        out.append('"');
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\b' -> out.append("\\b");
                case '\t' -> out.append("\\t");
                case '\n' -> out.append("\\n");
                case '\f' -> out.append("\\f");
                case '\r' -> out.append("\\r");
                default -> {
                    if (c < 0x20) {
                        out.append("\\u00").append(HEX.charAt(c >> 4)).append(HEX.charAt(c & 15));
                    } else if (!Character.isSurrogate(c)) {
                        out.append(c);
                    } else if (Character.isHighSurrogate(c)
                            && i + 1 < value.length()
                            && Character.isLowSurrogate(value.charAt(i + 1))) {
                        out.append(c).append(value.charAt(++i));
                    } else {
                        throw new JsonFormatException("a string has a lone surrogate");
                    }
                }
            }
        }
        out.append('"');
    }

    /** Reads by recursive descent and refuses whatever the writer would not have written. */
    private static final class Reader {
        private final String text;
        private int at;

        Reader(String text) {
            this.text = text;
        }

        Json readAll() {
            Json value = readValue(1);
            if (at != text.length()) {
                throw wrong("something follows the value");
            }
            return value;
        }

        private Json readValue(int depth) {
            char c = peek();
            if ((c == '{' || c == '[') && depth > MAX_DEPTH) {
                throw wrong("nested deeper than " + MAX_DEPTH);
            }
            return switch (c) {
                case '{' -> readObject(depth);
                case '[' -> readArray(depth);
                case '"' -> new Json.Str(readString());
                case 't' -> readWord("true", new Json.Bool(true));
                case 'f' -> readWord("false", new Json.Bool(false));
                case 'n' -> readWord("null", Json.NULL);
                default -> readInteger();
            };
        }

        private Json readObject(int depth) {
            Map<String, Json> members = new TreeMap<>();
            String last = null;
            at++;
            if (peek() == '}') {
                at++;
                return Json.Obj.EMPTY;
            }
            while (true) {
                if (peek() != '"') {
                    throw wrong("a member name is missing");
                }
                String name = readString();
                if (last != null && last.compareTo(name) >= 0) {
                    throw wrong("member names are not in order, or one stands twice");
                }
                last = name;
                expect(':');
                members.put(name, readValue(depth + 1));
                if (peek() == '}') {
                    at++;
                    return new Json.Obj(members);
                }
                expect(',');
            }
        }

        private Json readArray(int depth) {
            List<Json> items = new ArrayList<>();
            at++;
            if (peek() == ']') {
                at++;
                return new Json.Arr(items);
            }
            while (true) {
                items.add(readValue(depth + 1));
                if (peek() == ']') {
                    at++;
                    return new Json.Arr(items);
                }
                expect(',');
            }
        }

        private String readString() {
            at++;
            var value = new StringBuilder();
            while (true) {
                char c = next();
                if (c == '"') {
                    return value.toString();
                }
                if (c < 0x20) {
                    throw wrong("a control character stands unescaped");
                }
                if (c == '\\') {
                    value.append(readEscape());
                } else if (Character.isHighSurrogate(c)) {
                    char low = next();
                    if (!Character.isLowSurrogate(low)) {
                        throw wrong("a lone surrogate");
                    }
                    value.append(c).append(low);
                } else if (Character.isLowSurrogate(c)) {
                    throw wrong("a lone surrogate");
                } else {
                    value.append(c);
                }
            }
        }

        private char readEscape() {
            char c = next();
            return switch (c) {
                case '"', '\\' -> c;
                case 'b' -> '\b';
                case 't' -> '\t';
                case 'n' -> '\n';
                case 'f' -> '\f';
                case 'r' -> '\r';
                case 'u' -> {
                    if (!text.startsWith("00", at)) {
                        throw wrong("an escape that is not canonical");
                    }
                    at += 2;
                    int high = HEX.indexOf(next());
                    int low = HEX.indexOf(next());
                    int code = high * 16 + low;
                    if (high < 0 || high > 1 || low < 0 || "\b\t\n\f\r".indexOf(code) >= 0) {
                        throw wrong("an escape that is not canonical");
                    }
                    yield (char) code;
                }
                default -> throw wrong("an escape that is not canonical");
            };
        }

        private Json readInteger() {
            int start = at;
            if (peek() == '-') {
                at++;
            }
            int digits = at;
            while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
                at++;
            }
            int length = at - digits;
            boolean leadingZero = length > 1 && text.charAt(digits) == '0';
            boolean minusZero = length == 1 && digits > start && text.charAt(digits) == '0';
            if (length == 0 || length > 16 || leadingZero || minusZero) {
                throw wrong("not a value of the profile");
            }
            long value = Long.parseLong(text.substring(start, at));
            if (value > Json.MAX_INTEGER || value < -Json.MAX_INTEGER) {
                throw wrong("an integer of more than 53 bits");
            }
            return new Json.Int(value);
        }

        private Json readWord(String word, Json value) {
            if (!text.startsWith(word, at)) {
                throw wrong("not a value of the profile");
            }
            at += word.length();
            return value;
        }

        private char peek() {
            if (at >= text.length()) {
                throw wrong("the text ends too early");
            }
            return text.charAt(at);
        }

        private char next() {
            char c = peek();
            at++;
            return c;
        }

        private void expect(char c) {
            if (next() != c) {
                throw wrong("'" + c + "' is missing");
            }
        }

        private JsonFormatException wrong(String what) {
            return new JsonFormatException(what + ", at character " + at);
        }
    }
}
