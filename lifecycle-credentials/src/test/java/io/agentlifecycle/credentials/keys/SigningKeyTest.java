package io.agentlifecycle.credentials.keys;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.lang.reflect.Field;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

class SigningKeyTest {
    @Test
    void it_signs_as_the_rfc_does_and_as_the_jdk_does() throws Exception {
        for (Rfc8032 test : Rfc8032.TESTS) {
            SigningKey key = SigningKey.ofSeed(test.seed());

            assertThat(key.publicKey()).isEqualTo(test.key());
            assertThat(key.sign(test.message())).isEqualTo(test.signature());
            assertThat(Jdk.sign(test.seed(), test.message())).isEqualTo(test.signature());
            assertThat(Jdk.verifies(test.key(), test.message(), test.signature()))
                    .isTrue();
        }
    }

    @Test
    void it_keeps_its_seed_to_itself() {
        byte[] seed = Rfc8032.TESTS.get(0).seed().clone();
        SigningKey key = SigningKey.ofSeed(seed);

        Arrays.fill(seed, (byte) 0);
        Arrays.fill(key.secretSeedForItsFile(), (byte) 0);

        assertThat(key.sign(new byte[0])).isEqualTo(Rfc8032.TESTS.get(0).signature());
        assertThatIllegalArgumentException()
                .isThrownBy(() -> SigningKey.ofSeed(new byte[31]))
                .withMessageContaining("32 bytes");
    }

    @Test
    void once_wiped_its_seed_is_gone_and_it_signs_no_more() throws Exception {
        SigningKey key = SigningKey.generate(new KnownRandom());
        Field field = SigningKey.class.getDeclaredField("seed");
        field.setAccessible(true);
        byte[] seed = (byte[]) field.get(key);
        assertThat(seed).isNotEqualTo(new byte[32]);

        key.wipe();
        key.wipe();

        assertThat(seed).isEqualTo(new byte[32]);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> key.sign(new byte[0]))
                .withMessageContaining(key.publicKey().keyId());
        assertThatIllegalArgumentException().isThrownBy(key::secretSeedForItsFile);
        assertThat(key.publicKey().keyId()).hasSize(43);
    }

    @Test
    void a_wipe_waits_for_signatures_and_spoils_none() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(3);
        try {
            for (int round = 0; round < 200; round++) {
                SigningKey key = SigningKey.generate(new KnownRandom());
                byte[] message = new byte[500];
                byte[] right = key.sign(message);
                var start = new CountDownLatch(1);
                Callable<Boolean> signer = () -> {
                    start.await();
                    try {
                        for (int i = 0; i < 50; i++) {
                            assertThat(key.sign(message)).isEqualTo(right);
                        }
                    } catch (IllegalArgumentException e) {
                        // wiped
                    }
                    return true;
                };
                List<Future<Boolean>> signers = List.of(pool.submit(signer), pool.submit(signer));
                start.countDown();
                Thread.yield();
                key.wipe();
                for (Future<Boolean> each : signers) {
                    assertThat(each.get()).isTrue();
                }
            }
        } finally {
            pool.shutdownNow();
        }
    }
}
