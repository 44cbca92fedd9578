package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.agentlifecycle.core.Workshop.Picture;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.IdentityAssurance;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFormatException;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.audit.Seal;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamHead;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.error.AuditUnavailableException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.spi.AuditSealer;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import io.agentlifecycle.core.testing.ForwardingStore;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.core.testing.RecordingListener;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Who signs the log, who may open it, and what goes on while nothing can be signed. */
class SealerTest {
    private static final AgentId A = AgentId.of("a");
    private static final LifecyclePolicy POLICY = policy(1);

    private final TestSealer sealer = new TestSealer();
    private FaultStore store = new FaultStore(LifecycleStore.inMemory());
    private final MutableClock clock = MutableClock.at("2026-04-11T04:30:00Z");
    private final Random random = new Random(4);
    private final RecordingListener heard = new RecordingListener();
    private final List<LifecycleManager> opened = new ArrayList<>();

    private static LifecyclePolicy policy(int version) {
        return LifecyclePolicy.builder()
                .version(version)
                .approvalTimeout(Duration.ofDays(2))
                .heartbeatInterval(Duration.ofHours(1))
                .build();
    }

    private LifecycleManager.Builder builder() {
        return LifecycleManager.builder()
                .store(store)
                .policy(POLICY)
                .clock(clock)
                .random(random)
                .listener(heard);
    }

    private LifecycleManager open(LifecycleManager.Builder builder) {
        LifecycleManager manager = builder.build();
        opened.add(manager);
        return manager;
    }

    private LifecycleManager signed() {
        return open(builder().sealer(sealer));
    }

    /** An agent as far on as {@code state}. */
    private void make(LifecycleManager manager, AgentId id, AgentState state) {
        manager.requestProvisioning(request(id.value()).build());
        if (state == AgentState.PENDING_APPROVAL) {
            return;
        }
        manager.approve(id, ADMIN);
        if (state == AgentState.PROVISIONED) {
            return;
        }
        manager.activate(id);
        manager.heartbeat(id);
        switch (state) {
            case SUSPENDED -> manager.suspend(id, "maintenance", ADMIN);
            case ORPHANED -> manager.markOrphaned(id, ADMIN);
            default -> assertThat(state).isEqualTo(AgentState.ACTIVE);
        }
    }

    @AfterEach
    void the_last_manager_still_verifies() {
        sealer.heal();
        store.heal();
        if (!opened.isEmpty()) {
            opened.get(opened.size() - 1).verify();
        }
    }

    private static List<Seal> seals(LifecycleManager manager, AgentId agent) {
        return manager.auditTrail(agent).stream().map(SealedEvent::seal).toList();
    }

    private static List<EventKind> kinds(LifecycleManager manager, AgentId agent) {
        return Workshop.kinds(manager, agent);
    }

    // ---- whose log it is

    @Test
    void every_event_of_a_log_that_began_with_a_key_is_signed() {
        LifecycleManager manager = signed();
        make(manager, A, AgentState.ACTIVE);

        SealedEvent genesis = manager.events(0, 1).events().get(0);
        assertThat(genesis.event().details().get("key"))
                .contains(sealer.publicKey().toJson());
        assertThat(manager.events(0, 1_000).events()).allSatisfy(event -> {
            assertThat(event.seal()).isEqualTo(Seal.SIGNED);
            assertThat(event.event().keyId()).contains(sealer.publicKey().keyId());
        });
        Verification found = manager.verify();
        assertThat(found.signed()).isEqualTo(found.events());
        assertThat(found.unsigned() + found.waiting() + found.endorsedLate()).isZero();
        assertThat(heard.events()).allMatch(event -> event.seal() == Seal.SIGNED);
    }

