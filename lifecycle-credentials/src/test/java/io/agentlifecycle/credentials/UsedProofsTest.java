package io.agentlifecycle.credentials;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.UsedProofs.Use;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class UsedProofsTest {
    private static final Instant BEGIN = Instant.parse("2026-04-11T04:30:00Z");
    private static final String KEY = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
    private static final String OTHER_KEY = "A".repeat(43);

    private final MutableClock clock = MutableClock.at(BEGIN.toString());

    /** Opened so long ago that it takes every proof of now. */
    private UsedProofs settled(int capacity) {
        UsedProofs used = opened(capacity, clock);
        clock.advance(Holder.SETTLED);
        return used;
    }

    private static UsedProofs opened(int capacity, MutableClock clock) {
        var used = UsedProofs.open(capacity);
        used.begin(clock.instant());
        return used;
    }

    private Use use(UsedProofs used, String key, String id, Instant issuedAt) {
        return used.use(key, id, issuedAt, clock.instant());
    }

    @Test
    void a_proof_is_used_once() {
        UsedProofs used = settled(160);
        Instant now = clock.instant();

        assertThat(use(used, KEY, "a", now)).isEqualTo(Use.FIRST);
        assertThat(use(used, KEY, "a", now)).isEqualTo(Use.AGAIN);
        assertThat(use(used, KEY, "a", now.plusSeconds(1)))
                .as("of another second")
                .isEqualTo(Use.AGAIN);
        assertThat(use(used, OTHER_KEY, "a", now)).as("of another key").isEqualTo(Use.FIRST);
        assertThat(use(used, KEY, "b", now)).isEqualTo(Use.FIRST);
    }

    @Test
    void it_is_remembered_to_the_end_of_its_time_and_not_a_nanosecond_longer() {
        UsedProofs used = settled(1);
        Instant issued = clock.instant();
        use(used, KEY, "a", issued);

        clock.set(issued.plusSeconds(60));
        assertThat(use(used, KEY, "a", issued)).isEqualTo(Use.AGAIN);
        assertThat(used.size()).isOne();
        clock.set(issued.plusSeconds(60).plusNanos(1));
        assertThat(use(used, KEY, "a", issued)).isEqualTo(Use.TOO_LATE);
        assertThat(used.size()).isZero();
    }

    @Test
    void a_full_store_refuses_until_time_makes_room_and_forgets_nobody() {
        UsedProofs used = settled(2);
        Instant first = clock.instant();
        use(used, KEY, "a", first);
        use(used, OTHER_KEY, "b", first.plusSeconds(10));

        for (int i = 0; i < 100; i++) {
            assertThat(use(used, "third" + i, "more", first)).isEqualTo(Use.NO_ROOM);
        }
        assertThat(use(used, KEY, "a", first)).isEqualTo(Use.AGAIN);
        assertThat(use(used, OTHER_KEY, "b", first.plusSeconds(10))).isEqualTo(Use.AGAIN);
        assertThat(used.size()).isEqualTo(2);

        clock.set(first.plusSeconds(61));
        assertThat(use(used, KEY, "c", first.plusSeconds(61))).isEqualTo(Use.FIRST);
        assertThat(use(used, "third", "d", first.plusSeconds(61))).isEqualTo(Use.NO_ROOM);
        assertThat(use(used, OTHER_KEY, "b", first.plusSeconds(10))).isEqualTo(Use.AGAIN);
    }

    @ParameterizedTest
    @CsvSource({"1,1", "2,1", "31,1", "32,2", "1600,100"})
    void one_key_gets_a_sixteenth_of_the_room_and_gets_it_back_in_time(int capacity, int share) {
        UsedProofs used = settled(capacity);
        Instant first = clock.instant();
        for (int i = 0; i < share; i++) {
            assertThat(use(used, KEY, "proof" + i, first)).isEqualTo(Use.FIRST);
        }

        assertThat(use(used, KEY, "more", first)).isEqualTo(Use.NO_ROOM);
        assertThat(use(used, OTHER_KEY, "another's", first)).isEqualTo(capacity > 1 ? Use.FIRST : Use.NO_ROOM);

        clock.set(first.plusSeconds(61));
        for (int i = 0; i < share; i++) {
            assertThat(use(used, KEY, "later" + i, first.plusSeconds(61))).isEqualTo(Use.FIRST);
        }
        assertThat(use(used, KEY, "more", first.plusSeconds(61))).isEqualTo(Use.NO_ROOM);
        assertThat(used.size()).isEqualTo(share);
    }

    @Test
    void what_may_have_been_used_before_it_was_opened_is_refused() {
        UsedProofs used = opened(10, clock);

        assertThat(use(used, KEY, "a", BEGIN.minusSeconds(60))).isEqualTo(Use.BEFORE_OPENING);
        assertThat(use(used, KEY, "a", BEGIN)).isEqualTo(Use.BEFORE_OPENING);
        assertThat(use(used, KEY, "a", BEGIN.plusSeconds(60)))
                .as("by a clock a minute ahead it may have been used in the last moment before")
                .isEqualTo(Use.BEFORE_OPENING);
        assertThat(use(used, KEY, "a", BEGIN.plusSeconds(61))).isEqualTo(Use.FIRST);
        assertThat(used.size()).isOne();
    }

    /** What was forgotten when the clock was ahead is not new when it is right again. */
    @Test
    void a_clock_that_goes_back_makes_nothing_new() {
        UsedProofs used = settled(160);
        Instant issued = clock.instant();
        use(used, KEY, "a", issued);

        clock.set(issued.plusSeconds(61));
        assertThat(use(used, KEY, "later", clock.instant())).isEqualTo(Use.FIRST);
        assertThat(used.size()).isOne();
        clock.set(issued.plusSeconds(1));

        assertThat(use(used, KEY, "a", issued)).isEqualTo(Use.TOO_LATE);
        assertThat(use(used, KEY, "b", issued.plusSeconds(1))).isEqualTo(Use.FIRST);
    }

    @Test
    void memory_is_bounded_and_given_back() {
        UsedProofs used = settled(16_000);
        for (int second = 0; second < 600; second++) {
            for (int i = 0; i < 10; i++) {
                use(used, KEY, second + "-" + i, clock.instant());
            }
            assertThat(used.size()).isLessThanOrEqualTo(610);
            clock.advance(Duration.ofSeconds(1));
        }
        clock.advance(Duration.ofSeconds(61));
        use(used, KEY, "last", clock.instant());
        assertThat(used.size()).isOne();
    }

    @Test
    void before_any_verifier_has_begun_and_by_the_first_that_has_nothing_of_before_is_taken() {
        var used = UsedProofs.open(160);
        assertThat(use(used, KEY, "a", BEGIN)).isEqualTo(Use.BEFORE_OPENING);
        used.begin(BEGIN);
        clock.advance(Holder.SETTLED);
        used.begin(clock.instant());

        assertThat(use(used, KEY, "a", clock.instant()))
                .as("of a verifier that came later")
                .isEqualTo(Use.FIRST);
    }

    @Test
    void there_is_room_for_at_least_one() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> UsedProofs.open(0))
                .withMessageContaining("at least 1");
        assertThat(settled(7)).hasToString("UsedProofs[at most 7]");
    }

    // ---- any order of events

    /** What happens next: the clock moves, the process starts anew, or a proof comes. */
    private record Step(int kind, int seconds, int proof) {}

    @Provide
    Arbitrary<List<Step>> steps() {
        return Combinators.combine(
                        Arbitraries.integers().between(0, 9),
                        Arbitraries.integers().between(-70, 70),
                        Arbitraries.integers().between(0, 5))
                .as(Step::new)
                .list()
                .ofMaxSize(60);
    }

    /** Whatever the clocks of agents and of the host do, and however often it starts anew. */
    @Property(tries = 2_000)
    void no_proof_is_accepted_twice(@ForAll("steps") List<Step> steps) {
        var time = MutableClock.at(BEGIN.toString());
        UsedProofs used = opened(64, time); // four for the key
        Instant latest = BEGIN;
        List<Instant> proofs = new ArrayList<>(Collections.nCopies(6, BEGIN.plusSeconds(90)));
        Set<String> accepted = new HashSet<>();
        for (Step step : steps) {
            if (step.kind() < 3) {
                time.advance(Duration.ofSeconds(step.seconds()));
                latest = time.instant().isAfter(latest) ? time.instant() : latest;
            } else if (step.kind() == 3) {
                time.set(latest); // a manager's time does not go back over a restart
                used = opened(64, time);
            } else if (step.kind() == 4) {
                proofs.set(step.proof(), time.instant().plusSeconds(step.seconds()));
            } else {
                Instant issued = proofs.get(step.proof());
                boolean inTime = Duration.between(issued, time.instant()).abs().compareTo(UsedProofs.WINDOW) <= 0;
                String id = step.proof() + "@" + issued;
                if (inTime && used.use(KEY, id, issued, time.instant()) == Use.FIRST) {
                    assertThat(accepted.add(id))
                            .as("%s is accepted again at %s", id, time.instant())
                            .isTrue();
                }
            }
            assertThat(used.size()).isLessThanOrEqualTo(4);
        }
    }

    // ---- races

    @Test
    void of_many_threads_with_the_same_proof_one_is_the_first() throws Exception {
        int threads = 8;
        UsedProofs used = settled(16 * 5_000);
        Instant issued = clock.instant();
        var barrier = new CyclicBarrier(threads);
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            List<Future<boolean[]>> firsts = new ArrayList<>();
            int rounds = 5_000;
            for (int thread = 0; thread < threads; thread++) {
                firsts.add(pool.submit(() -> {
                    boolean[] first = new boolean[rounds];
                    barrier.await();
                    for (int round = 0; round < rounds; round++) {
                        first[round] = use(used, KEY, "proof" + round, issued) == Use.FIRST;
                    }
                    return first;
                }));
            }
            int[] counts = new int[rounds];
            for (Future<boolean[]> first : firsts) {
                for (int round = 0; round < rounds; round++) {
                    counts[round] += first.get()[round] ? 1 : 0;
                }
            }
            assertThat(counts).containsOnly(1);
            assertThat(used.size()).isEqualTo(rounds);
        } finally {
            pool.shutdownNow();
        }
    }
}
