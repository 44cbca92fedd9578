package io.agentlifecycle.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Role;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.approval.ApprovalStatus;
import io.agentlifecycle.core.approval.Ballot;
import io.agentlifecycle.core.approval.Stage;
import io.agentlifecycle.core.approval.Vote;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.error.InvalidTransitionException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.testing.MutableClock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
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

/** Random votes on one request, beside a plain telling of the rules in which people have numbers and no names. */
@Tag("once")
class VotingModelTest {
    private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");
    private static final Instant END = START.plus(Duration.ofHours(8));
    private static final Instant WARNING = END.minus(Duration.ofHours(1));
    private static final Instant LIFE_END = END.minus(Duration.ofHours(3));
    private static final AgentId ID = AgentId.of("agent:1");
    private static final int ERIN = 0;
    private static final int BOB = 1;
    private static final int CAROL = 2;
    private static final int DAVE = 3;
    private static final int ALICE = 4;
    private static final int LEDGER = 5;
    private static final int SELF = 9;
    private static final List<String> OWNERS = List.of(
            "erin@company.com", "bob@company.com", "carol@company.com", "dave@company.com", "alice@company.com");

    /** One way to say who somebody is. */
    private record Who(int person, Actor actor) {}

    private static final List<Who> WHO = List.of(
            new Who(ERIN, Actor.human("erin@company.com")),
            new Who(ERIN, Actor.human(" ERIN@company.com")),
            new Who(BOB, Actor.human("bob@company.com")),
            new Who(BOB, Actor.human("BOB@Company.com ")),
            new Who(BOB, Actor.service("ｂｏｂ@company.com")),
            new Who(CAROL, Actor.human("carol@company.com")),
            new Who(CAROL, Actor.human("Carol@company.com")),
            new Who(DAVE, Actor.human("dave@company.com")),
            new Who(DAVE, Actor.human("  DAVE@company.com")),
            new Who(ALICE, Actor.human("alice@company.com")),
            new Who(ALICE, Actor.human("ＡＬＩＣＥ@company.com")),
            new Who(LEDGER, Actor.service("ledger")),
            new Who(LEDGER, Actor.service("Ledger")),
            new Who(6, Actor.agent(AgentId.of("agent:reviewer"))),
            new Who(7, Actor.policy("auto")),
            new Who(8, Actor.SYSTEM),
            new Who(SELF, Actor.service("AGENT:1")));

    /** A stage in which anybody votes if nobody is named. */
    private record Plain(String name, int quorum, boolean services, Set<Integer> people) {
        boolean counts(Actor.Type type) {
            return type == Actor.Type.HUMAN || services && type == Actor.Type.SERVICE;
        }

        boolean names(int person) {
            return people.isEmpty() || people.contains(person);
        }
    }

    private record Setting(boolean self, List<Plain> stages) {
        LifecyclePolicy policy(long version) {
            return LifecyclePolicy.builder()
                    .version(version)
                    .allowSelfApproval(self)
                    .approvalTimeout(Duration.ofHours(8))
                    .approvalWarning(Duration.ofHours(1))
                    .approvalStages(stages.stream()
                            .map(plain -> new Stage(
                                    plain.name(),
                                    plain.quorum(),
                                    plain.services() ? Stage.Kind.ANYONE : Stage.Kind.PEOPLE,
                                    names(plain.people())))
                            .toArray(Stage[]::new))
                    .build();
        }
    }

    private static final List<Setting> SETTINGS = List.of(
            new Setting(false, List.of(new Plain("security", 2, false, Set.of()))),
            new Setting(
                    false,
                    List.of(
                            new Plain("security", 1, false, Set.of()),
                            new Plain("finance", 1, true, Set.of(DAVE, LEDGER)))),
            new Setting(true, List.of(new Plain("finance", 3, true, Set.of()))),
            new Setting(
                    false,
                    List.of(
                            new Plain("security", 2, false, Set.of(BOB, CAROL, DAVE)),
                            new Plain("last", 1, false, Set.of()))),
            new Setting(false, List.of(new Plain("approval", 1, false, Set.of()))),
            new Setting(false, List.of(new Plain("security", 1, false, Set.of()))));

    /** Voters are named as nobody here calls himself. */
    private static Set<String> names(Set<Integer> people) {
        Set<String> names = new TreeSet<>();
        people.forEach(person ->
                names.add(person == LEDGER ? "LEDGER" : " " + OWNERS.get(person).toUpperCase(Locale.ROOT)));
        return names;
    }

