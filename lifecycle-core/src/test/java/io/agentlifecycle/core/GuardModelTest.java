package io.agentlifecycle.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.error.RefusedException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.HoldTerms;
import io.agentlifecycle.core.hold.KillScope;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.quarantine.Incident;
import io.agentlifecycle.core.quarantine.Severity;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.testing.MutableClock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.RandomDistribution;
import net.jqwik.api.Tag;
import net.jqwik.api.Tuple;
import net.jqwik.api.statistics.Statistics;

/**
 * Random lives of an agent, of one whose time is limited, and of one that works for the first, beside a model that knows only
 * what stands in their way. While it knows of a hold, a kill switch, an orphan, an end, or of one of these above, nothing is
 * let through; and who is not let through is held up by something that its record, or the list of kill switches, shows.
 */
@Tag("once")
class GuardModelTest {
    private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");
    private static final Instant BEGIN = START.plus(Duration.ofHours(2));
    private static final Instant END = START.plus(Duration.ofHours(20));
    private static final Actor ADMIN = Actor.human("admin@company.com");
    private static final LifecyclePolicy POLICY = LifecyclePolicy.builder()
            .requireApproval(false)
            .heartbeatInterval(Duration.ofDays(100))
            .orphanThreshold(Duration.ofDays(300))
            .maxInactive(Duration.ofDays(300))
            .build();

    private static final List<String> NAMES = List.of("a", "limited", "child");
    private static final List<String> OWNERS = List.of("alice@company.com", "bob@company.com");
    private static final List<HoldReason> REASONS = List.of(
            HoldReason.OPERATOR, HoldReason.INSUFFICIENT_BALANCE, HoldReason.POLICY_VIOLATION, HoldReason.QUARANTINE);

    private enum Verb {
        PLACE_HOLD,
        PLACE_HOLD_WITH_END,
        RELEASE_HOLD,
        RESUME,
        ENGAGE,
        RELEASE_KILL,
        QUARANTINE,
        CLEAR,
        ORPHAN,
        RECLAIM,
        CHANGE_OWNER,
        ROTATE,
        DECOMMISSION,
        SWEEP,
        WAIT,
        TO_EDGE,
        RESTART
    }

    private record Step(Verb verb, int agent, int form) {}

    /** What stands in the way of one agent. */
    private static final class ModelAgent {
        final Map<HoldReason, Optional<Instant>> holds = new HashMap<>();
        String owner = OWNERS.get(0);
        boolean orphan;
        boolean quarantined;
        boolean gone;

        boolean isHeldUp() {
            return orphan || quarantined || gone || !holds.isEmpty();
        }

        void sweep(Instant now) {
            holds.values()
                    .removeIf(end -> end.filter(over -> !now.isBefore(over)).isPresent());
        }
    }

    @Provide
    Arbitrary<List<Step>> lives() {
        Arbitrary<Verb> verbs = Arbitraries.frequency(
                Tuple.of(5, Verb.PLACE_HOLD),
                Tuple.of(4, Verb.PLACE_HOLD_WITH_END),
                Tuple.of(9, Verb.RELEASE_HOLD),
                Tuple.of(6, Verb.RESUME),
                Tuple.of(3, Verb.ENGAGE),
                Tuple.of(6, Verb.RELEASE_KILL),
                Tuple.of(2, Verb.QUARANTINE),
                Tuple.of(7, Verb.CLEAR),
                Tuple.of(2, Verb.ORPHAN),
                Tuple.of(7, Verb.RECLAIM),
                Tuple.of(2, Verb.CHANGE_OWNER),
                Tuple.of(3, Verb.ROTATE),
                Tuple.of(1, Verb.DECOMMISSION),
                Tuple.of(4, Verb.SWEEP),
                Tuple.of(3, Verb.WAIT),
                Tuple.of(3, Verb.TO_EDGE),
                Tuple.of(2, Verb.RESTART));
        return Combinators.combine(
                        verbs,
                        Arbitraries.integers().between(0, NAMES.size() - 1),
                        Arbitraries.integers().between(0, 29))
                .as(Step::new)
                .list()
                .ofMinSize(1)
                .ofMaxSize(60)
                .withSizeDistribution(RandomDistribution.uniform());
    }

