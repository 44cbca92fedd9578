package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ALICE;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.kinds;
import static io.agentlifecycle.core.Workshop.refused;
import static io.agentlifecycle.core.Workshop.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.GuardPolicy;
import io.agentlifecycle.core.agent.GuardPolicy.QuarantineAccess;
import io.agentlifecycle.core.agent.TransitionTable;
import io.agentlifecycle.core.approval.ApprovalRequest;
import io.agentlifecycle.core.approval.ApprovalRequest.Outcome;
import io.agentlifecycle.core.approval.ApprovalStatus;
import io.agentlifecycle.core.approval.Ballot;
import io.agentlifecycle.core.approval.Stage;
import io.agentlifecycle.core.approval.Vote;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.error.AuditUnavailableException;
import io.agentlifecycle.core.error.InvalidTransitionException;
import io.agentlifecycle.core.hold.Hold;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.quarantine.Incident;
import io.agentlifecycle.core.quarantine.Severity;
import io.agentlifecycle.core.spi.LifecycleStore;
import java.time.Duration;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Agents that are in and are changed: each is held until what it is now is approved, and no way leads around that. */
class ReapprovalTest {
    private static final Actor ERIN = Actor.human("erin@company.com");
    private static final Actor BOB = Actor.human("bob@company.com");
    private static final Actor CAROL = Actor.human("carol@company.com");
    private static final Actor DAVE = Actor.human("dave@company.com");
    private static final HoldReason REAPPROVAL = HoldReason.REAPPROVAL;
    private static final Incident CRASH = new Incident(Incident.Kind.CRASH, Severity.MEDIUM, "exit 137");
    private static final AgentId CHILD = AgentId.of("agent:child");

    private final FaultStore store = new FaultStore(LifecycleStore.inMemory());

    @RegisterExtension
    final Workshop shop = new Workshop(store);

    private LifecycleManager manager = shop.open(LifecyclePolicy.defaults());

    private void reopen(LifecyclePolicy policy) {
        shop.close(manager);
        manager = shop.open(policy);
    }

    private static ProvisioningRequest asked(UnaryOperator<ProvisioningRequest.Builder> change) {
        return change.apply(request("agent:1")
                        .purpose("reviews code")
                        .capability("review")
                        .requestedBy(ERIN))
                .build();
    }

    private static ProvisioningRequest more() {
        return asked(builder -> builder.capability("merge"));
    }

    private Approvals approvals() {
        return manager.approvals();
    }

    private ApprovalStatus status() {
        return approvals().status(ID);
    }

    /** One that is let in and ACTIVE. */
    private IssuedCredential start() {
        manager.requestProvisioning(asked(builder -> builder));
        manager.approve(ID, BOB);
        return manager.activate(ID).credential().orElseThrow();
    }

    private void bring(AgentState state) {
        switch (state) {
            case PROVISIONED -> {
                manager.requestProvisioning(asked(builder -> builder));
                manager.approve(ID, BOB);
            }
            case ACTIVE -> start();
            case SUSPENDED -> {
                start();
                manager.suspend(ID, "look", ADMIN);
            }
            case QUARANTINED -> {
                start();
                manager.quarantines().quarantine(ID, CRASH, ADMIN);
            }
            case ORPHANED -> {
                start();
                manager.markOrphaned(ID, ADMIN);
            }
            default -> throw new AssertionError(state);
        }
    }

    private Agent vote(Actor actor) {
        return approvals().vote(ID, Ballot.approve("fine").onSeeing(status().shown()), actor);
    }

    private Activation go() {
        return manager.releaseHold(ID, REAPPROVAL, ADMIN);
    }

    private AuditEvent last(EventKind kind) {
        return manager.auditTrail(ID).stream()
                .map(SealedEvent::event)
                .filter(event -> event.kind() == kind)
                .reduce((first, last) -> last)
                .orElseThrow();
    }

    // ---- the way

