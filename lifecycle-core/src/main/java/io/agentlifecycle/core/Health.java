package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import java.util.Optional;
import java.util.Set;

/**
 * How a manager is, for whoever is on call.
 *
 * @param lastStoreFailure what the store said when it last failed to store a command, unless it has worked since
 * @param lastSealerFailure how the sealer failed when it last did, unless it has worked since
 * @param lastCheckpointFailure how following the log failed when it last did, unless it has worked since
 * @param denied agents that this process denies because a restricting command could not be stored: repeat the command
 * @param stuck agents for which sweeps failed six times or more in a row, but for failures of the sealer
 * @param massSilence tenants in which so many agents fell silent at once that sweeps make no orphans there
 */
public record Health(
        Optional<String> lastStoreFailure,
        Optional<String> lastSealerFailure,
        Optional<String> lastCheckpointFailure,
        Set<AgentKey> denied,
        Set<AgentKey> stuck,
        Set<TenantId> massSilence) {
    public Health {
        requireNonNull(lastStoreFailure, "lastStoreFailure");
        requireNonNull(lastSealerFailure, "lastSealerFailure");
        requireNonNull(lastCheckpointFailure, "lastCheckpointFailure");
        denied = Set.copyOf(denied);
        stuck = Set.copyOf(stuck);
        massSilence = Set.copyOf(massSilence);
    }

    /** True if nobody need look after it. */
    public boolean isGood() {
        return lastStoreFailure.isEmpty()
                && lastSealerFailure.isEmpty()
                && lastCheckpointFailure.isEmpty()
                && denied.isEmpty()
                && stuck.isEmpty()
                && massSilence.isEmpty();
    }
}
