package io.agentlifecycle.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.LifecyclePolicy.OwnerLoss;
import io.agentlifecycle.core.OwnerReport.Result;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.OwnerStanding;
import io.agentlifecycle.core.access.OwnerStanding.Status;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.error.AgentNotFoundException;
import io.agentlifecycle.core.error.InvalidTransitionException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.testing.MutableClock;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.RandomDistribution;
import net.jqwik.api.Tag;
import net.jqwik.api.statistics.Statistics;

/** Random lives of a few agents and of the people who answer for them, over restarts. */
@Tag("once")
class OwnersModelTest {
    private static final Actor ADMIN = Actor.human("admin@company.com");
    private static final int AGENTS = 6;
    private static final List<Owner> PEOPLE =
            List.of("ann@company.com", "bob@company.com", "Bob@company.com", "team:night", "eve@company.com").stream()
                    .map(Owner::of)
                    .toList();

    /** What can be refused here without a fault of the library. */
    private static final Set<String> RULES = Set.of(
            "agent-id-taken",
            "agent-id-retired",
            "owner-unknown",
            "owner-inactive",
            "owner-limit",
            "co-owner-stands",
            "co-owner-count",
            "no-such-co-owner",
            "no-such-hold",
            "hold-count");

    private enum Verb {
        REQUEST,
        IMPORT,
        ACTIVATE,
        CHANGE_OWNER,
        ADD,
        REMOVE,
        ORPHAN,
        RECLAIM,
        RELEASE,
        RETIRE,
        LEFT,
        LOST,
        HAND_OVER,
        DIRECTORY,
        REOPEN
    }

    private record Step(Verb verb, int agent, int person, int form) {}

    @Provide
    Arbitrary<List<Step>> lives() {
        return Combinators.combine(
                        Arbitraries.of(Verb.class),
                        Arbitraries.integers().between(0, AGENTS - 1),
                        Arbitraries.integers().between(0, PEOPLE.size() - 1),
                        Arbitraries.integers().between(0, 11))
                .as(Step::new)
                .list()
                .ofMinSize(1)
                .ofMaxSize(80)
                .withSizeDistribution(RandomDistribution.uniform());
    }

    @Property(tries = 500, edgeCases = EdgeCasesMode.NONE)
    void nobody_gets_more_than_they_may_and_nobody_who_left_keeps_an_agent_that_runs(
            @ForAll("lives") List<Step> steps) {
        var life = new Life();
        for (Step step : steps) {
            life.take(step);
        }
        life.end();
    }

    private static final class Life {
        private final LifecycleStore store = LifecycleStore.inMemory();
        private final MutableClock clock = MutableClock.at("2026-01-01T00:00:00Z");
        private final Random random = new Random(11);
        private final Staff staff = new Staff();
        private final Map<Owner, OwnerStanding> standings = new HashMap<>();
        private OwnerLoss loss = OwnerLoss.SUCCEED;
        private LifecycleManager manager;

        Life() {
            PEOPLE.forEach(person -> isNow(person, OwnerStanding.active().atMost(2)));
            manager = open();
            for (int i = 0; i < AGENTS - 1; i++) {
                AgentId id = AgentId.of("a" + i);
                manager.requestProvisioning(ProvisioningRequest.builder("Agent")
                        .id(id)
                        .owner(PEOPLE.get(i).toString())
                        .build());
                manager.activate(id);
            }
        }

        private LifecycleManager open() {
            return LifecycleManager.builder()
                    .store(store)
                    .clock(clock)
                    .random(random)
                    .ownerDirectory(staff)
                    .policy(LifecyclePolicy.builder()
                            .requireApproval(false)
                            .ownerLoss(loss)
                            .orphanThreshold(Duration.ofDays(300))
                            .build())
                    .build();
        }

        private void isNow(Owner person, OwnerStanding standing) {
            standings.put(person, standing);
            staff.are(person.toString(), standing);
        }

        void take(Step step) {
            clock.advance(Duration.ofSeconds(1));
            Map<Owner, Long> before = live();
            String said = "done";
            try {
                run(step);
            } catch (PolicyViolationException e) {
                said = e.rule();
                assertThat(RULES).contains(said);
            } catch (InvalidTransitionException e) {
                said = e.code();
            } catch (AgentNotFoundException e) {
                said = e.code();
            }
            Statistics.label(step.verb().name()).collect(said);
            Map<Owner, Long> after = live();
            after.forEach((owner, count) -> {
                int most = standings.get(owner).maxAgents().orElse(Integer.MAX_VALUE);
                assertThat(count)
                        .as("agents of %s after %s", owner, step)
                        .isLessThanOrEqualTo(Math.max(most, before.getOrDefault(owner, 0L)));
            });
            manager.query(AgentQuery.all()).forEach(Life::requireSound);
        }

