package io.agentlifecycle.core;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Text;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.credential.ApiKey;
import io.agentlifecycle.core.credential.ApiKeyId;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.credential.IssuedApiKey;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.error.AccessDeniedException;
import io.agentlifecycle.core.error.ContentionException;
import io.agentlifecycle.core.error.PolicyViolationException;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Keys that agents outside of the host exchange for their tokens: registered by the host, shown once, known by their hash
 * only. A key proves who asks, and gives nothing that its agent may not have: what is exchanged is issued, counted and written
 * down as any credential is, and revoking the agent's credentials revokes its keys. Safe for use by many threads.
 */
public final class ApiKeys {
    private static final Pattern FORM = Pattern.compile("(key:[0-9a-f]{32})\\.([A-Za-z0-9_-]{43})");
    private static final int CHARS = 80;

    /** Compared with when there is no key, so that the answer takes as long. */
    private static final String NO_SHA256 = Digests.sha256("");

    /** The parts of a key that has the right form. */
    private record Presented(ApiKeyId id, String secretSha256) {
        /** Compares in constant time. */
        boolean fits(String stored) {
            return MessageDigest.isEqual(stored.getBytes(US_ASCII), secretSha256.getBytes(US_ASCII));
        }
    }

    private final Engine engine;
    private final TenantId tenant;

    ApiKeys(Engine engine, TenantId tenant) {
        this.engine = engine;
        this.tenant = tenant;
    }

    /**
     * Makes another key for an ACTIVE agent. It may have {@link ApiKey#MOST} of them that have not expired.
     *
     * @param life positive, at most 366 days; a key never outlives its agent
     * @throws io.agentlifecycle.core.error.InvalidTransitionException if the agent is not ACTIVE
     * @throws PolicyViolationException rule {@code api-key-count} or {@code lifespan-over}
     */
    public IssuedApiKey register(AgentId agent, Duration life, Actor actor) {
        requireNonNull(actor, "actor");
        if (life.isNegative() || life.isZero() || life.compareTo(CredentialPolicy.LONGEST_LIFE) > 0) {
            throw new IllegalArgumentException("the life of an API key must be positive and at most "
                    + CredentialPolicy.LONGEST_LIFE + " but was " + life);
        }
        ApiKeyId id = engine.draws().apiKeyId();
        String secret = Digests.base64Url(engine.draws().bytes(32));
        Agent after = engine.run(
                        key(agent),
                        Engine.Effect.NEUTRAL,
                        engine.control().permit(actor, Right.REGISTER_API_KEY, registering(id, secret, life, actor)))
                .agent();
        ApiKey made = after.credentials().apiKey(id).orElseThrow();
        return new IssuedApiKey(made, Token.of(id + "." + secret));
    }

    private Plan.Decision registering(ApiKeyId id, String secret, Duration life, Actor actor) {
        return (agent, now) -> {
            // whoever may have no credential may have no key for one either, for the same reasons
            engine.rules().credentials().rotate(actor).decide(agent, now);
            long standing = agent.credentials().apiKeys().stream()
                    .filter(key -> !key.isExpired(now))
                    .count();
            if (standing >= ApiKey.MOST) {
                throw new PolicyViolationException(
                        "api-key-count",
                        "agent %s has %d API keys already; revoke one of them first".formatted(agent.key(), standing));
            }
            Instant wanted = now.plus(life);
            Instant end = agent.lifespan().notAfter().filter(wanted::isAfter).orElse(wanted);
            Json.Obj details = Json.object()
                    .put("id", id.value())
                    .put("secretSha256", Digests.sha256(secret))
                    .put("expiresAt", end.toString())
                    .build();
            return Plan.of(Rules.note(EventKind.API_KEY_REGISTERED, actor, agent, details));
        };
    }

    /**
     * Takes one key back. What was exchanged for it before stays good; {@link LifecycleManager#revokeCredentials} takes all back.
     * A key that is not there, or not any more, is no failure.
     *
     * @param reason at most 1,024 characters
     */
    public void revoke(AgentId agent, ApiKeyId key, String reason, Actor actor) {
        requireNonNull(key, "key");
        requireNonNull(actor, "actor");
        Text.prose("reason", reason, 1024);
        Plan.Decision revoking = (found, now) -> {
            boolean there = found.credentials().apiKey(key).isPresent();
            if (!there || found.state().isTerminal()) {
                return Plan.NOTHING;
            }
            Json.Obj details =
                    Json.object().put("id", key.value()).put("reason", reason).build();
            return Plan.of(Rules.note(EventKind.API_KEY_REVOKED, actor, found, details));
        };
        engine.run(
                key(agent), Engine.Effect.NEUTRAL, engine.control().permit(actor, Right.REVOKE_CREDENTIALS, revoking));
    }

