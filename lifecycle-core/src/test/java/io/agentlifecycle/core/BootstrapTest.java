package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ALICE;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.OPEN_DOOR;
import static io.agentlifecycle.core.Workshop.kinds;
import static io.agentlifecycle.core.Workshop.refused;
import static io.agentlifecycle.core.audit.EventKind.AGENT_ACTIVATED;
import static io.agentlifecycle.core.audit.EventKind.AGENT_APPROVED;
import static io.agentlifecycle.core.audit.EventKind.AGENT_LIMITS_SET;
import static io.agentlifecycle.core.audit.EventKind.AGENT_PROVISIONED;
import static io.agentlifecycle.core.audit.EventKind.AGENT_REQUESTED;
import static io.agentlifecycle.core.audit.EventKind.CREDENTIAL_ISSUED;
import static io.agentlifecycle.core.audit.EventKind.CREDENTIAL_ROTATED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.agentlifecycle.core.FaultStore.Call;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.Role;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Command;
import io.agentlifecycle.core.approval.Ballot;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.budget.Limits;
import io.agentlifecycle.core.budget.RateLimit;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.error.AuditUnavailableException;
import io.agentlifecycle.core.error.ContentionException;
import io.agentlifecycle.core.error.KeysUnavailableException;
import io.agentlifecycle.core.error.LifecycleException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.RetryableBootstrapException;
import io.agentlifecycle.core.error.RetryableBootstrapException.Step;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.quarantine.Incident;
import io.agentlifecycle.core.quarantine.Severity;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** An agent that comes in by one call, which may fail after each step, and is called again. */
class BootstrapTest {
    private static final Actor BOT = Actor.service("sales-bot-01");
    private static final AgentKey KEY = new AgentKey(TenantId.DEFAULT, ID);
    private static final List<EventKind> ALL_STEPS = List.of(
            AGENT_REQUESTED, AGENT_APPROVED, AGENT_PROVISIONED, AGENT_LIMITS_SET, AGENT_ACTIVATED, CREDENTIAL_ISSUED);

    private final FaultStore store = new FaultStore(LifecycleStore.inMemory());

    @RegisterExtension
    final Workshop shop = new Workshop(store);

    private final Instant end = shop.clock.instant().plus(Duration.ofDays(30));
    private final Limits limits = new Limits(RateLimit.perMinute(60), end);
    private LifecycleManager manager = shop.open(OPEN_DOOR);

    private static ProvisioningRequest.Builder request() {
        return Workshop.request(ID.value()).requestedBy(BOT);
    }

    private Bootstrap bootstrap() {
        return manager.bootstrap(request().build(), limits);
    }

    private void reopen(LifecyclePolicy policy) {
        shop.close(manager);
        manager = shop.open(policy);
    }

    private boolean works(Bootstrap bootstrap) {
        return manager.verifyOpaque(bootstrap.issued().orElseThrow().token().reveal())
                .allowed();
    }

    // ---- the way in

    @Test
    void one_call_gives_a_profile_limits_and_a_token_in_this_order() {
        Bootstrap done = bootstrap();

        assertThat(kinds(manager, ID)).isEqualTo(ALL_STEPS);
        assertThat(done.agent()).isEqualTo(manager.get(ID));
        assertThat(done.agent().state()).isEqualTo(AgentState.ACTIVE);
        assertThat(done.agent().rateLimit()).contains(limits.rate());
        assertThat(done.agent().lifespan().notAfter()).contains(end);
        assertThat(done.limits()).isEqualTo(limits);
        assertThat(done.callsLeft()).isEqualTo(60);
        assertThat(done.nextSteps())
                .isSorted()
                .containsExactlyInAnyOrder(
                        Command.SUSPEND,
                        Command.QUARANTINE,
                        Command.MARK_ORPHANED,
                        Command.DECOMMISSION,
                        Command.HEARTBEAT,
                        Command.ROTATE_CREDENTIALS,
                        Command.REVOKE_CREDENTIALS,
                        Command.RENEW,
                        Command.CHANGE_OWNER);
        assertThat(works(done)).isTrue();
        assertThat(done.toString())
                .doesNotContain(done.issued().orElseThrow().token().reveal());
        assertThat(manager.auditTrail(ID).stream()
                        .map(event -> event.event().actor())
                        .filter(actor -> !actor.isSame(Rules.AUTO)))
                .allMatch(BOT::isSame);
    }

