package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ALICE;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.OPEN_DOOR;
import static io.agentlifecycle.core.Workshop.active;
import static io.agentlifecycle.core.Workshop.refused;
import static io.agentlifecycle.core.Workshop.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.tuple;

import io.agentlifecycle.core.PublicCalls.Call;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.Role;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.GuardPolicy;
import io.agentlifecycle.core.approval.Ballot;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.error.AgentNotFoundException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.KillScope;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.quarantine.Incident;
import io.agentlifecycle.core.quarantine.Severity;
import io.agentlifecycle.core.spi.AccessRule;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoredRecord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Which role each command takes, who has which, and what an agent may do of itself. */
class AccessControlTest {
    private static final Actor CAROL = Actor.human("carol@company.com");
    private static final AgentId BOSS = AgentId.of("agent:boss");
    private static final Actor ITSELF = Actor.agent(ID);
    private static final Actor AGENT_BOSS = Actor.agent(BOSS);

    /** With the authority of an admin these take an admin. */
    private static final Set<String> BY_AUTHORITY = Set.of(
            "releaseHold[AgentId, HoldReason, ReleaseAuthority, Actor]",
            "quarantines.release[AgentId, ReleaseAuthority, Actor]",
            "quarantines.attemptRecovery[AgentId, RecoveryTask, ReleaseAuthority, Actor]");

    /** What was said, read in the log. */
    private static final Set<String> NO_COMMANDS = Set.of("decisionsBy");

    private final FaultStore store = new FaultStore(LifecycleStore.inMemory());

    @RegisterExtension
    final Workshop shop = new Workshop(store);

    private LifecycleManager open(AccessRule rule) {
        return shop.open(builder -> builder.policy(OPEN_DOOR).access(rule));
    }

    private static AccessRule everybodyIs(Role role) {
        return (actor, tenant, agent) -> Optional.of(role);
    }

    private static List<Call> commands() {
        return PublicCalls.all().stream()
                .filter(call -> call.takes(Actor.class) || call.takes(ProvisioningRequest.class))
                .filter(call -> !NO_COMMANDS.contains(call.method().getName()))
                .toList();
    }

    private static String name(Call call) {
        return call.from().map(facet -> facet.getName() + ".").orElse("")
                + call.method().getName();
    }

    // ---- which role

