package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.agent.AgentState;
import java.time.Instant;

/**
 * An agent that comes from elsewhere, with the state that it had there.
 *
 * @param request what it is; its id must be chosen
 * @param state any but DECOMMISSIONING; one that is SUSPENDED gets an operator's hold, one that is ACTIVE has no
 *     credential until the next {@link CredentialRotator#checkAndRotate}
 * @param createdAt when it was created there
 */
public record AgentImport(ProvisioningRequest request, AgentState state, Instant createdAt) {
    public AgentImport {
        requireNonNull(request, "request");
        requireNonNull(state, "state");
        requireNonNull(createdAt, "createdAt");
        if (request.id().isEmpty()) {
            throw new IllegalArgumentException("an imported agent needs the id that it had");
        }
        if (state == AgentState.DECOMMISSIONING) {
            throw new IllegalArgumentException("agent " + request.id().get()
                    + " cannot be imported while it is DECOMMISSIONING; finish that where it comes from");
        }
    }
}
