package io.agentlifecycle.credentials.keys;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.agentlifecycle.core.spi.SigningKeyStore;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.testkit.SigningKeyStoreContract;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class InMemoryKeysTest extends SigningKeyStoreContract {
    private static final Instant NOON = Instant.parse("2026-04-11T12:00:00Z");

    private final Map<SigningKeyStore, KnownRandom> randoms = new HashMap<>();

    @Override
    protected SigningKeyStore open() {
        var random = new KnownRandom();
        InMemoryKeys keys = InMemoryKeys.create(SigningKeyStore.Purpose.CREDENTIALS, MutableClock.at(NOON), random);
        randoms.put(keys, random);
        return keys;
    }

    @Override
    protected Collection<byte[]> secrets(SigningKeyStore store) {
        return randoms.get(store).seeds();
    }

    @Test
    void a_key_is_made_when_the_clock_says_so_but_always_after_the_one_before() {
        var clock = MutableClock.at(NOON);
        InMemoryKeys keys = InMemoryKeys.create(SigningKeyStore.Purpose.AUDIT, clock);

        assertThat(keys.publicKeys().get(0).createdAt()).isEqualTo(NOON);
        assertThat(keys.generate().createdAt()).isEqualTo(NOON.plusNanos(1));
        clock.set(NOON.minusSeconds(3600));
        assertThat(keys.generate().createdAt()).isEqualTo(NOON.plusNanos(2));
        clock.set(NOON.plusSeconds(1));
        assertThat(keys.generate().createdAt()).isEqualTo(NOON.plusSeconds(1));
    }

    /** Else all keys of years to come are of a time that has not come. */
    @Test
    void a_key_of_more_than_a_day_ahead_does_not_move_those_that_are_made_later() {
        var clock = MutableClock.at(NOON);
        InMemoryKeys keys = InMemoryKeys.create(SigningKeyStore.Purpose.AUDIT, clock);
        clock.set(NOON.plusSeconds(86_400));
        String ahead = keys.generate().keyId();

        clock.set(NOON);
        assertThat(keys.generate().createdAt())
                .isEqualTo(NOON.plusSeconds(86_400).plusNanos(1));
        clock.set(NOON.minusNanos(1));
        assertThat(keys.generate().createdAt()).isEqualTo(NOON.plusNanos(1));
        assertThat(keys.publicKeys().get(2).keyId()).isEqualTo(ahead);
    }

    @Test
    void a_refusal_names_the_key_and_those_there_are() {
        InMemoryKeys keys = InMemoryKeys.create(SigningKeyStore.Purpose.AUDIT, MutableClock.at(NOON));
        String only = keys.publicKeys().get(0).keyId();

        assertThat(keys).hasToString("InMemoryKeys[AUDIT[" + only + "]]");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> keys.sign("nobody", new byte[0]))
                .withMessage("there is no key \"nobody\"; this store has AUDIT[" + only + "]");
        keys.retire(only);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> keys.sign(only, new byte[0]))
                .withMessage("key " + only + " is retired, so it signs no more; this store has AUDIT[" + only
                        + " (retired)]");
    }
}
