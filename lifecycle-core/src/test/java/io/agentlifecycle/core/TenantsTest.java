package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ALICE;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.active;
import static io.agentlifecycle.core.Workshop.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.OwnershipPeriod;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.error.AccessDeniedException;
import io.agentlifecycle.core.error.AgentNotFoundException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Who sees which agents: tenants, lists in pages, owners over time, and figures. */
class TenantsTest {
    private static final TenantId ACME = TenantId.of("acme");
    private static final TenantId ZETA = TenantId.of("zeta");

    @RegisterExtension
    final Workshop shop = new Workshop();

    private final LifecycleManager manager = shop.open(Workshop.OPEN_DOOR);
    private final LifecycleManager acme = manager.forTenant(ACME);
    private final LifecycleManager zeta = manager.forTenant(ZETA);

    // ---- tenants

    @Test
    void the_same_id_names_one_agent_in_each_tenant() {
        Activation one = active(acme, "agent:1");
        Activation two = active(zeta, "agent:1");

        acme.suspend(ID, "maintenance", ADMIN);
        acme.changeOwner(ID, "bob@company.com", ADMIN);

        assertThat(one.agent().key()).hasToString("acme/agent:1");
        assertThat(zeta.get(ID)).isEqualTo(two.agent());
        assertThat(manager.find(ID)).isEmpty();
        assertThat(zeta.guard().check(ID, Operation.INVOKE)).isEqualTo(new Verdict.Allowed(new AgentKey(ZETA, ID)));
        assertThat(acme.guard().check(ID, Operation.INVOKE).allowed()).isFalse();
        assertThat(zeta.verifyOpaque(two.issued().token().reveal()).allowed()).isTrue();
        assertThat(acme.auditTrail(ID))
                .allSatisfy(s -> assertThat(s.event().position().stream()).isEqualTo("a/acme/agent:1"));
        acme.decommission(ID, "enough", ADMIN);
        assertThat(zeta.get(ID).state()).as("a tombstone is one tenant's, too").isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void what_another_tenant_has_does_not_exist() {
        active(acme, "agent:1");

        assertThatThrownBy(() -> zeta.suspend(ID, "no", ADMIN))
                .isInstanceOf(AgentNotFoundException.class)
                .hasMessage("Agent not found: zeta/agent:1; query(..) lists the agents of tenant zeta");
        assertThatThrownBy(() -> zeta.auditTrail(ID)).isInstanceOf(AgentNotFoundException.class);
        assertThatThrownBy(() -> zeta.heartbeat(ID)).isInstanceOf(AgentNotFoundException.class);
        assertThat(zeta.find(ID)).isEmpty();
        assertThat(zeta.query(AgentQuery.all())).isEmpty();
        assertThat(zeta.summary().total()).isZero();
        assertThat(new OrphanDetector(zeta).detect()).isEmpty();
        assertThat(new CredentialRotator(zeta).checkAndRotate()).isEmpty();
        assertThat(zeta.guard().check(ID, Operation.INVOKE))
                .isEqualTo(new Verdict.Denied("agent zeta/agent:1", List.of(Verdict.Reason.UNKNOWN_AGENT)));
        assertThatThrownBy(() -> zeta.guard().require(ID, Operation.INVOKE))
                .isInstanceOf(AccessDeniedException.class)
                .hasMessage("INVOKE is denied to agent zeta/agent:1: no such agent in this tenant ([UNKNOWN_AGENT])");
    }

    @Test
    void a_confined_view_stays_confined_and_the_managers_own_is_not() {
        Activation active = active(zeta, "agent:1");
        AgentKey key = active.agent().key();

        assertThatThrownBy(() -> acme.query(AgentQuery.all().tenant(ZETA)))
                .isInstanceOfSatisfying(
                        AccessDeniedException.class,
                        refusal -> assertThat(refusal.verdict().subject()).isEqualTo("a view of tenant acme"))
                .hasMessageContaining("tenant zeta");
        assertThatThrownBy(() -> acme.forTenant(ZETA)).isInstanceOf(AccessDeniedException.class);
        assertThatThrownBy(() -> acme.forTenant(TenantId.DEFAULT)).isInstanceOf(AccessDeniedException.class);
        assertThat(acme.standing(key, active.issued().credential().id()))
                .isEqualTo(new Verdict.Denied("agent zeta/agent:1", List.of(Verdict.Reason.UNKNOWN_AGENT)));
        var elsewhere = Optional.of(new PageToken(ZETA, "agent:0"));
        assertThat(acme.query(AgentQuery.all(), elsewhere, 10).items())
                .as("not even by a token of another tenant's page")
                .isEmpty();

        assertThat(manager.query(AgentQuery.all().tenant(ZETA))).hasSize(1);
        assertThat(manager.standing(key, active.issued().credential().id()).allowed())
                .isTrue();
        assertThat(acme.forTenant(ACME).query(AgentQuery.all().tenant(ACME))).isEmpty();
    }

    @Test
    void closing_a_view_closes_nothing() {
        active(acme, "agent:1");

        acme.close();

        assertThat(acme.get(ID).state()).isEqualTo(AgentState.ACTIVE);
        assertThat(acme.guard().check(ID, Operation.INVOKE).allowed()).isTrue();
    }

    // ---- lists

    @Test
    void a_query_finds_by_state_owner_type_tag_and_parent() {
        manager.activate(
                manager.requestProvisioning(request("agent:parent").build()).id());
        ask("agent:a", "team:platform", "langchain", "production");
        ask("agent:b", "team:platform", "langchain", "test");
        ask("agent:c", "bob@company.com", "langchain", "production");
        ask("agent:d", "team:platform", "autonomous", "production");
        manager.activate(AgentId.of("agent:a"));
        manager.decommission(AgentId.of("agent:d"), "enough", ADMIN);

        assertThat(ids(AgentQuery.all())).containsExactly("agent:a", "agent:b", "agent:c", "agent:parent");
        assertThat(ids(AgentQuery.all().includingRetired())).hasSize(5);
        assertThat(ids(AgentQuery.all().state(AgentState.ACTIVE))).containsExactly("agent:a", "agent:parent");
        assertThat(ids(AgentQuery.all().state(AgentState.DECOMMISSIONED))).containsExactly("agent:d");
        assertThat(ids(AgentQuery.all().owner("team:platform"))).containsExactly("agent:a", "agent:b");
        assertThat(ids(AgentQuery.all().owner("platform")))
                .as("a person of that name")
                .isEmpty();
        assertThat(ids(AgentQuery.all().agentType("langchain"))).containsExactly("agent:a", "agent:b", "agent:c");
        assertThat(ids(AgentQuery.all().tag("env", "production"))).containsExactly("agent:a", "agent:c");
        assertThat(ids(AgentQuery.all().tag("env", "production").tag("env2", "x")))
                .isEmpty();
        assertThat(ids(AgentQuery.all().parent(AgentId.of("agent:parent"))))
                .containsExactly("agent:a", "agent:b", "agent:c");
        assertThat(ids(AgentQuery.all()
                        .includingRetired()
                        .owner("team:platform")
                        .agentType("autonomous")
                        .tag("env", "production")
                        .parent(AgentId.of("agent:parent"))
                        .tenant(TenantId.DEFAULT)))
                .containsExactly("agent:d");
        manager.changeOwner(AgentId.of("agent:b"), "bob@company.com", ADMIN);
        assertThat(ids(AgentQuery.all().owner("bob@company.com"))).containsExactly("agent:b", "agent:c");
        assertThat(ids(AgentQuery.all().owner("team:platform"))).containsExactly("agent:a");
    }

    private void ask(String id, String owner, String type, String env) {
        manager.requestProvisioning(request(id)
                .owner(owner)
                .agentType(type)
                .tag("env", env)
                .parent(AgentId.of("agent:parent"))
                .build());
    }

    private List<String> ids(AgentQuery query) {
        return manager.query(query).stream().map(agent -> agent.id().value()).toList();
    }

    @Test
    void pages_neither_repeat_nor_skip_what_stays_while_others_come_and_go() {
        List<AgentImport> fleet = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            fleet.add(shop.imported("agent:%03d".formatted(i), AgentState.ACTIVE));
        }
        manager.importAgents(fleet, "elsewhere", ADMIN);
        AgentQuery query = AgentQuery.all()
                .state(Set.of(AgentState.ACTIVE, AgentState.SUSPENDED))
                .owner(ALICE);

        List<String> seen = new ArrayList<>();
        Optional<PageToken> after = Optional.empty();
        int round = 0;
        do {
            Page<Agent> page = manager.query(query, after.map(token -> PageToken.parse(token.toString())), 7);
            page.items().forEach(agent -> seen.add(agent.id().value()));
            assertThat(page.items()).hasSizeLessThanOrEqualTo(7);
            after = page.next();
            disturb(round++, page.items());
        } while (after.isPresent());

        assertThat(seen).isSorted().doesNotHaveDuplicates();
        Set<String> stayed = new HashSet<>();
        fleet.forEach(agent -> stayed.add(agent.request().id().orElseThrow().value()));
        stayed.removeIf(id -> Integer.parseInt(id.substring(6)) % 10 == 9);
        assertThat(seen).containsAll(stayed);
        assertThat(seen).as("some went before they were seen").hasSizeLessThan(100);
    }

