package io.agentlifecycle.credentials;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.error.KeysUnavailableException;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.IssuerKeys.State;
import io.agentlifecycle.credentials.keys.InMemoryKeys;
import io.agentlifecycle.credentials.keys.PemKeys;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IssuerKeysTest {
    private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");
    private static final Duration LIFE = Duration.ofDays(90);
    private static final Duration LONGEST = Duration.ofDays(15);
    private static final Instant HALF = START.plus(Duration.ofDays(45));
    private static final Instant FIVE_SIXTHS = START.plus(Duration.ofDays(75));

    private final MutableClock clock = MutableClock.at(START);
    private final InMemoryKeys store = InMemoryKeys.create(Purpose.CREDENTIALS, clock);
    private final Ed25519CredentialIssuer issuer =
            Ed25519CredentialIssuer.builder(store).keyLife(LIFE).build();
    private final IssuerKeys keys = new IssuerKeys(issuer, clock);
    private final String first = id(0);

    private String id(int index) {
        return store.publicKeys().get(index).keyId();
    }

    /** What a new process would say. */
    private List<State> states() {
        List<State> states = new ArrayList<>(keys.states().values());
        assertThat(new IssuerKeys(
                                Ed25519CredentialIssuer.builder(store)
                                        .keyLife(LIFE)
                                        .build(),
                                clock)
                        .states()
                        .values())
                .containsExactlyElementsOf(states);
        return states;
    }

    private String signing() {
        return issuer.trustedKeys().signing(issuer.schedule(), clock.instant()).orElseThrow();
    }

    @Test
    void the_next_key_is_made_at_half_of_a_life_to_the_nanosecond_and_is_listed_at_once() {
        clock.set(HALF.minusNanos(1));
        assertThat(keys.step()).isEqualTo(new IssuerKeys.Step(Optional.empty(), List.of()));

        clock.set(HALF);
        Optional<String> made = keys.step().made();

        assertThat(made).contains(id(1));
        assertThat(states()).containsExactly(State.ACTIVE, State.NEXT);
        assertThat(KeySet.read(issuer.jwks())).containsOnlyKeys(first, id(1));
        assertThat(signing()).isEqualTo(first);
        assertThat(keys.step()).as("again").isEqualTo(new IssuerKeys.Step(Optional.empty(), List.of()));
    }

    @Test
    void it_signs_from_five_sixths_on_to_the_nanosecond_whether_or_not_anyone_steps() {
        clock.set(HALF);
        keys.step();

        clock.set(FIVE_SIXTHS.minusNanos(1));
        assertThat(signing()).isEqualTo(first);
        clock.set(FIVE_SIXTHS);
        assertThat(signing()).isEqualTo(id(1));
        assertThat(states()).containsExactly(State.RETIRING, State.ACTIVE);
        assertThat(KeySet.read(issuer.jwks())).containsOnlyKeys(first, id(1));
    }

    @Test
    void the_old_key_is_listed_until_its_last_token_has_ended_by_the_slowest_clock() {
        clock.set(HALF);
        keys.step();
        Instant lastEnd = FIVE_SIXTHS.plus(LONGEST);

        clock.set(lastEnd.plusSeconds(120).minusNanos(1));
        assertThat(keys.step().retired()).isEmpty();
        assertThat(KeySet.read(issuer.jwks())).containsKey(first);
        clock.set(lastEnd.plusSeconds(120));
        assertThat(keys.step().retired()).containsExactly(first);
        assertThat(states().get(0)).isEqualTo(State.RETIRED);
        assertThat(KeySet.read(issuer.jwks())).doesNotContainKey(first);
    }

    @Test
    void a_step_that_comes_very_late_gives_others_a_sixth_of_a_life_to_hear_of_the_new_key() {
        Instant late = START.plus(LIFE.multipliedBy(3));
        clock.set(late);
        assertThat(keys.step().made()).contains(id(1));

        assertThat(signing()).isEqualTo(first);
        clock.set(late.plus(LONGEST).minusNanos(1));
        assertThat(signing()).isEqualTo(first);
        clock.set(late.plus(LONGEST));
        assertThat(signing()).isEqualTo(id(1));
        assertThat(keys.step().retired()).isEmpty();
        clock.set(late.plus(LONGEST.multipliedBy(2)).plusSeconds(120));
        assertThat(keys.step().retired()).containsExactly(first);
    }

    /** The clock was ten years ahead for one step. */
    @Test
    void a_key_that_a_wrong_clock_made_stops_no_rotation() {
        clock.set(START.plus(Duration.ofDays(3650)));
        String ahead = keys.step().made().orElseThrow();
        clock.set(HALF.minusNanos(1));
        assertThat(keys.step().made()).isEmpty();
        assertThat(signing()).isEqualTo(first);

        clock.set(HALF);
        String next = keys.step().made().orElseThrow();
        assertThat(keys.step().made()).as("again").isEmpty();
        clock.set(FIVE_SIXTHS);
        assertThat(signing()).isEqualTo(next);

        int made = 0;
        for (int day = 0; day < 2 * 365; day++) {
            clock.advance(Duration.ofDays(1));
            made += keys.step().made().isPresent() ? 1 : 0;
            assertThat(signing()).isNotEqualTo(ahead);
        }
        assertThat(made).as("one in each 45 days").isBetween(15, 17);
        assertThat(keys.states()).containsEntry(ahead, State.NEXT);
        keys.taint(ahead);
        assertThat(keys.states()).containsEntry(ahead, State.RETIRED);
        clock.advance(Duration.ofDays(46));
        assertThat(keys.step().made()).isPresent();
    }

    @Test
    void a_next_key_of_up_to_a_day_ahead_is_waited_for() {
        clock.set(HALF.plus(Duration.ofDays(1)));
        assertThat(keys.step().made()).isPresent();

        clock.set(HALF);
        assertThat(keys.step().made()).isEmpty();
        clock.set(HALF.minusNanos(1));
        assertThat(keys.step().made()).as("half of its life is not over").isEmpty();
    }

    @Test
    void a_clock_that_is_far_behind_makes_no_key() {
        clock.set(START.minus(Duration.ofDays(3650)));

        assertThat(keys.step()).isEqualTo(new IssuerKeys.Step(Optional.empty(), List.of()));
        assertThat(signing()).isEqualTo(first);
    }

    /** The first key is of a time far ahead; the way out is the one that the log names. */
    @Test
    void when_even_the_first_key_is_of_a_wrong_clock_a_taint_makes_one_of_now() {
        clock.set(START.minus(Duration.ofDays(3650)));

        keys.taint(first);

        assertThat(signing()).isNotEqualTo(first);
        clock.advance(Duration.ofDays(45));
        assertThat(keys.step().made()).isPresent();
    }

    @Test
    void a_tainted_key_is_replaced_by_the_next_one_at_once() {
        clock.set(HALF);
        keys.step();

        keys.taint(first);
        keys.taint(first);

        assertThat(states()).containsExactly(State.RETIRED, State.ACTIVE);
        assertThat(signing()).isEqualTo(id(1));
        assertThat(KeySet.read(issuer.jwks())).containsOnlyKeys(id(1));
        assertThat(issuer.goodKeys())
                .hasValueSatisfying(good -> assertThat(good).containsExactly(id(1)));
    }

    @Test
    void when_the_only_key_is_tainted_another_one_is_made_first() {
        keys.taint(first);

        assertThat(states()).containsExactly(State.RETIRED, State.ACTIVE);
        keys.taint(first);
        assertThat(store.publicKeys()).as("doing it again makes none").hasSize(2);
        assertThatIllegalArgumentException().isThrownBy(() -> keys.taint("nobody's"));
        assertThat(store.publicKeys()).hasSize(2);
    }

    @Test
    void a_taint_that_was_cut_short_is_finished_by_doing_it_again() {
        var failing = new OpenKeys(store) {
            private boolean fails = true;

            @Override
            public void retire(String keyId) {
                if (fails) {
                    fails = false;
                    throw new KeysUnavailableException("keys", "cannot be written", "try again", null);
                }
                super.retire(keyId);
            }
        };
        var cut = new IssuerKeys(Ed25519CredentialIssuer.create(failing), clock);

        assertThatThrownBy(() -> cut.taint(first)).isInstanceOf(KeysUnavailableException.class);
        assertThat(states()).as("a next one is there, and nothing is lost").containsExactly(State.ACTIVE, State.NEXT);
        cut.taint(first);

        assertThat(states()).containsExactly(State.RETIRED, State.ACTIVE);
    }

    @Test
    void when_all_keys_are_retired_a_step_makes_one_that_signs() {
        store.retire(first);
        assertThat(keys.states()).isEqualTo(Map.of(first, State.RETIRED));

        assertThat(keys.step().made()).contains(id(1));
        assertThat(states()).containsExactly(State.RETIRED, State.ACTIVE);
        assertThat(signing()).isEqualTo(id(1));
    }

    @Test
    void the_key_set_that_is_served_is_the_one_that_is_read_in_every_state() {
        clock.set(HALF);
        keys.step();
        clock.set(FIVE_SIXTHS);
        keys.step();
        String third = keysAt(START.plus(Duration.ofDays(91)));
        keys.taint(id(1));

        assertThat(states()).containsExactly(State.RETIRED, State.RETIRED, State.ACTIVE);
        Map<String, PublicJwk> read = KeySet.read(issuer.jwks());
        assertThat(read)
                .containsExactly(Map.entry(third, store.publicKeys().get(2).jwk()));
    }

    private String keysAt(Instant time) {
        clock.set(time);
        return keys.step().made().orElseThrow();
    }

    @Test
    void after_a_restart_the_keys_on_disk_are_what_they_were(@TempDir Path directory) {
        PemKeys disk = onDisk(directory);
        clock.set(HALF);
        new IssuerKeys(Ed25519CredentialIssuer.create(disk), clock).step();
        clock.set(FIVE_SIXTHS);
        var reopened = new IssuerKeys(Ed25519CredentialIssuer.create(onDisk(directory)), clock);
        assertThat(reopened.states().values()).containsExactly(State.RETIRING, State.ACTIVE);
        assertThat(reopened.step()).isEqualTo(new IssuerKeys.Step(Optional.empty(), List.of()));

        reopened.taint(disk.publicKeys().get(1).keyId());

        assertThat(new IssuerKeys(Ed25519CredentialIssuer.create(onDisk(directory)), clock)
                        .states()
                        .values())
                .as("the old one signs until there is another")
                .containsExactly(State.ACTIVE, State.RETIRED);
    }

    private PemKeys onDisk(Path directory) {
        return PemKeys.openOrCreate(
                directory.resolve("keys"), Purpose.CREDENTIALS, () -> "passphrase".toCharArray(), clock);
    }

    /** Steps at any times, some of them long apart: there is one key that signs, and at most one that waits. */
    @Property(tries = 200)
    void there_is_always_one_that_signs_and_those_before_it_outlive_their_tokens(
            @ForAll @Size(max = 40) List<@IntRange(min = 0, max = 60) Integer> days) {
        new IssuerKeysTest().stepAfterEachOf(days); // its own keys: those of all tries together would be thousands
    }

    private void stepAfterEachOf(List<Integer> days) {
        Instant lastSigned = START;
        for (int wait : days) {
            String before = signing();
            clock.advance(Duration.ofDays(wait));
            if (signing().equals(before)) {
                lastSigned = clock.instant();
            }
            IssuerKeys.Step step = keys.step();

            assertThat(states().stream().filter(State.ACTIVE::equals)).hasSize(1);
            assertThat(states().stream().filter(State.NEXT::equals)).hasSizeLessThanOrEqualTo(1);
            assertThat(step.retired()).doesNotContain(signing());
            if (step.retired().contains(before)) {
                assertThat(clock.instant()).isAfter(lastSigned.plus(LONGEST));
            }
            assertThat(keys.step()).isEqualTo(new IssuerKeys.Step(Optional.empty(), List.of()));
        }
    }
}
