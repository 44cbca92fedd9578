package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ALICE;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.active;
import static io.agentlifecycle.core.Workshop.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.agentlifecycle.core.FaultStore.Call;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.IdentityAssurance;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.KeyRotation;
import io.agentlifecycle.core.audit.Seal;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.error.AccessDeniedException;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.error.LifecycleException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.RefusedException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.HoldTerms;
import io.agentlifecycle.core.hold.KillScope;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Attempts at power: what counts as one, what is written of them and when, and that no agent is moved by it. */
class AccessTest {
    private static final Actor MALLORY = Actor.human("mallory@company.com");
    private static final Duration MINUTE = Duration.ofMinutes(1);
    private static final TenantId ACME = TenantId.of("acme");
    private static final LifecyclePolicy PATIENT = LifecyclePolicy.builder()
            .requireApproval(false)
            .heartbeatInterval(Duration.ofDays(1))
            .orphanThreshold(Duration.ofDays(30))
            .build();

    private final FaultStore store = new FaultStore(LifecycleStore.inMemory());

    @RegisterExtension
    final Workshop shop = new Workshop(store);

    // ---- helpers

    /** Agent {@code id}, held so that only an admin may release it. */
    private static Agent held(LifecycleManager manager, String id) {
        active(manager, id);
        return manager.placeHold(
                AgentId.of(id), HoldReason.OPERATOR, HoldTerms.of("stolen").releasedBy(ReleaseAuthority.ADMIN), ADMIN);
    }

    private static RefusedException refused(ThrowingCallable call) {
        RefusedException refusal = catchThrowableOfType(RefusedException.class, call);
        assertThat(refusal).as("the refusal").isNotNull();
        return refusal;
    }

    private static RefusedException attempt(LifecycleManager manager, AgentId id, Actor actor) {
        return refused(() -> manager.releaseHold(id, HoldReason.OPERATOR, actor));
    }

    private List<StoredEvent> stream() {
        return store.trail(StreamPosition.ACCESS, 0, 10_000);
    }

    private static List<SealedEvent> written(LifecycleManager manager) {
        return manager.search(event -> event.kind() == EventKind.ACCESS_REFUSED, 0, 10_000)
                .events();
    }

    private static Json.Obj only(LifecycleManager manager) {
        assertThat(written(manager)).hasSize(1);
        return written(manager).get(0).event().details();
    }

    private static Json text(Json.Obj details, String name) {
        return details.get(name).orElse(Json.NULL);
    }

    private static List<Json> actors(Json.Obj details) {
        return ((Json.Arr) details.get("actors").orElseThrow()).items();
    }

    private static long attempts(SealedEvent event) {
        return ((Json.Int) event.event().details().get("attempts").orElseThrow()).value();
    }

    private void sweepLater(LifecycleManager manager) {
        shop.clock.advance(MINUTE);
        manager.sweeper().sweep();
    }

    // ---- what is written

    @Test
    void a_thousand_attempts_leave_the_agent_as_it_was_and_make_one_event_a_minute() {
        LifecycleManager manager = shop.open(PATIENT);
        Agent victim = held(manager, ID.value());
        List<SealedEvent> trail = manager.auditTrail(ID);
        Instant since = shop.clock.instant();
        store.taken();

        for (int i = 0; i < 999; i++) {
            assertThat(attempt(manager, ID, MALLORY)).isInstanceOf(PolicyViolationException.class);
        }
        shop.clock.advance(Duration.ofSeconds(30));
        attempt(manager, ID, MALLORY);

        assertThat(store.taken())
                .as("a refusal reads the agent, and nothing else")
                .isEqualTo(Map.of(Call.GET, 1_000L));
        shop.clock.advance(MINUTE);
        attempt(manager, ID, MALLORY);
        manager.sweeper().sweep();
        assertThat(only(manager))
                .isEqualTo(Json.object()
                        .put(
                                "actors",
                                new Json.Arr(List.of(Json.object()
                                        .put("id", "mallory@company.com")
                                        .put("type", "human")
                                        .build())))
                        .put("attempts", 1_000)
                        .put("rule", "hold-authority")
                        .put("since", since.toString())
                        .put("target", "a/default/agent:1")
                        .put("tenant", "default")
                        .put("until", since.plusSeconds(30).toString())
                        .build());
        sweepLater(manager);
        assertThat(written(manager)).extracting(AccessTest::attempts).containsExactly(1_000L, 1L);
        sweepLater(manager);

        assertThat(stream()).hasSize(2);
        assertThat(manager.get(ID)).isEqualTo(victim);
        assertThat(manager.auditTrail(ID)).isEqualTo(trail);
        AuditEvent event = written(manager).get(0).event();
        assertThat(event.position().stream()).isEqualTo("access");
        assertThat(event.actor()).isEqualTo(Actor.SYSTEM);
        assertThat(event.from()).isEmpty();
        assertThat(event.to()).isEmpty();
        assertThat(manager.verify().streams()).isEqualTo(3);
    }

