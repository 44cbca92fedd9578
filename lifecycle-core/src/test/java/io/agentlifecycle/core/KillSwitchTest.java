package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.active;
import static io.agentlifecycle.core.Workshop.kinds;
import static io.agentlifecycle.core.Workshop.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.FaultStore.Call;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Drain;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.Role;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.access.Verdict.Reason;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.Seal;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.credential.CredentialOrder;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.credential.IssuedApiKey;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.error.AccessDeniedException;
import io.agentlifecycle.core.error.AuditUnavailableException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.hold.HoldTerms;
import io.agentlifecycle.core.hold.Kill;
import io.agentlifecycle.core.hold.KillScope;
import io.agentlifecycle.core.hold.Kills;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.spi.CredentialIssuer;
import io.agentlifecycle.core.spi.LifecycleStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whom a kill switch stops, from when on, and until when. */
class KillSwitchTest {
    private static final LifecyclePolicy POLICY = LifecyclePolicy.builder()
            .requireApproval(false)
            .heartbeatInterval(Duration.ofHours(1))
            .orphanThreshold(Duration.ofDays(30))
            .credentialPolicy(CredentialPolicy.DEFAULT.withMaxCredentialTtl(Duration.ofHours(4)))
            .build();

    private final FaultStore store = new FaultStore(LifecycleStore.inMemory());

    @RegisterExtension
    final Workshop shop = new Workshop(store);

    private final LifecycleManager manager = shop.open(POLICY);
    private final KillSwitch kills = manager.killSwitch();

    private static boolean mayAct(LifecycleManager manager, Agent agent) {
        return manager.forTenant(agent.key().tenant())
                .guard()
                .check(agent.id(), Operation.INVOKE)
                .allowed();
    }

    private static Agent worker(LifecycleManager manager, String id, String owner, String type) {
        return manager.activate(manager.requestProvisioning(ProvisioningRequest.builder(id)
                                .id(AgentId.of(id))
                                .owner(owner)
                                .agentType(type)
                                .build())
                        .id())
                .agent();
    }

    private List<EventKind> log() {
        return manager.events(0, Integer.MAX_VALUE).events().stream()
                .filter(event -> event.event().position().stream().equals("log"))
                .map(event -> event.event().kind())
                .toList();
    }

    // ---- whom

    @ParameterizedTest
    @CsvSource({
        "agent:default/a, a",
        "owner:default/bob@company.com, 'b, c'",
        "type:default/crawler, 'a, c'",
        "tenant:default, 'a, b, c'",
        "tenant:acme, x",
        "type:acme/crawler, x",
        "owner:acme/bob@company.com, x",
        "agent:acme/a, ''",
        "everything, 'a, b, c, x'"
    })
    void each_scope_stops_whom_it_names_and_nobody_else(String wire, String expected) {
        KillScope scope = KillScope.of(wire);
        LifecycleManager acme = manager.forTenant(TenantId.of("acme"));
        List<Agent> all = List.of(
                worker(manager, "a", "alice@company.com", "crawler"),
                worker(manager, "b", "bob@company.com", "langchain"),
                worker(manager, "c", "bob@company.com", "crawler"),
                worker(acme, "x", "bob@company.com", "crawler"));
        List<String> wanted = expected.isEmpty() ? List.of() : List.of(expected.split(", "));

        long stopped = kills.engage(scope, "it sends spam", ADMIN);

        assertThat(stopped).isEqualTo(wanted.size());
        for (Agent agent : all) {
            boolean killed = wanted.contains(agent.id().value());
            assertThat(mayAct(manager, agent)).as("%s", agent.key()).isEqualTo(!killed);
            Verdict standing = manager.standing(
                    agent.key(), agent.credential().orElseThrow().id());
            assertThat(standing.allowed()).isEqualTo(!killed);
            if (standing instanceof Verdict.Denied denied) {
                assertThat(denied.reasons()).containsExactly(Reason.KILLED);
                assertThat(denied.httpStatus()).isEqualTo(403);
            }
            assertThat(manager.forTenant(agent.key().tenant()).get(agent.id()))
                    .as("its record stays what it was")
                    .isEqualTo(agent);
        }
        assertThat(kills.engaged()).containsExactly(new Kill(scope, shop.clock.instant()));
        SealedEvent engaged = manager.search(e -> e.kind() == EventKind.KILL_ENGAGED, 0, 1)
                .events()
                .get(0);
        assertThat(engaged.event().actor()).isEqualTo(ADMIN);
        assertThat(engaged.event().details())
                .isEqualTo(Json.object()
                        .put("reason", "it sends spam")
                        .put("scope", wire)
                        .put("stopped", wanted.size())
                        .build());

        kills.release(scope, ReleaseAuthority.ADMIN, "it was a test", ADMIN);
        assertThat(all).allMatch(agent -> mayAct(manager, agent));
        assertThat(kills.engaged()).isEmpty();
    }

