package io.agentlifecycle.core.audit;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.util.Optional;

/** Reads times of four-digit years without a formatter, which takes ten times as long: there are ten in every record. */
final class InstantText {
    private static final String FORM = "0000-00-00T00:00:00";
    private static final int SECONDS_PER_DAY = 86_400;

    private InstantText() {}

    /** The time of which this is {@link Instant#toString}; empty if it is none, or of another year. */
    static Optional<Instant> read(String text) {
        int length = text.length();
        if (length <= FORM.length() || text.charAt(length - 1) != 'Z' || !hasForm(text)) {
            return Optional.empty();
        }
        int nano = nano(text, FORM.length(), length - 1);
        int hour = digits(text, 11, 13);
        int minute = digits(text, 14, 16);
        int second = digits(text, 17, 19);
        if (nano < 0 || hour > 23 || minute > 59 || second > 59) {
            return Optional.empty();
        }
        try {
            long day = LocalDate.of(digits(text, 0, 4), digits(text, 5, 7), digits(text, 8, 10))
                    .toEpochDay();
            return Optional.of(
                    Instant.ofEpochSecond(day * SECONDS_PER_DAY + hour * 3_600L + minute * 60L + second, nano));
        } catch (DateTimeException e) {
            return Optional.empty(); // no such day
        }
    }

    private static boolean hasForm(String text) {
        for (int i = 0; i < FORM.length(); i++) {
            char wanted = FORM.charAt(i);
            char c = text.charAt(i);
            if (wanted == '0' ? !isDigit(c) : c != wanted) {
                return false;
            }
        }
        return true;
    }

    /** The fraction of a second in {@code text[from, to)}, which is as short as groups of three digits allow; or -1. */
    private static int nano(String text, int from, int to) {
        if (from == to) {
            return 0;
        }
        int digits = to - from - 1;
        if (text.charAt(from) != '.' || digits != 3 && digits != 6 && digits != 9 || text.startsWith("000", to - 3)) {
            return -1;
        }
        for (int i = from + 1; i < to; i++) {
            if (!isDigit(text.charAt(i))) {
                return -1;
            }
        }
        int fraction = digits(text, from + 1, to);
        return digits == 3 ? fraction * 1_000_000 : digits == 6 ? fraction * 1_000 : fraction;
    }

    private static int digits(String text, int from, int to) {
        int value = 0;
        for (int i = from; i < to; i++) {
            value = value * 10 + text.charAt(i) - '0';
        }
        return value;
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }
}