    @Test
    void called_again_it_gives_a_fresh_token_and_resets_nothing_whatever_the_request_says() {
        Bootstrap first = bootstrap();
        manager.changeOwner(ID, "bob@company.com", ADMIN);
        manager.limitRate(ID, RateLimit.perMinute(5), ADMIN);
        manager.renew(ID, end.plusSeconds(9), ADMIN);
        manager.guard().require(ID, Operation.INVOKE);
        Agent before = manager.get(ID);
        int events = manager.auditTrail(ID).size();

        Bootstrap again = manager.bootstrap(
                ProvisioningRequest.builder("Another Name")
                        .id(ID)
                        .owner("mallory@company.com")
                        .capability("everything")
                        .requestedBy(BOT)
                        .build(),
                new Limits(RateLimit.perMinute(1_000), end.plus(Duration.ofDays(900))));

        assertThat(again.agent()
                        .with(before.credentials())
                        .with(before.tally())
                        .with(before.activity())
                        .at(before.version()))
                .isEqualTo(before);
        assertThat(again.agent().owner()).contains(Owner.of("bob@company.com"));
        assertThat(again.limits()).isEqualTo(new Limits(RateLimit.perMinute(5), end.plusSeconds(9)));
        assertThat(again.callsLeft()).isEqualTo(4);
        assertThat(kinds(manager, ID).subList(events, events + 1)).containsExactly(CREDENTIAL_ROTATED);
        assertThat(manager.auditTrail(ID)).hasSize(events + 1);
        assertThat(works(again)).isTrue();
        assertThat(works(first)).as("during the overlap").isTrue();
        shop.clock.advance(CredentialPolicy.DEFAULT.rotationOverlap());
        assertThat(works(first)).isFalse();
        assertThat(works(again)).isTrue();
    }

    @Test
    void the_token_lives_as_the_policy_says_and_no_longer_than_the_limits_do() {
        reopen(LifecyclePolicy.builder()
                .requireApproval(false)
                .credentialPolicy(CredentialPolicy.DEFAULT.withMaxCredentialTtl(Duration.ofHours(1)))
                .build());
        Instant now = shop.clock.instant();
        assertThat(bootstrap().issued().orElseThrow().credential().expiresAt())
                .isEqualTo(now.plus(Duration.ofHours(1)));

        Bootstrap brief = manager.bootstrap(
                Workshop.request("agent:2").requestedBy(BOT).build(),
                new Limits(RateLimit.perMinute(1), now.plusSeconds(90)));
        assertThat(brief.issued().orElseThrow().credential().expiresAt()).isEqualTo(now.plusSeconds(90));
        shop.clock.set(now.plusSeconds(90));
        assertThat(works(brief)).isFalse();
        manager.sweeper().sweep();
        assertThat(manager.get(AgentId.of("agent:2")).state()).isEqualTo(AgentState.DECOMMISSIONED);
    }

    @Test
    void of_two_ends_the_earlier_one_counts() {
        Instant earlier = end.minusSeconds(1);
        assertThat(manager.bootstrap(request().notAfter(earlier).build(), limits)
                        .limits()
                        .notAfter())
                .isEqualTo(earlier);
        assertThat(manager.bootstrap(
                                Workshop.request("agent:2")
                                        .requestedBy(BOT)
                                        .notAfter(end.plusSeconds(1))
                                        .build(),
                                limits)
                        .limits()
                        .notAfter())
                .isEqualTo(end);
    }

    @Test
    void a_policy_that_wants_an_end_of_every_life_is_content() {
        reopen(LifecyclePolicy.builder()
                .requireApproval(false)
                .maxLifespan(Duration.ofDays(30))
                .build());
        assertThat(refused(
                        manager,
                        "lifespan-long",
                        () -> manager.bootstrap(request().build(), new Limits(limits.rate(), end.plusNanos(1)))))
                .hasMessageContaining("the policy allows until " + end);
        assertThat(works(bootstrap())).isTrue();
    }

    @Test
    void an_agent_that_was_requested_otherwise_gets_the_limits_that_it_lacks() {
        manager.requestProvisioning(request().build());
        manager.activate(ID);
        Agent before = manager.get(ID);
        Instant over = shop.clock.instant();
        for (Limits wrong : List.of(new Limits(limits.rate(), over), new Limits(limits.rate(), over.minusSeconds(1)))) {
            refused(manager, "lifespan-over", () -> manager.bootstrap(request().build(), wrong));
        }

        Bootstrap done = bootstrap();

        assertThat(done.limits()).isEqualTo(limits);
        assertThat(done.agent().state()).isEqualTo(AgentState.ACTIVE);
        assertThat(done.agent().profile()).isEqualTo(before.profile());
        assertThat(manager.auditTrail(ID).stream()
                        .filter(event -> event.event().kind() == AGENT_LIMITS_SET)
                        .map(event -> event.event().details().members().keySet()))
                .containsExactly(Set.of("callsPerMinute", "notAfter"));
        assertThat(works(done)).isTrue();
    }