    enum Verb {
        VOTE,
        PLAIN,
        DENY,
        ADVISE,
        AMEND,
        PASS_ON,
        JUMP,
        SWEEP,
        REOPEN
    }

    record Step(Verb verb, int who, int what) {}

    @Provide
    Arbitrary<List<Step>> lives() {
        Arbitrary<Verb> verbs = Arbitraries.frequency(
                Tuple.of(20, Verb.VOTE),
                Tuple.of(4, Verb.PLAIN),
                Tuple.of(1, Verb.DENY),
                Tuple.of(3, Verb.ADVISE),
                Tuple.of(2, Verb.AMEND),
                Tuple.of(1, Verb.PASS_ON),
                Tuple.of(3, Verb.JUMP),
                Tuple.of(2, Verb.SWEEP),
                Tuple.of(2, Verb.REOPEN));
        return Combinators.combine(
                        verbs,
                        Arbitraries.integers().between(0, WHO.size() - 1),
                        Arbitraries.integers().between(0, 11))
                .as(Step::new)
                .list()
                .ofMinSize(1)
                .ofMaxSize(30)
                .withSizeDistribution(RandomDistribution.uniform());
    }

    @Property(tries = 1000, edgeCases = EdgeCasesMode.NONE)
    void whoever_is_let_in_was_let_in_by_all_the_rules_and_nobody_waits_beyond_the_end(
            @ForAll("lives") List<Step> steps, @ForAll("settings") int setting) {
        var pair = new Pair(setting);
        Set<String> said = new TreeSet<>();
        for (Step step : steps) {
            said.add(pair.take(step));
            pair.compare("after " + step);
        }
        pair.end();
        said.add(pair.outcome.name());
        said.forEach(Statistics.label("answers")::collect);
        Statistics.label("answers")
                .coverage(all -> List.of(
                                "ok",
                                "transition-refused",
                                "approval-decided",
                                "request-expired",
                                "approver-human",
                                "approver-kind",
                                "self-approval",
                                "vote-twice",
                                "approver-unknown",
                                "approval-outdated",
                                "PROVISIONED",
                                "REJECTED",
                                "EXPIRED",
                                "ENDED")
                        .forEach(answer -> all.check(answer).count(times -> times > 0)));
    }

    @Provide
    Arbitrary<Integer> settings() {
        return Arbitraries.integers().between(0, SETTINGS.size() - 1);
    }

    private enum Outcome {
        WAITS,
        PROVISIONED,
        REJECTED,
        EXPIRED,
        /** Let in, and its life is over. */
        ENDED
    }

    /** A vote as the model remembers it. */
    private record Cast(int person, Actor.Type type, String stage) {}

    /** The library, and the plain telling of it. */
    private static final class Pair {
        private final LifecycleStore store = LifecycleStore.inMemory();
        private final MutableClock clock = MutableClock.at(START.toString());
        private final Random random = new Random(7);
        private LifecycleManager manager;
        private int setting;

        private Outcome outcome = Outcome.WAITS;
        private int owner = ALICE;
        private int content;
        private boolean changed;
        private Optional<Instant> warnedOf = Optional.empty();
        private final Set<Integer> involved = new HashSet<>(Set.of(ERIN));
        private final List<Cast> votes = new ArrayList<>();
        private final List<EventKind> trail = new ArrayList<>(List.of(EventKind.AGENT_REQUESTED));
        private final Set<String> digests = new HashSet<>();

        Pair(int setting) {
            this.setting = setting;
            this.manager = open();
            manager.requestProvisioning(asked(0));
            digests.add(manager.approvals().status(ID).shown());
        }

        private LifecycleManager open() {
            return LifecycleManager.builder()
                    .store(store)
                    .policy(SETTINGS.get(setting).policy(setting + 1))
                    .access((actor, tenant, agent) -> Optional.of(Role.ADMIN)) // this is about votes alone
                    .clock(clock)
                    .random(random)
                    .build();
        }

        private static ProvisioningRequest asked(int content) {
            ProvisioningRequest.Builder builder = ProvisioningRequest.builder("Bot")
                    .id(ID)
                    .owner(content == 0 ? "alice@company.com" : "")
                    .capability("work" + content)
                    .requestedBy(Actor.human("erin@company.com"));
            return (content == 2 ? builder.notAfter(LIFE_END) : builder).build();
        }

