package io.agentlifecycle.credentials;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Public tokens of others: none of them is ours. */
class JwsVectorsTest {
    /** RFC 8037, A.4: a compact JWS with EdDSA, of no type and for no agent. */
    private static final String RFC_8037 = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
            + ".hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

    @Test
    void the_example_of_rfc_8037_is_signed_by_its_key_and_is_no_token_of_ours() {
        var key = Ed25519PublicKey.of(new PublicJwk("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
        CompactJws jws = CompactJws.parse(RFC_8037);

        assertThat(jws.header()).asString(US_ASCII).isEqualTo("{\"alg\":\"EdDSA\"}");
        assertThat(jws.payload()).asString(US_ASCII).isEqualTo("Example of Ed25519 signing");
        assertThat(key.verify(jws.signingInput(), jws.signature())).isTrue();
        assertThat(key.keyId()).isEqualTo("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assertThat(reasonOf(RFC_8037)).isEqualTo(TokenVerdict.Reason.HEADER_MEMBERS);
    }

    /** Those of {@code -Dvectors.dir}; the "valid" ones are valid for others, since none is signed with Ed25519. */
    @ParameterizedTest
    @CsvSource({"json_web_signature_test.json, 401", "json_web_key_test.json, 26", "json_web_crypto_test.json, 83"})
    @Tag("vectors")
    void no_token_of_wycheproof_is_accepted(String file, int count) throws IOException {
        List<String> tokens = wycheproof(file, Set.of("jws", "jwe"));
        assertThat(tokens).hasSize(count);
        try (var bench = new Bench()) {
            CredentialVerifier plain = bench.verifier();
            CredentialVerifier cached = bench.cached();
            for (String token : tokens) {
                for (CredentialVerifier verifier : List.of(plain, cached)) {
                    assertThat(verifier.verify(token))
                            .as(token)
                            .isInstanceOfSatisfying(
                                    TokenVerdict.Rejected.class,
                                    no -> assertThat(no.reason()).isLessThan(TokenVerdict.Reason.KEY_UNKNOWN));
                }
            }
        }
    }

    /** They have secrets, private halves, other kinds of keys, names that stand twice, and other uses. */
    @ParameterizedTest
    @CsvSource({"json_web_key_test.json, 36", "json_web_crypto_test.json, 11"})
    @Tag("vectors")
    void no_key_set_of_wycheproof_is_one_of_an_issuer(String file, int count) throws IOException {
        List<String> sets = wycheproof(file, Set.of("private", "public"));
        assertThat(sets).hasSize(count);
        for (String set : sets) {
            assertThatThrownBy(() -> KeySet.read(set))
                    .as(set)
                    .isInstanceOfSatisfying(
                            PolicyViolationException.class,
                            e -> assertThat(e.rule()).isEqualTo("key-set"));
        }
    }

    private static TokenVerdict.Reason reasonOf(String token) {
        try (var bench = new Bench()) {
            return ((TokenVerdict.Rejected) bench.verifier().verify(token)).reason();
        }
    }

    /** The values of all members of those names, texts as they are and objects as JSON. */
    private static List<String> wycheproof(String name, Set<String> members) throws IOException {
        Path file = Path.of(System.getProperty("vectors.dir"), "wycheproof", name);
        List<String> values = new ArrayList<>();
        try (JsonParser parser = new JsonFactory().createParser(file.toFile())) {
            while (parser.nextToken() != null) {
                if (parser.currentToken() == JsonToken.FIELD_NAME && members.contains(parser.currentName())) {
                    values.add(parser.nextToken() == JsonToken.VALUE_STRING ? parser.getText() : json(parser));
                }
            }
        }
        return values;
    }

    private static String json(JsonParser parser) throws IOException {
        var text = new StringWriter();
        try (JsonGenerator copy = new JsonFactory().createGenerator(text)) {
            copy.copyCurrentStructure(parser);
        }
        return text.toString();
    }
}
