package io.agentlifecycle.core.spi;

import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialOrder;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.credential.IssuedCredential;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;

/**
 * Makes credentials. What it makes may be thrown away: a credential counts only once the agent's record lists it.
 *
 * <ol>
 *   <li>The credential must have the id, the generation and the times of the order; its end may be earlier.
 *   <li>The token must not be kept, logged or put into an exception.
 *   <li>It is called in the thread of the command, outside every lock, and may be called again for the same command.
 *   <li>If it throws, the command fails and nothing is changed.
 *   <li>The key of a credential that it makes is among {@link #goodKeys}, if it names those.
 * </ol>
 *
 * <p>Must be safe for use by many threads.
 */
@FunctionalInterface
public interface CredentialIssuer {
    /** The credential for {@code order}, with its secret. */
    IssuedCredential issue(CredentialOrder order);

    /**
     * No credential of this issuer may live longer; the builder of a manager refuses a policy that lets it. An ACTIVE agent
     * that has a longer one with a key, as from before this was shortened, is due for another at once.
     */
    default Duration longestLife() {
        return CredentialPolicy.LONGEST_LIFE;
    }

    /**
     * The ids of the keys whose credentials count now. An ACTIVE agent whose credential names another key is due for a new
     * one at once, as when a key was stolen. Asked by commands and by sweeps, so it answers from memory; if it throws, no
     * credential is due on account of its key.
     *
     * @return empty if no credential of this issuer stops counting on account of its key
     */
    default Optional<Set<String>> goodKeys() {
        return Optional.empty();
    }

    /**
     * The ids of all keys that it has heard of, whether or not they count. A credential that names any other key is not due on
     * account of that: where several processes share keys, one that is behind must not replace what another made with a new
     * key.
     *
     * @return empty if it does not tell; then whatever is not among {@link #goodKeys} counts no more
     */
    default Optional<Set<String>> knownKeys() {
        return Optional.empty();
    }

    /**
     * The very same token again that {@link #issue} made, for an agent that never got it or lost it.
     *
     * @param order what was ordered then, with the end that the credential has
     * @param issued the credential as it is listed
     * @return empty if it cannot be made twice, as when it is random; then the credential is replaced instead
     */
    default Optional<IssuedCredential> reissue(CredentialOrder order, Credential issued) {
        return Optional.empty();
    }
}
