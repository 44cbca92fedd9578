package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ALICE;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.refused;
import static io.agentlifecycle.core.Workshop.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.IdentityAssurance;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.approval.ApprovalRequest;
import io.agentlifecycle.core.approval.Ballot;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.Hold;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.testing.ForwardingStore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** How agents come in: asked for, asked for twice, or taken in from elsewhere. */
class IntakeTest {
    @RegisterExtension
    final Workshop shop = new Workshop();

    private final LifecycleManager manager = shop.open(LifecyclePolicy.defaults());

    // ---- asked for

    @Test
    void a_request_waits_for_a_person() {
        Agent agent = manager.requestProvisioning(ProvisioningRequest.builder("Code Review Agent")
                .owner(ALICE)
                .purpose("Automated PR review")
                .agentType("langchain")
                .tag("team", "platform")
                .requestedBy(Actor.human(ALICE))
                .build());

        assertThat(agent.id().value()).matches("agent:[0-9a-f]{32}");
        assertThat(agent.state()).isEqualTo(AgentState.PENDING_APPROVAL);
        assertThat(agent.version()).isEqualTo(1);
        assertThat(agent.profile().tags()).containsEntry("team", "platform");
        assertThat(Workshop.kinds(manager, agent.id())).containsExactly(EventKind.AGENT_REQUESTED);

        Agent approved = manager.approve(agent.id(), ADMIN);

        assertThat(approved.approval().decision())
                .contains(new ApprovalRequest.Decision(ApprovalRequest.Outcome.APPROVED, ADMIN, shop.clock.instant()));
        assertThat(Workshop.kinds(manager, agent.id()))
                .containsExactly(EventKind.AGENT_REQUESTED, EventKind.AGENT_APPROVED, EventKind.AGENT_PROVISIONED);
    }

    @Test
    void a_waived_approval_shows_who_waived_it() {
        LifecycleManager open = shop.open(Workshop.OPEN_DOOR);

        Agent agent = open.requestProvisioning(request("agent:1").build());

        assertThat(agent.state()).isEqualTo(AgentState.PROVISIONED);
        var approved = open.auditTrail(ID).get(1).event();
        assertThat(approved.kind()).isEqualTo(EventKind.AGENT_APPROVED);
        assertThat(approved.actor()).hasToString("policy:auto");
        assertThat(agent.approval().decision().orElseThrow().by()).hasToString("policy:auto");
    }

    @Test
    void what_is_approved_is_what_was_shown() {
        manager.requestProvisioning(request("agent:1").build());
        manager.requestProvisioning(request("agent:2").purpose("something else").build());
        manager.approve(ID, ADMIN);
        manager.approve(AgentId.of("agent:2"), ADMIN);

        List<String> shown = List.of(ID, AgentId.of("agent:2")).stream()
                .map(id -> manager.auditTrail(id).get(1).event())
                .map(event -> event.content().approval().orElseThrow().shown())
                .toList();

        assertThat(shown)
                .doesNotHaveDuplicates()
                .allSatisfy(digest -> assertThat(digest).hasSize(43));
    }

    @Test
    void a_parent_must_exist_in_the_same_tenant() {
        LifecycleManager acme = manager.forTenant(TenantId.of("acme"));
        acme.requestProvisioning(request("agent:parent").build());
        ProvisioningRequest child =
                request("agent:1").parent(AgentId.of("agent:parent")).build();

        assertThat(refused(manager, "parent-exists", () -> manager.requestProvisioning(child)))
                .hasMessageContaining(
                        "agent agent:1 names the parent agent:parent, which does not exist in its tenant");

        acme.requestProvisioning(child);
        assertThat(acme.query(AgentQuery.all().parent(AgentId.of("agent:parent"))))
                .extracting(Agent::id)
                .containsExactly(ID);
    }

    // ---- asked for twice

    @Test
    void the_same_key_gives_the_same_agent_as_it_is_now() {
        ProvisioningRequest asked = once().build();
        Agent first = manager.requestProvisioning(asked);
        manager.approve(first.id(), ADMIN);
        Workshop.Picture before = Workshop.Picture.of(manager);

        Agent again = manager.requestProvisioning(asked);

        assertThat(again.id()).isEqualTo(first.id());
        assertThat(again.state()).isEqualTo(AgentState.PROVISIONED);
        assertThat(Workshop.Picture.of(manager)).isEqualTo(before);
        assertThat(shop.open(LifecyclePolicy.defaults()).requestProvisioning(asked))
                .as("another host, or this one after a restart")
                .isEqualTo(again);
        manager.decommission(first.id(), "enough", ADMIN);
        assertThat(manager.requestProvisioning(asked).state()).isEqualTo(AgentState.DECOMMISSIONED);
    }

