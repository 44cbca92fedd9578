package io.agentlifecycle.core.credential;

import static java.util.Objects.requireNonNull;

import java.util.regex.Pattern;

/** Names one API key: {@code key:} and 32 lower-case hex digits, drawn at random. It is no secret. */
public record ApiKeyId(String value) {
    private static final Pattern FORM = Pattern.compile("key:[0-9a-f]{32}");

    public ApiKeyId {
        if (!FORM.matcher(requireNonNull(value, "value")).matches()) {
            throw new IllegalArgumentException("API key id must be key: and 32 lower-case hex digits");
        }
    }

    /** The id with that text. */
    public static ApiKeyId of(String value) {
        return new ApiKeyId(value);
    }

    @Override
    public String toString() {
        return value;
    }
}