    @Test
    void limits_that_stand_in_part_are_completed_and_the_part_stays() {
        manager.requestProvisioning(request().build());
        manager.limitRate(ID, RateLimit.perMinute(3), ADMIN);
        assertThat(bootstrap().limits()).isEqualTo(new Limits(RateLimit.perMinute(3), end));

        AgentId other = AgentId.of("agent:2");
        manager.requestProvisioning(Workshop.request(other.value())
                .requestedBy(BOT)
                .notAfter(end.plusSeconds(5))
                .build());
        assertThat(manager.bootstrap(
                                Workshop.request(other.value()).requestedBy(BOT).build(), limits)
                        .limits())
                .isEqualTo(new Limits(limits.rate(), end.plusSeconds(5)));
    }

    @Test
    void limits_that_end_before_the_life_begins_are_refused() {
        manager.requestProvisioning(request().notBefore(end).build());
        assertThat(refused(manager, "lifespan-begin", this::bootstrap))
                .hasMessageContainingAll(ID.value(), end.toString());
        assertThatThrownBy(() -> manager.bootstrap(
                        Workshop.request("agent:2")
                                .requestedBy(BOT)
                                .notBefore(end)
                                .build(),
                        limits))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(manager.find(AgentId.of("agent:2"))).isEmpty();
    }

    @Test
    void an_agent_that_was_away_for_a_year_comes_back_by_the_same_call() {
        Limits long_ = new Limits(limits.rate(), end.plus(Duration.ofDays(900)));
        manager.bootstrap(request().build(), long_);
        shop.clock.advance(Duration.ofHours(20));
        for (int i = 0; i < 3; i++) {
            Bootstrap again = manager.bootstrap(request().build(), long_);
            assertThat(works(again)).isTrue();
            assertThat(again.agent().credentials().generation()).isEqualTo(2 + i);
            shop.clock.advance(Duration.ofHours(25));
            assertThat(works(again)).isFalse();
        }
        assertThat(kinds(manager, ID))
                .startsWith(ALL_STEPS.toArray(EventKind[]::new))
                .hasSize(ALL_STEPS.size() + 3);
    }

    // ---- approval

    @Test
    void where_somebody_must_approve_it_ends_with_limits_and_no_token() {
        reopen(LifecyclePolicy.defaults());

        for (int i = 0; i < 2; i++) {
            Bootstrap waiting = bootstrap();

            assertThat(waiting.issued()).isEmpty();
            assertThat(waiting.agent().state()).isEqualTo(AgentState.PENDING_APPROVAL);
            assertThat(waiting.limits()).isEqualTo(limits);
            assertThat(waiting.nextSteps())
                    .contains(Command.APPROVE, Command.REJECT, Command.WITHDRAW)
                    .doesNotContain(Command.EXPIRE_REQUEST);
            assertThat(kinds(manager, ID)).containsExactly(AGENT_REQUESTED, AGENT_LIMITS_SET);
        }
        refused(manager, "approver-human", () -> manager.approve(ID, BOT));
        manager.approve(ID, ADMIN);
        assertThat(works(bootstrap())).isTrue();
    }

    @Test
    void whoever_approves_sees_the_time_to_live() {
        reopen(LifecyclePolicy.defaults());
        String shown = manager.bootstrap(request().build(), limits)
                .agent()
                .lifespan()
                .notAfter()
                .toString();
        String digest = manager.approvals().status(ID).shown();
        bootstrap();
        assertThat(shown).contains(end.toString());
        assertThat(manager.approvals().status(ID).shown()).isEqualTo(digest);
        assertThat(manager.approve(ID, ADMIN).rateLimit()).contains(limits.rate());
    }

    @Test
    void an_end_that_comes_after_a_vote_voids_it() {
        reopen(LifecyclePolicy.defaults());
        manager.requestProvisioning(request().build());
        bootstrap();
        assertThat(manager.get(ID).approval().isChanged()).isTrue();
        refused(manager, "approval-outdated", () -> manager.approve(ID, ADMIN));
    }

