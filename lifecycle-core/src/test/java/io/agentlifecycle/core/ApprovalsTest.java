package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ALICE;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.kinds;
import static io.agentlifecycle.core.Workshop.refused;
import static io.agentlifecycle.core.Workshop.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.IdentityAssurance;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.Role;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.approval.ApprovalRequest;
import io.agentlifecycle.core.approval.ApprovalStatus;
import io.agentlifecycle.core.approval.Ballot;
import io.agentlifecycle.core.approval.Stage;
import io.agentlifecycle.core.approval.Vote;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.error.AgentNotFoundException;
import io.agentlifecycle.core.error.AuditUnavailableException;
import io.agentlifecycle.core.error.InvalidTransitionException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.spi.LifecycleStore;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Stages, quorums and votes: who may vote, what counts, and what becomes of a request. */
class ApprovalsTest {
    private static final Actor BOB = Actor.human("bob@company.com");
    private static final Actor CAROL = Actor.human("carol@company.com");
    private static final Actor DAVE = Actor.human("dave@company.com");
    private static final Actor LEDGER = Actor.service("ledger");
    private static final Actor REVIEWER = Actor.agent(AgentId.of("agent:reviewer"));
    private static final Stage SECURITY = Stage.people("security", 2);
    private static final Stage FINANCE =
            new Stage("finance", 1, Stage.Kind.ANYONE, Set.of("dave@company.com", "ledger"));

    @RegisterExtension
    final Workshop shop = new Workshop();

    private LifecycleManager manager = open(stages(SECURITY, FINANCE));

    private LifecycleManager open(LifecyclePolicy policy) {
        return shop.open(builder -> builder.policy(policy).access(Workshop.TRUSTING));
    }

    private static LifecyclePolicy stages(Stage... stages) {
        return LifecyclePolicy.builder()
                .approvalTimeout(Duration.ofHours(8))
                .approvalWarning(Duration.ofHours(1))
                .approvalStages(stages)
                .build();
    }

    private void reopen(LifecyclePolicy policy) {
        shop.close(manager);
        manager = open(policy);
    }

    private Agent ask() {
        return manager.requestProvisioning(asked(builder -> builder));
    }

    private static ProvisioningRequest asked(UnaryOperator<ProvisioningRequest.Builder> change) {
        return change.apply(request("agent:1")
                        .purpose("reviews code")
                        .capability("review")
                        .requestedBy(Actor.human("erin@company.com")))
                .build();
    }

    private Approvals approvals() {
        return manager.approvals();
    }

    /** As hosts do: once it was changed, a ballot says what was seen. */
    private Agent approve(Actor actor) {
        Ballot ballot = Ballot.approve("looks fine");
        return approvals().vote(ID, status().request().isChanged() ? ballot.onSeeing(status().shown()) : ballot, actor);
    }

    private ApprovalStatus status() {
        return approvals().status(ID);
    }

    private List<AuditEvent> events(EventKind kind) {
        return manager.auditTrail(ID).stream()
                .map(SealedEvent::event)
                .filter(event -> event.kind() == kind)
                .toList();
    }

    private List<Integer> missing() {
        return status().stages().stream()
                .map(ApprovalStatus.StageStatus::missing)
                .toList();
    }

    // ---- counting

    @Test
    void a_request_passes_its_stages_one_after_the_other_and_the_last_vote_lets_the_agent_in() {
        ask();

        assertThat(approve(BOB).state()).isEqualTo(AgentState.PENDING_APPROVAL);
        assertThat(status().open()).contains(SECURITY);
        assertThat(missing()).containsExactly(1, 1);
        assertThat(approve(CAROL).state()).isEqualTo(AgentState.PENDING_APPROVAL);
        assertThat(status().open()).contains(FINANCE);
        assertThat(missing()).containsExactly(0, 1);
        Agent approved = approve(LEDGER);

        assertThat(approved.state()).isEqualTo(AgentState.PROVISIONED);
        assertThat(approved.approval().decision())
                .contains(new ApprovalRequest.Decision(ApprovalRequest.Outcome.APPROVED, LEDGER, shop.clock.instant()));
        assertThat(kinds(manager, ID))
                .containsExactly(
                        EventKind.AGENT_REQUESTED,
                        EventKind.VOTE_CAST,
                        EventKind.VOTE_CAST,
                        EventKind.VOTE_CAST,
                        EventKind.AGENT_APPROVED,
                        EventKind.AGENT_PROVISIONED);
        assertThat(status().open()).isEmpty();
        assertThat(status().endsAt()).isEmpty();
        assertThat(missing()).containsExactly(0, 0);
    }

    @Test
    void a_vote_says_what_was_shown_and_why_and_how_sure_the_host_was_of_the_voter() {
        ask();
        String shown = status().shown();
        Actor bob = BOB.assured(IdentityAssurance.STRONG);

        approvals().vote(ID, Ballot.approve("read the code").onSeeing(shown), bob);

        AuditEvent event = events(EventKind.VOTE_CAST).get(0);
        assertThat(event.actor()).isEqualTo(bob);
        assertThat(event.details())
                .isEqualTo(Json.object()
                        .put("stage", "security")
                        .put("choice", "approve")
                        .put("shown", shown)
                        .put("reason", "read the code")
                        .build());
        assertThat(status().request().votes())
                .containsExactly(new Vote("security", Vote.Choice.APPROVE, false, bob, shop.clock.instant(), shown));
        approve(CAROL);
        approve(LEDGER);
        assertThat(events(EventKind.AGENT_APPROVED)
                        .get(0)
                        .content()
                        .approval()
                        .orElseThrow()
                        .shown())
                .as("what was approved is what was shown to each")
                .isEqualTo(shown);
    }

    @Test
    void plain_approval_is_a_vote_where_the_policy_wants_several_people() {
        ask();
        manager.approve(ID, BOB);
        manager.approve(ID, CAROL);

        assertThat(manager.get(ID).state()).isEqualTo(AgentState.PENDING_APPROVAL);
        assertThat(manager.approve(ID, DAVE).state()).isEqualTo(AgentState.PROVISIONED);
        assertThat(events(EventKind.VOTE_CAST)).hasSize(3);
    }

