package io.agentlifecycle.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.spi.SigningKeyStore;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** As long as nobody tells it otherwise, it is a right store of keys. */
class RemoteSignerTest extends SigningKeyStoreContract {
    private static final byte[] MESSAGE = {1, 2, 3};

    private final JdkKeys keys = new JdkKeys(JdkKeys.Bug.NONE);
    private final String keyId = keys.publicKeys().get(0).keyId();
    private final RemoteSigner signer = RemoteSigner.of(keys);
    private final ExecutorService pool = Executors.newCachedThreadPool();

    @Override
    protected SigningKeyStore open() {
        return RemoteSigner.of(new JdkKeys(JdkKeys.Bug.NONE));
    }

    @Override
    protected Collection<byte[]> secrets(SigningKeyStore store) {
        return List.of();
    }

    @AfterEach
    void everybody_goes_home() {
        signer.close();
        pool.shutdownNow();
    }

    @Test
    void it_fails_and_answers_wrongly_until_it_works_again() {
        byte[] right = keys.sign(keyId, MESSAGE);
        signer.fail();
        assertThatThrownBy(() -> signer.sign(keyId, MESSAGE)).isInstanceOf(IllegalStateException.class);
        signer.answerWrongly();
        assertThat(signer.sign(keyId, MESSAGE)).hasSize(64).isNotEqualTo(right);
        signer.work();
        assertThat(signer.sign(keyId, MESSAGE)).isEqualTo(right);
        assertThat(signer.calls()).isEqualTo(3);
    }

    @Test
    void calls_that_are_held_go_on_one_by_one_or_all_at_once() throws Exception {
        byte[] right = keys.sign(keyId, MESSAGE);
        signer.hold();
        Future<byte[]> first = pool.submit(() -> signer.sign(keyId, MESSAGE));
        signer.awaitHeld(1);
        assertThat(first.isDone()).isFalse();
        signer.letOneGo();
        assertThat(first.get(60, TimeUnit.SECONDS)).isEqualTo(right);

        List<Future<byte[]>> more =
                List.of(pool.submit(() -> signer.sign(keyId, MESSAGE)), pool.submit(() -> signer.sign(keyId, MESSAGE)));
        signer.awaitHeld(2);
        assertThat(more).noneMatch(Future::isDone);
        signer.letAllGo();
        for (Future<byte[]> each : more) {
            assertThat(each.get(60, TimeUnit.SECONDS)).isEqualTo(right);
        }
        assertThat(signer.sign(keyId, MESSAGE)).isEqualTo(right);
    }
}
