package io.agentlifecycle.credentials.keys;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.agentlifecycle.core.audit.PublicJwk;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The public vectors of Ed25519, in {@code -Dvectors.dir}. */
@Tag("vectors")
class KeyVectorsTest {
    private static final HexFormat HEX = HexFormat.of();

    @Test
    void wycheproof_gets_the_verdict_that_it_expects() throws IOException {
        int tests = 0;
        int valid = 0;
        for (Vectors group :
                Vectors.read("wycheproof/ed25519_test.json").get("testGroups").list()) {
            Vectors published = group.get("publicKey");
            Ed25519PublicKey key = Ed25519PublicKey.of(published.hex("pk")); // not one of the 78 is a bad point
            assertThat(Ed25519PublicKey.of(
                            new PublicJwk(group.get("publicKeyJwk").text("x"))))
                    .isEqualTo(key);
            assertThat(key.toPem()).isEqualTo(group.text("publicKeyPem"));
            for (Vectors test : group.get("tests").list()) {
                boolean expected = test.text("result").equals("valid");
                assertThat(key.verify(test.hex("msg"), test.hex("sig")))
                        .as("%s %s", test.text("tcId"), test.text("comment"))
                        .isEqualTo(expected)
                        .isEqualTo(key.verifyEquation(test.hex("msg"), test.hex("sig")));
                tests++;
                valid += expected ? 1 : 0;
            }
        }
        assertThat(tests).isEqualTo(151);
        assertThat(valid).isEqualTo(88);
    }

    /** Cases on which verifiers of the world disagree; who wants to be understood by all of them takes none. */
    @Test
    void none_of_the_disputed_signatures_is_taken() throws IOException {
        var cases = Vectors.read("speccheck/cases.json").list();
        assertThat(cases).hasSize(12);
        int goodKeys = 0;
        for (Vectors each : cases) {
            goodKeys += isNotTaken(each.hex("pub_key"), each.hex("message"), each.hex("signature")) ? 1 : 0;
        }
        assertThat(goodKeys)
                .as("signatures that are not taken under a good key")
                .isEqualTo(2);

        cases = Vectors.read("speccheck/zip215.json").list();
        assertThat(cases).hasSize(196);
        for (Vectors each : cases) {
            assertThat(isNotTaken(each.hex("vk_bytes"), "Zcash".getBytes(US_ASCII), each.hex("sig_bytes")))
                    .as("a good key")
                    .isFalse();
        }
    }

    /** Sees that the signature is not taken; false if already the key is none. */
    private static boolean isNotTaken(byte[] point, byte[] message, byte[] signature) {
        if (!Curve.isKey(point)) {
            assertThatIllegalArgumentException().isThrownBy(() -> Ed25519PublicKey.of(point));
            return false;
        }
        assertThat(Ed25519PublicKey.of(point).verify(message, signature))
                .as(HEX.formatHex(signature))
                .isFalse();
        return true;
    }

    @Test
    void torsion_in_r_or_in_the_key_is_noticed() throws IOException {
        var cases = Vectors.read("speccheck/torsion-own.json").list();
        assertThat(cases).hasSize(3);
        Ed25519PublicKey key = Ed25519PublicKey.of(cases.get(0).hex("pk"));

        assertThat(key.verify(cases.get(0).hex("msg"), cases.get(0).hex("sig"))).isTrue();
        assertThat(cases.get(1).hex("pk")).isEqualTo(key.bytes());
        assertThat(key.verify(cases.get(1).hex("msg"), cases.get(1).hex("sig"))).isFalse();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Ed25519PublicKey.of(cases.get(2).hex("pk")));
    }

    @Test
    void the_list_of_the_inventors_is_signed_and_verified_alike() throws IOException {
        var lines = Files.readAllLines(Vectors.file("rfc8032/sign-input-short-200.txt"));
        assertThat(lines).hasSize(200);
        for (String line : lines) {
            String[] fields = line.split(":", -1);
            byte[] seed = HEX.parseHex(fields[0].substring(0, 64));
            byte[] message = HEX.parseHex(fields[2]);
            byte[] signature = HEX.parseHex(fields[3].substring(0, 128));
            SigningKey key = SigningKey.ofSeed(seed);

            assertThat(HEX.formatHex(key.publicKey().bytes())).isEqualTo(fields[1]);
            assertThat(key.sign(message)).isEqualTo(signature);
            assertThat(key.publicKey().verify(message, signature)).isTrue();
            assertThat(key.publicKey().verify(Arrays.copyOf(message, message.length + 1), signature))
                    .isFalse();
        }
    }

    @Test
    void the_rfcs_are_followed() throws IOException {
        Vectors all = Vectors.read("rfc-vectors.json");
        for (Vectors each : all.get("rfc8032").list()) {
            SigningKey key = SigningKey.ofSeed(each.hex("seed"));
            assertThat(key.publicKey().bytes()).isEqualTo(each.hex("public"));
            assertThat(key.sign(each.hex("message"))).isEqualTo(each.hex("signature"));
            assertThat(key.publicKey().verify(each.hex("message"), each.hex("signature")))
                    .isTrue();
        }

        Vectors rfc8037 = all.get("rfc8037");
        SigningKey key = SigningKey.ofSeed(Base64.getUrlDecoder().decode(rfc8037.text("d")));
        assertThat(key.publicKey().jwk()).isEqualTo(new PublicJwk(rfc8037.text("x")));
        assertThat(key.publicKey().keyId()).isEqualTo(rfc8037.text("thumbprint"));
        String jws = rfc8037.text("jws");
        byte[] signed = jws.substring(0, jws.lastIndexOf('.')).getBytes(US_ASCII);
        byte[] signature = Base64.getUrlDecoder().decode(jws.substring(jws.lastIndexOf('.') + 1));
        assertThat(key.sign(signed)).isEqualTo(signature);
        assertThat(key.publicKey().verify(signed, signature)).isTrue();
    }

    @Test
    void did_keys_are_written_and_read_as_elsewhere() throws IOException {
        var cases = Vectors.read("rfc-vectors.json").get("didkey").list();
        assertThat(cases).hasSize(3);
        for (Vectors each : cases) {
            Ed25519PublicKey key = each.has("x")
                    ? Ed25519PublicKey.of(new PublicJwk(each.text("x")))
                    : Ed25519PublicKey.of(each.hex("publicKeyHex"));

            assertThat(key.didKey()).isEqualTo(each.text("did"));
            assertThat(Ed25519PublicKey.ofDidKey(each.text("did"))).isEqualTo(key);
        }
    }
}
