package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.Activation;
import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.SweepAction;
import io.agentlifecycle.core.SweepReport;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.error.RefusedException;
import io.agentlifecycle.core.testing.MutableClock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A clock that goes wrong while the store is opened again: how late it has been is in the files, whichever way they were
 * left. What needs no store is in the clock test of core.
 */
class ClockOverRestartsTest {
    private static final Instant START = Instant.parse("2028-02-28T22:00:00Z"); // a leap day is about to come
    private static final Actor ADMIN = Actor.human("admin@company.com");
    private static final int AGENTS = 20;

    /** A snapshot at every closing, and often in between. */
    private static final Limits SNAPSHOTS = new Limits(4 << 20, 20_000, 60_000, 0, 3_600_000);

    private static final LifecyclePolicy POLICY = LifecyclePolicy.builder()
            .requireApproval(false)
            .heartbeatInterval(Duration.ofMinutes(5))
            .missedHeartbeats(2)
            .orphanThreshold(Duration.ofHours(2))
            .maxInactive(Duration.ofDays(4_000))
            .credentialPolicy(CredentialPolicy.DEFAULT.withMaxCredentialTtl(Duration.ofHours(24)))
            .build();

    /** How a process leaves the store. */
    private enum Restart {
        CLOSE,
        CLOSE_WITH_SNAPSHOT,
        CHECKPOINT_AND_KILL,
        CHECKPOINT_AND_POWER_CUT,
        KILL,
        POWER_CUT
    }

    /** What the clock shows after it went wrong. */
    private enum Trouble {
        BACK_A_SECOND(Duration.ofSeconds(-1)),
        BACK_AN_HOUR(Duration.ofHours(-1)),
        BACK_TWO_DAYS(Duration.ofDays(-2)),
        FROZEN(Duration.ZERO),
        FORWARD_TEN_MINUTES(Duration.ofMinutes(10)),
        OVER_THE_LEAP_DAY(Duration.ofHours(28)),
        FORWARD_A_YEAR(Duration.ofDays(366));

        private final Duration by;

        Trouble(Duration by) {
            this.by = by;
        }
    }

    /** A token, and when it ends. */
    private record Issued(String token, Instant end) {
        static Issued of(Activation activation) {
            return new Issued(
                    activation.issued().token().reveal(),
                    activation.issued().credential().expiresAt());
        }
    }

    private static final class House implements AutoCloseable {
        private final MutableClock clock = MutableClock.at(START);
        private MemoryIo disk = new MemoryIo();
        private JsonStore store;
        private LifecycleManager manager;
        private Instant latest = Instant.MIN;
        private boolean wentBack;

        House() {
            open(Sample.QUIET);
        }

        private void open(Limits limits) {
            store = JsonStore.open(Sample.DIRECTORY, disk, limits);
            store.subscribe((seq, commit) -> {
                wentBack |= commit.at().isBefore(latest);
                latest = commit.at();
            });
            manager = LifecycleManager.builder()
                    .store(store)
                    .clock(clock)
                    .policy(POLICY)
                    .build();
        }

        void restart(Restart restart) {
            Instant high = store.describe().clockHighWater().orElseThrow();
            switch (restart) {
                case CLOSE, CLOSE_WITH_SNAPSHOT -> {
                    manager.close();
                    store.close();
                }
                case CHECKPOINT_AND_KILL -> {
                    store.checkpoint();
                    leave(disk.kill());
                }
                case CHECKPOINT_AND_POWER_CUT -> {
                    store.checkpoint();
                    leave(disk.crash());
                }
                case KILL -> leave(disk.kill());
                case POWER_CUT -> leave(disk.crash());
            }
            open(restart == Restart.CLOSE_WITH_SNAPSHOT ? SNAPSHOTS : Sample.QUIET);
            assertThat(store.describe().clockHighWater().orElseThrow())
                    .as("how late it has been, after %s", restart)
                    .isAfterOrEqualTo(high);
        }