    @Test
    void the_same_key_for_another_request_is_refused() {
        manager.requestProvisioning(once().build());

        for (ProvisioningRequest other : List.of(
                once().purpose("something else").build(),
                once().owner("bob@company.com").build(),
                once().tag("a", "b").build(),
                once().notAfter(Instant.parse("2030-01-01T00:00:00Z")).build())) {
            assertThat(refused(manager, "idempotency-key", () -> manager.requestProvisioning(other)))
                    .hasMessageContaining("was used for another request; choose a new key");
        }
    }

    @Test
    void the_same_key_from_someone_else_or_for_another_id_is_refused() {
        Agent made = manager.requestProvisioning(once().build());

        for (ProvisioningRequest other : List.of(
                once().requestedBy(ADMIN).build(),
                once().requestedBy(Actor.service(Actor.SYSTEM.id())).build(),
                once().id(AgentId.of("agent:other")).build())) {
            refused(manager, "idempotency-key", () -> manager.requestProvisioning(other));
        }
        assertThat(manager.requestProvisioning(once().id(made.id()).build())).isEqualTo(made);
    }

    @Test
    void the_same_key_from_someone_of_whom_the_host_is_surer_now_is_the_same_request() {
        Agent made = manager.requestProvisioning(once().requestedBy(ADMIN).build());

        Actor surer = ADMIN.assured(IdentityAssurance.STRONG);

        assertThat(manager.requestProvisioning(once().requestedBy(surer).build()))
                .isEqualTo(made);
    }

    @Test
    void a_key_counts_in_its_tenant() {
        Agent here = manager.requestProvisioning(once().build());
        LifecycleManager acme = manager.forTenant(TenantId.of("acme"));

        Agent there = acme.requestProvisioning(once().build());

        assertThat(there.id()).isNotEqualTo(here.id());
        assertThat(there.key().tenant()).isEqualTo(TenantId.of("acme"));
    }

    @Test
    void sixteen_threads_with_one_key_make_one_agent() throws Exception {
        for (int round = 0; round < 20; round++) {
            ProvisioningRequest asked = once().idempotencyKey("order-" + round).build();
            Set<Agent> agents = new HashSet<>(together(16, () -> manager.requestProvisioning(asked)));
            assertThat(agents).hasSize(1);
        }
        assertThat(manager.summary().total()).isEqualTo(20);
        assertThat(manager.health().isGood()).isTrue();
    }

    /** A host that lost the race sees its key taken; that is an answer and no failure of the store. */
    @Test
    void losing_the_race_for_a_key_is_no_store_failure() {
        manager.requestProvisioning(once().build());
        var blind = new AtomicBoolean(true);
        LifecycleManager late = shop.open(builder -> builder.store(new ForwardingStore(shop.store) {
            @Override
            public Optional<CommitResult> findCommit(RequestId id) {
                return blind.getAndSet(false) ? Optional.empty() : super.findCommit(id);
            }
        }));

        assertThat(late.requestProvisioning(once().build()))
                .isEqualTo(manager.query(AgentQuery.all()).get(0));

        assertThat(blind).isFalse();
        assertThat(late.health().isGood()).isTrue();
    }

    @Test
    void sixteen_threads_with_one_id_make_one_agent() throws Exception {
        List<Object> results = together(16, () -> {
            try {
                return manager.requestProvisioning(request("agent:1").build());
            } catch (PolicyViolationException e) {
                return e.rule();
            }
        });

        assertThat(results).filteredOn(Agent.class::isInstance).hasSize(1);
        assertThat(results).filteredOn("agent-id-taken"::equals).hasSize(15);
        assertThat(Workshop.kinds(manager, ID)).containsExactly(EventKind.AGENT_REQUESTED);
    }

    private static ProvisioningRequest.Builder once() {
        return ProvisioningRequest.builder("Code Review Agent").owner(ALICE).idempotencyKey("order-7");
    }

