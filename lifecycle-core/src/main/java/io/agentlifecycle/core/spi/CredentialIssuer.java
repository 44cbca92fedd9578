package io.agentlifecycle.core.spi;

import io.agentlifecycle.core.credential.CredentialOrder;
import io.agentlifecycle.core.credential.IssuedCredential;

/**
 * Makes credentials. What it makes may be thrown away: a credential counts only once the agent's record lists it.
 *
 * <ol>
 *   <li>The credential must have the id, the generation and the times of the order; its end may be earlier.
 *   <li>The token must not be kept, logged or put into an exception.
 *   <li>It is called in the thread of the command, outside every lock, and may be called again for the same command.
 *   <li>If it throws, the command fails and nothing is changed.
 * </ol>
 *
 * <p>Must be safe for use by many threads.
 */
@FunctionalInterface
public interface CredentialIssuer {
    /** The credential for {@code order}, with its secret. */
    IssuedCredential issue(CredentialOrder order);
}
