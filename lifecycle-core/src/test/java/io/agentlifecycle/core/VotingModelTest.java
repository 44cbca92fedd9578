package io.agentlifecycle.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.approval.ApprovalStatus;
import io.agentlifecycle.core.approval.Ballot;
import io.agentlifecycle.core.approval.Stage;
import io.agentlifecycle.core.approval.Vote;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.error.InvalidTransitionException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.quarantine.Incident;
import io.agentlifecycle.core.quarantine.Severity;
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

/**
 * Random votes on what one agent is to be, before it comes in and whenever it is changed after that, beside a plain telling of the
 * rules in which people have numbers and no names.
 */
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

    private record Setting(boolean self, boolean owners, List<Plain> stages) {
        LifecyclePolicy policy(long version) {
            return LifecyclePolicy.builder()
                    .version(version)
                    .allowSelfApproval(self)
                    .approvalTimeout(Duration.ofHours(8))
                    .approvalWarning(Duration.ofHours(1))
                    .reapproveOwner(owners)
                    .heartbeatInterval(Duration.ofDays(10))
                    .orphanThreshold(Duration.ofDays(30))
                    .credentialPolicy(new CredentialPolicy(Duration.ofDays(9), Duration.ofHours(1), true, true))
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
            new Setting(false, true, List.of(new Plain("security", 2, false, Set.of()))),
            new Setting(
                    false,
                    false,
                    List.of(
                            new Plain("security", 1, false, Set.of()),
                            new Plain("finance", 1, true, Set.of(DAVE, LEDGER)))),
            new Setting(true, true, List.of(new Plain("finance", 3, true, Set.of()))),
            new Setting(
                    false,
                    false,
                    List.of(
                            new Plain("security", 2, false, Set.of(BOB, CAROL, DAVE)),
                            new Plain("last", 1, false, Set.of()))),
            new Setting(false, true, List.of(new Plain("approval", 1, false, Set.of()))),
            new Setting(false, false, List.of(new Plain("security", 1, false, Set.of()))));

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
        ACTIVATE,
        LET_GO,
        SUSPEND,
        RESUME,
        QUARANTINE,
        CLEAR,
        ORPHAN,
        RECLAIM,
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
                Tuple.of(3, Verb.AMEND),
                Tuple.of(1, Verb.PASS_ON),
                Tuple.of(8, Verb.ACTIVATE),
                Tuple.of(8, Verb.LET_GO),
                Tuple.of(1, Verb.SUSPEND),
                Tuple.of(1, Verb.RESUME),
                Tuple.of(2, Verb.QUARANTINE),
                Tuple.of(2, Verb.CLEAR),
                Tuple.of(2, Verb.ORPHAN),
                Tuple.of(2, Verb.RECLAIM),
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
                .ofMaxSize(60)
                .withSizeDistribution(RandomDistribution.uniform());
    }

    @Property(tries = 1000, edgeCases = EdgeCasesMode.NONE)
    void whoever_is_let_in_or_goes_on_was_approved_by_all_the_rules_as_what_it_is_and_nobody_waits_beyond_the_end(
            @ForAll("lives") List<Step> steps, @ForAll("settings") int setting) {
        var pair = new Pair(setting);
        Set<String> said = new TreeSet<>();
        for (Step step : steps) {
            said.add(pair.take(step));
            pair.compare("after " + step);
        }
        pair.end();
        said.addAll(pair.seen);
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
                                "reapproval",
                                "no-such-hold",
                                "other-holds",
                                "lifespan-over",
                                "PENDING_APPROVAL REJECTED",
                                "PENDING_APPROVAL EXPIRED",
                                "PROVISIONED OPEN",
                                "SUSPENDED OPEN",
                                "QUARANTINED OPEN",
                                "ORPHANED OPEN",
                                "SUSPENDED REJECTED",
                                "SUSPENDED APPROVED",
                                "ACTIVE APPROVED",
                                "ACTIVE AGAIN",
                                "DECOMMISSIONED APPROVED")
                        .forEach(answer -> all.check(answer).count(times -> times > 0)));
    }

    @Provide
    Arbitrary<Integer> settings() {
        return Arbitraries.integers().between(0, SETTINGS.size() - 1);
    }

    /** What became of the request that is the last one. */
    private enum Outcome {
        OPEN,
        APPROVED,
        REJECTED,
        EXPIRED
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

        private final Set<String> seen = new TreeSet<>();
        private AgentState state = AgentState.PENDING_APPROVAL;
        private Outcome outcome = Outcome.OPEN;

        /** Held until it is approved anew. */
        private boolean held;

        /** Held by an operator. */
        private boolean suspended;

        private Optional<CredentialId> credential = Optional.empty();
        private final Set<CredentialId> issued = new HashSet<>();
        private int approvedContent = -1;
        private int approvedOwner = -1;
        private int approvals;
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
                    .access(Workshop.TRUSTING)
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
                case ACTIVATE -> activate();
                case LET_GO -> letGo();
                case SUSPEND -> suspend();
                case RESUME -> resume();
                case QUARANTINE -> leave(AgentState.QUARANTINED);
                case CLEAR -> clear();
                case ORPHAN -> leave(AgentState.ORPHANED);
                case RECLAIM -> reclaim(who, step.what() % OWNERS.size());
                case JUMP -> jump(step.what());
                case SWEEP -> sweep();
                case REOPEN -> reopen(step.what() % SETTINGS.size());
            };
        }

        private String vote(Verb verb, Who who, int what) {
            Optional<String> sees = verb == Verb.PLAIN ? Optional.empty() : sees(what);
            String shown = manager.approvals().status(ID).shown();
            String expected = expected(verb, who, sees, shown);
            boolean enough = waits() && isEnoughFor(verb, who);
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

        private boolean waits() {
            return state == AgentState.PENDING_APPROVAL || isIn() && held && outcome == Outcome.OPEN;
        }

        private boolean isIn() {
            return state != AgentState.PENDING_APPROVAL && state != AgentState.DECOMMISSIONED;
        }

        private boolean isOver() {
            return !clock.instant().isBefore(lifeEnd());
        }

        private void letIn() {
            outcome = Outcome.APPROVED;
            approvedContent = content;
            approvedOwner = owner;
            approvals++;
            trail.add(EventKind.AGENT_APPROVED);
            if (state == AgentState.PENDING_APPROVAL) {
                state = AgentState.PROVISIONED;
                trail.add(EventKind.AGENT_PROVISIONED);
            }
        }

        /** It is another thing now, and nobody has voted on that. */
        private void change(Who who) {
            involved.add(who.person());
            votes.clear();
            changed = true;
        }

        /** And it is in, so it is held. */
        private void askAnew(Who who) {
            change(who);
            outcome = Outcome.OPEN;
            if (!held) {
                held = true;
                boolean stops = state == AgentState.ACTIVE;
                trail.add(stops ? EventKind.AGENT_SUSPENDED : EventKind.HOLD_PLACED);
                state = stops ? AgentState.SUSPENDED : state;
            }
            credential.ifPresent(gone -> trail.add(EventKind.CREDENTIAL_REVOKED));
            credential = Optional.empty();
        }

        private void start(EventKind how) {
            state = AgentState.ACTIVE;
            trail.addAll(List.of(how, EventKind.CREDENTIAL_ISSUED));
            CredentialId next = manager.get(ID).credential().orElseThrow().id();
            assertThat(issued.add(next)).as("a new credential").isTrue();
            credential = Optional.of(next);
        }

        /** Becomes ACTIVE unless it is held or over. */
        private String enter(EventKind how, Runnable call) {
            String said = said(call);
            boolean free = !held && !suspended;
            assertThat(said).isEqualTo(free && isOver() ? "lifespan-over" : "ok");
            if (said.equals("ok") && free) {
                start(how);
            } else if (said.equals("ok")) {
                state = AgentState.SUSPENDED;
                trail.add(how);
            }
            return said;
        }

        private String refused(Runnable call, String rule) {
            assertThat(said(call)).isEqualTo(rule);
            return rule;
        }

        private String activate() {
            Runnable call = () -> manager.activate(ID);
            return state == AgentState.PROVISIONED
                    ? enter(EventKind.AGENT_ACTIVATED, call)
                    : refused(call, "transition-refused");
        }

        private String clear() {
            Runnable call = () -> manager.quarantines().release(ID, Workshop.ADMIN);
            return state == AgentState.QUARANTINED
                    ? enter(EventKind.AGENT_RELEASED, call)
                    : refused(call, "transition-refused");
        }

        private String reclaim(Who who, int next) {
            Runnable call = () -> manager.reclaim(ID, OWNERS.get(next), who.actor());
            if (state != AgentState.ORPHANED) {
                return refused(call, "transition-refused");
            }
            boolean again = next != owner && SETTINGS.get(setting).owners();
            if (!held && !suspended && !again && isOver()) {
                return refused(call, "lifespan-over");
            }
            call.run();
            tellOfOwner(who, next);
            if (held || suspended) {
                state = AgentState.SUSPENDED;
                trail.add(EventKind.AGENT_RECLAIMED);
            } else {
                start(EventKind.AGENT_RECLAIMED);
            }
            return "ok";
        }

        private String letGo() {
            Runnable call = () -> manager.releaseHold(ID, HoldReason.REAPPROVAL, Workshop.ADMIN);
            if (state == AgentState.ACTIVE || state == AgentState.DECOMMISSIONED) {
                return refused(call, "transition-refused");
            }
            if (!held) {
                return refused(call, "no-such-hold");
            }
            if (outcome != Outcome.APPROVED) {
                return refused(call, "reapproval");
            }
            boolean last = state == AgentState.SUSPENDED && !suspended;
            if (last && isOver()) {
                return refused(call, "lifespan-over");
            }
            call.run();
            held = false;
            if (last) {
                start(EventKind.AGENT_RESUMED);
            } else {
                trail.add(EventKind.HOLD_RELEASED);
            }
            return "ok";
        }

        private String suspend() {
            Runnable call = () -> manager.suspend(ID, "look", Workshop.ADMIN);
            boolean may = isIn() && state != AgentState.PROVISIONED;
            if (!may || suspended && state == AgentState.SUSPENDED) {
                return refused(call, "transition-refused");
            }
            if (suspended) {
                return refused(call, "hold-stands");
            }
            call.run();
            suspended = true;
            trail.add(state == AgentState.SUSPENDED ? EventKind.HOLD_PLACED : EventKind.AGENT_SUSPENDED);
            state = state == AgentState.ORPHANED ? state : AgentState.SUSPENDED;
            return "ok";
        }

        private String resume() {
            Runnable call = () -> manager.resume(ID, Workshop.ADMIN);
            if (state != AgentState.SUSPENDED) {
                return refused(call, "transition-refused");
            }
            if (held || !suspended) {
                return refused(call, "other-holds");
            }
            if (isOver()) {
                return refused(call, "lifespan-over");
            }
            call.run();
            suspended = false;
            start(EventKind.AGENT_RESUMED);
            return "ok";
        }

        private String leave(AgentState next) {
            if (state != AgentState.ACTIVE) {
                return "ok";
            }
            if (next == AgentState.ORPHANED) {
                manager.markOrphaned(ID, Workshop.ADMIN);
                trail.add(EventKind.AGENT_ORPHANED);
            } else {
                var crash = new Incident(Incident.Kind.CRASH, Severity.LOW, "exit 137");
                manager.quarantines().quarantine(ID, crash, Workshop.ADMIN);
                trail.add(EventKind.AGENT_QUARANTINED);
            }
            state = next;
            return "ok";
        }

        /** Nothing is missing, and who counts comes again. */
        private boolean isEnoughFor(Verb verb, Who who) {
            return (verb == Verb.VOTE || verb == Verb.PLAIN)
                    && isPassed()
                    && counted().containsKey(who.person())
                    && SETTINGS.get(setting).stages().stream()
                            .anyMatch(stage -> stage.counts(who.actor().type()));
        }

        private boolean isPassed() {
            return missing().values().stream().allMatch(lacks -> lacks == 0);
        }

        private Instant lifeEnd() {
            return content == 2 ? LIFE_END : Instant.MAX;
        }

        /** What waits again has no end but that of its life. */
        private Instant ends() {
            return content == 2 || isIn() ? lifeEnd() : END;
        }

        /** Most look at nothing, some at what is there, and some at what was there once. */
        private Optional<String> sees(int what) {
            return switch (what) {
                case 0, 1, 2 -> Optional.of(manager.approvals().status(ID).shown());
                case 5, 6, 7, 8 ->
                    changed ? Optional.of(manager.approvals().status(ID).shown()) : Optional.empty();
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
                if (state == AgentState.PENDING_APPROVAL) {
                    seen.add("PENDING_APPROVAL REJECTED");
                    state = AgentState.DECOMMISSIONED;
                    trail.add(EventKind.AGENT_REJECTED);
                }
            } else if (verb != Verb.ADVISE) {
                votes.add(new Cast(who.person(), who.actor().type(), openStage().name()));
                if (isPassed()) {
                    letIn();
                }
            }
        }

        private String expected(Verb verb, Who who, Optional<String> sees, String shown) {
            if (!waits()) {
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
            assertThat(said).isEqualTo(expectedOfAmendment(next));
            if (said.equals("ok") && next != content) {
                content = next;
                trail.add(EventKind.AGENT_AMENDED);
                if (isIn()) {
                    askAnew(who);
                } else {
                    change(who);
                }
                digests.add(manager.approvals().status(ID).shown());
            }
            return said;
        }

        private String expectedOfAmendment(int next) {
            if (state == AgentState.DECOMMISSIONED) {
                return "approval-decided";
            }
            if (!clock.instant().isBefore(ends())) {
                return isIn() ? "lifespan-over" : "request-expired";
            }
            if (next == 0 && owner != ALICE) {
                return "amendment-scope";
            }
            return next == 2 && !clock.instant().isBefore(LIFE_END) ? "lifespan-over" : "ok";
        }

        private String passOn(Who who, int next) {
            String said = said(() -> manager.changeOwner(ID, OWNERS.get(next), who.actor()));
            boolean live = state != AgentState.DECOMMISSIONED;
            assertThat(said).isEqualTo(live ? "ok" : "transition-refused");
            if (live) {
                tellOfOwner(who, next);
            }
            return said;
        }

        private void tellOfOwner(Who who, int next) {
            if (next == owner) {
                return;
            }
            trail.add(EventKind.AGENT_OWNER_CHANGED);
            boolean again = isIn() && SETTINGS.get(setting).owners();
            if (again || waits()) {
                involved.add(owner);
            }
            if (again) {
                askAnew(who);
            } else if (waits()) {
                change(who);
            } else {
                approvedOwner = next;
            }
            owner = next;
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
            if (state == AgentState.PENDING_APPROVAL && !now.isBefore(end)) {
                outcome = Outcome.EXPIRED;
                seen.add("PENDING_APPROVAL EXPIRED");
                state = AgentState.DECOMMISSIONED;
                trail.add(EventKind.AGENT_REQUEST_EXPIRED);
            } else if (state == AgentState.PENDING_APPROVAL
                    && !now.isBefore(end.minus(Duration.ofHours(1)))
                    && !warnedOf.equals(Optional.of(end))) {
                warnedOf = Optional.of(end);
                trail.add(EventKind.APPROVAL_EXPIRING);
            } else if (isIn() && isOver()) {
                state = AgentState.DECOMMISSIONED;
                trail.add(EventKind.AGENT_DECOMMISSION_STARTED);
                credential.ifPresent(gone -> trail.add(EventKind.CREDENTIAL_REVOKED));
                credential = Optional.empty();
                trail.add(EventKind.AGENT_DECOMMISSIONED);
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
            Agent agent = manager.get(ID);
            assertThat(agent.state()).as(when).isEqualTo(state);
            seen.add(state + " " + outcome);
            if (state == AgentState.ACTIVE) {
                assertThat(outcome).as(when).isEqualTo(Outcome.APPROVED);
                assertThat(content).as(when).isEqualTo(approvedContent);
                assertThat(owner).as(when).isEqualTo(approvedOwner);
                seen.add(approvals > 1 ? "ACTIVE AGAIN" : "ACTIVE");
            }
            Set<HoldReason> holds = new HashSet<>();
            if (held) {
                holds.add(HoldReason.REAPPROVAL);
            }
            if (suspended) {
                holds.add(HoldReason.OPERATOR);
            }
            assertThat(Set.copyOf(agent.holds().reasons())).as(when).isEqualTo(holds);
            for (CredentialId id : issued) {
                boolean good = state == AgentState.ACTIVE && credential.equals(Optional.of(id)) && !isOver();
                assertThat(manager.guard()
                                .check(agent.key(), id, Operation.INVOKE)
                                .allowed())
                        .as(when)
                        .isEqualTo(good);
            }
            assertThat(Workshop.kinds(manager, ID)).as(when).isEqualTo(trail);
            ApprovalStatus status = manager.approvals().status(ID);
            if (waits()) {
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
            assertDecidedByPeople();
            clock.set(clock.instant().isBefore(END) ? END : clock.instant());
            sweep();
            compare("at the end");
            assertThat(state).isNotEqualTo(AgentState.PENDING_APPROVAL);
            assertThat(manager.verify().agents()).isOne();
            manager.close();
        }

        /** What the log alone says of one request after the other. */
        private static final class Told {
            private final Map<String, Set<Integer>> voted = new HashMap<>();
            private final Set<Integer> barred = new HashSet<>(Set.of(ERIN));
            private boolean open = true;
            private boolean first = true;
            private int owner = ALICE;

            void take(AuditEvent event) {
                boolean again = event.details().get("reapproval").isPresent();
                switch (event.kind()) {
                    case AGENT_AMENDED -> change(event, again);
                    case AGENT_OWNER_CHANGED -> {
                        if (open || again) {
                            barred.add(owner);
                            change(event, again);
                        }
                        owner = OWNERS.indexOf(text(event, "newOwner"));
                    }
                    case VOTE_CAST -> {
                        if (event.details().get("advisory").isEmpty()
                                && text(event, "choice").equals("approve")) {
                            voted.computeIfAbsent(text(event, "stage"), stage -> new HashSet<>())
                                    .add(person(event.actor()));
                        }
                    }
                    case AGENT_APPROVED -> {
                        assertThat(open).isTrue();
                        decided(event);
                        open = false;
                        first = false;
                    }
                    default -> {
                        boolean starts = event.to().equals(Optional.of(AgentState.ACTIVE))
                                && !event.from().equals(event.to());
                        assertThat(starts && open)
                                .as("started as what nobody approved")
                                .isFalse();
                    }
                }
            }

            private void change(AuditEvent event, boolean again) {
                voted.clear();
                barred.add(person(event.actor()));
                open |= again;
            }

            /** By those who voted on what was approved, each stage was passed, and the first request before its end. */
            private void decided(AuditEvent decision) {
                assertThat(first && !decision.at().isBefore(END)).isFalse();
                Setting then = SETTINGS.get(
                        (int) decision.content().policy().orElseThrow().version() - 1);
                boolean plainly = then.stages().get(0).name().equals("approval");
                Set<Integer> all = new HashSet<>();
                for (Plain stage : then.stages()) {
                    Set<Integer> in = new HashSet<>(voted.getOrDefault(stage.name(), Set.of()));
                    if (plainly) {
                        in.add(person(decision.actor()));
                    }
                    in.removeIf(
                            person -> !stage.names(person) || person > LEDGER || person == LEDGER && !stage.services());
                    if (!then.self()) {
                        in.removeIf(person -> barred.contains(person) || person == owner);
                    }
                    in.removeAll(all);
                    assertThat(in).hasSizeGreaterThanOrEqualTo(stage.quorum());
                    all.addAll(in);
                }
            }
        }

        private void assertDecidedByPeople() {
            var told = new Told();
            manager.auditTrail(ID).forEach(entry -> told.take(entry.event()));
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
