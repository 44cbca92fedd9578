package io.agentlifecycle.credentials;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.spi.SigningKeyStore;
import io.agentlifecycle.core.spi.SigningKeyStore.PublishedKey;
import io.agentlifecycle.credentials.TokenVerdict.Reason;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.time.Instant;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The keys of a store as they were at one moment, each looked at once. Immutable. */
final class TrustedKeys {
    /** Stands in for a key that is unknown, so that a signature is computed all the same. It is the one of RFC 8037. */
    private static final Ed25519PublicKey NOBODYS =
            Ed25519PublicKey.of(new PublicJwk("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));

    private static final Key UNKNOWN = new Key(NOBODYS, Optional.of(Reason.KEY_UNKNOWN));

    /**
     * A key to check a signature with.
     *
     * @param refusal why no signature of it counts, if none does
     */
    record Key(Ed25519PublicKey publicKey, Optional<Reason> refusal) {
        void requireGood() {
            if (refusal.isPresent()) {
                throw new Refusal(refusal.get());
            }
        }
    }

    /** Follows a store: asks it at every call, and looks again only at what has changed. Safe for use by many threads. */
    static final class Of {
        private final SigningKeyStore store;
        private volatile TrustedKeys last = new TrustedKeys(List.of());

        Of(SigningKeyStore store) {
            this.store = requireNonNull(store, "keys");
        }

        TrustedKeys now() {
            List<PublishedKey> listed = store.publicKeys();
            TrustedKeys known = last;
            if (known.listed.equals(listed)) {
                return known;
            }
            var next = new TrustedKeys(listed);
            last = next;
            return next;
        }
    }

    private final List<PublishedKey> listed;
    private final Map<String, Key> byId = new HashMap<>();
    private final Map<String, PublishedKey> good = new LinkedHashMap<>();

    private TrustedKeys(List<PublishedKey> listed) {
        this.listed = List.copyOf(listed);
        for (PublishedKey published : this.listed) {
            String keyId = published.keyId();
            Key key = key(published);
            byId.put(keyId, key);
            if (key.refusal().isEmpty()) {
                good.put(keyId, published);
            }
        }
    }

    static TrustedKeys of(List<PublishedKey> listed) {
        return new TrustedKeys(listed);
    }

    private static Key key(PublishedKey published) {
        Ed25519PublicKey sound;
        try {
            sound = Ed25519PublicKey.of(published.jwk());
        } catch (IllegalArgumentException e) {
            return new Key(NOBODYS, Optional.of(Reason.KEY_UNSOUND)); // the reason says what the exception says
        }
        return new Key(sound, published.retired() ? Optional.of(Reason.KEY_RETIRED) : Optional.empty());
    }

    /** The key of that id, or one that stands in for it; the id is used to look it up, and for nothing else. */
    Key find(String keyId) {
        return byId.getOrDefault(keyId, UNKNOWN);
    }

    /** True if signatures of that key count. */
    boolean isGood(String keyId) {
        return good.containsKey(keyId);
    }

    /** The ids of all keys. */
    Set<String> known() {
        return Collections.unmodifiableSet(byId.keySet());
    }

    /** The keys whose signatures count, by their ids, the oldest first. */
    Map<String, PublishedKey> good() {
        return Collections.unmodifiableMap(good);
    }

    /** The id of the one that signs at {@code now}. */
    Optional<String> signing(KeySchedule schedule, Instant now) {
        List<PublishedKey> keys = List.copyOf(good.values());
        return schedule.active(keys, now).map(keys::get).map(PublishedKey::keyId);
    }
}
