package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ALICE;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.OPEN_DOOR;
import static io.agentlifecycle.core.Workshop.active;
import static io.agentlifecycle.core.Workshop.refused;
import static io.agentlifecycle.core.Workshop.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.OwnerStanding;
import io.agentlifecycle.core.access.OwnerStanding.Status;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.error.ContentionException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.HoldTerms;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Who may answer for an agent is what the host's directory says, and for how many. */
class OwnerDirectoryTest {
    private static final String BOB = "bob@company.com";
    private static final String CAROL = "carol@company.com";
    private static final AgentId ORPHAN = AgentId.of("agent:orphan");
    private static final int THREADS = 8;
    private static final int LIMIT = 5;

    @RegisterExtension
    final Workshop shop = new Workshop();

    private final Staff staff = Staff.of(ALICE, BOB);

    private LifecycleManager open(LifecyclePolicy policy) {
        return shop.open(builder -> builder.policy(policy).ownerDirectory(staff));
    }

    /** An ACTIVE agent and an orphan, both of Alice. */
    private LifecycleManager open() {
        LifecycleManager manager = open(OPEN_DOOR);
        active(manager, ID.value());
        active(manager, ORPHAN.value());
        manager.markOrphaned(ORPHAN, ADMIN);
        return manager;
    }

    private static AgentId register(LifecycleManager manager, String id, String owner) {
        return manager.requestProvisioning(request(id).owner(owner).build()).id();
    }

    private static AgentImport imported(LifecycleManager manager, String id, String owner, AgentState state) {
        return new AgentImport(request(id).owner(owner).build(), state, manager.now());
    }

    // ---- who is there

    /** All ways in which Carol would come to answer for an agent. */
    static Stream<Arguments> ways() {
        Owner carol = Owner.of(CAROL);
        return Stream.of(
                way("request", m -> register(m, "agent:new", CAROL)),
                way(
                        "import",
                        m -> m.importAgents(
                                List.of(
                                        imported(m, "agent:x", ALICE, AgentState.ACTIVE),
                                        imported(m, "agent:y", CAROL, AgentState.SUSPENDED)),
                                "elsewhere",
                                ADMIN)),
                way("changeOwner", m -> m.changeOwner(ID, CAROL, ADMIN)),
                way("reclaim", m -> m.reclaim(ORPHAN, CAROL, ADMIN)),
                way("addCoOwner", m -> m.owners().addCoOwner(ID, carol, ADMIN)),
                way("handOver", m -> m.owners().handOver(Owner.of(ALICE), carol)));
    }

