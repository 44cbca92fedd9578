package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.OPEN_DOOR;
import static io.agentlifecycle.core.Workshop.active;
import static io.agentlifecycle.core.Workshop.refused;
import static io.agentlifecycle.core.Workshop.request;
import static io.agentlifecycle.core.Workshop.time;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Drain;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.access.Verdict.Reason;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.GuardPolicy;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.budget.RateLimit;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.error.AccessDeniedException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.store.RecordKey;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
import net.jqwik.api.Tuple;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** How often an agent is let through in a minute, and who says so. */
class RateLimitTest {
    private static final long MINUTE = 60_000_000_000L;

    @RegisterExtension
    final Workshop shop = new Workshop();

    private LifecycleManager manager;

    private AgentKey limited(long calls) {
        manager = shop.open(OPEN_DOOR);
        AgentKey key = active(manager, ID.value()).agent().key();
        manager.limitRate(ID, RateLimit.perMinute(calls), ADMIN);
        return key;
    }

    private boolean call() {
        return call(manager);
    }

    private static boolean call(LifecycleManager through) {
        try {
            through.guard().require(ID, Operation.INVOKE);
            return true;
        } catch (AccessDeniedException e) {
            assertThat(e.verdict().reasons()).containsExactly(Reason.RATE_LIMITED);
            return false;
        }
    }

    private int calls(int attempts) {
        int through = 0;
        for (int i = 0; i < attempts; i++) {
            through += call() ? 1 : 0;
        }
        return through;
    }

    // ---- at the guard

    @Test
    void so_many_calls_are_let_through_in_a_minute_of_utc_and_no_more() {
        limited(3);
        shop.clock.set(time("2026-04-11T04:30:59.999999999Z"));

        assertThat(calls(5)).isEqualTo(3);

        var denied = catchThrowableOfType(
                AccessDeniedException.class, () -> manager.guard().require(ID, Operation.INVOKE));
        assertThat(denied.verdict())
                .isEqualTo(new Verdict.Denied(
                        "agent " + ID, List.of(Reason.RATE_LIMITED), 429, Optional.of(time("2026-04-11T04:31:00Z"))));
        assertThat(denied).hasMessageContaining("as many calls in this minute as it may");
        shop.clock.advance(Duration.ofNanos(1));
        assertThat(calls(5)).isEqualTo(3);
        shop.clock.advance(Duration.ofMinutes(1));
        assertThat(calls(1)).isEqualTo(1);
    }

    @Test
    void a_policy_may_answer_with_another_status() {
        manager = shop.open(LifecyclePolicy.builder()
                .requireApproval(false)
                .guard(new GuardPolicy(GuardPolicy.QuarantineAccess.NONE, false, Map.of(Reason.RATE_LIMITED, 503)))
                .build());
        active(manager, ID.value());
        manager.limitRate(ID, RateLimit.perMinute(1), ADMIN);
        assertThat(call()).isTrue();
        assertThat(((Verdict.Denied) manager.guard().check(ID, Operation.INVOKE)).httpStatus())
                .isEqualTo(503);
    }

    @Test
    void a_look_counts_nothing_and_says_when_the_minute_is_full() {
        AgentKey key = limited(1);
        CredentialId credential = manager.get(ID).credential().orElseThrow().id();
        for (int i = 0; i < 3; i++) {
            assertThat(manager.guard().check(ID, Operation.INVOKE).allowed()).isTrue();
            assertThat(manager.guard().check(key, credential, Operation.INVOKE).allowed())
                    .isTrue();
        }
        assertThat(call()).isTrue();
        for (Verdict verdict : List.of(
                manager.guard().check(ID, Operation.INVOKE),
                manager.guard().check(key, credential, Operation.INVOKE))) {
            assertThat(verdict)
                    .isInstanceOfSatisfying(
                            Verdict.Denied.class,
                            denied -> assertThat(denied.reasons()).containsExactly(Reason.RATE_LIMITED));
        }
    }

    @Test
    void calls_with_a_verified_credential_count_with_all_others() {
        AgentKey key = limited(2);
        CredentialId credential = manager.get(ID).credential().orElseThrow().id();
        manager.guard().require(key, credential, Operation.INVOKE);
        assertThat(calls(2)).isEqualTo(1);
        var denied = catchThrowableOfType(
                AccessDeniedException.class, () -> manager.guard().require(key, credential, Operation.INVOKE));
        assertThat(denied.verdict().reasons()).containsExactly(Reason.RATE_LIMITED);
    }

    @ParameterizedTest
    @EnumSource(value = Operation.class, mode = EnumSource.Mode.EXCLUDE, names = "INVOKE")
    void only_work_is_counted(Operation operation) {
        limited(1);
        for (int i = 0; i < 3; i++) {
            manager.guard().require(ID, operation);
        }
        assertThat(calls(2)).isEqualTo(1);
        manager.guard().require(ID, operation);
    }