    /**
     * The token of the agent whose key that is. While its current credential is good and not due for rotation, it is the token
     * of that one, made again, so exchanging often makes no more credentials; otherwise the agent gets the next one, as by
     * {@link LifecycleManager#rotateCredentials}, and so it does every time if tokens are random. Each exchange is an event,
     * whose actor is the key.
     *
     * @throws AccessDeniedException for a key of this tenant, if its agent may not act now; for any other text, be it unknown,
     *     expired, revoked, another tenant's or no key at all, with the one reason {@code CREDENTIAL_UNKNOWN}
     */
    public Activation exchange(String apiKey) {
        requireNonNull(apiKey, "apiKey");
        Presented presented = parse(apiKey).orElseThrow(ApiKeys::unknown);
        for (int attempt = 1; attempt <= Committer.MAX_ATTEMPTS; attempt++) {
            Agent agent = holder(presented).orElseThrow(ApiKeys::unknown);
            Optional<Activation> done =
                    exchange(agent, Actor.service(presented.id().value()));
            if (done.isPresent()) {
                return done.get();
            }
        }
        throw new ContentionException("an exchange of " + presented.id(), Committer.MAX_ATTEMPTS);
    }

    private static Optional<Presented> parse(String apiKey) {
        if (apiKey.length() != CHARS) {
            return Optional.empty();
        }
        Matcher matcher = FORM.matcher(apiKey);
        return matcher.matches()
                ? Optional.of(new Presented(ApiKeyId.of(matcher.group(1)), Digests.sha256(matcher.group(2))))
                : Optional.empty();
    }

    /** The same words whatever is wrong with it, and none of its own. */
    private static AccessDeniedException unknown() {
        return new AccessDeniedException(
                "a token", new Verdict.Denied("this API key", List.of(Verdict.Reason.CREDENTIAL_UNKNOWN)));
    }

    private Optional<Agent> holder(Presented presented) {
        Optional<Agent> agent = AgentCodec.holder(engine.store(), tenant, presented.id());
        Optional<ApiKey> key = agent.flatMap(found -> found.credentials().apiKey(presented.id()));
        boolean fits = presented.fits(key.map(ApiKey::secretSha256).orElse(NO_SHA256));
        boolean good = key.filter(found -> !found.isExpired(engine.now())).isPresent();
        return fits && good ? agent : Optional.empty();
    }

    /** Empty if the agent has changed since its key was looked at. */
    private Optional<Activation> exchange(Agent agent, Actor actor) {
        Instant now = engine.now();
        if (engine.standing().check(tenant, agent.id(), Operation.INVOKE, CallMeter.Use.IGNORED, engine.nanos())
                instanceof Verdict.Denied denied) {
            throw new AccessDeniedException("a token", denied);
        }
        if (agent.state() == AgentState.QUARANTINED) {
            throw new AccessDeniedException(
                    "a token", new Verdict.Denied("agent " + agent.key(), List.of(Verdict.Reason.QUARANTINED)));
        }
        Optional<Credential> good = agent.credentials().current().filter(current -> !isDue(agent, current, now));
        Optional<IssuedCredential> again =
                good.flatMap(current -> engine.issuance().reissue(agent, current));
        Plan.Decision decision = again.isPresent()
                ? engine.issuance()
                        .whileAllowed(engine.rules()
                                .credentials()
                                .reissue(again.get().credential().id(), actor))
                : engine.rules().credentials().rotate(actor);
        return engine.runAt(agent.key(), agent.version(), Engine.Effect.NEUTRAL, decision)
                .map(done -> again.isPresent() ? new Activation(done.agent(), again) : done);
    }

    private boolean isDue(Agent agent, Credential current, Instant now) {
        CredentialPolicy policy = engine.rules().policyFor(agent).credentialPolicy();
        return !current.status(now).isUsable()
                || engine.deadlines().isOutdated(agent, current)
                || !Deadlines.isLast(agent, current) && !now.isBefore(current.rotateAt(policy));
    }

    private AgentKey key(AgentId agent) {
        return new AgentKey(tenant, agent);
    }
}
