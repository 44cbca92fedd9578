package io.agentlifecycle.credentials;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Text;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.credential.CredentialPolicy;
import java.time.Instant;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;

/**
 * Takes tokens back by their text, as RFC 7009 has it. Who may do so is for the host to decide: as a rule whoever has
 * the token, since that is how a leaked one is stopped. Safe for use by many threads.
 */
public final class TokenRevocation {
    /** With one of these the token is no good and never will be. */
    private static final Set<Verdict.Reason> FOR_EVER = EnumSet.of(
            Verdict.Reason.UNKNOWN_AGENT,
            Verdict.Reason.DECOMMISSIONING,
            Verdict.Reason.DECOMMISSIONED,
            Verdict.Reason.CREDENTIAL_UNKNOWN,
            Verdict.Reason.CREDENTIAL_RETIRED,
            Verdict.Reason.CREDENTIAL_REVOKED);

    private final LifecycleManager manager;
    private final Ed25519CredentialIssuer issuer;
    private final TokenChecks checks;

    /** Takes back what {@code issuer} made for {@code manager}; a view of one tenant knows only the tokens of that one. */
    public TokenRevocation(LifecycleManager manager, Ed25519CredentialIssuer issuer) {
        this.manager = requireNonNull(manager, "manager");
        this.issuer = requireNonNull(issuer, "issuer");
        // one from before keyLife was shortened is good no more here, but elsewhere it may be
        this.checks = new TokenChecks(issuer.issuer(), Optional.empty(), CredentialPolicy.LONGEST_LIFE, true);
    }

    /**
     * Takes back the credentials of the agent that has this token, the one of the token and, during the overlap of a
     * rotation, the other one; durably, before this returns. A text that is no token of this issuer, or one that is no good
     * any more, changes nothing, and that is no failure: what was asked for is so. One that has just ended is taken back like
     * any other for two minutes more, because followers whose clock is slow let it in.
     *
     * <p>Whether the credential of the token is still good is looked at in the step that stores it, so one that is made
     * meanwhile is not taken back for one that has gone.
     *
     * @param reason at most 1,024 characters
     * @throws io.agentlifecycle.core.error.StoreException if it cannot be stored; answer with status 503
     * @throws io.agentlifecycle.core.error.KeysUnavailableException if the keys cannot be asked, likewise
     */
    public void revoke(String token, String reason, Actor actor) {
        requireNonNull(token, "token");
        Text.prose("reason", reason, 1024); // here, so that the answer does not tell a good token from another
        requireNonNull(actor, "actor");
        read(token)
                .filter(claims -> manager.now().isBefore(claims.expiresAt().plus(KeySchedule.LINGER)))
                .filter(claims -> isListed(claims.agent(), claims.id()))
                .ifPresent(claims -> manager.forTenant(claims.agent().tenant())
                        .revokeCredentials(claims.agent().id(), claims.id(), reason, actor));
    }

    private Optional<TokenClaims> read(String token) {
        try {
            return Optional.of(checks.all(CompactJws.parse(token), new AnyTime(issuer)));
        } catch (Refusal e) {
            return Optional.empty();
        }
    }

    private boolean isListed(AgentKey agent, CredentialId id) {
        return !(manager.standing(agent, id) instanceof Verdict.Denied denied
                && denied.reasons().stream().anyMatch(FOR_EVER::contains));
    }

    /** Time and standing are core's to say, in one answer. */
    private record AnyTime(Ed25519CredentialIssuer issuer) implements TokenChecks.Mode {
        @Override
        public TrustedKeys keys() {
            return issuer.trustedKeys();
        }

        @Override
        public void requireTime(Instant issuedAt, Instant expiresAt) {}

        @Override
        public void requireStanding(AgentKey agent, CredentialId id) {}
    }
}
