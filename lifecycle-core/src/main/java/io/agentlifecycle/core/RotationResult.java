package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.credential.IssuedCredential;
import java.util.Optional;

/**
 * What {@link CredentialRotator#checkAndRotate} found out about one agent, and did.
 *
 * @param detail for people: which credential, and until when
 * @param issued the new credential with its token, to be handed to the agent; shown once
 */
public record RotationResult(AgentKey agent, Outcome outcome, String detail, Optional<IssuedCredential> issued) {
    public RotationResult {
        requireNonNull(agent, "agent");
        requireNonNull(outcome, "outcome");
        requireNonNull(detail, "detail");
        requireNonNull(issued, "issued");
    }

    /** What was done. */
    public enum Outcome {
        /** It had none and got one. */
        ISSUED,
        /** It was due and was replaced. */
        ROTATED,
        /** It has expired, and the policy does not rotate by itself. */
        EXPIRED,
        /** Nothing was due. */
        OK,
        /** Its credentials were revoked; it gets a new one only when someone asks for it. */
        SKIPPED,
        /** It could not be done; the old credential is as it was. */
        FAILED
    }
}
