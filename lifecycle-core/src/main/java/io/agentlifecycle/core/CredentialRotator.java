package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.RotationResult.Outcome;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.credential.CredentialStatus;
import io.agentlifecycle.core.credential.Credentials;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Replaces credentials before they age. It looks at every ACTIVE agent of the manager's tenant; hosts with very many
 * agents let the {@link Sweeper} tell them which are due. Safe for use by many threads.
 */
public final class CredentialRotator {
    private static final Logger LOG = LoggerFactory.getLogger(CredentialRotator.class);

    private final LifecycleManager manager;

    /** A rotator for the agents of {@code manager}. */
    public CredentialRotator(LifecycleManager manager) {
        this.manager = requireNonNull(manager, "manager");
    }

    /**
     * Looks at every ACTIVE agent and gives a new credential to those that have none or whose credential is due. One
     * result per agent, in order of their ids; one agent's failure does not stop the others.
     */
    public List<RotationResult> checkAndRotate() {
        List<RotationResult> results = new ArrayList<>();
        manager.forEach(AgentQuery.all().state(AgentState.ACTIVE), agent -> results.add(check(agent)));
        return results;
    }

    /** Gives an ACTIVE agent a new credential now; see {@link LifecycleManager#rotateCredentials}. */
    public Activation rotate(AgentId agent) {
        return manager.rotateCredentials(agent);
    }

    private RotationResult check(Agent agent) {
        try {
            return decide(agent, manager.engine().now());
        } catch (RuntimeException e) {
            LOG.warn("the credential of agent {} could not be rotated", agent.key(), e);
            return new RotationResult(agent.key(), Outcome.FAILED, String.valueOf(e.getMessage()), Optional.empty());
        }
    }

    private RotationResult decide(Agent agent, Instant now) {
        if (manager.engine().issuance().isKilled(agent)) {
            return result(agent, Outcome.SKIPPED, "a kill switch stops it");
        }
        Optional<Credentials.Retry> retry = agent.credentials().retry().filter(failed -> now.isBefore(failed.nextAt()));
        if (retry.isPresent()) {
            return result(
                    agent,
                    Outcome.FAILED,
                    "it failed %d times in a row; the next attempt is at %s"
                            .formatted(retry.get().attempts(), retry.get().nextAt()));
        }
        CredentialPolicy policy = manager.policyFor(agent).credentialPolicy();
        Optional<Credential> current = agent.credentials().current();
        if (current.isEmpty()) {
            return rotate(agent, Outcome.ISSUED);
        }
        Credential credential = current.get();
        return switch (credential.status(now)) {
            case REVOKED -> result(agent, Outcome.SKIPPED, credential.id() + " was revoked");
            case EXPIRED -> policy.autoRotate() ? rotate(agent, Outcome.ROTATED) : expired(agent, credential);
            case ACTIVE, RETIRING, RETIRED ->
                isDue(agent, credential, policy, now)
                        ? rotate(agent, Outcome.ROTATED)
                        : result(agent, Outcome.OK, credential.id() + " is good until " + credential.expiresAt());
        };
    }

    private boolean isDue(Agent agent, Credential credential, CredentialPolicy policy, Instant now) {
        return manager.engine().deadlines().isOutdated(agent, credential)
                || policy.autoRotate()
                        && !Deadlines.isLast(agent, credential)
                        && !now.isBefore(credential.rotateAt(policy))
                        && !manager.engine().deadlines().waits(agent, now);
    }

    private RotationResult expired(Agent agent, Credential credential) {
        if (credential.recorded() != CredentialStatus.EXPIRED) {
            manager.engine()
                    .run(
                            agent.key(),
                            Engine.Effect.NEUTRAL,
                            manager.engine().rules().credentials().expire());
        }
        return result(agent, Outcome.EXPIRED, credential.id() + " expired at " + credential.expiresAt());
    }

    private RotationResult rotate(Agent agent, Outcome outcome) {
        AgentKey key = agent.key();
        Optional<Activation> rotated = manager.renewal().rotate(agent);
        if (rotated.isEmpty()) {
            return result(agent, Outcome.FAILED, "the agent changed meanwhile; the next check looks at it again");
        }
        Credential made = rotated.get().issued().credential();
        return new RotationResult(
                key,
                outcome,
                made.id() + " is good until " + made.expiresAt(),
                rotated.get().credential());
    }

    private static RotationResult result(Agent agent, Outcome outcome, String detail) {
        return new RotationResult(agent.key(), outcome, detail, Optional.empty());
    }
}
