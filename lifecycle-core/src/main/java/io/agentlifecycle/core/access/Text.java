package io.agentlifecycle.core.access;

import static java.util.Objects.requireNonNull;

/**
 * The rule for free text that callers hand in: bounded, well-formed Unicode, and no control characters, so that it can
 * stand in a record, a signed event and a log line as it is. Line breaks and tabs are allowed only in prose.
 *
 * <p>All methods are pure and safe for use by many threads.
 */
public final class Text {
    private Text() {}

    /**
     * Returns {@code value} if it is one line of 1 to {@code max} UTF-16 units that is not blank.
     *
     * @throws IllegalArgumentException naming {@code what} and the rule, otherwise
     */
    public static String line(String what, String value, int max) {
        check(what, value, max, false);
        if (isBlank(value)) {
            throw new IllegalArgumentException(what + " must not be blank");
        }
        return value;
    }

    /**
     * Returns {@code value} if it is prose of at most {@code max} UTF-16 units; it may be empty and have line breaks.
     *
     * @throws IllegalArgumentException naming {@code what} and the rule, otherwise
     */
    public static String prose(String what, String value, int max) {
        check(what, value, max, true);
        return value;
    }

    /** Texts are many and most of them begin with something that is seen, so this is no stream. */
    private static boolean isBlank(String value) {
        for (int i = 0; i < value.length(); i = value.offsetByCodePoints(i, 1)) {
            if (!isInvisible(value.codePointAt(i))) {
                return false;
            }
        }
        return true;
    }

    private static boolean isInvisible(int c) {
        return Character.isWhitespace(c)
                || Character.isSpaceChar(c)
                || Character.getType(c) == Character.FORMAT
                || c == 0x2800; // the braille pattern without dots
    }

    /** True for what nobody sees in the middle of a word: marks of format, joiners, fillers, selectors of variants. */
    static boolean isIgnorable(int c) {
        return Character.getType(c) == Character.FORMAT
                || c == 0x034F
                || c == 0x115F
                || c == 0x1160
                || c == 0x17B4
                || c == 0x17B5
                || c >= 0x180B && c <= 0x180F
                || c == 0x2800
                || c == 0x3164
                || c >= 0xFE00 && c <= 0xFE0F
                || c == 0xFFA0
                || c >= 0xE0000 && c <= 0xE0FFF;
    }

    private static boolean breaksALine(char c) {
        return c == 0x2028 || c == 0x2029;
    }

    /** The marks that change the direction of what follows. */
    private static boolean turnsTheLine(char c) {
        return c >= 0x202A && c <= 0x202E || c >= 0x2066 && c <= 0x2069;
    }

    private static void check(String what, String value, int max, boolean breaks) {
        requireNonNull(value, what);
        if (value.length() > max) {
            throw new IllegalArgumentException(
                    what + " must have at most " + max + " characters but had " + value.length());
        }
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (Character.isSurrogate(c)) {
                if (!Character.isHighSurrogate(c)
                        || i + 1 == value.length()
                        || !Character.isLowSurrogate(value.charAt(i + 1))) {
                    throw new IllegalArgumentException(what + " has a lone surrogate at position " + i);
                }
                i++;
            } else if (breaksALine(c) && !breaks || turnsTheLine(c)) {
                throw new IllegalArgumentException(
                        "%s has the character U+%04X at position %d, which would change how a line is shown"
                                .formatted(what, (int) c, i));
            } else if (Character.isISOControl(c) && !(breaks && (c == '\n' || c == '\t'))) {
                throw new IllegalArgumentException(
                        "%s has the control character U+%04X at position %d".formatted(what, (int) c, i));
            }
        }
    }
}
