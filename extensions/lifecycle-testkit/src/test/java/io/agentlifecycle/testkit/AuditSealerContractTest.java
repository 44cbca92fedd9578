package io.agentlifecycle.testkit;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.spi.AuditSealer;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** The contract bites: each sealer with a bug fails the test that is there to notice it. */
class AuditSealerContractTest {
    /** Signs whatever bytes a subclass makes of a payload, and believes what a subclass believes. */
    private abstract static class Bug implements AuditSealer {
        private final KeyPair pair;

        Bug() {
            try {
                pair = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
            } catch (GeneralSecurityException e) {
                throw new AssertionError(e);
            }
        }

        @Override
        public PublicJwk publicKey() {
            byte[] spki = pair.getPublic().getEncoded();
            return PublicJwk.of(Arrays.copyOfRange(spki, 12, spki.length));
        }

        @Override
        public byte[] sign(String payloadType, String payload) {
            try {
                Signature signer = Signature.getInstance("Ed25519");
                signer.initSign(pair.getPrivate());
                signer.update(bytes(payloadType, payload));
                return signer.sign();
            } catch (GeneralSecurityException e) {
                throw new AssertionError(e);
            }
        }

        byte[] bytes(String payloadType, String payload) {
            return payload.getBytes(java.nio.charset.StandardCharsets.UTF_8);
        }

        @Override
        public boolean verify(PublicJwk key, String payloadType, String payload, byte[] signature) {
            return true;
        }
    }

    private static AuditSealerContract of(AuditSealer sealer) {
        return new AuditSealerContract() {
            @Override
            protected AuditSealer sealer() {
                return sealer;
            }

            @Override
            protected AuditSealer another() {
                return new Bug() {};
            }
        };
    }

    @Test
    void a_sealer_that_leaves_the_type_out_is_noticed() {
        assertThatThrownBy(() -> of(new Bug() {}).a_signature_is_ed25519_over_the_typed_payload())
                .isInstanceOf(AssertionError.class);
    }

    @Test
    void a_sealer_that_believes_everything_is_noticed() {
        AuditSealerContract contract = of(new Bug() {});

        assertThatThrownBy(contract::a_signature_counts_for_its_key_its_type_and_its_payload_only)
                .isInstanceOf(AssertionError.class);
        assertThatThrownBy(contract::what_is_no_signature_is_false_and_no_exception)
                .isInstanceOf(AssertionError.class);
        assertThatThrownBy(contract::a_key_that_is_no_good_point_verifies_nothing)
                .isInstanceOf(AssertionError.class);
        assertThatThrownBy(contract::many_threads_sign_and_verify_at_once).isInstanceOf(AssertionError.class);
    }

    @Test
    void a_sealer_that_believes_nothing_is_noticed() {
        AuditSealerContract contract = of(new Bug() {
            @Override
            public boolean verify(PublicJwk key, String payloadType, String payload, byte[] signature) {
                return false;
            }
        });

        assertThatThrownBy(contract::the_signature_of_another_sealer_verifies_with_its_key)
                .isInstanceOf(AssertionError.class);
        assertThatThrownBy(contract::a_log_that_it_signs_opens_again_and_verifies)
                .isInstanceOf(RuntimeException.class);
    }

    @Test
    void a_sealer_whose_signatures_are_cut_off_is_noticed() {
        AuditSealerContract contract = of(new Bug() {
            @Override
            public byte[] sign(String payloadType, String payload) {
                return Arrays.copyOf(super.sign(payloadType, payload), 63);
            }
        });

        assertThatThrownBy(contract::a_signature_is_ed25519_over_the_typed_payload)
                .isInstanceOf(AssertionError.class);
    }
}