    @Test
    void every_operation_of_every_kind_is_stopped() {
        active(manager, "agent:1");
        kills.engage(kills.agent(ID), "", ADMIN);
        for (Operation operation : Operation.values()) {
            assertThat(manager.guard().check(ID, operation).allowed()).isFalse();
        }
    }

    @Test
    void who_passes_an_agent_on_out_of_the_reach_of_a_kill_switch_could_release_that() {
        LifecycleManager byRole = shop.open(builder -> builder.policy(Workshop.OPEN_DOOR)
                .access((actor, tenant, agent) -> Optional.of(actor.isSame(ADMIN) ? Role.ADMIN : Role.OPERATOR)));
        active(byRole, "agent:1");
        byRole.killSwitch().engage(byRole.killSwitch().owner(Workshop.ALICE), "", ADMIN);
        Actor bob = Actor.human("bob@company.com");

        refused(byRole, "access-role", () -> byRole.changeOwner(ID, "carol@company.com", bob));

        byRole.changeOwner(ID, "carol@company.com", ADMIN);
        byRole.changeOwner(ID, "dave@company.com", bob);
    }

    @Test
    void who_amends_an_agent_out_of_the_reach_of_a_kill_switch_for_its_type_could_release_that() {
        LifecycleManager byRole = shop.open(builder -> builder.policy(Workshop.OPEN_DOOR)
                .access((actor, tenant, agent) -> Optional.of(actor.isSame(ADMIN) ? Role.ADMIN : Role.OPERATOR)));
        active(byRole, "agent:1");
        String type = byRole.get(ID).profile().agentType();
        Actor bob = Actor.human("bob@company.com");
        byRole.killSwitch().engage(byRole.killSwitch().type(type), "", ADMIN);
        ProvisioningRequest another =
                Workshop.request("agent:1").agentType("another").build();
        ProvisioningRequest sameType =
                Workshop.request("agent:1").purpose("another").build();

        refused(byRole, "access-role", () -> byRole.approvals().amend(ID, another, bob));
        byRole.approvals().amend(ID, sameType, bob);
        assertThat(byRole.get(ID).profile().agentType()).isEqualTo(type);

        byRole.approvals().amend(ID, another, ADMIN);
        byRole.rotateCredentials(ID, bob);
        assertThat(byRole.guard().check(ID, Operation.INVOKE).allowed()).isTrue();
    }

