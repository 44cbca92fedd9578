package io.agentlifecycle.core.credential;

import static java.util.Objects.requireNonNull;

/**
 * An API key together with its secret: shown once, to whoever registered it.
 *
 * @param secret the text that is exchanged for a token
 */
public record IssuedApiKey(ApiKey key, Token secret) {
    public IssuedApiKey {
        requireNonNull(key, "key");
        requireNonNull(secret, "secret");
    }
}
