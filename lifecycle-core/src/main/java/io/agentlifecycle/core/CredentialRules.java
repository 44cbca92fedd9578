package io.agentlifecycle.core;

import static io.agentlifecycle.core.agent.AgentState.ACTIVE;

import io.agentlifecycle.core.Plan.Decision;
import io.agentlifecycle.core.Plan.NewCredential;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.Capability;
import io.agentlifecycle.core.access.Text;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Command;
import io.agentlifecycle.core.audit.CredentialRef;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.KeyRotation;
import io.agentlifecycle.core.audit.SignatureVerifier;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.credential.CredentialOrder;
import io.agentlifecycle.core.credential.CredentialStatus;
import io.agentlifecycle.core.credential.Credentials;
import io.agentlifecycle.core.error.PolicyViolationException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What agents show who they are by: when one is made, made again, taken back; pure functions, as in {@link Rules}. */
record CredentialRules(Rules rules) {
    /** How far the clock of an agent that changes its key may be off, either way. */
    private static final Duration KEY_ROTATION_WINDOW = Duration.ofSeconds(60);

    /** A new credential for whoever asks. */
    Decision rotate(Actor actor) {
        return rotate(new NewCredential(EventKind.CREDENTIAL_ROTATED, actor, false));
    }

    /** A new credential that goes to its agent by the sink. */
    Decision rotateForDelivery(Actor actor) {
        return rotate(new NewCredential(EventKind.CREDENTIAL_ROTATED, actor, true));
    }

    private Decision rotate(NewCredential wanted) {
        return (agent, now) -> {
            rules.next(agent, Command.ROTATE_CREDENTIALS);
            LifespanRules.requireLife(agent, "get a credential", now);
            return Plan.NOTHING.issuing(wanted);
        };
    }

    /** Another identity key, and a credential that is bound to it. The one before lives on as after any rotation. */
    Decision rotateKey(KeyRotation rotation, SignatureVerifier signatures, Actor actor) {
        return (agent, now) -> {
            rules.next(agent, Command.ROTATE_CREDENTIALS);
            LifespanRules.requireLife(agent, "get a credential", now);
            requireKeys(agent, rotation);
            long sequence = agent.keyHistory().rotations() + 1;
            requireProof(agent, rotation, sequence, signatures, actor, now);
            return Plan.of(Rules.note(EventKind.AGENT_KEY_ROTATED, actor, agent, rotation.details(sequence))
                            .by(Command.ROTATE_CREDENTIALS))
                    .issuing(new NewCredential(EventKind.CREDENTIAL_ROTATED, actor, false));
        };
    }

    private static void requireKeys(Agent agent, KeyRotation rotation) {
        String has = agent.entitlements()
                .keyThumbprint()
                .orElseThrow(() -> new PolicyViolationException(
                        "agent-key",
                        "agent %s is bound to no key; request an agent with keyThumbprint(..)".formatted(agent.key())));
        String old = rotation.oldKey().keyId();
        String wanted = rotation.newKey().keyId();
        if (!old.equals(has)) {
            throw new PolicyViolationException(
                    "agent-key",
                    "agent %s is bound to key %s, and not to %s; sign with the key that it has"
                            .formatted(agent.key(), has, old));
        }
        if (wanted.equals(has) || agent.keyHistory().has(wanted)) {
            throw new PolicyViolationException(
                    "agent-key",
                    "agent %s has key %s, or had it before; generate a new one".formatted(agent.key(), wanted));
        }
    }

    private static void requireProof(
            Agent agent, KeyRotation rotation, long sequence, SignatureVerifier signatures, Actor actor, Instant now) {
        if (Duration.between(rotation.at(), now).abs().compareTo(KEY_ROTATION_WINDOW) > 0) {
            throw new PolicyViolationException(
                    "agent-key-proof",
                    "the change of the key of agent %s was signed at %s, which is not within %s of %s; sign it now"
                            .formatted(agent.key(), rotation.at(), KEY_ROTATION_WINDOW, now));
        }
        if (!rotation.isProven(agent.key(), rotation.oldKey().keyId(), sequence, signatures)) {
            throw new PolicyViolationException(
                    "agent-key-proof",
                    actor,
                    "the change of the key of agent %s is not signed by both keys as number %d; sign the statement of it with both"
                            .formatted(agent.key(), sequence));
        }
    }

