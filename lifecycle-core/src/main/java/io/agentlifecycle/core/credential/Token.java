package io.agentlifecycle.core.credential;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import java.security.MessageDigest;

/**
 * The secret text of a credential, shown once and stored nowhere. It never prints itself; {@link #reveal} is the only
 * way to the text. Immutable.
 */
public final class Token {
    private final String text;

    private Token(String text) {
        this.text = requireNonNull(text, "text");
    }

    /** The token with that text. */
    public static Token of(String text) {
        return new Token(text);
    }

    /** The secret text, to be handed to the agent and to nobody else. */
    public String reveal() {
        return text;
    }

    /** Compares in a time that depends on the lengths only. */
    @Override
    public boolean equals(Object other) {
        return other instanceof Token token && MessageDigest.isEqual(text.getBytes(UTF_8), token.text.getBytes(UTF_8));
    }

    @Override
    public int hashCode() {
        return text.hashCode();
    }

    /** Not the secret. */
    @Override
    public String toString() {
        return "Token[secret]";
    }
}
