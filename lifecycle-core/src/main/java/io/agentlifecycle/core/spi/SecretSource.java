package io.agentlifecycle.core.spi;

import io.agentlifecycle.core.secret.SecretRef;
import io.agentlifecycle.core.secret.SecretValue;

/**
 * Knows the secrets that references name: the environment, files, a vault. The host calls it, when an agent needs one; the
 * manager never does, and stores the reference only.
 *
 * <p>Contract, checked by {@code SecretSourceContract}:
 *
 * <ol>
 *   <li>{@link #resolve} gives a value that belongs to the caller: closing it closes no other one.
 *   <li>What it does not know, or a scheme that is not its own, is a
 *       {@link io.agentlifecycle.core.error.SecretUnavailableException}.
 *   <li>No exception and no log line holds a secret, also not as a cause.
 * </ol>
 *
 * <p>Must be safe for use by many threads.
 */
@FunctionalInterface
public interface SecretSource {
    /**
     * The secret of that name; the caller closes it.
     *
     * @throws io.agentlifecycle.core.error.SecretUnavailableException if it is not known, or cannot be read now
     */
    SecretValue resolve(SecretRef ref);
}
