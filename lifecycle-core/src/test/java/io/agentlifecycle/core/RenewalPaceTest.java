package io.agentlifecycle.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.SweepReport.Outcome;
import io.agentlifecycle.core.SweepReport.Result;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.spi.CredentialSink;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.testing.ForwardingStore;
import io.agentlifecycle.core.testing.MutableClock;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How fast a fleet is renewed: spread out, so many in a sweep, nobody for ever, and a warning in time. */
class RenewalPaceTest {
    private static final Duration LIFE = Duration.ofHours(24);

    /** So rarely heard that nothing but credentials falls due. */
    private static LifecyclePolicy.Builder quiet(LifecyclePolicy.Builder settings) {
        return settings.heartbeatInterval(Duration.ofDays(100)).orphanThreshold(Duration.ofDays(1_000));
    }

    private static SweepFleet fleet(UnaryOperator<LifecycleManager.Builder> parts) {
        return fleet(LifecycleStore.inMemory(), parts);
    }

    private static SweepFleet fleet(LifecycleStore store, UnaryOperator<LifecycleManager.Builder> parts) {
        return new SweepFleet(store, UnaryOperator.identity(), RenewalPaceTest::quiet, parts);
    }

    private static Credential current(SweepFleet fleet, AgentId agent) {
        return fleet.manager().get(agent).credentials().current().orElseThrow();
    }

