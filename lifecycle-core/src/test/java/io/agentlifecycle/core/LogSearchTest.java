package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.active;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.IdentityAssurance;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.ApprovalRef;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.LogPage;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.error.AccessDeniedException;
import io.agentlifecycle.core.hold.HoldReason;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Finding events in the whole log: what one actor decided, and whatever else is asked for. */
class LogSearchTest {
    private static final AgentId SECOND = AgentId.of("agent:2");

    @RegisterExtension
    final Workshop shop = new Workshop();

    private final FaultStore store = new FaultStore(shop.store);
    private final LifecycleManager manager =
            shop.open(builder -> builder.store(store).policy(Workshop.OPEN_DOOR));
    private final LifecycleManager acme = manager.forTenant(TenantId.of("acme"));

    /** Every page from the beginning to where the cursor stays. */
    private static List<LogPage> pages(LongFunction<LogPage> search) {
        List<LogPage> pages = new ArrayList<>();
        long cursor = 0;
        LogPage page = search.apply(cursor);
        while (page.cursor() != cursor) {
            pages.add(page);
            cursor = page.cursor();
            page = search.apply(cursor);
        }
        assertThat(page.events()).as("after the end").isEmpty();
        return pages;
    }

    private static List<SealedEvent> events(List<LogPage> pages) {
        return pages.stream().flatMap(page -> page.events().stream()).toList();
    }

    private static List<String> told(List<SealedEvent> events) {
        return events.stream()
                .map(s -> s.event().position().stream() + " " + s.event().kind().wire())
                .toList();
    }

    /** Three actors of almost one name, two agents, two tenants. */
    private void work() {
        active(manager, "agent:1");
        active(manager, "agent:2");
        active(acme, "agent:1");
        manager.suspend(ID, "late", ADMIN);
        manager.suspend(SECOND, "late", Actor.service(ADMIN.id()));
        acme.placeHold(ID, HoldReason.of("billing"), "", ADMIN.assured(IdentityAssurance.STRONG));
        manager.resume(ID, ADMIN);
        manager.revokeCredentials(ID, "leaked", Actor.human("Admin@company.com"));
        manager.decommission(SECOND, "enough", ADMIN);
    }

    @Test
    void all_that_one_actor_did_is_found_in_order_whatever_agent_tenant_and_assurance() {
        work();

        assertThat(told(manager.decisionsBy(ADMIN, 0, 100).events()))
                .containsExactly(
                        "a/default/agent:1 agent.suspended",
                        "a/acme/agent:1 agent.suspended",
                        "a/default/agent:1 agent.resumed",
                        "a/default/agent:1 credential.issued",
                        "a/default/agent:2 agent.decommission_started",
                        "a/default/agent:2 credential.revoked");
        assertThat(told(manager.decisionsBy(Actor.service(ADMIN.id()), 0, 100).events()))
                .containsExactly("a/default/agent:2 agent.suspended");
        assertThat(manager.decisionsBy(Actor.human("nobody"), 0, 100).events()).isEmpty();
    }

    @Test
    void pages_of_any_size_give_each_event_once_and_split_no_commit() {
        work();
        List<SealedEvent> all = manager.decisionsBy(ADMIN, 0, 100).events();

        for (int limit = 1; limit <= 7; limit++) {
            int size = limit;
            List<LogPage> pages = pages(cursor -> manager.decisionsBy(ADMIN, cursor, size));

            assertThat(events(pages)).as("limit %d", limit).isEqualTo(all);
            assertThat(pages)
                    .as("limit %d", limit)
                    .allSatisfy(page -> assertThat(page.events().size()).isLessThanOrEqualTo(size + 1));
        }
        assertThat(pages(cursor -> manager.decisionsBy(ADMIN, cursor, 1)))
                .extracting(page -> page.events().size())
                .as("suspended, suspended, resumed with a credential, decommissioned with its credential, the rest")
                .containsExactly(1, 1, 2, 2);
    }

    @Test
    void a_call_reads_its_share_of_a_long_log_and_the_next_one_goes_on() {
        for (int batch = 0; batch < 24; batch++) {
            List<AgentImport> agents = new ArrayList<>();
            for (int i = 0; i < 500; i++) {
                agents.add(shop.imported("a%05d".formatted(batch * 500 + i), AgentState.PROVISIONED));
            }
            manager.importAgents(agents, "elsewhere", Actor.service("importer"));
        }
        manager.suspend(manager.activate(AgentId.of("a00007")).agent().id(), "late", ADMIN);
        store.taken();

        LogPage first = manager.decisionsBy(ADMIN, 0, 10);

        assertThat(first.events()).isEmpty();
        assertThat(first.cursor()).isPositive();
        assertThat(store.taken()).containsOnlyKeys(FaultStore.Call.EVENTS).containsEntry(FaultStore.Call.EVENTS, 10L);
        List<LogPage> pages = pages(cursor -> manager.decisionsBy(ADMIN, cursor, 10));
        assertThat(pages).extracting(page -> page.events().size()).containsExactly(0, 0, 1);
        assertThat(told(events(pages))).containsExactly("a/default/a00007 agent.suspended");
    }

    @Test
    void many_matches_in_one_commit_come_together_and_cost_one_more_read() {
        List<AgentImport> agents = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            agents.add(shop.imported("a%05d".formatted(i), AgentState.PROVISIONED));
        }
        manager.importAgents(agents, "elsewhere", ADMIN);
        manager.suspend(manager.activate(AgentId.of("a00007")).agent().id(), "late", ADMIN);
        store.taken();

        LogPage page = manager.decisionsBy(ADMIN, 0, 3);

        assertThat(page.events()).hasSize(20);
        assertThat(store.taken()).containsEntry(FaultStore.Call.EVENTS, 2L);
        assertThat(told(manager.decisionsBy(ADMIN, page.cursor(), 3).events()))
                .containsExactly("a/default/a00007 agent.suspended");
    }

    @Test
    void a_search_finds_actors_by_any_spelling_and_in_other_parts_than_the_actors() {
        work();
        LifecycleManager strict = shop.open(builder -> builder.store(store).policy(LifecyclePolicy.defaults()));
        strict.requestProvisioning(Workshop.request("agent:3").build());
        strict.approve(AgentId.of("agent:3"), ADMIN);

        assertThat(told(events(pages(cursor -> manager.search(
                        event -> event.actor().isNamed("ADMIN@company.com")
                                && event.kind() == EventKind.CREDENTIAL_REVOKED,
                        cursor,
                        2)))))
                .containsExactly("a/default/agent:1 credential.revoked", "a/default/agent:2 credential.revoked");
        assertThat(told(events(pages(cursor -> manager.search(
                        event -> event.content()
                                .approval()
                                .map(ApprovalRef::by)
                                .filter(ADMIN.id()::equals)
                                .isPresent(),
                        cursor,
                        2)))))
                .containsExactly("a/default/agent:3 agent.approved");
    }

    @Test
    void a_view_of_one_tenant_is_not_given_the_log_of_all() {
        work();

        assertThatThrownBy(() -> acme.decisionsBy(ADMIN, 0, 10)).isInstanceOf(AccessDeniedException.class);
        assertThatThrownBy(() -> acme.search(event -> true, 0, 10)).isInstanceOf(AccessDeniedException.class);
        assertThatThrownBy(() -> manager.decisionsBy(ADMIN, 0, 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("limit must be at least 1 but was 0");
    }
}
