package io.agentlifecycle.core.credential;

import static java.util.Objects.requireNonNull;

/** A credential together with its secret: shown once, to whoever asked for it. */
public record IssuedCredential(Credential credential, Token token) {
    public IssuedCredential {
        requireNonNull(credential, "credential");
        requireNonNull(token, "token");
    }
}