    private static Arguments way(String name, Consumer<LifecycleManager> way) {
        return arguments(name, way);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("ways")
    void who_is_not_there_answers_for_no_agent(String name, Consumer<LifecycleManager> way) {
        LifecycleManager manager = open();

        assertThat(refused(manager, "owner-unknown", () -> way.accept(manager)))
                .hasMessageContaining(CAROL + " cannot answer for ")
                .hasMessageContaining("the owner directory knows nobody of that name; name somebody whom it knows");
        for (Status status : List.of(Status.SUSPENDED, Status.LEFT)) {
            staff.are(CAROL, status);
            assertThat(refused(manager, "owner-inactive", () -> way.accept(manager)))
                    .hasMessageContaining(CAROL + " cannot answer for ")
                    .hasMessageContaining("calls them " + status + "; name another");
        }
        staff.are(CAROL, Status.ACTIVE);
        way.accept(manager);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("ways")
    void what_the_directory_throws_is_thrown_and_nothing_is_changed(String name, Consumer<LifecycleManager> way) {
        LifecycleManager manager = open();
        var failure = new IllegalStateException("the directory is down");
        staff.before = () -> {
            throw failure;
        };
        Workshop.Picture before = Workshop.Picture.of(manager);

        assertThatThrownBy(() -> way.accept(manager)).isSameAs(failure);

        assertThat(Workshop.Picture.of(manager)).isEqualTo(before);
        staff.before = () -> staff.are(CAROL, Status.ACTIVE);
        way.accept(manager);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("ways")
    void it_is_asked_in_the_callers_thread_and_may_use_the_manager_itself(String name, Consumer<LifecycleManager> way) {
        LifecycleManager manager = open();
        staff.are(CAROL, Status.ACTIVE);
        var thread = new AtomicReference<Thread>();
        staff.before = () -> {
            thread.set(Thread.currentThread());
            staff.before = () -> {};
            manager.sweeper().sweep();
            manager.changeOwner(ORPHAN, BOB, ADMIN);
        };

        way.accept(manager);

        assertThat(thread.get()).isSameAs(Thread.currentThread());
        assertThat(manager.auditTrail(ORPHAN))
                .anyMatch(event -> event.event().details().toString().contains(BOB));
    }

    @Test
    void what_names_no_owner_asks_nobody() {
        LifecycleManager manager = open();
        staff.are(ALICE, Status.LEFT);
        staff.asked.set(0);

        manager.changeOwner(ID, ALICE, ADMIN); // she is it already
        manager.heartbeat(ID);
        manager.suspend(ID, "", ADMIN);
        manager.resume(ID, ADMIN);
        manager.rotateCredentials(ID);
        manager.sweeper().sweep();
        manager.owners().handOver(Owner.of(CAROL), Owner.of(BOB));
        assertThat(staff.asked).hasValue(1);
        manager.decommission(ID, "enough", ADMIN);
        assertThat(staff.asked).hasValue(1);
    }

    @Test
    void agents_that_are_retired_or_have_no_owner_need_nobody() {
        LifecycleManager manager = open(LifecyclePolicy.builder()
                .requireApproval(false)
                .requireOwner(false)
                .build());

        manager.importAgents(
                List.of(imported(manager, "agent:old", CAROL, AgentState.DECOMMISSIONED)), "elsewhere", ADMIN);
        AgentId free = manager.requestProvisioning(
                        ProvisioningRequest.builder("Free").build())
                .id();
        manager.placeHold(free, HoldReason.OWNER_LOST, "nobody answers", ADMIN);
        manager.releaseHold(free, HoldReason.OWNER_LOST, ReleaseAuthority.ADMIN, ADMIN);

        assertThat(staff.asked).hasValue(0);
        assertThat(manager.owners().lost().steps()).isEmpty();
    }

    @Test
    void an_agent_may_be_taken_over_while_it_is_being_retired_but_counts_for_nobody() {
        LifecycleManager manager = shop.open(builder ->
                builder.policy(OPEN_DOOR).ownerDirectory(staff).teardownTask(new FlakyTask("worker", () -> false)));
        staff.are(BOB, OwnerStanding.active().atMost(0));
        active(manager, ID.value());
        manager.decommission(ID, "enough", ADMIN);

        refused(manager, "owner-unknown", () -> manager.changeOwner(ID, CAROL, ADMIN));
        assertThat(manager.changeOwner(ID, BOB, ADMIN).state()).isEqualTo(AgentState.DECOMMISSIONING);
    }

    @Test
    void an_answer_of_null_is_no_answer() {
        LifecycleManager manager = shop.open(builder -> builder.ownerDirectory(owner -> null));

        assertThatThrownBy(() -> register(manager, "agent:1", ALICE))
                .isInstanceOf(NullPointerException.class)
                .hasMessage("the answer of the owner directory");
        assertThat(manager.find(ID)).isEmpty();
    }

    // ---- a hold for a lost owner

    @Test
    void the_latch_of_a_lost_owner_opens_only_for_one_who_is_there() {
        LifecycleManager manager = open();
        manager.placeHold(ID, HoldReason.OWNER_LOST, "", ADMIN);
        manager.placeHold(ID, HoldReason.OPERATOR, "", ADMIN);
        staff.are(ALICE, Status.LEFT);

        refused(
                manager,
                "hold-authority",
                () -> manager.releaseHold(ID, HoldReason.OWNER_LOST, ReleaseAuthority.OPERATOR, ADMIN));
        assertThat(refused(
                        manager,
                        "owner-inactive",
                        () -> manager.releaseHold(ID, HoldReason.OWNER_LOST, ReleaseAuthority.ADMIN, ADMIN)))
                .hasMessageContaining("calls them LEFT; name another, with changeOwner");
        manager.releaseHold(ID, HoldReason.OPERATOR, ADMIN);
        staff.forget(ALICE);
        refused(
                manager,
                "owner-unknown",
                () -> manager.releaseHold(ID, HoldReason.OWNER_LOST, ReleaseAuthority.ADMIN, ADMIN));

        manager.changeOwner(ID, BOB, ADMIN);
        assertThat(manager.releaseHold(ID, HoldReason.OWNER_LOST, ReleaseAuthority.ADMIN, ADMIN)
                        .agent()
                        .state())
                .isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void the_hold_of_a_lost_owner_has_no_end_and_is_left_to_nobody_but_admins() {
        LifecycleManager manager = open();
        for (HoldTerms terms : List.of(
                HoldTerms.of("").until(manager.now().plus(Duration.ofHours(1))),
                HoldTerms.of("").releasedBy(ReleaseAuthority.OPERATOR))) {
            refused(manager, "hold-owner-lost", () -> manager.placeHold(ID, HoldReason.OWNER_LOST, terms, ADMIN));
        }

        manager.placeHold(ID, HoldReason.OWNER_LOST, HoldTerms.of("she left"), ADMIN);

        refused(manager, "hold-authority", () -> manager.releaseHold(ID, HoldReason.OWNER_LOST, ADMIN));
    }

    // ---- limits

    /** All ways in which Bob would get one agent more. */
    static Stream<Arguments> gains() {
        return Stream.of(
                way("request", m -> register(m, "agent:new", BOB)),
                way(
                        "import",
                        m -> m.importAgents(
                                List.of(imported(m, "agent:y", BOB, AgentState.SUSPENDED)), "elsewhere", ADMIN)),
                way("changeOwner", m -> m.changeOwner(ID, BOB, ADMIN)),
                way("reclaim", m -> m.reclaim(ORPHAN, BOB, ADMIN)),
                way("handOver", m -> {
                    // the plan was made when there was room
                    var plan = new OwnerPlan(
                            m.now(),
                            List.of(new OwnerPlan.Succeed(
                                    m.get(ID).key(), m.get(ID).version(), Owner.of(ALICE), Owner.of(BOB))));
                    m.owners().apply(plan, ADMIN).outcomes().get(0).failure().ifPresent(failure -> {
                        throw failure;
                    });
                }));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("gains")
    void an_owner_over_the_limit_gets_no_agent_and_keeps_what_they_have(String name, Consumer<LifecycleManager> way) {
        LifecycleManager manager = open();
        for (int i = 0; i < 3; i++) {
            register(manager, "agent:bob" + i, BOB);
        }
        for (int limit : List.of(3, 2, 0)) {
            staff.are(BOB, OwnerStanding.active().atMost(limit));
            assertThat(refused(manager, "owner-limit", () -> way.accept(manager)))
                    .hasMessageContaining(BOB + " cannot answer for ")
                    .hasMessageContaining("they may for " + limit + " at the most")
                    .hasMessageContaining(
                            "retire or hand over some of these, raise the limit in the owner directory, or name another owner");
        }
        assertThat(bobs(manager)).isEqualTo(3);

        staff.are(BOB, OwnerStanding.active().atMost(4));
        way.accept(manager);
        assertThat(bobs(manager)).isEqualTo(4);
    }

    private static long bobs(LifecycleManager manager) {
        return manager.query(AgentQuery.all().owner(BOB)).size();
    }

    @Test
    void whoever_waits_counts_and_whoever_is_retired_does_not() {
        LifecycleManager manager = open(LifecyclePolicy.defaults());
        staff.are(BOB, OwnerStanding.active().atMost(2));
        AgentId first = register(manager, "agent:a", BOB);
        register(manager, "agent:b", BOB);
        refused(manager, "owner-limit", () -> register(manager, "agent:c", BOB));
        refused(
                manager,
                "owner-limit",
                () -> manager.importAgents(
                        List.of(imported(manager, "agent:d", BOB, AgentState.ORPHANED)), "elsewhere", ADMIN));

        manager.approve(first, ADMIN); // counts nothing
        manager.activate(first);
        refused(manager, "owner-limit", () -> register(manager, "agent:c", BOB));
        manager.decommission(first, "enough", ADMIN);

        register(manager, "agent:c", BOB);
        refused(manager, "owner-limit", () -> register(manager, "agent:d", BOB));
        // each tenant counts for itself
        LifecycleManager acme = manager.forTenant(TenantId.of("acme"));
        register(acme, "agent:a", BOB);
        register(acme, "agent:b", BOB);
        assertThatThrownBy(() -> register(acme, "agent:c", BOB)).hasMessageEndingWith("(rule owner-limit)");
    }

    @Test
    void an_orphan_goes_back_to_an_owner_who_has_it_already() {
        LifecycleManager manager = open();
        staff.are(ALICE, OwnerStanding.active().atMost(1));

        manager.reclaim(ORPHAN, ALICE, ADMIN);

        assertThat(manager.get(ORPHAN).state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void who_comes_in_together_counts_together() {
        LifecycleManager manager = open(OPEN_DOOR);
        staff.are(ALICE, OwnerStanding.active().atMost(2));
        staff.are(BOB, OwnerStanding.active().atMost(1));
        List<AgentImport> two = List.of(
                imported(manager, "agent:a", ALICE, AgentState.ACTIVE),
                imported(manager, "agent:b", BOB, AgentState.ACTIVE),
                imported(manager, "agent:old", BOB, AgentState.DECOMMISSIONED),
                imported(manager, "agent:c", ALICE, AgentState.SUSPENDED));
        List<AgentImport> three = new ArrayList<>(two);
        three.add(imported(manager, "agent:d", ALICE, AgentState.PENDING_APPROVAL));

        assertThat(refused(manager, "owner-limit", () -> manager.importAgents(three, "elsewhere", ADMIN)))
                .hasMessageContaining("alice@company.com cannot answer for 3 more agents, such as agent:a");
        manager.importAgents(two, "elsewhere", ADMIN);
        refused(manager, "owner-limit", () -> register(manager, "agent:d", ALICE));
    }

    @Test
    void only_owners_with_a_limit_pay_for_it() {
        LifecycleManager manager = open();
        manager.changeOwner(ID, BOB, ADMIN);
        assertThat(turns()).isEmpty();

        staff.are(ALICE, OwnerStanding.active().atMost(10));
        manager.changeOwner(ID, ALICE, ADMIN);
        register(manager, "agent:2", ALICE);

        assertThat(turns()).hasSize(1);
        assertThat(turns().get(0)).doesNotContain("alice").startsWith("owners-");
    }

    private List<String> turns() {
        return shop.store.query(RecordQuery.of(RecordKey.SCOPE), Optional.empty(), 1_000).items().stream()
                .map(found -> found.key().id())
                .toList();
    }

    // ---- many at once

    /** Runs all of it at once, by turns on each of the managers; what is refused for the limit, or lost too many races, is counted. */
    private AtomicInteger together(List<LifecycleManager> managers, Gain gain) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        var refused = new AtomicInteger();
        try {
            var start = new CyclicBarrier(THREADS);
            List<Future<?>> running = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                int number = i;
                running.add(threads.submit(() -> {
                    start.await(30, TimeUnit.SECONDS);
                    try {
                        gain.of(managers.get(number % managers.size()), number);
                    } catch (PolicyViolationException e) {
                        assertThat(e.rule()).isEqualTo("owner-limit");
                        refused.incrementAndGet();
                    }
                    return null;
                }));
            }
            for (Future<?> one : running) {
                one.get(60, TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdownNow();
        }
        return refused;
    }

    /** One way to get an agent. */
    private interface Gain {
        void of(LifecycleManager manager, int number);
    }

    @Test
    void a_limit_is_exact_however_many_come_in_at_once_by_two_managers() throws Exception {
        List<LifecycleManager> managers = List.of(open(OPEN_DOOR), open(OPEN_DOOR));
        for (int round = 0; round < 20; round++) {
            String owner = "owner" + round + "@company.com";
            staff.are(owner, OwnerStanding.active().atMost(LIMIT));
            String name = "agent:" + round + "-";

            AtomicInteger refused = together(managers, (manager, number) -> register(manager, name + number, owner));

            assertThat(managers.get(0).query(AgentQuery.all().owner(owner))).hasSize(LIMIT);
            assertThat(refused).hasValue(THREADS - LIMIT);
        }
    }

    @Test
    void a_limit_is_exact_however_an_agent_comes_to_an_owner() throws Exception {
        List<LifecycleManager> managers = List.of(open(OPEN_DOOR), open(OPEN_DOOR));
        for (int round = 0; round < 20; round++) {
            String owner = "owner" + round + "@company.com";
            staff.are(owner, OwnerStanding.active().atMost(LIMIT));
            String name = "agent:" + round + "-";
            for (int i = 0; i < THREADS; i++) {
                AgentId id = active(managers.get(0), name + i).agent().id();
                if (i % 4 == 1) {
                    managers.get(0).markOrphaned(id, ADMIN);
                }
            }

            AtomicInteger refused = together(managers, (manager, number) -> {
                AgentId id = AgentId.of(name + number);
                switch (number % 4) {
                    case 0 -> manager.changeOwner(id, owner, ADMIN);
                    case 1 -> manager.reclaim(id, owner, ADMIN);
                    case 2 ->
                        manager.importAgents(
                                List.of(imported(manager, name + "new" + number, owner, AgentState.ACTIVE)),
                                "elsewhere",
                                ADMIN);
                    default -> register(manager, name + "new" + number, owner);
                }
            });

            assertThat(managers.get(0).query(AgentQuery.all().owner(owner))).hasSize(LIMIT);
            assertThat(refused).hasValue(THREADS - LIMIT);
        }
    }

    @Test
    void a_turn_that_is_always_somebody_elses_ends_in_contention() {
        LifecycleManager manager = open(OPEN_DOOR);
        staff.are(ALICE, OwnerStanding.active().atMost(100));
        LifecycleManager other = shop.open(builder -> builder.policy(OPEN_DOOR)
                .ownerDirectory(owner -> Optional.of(OwnerStanding.active().atMost(100))));
        var number = new AtomicInteger();
        var store = new FaultStore(shop.store);
        store.commits = (commit, behind) -> {
            register(other, "agent:x" + number.incrementAndGet(), ALICE);
            return behind.commit(commit);
        };
        LifecycleManager slow =
                shop.open(builder -> builder.store(store).policy(OPEN_DOOR).ownerDirectory(staff));

        assertThatThrownBy(() -> register(slow, "agent:slow", ALICE)).isInstanceOf(ContentionException.class);

        store.heal();
        assertThat(manager.find(AgentId.of("agent:slow"))).isEmpty();
        assertThat(number).hasValue(Committer.MAX_ATTEMPTS);
        register(slow, "agent:slow", ALICE);
    }

    // ---- what it may answer

    @Test
    void a_standing_says_what_it_was_made_of() {
        OwnerStanding standing =
                OwnerStanding.of(Status.LEFT).succeededBy(Owner.of(BOB)).atMost(0);

        assertThat(standing).isEqualTo(new OwnerStanding(Status.LEFT, Optional.of(Owner.of(BOB)), Optional.of(0)));
        assertThat(standing.isActive()).isFalse();
        assertThat(OwnerStanding.active().isActive()).isTrue();
        assertThat(OwnerStanding.active().maxAgents()).isEmpty();
        assertThatThrownBy(() -> OwnerStanding.active().atMost(-1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("maxAgents must be 0 or more but was -1");
        assertThatThrownBy(() -> OwnerStanding.of(null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> OwnerStanding.active().succeededBy(null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> LifecycleManager.builder().ownerDirectory(null))
                .isInstanceOf(NullPointerException.class);
        open(OPEN_DOOR);
    }
}
