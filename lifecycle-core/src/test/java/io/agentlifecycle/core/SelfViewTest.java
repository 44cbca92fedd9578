package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ALICE;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.OPEN_DOOR;
import static io.agentlifecycle.core.Workshop.active;
import static io.agentlifecycle.core.Workshop.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.agentlifecycle.core.FaultStore.Call;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.access.Verdict.Reason;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Command;
import io.agentlifecycle.core.agent.GuardPolicy;
import io.agentlifecycle.core.agent.GuardPolicy.QuarantineAccess;
import io.agentlifecycle.core.budget.Limits;
import io.agentlifecycle.core.budget.RateLimit;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.error.AccessDeniedException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.quarantine.Conduct;
import io.agentlifecycle.core.quarantine.Incident;
import io.agentlifecycle.core.quarantine.Severity;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.RecordKey;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What an agent sees of itself, and who else sees it: nobody. */
class SelfViewTest {
    private static final Actor BOT = Actor.service("sales-bot-01");

    private final FaultStore store = new FaultStore(LifecycleStore.inMemory());

    @RegisterExtension
    final Workshop shop = new Workshop(store);

    private LifecycleManager manager = shop.open(OPEN_DOOR);
    private final AgentKey key = new AgentKey(TenantId.DEFAULT, ID);
    private final Instant end = shop.clock.instant().plus(Duration.ofDays(30));

    private CredentialId bootstrap() {
        return manager.bootstrap(
                        request(ID.value())
                                .requestedBy(BOT)
                                .capability("sell")
                                .tag("team", "sales")
                                .build(),
                        new Limits(RateLimit.perMinute(2), end))
                .issued()
                .orElseThrow()
                .credential()
                .id();
    }

    private List<Reason> denied(AgentKey agent, CredentialId credential) {
        return denied(manager, agent, credential);
    }

    private static List<Reason> denied(LifecycleManager by, AgentKey agent, CredentialId credential) {
        var denied = catchThrowableOfType(AccessDeniedException.class, () -> by.selfView(agent, credential));
        assertThat(denied).as("a denial").isNotNull();
        assertThat(denied).hasMessageStartingWith("SELF_READ is denied to agent ");
        return denied.verdict().reasons();
    }

    private void reopen(QuarantineAccess access) {
        shop.close(manager);
        manager = shop.open(LifecyclePolicy.builder()
                .requireApproval(false)
                .guard(GuardPolicy.DEFAULT.withQuarantine(access))
                .build());
    }

    @Test
    void an_agent_sees_its_profile_limits_state_and_what_it_may_do_next() {
        CredentialId own = bootstrap();
        manager.guard().require(ID, Operation.INVOKE);

        SelfView view = manager.selfView(key, own);

        assertThat(view)
                .isEqualTo(new SelfView(
                        key,
                        manager.get(ID).profile(),
                        manager.get(ID).entitlements(),
                        Optional.of(Owner.of(ALICE)),
                        AgentState.ACTIVE,
                        List.of(),
                        Optional.empty(),
                        List.of(),
                        Optional.of(RateLimit.perMinute(2)),
                        OptionalLong.of(1),
                        shop.clock.instant().plus(CredentialPolicy.DEFAULT.maxCredentialTtl()),
                        Optional.of(end),
                        List.of(
                                Command.HEARTBEAT,
                                Command.ROTATE_CREDENTIALS,
                                Command.REVOKE_CREDENTIALS,
                                Command.CHANGE_OWNER,
                                Command.RENEW,
                                Command.SUSPEND,
                                Command.QUARANTINE,
                                Command.MARK_ORPHANED,
                                Command.DECOMMISSION),
                        new Verdict.Allowed(key)));
    }

    @Test
    void whoever_is_stopped_between_the_check_and_the_look_sees_nothing() {
        for (Runnable stop : List.<Runnable>of(
                () -> manager.revokeCredentials(ID, "stolen", ADMIN), () -> manager.suspend(ID, "rogue", ADMIN))) {
            var store = new FaultStore(LifecycleStore.inMemory());
            shop.close(manager);
            manager = LifecycleManager.builder()
                    .store(store)
                    .policy(Workshop.OPEN_DOOR)
                    .clock(shop.clock)
                    .build();
            CredentialId own = bootstrap();
            var once = new AtomicBoolean(true);
            store.records = found -> {
                if (found.key().kind().equals(RecordKey.AGENT) && once.getAndSet(false)) {
                    stop.run();
                    return store.get(found.key()).orElseThrow();
                }
                return found;
            };

            assertThat(denied(key, own)).isNotEmpty();
        }
        manager = shop.open(Workshop.OPEN_DOOR);
    }