    private static <T> List<T> together(int threads, Callable<T> call) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            var start = new CyclicBarrier(threads);
            List<Future<T>> futures = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                futures.add(pool.submit(() -> {
                    start.await();
                    return call.call();
                }));
            }
            List<T> results = new ArrayList<>();
            for (Future<T> future : futures) {
                results.add(future.get());
            }
            return results;
        } finally {
            pool.shutdown();
        }
    }

    // ---- taken in

    @ParameterizedTest
    @EnumSource(names = "DECOMMISSIONING", mode = EnumSource.Mode.EXCLUDE)
    void an_imported_agent_is_in_the_state_that_it_had(AgentState state) {
        Instant created = Instant.parse("2020-01-01T00:00:00Z");
        ProvisioningRequest asked = request("agent:1").tag("team", "platform").build();

        List<Agent> imported =
                manager.importAgents(List.of(new AgentImport(asked, state, created)), "old-system", ADMIN);

        Agent agent = manager.get(ID);
        assertThat(imported).containsExactly(agent);
        assertThat(agent.state()).isEqualTo(state);
        assertThat(agent.activity().createdAt()).isEqualTo(created);
        assertThat(agent.activity().updatedAt()).isEqualTo(shop.clock.instant());
        assertThat(agent.profile()).isEqualTo(asked.profile());
        assertThat(agent.credential()).isEmpty();
        assertThat(agent.holds().reasons())
                .isEqualTo(state == AgentState.SUSPENDED ? List.of(HoldReason.OPERATOR) : List.of());
        assertThat(agent.decommissionedAt().isPresent()).isEqualTo(state.isTerminal());
        assertThat(Workshop.kinds(manager, ID)).containsExactly(EventKind.AGENT_IMPORTED);
        assertThat(manager.guard().check(ID, Operation.INVOKE).allowed()).isEqualTo(state == AgentState.ACTIVE);
        assertThat(manager.ownershipHistory(ID)).hasSize(1);
    }

    @Test
    void an_agent_cannot_be_approved_by_way_of_another_owner() {
        Actor mallory = Actor.human("mallory@company.com");
        AgentId agent = manager.requestProvisioning(ProvisioningRequest.builder("Reviewer")
                        .owner(mallory.id())
                        .build())
                .id();
        refused(manager, "self-approval", () -> manager.approve(agent, mallory));

        manager.changeOwner(agent, "bob@company.com", mallory);

        refused(manager, "self-approval", () -> manager.approve(agent, mallory));
        assertThat(approveAsSeen(agent).state()).isEqualTo(AgentState.PROVISIONED);
    }

    private Agent approveAsSeen(AgentId agent) {
        String shown = manager.approvals().status(agent).shown();
        return manager.approvals().vote(agent, Ballot.approve("").onSeeing(shown), Actor.human("carol@company.com"));
    }

    @Test
    void a_request_is_not_passed_on_until_nobody_can_read_it_any_more() {
        AgentId agent = manager.requestProvisioning(request("agent:1").build()).id();
        int changes = 0;
        while (manager.get(agent).approval().involved().size() < ApprovalRequest.MOST_INVOLVED) {
            manager.changeOwner(agent, "owner" + changes++ + "@company.com", ADMIN);
        }

        assertThat(refused(manager, "request-changes", () -> manager.changeOwner(agent, "one.more@company.com", ADMIN)))
                .hasMessageContainingAll("agent:1", "withdraw");
        String last = "owner" + (changes - 1) + "@company.com";
        assertThat(manager.changeOwner(agent, last, ADMIN).owner()).contains(Owner.of(last));
        approveAsSeen(agent);
        manager.changeOwner(agent, "one.more@company.com", ADMIN);
    }

    @Test
    void who_asked_elsewhere_cannot_approve_here() {
        var asked = ProvisioningRequest.builder("Reviewer")
                .id(ID)
                .owner("team:platform")
                .requestedBy(Actor.human("carol@company.com"))
                .build();
        var pending = new AgentImport(asked, AgentState.PENDING_APPROVAL, shop.clock.instant());
        manager.importAgents(List.of(pending), "old-system", ADMIN);

        refused(manager, "self-approval", () -> manager.approve(ID, asked.requestedBy()));
        assertThat(manager.get(ID).approval().requestedBy()).isEqualTo(asked.requestedBy());
    }

    @Test
    void an_imported_child_needs_its_parent_here_or_in_the_same_import() {
        var parent = shop.imported("agent:1", AgentState.PROVISIONED);
        var child = new AgentImport(
                ProvisioningRequest.builder("child")
                        .id(AgentId.of("agent:2"))
                        .parent(ID)
                        .build(),
                AgentState.PROVISIONED,
                shop.clock.instant());

        refused(manager, "parent-exists", () -> manager.importAgents(List.of(child), "old-system", ADMIN));
        assertThat(manager.importAgents(List.of(child, parent), "old-system", ADMIN))
                .hasSize(2);
    }

    @Test
    void an_imported_agent_that_was_suspended_can_be_resumed() {
        manager.importAgents(List.of(shop.imported("agent:1", AgentState.SUSPENDED)), "old-system", ADMIN);

        assertThat(manager.get(ID).holds().all())
                .containsExactly(new Hold(
                        HoldReason.OPERATOR,
                        "suspended where it came from",
                        ADMIN,
                        shop.clock.instant(),
                        ReleaseAuthority.OPERATOR,
                        Optional.empty()));
        assertThat(manager.resume(ID, ADMIN).agent().state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void an_imported_request_expires_as_any_other() {
        LifecycleManager hasty = shop.open(
                LifecyclePolicy.builder().approvalTimeout(Duration.ofHours(1)).build());
        hasty.importAgents(
                List.of(
                        shop.imported("agent:1", AgentState.PENDING_APPROVAL),
                        shop.imported("agent:2", AgentState.ACTIVE)),
                "old-system",
                ADMIN);
        shop.clock.advance(Duration.ofHours(1));

        refused(hasty, "request-expired", () -> hasty.approve(ID, Actor.human("bob@company.com")));
        hasty.sweeper().sweep();

        assertThat(hasty.get(ID).state()).isEqualTo(AgentState.DECOMMISSIONED);
        assertThat(hasty.get(AgentId.of("agent:2")).state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void one_bad_agent_keeps_all_out() {
        manager.requestProvisioning(request("agent:taken").build());
        List<AgentImport> good = List.of(
                shop.imported("agent:1", AgentState.ACTIVE), shop.imported("agent:2", AgentState.DECOMMISSIONED));
        for (AgentImport bad : List.of(
                shop.imported("agent:taken", AgentState.ACTIVE),
                shop.imported("agent:taken", AgentState.DECOMMISSIONED),
                shop.imported("agent:1", AgentState.ACTIVE))) {
            List<AgentImport> all = new ArrayList<>(good);
            all.add(bad);
            assertThat(refused(manager, "agent-id-taken", () -> manager.importAgents(all, "old-system", ADMIN)))
                    .hasMessageContaining(bad.request().id().orElseThrow().value());
        }

        assertThat(manager.importAgents(good, "old-system", ADMIN)).hasSize(2);
        refused(
                manager,
                "agent-id-retired",
                () -> manager.importAgents(List.of(shop.imported("agent:2", AgentState.ACTIVE)), "old-system", ADMIN));
    }

    @Test
    void more_agents_than_fit_in_one_commit_are_refused() {
        List<AgentImport> many = new ArrayList<>();
        for (int i = 0; i <= 500; i++) {
            many.add(shop.imported("agent:" + i, AgentState.DECOMMISSIONED));
        }

        assertThat(refused(manager, "import-size", () -> manager.importAgents(many, "old-system", ADMIN)))
                .hasMessageContaining("501 agents are too many for one commit of this store;"
                        + " import them in parts of at most 500");

        assertThat(manager.importAgents(many.subList(0, 500), "old-system", ADMIN))
                .hasSize(500);
        assertThat(manager.importAgents(List.of(), "old-system", ADMIN)).isEmpty();
    }

    @Test
    void an_import_needs_an_id_and_a_state_that_can_be_taken_over() {
        ProvisioningRequest nameless =
                ProvisioningRequest.builder("x").owner(ALICE).build();
        assertThatThrownBy(() -> new AgentImport(nameless, AgentState.ACTIVE, shop.clock.instant()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("an imported agent needs the id that it had");
        assertThatThrownBy(() -> shop.imported("agent:1", AgentState.DECOMMISSIONING))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("agent agent:1 cannot be imported while it is DECOMMISSIONING");
    }
}
