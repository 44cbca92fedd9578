package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.credential.IssuedCredential;
import java.util.NoSuchElementException;
import java.util.Optional;

/**
 * An agent after a command that may give it a credential. The token is shown here and never again.
 *
 * @param credential empty if the agent got none, because holds keep it from acting
 */
public record Activation(Agent agent, Optional<IssuedCredential> credential) {
    public Activation {
        requireNonNull(agent, "agent");
        requireNonNull(credential, "credential");
    }

    /**
     * The new credential with its token.
     *
     * @throws NoSuchElementException if holds keep the agent from acting
     */
    public IssuedCredential issued() {
        return credential.orElseThrow(() -> new NoSuchElementException(
                "agent %s got no credential: it is %s".formatted(agent.key(), agent.state())));
    }
}
