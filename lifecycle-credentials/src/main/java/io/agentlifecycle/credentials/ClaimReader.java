package io.agentlifecycle.credentials;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFormatException;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.credentials.TokenVerdict.Reason;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/** Reads the claims of one token, each with the rule for it. A claim that is missing or of another type breaks its rule. */
final class ClaimReader {
    static final Duration BACKDATED = Duration.ofSeconds(10);

    private static final Set<String> CLAIMS =
            Set.of("iss", "sub", "aud", "iat", "nbf", "exp", "jti", "cnf", "scope", "gen", "act");
    private static final Set<String> ACTOR = Set.of("sub", "act");
    private static final int THUMBPRINT_BYTES = 32;

    private final Json.Obj claims;

    /** The claims of a token of ours: an unknown one is not ignored, since it may be one that limits the token. */
    ClaimReader(Json.Obj claims) {
        Refusal.unless(CLAIMS.containsAll(claims.members().keySet()), Reason.CLAIM_UNKNOWN);
        this.claims = claims;
    }

    /** Refuses a token in which that claim is anything but {@code expected}. */
    void require(String name, String expected, Reason reason) {
        Refusal.unless(text(claims, name).filter(expected::equals).isPresent(), reason);
    }

    AgentKey subject() {
        return agent(claims).orElseThrow(() -> new Refusal(Reason.SUBJECT));
    }

    CredentialId credentialId() {
        return text(claims, "jti")
                .flatMap(parsed(CredentialId::of))
                .orElseThrow(() -> new Refusal(Reason.CREDENTIAL_ID));
    }

    long generation() {
        long generation = integer("gen", Reason.GENERATION);
        Refusal.unless(generation > 0, Reason.GENERATION);
        return generation;
    }

    Instant issuedAt() {
        return Instant.ofEpochSecond(integer("iat", Reason.TIMES));
    }

    /** The end of a life that is at least a second and at most {@code longest}; begun when the issuer would begin it. */
    Instant expiresAt(Duration longest) {
        long iat = integer("iat", Reason.TIMES);
        long nbf = integer("nbf", Reason.TIMES);
        long exp = integer("exp", Reason.TIMES);
        Refusal.unless(nbf == iat - BACKDATED.toSeconds() && exp > iat, Reason.TIMES);
        Refusal.unless(exp - iat <= longest.toSeconds(), Reason.LIFE_TOO_LONG);
        return Instant.ofEpochSecond(exp);
    }

    /** The thumbprint of the key that the token is bound to. */
    Optional<String> keyThumbprint() {
        return claims.get("cnf")
                .map(cnf -> object(cnf)
                        .filter(object -> object.members().keySet().equals(Set.of("jkt")))
                        .flatMap(object -> text(object, "jkt"))
                        .filter(ClaimReader::isThumbprint)
                        .orElseThrow(() -> new Refusal(Reason.KEY_BINDING)));
    }

    static boolean isThumbprint(String text) {
        try {
            return Digests.fromBase64Url(text).length == THUMBPRINT_BYTES;
        } catch (JsonFormatException e) {
            return false;
        }
    }

    /** Those that the agent works for, the nearest first (RFC 8693). */
    List<AgentKey> actors() {
        List<AgentKey> actors = new ArrayList<>();
        Optional<Json> next = claims.get("act");
        while (next.isPresent()) {
            Json.Obj actor = next.flatMap(ClaimReader::object).orElseThrow(() -> new Refusal(Reason.ACTOR));
            Refusal.unless(
                    actors.size() < Actors.MOST
                            && ACTOR.containsAll(actor.members().keySet()),
                    Reason.ACTOR);
            actors.add(agent(actor).orElseThrow(() -> new Refusal(Reason.ACTOR)));
            next = actor.get("act");
        }
        return actors;
    }

    Set<String> scope() {
        return claims.get("scope")
                .map(scope -> text(claims, "scope").flatMap(Scope::read).orElseThrow(() -> new Refusal(Reason.SCOPE)))
                .orElse(Set.of());
    }

    /** A whole number that is not negative. */
    private long integer(String name, Reason reason) {
        if (claims.get(name).orElse(Json.NULL) instanceof Json.Int integer && integer.value() >= 0) {
            return integer.value();
        }
        throw new Refusal(reason);
    }

    private static Optional<AgentKey> agent(Json.Obj object) {
        return text(object, "sub").flatMap(sub -> {
            int slash = sub.indexOf('/');
            return slash < 0
                    ? Optional.empty()
                    : parsed(TenantId::of)
                            .apply(sub.substring(0, slash))
                            .flatMap(tenant -> parsed(AgentId::of)
                                    .apply(sub.substring(slash + 1))
                                    .map(id -> new AgentKey(tenant, id)));
        });
    }

    private static Optional<Json.Obj> object(Json json) {
        return json instanceof Json.Obj object ? Optional.of(object) : Optional.empty();
    }

    private static Optional<String> text(Json.Obj object, String name) {
        return object.get(name).orElse(Json.NULL) instanceof Json.Str text
                ? Optional.of(text.value())
                : Optional.empty();
    }

    /** Reads a text, or not: what the exception says would repeat the token. */
    private static <T> Function<String, Optional<T>> parsed(Function<String, T> reader) {
        return text -> {
            try {
                return Optional.of(reader.apply(text));
            } catch (IllegalArgumentException e) {
                return Optional.empty();
            }
        };
    }
}