    @Test
    void a_minute_is_written_when_it_is_over_and_not_a_nanosecond_before() {
        LifecycleManager manager = shop.open(PATIENT);
        held(manager, ID.value());
        Instant minute = shop.clock.instant();
        shop.clock.set(minute.plusSeconds(59));
        attempt(manager, ID, MALLORY);

        shop.clock.set(minute.plusSeconds(60).minusNanos(1));
        manager.sweeper().sweep();
        assertThat(stream()).isEmpty();
        shop.clock.set(minute.plusSeconds(60));
        manager.sweeper().sweep();

        assertThat(stream()).hasSize(1);
        assertThat(store.get(AccessRecord.KEY)).map(StoredRecord::version).contains(1L);
    }

    @Test
    void the_first_five_who_tried_are_named_each_once() {
        LifecycleManager manager = shop.open(PATIENT);
        held(manager, ID.value());
        for (int i = 0; i < 14; i++) {
            attempt(manager, ID, Actor.service("s" + i / 2));
            attempt(manager, ID, Actor.service("s" + i / 2).assured(IdentityAssurance.STRONG));
        }

        sweepLater(manager);

        assertThat(actors(only(manager)))
                .extracting(actor -> ((Json.Obj) actor).get("id").orElseThrow())
                .containsExactly(Json.of("s0"), Json.of("s1"), Json.of("s2"), Json.of("s3"), Json.of("s4"));
        assertThat(attempts(written(manager).get(0))).isEqualTo(28);
    }

    @Test
    void agents_and_rules_are_told_apart_and_written_in_one_commit() {
        LifecycleManager manager = shop.open(PATIENT);
        held(manager, "a");
        held(manager, "b");
        attempt(manager, AgentId.of("a"), MALLORY);
        attempt(manager, AgentId.of("b"), MALLORY);
        refused(() -> manager.resume(AgentId.of("b"), MALLORY));
        KillSwitch kills = manager.killSwitch();
        refused(() -> kills.release(kills.everything(), ReleaseAuthority.OPERATOR, "let me", MALLORY));

        shop.clock.advance(MINUTE);
        AtomicInteger commits = new AtomicInteger();
        store.commits = (commit, to) -> {
            commits.incrementAndGet();
            return to.commit(commit);
        };
        manager.sweeper().sweep();

        assertThat(commits).hasValue(1);
        assertThat(written(manager))
                .extracting(event -> text(event.event().details(), "target"))
                .containsExactly(Json.of("a/default/a"), Json.of("a/default/b"), Json.of("log"));
        assertThat(written(manager)).extracting(AccessTest::attempts).containsExactly(1L, 2L, 1L);
        assertThat(text(written(manager).get(2).event().details(), "scope")).isEqualTo(Json.of("everything"));
    }

    // ---- what is an attempt at power