    @Test
    void a_request_that_was_turned_down_gives_no_token() {
        reopen(LifecyclePolicy.defaults());
        bootstrap();
        manager.reject(ID, "no", ADMIN);
        assertThat(refused(manager, "bootstrap-state", this::bootstrap))
                .hasMessageContainingAll("DECOMMISSIONED", "bootstrap another agent");
    }

    // ---- refusals

    private static final Map<String, String> WAYS_OUT = Map.of(
            "SUSPENDED", "it is SUSPENDED, held for [operator]; resume it, or release its holds",
            "QUARANTINED", "it is QUARANTINED; release it from quarantine",
            "ORPHANED", "it is ORPHANED; reclaim it for a new owner",
            "DECOMMISSIONING", "it is DECOMMISSIONING; its id is never given out again: bootstrap another agent",
            "DECOMMISSIONED", "it is DECOMMISSIONED; its id is never given out again: bootstrap another agent",
            "PROVISIONED", "it is PROVISIONED, held for [policy_violation]; release its holds");

    static Stream<Arguments> stopped() {
        return WAYS_OUT.keySet().stream()
                .sorted()
                .flatMap(state -> Stream.of(true, false).map(limited -> Arguments.of(state, limited)));
    }

    @ParameterizedTest
    @MethodSource("stopped")
    void whoever_was_stopped_gets_no_token_and_nothing_of_it_changes(String state, boolean limited) {
        shop.close(manager);
        manager = shop.open(builder ->
                builder.policy(OPEN_DOOR).teardownTask(new FlakyTask("stuck", () -> !state.equals("DECOMMISSIONING"))));
        if (limited && !state.equals("PROVISIONED")) {
            bootstrap();
        } else {
            manager.requestProvisioning(request().build());
        }
        if (!limited && !state.equals("PROVISIONED")) {
            manager.activate(ID);
        }
        switch (state) {
            case "SUSPENDED" -> manager.suspend(ID, "", ADMIN);
            case "QUARANTINED" ->
                manager.quarantines().quarantine(ID, new Incident(Incident.Kind.CRASH, Severity.HIGH, ""), ADMIN);
            case "ORPHANED" -> manager.markOrphaned(ID, ADMIN);
            case "PROVISIONED" -> manager.placeHold(ID, HoldReason.POLICY_VIOLATION, "", ADMIN);
            default -> manager.decommission(ID, "", ADMIN);
        }
        assertThat(manager.get(ID).state()).isEqualTo(AgentState.valueOf(state));

        assertThat(refused(manager, "bootstrap-state", this::bootstrap))
                .hasMessageContainingAll("agent agent:1", WAYS_OUT.get(state))
                .satisfies(refusal -> assertThat(refusal.actor()).isEmpty());
    }

    @Test
    void a_token_is_not_for_whoever_knows_the_id() {
        bootstrap();
        refused(
                manager,
                "access-role",
                () -> manager.bootstrap(request().requestedBy(Actor.agent(ID)).build(), limits));
        Actor mallory = Actor.service("mallory");
        for (Actor other : List.of(mallory, Actor.human(BOT.id()))) {
            assertThat(refused(
                            manager,
                            "bootstrap-other",
                            () -> manager.bootstrap(request().requestedBy(other).build(), limits)))
                    .hasMessageContaining("choose another id")
                    .satisfies(refusal -> assertThat(refusal.actor()).contains(other));
        }
        manager.suspend(ID, "", ADMIN);
        assertThat(refused(
                        manager,
                        "bootstrap-other",
                        () -> manager.bootstrap(request().requestedBy(mallory).build(), limits)))
                .as("and the state is not either")
                .hasMessageNotContaining("SUSPENDED");
        shop.clock.advance(Duration.ofMinutes(2));
        manager.sweeper().sweep();
        assertThat(manager.events(0, 1_000).events())
                .as("an attempt at power is written down")
                .anyMatch(event -> event.event().kind() == EventKind.ACCESS_REFUSED
                        && event.canonical().contains("bootstrap-other"));
    }

