package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ALICE;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.OPEN_DOOR;
import static io.agentlifecycle.core.Workshop.kinds;
import static io.agentlifecycle.core.Workshop.refused;
import static io.agentlifecycle.core.Workshop.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecyclePolicy.OwnerLoss;
import io.agentlifecycle.core.OwnerPlan.Hold;
import io.agentlifecycle.core.OwnerPlan.Step;
import io.agentlifecycle.core.OwnerPlan.Succeed;
import io.agentlifecycle.core.OwnerReport.Outcome;
import io.agentlifecycle.core.OwnerReport.Result;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.OwnerStanding;
import io.agentlifecycle.core.access.OwnerStanding.Status;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.approval.ApprovalRequest;
import io.agentlifecycle.core.approval.Ballot;
import io.agentlifecycle.core.approval.Stage;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.error.AgentNotFoundException;
import io.agentlifecycle.core.error.InvalidTransitionException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.quarantine.Incident;
import io.agentlifecycle.core.quarantine.Severity;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.RecordKey;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Who answers for agents beside their owners, and what becomes of agents whose owner is gone. */
class OwnersTest {
    private static final Owner OWNER = Owner.of(ALICE);
    private static final Owner BOB = Owner.of("bob@company.com");
    private static final Owner CAROL = Owner.of("carol@company.com");
    private static final Owner TEAM = Owner.of("team:platform");
    private static final LifecyclePolicy SUCCEED = LifecyclePolicy.builder()
            .requireApproval(false)
            .ownerLoss(OwnerLoss.SUCCEED)
            .build();

    @RegisterExtension
    final Workshop shop = new Workshop();

    private final Staff staff = Staff.of(ALICE, BOB.id(), CAROL.id(), TEAM.toString());

    private LifecycleManager open(LifecyclePolicy policy) {
        return shop.open(builder -> builder.policy(policy).ownerDirectory(staff));
    }

    private static Succeed succeed(LifecycleManager manager, AgentId agent, Owner to) {
        Agent now = manager.get(agent);
        return new Succeed(now.key(), now.version(), now.owner().orElseThrow(), to);
    }

    private static Hold hold(LifecycleManager manager, AgentId agent) {
        Agent now = manager.get(agent);
        return new Hold(now.key(), now.version(), now.owner().orElseThrow());
    }

    private static List<Result> results(OwnerReport report) {
        return report.outcomes().stream().map(Outcome::result).toList();
    }

    private static AuditEvent last(LifecycleManager manager, AgentId agent) {
        var trail = manager.auditTrail(agent);
        return trail.get(trail.size() - 1).event();
    }

    // ---- co-owners

