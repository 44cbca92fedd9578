package io.agentlifecycle.credentials;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Text;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.spi.SigningKeyStore.PublishedKey;
import io.agentlifecycle.credentials.TokenVerdict.Reason;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Checks tokens where there is no manager and no store: from the JWKS of the issuer and a snapshot of what was taken back,
 * which the host fetches and hands to {@link #follow}. A token is checked as {@link CredentialVerifier} does it, but that a
 * revocation or a suspension counts here only from the next snapshot on. When the snapshot is too old, no token is good.
 *
 * <p>Clocks of different machines differ, so a token is let in for the skew before it begins and after it ends.
 *
 * <p>The host fetches the JWKS over a connection that it trusts, anew with every snapshot; the snapshot is signed, and may come
 * from anywhere. A key that a snapshot leaves out that was listed before never counts again for this verifier, also if it is
 * still in the JWKS. So whoever stole a key wins nothing once a snapshot without it is followed. Before that, an old JWKS that
 * has it lets the thief sign snapshots, and leave the good keys out; then the real ones are refused until a new verifier is
 * made with the JWKS of now.
 *
 * <p>After a start nothing is known, so an older snapshot than the last one before is taken, but none that is too old.
 *
 * <p>Safe for use by many threads.
 */
public final class OfflineVerifier {
    /** The most by which clocks may differ. */
    public static final Duration MOST_SKEW = Duration.ofSeconds(60);

    private static final Duration OLDEST_SNAPSHOT = Duration.ofDays(31);

    /** What the host handed over last: one pair, so that no token is checked with half of each. */
    private record Followed(TrustedKeys keys, RevocationSnapshot snapshot, WithdrawnKeys withdrawn) {}

    private final TokenChecks checks;
    private final String audience;
    private final InstantSource clock;
    private final Duration skew;
    private final Duration maxSnapshotAge;
    private final DpopVerifier proofs;
    private final ReentrantLock lock = new ReentrantLock();
    private volatile Optional<Followed> followed = Optional.empty();

    private OfflineVerifier(Builder builder) {
        this.checks = new TokenChecks(
                builder.issuer, Optional.of(builder.audience), builder.longestLife, builder.hostChecksProof);
        this.audience = builder.audience;
        this.clock = builder.clock;
        this.skew = builder.skew;
        this.maxSnapshotAge = builder.maxSnapshotAge;
        this.proofs = new DpopVerifier(
                builder.usedProofs.orElseGet(() -> UsedProofs.open(UsedProofs.DEFAULT_CAPACITY)), clock.instant());
    }

    /**
     * A builder of a verifier that allows 30 seconds of skew, five minutes as the age of a snapshot, and tokens of 15 days,
     * as the issuer does by default, that refuses bound tokens without proof, and remembers 100,000 used proofs of its own, of
     * one key 6,250.
     *
     * @param issuer the claim {@code iss} of tokens and snapshots, word for word
     * @param audience the claim {@code aud} of tokens, word for word
     */
    public static Builder builder(String issuer, String audience, InstantSource clock) {
        return new Builder(issuer, audience, clock);
    }

    /**
     * Takes both in the place of those before, or neither. Fetch both each time, the snapshot after the JWKS: a key that is
     * in both is one whose tokens count, unless an earlier snapshot left it out.
     *
     * @param jwks as {@link Ed25519CredentialIssuer#jwks} gave it
     * @param snapshot as {@link RevocationSnapshots#take} gave it; the one that is followed already may come again
     * @throws PolicyViolationException rule {@code key-set}, {@code snapshot-form}, {@code snapshot-signature} or
     *     {@code snapshot-issuer}, if it is not what this issuer writes, or its signer was left out by an earlier one;
     *     {@code snapshot-older}, if it is older than the one that is followed, or of the same moment and says something else;
     *     {@code snapshot-time}, if it is from the future by more than the skew. Then nothing is changed
     */
    public void follow(String jwks, String snapshot) {
        Map<String, PublicJwk> listed = KeySet.read(jwks);
        RevocationSnapshot next = RevocationSnapshot.read(snapshot, checks.issuer(), listed);
        lock.lock();
        try {
            requireTime(next.asOf());
            followed = Optional.of(followed.map(last -> after(last, next, listed))
                    .orElseGet(() -> new Followed(keys(listed, next, WithdrawnKeys.NONE), next, WithdrawnKeys.NONE)));
        } finally {
            lock.unlock();
        }
    }

    private static Followed after(Followed last, RevocationSnapshot next, Map<String, PublicJwk> listed) {
        requireOrder(last.snapshot(), next);
        WithdrawnKeys withdrawn = last.withdrawn().with(last.snapshot(), next);
        if (withdrawn.has(next.signer())) {
            throw RevocationSnapshot.signature();
        }
        return new Followed(keys(listed, next, withdrawn), next, withdrawn);
    }

    private static TrustedKeys keys(Map<String, PublicJwk> listed, RevocationSnapshot next, WithdrawnKeys withdrawn) {
        return TrustedKeys.of(listed.values().stream()
                .map(key -> new PublishedKey(
                        key, Instant.EPOCH, !next.keys().contains(key.keyId()) || withdrawn.has(key.keyId())))
                .toList());
    }

    private static void requireOrder(RevocationSnapshot held, RevocationSnapshot next) {
        if (next.asOf().isBefore(held.asOf())) {
            throw new PolicyViolationException(
                    "snapshot-older",
                    "the snapshot is as of %s, and one as of %s is followed already; fetch a newer one"
                            .formatted(next.asOf(), held.asOf()));
        }
        if (next.asOf().equals(held.asOf()) && !next.saysTheSame(held)) {
            throw new PolicyViolationException(
                    "snapshot-older",
                    "the snapshot is as of %s, and another one of the same moment is followed already; fetch a newer one"
                            .formatted(next.asOf()));
        }
    }

    private void requireTime(Instant asOf) {
        Instant now = clock.instant();
        if (asOf.isAfter(now.plus(skew))) {
            throw new PolicyViolationException(
                    "snapshot-time",
                    "the snapshot is as of %s, and here it is %s; set the clocks, or allow more skew"
                            .formatted(asOf, now));
        }
    }

    /** The moment of the snapshot that is followed; empty before the first. */
    public Optional<Instant> asOf() {
        return followed.map(Followed::snapshot).map(RevocationSnapshot::asOf);
    }

    /**
     * Whether {@code token} is good as of the snapshot. Whatever it is, the answer is a verdict and no exception. Without a
     * fresh snapshot it is {@link Reason#SNAPSHOT_STALE} for every token that is good otherwise; {@link Reason#CREDENTIAL}
     * stands for all that the snapshot says, also that the agent may not act.
     */
    public TokenVerdict verify(String token) {
        requireNonNull(token, "token");
        return TokenChecks.verdict(() -> checks.unproven(check(CompactJws.parse(token))));
    }

    /**
     * Whether {@code token} is good as of the snapshot, is bound to a key, and {@code proof} shows that whoever sent
     * {@code request} holds it, as {@link CredentialVerifier#verify(String, String, DpopRequest)} has it. The proof must be
     * within a minute of the clock here, whatever the skew.
     *
     * @param proof what stood in the header {@code DPoP}; if there was more than one such header, refuse the request
     */
    public TokenVerdict verify(String token, String proof, DpopRequest request) {
        requireNonNull(token, "token");
        requireNonNull(proof, "proof");
        requireNonNull(request, "request");
        return TokenChecks.verdict(() -> {
            CompactJws jws = CompactJws.parse(token);
            return proofs.proven(jws, check(jws), proof, request, clock.instant());
        });
    }

    /**
     * Whether {@code token} is good as of the snapshot, as the JSON of RFC 7662. Whatever is not gives the bytes
     * <code>{"active":false}</code> and no more. A token that is bound to a key is told as by
     * {@link CredentialVerifier#introspect}.
     */
    public String introspect(String token) {
        requireNonNull(token, "token");
        return Introspection.of(() -> check(CompactJws.parse(token)), checks.issuer(), audience);
    }

    private TokenClaims check(CompactJws jws) {
        Followed known = followed.orElseThrow(() -> new Refusal(Reason.SNAPSHOT_STALE));
        return checks.all(jws, new AsOf(known, clock.instant(), skew, maxSnapshotAge));
    }

    /** One moment of one verifier. */
    private record AsOf(Followed known, Instant now, Duration skew, Duration maxSnapshotAge)
            implements TokenChecks.Mode {
        @Override
        public TrustedKeys keys() {
            return known.keys();
        }

        @Override
        public void requireTime(Instant issuedAt, Instant expiresAt) {
            Refusal.unless(!issuedAt.isAfter(now.plus(skew)), Reason.NOT_YET_VALID);
            Refusal.unless(now.isBefore(expiresAt.plus(skew)), Reason.EXPIRED); // the instant itself is too late
        }

        /** A clock that went back makes the age of the snapshot unknown, which is as bad as too old. */
        @Override
        public void requireStanding(AgentKey agent, CredentialId id) {
            Instant asOf = known.snapshot().asOf();
            Refusal.unless(
                    now.isBefore(asOf.plus(maxSnapshotAge)) && !asOf.isAfter(now.plus(skew)), Reason.SNAPSHOT_STALE);
            Refusal.unless(!known.snapshot().revoked().contains(id), Reason.CREDENTIAL);
        }
    }

    /** Collects what a verifier accepts. Not safe for use by several threads. */
    public static final class Builder {
        private final String issuer;
        private final String audience;
        private final InstantSource clock;
        private Duration skew = Duration.ofSeconds(30);
        private Duration maxSnapshotAge = Duration.ofMinutes(5);
        private Duration longestLife = Duration.ofDays(15);
        private boolean hostChecksProof;
        private Optional<UsedProofs> usedProofs = Optional.empty();

        private Builder(String issuer, String audience, InstantSource clock) {
            this.issuer = Text.line("issuer", issuer, 256);
            this.audience = Text.line("audience", audience, 256);
            this.clock = requireNonNull(clock, "clock");
        }

        /** By how much the clock of the issuer and the one here may differ, 0 to 60 seconds. */
        public Builder skew(Duration value) {
            skew = within("skew", value, Duration.ZERO, MOST_SKEW);
            return this;
        }

        /**
         * How old a snapshot may become, 1 second to 31 days: for so long a token stays good here that was taken back. From
         * then on no token is good until there is a newer one, so fetch it several times within that.
         */
        public Builder maxSnapshotAge(Duration value) {
            maxSnapshotAge = within("maxSnapshotAge", value, Duration.ofSeconds(1), OLDEST_SNAPSHOT);
            return this;
        }

        /** The {@link Ed25519CredentialIssuer#longestLife} of the issuer: no token of a longer life is good. */
        public Builder longestLife(Duration value) {
            longestLife = within("longestLife", value, Duration.ofSeconds(1), Duration.ofDays(366));
            return this;
        }

        /** Accepts tokens that are bound to a key without a proof, as {@link CredentialVerifier.Builder#hostChecksProof} does. */
        public Builder hostChecksProof() {
            hostChecksProof = true;
            return this;
        }

        /** Where used proofs are remembered: one place for all verifiers that answer for the same URIs, by one clock. */
        public Builder usedProofs(UsedProofs value) {
            usedProofs = Optional.of(value);
            return this;
        }

        private static Duration within(String what, Duration value, Duration least, Duration most) {
            if (value.compareTo(least) < 0 || value.compareTo(most) > 0) {
                throw new IllegalArgumentException(
                        "%s must be at least %s and at most %s but was %s".formatted(what, least, most, value));
            }
            return value;
        }

        /** The verifier, which accepts no token before {@link OfflineVerifier#follow}. */
        public OfflineVerifier build() {
            return new OfflineVerifier(this);
        }
    }
}