    @Test
    void what_is_not_let_through_is_no_call_and_everything_that_stands_in_the_way_is_told() {
        limited(2);
        assertThat(calls(1)).isEqualTo(1);
        manager.suspend(ID, "", ADMIN);
        for (int i = 0; i < 5; i++) {
            var denied = catchThrowableOfType(
                    AccessDeniedException.class, () -> manager.guard().require(ID, Operation.INVOKE));
            assertThat(denied.verdict().reasons()).containsExactly(Reason.SUSPENDED);
        }
        manager.resume(ID, ADMIN);
        assertThat(calls(3)).isEqualTo(1);
        manager.suspend(ID, "", ADMIN);
        assertThat(((Verdict.Denied) manager.guard().check(ID, Operation.INVOKE)).reasons())
                .containsExactly(Reason.SUSPENDED, Reason.RATE_LIMITED);
    }

    @Test
    void a_token_is_no_worse_for_a_full_minute() {
        manager = shop.open(OPEN_DOOR);
        Activation activation = active(manager, ID.value());
        manager.limitRate(ID, RateLimit.perMinute(1), ADMIN);
        assertThat(calls(2)).isEqualTo(1);
        assertThat(manager.verifyOpaque(activation.issued().token().reveal()).allowed())
                .isTrue();
        assertThat(manager.standing(
                                activation.agent().key(),
                                activation.issued().credential().id())
                        .allowed())
                .isTrue();
        String key = manager.apiKeys()
                .register(ID, Duration.ofDays(1), ADMIN)
                .secret()
                .reveal();
        assertThat(manager.apiKeys().exchange(key).credential()).isPresent();
    }

    @Test
    void a_lease_is_one_call_however_long_it_goes_on() {
        limited(2);
        List<Verdict.Denied> told = new ArrayList<>();
        try (Lease lease = manager.guard().lease(ID, Operation.INVOKE, Drain.CANCEL, told::add)) {
            assertThat(calls(3)).isEqualTo(1);
            for (int i = 0; i < 5; i++) {
                lease.require();
            }
            manager.sweeper().sweep();
            manager.changeOwner(ID, "bob@company.com", ADMIN);
            assertThat(lease.isStopped()).isFalse();
            var denied = catchThrowableOfType(
                    AccessDeniedException.class, () -> manager.guard().lease(ID, Operation.INVOKE));
            assertThat(denied.verdict().reasons()).containsExactly(Reason.RATE_LIMITED);
            manager.suspend(ID, "", ADMIN);
            assertThat(told).singleElement().extracting(Verdict.Denied::reason).isEqualTo(Reason.SUSPENDED);
        }
    }

    @Test
    void a_lease_may_be_the_last_call_of_its_minute() {
        limited(1);
        try (Lease lease = manager.guard().lease(ID, Operation.INVOKE)) {
            lease.require();
            assertThat(call()).isFalse();
        }
        assertThat(call()).as("the work that ended was a call, too").isFalse();
    }

    @Test
    void each_agent_has_its_own_calls_also_one_that_works_for_another() {
        limited(1);
        AgentId child = AgentId.of("agent:2");
        manager.requestProvisioning(request(child.value()).parent(ID).build());
        manager.activate(child);
        assertThat(calls(2)).isEqualTo(1);
        manager.guard().require(child, Operation.INVOKE);
        manager.limitRate(child, RateLimit.perMinute(1), ADMIN);
        manager.guard().require(child, Operation.INVOKE);
        assertThat(manager.guard().check(child, Operation.INVOKE).allowed()).isFalse();
    }

    // ---- the limit

    @Test
    void another_limit_gives_nobody_a_minute_anew() {
        limited(5);
        assertThat(calls(5)).isEqualTo(5);
        manager.limitRate(ID, RateLimit.perMinute(7), ADMIN);
        assertThat(calls(9)).isEqualTo(2);
        manager.limitRate(ID, RateLimit.perMinute(3), ADMIN);
        assertThat(calls(2)).isZero();
        assertThat(manager.engine().standing().callsLeft(manager.get(ID).key(), Pulse.nanos(shop.clock.instant())))
                .hasValue(0);
        shop.clock.advance(Duration.ofMinutes(1));
        assertThat(calls(5)).isEqualTo(3);
    }

    @Test
    void the_limit_is_stored_and_what_was_used_of_it_is_not() {
        limited(2);
        assertThat(calls(3)).isEqualTo(2);
        LifecycleManager another = shop.open(OPEN_DOOR);
        assertThat(call(another)).isTrue();
        assertThat(call(another)).isTrue();
        assertThat(call(another)).as("each process counts by itself").isFalse();
        manager.limitRate(ID, RateLimit.perMinute(3), ADMIN);
        assertThat(call(another)).as("and hears of another limit").isTrue();
        assertThat(call(another)).isFalse();
    }

