package io.agentlifecycle.core;

import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.spi.CredentialIssuer;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.StoredRecord;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Notices when a key of the issuer counts no more. That changes no record, so no due time says it: after such a change,
 * and once after each start, all ACTIVE agents are looked at. Safe for use by many threads.
 */
final class KeyWatch {
    private static final Logger LOG = LoggerFactory.getLogger(KeyWatch.class);
    private static final int PAGE = 1_000;

    private final CredentialIssuer issuer;
    private final ReentrantLock lock = new ReentrantLock();
    private Optional<Set<String>> seen = Optional.empty();
    private boolean again;

    KeyWatch(CredentialIssuer issuer) {
        this.issuer = issuer;
    }

    /**
     * True if it is signed and its token is refused whatever its age: the key is one that the issuer knows and that counts no
     * more, or it lives longer than the issuer allows by now.
     */
    boolean isWithdrawn(Credential credential) {
        return credential
                .keyId()
                .filter(key -> isTooLong(credential) || countsNoMore(key))
                .isPresent();
    }

    private boolean isTooLong(Credential credential) {
        Duration life = Duration.between(credential.issuedAt(), credential.expiresAt());
        return life.compareTo(issuer.longestLife()) > 0;
    }

    private boolean countsNoMore(String key) {
        try {
            // in this order: a key that is made in between is not known yet, and then it counts
            Optional<Set<String>> known = issuer.knownKeys();
            Optional<Set<String>> good = issuer.goodKeys();
            return good.filter(keys -> !keys.contains(key)).isPresent()
                    && known.filter(keys -> !keys.contains(key)).isEmpty();
        } catch (RuntimeException e) {
            cannotSay(e);
            return false;
        }
    }

    /** Makes due at {@code now} whoever has something to do because a key counts no more, if one does since the last time. */
    void rearm(LifecycleStore store, Deadlines deadlines, Instant now) {
        Optional<Set<String>> good = goodKeys();
        if (good.isEmpty()) {
            return;
        }
        lock.lock();
        try {
            boolean lost = seen.filter(good.get()::containsAll).isEmpty();
            if (lost || again) {
                rearmAll(store, deadlines, now);
            }
            // once more in the next sweep: a command that was under way may have stored a credential of the key since
            again = lost;
            seen = Optional.of(Set.copyOf(good.get()));
        } finally {
            lock.unlock();
        }
    }

    private void rearmAll(LifecycleStore store, Deadlines deadlines, Instant now) {
        var active = new RecordQuery(
                RecordKey.AGENT, Optional.empty(), Map.of(AgentCodec.STATE, Set.of(AgentState.ACTIVE.wire())));
        Optional<PageToken> after = Optional.empty();
        do {
            Page<StoredRecord> page = store.query(active, after, PAGE);
            for (StoredRecord found : page.items()) {
                if (isDue(found, store, deadlines, now)) {
                    store.rearm(found.key(), found.version(), Optional.of(now));
                }
            }
            after = page.next();
        } while (after.isPresent());
    }

    private boolean isDue(StoredRecord found, LifecycleStore store, Deadlines deadlines, Instant now) {
        try {
            var agent = AgentCodec.decode(found).agent();
            return agent.credentials().current().filter(this::isWithdrawn).isPresent()
                    && !deadlines.due(agent, store.liveness(found.key()), now).isEmpty();
        } catch (AuditTamperedException e) {
            LOG.error("{} is not looked at for its key: it cannot be read", found.key(), e);
            return false;
        }
    }

    private Optional<Set<String>> goodKeys() {
        try {
            return issuer.goodKeys();
        } catch (RuntimeException e) {
            cannotSay(e);
            return Optional.empty();
        }
    }

    private static void cannotSay(RuntimeException e) {
        LOG.warn("the issuer cannot say which of its keys count", e);
    }
}
