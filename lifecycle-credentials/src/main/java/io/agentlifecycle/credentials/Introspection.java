package io.agentlifecycle.credentials;

import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.credentials.TokenVerdict.Accepted;
import java.util.Set;
import java.util.function.Supplier;

/** Verdicts as RFC 7662 tells them. Whatever is not active is told in the same bytes, so nobody learns why it is not. */
final class Introspection {
    private static final String INACTIVE =
            CanonicalJson.write(Json.object().put("active", false).build());

    private Introspection() {}

    /** What {@code check} finds, without a proof: whoever asks has that. */
    static String of(Supplier<TokenClaims> check, String issuer, String audience) {
        return TokenChecks.verdict(() -> new Accepted(check.get(), false)) instanceof Accepted accepted
                ? active(accepted.claims(), issuer, audience)
                : INACTIVE;
    }

    private static String active(TokenClaims claims, String issuer, String audience) {
        Json.ObjBuilder said = Json.object()
                .put("active", true)
                .put("iss", issuer)
                .put("sub", Actors.subject(claims.agent()))
                .put("aud", audience)
                .put("iat", claims.issuedAt().getEpochSecond())
                .put("nbf", claims.issuedAt().minus(ClaimReader.BACKDATED).getEpochSecond())
                .put("exp", claims.expiresAt().getEpochSecond())
                .put("jti", claims.id().value())
                .put("token_type", claims.keyThumbprint().isPresent() ? "DPoP" : "Bearer");
        if (!claims.scope().isEmpty()) {
            said.put("scope", Scope.write(Set.copyOf(claims.scope())));
        }
        claims.keyThumbprint()
                .ifPresent(thumbprint ->
                        said.put("cnf", Json.object().put("jkt", thumbprint).build()));
        Actors.write(claims.actors()).ifPresent(act -> said.put("act", act));
        return CanonicalJson.write(said.build());
    }
}