    @Test
    void every_command_is_refused_to_whoever_has_no_role_and_nothing_is_changed() {
        LifecycleManager manager = open((actor, tenant, agent) -> Optional.empty());
        Activation active = active(manager, ID.value());
        var values =
                PublicCalls.values(active.agent(), active.issued().credential().id(), CAROL, shop.clock.instant());

        for (Call call : commands()) {
            ThrowingCallable attempt = () -> PublicCalls.make(call, manager, values);
            PolicyViolationException refusal = refused(manager, "access-role", attempt);

            assertThat(refusal.actor()).as(call.toString()).contains(CAROL);
            assertThat(refusal).hasMessageContainingAll("human:carol@company.com may not ", "it has none there now");
        }
        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed()).isTrue();
        shop.close(manager);
        assertThat(open(AccessRule.DEFAULT)
                        .search(event -> event.kind() == EventKind.ACCESS_REFUSED, 0, 10_000)
                        .events()
                        .stream()
                        .mapToLong(event -> ((Json.Int)
                                        event.event().details().get("attempts").orElseThrow())
                                .value())
                        .sum())
                .as("each is an attempt at power")
                .isEqualTo(commands().size());
    }

    @Test
    void each_command_takes_the_role_that_the_page_says_and_no_more() throws IOException {
        Map<Role, Set<String>> takes = new TreeMap<>();
        Set<Call> open = new TreeSet<>(Comparator.comparing(Call::toString));
        open.addAll(commands());
        for (Role role : Role.values()) {
            LifecycleManager manager = open(everybodyIs(role));
            for (Call call : List.copyOf(open)) {
                if (!isRefused(manager, call, role)) {
                    open.remove(call);
                    if (!BY_AUTHORITY.contains(call.toString())) {
                        takes.computeIfAbsent(role, r -> new TreeSet<>()).add(name(call));
                    }
                    assertThat(BY_AUTHORITY.contains(call.toString()) && role != Role.ADMIN)
                            .as("%s as %s", call, role)
                            .isFalse();
                }
            }
        }

        assertThat(open).isEmpty();
        assertThat(takes).isEqualTo(told());
    }

    /** What {@code docs/concepts.md} says. */
    private static Map<Role, Set<String>> told() throws IOException {
        String page = Files.readString(Path.of("..", "docs", "concepts.md"));
        Map<Role, Set<String>> told = new TreeMap<>();
        for (Role role : Role.values()) {
            String row = page.lines()
                    .filter(line -> line.startsWith("| " + role + " | `"))
                    .findFirst()
                    .orElseThrow();
            told.put(role, new TreeSet<>());
            Matcher names = Pattern.compile("`([A-Za-z.]+)`").matcher(row);
            while (names.find()) {
                told.get(role).add(names.group(1));
            }
        }
        return told;
    }

    /** By the role alone; what else is wrong with it is not looked at. */
    private boolean isRefused(LifecycleManager manager, Call call, Role role) {
        AgentId id = AgentId.of("agent:" + role + "-" + Math.abs(call.toString().hashCode()));
        Activation active = active(manager, id.value());
        var values =
                PublicCalls.values(active.agent(), active.issued().credential().id(), CAROL, shop.clock.instant());
        Throwable thrown = catchThrowable(() -> PublicCalls.make(call, manager, values));
        return thrown instanceof PolicyViolationException violation
                && violation.rule().equals("access-role");
    }

    @Test
    void the_host_itself_needs_no_role_and_everybody_whom_it_names_is_an_admin_by_default() {
        LifecycleManager strict = open((actor, tenant, agent) -> Optional.empty());
        active(strict, ID.value());
        strict.suspend(ID, "maintenance", Actor.SYSTEM);
        strict.placeLegalHold(ID, "case 1", Actor.system("console"));

        LifecycleManager trusting = shop.open(OPEN_DOOR);
        for (Actor actor : List.of(CAROL, Actor.service("ci"), Actor.policy("night"))) {
            trusting.resume(ID, actor);
            trusting.suspend(ID, "maintenance", actor);
        }

        assertThat(trusting.releaseLegalHold(ID, "case 1", CAROL).legalHolds()).isEmpty();
    }

    @Test
    void a_rule_may_look_at_the_agent_as_it_is_in_that_very_step() {
        AccessRule owners = (actor, tenant, agent) -> agent.flatMap(Agent::owner)
                .filter(owner -> actor.isNamed(owner.id()))
                .map(owner -> Role.OPERATOR);
        LifecycleManager manager = open(owners);
        active(manager, ID.value());
        Actor alice = Actor.human(ALICE);

        manager.changeOwner(ID, "carol@company.com", alice);

        refused(manager, "access-role", () -> manager.suspend(ID, "mine", alice));
        assertThat(manager.suspend(ID, "mine", CAROL).state()).isEqualTo(AgentState.SUSPENDED);
        refused(manager, "access-role", () -> manager.placeLegalHold(ID, "case 1", CAROL));
    }

    @Test
    void a_rule_is_asked_anew_when_somebody_else_was_faster() {
        LifecycleManager manager = open((actor, tenant, agent) -> agent.flatMap(Agent::owner)
                .filter(owner -> actor.isNamed(owner.id()))
                .map(owner -> Role.OPERATOR));
        active(manager, ID.value());
        var once = new AtomicBoolean(true);
        store.commits = (commit, to) -> {
            if (once.getAndSet(false)) {
                manager.changeOwner(ID, "carol@company.com", Actor.SYSTEM);
            }
            return to.commit(commit);
        };

        assertThatThrownBy(() -> manager.suspend(ID, "mine", Actor.human(ALICE)))
                .isInstanceOf(PolicyViolationException.class)
                .hasMessageEndingWith("(rule access-role)");

        assertThat(manager.get(ID).state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void whoever_has_no_role_for_it_does_not_learn_whether_an_agent_is_there() {
        LifecycleManager manager = open((actor, tenant, agent) -> agent.flatMap(Agent::owner)
                .filter(owner -> actor.isNamed(owner.id()))
                .map(owner -> Role.OPERATOR));
        active(manager, ID.value());
        AgentId nobody = AgentId.of("agent:0");
        for (Call call : commands()) {
            if (call.takes(AgentId.class)) {
                store.taken();
                String absent = answer(manager, call, nobody).replace("agent:0", "agent:1");
                var reads = store.taken();
                assertThat(absent).as(call.toString()).isEqualTo(answer(manager, call, ID));
                assertThat(reads).as(call.toString()).isEqualTo(store.taken());
            }
        }
        assertThatThrownBy(() -> manager.suspend(nobody, "no", Actor.SYSTEM))
                .isInstanceOf(AgentNotFoundException.class);
    }

    private String answer(LifecycleManager manager, Call call, AgentId id) {
        Agent agent = manager.get(ID);
        var values = PublicCalls.values(agent, agent.credential().orElseThrow().id(), CAROL, shop.clock.instant());
        values.put(AgentId.class, id);
        return String.valueOf(catchThrowable(() -> PublicCalls.make(call, manager, values)));
    }

    @Test
    void a_rule_that_fails_or_says_nothing_gives_nobody_a_right_and_stops_no_agent() {
        for (AccessRule broken : List.<AccessRule>of(
                (actor, tenant, agent) -> {
                    throw new IllegalStateException("the directory is down");
                },
                (actor, tenant, agent) -> {
                    throw new StackOverflowError("groups that have each other for members");
                },
                (actor, tenant, agent) -> null)) {
            LifecycleManager manager = open(broken);
            AgentId id = active(manager, "agent:" + System.identityHashCode(broken))
                    .agent()
                    .id();

            refused(manager, "access-role", () -> manager.suspend(id, "no", CAROL));

            assertThat(manager.guard().check(id, Operation.INVOKE).allowed()).isTrue();
            assertThat(manager.health().denied()).isEmpty();
        }
    }

    // ---- agents

    private LifecycleManager withBoss(Role role) {
        return withBoss(shop.open(OPEN_DOOR), role);
    }

    private static LifecycleManager withBoss(LifecycleManager manager, Role role) {
        manager.activate(
                manager.requestProvisioning(request(BOSS.value()).role(role).build())
                        .id());
        active(manager, ID.value());
        return manager;
    }

    private static Incident incident(Incident.Kind kind) {
        return new Incident(kind, Severity.CRITICAL, "odd calls");
    }

    @Test
    void an_agent_renews_and_revokes_what_it_has_reports_on_itself_and_retires_and_nothing_else() {
        for (Role role : Role.values()) {
            LifecycleManager manager = shop.open(OPEN_DOOR);
            AgentId id = AgentId.of("agent:" + role);
            Actor itself = Actor.agent(id);
            manager.activate(
                    manager.requestProvisioning(request(id.value()).role(role).build())
                            .id());

            refused(manager, "access-role", () -> manager.activate(id, itself));
            refused(manager, "access-role", () -> manager.changeOwner(id, "bob@company.com", itself));
            refused(manager, "access-role", () -> manager.renew(id, shop.clock.instant(), itself));
            refused(manager, "access-role", () -> manager.apiKeys().register(id, Duration.ofDays(1), itself));
            refused(manager, "access-role", () -> manager.suspend(id, "I need a rest", itself));
            manager.suspend(id, "maintenance", ADMIN);
            refused(manager, "access-role", () -> manager.resume(id, itself));
            manager.resume(id, ADMIN);
            assertThat(manager.rotateCredentials(id, itself).credential()).isPresent();
            manager.quarantines().report(id, new Incident(Incident.Kind.CRASH, Severity.LOW, "I fell"), itself);
            manager.revokeCredentials(id, "I lost it", itself);
            refused(manager, "access-role", () -> manager.rotateCredentials(id, itself));
            refused(manager, "access-role", () -> manager.rotateCredentials(id, itself, "key"));
            assertThat(manager.decommission(id, "I am done", itself).state()).isEqualTo(AgentState.DECOMMISSIONED);
        }
    }

    @Test
    void an_agent_in_the_least_role_does_nothing_to_others() {
        LifecycleManager manager = withBoss(Role.AGENT);

        for (Call call : commands()) {
            if (call.takes(AgentId.class)) {
                var values = values(manager, BOSS, ITSELF);
                String rule = call.toString().startsWith("approve[")
                                || call.toString().startsWith("approvals.vote")
                        ? "approver-human"
                        : "access-role";
                refused(manager, rule, () -> PublicCalls.make(call, manager, values));
            }
        }
    }

    private Map<Class<?>, Object> values(LifecycleManager manager, AgentId about, Actor actor) {
        Agent agent = manager.get(ID);
        var values = PublicCalls.values(agent, agent.credential().orElseThrow().id(), actor, shop.clock.instant());
        values.put(AgentId.class, about);
        return values;
    }

    @Test
    void an_agent_acts_in_the_role_of_its_record_while_it_may_act() {
        LifecycleManager manager = withBoss(Role.OPERATOR);

        manager.suspend(ID, "maintenance", AGENT_BOSS);
        manager.resume(ID, AGENT_BOSS);
        refused(manager, "access-role", () -> manager.placeLegalHold(ID, "case 1", AGENT_BOSS));
        refused(
                manager,
                "access-role",
                () -> manager.releaseHold(ID, HoldReason.OPERATOR, ReleaseAuthority.ADMIN, AGENT_BOSS));
        manager.suspend(BOSS, "maintenance", ADMIN);

        PolicyViolationException stopped =
                refused(manager, "access-role", () -> manager.suspend(ID, "revenge", AGENT_BOSS));
        assertThat(stopped).hasMessageContaining("it has none there now");
        manager.resume(BOSS, ADMIN);
        manager.killSwitch().engage(manager.killSwitch().agent(BOSS), "rogue", ADMIN);
        refused(manager, "access-role", () -> manager.suspend(ID, "revenge", AGENT_BOSS));
    }

    @Test
    void an_agent_without_a_good_credential_has_no_role() {
        LifecycleManager manager = withBoss(Role.OPERATOR);

        manager.revokeCredentials(BOSS, "stolen", ADMIN);

        refused(manager, "access-role", () -> manager.suspend(ID, "revenge", AGENT_BOSS));
    }

    @Test
    void an_agent_in_quarantine_lets_nobody_out_whatever_it_may_do_there() {
        LifecycleManager manager = withBoss(
                shop.open(LifecyclePolicy.builder()
                        .requireApproval(false)
                        .guard(GuardPolicy.brainstormRouter())
                        .build()),
                Role.ADMIN);
        manager.quarantines().quarantine(BOSS, incident(Incident.Kind.SECURITY_VIOLATION), ADMIN);
        manager.quarantines().quarantine(ID, incident(Incident.Kind.SECURITY_VIOLATION), ADMIN);
        assertThat(manager.guard().check(BOSS, Operation.ADMINISTER).allowed())
                .as("the guard lets it")
                .isTrue();

        for (AgentId id : List.of(BOSS, ID)) {
            refused(
                    manager,
                    "access-role",
                    () -> manager.quarantines().release(id, ReleaseAuthority.ADMIN, AGENT_BOSS));
        }
    }

    @Test
    void nobody_gives_power_to_an_agent_of_a_higher_role_than_their_own_and_may_still_take_it() {
        LifecycleManager manager = withBoss(open(everybodyIs(Role.OPERATOR)), Role.ADMIN);

        refused(manager, "access-role", () -> manager.rotateCredentials(BOSS, CAROL));
        refused(manager, "access-role", () -> manager.rotateCredentials(BOSS, CAROL, "key"));
        refused(manager, "access-role", () -> manager.apiKeys().register(BOSS, Duration.ofDays(1), CAROL));
        refused(manager, "access-role", () -> manager.changeOwner(BOSS, "carol@company.com", CAROL));
        manager.suspend(BOSS, "odd calls", CAROL);
        refused(manager, "access-role", () -> manager.resume(BOSS, CAROL));
        manager.rotateCredentials(ID, CAROL);
        assertThat(manager.decommission(BOSS, "odd calls", CAROL).state()).isEqualTo(AgentState.DECOMMISSIONED);

        LifecycleManager careful =
                shop.open(builder -> builder.policy(LifecyclePolicy.defaults()).access(everybodyIs(Role.OPERATOR)));
        careful.requestProvisioning(request("agent:chief").role(Role.ADMIN).build());
        refused(careful, "access-role", () -> careful.approve(AgentId.of("agent:chief"), CAROL));
        refused(careful, "access-role", () -> careful.activate(AgentId.of("agent:chief"), CAROL));
    }

    @Test
    void a_plan_moves_no_agent_of_a_higher_role_than_who_applies_it_has() {
        LifecycleManager manager = withBoss(open(everybodyIs(Role.OPERATOR)), Role.ADMIN);
        OwnerPlan plan = manager.owners().handOver(Owner.of(ALICE), Owner.of("bob@company.com"));

        OwnerReport report = manager.owners().apply(plan, CAROL);

        assertThat(report.outcomes())
                .extracting(outcome -> outcome.step().agent().id(), OwnerReport.Outcome::result)
                .containsExactly(tuple(ID, OwnerReport.Result.DONE), tuple(BOSS, OwnerReport.Result.FAILED));
        assertThat(manager.get(BOSS).owner()).contains(Owner.of(ALICE));
    }

    @Test
    void what_the_host_knows_of_an_agent_does_not_lift_it_above_its_record() {
        LifecycleManager manager = withBoss(open(everybodyIs(Role.ADMIN)), Role.AGENT);

        refused(manager, "access-role", () -> manager.suspend(BOSS, "envy", ITSELF));
    }

    @Test
    void an_agent_of_another_tenant_is_nobody_here_and_reaches_no_other_tenant_from_its_own() {
        LifecycleManager manager = withBoss(Role.ADMIN);
        TenantId acmeId = TenantId.of("acme");
        LifecycleManager acme = manager.forTenant(acmeId);
        active(acme, ID.value());

        assertThatThrownBy(() -> acme.suspend(ID, "from afar", AGENT_BOSS))
                .isInstanceOf(PolicyViolationException.class)
                .hasMessageContainingAll("agent:agent:boss may not hold agent acme/agent:1", "OPERATOR", "it has none");
        assertThatThrownBy(() -> acme.suspend(ID, "no id", new Actor(Actor.Type.AGENT, "an agent", Optional.empty())))
                .isInstanceOf(PolicyViolationException.class);
        assertThatThrownBy(() -> acme.requestProvisioning(
                        request("agent:2").requestedBy(AGENT_BOSS).build()))
                .isInstanceOf(PolicyViolationException.class);
        KillSwitch killSwitch = manager.killSwitch();
        refused(manager, "access-role", () -> killSwitch.engage(killSwitch.everything(), "all", AGENT_BOSS));
        refused(manager, "access-role", () -> killSwitch.engage(new KillScope.OfTenant(acmeId), "all", AGENT_BOSS));
        refused(manager, "access-role", () -> manager.retireLogKey("k".repeat(43), "mine", AGENT_BOSS));
        assertThat(killSwitch.engage(killSwitch.agent(ID), "mine", AGENT_BOSS)).isOne();
        killSwitch.release(killSwitch.agent(ID), ReleaseAuthority.ADMIN, "mine", AGENT_BOSS);
        assertThat(acme.get(ID).state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void an_agent_that_votes_is_told_the_same_whether_there_is_something_to_vote_on_or_not() {
        LifecycleManager manager = shop.open(LifecyclePolicy.defaults());
        manager.requestProvisioning(request(ID.value()).build());
        Actor reviewer = Actor.agent(AgentId.of("agent:reviewer"));

        String there = refused(manager, "approver-human", () -> manager.approve(ID, reviewer))
                .getMessage();
        String absent = refused(manager, "approver-human", () -> manager.approve(AgentId.of("agent:0"), reviewer))
                .getMessage();

        assertThat(absent.replace("agent:0", "agent:1")).isEqualTo(there);
    }

    @Test
    void a_recovery_that_was_begun_by_an_agent_that_is_stopped_meanwhile_makes_nobody_active() {
        LifecycleManager manager = withBoss(Role.OPERATOR);
        manager.quarantines().quarantine(ID, new Incident(Incident.Kind.CRASH, Severity.LOW, "it fell"), ADMIN);

        assertThatThrownBy(() -> manager.quarantines()
                        .attemptRecovery(ID, agent -> manager.suspend(BOSS, "rogue", ADMIN), AGENT_BOSS))
                .isInstanceOf(PolicyViolationException.class)
                .hasMessageEndingWith("(rule access-role)");

        assertThat(manager.get(ID).state()).isEqualTo(AgentState.QUARANTINED);
    }

    @Test
    void an_agent_reaches_no_namesake_in_another_tenant() {
        LifecycleManager manager = withBoss(Role.AGENT);
        TenantId acmeId = TenantId.of("acme");
        withBoss(manager.forTenant(acmeId), Role.ADMIN);
        KillScope scope = new KillScope.OfTenant(acmeId);

        refused(manager, "access-role", () -> manager.killSwitch().engage(scope, "all", AGENT_BOSS));
    }

    @Test
    void whoever_asked_amends_what_waits_and_not_what_is_in() {
        LifecycleManager manager =
                shop.open(builder -> builder.policy(LifecyclePolicy.defaults()).access(everybodyIs(Role.AGENT)));
        Actor alice = Actor.human(ALICE);
        manager.requestProvisioning(request(ID.value()).requestedBy(alice).build());
        LifecycleManager trusting = shop.open(LifecyclePolicy.defaults());
        trusting.approve(ID, ADMIN);
        trusting.activate(ID);

        refused(
                manager,
                "access-role",
                () -> manager.approvals()
                        .amend(ID, request(ID.value()).purpose("more").build(), alice));

        assertThat(manager.get(ID).state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void an_owner_by_rule_amends_what_is_theirs_and_makes_it_no_mightier_than_they_are() {
        LifecycleManager manager = shop.open(builder -> builder.policy(LifecyclePolicy.defaults())
                .access((actor, tenant, agent) -> agent.flatMap(Agent::owner)
                        .filter(owner -> actor.isNamed(owner.id()))
                        .map(owner -> Role.OPERATOR)));
        manager.requestProvisioning(request(ID.value()).build());
        Actor alice = Actor.human(ALICE);

        refused(
                manager,
                "role-escalation",
                () -> manager.approvals()
                        .amend(ID, request(ID.value()).role(Role.ADMIN).build(), alice));
        assertThat(manager.approvals()
                        .amend(ID, request(ID.value()).role(Role.OPERATOR).build(), alice)
                        .entitlements()
                        .role())
                .isEqualTo(Role.OPERATOR);
    }

    @Test
    void the_role_of_an_agent_and_whether_it_must_be_approved_anew_is_told_to_nobody_without_a_role() {
        LifecycleManager manager = withBoss(open((actor, tenant, agent) -> Optional.empty()), Role.ADMIN);
        List<Consumer<AgentId>> attempts = List.of(
                id -> manager.activate(id, CAROL),
                id -> manager.releaseHold(id, HoldReason.REAPPROVAL, ReleaseAuthority.OPERATOR, CAROL));

        for (Consumer<AgentId> attempt : attempts) {
            String there = String.valueOf(catchThrowable(() -> attempt.accept(BOSS)));
            String absent = String.valueOf(catchThrowable(() -> attempt.accept(AgentId.of("agent:none"))));
            assertThat(absent.replace("agent:none", "agent:boss")).isEqualTo(there);
        }
    }

    @Test
    void a_vote_against_an_agent_of_a_higher_role_takes_no_more_than_to_reject_it() {
        LifecycleManager manager =
                shop.open(builder -> builder.policy(LifecyclePolicy.defaults()).access(everybodyIs(Role.OPERATOR)));
        shop.open(LifecyclePolicy.defaults())
                .requestProvisioning(request(ID.value()).role(Role.ADMIN).build());

        refused(manager, "access-role", () -> manager.approvals().vote(ID, Ballot.approve("fine"), CAROL));
        assertThat(manager.approvals()
                        .vote(ID, Ballot.deny("too mighty"), CAROL)
                        .state())
                .isEqualTo(AgentState.DECOMMISSIONED);
    }

    @Test
    void a_closed_manager_works_no_kill_switch() {
        LifecycleManager manager = shop.open(OPEN_DOOR);
        KillSwitch killSwitch = manager.killSwitch();
        killSwitch.engage(killSwitch.everything(), "stop", ADMIN);
        shop.close(manager);

        assertThatThrownBy(() -> killSwitch.release(killSwitch.everything(), ReleaseAuthority.ADMIN, "go", ADMIN))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("closed");
        assertThat(shop.open(OPEN_DOOR).killSwitch().engaged()).hasSize(1);
    }

    // ---- while nothing can be read or stored

    @Test
    void whoever_has_no_right_stops_nobody_while_the_store_fails_and_whoever_has_it_does() {
        LifecycleManager manager =
                open((actor, tenant, agent) -> actor.isSame(CAROL) ? Optional.empty() : Optional.of(Role.ADMIN));
        active(manager, ID.value());
        store.breakAt(call -> call == FaultStore.Call.GET || call == FaultStore.Call.COMMIT);

        List<Consumer<Actor>> stopping = List.of(
                actor -> manager.suspend(ID, "stop", actor),
                actor -> manager.markOrphaned(ID, actor),
                actor -> manager.revokeCredentials(ID, "stop", actor),
                actor -> manager.quarantines().report(ID, incident(Incident.Kind.SECURITY_VIOLATION), actor),
                actor -> manager.decommission(ID, "stop", actor));
        for (Consumer<Actor> stop : stopping) {
            assertThatThrownBy(() -> stop.accept(CAROL))
                    .isInstanceOf(PolicyViolationException.class)
                    .hasMessageEndingWith("(rule access-role)");
        }
        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed()).isTrue();
        assertThatThrownBy(() -> manager.suspend(ID, "stop", ADMIN)).isInstanceOf(StoreException.class);
        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed()).isFalse();
        store.heal();
    }

    @Test
    void whoever_has_no_right_stops_nobody_whose_record_cannot_be_read() {
        LifecycleManager manager = open((actor, tenant, agent) -> Optional.empty());
        active(manager, ID.value());
        store.records = found -> found.key().kind().equals(RecordKey.AGENT)
                ? new StoredRecord(found.key(), found.version(), found.dueAt(), "{}", found.index())
                : found;

        assertThatThrownBy(() -> manager.suspend(ID, "stop", CAROL))
                .isInstanceOf(PolicyViolationException.class)
                .hasMessageEndingWith("(rule access-role)");

        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed()).isTrue();
        store.heal();
    }

    @Test
    void an_agent_that_watches_over_others_stops_them_while_nothing_can_be_read() {
        LifecycleManager manager = withBoss(Role.OPERATOR);
        store.breakAt(call -> call == FaultStore.Call.GET || call == FaultStore.Call.COMMIT);

        assertThatThrownBy(
                        () -> manager.killSwitch().engage(manager.killSwitch().agent(ID), "rogue", AGENT_BOSS))
                .isInstanceOf(StoreException.class);

        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed()).isFalse();
        store.heal();
        manager.killSwitch().engage(manager.killSwitch().agent(ID), "rogue", ADMIN);
    }

    // ---- requests

    @Test
    void nobody_asks_for_an_agent_of_a_higher_role_than_their_own() {
        LifecycleManager manager = open(everybodyIs(Role.OPERATOR));
        ProvisioningRequest.Builder wanted = request(ID.value()).requestedBy(CAROL);

        PolicyViolationException refusal = refused(
                manager,
                "role-escalation",
                () -> manager.requestProvisioning(wanted.role(Role.ADMIN).build()));

        assertThat(refusal.actor()).contains(CAROL);
        manager.requestProvisioning(wanted.role(Role.OPERATOR).build());
        LifecycleManager trusting = shop.open(OPEN_DOOR);
        active(trusting, BOSS.value());
        refused(
                trusting,
                "role-escalation",
                () -> trusting.requestProvisioning(request("agent:child")
                        .requestedBy(AGENT_BOSS)
                        .parent(BOSS)
                        .role(Role.OPERATOR)
                        .build()));
        refused(
                trusting,
                "access-role",
                () -> trusting.requestProvisioning(
                        request("agent:child").requestedBy(AGENT_BOSS).build()));
        assertThat(trusting.requestProvisioning(request("agent:child")
                                .requestedBy(AGENT_BOSS)
                                .parent(BOSS)
                                .build())
                        .state())
                .isEqualTo(AgentState.PROVISIONED);
    }

    @Test
    void an_amendment_lifts_nobody_either() {
        LifecycleManager manager =
                shop.open(builder -> builder.policy(LifecyclePolicy.defaults()).access(everybodyIs(Role.OPERATOR)));
        manager.requestProvisioning(request(ID.value()).build());

        refused(
                manager,
                "role-escalation",
                () -> manager.approvals()
                        .amend(ID, request(ID.value()).role(Role.ADMIN).build(), CAROL));
    }

    @Test
    void whoever_asked_may_amend_and_take_back_in_any_role_and_others_need_one() {
        LifecycleManager manager =
                shop.open(builder -> builder.policy(LifecyclePolicy.defaults()).access(everybodyIs(Role.AGENT)));
        manager.requestProvisioning(
                request(ID.value()).requestedBy(Actor.human(ALICE)).build());

        refused(manager, "access-role", () -> manager.withdraw(ID, "not mine", CAROL));
        refused(
                manager,
                "access-role",
                () -> manager.approvals().amend(ID, request(ID.value()).build(), CAROL));
        refused(manager, "access-role", () -> manager.approve(ID, CAROL));
        refused(manager, "access-role", () -> manager.approvals().vote(ID, Ballot.deny("no"), CAROL));
        refused(manager, "access-role", () -> manager.approvals().advise(ID, Ballot.deny("rather not"), CAROL));
        manager.approvals().amend(ID, request(ID.value()).purpose("less").build(), Actor.human(ALICE));
        assertThat(manager.withdraw(ID, "mine", Actor.human(ALICE)).state()).isEqualTo(AgentState.DECOMMISSIONED);
    }

    @Test
    void a_key_of_a_request_tells_nothing_to_whoever_has_no_role() {
        LifecycleManager manager =
                open((actor, tenant, agent) -> actor.isSame(CAROL) ? Optional.empty() : Optional.of(Role.ADMIN));
        ProvisioningRequest.Builder wanted =
                ProvisioningRequest.builder("Bot").owner(ALICE).idempotencyKey("k");
        manager.requestProvisioning(wanted.build());

        refused(
                manager,
                "access-role",
                () -> manager.requestProvisioning(wanted.requestedBy(CAROL).build()));
    }
}