    @Test
    void others_answer_for_an_agent_beside_its_owner() {
        LifecycleManager manager = shop.open(OPEN_DOOR);
        active(manager, ID.value());

        Agent agent = manager.owners().addCoOwner(ID, TEAM, ADMIN);
        assertThat(last(manager, ID).kind()).isEqualTo(EventKind.AGENT_CO_OWNER_ADDED);
        assertThat(last(manager, ID).actor()).isEqualTo(ADMIN);
        assertThat(last(manager, ID).details())
                .isEqualTo(Json.object().put("coOwner", "team:platform").build());
        assertThat(agent.coOwners()).containsExactly(TEAM);
        manager.owners().addCoOwner(ID, CAROL, ADMIN);
        manager.owners().addCoOwner(ID, BOB, ADMIN);

        shop.close(manager);
        LifecycleManager again = shop.open(OPEN_DOOR);
        assertThat(again.get(ID).coOwners())
                .as("in the order in which they were added")
                .containsExactly(TEAM, CAROL, BOB);
        assertThat(again.get(ID).owner()).contains(OWNER);
        assertThat(again.ownershipHistory(ID))
                .extracting(period -> period.owner())
                .containsExactly(OWNER);
        again.owners().removeCoOwner(ID, Owner.of(" CAROL@company.com".strip()), ADMIN);
        assertThat(last(again, ID).details())
                .as("as it was written")
                .isEqualTo(Json.object().put("coOwner", "carol@company.com").build());
        assertThat(again.get(ID).coOwners()).containsExactly(TEAM, BOB);
        assertThat(again.query(AgentQuery.all().owner(BOB.id()))).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"bob@company.com", "BOB@Company.com", "ｂｏｂ@company.com", "bo\u00adb@company.com"})
    void nobody_answers_for_an_agent_twice_under_any_spelling(String bob) {
        LifecycleManager manager = shop.open(OPEN_DOOR);
        active(manager, ID.value());
        Owners owners = manager.owners();
        owners.addCoOwner(ID, BOB, ADMIN);

        assertThat(refused(manager, "co-owner-stands", () -> owners.addCoOwner(ID, Owner.of(bob), ADMIN)))
                .hasMessageContaining(bob + " answers for agent agent:1 already, as bob@company.com");
        refused(manager, "co-owner-stands", () -> owners.addCoOwner(ID, Owner.of("Alice@company.com"), ADMIN));
        refused(manager, "no-such-co-owner", () -> owners.removeCoOwner(ID, OWNER, ADMIN));
        // a team of that name is somebody else
        owners.addCoOwner(ID, Owner.of("team:bob@company.com"), ADMIN);

        Agent agent = manager.changeOwner(ID, bob, ADMIN);

        assertThat(agent.owner()).contains(Owner.of(bob));
        assertThat(agent.coOwners()).as("an owner is no co-owner").containsExactly(Owner.of("team:bob@company.com"));
        assertThat(kinds(manager, ID)).endsWith(EventKind.AGENT_OWNER_CHANGED, EventKind.AGENT_CO_OWNER_REMOVED);
        manager.markOrphaned(ID, ADMIN);
        owners.addCoOwner(ID, OWNER, ADMIN);
        assertThat(manager.reclaim(ID, ALICE, ADMIN).agent().coOwners())
                .containsExactly(Owner.of("team:bob@company.com"));
    }

    @Test
    void there_are_ten_of_them_at_the_most() {
        LifecycleManager manager = shop.open(OPEN_DOOR);
        active(manager, ID.value());
        Owners owners = manager.owners();
        for (int i = 0; i < Agent.MOST_CO_OWNERS; i++) {
            owners.addCoOwner(ID, Owner.of("co" + i + "@company.com"), ADMIN);
        }

        assertThat(refused(manager, "co-owner-count", () -> owners.addCoOwner(ID, BOB, ADMIN)))
                .hasMessageContaining("agent agent:1 has 10 co-owners already; remove one of them first");

        owners.removeCoOwner(ID, Owner.of("co3@company.com"), ADMIN);
        assertThat(owners.addCoOwner(ID, BOB, ADMIN).coOwners()).hasSize(10).endsWith(BOB);
    }

    @ParameterizedTest
    @EnumSource(AgentState.class)
    void wherever_the_owner_can_be_changed_those_beside_can_be_too(AgentState state) {
        LifecycleManager manager =
                shop.open(builder -> builder.policy(OPEN_DOOR).teardownTask(new FlakyTask("worker", () -> false)));
        if (state == AgentState.DECOMMISSIONING) {
            active(manager, ID.value());
            manager.decommission(ID, "enough", ADMIN);
        } else {
            manager.importAgents(List.of(shop.imported(ID.value(), state)), "elsewhere", ADMIN);
        }

        if (state == AgentState.DECOMMISSIONED) {
            for (ThrowingCallable call : List.<ThrowingCallable>of(
                    () -> manager.owners().addCoOwner(ID, BOB, ADMIN),
                    () -> manager.owners().removeCoOwner(ID, BOB, ADMIN))) {
                assertThatThrownBy(call).isInstanceOf(InvalidTransitionException.class);
            }
            return;
        }
        assertThat(manager.owners().addCoOwner(ID, BOB, ADMIN).state()).isEqualTo(state);
        assertThat(manager.owners().removeCoOwner(ID, BOB, ADMIN).coOwners()).isEmpty();
    }

    @Test
    void a_co_owner_approves_nothing_of_theirs_and_voids_what_others_saw() {
        LifecycleManager manager = shop.open(LifecyclePolicy.builder()
                .approvalStages(Stage.people("security", 2))
                .build());
        Actor carol = Actor.human(CAROL.id());
        Actor dave = Actor.human("dave@company.com");
        manager.requestProvisioning(request(ID.value()).build());
        manager.approve(ID, carol);
        assertThat(manager.approvals().status(ID).stages().get(0).missing()).isEqualTo(1);

        manager.owners().addCoOwner(ID, BOB, ADMIN);

        assertThat(manager.approvals().status(ID).stages().get(0).missing())
                .as("nobody has voted on this one")
                .isEqualTo(2);
        String shown = manager.approvals().status(ID).shown();
        for (String bob : List.of("bob@company.com", "Bob@Company.com")) {
            refused(
                    manager,
                    "self-approval",
                    () -> manager.approvals().vote(ID, Ballot.approve("").onSeeing(shown), Actor.human(bob)));
        }
        refused(
                manager,
                "self-approval",
                () -> manager.approvals().vote(ID, Ballot.approve("").onSeeing(shown), ADMIN)); // who added him
        refused(manager, "approval-outdated", () -> manager.approve(ID, carol));
        manager.approvals().vote(ID, Ballot.approve("").onSeeing(shown), carol);
        manager.owners().removeCoOwner(ID, Owner.of("BOB@company.com"), ADMIN);
        assertThat(manager.approvals().status(ID).stages().get(0).missing()).isEqualTo(2);
        refused(
                manager,
                "self-approval",
                () -> manager.approvals().vote(ID, Ballot.approve("").onSeeing(shown), Actor.human(BOB.id())));
        manager.approvals().vote(ID, Ballot.approve("").onSeeing(shown), carol);
        manager.approvals().vote(ID, Ballot.approve("").onSeeing(shown), dave);
        assertThat(manager.get(ID).state()).isEqualTo(AgentState.PROVISIONED);
    }

    @Test
    void a_waiting_request_passes_through_so_many_hands_only() {
        LifecycleManager manager = shop.open(LifecyclePolicy.defaults());
        manager.requestProvisioning(request(ID.value()).build());
        for (int hands = 1; hands < ApprovalRequest.MOST_INVOLVED; hands++) {
            Owner next = Owner.of("co" + hands + "@company.com");
            manager.owners().addCoOwner(ID, next, ADMIN);
            if (hands < ApprovalRequest.MOST_INVOLVED - 1) {
                manager.owners().removeCoOwner(ID, next, ADMIN);
            }
        }
        assertThat(manager.get(ID).approval().involved()).hasSize(ApprovalRequest.MOST_INVOLVED);
        Owner last = Owner.of("co63@company.com");
        refused(manager, "request-changes", () -> manager.owners().removeCoOwner(ID, last, ADMIN));
        refused(manager, "request-changes", () -> manager.owners().addCoOwner(ID, BOB, ADMIN));
    }

    @Test
    void a_missing_argument_is_refused_before_anything_is_read() {
        LifecycleManager manager = shop.open(OPEN_DOOR);
        active(manager, ID.value());
        Owners owners = manager.owners();
        Workshop.Picture before = Workshop.Picture.of(manager);
        for (ThrowingCallable call : List.<ThrowingCallable>of(
                () -> owners.addCoOwner(null, BOB, ADMIN),
                () -> owners.addCoOwner(ID, null, ADMIN),
                () -> owners.addCoOwner(ID, BOB, null),
                () -> owners.removeCoOwner(null, BOB, ADMIN),
                () -> owners.removeCoOwner(ID, null, ADMIN),
                () -> owners.removeCoOwner(ID, BOB, null),
                () -> owners.left(null),
                () -> owners.handOver(null, BOB),
                () -> owners.handOver(BOB, null),
                () -> owners.apply(null, ADMIN),
                () -> owners.apply(owners.left(OWNER), null),
                () -> LifecyclePolicy.builder().ownerLoss(null),
                () -> new OwnerPlan(manager.now(), null),
                () -> new Succeed(manager.get(ID).key(), 1, OWNER, null),
                () -> new Hold(manager.get(ID).key(), 1, null))) {
            assertThatThrownBy(call).isInstanceOf(NullPointerException.class);
        }
        for (ThrowingCallable call : List.<ThrowingCallable>of(
                () -> owners.addCoOwner(AgentId.of("agent:none"), BOB, ADMIN),
                () -> owners.removeCoOwner(AgentId.of("agent:none"), BOB, ADMIN))) {
            assertThatThrownBy(call).isInstanceOf(AgentNotFoundException.class);
        }
        assertThatThrownBy(() -> owners.handOver(BOB, BOB))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("agents of bob@company.com cannot be handed over to bob@company.com");
        assertThat(Workshop.Picture.of(manager)).isEqualTo(before);
    }

    // ---- an owner who is gone

    @Test
    void agents_of_whom_is_gone_are_held_until_an_admin_lets_them_go_on_under_another() {
        LifecycleManager manager = open(OPEN_DOOR);
        active(manager, ID.value());
        staff.are(ALICE, OwnerStanding.of(Status.LEFT).succeededBy(BOB));
        manager.owners().addCoOwner(ID, CAROL, ADMIN);

        OwnerPlan plan = manager.owners().left(OWNER);

        assertThat(plan.steps()).containsExactly(hold(manager, ID));
        assertThat(plan.at()).isEqualTo(manager.now());
        assertThat(manager.get(ID).state()).as("planned only").isEqualTo(AgentState.ACTIVE);
        OwnerReport report = manager.owners().apply(plan, ADMIN);
        assertThat(report.outcomes()).containsExactly(new Outcome(plan.steps().get(0), Result.DONE, Optional.empty()));
        assertThat(report.with(Result.DONE)).hasSize(1);
        assertThat(report.with(Result.FAILED)).isEmpty();
        Agent held = manager.get(ID);
        assertThat(held.state()).isEqualTo(AgentState.SUSPENDED);
        assertThat(held.owner()).contains(OWNER);
        assertThat(held.holds().get(HoldReason.OWNER_LOST)).hasValueSatisfying(hold -> {
            assertThat(hold.authority()).isEqualTo(ReleaseAuthority.ADMIN);
            assertThat(hold.placedBy()).isEqualTo(ADMIN);
            assertThat(hold.text()).isEqualTo("its owner is gone");
            assertThat(hold.until()).isEmpty();
        });
        assertThat(manager.owners().left(OWNER).steps()).as("held already").isEmpty();
        assertThat(manager.owners().lost().steps()).isEmpty();

        // she comes back, and the hold stays
        staff.are(ALICE, Status.ACTIVE);
        manager.sweeper().sweep();
        assertThat(manager.get(ID).state()).isEqualTo(AgentState.SUSPENDED);
        manager.releaseHold(ID, HoldReason.OWNER_LOST, ReleaseAuthority.ADMIN, ADMIN);
        assertThat(manager.get(ID).state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void every_agent_but_those_that_are_being_retired_is_in_the_plan_whatever_its_state() {
        LifecycleManager manager =
                shop.open(builder -> builder.policy(OPEN_DOOR).teardownTask(new FlakyTask("worker", () -> false)));
        for (AgentState state : AgentState.values()) {
            if (state != AgentState.DECOMMISSIONING) {
                manager.importAgents(List.of(shop.imported("agent:" + state.wire(), state)), "elsewhere", ADMIN);
            }
        }
        active(manager, "agent:leaving");
        manager.decommission(AgentId.of("agent:leaving"), "enough", ADMIN);
        manager.requestProvisioning(request("agent:bobs").owner(BOB.id()).build());
        manager.quarantines()
                .quarantine(
                        active(manager, "agent:suspect").agent().id(),
                        new Incident(Incident.Kind.CRASH, Severity.MEDIUM, ""),
                        ADMIN);

        OwnerPlan plan = manager.owners().left(OWNER);
        OwnerReport report = manager.owners().apply(plan, ADMIN);

        assertThat(plan.steps())
                .extracting(step -> step.agent().id().value())
                .containsExactly(
                        "agent:active",
                        "agent:orphaned",
                        "agent:pending_approval",
                        "agent:provisioned",
                        "agent:quarantined",
                        "agent:suspect",
                        "agent:suspended");
        assertThat(results(report)).containsOnly(Result.DONE);
        for (Step step : plan.steps()) {
            Agent agent = manager.get(step.agent().id());
            assertThat(agent.holds().get(HoldReason.OWNER_LOST)).isPresent();
            assertThat(agent.state().wire())
                    .isEqualTo(
                            switch (agent.id().value()) {
                                case "agent:active" -> "suspended";
                                case "agent:suspect" -> "quarantined";
                                default -> agent.id().value().substring("agent:".length());
                            });
        }
        assertThat(manager.get(AgentId.of("agent:bobs")).holds().isEmpty()).isTrue();
    }

    @Test
    void the_first_co_owner_succeeds_or_else_whom_the_directory_names() {
        LifecycleManager manager = open(SUCCEED);
        Owners owners = manager.owners();
        List<AgentId> agents = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            agents.add(active(manager, "agent:" + i).agent().id());
        }
        owners.addCoOwner(agents.get(0), TEAM, ADMIN);
        owners.addCoOwner(agents.get(0), CAROL, ADMIN);
        owners.addCoOwner(agents.get(1), CAROL, ADMIN);
        owners.addCoOwner(agents.get(1), TEAM, ADMIN);
        owners.addCoOwner(agents.get(2), CAROL, ADMIN);
        manager.placeHold(agents.get(4), HoldReason.OPERATOR, "", ADMIN);
        staff.are(CAROL.id(), Status.SUSPENDED);
        staff.are(ALICE, OwnerStanding.of(Status.LEFT).succeededBy(BOB));

        OwnerPlan plan = owners.left(OWNER);

        assertThat(plan.steps())
                .containsExactly(
                        succeed(manager, agents.get(0), TEAM),
                        succeed(manager, agents.get(1), TEAM),
                        succeed(manager, agents.get(2), BOB),
                        succeed(manager, agents.get(3), BOB),
                        succeed(manager, agents.get(4), BOB));
        assertThat(results(owners.apply(plan, ADMIN))).containsOnly(Result.DONE);
        assertThat(manager.get(agents.get(0)).coOwners()).containsExactly(CAROL);
        assertThat(manager.get(agents.get(4)).state()).isEqualTo(AgentState.SUSPENDED);
        AuditEvent told = manager.auditTrail(agents.get(3)).stream()
                .map(event -> event.event())
                .filter(event -> event.kind() == EventKind.AGENT_OWNER_CHANGED)
                .findFirst()
                .orElseThrow();
        assertThat(told.actor()).isEqualTo(ADMIN);
        assertThat(owners.left(OWNER).steps()).isEmpty();
        assertThat(manager.ownershipHistory(agents.get(3)))
                .extracting(period -> period.owner())
                .containsExactly(OWNER, BOB);
    }

    @Test
    void nobody_who_is_not_there_or_has_enough_succeeds_and_the_rest_is_held() {
        LifecycleManager manager = open(SUCCEED);
        for (int i = 0; i < 5; i++) {
            active(manager, "agent:" + i);
        }
        manager.owners().addCoOwner(AgentId.of("agent:1"), CAROL, ADMIN);
        manager.owners().addCoOwner(AgentId.of("agent:2"), CAROL, ADMIN);
        staff.are(CAROL.id(), OwnerStanding.active().atMost(1));
        staff.are(BOB.id(), OwnerStanding.active().atMost(2));
        staff.are("ALICE@company.com", Status.ACTIVE); // an account that nobody has closed
        for (OwnerStanding gone : List.of(
                OwnerStanding.of(Status.LEFT),
                OwnerStanding.of(Status.LEFT).succeededBy(Owner.of("nobody@company.com")),
                OwnerStanding.of(Status.LEFT).succeededBy(Owner.of("ALICE@company.com")))) {
            staff.are(ALICE, gone);
            assertThat(manager.owners().left(OWNER).steps().stream().filter(Succeed.class::isInstance))
                    .extracting(Step::agent)
                    .containsExactly(manager.get(AgentId.of("agent:1")).key());
        }

        staff.are(ALICE, OwnerStanding.of(Status.LEFT).succeededBy(BOB));
        OwnerPlan plan = manager.owners().left(OWNER);

        assertThat(plan.steps())
                .containsExactly(
                        succeed(manager, AgentId.of("agent:0"), BOB),
                        succeed(manager, AgentId.of("agent:1"), CAROL),
                        succeed(manager, AgentId.of("agent:2"), BOB),
                        hold(manager, AgentId.of("agent:3")),
                        hold(manager, AgentId.of("agent:4")));
        assertThat(results(manager.owners().apply(plan, ADMIN))).containsOnly(Result.DONE);
    }

    @Test
    void without_a_directory_the_first_co_owner_succeeds_and_nobody_can_tell_who_is_lost() {
        LifecycleManager manager = shop.open(SUCCEED);
        active(manager, "agent:1");
        active(manager, "agent:2");
        manager.owners().addCoOwner(ID, CAROL, ADMIN);
        manager.owners().addCoOwner(ID, BOB, ADMIN);

        assertThat(manager.owners().left(OWNER).steps())
                .containsExactly(succeed(manager, ID, CAROL), hold(manager, AgentId.of("agent:2")));
        assertThat(refused(manager, "owner-directory", () -> manager.owners().lost()))
                .hasMessageContaining("build the manager with ownerDirectory(..), or say with left(..) who is");
    }

    @Test
    void whoever_may_come_back_loses_no_agent() {
        LifecycleManager manager = open(SUCCEED);
        active(manager, ID.value());
        manager.owners().addCoOwner(ID, CAROL, ADMIN);
        staff.are(ALICE, OwnerStanding.of(Status.SUSPENDED).succeededBy(BOB));

        assertThat(manager.owners().left(OWNER).steps()).containsExactly(hold(manager, ID));
        assertThat(manager.owners().lost().steps()).containsExactly(hold(manager, ID));

        // whom the host calls gone is gone, whatever the directory has not heard of yet
        staff.are(ALICE, OwnerStanding.active().succeededBy(BOB));
        assertThat(manager.owners().left(OWNER).steps()).containsExactly(succeed(manager, ID, CAROL));
        assertThat(manager.owners().lost().steps()).isEmpty();
    }

    @Test
    void lost_finds_everybody_who_is_not_there_and_asks_about_each_once() {
        LifecycleManager manager = open(SUCCEED);
        List<String> names = List.of(ALICE, BOB.id(), CAROL.id(), "team:platform", "dave@company.com");
        staff.are("dave@company.com", Status.ACTIVE);
        for (int i = 0; i < 10; i++) {
            active(
                    manager,
                    manager.requestProvisioning(request("agent:" + i)
                                    .owner(names.get(i % 5))
                                    .build())
                            .id());
        }
        staff.are(ALICE, OwnerStanding.of(Status.LEFT).succeededBy(Owner.of("dave@company.com")));
        staff.forget(BOB.id());
        staff.are(TEAM.toString(), Status.SUSPENDED);
        staff.asked.set(0);

        OwnerPlan plan = manager.owners().lost();

        assertThat(staff.asked).hasValue(5);
        assertThat(plan.steps())
                .containsExactly(
                        succeed(manager, AgentId.of("agent:0"), Owner.of("dave@company.com")),
                        hold(manager, AgentId.of("agent:1")),
                        hold(manager, AgentId.of("agent:3")),
                        succeed(manager, AgentId.of("agent:5"), Owner.of("dave@company.com")),
                        hold(manager, AgentId.of("agent:6")),
                        hold(manager, AgentId.of("agent:8")));
        manager.owners().apply(plan, ADMIN);
        assertThat(manager.owners().lost().steps()).isEmpty();
    }

    private static void active(LifecycleManager manager, AgentId agent) {
        manager.activate(agent);
    }

    private static Activation active(LifecycleManager manager, String id) {
        return Workshop.active(manager, id);
    }

    // ---- plans

    @Test
    void a_step_whose_agent_has_changed_since_is_not_done() {
        LifecycleManager manager = open(SUCCEED);
        for (int i = 0; i < 4; i++) {
            active(manager, "agent:" + i);
        }
        staff.are(ALICE, OwnerStanding.of(Status.LEFT).succeededBy(BOB));
        OwnerPlan plan = manager.owners().left(OWNER);
        manager.changeOwner(AgentId.of("agent:1"), CAROL.id(), ADMIN);
        staff.are(BOB.id(), OwnerStanding.active().atMost(1));
        manager.suspend(AgentId.of("agent:3"), "", ADMIN);

        OwnerReport report = manager.owners().apply(plan, ADMIN);

        assertThat(results(report)).containsExactly(Result.DONE, Result.MOVED, Result.FAILED, Result.MOVED);
        assertThat(report.outcomes().get(2).failure())
                .get()
                .isInstanceOfSatisfying(
                        PolicyViolationException.class,
                        e -> assertThat(e.rule()).isEqualTo("owner-limit"));
        assertThat(manager.get(AgentId.of("agent:1")).owner()).contains(CAROL);
        assertThat(manager.get(AgentId.of("agent:2")).owner()).contains(OWNER);
        assertThat(results(manager.owners().apply(plan, ADMIN)))
                .containsExactly(Result.MOVED, Result.MOVED, Result.FAILED, Result.MOVED);
        // the next plan knows that there is no room any more
        assertThat(manager.owners().left(OWNER).steps())
                .containsExactly(hold(manager, AgentId.of("agent:2")), hold(manager, AgentId.of("agent:3")));
    }

    @Test
    void a_plan_of_another_tenant_finds_nobody() {
        LifecycleManager manager = shop.open(OPEN_DOOR);
        active(manager, ID.value());
        LifecycleManager acme = manager.forTenant(TenantId.of("acme"));
        active(acme, ID.value());
        OwnerPlan theirs = acme.owners().left(OWNER);
        assertThat(theirs.steps())
                .extracting(Step::agent)
                .containsExactly(acme.get(ID).key());

        OwnerReport report = manager.owners().apply(theirs, ADMIN);

        assertThat(results(report)).containsExactly(Result.FAILED);
        assertThat(report.outcomes().get(0).failure()).get().isInstanceOf(AgentNotFoundException.class);
        assertThat(manager.get(ID).state()).isEqualTo(AgentState.ACTIVE);
        assertThat(acme.get(ID).state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void a_hand_over_gives_all_of_them_to_one() {
        LifecycleManager manager = open(OPEN_DOOR);
        for (int i = 0; i < 3; i++) {
            active(manager, "agent:" + i);
        }
        staff.are(ALICE, Status.LEFT);
        manager.owners().apply(manager.owners().left(OWNER), ADMIN);
        staff.are(BOB.id(), OwnerStanding.active().atMost(2));
        assertThat(refused(manager, "owner-limit", () -> manager.owners().handOver(OWNER, BOB)))
                .hasMessageContaining("bob@company.com cannot answer for 3 more agents");

        OwnerPlan plan = manager.owners().handOver(OWNER, CAROL);
        assertThat(results(manager.owners().apply(plan, ADMIN))).hasSize(3).containsOnly(Result.DONE);

        assertThat(manager.query(AgentQuery.all().owner(CAROL.id())))
                .hasSize(3)
                .allMatch(agent -> agent.holds().get(HoldReason.OWNER_LOST).isPresent());
        manager.releaseHold(AgentId.of("agent:0"), HoldReason.OWNER_LOST, ReleaseAuthority.ADMIN, ADMIN);
        assertThat(manager.owners().handOver(OWNER, BOB).steps()).isEmpty();
    }

    @Test
    void what_fails_in_the_middle_is_done_when_the_plan_is_applied_again() {
        var store = new FaultStore(shop.store);
        LifecycleManager manager =
                shop.open(builder -> builder.store(store).policy(OPEN_DOOR).ownerDirectory(staff));
        for (int i = 0; i < 6; i++) {
            active(manager, "agent:" + i);
        }
        OwnerPlan plan = manager.owners().handOver(OWNER, BOB);
        var commits = new AtomicInteger();
        store.commits = (commit, behind) -> {
            int number = commits.incrementAndGet();
            if (number == 3) {
                throw new StoreException("the disk is gone", null);
            }
            if (number == 4) {
                behind.commit(commit);
                throw new StoreException("the answer is lost", null);
            }
            return number > 4 ? new CommitResult.Rejected(CommitResult.Reason.BUSY, "too many") : behind.commit(commit);
        };

        OwnerReport first = manager.owners().apply(plan, ADMIN);

        assertThat(results(first))
                .containsExactly(Result.DONE, Result.DONE, Result.FAILED, Result.FAILED, Result.FAILED, Result.FAILED);
        store.heal();
        assertThat(results(manager.owners().apply(plan, ADMIN)))
                .containsExactly(Result.MOVED, Result.MOVED, Result.DONE, Result.MOVED, Result.DONE, Result.DONE);
        assertThat(manager.query(AgentQuery.all().owner(BOB.id()))).hasSize(6);
        assertThat(manager.owners().handOver(OWNER, BOB).steps()).isEmpty();
    }

    @Test
    void an_agent_whose_hold_cannot_be_stored_is_denied_all_the_same() {
        var store = new FaultStore(shop.store);
        LifecycleManager manager = shop.open(builder -> builder.store(store).policy(OPEN_DOOR));
        active(manager, "agent:1");
        active(manager, "agent:2");
        OwnerPlan plan = manager.owners().left(OWNER);
        store.cannotRead(RecordKey.agent(manager.get(ID).key())::equals);

        assertThat(results(manager.owners().apply(plan, ADMIN))).containsExactly(Result.FAILED, Result.DONE);

        assertThat(manager.guard().check(ID, Operation.INVOKE)).isInstanceOf(Verdict.Denied.class);
        store.heal();
        assertThat(results(manager.owners().apply(plan, ADMIN))).containsExactly(Result.DONE, Result.MOVED);
    }

    @Test
    void where_agents_are_held_anyway_nobody_is_asked_who_comes_next() {
        LifecycleManager manager = open(OPEN_DOOR);
        active(manager, ID.value());
        staff.before = () -> {
            throw new IllegalStateException("the directory is down");
        };

        OwnerPlan plan = manager.owners().left(OWNER);

        assertThat(results(manager.owners().apply(plan, ADMIN))).containsExactly(Result.DONE);
    }

    @Test
    void a_directory_that_fails_plans_nothing_and_fails_step_by_step() {
        LifecycleManager manager = open(SUCCEED);
        active(manager, "agent:1");
        active(manager, "agent:2");
        OwnerPlan plan = manager.owners().handOver(OWNER, BOB);
        var failure = new IllegalStateException("the directory is down");
        staff.before = () -> {
            throw failure;
        };

        for (ThrowingCallable call : List.<ThrowingCallable>of(
                () -> manager.owners().left(OWNER),
                () -> manager.owners().lost(),
                () -> manager.owners().handOver(OWNER, BOB))) {
            assertThatThrownBy(call).isSameAs(failure);
        }
        assertThat(manager.owners().apply(plan, ADMIN).outcomes())
                .hasSize(2)
                .allMatch(outcome -> outcome.failure().filter(failure::equals).isPresent());
        staff.before = () -> {};
        assertThat(results(manager.owners().apply(plan, ADMIN))).containsOnly(Result.DONE);
    }

    @Test
    void a_closed_manager_applies_nothing() {
        LifecycleManager manager = shop.open(OPEN_DOOR);
        active(manager, ID.value());
        OwnerPlan plan = manager.owners().left(OWNER);
        manager.close();

        assertThatThrownBy(() -> manager.owners().apply(plan, ADMIN))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("closed");
        shop.close(manager);
        assertThat(shop.open(OPEN_DOOR).get(ID).state()).isEqualTo(AgentState.ACTIVE);
    }

    // ---- credentials

    @Test
    void the_credential_of_an_agent_that_has_another_owner_is_due_at_once() {
        List<String> delivered = new ArrayList<>();
        LifecycleManager manager = shop.open(builder -> builder.policy(OPEN_DOOR)
                .credentialSink((agent, issued) ->
                        delivered.add(issued.credential().id().value())));
        Credential before = active(manager, ID.value()).issued().credential();
        shop.clock.advance(Duration.ofMinutes(1));
        manager.sweeper().sweep();
        assertThat(delivered).isEmpty();

        manager.changeOwner(ID, BOB.id(), ADMIN);

        assertThat(last(manager, ID).details().get("due"))
                .contains(Json.of(before.id().value()));
        assertThat(manager.get(ID).credentials().due()).isTrue();
        assertThat(manager.get(ID).credential()).contains(before);
        assertThat(manager.sweeper().plan().items())
                .extracting(SweepPlan.Item::action)
                .containsExactly(SweepAction.ROTATE_CREDENTIAL);
        manager.sweeper().sweep();
        Agent after = manager.get(ID);
        assertThat(delivered)
                .containsExactly(after.credential().orElseThrow().id().value());
        assertThat(after.credential()).isNotEqualTo(before);
        assertThat(after.credentials().due()).isFalse();
        manager.sweeper().sweep();
        assertThat(delivered).hasSize(1);
        // a co-owner is no transfer, nor is the owner that it has
        manager.owners().addCoOwner(ID, CAROL, ADMIN);
        manager.changeOwner(ID, BOB.id(), ADMIN);
        manager.sweeper().sweep();
        assertThat(delivered).hasSize(1);
    }

    @Test
    void that_it_is_due_outlives_a_restart_and_does_not_mind_auto_rotate_or_the_end_of_its_life() {
        LifecyclePolicy manual = LifecyclePolicy.builder()
                .requireApproval(false)
                .credentialPolicy(CredentialPolicy.DEFAULT.withAutoRotate(false))
                .build();
        LifecycleManager manager = shop.open(manual);
        manager.activate(manager.requestProvisioning(request(ID.value())
                        .notAfter(manager.now().plus(Duration.ofHours(1)))
                        .build())
                .id());
        active(manager, "agent:2");
        manager.owners().apply(manager.owners().handOver(OWNER, BOB), ADMIN);
        shop.close(manager);
        LifecycleManager again = shop.open(manual);

        assertThat(again.sweeper().sweep().outcomes())
                .extracting(SweepReport.Outcome::action)
                .containsExactly(SweepAction.REPORT_ROTATION_DUE, SweepAction.REPORT_ROTATION_DUE);
        assertThat(new CredentialRotator(again).checkAndRotate())
                .extracting(RotationResult::outcome)
                .containsExactly(RotationResult.Outcome.ROTATED, RotationResult.Outcome.ROTATED);
        assertThat(new CredentialRotator(again).checkAndRotate())
                .extracting(RotationResult::outcome)
                .containsExactly(RotationResult.Outcome.OK, RotationResult.Outcome.OK);
    }

    @Test
    void whoever_gets_a_new_credential_anyway_is_not_due() {
        LifecycleManager manager = shop.open(OPEN_DOOR);
        active(manager, ID.value());
        manager.suspend(ID, "", ADMIN);
        manager.changeOwner(ID, BOB.id(), ADMIN);
        assertThat(manager.get(ID).credentials().due()).isFalse();
        manager.resume(ID, ADMIN);
        manager.revokeCredentials(ID, "", ADMIN);
        manager.changeOwner(ID, CAROL.id(), ADMIN);
        assertThat(manager.get(ID).credentials().due()).isFalse();
        manager.rotateCredentials(ID);
        manager.markOrphaned(ID, ADMIN);
        assertThat(manager.reclaim(ID, ALICE, ADMIN).agent().credentials().due())
                .isFalse();
    }

    @Test
    void nothing_keeps_a_credential_that_is_due_by_that() {
        var issuer = new RepeatableIssuer();
        LifecycleManager manager = shop.open(
                builder -> builder.policy(OPEN_DOOR).credentials(issuer).credentialSink((agent, issued) -> {}));
        active(manager, "agent:parent");
        AgentId child = manager.requestProvisioning(request("agent:child")
                        .parent(AgentId.of("agent:parent"))
                        .build())
                .id();
        Credential before = manager.activate(child).issued().credential();
        String key = manager.apiKeys()
                .register(child, Duration.ofDays(1), ADMIN)
                .secret()
                .reveal();
        assertThat(manager.apiKeys().exchange(key).issued().credential())
                .as("the same token again")
                .isEqualTo(before);

        manager.changeOwner(child, BOB.id(), ADMIN);
        Credential next = manager.apiKeys().exchange(key).issued().credential();
        assertThat(next).as("a key gives none that is due").isNotEqualTo(before);
        assertThat(manager.apiKeys().exchange(key).issued().credential()).isEqualTo(next);

        manager.changeOwner(child, ALICE, ADMIN);
        manager.sweeper().sweep();
        assertThat(manager.get(child).credential())
                .as("a sweep waits for no credential of those above")
                .get()
                .extracting(Credential::generation)
                .isEqualTo(3L);
    }

    @Test
    void one_that_has_ended_stays_so() {
        LifecycleManager manager = shop.open(builder -> builder.policy(LifecyclePolicy.builder()
                        .requireApproval(false)
                        .orphanThreshold(Duration.ofDays(30))
                        .credentialPolicy(CredentialPolicy.DEFAULT.withAutoRotate(false))
                        .build())
                .credentialSink((agent, issued) -> {}));
        Credential before = active(manager, ID.value()).issued().credential();
        shop.clock.set(before.expiresAt());

        assertThat(manager.changeOwner(ID, BOB.id(), ADMIN).credentials().due()).isFalse();
        manager.sweeper().sweep();

        assertThat(manager.get(ID).credential().orElseThrow().id()).isEqualTo(before.id());
    }

    // ---- the policy

    @Test
    void what_becomes_of_them_counts_in_the_digest_only_when_it_says_something() {
        assertThat(LifecyclePolicy.defaults().ownerLoss()).isEqualTo(OwnerLoss.HOLD);
        assertThat(LifecyclePolicy.defaults().ref().sha256())
                .as("as it was before there was such a setting")
                .isEqualTo("FYz58M943bDfDpnJvP0XWtF3amBU6ig-iyss7g3HB78");
        assertThat(LifecyclePolicy.builder()
                        .ownerLoss(OwnerLoss.SUCCEED)
                        .build()
                        .ref()
                        .sha256())
                .isNotEqualTo(LifecyclePolicy.defaults().ref().sha256());
        shop.open(OPEN_DOOR);
    }
}
