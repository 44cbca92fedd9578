package io.agentlifecycle.core;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialOrder;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.spi.CredentialIssuer;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Function;

/**
 * Has credentials made, unless something outside of an agent's own record keeps it from one: a kill switch, or those that it
 * works for.
 */
final class Issuance {
    private final Committer committer;
    private final Rules rules;
    private final CredentialIssuer issuer;
    private final Draws draws;
    private final Standing standing;
    private final Function<AgentKey, Optional<AgentCodec.Stored>> find;

    Issuance(
            Committer committer,
            Rules rules,
            CredentialIssuer issuer,
            Draws draws,
            Standing standing,
            Function<AgentKey, Optional<AgentCodec.Stored>> find) {
        this.committer = committer;
        this.rules = rules;
        this.issuer = issuer;
        this.draws = draws;
        this.standing = standing;
        this.find = find;
    }

    /** Those that the agent works for, which let it have a credential now; one of them may be stopped a moment later. */
    Superiors superiors(Agent agent, Instant now) {
        return Superiors.of(agent, rules.policyFor(agent), now, find);
    }

    /** Refuses unless the agent may have a credential now. */
    void requireAllowed(Agent agent) {
        requireNotKilled(agent, superiors(agent, committer.clock().now()));
    }

    /** The same decision, as long as the agent may have a credential; no kill switch comes in between that and the commit. */
    Plan.Decision whileAllowed(Plan.Decision decision) {
        return (agent, now) -> {
            Plan plan = decision.decide(agent, now);
            requireAllowed(agent);
            return plan;
        };
    }

    /** A new credential. */
    IssuedCredential issue(Agent agent, Superiors superiors, Instant now) {
        requireNotKilled(agent, superiors);
        CredentialOrder order = rules.credentials().order(agent, superiors, draws.credentialId(), now);
        IssuedCredential issued = issuer.issue(order);
        Credential made = issued.credential();
        if (!made.id().equals(order.id())
                || made.generation() != order.generation()
                || !made.issuedAt().equals(order.issuedAt())
                || made.expiresAt().isAfter(order.expiresAt())) {
            throw disobeys(order, made);
        }
        return issued;
    }

    /** The token of a listed credential once more; empty if the issuer cannot make it twice. */
    Optional<IssuedCredential> reissue(Agent agent, Credential listed) {
        requireNotKilled(agent);
        if (agent.keyHistory().outdates(listed)) {
            return Optional.empty(); // its token would name the new key, and be another one
        }
        CredentialOrder order = rules.credentials()
                .order(agent, superiors(agent, committer.clock().now()), listed);
        return issuer.reissue(order, listed).map(again -> {
            if (!again.credential().id().equals(listed.id())) {
                throw disobeys(order, again.credential());
            }
            requireNotKilled(agent); // the issuer may have taken its time
            return new IssuedCredential(listed, again.token());
        });
    }

    /** By what this process was told, or by the record that the next commit checks, which is read anew if it says so. */
    boolean isKilled(Agent agent) {
        return standing.isKilled(agent.key())
                || isKilled(committer.log(), agent) && isKilled(committer.readLog(), agent);
    }

    private static boolean isKilled(LogRecord log, Agent agent) {
        return log.kills().cover(agent.key(), agent.owner(), agent.profile().agentType());
    }

    private void requireNotKilled(Agent agent, Superiors superiors) {
        superiors.agents().forEach(this::requireNotKilled); // first: the message names who is stopped
        requireNotKilled(agent);
    }

    private void requireNotKilled(Agent agent) {
        if (isKilled(agent)) {
            throw new PolicyViolationException(
                    "kill-switch",
                    "no credential while a kill switch stops agent %s; an admin must release that first"
                            .formatted(agent.key()));
        }
    }

    private static PolicyViolationException disobeys(CredentialOrder order, Credential made) {
        return new PolicyViolationException(
                "issuer-obeys",
                "the credential issuer made something else for agent %s than what was ordered: %s"
                        .formatted(order.agent(), made.id()));
    }
}