    @Property(tries = 250, edgeCases = EdgeCasesMode.NONE)
    void nothing_is_let_through_while_anything_stands_in_its_way(@ForAll("lives") List<Step> steps) {
        var pair = new Pair();
        for (Step step : steps) {
            pair.take(step);
            pair.compare(step);
        }
        pair.manager.verify();
        pair.manager.close();
        pair.done.forEach(Statistics.label("accepted")::collect);
        pair.seen.forEach(Statistics.label("seen")::collect);
        Statistics.label("accepted")
                .coverage(all ->
                        Stream.of(Verb.values()).forEach(verb -> all.check(verb).count(count -> count > 0)));
        Statistics.label("seen").coverage(all -> {
            all.check("allowed").count(count -> count > 0);
            all.check("let go from one of several holds").count(count -> count > 0);
            all.check("free again").count(count -> count > 0);
        });
    }

    /** The library and the model, side by side. */
    private static final class Pair {
        private final LifecycleStore store = LifecycleStore.inMemory();
        private final MutableClock clock = MutableClock.at(START.toString());
        private final Random random = new Random(7);
        private final Map<String, ModelAgent> model = new HashMap<>();
        private final Set<KillScope> kills = new LinkedHashSet<>();
        private final Set<Verb> done = new LinkedHashSet<>();
        private final Set<String> seen = new LinkedHashSet<>();
        private LifecycleManager manager = open();

        Pair() {
            NAMES.forEach(name -> model.put(name, new ModelAgent()));
            make(ProvisioningRequest.builder("A").agentType("crawler"), "a");
            make(ProvisioningRequest.builder("Limited").notBefore(BEGIN).notAfter(END), "limited");
            make(ProvisioningRequest.builder("Child").parent(AgentId.of("a")), "child");
        }

        private LifecycleManager open() {
            return LifecycleManager.builder()
                    .store(store)
                    .policy(POLICY)
                    .clock(clock)
                    .random(random)
                    .build();
        }

        private void make(ProvisioningRequest.Builder request, String name) {
            manager.activate(manager.requestProvisioning(
                            request.id(AgentId.of(name)).owner(OWNERS.get(0)).build())
                    .id());
        }

        void take(Step step) {
            String name = NAMES.get(step.agent());
            long generation = get(name).credentials().generation();
            boolean killed = isKilled(name);
            try {
                take(step.verb(), name, step.form());
                done.add(step.verb());
            } catch (RefusedException e) {
                assertThat(e).as("%s", step).hasMessageMatching("(?s).*\\b" + name + "\\b.*|.*kill switch.*");
            }
            if (killed && isKilled(name)) {
                assertThat(get(name).credentials().generation())
                        .as("no credential while killed, %s", step)
                        .isEqualTo(generation);
            }
        }

        private void take(Verb verb, String name, int form) {
            AgentId id = AgentId.of(name);
            ModelAgent agent = agent(name);
            HoldReason reason = REASONS.get(form % REASONS.size());
            KillSwitch its = manager.killSwitch();
            switch (verb) {
                case PLACE_HOLD -> {
                    manager.placeHold(id, reason, "", ADMIN);
                    agent.holds.put(reason, Optional.empty());
                }
                case PLACE_HOLD_WITH_END -> {
                    Instant end = clock.instant().plus(Duration.ofMinutes(10L * form));
                    manager.placeHold(id, reason, HoldTerms.of("").until(end), ADMIN);
                    agent.holds.put(reason, Optional.of(end));
                }
                case RELEASE_HOLD -> release(agent, id, reason);
                case RESUME -> {
                    manager.resume(id, ADMIN);
                    assertThat(agent.holds.keySet())
                            .as("nobody is half resumed")
                            .isSubsetOf(HoldReason.OPERATOR);
                    agent.holds.remove(HoldReason.OPERATOR);
                }
                case ENGAGE -> {
                    KillScope scope = scope(its, name, form);
                    its.engage(scope, "", ADMIN);
                    kills.add(scope);
                }
                case RELEASE_KILL -> {
                    KillScope scope = kills.stream().findFirst().orElseGet(() -> scope(its, name, form));
                    its.release(scope, ReleaseAuthority.ADMIN, "", ADMIN);
                    kills.remove(scope);
                }
                case QUARANTINE -> {
                    var crash = new Incident(Incident.Kind.CRASH, Severity.values()[form % 4], "");
                    if (manager.quarantines().quarantine(id, crash, ADMIN).state() == AgentState.QUARANTINED) {
                        agent.quarantined = true;
                    } else {
                        agent.holds.put(HoldReason.QUARANTINE, Optional.empty());
                    }
                }
                case CLEAR -> {
                    manager.quarantines().release(id, ADMIN);
                    agent.quarantined = false;
                }
                case ORPHAN -> agent.orphan |= manager.markOrphaned(id, ADMIN) == OrphanMark.MARKED;
                case RECLAIM -> {
                    manager.reclaim(id, OWNERS.get(form % 2), ADMIN);
                    agent.orphan = false;
                    agent.owner = OWNERS.get(form % 2);
                }
                case CHANGE_OWNER -> {
                    manager.changeOwner(id, OWNERS.get(form % 2), ADMIN);
                    agent.owner = OWNERS.get(form % 2);
                }
                case ROTATE -> manager.rotateCredentials(id);
                case DECOMMISSION -> {
                    manager.decommission(id, "", ADMIN);
                    agent.gone = true;
                }
                case SWEEP -> {
                    manager.sweeper().sweep();
                    model.values().forEach(each -> each.sweep(clock.instant()));
                }
                case WAIT -> clock.advance(Duration.ofMinutes(7L * form));
                case TO_EDGE ->
                    edges().filter(clock.instant()::isBefore)
                            .min(Instant::compareTo)
                            .ifPresent(edge -> clock.set(form % 2 == 0 ? edge : edge.minusNanos(1)));
                case RESTART -> {
                    manager.close();
                    manager = open();
                }
            }
        }