    @Test
    void where_one_person_is_enough_plain_approval_writes_no_vote_and_a_ballot_does() {
        reopen(LifecyclePolicy.defaults());
        ask();
        manager.approve(ID, BOB);
        assertThat(kinds(manager, ID))
                .containsExactly(EventKind.AGENT_REQUESTED, EventKind.AGENT_APPROVED, EventKind.AGENT_PROVISIONED);

        AgentId other = AgentId.of("agent:2");
        manager.requestProvisioning(request("agent:2").build());
        approvals().vote(other, Ballot.approve("because"), BOB);
        assertThat(kinds(manager, other))
                .containsExactly(
                        EventKind.AGENT_REQUESTED,
                        EventKind.VOTE_CAST,
                        EventKind.AGENT_APPROVED,
                        EventKind.AGENT_PROVISIONED);
    }

    @Test
    void one_vote_against_it_that_counts_ends_a_request() {
        ask();
        approve(BOB);

        Agent agent = approvals().vote(ID, Ballot.deny("it may delete things"), CAROL);

        assertThat(agent.state()).isEqualTo(AgentState.DECOMMISSIONED);
        assertThat(agent.approval().decision().orElseThrow().outcome()).isEqualTo(ApprovalRequest.Outcome.REJECTED);
        assertThat(agent.retirement().orElseThrow().reason()).isEqualTo("it may delete things");
        assertThat(kinds(manager, ID)).endsWith(EventKind.VOTE_CAST, EventKind.VOTE_CAST, EventKind.AGENT_REJECTED);
    }

    @Test
    void advice_never_counts_decides_nothing_and_leaves_its_giver_the_vote() {
        ask();
        approvals().advise(ID, Ballot.approve("no problem found"), REVIEWER);
        approvals().advise(ID, Ballot.deny("I would not"), Actor.policy("lint"));
        approvals().advise(ID, Ballot.approve("I asked for it"), Actor.human("erin@company.com"));
        approvals().advise(ID, Ballot.deny("at first sight"), BOB);

        assertThat(manager.get(ID).state()).isEqualTo(AgentState.PENDING_APPROVAL);
        assertThat(missing()).containsExactly(2, 1);
        assertThat(status().request().votes()).hasSize(4).allMatch(Vote::advisory);
        assertThat(events(EventKind.VOTE_CAST))
                .allMatch(event -> event.details().get("advisory").equals(Optional.of(Json.of(true))));
        approve(BOB);
        assertThat(missing()).containsExactly(1, 1);
    }

    @Test
    void too_much_advice_is_refused_and_keeps_nobody_from_voting() {
        ask();
        for (int i = 0; i < Vote.MOST; i++) {
            approvals().advise(ID, Ballot.deny("no " + i), Actor.agent(AgentId.of("agent:reviewer" + i)));
        }
        refused(manager, "vote-count", () -> approvals().advise(ID, Ballot.deny("no"), REVIEWER));
        approvals().advise(ID, Ballot.approve("after all"), Actor.agent(AgentId.of("agent:reviewer7")));

        approve(BOB);
        approve(CAROL);
        assertThat(approve(DAVE).state()).isEqualTo(AgentState.PROVISIONED);
    }

    @Test
    void more_votes_than_a_request_can_have_are_refused() {
        reopen(stages(Stage.people("first", Vote.MOST)));
        ask();
        for (int i = 1; i < Vote.MOST; i++) {
            approve(Actor.human("voter" + i));
        }
        // under another policy none of these counts, and they are there all the same
        reopen(stages(Stage.people("second", Vote.MOST)));
        approve(BOB);
        assertThat(missing()).containsExactly(Vote.MOST - 1);

        refused(manager, "vote-count", () -> approve(CAROL));
        assertThat(manager.withdraw(ID, "too many", ADMIN).state()).isEqualTo(AgentState.DECOMMISSIONED);
    }

    // ---- who may not

    @ParameterizedTest
    @ValueSource(strings = {"erin@company.com", " Erin@Company.COM ", "ｅｒｉｎ@company.com", ALICE, "ALICE@company.com"})
    void who_asked_or_owns_votes_under_no_spelling(String name) {
        ask();

        PolicyViolationException refusal = refused(manager, "self-approval", () -> approve(Actor.human(name)));

        assertThat(refusal)
                .hasMessageContainingAll(
                        "human:" + name + " cannot approve agent agent:1 in stage security", "ask someone else");
    }

    @Test
    void a_team_of_one_may_allow_itself_and_still_votes_once() {
        reopen(LifecyclePolicy.builder()
                .allowSelfApproval(true)
                .approvalStages(Stage.people("all", 2))
                .build());
        ask();
        approve(Actor.human("erin@company.com"));

        refused(manager, "vote-twice", () -> approve(Actor.human("ERIN@company.com")));
        assertThat(approve(Actor.human(ALICE)).state()).isEqualTo(AgentState.PROVISIONED);
    }

    @ParameterizedTest
    @CsvSource({"agent,approver-human", "policy,approver-human", "service,approver-human", "system,approver-human"})
    void only_people_vote_in_a_stage_of_people(String type, String rule) {
        ask();
        assertThat(refused(manager, rule, () -> approve(machine(type))))
                .hasMessageContainingAll("cannot approve agent agent:1 in stage security", "only a human can approve");
    }

    @ParameterizedTest
    @ValueSource(strings = {"agent", "policy", "system"})
    void no_stage_counts_agents_policies_or_the_host_itself(String type) {
        reopen(stages(new Stage("any", 1, Stage.Kind.ANYONE, Set.of())));
        ask();
        assertThat(refused(manager, "approver-kind", () -> approve(machine(type))))
                .hasMessageContainingAll("agent:1", "in stage any", "an agent may give advice");
        assertThat(approve(Actor.service("gate")).state()).isEqualTo(AgentState.PROVISIONED);
    }

    private static Actor machine(String type) {
        return switch (type) {
            case "agent" -> REVIEWER;
            case "policy" -> Actor.policy("auto");
            case "service" -> LEDGER;
            default -> Actor.SYSTEM;
        };
    }

    @ParameterizedTest
    @ValueSource(strings = {"bob@company.com", "BOB@company.com", " bob@company.com", "ｂｏｂ@company.com"})
    void nobody_votes_twice_under_any_spelling_in_any_stage(String again) {
        ask();
        approve(BOB);

        assertThat(refused(manager, "vote-twice", () -> approve(Actor.human(again))))
                .hasMessageContainingAll("cannot approve agent agent:1", "ask someone else");
        approve(CAROL);
        refused(manager, "vote-twice", () -> approve(Actor.human(again)));
    }

    @Test
    void who_is_none_of_the_voters_of_the_open_stage_is_told_so() {
        ask();
        approve(BOB);
        approve(CAROL);

        assertThat(refused(manager, "approver-unknown", () -> approve(Actor.human("mallory@company.com"))))
                .hasMessageContainingAll("agent:1", "in stage finance", "ask one of these");
        refused(manager, "approver-unknown", () -> approve(Actor.service("ledger2")));
        assertThat(approve(Actor.human(" DAVE@company.com")).state())
                .as("a voter under another spelling")
                .isEqualTo(AgentState.PROVISIONED);
    }