        /** Does it here and there, and says what came of it. */
        String take(Step step) {
            Who who = WHO.get(step.who());
            return switch (step.verb()) {
                case VOTE, PLAIN, DENY, ADVISE -> vote(step.verb(), who, step.what());
                case AMEND -> amend(who, step.what() % 3);
                case PASS_ON -> passOn(who, step.what() % OWNERS.size());
                case JUMP -> jump(step.what());
                case SWEEP -> sweep();
                case REOPEN -> reopen(step.what() % SETTINGS.size());
            };
        }

        private String vote(Verb verb, Who who, int what) {
            Optional<String> sees = verb == Verb.PLAIN ? Optional.empty() : sees(what);
            String shown = manager.approvals().status(ID).shown();
            String expected = expected(verb, who, sees, shown);
            boolean enough = outcome == Outcome.WAITS && isEnoughFor(verb, who);
            String said = said(() -> {
                Ballot ballot = new Ballot(
                        verb == Verb.DENY || verb == Verb.ADVISE && what % 2 == 0
                                ? Vote.Choice.DENY
                                : Vote.Choice.APPROVE,
                        "because",
                        sees);
                switch (verb) {
                    case PLAIN -> manager.approve(ID, who.actor());
                    case ADVISE -> manager.approvals().advise(ID, ballot, who.actor());
                    default -> manager.approvals().vote(ID, ballot, who.actor());
                }
            });
            assertThat(said).as("%s by %s", verb, who).isEqualTo(expected);
            if (said.equals("ok") && enough) {
                letIn();
                return "enough already";
            }
            if (said.equals("ok")) {
                note(verb, who);
            }
            return said;
        }

        private void letIn() {
            outcome = Outcome.PROVISIONED;
            trail.addAll(List.of(EventKind.AGENT_APPROVED, EventKind.AGENT_PROVISIONED));
        }

        /** Nothing is missing, and who counts comes again. */
        private boolean isEnoughFor(Verb verb, Who who) {
            return (verb == Verb.VOTE || verb == Verb.PLAIN)
                    && isPassed()
                    && counted().containsKey(who.person());
        }

        private boolean isPassed() {
            return missing().values().stream().allMatch(lacks -> lacks == 0);
        }

        private Instant lifeEnd() {
            return content == 2 ? LIFE_END : Instant.MAX;
        }

        private Instant ends() {
            return content == 2 ? LIFE_END : END;
        }

        /** Most look at nothing, some at what is there, and some at what was there once. */
        private Optional<String> sees(int what) {
            return switch (what) {
                case 0, 1, 2 -> Optional.of(manager.approvals().status(ID).shown());
                case 3, 4 -> digests.stream().sorted().findFirst();
                default -> Optional.empty();
            };
        }

        private void note(Verb verb, Who who) {
            boolean approval = SETTINGS.get(setting).stages().get(0).name().equals("approval");
            if (!(verb == Verb.PLAIN && approval)) {
                trail.add(EventKind.VOTE_CAST);
            }
            if (verb == Verb.DENY) {
                outcome = Outcome.REJECTED;
                trail.add(EventKind.AGENT_REJECTED);
            } else if (verb != Verb.ADVISE) {
                votes.add(new Cast(who.person(), who.actor().type(), openStage().name()));
                if (isPassed()) {
                    letIn();
                }
            }
        }

        private String expected(Verb verb, Who who, Optional<String> sees, String shown) {
            if (outcome != Outcome.WAITS) {
                return verb == Verb.PLAIN ? "transition-refused" : "approval-decided";
            }
            if (!clock.instant().isBefore(ends())) {
                return "request-expired";
            }
            Plain stage = openStage();
            List<Plain> stages = SETTINGS.get(setting).stages();
            if (verb == Verb.DENY) {
                if (stages.stream().noneMatch(any -> any.counts(who.actor().type()))) {
                    return stage.services() ? "approver-kind" : "approver-human";
                }
                if (stages.stream().noneMatch(any -> any.counts(who.actor().type()) && any.names(who.person()))) {
                    return "approver-unknown";
                }
            } else if (verb != Verb.ADVISE && !isEnoughFor(verb, who)) {
                if (!stage.counts(who.actor().type())) {
                    return stage.services() ? "approver-kind" : "approver-human";
                }
                if (!SETTINGS.get(setting).self() && (involved.contains(who.person()) || owner == who.person())) {
                    return "self-approval";
                }
                if (counted().containsKey(who.person())) {
                    return "vote-twice";
                }
                if (!stage.names(who.person())) {
                    return "approver-unknown";
                }
                if (who.person() == SELF) {
                    return "self-approval";
                }
            }
            boolean mustSay = changed && (verb == Verb.VOTE || verb == Verb.PLAIN);
            return sees.map(seen -> !seen.equals(shown)).orElse(mustSay) ? "approval-outdated" : "ok";
        }