    @Test
    void an_agent_that_is_amended_stops_is_approved_anew_and_goes_on_with_another_credential() {
        IssuedCredential before = start();

        Agent amended = approvals().amend(ID, more(), CAROL);

        assertThat(amended.state()).isEqualTo(AgentState.SUSPENDED);
        assertThat(amended.entitlements().capabilities()).containsExactly("merge", "review");
        Hold hold = amended.holds().get(REAPPROVAL).orElseThrow();
        assertThat(hold.authority()).isEqualTo(ReleaseAuthority.OPERATOR);
        assertThat(hold.placedBy()).isEqualTo(CAROL);
        ApprovalRequest request = amended.approval();
        assertThat(request.requestedBy()).as("who asked stays who asked").isEqualTo(ERIN);
        assertThat(request.requestedAt()).isEqualTo(shop.clock.instant());
        assertThat(request.involved()).containsExactly("carol@company.com");
        assertThat(request.decision()).isEmpty();
        assertThat(request.expiresAt()).isEmpty();
        assertThat(request.votes()).isEmpty();
        assertThat(last(EventKind.AGENT_AMENDED).details().get("reapproval")).contains(Json.of(true));
        assertThat(status().open()).isPresent();
        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed()).isFalse();

        Agent approved = vote(BOB);

        assertThat(approved.state()).isEqualTo(AgentState.SUSPENDED);
        assertThat(approved.approval().decision())
                .contains(new ApprovalRequest.Decision(Outcome.APPROVED, BOB, shop.clock.instant()));
        assertThat(last(EventKind.AGENT_APPROVED)
                        .content()
                        .approval()
                        .orElseThrow()
                        .shown())
                .isEqualTo(Rules.asked(approved).digest());

        Activation gone = go();