        /** The store that was running is given up. */
        private void leave(MemoryIo left) {
            manager.close();
            store.close();
            disk = left;
        }

        Activation active(String id) {
            AgentId agent = AgentId.of(id);
            manager.requestProvisioning(ProvisioningRequest.builder("Agent " + id)
                    .id(agent)
                    .owner("bob@company.com")
                    .requestedBy(Actor.human("alice@company.com"))
                    .build());
            Activation activation = manager.activate(agent);
            manager.heartbeat(agent);
            return activation;
        }

        boolean isGood(Issued issued) {
            return manager.verifyOpaque(issued.token()).allowed();
        }

        void assertTimesNeverDecrease() {
            assertThat(wentBack).as("a commit is older than one before it").isFalse();
            Map<String, Instant> last = new HashMap<>();
            for (SealedEvent heard : manager.events(0, Integer.MAX_VALUE).events()) {
                String stream = heard.event().position().stream();
                assertThat(heard.event().at())
                        .as("the time of %s", heard.event())
                        .isAfterOrEqualTo(last.getOrDefault(stream, Instant.MIN));
                last.put(stream, heard.event().at());
            }
        }

        long logged(EventKind kind) {
            return manager.events(0, Integer.MAX_VALUE).events().stream()
                    .filter(heard -> heard.event().kind() == kind)
                    .count();
        }

        @Override
        public void close() {
            manager.verify();
            manager.close();
            store.close();
        }
    }