        /** Who counts now, and in which stage. */
        private Map<Integer, String> counted() {
            Map<Integer, String> counted = new HashMap<>();
            for (Cast vote : votes) {
                boolean may = SETTINGS.get(setting).stages().stream()
                        .anyMatch(stage -> stage.name().equals(vote.stage())
                                && stage.counts(vote.type())
                                && stage.names(vote.person()));
                boolean barred = involved.contains(vote.person()) || owner == vote.person();
                if (may && (!barred || SETTINGS.get(setting).self())) {
                    counted.putIfAbsent(vote.person(), vote.stage());
                }
            }
            return counted;
        }

        private Map<String, Integer> missing() {
            Map<String, Integer> missing = new HashMap<>();
            for (Plain stage : SETTINGS.get(setting).stages()) {
                long has =
                        counted().values().stream().filter(stage.name()::equals).count();
                missing.put(stage.name(), (int) Math.max(0, stage.quorum() - has));
            }
            return missing;
        }

        private Plain openStage() {
            List<Plain> stages = SETTINGS.get(setting).stages();
            for (Plain stage : stages) {
                if (missing().getOrDefault(stage.name(), 0) > 0) {
                    return stage;
                }
            }
            return stages.get(stages.size() - 1);
        }

        private String amend(Who who, int next) {
            String said = said(() -> manager.approvals().amend(ID, asked(next), who.actor()));
            String expected = outcome != Outcome.WAITS
                    ? "approval-decided"
                    : !clock.instant().isBefore(ends())
                            ? "request-expired"
                            : next == 0 && owner != ALICE
                                    ? "amendment-scope"
                                    : next == 2 && !clock.instant().isBefore(LIFE_END) ? "lifespan-over" : "ok";
            assertThat(said).isEqualTo(expected);
            if (said.equals("ok") && next != content) {
                content = next;
                involved.add(who.person());
                votes.clear();
                changed = true;
                trail.add(EventKind.AGENT_AMENDED);
                digests.add(manager.approvals().status(ID).shown());
            }
            return said;
        }

        private String passOn(Who who, int next) {
            boolean live = outcome == Outcome.WAITS || outcome == Outcome.PROVISIONED;
            String said = said(() -> manager.changeOwner(ID, OWNERS.get(next), who.actor()));
            assertThat(said).isEqualTo(live ? "ok" : "transition-refused");
            if (live && next != owner) {
                if (outcome == Outcome.WAITS) {
                    involved.addAll(Set.of(owner));
                    involved.add(who.person());
                    votes.clear();
                    changed = true;
                }
                owner = next;
                trail.add(EventKind.AGENT_OWNER_CHANGED);
            }
            return said;
        }

        private String jump(int what) {
            Instant now = clock.instant();
            Instant next = switch (what) {
                case 0 -> END.minusNanos(1);
                case 1 -> END;
                case 2 -> WARNING.minusNanos(1);
                case 3 -> WARNING;
                case 4 -> LIFE_END;
                case 5 -> LIFE_END.minus(Duration.ofHours(1));
                default -> now.plus(Duration.ofMinutes(7));
            };
            clock.set(next.isBefore(now) ? now : next);
            return "ok";
        }

        private String sweep() {
            manager.sweeper().sweep();
            Instant now = clock.instant();
            Instant end = ends();
            if (outcome == Outcome.WAITS && !now.isBefore(end)) {
                outcome = Outcome.EXPIRED;
                trail.add(EventKind.AGENT_REQUEST_EXPIRED);
            } else if (outcome == Outcome.WAITS
                    && !now.isBefore(end.minus(Duration.ofHours(1)))
                    && !warnedOf.equals(Optional.of(end))) {
                warnedOf = Optional.of(end);
                trail.add(EventKind.APPROVAL_EXPIRING);
            } else if (outcome == Outcome.PROVISIONED && !now.isBefore(lifeEnd())) {
                outcome = Outcome.ENDED;
                trail.addAll(List.of(EventKind.AGENT_DECOMMISSION_STARTED, EventKind.AGENT_DECOMMISSIONED));
            }
            return "ok";
        }