    @Test
    void a_request_says_whom_and_by_whom() {
        var nameless =
                ProvisioningRequest.builder("Bot").owner(ALICE).requestedBy(BOT).build();
        assertThat(refused(manager, "bootstrap-id", () -> manager.bootstrap(nameless, limits)))
                .hasMessageContainingAll("Bot", "id(..)");
        var byNobody = Workshop.request(ID.value()).build();
        assertThat(refused(manager, "bootstrap-actor", () -> manager.bootstrap(byNobody, limits)))
                .hasMessageContainingAll(ID.value(), "requestedBy(..)");
        var ownerless =
                ProvisioningRequest.builder("Bot").id(ID).requestedBy(BOT).build();
        refused(manager, "owner-required", () -> manager.bootstrap(ownerless, limits));
        assertThatNullPointerException().isThrownBy(() -> manager.bootstrap(null, limits));
        assertThatNullPointerException()
                .isThrownBy(() -> manager.bootstrap(request().build(), null));
        assertThatNullPointerException().isThrownBy(() -> manager.limitRate(ID, null, ADMIN));
        assertThatNullPointerException().isThrownBy(() -> manager.limitRate(ID, limits.rate(), null));
        assertThatNullPointerException().isThrownBy(() -> new Limits(limits.rate(), null));
        assertThatNullPointerException().isThrownBy(() -> new Limits(null, end));
    }

    @Test
    void what_the_token_is_refused_for_is_told_and_done_when_it_is_gone() {
        KillSwitch kills = manager.killSwitch();
        kills.engage(kills.everything(), "a rehearsal", ADMIN);
        assertThatThrownBy(this::bootstrap)
                .isInstanceOfSatisfying(
                        PolicyViolationException.class,
                        refusal -> assertThat(refusal.rule()).isEqualTo("kill-switch"));
        assertThat(kinds(manager, ID)).isEqualTo(ALL_STEPS.subList(0, 4));
        kills.release(kills.everything(), ReleaseAuthority.ADMIN, "", ADMIN);
        assertThat(works(bootstrap())).isTrue();
        assertThat(kinds(manager, ID)).isEqualTo(ALL_STEPS);
    }

    @Test
    void an_agent_that_works_for_another_waits_for_that_one_with_its_limits() {
        AgentId child = AgentId.of("agent:2");
        ProvisioningRequest request =
                Workshop.request(child.value()).requestedBy(BOT).parent(ID).build();
        manager.requestProvisioning(request().build());
        assertThatThrownBy(() -> manager.bootstrap(request, limits))
                .isInstanceOfSatisfying(
                        PolicyViolationException.class,
                        refusal -> assertThat(refusal.rule()).isEqualTo("parent-running"));
        assertThat(manager.get(child).rateLimit()).contains(limits.rate());
        assertThat(manager.get(child).credential()).isEmpty();
        bootstrap();
        assertThat(works(manager.bootstrap(request, limits))).isTrue();
    }

    @Test
    void agents_of_two_tenants_come_in_by_the_same_id() {
        LifecycleManager acme = manager.forTenant(TenantId.of("acme"));
        bootstrap();
        assertThat(acme.bootstrap(request().requestedBy(Actor.service("other")).build(), limits)
                        .issued())
                .isPresent();
        assertThat(acme.get(ID).approval().requestedBy()).isEqualTo(Actor.service("other"));
        assertThat(manager.get(ID).approval().requestedBy()).isEqualTo(BOT);
    }

    // ---- faults

    /** What becomes of a commit. */
    private enum Fault {
        /** It never gets there. */
        LOST,
        /** It is stored, and the answer is lost. */
        UNANSWERED,
        /** It is stored, and nobody can say so. */
        UNKNOWN,
        /** Somebody else is always faster. */
        CONTENDED;

        CommitResult of(Commit commit, LifecycleStore to) {
            if (this == CONTENDED) {
                return new CommitResult.Conflict(Map.of());
            }
            if (this == LOST) {
                throw new StoreException("the disk is gone", null);
            }
            CommitResult done = to.commit(commit);
            assertThat(done).isInstanceOf(CommitResult.Applied.class);
            if (this == UNANSWERED) {
                throw new StoreException("the line is gone", null);
            }
            return new CommitResult.Unknown("who knows");
        }

        boolean stores() {
            return this == UNANSWERED || this == UNKNOWN;
        }
    }

    static Stream<Arguments> faults() {
        return Stream.of(Fault.values())
                .flatMap(fault -> Stream.of(Step.values())
                        .flatMap(step -> Stream.of(true, false).map(restart -> Arguments.of(fault, step, restart))));
    }

    /** From the commit of that step on the store is broken, as it would be if a disk went. */
    private void breakAt(Fault fault, Step step) {
        var commits = new AtomicInteger();
        store.commits =
                (commit, to) -> commits.getAndIncrement() < step.ordinal() ? to.commit(commit) : fault.of(commit, to);
        store.breakAt(call -> call == Call.FIND_COMMIT);
    }

