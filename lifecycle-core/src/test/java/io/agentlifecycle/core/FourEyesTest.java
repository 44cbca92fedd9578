package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ALICE;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.active;
import static io.agentlifecycle.core.Workshop.kinds;
import static io.agentlifecycle.core.Workshop.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.GuardPolicy;
import io.agentlifecycle.core.agent.GuardPolicy.QuarantineAccess;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.error.AuditUnavailableException;
import io.agentlifecycle.core.error.InvalidTransitionException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.HoldTerms;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.quarantine.Incident;
import io.agentlifecycle.core.quarantine.Quarantine;
import io.agentlifecycle.core.quarantine.Severity;
import io.agentlifecycle.core.spi.LifecycleStore;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What only an admin may release, where that takes two people. */
class FourEyesTest {
    private static final Actor BOB = Actor.human("bob@company.com");
    private static final Actor CAROL = Actor.human("carol@company.com");
    private static final HoldReason VIOLATION = HoldReason.POLICY_VIOLATION;
    private static final Incident THEFT =
            new Incident(Incident.Kind.SECURITY_VIOLATION, Severity.HIGH, "read a secret");
    private static final Incident WORSE = new Incident(Incident.Kind.SECURITY_VIOLATION, Severity.CRITICAL, "sold it");
    private static final Incident CRASH = new Incident(Incident.Kind.CRASH, Severity.MEDIUM, "exit 137");

    private final FaultStore store = new FaultStore(LifecycleStore.inMemory());

    @RegisterExtension
    final Workshop shop = new Workshop(store);

    private LifecycleManager manager = open(twoPeople().build());

    private LifecycleManager open(LifecyclePolicy policy) {
        return shop.open(builder -> builder.policy(policy).access(Workshop.TRUSTING));
    }

    private static LifecyclePolicy.Builder twoPeople() {
        return LifecyclePolicy.builder().requireApproval(false).fourEyes(true);
    }

    private void reopen(LifecyclePolicy policy) {
        shop.close(manager);
        manager = open(policy);
    }

    private void violate() {
        active(manager, "agent:1");
        manager.placeHold(ID, VIOLATION, "spammed", ADMIN);
    }

    private Activation release(Actor actor) {
        return manager.releaseHold(ID, VIOLATION, ReleaseAuthority.ADMIN, actor);
    }

    private Activation releaseQuarantine(Actor actor) {
        return manager.quarantines().release(ID, ReleaseAuthority.ADMIN, actor);
    }

    private AgentState state() {
        return manager.get(ID).state();
    }

    private AuditEvent last() {
        List<SealedEvent> trail = manager.auditTrail(ID);
        return trail.get(trail.size() - 1).event();
    }

    // ---- holds

    @Test
    void a_violation_is_released_by_the_second_of_two_people() {
        violate();

        Activation first = release(BOB);

        assertThat(first.credential()).isEmpty();
        assertThat(first.agent().state()).isEqualTo(AgentState.SUSPENDED);
        assertThat(first.agent().holds().get(VIOLATION).orElseThrow().agreed()).contains(BOB);
        assertThat(last().kind()).isEqualTo(EventKind.RELEASE_AGREED);
        assertThat(last().details())
                .isEqualTo(Json.object().put("hold", "policy_violation").build());
        assertThat(last().actor()).isEqualTo(BOB);

        Activation second = release(CAROL);

        assertThat(second.agent().state()).isEqualTo(AgentState.ACTIVE);
        assertThat(second.credential()).isPresent();
        assertThat(kinds(manager, ID))
                .endsWith(EventKind.RELEASE_AGREED, EventKind.AGENT_RESUMED, EventKind.CREDENTIAL_ISSUED);
    }