        private String reopen(int next) {
            manager.close();
            setting = next;
            manager = open();
            return "ok";
        }

        private static String said(Runnable call) {
            try {
                call.run();
                return "ok";
            } catch (PolicyViolationException e) {
                assertThat(e.getMessage()).contains("agent:1");
                return e.rule();
            } catch (InvalidTransitionException e) {
                return e.code();
            }
        }

        void compare(String when) {
            AgentState state = manager.get(ID).state();
            assertThat(state)
                    .as(when)
                    .isEqualTo(
                            switch (outcome) {
                                case WAITS -> AgentState.PENDING_APPROVAL;
                                case PROVISIONED -> AgentState.PROVISIONED;
                                case REJECTED, EXPIRED, ENDED -> AgentState.DECOMMISSIONED;
                            });
            assertThat(Workshop.kinds(manager, ID)).as(when).isEqualTo(trail);
            ApprovalStatus status = manager.approvals().status(ID);
            if (outcome == Outcome.WAITS) {
                Map<String, Integer> missing = new HashMap<>();
                status.stages().forEach(stage -> missing.put(stage.stage().name(), stage.missing()));
                assertThat(missing).as(when).isEqualTo(missing());
                assertThat(status.open().orElseThrow().name())
                        .as(when)
                        .isEqualTo(openStage().name());
                assertThat(status.request().votes())
                        .as("votes are on what is asked for now")
                        .allMatch(vote -> vote.shown().equals(status.shown()));
            }
        }

        /** What was decided stays so when it is computed anew, and what waits does not outlive its end. */
        void end() {
            if (outcome == Outcome.PROVISIONED || outcome == Outcome.ENDED) {
                assertDecidedByPeople();
            }
            clock.set(clock.instant().isBefore(END) ? END : clock.instant());
            sweep();
            compare("at the end");
            assertThat(outcome).isNotEqualTo(Outcome.WAITS);
            assertThat(manager.verify().agents()).isOne();
            manager.close();
        }

        /** Looks at the log alone: by those who voted on what was approved, each stage was passed before the end. */
        private void assertDecidedByPeople() {
            Map<String, Set<Integer>> voted = new HashMap<>();
            Optional<AuditEvent> approved = Optional.empty();
            for (SealedEvent sealed : manager.auditTrail(ID)) {
                AuditEvent event = sealed.event();
                switch (event.kind()) {
                    case AGENT_AMENDED, AGENT_OWNER_CHANGED -> {
                        if (approved.isEmpty()) {
                            voted.clear();
                        }
                    }
                    case VOTE_CAST -> {
                        if (event.details().get("advisory").isEmpty()) {
                            voted.computeIfAbsent(text(event, "stage"), stage -> new HashSet<>())
                                    .add(person(event.actor()));
                        }
                    }
                    case AGENT_APPROVED -> approved = Optional.of(event);
                    default -> {}
                }
            }
            AuditEvent decision = approved.orElseThrow();
            assertThat(decision.at()).isBefore(END);
            Setting then =
                    SETTINGS.get((int) decision.content().policy().orElseThrow().version() - 1);
            boolean plainly = then.stages().get(0).name().equals("approval");
            Set<Integer> all = new HashSet<>();
            for (Plain stage : then.stages()) {
                Set<Integer> in = new HashSet<>(voted.getOrDefault(stage.name(), Set.of()));
                if (plainly) {
                    in.add(person(decision.actor()));
                }
                in.removeIf(person -> !stage.names(person) || person > LEDGER || person == LEDGER && !stage.services());
                if (!then.self()) {
                    in.removeIf(person -> person == ERIN);
                }
                in.removeAll(all);
                assertThat(in).hasSizeGreaterThanOrEqualTo(stage.quorum());
                all.addAll(in);
            }
        }

        private static int person(Actor actor) {
            return WHO.stream()
                    .filter(who -> who.actor().equals(actor))
                    .findFirst()
                    .orElseThrow()
                    .person();
        }

        private static String text(AuditEvent event, String name) {
            return ((Json.Str) event.details().get(name).orElseThrow()).value();
        }
    }
}
