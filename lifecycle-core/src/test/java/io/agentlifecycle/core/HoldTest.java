package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.PATIENT;
import static io.agentlifecycle.core.Workshop.active;
import static io.agentlifecycle.core.Workshop.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.SweepReport.Result;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Command;
import io.agentlifecycle.core.agent.Retirement;
import io.agentlifecycle.core.agent.TransitionTable;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialOrder;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.error.InvalidTransitionException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.Hold;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.HoldTerms;
import io.agentlifecycle.core.hold.Holds;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.spi.CredentialIssuer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Who may release which hold, and holds that end by themselves. */
class HoldTest {
    private static final Actor ACCOUNTS = Actor.service("accounts");
    private static final Duration HOUR = Duration.ofHours(1);

    @RegisterExtension
    final Workshop shop = new Workshop();

    private final LifecycleManager manager = shop.open(PATIENT);

    private Instant inAnHour() {
        return shop.clock.instant().plus(HOUR);
    }

    private AgentState state() {
        return manager.get(ID).state();
    }

    private List<HoldReason> holds() {
        return manager.get(ID).holds().reasons();
    }

    // ---- authority

    static Stream<HoldReason> reasons() {
        return Stream.of(
                HoldReason.OPERATOR,
                HoldReason.INACTIVE,
                HoldReason.PARENT_HELD,
                HoldReason.of("of_the_host"),
                HoldReason.INSUFFICIENT_BALANCE,
                HoldReason.BILLING_CANCELLED,
                HoldReason.BUDGET_EXHAUSTED,
                HoldReason.POLICY_VIOLATION,
                HoldReason.CREDENTIAL_COMPROMISED,
                HoldReason.OWNER_LOST);
    }

    @Test
    void who_usually_releases_what() {
        assertThat(reasons().map(HoldReason::authority).map(ReleaseAuthority::wire))
                .containsExactly(
                        "operator",
                        "operator",
                        "operator",
                        "operator",
                        "billing",
                        "billing",
                        "billing",
                        "admin",
                        "admin",
                        "admin");
    }

    @ParameterizedTest
    @MethodSource("reasons")
    void a_hold_is_released_by_its_authority_or_an_admin_and_by_nobody_else(HoldReason reason) {
        active(manager, "agent:1");
        for (ReleaseAuthority authority : ReleaseAuthority.values()) {
            manager.placeHold(ID, reason, "why", ADMIN);
            if (authority == reason.authority() || authority == ReleaseAuthority.ADMIN) {
                assertThat(manager.releaseHold(ID, reason, authority, ACCOUNTS)
                                .agent()
                                .state())
                        .isEqualTo(AgentState.ACTIVE);
            } else {
                assertThat(refused(
                                manager, "hold-authority", () -> manager.releaseHold(ID, reason, authority, ACCOUNTS)))
                        .hasMessageContainingAll(
                                "service:accounts",
                                reason.code(),
                                "agent:1",
                                authority.name(),
                                reason.authority().name());
                manager.releaseHold(ID, reason, ReleaseAuthority.ADMIN, ADMIN);
            }
        }
    }