    @Test
    void a_vote_after_the_decision_is_refused() {
        ask();
        approve(BOB);
        approve(CAROL);
        approve(LEDGER);

        assertThat(refused(manager, "approval-decided", () -> approve(DAVE)))
                .hasMessageContainingAll(
                        "human:dave@company.com cannot vote on agent agent:1",
                        "PROVISIONED since service:ledger decided",
                        "decommission it");
        refused(manager, "approval-decided", () -> approvals().advise(ID, Ballot.deny("no"), REVIEWER));
        assertThatThrownBy(() -> manager.approve(ID, DAVE)).isInstanceOf(InvalidTransitionException.class);
        manager.decommission(ID, "not needed", ADMIN);
        refused(manager, "approval-decided", () -> approvals().amend(ID, asked(b -> b.purpose("other")), ADMIN));
    }

    @Test
    void an_expired_request_takes_no_votes_no_advice_and_no_amendment() {
        ask();
        approve(BOB);
        approve(CAROL);
        Instant end = status().endsAt().orElseThrow();
        assertThat(end).isEqualTo(shop.clock.instant().plus(Duration.ofHours(8)));
        shop.clock.set(end);

        assertThat(refused(manager, "request-expired", () -> approve(LEDGER)))
                .hasMessageContainingAll("agent:1", "file a new one");
        refused(manager, "request-expired", () -> approvals().advise(ID, Ballot.deny("no"), REVIEWER));
        refused(manager, "request-expired", () -> approvals().amend(ID, asked(b -> b.purpose("other")), ADMIN));
        manager.sweeper().sweep();
        assertThat(manager.get(ID).approval().decision().orElseThrow().outcome())
                .isEqualTo(ApprovalRequest.Outcome.EXPIRED);
    }

    @Test
    void the_last_nanosecond_is_in_time() {
        ask();
        approve(BOB);
        approve(CAROL);
        shop.clock.set(status().endsAt().orElseThrow().minusNanos(1));
        assertThat(approve(LEDGER).state()).isEqualTo(AgentState.PROVISIONED);
    }

