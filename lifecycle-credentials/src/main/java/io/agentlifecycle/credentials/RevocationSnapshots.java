package io.agentlifecycle.credentials;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.audit.CredentialRef;
import io.agentlifecycle.core.audit.LogPage;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.error.PolicyViolationException;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Makes snapshots of what was taken back, for {@link OfflineVerifier}s: signed lists of all credentials of all tenants that
 * have not ended and are not good, for whatever reason: revoked, replaced beyond the overlap, or of an agent that may not
 * act. The host calls {@link #take} from time to time and serves what it gives, with the JWKS.
 *
 * <p>Where agents rotate, a snapshot lists about one credential for each of them, however long those live: the one before the
 * current one, from the end of the overlap until its own end.
 *
 * <p>A record lists its last two credentials only, and older ones may not have ended. So this follows the log, and keeps in
 * memory, for each token that has not ended, its id, its agent and its end. The first snapshot of a process reads the whole
 * log. A trail that was pruned is not there to be read: keep {@link LifecycleManager.Builder#minRetention} no shorter than
 * {@link Ed25519CredentialIssuer#longestLife}.
 *
 * <p>Safe for use by many threads.
 */
public final class RevocationSnapshots {
    private static final int PAGE = 1_000;

    /** Not taken back: the token itself says when it ends, and by a slower clock it has not yet. */
    private static final List<Verdict.Reason> JUST_ENDED = List.of(Verdict.Reason.CREDENTIAL_EXPIRED);

    /** A token that has not ended, wherever the clock of who looks at it stands. */
    private record Live(AgentKey agent, Instant until) {}

    private final LifecycleManager manager;
    private final Ed25519CredentialIssuer issuer;
    private final ReentrantLock lock = new ReentrantLock();
    private final Map<CredentialId, Live> live = new HashMap<>();
    private long cursor;
    private Instant last = Instant.MIN;

    /** Snapshots of the tokens that {@code issuer} made for {@code manager}, which must be the one that was built. */
    public RevocationSnapshots(LifecycleManager manager, Ed25519CredentialIssuer issuer) {
        this.manager = requireNonNull(manager, "manager");
        this.issuer = requireNonNull(issuer, "issuer");
    }

    /**
     * The snapshot as of now: what a command took away that has returned is in it.
     *
     * @throws PolicyViolationException rule {@code snapshot-size} if it would have more than 16 MiB, which are about
     *     300,000 credentials, or {@code signing-key} if all keys are retired
     * @throws io.agentlifecycle.core.error.AccessDeniedException if the manager is a view of one tenant
     * @throws io.agentlifecycle.core.error.StoreException if the log cannot be read
     */
    public String take() {
        lock.lock();
        try {
            Instant now = manager.now(); // before the log is read: all that was stored by then is in there
            follow(now);
            Instant asOf = now.isAfter(last) ? now : last.plusNanos(1);
            Set<CredentialId> revoked = revoked();
            String text = issuer.sign(
                    RevocationSnapshot.TYPE,
                    now,
                    keys -> RevocationSnapshot.payload(issuer.issuer(), asOf, keys, revoked));
            requireSize(text, revoked);
            last = asOf;
            return text;
        } finally {
            lock.unlock();
        }
    }

    private void follow(Instant now) {
        live.values().removeIf(token -> !now.isBefore(token.until()));
        long before;
        do {
            before = cursor;
            LogPage page = manager.events(cursor, PAGE);
            page.events().forEach(event -> note(event, now));
            cursor = page.cursor();
        } while (cursor != before);
    }

    private void note(SealedEvent sealed, Instant now) {
        sealed.event()
                .content()
                .credential()
                .filter(made -> made.keyId().isPresent() && now.isBefore(until(made)))
                .ifPresent(made -> StreamPosition.agentOf(sealed.event().position().stream())
                        .ifPresent(agent -> live.put(CredentialId.of(made.jti()), new Live(agent, until(made)))));
    }

    /** Who takes the snapshot may be behind by the skew, and lets the token live for the skew beyond its end. */
    private static Instant until(CredentialRef made) {
        return made.expiresAt().plus(OfflineVerifier.MOST_SKEW.multipliedBy(2));
    }

    private Set<CredentialId> revoked() {
        Set<CredentialId> revoked = new HashSet<>();
        live.forEach((id, token) -> {
            if (manager.standing(token.agent(), id) instanceof Verdict.Denied denied
                    && !denied.reasons().equals(JUST_ENDED)) {
                revoked.add(id);
            }
        });
        return revoked;
    }

    private static void requireSize(String text, Set<CredentialId> revoked) {
        if (text.length() > RevocationSnapshot.MAX_LENGTH) {
            throw new PolicyViolationException(
                    "snapshot-size",
                    "a snapshot of %d credentials has more than %d characters; about one of each agent is listed, however long tokens live; let several issuers share the agents, each with a manager and a log of its own"
                            .formatted(revoked.size(), RevocationSnapshot.MAX_LENGTH));
        }
    }
}