    @Test
    void a_record_without_a_limit_says_nothing_of_it() {
        manager = shop.open(OPEN_DOOR);
        active(manager, ID.value());
        assertThat(record()).doesNotContain("callsPerMinute");
        manager.limitRate(ID, RateLimit.perMinute(12), ADMIN);
        assertThat(record()).contains("\"callsPerMinute\":12");
        assertThat(manager.get(ID).rateLimit()).contains(RateLimit.perMinute(12));
    }

    private String record() {
        return shop.store
                .get(RecordKey.agent(manager.get(ID).key()))
                .orElseThrow()
                .body();
    }

    @Test
    void what_was_set_is_written_down_with_what_it_replaced() {
        limited(5);
        Agent before = manager.get(ID);
        assertThat(manager.limitRate(ID, RateLimit.perMinute(5), ADMIN)).isEqualTo(before);
        manager.limitRate(ID, RateLimit.perMinute(6), ADMIN);

        List<SealedEvent> set = manager.auditTrail(ID).stream()
                .filter(event -> event.event().kind() == EventKind.AGENT_LIMITS_SET)
                .toList();
        assertThat(set)
                .extracting(event -> event.event().details())
                .containsExactly(
                        Json.object().put("callsPerMinute", 5).build(),
                        Json.object()
                                .put("callsPerMinute", 6)
                                .put("oldCallsPerMinute", 5)
                                .build());
        assertThat(set).allMatch(event -> event.event().actor().isSame(ADMIN));
    }

    @Test
    void an_agent_does_not_change_its_own_limit() {
        limited(5);
        refused(manager, "access-role", () -> manager.limitRate(ID, RateLimit.perMinute(9), Actor.agent(ID)));
    }

    @Test
    void what_is_retired_has_no_limit_to_set() {
        manager = shop.open(builder -> builder.policy(OPEN_DOOR).teardownTask(new FlakyTask("stuck", () -> false)));
        active(manager, ID.value());
        manager.placeHold(ID, HoldReason.POLICY_VIOLATION, "", ADMIN);
        manager.limitRate(ID, RateLimit.perMinute(9), ADMIN);
        manager.decommission(ID, "", ADMIN);
        assertThat(refused(manager, "limits-after-end", () -> manager.limitRate(ID, RateLimit.perMinute(8), ADMIN)))
                .hasMessageContaining("DECOMMISSIONING");
    }

