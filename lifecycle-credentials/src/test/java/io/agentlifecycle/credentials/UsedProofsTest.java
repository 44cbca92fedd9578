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

class UsedProofsTest {
    private static final Instant BEGIN = Instant.parse("2026-04-11T04:30:00Z");
    private static final String KEY = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
    private static final String OTHER_KEY = "A".repeat(43);

    private final MutableClock clock = MutableClock.at(BEGIN.toString());

    /** Opened so long ago that it takes every proof of now. */
    private UsedProofs settled(int capacity) {
        var used = UsedProofs.open(capacity, clock);
        clock.advance(Holder.SETTLED);
        return used;
    }

    @Test
    void a_proof_is_used_once() {
        UsedProofs used = settled(10);
        Instant now = clock.instant();

        assertThat(used.use(KEY, "a", now)).isEqualTo(Use.FIRST);
        assertThat(used.use(KEY, "a", now)).isEqualTo(Use.AGAIN);
        assertThat(used.use(KEY, "a", now.plusSeconds(1)))
                .as("of another second")
                .isEqualTo(Use.AGAIN);
        assertThat(used.use(OTHER_KEY, "a", now)).as("of another key").isEqualTo(Use.FIRST);
        assertThat(used.use(KEY, "b", now)).isEqualTo(Use.FIRST);
    }

    @Test
    void it_is_remembered_to_the_end_of_its_time_and_not_a_nanosecond_longer() {
        UsedProofs used = settled(1);
        Instant issued = clock.instant();
        used.use(KEY, "a", issued);

        clock.set(issued.plusSeconds(60));
        assertThat(used.size()).isOne();
        assertThat(used.use(KEY, "a", issued)).isEqualTo(Use.AGAIN);
        clock.set(issued.plusSeconds(60).plusNanos(1));
        assertThat(used.size()).isZero();
        assertThat(used.use(KEY, "a", issued)).isEqualTo(Use.TOO_LATE);
    }

    @Test
    void a_full_store_refuses_until_time_makes_room_and_forgets_nobody() {
        UsedProofs used = settled(2);
        Instant first = clock.instant();
        used.use(KEY, "a", first);
        used.use(KEY, "b", first.plusSeconds(10));

        for (int i = 0; i < 100; i++) {
            assertThat(used.use(KEY, "more" + i, first)).isEqualTo(Use.NO_ROOM);
        }
        assertThat(used.use(KEY, "a", first)).isEqualTo(Use.AGAIN);
        assertThat(used.use(KEY, "b", first.plusSeconds(10))).isEqualTo(Use.AGAIN);
        assertThat(used.size()).isEqualTo(2);

        clock.set(first.plusSeconds(61));
        assertThat(used.use(KEY, "c", first.plusSeconds(61))).isEqualTo(Use.FIRST);
        assertThat(used.use(KEY, "d", first.plusSeconds(61))).isEqualTo(Use.NO_ROOM);
        assertThat(used.use(KEY, "b", first.plusSeconds(10))).isEqualTo(Use.AGAIN);
    }

    @Test
    void what_may_have_been_used_before_it_was_opened_is_refused() {
        var used = UsedProofs.open(10, clock);

        assertThat(used.use(KEY, "a", BEGIN.minusSeconds(60))).isEqualTo(Use.BEFORE_OPENING);
        assertThat(used.use(KEY, "a", BEGIN)).isEqualTo(Use.BEFORE_OPENING);
        assertThat(used.use(KEY, "a", BEGIN.plusSeconds(60)))
                .as("by a clock a minute ahead it may have been used in the last moment before")
                .isEqualTo(Use.BEFORE_OPENING);
        assertThat(used.use(KEY, "a", BEGIN.plusSeconds(61))).isEqualTo(Use.FIRST);
        assertThat(used.size()).isOne();
    }

    /** What was forgotten when the clock was ahead is not new when it is right again. */
    @Test
    void a_clock_that_goes_back_makes_nothing_new() {
        UsedProofs used = settled(10);
        Instant issued = clock.instant();
        used.use(KEY, "a", issued);

        clock.set(issued.plusSeconds(61));
        assertThat(used.size()).isZero();
        clock.set(issued.plusSeconds(1));

        assertThat(used.use(KEY, "a", issued)).isEqualTo(Use.TOO_LATE);
        assertThat(used.use(KEY, "b", issued.plusSeconds(1))).isEqualTo(Use.FIRST);
    }

    @Test
    void memory_is_bounded_and_given_back() {
        UsedProofs used = settled(1_000);
        for (int second = 0; second < 600; second++) {
            for (int i = 0; i < 10; i++) {
                used.use(KEY, second + "-" + i, clock.instant());
            }
            assertThat(used.size()).isLessThanOrEqualTo(610);
            clock.advance(Duration.ofSeconds(1));
        }
        clock.advance(Duration.ofSeconds(61));
        assertThat(used.size()).isZero();
    }

    @Test
    void there_is_room_for_at_least_one() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> UsedProofs.open(0, clock))
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
        var used = UsedProofs.open(4, time);
        Instant latest = BEGIN;
        List<Instant> proofs = new ArrayList<>(Collections.nCopies(6, BEGIN.plusSeconds(90)));
        Set<String> accepted = new HashSet<>();
        for (Step step : steps) {
            if (step.kind() < 3) {
                time.advance(Duration.ofSeconds(step.seconds()));
                latest = time.instant().isAfter(latest) ? time.instant() : latest;
            } else if (step.kind() == 3) {
                time.set(latest); // a manager's time does not go back over a restart
                used = UsedProofs.open(4, time);
            } else if (step.kind() == 4) {
                proofs.set(step.proof(), time.instant().plusSeconds(step.seconds()));
            } else {
                Instant issued = proofs.get(step.proof());
                boolean inTime = Duration.between(issued, time.instant()).abs().compareTo(UsedProofs.WINDOW) <= 0;
                String id = step.proof() + "@" + issued;
                if (inTime && used.use(KEY, id, issued) == Use.FIRST) {
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
        UsedProofs used = settled(100_000);
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
                        first[round] = used.use(KEY, "proof" + round, issued) == Use.FIRST;
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
