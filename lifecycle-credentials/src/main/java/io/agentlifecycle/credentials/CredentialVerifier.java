package io.agentlifecycle.credentials;

import static java.util.Objects.requireNonNull;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Expiry;
import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Text;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.credentials.TokenVerdict.Reason;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Checks tokens of an {@link Ed25519CredentialIssuer} in the process of the manager that ordered them. A token is good if
 * it is the one spelling of what the issuer wrote, signed by a key that is not retired, within its time to the nanosecond,
 * and if the manager says, now, that the agent may act with that credential. What was good a moment ago is asked again at
 * every call, with the cache, too: once a command that takes power away has returned, no token of that agent is accepted.
 *
 * <p>Made from a view of one tenant, it accepts tokens of that tenant only; made from the manager that was built, those of
 * all tenants, so look at the tenant in the claims, too.
 *
 * <p>A token that is bound to a key is accepted together with a proof that the caller holds that key (RFC 9449), see
 * {@link #verify(String, String, DpopRequest)}. Alone it is refused, unless the host says with
 * {@link Builder#hostChecksProof} that it checks the proof itself.
 *
 * <p>Safe for use by many threads.
 */
public final class CredentialVerifier {
    private static final Logger LOG = LoggerFactory.getLogger(CredentialVerifier.class);

    private static final Set<Verdict.Reason> OF_THE_CREDENTIAL = EnumSet.of(
            Verdict.Reason.CREDENTIAL_UNKNOWN,
            Verdict.Reason.CREDENTIAL_RETIRED,
            Verdict.Reason.CREDENTIAL_REVOKED,
            Verdict.Reason.CREDENTIAL_EXPIRED);

    private static final Set<Verdict.Reason> OF_PARENTS =
            EnumSet.of(Verdict.Reason.PARENT_STOPPED, Verdict.Reason.PARENT_CREDENTIAL, Verdict.Reason.PARENT_UNKNOWN);

    private final LifecycleManager manager;
    private final Ed25519CredentialIssuer issuer;
    private final String audience;
    private final TokenChecks checks;
    private final TokenChecks.Mode mode;
    private final DpopVerifier proofs;
    private final Optional<Cache<String, TokenClaims>> cache;

    private CredentialVerifier(Builder builder) {
        this.manager = builder.manager;
        this.issuer = builder.issuer;
        this.audience = builder.audience;
        this.mode = new Now(manager, issuer);
        this.checks =
                new TokenChecks(issuer.issuer(), Optional.of(audience), issuer.longestLife(), builder.hostChecksProof);
        this.proofs = new DpopVerifier(
                builder.usedProofs.orElseGet(() -> UsedProofs.open(UsedProofs.DEFAULT_CAPACITY)), manager.now());
        this.cache = builder.maximumSize == 0 ? Optional.empty() : Optional.of(cache(builder.maximumSize, manager));
    }

    /** A verifier with the defaults of {@link #builder}. */
    public static CredentialVerifier create(LifecycleManager manager, Ed25519CredentialIssuer issuer) {
        return builder(manager, issuer).build();
    }

    /**
     * A builder of a verifier for the issuer's own audience, that refuses bound tokens without proof, remembers 100,000 used
     * proofs of its own, of one key 6,250, and has no cache.
     */
    public static Builder builder(LifecycleManager manager, Ed25519CredentialIssuer issuer) {
        return new Builder(manager, issuer);
    }

    /**
     * Whether {@code token} is good now. Whatever it is, the answer is a verdict and no exception; if the keys or the manager
     * cannot be asked, it is {@link Reason#UNCHECKED}.
     */
    public TokenVerdict verify(String token) {
        requireNonNull(token, "token");
        return TokenChecks.verdict(() -> checks.unproven(check(CompactJws.parse(token))));
    }

    /**
     * Whether {@code token} is good now, is bound to a key, and {@code proof} shows that whoever sent {@code request} holds it:
     * a proof for this token, this method and this URI, made within a minute of now, with a nonce if one is demanded, and
     * never used before. Then it is used up. A proof with a token that is bound to no key is refused.
     *
     * <p>Whatever they are, the answer is a verdict and no exception, as with {@link #verify(String)}. After the token, the
     * proof is looked at; reasons that begin with PROOF are about that.
     *
     * @param proof what stood in the header {@code DPoP}; if there was more than one such header, refuse the request
     */
    public TokenVerdict verify(String token, String proof, DpopRequest request) {
        requireNonNull(token, "token");
        requireNonNull(proof, "proof");
        requireNonNull(request, "request");
        return TokenChecks.verdict(() -> {
            CompactJws jws = CompactJws.parse(token);
            return proofs.proven(jws, check(jws), proof, request, asked(manager::now));
        });
    }

    /**
     * Whether {@code token} is good now, as the JSON of RFC 7662. Whatever is not gives the bytes
     * <code>{"active":false}</code> and no more.
     *
     * <p>A token that is bound to a key is active, too, with {@code cnf} and the {@code token_type} {@code DPoP} (RFC 9449,
     * section 6.2): whoever asks has the proof, and must check it against that key.
     */
    public String introspect(String token) {
        requireNonNull(token, "token");
        return Introspection.of(() -> check(CompactJws.parse(token)), issuer.issuer(), audience);
    }

    private TokenClaims check(CompactJws jws) {
        if (cache.isEmpty()) {
            return checks.all(jws, mode);
        }
        String digest = jws.digest();
        TokenClaims known = cache.get().getIfPresent(digest);
        if (known != null) {
            mode.keys().find(known.keyId()).requireGood();
            mode.requireTime(known.issuedAt(), known.expiresAt());
            mode.requireStanding(known.agent(), known.id());
            return known;
        }
        TokenClaims claims = checks.all(jws, mode);
        cache.get().put(digest, claims);
        return claims;
    }

    /** What the keys and the manager say at this moment. */
    private record Now(LifecycleManager manager, Ed25519CredentialIssuer issuer) implements TokenChecks.Mode {
        @Override
        public TrustedKeys keys() {
            return asked(issuer::trustedKeys);
        }

        /** Without any skew: the manager's time is the one that the token was issued by. */
        @Override
        public void requireTime(Instant issuedAt, Instant expiresAt) {
            Instant now = asked(manager::now);
            Refusal.unless(!issuedAt.isAfter(now), Reason.NOT_YET_VALID);
            Refusal.unless(now.isBefore(expiresAt), Reason.EXPIRED); // the instant itself is too late
        }

        @Override
        public void requireStanding(AgentKey agent, CredentialId id) {
            if (asked(() -> manager.standing(agent, id)) instanceof Verdict.Denied denied) {
                throw new Refusal(reason(denied.reasons()), denied);
            }
        }

        /** What is wrong with the agent itself is told before what is wrong with those above it. */
        private static Reason reason(List<Verdict.Reason> reasons) {
            List<Verdict.Reason> own =
                    reasons.stream().filter(r -> !OF_PARENTS.contains(r)).toList();
            return own.isEmpty()
                    ? Reason.PARENT
                    : OF_THE_CREDENTIAL.containsAll(own) ? Reason.CREDENTIAL : Reason.AGENT;
        }
    }

    /** Asks the keys or the manager, which know nothing of the token's text, so that their failure can be told whole. */
    private static <T> T asked(Supplier<T> question) {
        try {
            return question.get();
        } catch (RuntimeException e) {
            LOG.error("a token is refused because it cannot be checked now", e);
            throw new Refusal(Reason.UNCHECKED);
        }
    }

    /** Entries leave at their end; until then they save the signature and the reading, and decide nothing. */
    private static Cache<String, TokenClaims> cache(long maximumSize, LifecycleManager manager) {
        Instant begin = manager.now();
        return Caffeine.newBuilder()
                .maximumSize(maximumSize)
                .ticker(() -> nanosSince(begin, manager.now()))
                .expireAfter(Expiry.<String, TokenClaims>writing(
                        (digest, claims) -> Duration.between(manager.now(), claims.expiresAt())))
                .executor(Runnable::run)
                .build();
    }

    /** At most a century, which fits. */
    private static long nanosSince(Instant begin, Instant now) {
        Duration century = Duration.ofDays(36_500);
        Duration passed = Duration.between(begin, now);
        return (passed.compareTo(century) < 0 ? passed : century).toNanos();
    }

    /** Collects what a verifier accepts. Not safe for use by several threads. */
    public static final class Builder {
        private final LifecycleManager manager;
        private final Ed25519CredentialIssuer issuer;
        private String audience;
        private boolean hostChecksProof;
        private Optional<UsedProofs> usedProofs = Optional.empty();
        private long maximumSize;

        private Builder(LifecycleManager manager, Ed25519CredentialIssuer issuer) {
            this.manager = requireNonNull(manager, "manager");
            this.issuer = requireNonNull(issuer, "issuer");
            this.audience = issuer.audience();
        }

        /** For whom tokens must be meant, word for word; 1 to 256 characters on one line. */
        public Builder audience(String value) {
            audience = Text.line("audience", value, 256);
            return this;
        }

        /**
         * Accepts tokens that are bound to a key also without a proof, although possession is not checked then. The host then
         * checks the caller's proof against {@link TokenClaims#keyThumbprint} whenever {@link TokenVerdict.Accepted#proofOutstanding} says so; a
         * host that does not makes bound tokens worth no more than others.
         */
        public Builder hostChecksProof() {
            hostChecksProof = true;
            return this;
        }

        /** Where used proofs are remembered: one place for all verifiers that answer for the same URIs, by one clock. */
        public Builder usedProofs(UsedProofs value) {
            usedProofs = Optional.of(value);
            return this;
        }

        /**
         * Remembers what that many tokens say, by the hash of their text, so that their signature is not computed again.
         *
         * @param size at least 1
         */
        public Builder cache(long size) {
            if (size < 1) {
                throw new IllegalArgumentException("a cache must hold at least 1 token but was to hold " + size);
            }
            maximumSize = size;
            return this;
        }

        /** The verifier. */
        public CredentialVerifier build() {
            return new CredentialVerifier(this);
        }
    }
}
