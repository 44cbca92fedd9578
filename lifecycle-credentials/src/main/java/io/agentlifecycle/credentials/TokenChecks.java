package io.agentlifecycle.credentials;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.credentials.TokenVerdict.Reason;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The checks in the order of their numbers, the same for everyone who checks a token; each stops an attack that those
 * before it let through. What differs is asked of a {@link Mode}.
 *
 * @param audience empty if it does not matter for whom a token is meant
 */
record TokenChecks(String issuer, Optional<String> audience, Duration longestLife, boolean hostChecksProof) {
    private static final Logger LOG = LoggerFactory.getLogger(TokenChecks.class);
    private static final Set<String> HEADER = Set.of("alg", "kid", "typ");

    /** Where keys, time and standing come from; what it refuses, it refuses with a {@link Refusal}. */
    interface Mode {
        TrustedKeys keys();

        void requireTime(Instant issuedAt, Instant expiresAt);

        void requireStanding(AgentKey agent, CredentialId id);
    }

    /** What {@code check} comes to; whatever it throws is a verdict, too. */
    static TokenVerdict verdict(Supplier<TokenVerdict> check) {
        try {
            return check.get();
        } catch (Refusal refusal) {
            return refusal.verdict();
        } catch (RuntimeException e) {
            // Only its name: what a reader complains of is the text of the token.
            LOG.error(
                    "a token is refused because its check ended with {}",
                    e.getClass().getName());
            return new Refusal(Reason.UNCHECKED).verdict();
        }
    }

    /** Accepts a good token without a proof, if it needs none or the host checks that. */
    TokenVerdict unproven(TokenClaims claims) {
        Refusal.unless(claims.keyThumbprint().isEmpty() || hostChecksProof, Reason.PROOF_REQUIRED);
        return new TokenVerdict.Accepted(claims, false);
    }

    /** All checks but 1 and 2, which are those of {@link CompactJws#parse(String)}, and the proof, which comes after them. */
    TokenClaims all(CompactJws jws, Mode mode) {
        Json.Obj header = StrictJson.object(jws.header()).orElseThrow(() -> new Refusal(Reason.HEADER)); // 3
        Refusal.unless(header.members().keySet().equals(HEADER), Reason.HEADER_MEMBERS); // 4
        Refusal.unless(Ed25519CredentialIssuer.ALGORITHMS.contains(text(header, "alg")), Reason.ALGORITHM); // 5
        Refusal.unless(Ed25519CredentialIssuer.TYPE.equals(text(header, "typ")), Reason.TYPE); // 6

        // The signature is computed also for a key that is not known, and only then is either refused: how long the
        // answer takes does not tell which keys there are.
        String keyId = text(header, "kid");
        TrustedKeys.Key key = mode.keys().find(keyId);
        boolean signed = key.publicKey().verifyEquation(jws.signingInput(), jws.signature());
        key.requireGood(); // 7, 8
        Refusal.unless(signed, Reason.SIGNATURE); // 9

        var claims =
                new ClaimReader(StrictJson.object(jws.payload()).orElseThrow(() -> new Refusal(Reason.PAYLOAD))); // 10
        claims.require("iss", issuer, Reason.ISSUER); // 11
        AgentKey agent = claims.subject();
        CredentialId id = claims.credentialId();
        long generation = claims.generation();
        audience.ifPresent(wanted -> claims.require("aud", wanted, Reason.AUDIENCE)); // 12
        Instant issuedAt = claims.issuedAt(); // 13
        Instant expiresAt = claims.expiresAt(longestLife);
        mode.requireTime(issuedAt, expiresAt);
        mode.requireStanding(agent, id); // 14, 15
        Optional<String> keyThumbprint = claims.keyThumbprint(); // 16
        List<AgentKey> actors = claims.actors(); // 17
        Set<String> scope = claims.scope();
        return new TokenClaims(agent, id, generation, issuedAt, expiresAt, scope, keyThumbprint, actors, keyId); // 18
    }

    private static String text(Json.Obj header, String name) {
        return header.get(name).orElse(Json.NULL) instanceof Json.Str text ? text.value() : "";
    }
}
