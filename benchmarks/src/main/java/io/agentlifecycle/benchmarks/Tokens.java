package io.agentlifecycle.benchmarks;

import static java.nio.charset.StandardCharsets.US_ASCII;

import com.nimbusds.jose.crypto.Ed25519Verifier;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jwt.SignedJWT;
import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialOrder;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.CredentialVerifier;
import io.agentlifecycle.credentials.DpopProver;
import io.agentlifecycle.credentials.DpopRequest;
import io.agentlifecycle.credentials.Ed25519CredentialIssuer;
import io.agentlifecycle.credentials.TokenVerdict;
import io.agentlifecycle.credentials.UsedProofs;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import io.agentlifecycle.credentials.keys.InMemoryKeys;
import io.jsonwebtoken.JwtParser;
import io.jsonwebtoken.Jwts;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.spec.X509EncodedKeySpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.math.ec.rfc8032.Ed25519;

/** Issuing and checking tokens, against nothing but the signature, and against other libraries. */
final class Tokens implements Subject {
    private static final int AT_ONCE = 20;
    private static final DpopRequest REQUEST = DpopRequest.of("GET", "https://tools.example/search");

    /** Longer than proofs are good for, so that a store of used ones takes them, and has room again for the next. */
    private static final Duration PROOFS_OVER = Duration.ofSeconds(122);

    private final MutableClock clock = MutableClock.at("2026-04-11T04:30:00Z");
    private final InMemoryKeys keys = InMemoryKeys.create(Purpose.CREDENTIALS, clock);
    private final InMemoryKeys proofKeys = InMemoryKeys.create(Purpose.PROOFS, clock);

    /** One that does something {@link #AT_ONCE} times, and says so if it did not work. */
    private record Rate(Load.Work once, List<Double> perSecond) {
        void measure(Duration time) throws Exception {
            perSecond.add(Load.perSecond(1, time, caller -> {
                int done = 0;
                for (int i = 0; i < AT_ONCE; i++) {
                    done += once.run(caller);
                }
                if (done != AT_ONCE) {
                    throw new IllegalStateException("what is measured does not work");
                }
                return done;
            }));
        }
    }

    /** A manager with an agent, its token as it is written by default, and the same by the older name of the algorithm. */
    private final class Office implements AutoCloseable {
        final Ed25519CredentialIssuer issuer = Ed25519CredentialIssuer.create(keys);
        final LifecycleManager manager = LifecycleManager.builder()
                .clock(clock)
                .credentials(issuer)
                .policy(LifecyclePolicy.builder().requireApproval(false).build())
                .build();
        final CredentialVerifier plain = CredentialVerifier.create(manager, issuer);
        final CredentialVerifier cached =
                CredentialVerifier.builder(manager, issuer).cache(1_000).build();
        final IssuedCredential bearer = activate("bearer", Optional.empty());
        final Token bound = activate(
                        "bound", Optional.of(proofKeys.publicKeys().get(0).keyId()))
                .token();
        final DpopProver prover =
                DpopProver.create(proofKeys, proofKeys.publicKeys().get(0).keyId(), clock);

        private IssuedCredential activate(String id, Optional<String> thumbprint) {
            ProvisioningRequest.Builder request = ProvisioningRequest.builder("Search Agent")
                    .id(AgentId.of(id))
                    .owner("alice@company.com")
                    .capabilities(Set.of("read", "tools:search"));
            thumbprint.ifPresent(request::keyThumbprint);
            return manager.activate(manager.requestProvisioning(request.build()).id())
                    .issued();
        }

        CredentialOrder order() {
            Credential credential = bearer.credential();
            return new CredentialOrder(
                    manager.get(AgentId.of("bearer")).key(),
                    credential.id(),
                    credential.generation(),
                    credential.issuedAt(),
                    credential.expiresAt(),
                    Set.of("read", "tools:search"),
                    Optional.empty(),
                    Optional.empty());
        }

        String legacy() {
            return Ed25519CredentialIssuer.builder(keys)
                    .legacyAlgorithmName()
                    .build()
                    .issue(order())
                    .token()
                    .reveal();
        }

        @Override
        public void close() {
            manager.close();
        }
    }

    @Override
    public List<Figure> measure(Scale scale, Path scratch) throws Exception {
        Duration time = scale.round().dividedBy(4); // there are many rates
        try (var office = new Office()) {
            Map<String, Rate> rates = rates(office);
            List<Double> proven = new ArrayList<>();
            for (int i = 0; i <= scale.rounds(); i++) {
                for (Rate rate : rates.values()) {
                    rate.measure(i == 0 ? time.multipliedBy(4) : time);
                }
                proven.add(proven(office, scale.isQuick() ? 500 : 5_000));
                if (i == 0) { // that round is for the compiler
                    rates.values().forEach(rate -> rate.perSecond().clear());
                    proven.clear();
                }
            }
            Map<String, Double> found = new LinkedHashMap<>();
            rates.forEach((name, rate) -> found.put(name, Load.median(rate.perSecond())));
            found.put("verify with proof", Load.median(proven));
            found.forEach((name, rate) -> Figures.note("tokens: %s %.0f/s", name, rate));
            return figures(found);
        }
    }