    @Test
    void whoever_lacks_the_right_to_what_others_may_do_has_tried() {
        LifecycleManager manager = shop.open(LifecyclePolicy.defaults());
        var key = new TestSealer();
        manager.requestProvisioning(
                request("asked").keyThumbprint(key.publicKey().keyId()).build());
        AgentId asked = AgentId.of("asked");
        refused(() -> manager.approve(asked, Actor.human(ALICE)));
        refused(() -> manager.approve(asked, Actor.agent(asked)));
        manager.approve(asked, ADMIN);
        manager.activate(asked);
        String bad = Digests.base64Url(new byte[64]);
        var rotation = new KeyRotation(key.publicKey(), new TestSealer().publicKey(), shop.clock.instant(), bad, bad);
        refused(() -> manager.rotateKey(asked, rotation, key::verify, MALLORY));
        LifecycleManager acme = manager.forTenant(ACME);
        KillSwitch kills = acme.killSwitch();
        KillScope others = new KillScope.OfTenant(TenantId.DEFAULT);
        refused(() -> kills.engage(kills.everything(), "all mine", MALLORY));
        refused(() -> kills.release(others, ReleaseAuthority.ADMIN, "all mine", MALLORY));
        refused(() -> acme.introduceLogKey(new TestSealer(), MALLORY));
        refused(() -> acme.retireLogKey("x", "mine", MALLORY));
        refused(() -> kills.release(kills.tenant(), ReleaseAuthority.BILLING, "unpaid", MALLORY));

        sweepLater(manager);

        Set<String> said = new TreeSet<>();
        written(manager).forEach(event -> {
            Json.Obj details = event.event().details();
            said.add("%s %s %s %s %d"
                    .formatted(
                            word(details, "rule"),
                            word(details, "tenant"),
                            word(details, "target"),
                            word(details, "scope"),
                            attempts(event)));
        });
        assertThat(said)
                .containsExactlyInAnyOrder(
                        "self-approval default a/default/asked - 1",
                        "approver-human default a/default/asked - 1",
                        "agent-key-proof default a/default/asked - 1",
                        "access-denied acme log everything 1",
                        "access-denied acme log tenant:default 1",
                        "access-denied acme log - 2",
                        "kill-authority acme log tenant:acme 1");
    }

    private static String word(Json.Obj details, String name) {
        return details.get(name).map(json -> ((Json.Str) json).value()).orElse("-");
    }

    @Test
    void what_is_refused_to_everybody_or_only_asked_is_none() {
        LifecycleManager manager = shop.open(
                LifecyclePolicy.builder().approvalTimeout(Duration.ofMinutes(1)).build());
        manager.requestProvisioning(request("late").build());
        manager.requestProvisioning(request("a").build());
        AgentId a = AgentId.of("a");
        manager.approve(a, ADMIN);
        manager.activate(a);
        shop.clock.advance(MINUTE);
        List<RefusedException> refusals = List.of(
                refused(() -> manager.approve(AgentId.of("late"), ADMIN)),
                refused(() -> manager.approve(AgentId.of("nobody"), ADMIN)),
                refused(() -> manager.approve(a, ADMIN)),
                refused(() -> manager.releaseHold(a, HoldReason.OPERATOR, ADMIN)),
                refused(() -> manager.killSwitch()
                        .release(manager.killSwitch().everything(), ReleaseAuthority.ADMIN, "over", ADMIN)),
                refused(() -> manager.guard().require(AgentId.of("late"), Operation.INVOKE)),
                refused(() -> manager.apiKeys().exchange("key")),
                refused(() -> manager.forTenant(ACME).verify()),
                refused(() -> manager.forTenant(ACME).events(0, 1)));

        assertThat(refusals)
                .filteredOn(PolicyViolationException.class::isInstance)
                .hasSizeGreaterThanOrEqualTo(2)
                .allSatisfy(
                        e -> assertThat(((PolicyViolationException) e).actor()).isEmpty());
        sweepLater(manager);
        shop.close(manager);

        assertThat(stream()).isEmpty();
        assertThat(store.get(AccessRecord.KEY)).isEmpty();
        shop.open(LifecyclePolicy.defaults());
    }