    @Test
    void who_placed_the_hold_may_be_one_of_the_two() {
        violate();
        release(ADMIN);
        assertThat(release(BOB).agent().state()).isEqualTo(AgentState.ACTIVE);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "bob@company.com",
                "BOB@company.com",
                " bob@company.com ",
                "ｂｏｂ@company.com",
                "bo\u00adb@company.com"
            })
    void nobody_is_two_people_under_any_spelling(String name) {
        violate();
        release(BOB);

        PolicyViolationException refusal = refused(manager, "four-eyes", () -> release(Actor.human(name)));

        assertThat(refusal.actor()).contains(Actor.human(name));
        assertThat(refusal).hasMessageContainingAll("agent:1", "policy_violation", "ask somebody else");
        assertThat(release(CAROL).agent().state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void a_co_owner_is_none_of_the_two() {
        active(manager, "agent:1");
        manager.owners().addCoOwner(ID, Owner.of(BOB.id()), ADMIN);
        manager.placeHold(ID, VIOLATION, "spammed", ADMIN);

        refused(manager, "four-eyes", () -> release(BOB));
    }

    @Test
    void whoever_agreed_did_not_know_what_is_reported_later() {
        active(manager, "agent:1");
        manager.suspend(ID, "maintenance", ADMIN);
        manager.quarantines().quarantine(ID, THEFT, ADMIN);
        manager.releaseHold(ID, HoldReason.QUARANTINE, ReleaseAuthority.ADMIN, BOB);

        manager.quarantines().quarantine(ID, WORSE, ADMIN);

        manager.releaseHold(ID, HoldReason.QUARANTINE, ReleaseAuthority.ADMIN, CAROL);
        assertThat(manager.get(ID).holds().get(HoldReason.QUARANTINE))
                .as("one of two has agreed to that")
                .isPresent();
    }

    @ParameterizedTest
    @CsvSource({
        "HUMAN, alice@company.com",
        "HUMAN, ' ALICE@company.com'",
        "HUMAN, agent:1",
        "HUMAN, AGENT:1",
        "SERVICE, ledger",
        "SYSTEM, system",
        "POLICY, auto",
        "AGENT, agent:2"
    })
    void neither_who_owns_it_nor_the_agent_nor_a_program_is_one_of_the_two(Actor.Type type, String name) {
        violate();
        var actor = new Actor(type, name, Optional.empty());

        assertThat(refused(manager, "four-eyes", () -> release(actor)).actor()).contains(actor);
        release(BOB);
        refused(manager, "four-eyes", () -> release(actor));
        assertThat(state()).isEqualTo(AgentState.SUSPENDED);
    }

    @Test
    void a_refusal_is_an_attempt_at_power_and_one_without_the_authority_says_so_first() {
        violate();
        assertThat(refused(manager, "hold-authority", () -> manager.releaseHold(ID, VIOLATION, BOB))
                        .actor())
                .contains(BOB);
        refused(manager, "four-eyes", () -> release(Actor.human(ALICE)));
        shop.clock.advance(Duration.ofMinutes(1));
        manager.sweeper().sweep();

        assertThat(manager.events(0, 100).events().stream()
                        .map(SealedEvent::event)
                        .filter(event -> event.kind() == EventKind.ACCESS_REFUSED)
                        .map(event -> event.details().get("rule").orElseThrow()))
                .containsExactlyInAnyOrder(Json.of("hold-authority"), Json.of("four-eyes"));
    }

    @Test
    void a_hold_that_is_placed_anew_has_nobodys_word() {
        violate();
        release(BOB);
        release(CAROL);
        manager.placeHold(ID, VIOLATION, "again", ADMIN);

        assertThat(manager.get(ID).holds().get(VIOLATION).orElseThrow().agreed())
                .isEmpty();
        release(BOB);
        assertThat(state()).isEqualTo(AgentState.SUSPENDED);
    }

    @Test
    void nobody_takes_the_word_of_an_admin_back_by_placing_the_same_hold() {
        violate();
        release(BOB);

        refused(manager, "hold-stands", () -> manager.placeHold(ID, VIOLATION, "again", CAROL));
        release(CAROL);
        assertThat(state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void the_word_for_one_hold_is_none_for_another() {
        violate();
        manager.placeHold(ID, HoldReason.OWNER_LOST, "left", ADMIN);
        release(BOB);

        manager.releaseHold(ID, HoldReason.OWNER_LOST, ReleaseAuthority.ADMIN, CAROL);

        assertThat(manager.get(ID).holds().reasons()).containsExactly(HoldReason.OWNER_LOST, VIOLATION);
        assertThat(last().kind()).isEqualTo(EventKind.RELEASE_AGREED);
    }

    @Test
    void who_became_the_owner_after_giving_their_word_has_given_none() {
        violate();
        release(BOB);
        manager.changeOwner(ID, "Bob@company.com", ADMIN);

        assertThat(release(CAROL).agent().state()).as("Carol is the first now").isEqualTo(AgentState.SUSPENDED);
        refused(manager, "four-eyes", () -> release(BOB));
        assertThat(release(ADMIN).agent().state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void holds_that_take_no_admin_and_policies_that_say_nothing_take_one() {
        violate();
        manager.placeHold(ID, HoldReason.INSUFFICIENT_BALANCE, "0.00", ADMIN);
        manager.releaseHold(ID, HoldReason.INSUFFICIENT_BALANCE, ReleaseAuthority.ADMIN, Actor.service("accounts"));
        assertThat(manager.get(ID).holds().reasons()).containsExactly(VIOLATION);
        release(BOB);
        reopen(Workshop.OPEN_DOOR);

        assertThat(release(Actor.service("console")).agent().state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void a_word_that_was_given_survives_a_restart_and_the_last_hold_is_not_the_only_one() {
        violate();
        manager.suspend(ID, HoldTerms.of("look").releasedBy(ReleaseAuthority.ADMIN), ADMIN);
        release(BOB);
        reopen(twoPeople().version(2).build());

        assertThat(release(CAROL).credential()).as("another hold stands").isEmpty();
        assertThat(kinds(manager, ID)).endsWith(EventKind.RELEASE_AGREED, EventKind.HOLD_RELEASED);
        refused(manager, "hold-authority", () -> manager.resume(ID, CAROL));
    }

    @Test
    void a_hold_ends_by_itself_as_it_was_placed_to() {
        active(manager, "agent:1");
        manager.placeHold(
                ID,
                VIOLATION,
                HoldTerms.of("a day off").until(shop.clock.instant().plus(Duration.ofHours(1))),
                ADMIN);
        release(BOB);
        shop.clock.advance(Duration.ofHours(1));
        manager.sweeper().sweep();

        assertThat(state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void what_is_not_there_is_not_agreed_to() {
        active(manager, "agent:1");
        assertThatThrownBy(() -> release(BOB)).isInstanceOf(InvalidTransitionException.class);
        manager.suspend(ID, "look", ADMIN);
        refused(manager, "no-such-hold", () -> release(BOB));
        assertThatThrownBy(() -> releaseQuarantine(BOB)).isInstanceOf(InvalidTransitionException.class);
    }

    // ---- quarantine

    @Test
    void a_quarantine_for_a_violation_ends_with_the_second_of_two_people() {
        active(manager, "agent:1");
        manager.quarantines().quarantine(ID, THEFT, ADMIN);

        Activation first = releaseQuarantine(BOB);

        assertThat(first.credential()).isEmpty();
        assertThat(first.agent().state()).isEqualTo(AgentState.QUARANTINED);
        assertThat(first.agent().conduct().standing().agreed()).contains(BOB);
        assertThat(last().kind()).isEqualTo(EventKind.RELEASE_AGREED);
        assertThat(last().details()).isEqualTo(Json.Obj.EMPTY);
        refused(manager, "four-eyes", () -> releaseQuarantine(BOB));
        refused(manager, "four-eyes", () -> releaseQuarantine(Actor.human(ALICE)));
        refused(manager, "four-eyes", () -> releaseQuarantine(Actor.service("console")));
        refused(manager, "quarantine-authority", () -> manager.quarantines().release(ID, CAROL));
        Activation second = releaseQuarantine(CAROL);
        assertThat(second.agent().state()).isEqualTo(AgentState.ACTIVE);
        assertThat(second.agent().conduct().quarantine())
                .map(Quarantine::agreed)
                .isEmpty();
    }

    @Test
    void a_word_counts_for_nothing_worse_and_for_no_other_quarantine() {
        active(manager, "agent:1");
        manager.quarantines().quarantine(ID, THEFT, ADMIN);
        releaseQuarantine(BOB);
        manager.quarantines().quarantine(ID, WORSE, ADMIN);
        assertThat(releaseQuarantine(CAROL).agent().state()).isEqualTo(AgentState.QUARANTINED);
        assertThat(releaseQuarantine(BOB).agent().state()).isEqualTo(AgentState.ACTIVE);

        manager.quarantines().quarantine(ID, THEFT, ADMIN);
        assertThat(releaseQuarantine(BOB).agent().state()).isEqualTo(AgentState.QUARANTINED);
    }

    @Test
    void other_quarantines_take_one_and_may_be_recovered_from() {
        active(manager, "agent:1");
        manager.quarantines().quarantine(ID, CRASH, ADMIN);
        assertThat(manager.quarantines()
                        .release(ID, Actor.service("console"))
                        .agent()
                        .state())
                .isEqualTo(AgentState.ACTIVE);
        manager.quarantines().quarantine(ID, CRASH, ADMIN);
        assertThat(manager.quarantines().attemptRecovery(ID, agent -> {}, BOB))
                .isInstanceOf(RecoveryResult.Recovered.class);
    }

    @Test
    void no_recovery_leads_out_of_a_quarantine_that_takes_two_people() {
        active(manager, "agent:1");
        manager.quarantines().quarantine(ID, THEFT, ADMIN);
        releaseQuarantine(BOB);

        assertThat(refused(
                        manager,
                        "four-eyes",
                        () -> manager.quarantines()
                                .attemptRecovery(
                                        ID,
                                        agent -> {
                                            throw new AssertionError("it must not run");
                                        },
                                        ReleaseAuthority.ADMIN,
                                        CAROL)))
                .hasMessageContainingAll("agent:1", "security_violation", "quarantines().release");
    }

    @Test
    void suspending_it_out_of_its_quarantine_is_no_way_around() {
        active(manager, "agent:1");
        manager.quarantines().quarantine(ID, THEFT, ADMIN);
        releaseQuarantine(BOB);
        manager.suspend(ID, "look", ADMIN);

        assertThat(manager.releaseHold(ID, HoldReason.OPERATOR, ReleaseAuthority.ADMIN, CAROL)
                        .agent()
                        .state())
                .isEqualTo(AgentState.SUSPENDED);
        assertThat(manager.releaseHold(ID, HoldReason.OPERATOR, ReleaseAuthority.ADMIN, BOB)
                        .agent()
                        .state())
                .isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void the_hold_in_the_place_of_a_quarantine_takes_two_and_a_worse_one_is_another_hold() {
        active(manager, "agent:1");
        manager.suspend(ID, "look", ADMIN);
        manager.quarantines().quarantine(ID, CRASH, ADMIN);
        manager.quarantines().quarantine(ID, THEFT, ADMIN);

        manager.releaseHold(ID, HoldReason.QUARANTINE, ReleaseAuthority.ADMIN, BOB);
        assertThat(manager.get(ID)
                        .holds()
                        .get(HoldReason.QUARANTINE)
                        .orElseThrow()
                        .agreed())
                .contains(BOB);
        manager.releaseHold(ID, HoldReason.QUARANTINE, ReleaseAuthority.ADMIN, CAROL);
        assertThat(manager.get(ID).holds().reasons()).containsExactly(HoldReason.OPERATOR);
    }

    // ---- all else

    @Test
    void the_first_of_two_lifts_no_denial_of_this_process() {
        reopen(twoPeople()
                .guard(GuardPolicy.DEFAULT.withQuarantine(QuarantineAccess.FULL))
                .build());
        active(manager, "agent:1");
        manager.quarantines().quarantine(ID, THEFT, ADMIN);
        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed()).isTrue();
        store.breakAt(call -> call == FaultStore.Call.COMMIT);
        assertThatThrownBy(() -> manager.suspend(ID, "now", ADMIN)).isInstanceOf(StoreException.class);
        store.heal();
        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed()).isFalse();

        releaseQuarantine(BOB);
        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed()).isFalse();
        releaseQuarantine(CAROL);
        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed()).isTrue();
    }

    @Test
    void while_nothing_can_be_signed_nobody_agrees_to_a_release() {
        TestSealer sealer = new TestSealer();
        Workshop other = new Workshop();
        LifecycleManager signed =
                other.open(builder -> builder.policy(twoPeople().build()).sealer(sealer));
        active(signed, "agent:1");
        signed.placeHold(ID, VIOLATION, "spammed", ADMIN);
        sealer.fail();

        assertThatThrownBy(() -> signed.releaseHold(ID, VIOLATION, ReleaseAuthority.ADMIN, BOB))
                .isInstanceOf(AuditUnavailableException.class);
        assertThat(signed.get(ID).holds().get(VIOLATION).orElseThrow().agreed()).isEmpty();
        sealer.heal();
        other.check();
    }

    @Test
    void who_agreed_is_erased_as_other_people_are() {
        shop.close(manager);
        manager = shop.open(builder -> builder.policy(twoPeople().build()).personalData(PersonalData.DISCLOSABLE));
        violate();
        release(BOB);
        manager.decommission(ID, "enough", ADMIN);
        manager.erasePersonalData(ID, "asked for", ADMIN);

        assertThat(manager.get(ID).holds().get(VIOLATION).orElseThrow().agreed())
                .contains(Actor.human(SealedEvent.REDACTED));
        assertThat(manager.auditTrail(ID).toString()).doesNotContain("bob@company");
        assertThat(manager.verify().redacted()).isPositive();
    }

    @Test
    void a_policy_that_says_nothing_of_it_has_the_digest_that_it_had() {
        LifecyclePolicy plain = LifecyclePolicy.defaults();
        assertThat(plain.fourEyes()).isFalse();
        assertThat(LifecyclePolicy.builder().fourEyes(false).build().ref()).isEqualTo(plain.ref());
        assertThat(LifecyclePolicy.builder().fourEyes(true).build().ref()).isNotEqualTo(plain.ref());
        assertThat(LifecyclePolicy.builder().reapproveOwner(false).build().ref())
                .isEqualTo(plain.ref());
        assertThat(LifecyclePolicy.builder().reapproveOwner(true).build().ref()).isNotEqualTo(plain.ref());
    }
}
