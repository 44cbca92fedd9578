package io.agentlifecycle.credentials;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.audit.JsonFormatException;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.spi.SigningKeyStore.PublishedKey;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The JSON Web Key Set (RFC 7517) of an issuer. Read as strictly as it is written, so that no private key is taken for a
 * public one, and no key for one of another use.
 */
final class KeySet {
    private KeySet() {}

    static String write(Collection<PublishedKey> keys, String algorithm) {
        List<Json> members = new ArrayList<>();
        keys.forEach(key -> members.add(Json.object()
                .put("kty", "OKP")
                .put("crv", "Ed25519")
                .put("x", key.jwk().x())
                .put("kid", key.keyId())
                .put("alg", algorithm)
                .put("use", "sig")
                .build()));
        return CanonicalJson.write(
                Json.object().put("keys", new Json.Arr(members)).build());
    }

    /**
     * The keys by their ids.
     *
     * @throws PolicyViolationException rule {@code key-set} if it is anything but such a set, of at most 8 KiB
     */
    static Map<String, PublicJwk> read(String text) {
        if (text.length() > CompactJws.MAX_LENGTH) {
            throw refused();
        }
        try {
            Json.Obj set = StrictJson.object(text.getBytes(UTF_8)).orElseThrow(KeySet::refused);
            if (!set.members().keySet().equals(Set.of("keys"))) {
                throw refused();
            }
            var fields = new JsonFields("key set", set);
            Map<String, PublicJwk> keys = new LinkedHashMap<>();
            for (JsonFields member : fields.objects("keys")) {
                PublicJwk key = key(member);
                if (keys.put(key.keyId(), key) != null) {
                    throw refused();
                }
            }
            return keys;
        } catch (IllegalArgumentException e) {
            throw refused(); // what it says may repeat what was sent
        }
    }

    private static PublicJwk key(JsonFields member) {
        String use = member.string("kty") + " " + member.string("crv") + " " + member.string("use");
        PublicJwk key = Ed25519PublicKey.of(new PublicJwk(member.string("x"))).jwk();
        if (!use.equals("OKP Ed25519 sig")
                || !Ed25519CredentialIssuer.ALGORITHMS.contains(member.string("alg"))
                || !member.string("kid").equals(key.keyId())) {
            throw new JsonFormatException("not a key of an issuer");
        }
        member.end();
        return key;
    }

    private static PolicyViolationException refused() {
        return new PolicyViolationException(
                "key-set",
                "this is no key set as an issuer writes it: public Ed25519 keys of prime order, each once, with the members"
                        + " alg, crv, kid, kty, use and x, in at most 8 KiB; fetch it again from the issuer");
    }
}