    @Test
    void who_comes_later_is_stopped_too_and_who_is_passed_on_to_such_an_owner() {
        active(manager, "agent:1");
        kills.engage(kills.owner("bob@company.com"), "", ADMIN);
        AgentId late = manager.requestProvisioning(
                        Workshop.request("agent:2").owner("bob@company.com").build())
                .id();

        refused(manager, "kill-switch", () -> manager.activate(late));
        manager.changeOwner(ID, "bob@company.com", ADMIN);
        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed()).isFalse();
        manager.changeOwner(ID, "carol@company.com", ADMIN);
        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed()).isTrue();
    }

    @Test
    void who_works_for_one_that_is_stopped_is_stopped_too() {
        active(manager, "agent:1");
        Agent child = manager.activate(manager.requestProvisioning(
                                Workshop.request("agent:child").parent(ID).build())
                        .id())
                .agent();
        List<Reason> heard = new ArrayList<>();
        Lease lease = manager.guard()
                .lease(child.id(), Operation.INVOKE, Drain.CANCEL, denied -> heard.addAll(denied.reasons()));
        kills.engage(kills.agent(ID), "", ADMIN);

        assertThat(mayAct(manager, child)).isFalse();
        assertThat(heard).containsExactly(Reason.PARENT_STOPPED);
        assertThat(lease.isStopped()).isTrue();
        assertThat(manager.standing(
                                child.key(), child.credential().orElseThrow().id())
                        .allowed())
                .isFalse();
        assertThat(refused(manager, "kill-switch", () -> manager.rotateCredentials(child.id())))
                .hasMessageContaining("agent:1");
        kills.release(kills.agent(ID), ReleaseAuthority.ADMIN, "", ADMIN);
        manager.rotateCredentials(child.id());
        assertThat(mayAct(manager, child)).isTrue();
    }

    @Test
    void two_that_overlap_are_released_one_by_one() {
        active(manager, "agent:1");
        kills.engage(kills.agent(ID), "", ADMIN);
        kills.engage(kills.everything(), "", ADMIN);
        kills.release(kills.everything(), ReleaseAuthority.ADMIN, "", ADMIN);
        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed()).isFalse();
        kills.release(kills.agent(ID), ReleaseAuthority.ADMIN, "", ADMIN);
        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed()).isTrue();
    }

    // ---- no credentials

    @Test
    void nobody_who_is_stopped_gets_a_credential_on_any_way() {
        LifecycleManager repeatable =
                shop.open(builder -> builder.policy(POLICY).credentials(new RepeatableIssuer()));
        Credential credential = active(repeatable, "agent:1").issued().credential();
        repeatable.rotateCredentials(ID, ADMIN, "once");
        active(repeatable, "agent:held");
        repeatable.suspend(AgentId.of("agent:held"), "", ADMIN);
        active(repeatable, "agent:lost");
        repeatable.markOrphaned(AgentId.of("agent:lost"), ADMIN);
        AgentId waiting = repeatable
                .requestProvisioning(Workshop.request("agent:waiting").build())
                .id();
        kills.engage(kills.tenant(), "", ADMIN);

        refused(repeatable, "kill-switch", () -> repeatable.activate(waiting));
        refused(repeatable, "kill-switch", () -> repeatable.rotateCredentials(ID));
        refused(repeatable, "kill-switch", () -> repeatable.rotateCredentials(ID, ADMIN, "once"));
        refused(repeatable, "kill-switch", () -> repeatable.reissueCredential(ID, credential.id(), ADMIN));
        refused(repeatable, "kill-switch", () -> repeatable.resume(AgentId.of("agent:held"), ADMIN));
        refused(
                repeatable,
                "kill-switch",
                () -> repeatable.reclaim(AgentId.of("agent:lost"), "bob@company.com", ADMIN));
        assertThat(new CredentialRotator(repeatable).checkAndRotate())
                .extracting(RotationResult::outcome)
                .containsOnly(RotationResult.Outcome.SKIPPED);
    }

    /** The order is given before the kill switch is engaged and comes back after it. */
    @Test
    void a_credential_that_is_being_made_meanwhile_is_thrown_away() {
        AtomicReference<Runnable> meanwhile = new AtomicReference<>(() -> {});
        List<CredentialOrder> orders = new ArrayList<>();
        var inner = new RepeatableIssuer();
        LifecycleManager slow = shop.open(builder -> builder.policy(POLICY).credentials(new CredentialIssuer() {
            @Override
            public IssuedCredential issue(CredentialOrder order) {
                orders.add(order);
                meanwhile.getAndSet(() -> {}).run();
                return inner.issue(order);
            }

            @Override
            public Optional<IssuedCredential> reissue(CredentialOrder order, Credential listed) {
                return inner.reissue(order, listed);
            }
        }));
        active(slow, "agent:1");
        Agent before = slow.get(ID);
        for (LifecycleManager whose : List.of(slow, manager)) { // another host's commit is in the way by itself
            meanwhile.set(() -> whose.killSwitch().engage(kills.agent(ID), "while it is made", ADMIN));

            assertThatThrownBy(() -> slow.rotateCredentials(ID)).hasMessageContaining("kill-switch");

            assertThat(slow.get(ID)).isEqualTo(before);
            kills.release(kills.agent(ID), ReleaseAuthority.ADMIN, "", ADMIN);
        }
        assertThat(orders).as("one for each, after the first").hasSize(3);
    }

    @Test
    void sweeps_put_off_the_renewals_of_who_is_stopped_and_go_on_after_the_release() {
        List<IssuedCredential> delivered = new ArrayList<>();
        LifecycleManager delivering = shop.open(
                builder -> builder.policy(POLICY).credentialSink((agent, credential) -> delivered.add(credential)));
        active(delivering, "agent:1");
        active(delivering, "agent:2");
        delivering.suspend(
                AgentId.of("agent:2"),
                HoldTerms.of("").until(shop.clock.instant().plus(Duration.ofMinutes(30))),
                ADMIN);
        kills.engage(kills.everything(), "", ADMIN);
        shop.clock.advance(Duration.ofHours(3));

        assertThat(delivering.sweeper().plan().items())
                .extracting(SweepPlan.Item::action)
                .containsOnly(SweepAction.NOTE_SILENCE, SweepAction.NOTE_AGING);
        SweepReport stopped = delivering.sweeper().sweep();
        assertThat(stopped.outcomes())
                .extracting(SweepReport.Outcome::action)
                .containsOnly(SweepAction.NOTE_SILENCE, SweepAction.NOTE_AGING);
        assertThat(delivering.sweeper().sweep().examined())
                .as("nobody is looked at again and again")
                .isZero();
        assertThat(delivered).isEmpty();
        assertThat(delivering.health().stuck()).isEmpty();

        kills.release(kills.everything(), ReleaseAuthority.ADMIN, "", ADMIN);
        shop.clock.advance(Duration.ofHours(1));
        delivering.sweeper().sweep();
        assertThat(delivered).hasSize(2);
        assertThat(delivering.get(AgentId.of("agent:2")).state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void renewals_of_who_works_for_one_that_is_stopped_are_put_off_too_and_take_nobodys_place() {
        List<AgentKey> delivered = new ArrayList<>();
        LifecycleManager delivering = shop.open(builder ->
                builder.policy(POLICY).maxPerSweep(1).credentialSink((agent, credential) -> delivered.add(agent)));
        active(delivering, "agent:1");
        Agent child = delivering
                .activate(delivering
                        .requestProvisioning(
                                Workshop.request("agent:child").parent(ID).build())
                        .id())
                .agent();
        shop.clock.advance(Duration.ofMinutes(1));
        AgentKey free = active(delivering, "agent:free").agent().key();
        kills.engage(kills.agent(ID), "", ADMIN);
        shop.clock.advance(Duration.ofHours(3));

        delivering.sweeper().sweep();

        assertThat(delivered).containsExactly(free);
        assertThat(Workshop.kinds(delivering, child.id())).doesNotContain(EventKind.CREDENTIAL_ROTATION_FAILED);
    }

    // ---- until when

    @Test
    void it_survives_a_restart_and_reaches_every_manager_of_the_store() {
        active(manager, "agent:1");
        LifecycleManager other = shop.open(POLICY);
        kills.engage(kills.type("autonomous"), "", ADMIN);
        assertThat(other.guard().check(ID, Operation.INVOKE).allowed()).isFalse();

        LifecycleManager reopened = shop.open(POLICY);
        assertThat(reopened.guard().check(ID, Operation.INVOKE).allowed()).isFalse();
        assertThat(reopened.killSwitch().engaged()).hasSize(1);
        refused(reopened, "kill-switch", () -> reopened.rotateCredentials(ID));
        reopened.killSwitch().release(kills.type("autonomous"), ReleaseAuthority.ADMIN, "", ADMIN);
        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed()).isTrue();
        manager.rotateCredentials(ID);
    }

    @Test
    void engaging_what_is_engaged_changes_nothing() {
        active(manager, "agent:1");
        kills.engage(kills.agent(ID), "first", ADMIN);
        Workshop.Picture before = Workshop.Picture.of(manager);
        assertThat(kills.engage(kills.agent(ID), "second", ADMIN)).isEqualTo(1);
        assertThat(Workshop.Picture.of(manager)).isEqualTo(before);
    }

    @Test
    void only_an_admin_releases_and_only_once() {
        active(manager, "agent:1");
        kills.engage(kills.agent(ID), "", ADMIN);
        for (ReleaseAuthority authority : List.of(ReleaseAuthority.OPERATOR, ReleaseAuthority.BILLING)) {
            assertThat(refused(
                            manager,
                            "kill-authority",
                            () -> kills.release(kills.agent(ID), authority, "", Actor.service("accounts"))))
                    .hasMessageContainingAll("service:accounts", "agent:default/agent:1", authority.name(), "ADMIN");
        }
        kills.release(kills.agent(ID), ReleaseAuthority.ADMIN, "", ADMIN);
        assertThat(refused(
                        manager,
                        "no-such-kill",
                        () -> kills.release(kills.agent(ID), ReleaseAuthority.ADMIN, "", ADMIN)))
                .hasMessageContaining("not engaged");
    }

    @Test
    void a_view_of_a_tenant_stops_its_own_and_sees_its_own() {
        LifecycleManager acme = manager.forTenant(TenantId.of("acme"));
        KillSwitch theirs = acme.killSwitch();
        active(manager, "agent:1");
        active(acme, "agent:1");

        theirs.engage(theirs.tenant(), "", ADMIN);
        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed()).isTrue();
        assertThat(acme.guard().check(ID, Operation.INVOKE).allowed()).isFalse();
        kills.engage(kills.agent(ID), "", ADMIN);
        assertThat(theirs.engaged()).extracting(Kill::scope).containsExactly(theirs.tenant());
        assertThat(kills.engaged()).hasSize(2);
        for (KillScope beyond : List.of(kills.everything(), kills.agent(ID), kills.tenant())) {
            assertThatThrownBy(() -> theirs.engage(beyond, "", ADMIN)).isInstanceOf(AccessDeniedException.class);
            assertThatThrownBy(() -> theirs.release(beyond, ReleaseAuthority.ADMIN, "", ADMIN))
                    .isInstanceOf(AccessDeniedException.class);
        }
        kills.engage(kills.everything(), "", ADMIN);
        assertThat(theirs.engaged()).hasSize(2);
    }

    @Test
    void there_is_room_for_so_many() {
        for (int i = 0; i < Kills.MOST; i++) {
            kills.engage(kills.agent(AgentId.of("agent:" + i)), "", ADMIN);
        }
        refused(manager, "kill-count", () -> kills.engage(kills.type("crew"), "", ADMIN));
        kills.engage(kills.agent(AgentId.of("agent:7")), "", ADMIN);
        kills.release(kills.agent(AgentId.of("agent:7")), ReleaseAuthority.ADMIN, "", ADMIN);
        kills.engage(kills.type("crew"), "", ADMIN);
    }

    @Test
    void who_fills_the_room_for_agents_keeps_nobody_from_stopping_a_tenant_or_everything() {
        String widest = "\"".repeat(256);
        for (int i = 0; i < Kills.MOST; i++) {
            var tenant = TenantId.of("t".repeat(60) + i);
            kills.engage(new KillScope.OfOwner(tenant, Owner.of(widest)), "", ADMIN);
            kills.engage(new KillScope.OfTenant(tenant), "", ADMIN);
        }
        refused(manager, "kill-count", () -> kills.engage(kills.owner(Workshop.ALICE), "", ADMIN));
        refused(manager, "kill-count", () -> kills.engage(kills.tenant(), "", ADMIN));
        kills.engage(kills.everything(), "", ADMIN);

        shop.close(manager);
        assertThat(shop.open(Workshop.OPEN_DOOR).killSwitch().engaged())
                .as("the record can be read")
                .hasSize(2 * Kills.MOST + 1);
    }

    @Test
    void a_view_of_a_tenant_names_no_kill_switch_of_another_one() {
        kills.engage(new KillScope.OfOwner(TenantId.of("globex"), Owner.of("ceo@globex")), "", ADMIN);
        kills.engage(new KillScope.OfTenant(TenantId.of("acme")), "", ADMIN);
        KillSwitch theirs = manager.forTenant(TenantId.of("acme")).killSwitch();

        assertThatThrownBy(() -> theirs.release(theirs.agent(ID), ReleaseAuthority.ADMIN, "", ADMIN))
                .hasMessageContaining("those that are: [tenant:acme]");
        assertThatThrownBy(() -> kills.release(kills.agent(ID), ReleaseAuthority.ADMIN, "", ADMIN))
                .hasMessageContaining("owner:globex/ceo@globex");
    }

    private final AtomicReference<Runnable> meanwhile = new AtomicReference<>(() -> {});

    /** Makes tokens again, and takes its time for that. */
    private final class SlowIssuer implements CredentialIssuer {
        private final CredentialIssuer fast = new RepeatableIssuer();

        @Override
        public IssuedCredential issue(CredentialOrder order) {
            return fast.issue(order);
        }

        @Override
        public Optional<IssuedCredential> reissue(CredentialOrder order, Credential issued) {
            meanwhile.getAndSet(() -> {}).run();
            return fast.reissue(order, issued);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void no_token_is_made_again_for_who_is_stopped_meanwhile(boolean whileItIsMade) {
        LifecycleManager slow =
                shop.open(builder -> builder.policy(Workshop.OPEN_DOOR).credentials(new SlowIssuer()));
        CredentialId first = active(slow, "agent:1").issued().credential().id();
        slow.rotateCredentials(ID, ADMIN, "once");
        IssuedApiKey key = slow.apiKeys().register(ID, Duration.ofDays(1), ADMIN);
        CredentialId good = slow.get(ID).credential().orElseThrow().id();
        assertThat(good).isNotEqualTo(first);
        List<ThrowingCallable> calls = new ArrayList<>(List.of(
                () -> slow.reissueCredential(ID, good, ADMIN),
                () -> slow.apiKeys().exchange(key.secret().reveal())));
        if (whileItIsMade) {
            calls.add(() -> slow.rotateCredentials(ID, ADMIN, "once")); // which commits nothing
        }
        for (ThrowingCallable call : calls) {
            KillScope everything = slow.killSwitch().everything();
            List<EventKind> before = kinds(slow, ID);
            if (whileItIsMade) {
                meanwhile.set(() -> slow.killSwitch().engage(everything, "", ADMIN));
            } else {
                store.commits = (commit, to) -> {
                    store.heal();
                    slow.killSwitch().engage(everything, "", ADMIN);
                    return to.commit(commit);
                };
            }

            assertThatThrownBy(call)
                    .isInstanceOf(PolicyViolationException.class)
                    .hasMessageContaining("(rule kill-switch)");
            assertThat(kinds(slow, ID)).isEqualTo(before);
            slow.killSwitch().release(everything, ReleaseAuthority.ADMIN, "", ADMIN);
        }
    }

    /** The host's directory may take its time, and whoever engages a kill switch meanwhile relies on it. */
    @Test
    void who_is_passed_on_while_its_owner_is_stopped_is_not_out_of_reach() {
        Staff staff = Staff.of(Workshop.ALICE, "bob@company.com");
        LifecycleManager byRole = shop.open(builder -> builder.policy(Workshop.OPEN_DOOR)
                .ownerDirectory(owner -> {
                    meanwhile.getAndSet(() -> {}).run();
                    return staff.find(owner);
                })
                .access((actor, tenant, agent) -> Optional.of(actor.isSame(ADMIN) ? Role.ADMIN : Role.OPERATOR)));
        active(byRole, "agent:1");
        meanwhile.set(() -> byRole.killSwitch().engage(byRole.killSwitch().owner(Workshop.ALICE), "", ADMIN));

        assertThatThrownBy(() -> byRole.changeOwner(ID, "bob@company.com", Actor.human("dave@company.com")))
                .isInstanceOf(PolicyViolationException.class)
                .hasMessageContaining("rule access-role");
        assertThat(byRole.get(ID).owner()).contains(Owner.of(Workshop.ALICE));
        assertThat(byRole.guard().check(ID, Operation.INVOKE).allowed()).isFalse();
    }

    @Test
    void bad_input_is_refused() {
        assertThatNullPointerException().isThrownBy(() -> kills.engage(null, "", ADMIN));
        assertThatNullPointerException().isThrownBy(() -> kills.engage(kills.everything(), null, ADMIN));
        assertThatNullPointerException().isThrownBy(() -> kills.engage(kills.everything(), "", null));
        assertThatNullPointerException().isThrownBy(() -> kills.release(kills.everything(), null, "", ADMIN));
        assertThatThrownBy(() -> kills.engage(kills.everything(), "x".repeat(1025), ADMIN))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> kills.type("")).isInstanceOf(IllegalArgumentException.class);
        assertThat(kills.engaged()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "everything:",
                "everything:x",
                "tenant:",
                "tenant:a/b",
                "agent:acme",
                "agent:/a",
                "agent:acme/",
                "owner:acme/",
                "type:acme/",
                "fleet:x",
                "Tenant:acme"
            })
    void what_is_no_scope_is_not_read_as_one(String wire) {
        assertThatThrownBy(() -> KillScope.of(wire)).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"everything", "tenant:a:b", "agent:a/agent:1", "owner:a/team:x/y", "type:a/b/c", "owner:a/b:c"})
    void what_is_written_is_read_back(String wire) {
        assertThat(KillScope.of(wire).wire()).isEqualTo(wire);
    }

    // ---- when something fails

    @Test
    void it_works_while_the_sealer_fails_and_is_vouched_for_later() {
        LifecycleStore signed = LifecycleStore.inMemory();
        TestSealer sealer = new TestSealer();
        try (LifecycleManager signing = LifecycleManager.builder()
                .store(signed)
                .clock(shop.clock)
                .policy(POLICY)
                .sealer(sealer)
                .build()) {
            active(signing, "agent:1");
            KillSwitch its = signing.killSwitch();
            sealer.fail();

            its.engage(its.everything(), "", ADMIN);
            assertThat(signing.guard().check(ID, Operation.INVOKE).allowed()).isFalse();
            assertThatThrownBy(() -> its.release(its.everything(), ReleaseAuthority.ADMIN, "", ADMIN))
                    .isInstanceOf(AuditUnavailableException.class);
            assertThat(signing.guard().check(ID, Operation.INVOKE).allowed()).isFalse();

            sealer.heal();
            signing.sweeper().sweep();
            assertThat(signing.search(e -> e.kind() == EventKind.KILL_ENGAGED, 0, 1)
                            .events()
                            .get(0)
                            .seal())
                    .isEqualTo(Seal.ENDORSED_LATE);
            its.release(its.everything(), ReleaseAuthority.ADMIN, "", ADMIN);
            assertThat(signing.guard().check(ID, Operation.INVOKE).allowed()).isTrue();
            signing.verify();
        }
    }

    @Test
    void what_cannot_be_stored_stops_them_in_this_process() {
        Agent agent = active(manager, "agent:1").agent();
        active(manager, "agent:2");
        store.breakAt(call -> call == Call.COMMIT);
        assertThatThrownBy(() -> kills.engage(kills.agent(ID), "", ADMIN)).isInstanceOf(StoreException.class);
        store.heal();

        assertThat(mayAct(manager, agent)).isFalse();
        refused(manager, "kill-switch", () -> manager.rotateCredentials(ID));
        manager.rotateCredentials(AgentId.of("agent:2"));
        assertThat(kills.engaged()).isEmpty();
        kills.engage(kills.agent(ID), "", ADMIN);
        assertThat(mayAct(manager, agent)).isFalse();
        kills.release(kills.agent(ID), ReleaseAuthority.ADMIN, "", ADMIN);
        assertThat(mayAct(manager, agent)).isTrue();
        assertThat(log()).containsExactly(EventKind.LOG_GENESIS, EventKind.KILL_ENGAGED, EventKind.KILL_RELEASED);
    }

    // ---- from when on

    /** What is asked after it returned is denied, in every thread, and what was issued meanwhile is good for nothing. */
    @Test
    void nobody_is_let_through_after_it_returned() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(3);
        try {
            for (int round = 0; round < 40; round++) {
                Agent agent = active(manager, "round:" + round).agent();
                AgentKey key = agent.key();
                AtomicBoolean returned = new AtomicBoolean();
                AtomicBoolean over = new AtomicBoolean();
                AtomicReference<String> wrong = new AtomicReference<>();
                List<Future<Long>> running = new ArrayList<>();
                for (int i = 0; i < 2; i++) {
                    running.add(threads.submit(() -> {
                        long asked = 0;
                        while (!over.get()) {
                            boolean after = returned.get();
                            if (after) {
                                asked++;
                            }
                            if (manager.guard()
                                            .check(key.id(), Operation.INVOKE)
                                            .allowed()
                                    && after) {
                                wrong.set("the guard let it through");
                            }
                        }
                        return asked;
                    }));
                }
                Future<Long> renewing = threads.submit(() -> {
                    long issued = 0;
                    while (!over.get()) {
                        boolean after = returned.get();
                        try {
                            Activation made = manager.rotateCredentials(key.id());
                            issued++;
                            boolean stoppedBefore = returned.get();
                            boolean good = manager.standing(
                                            key, made.issued().credential().id())
                                    .allowed();
                            if (after || good && stoppedBefore) {
                                wrong.set("it got a credential, or one that is good");
                            }
                        } catch (PolicyViolationException e) {
                            assertThat(e.rule()).isEqualTo("kill-switch");
                        }
                    }
                    return issued;
                });
                kills.engage(kills.agent(key.id()), "", ADMIN);
                returned.set(true);
                long generation = manager.get(key.id()).credentials().generation();
                long looks = 0;
                for (int look = 0; look < 20_000; look++) { // meanwhile the others go on looking
                    looks += manager.guard().check(key.id(), Operation.INVOKE).allowed() ? 1 : 0;
                }
                over.set(true);
                assertThat(looks).isZero();
                for (Future<Long> one : running) {
                    one.get();
                }
                renewing.get();
                assertThat(wrong.get()).isNull();
                assertThat(manager.get(key.id()).credentials().generation())
                        .as("credentials that were made after it returned")
                        .isEqualTo(generation);
            }
        } finally {
            threads.shutdownNow();
        }
    }
}
