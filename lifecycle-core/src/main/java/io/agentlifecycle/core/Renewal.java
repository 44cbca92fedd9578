package io.agentlifecycle.core;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.audit.CredentialRef;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.error.AuditUnavailableException;
import io.agentlifecycle.core.error.ContentionException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.CredentialSink;
import io.agentlifecycle.core.store.RequestId;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Renews credentials for whoever is not there to take the new one: stores it, hands it over, and stores that. What fails
 * is stored, too, with the time of the next attempt; until the new one is stored, the old one is as it was.
 */
final class Renewal {
    private static final Logger LOG = LoggerFactory.getLogger(Renewal.class);
    private static final Actor ROTATOR = Actor.system("credential-rotator");

    /** What may fail, as events name it. */
    private enum Step {
        ISSUE,
        DELIVER
    }

    private final Engine engine;
    private final Optional<CredentialSink> sink;

    Renewal(Engine engine, Optional<CredentialSink> sink) {
        this.engine = engine;
        this.sink = sink;
    }

    /** Rotates for whoever called; the new credential is in what it returns. Empty if the agent has moved on. */
    Optional<Activation> rotate(Agent agent) {
        Plan.Decision decision = engine.rules().credentials().rotate(ROTATOR);
        requireAllowed(agent, decision);
        try {
            return rotate(agent, decision);
        } catch (RuntimeException e) {
            if (isOfIssuer(e)) {
                noteUnissued(agent, e);
            }
            throw e;
        }
    }

    /** Rotates, but only the first time that it is asked with that key. */
    Activation rotateOnce(AgentKey key, Actor actor, String idempotencyKey) {
        // what a key prints leaves out the default tenant, and would be that of another agent in another tenant
        var id = new RequestId("rotate-" + Digests.sha256(key.tenant() + "/" + key.id() + "/" + idempotencyKey));
        Optional<Activation> earlier = earlier(key, actor, id, idempotencyKey);
        if (earlier.isPresent()) {
            return earlier.get();
        }
        try {
            return engine.runOnce(
                    key,
                    id,
                    Engine.Effect.NEUTRAL,
                    permit(actor, engine.rules().credentials().rotate(actor)));
        } catch (StoreException e) {
            // the same key may have won in another thread, or before an answer was lost
            return earlier(key, actor, id, idempotencyKey).orElseThrow(() -> e);
        }
    }

    /** What the rotation with that id has given. */
    private Optional<Activation> earlier(AgentKey key, Actor actor, RequestId id, String idempotencyKey) {
        return engine.committed(id).stream()
                .filter(event -> event.content().credential().isPresent())
                .findFirst()
                .map(event -> {
                    if (!event.actor().isSame(actor)) {
                        throw new PolicyViolationException(
                                "idempotency-key",
                                "the key \"%s\" was used for agent %s by someone else; rotate with a new key"
                                        .formatted(idempotencyKey, key));
                    }
                    Agent agent = engine.load(key).agent();
                    requireAllowed(agent, engine.rules().credentials().rotate(actor));
                    CredentialRef made = event.content().credential().orElseThrow();
                    return agent.credentials()
                            .find(CredentialId.of(made.jti()))
                            .filter(credential ->
                                    credential.status(engine.now()).isUsable())
                            .flatMap(credential -> engine.issuance().reissue(agent, credential))
                            .map(again -> new Activation(agent, Optional.of(again)))
                            .orElseThrow(() -> new PolicyViolationException(
                                    "idempotency-key",
                                    ("credential %s of agent %s was made for the key \"%s\", and is no longer good, or its"
                                                    + " token cannot be made again; rotate with a new key")
                                            .formatted(made.jti(), key, idempotencyKey)));
                });
    }

    /** The token of a listed credential, made again; that is an event, since it gives power to who gets it. */
    IssuedCredential reissue(AgentKey key, CredentialId id, Actor actor) {
        Agent agent = engine.load(key).agent();
        Plan.Decision decision = engine.rules().credentials().reissue(id, actor);
        requireAllowed(agent, decision);
        Optional<IssuedCredential> again = agent.credentials()
                .find(id)
                .flatMap(credential -> engine.issuance().reissue(agent, credential));
        if (again.isEmpty()) {
            throw new PolicyViolationException(
                    "token-once",
                    "the token of %s for agent %s cannot be made again; rotate instead".formatted(id, key));
        }
        engine.run(key, Engine.Effect.NEUTRAL, permit(actor, engine.issuance().whileAllowed(decision)));
        return again.get();
    }

