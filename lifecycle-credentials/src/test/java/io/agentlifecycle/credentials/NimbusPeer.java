package io.agentlifecycle.credentials;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.crypto.Ed25519Verifier;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.proc.BadJOSEException;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import java.text.ParseException;
import java.time.InstantSource;
import java.util.Date;
import java.util.Set;

/** Another service, which checks tokens with nimbus-jose-jwt from the key set alone, as strictly as its settings allow. */
final class NimbusPeer {
    private final String jwks;
    private final InstantSource clock;

    NimbusPeer(String jwks, InstantSource clock) {
        this.jwks = jwks;
        this.clock = clock;
    }

    boolean accepts(String token) {
        try {
            verify(token);
            return true;
        } catch (ParseException | JOSEException | BadJOSEException | RuntimeException e) {
            return false; // nimbus lets some runtime exceptions out, such as for a key of another type
        }
    }

    private void verify(String token) throws ParseException, JOSEException, BadJOSEException {
        SignedJWT jwt = SignedJWT.parse(token);
        new DefaultJOSEObjectTypeVerifier<SecurityContext>(new JOSEObjectType("agent+jwt"))
                .verify(jwt.getHeader().getType(), null);
        JWK key = JWKSet.parse(jwks).getKeyByKeyId(jwt.getHeader().getKeyID());
        if (key == null || !jwt.verify(new Ed25519Verifier(key.toOctetKeyPair()))) {
            throw new BadJOSEException("the signature");
        }
        var claims =
                new DefaultJWTClaimsVerifier<SecurityContext>(
                        Bench.AUDIENCE,
                        new JWTClaimsSet.Builder().issuer(Bench.ISSUER).build(),
                        Set.of("sub", "iat", "nbf", "exp", "jti", "gen")) {
                    @Override
                    protected Date currentTime() {
                        return Date.from(clock.instant());
                    }
                };
        claims.setMaxClockSkew(0);
        claims.verify(jwt.getJWTClaimsSet(), null);
    }
}
