package io.agentlifecycle.credentials;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What an issuer says was taken back, as of one moment: a compact JWS of a type of its own. Immutable.
 *
 * @param signer the key that signed it, which is one of {@code keys}
 * @param asOf to the nanosecond, and later than in every snapshot before
 * @param keys the keys whose tokens count
 * @param revoked the credentials that have not ended and are not good
 */
record RevocationSnapshot(String signer, Instant asOf, Set<String> keys, Set<CredentialId> revoked) {
    static final String TYPE = "agent-revocations+jwt";

    /** Room for about 300,000 credentials. */
    static final int MAX_LENGTH = 16 * 1024 * 1024;

    /** The header is read before the signature is checked, so by then anyone may have written it. */
    private static final int MAX_HEADER = 1024;

    /** More than a key set of 8 KiB has. */
    static final int MOST_KEYS = 64;

    private static final Set<String> MEMBERS = Set.of("iss", "asOf", "keys", "revoked");

    /** The payload; lists are in their order, so that one state has one text. */
    static Json.Obj payload(String issuer, Instant asOf, Set<String> keys, Set<CredentialId> revoked) {
        return Json.object()
                .put("iss", issuer)
                .put("asOf", asOf.toString())
                .put("keys", Json.of(keys.stream().sorted().toList()))
                .put(
                        "revoked",
                        Json.of(revoked.stream()
                                .map(CredentialId::value)
                                .sorted()
                                .toList()))
                .build();
    }

    /**
     * Reads a snapshot of that issuer, signed by one of those keys that it lists itself.
     *
     * @throws PolicyViolationException rule {@code snapshot-form}, {@code snapshot-signature} or {@code snapshot-issuer}
     */
    static RevocationSnapshot read(String text, String issuer, Map<String, PublicJwk> jwks) {
        String keyId;
        JsonFields fields;
        try {
            CompactJws jws = CompactJws.parse(text, MAX_LENGTH, MAX_HEADER);
            keyId = signer(jws, jwks);
            fields = new JsonFields("snapshot", members(canonical(jws.payload(), MAX_LENGTH)));
        } catch (Refusal | IllegalArgumentException e) {
            throw form(); // what it says may repeat what was sent
        }
        return read(fields, issuer, keyId);
    }

    /** The key that signed it; refused if none of those did. */
    private static String signer(CompactJws jws, Map<String, PublicJwk> jwks) {
        var header = new JsonFields("header", canonical(jws.header(), MAX_HEADER));
        String algorithm = header.string("alg");
        String keyId = header.string("kid");
        String type = header.string("typ");
        header.end();
        if (!Ed25519CredentialIssuer.ALGORITHMS.contains(algorithm) || !type.equals(TYPE)) {
            throw form();
        }
        boolean signed = Optional.ofNullable(jwks.get(keyId))
                .filter(key -> Ed25519PublicKey.of(key).verify(jws.signingInput(), jws.signature()))
                .isPresent();
        if (!signed) {
            throw signature();
        }
        return keyId;
    }

    private static RevocationSnapshot read(JsonFields fields, String issuer, String keyId) {
        try {
            if (!fields.string("iss").equals(issuer)) {
                throw new PolicyViolationException(
                        "snapshot-issuer",
                        "the snapshot is that of another issuer, and that of %s is wanted; fetch it from there"
                                .formatted(issuer));
            }
            List<String> keys = fields.list("keys");
            if (keys.size() > MOST_KEYS) {
                throw form();
            }
            List<String> revoked = fields.list("revoked");
            Set<CredentialId> ids = new HashSet<>();
            revoked.forEach(id -> ids.add(CredentialId.of(id)));
            var read = new RevocationSnapshot(keyId, fields.instant("asOf"), Set.copyOf(keys), Set.copyOf(ids));
            if (keys.size() != read.keys().size() || revoked.size() != ids.size()) {
                throw form();
            }
            if (!read.keys().contains(keyId)) {
                throw signature(); // a key that counts no more by its own word
            }
            return read;
        } catch (IllegalArgumentException e) {
            throw form(); // what it says may repeat what was sent
        }
    }

    /** True if {@code other} differs at most in who signed it. */
    boolean saysTheSame(RevocationSnapshot other) {
        return asOf.equals(other.asOf) && keys.equals(other.keys) && revoked.equals(other.revoked);
    }

    /** A list that is missing would be read as an empty one, and that is what somebody may want who withholds it. */
    private static Json members(Json payload) {
        if (payload instanceof Json.Obj object && object.members().keySet().equals(MEMBERS)) {
            return payload;
        }
        throw form();
    }

    private static Json canonical(byte[] bytes, int maxLength) {
        return CanonicalJson.read(new String(bytes, UTF_8), maxLength);
    }

    private static PolicyViolationException form() {
        return new PolicyViolationException(
                "snapshot-form",
                "this is no snapshot of revocations as an issuer writes it, in at most %d characters; fetch it again from the issuer"
                        .formatted(MAX_LENGTH));
    }

    static PolicyViolationException signature() {
        return new PolicyViolationException(
                "snapshot-signature",
                "the snapshot is not signed by a key that counts; fetch the key set and the snapshot again from the issuer");
    }
}