        private void release(ModelAgent agent, AgentId id, HoldReason reason) {
            Activation released = manager.releaseHold(id, reason, ReleaseAuthority.ADMIN, ADMIN);
            agent.holds.remove(reason);
            if (!agent.holds.isEmpty()) {
                seen.add("let go from one of several holds");
                assertThat(released.agent().state()).isNotEqualTo(AgentState.ACTIVE);
                assertThat(released.credential()).isEmpty();
            }
            if (released.credential().isPresent()) {
                seen.add("free again");
            }
        }

        private static KillScope scope(KillSwitch its, String name, int form) {
            return List.of(
                            its.agent(AgentId.of(name)),
                            its.owner(OWNERS.get(1)),
                            its.type("crawler"),
                            its.tenant(),
                            its.everything())
                    .get(form % 5);
        }

        private Stream<Instant> edges() {
            return Stream.concat(
                    Stream.of(BEGIN, END),
                    model.values().stream()
                            .map(agent -> agent.holds.values())
                            .flatMap(Collection::stream)
                            .flatMap(Optional::stream));
        }

        private ModelAgent agent(String name) {
            return Optional.ofNullable(model.get(name)).orElseThrow();
        }

        private Agent get(String name) {
            return manager.get(AgentId.of(name));
        }

        /** By one that names it, or who it works for. */
        private boolean isKilled(String name) {
            String owner = agent(name).owner;
            return kills.stream().anyMatch(scope -> switch (scope.wire().split(":")[0]) {
                        case "agent" -> scope.wire().equals("agent:default/" + name);
                        case "owner" -> scope.wire().endsWith("/" + Owner.of(owner));
                        case "type" -> name.equals("a");
                        default -> true;
                    })
                    || name.equals("child") && isKilled("a");
        }

        private boolean isOutOfTime(String name) {
            Instant now = clock.instant();
            return name.equals("limited") && (now.isBefore(BEGIN) || !now.isBefore(END));
        }

        void compare(Step step) {
            for (String name : NAMES) {
                boolean held = agent(name).isHeldUp()
                        || name.equals("child") && agent("a").isHeldUp();
                boolean stopped = held || isKilled(name) || isOutOfTime(name);
                boolean allowed = allowed(name);
                String what = "%s after %s".formatted(name, step);
                if (stopped) {
                    assertThat(allowed).as(what).isFalse();
                    assertThat(isGood(name)).as("the credential of " + what).isFalse();
                }
                boolean runs = isActive(name) && (!name.equals("child") || isActive("a"));
                assertThat(allowed).as(what).isEqualTo(runs && !isKilled(name) && !isOutOfTime(name));
                if (allowed) {
                    seen.add("allowed");
                }
            }
            assertThat(manager.killSwitch().engaged().stream().map(kill -> kill.scope()))
                    .containsExactlyInAnyOrderElementsOf(new ArrayList<>(kills));
        }

        private boolean isActive(String name) {
            return get(name).state() == AgentState.ACTIVE && get(name).holds().isEmpty();
        }

        private boolean allowed(String name) {
            return manager.guard().check(AgentId.of(name), Operation.INVOKE).allowed();
        }

        private boolean isGood(String name) {
            Agent agent = get(name);
            return agent.credential()
                    .filter(made -> manager.standing(agent.key(), made.id()).allowed())
                    .isPresent();
        }
    }
}
