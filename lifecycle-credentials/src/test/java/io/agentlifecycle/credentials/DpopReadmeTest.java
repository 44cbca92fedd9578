package io.agentlifecycle.credentials;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.spi.SigningKeyStore;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.credentials.keys.PemKeys;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What README.md tells agents and hosts to do about proofs works, word for word. */
class DpopReadmeTest {

    @TempDir
    private Path home;

    @Test
    void a_proof_is_made_and_accepted_as_the_readme_says() {
        try (var bench = new Bench()) {
            Path directory = home.resolve("keys");
            Supplier<char[]> passphrase = "correct horse battery staple"::toCharArray;
            InstantSource clock = bench.clock;
            String bound = PemKeys.openOrCreate(directory, Purpose.PROOFS, passphrase, clock)
                    .publicKeys()
                    .get(0)
                    .keyId();
            CredentialVerifier verifier = bench.verifier();
            bench.advance(Holder.SETTLED);

            TokenVerdict verdict =
                    snippet(directory, passphrase, clock, Holder.tokenBoundTo(bench, "bot", bound), verifier);

            assertThat(verdict.accepted()).isTrue();
        }
    }

    private static TokenVerdict snippet(
            Path directory,
            Supplier<char[]> passphrase,
            InstantSource clock,
            Token token,
            CredentialVerifier verifier) {
        // snippet begins
        // the agent
        SigningKeyStore keys = PemKeys.openOrCreate(directory, Purpose.PROOFS, passphrase, clock);
        String keyId = keys.publicKeys().get(0).keyId();
        DpopProver prover = DpopProver.create(keys, keyId, clock);
        String proof = prover.prove("GET", "https://tools.example/search?q=weather", token);

        // the host
        TokenVerdict verdict =
                verifier.verify(token.reveal(), proof, DpopRequest.of("GET", "https://tools.example/search"));
        // snippet ends
        return verdict;
    }
}