    /** Suspends what was just seen, retires every tenth agent of what follows, and lets a new one in behind. */
    private void disturb(int round, List<Agent> seen) {
        seen.forEach(agent -> manager.suspend(agent.id(), "seen", ADMIN));
        if (round < 10) {
            AgentId tenth = AgentId.of("agent:%03d".formatted(round * 10 + 9));
            manager.decommission(tenth, "enough", ADMIN);
            active(manager, "agent:%03d-new".formatted(round));
        }
    }

    @Test
    void a_page_as_long_as_the_list_is_the_last_one() {
        for (int i = 0; i < 4; i++) {
            manager.requestProvisioning(request("agent:" + i).build());
        }
        acme.requestProvisioning(request("agent:0").build());

        assertThat(manager.query(AgentQuery.all(), Optional.empty(), 4).next()).isEmpty();
        Page<Agent> three = manager.query(AgentQuery.all(), Optional.empty(), 3);
        assertThat(three.next()).contains(new PageToken(TenantId.DEFAULT, "agent:2"));
        assertThat(manager.query(AgentQuery.all(), three.next(), 3).items())
                .extracting(agent -> agent.id().value())
                .containsExactly("agent:3");
        for (int limit : List.of(0, -1)) {
            assertThatThrownBy(() -> manager.query(AgentQuery.all(), Optional.empty(), limit))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("limit must be at least 1 but was " + limit);
        }
        assertThatThrownBy(() -> AgentQuery.all().state(Set.of())).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> PageToken.parse("no slash")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void a_long_trail_is_read_in_parts_and_as_a_whole() {
        manager.requestProvisioning(request("agent:1").build());
        for (int i = 0; i < 600; i++) {
            manager.changeOwner(ID, "owner-" + i, ADMIN);
        }

        var trail = manager.auditTrail(ID);

        assertThat(trail).hasSize(603);
        assertThat(manager.auditTrail(ID, 0, 603)).isEqualTo(trail);
        assertThat(manager.auditTrail(ID, 598, 10)).isEqualTo(trail.subList(598, 603));
        assertThat(manager.auditTrail(ID, 603, 10)).isEmpty();
        assertThatThrownBy(() -> trail.clear()).isInstanceOf(UnsupportedOperationException.class);
        assertThat(manager.ownershipHistory(ID)).hasSize(601);
    }

    // ---- owners over time

    @Test
    void who_answered_for_an_agent_at_which_time_can_be_told() {
        Instant asked = shop.clock.instant();
        active(manager, "agent:1");
        Instant changed = shop.clock.advance(Duration.ofHours(1));
        manager.changeOwner(ID, "team:platform", ADMIN);
        manager.changeOwner(ID, "team:platform", ADMIN);
        shop.clock.advance(Duration.ofHours(1));
        manager.markOrphaned(ID, ADMIN);
        Instant reclaimed = shop.clock.advance(Duration.ofHours(1));
        manager.reclaim(ID, "bob@company.com", ADMIN);
        manager.decommission(ID, "enough", ADMIN);

        assertThat(manager.ownershipHistory(ID))
                .containsExactly(
                        new OwnershipPeriod(Owner.of(ALICE), asked, Optional.of(changed), Actor.SYSTEM),
                        new OwnershipPeriod(Owner.of("team:platform"), changed, Optional.of(reclaimed), ADMIN),
                        new OwnershipPeriod(Owner.of("bob@company.com"), reclaimed, Optional.empty(), ADMIN));
    }

    @Test
    void an_agent_that_had_no_owner_has_one_from_the_first_change_on() {
        var ownerless = new AgentImport(
                ProvisioningRequest.builder("x").id(ID).build(), AgentState.PROVISIONED, shop.clock.instant());
        manager.importAgents(List.of(ownerless), "elsewhere", ADMIN);
        assertThat(manager.ownershipHistory(ID)).isEmpty();
        Instant changed = shop.clock.advance(Duration.ofHours(1));

        manager.changeOwner(ID, ALICE, ADMIN);

        assertThat(manager.ownershipHistory(ID))
                .containsExactly(new OwnershipPeriod(Owner.of(ALICE), changed, Optional.empty(), ADMIN));
    }

    // ---- figures

    @Test
    void the_summary_counts_one_tenants_agents_by_state_and_owner() {
        active(acme, "agent:1");
        active(acme, "agent:2");
        acme.changeOwner(AgentId.of("agent:2"), "team:platform", ADMIN);
        acme.decommission(AgentId.of("agent:2"), "enough", ADMIN);
        acme.importAgents(
                List.of(new AgentImport(
                        ProvisioningRequest.builder("x")
                                .id(AgentId.of("agent:3"))
                                .build(),
                        AgentState.ORPHANED,
                        shop.clock.instant())),
                "elsewhere",
                ADMIN);
        active(zeta, "agent:1");

        assertThat(acme.summary().total()).isEqualTo(3);
        assertThat(acme.summary().byState())
                .isEqualTo(Map.of(AgentState.ACTIVE, 1L, AgentState.DECOMMISSIONED, 1L, AgentState.ORPHANED, 1L));
        assertThat(acme.summary().byOwner()).isEqualTo(Map.of(ALICE, 1L, "team:platform", 1L));
        assertThat(manager.summary().total()).isZero();
        LifecycleManager restarted = shop.open(Workshop.OPEN_DOOR);
        assertThat(restarted.forTenant(ACME).summary()).isEqualTo(acme.summary());
    }
}
