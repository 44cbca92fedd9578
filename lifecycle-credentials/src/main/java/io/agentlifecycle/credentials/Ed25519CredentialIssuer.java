package io.agentlifecycle.credentials;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Capability;
import io.agentlifecycle.core.access.Text;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialOrder;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.spi.CredentialIssuer;
import io.agentlifecycle.core.spi.SigningKeyStore;
import io.agentlifecycle.credentials.keys.CheckedKeys;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Makes credentials whose token is signed: a compact JWS of type {@code agent+jwt} that names the agent, the credential
 * and its time, and that {@link CredentialVerifier}, or anyone who has {@link #jwks}, can check.
 *
 * <p>A token has whole seconds. It begins with the second in which it was ordered, and ends with the last whole second
 * of the order, and so does the credential: the record and the token say the same end.
 *
 * <p>A key signs for five sixths of its life, and for the last one only checks what it signed: {@link IssuerKeys} makes the
 * next one in time, and retires the old one. A key that was just made does not sign yet, unless there is no other. Tokens of
 * a key count until it is retired, and then no more, and agents that have one are due for another.
 *
 * <p>Keys that sign elsewhere have each signature checked before it gets out, see {@link CheckedKeys}; if they fail, the command
 * fails with a {@code KeysUnavailableException} and what the agent has stays good.
 *
 * <p>Nothing of a token is kept or logged. Safe for use by many threads.
 */
public final class Ed25519CredentialIssuer implements CredentialIssuer {
    static final String ALGORITHM = "Ed25519";
    static final String LEGACY_ALGORITHM = "EdDSA";
    static final Set<String> ALGORITHMS = Set.of(ALGORITHM, LEGACY_ALGORITHM);
    static final String TYPE = "agent+jwt";

    private static final int MAX_NAME = 256;

    private final SigningKeyStore keys;
    private final TrustedKeys.Of trusted;
    private final String issuer;
    private final String audience;
    private final String algorithm;
    private final Duration longestLife;
    private final KeySchedule schedule;

    private Ed25519CredentialIssuer(Builder builder) {
        this.keys = builder.keys;
        this.trusted = new TrustedKeys.Of(keys);
        this.issuer = builder.issuer.orElseGet(() -> oldestKey(keys).didKey());
        this.audience = builder.audience.orElse(issuer);
        this.algorithm = builder.algorithm;
        this.schedule = new KeySchedule(builder.keyLife);
        this.longestLife = builder.keyLife.dividedBy(KeySchedule.PARTS).truncatedTo(ChronoUnit.SECONDS);
    }

    /**
     * An issuer with the defaults of {@link #builder}.
     *
     * @throws IllegalArgumentException if the keys are for another purpose, or there is none
     */
    public static Ed25519CredentialIssuer create(SigningKeyStore keys) {
        return builder(keys).build();
    }

    /**
     * A builder of an issuer that is named by the {@code did:key} of the oldest key of the store, whose audience is
     * itself, whose keys live for 90 days, so its tokens for at most 15, and that writes {@code Ed25519} as algorithm.
     *
     * @throws IllegalArgumentException if the keys are for another purpose than credentials
     */
    public static Builder builder(SigningKeyStore keys) {
        return new Builder(keys);
    }

    private static Ed25519PublicKey oldestKey(SigningKeyStore keys) {
        return keys.publicKeys().stream()
                .findFirst()
                .map(key -> Ed25519PublicKey.of(key.jwk()))
                .orElseThrow(() -> new IllegalArgumentException(
                        "the store has no key to name the issuer by; generate one, or name the issuer"));
    }

    /** The name of the issuer, the claim {@code iss} of its tokens. */
    public String issuer() {
        return issuer;
    }

    /** For whom tokens are meant unless the agent names somebody: the claim {@code aud}. */
    public String audience() {
        return audience;
    }

    /** No token lives longer: a sixth of the life of a key. */
    @Override
    public Duration longestLife() {
        return longestLife;
    }

    /** The keys that are not retired. */
    @Override
    public Optional<Set<String>> goodKeys() {
        return Optional.of(trustedKeys().good().keySet());
    }

    /** All keys of the store, also those that are retired. */
    @Override
    public Optional<Set<String>> knownKeys() {
        return Optional.of(trustedKeys().known());
    }

    SigningKeyStore keys() {
        return keys;
    }

    KeySchedule schedule() {
        return schedule;
    }

    /** The keys as they are now, asked of the store at every call. */
    TrustedKeys trustedKeys() {
        return trusted.now();
    }

    /**
     * The credential for {@code order}, and its token.
     *
     * @throws PolicyViolationException rule {@code credential-life} if it would live longer than {@link #longestLife} or
     *     for no whole second, {@code credential-time} if its times are not of this age, {@code credential-audience},
     *     {@code credential-scope}, {@code credential-actors} or {@code credential-key} if what it must say is not what a token can say,
     *     {@code credential-size} if its token would be longer than 8 KiB, {@code signing-key} if all keys are retired
     */
    @Override
    public IssuedCredential issue(CredentialOrder order) {
        requireNonNull(order, "order");
        return signing(
                order.issuedAt(),
                () -> refused("signing-key", order, "all signing keys are retired; generate one"),
                keyId -> signed(order, keyId));
    }

    /** Signs something else than a token, given the keys whose tokens count; refused if all keys are retired. */
    String sign(String type, Instant now, Function<Set<String>, Json.Obj> payload) {
        return signing(
                now,
                () -> new PolicyViolationException(
                        "signing-key", "%s signs nothing: all signing keys are retired; generate one".formatted(this)),
                keyId -> signed(type, payload.apply(trustedKeys().good().keySet()), keyId));
    }

    private <T> T signing(Instant now, Supplier<PolicyViolationException> noKey, Function<String, T> signer) {
        while (true) {
            String keyId = trustedKeys().signing(schedule, now).orElseThrow(noKey);
            try {
                return signer.apply(keyId);
            } catch (IllegalArgumentException e) {
                if (signs(keyId)) {
                    throw e;
                }
                // it was retired a moment ago, so another one signs
            }
        }
    }

    /**
     * Makes the token of {@code order} again that {@link #issue} made: the same text, as long as this issuer has the name,
     * the audience and the algorithm name that it had. Empty if its key signs no more; then its tokens are not good
     * either, and the agent needs another credential.
     *
     * @throws PolicyViolationException as {@link #issue}
     */
    @Override
    public Optional<IssuedCredential> reissue(CredentialOrder order, Credential issued) {
        requireNonNull(order, "order");
        return issued.keyId().filter(this::signs).flatMap(keyId -> signedAgain(order, keyId));
    }

    private Optional<IssuedCredential> signedAgain(CredentialOrder order, String keyId) {
        try {
            return Optional.of(signed(order, keyId));
        } catch (IllegalArgumentException e) {
            if (signs(keyId)) {
                throw e;
            }
            return Optional.empty(); // it was retired a moment ago
        }
    }

    /**
     * The JSON Web Key Set (RFC 7517) of the keys whose tokens count, for services that check tokens by themselves. It says
     * nothing of agents: whoever relies on it alone learns of a suspension only when the token ends.
     */
    public String jwks() {
        return KeySet.write(trustedKeys().good().values(), algorithm);
    }

    private boolean signs(String keyId) {
        return trustedKeys().isGood(keyId);
    }

    private IssuedCredential signed(CredentialOrder order, String keyId) {
        Instant end = end(order);
        String text = signed(TYPE, payload(order, end), keyId);
        if (text.length() > CompactJws.MAX_LENGTH) {
            throw refused(
                    "credential-size",
                    order,
                    "its token would have %d characters, and %d are allowed; give it fewer capabilities"
                            .formatted(text.length(), CompactJws.MAX_LENGTH));
        }
        Credential made = order.signedBy(keyId);
        var credential = new Credential(
                made.id(),
                made.generation(),
                made.issuedAt(),
                end,
                made.recorded(),
                made.graceUntil(),
                made.keyId(),
                made.secretSha256());
        return new IssuedCredential(credential, Token.of(text));
    }

    private String signed(String type, Json.Obj payload, String keyId) {
        Json.Obj header = Json.object()
                .put("alg", algorithm)
                .put("kid", keyId)
                .put("typ", type)
                .build();
        return CompactJws.write(bytes(header), bytes(payload), bytes -> keys.sign(keyId, bytes));
    }

    private static byte[] bytes(Json.Obj json) {
        return CanonicalJson.write(json).getBytes(UTF_8);
    }

    /** The last whole second of the order, so that the token never outlives it. */
    private Instant end(CredentialOrder order) {
        requireOfThisAge(order, order.issuedAt());
        requireOfThisAge(order, order.expiresAt());
        Duration life = Duration.between(order.issuedAt(), order.expiresAt());
        if (life.compareTo(longestLife) > 0) {
            throw refused(
                    "credential-life",
                    order,
                    "it would live for %s, and %s is a sixth of the life of a key; shorten maxCredentialTtl or give the issuer a longer keyLife"
                            .formatted(life, longestLife));
        }
        Instant end = order.expiresAt().truncatedTo(ChronoUnit.SECONDS);
        if (!end.isAfter(order.issuedAt())) {
            throw refused(
                    "credential-life",
                    order,
                    "a token ends with a whole second, and its end at %s leaves it none after %s; let it live longer"
                            .formatted(order.expiresAt(), order.issuedAt()));
        }
        return end;
    }

    private static void requireOfThisAge(CredentialOrder order, Instant time) {
        long second = time.getEpochSecond();
        if (second < ClaimReader.BACKDATED.toSeconds() || second > Json.MAX_INTEGER) {
            throw refused(
                    "credential-time",
                    order,
                    "a token cannot say the time %s; set the clock, or shorten its life".formatted(time));
        }
    }

    private Json.Obj payload(CredentialOrder order, Instant end) {
        long iat = order.issuedAt().getEpochSecond();
        Json.ObjBuilder claims = Json.object()
                .put("iss", issuer)
                .put("sub", Actors.subject(order.agent()))
                .put("aud", audience(order))
                .put("iat", iat)
                .put("nbf", iat - ClaimReader.BACKDATED.toSeconds())
                .put("exp", end.getEpochSecond())
                .put("jti", order.id().value())
                .put("gen", order.generation());
        if (!order.scope().isEmpty()) {
            claims.put("scope", scope(order));
        }
        order.keyThumbprint()
                .ifPresent(thumbprint -> claims.put(
                        "cnf",
                        Json.object().put("jkt", thumbprint(order, thumbprint)).build()));
        Actors.write(actors(order)).ifPresent(act -> claims.put("act", act));
        return claims.build();
    }

    private static List<AgentKey> actors(CredentialOrder order) {
        if (order.actors().size() > Actors.MOST) {
            throw refused(
                    "credential-actors",
                    order,
                    "it works for %d agents, each one for the next, and a token names %d; give it a parent nearer to the first of them"
                            .formatted(order.actors().size(), Actors.MOST));
        }
        return order.actors();
    }

    private String audience(CredentialOrder order) {
        try {
            return order.audience()
                    .map(name -> Text.line("audience", name, MAX_NAME))
                    .orElse(audience);
        } catch (IllegalArgumentException e) {
            throw refused("credential-audience", order, e.getMessage() + "; name one service");
        }
    }

    private static String scope(CredentialOrder order) {
        for (String capability : order.scope()) {
            if (!Capability.isName(capability)) {
                throw refused(
                        "credential-scope",
                        order,
                        "a capability must be 1-128 of A-Z a-z 0-9 . _ : / - but was \"%s\"; name what it may do, one by one"
                                .formatted(capability));
            }
        }
        return Scope.write(order.scope());
    }

    private static String thumbprint(CredentialOrder order, String thumbprint) {
        if (!ClaimReader.isThumbprint(thumbprint)) {
            throw refused(
                    "credential-key",
                    order,
                    "the key that it is bound to must be named by its RFC 7638 thumbprint, 43 characters of base64url");
        }
        return thumbprint;
    }

    private static PolicyViolationException refused(String rule, CredentialOrder order, String why) {
        return new PolicyViolationException(rule, "no credential for agent %s: %s".formatted(order.agent(), why));
    }

    /** The name of the issuer. */
    @Override
    public String toString() {
        return "Ed25519CredentialIssuer[" + issuer + "]";
    }

    /** Collects how tokens are made. Not safe for use by several threads. */
    public static final class Builder {
        private static final Duration LONGEST = Duration.ofDays(KeySchedule.PARTS * 366L);

        private final SigningKeyStore keys;
        private Optional<String> issuer = Optional.empty();
        private Optional<String> audience = Optional.empty();
        private String algorithm = ALGORITHM;
        private Duration keyLife = Duration.ofDays(90);

        private Builder(SigningKeyStore keys) {
            this.keys = CheckedKeys.of(keys);
            if (keys.purpose() != SigningKeyStore.Purpose.CREDENTIALS) {
                throw new IllegalArgumentException(
                        "credentials are signed by keys for CREDENTIALS, and these are for " + keys.purpose());
            }
        }

        /**
         * The name of the issuer, 1 to 256 characters on one line. Name it if the oldest key of the store may be destroyed one
         * day: the name by default then changes with it, and no older token is good any more.
         */
        public Builder issuer(String value) {
            issuer = Optional.of(Text.line("issuer", value, MAX_NAME));
            return this;
        }

        /** For whom tokens are meant unless the agent names somebody, 1 to 256 characters on one line. */
        public Builder audience(String value) {
            audience = Optional.of(Text.line("audience", value, MAX_NAME));
            return this;
        }

        /** Writes the algorithm as {@code EdDSA}, for services that do not know the name of RFC 9864 yet. */
        public Builder legacyAlgorithmName() {
            algorithm = LEGACY_ALGORITHM;
            return this;
        }

        /**
         * How long a key is used, from when it is made until its last token ends, six seconds to six years of 366 days. No
         * token lives for more than a sixth of that: an order that does is refused. {@link IssuerKeys} changes keys in time.
         *
         * <p>If it is made shorter, tokens from before that live for more than the new sixth are good no more, and the first sweep
         * makes the ACTIVE agents that have one due for another.
         */
        public Builder keyLife(Duration value) {
            if (value.compareTo(Duration.ofSeconds(KeySchedule.PARTS)) < 0 || value.compareTo(LONGEST) > 0) {
                throw new IllegalArgumentException(
                        "keyLife must be at least PT6S and at most " + LONGEST.toDays() + " days but was " + value);
            }
            keyLife = value;
            return this;
        }

        /**
         * The issuer.
         *
         * @throws IllegalArgumentException if it has no name and the store no key
         */
        public Ed25519CredentialIssuer build() {
            return new Ed25519CredentialIssuer(this);
        }
    }
}
