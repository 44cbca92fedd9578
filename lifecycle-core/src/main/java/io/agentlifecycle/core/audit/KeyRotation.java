package io.agentlifecycle.core.audit;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentKey;
import java.time.Instant;
import java.util.Base64;
import java.util.regex.Pattern;

/**
 * What an agent says to have its identity key replaced: the key that its credentials are bound to makes way for another, and
 * both sign the same {@link #statement}. The old one shows that the agent wants it, the new one that nobody puts somebody
 * else's key in its place.
 *
 * <p>The statement is not part of it. Whoever checks the signatures builds it anew from what he knows of the agent, so
 * that no other text that a key ever signed can stand in for it.
 *
 * @param oldKey the key that the agent has; its thumbprint must be the one that the agent is known by
 * @param newKey the key that it wants
 * @param at when it was signed
 * @param oldProof signature of the old key over the statement, 86 characters of base64url
 * @param newProof signature of the new key over the statement, 86 characters of base64url
 */
public record KeyRotation(PublicJwk oldKey, PublicJwk newKey, Instant at, String oldProof, String newProof) {
    /** The type under which the statement is signed. */
    public static final String PAYLOAD_TYPE = "application/vnd.agent-lifecycle.key-rotation.v1+json";

    private static final Pattern SIGNATURE = Pattern.compile("[A-Za-z0-9_-]{85}[AQgw]");
    private static final int MAX_CHARS = 1_024;

    public KeyRotation {
        requireNonNull(oldKey, "oldKey");
        requireNonNull(newKey, "newKey");
        requireNonNull(at, "at");
        requireSignature("oldProof", oldProof);
        requireSignature("newProof", newProof);
    }

    private static void requireSignature(String name, String text) {
        if (!SIGNATURE.matcher(text).matches()) {
            throw new JsonFormatException(name + " must be the 64 bytes of a signature in base64url");
        }
    }

    /**
     * The text that both keys sign: canonical JSON.
     *
     * @param oldKeyId the thumbprint of the key that the agent has
     * @param sequence 1 for the first change of the agent's key, and one more for each
     */
    public static String statement(AgentKey agent, String oldKeyId, PublicJwk newKey, long sequence, Instant at) {
        return CanonicalJson.write(Json.object()
                .put("agent", agent.id().value())
                .put("at", at.toString())
                .put("new", newKey.toJson())
                .put("old", oldKeyId)
                .put("sequence", sequence)
                .put("tenant", agent.tenant().value())
                .build());
    }

    /**
     * Reads what {@link #toJson} gives, written as text by an agent elsewhere.
     *
     * @throws JsonFormatException if it is anything else, or longer than 1,024 characters, or not canonical JSON
     */
    public static KeyRotation parse(String text) {
        var fields = new JsonFields("key rotation", CanonicalJson.read(text, MAX_CHARS));
        KeyRotation read = takeFrom(fields);
        fields.end();
        return read;
    }

    /** Reads it out of an event of kind {@code agent.key_rotated}. */
    public static KeyRotation of(AuditEvent event) {
        return takeFrom(new JsonFields("details", event.details()));
    }

    private static KeyRotation takeFrom(JsonFields fields) {
        return new KeyRotation(
                PublicJwk.of(fields.plainObject("oldKey")),
                PublicJwk.of(fields.plainObject("newKey")),
                fields.instant("signedAt"),
                fields.string("oldProof"),
                fields.string("newProof"));
    }

    /** It as JSON, to be sent in canonical form. */
    public Json.Obj toJson() {
        return members().build();
    }

    /** The details of the event that says that it was done. */
    public Json.Obj details(long sequence) {
        return members().put("sequence", sequence).build();
    }

    private Json.ObjBuilder members() {
        return Json.object()
                .put("oldKey", oldKey.toJson())
                .put("newKey", newKey.toJson())
                .put("signedAt", at.toString())
                .put("oldProof", oldProof)
                .put("newProof", newProof);
    }

    /** Whether both keys signed the statement about that agent, as whoever asks knows it. */
    public boolean isProven(AgentKey agent, String oldKeyId, long sequence, SignatureVerifier signatures) {
        String statement = statement(agent, oldKeyId, newKey, sequence, at);
        return signatures.verify(oldKey, PAYLOAD_TYPE, statement, bytes(oldProof))
                && signatures.verify(newKey, PAYLOAD_TYPE, statement, bytes(newProof));
    }

    private static byte[] bytes(String signature) {
        return Base64.getUrlDecoder().decode(signature);
    }
}
