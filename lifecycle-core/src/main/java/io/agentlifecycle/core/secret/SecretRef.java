package io.agentlifecycle.core.secret;

import static java.util.Objects.requireNonNull;

import java.util.regex.Pattern;

/**
 * Says where a secret is, and not what it is, so that it may stand in records, events and exports. At most 256 characters:
 *
 * <ul>
 *   <li>{@code env:NAME}, a variable of the environment: letters, digits and underscores, no digit first;
 *   <li>{@code file:/path}, an absolute path without empty, {@code .} or {@code ..} segments;
 *   <li>{@code vault:path} and {@code x-NAME:path}, where {@code x-NAME} is a scheme of the host's own: a path that does not
 *       begin with a slash, and perhaps {@code #field} at its end.
 * </ul>
 *
 * <p>Segments of paths have letters, digits, dots, underscores and hyphens. So neither a key as providers give them out, nor
 * a user with a password, is a reference. A text that is none is never repeated in an exception, since it may be the secret.
 */
public record SecretRef(String value) {
    private static final int MOST_CHARS = 256;
    private static final String PATH = "[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*";
    private static final Pattern FORM = Pattern.compile("env:[A-Za-z_][A-Za-z0-9_]*"
            + "|file:/" + PATH
            + "|(vault|x-[a-z][a-z0-9-]{0,30}):" + PATH + "(#[A-Za-z0-9._-]+)?");
    private static final Pattern DOTS = Pattern.compile("[:/]\\.\\.?(/|#|$)");

    public SecretRef {
        if (!isRef(requireNonNull(value, "value"))) {
            throw new IllegalArgumentException(
                    "a reference to a secret must be env:NAME, file:/path, vault:path or x-scheme:path, of at most "
                            + MOST_CHARS + " characters; is this the secret itself?");
        }
    }

    /** The reference with that text. */
    public static SecretRef of(String value) {
        return new SecretRef(value);
    }

    /** True if that text is a reference. */
    public static boolean isRef(String value) {
        return value.length() <= MOST_CHARS
                && FORM.matcher(value).matches()
                && !DOTS.matcher(value).find();
    }

    /** What comes before the colon: which source knows the secret. */
    public String scheme() {
        return value.substring(0, value.indexOf(':'));
    }

    /** What comes after the colon: what that source calls it. */
    public String name() {
        return value.substring(value.indexOf(':') + 1);
    }

    @Override
    public String toString() {
        return value;
    }
}