        private static void requireSound(Agent agent) {
            assertThat(agent.coOwners()).doesNotHaveDuplicates().hasSizeLessThanOrEqualTo(10);
            Owner owner = agent.owner().orElseThrow();
            assertThat(agent.coOwners()).noneMatch(owner::isSame);
        }

        private Map<Owner, Long> live() {
            Map<Owner, Long> live = new HashMap<>();
            manager.query(AgentQuery.all())
                    .forEach(agent -> live.merge(agent.owner().orElseThrow(), 1L, Long::sum));
            return live;
        }

        private void run(Step step) {
            AgentId id = AgentId.of("a" + step.agent());
            Owner person = PEOPLE.get(step.person());
            Owner other = PEOPLE.get((step.person() + 1 + step.form() % (PEOPLE.size() - 1)) % PEOPLE.size());
            ProvisioningRequest request = ProvisioningRequest.builder("Agent")
                    .id(id)
                    .owner(person.toString())
                    .build();
            switch (step.verb()) {
                case REQUEST -> manager.requestProvisioning(request);
                case IMPORT ->
                    manager.importAgents(
                            List.of(new AgentImport(request, AgentState.ACTIVE, clock.instant())), "elsewhere", ADMIN);
                case ACTIVATE -> manager.activate(id);
                case CHANGE_OWNER -> manager.changeOwner(id, person.toString(), ADMIN);
                case ADD -> manager.owners().addCoOwner(id, person, ADMIN);
                case REMOVE -> manager.owners().removeCoOwner(id, person, ADMIN);
                case ORPHAN -> manager.markOrphaned(id, ADMIN);
                case RECLAIM -> manager.reclaim(id, person.toString(), ADMIN);
                case RELEASE -> manager.releaseHold(id, HoldReason.OWNER_LOST, ReleaseAuthority.ADMIN, ADMIN);
                case RETIRE -> retire(id, step.form());
                case LEFT -> left(person);
                case LOST -> lost();
                case HAND_OVER -> handOver(person, other);
                case DIRECTORY -> isNow(person, standing(step, other));
                case REOPEN -> reopen(step.form());
            }
        }

        /** Seldom: ids do not come back. */
        private void retire(AgentId id, int form) {
            if (form < 3) {
                manager.decommission(id, "enough", ADMIN);
            }
        }

        private static OwnerStanding standing(Step step, Owner other) {
            Status status = step.form() < 6 ? Status.ACTIVE : step.form() < 8 ? Status.SUSPENDED : Status.LEFT;
            return OwnerStanding.of(status).succeededBy(other).atMost(step.form() % 4);
        }

        private void left(Owner person) {
            OwnerPlan plan = manager.owners().left(person);
            assertThat(manager.owners().apply(plan, ADMIN).outcomes())
                    .allMatch(outcome -> outcome.result() == Result.DONE);
            assertNoneRunsFor(Set.of(person));
        }

        private void lost() {
            OwnerPlan plan = manager.owners().lost();
            assertThat(manager.owners().apply(plan, ADMIN).outcomes())
                    .allMatch(outcome -> outcome.result() == Result.DONE);
            standings.forEach((person, standing) -> {
                if (!standing.isActive()) {
                    assertNoneRunsFor(Set.of(person));
                }
            });
        }

        private void handOver(Owner from, Owner to) {
            OwnerPlan plan = manager.owners().handOver(from, to);
            assertThat(manager.owners().apply(plan, ADMIN).outcomes())
                    .allMatch(outcome -> outcome.result() == Result.DONE);
            assertThat(live()).doesNotContainKey(from);
        }

        private void assertNoneRunsFor(Set<Owner> gone) {
            assertThat(manager.query(AgentQuery.all()))
                    .filteredOn(agent -> gone.contains(agent.owner().orElseThrow()))
                    .allMatch(agent -> agent.holds().get(HoldReason.OWNER_LOST).isPresent())
                    .noneMatch(agent -> agent.state() == AgentState.ACTIVE);
        }

        private void reopen(int form) {
            manager.verify();
            manager.close();
            loss = form % 2 == 0 ? OwnerLoss.HOLD : OwnerLoss.SUCCEED;
            manager = open();
        }

        void end() {
            manager.verify();
            manager.close();
        }
    }
}