    private static List<Figure> figures(Map<String, Double> rates) {
        double raw = rates.getOrDefault("raw verify", 0.0);
        double verify = rates.getOrDefault("verify", 0.0);
        return List.of(
                new Figure("token-verify", verify / raw, 0.75),
                new Figure("token-verify-nimbus", verify / rates.getOrDefault("nimbus", 0.0), 1.5),
                new Figure("token-verify-jjwt", verify / rates.getOrDefault("jjwt", 0.0), 1),
                new Figure("token-verify-dpop", rates.getOrDefault("verify with proof", 0.0) / raw, 0.38),
                new Figure("token-verify-cached", rates.getOrDefault("verify, cached", 0.0) / verify, 25),
                new Figure("token-issue", rates.getOrDefault("issue", 0.0) / rates.getOrDefault("raw sign", 0.0), 0.7));
    }

    private Map<String, Rate> rates(Office office) throws Exception {
        String token = office.bearer.token().reveal();
        Map<String, Rate> rates = new LinkedHashMap<>();
        rates.put("raw verify", rate(rawVerify(token)));
        rates.put("verify", rate(caller -> accepted(office.plain.verify(token))));
        rates.put("verify, cached", rate(caller -> accepted(office.cached.verify(token))));
        rates.put("nimbus", rate(nimbus(office, token)));
        rates.put("jjwt", rate(jjwt(office)));
        rates.put("raw sign", rate(rawSign(token)));
        CredentialOrder order = office.order();
        rates.put(
                "issue",
                rate(caller -> office.issuer.issue(order).token().reveal().equals(token) ? 1 : 0));
        return rates;
    }

    private static Rate rate(Load.Work once) {
        return new Rate(once, new ArrayList<>());
    }

    private static int accepted(TokenVerdict verdict) {
        return verdict instanceof TokenVerdict.Accepted ? 1 : 0;
    }

    private Load.Work rawVerify(String token) {
        int end = token.lastIndexOf('.');
        byte[] message = token.substring(0, end).getBytes(US_ASCII);
        byte[] signature = Base64.getUrlDecoder().decode(token.substring(end + 1));
        byte[] key = keys.publicKeys().get(0).jwk().bytes();
        Ed25519.PublicPoint point = Ed25519.validatePublicKeyFullExport(key, 0);
        return caller -> Ed25519.verify(signature, 0, point, message, 0, message.length) ? 1 : 0;
    }

    private static Load.Work rawSign(String token) {
        byte[] message = token.substring(0, token.lastIndexOf('.')).getBytes(US_ASCII);
        byte[] secret = new byte[Ed25519.SECRET_KEY_SIZE];
        Ed25519.generatePrivateKey(new SecureRandom(), secret);
        byte[] key = new byte[Ed25519.PUBLIC_KEY_SIZE];
        Ed25519.generatePublicKey(secret, 0, key, 0);
        return caller -> {
            byte[] signature = new byte[Ed25519.SIGNATURE_SIZE];
            Ed25519.sign(secret, 0, key, 0, message, 0, message.length, signature, 0);
            return 1;
        };
    }

    /** The key is prepared beforehand, as with us. */
    private static Load.Work nimbus(Office office, String token) throws Exception {
        var verifier = new Ed25519Verifier(
                JWKSet.parse(office.issuer.jwks()).getKeys().get(0).toOctetKeyPair());
        return caller -> {
            SignedJWT jwt = SignedJWT.parse(token);
            return jwt.verify(verifier) && jwt.getJWTClaimsSet().getSubject() != null ? 1 : 0;
        };
    }

    /** It knows the algorithm by its older name only. */
    private Load.Work jjwt(Office office) throws Exception {
        String token = office.legacy();
        String pem = Ed25519PublicKey.of(keys.publicKeys().get(0).jwk()).toPem();
        byte[] der = Base64.getMimeDecoder().decode(pem.replaceAll("-----[A-Z ]+-----", ""));
        PublicKey key = KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(der));
        JwtParser parser = Jwts.parser()
                .verifyWith(key)
                .clock(() -> Date.from(clock.instant()))
                .build();
        return caller -> parser.parseSignedClaims(token).getPayload().getSubject() != null ? 1 : 0;
    }

    /** How many a second, each with a proof of its own, which are made beforehand. */
    private double proven(Office office, int count) {
        CredentialVerifier verifier = CredentialVerifier.builder(office.manager, office.issuer)
                .usedProofs(UsedProofs.open(16 * count)) // one key has a sixteenth
                .build();
        clock.advance(PROOFS_OVER);
        List<String> proofs = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            proofs.add(office.prover.prove("GET", "https://tools.example/search", office.bound));
        }
        String token = office.bound.reveal();
        long start = System.nanoTime();
        int done = 0;
        for (String proof : proofs) {
            done += accepted(verifier.verify(token, proof, REQUEST));
        }
        double seconds = Figures.seconds(start);
        if (done != count) {
            throw new IllegalStateException("a proof that is measured is not accepted");
        }
        return count / seconds;
    }
}