    @Test
    void to_look_is_no_call_and_goes_on_when_the_minute_is_full() {
        CredentialId own = bootstrap();
        for (int i = 0; i < 5; i++) {
            assertThat(manager.selfView(key, own).callsLeft()).hasValue(2);
        }
        manager.guard().require(ID, Operation.INVOKE);
        manager.guard().require(key, own, Operation.INVOKE);
        SelfView view = manager.selfView(key, own);
        assertThat(view.callsLeft()).hasValue(0);
        assertThat(((Verdict.Denied) view.invoke()).reasons()).containsExactly(Reason.RATE_LIMITED);
    }

    @Test
    void an_agent_without_limits_sees_none() {
        CredentialId own = active(manager, ID.value()).issued().credential().id();
        SelfView view = manager.selfView(key, own);
        assertThat(view.rateLimit()).isEmpty();
        assertThat(view.callsLeft()).isEmpty();
        assertThat(view.endsAt()).isEmpty();
    }

    @Test
    void a_credential_in_its_overlap_sees_its_own_end() {
        CredentialId old = bootstrap();
        CredentialId next = bootstrap();
        Instant now = shop.clock.instant();
        assertThat(manager.selfView(key, old).credentialEndsAt())
                .isEqualTo(now.plus(CredentialPolicy.DEFAULT.rotationOverlap()));
        assertThat(manager.selfView(key, next).credentialEndsAt())
                .isEqualTo(now.plus(CredentialPolicy.DEFAULT.maxCredentialTtl()));
    }

    @Test
    void in_a_quarantine_that_leaves_it_that_it_sees_why_in_codes_and_what_the_guard_says() {
        reopen(QuarantineAccess.RESTRICTED);
        CredentialId own = bootstrap();
        shop.clock.advance(Duration.ofSeconds(1));
        manager.quarantines()
                .report(ID, new Incident(Incident.Kind.ANOMALY, Severity.LOW, "mallory said it was odd"), ADMIN);
        manager.quarantines()
                .quarantine(ID, new Incident(Incident.Kind.CRASH, Severity.HIGH, "ann found it dead"), ADMIN);
        manager.placeLegalHold(ID, "case 4711", ADMIN);

        SelfView view = manager.selfView(key, own);

        assertThat(view.state()).isEqualTo(AgentState.QUARANTINED);
        assertThat(view.quarantine()).contains(Incident.Kind.CRASH);
        assertThat(view.incidents())
                .containsExactly(new Conduct.Noted(Incident.Kind.ANOMALY, Severity.LOW, shop.clock.instant()));
        assertThat(((Verdict.Denied) view.invoke()).reasons()).containsExactly(Reason.QUARANTINED);
        assertThat(view.nextSteps()).contains(Command.RELEASE).doesNotContain(Command.RELEASE_HELD, Command.EXPIRE);
        assertThat(view.toString()).doesNotContain("mallory", "ann", "4711", ADMIN.id());
    }

