package io.agentlifecycle.credentials;

import static java.util.Objects.requireNonNull;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFormatException;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.credentials.TokenVerdict.Reason;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;

/**
 * Checks proofs of possession (RFC 9449, section 4.3): of a token that was found good, for one request. As strict as with
 * tokens: one spelling, and no member or claim that the RFC does not name. Safe for use by many threads.
 */
final class DpopVerifier {
    static final String TYPE = "dpop+jwt";

    private static final Set<String> HEADER = Set.of("alg", "jwk", "typ");
    private static final Set<String> CLAIMS = Set.of("ath", "htm", "htu", "iat", "jti");
    private static final String NONCE = "nonce";
    private static final int MOST_KEYS = 10_000;

    private final UsedProofs used;

    /**
     * Keys that were found sound, which takes as long as a signature. Only keys of good tokens get in, and one that leaves is
     * looked at anew.
     */
    private final Cache<PublicJwk, Ed25519PublicKey> sound =
            Caffeine.newBuilder().maximumSize(MOST_KEYS).executor(Runnable::run).build();

    /** Takes proofs that cannot have been used before {@code now}. */
    DpopVerifier(UsedProofs used, Instant now) {
        this.used = requireNonNull(used, "usedProofs");
        used.begin(now);
    }

    /** The answer to a good token with a proof; refused if the proof does not show that its sender may use the token. */
    TokenVerdict proven(CompactJws token, TokenClaims claims, String proof, DpopRequest request, Instant now) {
        String thumbprint = claims.keyThumbprint().orElseThrow(() -> new Refusal(Reason.NOT_BOUND));
        check(proof, request, token.digest(), thumbprint, now);
        return new TokenVerdict.Accepted(claims, true);
    }

    /**
     * The checks in the order of their reasons: that the proof is signed by the key of the token, then what it says, and last
     * the one that uses it up, so that only who has a good token and its key takes room among the used ones. So the signature,
     * which costs most, is computed before the claims, which cost little: what is read is what that key signed.
     *
     * @param tokenDigest SHA-256 of the token that the proof must be for
     * @param thumbprint the key that the token is bound to
     */
    void check(String proof, DpopRequest request, String tokenDigest, String thumbprint, Instant now) {
        CompactJws jws = parse(proof);
        requireSigned(jws, thumbprint);
        Json.Obj claims = StrictJson.object(jws.payload()).orElseThrow(() -> new Refusal(Reason.PROOF_PAYLOAD));
        Set<String> names = claims.members().keySet();
        Refusal.unless(
                names.containsAll(CLAIMS)
                        && names.stream().allMatch(name -> CLAIMS.contains(name) || name.equals(NONCE)),
                Reason.PROOF_CLAIMS);
        requireRequest(claims, request);
        Instant issuedAt = requireTime(claims, now);
        Refusal.unless(is(claims, "ath", tokenDigest), Reason.PROOF_TOKEN);
        requireNonce(claims, request);
        String id = text(claims, "jti").filter(text -> !text.isEmpty()).orElseThrow(() -> new Refusal(Reason.PROOF_ID));
        use(thumbprint, id, issuedAt, now);
    }

    private static CompactJws parse(String proof) {
        try {
            return CompactJws.parse(proof);
        } catch (Refusal refusal) {
            throw new Refusal(Reason.PROOF_COMPACT); // that one speaks of a token
        }
    }

    private void requireSigned(CompactJws jws, String thumbprint) {
        Json.Obj header = StrictJson.object(jws.header()).orElseThrow(() -> new Refusal(Reason.PROOF_HEADER));
        Refusal.unless(header.members().keySet().equals(HEADER), Reason.PROOF_HEADER_MEMBERS);
        Refusal.unless(is(header, "typ", TYPE), Reason.PROOF_TYPE);
        Refusal.unless(
                text(header, "alg")
                        .filter(Ed25519CredentialIssuer.ALGORITHMS::contains)
                        .isPresent(),
                Reason.PROOF_ALGORITHM);
        PublicJwk jwk = jwk(header);
        Refusal.unless(jwk.keyId().equals(thumbprint), Reason.PROOF_KEY);
        Refusal.unless(key(jwk).verifyEquation(jws.signingInput(), jws.signature()), Reason.PROOF_SIGNATURE);
    }

    /** With no more members than it needs: a private key is never taken for a public one. */
    private static PublicJwk jwk(Json.Obj header) {
        try {
            return PublicJwk.of(header.get("jwk").orElse(Json.NULL));
        } catch (JsonFormatException e) {
            throw new Refusal(Reason.PROOF_JWK); // the message may repeat the proof
        }
    }

    private Ed25519PublicKey key(PublicJwk jwk) {
        try {
            return sound.get(jwk, Ed25519PublicKey::of);
        } catch (IllegalArgumentException e) {
            throw new Refusal(Reason.PROOF_KEY_UNSOUND);
        }
    }

    private static void requireRequest(Json.Obj claims, DpopRequest request) {
        Refusal.unless(is(claims, "htm", request.method()), Reason.PROOF_METHOD);
        Optional<String> signed = text(claims, "htu").flatMap(HttpUri::normal);
        Refusal.unless(signed.isPresent() && signed.equals(HttpUri.withoutQuery(request.uri())), Reason.PROOF_URI);
    }

    /** Either way the edge itself is good. */
    private static Instant requireTime(Json.Obj claims, Instant now) {
        if (claims.get("iat").orElse(Json.NULL) instanceof Json.Int seconds) {
            Instant issuedAt = Instant.ofEpochSecond(seconds.value());
            Duration away = Duration.between(issuedAt, now).abs();
            Refusal.unless(away.compareTo(UsedProofs.WINDOW) <= 0, Reason.PROOF_TIME);
            return issuedAt;
        }
        throw new Refusal(Reason.PROOF_TIME);
    }

    /** One that nobody demanded may be there, too. */
    private static void requireNonce(Json.Obj claims, DpopRequest request) {
        Optional<String> nonce = text(claims, NONCE);
        Refusal.unless(
                nonce.map(text -> request.nonces().isEmpty() || request.nonces().contains(text))
                        .orElseGet(() ->
                                request.nonces().isEmpty() && !claims.members().containsKey(NONCE)),
                Reason.PROOF_NONCE);
    }

    private void use(String thumbprint, String id, Instant issuedAt, Instant now) {
        switch (used.use(thumbprint, id, issuedAt, now)) {
            case FIRST -> {}
            case AGAIN -> throw new Refusal(Reason.PROOF_REPLAYED);
            case TOO_LATE -> throw new Refusal(Reason.PROOF_TIME);
            case BEFORE_OPENING -> throw new Refusal(Reason.PROOF_BEFORE_OPENING);
            case NO_ROOM -> throw new Refusal(Reason.PROOFS_FULL);
        }
    }

    private static boolean is(Json.Obj object, String name, String expected) {
        return text(object, name).filter(expected::equals).isPresent();
    }

    private static Optional<String> text(Json.Obj object, String name) {
        return object.get(name).orElse(Json.NULL) instanceof Json.Str text
                ? Optional.of(text.value())
                : Optional.empty();
    }
}
