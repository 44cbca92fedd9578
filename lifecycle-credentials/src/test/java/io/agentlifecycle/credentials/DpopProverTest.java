package io.agentlifecycle.credentials;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.crypto.Ed25519Verifier;
import com.nimbusds.jwt.SignedJWT;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.keys.InMemoryKeys;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class DpopProverTest {
    /** The token of the example in section 7.1 of RFC 9449, and its hash there. */
    private static final Token RFC_TOKEN = Token.of("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU");

    private static final String RFC_HASH = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo";
    private static final String RFC_URI = "https://resource.example.org/protectedresource";

    private final MutableClock clock = MutableClock.at("2019-07-04T17:50:18.9Z");
    private final InMemoryKeys keys = InMemoryKeys.create(Purpose.PROOFS, clock);
    private final String keyId = keys.publicKeys().get(0).keyId();
    private final DpopProver prover = DpopProver.create(keys, keyId, clock, new SecureRandom() {
        private static final long serialVersionUID = 1L;

        @Override
        public void nextBytes(byte[] bytes) {
            Arrays.fill(bytes, (byte) 7);
        }
    });

    @Test
    void a_proof_says_what_the_example_of_the_rfc_says() {
        String[] parts = prover.prove("GET", RFC_URI, RFC_TOKEN).split("\\.");

        assertThat(text(parts[0]))
                .isEqualTo(
                        "{\"alg\":\"Ed25519\",\"jwk\":{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"},\"typ\":\"dpop+jwt\"}"
                                .formatted(keys.publicKeys().get(0).jwk().x()));
        assertThat(text(parts[1]))
                .isEqualTo(
                        "{\"ath\":\"%s\",\"htm\":\"GET\",\"htu\":\"%s\",\"iat\":1562262618,\"jti\":\"BwcHBwcHBwcHBwcHBwcHBw\"}"
                                .formatted(RFC_HASH, RFC_URI));
        assertThat(parts).hasSize(3);
    }

    @Test
    void a_nonce_stands_in_the_proof_and_the_query_does_not() {
        String payload = text(prover.prove(
                        "POST", "HTTPS://API.example:443/a/../b?secret=1#top", RFC_TOKEN, "eyJ7S_zG.eyJH0-Z.HX4w-7v")
                .split("\\.")[1]);

        assertThat(payload)
                .contains(
                        "\"htm\":\"POST\"",
                        "\"htu\":\"https://api.example/b\"",
                        "\"nonce\":\"eyJ7S_zG.eyJH0-Z.HX4w-7v\"");
    }

    @Test
    void nimbus_verifies_it() throws Exception {
        SignedJWT proof = SignedJWT.parse(prover.prove("GET", RFC_URI, RFC_TOKEN));

        assertThat(proof.getHeader().getType()).isEqualTo(new JOSEObjectType("dpop+jwt"));
        assertThat(proof.getHeader().getJWK().isPrivate()).isFalse();
        assertThat(proof.getHeader().getJWK().computeThumbprint()).hasToString(keyId);
        assertThat(proof.verify(new Ed25519Verifier(proof.getHeader().getJWK().toOctetKeyPair())))
                .isTrue();
        assertThat(proof.getJWTClaimsSet().getIssueTime()).isEqualTo("2019-07-04T17:50:18Z");
    }

    @Test
    void every_proof_has_an_id_of_its_own() {
        DpopProver real = DpopProver.create(keys, keyId, clock);
        Set<String> ids = new HashSet<>();
        for (int i = 0; i < 200; i++) {
            String payload = text(real.prove("GET", RFC_URI, RFC_TOKEN).split("\\.")[1]);
            String id = payload.replaceAll(".*\"jti\":\"([^\"]*)\".*", "$1");
            assertThat(Base64.getUrlDecoder().decode(id)).hasSize(16);
            ids.add(id);
        }
        assertThat(ids).hasSize(200);
    }

    @Test
    void it_names_its_key_and_nothing_else() {
        assertThat(prover).hasToString("DpopProver[" + keyId + "]");
        assertThat(DpopRequest.of("GET", "https://a.example/x?token=" + RFC_TOKEN.reveal())
                        .withNonces(Set.of("n-1")))
                .hasToString("DpopRequest[https://a.example/x]");
        assertThat(DpopRequest.of("GET", "x\nINFO all is well")).hasToString("DpopRequest[no http or https URI]");
    }

    @ParameterizedTest
    @EnumSource(value = Purpose.class, names = "PROOFS", mode = EnumSource.Mode.EXCLUDE)
    void keys_for_something_else_sign_no_proofs(Purpose purpose) {
        var others = InMemoryKeys.create(purpose, clock);

        assertThatIllegalArgumentException()
                .isThrownBy(() ->
                        DpopProver.create(others, others.publicKeys().get(0).keyId(), clock))
                .withMessageContaining("keys for PROOFS");
    }

    @Test
    void a_key_that_is_not_there_or_retired_signs_no_proofs() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> DpopProver.create(keys, "A".repeat(43), clock))
                .withMessageContaining("no key");
        keys.generate();
        keys.retire(keyId);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> DpopProver.create(keys, keyId, clock))
                .withMessageContaining("not retired");
        assertThatIllegalArgumentException().isThrownBy(() -> prover.prove("GET", RFC_URI, RFC_TOKEN));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "G ET", "GET\n", "G\u00c4T", "GET/"})
    void a_method_is_one_word(String method) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> prover.prove(method, RFC_URI, RFC_TOKEN))
                .withMessageContaining("HTTP token");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "/x", "ftp://a.example/", "https://u:p@a.example/", "https://a.example/\u00f6"})
    void a_uri_is_one_of_http(String uri) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> prover.prove("GET", uri, RFC_TOKEN))
                .withMessageContaining("http or https")
                .withMessageNotContaining("u:p");
    }

    @Test
    void what_would_not_be_read_is_not_made() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> prover.prove("GET", "https://a.example/" + "a".repeat(7_000), RFC_TOKEN))
                .withMessageContaining("only 8192 are read");
        assertThatIllegalArgumentException().isThrownBy(() -> prover.prove("GET", RFC_URI, RFC_TOKEN, ""));
        assertThatIllegalArgumentException().isThrownBy(() -> prover.prove("GET", RFC_URI, RFC_TOKEN, "a\nb"));
    }

    private static String text(String part) {
        return new String(Base64.getUrlDecoder().decode(part), UTF_8);
    }
}