    @Test
    void an_agent_that_is_not_there_has_no_votes() {
        assertThatThrownBy(() -> approve(BOB)).isInstanceOf(AgentNotFoundException.class);
        assertThatThrownBy(this::status).isInstanceOf(AgentNotFoundException.class);
        assertThatThrownBy(() -> approvals().vote(ID, Ballot.approve("x".repeat(1025)), BOB))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("1024");
        assertThatThrownBy(() -> Ballot.approve("").onSeeing("nothing"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("43 characters");
    }

    // ---- what changed meanwhile

    @Test
    void a_change_of_what_is_asked_for_voids_all_votes_and_who_made_it_cannot_approve() {
        ask();
        approve(BOB);
        approvals().advise(ID, Ballot.approve("fine"), REVIEWER);
        String before = status().shown();

        Agent amended = approvals()
                .amend(
                        ID,
                        asked(b -> b.capability("merge").role(Role.OPERATOR).manifestDigest(Digests.sha256("m"))),
                        DAVE);

        assertThat(amended.entitlements().capabilities()).containsExactly("merge", "review");
        assertThat(amended.entitlements().role()).isEqualTo(Role.OPERATOR);
        assertThat(amended.owner().orElseThrow().id()).isEqualTo(ALICE);
        assertThat(status().shown()).isNotEqualTo(before);
        assertThat(status().request().votes()).isEmpty();
        assertThat(missing()).containsExactly(2, 1);
        assertThat(events(EventKind.AGENT_AMENDED).get(0).actor()).isEqualTo(DAVE);
        refused(manager, "self-approval", () -> approve(Actor.human("Dave@company.com")));
        approve(BOB);
        approve(CAROL);
        refused(manager, "self-approval", () -> approve(DAVE));
        assertThat(approve(LEDGER).state()).isEqualTo(AgentState.PROVISIONED);
        assertThat(events(EventKind.AGENT_APPROVED)
                        .get(0)
                        .content()
                        .approval()
                        .orElseThrow()
                        .shown())
                .isNotEqualTo(before);
    }

    @Test
    void who_saw_another_request_is_told_to_look_again() {
        ask();
        String before = status().shown();
        approvals().amend(ID, asked(b -> b.capability("merge")), ADMIN);
        String now = status().shown();

        assertThat(refused(
                        manager,
                        "approval-outdated",
                        () -> approvals().vote(ID, Ballot.approve("fine").onSeeing(before), BOB)))
                .hasMessageContainingAll("human:bob@company.com", "agent:1", "look at it again", now);
        refused(
                manager,
                "approval-outdated",
                () -> approvals().advise(ID, Ballot.approve("fine").onSeeing(before), REVIEWER));
        approvals().vote(ID, Ballot.approve("fine").onSeeing(now), BOB);
        assertThat(missing()).containsExactly(1, 1);
    }

    @Test
    void a_change_back_does_not_bring_votes_back() {
        ask();
        approve(BOB);
        String before = status().shown();
        approvals().amend(ID, asked(b -> b.purpose("other")), ADMIN);
        approvals().amend(ID, asked(b -> b), ADMIN);

        assertThat(status().shown()).isEqualTo(before);
        assertThat(missing()).containsExactly(2, 1);
        approve(BOB);
        assertThat(missing()).containsExactly(1, 1);
    }

    @Test
    void a_request_is_not_amended_by_ever_more_people() {
        ask();
        for (int i = 0; i < ApprovalRequest.MOST_INVOLVED; i++) {
            String purpose = "purpose " + i;
            approvals().amend(ID, asked(b -> b.purpose(purpose)), Actor.human("editor" + i));
        }
        refused(
                manager,
                "request-changes",
                () -> approvals().amend(ID, asked(b -> b.purpose("another")), Actor.human("one-more")));
    }

    @Test
    void another_owner_is_another_request() {
        ask();
        approve(BOB);
        manager.changeOwner(ID, "dave@company.com", CAROL);

        assertThat(missing()).containsExactly(2, 1);
        refused(manager, "self-approval", () -> approve(CAROL));
        refused(manager, "self-approval", () -> approve(DAVE));
        refused(manager, "self-approval", () -> approve(Actor.human(ALICE)));
        approve(BOB);
        assertThat(missing()).containsExactly(1, 1);
    }

    @Test
    void an_amendment_that_changes_nothing_is_no_event_and_voids_nothing() {
        ask();
        approve(BOB);
        approvals().amend(ID, asked(b -> b), CAROL);
        approvals().amend(ID, asked(b -> b.owner("").requestedBy(CAROL).idempotencyKey("again")), CAROL);

        assertThat(kinds(manager, ID)).containsExactly(EventKind.AGENT_REQUESTED, EventKind.VOTE_CAST);
        assertThat(missing()).containsExactly(1, 1);
        approve(CAROL);
        assertThat(missing()).containsExactly(0, 1);
    }

    @Test
    void an_amendment_makes_no_other_agent_of_it() {
        ask();
        manager.requestProvisioning(request("agent:2").build());
        assertThat(refused(
                        manager,
                        "amendment-scope",
                        () -> approvals().amend(ID, request("agent:2").build(), ADMIN)))
                .hasMessageContainingAll("agent:1", "changeOwner");
        refused(manager, "amendment-scope", () -> approvals().amend(ID, asked(b -> b.owner("bob")), ADMIN));
        refused(
                manager,
                "amendment-scope",
                () -> approvals().amend(ID, asked(b -> b.parent(AgentId.of("agent:2"))), ADMIN));
        Instant past = shop.clock.instant();
        assertThat(refused(manager, "lifespan-over", () -> approvals().amend(ID, asked(b -> b.notAfter(past)), ADMIN)))
                .hasMessageContaining("the amended request for agent agent:1");
    }

    @Test
    void an_amendment_gives_nobody_what_those_above_may_not_do() {
        manager.requestProvisioning(request("agent:parent").capability("review").build());
        manager.requestProvisioning(asked(b -> b.parent(AgentId.of("agent:parent"))));

        assertThat(refused(
                        manager,
                        "delegation-scope",
                        () -> approvals().amend(ID, asked(b -> b.capability("merge")), ADMIN)))
                .hasMessageContainingAll("agent:1", "merge", "agent:parent");
        approvals().amend(ID, asked(b -> b.capability("review").purpose("less")), ADMIN);
        assertThat(manager.get(ID).lineage().parent()).contains(AgentId.of("agent:parent"));
    }

    @Test
    void a_block_that_came_meanwhile_stops_the_last_vote() {
        String digest = Digests.sha256("m");
        ask();
        approve(BOB);
        approve(CAROL);
        approvals().amend(ID, asked(b -> b.manifestDigest(digest)), ADMIN);
        approve(BOB);
        approve(CAROL);
        manager.requestProvisioning(request("agent:2").manifestDigest(digest).build());
        manager.quarantines().block(AgentId.of("agent:2"), "it steals", ADMIN);

        refused(manager, "manifest-blocked", () -> approve(LEDGER));
        refused(
                manager,
                "manifest-blocked",
                () -> approvals().amend(ID, asked(b -> b.manifestDigest(digest).purpose("other")), ADMIN));
    }

    @Test
    void votes_count_by_the_policy_that_is_in_force() {
        ask();
        approve(BOB);
        approve(CAROL);
        reopen(stages(new Stage("security", 2, Stage.Kind.PEOPLE, Set.of("Bob@company.com", DAVE.id())), FINANCE));

        assertThat(missing()).as("Carol is no voter any more").containsExactly(1, 1);
        refused(manager, "vote-twice", () -> approve(BOB));
        approve(DAVE);
        assertThat(missing()).containsExactly(0, 1);
        refused(manager, "vote-twice", () -> approve(DAVE));
        reopen(stages(Stage.people("security", 1)));
        assertThat(missing())
                .as("nobody is let in by a change of the policy alone")
                .containsExactly(0);
        assertThat(manager.get(ID).state()).isEqualTo(AgentState.PENDING_APPROVAL);
        assertThat(approve(Actor.human("frank@company.com")).state()).isEqualTo(AgentState.PROVISIONED);
    }

    @Test
    void a_vote_on_ones_own_request_counts_only_while_the_policy_allows_it() {
        LifecyclePolicy alone = LifecyclePolicy.builder()
                .allowSelfApproval(true)
                .approvalStages(SECURITY)
                .build();
        reopen(alone);
        ask();
        approve(Actor.human(ALICE));
        assertThat(missing()).containsExactly(1);
        reopen(stages(SECURITY));

        assertThat(missing()).containsExactly(2);
        assertThat(approve(BOB).state()).isEqualTo(AgentState.PENDING_APPROVAL);
        assertThat(approve(CAROL).state()).isEqualTo(AgentState.PROVISIONED);
    }

    @Test
    void a_person_counts_in_one_stage_even_if_another_policy_took_their_vote_in_between() {
        reopen(stages(Stage.people("first", 1), Stage.people("second", 1)));
        ask();
        approve(BOB);
        reopen(stages(Stage.people("other", 2)));
        approve(BOB);
        reopen(stages(Stage.people("other", 1), Stage.people("first", 1), Stage.people("second", 1)));

        assertThat(missing()).containsExactly(1, 0, 1);
    }

    // ---- content, time and votes against it

    @Test
    void nobody_approves_a_changed_request_without_saying_what_they_saw() {
        reopen(LifecyclePolicy.defaults());
        ask();
        approvals().amend(ID, asked(b -> b.capability("delete-everything")), ADMIN);

        assertThat(refused(manager, "approval-outdated", () -> manager.approve(ID, BOB)))
                .hasMessageContainingAll(
                        "human:bob@company.com cannot approve agent agent:1",
                        "the request changed since it was filed; look at approvals().status(..) and vote with Ballot.approve(..).onSeeing(digest)");
        refused(manager, "approval-outdated", () -> approvals().vote(ID, Ballot.approve("fine"), BOB));
        approvals().amend(ID, asked(b -> b), ADMIN);
        refused(manager, "approval-outdated", () -> manager.approve(ID, BOB));
        approvals().advise(ID, Ballot.deny("why twice?"), REVIEWER);
        assertThat(approvals()
                        .vote(ID, Ballot.approve("fine").onSeeing(status().shown()), BOB)
                        .state())
                .isEqualTo(AgentState.PROVISIONED);
    }

    @Test
    void another_owner_has_to_be_seen_too_and_a_vote_against_it_says_nothing_of_it() {
        ask();
        manager.changeOwner(ID, "frank@company.com", ADMIN);

        refused(manager, "approval-outdated", () -> manager.approve(ID, BOB));
        assertThat(approvals().vote(ID, Ballot.deny("no"), BOB).state()).isEqualTo(AgentState.DECOMMISSIONED);
    }

    @Test
    void an_agent_that_would_be_over_is_not_voted_on_advised_on_or_amended() {
        Instant end = shop.clock.instant().plus(Duration.ofHours(3));
        reopen(LifecyclePolicy.builder().approvalStages(SECURITY).build());
        manager.requestProvisioning(asked(b -> b.notAfter(end)));
        approve(BOB);
        shop.clock.set(end);

        refused(manager, "request-expired", () -> approve(CAROL));
        refused(manager, "request-expired", () -> manager.approve(ID, CAROL));
        refused(manager, "request-expired", () -> approvals().vote(ID, Ballot.deny("no"), CAROL));
        refused(manager, "request-expired", () -> approvals().advise(ID, Ballot.deny("no"), REVIEWER));
        refused(
                manager,
                "request-expired",
                () -> approvals().amend(ID, asked(b -> b.notAfter(end.plusSeconds(1))), ADMIN));
    }

    @Test
    void no_amendment_lets_a_request_wait_longer_than_its_timeout_and_another_end_is_warned_of_anew() {
        Instant asked = shop.clock.instant();
        Instant end = asked.plus(Duration.ofHours(8));
        manager.requestProvisioning(asked(b -> b.notAfter(asked.plus(Duration.ofHours(3)))));
        shop.clock.set(asked.plus(Duration.ofMinutes(150)));
        manager.sweeper().sweep();
        assertThat(events(EventKind.APPROVAL_EXPIRING)).hasSize(1);

        approvals().amend(ID, asked(b -> b.notAfter(asked.plus(Duration.ofDays(30)))), ADMIN);

        assertThat(status().endsAt()).contains(end);
        shop.clock.set(end.minusSeconds(60));
        manager.sweeper().sweep();
        manager.sweeper().sweep();
        assertThat(events(EventKind.APPROVAL_EXPIRING))
                .extracting(event -> event.details().get("expiresAt").orElseThrow())
                .containsExactly(Json.of(asked.plus(Duration.ofHours(3)).toString()), Json.of(end.toString()));
        shop.clock.set(end);
        refused(manager, "request-expired", () -> approve(BOB));
        manager.sweeper().sweep();
        assertThat(manager.get(ID).state()).isEqualTo(AgentState.DECOMMISSIONED);
    }

    @Test
    void records_that_only_say_that_a_warning_was_given_are_read_as_of_the_end_that_they_have() {
        Agent agent = ask();
        Json.Obj written = (Json.Obj) ApprovalJson.write(agent.approval());
        Json.ObjBuilder old = Json.object();
        written.members().forEach(old::put);
        ApprovalRequest read = ApprovalJson.read(
                new JsonFields("approval", old.put("warned", true).build()), agent.lifespan());

        assertThat(read).isEqualTo(agent.approval().told(status().endsAt().orElseThrow()));
        assertThat(ApprovalJson.read(new JsonFields("approval", ApprovalJson.write(read)), agent.lifespan()))
                .isEqualTo(read);
    }

    @ParameterizedTest
    @ValueSource(strings = {"bob@company.com", "erin@company.com", ALICE, "frank@company.com", "ledger"})
    void whoever_may_vote_anywhere_may_vote_against_it_also_after_a_vote_for_it(String name) {
        ask();
        approve(BOB);
        Actor actor = name.equals("ledger") ? LEDGER : Actor.human(name);

        assertThat(approvals().vote(ID, Ballot.deny("I was wrong"), actor).state())
                .isEqualTo(AgentState.DECOMMISSIONED);
        assertThat(manager.get(ID).approval().decision().orElseThrow().by()).isEqualTo(actor);
    }

    @Test
    void a_vote_against_it_needs_no_room() {
        reopen(stages(Stage.people("first", Vote.MOST)));
        ask();
        for (int i = 1; i < Vote.MOST; i++) {
            approve(Actor.human("voter" + i));
        }
        reopen(stages(Stage.people("second", Vote.MOST)));
        approve(BOB);

        assertThat(approvals().vote(ID, Ballot.deny("no"), CAROL).state()).isEqualTo(AgentState.DECOMMISSIONED);
        assertThat(manager.verify().agents()).isOne();
    }

    @Test
    void a_vote_against_it_works_while_nothing_can_be_signed() {
        TestSealer sealer = new TestSealer();
        Workshop other = new Workshop();
        LifecycleManager signed =
                other.open(builder -> builder.policy(stages(SECURITY)).sealer(sealer));
        signed.requestProvisioning(asked(b -> b));
        sealer.fail();

        Agent agent = signed.approvals().vote(ID, Ballot.deny("it steals"), CAROL);

        assertThat(agent.state()).isEqualTo(AgentState.DECOMMISSIONED);
        assertThat(agent.retirement().orElseThrow().reason()).isEqualTo("it steals");
        assertThat(agent.approval().decision().orElseThrow().by()).isEqualTo(CAROL);
        assertThat(kinds(signed, ID)).containsExactly(EventKind.AGENT_REQUESTED, EventKind.AGENT_REJECTED);
        sealer.heal();
        signed.sweeper().sweep();
        other.check();
    }

    @Test
    void where_the_policy_wants_less_now_who_has_voted_may_say_that_it_is_enough() {
        reopen(stages(Stage.people("board", 3, Set.of(BOB.id(), CAROL.id(), DAVE.id()))));
        ask();
        approve(BOB);
        approve(CAROL);
        reopen(stages(Stage.people("board", 2, Set.of(BOB.id(), CAROL.id(), DAVE.id()))));
        assertThat(missing()).containsExactly(0);
        refused(manager, "approver-unknown", () -> approve(Actor.human("frank@company.com")));

        assertThat(approve(BOB).state()).isEqualTo(AgentState.PROVISIONED);
        assertThat(events(EventKind.VOTE_CAST)).hasSize(2);
        assertThat(manager.get(ID).approval().decision().orElseThrow().by()).isEqualTo(BOB);
    }

    @Test
    void no_agent_votes_for_itself_as_whatever_it_comes() {
        reopen(LifecyclePolicy.builder()
                .allowSelfApproval(true)
                .approvalStages(new Stage("any", 1, Stage.Kind.ANYONE, Set.of()))
                .build());
        ask();

        for (Actor self : List.of(Actor.service("agent:1"), Actor.human(" AGENT:1"))) {
            assertThat(refused(manager, "self-approval", () -> approve(self)))
                    .hasMessageContaining("no agent approves itself");
        }
        assertThat(approve(Actor.human("erin@company.com")).state()).isEqualTo(AgentState.PROVISIONED);
    }

    @Test
    void the_last_advice_of_a_giver_is_what_they_think() {
        ask();
        for (int i = 0; i < Vote.MOST + 1; i++) {
            approvals().advise(ID, Ballot.deny("no " + i), REVIEWER);
        }
        approvals().advise(ID, Ballot.deny("hm"), BOB);
        approvals().advise(ID, Ballot.approve("fine"), Actor.human("BOB@company.com"));
        approvals().advise(ID, Ballot.deny("no"), CAROL);

        assertThat(status().request().votes())
                .extracting(Vote::by, Vote::choice)
                .containsExactly(
                        tuple(REVIEWER, Vote.Choice.DENY),
                        tuple(Actor.human("BOB@company.com"), Vote.Choice.APPROVE),
                        tuple(CAROL, Vote.Choice.DENY));
    }

    @Test
    void advice_that_took_the_place_of_another_is_erased_as_the_log_is() {
        shop.close(manager);
        manager = shop.open(builder ->
                builder.policy(stages(SECURITY)).access(Workshop.TRUSTING).personalData(PersonalData.DISCLOSABLE));
        ask();
        for (int i = 0; i < Vote.MOST + 1; i++) {
            approvals().advise(ID, Ballot.deny("no " + i), BOB);
        }
        approvals().advise(ID, Ballot.deny("no"), CAROL);
        approvals().advise(ID, Ballot.deny("no"), Actor.service(BOB.id()));
        approve(BOB);
        approvals().vote(ID, Ballot.deny("no"), CAROL);

        manager.erasePersonalData(ID, "asked for", ADMIN);

        assertThat(manager.get(ID).approval().votes()).hasSize(3);
        assertThat(manager.verify().redacted()).isPositive();
    }

    @Test
    void what_was_decided_is_told_as_it_was_whatever_came_later() {
        ask();
        String shown = status().shown();
        approve(BOB);
        approve(CAROL);
        approve(LEDGER);
        manager.changeOwner(ID, BOB.id(), ADMIN);
        reopen(stages(Stage.people("security", 2, Set.of(DAVE.id(), CAROL.id())), FINANCE));

        assertThat(status().shown()).isEqualTo(shown);
        assertThat(missing()).containsExactly(0, 0);
        assertThat(status().stages().get(0).counted()).extracting(Vote::by).containsExactly(BOB, CAROL);
    }

    // ---- rules that nobody could meet

    @Test
    void stages_that_need_one_person_twice_are_refused_when_they_are_made() {
        assertThatThrownBy(() ->
                        stages(Stage.people("a", 2, Set.of("ann", "bob")), Stage.people("b", 1, Set.of("Ann", "BOB "))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("stage b can never be passed", "each person counts in one stage only");
        assertThat(stages(
                                Stage.people("a", 2, Set.of("ann", "bob", "carol")),
                                Stage.people("b", 1, Set.of("Ann")),
                                Stage.people("c", 5))
                        .approval()
                        .stages())
                .hasSize(3);
        assertThatThrownBy(() -> Stage.people("board", 1, Set.of()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("stage board names no voters", "people(name, quorum)");
    }

    @Test
    void stages_that_nobody_can_pass_are_refused_when_they_are_made() {
        assertThatThrownBy(() -> stages())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "an approval needs at least one stage; requireApproval(false) lets requests in without any");
        assertThatThrownBy(() -> stages(SECURITY, Stage.people("security", 1)))
                .hasMessage("two stages have the name security");
        assertThatThrownBy(() -> stages(Stage.people("a", 40), Stage.people("b", 25)))
                .hasMessage("all stages together may need at most 64 votes but need 65");
        assertThatThrownBy(() -> Stage.people("board", 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("quorum of stage board must be 1 to 64 but was 0", "requireApproval(false)");
        assertThatThrownBy(() -> Stage.people("board", 3, Set.of("ann", "bob")))
                .hasMessage(
                        "quorum of stage board is 3 but only 2 may vote in it; name more voters, or lower the quorum");
        assertThatThrownBy(() -> Stage.people("board", 2, Set.of("ann", "Ann ")))
                .hasMessageContainingAll("stage board names one voter twice", "\"Ann \"", "\"ann\"");
        assertThatThrownBy(() -> Stage.people("the board", 1)).hasMessageContaining("\"the board\"");
    }

    @Test
    void a_warning_takes_a_longer_timeout() {
        var warned = LifecyclePolicy.builder().approvalWarning(Duration.ofHours(1));
        assertThatThrownBy(warned::build)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("PT1H", "not set");
        assertThatThrownBy(() -> warned.approvalTimeout(Duration.ofHours(1)).build())
                .hasMessageContaining("longer approval timeout, which is PT1H");
        assertThat(warned.approvalTimeout(Duration.ofHours(1).plusNanos(1))
                        .build()
                        .approval()
                        .warnBefore())
                .contains(Duration.ofHours(1));
        assertThatThrownBy(() -> LifecyclePolicy.builder().approvalWarning(Duration.ZERO))
                .hasMessageContaining("positive");
    }

    @Test
    void a_policy_that_says_nothing_of_stages_has_the_digest_that_it_had() {
        LifecyclePolicy plain = LifecyclePolicy.defaults();
        assertThat(LifecyclePolicy.builder()
                        .approvalStages(Stage.people("approval", 1))
                        .build()
                        .ref())
                .isEqualTo(plain.ref());
        assertThat(LifecyclePolicy.builder().approvalStages(SECURITY).build().ref())
                .isNotEqualTo(plain.ref())
                .isNotEqualTo(LifecyclePolicy.builder()
                        .approvalStages(Stage.people("security", 3))
                        .build()
                        .ref());
    }

    // ---- time

    @Test
    void a_sweep_warns_once_before_the_end_and_turns_the_request_down_at_it() {
        ask();
        Instant end = status().endsAt().orElseThrow();
        Instant warning = end.minus(Duration.ofHours(1));
        shop.clock.set(warning.minusNanos(1));
        assertThat(manager.sweeper().sweep().outcomes()).isEmpty();
        shop.clock.set(warning);

        SweepReport report = manager.sweeper().sweep();

        assertThat(report.outcomes()).singleElement().satisfies(outcome -> {
            assertThat(outcome.action()).isEqualTo(SweepAction.WARN_OF_EXPIRY);
            assertThat(outcome.result()).isEqualTo(SweepReport.Result.DONE);
        });
        assertThat(events(EventKind.APPROVAL_EXPIRING).get(0).details())
                .isEqualTo(Json.object().put("expiresAt", end.toString()).build());
        shop.clock.set(end.minusNanos(1));
        assertThat(manager.sweeper().sweep().outcomes()).as("once").isEmpty();
        shop.clock.set(end);
        manager.sweeper().sweep();
        assertThat(kinds(manager, ID))
                .containsExactly(
                        EventKind.AGENT_REQUESTED, EventKind.APPROVAL_EXPIRING, EventKind.AGENT_REQUEST_EXPIRED);
    }

    @Test
    void who_is_late_already_is_not_warned_and_neither_is_who_has_no_end() {
        ask();
        shop.clock.advance(Duration.ofHours(9));
        manager.sweeper().sweep();
        assertThat(kinds(manager, ID)).containsExactly(EventKind.AGENT_REQUESTED, EventKind.AGENT_REQUEST_EXPIRED);

        reopen(LifecyclePolicy.builder().approvalStages(SECURITY).build());
        manager.requestProvisioning(request("agent:2").build());
        shop.clock.advance(Duration.ofDays(1000));
        assertThat(manager.sweeper().sweep().outcomes()).isEmpty();
    }

    @Test
    void a_life_that_ends_before_the_request_is_what_is_warned_of() {
        Instant end = shop.clock.instant().plus(Duration.ofHours(3));
        manager.requestProvisioning(asked(b -> b.notAfter(end)));
        assertThat(status().endsAt()).contains(end);
        shop.clock.advance(Duration.ofHours(2));
        manager.sweeper().sweep();
        assertThat(events(EventKind.APPROVAL_EXPIRING)).hasSize(1);
    }

    @Test
    void a_request_that_was_made_before_is_warned_of_by_a_policy_that_says_so() {
        reopen(LifecyclePolicy.builder().approvalTimeout(Duration.ofHours(8)).build());
        ask();
        shop.clock.advance(Duration.ofHours(6));
        assertThat(manager.sweeper().sweep().outcomes()).isEmpty();
        reopen(LifecyclePolicy.builder()
                .approvalTimeout(Duration.ofHours(8))
                .approvalWarning(Duration.ofHours(2))
                .build());

        manager.sweeper().sweep();
        assertThat(events(EventKind.APPROVAL_EXPIRING)).hasSize(1);
    }

    // ---- what is kept

    @Test
    void an_amended_agent_is_found_and_stopped_by_what_it_is_now() {
        reopen(LifecyclePolicy.defaults());
        ask();
        approvals().amend(ID, asked(b -> b.agentType("crew").tag("team", "platform")), ADMIN);

        assertThat(manager.query(AgentQuery.all().agentType("crew").tag("team", "platform")))
                .containsExactly(manager.get(ID));
        assertThat(manager.query(AgentQuery.all().agentType("autonomous"))).isEmpty();
        approve(BOB);
        manager.activate(ID);
        manager.killSwitch().engage(manager.killSwitch().type("crew"), "a bad release", ADMIN);
        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed()).isFalse();
    }

    @Test
    void who_may_not_vote_is_written_down_as_an_attempt_and_who_comes_too_late_is_not() {
        ask();
        approve(BOB);
        for (Actor actor : List.of(Actor.human(ALICE), LEDGER)) {
            assertThatThrownBy(() -> approve(actor))
                    .isInstanceOfSatisfying(
                            PolicyViolationException.class,
                            e -> assertThat(e.actor()).contains(actor));
        }
        assertThatThrownBy(() -> approve(BOB))
                .isInstanceOfSatisfying(
                        PolicyViolationException.class,
                        e -> assertThat(e.actor())
                                .as("they have voted, and gain nothing")
                                .isEmpty());
        assertThatThrownBy(() -> approvals().vote(ID, Ballot.deny("no"), Actor.policy("lint")))
                .isInstanceOfSatisfying(
                        PolicyViolationException.class,
                        e -> assertThat(e.actor()).as("it takes no power").isEmpty());
        shop.clock.set(status().endsAt().orElseThrow());
        assertThatThrownBy(() -> approve(CAROL))
                .isInstanceOfSatisfying(
                        PolicyViolationException.class,
                        e -> assertThat(e.actor()).isEmpty());
        manager.sweeper().sweep();

        assertThat(manager.events(0, Integer.MAX_VALUE).events().stream()
                        .map(SealedEvent::event)
                        .filter(event -> event.kind() == EventKind.ACCESS_REFUSED)
                        .map(event -> event.details().get("rule").orElseThrow()))
                .containsExactlyInAnyOrder(Json.of("self-approval"), Json.of("approver-human"));
    }

    @Test
    void votes_survive_a_restart_and_two_votes_at_once_both_count() {
        FaultStore store = new FaultStore(LifecycleStore.inMemory());
        Workshop other = new Workshop(store);
        LifecycleManager here = other.open(stages(SECURITY));
        here.requestProvisioning(asked(b -> b));
        LifecycleManager there = other.open(stages(SECURITY));
        // Carol's vote is stored between Bob's decision and his commit
        store.commits = (commit, behind) -> {
            store.heal();
            there.approvals().vote(ID, Ballot.approve(""), CAROL);
            return behind.commit(commit);
        };

        Agent after = here.approvals().vote(ID, Ballot.approve(""), BOB);

        assertThat(after.state()).isEqualTo(AgentState.PROVISIONED);
        assertThat(there.get(ID)).isEqualTo(after);
        other.check();
    }

    @Test
    void while_nothing_can_be_signed_nobody_is_let_in_and_everybody_is_warned() {
        TestSealer sealer = new TestSealer();
        Workshop other = new Workshop();
        LifecycleManager signed =
                other.open(builder -> builder.policy(stages(SECURITY)).sealer(sealer));
        signed.requestProvisioning(asked(b -> b));
        signed.approvals().vote(ID, Ballot.approve(""), BOB);
        sealer.fail();
        assertThatThrownBy(() -> signed.approvals().vote(ID, Ballot.approve(""), CAROL))
                .isInstanceOf(AuditUnavailableException.class);
        assertThatThrownBy(() -> signed.approvals().amend(ID, asked(b -> b.purpose("other")), ADMIN))
                .isInstanceOf(AuditUnavailableException.class);
        other.clock.advance(Duration.ofHours(7));
        signed.sweeper().sweep();
        assertThat(kinds(signed, ID)).endsWith(EventKind.APPROVAL_EXPIRING);
        assertThat(signed.reject(ID, "no", CAROL).state()).isEqualTo(AgentState.DECOMMISSIONED);
        sealer.heal();
        signed.sweeper().sweep();
        other.check();
    }

    @Test
    void voters_are_erased_as_other_people_are_and_the_log_still_verifies() {
        reopen(stages(SECURITY));
        shop.close(manager);
        manager = shop.open(builder ->
                builder.policy(stages(SECURITY)).access(Workshop.TRUSTING).personalData(PersonalData.DISCLOSABLE));
        ask();
        approve(BOB);
        approvals().advise(ID, Ballot.approve("no people"), REVIEWER);
        manager.changeOwner(ID, "frank@company.com", ADMIN);
        approve(BOB);
        approvals().advise(ID, Ballot.approve("no people"), REVIEWER);
        approvals().vote(ID, Ballot.deny("Frank is my brother"), CAROL);
        String shown = status().shown();

        manager.erasePersonalData(ID, "asked for", ADMIN);

        List<Vote> votes = manager.get(ID).approval().votes();
        assertThat(votes)
                .extracting(vote -> vote.by().id())
                .containsExactly(SealedEvent.REDACTED, REVIEWER.id(), SealedEvent.REDACTED);
        assertThat(votes).extracting(Vote::shown).containsOnly(SealedEvent.REDACTED);
        String log = manager.auditTrail(ID).toString();
        assertThat(log).doesNotContain("bob@company", "carol@company", "brother", shown);
        assertThat(manager.verify().redacted()).isPositive();
    }

    // ---- what agents ask for

    /** Alice's agent, which may ask for others. */
    private void own() {
        manager.requestProvisioning(asked(builder -> builder.role(Role.OPERATOR)));
        manager.approve(ID, DAVE);
        manager.activate(ID);
    }

    private Agent askedBy(Actor actor) {
        return manager.requestProvisioning(Workshop.request("agent:child")
                .owner("frank@company.com")
                .requestedBy(actor)
                .build());
    }

    @ParameterizedTest
    @ValueSource(strings = {ALICE, "ALICE@company.com", "carol@company.com"})
    void nobody_approves_what_their_own_agent_asks_for(String name) {
        reopen(LifecyclePolicy.builder().build());
        own();
        manager.owners().addCoOwner(ID, Owner.of("carol@company.com"), ADMIN);
        AgentId child = askedBy(Actor.agent(ID)).id();

        PolicyViolationException refusal =
                refused(manager, "self-approval", () -> manager.approve(child, Actor.human(name)));
        assertThat(refusal).hasMessageContaining("an agent that they own, or co-own, asked for it");
        assertThat(refusal.actor()).contains(Actor.human(name));
        refused(manager, "self-approval", () -> approvals().vote(child, Ballot.approve(""), Actor.human(name)));
        assertThat(manager.approve(child, BOB).state()).isEqualTo(AgentState.PROVISIONED);
    }

    @Test
    void nobody_approves_what_their_own_agent_made_of_it_but_anybody_may_deny_it() {
        reopen(LifecyclePolicy.builder().build());
        own();
        AgentId child = askedBy(BOB).id();
        approvals()
                .amend(
                        child,
                        Workshop.request("agent:child")
                                .owner("frank@company.com")
                                .purpose("more")
                                .build(),
                        Actor.agent(ID));
        Ballot seen = Ballot.approve("").onSeeing(approvals().status(child).shown());

        refused(manager, "self-approval", () -> approvals().vote(child, seen, Actor.human(ALICE)));
        assertThat(approvals()
                        .vote(child, Ballot.deny("no"), Actor.human(ALICE))
                        .state())
                .isEqualTo(AgentState.DECOMMISSIONED);
    }

    @Test
    void who_owns_an_agent_through_another_agent_asks_by_it_too() {
        reopen(LifecyclePolicy.builder().build());
        own();
        AgentId between = AgentId.of("agent:between");
        manager.requestProvisioning(request(between.value())
                .owner("agent:" + ID.value())
                .role(Role.OPERATOR)
                .requestedBy(Actor.human("erin@company.com"))
                .build());
        manager.approve(between, DAVE);
        manager.activate(between);
        AgentId child = askedBy(Actor.agent(between)).id();

        refused(manager, "self-approval", () -> manager.approve(child, Actor.human(ALICE)));
        assertThat(manager.approve(child, BOB).state()).isEqualTo(AgentState.PROVISIONED);
    }

    @Test
    @Timeout(30)
    void agents_that_answer_for_each_other_are_looked_at_once() {
        reopen(LifecyclePolicy.builder().build());
        own();
        List<String> names =
                IntStream.range(0, 11).mapToObj(i -> "agent:circle" + i).toList();
        for (String name : names) {
            manager.requestProvisioning(
                    request(name).owner("agent:" + name).requestedBy(DAVE).build());
            for (String other : names) {
                if (!other.equals(name)) {
                    manager.owners().addCoOwner(AgentId.of(name), Owner.of("agent:" + other), ADMIN);
                }
            }
        }
        manager.owners().addCoOwner(ID, Owner.of("agent:" + names.get(0)), ADMIN);
        AgentId child = askedBy(Actor.agent(ID)).id();

        refused(manager, "self-approval", () -> manager.approve(child, Actor.human(ALICE)));
        assertThat(manager.approve(child, BOB).state()).isEqualTo(AgentState.PROVISIONED);
    }

    /** Or anybody could name somebody the owner of an agent by the name of a colleague, whom they could not approve then. */
    @Test
    void an_agent_by_the_name_of_a_person_keeps_nobody_from_approving_what_that_one_asks_for() {
        reopen(LifecyclePolicy.builder().build());
        own();
        AgentId bob = AgentId.of("bob");
        manager.requestProvisioning(request(bob.value()).requestedBy(DAVE).build());
        AgentId byBob = askedBy(Actor.human("bob")).id();
        assertThat(manager.approve(byBob, Actor.human(ALICE)).state()).isEqualTo(AgentState.PROVISIONED);

        AgentId amended = manager.requestProvisioning(request("agent:amended")
                        .owner("frank@company.com")
                        .requestedBy(DAVE)
                        .build())
                .id();
        manager.changeOwner(amended, "gina@company.com", Actor.human("bob"));
        Ballot seen = Ballot.approve("").onSeeing(approvals().status(amended).shown());
        assertThat(approvals().vote(amended, seen, Actor.human(ALICE)).state()).isEqualTo(AgentState.PROVISIONED);
    }

    @Test
    void what_their_own_agent_asks_for_is_approved_where_the_policy_lets_people_approve_their_own() {
        reopen(LifecyclePolicy.builder().allowSelfApproval(true).build());
        own();
        AgentId child = askedBy(Actor.agent(ID)).id();

        assertThat(manager.approve(child, Actor.human(ALICE)).state()).isEqualTo(AgentState.PROVISIONED);
    }
}