    @Test
    void a_hold_takes_the_place_of_one_that_is_easier_to_release_and_of_no_other() {
        active(manager, "agent:1");
        HoldReason reason = HoldReason.POLICY_VIOLATION;
        HoldTerms weak = HoldTerms.of("said by mistake").releasedBy(ReleaseAuthority.OPERATOR);
        Instant end = inAnHour();
        manager.placeHold(ID, reason, weak.until(end), ADMIN);
        Instant first = shop.clock.instant();
        shop.clock.advance(Duration.ofMinutes(1));

        refused(manager, "hold-stands", () -> manager.placeHold(ID, reason, weak.until(end), ADMIN));
        refused(manager, "hold-stands", () -> manager.placeHold(ID, reason, weak.until(end.minusMillis(1)), ADMIN));
        manager.placeHold(ID, reason, weak.until(end.plusMillis(1)), ADMIN);
        manager.placeHold(ID, reason, weak, ADMIN);
        manager.placeHold(ID, reason, "it was meant", ACCOUNTS);
        refused(manager, "hold-stands", () -> manager.placeHold(ID, reason, weak, ADMIN));
        refused(manager, "hold-stands", () -> manager.placeHold(ID, reason, "it was meant", ADMIN));
        refused(manager, "hold-authority", () -> manager.releaseHold(ID, reason, ADMIN));

        Hold hold = manager.get(ID).holds().get(reason).orElseThrow();
        assertThat(hold.placedAt()).as("held since").isEqualTo(first);
        assertThat(hold.placedBy()).isEqualTo(ACCOUNTS);
        assertThat(hold.text()).isEqualTo("it was meant");
        assertThat(hold.until()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "OPERATOR, , ADMIN, PT1H, ADMIN,",
        "ADMIN, PT1H, OPERATOR, , ADMIN,",
        "ADMIN, PT1H, OPERATOR, PT2H, ADMIN, PT2H",
        "OPERATOR, PT2H, ADMIN, PT1H, ADMIN, PT2H",
        "BILLING, PT2H, OPERATOR, PT1H, ADMIN, PT2H",
        "OPERATOR, PT1H, BILLING, PT2H, ADMIN, PT2H"
    })
    void a_hold_that_takes_the_place_of_another_is_as_hard_as_both(
            ReleaseAuthority authority,
            Duration until,
            ReleaseAuthority other,
            Duration otherUntil,
            ReleaseAuthority expected,
            Duration expectedUntil) {
        active(manager, "agent:1");
        Instant now = shop.clock.instant();
        HoldReason reason = HoldReason.of("mine");

        manager.placeHold(ID, reason, terms(authority, until), ADMIN);
        manager.placeHold(ID, reason, terms(other, otherUntil), ADMIN);

        Hold hold = manager.get(ID).holds().get(reason).orElseThrow();
        assertThat(hold.authority()).isEqualTo(expected);
        assertThat(hold.until()).isEqualTo(Optional.ofNullable(expectedUntil).map(now::plus));
    }

    private HoldTerms terms(ReleaseAuthority authority, Duration until) {
        HoldTerms terms = HoldTerms.of("").releasedBy(authority);
        return until == null ? terms : terms.until(shop.clock.instant().plus(until));
    }

    @Test
    void a_hold_that_is_over_is_gone_also_before_a_sweep_has_seen_that() {
        active(manager, "agent:1");
        HoldReason reason = HoldReason.INSUFFICIENT_BALANCE;
        manager.placeHold(ID, reason, terms(ReleaseAuthority.ADMIN, HOUR), ADMIN);
        shop.clock.advance(HOUR);

        manager.placeHold(ID, reason, terms(ReleaseAuthority.OPERATOR, HOUR), ADMIN);

        Hold hold = manager.get(ID).holds().get(reason).orElseThrow();
        assertThat(hold.placedAt()).as("held since").isEqualTo(shop.clock.instant());
        assertThat(hold.authority()).isEqualTo(ReleaseAuthority.OPERATOR);
    }

    @Test
    void who_is_suspended_can_be_suspended_harder() {
        active(manager, "agent:1");
        manager.suspend(ID, terms(ReleaseAuthority.OPERATOR, HOUR), ADMIN);
        manager.suspend(ID, HoldTerms.of("").releasedBy(ReleaseAuthority.ADMIN), ADMIN);
        shop.clock.advance(HOUR);
        manager.sweeper().sweep();

        assertThat(state()).isEqualTo(AgentState.SUSPENDED);
        refused(manager, "hold-authority", () -> manager.resume(ID, ADMIN));
        assertThatThrownBy(() -> manager.suspend(ID, "", ADMIN)).isInstanceOf(InvalidTransitionException.class);
    }

    @Test
    void who_is_held_for_as_many_reasons_as_can_be_can_be_held_harder() {
        active(manager, "agent:1");
        for (int i = 0; i < Holds.MOST; i++) {
            manager.placeHold(ID, HoldReason.of("reason" + i), "", ADMIN);
        }
        refused(manager, "hold-count", () -> manager.placeHold(ID, HoldReason.of("more"), "", ADMIN));
        manager.placeHold(ID, HoldReason.of("reason7"), HoldTerms.of("").releasedBy(ReleaseAuthority.ADMIN), ADMIN);
        assertThat(holds()).hasSize(Holds.MOST);
    }

