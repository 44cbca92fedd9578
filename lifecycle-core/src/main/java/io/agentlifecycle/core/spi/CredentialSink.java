package io.agentlifecycle.core.spi;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.credential.IssuedCredential;

/**
 * Takes new credentials to the agents that they belong to, when a sweep rotates them.
 *
 * <ol>
 *   <li>It runs in the thread that sweeps, after the credential was stored, and outside every lock.
 *   <li>If it throws, or the process dies, a later sweep hands the same credential over again, or, if the issuer cannot
 *       make the same token twice, a new one. So it may get one more than once, and must not mind.
 *   <li>The token must not be kept, logged or put into an exception.
 * </ol>
 *
 * <p>Must be safe for use by many threads.
 */
@FunctionalInterface
public interface CredentialSink {
    /**
     * Hands over a credential.
     *
     * @throws Exception if the agent does not have it now
     */
    void deliver(AgentKey agent, IssuedCredential credential) throws Exception;
}