    @Test
    void only_the_manager_of_all_tenants_reads_what_was_tried_in_each() {
        LifecycleManager manager = shop.open(PATIENT);
        LifecycleManager acme = manager.forTenant(ACME);
        held(acme, "a");
        attempt(acme, AgentId.of("a"), MALLORY);
        sweepLater(manager);

        assertThat(text(only(manager), "tenant")).isEqualTo(Json.of("acme"));
        assertThat(text(only(manager), "target")).isEqualTo(Json.of("a/acme/a"));
        LifecycleManager other = manager.forTenant(TenantId.of("globex"));
        for (LifecycleManager confined : List.of(acme, other)) {
            assertThatThrownBy(() -> written(confined)).isInstanceOf(AccessDeniedException.class);
            assertThatThrownBy(() -> confined.events(0, 10)).isInstanceOf(AccessDeniedException.class);
            assertThatThrownBy(() -> confined.decisionsBy(Actor.SYSTEM, 0, 10))
                    .isInstanceOf(AccessDeniedException.class);
        }
        assertThat(acme.auditTrail(AgentId.of("a")))
                .noneMatch(event -> event.event().kind() == EventKind.ACCESS_REFUSED);
    }

    // ---- bounds

    @Test
    void beyond_a_thousand_different_ones_all_are_counted_together() {
        LifecycleManager manager = shop.open(PATIENT);
        held(manager, ID.value());
        attempt(manager, ID, MALLORY);
        KillSwitch kills = manager.forTenant(ACME).killSwitch();
        for (int i = 0; i < 1_499; i++) {
            KillScope scope = new KillScope.OfAgent(new AgentKey(TenantId.DEFAULT, AgentId.of("a" + i)));
            refused(() -> kills.engage(scope, "mine", MALLORY));
        }
        attempt(manager, ID, MALLORY);

        shop.clock.advance(MINUTE);
        AtomicInteger commits = new AtomicInteger();
        store.commits = (commit, to) -> {
            commits.incrementAndGet();
            assertThat(commit.events().size()).isLessThanOrEqualTo(100);
            return to.commit(commit);
        };
        manager.sweeper().sweep();

        List<SealedEvent> written = written(manager);
        assertThat(commits).hasValue(11);
        assertThat(written).hasSize(Refusals.MOST + 1);
        assertThat(written.stream().mapToLong(AccessTest::attempts).sum()).isEqualTo(1_501);
        assertThat(attempts(written.get(0))).as("who has a counter keeps it").isEqualTo(2);
        Json.Obj rest = written.get(Refusals.MOST).event().details();
        assertThat(rest.members().keySet()).containsExactlyInAnyOrder("actors", "attempts", "since", "until");
        assertThat(attempts(written.get(Refusals.MOST))).isEqualTo(500);
        assertThat(actors(rest)).hasSize(1);
        attempt(manager, ID, MALLORY);
        sweepLater(manager);
        assertThat(written(manager)).hasSize(Refusals.MOST + 2);
        assertThat(written(manager).get(Refusals.MOST + 1).event().details().get("target"))
                .as("there is room again")
                .isPresent();
    }

    @Test
    void threads_that_try_at_once_are_all_counted() throws InterruptedException {
        LifecycleManager manager = shop.open(PATIENT);
        held(manager, ID.value());
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            Thread thread = new Thread(() -> {
                for (int i = 0; i < 250; i++) {
                    attempt(manager, ID, MALLORY);
                }
            });
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }

        sweepLater(manager);

