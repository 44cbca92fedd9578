package io.agentlifecycle.credentials.keys;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.credentials.keys.Curve.Point;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class Ed25519PublicKeyTest {
    private static final HexFormat HEX = HexFormat.of();
    private static final Rfc8032 FIRST = Rfc8032.TESTS.get(0);

    // ---- what a key is called

    /** The key of RFC 8037, appendix A, is that of the first test of RFC 8032. */
    @Test
    void a_key_has_the_names_that_the_standards_give_it() {
        Ed25519PublicKey key = FIRST.key();

        assertThat(key.jwk()).isEqualTo(new PublicJwk("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
        assertThat(key.keyId()).isEqualTo("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assertThat(key).hasToString(key.keyId());
        assertThat(key.didKey()).isEqualTo("did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw");
        assertThat(key.toPem())
                .isEqualTo("-----BEGIN PUBLIC KEY-----\n"
                        + "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
                        + "-----END PUBLIC KEY-----\n");
    }

    @Test
    void a_key_comes_back_from_each_of_its_spellings() {
        for (Rfc8032 test : Rfc8032.TESTS) {
            Ed25519PublicKey key = test.key();

            assertThat(List.of(
                            Ed25519PublicKey.of(key.jwk()),
                            Ed25519PublicKey.ofDidKey(key.didKey()),
                            Ed25519PublicKey.ofPem(key.toPem()),
                            Ed25519PublicKey.of(key.bytes())))
                    .allMatch(key::equals)
                    .allMatch(each -> each.hashCode() == key.hashCode())
                    .allMatch(each -> each.verify(test.message(), test.signature()));
        }
        assertThat(FIRST.key()).isNotEqualTo(Rfc8032.TESTS.get(1).key()).isNotEqualTo("a key");
    }

    @Test
    void a_key_shares_no_array_with_anybody() {
        byte[] bytes = FIRST.publicKey().clone();
        Ed25519PublicKey key = Ed25519PublicKey.of(bytes);

        Arrays.fill(bytes, (byte) 0);
        Arrays.fill(key.bytes(), (byte) 0);

        assertThat(key).isEqualTo(FIRST.key());
        assertThat(key.bytes()).isEqualTo(FIRST.publicKey());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "did:key:",
                "did:key:z",
                "did:web:example.com",
                "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMs",
                "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMswx",
                "did:key:Z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw",
                "DID:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw",
                "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMs0",
                "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsü",
                // 32 bytes typed as X25519, and as secp256k1 of another length
                "did:key:z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc",
                "did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme",
                // 33 zero bytes
                "did:key:z11111111111111111111111111111111111111111111111",
            })
    void what_is_not_exactly_the_did_key_of_an_ed25519_key_is_refused(String did) {
        assertThatIllegalArgumentException().isThrownBy(() -> Ed25519PublicKey.ofDidKey(did));
    }

    @Test
    void a_did_key_in_front_of_a_bad_point_is_refused() {
        byte[] typed = new byte[34];
        typed[0] = (byte) 0xed;
        typed[1] = 1;
        typed[2] = 1; // the neutral point

        assertThatIllegalArgumentException()
                .isThrownBy(() -> Ed25519PublicKey.ofDidKey("did:key:z" + Base58.encode(typed)))
                .withMessageContaining("prime order");
    }

    @Test
    void pem_is_read_in_its_one_spelling() {
        String pem = FIRST.key().toPem();
        List<String> wrong = new ArrayList<>(List.of("", pem + "\n", "\n" + pem, pem.replace("\n", "\r\n")));
        for (int i = 0; i < pem.length(); i++) {
            wrong.add(pem.substring(0, i) + pem.substring(i + 1));
            wrong.add(pem.substring(0, i) + (char) (pem.charAt(i) ^ 1) + pem.substring(i + 1));
        }

        for (String each : wrong) {
            if (!isOfAnotherKey(each)) {
                assertThatIllegalArgumentException().as(each).isThrownBy(() -> Ed25519PublicKey.ofPem(each));
            }
        }
        assertThat(wrong).filteredOn(Ed25519PublicKeyTest::isOfAnotherKey).hasSizeLessThan(44);
    }

    /** A changed digit can make the right PEM of another good key. */
    private static boolean isOfAnotherKey(String pem) {
        try {
            Ed25519PublicKey key = Ed25519PublicKey.ofPem(pem);
            return !key.equals(FIRST.key()) && key.toPem().equals(pem);
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    // ---- what no key is

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 31, 33, 64})
    void a_key_has_32_bytes(int length) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Ed25519PublicKey.of(new byte[length]))
                .withMessageContaining("32 bytes, not " + length);
    }

    /** The eight points of small order, then the same in their other encodings. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "0100000000000000000000000000000000000000000000000000000000000000",
                "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                "0000000000000000000000000000000000000000000000000000000000000000",
                "0000000000000000000000000000000000000000000000000000000000000080",
                "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
                "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
                "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
                "0100000000000000000000000000000000000000000000000000000000000080",
                "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
                "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
                "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            })
    void a_point_of_small_order_is_no_key(String point) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Ed25519PublicKey.of(HEX.parseHex(point)))
                .withMessageContaining("prime order")
                .withMessageContaining(point);
        assertThatIllegalArgumentException().isThrownBy(() -> Ed25519PublicKey.of(PublicJwk.of(HEX.parseHex(point))));
    }

    @Test
    void the_eight_points_above_are_all_there_are() {
        assertThat(Curve.smallOrder().stream().map(point -> HEX.formatHex(point.encoded())))
                .containsExactlyInAnyOrder(
                        "0100000000000000000000000000000000000000000000000000000000000000",
                        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                        "0000000000000000000000000000000000000000000000000000000000000000",
                        "0000000000000000000000000000000000000000000000000000000000000080",
                        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
                        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
                        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa");
    }

    @Test
    void a_y_that_is_not_reduced_is_no_key() {
        for (int i = 0; i < 19; i++) {
            byte[] bytes = Curve.littleEndian(Curve.P.add(BigInteger.valueOf(i)));
            assertRefused(bytes.clone());
            bytes[31] |= (byte) 0x80;
            assertRefused(bytes);
        }
    }

    @Test
    void a_point_off_the_curve_is_no_key_and_one_on_it_is_one_only_if_of_prime_order() {
        int off = 0;
        for (long y = 2; y < 60; y++) {
            byte[] bytes = Curve.littleEndian(BigInteger.valueOf(y));
            boolean onCurve = Curve.point(BigInteger.valueOf(y), false).isPresent();
            boolean good = onCurve
                    && Curve.point(BigInteger.valueOf(y), false)
                            .orElseThrow()
                            .times(Curve.ORDER)
                            .equals(Curve.NEUTRAL);
            if (good) {
                assertThat(Ed25519PublicKey.of(bytes).bytes()).isEqualTo(bytes);
            } else {
                assertRefused(bytes);
            }
            off += onCurve ? 0 : 1;
        }
        assertThat(off).as("points off the curve").isBetween(10, 50);
    }

    @Test
    void a_good_point_moved_by_one_of_small_order_is_no_key() {
        Point good = Curve.BASE.times(BigInteger.valueOf(7_777));
        for (Point torsion : Curve.smallOrder()) {
            byte[] bytes = good.plus(torsion).encoded();
            if (torsion.equals(Curve.NEUTRAL)) {
                assertThat(Ed25519PublicKey.of(bytes).bytes()).isEqualTo(bytes);
            } else {
                assertRefused(bytes);
            }
        }
    }

    private static void assertRefused(byte[] bytes) {
        assertThatIllegalArgumentException()
                .as(HEX.formatHex(bytes))
                .isThrownBy(() -> Ed25519PublicKey.of(bytes))
                .withMessageContaining("prime order");
    }

    // ---- signatures

    @Test
    void the_signatures_of_the_rfc_are_good_and_no_other_under_their_keys() {
        for (Rfc8032 test : Rfc8032.TESTS) {
            assertThat(test.key().verify(test.message(), test.signature())).isTrue();
            assertThat(test.key().verify("other".getBytes(UTF_8), test.signature()))
                    .isFalse();
            for (int bit = 0; bit < 512; bit++) {
                byte[] changed = test.signature().clone();
                changed[bit / 8] ^= (byte) (1 << bit % 8);
                assertThat(test.key().verifyEquation(test.message(), changed))
                        .as("bit " + bit)
                        .isFalse();
            }
        }
        assertThat(Rfc8032.TESTS.get(1).key().verify(FIRST.message(), FIRST.signature()))
                .isFalse();
    }

    /** RFC 8037, appendix A.4. */
    @Test
    void the_signed_text_of_rfc_8037_is_good() {
        byte[] signature = Base64.getUrlDecoder()
                .decode("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");

        assertThat(FIRST.key()
                        .verify("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc".getBytes(UTF_8), signature))
                .isTrue();
    }

    @Test
    void a_signature_of_another_length_is_false_and_no_exception() {
        for (int length = 0; length < 130; length++) {
            if (length != 64) {
                assertThat(FIRST.key().verifyEquation(FIRST.message(), Arrays.copyOf(FIRST.signature(), length)))
                        .as(length + " bytes")
                        .isFalse();
            }
        }
        assertThatNullPointerException().isThrownBy(() -> FIRST.key().verifyEquation(null, FIRST.signature()));
        assertThatNullPointerException().isThrownBy(() -> FIRST.key().verifyEquation(FIRST.message(), null));
    }

    @Test
    void an_s_that_is_not_reduced_is_false() {
        for (Rfc8032 test : Rfc8032.TESTS) {
            BigInteger s = Curve.number(Arrays.copyOfRange(test.signature(), 32, 64));
            for (int times = 0; times < 15; times++) {
                byte[] signature = test.signature().clone();
                BigInteger same = s.add(Curve.ORDER.multiply(BigInteger.valueOf(times)));
                System.arraycopy(Curve.littleEndian(same), 0, signature, 32, 32);
                assertThat(test.key().verifyEquation(test.message(), signature))
                        .as("S + %d L", times)
                        .isEqualTo(times == 0);
            }
        }
    }

    /** The owner of a key can make these. Some verifiers take them and some do not, so nobody may rely on them. */
    @Test
    void an_r_of_mixed_order_is_false_even_where_the_equation_as_it_is_computed_holds() {
        int takenByTheEquationAlone = 0;
        for (int i = 0; i < 24; i++) {
            byte[] message = {(byte) i};
            for (Point torsion : Curve.smallOrder()) {
                byte[] signature = Curve.signature(FIRST.seed(), message, torsion);
                boolean honest = torsion.equals(Curve.NEUTRAL);

                assertThat(FIRST.key().verify(message, signature)).isEqualTo(honest);
                boolean taken = FIRST.key().verifyEquation(message, signature);
                assertThat(taken || !honest).as("an honest one is taken").isTrue();
                takenByTheEquationAlone += taken && !honest ? 1 : 0;
            }
        }
        assertThat(takenByTheEquationAlone)
                .as("signatures that only the check of R refuses")
                .isPositive();
    }

    @Test
    void an_r_of_small_order_is_false() {
        for (Point torsion : Curve.smallOrder()) {
            byte[] signature = Arrays.copyOf(torsion.encoded(), 64);
            assertThat(FIRST.key().verify(FIRST.message(), signature)).isFalse();
            assertThat(FIRST.key().verifyEquation(FIRST.message(), signature))
                    .as("without the owner, it is false for the equation alone, too")
                    .isFalse();
        }
    }
}