    private Plan.Decision permit(Actor actor, Plan.Decision decision) {
        return engine.control().permit(actor, Right.ROTATE_CREDENTIALS, decision);
    }

    /** Rotates and hands over. Empty if the agent has moved on. */
    Optional<Agent> rotateAndDeliver(Agent agent) {
        return enter(agent, engine.rules().credentials().rotateForDelivery(ROTATOR));
    }

    /** Decides, and hands over the credential that came of it, if one did. Empty if the agent has moved on. */
    Optional<Agent> enter(Agent agent, Plan.Decision decision) {
        requireAllowed(agent, decision);
        Optional<Activation> rotated;
        try {
            rotated = rotate(agent, decision);
        } catch (RuntimeException e) {
            if (isOfIssuer(e)) {
                return noteUnissued(agent, e);
            }
            throw e;
        }
        return rotated.flatMap(done -> done.credential()
                .filter(made -> done.agent().credentials().undelivered())
                .map(made -> deliver(done.agent().key(), made))
                .orElseGet(() -> Optional.of(done.agent())));
    }

    /**
     * Hands over again what did not arrive; if it has expired, or its token cannot be made again, another one. Empty if
     * the agent has moved on: a sweep looks at many agents before it comes to this one.
     */
    Optional<Agent> deliverAgain(Agent found) {
        Agent agent = engine.load(found.key()).agent();
        if (agent.version() != found.version()) {
            return Optional.empty();
        }
        Credential current = agent.credentials().current().orElseThrow();
        if (current.isExpired(engine.now())) {
            return rotateAndDeliver(agent);
        }
        Optional<IssuedCredential> again;
        try {
            again = engine.issuance().reissue(agent, current);
        } catch (RuntimeException e) {
            return noteUndelivered(agent.key(), current.id(), e);
        }
        return again.isPresent() ? deliver(agent.key(), again.get()) : rotateAndDeliver(agent);
    }

    /** Throws what the rules refuse it with, which is no fault of the issuer and no event. */
    private void requireAllowed(Agent agent, Plan.Decision decision) {
        decision.decide(agent, engine.now());
    }

    private Optional<Activation> rotate(Agent agent, Plan.Decision decision) {
        return engine.runAt(agent.key(), agent.version(), Engine.Effect.NEUTRAL, decision);
    }

    /** What store and sealer cannot do is no fault of the issuer, and cannot be written down either. */
    private static boolean isOfIssuer(RuntimeException e) {
        return !(e instanceof StoreException
                || e instanceof ContentionException
                || e instanceof AuditUnavailableException);
    }

    private Optional<Agent> deliver(AgentKey key, IssuedCredential issued) {
        CredentialId id = issued.credential().id();
        try {
            sink.orElseThrow().deliver(key, issued);
        } catch (Exception | LinkageError | AssertionError e) {
            try {
                return noteUndelivered(key, id, e);
            } finally {
                // not before: the store may close a file that an interrupted thread writes
                if (e instanceof InterruptedException) {
                    Thread.currentThread().interrupt();
                }
            }
        }
        return Optional.of(engine.run(
                        key, Engine.Effect.NEUTRAL, engine.rules().credentials().delivered(id))
                .agent());
    }

    /** Empty if the agent has moved on. */
    private Optional<Agent> noteUnissued(Agent agent, Throwable e) {
        return engine.runAt(agent.key(), agent.version(), Engine.Effect.NEUTRAL, failure(agent.key(), Step.ISSUE, e))
                .map(Activation::agent);
    }

    /** Empty if the agent has got another one meanwhile, or may not have one any more: then nothing has failed. */
    private Optional<Agent> noteUndelivered(AgentKey key, CredentialId id, Throwable e) {
        Plan.Decision failure = failure(key, Step.DELIVER, e);
        Plan.Decision ifWanted =
                (agent, now) -> CredentialRules.awaits(agent, id) ? failure.decide(agent, now) : Plan.NOTHING;
        return Optional.of(engine.run(key, Engine.Effect.NEUTRAL, ifWanted).agent())
                .filter(agent -> CredentialRules.awaits(agent, id));
    }

    private Plan.Decision failure(AgentKey key, Step step, Throwable e) {
        // The message may hold secrets of the host, or what a sink got, the token: only the kind of failure is told.
        String kind = e.getClass().getName();
        LOG.warn("{} of a credential for agent {} failed with {}", step, key, kind);
        return engine.rules().credentials().renewalFailed(step.name(), kind);
    }
}