    @ParameterizedTest
    @MethodSource("faults")
    void after_a_fault_at_any_step_no_token_is_out_and_called_again_it_completes(
            Fault fault, Step step, boolean restart) {
        breakAt(fault, step);

        var failed = catchThrowableOfType(RetryableBootstrapException.class, this::bootstrap);

        assertThat(failed.step()).isEqualTo(step);
        assertThat(failed.agent()).isEqualTo(KEY);
        assertThat(failed.code()).isEqualTo("bootstrap-incomplete");
        assertThat(failed)
                .hasMessageContainingAll(ID.value(), step.name(), "no token was given out", "call bootstrap again");
        assertThat(failed)
                .hasCauseInstanceOf(fault == Fault.CONTENDED ? ContentionException.class : StoreException.class);
        store.heal();
        int done = step.ordinal() + (fault.stores() ? 1 : 0);
        assertThat(kindsSoFar())
                .isEqualTo(ALL_STEPS.subList(0, List.of(0, 3, 4, 6).get(done)));
        meanwhile();
        if (restart) {
            reopen(OPEN_DOOR);
        }

        Bootstrap completed = manager.bootstrap(
                request().owner("mallory@company.com").purpose("to reset it").build(),
                new Limits(RateLimit.perMinute(999), end.plusSeconds(9)));

        assertThat(works(completed)).isTrue();
        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed()).isTrue();
        assertThat(completed.agent().credentials().generation())
                .as("a token that nobody got was made once at most")
                .isEqualTo(step == Step.TOKEN && fault.stores() ? 2 : 1);
        assertThat(completed.agent().state()).isEqualTo(AgentState.ACTIVE);
        assertThat(completed.agent().owner()).contains(Owner.of(done == 0 ? "mallory@company.com" : "bob@company.com"));
        assertThat(completed.limits())
                .isEqualTo(
                        switch (done) {
                            case 0 -> new Limits(RateLimit.perMinute(999), end.plusSeconds(9));
                            case 1 -> new Limits(RateLimit.perMinute(999), end);
                            default -> new Limits(RateLimit.perMinute(7), end);
                        });
        assertThat(kindsSoFar().stream().filter(AGENT_REQUESTED::equals)).hasSize(1);
        assertThat(kindsSoFar().stream().filter(AGENT_ACTIVATED::equals)).hasSize(1);
    }

    private List<EventKind> kindsSoFar() {
        return manager.find(ID).isPresent() ? kinds(manager, ID) : List.of();
    }

    /** What others do before it is called again, which calling it again must not undo. */
    private void meanwhile() {
        manager.find(ID).ifPresent(agent -> {
            manager.changeOwner(ID, "bob@company.com", ADMIN);
            if (agent.rateLimit().isPresent()) {
                manager.limitRate(ID, RateLimit.perMinute(7), ADMIN);
            }
        });
    }

    @ParameterizedTest
    @EnumSource(
            value = Call.class,
            names = {"GET", "COMMIT"})
    void whichever_call_of_the_store_fails_calling_again_completes(Call broken) {
        for (int n = 0; ; n++) {
            AgentId agent = AgentId.of("agent:" + n);
            ProvisioningRequest request =
                    Workshop.request(agent.value()).requestedBy(BOT).build();
            var calls = new AtomicInteger();
            int from = n;
            store.breakAt(call -> call == broken && calls.getAndIncrement() == from);
            LifecycleException failure = null;
            try {
                manager.bootstrap(request, limits);
            } catch (RetryableBootstrapException e) {
                failure = e;
            }
            store.heal();
            if (failure == null) {
                assertThat(n).as("calls that may fail").isGreaterThan(2);
                return;
            }
            assertThat(manager.guard().check(agent, Operation.INVOKE).allowed()).isFalse();
            assertThat(works(manager.bootstrap(request, limits))).isTrue();
            assertThat(kinds(manager, agent)).isEqualTo(ALL_STEPS);
        }
    }

    @ParameterizedTest
    @EnumSource(Step.class)
    void when_the_sealer_fails_no_token_is_out_and_called_again_it_completes(Step step) {
        var sealer = new TestSealer();
        shop.close(manager);
        manager = shop.open(builder -> builder.policy(OPEN_DOOR).sealer(sealer).signFromHere());
        var commits = new AtomicInteger();
        store.commits = (commit, to) -> {
            CommitResult result = to.commit(commit);
            if (commits.incrementAndGet() == step.ordinal()) {
                sealer.fail();
            }
            return result;
        };
        if (step == Step.PROFILE) {
            sealer.fail();
        }

        var failed = catchThrowableOfType(RetryableBootstrapException.class, this::bootstrap);

        assertThat(failed.step()).isEqualTo(step);
        assertThat(failed).hasCauseInstanceOf(AuditUnavailableException.class);
        assertThat(kindsSoFar()).isEqualTo(ALL_STEPS.subList(0, List.of(0, 3, 4).get(step.ordinal())));
        store.heal();
        sealer.heal();
        assertThat(works(bootstrap())).isTrue();
        assertThat(kinds(manager, ID)).isEqualTo(ALL_STEPS);
    }

    @Test
    void when_the_keys_of_the_issuer_are_away_it_may_be_called_again_and_a_broken_issuer_is_told_as_it_is() {
        List<RuntimeException> failures = new ArrayList<>(List.of(
                new KeysUnavailableException("keys", "are away", "wait", null), new IllegalStateException("a bug")));
        var issuer = new RepeatableIssuer();
        shop.close(manager);
        manager = shop.open(builder -> builder.policy(OPEN_DOOR).credentials(order -> {
            if (!failures.isEmpty()) {
                throw failures.remove(0);
            }
            return issuer.issue(order);
        }));

        assertThatThrownBy(this::bootstrap)
                .isInstanceOfSatisfying(
                        RetryableBootstrapException.class,
                        e -> assertThat(e.step()).isEqualTo(Step.TOKEN))
                .hasMessageContaining("keys-unavailable");
        assertThatThrownBy(this::bootstrap).isInstanceOf(IllegalStateException.class);
        assertThat(bootstrap().issued()).isPresent();
        assertThat(kinds(manager, ID)).isEqualTo(ALL_STEPS);
    }

    @Test
    void a_closed_manager_says_what_is_wrong() {
        LifecycleManager closed = shop.open(OPEN_DOOR);
        shop.close(closed);
        assertThatThrownBy(() -> closed.bootstrap(request().build(), limits))
                .isInstanceOf(RetryableBootstrapException.class)
                .rootCause()
                .hasMessageContaining("closed");
    }

    // ---- threads

    /** The id was free when it was looked at, and is taken when the agent is to be stored. */
    private void taken(Actor by) {
        var first = new AtomicBoolean(true);
        store.commits = (commit, to) -> {
            if (first.getAndSet(false)) {
                manager.requestProvisioning(request().requestedBy(by).build());
            }
            return to.commit(commit);
        };
    }

    /** Does that once, before the next commit that has an event of that kind. */
    private void before(EventKind kind, Runnable sneak) {
        var once = new AtomicBoolean(true);
        store.commits = (commit, to) -> {
            boolean now =
                    commit.events().stream().anyMatch(event -> event.canonical().contains("\"" + kind.wire() + "\""))
                            && once.getAndSet(false);
            if (now) {
                sneak.run();
            }
            return to.commit(commit);
        };
    }

    @Test
    void limits_that_are_amended_away_before_the_token_stand_when_it_is_given() {
        before(
                AGENT_ACTIVATED,
                () -> manager.approvals()
                        .amend(ID, request().purpose("something else").build(), ADMIN));

        Bootstrap done = bootstrap();

        assertThat(done.agent().profile().purpose()).isEqualTo("something else");
        assertThat(done.agent().lifespan().notAfter()).contains(end);
        assertThat(manager.get(ID).rateLimit()).contains(limits.rate());
        manager.approvals().amend(ID, request().purpose("a third thing").build(), ADMIN);
        assertThat(manager.get(ID).lifespan().notAfter())
                .as("whoever names no end leaves it")
                .contains(end);
        refused(
                manager,
                "lifespan-begin",
                () -> manager.approvals().amend(ID, request().notBefore(end).build(), ADMIN));
    }

    @Test
    void whoever_was_to_be_stopped_when_that_could_not_be_stored_gets_no_token() {
        bootstrap();
        store.breakAt(call -> call == Call.COMMIT);
        assertThatThrownBy(() -> manager.suspend(ID, "rogue", ADMIN)).isInstanceOf(StoreException.class);
        store.heal();

        assertThat(refused(manager, "bootstrap-state", this::bootstrap))
                .hasMessageContaining("suspend it, and resume it");
        manager.suspend(ID, "rogue", ADMIN);
        manager.resume(ID, ADMIN);
        assertThat(works(bootstrap())).isTrue();
    }

    @Test
    void whoever_asked_once_does_not_limit_an_agent_that_is_at_work() {
        LifecycleManager least = shop.open(
                builder -> builder.policy(OPEN_DOOR).access((actor, tenant, agent) -> Optional.of(Role.AGENT)));
        manager.requestProvisioning(request().build());
        manager.activate(ID);

        refused(least, "access-role", () -> least.bootstrap(request().build(), limits));

        assertThat(manager.get(ID).rateLimit()).isEmpty();
        assertThat(works(bootstrap())).as("an admin does").isTrue();
    }

    @Test
    void whoever_amends_an_agent_does_not_become_who_asked_for_it() {
        reopen(LifecyclePolicy.defaults());
        bootstrap();
        manager.approvals()
                .vote(
                        ID,
                        Ballot.approve("")
                                .onSeeing(manager.approvals().status(ID).shown()),
                        ADMIN);
        bootstrap();
        Actor carol = Actor.human("carol@company.com");
        manager.approvals().amend(ID, request().purpose("more").build(), carol);
        manager.approvals()
                .vote(
                        ID,
                        Ballot.approve("")
                                .onSeeing(manager.approvals().status(ID).shown()),
                        ADMIN);
        manager.releaseHold(ID, HoldReason.REAPPROVAL, ADMIN);

        refused(
                manager,
                "bootstrap-other",
                () -> manager.bootstrap(request().requestedBy(carol).build(), limits));
        assertThat(works(bootstrap())).isTrue();
    }

    @Test
    void a_key_of_the_request_says_nothing_since_the_id_does() {
        Limits later = new Limits(limits.rate(), end.plus(Duration.ofDays(1)));
        before(AGENT_REQUESTED, () -> {
            Bootstrap faster = manager.bootstrap(request().idempotencyKey("k").build(), limits);
            assertThat(works(faster)).isTrue();
        });

        assertThat(manager.bootstrap(request().idempotencyKey("k").build(), later)
                        .limits())
                .isEqualTo(limits);
    }

    @Test
    void whoever_finds_that_another_call_of_its_own_was_faster_goes_on_from_there() {
        taken(BOT);
        assertThat(works(bootstrap())).isTrue();
        assertThat(kinds(manager, ID))
                .contains(AGENT_LIMITS_SET, AGENT_ACTIVATED)
                .containsOnlyOnce(AGENT_REQUESTED);
    }

    @Test
    void whoever_finds_that_somebody_else_was_faster_gets_nothing() {
        taken(Actor.service("mallory"));
        assertThatThrownBy(this::bootstrap)
                .isInstanceOfSatisfying(
                        PolicyViolationException.class,
                        refusal -> assertThat(refusal.rule()).isEqualTo("bootstrap-other"));
        assertThat(manager.get(ID).rateLimit()).isEmpty();
        assertThat(manager.get(ID).credential()).isEmpty();
    }

    @Test
    void many_callers_at_once_make_one_agent_with_one_set_of_limits() throws Exception {
        int threads = 6;
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            for (int round = 0; round < 10; round++) {
                ProvisioningRequest request =
                        Workshop.request("agent:" + round).requestedBy(BOT).build();
                var start = new CyclicBarrier(threads);
                List<Future<Optional<Bootstrap>>> all = new ArrayList<>();
                for (int i = 0; i < threads; i++) {
                    var own = new Limits(RateLimit.perMinute(i + 1), end);
                    all.add(pool.submit(() -> {
                        start.await();
                        try {
                            return Optional.of(manager.bootstrap(request, own));
                        } catch (RetryableBootstrapException e) {
                            assertThat(e).hasCauseInstanceOf(ContentionException.class);
                            return Optional.empty();
                        }
                    }));
                }
                List<Limits> seen = new ArrayList<>();
                for (Future<Optional<Bootstrap>> one : all) {
                    one.get().ifPresent(done -> seen.add(done.limits()));
                }
                assertThat(seen).isNotEmpty();
                assertThat(Set.copyOf(seen)).hasSize(1);
                List<EventKind> kinds = kinds(manager, AgentId.of("agent:" + round));
                assertThat(kinds.subList(0, 6)).isEqualTo(ALL_STEPS);
                assertThat(kinds.subList(6, kinds.size()))
                        .hasSize(seen.size() - 1)
                        .containsOnly(CREDENTIAL_ROTATED);
            }
        } finally {
            pool.shutdown();
        }
    }
}
