package io.agentlifecycle.core.access;

import java.util.Collection;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The rule for capabilities, in one place. A capability is a name, such as {@code tools:search}, or stands for many names:
 * {@code *} for all of them, {@code prefix:*} for all that begin with {@code prefix:}. Letters count as they are.
 *
 * <p>All methods are pure and safe for use by many threads.
 */
public final class Capability {
    /** Stands for all names. */
    public static final String ALL = "*";

    private static final String LETTERS = "[A-Za-z0-9._:/-]";
    private static final Pattern NAME = Pattern.compile(LETTERS + "{1,128}");
    private static final Pattern WILDCARD = Pattern.compile("\\*|" + LETTERS + "{1,126}:\\*");

    private Capability() {}

    /** True for 1 to 128 of A-Z a-z 0-9 . _ : / -, which is one capability and no other. */
    public static boolean isName(String text) {
        return NAME.matcher(text).matches();
    }

    /** True for what stands for many names. */
    public static boolean isWildcard(String text) {
        return WILDCARD.matcher(text).matches();
    }

    /**
     * True if whoever is granted these may do all that {@code wanted} stands for: a name, or a wildcard, all of whose names
     * must then be granted by one of them. Nothing is granted by none of them, and what is no capability by no one.
     */
    public static boolean covers(Collection<String> granted, String wanted) {
        return (isName(wanted) || isWildcard(wanted)) && granted.stream().anyMatch(one -> matches(one, wanted));
    }

    /** {@link #covers(Collection, String)} with a single one. */
    public static boolean covers(String granted, String wanted) {
        return covers(Set.of(granted), wanted);
    }

    private static boolean matches(String granted, String wanted) {
        return granted.equals(wanted)
                || granted.equals(ALL)
                || granted.endsWith(":*") && wanted.startsWith(granted.substring(0, granted.length() - 1));
    }
}