    Decision delivered(CredentialId id) {
        return (agent, now) -> {
            if (!agent.credentials().undelivered() || !isCurrent(agent, id)) {
                return Plan.NOTHING;
            }
            Duration overlap = rules.policyFor(agent).credentialPolicy().rotationOverlap();
            Json.ObjBuilder details = Json.object().put("id", id.value());
            agent.credentials()
                    .held(now)
                    .ifPresent(old -> details.put(
                            "graceUntil", old.graceEnd(now.plus(overlap)).toString()));
            return Plan.of(Rules.note(EventKind.CREDENTIAL_DELIVERED, Actor.SYSTEM, agent, details.build()));
        };
    }

    /** True while that credential is on its way to an agent that may use it. */
    static boolean awaits(Agent agent, CredentialId id) {
        return agent.state() == ACTIVE && agent.credentials().undelivered() && isCurrent(agent, id);
    }

    private static boolean isCurrent(Agent agent, CredentialId id) {
        return agent.credentials().current().filter(c -> c.id().equals(id)).isPresent();
    }

    /** Notes that a renewal failed, and when the next attempt is. */
    Decision renewalFailed(String step, String error) {
        return (agent, now) -> {
            int attempt =
                    agent.credentials().retry().map(Credentials.Retry::attempts).orElse(0) + 1;
            Json.Obj details = Json.object()
                    .put("step", step.toLowerCase(Locale.ROOT))
                    .put("error", error)
                    .put("attempt", attempt)
                    .put(
                            "nextAt",
                            now.plus(rules.policyFor(agent)
                                            .credentialPolicy()
                                            .retryAfter(agent.key() + "/" + agent.version(), attempt))
                                    .toString())
                    .build();
            return Plan.of(Rules.note(EventKind.CREDENTIAL_ROTATION_FAILED, Actor.SYSTEM, agent, details));
        };
    }

    /** The token of a good credential may be made again while its agent may use it. */
    Decision reissue(CredentialId id, Actor actor) {
        return (agent, now) -> {
            rules.next(agent, Command.ROTATE_CREDENTIALS);
            LifespanRules.requireLife(agent, "get a token again", now);
            if (agent.credentials()
                    .find(id)
                    .filter(c -> c.status(now).isUsable())
                    .isEmpty()) {
                throw new PolicyViolationException(
                        "credential-usable",
                        "agent %s has no credential %s that is good now; rotate instead".formatted(agent.key(), id));
            }
            Json.Obj details = Json.object().put("id", id.value()).build();
            return Plan.of(Rules.note(EventKind.CREDENTIAL_REISSUED, actor, agent, details));
        };
    }

    Decision revoke(String reason, Actor actor) {
        Text.prose("reason", reason, 1024);
        return (agent, now) -> {
            rules.next(agent, Command.REVOKE_CREDENTIALS);
            return revoked(agent, reason, actor)
                    .map(event -> Plan.of(event.by(Command.REVOKE_CREDENTIALS)))
                    .orElse(Plan.NOTHING);
        };
    }

    /** Only if that one is among them and was not taken back or replaced before: what came later is not its fault. */
    Decision revoke(CredentialId listed, String reason, Actor actor) {
        Decision all = revoke(reason, actor);
        return (agent, now) -> agent.state() != AgentState.DECOMMISSIONING
                        && !agent.state().isTerminal()
                        && agent.credentials()
                                .find(listed)
                                .map(credential -> credential.status(now))
                                .filter(status -> status.isUsable() || status == CredentialStatus.EXPIRED)
                                .isPresent()
                ? all.decide(agent, now)
                : Plan.NOTHING;
    }

    static Optional<EventContent> revoked(Agent agent, String reason, Actor actor) {
        List<String> ids = new ArrayList<>();
        agent.credential().ifPresent(c -> ids.add(c.id().value()));
        agent.credentials().retiring().ifPresent(c -> ids.add(c.id().value()));
        agent.credentials().apiKeys().forEach(key -> ids.add(key.id().value()));
        if (ids.isEmpty()) {
            return Optional.empty();
        }
        Json.Obj details =
                Json.object().put("ids", Json.of(ids)).put("reason", reason).build();
        return Optional.of(Rules.note(EventKind.CREDENTIAL_REVOKED, actor, agent, details));
    }