    private static List<AgentId> actives(SweepFleet fleet, int count) {
        List<AgentId> agents = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            agents.add(fleet.active("a%05d".formatted(i)));
        }
        return agents;
    }

    private static List<AgentImport> imports(int from, int count) {
        return IntStream.range(from, from + count)
                .mapToObj(i -> new AgentImport(
                        SweepFleet.request("a%05d".formatted(i)).build(), AgentState.ACTIVE, SweepFleet.START))
                .toList();
    }

    // ---- spread out

    @Test
    void ten_thousand_agents_issued_together_rotate_over_nine_percent_of_a_life_and_none_after_55_percent() {
        var clock = MutableClock.at(SweepFleet.START);
        List<Instant> rotated = new ArrayList<>();
        try (LifecycleManager manager = LifecycleManager.builder()
                .clock(clock)
                .random(new Random(42))
                .policy(SweepFleet.policy(RenewalPaceTest::quiet))
                .credentialSink(
                        (agent, issued) -> rotated.add(issued.credential().issuedAt()))
                .build()) {
            // they come in without a credential, and the first sweep issues one to each
            for (int i = 0; i < 10_000; i += 500) {
                manager.importAgents(imports(i, 500), "elsewhere", SweepFleet.ADMIN);
            }
            assertThat(manager.sweeper().sweep().with(Result.DONE)).hasSize(10_000);
            rotated.clear();
            int mostAtOnce = 0;
            // from 40 % to 55 % of a life, every three minutes
            for (Duration age = LIFE.multipliedBy(40).dividedBy(100);
                    age.compareTo(LIFE.multipliedBy(55).dividedBy(100)) <= 0;
                    age = age.plusMinutes(3)) {
                clock.set(SweepFleet.START.plus(age));
                int before = rotated.size();
                assertThat(manager.sweeper().sweep().outcomes()).allMatch(outcome -> outcome.result() == Result.DONE);
                mostAtOnce = Math.max(mostAtOnce, rotated.size() - before);
            }

            assertThat(clock.instant())
                    .isEqualTo(SweepFleet.START.plus(LIFE.multipliedBy(55).dividedBy(100)));
            assertThat(rotated).hasSize(10_000);
            Instant first = rotated.stream().min(Instant::compareTo).orElseThrow();
            Instant last = rotated.stream().max(Instant::compareTo).orElseThrow();
            assertThat(Duration.between(first, last))
                    .isGreaterThanOrEqualTo(LIFE.multipliedBy(9).dividedBy(100));
            // 48 sweeps could share them evenly
            assertThat(mostAtOnce).isLessThan(2 * 10_000 / 48);
        }
    }

    // ---- so many in a sweep

    @Test
    void a_sweep_renews_so_many_says_how_many_are_left_and_the_next_ones_go_on_with_the_longest_overdue() {
        List<AgentId> arrived = new ArrayList<>();
        try (SweepFleet fleet =
                fleet(builder -> builder.maxPerSweep(10).credentialSink((agent, issued) -> arrived.add(agent.id())))) {
            List<AgentId> agents = actives(fleet, 35);
            List<AgentId> byDueTime = agents.stream()
                    .sorted(Comparator.comparing(agent -> current(fleet, agent).rotateAt(CredentialPolicy.DEFAULT)))
                    .toList();
            fleet.clock.advance(LIFE.multipliedBy(60).dividedBy(100));

            for (int left : List.of(25, 15, 5, 0)) {
                SweepReport report = fleet.manager().sweeper().sweep();
                assertThat(report.left()).isEqualTo(left);
                assertThat(report.with(Result.LEFT)).hasSize(left);
                assertThat(report.more()).isFalse();
                assertThat(arrived).isEqualTo(byDueTime.subList(0, 35 - left));
            }
            assertThat(fleet.manager().sweeper().sweep().outcomes()).isEmpty();
            for (AgentId agent : agents) {
                assertThat(fleet.count(agent, EventKind.CREDENTIAL_ROTATED)).isEqualTo(1);
            }
        }
    }

    @Test
    void what_is_left_keeps_nothing_waiting_that_takes_power_away() {
        try (SweepFleet fleet = fleet(builder -> builder.maxPerSweep(1).credentialSink((agent, issued) -> {}))) {
            actives(fleet, 30);
            Instant end = SweepFleet.START.plus(LIFE.multipliedBy(60).dividedBy(100));
            AgentId ending = fleet.manager()
                    .requestProvisioning(SweepFleet.request("z").notAfter(end).build())
                    .id();
            fleet.manager().activate(ending);
            fleet.clock.set(end);

            // five at a time: it is the last to fall due, and 30 renewals at one a sweep would take 30 sweeps
            int sweeps = 0;
            while (fleet.state(ending) == AgentState.ACTIVE) {
                fleet.manager().sweeper().sweep(5);
                fleet.clock.advance(Duration.ofSeconds(1));
                sweeps++;
                assertThat(sweeps).isLessThanOrEqualTo(7);
            }
        }
    }

    @Property(tries = 60)
    void nobody_is_left_for_ever_whatever_the_limits_are_and_whoever_fails(
            @ForAll @IntRange(min = 1, max = 7) int limit,
            @ForAll @IntRange(min = 1, max = 7) int most,
            @ForAll @IntRange(max = 1) int step,
            @ForAll Set<@IntRange(max = 19) Integer> broken) {
        Set<AgentId> arrived = new HashSet<>();
        Set<String> fail = new HashSet<>();
        broken.forEach(i -> fail.add("a%05d".formatted(i)));
        CredentialSink sink = (agent, issued) -> {
            if (fail.contains(agent.id().value())) {
                throw new IOException("cannot be reached");
            }
            arrived.add(agent.id());
        };
        try (SweepFleet fleet = fleet(builder -> builder.maxPerSweep(most).credentialSink(sink))) {
            List<AgentId> agents = actives(fleet, 20);
            fleet.clock.advance(LIFE.multipliedBy(60).dividedBy(100));
            // all who are due at once are done after so many sweeps, though others fail again and again
            int enough = 20 * (1 + 20 / limit);
            for (int i = 0; i < enough; i++) {
                SweepReport report = fleet.manager().sweeper().sweep(limit);
                long renewals = report.outcomes().stream()
                        .filter(outcome -> outcome.action().isRenewal() && outcome.result() != Result.LEFT)
                        .count();
                assertThat(renewals).isLessThanOrEqualTo(most);
                fleet.clock.advance(Duration.ofSeconds(step));
            }
            assertThat(arrived).hasSize(20 - fail.size());
            assertThat(agents)
                    .filteredOn(agent -> !fail.contains(agent.value()))
                    .allMatch(arrived::contains);
        }
    }

    @Test
    void a_limit_below_one_is_refused() {
        assertThatThrownBy(() -> LifecycleManager.builder().maxPerSweep(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("maxPerSweep must be at least 1 but was 0");
    }

    // ---- the warning

    @Test
    void without_a_sink_a_credential_that_nobody_renews_is_told_of_once_at_three_quarters_to_the_nanosecond() {
        try (SweepFleet fleet = fleet(UnaryOperator.identity())) {
            AgentId agent = fleet.active("a");
            Credential first = current(fleet, agent);
            Instant ages = first.issuedAt().plus(Duration.ofHours(18));
            fleet.clock.set(ages.minusNanos(1));
            fleet.manager().sweeper().sweep();
            assertThat(fleet.count(agent, EventKind.CREDENTIAL_AGING)).isZero();
            fleet.clock.set(ages);
            assertThat(fleet.manager().sweeper().plan().items())
                    .extracting(SweepPlan.Item::action)
                    .contains(SweepAction.NOTE_AGING);

            assertThat(fleet.manager().sweeper().sweep().with(Result.DONE))
                    .extracting(Outcome::action)
                    .containsExactly(SweepAction.NOTE_AGING);

            var told = fleet.manager().auditTrail(agent);
            assertThat(told.get(told.size() - 1).event().details())
                    .isEqualTo(Json.object()
                            .put("id", first.id().value())
                            .put("expiresAt", first.expiresAt().toString())
                            .build());
            for (int i = 0; i < 5; i++) {
                fleet.manager().sweeper().sweep();
                fleet.clock.advance(Duration.ofHours(1));
            }
            fleet.reopen();
            fleet.manager().sweeper().sweep();
            assertThat(fleet.count(agent, EventKind.CREDENTIAL_AGING)).isEqualTo(1);
            fleet.manager().rotateCredentials(agent);
            fleet.clock.advance(Duration.ofHours(18));
            fleet.manager().sweeper().sweep();
            assertThat(fleet.count(agent, EventKind.CREDENTIAL_AGING))
                    .as("one for each credential")
                    .isEqualTo(2);
        }
    }

    @Test
    void without_automatic_rotation_the_warning_comes_too() {
        try (SweepFleet fleet = new SweepFleet(
                settings -> quiet(settings).credentialPolicy(CredentialPolicy.DEFAULT.withAutoRotate(false)))) {
            AgentId agent = fleet.active("a");
            fleet.clock.advance(Duration.ofHours(18));
            fleet.manager().sweeper().sweep();
            assertThat(fleet.kinds(agent)).endsWith(EventKind.CREDENTIAL_AGING);
        }
    }

    @Test
    void a_sweep_that_comes_late_renews_and_has_nothing_to_warn_of() {
        try (SweepFleet fleet = fleet(builder -> builder.credentialSink((agent, issued) -> {}))) {
            AgentId agent = fleet.active("a");
            fleet.clock.advance(Duration.ofHours(23));

            SweepReport report = fleet.manager().sweeper().sweep();

            assertThat(report.outcomes()).extracting(Outcome::action).containsExactly(SweepAction.ROTATE_CREDENTIAL);
            assertThat(fleet.kinds(agent)).doesNotContain(EventKind.CREDENTIAL_AGING);
        }
    }

    @Test
    void after_a_leap_over_a_whole_life_only_the_end_is_told() {
        try (SweepFleet fleet = fleet(UnaryOperator.identity())) {
            AgentId agent = fleet.active("a");
            fleet.clock.advance(Duration.ofHours(24));
            assertThat(fleet.manager().sweeper().plan().items())
                    .extracting(SweepPlan.Item::action)
                    .doesNotContain(SweepAction.NOTE_AGING);
            fleet.manager().sweeper().sweep();
            fleet.manager().sweeper().sweep();
            assertThat(fleet.kinds(agent))
                    .endsWith(EventKind.CREDENTIAL_EXPIRED)
                    .doesNotContain(EventKind.CREDENTIAL_AGING);
        }
    }

    @Test
    void while_the_new_one_does_not_arrive_the_one_that_the_agent_works_with_is_told_of_and_no_other() {
        CredentialSink broken = (agent, issued) -> {
            throw new IOException("cannot be reached");
        };
        try (SweepFleet fleet = fleet(builder -> builder.credentialSink(broken))) {
            AgentId agent = fleet.active("a");
            Credential first = current(fleet, agent);
            while (fleet.clock.instant().isBefore(first.expiresAt().plus(LIFE))) {
                fleet.clock.advance(Duration.ofMinutes(10));
                fleet.manager().sweeper().sweep();
            }
            assertThat(fleet.count(agent, EventKind.CREDENTIAL_AGING)).isEqualTo(1);
            assertThat(fleet.manager().get(agent).credentials().aging()).contains(first.id());
            assertThat(fleet.count(agent, EventKind.CREDENTIAL_ROTATION_FAILED)).isPositive();
        }
    }

    /** Each of these has nothing that could be renewed, or nothing that works. */
    @ParameterizedTest
    @CsvSource({"suspended", "revoked", "orphaned", "last"})
    void who_does_not_work_or_ends_with_it_is_not_warned_of(String what) {
        try (SweepFleet fleet = fleet(UnaryOperator.identity())) {
            var request = SweepFleet.request("a");
            if (what.equals("last")) {
                request.notAfter(SweepFleet.START.plus(Duration.ofHours(20)));
            }
            AgentId agent = fleet.manager().requestProvisioning(request.build()).id();
            fleet.manager().activate(agent);
            switch (what) {
                case "suspended" -> fleet.manager().suspend(agent, "", SweepFleet.ADMIN);
                case "revoked" -> fleet.manager().revokeCredentials(agent, "", SweepFleet.ADMIN);
                case "orphaned" -> fleet.manager().markOrphaned(agent, SweepFleet.ADMIN);
                default -> {}
            }
            fleet.clock.advance(Duration.ofHours(19));
            fleet.manager().sweeper().sweep();
            assertThat(fleet.kinds(agent)).doesNotContain(EventKind.CREDENTIAL_AGING);
            assertThat(fleet.inner.due(fleet.clock.instant(), 1))
                    .as("nobody stays due for it")
                    .isEmpty();
        }
    }

    // ---- no tight loops

    /** A host that sweeps at the first due time of its store, over and over, comes to an end. */
    @ParameterizedTest
    @CsvSource({"true,true,20", "true,false,20", "false,true,40", "false,false,20"})
    void a_host_that_sweeps_whenever_something_is_due_sweeps_a_few_times_a_life(
            boolean sink, boolean autoRotate, int most) {
        AtomicInteger asked = new AtomicInteger();
        LifecycleStore counting = new ForwardingStore(LifecycleStore.inMemory()) {
            @Override
            public void rearm(io.agentlifecycle.core.store.RecordKey key, long version, Optional<Instant> next) {
                asked.incrementAndGet();
                super.rearm(key, version, next);
            }
        };
        UnaryOperator<LifecycleManager.Builder> parts =
                builder -> sink ? builder.credentialSink(RenewalPaceTest::take) : builder;
        try (SweepFleet fleet = new SweepFleet(
                counting,
                UnaryOperator.identity(),
                settings -> quiet(settings).credentialPolicy(CredentialPolicy.DEFAULT.withAutoRotate(autoRotate)),
                parts)) {
            AgentId agent = fleet.active("a");
            int sweepsThatFoundSomeone = 0;
            for (Duration age = Duration.ZERO; age.compareTo(LIFE.multipliedBy(2)) < 0; age = age.plusMinutes(1)) {
                fleet.clock.set(SweepFleet.START.plus(age));
                sweepsThatFoundSomeone +=
                        Math.min(1, fleet.manager().sweeper().sweep().examined());
            }
            Agent after = fleet.manager().get(agent);
            assertThat(sweepsThatFoundSomeone).as("%s", fleet.kinds(agent)).isLessThanOrEqualTo(most);
            assertThat(asked.get()).isLessThanOrEqualTo(most);
            assertThat(after.credentials().generation()).isEqualTo(sink && autoRotate ? 4 : 1);
        }
    }

    private static void take(AgentKey agent, IssuedCredential issued) {
        assertThat(issued.credential().generation()).isPositive();
    }
}
