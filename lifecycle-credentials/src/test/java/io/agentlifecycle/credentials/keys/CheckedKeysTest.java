package io.agentlifecycle.credentials.keys;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.error.KeysUnavailableException;
import io.agentlifecycle.core.spi.SigningKeyStore;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.testkit.RemoteSigner;
import io.agentlifecycle.testkit.SigningKeyStoreContract;
import java.util.Collection;
import org.junit.jupiter.api.Test;

class CheckedKeysTest extends SigningKeyStoreContract {
    private static final byte[] MESSAGE = {1, 2, 3};

    private final KnownRandom random = new KnownRandom();

    @Override
    protected SigningKeyStore open() {
        return CheckedKeys.of(RemoteSigner.of(InMemoryKeys.create(Purpose.AUDIT, Directories.CLOCK, random)));
    }

    @Override
    protected Collection<byte[]> secrets(SigningKeyStore store) {
        return random.seeds();
    }

    @Test
    void a_wrong_answer_and_a_failure_are_typed_and_name_the_key() {
        var signer = RemoteSigner.of(InMemoryKeys.create(Purpose.AUDIT, Directories.CLOCK));
        SigningKeyStore checked = CheckedKeys.of(signer);
        String keyId = checked.publicKeys().get(0).keyId();

        signer.answerWrongly();
        assertThatThrownBy(() -> checked.sign(keyId, MESSAGE))
                .isInstanceOf(KeysUnavailableException.class)
                .hasMessageStartingWith("key " + keyId + " answered with what is not its signature");
        signer.fail();
        assertThatThrownBy(() -> checked.sign(keyId, MESSAGE))
                .isInstanceOf(KeysUnavailableException.class)
                .hasMessageStartingWith("key " + keyId + " did not sign: java.lang.IllegalStateException; ")
                .hasCauseInstanceOf(IllegalStateException.class);
        signer.work();
        checked.retire(keyId);
        assertThatIllegalArgumentException().isThrownBy(() -> checked.sign(keyId, MESSAGE));
    }

    @Test
    void keys_that_sign_here_are_left_as_they_are() {
        InMemoryKeys here = InMemoryKeys.create(Purpose.AUDIT, Directories.CLOCK);
        SigningKeyStore checked = CheckedKeys.of(RemoteSigner.of(here));

        assertThat(CheckedKeys.of(here)).isSameAs(here);
        assertThat(CheckedKeys.of(checked)).isSameAs(checked);
    }
}