        assertThat(written(manager)).extracting(AccessTest::attempts).containsExactly(1_000L);
    }

    // ---- closing and failures

    @Test
    void closing_writes_what_is_left_also_of_the_minute_that_is_not_over() {
        LifecycleManager manager = shop.open(PATIENT);
        held(manager, ID.value());
        attempt(manager, ID, MALLORY);

        shop.close(manager);

        LifecycleManager next = shop.open(PATIENT);
        assertThat(written(next)).extracting(AccessTest::attempts).containsExactly(1L);
        next.sweeper().sweep();
        assertThat(stream()).hasSize(1);
    }

    @Test
    void closing_does_not_fail_because_the_store_or_the_log_does() {
        LifecycleManager manager = shop.open(PATIENT);
        held(manager, ID.value());
        attempt(manager, ID, MALLORY);
        store.breakAt(call -> call == Call.COMMIT);

        shop.close(manager);

        store.heal();
        assertThat(stream()).isEmpty();
        shop.open(PATIENT);
    }

    @Test
    void what_a_failing_store_did_not_take_is_written_by_the_next_sweep() {
        LifecycleManager manager = shop.open(PATIENT);
        held(manager, ID.value());
        attempt(manager, ID, MALLORY);
        store.breakAt(call -> call == Call.COMMIT);
        sweepLater(manager);
        assertThat(stream()).isEmpty();
        attempt(manager, ID, Actor.service("s"));
        sweepLater(manager);

        store.heal();
        manager.sweeper().sweep();

        assertThat(written(manager)).extracting(AccessTest::attempts).containsExactly(1L, 1L);
        manager.sweeper().sweep();
        assertThat(stream()).hasSize(2);
    }

    @Test
    void what_was_stored_although_nobody_knew_is_written_once() {
        LifecycleManager manager = shop.open(PATIENT);
        held(manager, ID.value());
        attempt(manager, ID, MALLORY);
        store.commits = (commit, to) -> {
            to.commit(commit);
            return new CommitResult.Unknown("the answer was lost");
        };
        store.breakAt(call -> call == Call.FIND_COMMIT);
        sweepLater(manager);
        assertThat(stream()).hasSize(1);
        attempt(manager, ID, MALLORY);

        store.heal();
        sweepLater(manager);

        assertThat(written(manager)).extracting(AccessTest::attempts).containsExactly(1L, 1L);
        manager.sweeper().sweep();
        assertThat(stream()).hasSize(2);
    }

    @Test
    void a_sweep_goes_on_when_the_stream_cannot_be_written() {
        LifecycleManager manager = shop.open(PATIENT);
        held(manager, ID.value());
        Instant end = shop.clock.instant().plus(Duration.ofHours(1));
        active(manager, "b");
        manager.suspend(AgentId.of("b"), HoldTerms.of("a rest").until(end), ADMIN);
        attempt(manager, ID, MALLORY);
        store.cannotRead(AccessRecord.KEY::equals);
        shop.clock.set(end);

        SweepReport report = manager.sweeper().sweep();

        assertThat(report.outcomes()).extracting(SweepReport.Outcome::result).containsExactly(SweepReport.Result.DONE);
        store.heal();
        manager.sweeper().sweep();
        assertThat(stream()).hasSize(1);
    }

    /** One that fails in the middle of another must not take along what the other has not written. */
    @Test
    void a_listener_that_sweeps_while_it_is_told_loses_nothing() {
        var own = new AtomicReference<LifecycleManager>();
        LifecycleManager manager = shop.open(builder -> builder.policy(PATIENT).listener(event -> {
            if (event.event().kind() == EventKind.ACCESS_REFUSED) {
                store.breakAt(call -> call == Call.COMMIT);
                own.get().sweeper().sweep();
                store.heal();
            }
        }));
        own.set(manager);
        KillSwitch kills = manager.forTenant(ACME).killSwitch();
        for (int i = 0; i < 150; i++) {
            KillScope scope = new KillScope.OfType(TenantId.DEFAULT, "type" + i);
            refused(() -> kills.engage(scope, "mine", MALLORY));
        }

        sweepLater(manager);

        assertThat(written(manager)).hasSize(150);
        manager.sweeper().sweep();
        assertThat(stream()).hasSize(150);
    }

    @Test
    void two_hosts_that_sweep_at_once_lose_nothing() {
        LifecycleManager one = shop.open(PATIENT);
        held(one, ID.value());
        LifecycleManager two = shop.open(PATIENT);
        attempt(one, ID, MALLORY);
        attempt(two, ID, MALLORY);
        attempt(two, ID, MALLORY);
        shop.clock.advance(MINUTE);
        AtomicInteger commits = new AtomicInteger();
        store.commits = (commit, to) -> {
            if (commits.getAndIncrement() == 0) {
                two.sweeper().sweep(); // in the middle of the sweep of the other
            }
            return to.commit(commit);
        };

        one.sweeper().sweep();

        assertThat(commits).hasValue(3);
        assertThat(written(one)).extracting(AccessTest::attempts).containsExactly(2L, 1L);
        assertThat(two.verify()).isEqualTo(one.verify());
    }

    @Test
    void what_cannot_be_signed_waits_and_is_vouched_for_by_a_sweep() {
        var sealer = new TestSealer();
        LifecycleManager manager = shop.open(builder -> builder.policy(PATIENT).sealer(sealer));
        held(manager, ID.value());
        attempt(manager, ID, MALLORY);
        sealer.fail();
        sweepLater(manager);
        assertThat(stream()).as("the first of a stream is signed").isEmpty();
        sealer.heal();
        manager.sweeper().sweep();
        sealer.fail();
        attempt(manager, ID, MALLORY);
        sweepLater(manager);

        assertThat(written(manager)).extracting(SealedEvent::seal).containsExactly(Seal.SIGNED, Seal.WAITING);
        assertThat(manager.verify().waiting()).isEqualTo(1);
        manager.sweeper().sweep();
        assertThat(stream()).hasSize(2);
        sealer.heal();
        manager.sweeper().sweep();
        manager.sweeper().sweep();

        assertThat(written(manager)).extracting(SealedEvent::seal).containsExactly(Seal.SIGNED, Seal.ENDORSED_LATE);
        assertThat(stream()).hasSize(3);
        assertThat(stream().get(2).canonical()).contains("\"details\":{\"n\":1}", "log.gap_endorsed");
        assertThat(manager.verify().waiting()).isZero();
        store.events = page -> page.stream()
                .map(event -> event.stream().equals("access")
                        ? new StoredEvent(event.stream(), event.n(), event.canonical(), Optional.empty())
                        : event)
                .toList();
        assertThat(findings(manager))
                .first()
                .asString()
                .endsWith("event 0 of stream access: no stream begins with an event that nobody signed");
        store.heal();
    }

    // ---- people

    @Test
    void people_who_tried_stand_beside_the_event_if_people_do() {
        LifecycleManager manager = shop.open(builder -> builder.policy(PATIENT).personalData(PersonalData.DISCLOSABLE));
        held(manager, ID.value());
        attempt(manager, ID, MALLORY);
        attempt(manager, ID, Actor.service("robot"));
        sweepLater(manager);

        assertThat(stream().get(0).canonical())
                .doesNotContain("mallory")
                .contains("\"actors\":[{\"id\":{\"_sd\":", "\"robot\"");
        assertThat(actors(only(manager)))
                .extracting(actor -> ((Json.Obj) actor).get("id").orElseThrow())
                .containsExactly(Json.of("mallory@company.com"), Json.of("robot"));
        assertThat(written(manager).get(0).redacted()).isEmpty();
    }

    @Test
    void who_takes_their_name_out_is_found() {
        LifecycleStore inner = LifecycleStore.inMemory();
        LifecycleManager manager = LifecycleManager.builder()
                .store(inner)
                .clock(shop.clock)
                .policy(PATIENT)
                .personalData(PersonalData.DISCLOSABLE)
                .build();
        held(manager, ID.value());
        attempt(manager, ID, MALLORY);
        sweepLater(manager);
        inner.erase(StreamPosition.ACCESS, List.of(0L));

        assertThat(written(manager).get(0).redacted()).containsExactly("details.actors.id");
        assertThat(findings(manager)).singleElement().asString().contains("beside event 0 of stream access is gone");
        shop.open(PATIENT);
    }

    // ---- tampering

    private static List<String> findings(LifecycleManager manager) {
        AuditTamperedException thrown = catchThrowableOfType(AuditTamperedException.class, manager::verify);
        assertThat(thrown).as("what verify() throws").isNotNull();
        return thrown.findings();
    }

    /** A manager whose stream access has three events. */
    private LifecycleManager tried() {
        LifecycleManager manager = shop.open(PATIENT);
        held(manager, ID.value());
        for (int i = 0; i < 3; i++) {
            attempt(manager, ID, MALLORY);
            sweepLater(manager);
        }
        assertThat(stream()).hasSize(3);
        return manager;
    }

    private List<String> withEvents(LifecycleManager manager, UnaryOperator<StoredEvent> change) {
        store.events = page -> page.stream()
                .map(event -> event.stream().equals("access") ? change.apply(event) : event)
                .filter(event -> event.n() >= 0)
                .toList();
        List<String> findings = findings(manager);
        store.heal();
        return findings;
    }

    @Test
    void an_event_that_is_changed_or_taken_out_is_found() {
        LifecycleManager manager = tried();
        StoredEvent gone = new StoredEvent("access", -1, "gone", Optional.empty());

        assertThat(withEvents(manager, event -> changed(event, 0)))
                .first()
                .asString()
                .contains("event 1 of stream access: it does not follow event 0");
        assertThat(withEvents(manager, event -> changed(event, 2)))
                .containsExactly("stream access ends at event 2, but its record counts 3 events:"
                        + " its tail was cut, or the record changed");
        assertThat(withEvents(manager, event -> event.n() == 0 ? gone : event))
                .first()
                .asString()
                .contains("event 1 of stream access");
        assertThat(withEvents(manager, event -> event.n() == 2 ? gone : event))
                .containsExactly("stream access ends at event 1, but its record counts 3 events:"
                        + " its tail was cut, or the record changed");
    }

    private static StoredEvent changed(StoredEvent event, long n) {
        return event.n() != n
                ? event
                : new StoredEvent(
                        event.stream(),
                        n,
                        event.canonical().replace("\"attempts\":1", "\"attempts\":2"),
                        event.signature());
    }

    @Test
    void a_record_that_says_something_else_than_the_stream_or_is_gone_is_found() {
        LifecycleManager manager = tried();

        store.hidden = AccessRecord.KEY::equals;
        assertThat(findings(manager)).containsExactly("stream access has events, but its record is gone");
        store.heal();
        store.records = record -> record.key().equals(AccessRecord.KEY) ? with(record, "\"n\":3", "\"n\":2") : record;
        assertThat(findings(manager))
                .containsExactly("stream access ends at event 2, but its record counts 2 events:"
                        + " its tail was cut, or the record changed");
        store.records = record ->
                record.key().equals(AccessRecord.KEY) ? with(record, "\"v\":1", "\"unsigned\":0,\"v\":1") : record;
        assertThat(findings(manager)).hasSize(1);
        store.records = record -> record.key().equals(AccessRecord.KEY) ? with(record, "{", "{\"a\":0,") : record;
        assertThat(findings(manager))
                .singleElement()
                .asString()
                .contains("the record stream:default/access cannot be read");
        attempt(manager, ID, MALLORY);
        sweepLater(manager);
        assertThat(stream()).hasSize(3);
        store.heal();
        manager.sweeper().sweep();
        assertThat(stream()).hasSize(4);
    }

    private static StoredRecord with(StoredRecord record, String from, String to) {
        assertThat(record.body()).contains(from);
        return new StoredRecord(
                record.key(),
                record.version(),
                record.dueAt(),
                record.body().replaceFirst(Pattern.quote(from), to),
                record.index());
    }

    @Test
    void its_record_is_read_by_all_who_read_the_log() {
        LifecycleManager manager = tried();

        assertThat(StreamPosition.agentOf(StreamPosition.ACCESS)).isEmpty();
        assertThat(AccessRecord.KEY).isEqualTo(new RecordKey(TenantId.DEFAULT, RecordKey.STREAM, "access"));
        assertThat(manager.events(0, 1_000).events())
                .filteredOn(event -> event.event().position().stream().equals("access"))
                .hasSize(3)
                .allMatch(event -> event.seal() == Seal.UNSIGNED);
        assertThat(manager.decisionsBy(MALLORY, 0, 100).events())
                .as("nothing was done by it")
                .isEmpty();
    }

    @Test
    void the_refusal_is_the_same_whether_or_not_it_could_be_counted() {
        LifecycleManager manager = shop.open(PATIENT);
        held(manager, ID.value());
        Throwable open = catchThrowable(() -> manager.releaseHold(ID, HoldReason.OPERATOR, MALLORY));
        store.breakAt(call -> call == Call.COMMIT || call == Call.FIND_COMMIT);

        Throwable failing = catchThrowable(() -> manager.releaseHold(ID, HoldReason.OPERATOR, MALLORY));

        store.heal();
        assertThat(failing).hasSameClassAs(open).hasMessage(open.getMessage()).isInstanceOf(LifecycleException.class);
        assertThat(((PolicyViolationException) open).actor()).contains(MALLORY);
    }
}