    /** Society AI: balance and violation at once, and both ways to lift them (SOC-12, SOC-13, SOC-14). */
    @Test
    void a_deposit_lifts_what_wants_money_and_never_a_violation() {
        active(manager, "agent:1");
        manager.placeHold(ID, HoldReason.INSUFFICIENT_BALANCE, "0.00 left", ACCOUNTS);
        manager.placeHold(ID, HoldReason.POLICY_VIOLATION, "sent spam", ADMIN);

        refused(
                manager,
                "hold-authority",
                () -> manager.releaseHold(ID, HoldReason.POLICY_VIOLATION, ReleaseAuthority.BILLING, ACCOUNTS));
        refused(manager, "other-holds", () -> manager.resume(ID, ADMIN));
        Activation deposit =
                manager.releaseHold(ID, HoldReason.INSUFFICIENT_BALANCE, ReleaseAuthority.BILLING, ACCOUNTS);

        assertThat(deposit.agent().state()).isEqualTo(AgentState.SUSPENDED);
        assertThat(deposit.credential()).isEmpty();
        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed()).isFalse();
        assertThat(manager.releaseHold(ID, HoldReason.POLICY_VIOLATION, ReleaseAuthority.ADMIN, ADMIN)
                        .credential())
                .isPresent();
        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed()).isTrue();
    }

    @Test
    void whoever_places_a_hold_may_leave_it_to_somebody_else() {
        active(manager, "agent:1");
        manager.suspend(ID, HoldTerms.of("under investigation").releasedBy(ReleaseAuthority.ADMIN), ADMIN);

        refused(manager, "hold-authority", () -> manager.resume(ID, Actor.human("operator@company.com")));
        assertThat(manager.get(ID).holds().get(HoldReason.OPERATOR))
                .contains(new Hold(
                        HoldReason.OPERATOR,
                        "under investigation",
                        ADMIN,
                        shop.clock.instant(),
                        ReleaseAuthority.ADMIN,
                        Optional.empty()));
        assertThat(manager.releaseHold(ID, HoldReason.OPERATOR, ReleaseAuthority.ADMIN, ADMIN)
                        .agent()
                        .state())
                .isEqualTo(AgentState.ACTIVE);
    }

    // ---- the end

    @Test
    void the_last_hold_ends_to_the_nanosecond_with_a_new_credential() {
        Credential old = active(manager, "agent:1").issued().credential();
        Instant end = inAnHour();
        manager.placeHold(
                ID, HoldReason.of("maintenance"), HoldTerms.of("new disks").until(end), ADMIN);

        shop.clock.set(end.minusNanos(1));
        assertThat(manager.sweeper().sweep().outcomes()).isEmpty();
        assertThat(state()).isEqualTo(AgentState.SUSPENDED);
        shop.clock.set(end);
        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed())
                .as("until somebody sweeps it is held")
                .isFalse();
        assertThat(manager.sweeper().sweep().outcomes())
                .extracting(SweepReport.Outcome::action, SweepReport.Outcome::result)
                .containsExactly(org.assertj.core.groups.Tuple.tuple(SweepAction.END_HOLD, Result.DONE));

        Agent free = manager.get(ID);
        assertThat(free.state()).isEqualTo(AgentState.ACTIVE);
        assertThat(free.holds().isEmpty()).isTrue();
        Credential made = free.credential().orElseThrow();
        assertThat(made.generation()).isEqualTo(2);
        assertThat(manager.standing(new AgentKey(free.key().tenant(), ID), made.id())
                        .allowed())
                .isTrue();
        assertThat(manager.standing(new AgentKey(free.key().tenant(), ID), old.id())
                        .allowed())
                .as("the one from before is not good again")
                .isFalse();
        assertThat(manager.sweeper().sweep().outcomes()).as("once").isEmpty();
    }

    @Test
    void one_that_ends_leaves_the_others() {
        active(manager, "agent:1");
        manager.placeHold(ID, HoldReason.of("first"), HoldTerms.of("").until(inAnHour()), ADMIN);
        manager.placeHold(ID, HoldReason.of("second"), HoldTerms.of("").until(inAnHour()), ADMIN);
        manager.placeHold(
                ID, HoldReason.of("third"), HoldTerms.of("").until(inAnHour().plus(HOUR)), ADMIN);
        manager.placeHold(ID, HoldReason.POLICY_VIOLATION, "", ADMIN);

        shop.clock.advance(HOUR);
        manager.sweeper().sweep();
        assertThat(holds()).containsExactly(HoldReason.POLICY_VIOLATION, HoldReason.of("third"));
        shop.clock.advance(HOUR);
        manager.sweeper().sweep();
        assertThat(holds()).containsExactly(HoldReason.POLICY_VIOLATION);
        assertThat(state()).isEqualTo(AgentState.SUSPENDED);
        assertThat(manager.get(ID).credentials().generation()).isEqualTo(1);
    }

    @Test
    void two_that_end_together_free_the_agent_together() {
        active(manager, "agent:1");
        manager.placeHold(ID, HoldReason.of("first"), HoldTerms.of("").until(inAnHour()), ADMIN);
        manager.placeHold(ID, HoldReason.of("second"), HoldTerms.of("").until(inAnHour()), ADMIN);
        int before = manager.auditTrail(ID).size();

        shop.clock.advance(HOUR.multipliedBy(5));
        manager.sweeper().sweep();

        List<SealedEvent> trail = manager.auditTrail(ID);
        assertThat(trail.subList(before, trail.size()).stream()
                        .map(sealedEvent -> sealedEvent.event().kind()))
                .containsExactly(EventKind.HOLD_RELEASED, EventKind.AGENT_RESUMED, EventKind.CREDENTIAL_ISSUED);
    }

    @ParameterizedTest
    @EnumSource(
            value = AgentState.class,
            names = {"PENDING_APPROVAL", "PROVISIONED", "QUARANTINED", "ORPHANED"})
    void it_ends_in_every_state_that_may_be_held_and_the_state_stays(AgentState state) {
        manager.importAgents(List.of(shop.imported("agent:1", state)), "elsewhere", ADMIN);
        manager.placeHold(ID, HoldReason.of("maintenance"), HoldTerms.of("").until(inAnHour()), ADMIN);

        shop.clock.advance(HOUR);
        manager.sweeper().sweep();

        assertThat(holds()).isEmpty();
        assertThat(state()).isEqualTo(state);
    }

    @Test
    void a_hold_that_has_ended_is_refused() {
        active(manager, "agent:1");
        HoldTerms over = HoldTerms.of("").until(shop.clock.instant());

        assertThat(refused(manager, "hold-over", () -> manager.placeHold(ID, HoldReason.of("late"), over, ADMIN)))
                .hasMessageContainingAll(
                        "agent:1", "late", over.until().orElseThrow().toString(), "choose");
        refused(manager, "hold-over", () -> manager.suspend(ID, over, ADMIN));
    }

    @Test
    void what_is_over_for_good_is_not_resumed() {
        manager.activate(manager.requestProvisioning(
                        Workshop.request("agent:1").notAfter(inAnHour()).build())
                .id());
        manager.suspend(ID, HoldTerms.of("").until(inAnHour()), ADMIN);

        shop.clock.advance(HOUR);
        manager.sweeper().sweep();

        assertThat(state()).isEqualTo(AgentState.DECOMMISSIONED);
    }

    @Test
    void the_sink_takes_the_new_credential_to_the_agent() {
        List<IssuedCredential> delivered = new ArrayList<>();
        LifecycleManager delivering = shop.open(
                builder -> builder.policy(PATIENT).credentialSink((agent, credential) -> delivered.add(credential)));
        active(delivering, "agent:1");
        delivering.suspend(ID, HoldTerms.of("").until(inAnHour()), ADMIN);

        shop.clock.advance(HOUR);
        delivering.sweeper().sweep();

        assertThat(delivered)
                .singleElement()
                .extracting(made -> made.credential().id())
                .isEqualTo(delivering.get(ID).credential().orElseThrow().id());
        assertThat(delivering.get(ID).credentials().undelivered()).isFalse();
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "3, 3"})
    void an_issuer_that_fails_is_asked_again_and_the_agent_stays_held(int failures, int attempts) {
        List<String> asked = new ArrayList<>();
        CredentialIssuer opaque = new RepeatableIssuer();
        LifecycleManager failing = shop.open(builder -> builder.policy(PATIENT).credentials(new CredentialIssuer() {
            @Override
            public IssuedCredential issue(CredentialOrder order) {
                if (order.generation() > 1) {
                    asked.add(order.issuedAt().toString());
                    if (asked.size() <= failures) {
                        throw new IllegalStateException("the signer is away");
                    }
                }
                return opaque.issue(order);
            }

            @Override
            public Optional<IssuedCredential> reissue(CredentialOrder order, Credential listed) {
                return Optional.empty();
            }
        }));
        active(failing, "agent:1");
        failing.suspend(ID, HoldTerms.of("").until(inAnHour()), ADMIN);
        shop.clock.advance(HOUR);

        for (int i = 0; i < attempts; i++) {
            assertThat(failing.sweeper().sweep().outcomes())
                    .extracting(SweepReport.Outcome::result)
                    .containsExactly(Result.FAILED);
            assertThat(failing.get(ID).state()).isEqualTo(AgentState.SUSPENDED);
            assertThat(failing.sweeper().sweep().outcomes())
                    .as("not before its time")
                    .isEmpty();
            shop.clock.advance(Duration.ofMinutes(10));
        }
        failing.sweeper().sweep();

        assertThat(failing.get(ID).state()).isEqualTo(AgentState.ACTIVE);
        assertThat(asked).hasSize(failures + 1);
    }

    @Test
    void without_an_owner_it_is_not_resumed_by_time_either() {
        LifecycleManager free = shop.open(LifecyclePolicy.builder()
                .requireApproval(false)
                .requireOwner(false)
                .build());
        free.activate(free.requestProvisioning(
                        ProvisioningRequest.builder("Nobody's").id(ID).build())
                .id());
        manager.suspend(ID, HoldTerms.of("").until(inAnHour()), ADMIN);

        shop.clock.advance(HOUR);
        SweepReport report = manager.sweeper().sweep();

        assertThat(report.outcomes())
                .singleElement()
                .satisfies(outcome -> assertThat(outcome.failure().orElseThrow())
                        .isInstanceOf(PolicyViolationException.class)
                        .hasMessageContaining("owner-required"));
        assertThat(state()).isEqualTo(AgentState.SUSPENDED);
    }

    @Test
    void what_an_earlier_version_wrote_is_an_operators_hold_without_an_end() {
        active(manager, "agent:1");
        manager.suspend(ID, "plain", ADMIN);

        List<SealedEvent> trail = manager.auditTrail(ID);
        assertThat(trail.get(trail.size() - 1).event().details().members().keySet())
                .as("written as it was before there were authorities and ends")
                .containsExactly("hold", "text");
    }

    // ---- holds that last too long

    private LifecycleManager cancelling(TransitionTable<AgentState, Command> table) {
        shop.close(manager);
        return shop.open(b -> b.transitions(table)
                .policy(LifecyclePolicy.builder()
                        .requireApproval(false)
                        .maxHold(HoldReason.BILLING_CANCELLED, HOUR.multipliedBy(24))
                        .build()));
    }

    @Test
    void a_cancelled_agent_is_retired_when_the_policy_has_waited_long_enough() {
        for (TransitionTable<AgentState, Command> table :
                List.of(TransitionTable.STANDARD, TransitionTable.brainstormRouter())) {
            LifecycleManager cancelling = cancelling(table);
            AgentId id = AgentId.of("agent:" + (table == TransitionTable.STANDARD ? 1 : 2));
            active(cancelling, id.value());
            cancelling.suspend(id, "", ADMIN);
            shop.clock.advance(HOUR);
            cancelling.placeHold(id, HoldReason.BILLING_CANCELLED, "account closed", ACCOUNTS);
            shop.clock.advance(HOUR.multipliedBy(24).minusNanos(1));
            cancelling.sweeper().sweep();
            assertThat(cancelling.get(id).state()).isEqualTo(AgentState.SUSPENDED);

            shop.clock.advance(Duration.ofNanos(1));
            assertThat(cancelling.sweeper().sweep().with(Result.DONE))
                    .extracting(SweepReport.Outcome::action)
                    .containsExactly(SweepAction.DECOMMISSION_HELD);

            assertThat(cancelling.get(id).retirement().orElseThrow().cause()).isEqualTo(Retirement.Cause.HELD);
            assertThat(cancelling.get(id).state()).isEqualTo(AgentState.DECOMMISSIONED);
            shop.close(cancelling);
        }
        shop.open(PATIENT);
    }

    @Test
    void a_hold_that_was_released_or_ends_before_retires_nobody() {
        LifecycleManager cancelling = cancelling(TransitionTable.STANDARD);
        active(cancelling, "agent:1");
        cancelling.placeHold(ID, HoldReason.BILLING_CANCELLED, "", ACCOUNTS);
        cancelling.releaseHold(ID, HoldReason.BILLING_CANCELLED, ReleaseAuthority.BILLING, ACCOUNTS);
        Instant end = shop.clock.instant().plus(HOUR.multipliedBy(24));
        cancelling.placeHold(ID, HoldReason.BILLING_CANCELLED, HoldTerms.of("").until(end), ACCOUNTS);
        shop.clock.set(end);

        assertThat(cancelling.sweeper().sweep().with(Result.DONE))
                .extracting(SweepReport.Outcome::action)
                .contains(SweepAction.END_HOLD)
                .doesNotContain(SweepAction.DECOMMISSION_HELD);
        assertThat(cancelling.get(ID).state()).isEqualTo(AgentState.ACTIVE);
    }
}