        assertThat(gone.agent().state()).isEqualTo(AgentState.ACTIVE);
        assertThat(gone.credential().orElseThrow().credential().id())
                .isNotEqualTo(before.credential().id());
        assertThat(kinds(manager, ID))
                .containsExactly(
                        EventKind.AGENT_REQUESTED,
                        EventKind.AGENT_APPROVED,
                        EventKind.AGENT_PROVISIONED,
                        EventKind.AGENT_ACTIVATED,
                        EventKind.CREDENTIAL_ISSUED,
                        EventKind.AGENT_AMENDED,
                        EventKind.AGENT_SUSPENDED,
                        EventKind.CREDENTIAL_REVOKED,
                        EventKind.VOTE_CAST,
                        EventKind.AGENT_APPROVED,
                        EventKind.AGENT_RESUMED,
                        EventKind.CREDENTIAL_ISSUED);
    }

    @ParameterizedTest
    @EnumSource(
            value = AgentState.class,
            names = {"PROVISIONED", "ACTIVE", "SUSPENDED", "QUARANTINED", "ORPHANED"})
    void in_each_state_it_is_held_and_no_way_leads_around_the_approval(AgentState state) {
        bring(state);
        approvals().amend(ID, more(), CAROL);

        assertThat(manager.get(ID).state()).isEqualTo(state == AgentState.ACTIVE ? AgentState.SUSPENDED : state);
        assertThat(manager.get(ID).holds().get(REAPPROVAL)).isPresent();
        assertThat(manager.get(ID).credential()).isEmpty();
        switch (state) {
            case PROVISIONED -> assertThat(manager.activate(ID).agent().state()).isEqualTo(AgentState.SUSPENDED);
            case SUSPENDED -> {
                refused(manager, "other-holds", () -> manager.resume(ID, ADMIN));
                manager.releaseHold(ID, HoldReason.OPERATOR, ADMIN);
            }
            case QUARANTINED -> manager.quarantines().release(ID, ADMIN);
            case ORPHANED -> manager.reclaim(ID, ALICE, ADMIN);
            default -> {}
        }
        assertThat(manager.get(ID).state()).isEqualTo(AgentState.SUSPENDED);
        assertThatThrownBy(() -> manager.rotateCredentials(ID)).isInstanceOf(InvalidTransitionException.class);
        assertThat(refused(manager, "reapproval", this::go)).hasMessageContainingAll("agent:1", "approvals().vote");
        refused(manager, "reapproval", () -> manager.releaseHold(ID, REAPPROVAL, ReleaseAuthority.ADMIN, ADMIN));
        vote(BOB);
        assertThat(go().credential()).isPresent();
        assertThat(manager.get(ID).state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void a_recovery_leads_to_the_hold_too() {
        bring(AgentState.QUARANTINED);
        approvals().amend(ID, more(), CAROL);

        assertThat(manager.quarantines()
                        .attemptRecovery(ID, agent -> {}, ADMIN)
                        .agent()
                        .state())
                .isEqualTo(AgentState.SUSPENDED);
        assertThat(manager.get(ID).holds().reasons()).containsExactly(REAPPROVAL);
    }

    @ParameterizedTest
    @EnumSource(
            value = AgentState.class,
            names = {"PROVISIONED", "QUARANTINED", "ORPHANED"})
    void where_it_is_not_suspended_letting_it_go_makes_it_what_it_was(AgentState state) {
        bring(state);
        approvals().amend(ID, more(), CAROL);
        vote(BOB);

        Activation gone = go();

        assertThat(gone.agent().state()).isEqualTo(state);
        assertThat(gone.credential()).isEmpty();
        assertThat(gone.agent().holds().isEmpty()).isTrue();
    }

    @Test
    void nobody_holds_for_it_on_demand_and_nobody_makes_it_shorter() {
        start();
        assertThat(refused(manager, "hold-reserved", () -> manager.placeHold(ID, REAPPROVAL, "", ADMIN)))
                .hasMessageContaining("amend");
        refused(manager, "hold-reserved", () -> manager.placeHold(ID, HoldReason.of("reapproval"), "", ADMIN));
        manager.suspend(ID, "look", ADMIN);
        refused(manager, "no-such-hold", this::go);
    }

    @Test
    void other_holds_stay_and_the_last_one_that_is_released_starts_it() {
        start();
        approvals().amend(ID, more(), CAROL);
        manager.suspend(ID, "look", ADMIN);
        vote(BOB);
        assertThat(go().credential()).isEmpty();
        assertThat(manager.resume(ID, ADMIN).credential()).isPresent();
    }

    @Test
    void an_amendment_that_changes_nothing_is_no_event_and_holds_nobody() {
        start();
        long version = manager.get(ID).version();
        assertThat(approvals().amend(ID, asked(builder -> builder), CAROL).version())
                .isEqualTo(version);
        assertThat(manager.get(ID).state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void what_is_retired_is_not_amended() {
        start();
        manager.decommission(ID, "enough", ADMIN);
        refused(manager, "approval-decided", () -> approvals().amend(ID, more(), CAROL));
    }

    @Test
    void a_table_that_does_not_hold_there_changes_nothing() {
        shop.close(manager);
        manager = shop.open(builder -> builder.transitions(TransitionTable.agentMesh()));
        start();
        manager.markOrphaned(ID, ADMIN);
        Workshop.Picture before = Workshop.Picture.of(manager);
        assertThatThrownBy(() -> approvals().amend(ID, more(), CAROL)).isInstanceOf(InvalidTransitionException.class);
        assertThat(Workshop.Picture.of(manager)).isEqualTo(before);
    }

    // ---- who decides, and on what

    @ParameterizedTest
    @ValueSource(
            strings = {"erin@company.com", "carol@company.com", "alice@company.com", " CAROL@Company.com", "agent:1"})
    void who_asked_before_who_amended_who_owns_it_and_itself_approve_it_under_no_spelling(String name) {
        start();
        approvals().amend(ID, more(), CAROL);
        refused(manager, "self-approval", () -> vote(Actor.human(name)));
    }

    @Test
    void only_people_count_and_nobody_approves_by_name_or_what_they_did_not_see() {
        start();
        String first = status().shown();
        approvals().amend(ID, more(), CAROL);

        refused(manager, "approver-human", () -> vote(Actor.service("ledger")));
        refused(manager, "approval-outdated", () -> manager.approve(ID, BOB));
        refused(manager, "approval-outdated", () -> approvals().vote(ID, Ballot.approve(""), BOB));
        refused(
                manager,
                "approval-outdated",
                () -> approvals().vote(ID, Ballot.approve("").onSeeing(first), BOB));
        vote(BOB);
        refused(manager, "approval-decided", () -> vote(DAVE));
        assertThatThrownBy(() -> manager.approve(ID, DAVE)).isInstanceOf(InvalidTransitionException.class);
    }

    @Test
    void it_passes_the_stages_of_the_policy_and_advice_never_counts() {
        reopen(LifecyclePolicy.builder()
                .approvalTimeout(Duration.ofHours(8))
                .approvalStages(Stage.people("security", 2))
                .build());
        manager.requestProvisioning(asked(builder -> builder));
        vote(BOB);
        vote(CAROL);
        manager.activate(ID);
        shop.clock.advance(Duration.ofDays(100));
        approvals().amend(ID, more(), CAROL);
        shop.clock.advance(Duration.ofDays(100));
        manager.sweeper().sweep();

        approvals().advise(ID, Ballot.deny("no people"), Actor.service("reviewer"));
        assertThat(vote(BOB).approval().decision()).isEmpty();
        refused(manager, "vote-twice", () -> vote(BOB));
        refused(manager, "reapproval", this::go);
        assertThat(status().stages().get(0).missing()).isOne();
        assertThat(vote(DAVE).approval().decision()).isPresent();
        assertThat(last(EventKind.AGENT_APPROVED).details().get("stages"))
                .contains(new Json.Arr(List.of(Json.object()
                        .put("name", "security")
                        .put("quorum", 2)
                        .put("votes", 2)
                        .build())));
        go();
        assertThat(manager.verify().agents()).isOne();
    }

    @Test
    void one_vote_against_it_leaves_it_held_until_it_is_amended_or_retired() {
        start();
        approvals().amend(ID, more(), CAROL);

        Agent denied = approvals().vote(ID, Ballot.deny("it must not merge"), ERIN);

        assertThat(denied.state()).isEqualTo(AgentState.SUSPENDED);
        assertThat(denied.approval().decision())
                .contains(new ApprovalRequest.Decision(Outcome.REJECTED, ERIN, shop.clock.instant()));
        assertThat(kinds(manager, ID)).endsWith(EventKind.VOTE_CAST);
        assertThat(status().open()).isEmpty();
        assertThat(refused(manager, "reapproval", this::go)).hasMessageContaining("turned down");
        refused(manager, "approval-decided", () -> vote(BOB));
        refused(manager, "approval-decided", () -> approvals().advise(ID, Ballot.approve(""), DAVE));
        assertThatThrownBy(() -> manager.reject(ID, "", ADMIN)).isInstanceOf(InvalidTransitionException.class);

        approvals().amend(ID, asked(builder -> builder), DAVE);
        assertThat(manager.get(ID).approval().involved()).containsExactly("carol@company.com", "dave@company.com");
        vote(BOB);
        assertThat(go().agent().state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void a_change_of_what_was_approved_before_it_went_on_takes_another_approval() {
        start();
        approvals().amend(ID, more(), CAROL);
        vote(BOB);
        approvals().amend(ID, asked(builder -> builder.capability("delete")), CAROL);

        refused(manager, "reapproval", this::go);
        refused(manager, "approval-outdated", () -> manager.approve(ID, BOB));
        vote(BOB);
        assertThat(go().agent().entitlements().capabilities()).containsExactly("delete", "review");
    }

    @Test
    void another_owner_or_a_longer_life_while_it_waits_is_another_request() {
        reopen(LifecyclePolicy.builder()
                .approvalStages(Stage.people("security", 2))
                .build());
        UnaryOperator<ProvisioningRequest.Builder> mortal =
                builder -> builder.notAfter(shop.clock.instant().plus(Duration.ofDays(30)));
        manager.requestProvisioning(asked(mortal));
        vote(BOB);
        vote(CAROL);
        approvals().amend(ID, asked(builder -> mortal.apply(builder).capability("merge")), ADMIN);
        vote(BOB);
        manager.changeOwner(ID, "frank@company.com", CAROL);

        assertThat(status().request().votes()).isEmpty();
        refused(manager, "self-approval", () -> vote(CAROL));
        refused(manager, "self-approval", () -> vote(Actor.human(ALICE)));
        refused(manager, "self-approval", () -> vote(Actor.human("frank@company.com")));
        vote(BOB);
        manager.renew(ID, shop.clock.instant().plus(Duration.ofDays(60)), DAVE);
        assertThat(status().request().votes()).isEmpty();
        refused(manager, "self-approval", () -> vote(DAVE));
        vote(BOB);
        vote(Actor.human("grace@company.com"));
        assertThat(go().agent().holds().isEmpty()).isTrue();
    }

    @Test
    void a_change_of_policy_alone_lets_nobody_go() {
        start();
        approvals().amend(ID, more(), CAROL);
        reopen(Workshop.OPEN_DOOR);

        refused(manager, "reapproval", this::go);
        approvals().amend(ID, asked(builder -> builder.capability("delete")), DAVE);
        assertThat(status().open()).isPresent();
        refused(manager, "reapproval", this::go);
        vote(BOB);
        approvals().amend(ID, asked(builder -> builder.capability("deploy")), DAVE);
        refused(manager, "reapproval", this::go);
        vote(BOB);
        assertThat(go().agent().state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void it_waits_no_longer_than_the_agent_lives_or_than_the_policy_lets_it_be_held() {
        reopen(LifecyclePolicy.builder().maxHold(REAPPROVAL, Duration.ofDays(7)).build());
        start();
        approvals()
                .amend(
                        ID,
                        asked(builder -> builder.notAfter(shop.clock.instant().plus(Duration.ofDays(3)))),
                        CAROL);
        assertThat(status().endsAt()).contains(shop.clock.instant().plus(Duration.ofDays(3)));
        shop.clock.advance(Duration.ofDays(3));

        refused(manager, "request-expired", () -> vote(BOB));
        refused(manager, "lifespan-over", () -> approvals().amend(ID, more(), CAROL));
        manager.sweeper().sweep();
        assertThat(manager.get(ID).state()).isEqualTo(AgentState.DECOMMISSIONED);

        AgentId other = AgentId.of("agent:2");
        manager.requestProvisioning(request("agent:2").requestedBy(ERIN).build());
        manager.approve(other, BOB);
        approvals().amend(other, request("agent:2").purpose("other").build(), CAROL);
        shop.clock.advance(Duration.ofDays(7));
        manager.sweeper().sweep();
        assertThat(manager.get(other).state()).isEqualTo(AgentState.DECOMMISSIONED);
    }

    @Test
    void it_is_not_amended_by_ever_more_people() {
        start();
        for (int i = 0; i < ApprovalRequest.MOST_INVOLVED; i++) {
            int n = i;
            approvals().amend(ID, asked(b -> b.purpose("try " + n)), Actor.human("person" + i));
        }
        refused(manager, "request-changes", () -> approvals().amend(ID, more(), CAROL));
        vote(BOB);
        assertThat(go().agent().state()).isEqualTo(AgentState.ACTIVE);
        assertThat(manager.changeOwner(ID, "frank@company.com", ADMIN).owner()).isPresent();
    }

    // ---- what it may be amended to

    @Test
    void it_stays_who_it_is() {
        start();
        refused(
                manager,
                "amendment-scope",
                () -> approvals().amend(ID, asked(builder -> builder.owner("frank@company.com")), CAROL));
        refused(
                manager,
                "amendment-scope",
                () -> approvals().amend(ID, asked(builder -> builder.id(AgentId.of("agent:2"))), CAROL));
        refused(
                manager,
                "amendment-scope",
                () -> approvals().amend(ID, asked(builder -> builder.parent(CHILD)), CAROL));
        assertThat(manager.get(ID).state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void its_key_stays_unless_both_keys_sign_and_one_without_a_key_may_get_one() {
        String key = Digests.sha256("key");
        String other = Digests.sha256("other");
        start();
        approvals().amend(ID, asked(builder -> builder.keyThumbprint(key)), CAROL);
        assertThat(manager.get(ID).entitlements().keyThumbprint()).contains(key);

        assertThat(refused(
                        manager,
                        "amendment-scope",
                        () -> approvals().amend(ID, asked(builder -> builder.keyThumbprint(other)), CAROL)))
                .hasMessageContaining("rotateKey");
        approvals().amend(ID, more(), CAROL);
        assertThat(manager.get(ID).entitlements().keyThumbprint()).contains(key);
    }

    @Test
    void what_is_blocked_or_lives_too_long_is_not_what_it_becomes() {
        reopen(LifecyclePolicy.builder()
                .requireApproval(false)
                .maxLifespan(Duration.ofDays(10))
                .build());
        String digest = Digests.sha256("m");
        UnaryOperator<ProvisioningRequest.Builder> mortal =
                builder -> builder.notAfter(shop.clock.instant().plus(Duration.ofDays(9)));
        manager.requestProvisioning(asked(mortal));
        manager.activate(ID);
        manager.requestProvisioning(
                mortal.apply(request("agent:2")).manifestDigest(digest).build());
        manager.quarantines().block(AgentId.of("agent:2"), "it steals", ADMIN);

        refused(
                manager,
                "manifest-blocked",
                () -> approvals()
                        .amend(ID, asked(builder -> mortal.apply(builder).manifestDigest(digest)), CAROL));
        refused(manager, "lifespan-long", () -> approvals().amend(ID, more(), CAROL));
        assertThat(manager.get(ID).credential()).isPresent();
    }

    // ---- credentials

    @Test
    void no_credential_of_before_is_ever_good_again_and_neither_is_one_that_retires_or_an_api_key() {
        IssuedCredential first = start();
        IssuedCredential second = manager.rotateCredentials(ID).credential().orElseThrow();
        manager.apiKeys().register(ID, Duration.ofDays(1), ADMIN);
        var self = new AgentKey(TenantId.DEFAULT, ID);

        approvals().amend(ID, asked(builder -> builder), CAROL);
        assertThat(manager.guard()
                        .check(self, first.credential().id(), Operation.INVOKE)
                        .allowed())
                .as("nothing changed")
                .isTrue();
        approvals().amend(ID, more(), CAROL);
        vote(BOB);
        IssuedCredential third = go().credential().orElseThrow();

        for (IssuedCredential old : List.of(first, second)) {
            assertThat(manager.guard()
                            .check(self, old.credential().id(), Operation.INVOKE)
                            .allowed())
                    .isFalse();
        }
        assertThat(manager.guard()
                        .check(self, third.credential().id(), Operation.INVOKE)
                        .allowed())
                .isTrue();
        assertThat(manager.get(ID).credentials().apiKeys()).isEmpty();
        refused(
                manager,
                "credential-usable",
                () -> manager.reissueCredential(ID, first.credential().id(), ADMIN));
    }

    @Test
    void in_a_quarantine_that_leaves_it_everything_it_does_not_go_on_as_what_it_was_either() {
        reopen(LifecyclePolicy.builder()
                .guard(GuardPolicy.DEFAULT.withQuarantine(QuarantineAccess.FULL))
                .build());
        IssuedCredential credential = start();
        var self = new AgentKey(TenantId.DEFAULT, ID);
        manager.quarantines().quarantine(ID, CRASH, ADMIN);
        assertThat(manager.guard()
                        .check(self, credential.credential().id(), Operation.INVOKE)
                        .allowed())
                .isTrue();

        approvals().amend(ID, asked(builder -> builder.purpose("less")), CAROL);

        assertThat(manager.guard()
                        .check(self, credential.credential().id(), Operation.INVOKE)
                        .allowed())
                .isFalse();
    }

    @Test
    void where_no_approval_is_required_it_goes_on_but_only_with_another_credential() {
        reopen(Workshop.OPEN_DOOR);
        manager.requestProvisioning(asked(builder -> builder));
        IssuedCredential before = manager.activate(ID).credential().orElseThrow();
        var self = new AgentKey(TenantId.DEFAULT, ID);

        Agent amended = approvals().amend(ID, more(), ERIN);

        assertThat(amended.state()).isEqualTo(AgentState.ACTIVE);
        assertThat(amended.holds().isEmpty()).isTrue();
        assertThat(last(EventKind.AGENT_AMENDED).details().get("reapproval")).isEmpty();
        assertThat(kinds(manager, ID)).endsWith(EventKind.AGENT_AMENDED, EventKind.CREDENTIAL_REVOKED);
        assertThat(manager.guard()
                        .check(self, before.credential().id(), Operation.INVOKE)
                        .allowed())
                .isFalse();
        IssuedCredential next = manager.rotateCredentials(ID).credential().orElseThrow();
        assertThat(manager.guard()
                        .check(self, next.credential().id(), Operation.INVOKE)
                        .allowed())
                .isTrue();
        assertThat(manager.guard()
                        .check(self, before.credential().id(), Operation.INVOKE)
                        .allowed())
                .isFalse();
    }

    // ---- children

    /** A child that is ACTIVE and may review. */
    private void startChild() {
        manager.requestProvisioning(request("agent:child")
                .parent(ID)
                .capability("review")
                .requestedBy(ERIN)
                .build());
        manager.approve(CHILD, BOB);
        manager.activate(CHILD);
    }

    @Test
    void nobody_is_left_with_less_than_who_works_for_it() {
        start();
        startChild();
        ProvisioningRequest less =
                request("agent:1").capability("merge").requestedBy(ERIN).build();

        assertThat(refused(manager, "delegation-scope", () -> approvals().amend(ID, less, CAROL)))
                .hasMessageContainingAll("agent:1", "agent:child", "review");
        approvals().amend(ID, more(), CAROL);
        assertThat(manager.guard().check(CHILD, Operation.INVOKE).allowed())
                .as("it stops with whom it works for")
                .isFalse();
        vote(BOB);
        go();
        assertThat(manager.guard().check(CHILD, Operation.INVOKE).allowed()).isTrue();
        manager.decommission(CHILD, "enough", ADMIN);
        assertThat(approvals().amend(ID, less, CAROL).entitlements().capabilities())
                .containsExactly("merge");
    }

    @Test
    void one_that_works_for_another_gets_no_more_than_that_has() {
        start();
        startChild();
        refused(
                manager,
                "delegation-scope",
                () -> approvals()
                        .amend(CHILD, request("agent:child").capability("merge").build(), CAROL));
    }

    @Test
    void one_that_waited_with_more_while_this_was_amended_keeps_it_held_once_it_is_in() {
        start();
        manager.requestProvisioning(request("agent:child")
                .parent(ID)
                .capability("review")
                .requestedBy(ERIN)
                .build());
        approvals()
                .amend(
                        ID,
                        request("agent:1").capability("merge").requestedBy(ERIN).build(),
                        CAROL);
        vote(BOB);
        manager.approve(CHILD, BOB);

        refused(manager, "delegation-scope", this::go);
        manager.decommission(CHILD, "too much", ADMIN);
        assertThat(go().agent().state()).isEqualTo(AgentState.ACTIVE);
    }

    // ---- owners

    @Test
    void another_owner_is_approved_where_the_policy_says_so() {
        reopen(LifecyclePolicy.builder().reapproveOwner(true).build());
        start();

        Agent changed = manager.changeOwner(ID, "frank@company.com", CAROL);

        assertThat(changed.state()).isEqualTo(AgentState.SUSPENDED);
        assertThat(last(EventKind.AGENT_OWNER_CHANGED).details().get("reapproval"))
                .contains(Json.of(true));
        assertThat(changed.approval().involved()).containsExactly(ALICE, "carol@company.com");
        assertThat(kinds(manager, ID)).endsWith(EventKind.AGENT_SUSPENDED, EventKind.CREDENTIAL_REVOKED);
        for (String name : List.of(ALICE, "frank@company.com", "carol@company.com", "erin@company.com")) {
            refused(manager, "self-approval", () -> vote(Actor.human(name)));
        }
        refused(manager, "reapproval", this::go);
        refused(manager, "approval-outdated", () -> manager.approve(ID, BOB));
        vote(BOB);
        assertThat(go().credential()).isPresent();
        assertThat(manager.changeOwner(ID, "frank@company.com", CAROL).state())
                .as("the same owner")
                .isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void a_co_owner_approves_no_change_of_what_they_answer_for() {
        start();
        manager.owners().addCoOwner(ID, Owner.of("bob@company.com"), ADMIN);

        approvals().amend(ID, more(), CAROL);

        refused(manager, "self-approval", () -> vote(BOB));
    }

    @Test
    void an_orphan_that_is_reclaimed_by_another_owner_is_held_and_by_its_own_is_not() {
        reopen(LifecyclePolicy.builder().reapproveOwner(true).build());
        start();
        manager.markOrphaned(ID, ADMIN);
        Activation same = manager.reclaim(ID, ALICE, CAROL);
        assertThat(same.agent().state()).isEqualTo(AgentState.ACTIVE);
        manager.markOrphaned(ID, ADMIN);

        Activation other = manager.reclaim(ID, "frank@company.com", CAROL);

        assertThat(other.agent().state()).isEqualTo(AgentState.SUSPENDED);
        assertThat(other.credential()).isEmpty();
        assertThat(kinds(manager, ID))
                .endsWith(
                        EventKind.AGENT_OWNER_CHANGED,
                        EventKind.HOLD_PLACED,
                        EventKind.CREDENTIAL_REVOKED,
                        EventKind.AGENT_RECLAIMED);
        refused(manager, "self-approval", () -> vote(CAROL));
        vote(BOB);
        assertThat(go().agent().state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void where_the_policy_says_nothing_of_owners_or_wants_no_approval_they_change_as_before() {
        start();
        assertThat(manager.changeOwner(ID, "frank@company.com", CAROL).state()).isEqualTo(AgentState.ACTIVE);
        assertThat(last(EventKind.AGENT_OWNER_CHANGED).details().get("reapproval"))
                .isEmpty();
        assertThat(manager.get(ID).approval().decision()).isPresent();
        reopen(LifecyclePolicy.builder()
                .requireApproval(false)
                .reapproveOwner(true)
                .build());
        assertThat(manager.changeOwner(ID, ALICE, CAROL).state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void an_agent_that_waits_or_is_on_its_way_out_changes_its_owner_as_before() {
        reopen(LifecyclePolicy.builder().reapproveOwner(true).build());
        manager.requestProvisioning(asked(builder -> builder));
        manager.changeOwner(ID, "frank@company.com", CAROL);
        assertThat(manager.get(ID).holds().isEmpty()).isTrue();
        assertThat(last(EventKind.AGENT_OWNER_CHANGED).details().get("reapproval"))
                .isEmpty();
    }

    // ---- restarts, failures, erasure

    @Test
    void what_waits_to_be_approved_anew_survives_a_restart() {
        start();
        approvals().amend(ID, more(), CAROL);
        approvals().advise(ID, Ballot.approve("fine"), DAVE);
        reopen(LifecyclePolicy.builder().version(2).build());

        assertThat(status().request().votes()).extracting(Vote::advisory).containsExactly(true);
        refused(manager, "reapproval", this::go);
        vote(BOB);
        reopen(LifecyclePolicy.builder().version(3).build());
        assertThat(go().agent().state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void while_nothing_can_be_signed_nothing_of_it_happens() {
        TestSealer sealer = new TestSealer();
        Workshop other = new Workshop();
        LifecycleManager signed = other.open(builder -> builder.sealer(sealer));
        signed.requestProvisioning(asked(builder -> builder));
        signed.approve(ID, BOB);
        signed.activate(ID);
        sealer.fail();
        assertThatThrownBy(() -> signed.approvals().amend(ID, more(), CAROL))
                .isInstanceOf(AuditUnavailableException.class);
        assertThat(signed.get(ID).state()).isEqualTo(AgentState.ACTIVE);
        sealer.heal();
        signed.approvals().amend(ID, more(), CAROL);
        sealer.fail();
        assertThatThrownBy(() -> signed.approvals().vote(ID, Ballot.deny("no"), BOB))
                .as("it is held already, so that nothing is left of a vote that cannot be signed")
                .isInstanceOf(AuditUnavailableException.class);
        assertThat(signed.get(ID).approval().decision()).isEmpty();
        sealer.heal();
        other.check();
    }

    @Test
    void who_had_a_part_in_it_is_erased_as_other_people_are() {
        shop.close(manager);
        manager = shop.open(builder -> builder.policy(LifecyclePolicy.builder()
                        .approvalStages(Stage.people("security", 2))
                        .reapproveOwner(true)
                        .build())
                .personalData(PersonalData.DISCLOSABLE));
        manager.requestProvisioning(asked(builder -> builder));
        vote(BOB);
        vote(DAVE);
        manager.activate(ID);
        approvals().amend(ID, more(), CAROL);
        vote(BOB);
        manager.changeOwner(ID, "frank@company.com", CAROL);
        vote(BOB);
        approvals().vote(ID, Ballot.deny("Frank is my brother"), DAVE);
        manager.decommission(ID, "enough", ADMIN);
        manager.erasePersonalData(ID, "asked for", ADMIN);

        assertThat(manager.get(ID).approval().decision().orElseThrow().outcome())
                .isEqualTo(Outcome.REJECTED);
        assertThat(manager.auditTrail(ID).toString())
                .doesNotContain("bob@company", "carol@company", "frank@company", "brother");
        assertThat(manager.verify().redacted()).isPositive();
    }

    @Test
    void an_agent_that_came_from_elsewhere_is_amended_like_any_other() {
        manager.importAgents(List.of(shop.imported("agent:1", AgentState.ACTIVE)), "elsewhere", ADMIN);
        assertThat(status().open()).as("it waits for nothing").isEmpty();
        approvals().amend(ID, more(), CAROL);

        refused(manager, "reapproval", this::go);
        refused(manager, "self-approval", () -> vote(CAROL));
        vote(BOB);
        assertThat(go().agent().state()).isEqualTo(AgentState.ACTIVE);
    }
}