    @Test
    void a_signed_log_opens_with_its_own_key_only() {
        make(signed(), A, AgentState.ACTIVE);
        long events = store.events(0, 1_000).events().size();
        String key = sealer.publicKey().keyId();

        for (LifecycleManager.Builder other : List.of(
                builder(),
                builder().sealer(new TestSealer()),
                builder().sealer(new TestSealer()).signFromHere())) {
            PolicyViolationException refused = catchThrowableOfType(PolicyViolationException.class, other::build);
            assertThat(refused).isNotNull();
            assertThat(refused.rule()).isEqualTo("log-key");
            assertThat(refused)
                    .hasMessageContaining("is signed with key " + key)
                    .hasMessageContaining("sealer(..)");
        }

        assertThat(store.events(0, 1_000).events()).hasSize((int) events);
        assertThat(signed().get(A).state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void an_unsigned_log_is_not_signed_unless_the_host_says_that_it_expects_it() {
        make(open(builder()), A, AgentState.ACTIVE);

        assertThatThrownBy(() -> builder().sealer(sealer).build())
                .isInstanceOfSatisfying(
                        PolicyViolationException.class,
                        e -> assertThat(e.rule()).isEqualTo("log-key"))
                .hasMessageContaining("not signed so far")
                .hasMessageContaining("signFromHere()");
        assertThatThrownBy(() -> builder().signFromHere().build())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("needs a sealer");

        LifecycleManager manager = open(builder().sealer(sealer).signFromHere());
        manager.suspend(A, "maintenance", ADMIN);
        assertThat(seals(manager, A)).startsWith(Seal.UNSIGNED).endsWith(Seal.SIGNED);
        Verification found = manager.verify();
        assertThat(found.signed()).isEqualTo(2);
        assertThat(found.unsigned()).isEqualTo(found.events() - 2);
        open(builder().sealer(sealer).signFromHere());
        open(builder().sealer(sealer));

        assertThat(log())
                .extracting(event -> event.event().kind())
                .containsExactly(EventKind.LOG_GENESIS, EventKind.LOG_KEY_INTRODUCED);
    }

    private List<SealedEvent> log() {
        return store.trail("log", 0, 1_000).stream()
                .map(stored -> SealedEvent.read(stored.canonical(), stored.signature()))
                .toList();
    }

    @Test
    void two_hosts_introduce_the_key_of_an_unsigned_log_once() {
        make(open(builder()), A, AgentState.ACTIVE);
        var other = new ForwardingStore(store) {
            private boolean first = true;

            @Override
            public CommitResult commit(Commit commit) {
                if (first) {
                    first = false;
                    open(builder().sealer(sealer).signFromHere());
                }
                return super.commit(commit);
            }
        };

        LifecycleManager manager = open(builder().store(other).sealer(sealer).signFromHere());

        assertThat(log())
                .extracting(event -> event.event().kind())
                .containsExactly(EventKind.LOG_GENESIS, EventKind.LOG_KEY_INTRODUCED);
        assertThat(manager.verify().signed()).isEqualTo(1);
    }

    @Test
    void a_log_does_not_begin_while_its_first_event_cannot_be_signed() {
        sealer.fail();
        assertThatThrownBy(this::signed).isInstanceOf(AuditUnavailableException.class);
        assertThat(store.events(0, 10).events()).isEmpty();
        make(open(builder()), A, AgentState.ACTIVE);
        assertThatThrownBy(() -> builder().sealer(sealer).signFromHere().build())
                .isInstanceOf(AuditUnavailableException.class);
        assertThat(log()).hasSize(1);
        sealer.heal();
        int proof = sealer.calls.get();
        sealer.touch = signature -> {
            if (sealer.calls.get() == proof + 1) {
                throw new IllegalStateException("the key server is slow to come up");
            }
            return signature;
        };
        assertThatThrownBy(() -> builder().sealer(sealer).signFromHere().build())
                .isInstanceOf(AuditUnavailableException.class)
                .hasMessageContaining("the introduction of a key");
        assertThat(log()).hasSize(1);
        open(builder().sealer(sealer).signFromHere());
    }

    @Test
    void a_log_opens_while_nothing_can_be_signed_so_that_agents_can_be_stopped() {
        make(signed(), A, AgentState.ACTIVE);
        sealer.fail();

        LifecycleManager manager = open(builder().sealer(sealer).policy(policy(2)));
        manager.suspend(A, "maintenance", ADMIN);

        assertThat(manager.guard().check(A, Operation.INVOKE).allowed()).isFalse();
        assertThat(log().get(1).event().kind()).isEqualTo(EventKind.POLICY_CHANGED);
        assertThat(manager.verify().waiting()).isEqualTo(2);
        sealer.heal();
        LifecycleManager reopened = open(builder().sealer(sealer).policy(policy(2)));
        reopened.sweeper().sweep();
        assertThat(reopened.verify().waiting()).isZero();
        assertThat(reopened.verify().endorsedLate()).isEqualTo(2);
        assertThat(log().get(2).event().details())
                .isEqualTo(Json.object().put("n", 1).build());
        assertThat(reopened.events(0, 1_000).events())
                .filteredOn(event -> event.seal() == Seal.ENDORSED_LATE)
                .hasSize(2);
    }

    @Test
    void any_host_vouches_for_what_another_one_could_not_sign_in_the_log() {
        LifecycleManager steady = signed();
        sealer.fail();
        open(builder().sealer(sealer).policy(policy(2))).close();
        opened.remove(1);
        sealer.heal();
        assertThat(steady.verify().waiting()).isEqualTo(1);

        steady.sweeper().sweep();

        assertThat(steady.verify().waiting()).isZero();
        assertThat(steady.verify().endorsedLate()).isEqualTo(1);
    }

    /** A sealer that can be made to lose its public key. */
    private static final class Keyless extends ForwardingSealer {
        private boolean gone;

        Keyless(AuditSealer to) {
            super(to);
        }

        @Override
        public PublicJwk publicKey() {
            if (gone) {
                throw new IllegalStateException("the key server is down");
            }
            return super.publicKey();
        }
    }

    @Test
    void a_sealer_is_asked_for_its_key_when_the_log_is_opened_and_not_again() {
        var keyless = new Keyless(sealer);
        LifecycleManager manager = open(builder().sealer(keyless));
        keyless.gone = true;

        make(manager, A, AgentState.ACTIVE);

        assertThat(manager.verify().signed()).isEqualTo(manager.verify().events());
        assertThatThrownBy(() -> builder().sealer(keyless).build()).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void a_sealer_without_a_key_is_refused_by_name() {
        var none = new ForwardingSealer(sealer) {
            @Override
            @SuppressWarnings("NullAway") // what a host in another language may do
            public PublicJwk publicKey() {
                return null;
            }
        };
        assertThatThrownBy(() -> builder().sealer(none).build())
                .isInstanceOf(NullPointerException.class)
                .hasMessageContaining("publicKey");
        assertThat(store.events(0, 10).events()).isEmpty();
    }

    // ---- what works while nothing can be signed

    private enum Taking {
        REJECT(AgentState.PENDING_APPROVAL, m -> m.reject(A, "no", ADMIN)),
        WITHDRAW(AgentState.PENDING_APPROVAL, m -> m.withdraw(A, "no", ADMIN)),
        SUSPEND(AgentState.ACTIVE, m -> m.suspend(A, "maintenance", ADMIN)),
        PLACE_HOLD(AgentState.PROVISIONED, m -> m.placeHold(A, HoldReason.of("unpaid"), "", ADMIN)),
        REVOKE(AgentState.ACTIVE, m -> m.revokeCredentials(A, "leaked", ADMIN)),
        MARK_ORPHANED(AgentState.ACTIVE, m -> m.markOrphaned(A, ADMIN)),
        DECOMMISSION(AgentState.ACTIVE, m -> m.decommission(A, "sunset", ADMIN)),
        DECOMMISSION_HELD(AgentState.SUSPENDED, m -> m.decommission(A, "sunset", ADMIN));

        private final AgentState state;
        private final Consumer<LifecycleManager> call;

        Taking(AgentState state, Consumer<LifecycleManager> call) {
            this.state = state;
            this.call = call;
        }
    }

    @ParameterizedTest
    @EnumSource
    void power_is_taken_away_while_nothing_can_be_signed_and_vouched_for_later(Taking taking) {
        LifecycleManager manager = signed();
        make(manager, A, taking.state);
        int before = manager.auditTrail(A).size();
        sealer.fail();

        taking.call.accept(manager);

        assertThat(manager.guard().check(A, Operation.INVOKE).allowed()).isEqualTo(taking == Taking.REVOKE);
        assertThat(manager.get(A)
                        .credential()
                        .filter(c -> manager.standing(SweepFleet.key(A), c.id()).allowed()))
                .isEmpty();
        List<SealedEvent> trail = manager.auditTrail(A);
        assertThat(trail).hasSizeGreaterThan(before);
        assertThat(trail.subList(before, trail.size())).allMatch(event -> event.seal() == Seal.WAITING);
        assertThat(manager.verify().waiting()).isEqualTo(trail.size() - before);
        assertThat(manager.health().lastSealerFailure()).contains(IllegalStateException.class.getName());
        assertThat(manager.health().isGood()).isFalse();
        assertThat(manager.get(A).activity().unsignedFrom()).contains((long) before);

        SweepReport failed = manager.sweeper().sweep();
        assertThat(failed.with(SweepReport.Result.FAILED))
                .extracting(SweepReport.Outcome::action)
                .containsExactly(SweepAction.ENDORSE_GAP);
        sealer.heal();
        clock.advance(Duration.ofMinutes(1));
        assertThat(manager.sweeper().sweep().with(SweepReport.Result.DONE))
                .extracting(SweepReport.Outcome::action)
                .contains(SweepAction.ENDORSE_GAP);

        SealedEvent endorsement = manager.auditTrail(A).get(trail.size());
        assertThat(endorsement.event().kind()).isEqualTo(EventKind.LOG_GAP_ENDORSED);
        assertThat(endorsement.event().details())
                .isEqualTo(Json.object().put("n", before).build());
        assertThat(seals(manager, A).subList(before, trail.size())).containsOnly(Seal.ENDORSED_LATE);
        assertThat(seals(manager, A).get(trail.size())).isEqualTo(Seal.SIGNED);
        Verification found = manager.verify();
        assertThat(found.endorsedLate()).isEqualTo(trail.size() - before);
        assertThat(found.waiting()).isZero();
        assertThat(manager.health().isGood()).isTrue();
        assertThat(manager.sweeper().sweep().with(SweepReport.Result.DONE)).isEmpty();
    }

    @Test
    void what_takes_power_away_or_only_notes_something_may_wait_and_no_other_kind() {
        assertThat(EventKind.values())
                .filteredOn(EventKind::mayWait)
                .extracting(EventKind::wire)
                .containsExactlyInAnyOrderElementsOf(SealerModelTest.MAY_WAIT);
    }

    private enum Granting {
        REQUEST(AgentState.ACTIVE, m -> m.requestProvisioning(request("b").build())),
        IMPORT(
                AgentState.ACTIVE,
                m -> m.importAgents(
                        List.of(new AgentImport(
                                request("b").build(), AgentState.ACTIVE, Workshop.time("2026-01-01T00:00:00Z"))),
                        "elsewhere",
                        ADMIN)),
        APPROVE(AgentState.PENDING_APPROVAL, m -> m.approve(A, ADMIN)),
        ACTIVATE(AgentState.PROVISIONED, m -> m.activate(A)),
        ROTATE(AgentState.ACTIVE, m -> m.rotateCredentials(A)),
        CHANGE_OWNER(AgentState.ACTIVE, m -> m.changeOwner(A, "eve@company.com", ADMIN)),
        RESUME(AgentState.SUSPENDED, m -> m.resume(A, ADMIN)),
        RELEASE_HOLD(AgentState.SUSPENDED, m -> m.releaseHold(A, HoldReason.OPERATOR, ADMIN)),
        RECLAIM(AgentState.ORPHANED, m -> m.reclaim(A, "eve@company.com", ADMIN)),
        RELEASE_LEGAL_HOLD(AgentState.ACTIVE, m -> m.releaseLegalHold(A, "case 1", ADMIN));

        private final AgentState state;
        private final Consumer<LifecycleManager> call;

        Granting(AgentState state, Consumer<LifecycleManager> call) {
            this.state = state;
            this.call = call;
        }
    }

    @ParameterizedTest
    @EnumSource
    void power_is_not_granted_while_nothing_can_be_signed(Granting granting) {
        LifecycleManager manager = signed();
        make(manager, A, granting.state);
        manager.placeLegalHold(A, "case 1", ADMIN);
        Picture before = Picture.of(manager);
        sealer.fail();

        AuditUnavailableException refused =
                catchThrowableOfType(AuditUnavailableException.class, () -> granting.call.accept(manager));

        assertThat(refused).isNotNull();
        assertThat(refused.code()).isEqualTo("audit-unavailable");
        assertThat(refused)
                .hasMessageContaining("stream a/default/")
                .hasMessageContaining(sealer.publicKey().keyId())
                .hasMessageContaining("nothing was changed")
                .hasMessageContaining("Repeat the call")
                .hasCause(sealer.failure);
        assertThat(refused.getMessage()).doesNotContain("hunter2");
        assertThat(manager.health().toString()).doesNotContain("hunter2");
        assertThat(Picture.of(manager)).isEqualTo(before);
        assertThat(manager.verify().waiting()).isZero();

        sealer.heal();
        granting.call.accept(manager);
        assertThat(Picture.of(manager)).isNotEqualTo(before);
        assertThat(manager.health().isGood()).isTrue();
    }

    @Test
    void a_request_that_could_not_be_signed_is_made_by_repeating_it_with_its_key() {
        LifecycleManager manager = signed();
        sealer.fail();
        var asked = request("b").idempotencyKey("order 66").build();
        assertThatThrownBy(() -> manager.requestProvisioning(asked)).isInstanceOf(AuditUnavailableException.class);
        sealer.heal();

        Agent made = manager.requestProvisioning(asked);

        sealer.fail();
        assertThat(manager.requestProvisioning(asked)).isEqualTo(made);
        assertThat(kinds(manager, made.id())).containsExactly(EventKind.AGENT_REQUESTED);
    }

    @Test
    void agents_stay_alive_while_nothing_can_be_signed() {
        LifecycleManager manager = signed();
        make(manager, A, AgentState.PROVISIONED);
        manager.activate(A);
        sealer.fail();

        manager.heartbeat(A);
        clock.advance(Duration.ofHours(3));
        manager.sweeper().sweep();
        manager.heartbeat(A);

        assertThat(kinds(manager, A))
                .endsWith(EventKind.HEARTBEAT_FIRST, EventKind.HEARTBEAT_MISSED, EventKind.HEARTBEAT_RESUMED);
        assertThat(manager.verify().waiting()).isEqualTo(3);
    }

    @Test
    void the_next_signed_event_vouches_by_itself() {
        LifecycleManager manager = signed();
        make(manager, A, AgentState.ACTIVE);
        int before = manager.auditTrail(A).size();
        sealer.fail();
        manager.suspend(A, "maintenance", ADMIN);
        manager.placeHold(A, HoldReason.of("unpaid"), "", ADMIN);
        assertThat(manager.auditTrail(A, before, 1).get(0).seal()).isEqualTo(Seal.WAITING);
        sealer.heal();

        manager.releaseHold(A, HoldReason.of("unpaid"), ADMIN);

        assertThat(manager.auditTrail(A, before, 1).get(0).seal()).isEqualTo(Seal.ENDORSED_LATE);
        assertThat(seals(manager, A)).endsWith(Seal.ENDORSED_LATE, Seal.ENDORSED_LATE, Seal.SIGNED);
        assertThat(manager.sweeper().sweep().with(SweepReport.Result.DONE)).isEmpty();
        assertThat(manager.get(A).activity().unsignedFrom()).isEmpty();
        assertThat(manager.verify().endorsedLate()).isEqualTo(2);
    }

    @Test
    void a_sealer_that_fails_for_a_day_is_nothing_that_the_agent_is_stuck_with() {
        LifecycleManager manager = signed();
        make(manager, A, AgentState.SUSPENDED);
        sealer.fail();
        manager.placeHold(A, HoldReason.of("unpaid"), "", ADMIN);
        for (int hour = 0; hour < 24; hour++) {
            clock.advance(Duration.ofHours(1));
            manager.sweeper().sweep();
        }
        assertThat(kinds(manager, A)).doesNotContain(EventKind.ACTION_STUCK);
        assertThat(manager.health().stuck()).isEmpty();
        assertThat(manager.health().lastSealerFailure()).isPresent();
        assertThat(manager.verify().waiting()).isEqualTo(1);

        sealer.heal();
        clock.advance(Duration.ofHours(1));
        manager.sweeper().sweep();
        assertThat(manager.verify().waiting()).isZero();

        sealer.fail();
        manager.placeHold(A, HoldReason.of("unsafe"), "", ADMIN);
        manager.sweeper().sweep();
        sealer.heal();
        clock.advance(Duration.ofMinutes(1));
        manager.sweeper().sweep();
        assertThat(manager.verify().waiting()).as("the wait begins anew").isZero();
    }

    @Test
    void what_a_sweep_itself_could_not_sign_is_vouched_for_by_the_next_one() {
        LifecycleManager manager = signed();
        make(manager, A, AgentState.PENDING_APPROVAL);
        clock.advance(Duration.ofDays(2));
        sealer.fail();
        manager.sweeper().sweep();
        assertThat(kinds(manager, A)).endsWith(EventKind.AGENT_REQUEST_EXPIRED);
        assertThat(manager.verify().waiting()).isEqualTo(1);
        sealer.heal();

        manager.sweeper().sweep();

        assertThat(manager.verify().waiting()).isZero();
        assertThat(manager.sweeper().sweep().examined()).isLessThanOrEqualTo(1);
        assertThat(manager.sweeper().sweep().examined()).isZero();
    }

    @Test
    void a_sealer_that_fails_delays_nothing_else_that_a_sweep_has_to_do() {
        LifecycleManager manager = signed();
        make(manager, A, AgentState.ACTIVE);
        Duration threshold = POLICY.orphanThreshold();
        sealer.fail();
        clock.advance(threshold.minusMinutes(70));
        for (int minute = 0; minute < 70; minute++) {
            assertThat(manager.get(A).state()).isEqualTo(AgentState.ACTIVE);
            manager.sweeper().sweep();
            clock.advance(Duration.ofMinutes(1));
        }

        manager.sweeper().sweep();

        assertThat(manager.get(A).state()).isEqualTo(AgentState.ORPHANED);
    }

    @Test
    void an_agent_that_a_sweep_will_not_make_an_orphan_is_vouched_for_all_the_same() {
        LifecycleManager manager = signed();
        for (int i = 0; i < 60; i++) {
            make(manager, AgentId.of("b" + i), AgentState.ACTIVE);
        }
        clock.advance(POLICY.orphanThreshold().minusMinutes(1));
        sealer.fail();
        manager.sweeper().sweep();
        // a silence and an ageing credential each
        assertThat(manager.verify().waiting()).isEqualTo(120);
        sealer.heal();
        clock.advance(Duration.ofMinutes(1));

        SweepReport report = manager.sweeper().sweep();

        assertThat(report.with(SweepReport.Result.HELD_BACK)).hasSize(60);
        assertThat(manager.verify().waiting()).isZero();
    }

    @Test
    void a_sealer_that_signs_with_another_key_than_it_names_begins_no_log() {
        var other = new TestSealer();
        AuditSealer mistaken = new ForwardingSealer(sealer) {
            @Override
            public byte[] sign(String payloadType, String payload) {
                return other.sign(payloadType, payload);
            }
        };

        assertThatThrownBy(() -> builder().sealer(mistaken).build())
                .isInstanceOf(AuditUnavailableException.class)
                .hasRootCauseMessage("the sealer signs with another key than its publicKey()");
        assertThat(store.events(0, 10).events()).isEmpty();
        make(signed(), A, AgentState.ACTIVE);
        LifecycleManager manager = open(builder().sealer(mistaken));
        assertThatThrownBy(() -> manager.rotateCredentials(A)).isInstanceOf(AuditUnavailableException.class);
        manager.suspend(A, "maintenance", ADMIN);
        assertThat(seals(manager, A)).endsWith(Seal.WAITING);
        manager.verify();
    }

    @Test
    void a_sealer_whose_signature_is_none_has_failed() {
        LifecycleManager manager = signed();
        make(manager, A, AgentState.ACTIVE);
        for (int length : List.of(0, 63, 65)) {
            sealer.touch = signature -> new byte[length];
            assertThatThrownBy(() -> manager.rotateCredentials(A)).isInstanceOf(AuditUnavailableException.class);
        }
        manager.suspend(A, "maintenance", ADMIN);
        assertThat(seals(manager, A)).endsWith(Seal.WAITING);
        sealer.touch = signature -> signature;
    }

    /** Throws what the compiler would not let it, as code in other languages does. */
    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    private static <T extends Throwable> byte[] sneak(Throwable thrown) throws T {
        throw (T) thrown;
    }

    @Test
    void a_sealer_that_throws_something_unheard_of_has_failed() {
        LifecycleManager manager = signed();
        make(manager, A, AgentState.ACTIVE);
        for (Throwable thrown :
                List.of(new IOException("no route"), new NoClassDefFoundError("org/example"), new AssertionError())) {
            sealer.touch = signature -> SealerTest.<RuntimeException>sneak(thrown);
            assertThatThrownBy(() -> manager.rotateCredentials(A))
                    .isInstanceOf(AuditUnavailableException.class)
                    .hasCause(thrown);
        }

        manager.suspend(A, "maintenance", ADMIN);

        assertThat(seals(manager, A)).endsWith(Seal.WAITING);
        sealer.touch = signature -> signature;
    }

    @Test
    void an_error_of_the_machine_while_an_agent_is_stopped_stops_it_in_this_process() {
        LifecycleManager manager = signed();
        make(manager, A, AgentState.ACTIVE);
        var error = new OutOfMemoryError("a test");
        sealer.touch = signature -> SealerTest.<RuntimeException>sneak(error);

        assertThatThrownBy(() -> manager.suspend(A, "maintenance", ADMIN)).isSameAs(error);

        sealer.touch = signature -> signature;
        assertThat(manager.guard().check(A, Operation.INVOKE).allowed()).isFalse();
        assertThat(manager.health().denied()).containsExactly(SweepFleet.key(A));
    }

    @Test
    void without_sealer_and_without_store_an_agent_is_stopped_in_this_process() {
        LifecycleManager manager = signed();
        make(manager, A, AgentState.ACTIVE);
        sealer.fail();
        store.breakAt(call -> call == FaultStore.Call.COMMIT);

        assertThatThrownBy(() -> manager.suspend(A, "maintenance", ADMIN)).isNotNull();

        assertThat(manager.guard().check(A, Operation.INVOKE).allowed()).isFalse();
        assertThat(manager.health().denied()).containsExactly(SweepFleet.key(A));
        store.heal();
        manager.suspend(A, "maintenance", ADMIN);
        assertThat(manager.health().denied()).isEmpty();
    }

    // ---- what verify finds

    private List<String> findings(LifecycleManager manager, Consumer<List<StoredEvent>> change) {
        List<StoredEvent> changed = new ArrayList<>(store.events(0, 1_000).events());
        int size = changed.size();
        change.accept(changed);
        store.events = page -> page.size() == size ? changed : page;
        AuditTamperedException thrown = catchThrowableOfType(AuditTamperedException.class, manager::verify);
        store.heal();
        return thrown == null ? List.of() : thrown.findings();
    }

    private static StoredEvent withSignature(StoredEvent event, Optional<String> signature) {
        return new StoredEvent(event.stream(), event.n(), event.canonical(), signature);
    }

    @Test
    void no_signature_can_be_changed_or_moved_and_none_of_a_grant_taken_away() {
        LifecycleManager manager = signed();
        make(manager, A, AgentState.ACTIVE);
        List<StoredEvent> all = store.events(0, 1_000).events();
        for (int i = 0; i < all.size(); i++) {
            int at = i;
            StoredEvent event = all.get(i);
            String other = all.get((i + 1) % all.size()).signature().orElseThrow();
            String place = "event %d of stream %s: ".formatted(event.n(), event.stream());

            assertThat(findings(manager, log -> log.set(at, withSignature(event, Optional.of(other))))
                            .get(0))
                    .startsWith(place)
                    .contains("its signature is not that of key "
                            + sealer.publicKey().keyId());
            List<String> stripped = findings(manager, log -> log.set(at, withSignature(event, Optional.empty())));
            if (!SealedEvent.read(event.canonical(), Optional.empty())
                    .event()
                    .kind()
                    .mayWait()) {
                assertThat(stripped.get(0)).startsWith(place).contains("is not signed, and must be");
            }
        }
    }

    @Test
    void an_event_of_a_later_key_or_of_none_is_found() {
        LifecycleManager manager = signed();
        make(manager, A, AgentState.ACTIVE);
        int last = store.events(0, 1_000).events().size() - 1;
        StoredEvent event = store.events(0, 1_000).events().get(last);
        String kid = sealer.publicKey().keyId();

        for (String forged : List.of(
                event.canonical().replace("\"kid\":\"" + kid + "\",", ""),
                event.canonical().replace(kid, new TestSealer().publicKey().keyId()))) {
            assertThat(forged).isNotEqualTo(event.canonical());
            List<String> found = findings(
                    manager,
                    log -> log.set(last, new StoredEvent(event.stream(), event.n(), forged, Optional.empty())));
            assertThat(found.get(0)).contains("as its key, but " + kid + " is in force");
        }
    }

    /** What somebody who can write to the store, but not sign, adds to the trail of agent a, with the record to it. */
    private void forge(EventContent content) {
        AgentCodec.Stored before =
                AgentCodec.decode(store.get(SweepFleet.record(A)).orElseThrow());
        AuditEvent last = log().get(0).event();
        SealedEvent forged = SealedEvent.write(new AuditEvent(
                last.log(),
                UUID.fromString("019d7a2c-1f00-7abc-8def-0123456789ab"),
                clock.instant(),
                last.keyId(),
                before.head().next(),
                content));
        Agent after = Replay.apply(before.agent(), forged).at(before.agent().version() + 1);
        var record = AgentCodec.encode(new AgentCodec.Stored(after, StreamHead.after(forged)), Optional.empty());
        CommitResult stored = store.commit(new Commit(
                new RequestId("forged"),
                clock.instant(),
                List.of(),
                List.of(new Mutation.Put(record)),
                List.of(StoredEvent.of(forged))));
        assertThat(stored).isInstanceOf(CommitResult.Applied.class);
    }

    private static EventContent resumedHeartbeat() {
        return EventContent.of(
                EventKind.HEARTBEAT_RESUMED,
                Actor.agent(A),
                Json.object()
                        .put("since", "2026-04-11T04:30:00Z")
                        .put("windows", 2)
                        .build());
    }

    @Test
    void what_is_not_signed_cannot_lead_an_agent_anywhere_that_gives_it_power() {
        for (EventContent content : List.of(
                resumedHeartbeat().step(AgentState.SUSPENDED, AgentState.ACTIVE),
                resumedHeartbeat().to(AgentState.ACTIVE),
                resumedHeartbeat().step(AgentState.SUSPENDED, AgentState.PROVISIONED))) {
            FaultStore fresh = new FaultStore(LifecycleStore.inMemory());
            store = fresh;
            LifecycleManager manager = signed();
            make(manager, A, AgentState.SUSPENDED);
            forge(content);

            AuditTamperedException thrown = catchThrowableOfType(AuditTamperedException.class, manager::verify);

            assertThat(thrown).as("%s", content).isNotNull();
            assertThat(thrown.findings().get(0))
                    .contains("stream a/default/a: heartbeat.resumed")
                    .contains("is not signed, and must be");
        }
        opened.clear();
    }

    @Test
    void what_is_not_signed_cannot_say_that_a_credential_arrived_that_nobody_sent() {
        LifecycleManager manager = signed();
        make(manager, A, AgentState.ACTIVE);
        String id = manager.get(A).credentials().current().orElseThrow().id().value();

        assertThatThrownBy(() -> forge(EventContent.of(
                                EventKind.CREDENTIAL_DELIVERED,
                                Actor.SYSTEM,
                                Json.object().put("id", id).build())
                        .step(AgentState.ACTIVE, AgentState.ACTIVE)))
                .isInstanceOf(JsonFormatException.class)
                .hasMessageContaining("arrives that is not on its way");
    }

    @Test
    void what_is_not_signed_cannot_make_a_revoked_credential_one_that_merely_ran_out() {
        LifecycleManager manager = signed();
        make(manager, A, AgentState.ACTIVE);
        manager.revokeCredentials(A, "leaked", ADMIN);
        String id = manager.get(A).credentials().current().orElseThrow().id().value();

        assertThatThrownBy(() -> forge(EventContent.of(
                                EventKind.CREDENTIAL_EXPIRED,
                                Actor.SYSTEM,
                                Json.object()
                                        .put("expiredAt", "2026-04-11T04:30:00Z")
                                        .put("id", id)
                                        .build())
                        .step(AgentState.ACTIVE, AgentState.ACTIVE)))
                .isInstanceOf(JsonFormatException.class)
                .hasMessageContaining("expires that is not the agent's good one");
    }

    @Test
    void the_key_of_another_cannot_be_introduced() {
        make(open(builder()), A, AgentState.ACTIVE);
        var thief = new TestSealer();
        // what is signed first is the proof
        thief.touch = signature -> {
            signature[3] ^= (byte) (thief.calls.get() == 1 ? 1 : 0);
            return signature;
        };
        long events = store.events(0, 100).events().size();

        assertThatThrownBy(() -> builder().sealer(thief).signFromHere().build())
                .isInstanceOf(AuditUnavailableException.class)
                .hasStackTraceContaining("signs with another key than its publicKey()");
        assertThat(store.events(0, 100).events()).hasSize((int) events);
    }

    @Test
    void a_log_that_is_all_in_order_but_was_never_signed_is_not_the_one_that_was_expected() {
        LifecycleManager unsigned = open(builder());
        make(unsigned, A, AgentState.ACTIVE);
        LogRecord record = LogRecord.decode(store.get(LogRecord.KEY).orElseThrow());
        var verifier = new Verifier(store, record, Optional.of(sealer.publicKey()), sealer);

        assertThatThrownBy(() -> verifier.verify(0))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining(
                        "the key of the sealer, " + sealer.publicKey().keyId() + ", was never in force");
    }

    @Test
    void the_same_log_verifies_with_the_same_counts_however_it_is_read() {
        LifecycleManager manager = signed();
        make(manager, A, AgentState.SUSPENDED);
        make(manager, AgentId.of("b"), AgentState.ACTIVE);
        sealer.fail();
        manager.decommission(A, "sunset", ADMIN);
        sealer.heal();
        Map<Seal, Long> counted = new TreeMap<>();
        manager.events(0, 1_000).events().forEach(event -> counted.merge(event.seal(), 1L, Long::sum));
        Verification found = manager.verify();

        assertThat(counted).isEqualTo(Map.of(Seal.SIGNED, found.signed(), Seal.WAITING, found.waiting()));
        assertThat(found.waiting()).isEqualTo(3);
    }

    @Test
    void an_agent_that_cannot_be_read_keeps_nobody_from_reading_the_log() {
        LifecycleManager manager = signed();
        AgentId b = AgentId.of("b");
        make(manager, A, AgentState.ACTIVE);
        make(manager, b, AgentState.ACTIVE);
        sealer.fail();
        manager.suspend(A, "maintenance", ADMIN);
        manager.suspend(b, "maintenance", ADMIN);
        sealer.heal();
        manager.resume(A, ADMIN);
        manager.resume(b, ADMIN);
        store.records = found -> found.key().equals(SweepFleet.record(A))
                ? new StoredRecord(found.key(), found.version(), found.dueAt(), "{}", found.index())
                : found;

        List<SealedEvent> events = manager.events(0, 1_000).events();

        // nobody can say whether anything vouches for the first one, so it counts for no more than it is
        assertThat(events)
                .filteredOn(event -> event.event().kind() == EventKind.AGENT_SUSPENDED)
                .extracting(SealedEvent::seal)
                .containsExactly(Seal.WAITING, Seal.ENDORSED_LATE);
        store.hidden = SweepFleet.record(A)::equals;
        assertThat(manager.events(0, 1_000).events()).isEqualTo(events);
    }

    @Test
    void reading_the_log_asks_once_for_each_agent_of_a_page() {
        LifecycleManager manager = signed();
        make(manager, A, AgentState.PROVISIONED);
        sealer.fail();
        for (int i = 0; i < 9; i++) {
            manager.placeHold(A, HoldReason.of("hold" + i), "", ADMIN);
        }
        store.taken();

        manager.events(0, 1_000);

        assertThat(store.taken()).isEqualTo(Map.of(FaultStore.Call.EVENTS, 1L, FaultStore.Call.GET, 1L));
    }

    // ---- who approved

    @Test
    void the_trail_says_how_sure_the_host_was_of_who_approved() {
        LifecycleManager manager = signed();
        make(manager, A, AgentState.PENDING_APPROVAL);

        manager.approve(A, ADMIN.assured(IdentityAssurance.STRONG));

        SealedEvent approved = manager.auditTrail(A).get(1);
        assertThat(approved.event().kind()).isEqualTo(EventKind.AGENT_APPROVED);
        assertThat(approved.event().actor().assurance()).contains(IdentityAssurance.STRONG);
        assertThat(approved.canonical()).contains("\"actor\":{\"assurance\":\"strong\",");
        assertThat(approved.event().content().approval().orElseThrow().by()).isEqualTo(ADMIN.id());
        assertThat(manager.get(A).approval().decision().orElseThrow().by().assurance())
                .contains(IdentityAssurance.STRONG);
        assertThat(manager.auditTrail(A).get(0).event().actor().assurance()).isEmpty();
    }
}