    @ParameterizedTest
    @EnumSource
    void an_expired_credential_stays_expired_whatever_the_clock_shows_at_the_next_opening(Trouble trouble) {
        for (Restart restart : Restart.values()) {
            try (var house = new House()) {
                Issued issued = Issued.of(house.active("a"));
                house.clock.set(issued.end().minusNanos(1));
                house.manager.heartbeat(AgentId.of("a"));
                assertThat(house.isGood(issued)).isTrue();
                house.clock.set(issued.end());
                house.manager.changeOwner(AgentId.of("a"), "carol@company.com", ADMIN);
                assertThat(house.isGood(issued)).isFalse();

                house.restart(Restart.CLOSE_WITH_SNAPSHOT);
                house.clock.advance(trouble.by);
                house.restart(restart);

                assertThat(house.isGood(issued)).as("%s, %s", trouble, restart).isFalse();
                assertThat(house.manager.now()).isAfterOrEqualTo(issued.end());
                house.manager.changeOwner(AgentId.of("a"), "dave@company.com", ADMIN);
                house.restart(restart);
                assertThat(house.isGood(issued))
                        .as("%s, %s twice", trouble, restart)
                        .isFalse();
                house.assertTimesNeverDecrease();
                assertThat(house.logged(EventKind.CLOCK_REGRESSION) > 0)
                        .as("%s is written down", trouble)
                        .isEqualTo(trouble.by.compareTo(Duration.ofSeconds(-2)) < 0);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void no_fleet_is_orphaned_by_a_clock_that_jumps_over_an_opening(Trouble trouble) {
        for (Restart restart : Restart.values()) {
            try (var house = new House()) {
                for (int i = 0; i < AGENTS; i++) {
                    house.active("a" + i);
                }
                house.restart(restart);
                house.clock.advance(trouble.by);
                house.restart(restart);
                for (int i = 0; i < 5; i++) {
                    house.manager.sweeper().sweep();
                    house.clock.advance(Duration.ofSeconds(30));
                }
                assertThat(house.manager.query(AgentQuery.all()))
                        .as("%s, %s", trouble, restart)
                        .hasSize(AGENTS)
                        .allMatch(agent -> agent.state() == AgentState.ACTIVE);
                house.assertTimesNeverDecrease();
            }
        }
    }

    @Test
    void a_walk_of_a_thousand_steps_resurrects_nothing_and_orphans_no_fleet() {
        walk(1, 1_000);
    }

    @Test
    @Tag("deep")
    void a_walk_of_a_hundred_thousand_steps_resurrects_nothing_and_orphans_no_fleet() {
        for (int seed = 2; seed < 12; seed++) {
            walk(seed, 10_000);
        }
    }

    private static final List<Duration> MOVES = List.of(
            Duration.ofSeconds(-1),
            Duration.ofHours(-1),
            Duration.ofDays(-3),
            Duration.ofNanos(1),
            Duration.ofSeconds(1),
            Duration.ofMinutes(2),
            Duration.ofMinutes(10),
            Duration.ofMinutes(50),
            Duration.ofHours(13),
            Duration.ofDays(366));

    private static void walk(long seed, int steps) {
        var random = new Random(seed);
        int orphans = 0;
        int expired = 0;
        try (var house = new House()) {
            Deque<Issued> issued = new ArrayDeque<>();
            for (int i = 0; i < AGENTS; i++) {
                issued.add(Issued.of(house.active("a" + i)));
            }
            for (int i = 0; i < steps; i++) {
                AgentId agent = AgentId.of("a" + random.nextInt(AGENTS));
                switch (random.nextInt(12)) {
                    case 0, 1 -> {
                        if (random.nextInt(3) == 0) {
                            house.clock.set(house.manager.now()); // it was put right
                        }
                        house.clock.advance(move(random));
                    }
                    case 2 -> {
                        if (random.nextInt(8) == 0) {
                            house.restart(Restart.values()[random.nextInt(Restart.values().length)]);
                        }
                    }
                    case 3 -> orphans += sweep(house);
                    case 4 -> issue(issued, () -> house.manager.rotateCredentials(agent, ADMIN));
                    case 5 -> issue(issued, () -> house.manager.reclaim(agent, "erin@company.com", ADMIN));
                    case 6 -> house.manager.changeOwner(agent, "owner-" + i, ADMIN);
                    default -> beat(house, AgentId.of("a" + random.nextInt(AGENTS - 4))); // some fall silent
                }
                for (Issued one : issued) {
                    if (!house.latest.isBefore(one.end())) {
                        expired++;
                        assertThat(house.isGood(one))
                                .as("step %d: %s", i, one.end())
                                .isFalse();
                    }
                }
                while (issued.size() > 10) {
                    issued.removeFirst();
                }
                assertThat(house.manager.now()).as("step %d", i).isAfterOrEqualTo(house.latest);
            }
            house.assertTimesNeverDecrease();
        }
        assertThat(orphans).as("orphans, or else the walk led nowhere").isPositive();
        assertThat(expired).as("looks at what had expired").isPositive();
    }

    /** Seldom far: after a year nothing is left to go wrong. */
    private static Duration move(Random random) {
        int bound = random.nextInt(20) == 0 ? MOVES.size() : MOVES.size() - 2;
        return MOVES.get(random.nextInt(bound));
    }

    private interface Issue {
        Activation issue();
    }

    private static void issue(Deque<Issued> issued, Issue issue) {
        try {
            issued.add(Issued.of(issue.issue()));
        } catch (RefusedException e) {
            // not in this state
        }
    }

    private static void beat(House house, AgentId agent) {
        try {
            house.manager.heartbeat(agent);
        } catch (RefusedException e) {
            // an orphan has no pulse
        }
    }

    private static int sweep(House house) {
        List<AgentState> states = new ArrayList<>();
        house.manager.query(AgentQuery.all()).forEach(agent -> states.add(agent.state()));
        long active = states.stream().filter(AgentState.ACTIVE::equals).count();
        int made = (int) house.manager.sweeper().sweep().with(SweepReport.Result.DONE).stream()
                .filter(outcome -> outcome.action() == SweepAction.MARK_ORPHANED)
                .count();
        assertThat((double) made)
                .as("orphans of one sweep, of %d", active)
                .isLessThanOrEqualTo(Math.max(10, active * 0.3));
        return made;
    }
}