    @Test
    void what_it_was_in_quarantine_for_is_told_as_long_as_it_is_in_it() {
        reopen(QuarantineAccess.RESTRICTED);
        CredentialId own = bootstrap();
        manager.quarantines().quarantine(ID, new Incident(Incident.Kind.CRASH, Severity.HIGH, ""), ADMIN);
        assertThat(manager.selfView(key, own).quarantine()).contains(Incident.Kind.CRASH);
        CredentialId next =
                manager.quarantines().release(ID, ADMIN).issued().credential().id();
        assertThat(manager.selfView(key, next).quarantine()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(QuarantineAccess.class)
    void in_quarantine_the_policy_says_whether_it_may_look(QuarantineAccess access) {
        reopen(access);
        CredentialId own = bootstrap();
        manager.quarantines().quarantine(ID, new Incident(Incident.Kind.CRASH, Severity.HIGH, ""), ADMIN);
        if (access == QuarantineAccess.NONE) {
            assertThat(denied(key, own)).containsExactly(Reason.QUARANTINED);
        } else {
            assertThat(manager.selfView(key, own).invoke().allowed()).isEqualTo(access == QuarantineAccess.FULL);
        }
        manager.placeHold(ID, HoldReason.OWNER_LOST, "ann left", ADMIN);
        assertThat(denied(key, own)).contains(access == QuarantineAccess.NONE ? Reason.QUARANTINED : Reason.HELD);
    }

    // ---- nobody else

    @Test
    void an_id_alone_gives_nothing() {
        bootstrap();
        CredentialId guessed = CredentialId.of("cred:" + "0".repeat(32));
        assertThat(denied(key, guessed)).containsExactly(Reason.CREDENTIAL_UNKNOWN);
        assertThat(denied(new AgentKey(TenantId.DEFAULT, AgentId.of("nobody")), guessed))
                .containsExactly(Reason.UNKNOWN_AGENT);
        assertThatNullPointerException().isThrownBy(() -> manager.selfView(key, null));
        assertThatNullPointerException().isThrownBy(() -> manager.selfView(null, guessed));
    }

    @Test
    void the_credential_of_another_agent_gives_nothing_also_that_of_whom_it_works_for() {
        CredentialId own = bootstrap();
        AgentId child = AgentId.of("agent:2");
        manager.requestProvisioning(request(child.value()).parent(ID).build());
        CredentialId ofChild = manager.activate(child).issued().credential().id();
        AgentKey childKey = new AgentKey(TenantId.DEFAULT, child);
        assertThat(denied(key, ofChild)).containsExactly(Reason.CREDENTIAL_UNKNOWN);
        assertThat(denied(childKey, own)).containsExactly(Reason.CREDENTIAL_UNKNOWN);
        assertThat(manager.selfView(childKey, ofChild).agent()).isEqualTo(childKey);
    }

    @Test
    void a_credential_that_is_good_no_more_gives_nothing() {
        CredentialId first = bootstrap();
        CredentialId second = bootstrap();
        CredentialId third = bootstrap();
        assertThat(denied(key, first)).as("replaced twice").containsExactly(Reason.CREDENTIAL_UNKNOWN);
        shop.clock.advance(CredentialPolicy.DEFAULT.rotationOverlap());
        assertThat(denied(key, second)).containsExactly(Reason.CREDENTIAL_RETIRED);
        assertThat(manager.selfView(key, third).state()).isEqualTo(AgentState.ACTIVE);
        shop.clock.advance(CredentialPolicy.DEFAULT.maxCredentialTtl());
        assertThat(denied(key, third)).containsExactly(Reason.CREDENTIAL_EXPIRED);
        CredentialId fourth = bootstrap();
        manager.revokeCredentials(ID, "leaked", ADMIN);
        assertThat(denied(key, fourth)).containsExactly(Reason.CREDENTIAL_REVOKED);
    }

    @Test
    void an_agent_that_may_not_look_at_itself_sees_nothing() {
        CredentialId own = bootstrap();
        manager.suspend(ID, "mallory complained", ADMIN);
        assertThat(denied(key, own)).containsExactly(Reason.SUSPENDED);
        manager.decommission(ID, "", ADMIN);
        assertThat(denied(key, own)).contains(Reason.DECOMMISSIONED);
    }

    @Test
    void a_view_of_another_tenant_knows_no_such_agent() {
        CredentialId own = bootstrap();
        LifecycleManager acme = manager.forTenant(TenantId.of("acme"));
        assertThat(denied(acme, key, own)).containsExactly(Reason.UNKNOWN_AGENT);
        AgentKey same = acme.bootstrap(
                        request(ID.value()).requestedBy(BOT).build(), new Limits(RateLimit.perMinute(9), end))
                .agent()
                .key();
        assertThat(denied(acme, same, own)).containsExactly(Reason.CREDENTIAL_UNKNOWN);
        assertThat(denied(acme, key, own)).containsExactly(Reason.UNKNOWN_AGENT);
        CredentialId ofAcme = acme.get(ID).credential().orElseThrow().id();
        assertThat(acme.selfView(same, ofAcme).rateLimit()).contains(RateLimit.perMinute(9));
        assertThat(manager.selfView(same, ofAcme).agent())
                .as("the manager that was built")
                .isEqualTo(same);
    }

    @Test
    void a_credential_that_is_replaced_between_the_look_and_the_reading_gives_nothing() {
        CredentialId own = bootstrap();
        var once = new AtomicBoolean(true);
        store.breakAt(call -> {
            if (call == Call.GET && once.getAndSet(false)) {
                manager.rotateCredentials(ID);
                manager.rotateCredentials(ID);
            }
            return false;
        });
        assertThat(denied(key, own)).containsExactly(Reason.CREDENTIAL_UNKNOWN);
        store.heal();
    }

    @Test
    void whoever_may_not_look_reads_nothing_from_the_store() {
        CredentialId own = bootstrap();
        manager.revokeCredentials(ID, "", ADMIN);
        store.breakAt(call -> true);
        assertThat(denied(key, own)).containsExactly(Reason.CREDENTIAL_REVOKED);
        store.heal();
    }
}
