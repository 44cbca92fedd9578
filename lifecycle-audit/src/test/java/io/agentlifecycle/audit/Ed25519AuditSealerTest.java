package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.spi.AuditSealer;
import io.agentlifecycle.core.spi.SigningKeyStore.PublishedKey;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.testkit.AuditSealerContract;
import org.junit.jupiter.api.Test;

class Ed25519AuditSealerTest extends AuditSealerContract {
    private final JdkKeys some = JdkKeys.fresh();

    @Override
    protected AuditSealer sealer() {
        return Ed25519AuditSealer.create(some);
    }

    @Override
    protected AuditSealer another() {
        return Ed25519AuditSealer.create(JdkKeys.fresh());
    }

    @Test
    void the_encoding_is_that_of_the_dsse_protocol() {
        assertThat(new String(Dsse.encode("http://example.com/HelloWorld", "hello world"), UTF_8))
                .isEqualTo("DSSEv1 29 http://example.com/HelloWorld 11 hello world");
        assertThat(new String(Dsse.encode("t", "gr\u00fc\u00df \ud83d\ude00 %s %d"), UTF_8))
                .as("lengths are in bytes, and what is signed is no format")
                .isEqualTo("DSSEv1 1 t 17 gr\u00fc\u00df \ud83d\ude00 %s %d");
    }

    @Test
    void keys_of_another_purpose_are_refused() {
        var keys = new JdkKeys(Purpose.CREDENTIALS);
        keys.generate();

        assertThatThrownBy(() -> Ed25519AuditSealer.create(keys))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "these keys are for CREDENTIALS, and a key never signs for two purposes; pass keys of purpose"
                                + " AUDIT");
        assertThatThrownBy(() ->
                        Ed25519AuditSealer.create(keys, keys.publicKeys().get(0).keyId()))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void the_newest_key_that_is_not_retired_signs_unless_one_is_named() {
        JdkKeys keys = JdkKeys.fresh();
        PublishedKey old = keys.publicKeys().get(0);
        PublishedKey next = keys.generate();
        PublishedKey newest = keys.generate();
        keys.retire(newest.keyId());

        assertThat(Ed25519AuditSealer.create(keys).publicKey()).isEqualTo(next.jwk());
        assertThat(Ed25519AuditSealer.create(keys, old.keyId()).publicKey()).isEqualTo(old.jwk());
        assertThatThrownBy(() -> Ed25519AuditSealer.create(keys, newest.keyId()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(newest.keyId());
        keys.retire(old.keyId());
        keys.retire(next.keyId());
        assertThatThrownBy(() -> Ed25519AuditSealer.create(keys))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("generate() one first");
    }

    @Test
    void it_shows_nothing_but_the_id_of_its_key() {
        assertThat(sealer())
                .hasToString("Ed25519AuditSealer[" + some.publicKeys().get(0).keyId() + "]");
    }
}
