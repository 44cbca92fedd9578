package io.agentlifecycle.credentials;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.credentials.keys.InMemoryKeys;
import java.time.Duration;
import java.time.InstantSource;
import java.util.function.UnaryOperator;

/** An agent that has a token and the key that it is bound to. */
final class Holder {
    static final String METHOD = "GET";
    static final String URI = "https://tools.example/search";
    static final DpopRequest REQUEST = DpopRequest.of(METHOD, URI);

    /** So long after it was opened a store of used proofs takes those of every clock that is right to the minute. */
    static final Duration SETTLED = Duration.ofSeconds(121);

    final InMemoryKeys keys;
    final String keyId;
    final Token token;
    private final Bench bench;

    Holder(Bench bench, String agent) {
        this.bench = bench;
        this.keys = InMemoryKeys.create(Purpose.PROOFS, bench.clock);
        this.keyId = keys.publicKeys().get(0).keyId();
        this.token = tokenBoundTo(bench, agent, keyId);
    }

    static Token tokenBoundTo(Bench bench, String agent, String keyId) {
        return bench.manager
                .activate(bench.manager
                        .requestProvisioning(ProvisioningRequest.builder(agent)
                                .id(AgentId.of(agent))
                                .owner("alice@company.com")
                                .keyThumbprint(keyId)
                                .build())
                        .id())
                .issued()
                .token();
    }

    DpopProver prover(InstantSource clock) {
        return DpopProver.create(keys, keyId, clock);
    }

    /** A new proof for {@link #REQUEST}. */
    String proof() {
        return prover(bench.clock).prove(METHOD, URI, token);
    }

    /** By a clock that is ahead of ours. */
    String proof(Duration ahead) {
        return prover(() -> bench.clock.instant().plus(ahead)).prove(METHOD, URI, token);
    }

    TokenDraft draft() {
        return TokenDraft.of(proof(), signer());
    }

    UnaryOperator<byte[]> signer() {
        return bytes -> keys.sign(keyId, bytes);
    }

    TokenVerdict verify(CredentialVerifier verifier, String proof) {
        return verifier.verify(token.reveal(), proof, REQUEST);
    }

    static String hash(String text) {
        return Digests.base64Url(Digests.sha256(text.getBytes(US_ASCII)));
    }
}
