package io.agentlifecycle.core.credential;

import static java.util.Objects.requireNonNull;

import java.util.regex.Pattern;

/** Names one credential: {@code cred:} and 32 lower-case hex digits, drawn at random. It is no secret. */
public record CredentialId(String value) {
    private static final Pattern FORM = Pattern.compile("cred:[0-9a-f]{32}");

    public CredentialId {
        if (!FORM.matcher(requireNonNull(value, "value")).matches()) {
            throw new IllegalArgumentException("credential id must be cred: and 32 lower-case hex digits");
        }
    }

    /** The id with that text. */
    public static CredentialId of(String value) {
        return new CredentialId(value);
    }

    @Override
    public String toString() {
        return value;
    }
}