    Decision expire() {
        return (agent, now) -> agent.credentials()
                .current()
                .filter(c -> c.recorded() == CredentialStatus.ACTIVE && c.isExpired(now))
                .map(c -> Plan.of(Rules.note(
                        EventKind.CREDENTIAL_EXPIRED,
                        Actor.SYSTEM,
                        agent,
                        Json.object()
                                .put("id", c.id().value())
                                .put("expiredAt", c.expiresAt().toString())
                                .build())))
                .orElse(Plan.NOTHING);
    }

    /** Notes that what the agent works with ages, and nobody has replaced it. */
    Decision noteAging() {
        return (agent, now) -> agent.credentials()
                .unwarned()
                .filter(c -> !now.isBefore(c.agesAt()))
                .map(c -> Plan.of(Rules.note(
                        EventKind.CREDENTIAL_AGING,
                        Actor.SYSTEM,
                        agent,
                        Json.object()
                                .put("id", c.id().value())
                                .put("expiresAt", c.expiresAt().toString())
                                .build())))
                .orElse(Plan.NOTHING);
    }

    /** What the agent's next credential must say. It never outlives the agent, nor what those above it have. */
    CredentialOrder order(Agent agent, Superiors superiors, CredentialId id, Instant now) {
        Instant byPolicy = now.plus(rules.policyFor(agent).credentialPolicy().maxCredentialTtl());
        Instant expiresAt = Stream.concat(agent.lifespan().notAfter().stream(), superiors.end(now).stream())
                .filter(end -> end.isBefore(byPolicy))
                .min(Comparator.naturalOrder())
                .orElse(byPolicy);
        return order(agent, superiors, id, agent.credentials().generation() + 1, now, expiresAt);
    }

    /** What was ordered when {@code listed} was made, so that its token can be made again. */
    CredentialOrder order(Agent agent, Superiors superiors, Credential listed) {
        return order(agent, superiors, listed.id(), listed.generation(), listed.issuedAt(), listed.expiresAt());
    }

    /** A wildcard is in no credential: whoever has the token would have all that anybody ever names so. */
    private static CredentialOrder order(
            Agent agent, Superiors superiors, CredentialId id, long generation, Instant issuedAt, Instant expiresAt) {
        return new CredentialOrder(
                agent.key(),
                id,
                generation,
                issuedAt,
                expiresAt,
                agent.entitlements().capabilities().stream()
                        .filter(Capability::isName)
                        .collect(Collectors.toSet()),
                agent.entitlements().audience(),
                agent.entitlements().keyThumbprint(),
                superiors.keys());
    }

    /** The event of a credential that was made. */
    EventContent issued(NewCredential wanted, Agent agent, Credential made) {
        Json.ObjBuilder details =
                Json.object().put("issuedAt", made.issuedAt().toString()).put("secretSha256", made.secretSha256());
        Duration overlap = rules.policyFor(agent).credentialPolicy().rotationOverlap();
        if (wanted.forDelivery()) {
            details.put("delivery", "pending");
        }
        // until the new one has arrived, the agent works with the old one
        if (wanted.kind() == EventKind.CREDENTIAL_ROTATED) {
            agent.credentials()
                    .held(made.issuedAt())
                    .ifPresent(old -> details.put("old", old.id().value())
                            .put(
                                    "graceUntil",
                                    old.graceEnd(
                                                    wanted.forDelivery()
                                                            ? old.expiresAt()
                                                            : made.issuedAt().plus(overlap))
                                            .toString()));
        }
        EventContent event = Rules.note(wanted.kind(), wanted.actor(), agent, details.build())
                .about(new CredentialRef(made.id().value(), made.keyId(), made.generation(), made.expiresAt()));
        return wanted.kind() == EventKind.CREDENTIAL_ROTATED ? event.by(Command.ROTATE_CREDENTIALS) : event;
    }
}