    @Test
    void a_rate_is_at_least_one_call_and_at_most_a_billion() {
        for (long wrong : new long[] {Long.MIN_VALUE, -1, 0, RateLimit.MOST + 1, Long.MAX_VALUE}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> RateLimit.perMinute(wrong))
                    .withMessage("calls per minute must be 1 to 1000000000 but were " + wrong);
        }
        assertThat(RateLimit.perMinute(RateLimit.MOST)).hasToString("1000000000 calls a minute");
        shop.open(OPEN_DOOR);
    }

    // ---- time and threads

    @Test
    void a_clock_that_goes_back_gives_nobody_a_minute_anew() {
        limited(2);
        // within a tenth of a second the manager's own time may go back
        shop.clock.set(time("2026-04-11T04:30:59.95Z"));
        assertThat(calls(1)).isEqualTo(1);
        shop.clock.set(time("2026-04-11T04:31:00.01Z"));
        assertThat(calls(3)).isEqualTo(2);
        for (Duration back : List.of(Duration.ofMillis(20), Duration.ofMinutes(1), Duration.ofDays(1))) {
            shop.clock.advance(back.negated());
            assertThat(calls(2)).as("%s back", back).isZero();
            assertThat(manager.guard().check(ID, Operation.INVOKE))
                    .isInstanceOfSatisfying(
                            Verdict.Denied.class,
                            denied -> assertThat(denied.retryAt()).contains(time("2026-04-11T04:32:00Z")));
        }
        shop.clock.set(time("2026-04-11T04:32:00Z"));
        assertThat(calls(3)).isEqualTo(2);
    }

    @Test
    void many_threads_are_let_through_exactly_so_often() throws Exception {
        int threads = 8;
        int limit = 500;
        limited(limit);
        CredentialId credential = manager.get(ID).credential().orElseThrow().id();
        AgentKey key = manager.get(ID).key();
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            for (int minute = 0; minute < 10; minute++) {
                var start = new CyclicBarrier(threads);
                List<Future<Integer>> counts = new ArrayList<>();
                for (int i = 0; i < threads; i++) {
                    boolean verified = i % 2 == 0;
                    counts.add(pool.submit(() -> {
                        start.await();
                        int through = 0;
                        for (int n = 0; n < limit; n++) {
                            through += (verified ? call(key, credential) : call()) ? 1 : 0;
                        }
                        return through;
                    }));
                }
                int through = 0;
                for (Future<Integer> count : counts) {
                    through += count.get();
                }
                assertThat(through).isEqualTo(limit);
                shop.clock.advance(Duration.ofMinutes(1));
            }
        } finally {
            pool.shutdown();
        }
    }

    @Test
    void a_meter_loses_no_call_of_many_threads() throws Exception {
        int threads = 4;
        int limit = 200_000;
        shop.open(OPEN_DOOR);
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            var meter = new CallMeter();
            for (long minute = 0; minute < 5; minute++) {
                long now = minute * MINUTE;
                var start = new CyclicBarrier(threads);
                List<Future<Integer>> counts = new ArrayList<>();
                for (int i = 0; i < threads; i++) {
                    counts.add(pool.submit(() -> {
                        start.await();
                        int counted = 0;
                        for (int n = 0; n < limit; n++) {
                            counted += meter.count(RateLimit.perMinute(limit), now) ? 1 : 0;
                        }
                        return counted;
                    }));
                }
                int counted = 0;
                for (Future<Integer> count : counts) {
                    counted += count.get();
                }
                assertThat(counted).isEqualTo(limit);
            }
        } finally {
            pool.shutdown();
        }
    }

    private boolean call(AgentKey key, CredentialId credential) {
        try {
            manager.guard().require(key, credential, Operation.INVOKE);
            return true;
        } catch (AccessDeniedException e) {
            return false;
        }
    }

    private enum Act {
        COUNT,
        LOOK,
        LIMIT
    }

    /** The clock goes on by {@code move} nanoseconds, or back, and then something is done. */
    private record Step(Act act, long move, long limit) {}

    @Provide
    Arbitrary<List<Step>> minutes() {
        Arbitrary<Long> moves = Arbitraries.oneOf(
                Arbitraries.of(0L, 1L, -1L, MINUTE, -MINUTE, MINUTE - 1),
                Arbitraries.longs().between(-MINUTE, 2 * MINUTE));
        Arbitrary<Act> acts = Arbitraries.frequencyOf(
                Tuple.of(8, Arbitraries.just(Act.COUNT)),
                Tuple.of(2, Arbitraries.just(Act.LOOK)),
                Tuple.of(1, Arbitraries.just(Act.LIMIT)));
        return Combinators.combine(acts, moves, Arbitraries.longs().between(1, 6))
                .as(Step::new)
                .list()
                .ofMaxSize(80);
    }

    /** A model with a list of calls: what counts is the latest minute that was counted in. */
    @Property
    void a_meter_counts_as_a_list_of_all_calls_would(
            @ForAll("minutes") List<Step> steps, @ForAll boolean beforeTheEpoch) {
        var meter = new CallMeter();
        Map<Long, Long> calls = new HashMap<>();
        long latest = Long.MIN_VALUE;
        long now = beforeTheEpoch ? -10 * MINUTE - 7 : Pulse.nanos(Instant.parse("2026-04-11T04:30:00Z"));
        var limit = RateLimit.perMinute(3);
        for (Step step : steps) {
            now += step.move();
            long minute = Math.max(latest, Math.floorDiv(now, MINUTE));
            long used = calls.getOrDefault(minute, 0L);
            if (step.act() == Act.LIMIT) {
                limit = RateLimit.perMinute(step.limit());
            } else if (step.act() == Act.COUNT) {
                assertThat(meter.count(limit, now)).isEqualTo(used < limit.callsPerMinute());
                if (used < limit.callsPerMinute()) {
                    calls.merge(minute, 1L, Long::sum);
                    latest = minute;
                }
            }
            minute = Math.max(latest, Math.floorDiv(now, MINUTE));
            assertThat(meter.left(limit, now))
                    .isEqualTo(Math.max(0, limit.callsPerMinute() - calls.getOrDefault(minute, 0L)));
            assertThat(meter.nextMinute(now)).isEqualTo(Pulse.instant((minute + 1) * MINUTE));
        }
    }

    @Test
    void a_meter_counts_as_far_as_a_limit_can_go() {
        var meter = new CallMeter();
        var most = RateLimit.perMinute(RateLimit.MOST);
        assertThat(meter.left(most, Long.MAX_VALUE)).isEqualTo(RateLimit.MOST);
        assertThat(meter.count(most, Long.MAX_VALUE)).isTrue();
        assertThat(meter.left(most, Long.MIN_VALUE)).isEqualTo(RateLimit.MOST - 1);
        shop.open(OPEN_DOOR);
    }
}
