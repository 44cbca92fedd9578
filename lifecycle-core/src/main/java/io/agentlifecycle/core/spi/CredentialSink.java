package io.agentlifecycle.core.spi;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.credential.IssuedCredential;

/**
 * Takes new credentials to the agents that they belong to, when a sweep rotates them.
 *
 * <ol>
 *   <li>It runs in the thread that sweeps, after the credential was stored. Sweeps of one manager take turns, and no other
 *       lock is held: it may call the manager, but as long as it waits, the sweep does nothing else, so it must give up
 *       after a time.
 *   <li>If it throws, or the process dies, a later sweep hands the same credential over again, or, if the issuer cannot
 *       make the same token twice, a new one. So it may get one more than once, and must not mind.
 *   <li>A host that takes longer than half a minute, or an eighth of a credential's life if that is less, may be overtaken
 *       by another: of two credentials for one agent, the one of the higher generation counts.
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
