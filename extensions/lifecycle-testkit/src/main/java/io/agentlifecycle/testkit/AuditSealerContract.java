package io.agentlifecycle.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.Verification;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.spi.AuditSealer;
import io.agentlifecycle.core.spi.LifecycleStore;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * The contract of {@link AuditSealer}. A sealer is right if a subclass that makes it has no failing test. Its signatures
 * are also checked by the Ed25519 of the JDK, over the encoding that {@code docs/audit-format.md} names.
 */
public abstract class AuditSealerContract {
    /** The order of the group: a signature whose S is not below it must be refused. */
    private static final byte[] ORDER =
            HexFormat.of().parseHex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");

    private static final byte[] SPKI = HexFormat.of().parseHex("302a300506032b6570032100");
    private static final String TYPE = "application/vnd.example+json";
    private static final String PAYLOAD = "{\"text\":\"gr\u00fc\u00df \ud83d\ude00\"}";

    /** For subclasses. */
    protected AuditSealerContract() {}

    /** A sealer that works; each call may give the same one. */
    protected abstract AuditSealer sealer() throws Exception;

    /** A sealer with another key than {@link #sealer}. */
    protected abstract AuditSealer another() throws Exception;

    @Test
    void a_signature_is_ed25519_over_the_typed_payload() throws Exception {
        AuditSealer sealer = sealer();

        byte[] signature = sealer.sign(TYPE, PAYLOAD);

        assertThat(signature).hasSize(64);
        assertThat(sealer.verify(sealer.publicKey(), TYPE, PAYLOAD, signature)).isTrue();
        assertThat(verifiedByTheJdk(sealer.publicKey(), signature)).isTrue();
    }

    private static boolean verifiedByTheJdk(PublicJwk key, byte[] signature) throws GeneralSecurityException {
        byte[] spki = Arrays.copyOf(SPKI, SPKI.length + 32);
        System.arraycopy(key.bytes(), 0, spki, SPKI.length, 32);
        Signature verifier = Signature.getInstance("Ed25519");
        verifier.initVerify(KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(spki)));
        verifier.update("DSSEv1 %d %s %d %s"
                .formatted(TYPE.length(), TYPE, PAYLOAD.getBytes(UTF_8).length, PAYLOAD)
                .getBytes(UTF_8));
        return verifier.verify(signature);
    }

    @Test
    void a_signature_counts_for_its_key_its_type_and_its_payload_only() throws Exception {
        AuditSealer sealer = sealer();
        PublicJwk key = sealer.publicKey();
        byte[] signature = sealer.sign(TYPE, PAYLOAD);

        assertThat(sealer.verify(another().publicKey(), TYPE, PAYLOAD, signature))
                .isFalse();
        assertThat(sealer.verify(key, TYPE + "x", PAYLOAD, signature)).isFalse();
        assertThat(sealer.verify(key, TYPE, PAYLOAD + " ", signature)).isFalse();
        assertThat(sealer.verify(key, "", TYPE + PAYLOAD, signature)).isFalse();
    }

    @Test
    void the_signature_of_another_sealer_verifies_with_its_key() throws Exception {
        AuditSealer other = another();

        assertThat(sealer().verify(other.publicKey(), TYPE, PAYLOAD, other.sign(TYPE, PAYLOAD)))
                .isTrue();
    }

    @Test
    void what_is_no_signature_is_false_and_no_exception() throws Exception {
        AuditSealer sealer = sealer();
        PublicJwk key = sealer.publicKey();
        byte[] good = sealer.sign(TYPE, PAYLOAD);
        for (int length : List.of(0, 1, 32, 63, 65, 128)) {
            assertThat(sealer.verify(key, TYPE, PAYLOAD, Arrays.copyOf(good, length)))
                    .as("%d bytes", length)
                    .isFalse();
        }
        for (int i = 0; i < 64; i++) {
            byte[] changed = good.clone();
            changed[i] ^= 4;
            assertThat(sealer.verify(key, TYPE, PAYLOAD, changed))
                    .as("byte %d", i)
                    .isFalse();
        }
        assertThat(sealer.verify(key, TYPE, PAYLOAD, plusOrder(good)))
                .as("S + L")
                .isFalse();
    }

    /** The same signature in another spelling, which a lax verifier accepts. */
    private static byte[] plusOrder(byte[] signature) {
        byte[] other = signature.clone();
        int carry = 0;
        for (int i = 0; i < ORDER.length; i++) {
            int sum = (other[32 + i] & 0xff) + (ORDER[i] & 0xff) + carry;
            other[32 + i] = (byte) sum;
            carry = sum >> 8;
        }
        return other;
    }

    @Test
    void a_key_that_is_no_good_point_verifies_nothing() throws Exception {
        AuditSealer sealer = sealer();
        // with the neutral point as key, S = 0 and R = the neutral point fit every message
        byte[] forAll = new byte[64];
        forAll[0] = 1;
        for (String point : List.of(
                "0100000000000000000000000000000000000000000000000000000000000000",
                "0000000000000000000000000000000000000000000000000000000000000000",
                "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
                "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")) {
            PublicJwk key = PublicJwk.of(HexFormat.of().parseHex(point));
            assertThat(sealer.verify(key, TYPE, PAYLOAD, forAll)).as(point).isFalse();
            assertThat(sealer.verify(key, TYPE, PAYLOAD, sealer.sign(TYPE, PAYLOAD)))
                    .as(point)
                    .isFalse();
        }
    }

    @Test
    void many_threads_sign_and_verify_at_once() throws Exception {
        AuditSealer sealer = sealer();

        assertThat(IntStream.range(0, 200).parallel().allMatch(i -> {
                    byte[] signature = sealer.sign(TYPE, "payload " + i);
                    return sealer.verify(sealer.publicKey(), TYPE, "payload " + i, signature)
                            && !sealer.verify(sealer.publicKey(), TYPE, "payload " + (i + 1), signature);
                }))
                .isTrue();
    }

    @Test
    void a_log_that_it_signs_opens_again_and_verifies() throws Exception {
        AuditSealer sealer = sealer();
        LifecycleStore store = LifecycleStore.inMemory();
        try (LifecycleManager manager =
                LifecycleManager.builder().store(store).sealer(sealer).build()) {
            manager.requestProvisioning(ProvisioningRequest.builder("Agent")
                    .owner("alice@company.com")
                    .requestedBy(Actor.human("alice@company.com"))
                    .build());
        }
        try (LifecycleManager manager =
                LifecycleManager.builder().store(store).sealer(sealer).build()) {
            Verification found = manager.verify();

            assertThat(found.signed()).isEqualTo(found.events()).isEqualTo(2);
        }
    }
}
