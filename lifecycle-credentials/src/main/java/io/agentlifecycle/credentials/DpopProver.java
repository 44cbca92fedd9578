package io.agentlifecycle.credentials;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Text;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.spi.SigningKeyStore;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import java.security.SecureRandom;
import java.time.InstantSource;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Shows, for an agent, that it holds the key that its credentials are bound to: makes the proof that RFC 9449 calls DPoP, a
 * new one for each request. The key is one of the agent's own, and its store need not be where the manager is. Safe for
 * use by many threads.
 */
public final class DpopProver {
    private static final Pattern METHOD = Pattern.compile("[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}");
    private static final int MAX_NONCE = 1_024;

    /** RFC 9449 wants at least 96 bits. */
    private static final int ID_BYTES = 16;

    private final SigningKeyStore keys;
    private final PublicJwk jwk;
    private final String keyId;
    private final InstantSource clock;
    private final SecureRandom random;

    private DpopProver(SigningKeyStore keys, String keyId, InstantSource clock, SecureRandom random) {
        if (keys.purpose() != Purpose.PROOFS) {
            throw new IllegalArgumentException(
                    "proofs are signed by keys for PROOFS, and these are for " + keys.purpose());
        }
        this.keys = keys;
        this.keyId = requireNonNull(keyId, "keyId");
        this.jwk = keys.publicKeys().stream()
                .filter(key -> key.keyId().equals(keyId) && !key.retired())
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "there is no key %s that signs; name one that is listed and not retired".formatted(keyId)))
                .jwk();
        this.clock = requireNonNull(clock, "clock");
        this.random = requireNonNull(random, "random");
    }

    /**
     * A prover with that key.
     *
     * @param keys of purpose {@link Purpose#PROOFS}
     * @param keyId the thumbprint that the agent was requested with, see {@code ProvisioningRequest.keyThumbprint}
     * @param clock right to the minute; a proof that is further off is refused
     * @throws IllegalArgumentException if the keys are for another purpose, or that one is not there or retired
     */
    public static DpopProver create(SigningKeyStore keys, String keyId, InstantSource clock) {
        return create(keys, keyId, clock, new SecureRandom());
    }

    static DpopProver create(SigningKeyStore keys, String keyId, InstantSource clock, SecureRandom random) {
        return new DpopProver(keys, keyId, clock, random);
    }

    /** The thumbprint of the key: what the agent is requested with. */
    public String keyThumbprint() {
        return keyId;
    }

    /**
     * The proof for one request, to be sent in the header {@code DPoP} beside {@code Authorization: DPoP} and the token. It is
     * good once, and for a minute.
     *
     * @param uri of the request; query and fragment are left out
     * @throws IllegalArgumentException if the method is none, or the URI is not an http or https URI
     */
    public String prove(String method, String uri, Token token) {
        return prove(method, uri, token, Optional.empty());
    }

    /**
     * The same with the nonce that the server sent in its header {@code DPoP-Nonce}.
     *
     * @param nonce 1 to 1,024 characters on one line
     */
    public String prove(String method, String uri, Token token, String nonce) {
        return prove(method, uri, token, Optional.of(Text.line("nonce", nonce, MAX_NONCE)));
    }

    private String prove(String method, String uri, Token token, Optional<String> nonce) {
        if (!METHOD.matcher(method).matches()) {
            throw new IllegalArgumentException("a method must be 1-64 of the characters of an HTTP token");
        }
        String target = HttpUri.withoutQuery(uri)
                .orElseThrow(() -> new IllegalArgumentException(
                        "the uri must be http or https with a host, in ASCII, and without a user; escape what is not"));
        var claims = Json.object()
                .put("ath", Digests.sha256(token.reveal()))
                .put("htm", method)
                .put("htu", target)
                .put("iat", clock.instant().getEpochSecond())
                .put("jti", id())
                .put("nonce", nonce);
        var header = Json.object()
                .put("alg", Ed25519CredentialIssuer.ALGORITHM)
                .put("jwk", jwk.toJson())
                .put("typ", DpopVerifier.TYPE);
        String proof = CompactJws.write(bytes(header), bytes(claims), message -> keys.sign(keyId, message));
        if (proof.length() > CompactJws.MAX_LENGTH) {
            throw new IllegalArgumentException(
                    "the proof would have %d characters, and only %d are read; shorten the path of the uri"
                            .formatted(proof.length(), CompactJws.MAX_LENGTH));
        }
        return proof;
    }

    private String id() {
        byte[] id = new byte[ID_BYTES];
        random.nextBytes(id);
        return Digests.base64Url(id);
    }

    private static byte[] bytes(Json.ObjBuilder object) {
        return CanonicalJson.write(object.build()).getBytes(UTF_8);
    }

    /** The key. */
    @Override
    public String toString() {
        return "DpopProver[" + keyId + "]";
    }
}
