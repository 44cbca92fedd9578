package io.agentlifecycle.core.credential;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The credentials that an agent's record lists, at most two. One that is not listed never verifies, so taking one back
 * is one change of this record.
 *
 * @param current the newest one, also when it has expired or was revoked
 * @param retiring the one before it, while it is good for the overlap of a rotation
 * @param generation how many were issued so far
 * @param undelivered true until the current one, which a sweep issued, has reached its agent
 * @param retry when to try again what failed, if the last renewal did
 * @param aging the last one of which it was written down that it ages and was not replaced
 * @param apiKeys the keys by which the agent may fetch its token, the oldest first
 * @param due true if the current one is due for rotation whatever its age: it was made while another answered for the agent
 */
public record Credentials(
        Optional<Credential> current,
        Optional<Credential> retiring,
        long generation,
        boolean undelivered,
        Optional<Retry> retry,
        Optional<CredentialId> aging,
        List<ApiKey> apiKeys,
        boolean due) {
    /** None issued yet. */
    public static final Credentials NONE = new Credentials(
            Optional.empty(), Optional.empty(), 0, false, Optional.empty(), Optional.empty(), List.of(), false);

    public Credentials {
        requireNonNull(current, "current");
        requireNonNull(retiring, "retiring");
        requireNonNull(retry, "retry");
        requireNonNull(aging, "aging");
        apiKeys = List.copyOf(apiKeys);
        if (current.isPresent() && current.get().generation() != generation) {
            throw new IllegalArgumentException("the current credential must be of the last generation");
        }
        if (undelivered && current.isEmpty()) {
            throw new IllegalArgumentException("there is no credential to deliver");
        }
        if (due && current.isEmpty()) {
            throw new IllegalArgumentException("there is no credential that could be due");
        }
    }

    /** With {@code next} as the only one; all others stop being good at once. */
    public Credentials issue(Credential next) {
        return new Credentials(
                Optional.of(next), Optional.empty(), next.generation(), false, Optional.empty(), aging, apiKeys, false);
    }

    /**
     * With {@code next} as the current one; the one that the agent worked with, if it was good, stays so until
     * {@code graceEnd}, but not beyond its own end. Any other stops being good: one that was already retiring, or a current
     * one that never reached its agent.
     *
     * @param graceEnd empty if nothing stays good
     */
    public Credentials rotate(Credential next, Optional<Instant> graceEnd) {
        Optional<Credential> old =
                undelivered ? retiring : current.filter(c -> c.recorded() == CredentialStatus.ACTIVE);
        Optional<Credential> staying = graceEnd.flatMap(end -> old.map(c -> c.retiring(end)));
        return new Credentials(
                Optional.of(next), staying, next.generation(), false, Optional.empty(), aging, apiKeys, false);
    }

    /** With the current one on its way to its agent. */
    public Credentials awaitingDelivery() {
        return new Credentials(current, retiring, generation, true, retry, aging, apiKeys, due);
    }

    /** With the current one known to its agent; the one before it, if there is one, stays good until {@code graceEnd}. */
    public Credentials delivered(Optional<Instant> graceEnd) {
        Optional<Credential> ending = graceEnd.flatMap(end -> retiring.map(c -> c.retiring(end)));
        return new Credentials(current, ending, generation, false, Optional.empty(), aging, apiKeys, due);
    }

    /** With a renewal that failed, and is tried again. */
    public Credentials failed(Retry next) {
        return new Credentials(current, retiring, generation, undelivered, Optional.of(next), aging, apiKeys, due);
    }

    /** With none of them good. */
    public Credentials revokeAll() {
        return new Credentials(
                current.map(c -> c.recorded(CredentialStatus.REVOKED)),
                Optional.empty(),
                generation,
                false,
                Optional.empty(),
                aging,
                List.of(),
                false);
    }

    /** With the expiry of the current one written down. */
    public Credentials expireCurrent() {
        return new Credentials(
                current.map(c -> c.recorded(CredentialStatus.EXPIRED)),
                retiring,
                generation,
                undelivered,
                retry,
                aging,
                apiKeys,
                false);
    }

    /** With the current one due for rotation whatever its age. */
    public Credentials nowDue() {
        return new Credentials(current, retiring, generation, undelivered, retry, aging, apiKeys, true);
    }

    /** With it written down that {@code old} ages. */
    public Credentials noted(CredentialId old) {
        return new Credentials(current, retiring, generation, undelivered, retry, Optional.of(old), apiKeys, due);
    }

    /**
     * The credential that the agent works with, if it was not said of it yet that it ages: the current one, or the one
     * before it as long as that one is on its way.
     */
    public Optional<Credential> unwarned() {
        return (undelivered ? retiring : current.filter(c -> c.recorded() == CredentialStatus.ACTIVE))
                .filter(c -> !aging.equals(Optional.of(c.id())));
    }

    /** With another key; those that have expired at {@code now} are not kept. */
    public Credentials with(ApiKey next, Instant now) {
        List<ApiKey> keys = new ArrayList<>(apiKeys);
        keys.removeIf(key -> key.isExpired(now));
        keys.add(next);
        return with(keys);
    }

    /** Without that key. */
    public Credentials without(ApiKeyId id) {
        return with(apiKeys.stream().filter(key -> !key.id().equals(id)).toList());
    }

    private Credentials with(List<ApiKey> keys) {
        return new Credentials(current, retiring, generation, undelivered, retry, aging, keys, due);
    }

    /** The API key of that id. */
    public Optional<ApiKey> apiKey(ApiKeyId id) {
        return apiKeys.stream().filter(key -> key.id().equals(id)).findFirst();
    }

    /** The listed credential of that id. */
    public Optional<Credential> find(CredentialId id) {
        return current.filter(c -> c.id().equals(id)).or(() -> retiring.filter(c -> c.id().equals(id)));
    }

    /** The credential that the agent works with, if it can be used at {@code now}. */
    public Optional<Credential> held(Instant now) {
        return (undelivered ? retiring : current).filter(c -> c.status(now).isUsable());
    }

    /** The current credential, if it can be used at {@code now}. */
    public Optional<Credential> usable(Instant now) {
        return current.filter(c -> c.status(now).isUsable());
    }

    /** When the last of those that can be used at {@code now} stops being good; empty if none can be. */
    public Optional<Instant> goodUntil(Instant now) {
        return Stream.concat(current.stream(), retiring.stream())
                .filter(c -> c.status(now).isUsable())
                .map(Credential::goodUntil)
                .max(Comparator.naturalOrder());
    }

    /** True if the current one was taken back; such an agent gets a new one only when someone asks for it. */
    public boolean isRevoked() {
        return current.filter(c -> c.recorded() == CredentialStatus.REVOKED).isPresent();
    }

    /**
     * A renewal that failed.
     *
     * @param attempts how often in a row
     * @param nextAt before this, no sweep tries again
     */
    public record Retry(int attempts, Instant nextAt) {
        public Retry {
            requireNonNull(nextAt, "nextAt");
            if (attempts < 1) {
                throw new IllegalArgumentException("attempts must be at least 1 but was " + attempts);
            }
        }
    }
}
